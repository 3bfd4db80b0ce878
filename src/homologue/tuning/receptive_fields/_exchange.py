"""What may be exchanged between a stimulus and the activity, and what is held out together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float, Int
from homologue.inference import Design, exchangeability
from homologue.tuning._placed import clusters_of, design_of
from homologue.tuning.receptive_fields._lagged import row_codes

DRAWS_AT_ONCE = 32
"""Fixed, so that results depend on no block size."""
_MOST_CLUSTERS = 200
_BLOCK_BYTES = 128 * 2**20


@dataclass(frozen=True)
class Exchange:
    """The design of the null, and clusters of samples for folds and intervals.

    Attributes
    ----------
    design : Design
    group, cluster : array of int, shape (kept,)
        The declared group; what folds and intervals keep together (whole groups, or stretches
        of a session).
    null : str
    """

    design: Design
    group: Any
    cluster: Any
    null: str

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return int(self.cluster.max()) + 1

    def folds(self, count: int) -> Int[Array, "kept"]:
        """Return the fold of each sample; clusters are never split.

        Stretches of a session stay together, so that neighbours in time are held out together.
        """
        found = self.clusters
        if found < 2:
            raise InvalidDesign(
                "prediction needs groups to hold out; all samples are in one group. Declare "
                "the trial, the document or the stretch of time as `group`"
            )
        count = min(count, found)
        number = np.arange(found)
        session = self.design.scheme == "circular shift"
        fold = number * count // found if session else number % count
        return np.asarray(fold[self.cluster])

    def coarse(self) -> Int[Array, "kept"]:
        """Return at most 200 clusters, whole ones joined: as many as an interval needs."""
        return np.asarray(self.cluster % _MOST_CLUSTERS)

    def draws(
        self, activity: Float[Array, "kept unit"], count: int, rng: np.random.Generator
    ) -> Iterator[tuple[slice, slice, np.ndarray]]:
        """Yield exchanged activity in blocks of draws and units.

        Exchanging the activity against the stimulus is exchanging the stimulus against the
        activity; the stimulus's products with itself then stay.

        Yields
        ------
        draws, units : slice
        values : array, shape (kept, draw · unit)
        """
        rows, units = activity.shape
        at_once = max(1, _BLOCK_BYTES // (8 * rows * DRAWS_AT_ONCE))
        for start in range(0, count, DRAWS_AT_ONCE):
            some = slice(start, min(start + DRAWS_AT_ONCE, count))
            index = self.design.draw(some.stop - some.start, rng)
            for left in range(0, units, at_once):
                block = slice(left, min(left + at_once, units))
                values = activity[:, block][index]  # draw, kept, unit
                yield some, block, values.transpose(1, 0, 2).reshape(rows, -1)


def exchange_of(
    rec: xr.DataArray, rows: np.ndarray, now: np.ndarray, minimum_lag: float | None
) -> Exchange:
    """Read off what may be exchanged, from the recording and the stimulus at each sample.

    With ``time``: circular shifts, where the label whose correlation time counts is the
    stimulus's first principal component. With ``position`` alone: whole documents change
    places, token by token, so that what depends on the position or on the token before stays as
    it was. Otherwise samples permute within or between groups.
    """
    if "time" in rec.coords:
        design, group = design_of(rec, rows, _first_component(now), minimum_lag)
        lag = f", by at least {minimum_lag:.4g} s" if minimum_lag else ""
        cluster = clusters_of(rec, rows, group)
        return Exchange(design, group, cluster, f"stimulus against activity, {design.scheme}{lag}")
    _, group = np.unique(rec["group"].values[rows], return_inverse=True)
    group = group.ravel()
    if "position" in rec.coords and np.unique(group).size < group.size:
        block = rec["block"].values[rows] if "block" in rec.coords else None
        design = exchangeability(group, group, block=block)
        return Exchange(design, group, group, "whole documents change places")
    design, group = design_of(rec, rows, row_codes(now), minimum_lag)
    return Exchange(
        design, group, clusters_of(rec, rows, group), f"stimulus against activity, {design.scheme}"
    )


def _first_component(now: np.ndarray) -> np.ndarray:
    if now.shape[1] == 1:
        return np.asarray(now[:, 0])
    centred = now - now.mean(axis=0)
    if now.shape[1] <= len(now):
        direction = np.linalg.eigh(centred.T @ centred)[1][:, -1]
        return np.asarray(centred @ direction)
    return np.asarray(np.linalg.eigh(centred @ centred.T)[1][:, -1])


def usable(rec: xr.DataArray, rows: np.ndarray) -> tuple[Float[Array, "kept unit"], np.ndarray]:
    """Return the activity of the kept samples, zero for units not tested, and the reason."""
    activity = rec.values[rows].astype(np.float64)
    reason = np.full(activity.shape[1], "", dtype=object)
    missing = np.isnan(activity).sum(axis=0)
    still = np.ptp(np.nan_to_num(activity), axis=0) == 0
    silent = still & (np.nan_to_num(activity) == 0).all(axis=0)
    reason[still] = "constant activity"
    reason[silent] = "no activity"
    reason[missing > 0] = [f"not recorded in {n} samples" for n in missing[missing > 0]]
    activity[:, reason != ""] = 0.0
    return activity, reason
