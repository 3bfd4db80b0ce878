"""Mouse anterodorsal thalamus: 19 head-direction cells while awake and asleep (Peyrache 2015).

Spike counts in 10 ms bins with the head's direction while awake. The tracker lost the animal for
68 of 2 189 s in 112 short gaps (at most 2.5 s), and those bins were cut out when the data were
released. ``time`` runs only while the animal was tracked, so that circular shifts see one
stretch; ``session_time`` is the session's own clock.
"""

from __future__ import annotations

import numpy as np
import scipy.io
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError, UnknownName, nearest
from homologue.systems import _assets
from homologue.systems._binning import rebin, running_clock, sectors, time_blocks
from homologue.systems._packaged import Packaged, measured, packaged

STATES = {"wake": "Qrun", "rem": "Qrem", "sws": "Qsws"}
"""Brain state → variable in the file; ``sws`` is slow-wave sleep."""

SOURCE_BIN = 0.01
"""Bin width of the file, s."""


def read(
    state: str = "wake",
    bin_seconds: float = 0.2,
    group_seconds: float = 20.0,
    directions: int = 8,
) -> xr.DataArray:
    """Return firing rates in bins, with head direction while awake.

    Parameters
    ----------
    state : {"wake", "rem", "sws"}
        Brain state. Asleep there is no direction, and episodes are joined without a mark.
    bin_seconds : float
        Bin width, a multiple of 0.01 s. The ring of the population needs 0.2 s or more.
    group_seconds : float
        Length of a group: neighbouring bins resemble each other, whole blocks do less.
    directions : int
        Sectors of ``direction``; sector 0 is centred on angle 0.

    Returns
    -------
    xarray.DataArray
        Bins × 19 cells, spikes/s. On ``sample``: ``time``, ``group`` and awake ``angle``
        (radians, period 2π), ``direction`` (its sector), ``session_time`` (s).

    Raises
    ------
    UnknownName
        No such state.
    HomologueError
        A bin width that is not a multiple of 0.01 s.
    """
    if state not in STATES:
        raise UnknownName(f"state {state!r} is not known" + nearest(state, STATES))
    width = round(bin_seconds / SOURCE_BIN)
    if width < 1 or abs(width * SOURCE_BIN - bin_seconds) > 1e-9:
        raise HomologueError(
            f"bin_seconds is a multiple of {SOURCE_BIN} s, the bins of the file; "
            f"given {bin_seconds}"
        )
    file = scipy.io.loadmat(_assets.fetch("head-direction"))
    counts = file[STATES[state]]
    variables: dict[str, xr.Variable] = {}
    stretch = np.zeros(counts.shape[0], dtype=np.int64)
    if state == "wake":
        clock, angle = file["angRun"].T
        # A frame of the tracker lasts 25.6 ms; a longer step is a gap.
        stretch = np.concatenate([[0], np.cumsum(np.diff(clock) > 0.03)])
        vector, first = rebin(np.column_stack([np.cos(angle), np.sin(angle)]), stretch, width)
        mean = np.arctan2(vector[:, 1], vector[:, 0]) % (2 * np.pi)
        names = [f"{round(360 * i / directions)}°" for i in range(directions)]
        variables = {
            "angle": measured(mean, period=2 * np.pi, units="radians", quantity="space"),
            "direction": measured(sectors(mean, directions), categories=names, quantity="space"),
            "session_time": measured(clock[first], units="s"),
        }
    spikes, _ = rebin(counts, stretch, width)
    time = running_clock(spikes.shape[0], bin_seconds)
    variables["time"] = measured(time, units="s")
    return recording.make(
        spikes / bin_seconds,
        unit=[f"ADn-{i:02d}" for i in range(1, counts.shape[1] + 1)],
        site="anterodorsal thalamus",
        group=time_blocks(time, group_seconds),
        variables=variables,
        activity_units="spikes/s",
        sampling_interval=bin_seconds,
        species="Mus musculus",
        state=state,
    )


def system(part: str | None = None) -> Packaged:
    """Return the system ``head-direction``; ``part`` is a state (``rem``, ``sws``)."""
    awake = part in (None, "wake")
    return packaged(
        "head-direction" if part is None else f"head-direction/{part}",
        "head-direction",
        read,
        family="head-direction",
        variable="direction" if awake else None,
        variables=("direction", "angle") if awake else (),
        options={"state": part} if part else {},
    )
