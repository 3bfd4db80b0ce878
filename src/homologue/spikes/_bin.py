"""From spike times to a recording of the whole session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import InvalidRecording
from homologue._machine import memory_bytes
from homologue._typing import Array, Bool, Float
from homologue.spikes._events import RESERVED
from homologue.spikes._intervals import covered
from homologue.spikes._segments import bin_of, segment_of, tally

if TYPE_CHECKING:
    from homologue.spikes._spikes import Spikes

TOLERANCE = 1e-6
"""By which share of its width a bin may stick out of an observed interval (rounding)."""

BYTES_PER_BIN = 50
"""What a bin takes beside its values: edge, time and group, and what is made on the way."""

_PROVENANCE = ("system", "kind", "family", "source", "licence", "seed")


def check_width(width: float, length: float) -> float:
    """Return the width of a bin, refusing what cannot be one."""
    width = float(width)
    if not (np.isfinite(width) and width > 0):
        raise InvalidRecording(f"the width of a bin is a positive number of seconds; given {width}")
    if width > length * (1 + TOLERANCE):
        raise InvalidRecording(
            f"a bin of {width:g} s is wider than the {length:g} s there are; "
            "widths are in seconds, not milliseconds"
        )
    return width


def check_size(bins: float, units: int) -> None:
    """Refuse a recording that the memory of this machine could never hold."""
    needed, held = bins * (4 * units + BYTES_PER_BIN), memory_bytes()
    if held is not None and needed > held:
        raise InvalidRecording(
            f"{bins:.6g} bins × {units} units are {bins * units:.6g} values and need "
            f"{needed / 2**30:.4g} GiB, this machine has {held / 2**30:.1f} GiB; widths are in "
            "seconds: take wider bins, or less time at once"
        )


def scale_of(activity_units: str, width: float) -> float:
    """Return what a count is multiplied with."""
    if activity_units not in ("spikes/s", "spikes"):
        raise InvalidRecording(
            f"activity_units are 'spikes/s' or 'spikes'; given {activity_units!r}"
        )
    return 1 / width if activity_units == "spikes/s" else 1.0


def provenance(spikes: Spikes) -> dict[str, Any]:
    """Return what a recording inherits from the spikes."""
    known = {key: spikes.attrs[key] for key in _PROVENANCE if key in spikes.attrs}
    return {"kind": "brain"} | known


def columns(spikes: Spikes) -> dict[str, Any]:
    """Return the unit coordinates of a recording."""
    values = {
        f"unit_{name}" if name in RESERVED and name != "site" else name: column
        for name, column in spikes.unit_variables.items()
    }
    return {"unit": spikes.unit, "unit_variables": values}


def observed_windows(
    spikes: Spikes, start: Float[Array, " window"], end: Float[Array, " window"], width: float
) -> Bool[Array, "unit window"]:
    """Return which windows each unit was observed in; one row if that is the same for all."""
    if spikes.obs_intervals is None:
        return np.ones((1, start.size), dtype=bool)
    index = spikes.obs_index
    if index is None:
        index = np.array([len(spikes.obs_intervals)])
    return covered(spikes.obs_intervals, index, start, end, TOLERANCE * width)


def bin(
    spikes: Spikes,
    width: float,
    *,
    start: float | None = None,
    end: float | None = None,
    activity_units: str = "spikes/s",
) -> xr.DataArray:
    """Return the recording behind :meth:`Spikes.bin`: one pass over the flat times."""
    first, last = spikes.span
    start = first if start is None else float(start)
    end = last if end is None else float(end)
    if not (np.isfinite([start, end]).all() and end > start):
        raise InvalidRecording(
            f"there is no time to bin: start {start:g} s, end {end:g} s; "
            "give start= and end= in seconds"
        )
    width = check_width(width, end - start)
    scale = scale_of(activity_units, width)
    check_size((end - start) / width, len(spikes))
    count = int(np.floor((end - start) / width * (1 + 1e-12) + TOLERANCE))
    edges = start + width * np.arange(count + 1)

    kept = (spikes.times >= edges[0]) & (spikes.times < edges[-1])
    sample = bin_of(spikes.times[kept], edges)
    activity = tally(segment_of(spikes.index)[kept], sample, (count, len(spikes)), scale)

    seen = observed_windows(spikes, edges[:-1], edges[1:], width)
    if not seen.all():
        activity[~np.broadcast_to(seen.T, activity.shape)] = np.nan
    recorded = np.asarray(seen.any(axis=0))
    stretch = np.concatenate([[0], np.cumsum(recorded[1:] != recorded[:-1])])
    return recording.make(
        activity,
        group=stretch,
        variables={"time": (edges[:-1] + edges[1:]) / 2},
        activity_units=activity_units,
        sampling_interval=width,
        **columns(spikes),
        **provenance(spikes),
    )
