"""One statistic of a unit's sums in bins: observed, under the null, with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import norm

from homologue.inference import benjamini_hochberg, result
from homologue.tuning._placed import Placed, add_one

Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From sums (draw, bin, unit) and occupancy (draw or 1, bin) to values (draw, unit)."""

LEVEL = 0.95
_BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Tested:
    """A statistic of every unit beside its null; NaN where a unit was not tested."""

    effect: Any
    low: Any
    high: Any
    null: Any
    p: Any


def run_binned(
    placed: Placed,
    statistic: Statistic,
    *,
    permutations: int,
    rng: np.random.Generator | int,
    limits: tuple[float, float] = (-np.inf, np.inf),
    columns: int = 1,
) -> Tested:
    """Run a statistic on the data, on every relabelling, and without each cluster in turn.

    Parameters
    ----------
    placed : Placed
    statistic : callable
        Vectorised over draws and units, see :data:`Statistic`.
    permutations : int
    rng : numpy Generator or int
    limits : (float, float)
        The statistic's range.
    columns : int
        Columns of the activity that belong to one unit, their values added up.
    """
    units = placed.activity.shape[1]
    null = np.empty((permutations, units // columns))
    observed = statistic(placed.sums()[None], placed.occupancy[None])
    every = np.empty((permutations, units))
    for block, sums, occupancy in placed.null_sums(permutations, rng):
        every[:, block] = statistic(sums, occupancy)
    null = _joined(every, columns)
    effect = _joined(observed, columns)[0]
    low, high = _jackknife(placed, statistic, effect, columns, limits)
    tested = placed.tested[::columns] & np.isfinite(effect)
    blank = np.where(tested, 0.0, np.nan)
    return Tested(
        effect + blank,
        low + blank,
        high + blank,
        null + blank,
        add_one(effect, null, tested=tested),
    )


def _joined(values: np.ndarray, columns: int) -> np.ndarray:
    return values if columns == 1 else values.reshape(len(values), -1, columns).sum(axis=2)


def _jackknife(
    placed: Placed,
    statistic: Statistic,
    effect: np.ndarray,
    columns: int,
    limits: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """Return a normal interval around the bias-corrected value, leaving out one cluster each."""
    count, units = int(placed.cluster.max()) + 1, placed.activity.shape[1]
    if count < 5:
        return np.full(effect.shape, np.nan), np.full(effect.shape, np.nan)
    without = np.empty((count, units))
    at_once = max(1, _BLOCK_BYTES // (8 * count * (placed.bins.size + 1)))
    for left in range(0, units, at_once):
        block = slice(left, left + at_once)
        sums, occupancy = placed.cluster_sums(block)
        without[:, block] = statistic(sums.sum(axis=0) - sums, occupancy.sum(axis=0) - occupancy)
    values = _joined(without, columns)
    mean = values.mean(axis=0)
    error = np.sqrt((count - 1) / count * ((values - mean) ** 2).sum(axis=0))
    centre = count * effect - (count - 1) * mean
    reach = norm.ppf((1 + LEVEL) / 2) * error
    return np.clip(centre - reach, *limits), np.clip(centre + reach, *limits)


def as_dataset(
    rec: xr.DataArray, placed: Placed, found: Tested, *, columns: int = 1, **attrs: Any
) -> xr.Dataset:
    """Return a result on ``unit`` with its coordinates, ``q`` and the reason for every NaN."""
    on_unit = {str(k): c for k, c in rec.coords.items() if c.dims == ("unit",)}
    clusters = int(placed.cluster.max()) + 1
    with np.errstate(invalid="ignore"):
        data = result(
            effect=found.effect,
            low=found.low,
            high=found.high,
            null_mean=found.null.mean(axis=0),
            null_std=found.null.std(axis=0, ddof=1),
            p=found.p,
            q=benjamini_hochberg(found.p),
            n=clusters,
            dims=("unit",),
            coords=on_unit,
            attrs={
                **attrs,
                "permutations": len(found.null),
                "interval": f"95 %, jackknife over {clusters} clusters, bias-corrected",
                "family": f"Benjamini–Hochberg over {int(np.isfinite(found.p).sum())} units",
                **placed.attrs,
            },
        )
    reason = placed.reason[::columns].copy()
    reason[(reason == "") & np.isnan(found.p)] = "undefined for this activity"
    return data.assign(reason=("unit", reason.astype(str)))
