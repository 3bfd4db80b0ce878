"""Spikes in and out of pynapple."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from homologue._errors import HomologueError, InvalidRecording
from homologue._typing import Array, Float
from homologue.spikes._intervals import merge_touching

if TYPE_CHECKING:
    from homologue.spikes._spikes import Spikes

NANOSECOND = 1e-9
"""What pynapple rounds times to."""


def pynapple() -> Any:
    """Return the module, or say how to get it."""
    try:
        import pynapple as nap
    except ImportError as error:
        raise HomologueError(
            'pynapple is not installed; try: pip install "homologue[nwb]"'
        ) from error
    return nap


def from_tsgroup(group: Any, **options: Any) -> Spikes:
    """Return the spikes behind :meth:`Spikes.from_pynapple`."""
    from homologue.spikes._spikes import Spikes

    nap = pynapple()
    if not isinstance(group, nap.TsGroup):
        raise InvalidRecording(
            f"expected a pynapple TsGroup, given {type(group).__name__}; "
            "a TsdFrame goes through homologue.recording.from_pynapple"
        )
    keys = list(group.keys())
    columns = {
        str(name): np.asarray(group.get_info(name))
        for name in group.metadata_columns
        if name not in ("rate", "unit")
    }
    names = np.asarray(group.get_info("unit")) if "unit" in group.metadata_columns else keys
    given = {
        "unit": names,
        "unit_variables": columns,
        "obs_intervals": np.column_stack([group.time_support.start, group.time_support.end]),
    }
    return Spikes.from_list([group[key].t for key in keys], **(given | options))


def to_tsgroup(spikes: Spikes) -> Any:
    """Return the ``TsGroup`` behind :meth:`Spikes.to_pynapple`."""
    nap = pynapple()
    if spikes.obs_index is not None:
        raise InvalidRecording(
            "units were observed at different times, and a TsGroup has one time support for all; "
            "restrict the spikes to times when every unit was observed first"
        )
    seen = np.array([spikes.span]) if spikes.obs_intervals is None else spikes.obs_intervals
    runs = _lasting(seen)
    support = nap.IntervalSet(runs[:, 0], runs[:, 1])
    parts = np.split(spikes.times, spikes.index[:-1])
    series = {i: nap.Ts(part, time_support=support) for i, part in enumerate(parts)}
    columns = {name: values for name, values in spikes.unit_variables.items() if name != "rate"}
    group = nap.TsGroup(
        series, time_support=support, metadata={"unit": spikes.unit.astype(object), **columns}
    )
    kept = sum(map(len, group.values()))
    if kept != spikes.times.size:
        raise InvalidRecording(
            f"pynapple keeps {kept} of {spikes.times.size} spikes: its time support leaves the "
            "others out. Merge obs_intervals that are less than a microsecond apart"
        )
    return group


def _lasting(intervals: Float[Array, "interval 2"]) -> Float[Array, "run 2"]:
    """Return the intervals as pynapple keeps them: none touch, each lasts a nanosecond or more.

    pynapple shortens the first of two that touch, and leaves out what has no length.
    """
    runs, _ = merge_touching(intervals, np.array([len(intervals)]))
    least = np.nextafter(runs[:, 0] + NANOSECOND, np.inf)
    longer = np.column_stack([runs[:, 0], np.maximum(runs[:, 1], least)])
    return merge_touching(longer, np.array([len(longer)]))[0]
