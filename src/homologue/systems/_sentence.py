"""Sentence encoders: one vector a text, and everything on the way to it."""

from __future__ import annotations

from typing import Any

from homologue.systems import _assets, _hub
from homologue.systems._language import default_device
from homologue.systems._sites import Site, resolve
from homologue.systems._torch import TorchModel

MINILM = "minilm"
_ASSET = "minilm-l6-v2"


def sentence(
    name: str = MINILM,
    *,
    device: str | None = None,
    dtype: str = "float32",
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> TorchModel:
    """Return a sentence encoder by name.

    Its site ``"embedding"`` is what such an encoder is used for: the mean of the last layer
    over all tokens of the text, special ones included, at unit length; one sample a text.

    Parameters
    ----------
    name : str
        ``"minilm"`` (all-MiniLM-L6-v2: 6 layers, 384 dimensions, from a package index); else a
        folder or a hub id of an encoder that pools by the mean.
    device, dtype, revision, trust_remote_code
        As for :func:`homologue.language`.

    Returns
    -------
    TorchModel
        With its tokenizer.

    Raises
    ------
    AssetUnavailable, PickleRefused, HomologueError
        As :func:`homologue.language`.

    References
    ----------
    .. [1] Reimers & Gurevych 2019, doi:10.18653/v1/D19-1410.
    """
    provenance: dict[str, Any] = {"source": f"{name} {revision or ''}".strip()}
    where = name
    if name == MINILM:
        asset = _assets.get(_ASSET)
        where = str(_assets.fetch_folder(_ASSET))
        provenance = {
            "licence": asset.licence,
            "citation": asset.citation,
            "source": asset.source,
            # Its own pipeline cuts texts here; longer ones are refused rather than cut unseen.
            "max_tokens": 256,
        }
    model, tokenizer = _hub.load(
        where, revision=revision, trust_remote_code=trust_remote_code, dtype=dtype, head=False
    )
    last = resolve(model, "resid_post")[-1]
    return TorchModel(
        model,
        tokenizer,
        name=name,
        device=default_device(device),
        derived=(Site("embedding", last.module, level="pooled"),),
        **provenance,
    )


def minilm(**options: Any) -> TorchModel:
    """Return all-MiniLM-L6-v2; the registry's entry (see :func:`sentence`)."""
    return sentence(MINILM, **options)
