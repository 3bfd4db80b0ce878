"""Searches and gathers over a flat array of sorted segments (one segment a unit)."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Float, Int


def positions(
    times: Float[Array, " spike"], index: Int[Array, " unit"], queries: Float[Array, " query"]
) -> Int[Array, "unit query"]:
    """Return where each query would be inserted in each unit's segment (``side="left"``).

    Few queries bisect all segments at once. Many take one pass over the times instead: each time
    is ranked among the sorted queries, and the counts of ranks per unit, summed up, are the
    positions.

    Parameters
    ----------
    times : array, shape (spike,)
        Sorted within each unit.
    index : array, shape (unit,)
        Where each unit ends.
    queries : array, shape (query,)
        In any order.

    Examples
    --------
    >>> positions(np.array([1.0, 2.0, 1.5]), np.array([2, 3]), np.array([1.5, 9.0]))
    array([[1, 2],
           [2, 3]])
    """
    start = np.concatenate([[0], index[:-1]])
    longest = int((index - start).max(initial=0))
    if index.size * queries.size * longest.bit_length() < times.size:
        return _bisect(times, start, index, queries)
    order = np.argsort(queries, kind="stable")
    width = queries.size + 1
    key = np.searchsorted(queries[order], times, side="right")
    key += np.repeat(np.arange(index.size) * width, index - start)
    counts = np.bincount(key, minlength=index.size * width).reshape(index.size, width)
    found = np.empty((index.size, queries.size), dtype=np.int64)
    found[:, order] = np.cumsum(counts[:, :-1], axis=1)
    return found + start[:, None]


def _bisect(
    times: Float[Array, " spike"],
    start: Int[Array, " unit"],
    index: Int[Array, " unit"],
    queries: Float[Array, " query"],
) -> Int[Array, "unit query"]:
    low = np.repeat(start[:, None], queries.size, axis=1)
    high = np.repeat(index[:, None], queries.size, axis=1)
    while (low < high).any():
        middle = (low + high) // 2
        open_ = low < high
        before = open_ & (times[np.minimum(middle, times.size - 1)] < queries)
        low = np.where(before, middle + 1, low)
        high = np.where(open_ & ~before, middle, high)
    return low


def gather(
    first: Int[Array, " segment"], last: Int[Array, " segment"]
) -> tuple[Int[Array, " spike"], Int[Array, " segment"]]:
    """Return the flat positions of all ranges ``first:last``, and where each range ends.

    Examples
    --------
    >>> gather(np.array([0, 5]), np.array([2, 6]))
    (array([0, 1, 5]), array([2, 3]))
    """
    length = np.maximum(last - first, 0)
    ends = np.cumsum(length)
    total = int(ends[-1]) if ends.size else 0
    return np.arange(total) + np.repeat(first - (ends - length), length), ends


def segment_of(index: Int[Array, " unit"]) -> Int[Array, " spike"]:
    """Return the unit of each position in the flat array."""
    return np.repeat(np.arange(index.size), np.diff(index, prepend=0))


def bin_of(times: Float[Array, " spike"], edges: Float[Array, " edge"]) -> Int[Array, " spike"]:
    """Return the bin of each time in regular bins ``[edge, next edge)``, exact at the edges.

    Times outside are counted to the first or the last bin: leave them out before.
    """
    count = edges.size - 1
    scale = count / (edges[-1] - edges[0])
    found = np.clip(((times - edges[0]) * scale).astype(np.int64), 0, count - 1)
    # The product may round across an edge, by one bin at most.
    found -= times < edges[found]
    np.maximum(found, 0, out=found)
    found += times >= edges[found + 1]
    return np.minimum(found, count - 1)


def tally(
    unit: Int[Array, " spike"], sample: Int[Array, " spike"], shape: tuple[int, int], scale: float
) -> Float[Array, "sample unit"]:
    """Return scaled counts of spikes per sample and unit, as float32.

    The pairs ascend by unit and then by sample, as flat spikes do: counts are the lengths of runs,
    and only cells with a spike are touched.

    Examples
    --------
    >>> tally(np.array([0, 0, 1]), np.array([1, 1, 0]), (2, 2), 1.0).tolist()
    [[0.0, 1.0], [2.0, 0.0]]
    """
    activity = np.zeros(shape, dtype=np.float32)
    opens = np.ones(unit.size, dtype=bool)
    opens[1:] = (unit[1:] != unit[:-1]) | (sample[1:] != sample[:-1])
    first = np.flatnonzero(opens)
    activity[sample[first], unit[first]] = np.diff(first, append=unit.size) * scale
    return activity
