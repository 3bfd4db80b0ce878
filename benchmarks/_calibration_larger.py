"""Larger data sets without any effect: clouds for the search of cycles, trials for dynamics.

The same ways of being dependent, and the same names, as in
:mod:`benchmarks._calibration_worlds`.
"""

from __future__ import annotations

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
