"""Macaque motor cortex under a brain–computer interface: 86 units × 8 directions (Golub 2018).

Spike counts in 45 ms bins while a decoder turned them into cursor movements, before and after
the animal learned a perturbed decoder. The file holds, per learning phase and direction from
cursor to target, a cloud of 69 bins, without trial numbers. Each trial opens with bins in which
the cursor has not moved yet and the direction is the target's exactly; a new trial is therefore
taken to begin where the direction becomes exact again. The last bins of a cloud's trial may
belong to a trial towards a neighbouring target that passed by: they are counted with the trial
before, never split from it, so that groups are at least as large as trials.
"""

from __future__ import annotations

import numpy as np
import scipy.io
import xarray as xr

from homologue import recording
from homologue._errors import UnknownName, nearest
from homologue._typing import Array, Float, Int
from homologue.systems import _assets
from homologue.systems._packaged import Packaged, measured, packaged

BIN_SECONDS = 0.045
PHASES = {"before": "beforeLearning", "after": "afterLearning"}
"""Learning phase → variable in the file."""


def trials(direction: Float[Array, "2 bin"], target: float) -> Int[Array, " bin"]:
    """Return the trial of each bin, inferred from where the direction is the target's exactly.

    Parameters
    ----------
    direction : array, shape (2, bin)
        Unit vector from cursor to target.
    target : float
        The cloud's direction, degrees.

    Examples
    --------
    >>> angle = np.radians([10.0, 0, 0, 0, 4, 9, 0, 0, 3])
    >>> trials(np.stack([np.cos(angle), np.sin(angle)]), 0.0).tolist()
    [0, 1, 1, 1, 1, 1, 2, 2, 2]
    """
    aim = np.array([np.cos(np.radians(target)), np.sin(np.radians(target))])
    exact = np.abs(direction - aim[:, None]).max(axis=0) < 1e-6
    begins = exact & ~np.concatenate([[False], exact[:-1]])
    return np.cumsum(begins).astype(np.int64)


def read(phase: str | None = None, sample: str = "trial") -> xr.DataArray:
    """Return the units' activity by direction from cursor to target.

    Parameters
    ----------
    phase : {"before", "after"}, optional
        Before or after learning the perturbed decoder; both, as two blocks, if left out.
    sample : {"trial", "bin"}
        A trial's mean over its bins, or every bin with its place in the trial.

    Returns
    -------
    xarray.DataArray
        Samples × 86 units, spikes/s. On ``sample``: ``direction`` (8), ``angle`` (degrees,
        period 360), ``learning`` (before, after), group = trial, block = learning phase; for
        bins ``trial`` and ``lag`` (s from the trial's first bin in the cloud).
    """
    if phase is not None and phase not in PHASES:
        raise UnknownName(f"phase {phase!r} is not known" + nearest(phase, PHASES))
    if sample not in ("trial", "bin"):
        raise UnknownName(f"sample {sample!r} is not known" + nearest(sample, ("trial", "bin")))
    file = scipy.io.loadmat(_assets.fetch("motor-bci"))
    columns: dict[str, list[np.ndarray]] = {
        k: [] for k in ("rate", "angle", "trial", "lag", "phase")
    }
    offset = 0
    for code, name in enumerate(PHASES):
        if phase not in (None, name):
            continue
        clouds = file[PHASES[name]][0, 0]["clouds"][0, 0]
        for index, angle in enumerate(clouds["angles"].ravel().astype(float)):
            counts = clouds["spikes"][0, index].T.astype(float)
            trial = trials(clouds["cursorToTargetDirection"][0, index], angle)
            trial -= trial[0]
            first = np.searchsorted(trial, trial)
            columns["rate"].append(counts / BIN_SECONDS)
            columns["trial"].append(trial + offset)
            columns["lag"].append((np.arange(trial.size) - first) * BIN_SECONDS)
            columns["angle"].append(np.full(trial.size, angle))
            columns["phase"].append(np.full(trial.size, code))
            offset += int(trial[-1]) + 1
    rate, angle, trial, lag, number = (np.concatenate(part) for part in columns.values())
    if sample == "trial":
        _, first = np.unique(trial, return_index=True)
        rate = np.add.reduceat(rate, first, axis=0) / np.diff(np.append(first, trial.size))[:, None]
        angle, trial, number = angle[first], trial[first], number[first]
    variables = {
        "direction": recording.variable(
            np.round(angle / 45).astype(int),
            categories=[f"{45 * i}°" for i in range(8)],
            quantity="space",
        ),
        "angle": recording.variable(angle, period=360.0, units="degrees", quantity="space"),
        "learning": recording.variable(number, categories=list(PHASES)),
    }
    if sample == "bin":
        variables["trial"] = recording.variable(trial)
        variables["lag"] = measured(lag, units="s")
    return recording.make(
        rate,
        unit=[f"M1-{i:02d}" for i in range(1, rate.shape[1] + 1)],
        site="primary motor cortex",
        group=trial,
        block=number,
        variables=variables,
        activity_units="spikes/s",
        sampling_interval=BIN_SECONDS,
        species="Macaca mulatta",
    )


def system(part: str | None = None) -> Packaged:
    """Return the system ``motor-bci``; ``part`` is a learning phase (``before``, ``after``)."""
    return packaged(
        "motor-bci" if part is None else f"motor-bci/{part}",
        "motor-bci",
        read,
        family="motor-bci",
        variable="direction",
        variables=("direction", "angle"),
        options={"phase": part} if part else {},
    )
