"""Texts as a model reads them, and which of their tokens are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from homologue._errors import HomologueError
from homologue.stimuli import Stimuli

Positions = str | int | Sequence[int] | Callable[[list[str]], int | Iterable[int]]
"""``"all"``, ``"last"``, an index, indices, or a function of the token strings."""


@dataclass(frozen=True)
class Tokens:
    """Token indices per text, and which of them were added around the text.

    Attributes
    ----------
    ids : list of ndarray
        One integer array per stimulus.
    special : list of ndarray
        True for tokens that are no part of the text (begin, end, separator, padding).
    spell : callable
        Token indices → strings.
    """

    ids: list[np.ndarray]
    special: list[np.ndarray]
    spell: Callable[[Iterable[int]], list[str]]


def tokenise(
    stimuli: Stimuli, tokenizer: Any, *, longest: int | None, cut: int | None = None
) -> Tokens:
    """Return the tokens of every text.

    Parameters
    ----------
    stimuli : Stimuli
        Texts, or token indices ready made.
    tokenizer : object
        A ``transformers`` tokenizer, or anything with ``encode`` and ``decode``.
    longest : int or None
        What the model can read.
    cut : int or None
        Keep the first ``cut`` tokens of each text.

    Raises
    ------
    HomologueError
        No tokenizer, an empty text, or one longer than the model reads.
    """
    if stimuli.modality == "tokens":
        ids = [np.asarray(item, dtype=np.int64) for item in stimuli.items]
        masks = [np.zeros(one.size, dtype=bool) for one in ids]
    elif tokenizer is None:
        raise HomologueError(
            f"the stimuli {stimuli.name!r} are text and the model has no tokenizer; pass one, "
            "TorchModel(model, tokenizer), or give token indices (1-D integer arrays)"
        )
    else:
        ids, masks = _encode([str(item) for item in stimuli.items], tokenizer)
    known = np.array(sorted(set(getattr(tokenizer, "all_special_ids", []))), dtype=np.int64)
    special = [mask | np.isin(one, known) for one, mask in zip(ids, masks, strict=True)]
    if cut is not None:
        if cut < 1:
            raise HomologueError(f"max_tokens is at least 1; given {cut}")
        ids, special = [one[:cut] for one in ids], [mask[:cut] for mask in special]
    for number, one in enumerate(ids):
        if not one.size:
            raise HomologueError(
                f"stimulus {number} of {stimuli.name!r} has no tokens; leave empty texts out"
            )
        if longest is not None and one.size > longest:
            raise HomologueError(
                f"stimulus {number} of {stimuli.name!r} has {one.size} tokens, the model reads "
                f"{longest}; pass max_tokens={longest} to cut, or give shorter passages "
                "(stimuli.text.passages)"
            )
    return Tokens(ids, special, _speller(tokenizer))


def _encode(texts: list[str], tokenizer: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    if hasattr(tokenizer, "convert_ids_to_tokens") and callable(tokenizer):
        found = tokenizer(
            texts,
            add_special_tokens=True,
            return_special_tokens_mask=True,
            return_attention_mask=False,
            verbose=False,
        )
        ids = [np.asarray(one, dtype=np.int64) for one in found["input_ids"]]
        return ids, [np.asarray(one, dtype=bool) for one in found["special_tokens_mask"]]
    if not hasattr(tokenizer, "encode"):
        raise HomologueError(
            f"a tokenizer is one of transformers', or has `encode` and `decode`; given "
            f"{type(tokenizer).__name__}"
        )
    encoded = [tokenizer.encode(text) for text in texts]
    # The `tokenizers` library returns objects, plain tokenizers return lists.
    ids = [np.asarray(getattr(one, "ids", one), dtype=np.int64) for one in encoded]
    masks = [
        np.asarray(getattr(one, "special_tokens_mask", np.zeros(row.size)), dtype=bool)
        for one, row in zip(encoded, ids, strict=True)
    ]
    return ids, masks


def _speller(tokenizer: Any) -> Callable[[Iterable[int]], list[str]]:
    """Return a function that spells token indices; each index has a string of its own."""

    def spell(indices: Iterable[int]) -> list[str]:
        numbers = [int(index) for index in indices]
        if tokenizer is None or not hasattr(tokenizer, "decode"):
            return [str(number) for number in numbers]
        raw = (
            tokenizer.convert_ids_to_tokens(numbers)
            if hasattr(tokenizer, "convert_ids_to_tokens")
            else [str(number) for number in numbers]
        )
        plain = [str(tokenizer.decode([number])) for number in numbers]
        counts = Counter(plain)
        return [
            str(own) if counts[text] > 1 or not text or "�" in text else text
            for text, own in zip(plain, raw, strict=True)
        ]

    return spell


def choose(
    tokens: Tokens, positions: Positions, *, include_special: bool, name: str
) -> list[np.ndarray]:
    """Return, per text, the indices of the tokens that are kept.

    Positions count the tokens that can be recorded: without ``include_special``, position 0 is
    the first token of the text itself, whatever the model puts before it.

    Raises
    ------
    HomologueError
        A position outside a text, or a text of special tokens only.
    """
    kept = []
    for number, (ids, special) in enumerate(zip(tokens.ids, tokens.special, strict=True)):
        offered = np.arange(ids.size) if include_special else np.flatnonzero(~special)
        if not offered.size:
            raise HomologueError(
                f"stimulus {number} of {name!r} holds special tokens only; "
                "pass include_special=True to keep them"
            )
        kept.append(offered[_positions(tokens, positions, ids[offered], number, name)])
    if not sum(one.size for one in kept):
        raise HomologueError("`positions` keeps no token of any stimulus")
    return kept


def _positions(
    tokens: Tokens, positions: Positions, ids: np.ndarray, number: int, name: str
) -> np.ndarray:
    count = ids.size
    if isinstance(positions, str):
        if positions == "all":
            return np.arange(count)
        if positions == "last":
            return np.array([count - 1])
        raise HomologueError(
            f"positions is 'all', 'last', an index, indices or a function; given {positions!r}"
        )
    wanted: Any = positions(tokens.spell(ids)) if callable(positions) else positions
    index = np.atleast_1d(np.asarray(wanted if np.ndim(wanted) == 0 else list(wanted)))
    if not index.size:
        return np.empty(0, dtype=np.int64)
    if index.dtype.kind not in "iu" or index.ndim != 1:
        raise HomologueError(f"positions are integers; given {wanted!r} for stimulus {number}")
    if (index < -count).any() or (index >= count).any():
        raise HomologueError(
            f"stimulus {number} of {name!r} has {count} tokens that can be recorded; position "
            f"{int(index[(index < -count) | (index >= count)][0])} is not among them"
        )
    return np.where(index < 0, index + count, index).astype(np.int64)
