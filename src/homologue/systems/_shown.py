"""From stimuli and options to a reading: which feed, which tokens, on which device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from homologue._errors import HomologueError
from homologue.stimuli import Stimuli
from homologue.systems._feeds import ArrayFeed, Feed, TextFeed
from homologue.systems._placement import placement
from homologue.systems._reading import Reading
from homologue.systems._reading import prepare as settle
from homologue.systems._sites import Site, resolve
from homologue.systems._tokens import Positions, Tokens, choose, tokenise


def as_stimuli(given: Any) -> Stimuli:
    """Return a stimulus set; bare sequences become one, each item a group of its own."""
    if isinstance(given, Stimuli):
        return given
    if isinstance(given, str):
        raise HomologueError(
            f"stimuli are a sequence of items; given one string {given[:40]!r}. Pass [text]"
        )
    if isinstance(given, (list, tuple, np.ndarray, torch.Tensor)):
        return Stimuli(list(given))
    raise HomologueError(
        "stimuli are a homologue.stimuli.Stimuli, texts, token indices, pictures or arrays; "
        f"given {type(given).__name__}"
    )


def open_reading(
    model: torch.nn.Module,
    stimuli: Stimuli,
    *,
    sites: str | Sequence[str],
    positions: Positions,
    include_special: bool,
    space: str,
    channels_last: bool | None,
    max_tokens: int | None,
    tokenizer: Any,
    prepare: Callable[[Any], Any] | None,
    derived: dict[str, Site],
    announce: Callable[[str, str], None],
    longest: int | None,
) -> tuple[Stimuli, Reading]:
    """Resolve sites, prepare the stimuli, and run the smallest one once."""
    found = resolve(model, sites, derived=derived, announce=announce)
    feed: Feed
    if stimuli.modality in ("text", "tokens"):
        if prepare is not None:
            raise HomologueError(
                f"the stimuli {stimuli.name!r} are {stimuli.modality}, and the model reads "
                "pictures or arrays (it was given `prepare`)"
            )
        tokens = tokenise(stimuli, tokenizer, longest=longest, cut=max_tokens)
        feed = _text_feed(
            model,
            found,
            tokens,
            positions=positions,
            include_special=include_special,
            pad=_padding_token(tokenizer, model),
            name=stimuli.name,
        )
    else:
        _check_pictures(stimuli, prepare, tokenizer)
        device, dtype = placement(model)
        feed = ArrayFeed(
            stimuli.items,
            prepare=prepare,
            space=space,
            positions=_places(positions),
            channels_last=channels_last,
            one_dimensional=any(isinstance(m, torch.nn.Conv1d) for m in model.modules()),
            device=device,
            dtype=dtype,
        )
    return stimuli, settle(model, found, feed)


def _text_feed(
    model: torch.nn.Module,
    sites: list[Site],
    tokens: Tokens,
    *,
    positions: Positions,
    include_special: bool,
    pad: int,
    name: str,
) -> TextFeed:
    # A pooled embedding reads every token of a text, and gives one sample.
    pooled = sites[0].level == "pooled"
    kept = choose(
        tokens,
        "last" if pooled else positions,
        include_special=include_special or pooled,
        name=name,
    )
    pairs = None
    if sites[0].level == "pattern":
        causal = bool(getattr(model.get_submodule(sites[0].module), "is_causal", False))
        pairs = [
            _pairs(queries, special, include_special=include_special, causal=causal)
            for queries, special in zip(kept, tokens.special, strict=True)
        ]
    return TextFeed(
        tokens,
        kept,
        pairs=pairs,
        include_special=include_special,
        model=model,
        device=placement(model)[0],
        pad=pad,
    )


def _pairs(
    queries: np.ndarray, special: np.ndarray, *, include_special: bool, causal: bool
) -> np.ndarray:
    """Return (query, key) of every attention weight that can be other than zero."""
    keys = np.arange(special.size) if include_special else np.flatnonzero(~special)
    query, key = (axis.ravel() for axis in np.meshgrid(queries, keys, indexing="ij"))
    allowed = key <= query if causal else np.ones(key.size, dtype=bool)
    return np.stack([query[allowed], key[allowed]], axis=1)


def _check_pictures(stimuli: Stimuli, prepare: Callable[[Any], Any] | None, tokenizer: Any) -> None:
    if prepare is not None:
        return
    if tokenizer is not None:
        raise HomologueError(
            f"the model reads texts (it has a tokenizer); the stimuli {stimuli.name!r} are of "
            f"kind {stimuli.modality!r}. Try stimuli.concepts() or stimuli.text.topics()"
        )
    if stimuli.modality == "image":
        raise HomologueError(
            f"the stimuli {stimuli.name!r} are pictures (uint8) and the model does not say how "
            "it reads them; pass TorchModel(model, prepare=…), a function from a picture "
            "(height × width × 3) to a tensor (3 × height × width)"
        )


def _places(positions: Positions) -> list[int] | None:
    if isinstance(positions, str):
        if positions == "all":
            return None
        if positions == "last":
            return [-1]
        raise HomologueError(
            f"positions is 'all', 'last', an index, indices or a function; given {positions!r}"
        )
    if callable(positions):
        raise HomologueError("a function of tokens chooses positions in texts only")
    return [int(place) for place in np.atleast_1d(np.asarray(positions))]


def _padding_token(tokenizer: Any, model: torch.nn.Module) -> int:
    for source in (tokenizer, getattr(model, "config", None)):
        for key in ("pad_token_id", "eos_token_id"):
            value = getattr(source, key, None)
            if isinstance(value, int) and value >= 0:
                return value
    return 0


def context_length(model: torch.nn.Module) -> int | None:
    """Return how many tokens a model can read, where its config says so."""
    config: Any = getattr(model, "config", None)
    text = getattr(config, "get_text_config", None)
    config = text() if callable(text) else config
    for key in ("max_position_embeddings", "n_positions"):
        value = getattr(config, key, None)
        if isinstance(value, int) and value > 0:
            return value
    return None
