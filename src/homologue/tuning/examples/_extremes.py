"""Each unit's k most extreme samples, at the price of one comparison a value.

Most values fail the comparison with the k-th best so far. Those that pass wait, unsorted, in
places beside the k best; a unit is put in order only when its places are full. A unit whose
values rise without end fills them with every block: it alone is sorted anew, not the others.

Sorting is within rows of a few dozen entries. Float32 values and sample numbers share one
64-bit key (value above, sample number below, counted down), so that an in-register sort also
settles ties: of equal values the earlier sample stands first, whatever the order of arrival.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from homologue._typing import Array, Float, Int, Num
from homologue.reducers import State
from homologue.reducers._arrays import round_down, stable_order

_ROOM = 3
_ENTRIES_AT_ONCE = 2**16
_TILE_ENTRIES = 2**18
_LOW = np.int64(0xFFFFFFFF)
_FREE = np.iinfo(np.int64).min


def empty(k: int, width: int) -> State:
    """Return places for k entries of each unit and for as many again that wait, all free."""
    return {
        "key": np.full((width, _ROOM * k), np.nan),
        "sample": np.full((width, _ROOM * k), -1, dtype=np.int64),
        "filled": np.zeros(width, dtype=np.int64),
        "bound": np.full(width, -np.inf),
    }


def add(
    sides: Sequence[tuple[State, int, int]],
    activity: Num[Array, "sample unit"],
    *,
    start: int,
    late: bool,
) -> None:
    """Let a block's values take part; the states are changed in place.

    Parameters
    ----------
    sides : sequence of (State, int, int)
        States of :func:`empty`, how many of a unit are chosen, and the sign: 1 for the
        largest, −1 for the smallest.
    activity : array, shape (sample, unit)
        NaN is never among the chosen.
    start : int
        Number of the first sample.
    late : bool
        No sample seen so far is later: a value equal to the k-th best cannot displace it.
    """
    activity = np.ascontiguousarray(activity)
    cuts = [(_cut(state, activity, k, sign, late=late), sign) for state, k, sign in sides]
    for (state, k, sign), flat in zip(sides, _passing(activity, cuts), strict=True):
        _place(state, activity, flat, k, start=start, sign=sign, late=late)


def _place(
    state: State,
    activity: np.ndarray,
    flat: np.ndarray,
    k: int,
    *,
    start: int,
    sign: int,
    late: bool,
) -> None:
    """Write what passed beside what is held; put units in order whose places do not suffice."""
    width, places = state["key"].shape
    # Read in the order of memory, and only then put in the order of units.
    value = activity.reshape(-1).take(flat)
    row, unit = np.divmod(flat, flat.dtype.type(width))
    count = np.bincount(unit, minlength=width)
    full = state["filled"] + count > places
    if full.any():
        # Sorting what waits raises the bound; mostly that makes room enough.
        _sort(state, np.flatnonzero(full), k)
        key, bound = sign * value, state["bound"][unit]
        # Equal to a bound that this very block has set is not yet beaten.
        kept = ~full[unit] | (key >= bound)
        row, unit, value = row[kept], unit[kept], value[kept]
        count = np.bincount(unit, minlength=width)
        full = state["filled"] + count > places
    if full.any():
        _renew(state, activity, np.flatnonzero(full), k, start=start, sign=sign)
        kept = ~full[unit]
        row, unit, value = row[kept], unit[kept], value[kept]
        count = np.where(full, 0, count)
    if not unit.size:
        return
    order = stable_order(unit)
    # An entry's place: its unit's first free one, and one further for each before it.
    free = np.arange(width) * places + state["filled"] - (np.cumsum(count) - count)
    at = np.repeat(free, count) + np.arange(unit.size)
    state["key"].reshape(-1)[at] = sign * value.take(order)
    state["sample"].reshape(-1)[at] = row.take(order).astype(np.int64) + start
    state["filled"] += count


def merge(first: State, second: State, k: int) -> State:
    """Return the best of both."""
    key = np.concatenate([first["key"], second["key"]], axis=1)
    sample = np.concatenate([first["sample"], second["sample"]], axis=1)
    out = empty(k, key.shape[0])
    _put(out, np.arange(key.shape[0]), *best(key, sample, k))
    return out


def best(
    key: Float[Array, "unit entry"], sample: Int[Array, "unit entry"], k: int
) -> tuple[Float[Array, "unit k"], Int[Array, "unit k"]]:
    """Return each row's k largest keys, and their samples; NaN and −1 where there are fewer.

    Examples
    --------
    >>> best(np.array([[1.0, 3.0, 3.0]]), np.array([[5, 9, 2]]), 2)[1].tolist()
    [[2, 9]]
    """
    narrow = key.astype(np.float32)
    exact = np.array_equal(narrow, key, equal_nan=True) and int(sample.max(initial=0)) < _LOW
    if not exact:
        order = np.lexsort((sample, -key), axis=1)[:, :k]
        return np.take_along_axis(key, order, axis=1), np.take_along_axis(sample, order, axis=1)
    packed = _packed(narrow, sample)
    if packed.shape[1] > 2 * k:
        packed = np.partition(packed, packed.shape[1] - k, axis=1)[:, -k:]
    packed.sort(axis=1)
    return _unpacked(packed[:, ::-1][:, :k])


def _cut(
    state: State, activity: np.ndarray, k: int, sign: int, *, late: bool
) -> Float[Array, "unit"]:
    """Return what a value must exceed to take part, rounded away from the chosen."""
    bound, places = state["bound"], state["key"].shape[1]
    # Units without a bound would let everything pass: the block itself gives them one.
    fresh = np.isneginf(bound) & (state["filled"] + len(activity) > places)
    if fresh.any():
        bound[fresh] = _reached(activity if fresh.all() else activity[:, fresh], k, sign)
    near = round_down(bound, activity)
    equal = fresh if late else np.ones_like(fresh)
    near = np.where(equal, np.nextafter(near, near.dtype.type(-np.inf)), near)
    return sign * near


def _reached(activity: np.ndarray, k: int, sign: int) -> Float[Array, "unit"]:
    """Return a key that k samples or more reach, a little below the k-th best.

    The k-th best of the best of groups of rows.
    """
    rows, width = activity.shape
    groups = min(rows, _ROOM * k)
    if rows < k:
        return np.full(width, -np.inf)
    some = activity[: rows - rows % groups].reshape(-1, groups, width)
    best = (np.fmax if sign > 0 else np.fmin).reduce(some, axis=0)
    key = np.ascontiguousarray(sign * best.T)
    key[np.isnan(key)] = -np.inf
    key.partition(groups - k, axis=1)
    return key[:, groups - k].astype(np.float64)


def _passing(
    activity: np.ndarray, cuts: Sequence[tuple[np.ndarray, int]]
) -> list[Int[Array, "entry"]]:
    """Return, for each cut, the places of the values beyond it, a tile of rows at a time."""
    rows, width = activity.shape
    step = max(1, _TILE_ENTRIES // max(1, width))
    found: list[list[np.ndarray]] = [[] for _ in cuts]
    beyond = np.empty((min(step, rows), width), dtype=bool)
    narrow = np.int32 if activity.size < 2**31 else np.int64
    for begin in range(0, rows, step):
        tile = activity[begin : begin + step]
        mask = beyond[: len(tile)]
        for out, (cut, sign) in zip(found, cuts, strict=True):
            (np.greater if sign > 0 else np.less)(tile, cut, out=mask)
            out.append((np.flatnonzero(mask) + begin * width).astype(narrow))
    return [np.concatenate(out) for out in found]


def _sort(state: State, units: np.ndarray, k: int) -> None:
    """Put the entries of some units in order, and keep the k best."""
    step = max(1, _ENTRIES_AT_ONCE // state["key"].shape[1])
    for begin in range(0, units.size, step):
        some = units[begin : begin + step]
        _put(state, some, *best(state["key"][some], state["sample"][some], k))


def _renew(
    state: State, activity: np.ndarray, units: np.ndarray, k: int, *, start: int, sign: int
) -> None:
    """Sort the units whose places do not suffice, their column of the block included."""
    rows = activity.shape[0]
    step = max(1, _ENTRIES_AT_ONCE // (rows + state["key"].shape[1]))
    number = np.arange(start, start + rows)
    for begin in range(0, units.size, step):
        some = units[begin : begin + step]
        column = sign * activity[:, some].T.astype(np.float64)
        sample = np.where(np.isnan(column), -1, number)
        key = np.concatenate([state["key"][some], column], axis=1)
        sample = np.concatenate([state["sample"][some], sample], axis=1)
        _put(state, some, *best(key, sample, k))


def _put(state: State, units: np.ndarray, key: np.ndarray, sample: np.ndarray) -> None:
    """Write the k best of some units, free their other places, and set the bound."""
    k = key.shape[1]
    state["key"][units] = np.nan
    state["sample"][units] = -1
    state["key"][units, :k] = key
    state["sample"][units, :k] = sample
    known = np.count_nonzero(sample >= 0, axis=1)
    state["filled"][units] = known
    state["bound"][units] = np.where(known == k, key[:, -1], state["bound"][units])


def _packed(key: Float[Array, "unit entry"], sample: Int[Array, "unit entry"]) -> np.ndarray:
    bits = (key + np.float32(0)).view(np.int32)
    ordered = (bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))).astype(np.int64)
    packed = (ordered << 32) | (_LOW - sample)
    packed[sample < 0] = _FREE
    return packed


def _unpacked(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    free = packed == _FREE
    bits = (packed >> 32).astype(np.int32)
    bits ^= (bits >> 31) & np.int32(0x7FFFFFFF)
    key = bits.view(np.float32).astype(np.float64)
    key[free] = np.nan
    return key, np.where(free, -1, _LOW - (packed & _LOW))
