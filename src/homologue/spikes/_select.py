"""Choose units by name, position, mask or quality, and times by interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from homologue._errors import InvalidRecording, UnknownName, nearest
from homologue._typing import Array, Bool, Int
from homologue.spikes._intervals import as_intervals, intersect
from homologue.spikes._segments import gather, positions

if TYPE_CHECKING:
    from homologue.spikes._spikes import Spikes


def rows(spikes: Spikes, units: Any) -> Int[Array, " chosen"]:
    """Return the positions of the chosen units, in the order given."""
    count = len(spikes)
    array = np.arange(count)[units] if isinstance(units, slice) else np.asarray(units)
    array = np.atleast_1d(array)
    if array.ndim != 1:
        raise InvalidRecording(f"units are chosen by a flat list; given shape {array.shape}")
    if array.dtype.kind == "b":
        if array.size != count:
            raise InvalidRecording(f"a mask of {array.size} was given for {count} units")
        array = np.flatnonzero(array)
    elif array.dtype.kind in "UOST":
        place = {name: row for row, name in enumerate(spikes.unit.tolist())}
        unknown = [str(name) for name in array if str(name) not in place]
        if unknown:
            raise UnknownName(f"no unit is named {unknown[0]!r}" + nearest(unknown[0], place))
        array = np.array([place[str(name)] for name in array])
    elif array.dtype.kind in "iu":
        if array.size and (array.min() < -count or array.max() >= count):
            raise InvalidRecording(
                f"unit positions run from 0 to {count - 1}; given {array.tolist()[:5]}. "
                "NWB ids are names: write them as strings"
            )
        array = array % count
    elif array.size:
        raise InvalidRecording(
            f"units are chosen by names, positions or a mask; given dtype {array.dtype}"
        )
    if not array.size:
        raise InvalidRecording("no units are left by this choice")
    if np.unique(array).size != array.size:
        raise InvalidRecording("a unit was chosen twice; it would count as two")
    return array.astype(np.int64)


def take(spikes: Spikes, chosen: Int[Array, " chosen"]) -> dict[str, Any]:
    """Return the fields of the spikes of the chosen units."""
    place, index = gather(spikes.starts[chosen], spikes.index[chosen])
    fields: dict[str, Any] = {
        "times": spikes.times[place],
        "index": index,
        "unit": spikes.unit[chosen],
        "unit_variables": {name: v[chosen] for name, v in spikes.unit_variables.items()},
    }
    if spikes.obs_index is not None:
        begins = np.concatenate([[0], spikes.obs_index[:-1]])
        kept, ends = gather(begins[chosen], spikes.obs_index[chosen])
        fields |= {"obs_intervals": spikes.obs_intervals[kept], "obs_index": ends}
    return fields


def passing(
    spikes: Spikes,
    min_rate: float | int | None,
    max_rate: float | int | None,
    min_spikes: int | None,
    columns: Mapping[str, Any],
) -> Bool[Array, " unit"]:
    """Return which units pass every filter of :meth:`Spikes.select`."""
    mask = np.ones(len(spikes), dtype=bool)
    if min_rate is not None:
        mask &= spikes.rate >= min_rate
    if max_rate is not None:
        mask &= spikes.rate <= max_rate
    if min_spikes is not None:
        mask &= spikes.counts >= min_spikes
    for name, wanted in columns.items():
        if name not in spikes.unit_variables:
            raise UnknownName(
                f"units have no column {name!r}" + nearest(name, spikes.unit_variables)
            )
        values = spikes.unit_variables[name]
        mask &= _answer(name, wanted, values) if callable(wanted) else np.isin(values, wanted)
    return mask


def _answer(name: str, asked: Callable[[np.ndarray], Any], values: np.ndarray) -> np.ndarray:
    """Return what a function says of each unit."""
    answer = np.asarray(asked(values))
    if answer.dtype.kind != "b" or answer.shape != values.shape:
        raise InvalidRecording(
            f"the function for {name!r} returns one boolean per unit, shape {values.shape}; it "
            f"returned dtype {answer.dtype}, shape {answer.shape}. "
            f"Try {name}=lambda values: values > 3"
        )
    return answer


def cut(spikes: Spikes, when: Any) -> dict[str, Any]:
    """Return the fields of the spikes inside closed intervals (see :meth:`Spikes.restrict`)."""
    if isinstance(when, str):
        if when not in spikes.events:
            raise UnknownName(f"no table is named {when!r}" + nearest(when, spikes.events))
        when = spikes.events[when]
    window = as_intervals(when)
    edges = np.concatenate([window[:, 0], np.nextafter(window[:, 1], np.inf)])
    place = positions(spikes.times, spikes.index, edges)
    first, last = place[:, : len(window)].copy(), place[:, len(window) :]
    # Windows may share a border; a spike on it is kept once.
    first[:, 1:] = np.maximum(first[:, 1:], last[:, :-1])
    chosen, ends = gather(first.ravel(), last.ravel())
    index = ends.reshape(len(spikes), -1)[:, -1] if len(window) else np.zeros(len(spikes), np.int64)
    fields: dict[str, Any] = {"times": spikes.times[chosen], "index": index}
    if spikes.obs_intervals is None:
        return fields | {"obs_intervals": window}
    if spikes.obs_index is None:
        whole = np.array([len(spikes.obs_intervals)])
        return fields | {"obs_intervals": intersect(spikes.obs_intervals, whole, window)[0]}
    obs, obs_index = intersect(spikes.obs_intervals, spikes.obs_index, window)
    return fields | {"obs_intervals": obs, "obs_index": obs_index}
