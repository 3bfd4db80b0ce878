"""The pass over the stimuli: one iterator of blocks, which every consumer reads.

Stimuli are taken in windows of consecutive ones; within a window they are sorted by length,
run in batches, and put back in order. Windows and batches depend on the stimuli and the sizes
asked for alone, never on where a recording started: a resumed one repeats the same arithmetic.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from homologue._errors import HomologueError
from homologue.systems._buffers import Buffers
from homologue.systems._feeds import Feed, Layout
from homologue.systems._hooks import Tap
from homologue.systems._sites import Site, with_call

_BATCHES_PER_WINDOW = 16


@dataclass(frozen=True)
class Sizes:
    """Bounds of what is held and run at a time; one stimulus at least.

    Attributes
    ----------
    batch_tokens : int
        Tokens per batch, padding included.
    batch_size : int
        Stimuli per batch.
    block_bytes : int
        Activity per block.
    """

    batch_tokens: int = 1024
    batch_size: int = 32
    block_bytes: int = 64 * 2**20

    def __post_init__(self) -> None:
        """Refuse sizes below one."""
        for name, size in vars(self).items():
            if size < 1:
                raise HomologueError(f"{name} is at least 1; given {size}")


@dataclass(frozen=True)
class Block:
    """Consecutive samples.

    Attributes
    ----------
    start, stop : int
        Samples ``start … stop - 1``.
    first, last : int
        Stimuli ``first … last - 1``, which they belong to.
    activity : ndarray, shape (sample, unit), float32
        What was read.
    """

    start: int
    stop: int
    first: int
    last: int
    activity: np.ndarray


@dataclass(frozen=True)
class Reading:
    """Everything settled before the first block: sites, shapes, samples.

    Attributes
    ----------
    tap : Tap
        The hooks, not attached.
    feed : Feed
        The stimuli.
    sites : tuple of Site
        In the order of units.
    layouts : tuple of Layout
        One per site.
    offsets : ndarray
        First sample of each stimulus, and the number of samples at the end.
    columns : ndarray
        First unit of each site, and the number of units at the end.
    interference : Interference or None
        What is done to the activity while the model runs.
    """

    tap: Tap
    feed: Feed
    sites: tuple[Site, ...]
    layouts: tuple[Layout, ...]
    offsets: np.ndarray
    columns: np.ndarray
    interference: Any = None

    @property
    def shape(self) -> tuple[int, int]:
        """Samples and units."""
        return int(self.offsets[-1]), int(self.columns[-1])

    def windows(self, sizes: Sizes) -> list[tuple[int, int]]:
        """Return the windows, as first and last stimulus."""
        rows = max(1, sizes.block_bytes // (4 * self.shape[1]))
        tokens = _BATCHES_PER_WINDOW * sizes.batch_tokens
        count = _BATCHES_PER_WINDOW * sizes.batch_size
        length = np.concatenate([[0], np.cumsum(self.feed.lengths)])
        edges = [0]
        while edges[-1] < self.feed.count:
            first = edges[-1]
            by_rows = np.searchsorted(self.offsets, self.offsets[first] + rows, side="right") - 1
            by_tokens = np.searchsorted(length, length[first] + tokens, side="right") - 1
            last = min(by_rows, by_tokens, first + count)
            edges.append(int(max(first + 1, min(last, self.feed.count))))
        return list(itertools.pairwise(edges))

    def blocks(
        self,
        sizes: Sizes,
        *,
        into: np.ndarray | None = None,
        start: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[Block]:
        """Run the model, and yield its activity in order.

        Hooks are attached while a block is made and never while the consumer has it.

        Parameters
        ----------
        sizes : Sizes
            Bounds of a batch and of a block.
        into : ndarray, shape (sample, unit), optional
            Where activity is written; otherwise each block has memory of its own for as long
            as anything refers to it.
        start : int
            Leave out the windows that end before this sample.
        progress : callable, optional
            Told ``(samples done, samples in all)`` after each batch.
        """
        total, width = self.shape
        buffers = Buffers()
        for first, last in self.windows(sizes):
            begin, end = int(self.offsets[first]), int(self.offsets[last])
            if end <= start or begin == end:
                continue
            activity = buffers.lend(end - begin, width) if into is None else into[begin:end]
            done = begin
            wanted = first + np.flatnonzero(np.diff(self.offsets[first : last + 1]))
            # Attached first, a perturbation is made before activity is read.
            with self._perturbed(), self.tap.attached():
                for batch in batches(self.feed.lengths[wanted], sizes, padding=self.feed.padding):
                    done += self._read(wanted[batch], begin, activity)
                    if progress is not None:
                        progress(done, total)
            block = Block(begin, end, first, last, activity)
            del activity
            yield block
            del block

    def _perturbed(self, index: np.ndarray | None = None) -> Any:
        """Return a context: perturbing hooks are held, or (with stimuli) act."""
        if self.interference is None:
            return contextlib.nullcontext()
        return self.interference.attached() if index is None else self.interference.running(index)

    def _read(self, index: np.ndarray, begin: int, activity: np.ndarray) -> int:
        """Run one batch and write its rows; return how many there were."""
        target = torch.from_numpy(activity)
        starts = self.offsets[index] - begin
        counts = self.offsets[index + 1] - self.offsets[index]
        rows = int(counts.sum())
        within = np.arange(rows) - np.repeat(np.cumsum(counts) - counts, counts)
        where = np.repeat(starts, counts) + within
        straight = rows > 0 and bool((np.diff(where) == 1).all())
        scattered = torch.from_numpy(where)

        def receive(number: int, value: torch.Tensor) -> None:
            taken = self.feed.take(self.sites[number], self.layouts[number], value, index)
            left, right = int(self.columns[number]), int(self.columns[number + 1])
            if self.interference is not None:
                self.interference.refuse_nonfinite(self.sites[number].name, taken)
            if tuple(taken.shape) != (rows, right - left):
                raise HomologueError(
                    f"{self.sites[number].name!r} gave {tuple(taken.shape)} samples × units, "
                    f"({rows}, {right - left}) expected from a first pass; its shape must not "
                    "depend on the batch"
                )
            if straight:
                target[where[0] : where[0] + rows, left:right].copy_(taken)
            else:
                taken = taken.to(device="cpu", dtype=torch.float32)
                target[:, left:right].index_copy_(0, scattered, taken)

        args, kwargs = self.feed.inputs(index)
        with self._perturbed(index):
            self.tap.run(args, kwargs, receive)
        return rows


def prepare(model: torch.nn.Module, sites: list[Site], feed: Feed) -> Reading:
    """Run a small input once to the end, and settle sites, shapes and samples.

    Raises
    ------
    HomologueError
        A site never fires, fires more than once without saying which call is meant, has no
        tensor, or cannot share samples with the others.
    """
    args, kwargs = feed.probe()
    seen: list[list[Layout]] = [[] for _ in sites]

    def receive(number: int, value: torch.Tensor) -> None:
        if value.is_complex():
            raise HomologueError(
                f"{sites[number].name!r} gives complex numbers; record a module around it whose "
                "output is real"
            )
        seen[number].append(feed.layout(sites[number], value))

    survey = Tap(model, sites)
    with survey.attached():
        survey.survey(args, kwargs, receive)
    spread: list[Site] = []
    for site, layouts in zip(sites, seen, strict=True):
        every = site.call == -1 and layouts
        spread += [with_call(site, call) for call in range(len(layouts))] if every else [site]
    tap = Tap(model, spread)
    tap.calls = survey.calls
    tap.check()
    ordered = tuple(layout for layouts in seen for layout in layouts)
    counts_per_item = feed.rows(ordered)
    return Reading(
        tap,
        feed,
        tuple(spread),
        ordered,
        np.concatenate([[0], np.cumsum(counts_per_item)]),
        np.concatenate([[0], np.cumsum([layout.width for layout in ordered])]),
    )


def batches(lengths: np.ndarray, sizes: Sizes, *, padding: bool) -> list[np.ndarray]:
    """Group stimuli of like length.

    Parameters
    ----------
    lengths : ndarray, shape (stimulus,)
        Tokens of each.
    sizes : Sizes
        Bounds of a batch.
    padding : bool
        Whether a batch may hold different lengths.

    Returns
    -------
    list of ndarray
        Indices, each exactly once; the shortest stimuli first.

    Examples
    --------
    >>> found = batches(np.array([5, 2, 5, 2]), Sizes(batch_tokens=10), padding=True)
    >>> [batch.tolist() for batch in found]
    [[1, 3], [0, 2]]
    """
    order = np.argsort(lengths, kind="stable")
    out: list[np.ndarray] = []
    begin = 0
    for end in range(1, order.size + 1):
        if end < order.size:
            length = int(lengths[order[end]])
            shortest = int(lengths[order[begin]])
            size = end - begin
            full = (size + 1) * length > sizes.batch_tokens or size >= sizes.batch_size
            # Padding is work thrown away: a batch that is half full ends where length changes.
            half = size * shortest * 2 >= sizes.batch_tokens or size * 2 >= sizes.batch_size
            if not full and (length == shortest or (padding and not half)):
                continue
        out.append(order[begin:end])
        begin = end
    return out
