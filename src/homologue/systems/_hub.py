"""Transformers models by folder or by name, without surprises.

No pickled weights, no code from a repository unless asked for, no waiting for a network that
is not there, and an error that says what to do.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from homologue._errors import AssetUnavailable, HomologueError

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


class PickleRefused(HomologueError):
    """A checkpoint is stored as a pickle, which can run any code when it is read."""


def load(
    name: str,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    dtype: str = "float32",
    head: bool = True,
) -> tuple[Any, Any]:
    """Return a ``transformers`` model in evaluation mode, and its tokenizer.

    Parameters
    ----------
    name : str
        A folder, or an id on the Hugging Face hub.
    revision : str, optional
        Branch, tag or commit on the hub; name a commit to make a result repeatable.
    trust_remote_code : bool
        Run the model code that the repository brings along.
    dtype : str
        Precision of the weights.
    head : bool
        With the head the checkpoint was trained with; otherwise the bare encoder.

    Raises
    ------
    PickleRefused
        The weights are only there as a pickle.
    AssetUnavailable
        Neither on disk nor reachable.
    HomologueError
        The model needs code of its own and ``trust_remote_code`` is off, or cannot be loaded.
    """
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    folder = Path(name).expanduser()
    if folder.is_dir():
        _check_weights(folder)
        name = str(folder)
    elif not _reachable():
        options["local_files_only"] = True
    with quiet():
        try:
            from transformers import AutoConfig, AutoTokenizer

            config = AutoConfig.from_pretrained(name, **options)
            model_class = _class_for(config, head=head)
            model, loaded = model_class.from_pretrained(
                name,
                config=config,
                dtype=dtype,
                use_safetensors=True,
                output_loading_info=True,
                **options,
            )
            tokenizer = AutoTokenizer.from_pretrained(name, **options)
        except Exception as error:
            raise _explained(
                name, error, offline="local_files_only" in options, trusted=trust_remote_code
            ) from error
    _check_complete(name, model, loaded)
    return model.eval(), tokenizer


def _check_complete(name: str, model: Any, loaded: Mapping[str, Any]) -> None:
    """Refuse weights that the checkpoint does not hold: they would be drawn at random."""
    missing = sorted(key for key in loaded["missing_keys"] if not key.startswith("pooler."))
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise HomologueError(
            f"{name} lacks weights of {type(model).__name__}, which config.json asks for: "
            f"{', '.join(missing[:3])}{more}; it is incomplete (fetch it again), or holds a part "
            "of that model only"
        )


def _check_weights(folder: Path) -> None:
    """Refuse a folder without safetensors before anything is read."""
    weights = [path.name for path in folder.iterdir() if path.suffix in (*_PICKLES, ".safetensors")]
    if not weights:
        raise HomologueError(
            f"{folder} holds no weights; a model's folder has config.json, model.safetensors and "
            "the tokenizer's files (model.save_pretrained, tokenizer.save_pretrained)"
        )
    pickled = sorted(name for name in weights if not name.endswith(".safetensors"))
    if pickled and len(pickled) == len(weights):
        raise PickleRefused(_pickle_message(str(folder), pickled[0]))


def _pickle_message(name: str, file: str) -> str:
    return (
        f"{name} holds its weights as a pickle ({file}), which can run any code when it is "
        "opened; only safetensors are loaded. Convert it where you trust it: "
        "model.save_pretrained(folder), then give the folder"
    )


def _class_for(config: Any, *, head: bool) -> Any:
    import transformers

    if not head:
        return transformers.AutoModel
    named = (getattr(config, "architectures", None) or [""])[0]
    if named.endswith(("ForCausalLM", "LMHeadModel")):
        return transformers.AutoModelForCausalLM
    if named.endswith("ForMaskedLM"):
        return transformers.AutoModelForMaskedLM
    return transformers.AutoModel


def _explained(name: str, error: Exception, *, offline: bool, trusted: bool) -> Exception:
    text = str(error)
    first = text.strip().splitlines()[0][:300] if text.strip() else type(error).__name__
    if "trust_remote_code" in text and not trusted:
        return HomologueError(
            f"{name} brings model code of its own, which is not run unless asked for; read it, "
            "then pass trust_remote_code=True"
        )
    if "ignore_mismatched_sizes" in text:
        return HomologueError(
            f"{name}: some tensors have other shapes than config.json says; weights and config "
            "are of different models"
        )
    if "safetensors" in text and not offline:
        return PickleRefused(_pickle_message(name, first))
    if offline or "connect" in text:
        return AssetUnavailable(
            f"{name} is not on this machine and the hub is out of reach; with network: "
            f"hf download {name} — or give a folder with config.json, model.safetensors and the "
            "tokenizer's files. Without network: homologue.language('smollm2-135m')"
        )
    return HomologueError(f"{name} could not be loaded: {first}")


def _reachable(timeout: float = 3.0) -> bool:
    """Say whether the hub answers; asking it costs 20 s of retries where it does not."""
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return False
    if any(os.environ.get(key) for key in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")):
        return True
    address = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), timeout=timeout).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep progress bars and advice of ``transformers`` off the terminal for a while."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
