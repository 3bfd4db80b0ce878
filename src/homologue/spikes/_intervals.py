"""Intervals of time: when units were observed, and what lies inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidRecording
from homologue._typing import Array, Bool, Float, Int
from homologue.spikes._segments import gather, positions


def as_intervals(values: Any, what: str = "intervals") -> Float[Array, "interval 2"]:
    """Return sorted, disjoint ``(start, end)`` rows.

    Parameters
    ----------
    values : array_like or Dataset
        Rows of start and end in seconds, one pair, a table with ``start_time`` and
        ``stop_time``, or anything with ``start`` and ``end`` (a pynapple ``IntervalSet``).
    what : str
        What to call them in an error.

    Raises
    ------
    InvalidRecording
        Not two columns, not finite, an end before its start, or intervals that overlap.
    """
    if isinstance(values, xr.Dataset):
        missing = [name for name in ("start_time", "stop_time") if name not in values]
        if missing:
            raise InvalidRecording(
                f"a table of intervals has start_time and stop_time; {missing[0]!r} is missing"
            )
        values = np.column_stack([values["start_time"].values, values["stop_time"].values])
    elif hasattr(values, "start") and hasattr(values, "end"):
        values = np.column_stack([values.start, values.end])
    array = np.array(values, dtype=np.float64)
    if array.ndim == 1 and array.size in (0, 2):
        array = array.reshape(-1, 2)
    if array.ndim != 2 or array.shape[1] != 2:
        raise InvalidRecording(
            f"{what} are rows of (start, end) in seconds; given an array of shape {array.shape}"
        )
    array = array[np.argsort(array[:, 0], kind="stable")]
    check_intervals(array, np.array([len(array)]), what)
    return array


def check_intervals(
    array: Float[Array, "interval 2"], index: Int[Array, " unit"], what: str
) -> None:
    """Refuse intervals that are not finite, run backwards, or overlap within a unit."""
    if not np.isfinite(array).all():
        raise InvalidRecording(f"{what} hold NaN or Inf; every start and end is a time in seconds")
    backwards = np.flatnonzero(array[:, 1] < array[:, 0])
    if backwards.size:
        start, end = array[backwards[0]]
        raise InvalidRecording(
            f"{what} end before they start ({backwards.size}, first {start:g} … {end:g} s); "
            "are the columns swapped?"
        )
    overlap = array[1:, 0] < array[:-1, 1]
    overlap[index[(index > 0) & (index < len(array))] - 1] = False
    where = np.flatnonzero(overlap)
    if where.size:
        (a, b), (c, d) = array[where[0]], array[where[0] + 1]
        raise InvalidRecording(
            f"{what} overlap ({where.size} times, first {a:g} … {b:g} s and {c:g} … {d:g} s); "
            "time would count twice: merge them, or keep one of each pair"
        )


def sort_within(
    array: Float[Array, "interval 2"], index: Int[Array, " unit"]
) -> Float[Array, "interval 2"]:
    """Return the rows sorted by start within each unit."""
    unit = np.repeat(np.arange(index.size), np.diff(index, prepend=0))
    return array[np.lexsort((array[:, 0], unit))]


def common_to_all(
    array: Float[Array, "interval 2"], index: Int[Array, " unit"]
) -> Float[Array, "common 2"] | None:
    """Return the intervals once if every unit has the same, else None."""
    each = np.diff(index, prepend=0)
    if each.size == 0 or (each != each[0]).any():
        return None
    stacked = array.reshape(each.size, each[0], 2)
    return stacked[0] if (stacked == stacked[0]).all() else None


def merge_touching(
    array: Float[Array, "interval 2"], index: Int[Array, " unit"]
) -> tuple[Float[Array, "run 2"], Int[Array, " unit"]]:
    """Return runs: intervals that touch within a unit become one."""
    if not len(array):
        return array, index
    opens = np.ones(len(array), dtype=bool)
    opens[1:] = array[1:, 0] > array[:-1, 1]
    opens[index[index < len(array)]] = True
    first = np.flatnonzero(opens)
    last = np.append(first[1:], len(array)) - 1
    runs = np.column_stack([array[first, 0], array[last, 1]])
    return runs, np.searchsorted(first, index)


def covered(
    array: Float[Array, "interval 2"],
    index: Int[Array, " unit"],
    start: Float[Array, " window"],
    end: Float[Array, " window"],
    tolerance: float = 0.0,
) -> Bool[Array, "unit window"]:
    """Return which windows lie wholly inside a unit's intervals (touching ones count as one).

    Parameters
    ----------
    array, index
        Disjoint intervals, sorted within each unit, and where each unit ends.
    start, end : array, shape (window,)
        Closed windows.
    tolerance : float
        By how many seconds a window may stick out (the rounding of bin edges).
    """
    if not len(array):
        return np.zeros((index.size, start.size), dtype=bool)
    runs, index = merge_touching(array, index)
    # The last run that starts at or before the window; nextafter turns "<" into "<=".
    query = np.nextafter(start + tolerance, np.inf)
    run = positions(runs[:, 0], index, query) - 1
    begins = np.concatenate([[0], index[:-1]])[:, None]
    return (run >= begins) & (runs[np.maximum(run, 0), 1] >= end - tolerance)


def inside(
    array: Float[Array, "interval 2"],
    index: Int[Array, " unit"],
    times: Float[Array, " spike"],
    unit: Int[Array, " spike"],
) -> Bool[Array, " spike"]:
    """Return which times lie in their own unit's closed intervals.

    (unit, time) is ranked as one integer key, so that the search is exact and runs once.
    """
    if not len(array):
        return np.zeros(times.shape, dtype=bool)
    starts, rank = np.unique(array[:, 0], return_inverse=True)
    width = starts.size + 1
    owner = np.repeat(np.arange(index.size), np.diff(index, prepend=0))
    key = owner * width + rank + 1
    query = unit * width + np.searchsorted(starts, times, side="right")
    found = np.searchsorted(key, query, side="right") - 1
    nearest = np.maximum(found, 0)
    return (found >= 0) & (owner[nearest] == unit) & (times <= array[nearest, 1])


def intersect(
    array: Float[Array, "interval 2"],
    index: Int[Array, " unit"],
    window: Float[Array, "window 2"],
) -> tuple[Float[Array, "piece 2"], Int[Array, " unit"]]:
    """Return each unit's intervals cut to the windows (sorted and disjoint, as all here are)."""
    first = np.searchsorted(window[:, 1], array[:, 0], side="right")
    last = np.searchsorted(window[:, 0], array[:, 1], side="left")
    chosen, ends = gather(first, last)
    source = np.repeat(np.arange(len(array)), np.maximum(last - first, 0))
    cut = np.column_stack(
        [
            np.maximum(array[source, 0], window[chosen, 0]),
            np.minimum(array[source, 1], window[chosen, 1]),
        ]
    )
    total = np.concatenate([[0], ends])
    return cut, total[index]
