"""Rat hippocampus on a linear track: 31 units with 60 Hz position (Kemere laboratory).

The animal is on the track for the first half of the session; then the tracker stays on one
corner pixel, and those frames are left out. The animal also rests at the ends of the track,
where replay breaks the relation of firing to place: by default only running bins are kept.
``time`` runs only while bins are kept, so that circular shifts see one stretch; ``session_time``
is the session's own clock.
"""

from __future__ import annotations

import h5py
import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError
from homologue.systems import _assets
from homologue.systems._binning import running_clock, time_blocks
from homologue.systems._packaged import Packaged, measured, packaged

_STUCK_SECONDS = 10.0
"""A live animal moves a pixel within this time; a position that does not is no tracking."""


def read(
    bin_seconds: float = 0.25,
    minimum_speed: float = 25.0,
    group_seconds: float = 10.0,
    places: int = 8,
    minimum_spikes: int = 0,
) -> xr.DataArray:
    """Return firing rates while running, with place on the track.

    Parameters
    ----------
    bin_seconds : float
        Bin width, s.
    minimum_speed : float
        Bins slower than this (camera pixels/s) are left out; 0 keeps all.
    group_seconds : float
        Length of a group, in running time, s.
    places : int
        Equal parts of the track in ``place``.
    minimum_spikes : int
        Leave out units with fewer spikes in the bins that are kept (a unit that is silent on
        the track has no place).

    Returns
    -------
    xarray.DataArray
        Bins × 31 units, spikes/s. On ``sample``: ``time``, ``group``, ``track`` (0 … 1 along
        the track), ``place`` (its part), ``heading`` (outbound, inbound), ``x``, ``y``
        (pixels), ``speed`` (pixels/s), ``session_time`` (s).

    Notes
    -----
    The track is the first principal axis of the position; the camera is not calibrated, so
    lengths are pixels (the track is about 540 long).
    """
    if not bin_seconds > 0:
        raise HomologueError(f"bin_seconds is a positive time in s; given {bin_seconds}")
    with h5py.File(_assets.fetch("hippocampus"), "r") as file:
        series = file["processing/behavior/Position/xy"]
        clock, position = series["timestamps"][:], series["data"][:].astype(float)
        spikes, index = file["units/spike_times"][:], file["units/spike_times_index"][:]
        tetrode = file["units/tetrode"][:].astype(int)
    edges = np.arange(clock[0], clock[-1], bin_seconds)
    centre = edges[:-1] + bin_seconds / 2
    tracked = _tracked(clock, position)
    trains = np.split(spikes, index[:-1])
    rate = np.stack([np.histogram(train, edges)[0] for train in trains], axis=1) / bin_seconds
    place, frames = _mean_in_bins(clock[tracked], position[tracked], edges)
    speed = np.hypot(*np.gradient(place, bin_seconds, axis=0).T)
    track = _along_track(place, frames > 0)
    forward = np.gradient(track) >= 0
    kept = np.flatnonzero((speed >= minimum_speed) & (frames > 0))
    if kept.size < 2:
        raise HomologueError(
            f"no bin is as fast as {minimum_speed} pixels/s; the fastest runs at {speed.max():.0f}"
        )
    time = running_clock(kept.size, bin_seconds)
    active = np.flatnonzero(rate[kept].sum(axis=0) * bin_seconds >= minimum_spikes - 0.5)
    if not active.size:
        raise HomologueError(f"no unit has {minimum_spikes} spikes in the bins that are kept")
    part = np.minimum((track[kept] * places).astype(np.int64), places - 1)
    return recording.make(
        rate[np.ix_(kept, active)],
        unit=[f"CA1-{i + 1:02d}" for i in active],
        site="CA1",
        group=time_blocks(time, group_seconds),
        variables={
            "time": measured(time, units="s"),
            "session_time": measured(centre[kept], units="s"),
            "track": measured(track[kept], units="fraction of the track", quantity="space"),
            "place": measured(
                part, categories=[f"part {i + 1}" for i in range(places)], quantity="space"
            ),
            "heading": measured(np.where(forward[kept], 0, 1), categories=["outbound", "inbound"]),
            "x": measured(place[kept, 0], units="pixels"),
            "y": measured(place[kept, 1], units="pixels"),
            "speed": measured(speed[kept], units="pixels/s"),
        },
        unit_variables={
            "tetrode": tetrode[active],
            "spikes": np.diff(index, prepend=0)[active],
        },
        activity_units="spikes/s",
        sampling_interval=bin_seconds,
        species="Rattus norvegicus",
        minimum_speed=minimum_speed,
    )


def _tracked(clock: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Say which frames follow the animal: those not in a long run of one and the same pixel."""
    moved = np.concatenate([[True], (np.diff(position, axis=0) != 0).any(axis=1)])
    run = np.cumsum(moved) - 1
    begin = clock[moved]
    length = np.diff(np.append(begin, clock[-1]))
    return length[run] < _STUCK_SECONDS


def _mean_in_bins(
    clock: np.ndarray, values: np.ndarray, edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each column in each bin (empty bins interpolated), and the count."""
    inside = (clock >= edges[0]) & (clock < edges[-1])
    which = np.searchsorted(edges, clock[inside], side="right") - 1
    count = np.bincount(which, minlength=edges.size - 1)
    filled = count > 0
    centre = (edges[:-1] + edges[1:]) / 2
    means = []
    for column in values[inside].T:
        total = np.bincount(which, weights=column, minlength=edges.size - 1)
        means.append(np.interp(centre, centre[filled], total[filled] / count[filled]))
    return np.column_stack(means), count


def _along_track(place: np.ndarray, tracked: np.ndarray) -> np.ndarray:
    """Return position along the first principal axis, 0 … 1 from end to end."""
    centre = np.median(place[tracked], axis=0)
    axis = np.linalg.svd(place[tracked] - centre, full_matrices=False)[2][0]
    along = (place - centre) @ (axis * np.sign(axis[np.argmax(np.abs(axis))]))
    low, high = np.percentile(along[tracked], [0.5, 99.5])
    return np.clip((along - low) / (high - low), 0.0, 1.0)


def system() -> Packaged:
    """Return the system ``hippocampus``."""
    return packaged(
        "hippocampus", "hippocampus", read, variable="place", variables=("place", "track")
    )
