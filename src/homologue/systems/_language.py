"""Language models by name: one that a package index holds, any other from a folder or the hub."""

from __future__ import annotations

import difflib
import shutil
import uuid
from pathlib import Path
from typing import Any

from homologue._errors import UnknownName
from homologue.systems import _assets, _hub
from homologue.systems._torch import TorchModel

SMOLLM2 = "smollm2-135m"

_SMOLLM2_INITIAL_SCALE = 1 / 24
"""Standard deviation of SmolLM2's initial weights; its GGUF file leaves it out."""


def language(
    name: str = SMOLLM2,
    *,
    device: str | None = None,
    dtype: str = "float32",
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> TorchModel:
    """Return a language model by name.

    Parameters
    ----------
    name : str
        ``"smollm2-135m"`` (30 layers, 576 dimensions, 1 536 MLP neurons and 9 heads each; from
        a package index, no hub needed); else a folder, or an id on the Hugging Face hub.
    device : str, optional
        ``"cuda"`` where there is one, else ``"cpu"``.
    dtype : str
        Precision of the weights; bfloat16 is 5–7 times slower on a CPU.
    revision : str, optional
        On the hub: branch, tag or commit.
    trust_remote_code : bool
        Run the code that the repository brings along.

    Returns
    -------
    TorchModel
        With its tokenizer; an untrained twin is built from its config.

    Raises
    ------
    AssetUnavailable
        It is not to be had here; the message holds the way to get it.
    PickleRefused
        Its weights are only there as a pickle.
    UnknownName
        A name that is nearly the first.
    HomologueError
        It needs code of its own, or cannot be loaded.

    Notes
    -----
    SmolLM2-135M is read from 4-bit weights (Q4_1), dequantised once to float32 and kept in the
    cache (538 MB): its activity is that of the quantised model. An untrained twin is drawn
    with the standard deviation it was trained from, 1/24, as its published config has it.

    References
    ----------
    .. [1] Ben Allal et al. 2025, arXiv:2502.02737.
    """
    if name == SMOLLM2:
        return _smollm2(device, dtype)
    if difflib.get_close_matches(name, [SMOLLM2], cutoff=0.8) and not Path(name).exists():
        raise UnknownName(
            f"no language model is named {name!r}; did you mean {SMOLLM2!r}? Any other is given "
            "as a folder, or as an id on the Hugging Face hub"
        )
    model, tokenizer = _hub.load(
        name, revision=revision, trust_remote_code=trust_remote_code, dtype=dtype
    )
    return TorchModel(
        model,
        tokenizer,
        name=name,
        device=default_device(device),
        source=f"{name} {revision or ''}".strip(),
    )


def default_device(device: str | None) -> str:
    """Return the device asked for, else a GPU if there is one."""
    import torch

    return device or ("cuda" if torch.cuda.is_available() else "cpu")


def smollm2(**options: Any) -> TorchModel:
    """Return SmolLM2-135M; the registry's entry (see :func:`language`)."""
    return language(SMOLLM2, **options)


def _smollm2(device: str | None, dtype: str) -> TorchModel:
    asset = _assets.get(SMOLLM2)
    folder = _converted(asset)
    try:
        model, tokenizer = _hub.load(str(folder), dtype=dtype)
    except Exception:
        # A damaged conversion is made anew, once; what it is made from has a checksum.
        shutil.rmtree(folder, ignore_errors=True)
        model, tokenizer = _hub.load(str(_converted(asset)), dtype=dtype)
    return TorchModel(
        model,
        tokenizer,
        name=SMOLLM2,
        device=default_device(device),
        licence=asset.licence,
        citation=asset.citation,
        source=asset.source,
    )


def _converted(asset: _assets.Asset) -> Path:
    """Return the folder of dequantised weights, made once: whole, or not there."""
    file = asset.files[0]
    folder = _assets.cache_folder() / "converted" / f"{asset.name}-{file.sha256[:12]}-1"
    if folder.is_dir():
        return folder
    source = _assets.fetch(asset.name)
    part = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.part")
    part.mkdir(parents=True)
    try:
        _dequantise(source, part)
        try:
            part.rename(folder)
        except OSError:
            # Another process was faster, and its folder is as good as ours.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _dequantise(source: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.quantization_config import GgufConfig

    with _hub.quiet():
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
        model = AutoModelForCausalLM.from_pretrained(
            source.parent,
            gguf_file=source.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
        )
        model.config.initializer_range = _SMOLLM2_INITIAL_SCALE
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
