"""Recordings with known truth, shared by the tests of tuning."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter

from homologue.recording import make, variable

STEP = 0.1


def autoregressive(count: int, units: int, memory: float, rng: np.random.Generator) -> np.ndarray:
    """AR(1) series of unit variance, (count, units)."""
    noise = rng.standard_normal((count + 300, units))
    return lfilter([1.0], [1.0, -memory], noise, axis=0)[300:] * np.sqrt(1 - memory**2)


def unrelated(rng: np.random.Generator, *, count: int = 1000, units: int = 20) -> xr.DataArray:
    """Slow spiking units and a slow position that know nothing of each other."""
    position = autoregressive(count, 1, 0.95, rng)[:, 0]
    rate = np.exp(autoregressive(count, units, 0.9, rng) / 2)
    return session(rng.poisson(rate), position=position, angle=(position * 2) % (2 * np.pi))


def session(counts: np.ndarray, **variables: np.ndarray) -> xr.DataArray:
    """One session of spike counts; an ``angle`` has a period."""
    periods = {"angle": 2 * np.pi}
    return make(
        counts,
        group=np.zeros(len(counts), dtype=int),
        variables={
            "time": np.arange(len(counts)) * STEP,
            **{k: variable(v, period=periods.get(k)) for k, v in variables.items()},
        },
        activity_units="spikes",
        sampling_interval=STEP,
    )


def running(rng: np.random.Generator, count: int) -> np.ndarray:
    """A position that runs round a track of length 1 at an uneven pace."""
    return np.cumsum(rng.uniform(0, 0.08, count)) % 1


@pytest.fixture(scope="session")
def planted() -> SimpleNamespace:
    """The functions above, for tests, which import nothing of each other."""
    return SimpleNamespace(
        autoregressive=autoregressive, unrelated=unrelated, session=session, running=running
    )
