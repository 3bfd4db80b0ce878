"""Trials, or averages over the trials of a condition, as trajectories sampled evenly in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue.recording import classes, unstack, validate


@dataclass(frozen=True)
class Trajectories:
    """Activity (trajectory, time, unit), and what is independent of what.

    Attributes
    ----------
    activity : array, shape (trajectory, time, unit)
    lag : array, shape (time,)
        s.
    group : array of int, shape (trajectory,)
        Numbered from 0.
    averaged : str
        Over what; empty for single trials.
    """

    activity: Any
    lag: Any
    group: Any
    averaged: str

    @property
    def step(self) -> float:
        """Seconds from one time to the next."""
        return float(np.diff(self.lag).mean())


def trajectories(rec: xr.DataArray, condition: str | None, *, fewest_times: int) -> Trajectories:
    """Return the trials of a recording, averaged by condition if one is named.

    Times at which a trial was not recorded are left out of all.

    Raises
    ------
    InvalidDesign
        Too few times in common or trajectories; uneven times; trials of units that were not
        recorded together.
    InvalidRecording, UnknownName
        NaN; no ``trial`` or ``lag`` on ``sample``.
    """
    validate(rec, needs=["trial", "lag"])
    whole = unstack(rec)
    lags = whole["lag"].values.astype(np.float64)
    kept = whole["recorded"].values.all(axis=0)
    if kept.sum() < fewest_times:
        raise InvalidDesign(
            f"the trials have {int(kept.sum())} times in common; dynamics need at least "
            f"{fewest_times}: align the trials to an event, and cut them to one window"
        )
    lags = lags[kept]
    step = np.diff(lags)
    if np.ptp(step) > 1e-3 * step.mean():
        raise InvalidDesign(
            f"times are {step.min():.4g} … {step.max():.4g} s apart; a derivative needs even ones"
        )
    activity = whole.values[:, kept].astype(np.float64)
    _, first = np.unique(rec["trial"].values, return_index=True)
    _, group = np.unique(rec["group"].values[first], return_inverse=True)
    averaged = ""
    if condition is not None:
        validate(rec, needs=[condition])
        codes, _ = classes(rec, condition)
        _, row = np.unique(rec["trial"].values, return_inverse=True)
        if (codes != codes[first][row]).any():
            raise InvalidDesign(
                f"{condition!r} changes within a trial; a condition belongs to the whole trial"
            )
        labelled = codes[first] >= 0
        values, inverse = np.unique(codes[first][labelled], return_inverse=True)
        sums = np.zeros((values.size, *activity.shape[1:]))
        np.add.at(sums, inverse, activity[labelled])
        activity = sums / np.bincount(inverse)[:, None, None]
        group, averaged = np.arange(values.size), condition
    elif not rec.attrs.get("simultaneous", 1) and not _averages(rec, first):
        raise InvalidDesign(
            "the units were not recorded simultaneously, so that a single trial has no state; "
            "name the condition whose trials are averaged: condition='stimulus'"
        )
    if activity.shape[0] < 2:
        raise InvalidDesign(
            f"{activity.shape[0]} trajectory; what is common to all is subtracted, so at least 2"
        )
    return Trajectories(activity, lags, group, averaged)


def _averages(rec: xr.DataArray, first: np.ndarray) -> bool:
    """Return whether every stimulus has one trial: averages, which need no simultaneity."""
    if "stimulus" not in rec.coords:
        return False
    stimulus = rec["stimulus"].values[first]
    return np.unique(stimulus).size == stimulus.size
