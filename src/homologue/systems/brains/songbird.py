"""Zebra finch HVC during song: 75 neurons × 666 frames at 30 Hz (Mackevicius 2019)."""

from __future__ import annotations

import numpy as np
import scipy.io
import xarray as xr

from homologue import recording
from homologue.systems import _assets
from homologue.systems._binning import running_clock, time_blocks
from homologue.systems._packaged import Packaged, measured, packaged


def read(group_seconds: float = 2.0) -> xr.DataArray:
    """Return deconvolved calcium activity, frame by frame, with the song's loudness.

    Parameters
    ----------
    group_seconds : float
        Length of a group, s.

    Returns
    -------
    xarray.DataArray
        666 frames × 75 neurons (one of them silent throughout). On ``sample``: ``time`` (s),
        ``song_power`` (mean of the spectrogram over frequencies and the frame's time).
    """
    file = scipy.io.loadmat(_assets.fetch("songbird"))
    neural = file["NEURAL"].T.astype(np.float64)
    rate = float(file["VIDEOfs"].item())
    time = running_clock(neural.shape[0], 1 / rate)
    loudness = spectrogram()
    frame = np.minimum((loudness["time"].values * rate).astype(int), neural.shape[0] - 1)
    total = np.bincount(frame, weights=loudness.mean("frequency").values)
    power = total / np.bincount(frame)
    return recording.make(
        neural,
        unit=[f"HVC-{i:02d}" for i in range(1, neural.shape[1] + 1)],
        site="HVC",
        group=time_blocks(time, group_seconds),
        variables={
            "time": measured(time, units="s"),
            "song_power": measured(power, units="arbitrary"),
        },
        activity_units="deconvolved fluorescence, arbitrary",
        sampling_interval=1 / rate,
        species="Taeniopygia guttata",
    )


def spectrogram() -> xr.DataArray:
    """Return the song's spectrogram, dims ``(time, frequency)``, 200 Hz, values 0 … 1.

    The file does not say which frequency a row is; ``frequency`` counts rows.
    """
    file = scipy.io.loadmat(_assets.fetch("songbird"))
    song = file["SONG"].T.astype(np.float64)
    time = running_clock(song.shape[0], 1 / float(file["SONGfs"].item()))
    return xr.DataArray(
        song,
        dims=("time", "frequency"),
        coords={"time": ("time", time, {"units": "s"}), "frequency": np.arange(song.shape[1])},
        name="song",
    )


def system() -> Packaged:
    """Return the system ``songbird``."""
    return packaged("songbird", "songbird", read, variables=("song_power",))
