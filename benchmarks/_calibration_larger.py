"""Other data without any effect: clouds for the search of cycles, rings, trials for dynamics.

The same ways of being dependent, and the same names, as in
:mod:`benchmarks._calibration_worlds`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks import _calibration_worlds as worlds
from benchmarks._calibration_worlds import Declared, World

SAMPLES = 300
TRIALS, LAGS = 16, 20


def _singles(rng: np.random.Generator, classes: int) -> Declared:
    return Declared(rng.integers(classes, size=SAMPLES), np.arange(SAMPLES))


def _within(rng: np.random.Generator, classes: int) -> Declared:
    """Thirty groups of ten samples."""
    return Declared(rng.integers(classes, size=SAMPLES), np.arange(SAMPLES) // 10)


def _sessions(rng: np.random.Generator, classes: int) -> Declared:
    block = np.arange(SAMPLES) // 100
    return Declared(rng.integers(classes, size=SAMPLES), np.arange(SAMPLES), {"block": block})


def _series(rng: np.random.Generator, classes: int) -> Declared:
    """One series, in groups of 20 samples."""
    size = 3 * SAMPLES
    time = {"time": np.arange(size) * 0.1}
    return Declared(rng.integers(classes, size=size), np.arange(size) // 20, time)


def _trials(rng: np.random.Generator, classes: int) -> Declared:
    trial = np.arange(TRIALS * LAGS) // LAGS
    lag = np.tile(np.arange(LAGS) * 0.01, TRIALS)
    return Declared(rng.integers(classes, size=trial.size), trial, {"trial": trial, "lag": lag})


CLOUDS = (
    World(worlds.IID.name, _singles, worlds.IID.activity),
    World(worlds.HEAVY.name, _singles, worlds.HEAVY.activity),
    World(worlds.WITHIN.name, _within, worlds.WITHIN.activity),
    World(worlds.SESSIONS.name, _sessions, worlds.SESSIONS.activity),
    World(worlds.SERIES.name, _series, worlds.SERIES.activity),
)
TRAJECTORIES = (
    World(worlds.IID.name, _trials, worlds.IID.activity),
    World(worlds.HEAVY.name, _trials, worlds.HEAVY.activity),
    World(worlds.WITHIN.name, _trials, worlds.WITHIN.activity),
    World(worlds.SERIES.name, _trials, worlds.TRIALS[-1].activity),
)
"""Sixteen trials of twenty samples."""


def _bells(rng: np.random.Generator, declared: Declared, units: int) -> np.ndarray:
    """Gaussian paths of a length scale of a fifth of a trial."""
    place = np.arange(LAGS) / LAGS
    kernel = np.exp(-((place[:, None] - place) ** 2) / (2 * 0.2**2)) + 1e-9 * np.eye(LAGS)
    paths = np.linalg.cholesky(kernel) @ rng.standard_normal((TRIALS, LAGS, units))
    return np.asarray(paths.reshape(declared.samples, units))


def _latents(rng: np.random.Generator, declared: Declared, units: int) -> np.ndarray:
    paths = _bells(rng, declared, 4) @ rng.standard_normal((4, units))
    return np.asarray(paths + 0.05 * rng.standard_normal(paths.shape))


SMOOTH = (
    World("smooth trials", _trials, _bells),
    World("smooth trials, skewed", _trials, lambda *given: np.exp(1.2 * _bells(*given))),
    World("four smooth latents in noise", _trials, _latents),
)
"""Trials as smooth as averaged rates, of units that do not rotate."""


Angles = Callable[[np.random.Generator, Declared], np.ndarray]


def _each(rng: np.random.Generator, declared: Declared) -> np.ndarray:
    return rng.uniform(0, 2 * np.pi, declared.samples)


def _per_group(rng: np.random.Generator, declared: Declared) -> np.ndarray:
    own = rng.uniform(0, 2 * np.pi, int(declared.group.max()) + 1)[declared.group]
    return own + 0.3 * rng.standard_normal(declared.samples)


def _per_session(rng: np.random.Generator, declared: Declared) -> np.ndarray:
    """Every session prefers a direction of its own."""
    block = declared.further["block"]
    preferred = rng.uniform(0, 2 * np.pi, int(block.max()) + 1)
    return rng.vonmises(preferred[block], 1.0)


def _walk(rng: np.random.Generator, declared: Declared) -> np.ndarray:
    return np.cumsum(0.7 * rng.standard_normal(declared.samples))


def _ring(world: World, angles: Angles, *, tails: bool = False) -> World:
    """Return the world with a ring for its activity, whose angle depends as its samples do."""

    def activity(rng: np.random.Generator, declared: Declared, units: int) -> np.ndarray:
        angle = angles(rng, declared)
        both = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        noise = (
            rng.standard_t(2, (angle.size, units)) / 2
            if tails
            else rng.standard_normal((angle.size, units))
        )
        return both @ rng.standard_normal((2, units)) + 0.15 * noise

    return World(world.name, world.declare, activity)


RINGS = (
    _ring(worlds.IID, _each),
    _ring(worlds.HEAVY, _each, tails=True),
    _ring(worlds.NESTED, _per_group),
    _ring(worlds.WITHIN, _per_group),
    _ring(worlds.SESSIONS, _per_session),
    _ring(worlds.SERIES, _walk),
    _ring(worlds.PHASES, _walk),
    _ring(worlds.FEW, _per_group),
)
"""Rings that have nothing to do with the label."""
