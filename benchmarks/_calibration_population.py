"""Tests of populations, in data whose units are independent (or drift, where that is the null)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from benchmarks import _calibration_larger as larger
from benchmarks import _calibration_worlds as worlds
from benchmarks._calibration_measured import DRAWS, Measured, Test, asked, until
from benchmarks._calibration_worlds import World
from homologue import population
from homologue._errors import HomologueError
from homologue.recording import make, variable

FEW = {"permutations": DRAWS}

WHITE = (worlds.IID, worlds.HEAVY, worlds.NESTED, worlds.WITHIN, worlds.SESSIONS)
SLOW = (worlds.IID, worlds.HEAVY, worlds.WITHIN, worlds.SERIES)
"""For tests that take half a second a data set."""

GAUSSIAN = (worlds.IID, worlds.NESTED, worlds.WITHIN)
"""What the ε-mixture's null supposes: Cauchy's outliers, and sessions, are mixtures indeed."""


def circular(rec: xr.DataArray) -> xr.DataArray:
    """Return the recording with the classes that occur as points of a circle, evenly spaced."""
    values, code = np.unique(rec["label"].values, return_inverse=True)
    return rec.assign_coords(label=("sample", code.astype(float), {"period": float(values.size)}))


def _order(rec: xr.DataArray, rng: np.random.Generator) -> xr.Dataset:
    return population.circular_order(circular(rec), "label", rng=rng, **FEW)


def _scan(rec: xr.DataArray, rng: np.random.Generator) -> dict[str, Any]:
    found = population.frequency_scan(circular(rec), "label", rng=rng, **FEW)
    return {"one frequency": found.p[0, 1], "any frequency": found.q.min()}


def _helix(rec: xr.DataArray, rng: np.random.Generator) -> dict[str, Any]:
    number = rec.assign_coords(label=("sample", rec["label"].values.astype(float)))
    found = population.number_helix(number, "label", periods=(10.0,), rng=rng, **FEW)
    return {"helix": found.p, "gain of a period": found.p_gain[:, 0]}


def _coordinates(rec: xr.DataArray, rng: np.random.Generator) -> xr.Dataset:
    return population.cycles.coordinates(circular(rec), "label", rng=rng, draws=1, **FEW)


def _find(rec: xr.DataArray, rng: np.random.Generator) -> Any:
    found = population.cycles.find(rec, rng=rng, draws=1, permutations=DRAWS)
    if not np.isfinite(found.p):
        raise HomologueError(str(found.reason.values))
    return found.p


def _demixed(rec: xr.DataArray, rng: np.random.Generator) -> xr.Dataset:
    return population.demixed_components(rec, "label", components=1, rng=rng, **FEW)


def _demixed_together(rec: xr.DataArray, rng: np.random.Generator) -> dict[str, Any]:
    second = variable(rng.permutation(np.arange(rec.sizes["sample"]) % 2), categories=["a", "b"])
    rec = rec.assign_coords(other=("sample", second.values, second.attrs))
    found = population.demixed_components(rec, ["label", "other"], components=1, rng=rng, **FEW)
    return {"one of two": found.p[0], "interaction": found.p[2], "any": found.q.min()}


def _factors(rec: xr.DataArray, rng: np.random.Generator) -> xr.Dataset:
    return population.factor_analysis(rec, factors=(1, 2), permutations=DRAWS, rng=rng)


def _rank(rec: xr.DataArray, rng: np.random.Generator) -> xr.Dataset:
    return population.cross_validated_rank(rec, highest=4, permutations=DRAWS, rng=rng)


def _sequence(rec: xr.DataArray, rng: np.random.Generator) -> xr.Dataset:
    return population.sequence_asymmetry(rec, lags=4, rng=rng, **FEW)


def _timescale(rec: xr.DataArray, rng: np.random.Generator) -> xr.Dataset:
    return population.intrinsic_timescale(rec, rng=rng, **FEW)


def _rotations(rec: xr.DataArray, rng: np.random.Generator) -> dict[str, Any]:
    found = population.rotations(rec, rng=rng, components=4, surrogates=DRAWS)
    return {"rotation": found.p, "linear": found.linear_p, "ratio": found.ratio_p}


def _walk(rng: np.random.Generator, units: int) -> np.ndarray:
    return np.cumsum(rng.standard_normal((80, units)), axis=0)


def _smooth(rng: np.random.Generator, units: int) -> np.ndarray:
    """Gaussian paths of a length scale of a fifth of the recording."""
    place = np.arange(80) / 80
    kernel = np.exp(-((place[:, None] - place) ** 2) / (2 * 0.2**2)) + 1e-8 * np.eye(80)
    return np.linalg.cholesky(kernel) @ rng.standard_normal((80, units))


DRIFTS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "random walks": _walk,
    "random walks in noise": lambda rng, units: (
        _walk(rng, units) + 3 * rng.standard_normal((80, units))
    ),
    "smooth drifts": _smooth,
    "smooth drifts in noise": lambda rng, units: (
        _smooth(rng, units) + 0.5 * rng.standard_normal((80, units))
    ),
}


def phantom(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``population.phantom_oscillation`` of what only drifts: one stretch of 80, ten units."""

    def draw() -> dict[str, Any]:
        rec = make(
            DRIFTS[world.name](rng, 10), group=np.zeros(80, int),
            variables={"time": np.arange(80) * 0.1},
        )  # fmt: skip
        return {"": population.phantom_oscillation(rec, rng=rng, surrogates=DRAWS).p}

    return until(sets, 1, draw)


def irreducible(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``population.irreducible_rank`` of one cluster of independent coordinates."""

    def draw() -> dict[str, Any]:
        declared = world.declare(rng, 2)
        cluster = world.activity(rng, declared, 3)
        found = population.irreducible_rank(
            [cluster], groups=[declared.group], rng=rng, permutations=DRAWS
        )
        if found.reason.values[0]:
            raise HomologueError(str(found.reason.values[0]))
        return {"": found.p}

    return until(sets, 1, draw)


ENTRIES: dict[str, Test] = {
    "population.circular_order": Test(asked(_order, classes=7)),
    "population.frequency_scan": Test(asked(_scan, classes=7)),
    "population.number_helix": Test(
        asked(_helix, classes=20), (worlds.IID, worlds.HEAVY, worlds.NESTED, worlds.SERIES),
    ),
    "population.demixed_components": Test(asked(_demixed)),
    "population.demixed_components (two variables)": Test(
        asked(_demixed_together, classes=2), (worlds.IID, worlds.HEAVY, worlds.NESTED)
    ),
    "population.cross_validated_rank": Test(asked(_rank, classes=2), SLOW),
    "population.factor_analysis": Test(asked(_factors, classes=2), SLOW),
    "population.mixture": Test(
        asked(lambda rec, rng: population.mixture(rec, rng=rng, **FEW), units=2),
        (*GAUSSIAN, worlds.SERIES, worlds.SINGLES),
    ),
    "population.separability": Test(
        asked(lambda rec, rng: population.separability(rec, rng=rng, **FEW), units=2),
        (*WHITE, worlds.SERIES),
    ),
    "population.irreducible_rank": Test(irreducible, GAUSSIAN),
    "population.cycles.find": Test(asked(_find), SLOW),
    "population.cycles.coordinates": Test(asked(_coordinates, classes=8), larger.RINGS),
    "population.sequence_asymmetry": Test(
        asked(_sequence, units=8), (*worlds.PATHS, worlds.SERIES_WHITE, worlds.SINGLES)
    ),
    "population.intrinsic_timescale": Test(
        asked(_timescale), (*worlds.PATHS[:3], worlds.SERIES_WHITE)
    ),
    "population.rotations": Test(asked(_rotations), worlds.PATHS),
    "population.rotations (smooth)": Test(asked(_rotations), larger.SMOOTH),
    "population.phantom_oscillation": Test(phantom, worlds.named(DRIFTS)),
}  # fmt: skip
