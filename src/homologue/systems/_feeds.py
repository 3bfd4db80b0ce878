"""Stimuli as inputs of a model, and values as rows: one class for texts, one for arrays."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from homologue._errors import HomologueError
from homologue.systems._sites import Site
from homologue.systems._tokens import Tokens

SPACES = ("mean", "units", "samples")
"""What becomes of places (pixels, patches): averaged, units of their own, or samples."""

PROBE = (2, 3)
"""Texts and tokens of the small pass."""

_VALUES = 1024
"""Values of an array that stand for a token where batches are bounded: six pictures of 224 × 224
make a batch on a CPU. Larger ones leave the caches, and a batch of 32 takes twice as long."""


@dataclass(frozen=True)
class Layout:
    """What one site gives for one stimulus.

    Attributes
    ----------
    width : int
        Units.
    rows : {"kept", "stimulus", "places"}
        One row per kept token (or pair), per stimulus, or per place.
    places : tuple of int
        Shape of the places, where they are units or samples.
    channels_last : bool
        Places stand before the units.
    """

    width: int
    rows: str
    places: tuple[int, ...] = ()
    channels_last: bool = False


@runtime_checkable
class Feed(Protocol):
    """What the recorder asks of stimuli."""

    count: int
    lengths: np.ndarray
    padding: bool

    def inputs(self, index: np.ndarray) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the model's inputs for some stimuli."""
        ...

    def probe(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return inputs for one small pass whose shapes cannot be mistaken."""
        ...

    def layout(self, site: Site, value: torch.Tensor) -> Layout:
        """Say what a tensor of the small pass holds."""
        ...

    def take(
        self, site: Site, layout: Layout, value: torch.Tensor, index: np.ndarray
    ) -> torch.Tensor:
        """Return rows × units of some stimuli, in their order."""
        ...

    def rows(self, layouts: Sequence[Layout]) -> np.ndarray:
        """Return how many samples each stimulus gives."""
        ...

    def identity(self) -> Iterator[bytes]:
        """Yield what is shown, and what of its activity is kept."""
        ...


class TextFeed:
    """Token indices, padded on the right and masked.

    Parameters
    ----------
    tokens : Tokens
        All texts.
    kept : list of ndarray
        Per text, the indices of the tokens that are kept.
    pairs : list of ndarray or None
        For attention weights: per text, shape (pair, 2), query and key.
    include_special : bool
        Whether tokens that are no part of the text count as recordable.
    model : torch.nn.Module
        Asked which inputs it takes.
    device : torch.device
        Where inputs go.
    pad : int
        Index of the padding token.
    """

    def __init__(
        self,
        tokens: Tokens,
        kept: list[np.ndarray],
        *,
        model: torch.nn.Module,
        device: torch.device,
        pad: int,
        pairs: list[np.ndarray] | None = None,
        include_special: bool = False,
    ) -> None:
        self.tokens, self.kept, self.pairs = tokens, kept, pairs
        self.include_special = include_special
        self.count = len(kept)
        self.lengths = np.array([one.size for one in tokens.ids])
        self._device, self._pad = device, pad
        accepts = _parameters(model)
        self._by_name = "input_ids" in accepts
        self._extra = {"use_cache": False} if "use_cache" in accepts else {}
        # Without a mask padding would be read as text: such a model gets texts of one length.
        self.padding = "attention_mask" in accepts
        self._where: tuple[bytes, tuple[torch.Tensor, ...]] = (b"", ())

    def inputs(self, index: np.ndarray) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return padded ids, with a mask where there is padding."""
        return self._padded([self.tokens.ids[i] for i in index])

    def _padded(self, rows: list[np.ndarray]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        longest = max(row.size for row in rows)
        ids = np.full((len(rows), longest), self._pad, dtype=np.int64)
        for number, row in enumerate(rows):
            ids[number, : row.size] = row
        given = torch.from_numpy(ids).to(self._device)
        extra: dict[str, Any] = dict(self._extra)
        lengths = np.array([row.size for row in rows])
        if (lengths < longest).any():
            mask = (np.arange(longest) < lengths[:, None]).astype(np.int64)
            extra["attention_mask"] = torch.from_numpy(mask).to(self._device)
        return ((), {"input_ids": given, **extra}) if self._by_name else ((given,), extra)

    def probe(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return two texts of three tokens: texts, tokens and their product differ."""
        size, length = PROBE
        return self._padded([np.resize(self.tokens.ids[0], length)] * size)

    def layout(self, site: Site, value: torch.Tensor) -> Layout:
        """Tell tokens × units from one row per text."""
        size, length = PROBE
        if site.level == "pattern":
            if value.ndim != 4 or value.shape[2:] != (length, length):
                raise _odd(site, value, f"attention weights ({size}, head, {length}, {length})")
            return Layout(value.shape[1], "kept")
        if site.level == "pooled":
            return Layout(value.shape[-1], "stimulus")
        if value.ndim >= 3 and tuple(value.shape[:2]) == (size, length):
            width = int(np.prod(value.shape[2:]))
        elif value.ndim == 2 and value.shape[0] == size * length:
            width = value.shape[1]
        elif value.ndim == 2 and value.shape[0] == size:
            return Layout(_part_width(site, value.shape[1]), "stimulus")
        else:
            raise _odd(site, value, f"({size} texts, {length} tokens, units)")
        return Layout(_part_width(site, width), "kept")

    def take(
        self, site: Site, layout: Layout, value: torch.Tensor, index: np.ndarray
    ) -> torch.Tensor:
        """Return the kept tokens' rows."""
        size, length = len(index), int(self.lengths[index].max())
        if site.level == "pattern":
            texts, queries, keys = self._places(index, value.device)
            return value.permute(0, 2, 3, 1)[texts, queries, keys]
        if site.level == "pooled":
            return _pooled(value, self.lengths[index])
        if layout.rows == "stimulus":
            return _part(site, value)
        if value.shape[0] != size:
            value = value.reshape(size, length, -1)
        if tuple(value.shape[:2]) != (size, length):
            raise _odd(site, value, f"({size} texts, {length} tokens, units)")
        if all(self.kept[i].size == length for i in index):
            chosen = value.reshape(size * length, -1)
        else:
            texts, places, _ = self._places(index, value.device)
            chosen = value[texts, places].reshape(texts.shape[0], -1)
        return _part(site, chosen)

    def _places(self, index: np.ndarray, device: torch.device) -> tuple[torch.Tensor, ...]:
        """Return text, token (query) and key of every row; the same for all sites of a pass."""
        key = index.tobytes() + str(device).encode()
        if self._where[0] != key:
            source = self.kept if self.pairs is None else self.pairs
            texts = np.repeat(np.arange(len(index)), [len(source[i]) for i in index])
            rows = np.concatenate([source[i] for i in index])
            queries, keys = (rows, rows) if rows.ndim == 1 else (rows[:, 0], rows[:, 1])
            found = tuple(torch.from_numpy(np.ascontiguousarray(a)) for a in (texts, queries, keys))
            self._where = (key, tuple(one.to(device) for one in found))
        return self._where[1]

    def rows(self, layouts: Sequence[Layout]) -> np.ndarray:
        """Return kept tokens (or pairs) per text, or one where every site pools."""
        source = self.kept if self.pairs is None else self.pairs
        counts = np.array([len(one) for one in source])
        pooled = [layout.rows == "stimulus" for layout in layouts]
        if all(pooled):
            return np.ones(self.count, dtype=np.int64)
        if any(pooled) and (counts != 1).any():
            raise HomologueError(
                "some of the sites give one row a text and others one a token; record them "
                "separately, or keep one token a text (positions='last')"
            )
        return counts

    def identity(self) -> Iterator[bytes]:
        """Yield tokens, and which are kept."""
        for rows in (*self.tokens.ids, *(self.kept if self.pairs is None else self.pairs)):
            yield np.ascontiguousarray(rows).tobytes()


class ArrayFeed:
    """Arrays or pictures, stacked; activity with places is averaged, spread, or kept.

    Parameters
    ----------
    items : sequence of ndarray
        One per stimulus.
    prepare : callable or None
        Item → what the model reads; numbers are converted to the model's precision.
    space : {"mean", "units", "samples"}
        What becomes of places.
    positions : sequence of int or None
        For activity of shape (stimulus, place, unit): which places.
    channels_last : bool or None
        Units are the last axis of activity rather than the second. None: last in rows of
        places, second in maps of them; an error where that may be wrong.
    one_dimensional : bool
        The network convolves along one dimension, and so has rows with units second.
    device, dtype
        Where and in which precision inputs go.
    """

    padding = True

    def __init__(
        self,
        items: Sequence[Any],
        *,
        prepare: Callable[[Any], Any] | None,
        space: str,
        positions: Sequence[int] | None,
        channels_last: bool | None,
        one_dimensional: bool,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        if space not in SPACES:
            raise HomologueError(f"space is one of {', '.join(SPACES)}; given {space!r}")
        self._items, self._prepare = items, prepare
        self.space, self.positions = space, positions
        self._channels_last, self._one_dimensional = channels_last, one_dimensional
        self.count = len(items)
        self._device, self._dtype = device, dtype
        # A batch is bounded by its values as one of texts is by its tokens.
        first = self.inputs(np.zeros(1, dtype=np.int64))[0][0] if self.count else torch.empty(0)
        self.lengths = np.full(self.count, max(1, first.numel() // _VALUES), dtype=np.int64)

    def inputs(self, index: np.ndarray) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return one stacked tensor."""
        made = []
        for i in index:
            item = self._items[i] if self._prepare is None else self._prepare(self._items[i])
            made.append(
                item if isinstance(item, torch.Tensor) else torch.from_numpy(np.array(item))
            )
        shapes = {tuple(one.shape) for one in made}
        if len(shapes) > 1:
            raise HomologueError(
                f"stimuli of different shapes cannot stand in one batch: {sorted(shapes)[:3]}; "
                "bring them to one size (stimuli.images.resize), or pass batch_size=1"
            )
        stacked = torch.stack(made)
        if stacked.dtype.is_floating_point:
            stacked = stacked.to(self._dtype)
        return (stacked.to(self._device),), {}

    def probe(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the first stimulus, as often as a probe has texts."""
        return self.inputs(np.zeros(PROBE[0], dtype=np.int64))

    def layout(self, site: Site, value: torch.Tensor) -> Layout:
        """Tell units from places."""
        size = PROBE[0]
        if value.ndim == 0 or value.shape[0] != size:
            raise _odd(site, value, f"({size} stimuli, …)")
        shape = tuple(int(n) for n in value.shape[1:])
        if len(shape) <= 1:
            return Layout(shape[0] if shape else 1, "stimulus")
        last = len(shape) == 2 if self._channels_last is None else self._channels_last
        if len(shape) == 2 and self._channels_last is None and self._one_dimensional:
            raise HomologueError(
                f"{site.name!r} gives (stimulus, {shape[0]}, {shape[1]}), and the network holds "
                "one-dimensional convolutions: say which axis the units are, channels_last=False "
                f"({shape[0]} units) or channels_last=True ({shape[1]} units)"
            )
        width = shape[-1] if last else shape[0]
        places = shape[:-1] if last else shape[1:]
        if self.positions is not None:
            if len(shape) != 2:
                raise HomologueError(
                    f"{site.name!r} has places {places}; `positions` chooses among places in a "
                    "row. Use space='samples' or 'units'"
                )
            places = (len(self.positions),)
        width = _part_width(site, width)
        if self.space == "mean" and self.positions is None:
            return Layout(width, "stimulus", (), last)
        if self.space == "units":
            return Layout(width * int(np.prod(places)), "stimulus", places, last)
        return Layout(width, "places", places, last)

    def take(
        self, site: Site, layout: Layout, value: torch.Tensor, index: np.ndarray
    ) -> torch.Tensor:
        """Return rows × units."""
        if value.shape[0] != len(index):
            raise _odd(site, value, f"({len(index)} stimuli, …)")
        if value.ndim <= 2:
            return value.reshape(len(index), -1)
        if not layout.channels_last:
            value = value.movedim(1, -1)
        value = value.reshape(len(index), -1, value.shape[-1])
        if self.positions is not None:
            value = value[:, list(self.positions)]
        value = _part(site, value)
        if layout.rows == "places":
            return value.reshape(-1, value.shape[-1])
        if layout.places:
            return value.transpose(1, 2).reshape(len(index), -1)
        # Half precision would lose digits in a sum over thousands of places.
        return value.mean(dim=1, dtype=torch.promote_types(value.dtype, torch.float32))

    def rows(self, layouts: Sequence[Layout]) -> np.ndarray:
        """Return places per stimulus, or one."""
        places = {layout.places if layout.rows == "places" else () for layout in layouts}
        if len(places) > 1:
            raise HomologueError(
                f"the sites have different places ({', '.join(map(str, sorted(places)))}), which "
                "cannot be the samples of one recording; use space='mean' or 'units', or record "
                "them separately"
            )
        return np.full(self.count, int(np.prod(places.pop())), dtype=np.int64)

    def identity(self) -> Iterator[bytes]:
        """Yield items as they were given, and what becomes of places."""
        yield repr((self.space, self.positions, self._channels_last)).encode()
        for item in self._items:
            yield np.ascontiguousarray(item).tobytes()


def _parameters(model: torch.nn.Module) -> set[str]:
    inner = getattr(model, "_orig_mod", model)
    return set(inspect.signature(inner.forward).parameters)


def _part_width(site: Site, width: int) -> int:
    return width if site.part is None else width // site.part[1]


def _part(site: Site, value: torch.Tensor) -> torch.Tensor:
    """Return one of fused queries, keys and values."""
    if site.part is None:
        return value
    which, count = site.part
    if not site.interleaved:
        return value.chunk(count, dim=-1)[which]
    split = value.unflatten(-1, (-1, count, int(site.head_size or 1)))
    return split[..., which, :].flatten(-2)


def _pooled(value: torch.Tensor, lengths: np.ndarray) -> torch.Tensor:
    """Return the mean over each text's tokens, at unit length."""
    count = torch.from_numpy(lengths).to(value.device)
    inside = torch.arange(value.shape[1], device=value.device) < count[:, None]
    summed = (value * inside[:, :, None]).sum(dim=1, dtype=torch.float32)
    return torch.nn.functional.normalize(summed / count[:, None], dim=1)


def _odd(site: Site, value: torch.Tensor, expected: str) -> HomologueError:
    return HomologueError(
        f"{site.name!r} gives a tensor of shape {tuple(value.shape)}, expected {expected}; "
        "record a module around it whose output has that shape"
    )
