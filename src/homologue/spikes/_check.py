"""What spike times must satisfy, checked once when a :class:`Spikes` is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from homologue._errors import InvalidRecording
from homologue._typing import Array, Float, Int
from homologue.spikes import _intervals as intervals
from homologue.spikes._segments import positions, segment_of

OUTSIDE = ("error", "drop")
_SHORT = 4


def flat_times(times: ArrayLike) -> Float[Array, " spike"]:
    """Return the times as one flat float64 array."""
    array = np.asarray(times, dtype=np.float64)
    if array.ndim != 1:
        raise InvalidRecording(
            f"spike times are one flat array of seconds; given shape {array.shape}. "
            "Spikes.from_list takes one array per unit"
        )
    return array


def segment_ends(index: ArrayLike, total: int, what: str = "spike times") -> Int[Array, " unit"]:
    """Return where each unit ends, checked against the number of values."""
    array = np.asarray(index)
    if array.ndim != 1 or not array.size:
        raise InvalidRecording(
            f"index holds where each unit's {what} end, one number a unit; "
            f"given shape {array.shape}"
        )
    if array.dtype.kind not in "iu":
        raise InvalidRecording(f"index holds integers; given dtype {array.dtype}")
    array = array.astype(np.int64)
    if array[0] < 0 or (np.diff(array) < 0).any() or array[-1] != total:
        raise InvalidRecording(
            f"index does not fit the {what}: it ends at {array[-1]}, there are {total} values"
            + ("" if (np.diff(array) >= 0).all() else ", and it decreases")
            + "; it is the running sum of the numbers per unit (a truncated file?)"
        )
    return array


def unit_names(unit: ArrayLike | None, count: int) -> np.ndarray:
    """Return unique names, one a unit; ``"0", "1", …`` if none were given."""
    given = np.arange(count) if unit is None else np.asarray(unit)
    numbers = given.dtype.kind in "iu" and given.size
    names = _numerals(given) if numbers else given.astype(object).astype(str)
    if names.shape != (count,):
        raise InvalidRecording(f"{names.size} unit names given for {count} units")
    ascending = numbers and bool((given[1:] > given[:-1]).all())
    if not ascending and len(set(names.tolist())) != count:
        unique, number = np.unique(names, return_counts=True)
        raise InvalidRecording(
            f"unit names are not unique: {str(unique[number > 1][0])!r} stands more than once; "
            "prefix them with the probe or the session"
        )
    return names


def _numerals(numbers: Int[Array, " unit"]) -> np.ndarray:
    """Return integers as strings."""
    least, most = int(numbers.min()), int(numbers.max())
    width = max(len(str(least)), len(str(most)))
    if least >= 0 and width <= _SHORT:
        return _short_numerals(width)[numbers]
    return numbers.astype(f"U{width}")


@cache
def _short_numerals(width: int) -> np.ndarray:
    """Return every number of so many digits as a string: units are mostly numbered so."""
    return np.arange(10**width).astype(f"U{width}")


def unit_columns(variables: Mapping[str, Any] | None, count: int) -> dict[str, np.ndarray]:
    """Return per-unit columns, each checked for its length; objects become strings."""
    columns = {}
    for name, values in (variables or {}).items():
        array = np.asarray(values)
        if array.shape != (count,):
            raise InvalidRecording(
                f"unit variable {name!r} has shape {array.shape}, but there are {count} units; "
                "give one value per unit"
            )
        columns[str(name)] = array.astype(str) if array.dtype.kind in "OT" else array
    return columns


def observed(
    obs_intervals: Any, obs_index: ArrayLike | None, count: int
) -> tuple[Float[Array, "interval 2"] | None, Int[Array, " unit"] | None]:
    """Return intervals and where each unit's end; no index if they are common to all."""
    if obs_intervals is None:
        if obs_index is not None:
            raise InvalidRecording("obs_index is given without obs_intervals")
        return None, None
    what = "obs_intervals"
    if obs_index is None and _is_ragged(obs_intervals):
        if len(obs_intervals) != count:
            raise InvalidRecording(
                f"{len(obs_intervals)} lists of obs_intervals given for {count} units; give one "
                "per unit, or one array of (start, end) rows common to all"
            )
        each = [intervals.as_intervals(rows, what) for rows in obs_intervals]
        obs_index = np.cumsum([len(rows) for rows in each])
        obs_intervals = np.concatenate(each)
    if obs_index is None:
        return intervals.as_intervals(obs_intervals, what), None
    array = np.array(obs_intervals, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise InvalidRecording(
            f"obs_intervals are rows of (start, end) in seconds; given shape {array.shape}"
        )
    ends = segment_ends(obs_index, len(array), what)
    if ends.size != count:
        raise InvalidRecording(f"obs_index has {ends.size} entries for {count} units")
    array = intervals.sort_within(array, ends)
    intervals.check_intervals(array, ends, what)
    common = intervals.common_to_all(array, ends)
    return (array, ends) if common is None else (common, None)


def _is_ragged(values: Any) -> bool:
    """Tell one list of rows per unit from one array of rows."""
    if not isinstance(values, Sequence) or not len(values):
        return False
    return all(np.ndim(rows) == 2 or np.size(rows) == 0 for rows in values)


def sorted_within(
    times: Float[Array, " spike"], index: Int[Array, " unit"], names: np.ndarray, *, sort: bool
) -> Float[Array, " spike"]:
    """Return times that ascend within each unit; sort them if asked, else refuse."""
    if _ascend(times, index):
        return times
    if not np.isfinite(times).all():
        bad = np.flatnonzero(~np.isfinite(times))
        unit = str(names[np.searchsorted(index, bad[0], side="right")])
        raise InvalidRecording(
            f"{bad.size} spike times are NaN or Inf, first in unit {unit!r}; "
            "leave them out (and shorten the index)"
        )
    falls = times[1:] < times[:-1]
    falls[index[(index > 0) & (index < times.size)] - 1] = False
    if sort:
        return times[np.lexsort((times, segment_of(index)))]
    units = np.unique(np.searchsorted(index, np.flatnonzero(falls), side="right"))
    raise InvalidRecording(
        f"spike times do not ascend within {units.size} of {index.size} units, first in unit "
        f"{str(names[units[0]])!r}; pass sort=True if only the order is wrong"
    )


def _ascend(times: Float[Array, " spike"], index: Int[Array, " unit"]) -> bool:
    """Tell whether all times are finite and ascend within their units, in one pass.

    NaN is not at least its neighbour, and what ascends between finite ends is finite.
    """
    if not times.size:
        return True
    last = index - 1  # of a unit without spikes, that of a unit before; -1, the last of all
    rises = np.empty(times.size, dtype=bool)
    np.greater_equal(times[1:], times[:-1], out=rises[:-1])
    rises[last] = True
    first = times.take(index[:-1], mode="clip")
    ends_finite = np.isfinite(times[0]) and np.isfinite(first).all()
    return bool(ends_finite and np.isfinite(times[last]).all() and rises.all())


def keep_observed(
    times: Float[Array, " spike"],
    index: Int[Array, " unit"],
    obs: tuple[Float[Array, "interval 2"] | None, Int[Array, " unit"] | None],
    *,
    outside: str,
) -> tuple[Float[Array, " kept"], Int[Array, " unit"], int]:
    """Return the spikes inside the observed intervals and how many were dropped."""
    if outside not in OUTSIDE:
        raise InvalidRecording(f"outside is 'error' or 'drop'; given {outside!r}")
    array, ends = obs
    if array is None:
        return times, index, 0
    if ends is None:
        array, _ = intervals.merge_touching(array, np.array([len(array)]))
        edges = np.concatenate([array[:, 0], np.nextafter(array[:, 1], np.inf)])
        place = positions(times, index, edges)
        if (place[:, len(array) :] - place[:, : len(array)]).sum() == times.size:
            return times, index, 0
        ends = len(array) * np.arange(1, index.size + 1)
        array = np.tile(array, (index.size, 1))
    unit = segment_of(index)
    kept = intervals.inside(array, ends, times, unit)
    lost = int(times.size - np.count_nonzero(kept))
    if not lost:
        return times, index, 0
    if outside == "error":
        units = np.unique(unit[~kept]).size
        raise InvalidRecording(
            f"{lost} of {times.size} spikes, of {units} units, lie outside obs_intervals (first "
            f"at {times[~kept][0]:.6g} s); are both on one clock, in seconds? "
            "outside='drop' leaves them out and counts them"
        )
    number = np.bincount(unit[kept], minlength=index.size)
    return times[kept], np.cumsum(number), lost
