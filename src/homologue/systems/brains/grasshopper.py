"""Grasshopper auditory receptor: spikes with the sound's envelope (Rokem 2006).

One receptor neuron of *Locusta migratoria* hears a tone whose loudness follows Gaussian noise
(cut-off 200 Hz in stimulus 1, 800 Hz in stimulus 2), 10 s of each. With one unit it serves tuning
and receptive fields only.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError
from homologue._typing import Array, Float
from homologue.systems import _assets
from homologue.systems._binning import time_blocks
from homologue.systems._packaged import Packaged, measured, packaged

STIMULI = (1, 2)
STEP_SECONDS = 50e-6
"""Sampling interval of the envelope."""


def spike_times(stimulus: int = 1) -> Float[Array, " spike"]:
    """Return spike times in s from the beginning of a stimulus (1 or 2)."""
    return np.loadtxt(_file("spike_times", stimulus)) * 1e-6


def envelope(stimulus: int = 1) -> Float[Array, " step"]:
    """Return the sound's envelope in dB, one value every 50 µs, for a stimulus (1 or 2).

    Volts are turned to dB, with the maximum at the intensity the spike file's header declares.
    """
    header = _file("spike_times", stimulus).read_text(encoding="utf-8")
    found = re.search(r"intensity \(dB\):\s*([\d.]+)", header)
    if found is None:
        raise HomologueError("the spike file's header declares no intensity (dB)")
    volts = np.loadtxt(_file("stimulus", stimulus), usecols=1)
    level = 20 * np.log10(np.maximum(volts, np.finfo(float).tiny))
    return level - level.max() + float(found[1])


def _file(what: str, stimulus: int) -> Path:
    if stimulus not in STIMULI:
        raise HomologueError(f"stimuli are 1 and 2; given {stimulus!r}")
    return _assets.fetch("grasshopper", f"grasshopper_{what}{stimulus}.txt")


def read(bin_seconds: float = 0.005, group_seconds: float = 1.0) -> xr.DataArray:
    """Return the receptor's firing rate in bins, with the envelope's mean in each.

    Parameters
    ----------
    bin_seconds : float
        Bin width, a multiple of 50 µs.
    group_seconds : float
        Length of a group, s.

    Returns
    -------
    xarray.DataArray
        Bins × 1 unit, spikes/s. On ``sample``: ``time`` (s, stimulus 2 follows stimulus 1),
        ``envelope`` (dB), block = stimulus, group = stretch of ``group_seconds``.
    """
    width = round(bin_seconds / STEP_SECONDS)
    if width < 1 or abs(width * STEP_SECONDS - bin_seconds) > 1e-12:
        raise HomologueError(f"bin_seconds is a multiple of {STEP_SECONDS} s; given {bin_seconds}")
    rates: list[np.ndarray] = []
    levels: list[np.ndarray] = []
    clocks: list[np.ndarray] = []
    blocks: list[np.ndarray] = []
    for stimulus in STIMULI:
        level = envelope(stimulus)
        count = level.size // width
        edges = np.arange(count + 1) * bin_seconds
        offset = clocks[-1][-1] + 2 * bin_seconds if clocks else 0.0
        rates.append(np.histogram(spike_times(stimulus), edges)[0] / bin_seconds)
        levels.append(level[: count * width].reshape(count, width).mean(axis=1))
        clocks.append(offset + edges[:-1] + bin_seconds / 2)
        blocks.append(np.full(count, stimulus))
    time, block = np.concatenate(clocks), np.concatenate(blocks)
    group = np.concatenate([time_blocks(clock, group_seconds) for clock in clocks])
    group = np.unique(np.stack([block, group]), axis=1, return_inverse=True)[1].ravel()
    return recording.make(
        np.concatenate(rates)[:, None],
        unit=["receptor"],
        site="auditory receptor",
        stimulus=block,
        group=group,
        block=block,
        variables={
            "time": measured(time, units="s"),
            "envelope": recording.variable(np.concatenate(levels), units="dB"),
        },
        activity_units="spikes/s",
        sampling_interval=bin_seconds,
        species="Locusta migratoria",
    )


def system() -> Packaged:
    """Return the system ``grasshopper``."""
    return packaged("grasshopper", "grasshopper", read, variables=("envelope",))
