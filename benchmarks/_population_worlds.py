"""Clouds whose shape is known: what ``population.cycles`` has to tell apart.

Each is a recording of a latent shape in 50 noisy units (rings, horseshoe, drift), of Poisson
spikes (torus, linear track), or noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter1d

from homologue import recording

UNITS = 50
SAMPLES = 600


def _embedded(latent: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Return the latent shape, turned into 50 dimensions, with noise in each."""
    axes = np.linalg.qr(rng.standard_normal((UNITS, latent.shape[1])))[0]
    return latent @ axes.T + noise * rng.standard_normal((latent.shape[0], UNITS))


def _circle(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def ring(rng: np.random.Generator) -> xr.DataArray:
    """Return a circle of radius 1, noise of .15 in each of 50 units."""
    angle = rng.uniform(0, 2 * np.pi, SAMPLES)
    return recording.make(
        _embedded(_circle(angle), 0.15, rng),
        variables={"angle": recording.variable(angle, period=2 * np.pi)},
    )


def figure_of_eight(rng: np.random.Generator) -> xr.DataArray:
    """Return two circles that touch."""
    latent = _circle(rng.uniform(0, 2 * np.pi, SAMPLES))
    latent[:, 0] = (latent[:, 0] + 1) * rng.choice([-1, 1], SAMPLES)
    return recording.make(_embedded(latent, 0.1, rng))


def two_rings(rng: np.random.Generator) -> xr.DataArray:
    """Return two parallel circles, 4 radii apart."""
    latent = _circle(rng.uniform(0, 2 * np.pi, SAMPLES))
    return recording.make(
        _embedded(np.column_stack([latent, 4.0 * rng.integers(0, 2, SAMPLES)]), 0.1, rng)
    )


def blob(rng: np.random.Generator) -> xr.DataArray:
    """Return a Gaussian cloud of 3 latent dimensions."""
    return recording.make(_embedded(rng.standard_normal((SAMPLES, 3)), 0.2, rng))


def horseshoe(rng: np.random.Generator) -> xr.DataArray:
    """Return two thirds of a circle."""
    return recording.make(_embedded(_circle(rng.uniform(0, 4 / 3 * np.pi, SAMPLES)), 0.1, rng))


def random_walk(rng: np.random.Generator) -> xr.DataArray:
    """Return 300 independent random walks of 500 steps."""
    walk = np.cumsum(rng.standard_normal((500, 300)), axis=0)
    return recording.make(walk, variables={"time": np.arange(500.0)})


def smooth_drift(rng: np.random.Generator) -> xr.DataArray:
    """Return three slow cosines of the clock, of ½, 1 and 1½ cycles."""
    clock = np.linspace(0, 1, SAMPLES)
    half = np.arange(1, 4)
    latent = np.cos(np.pi * half * clock[:, None] + rng.uniform(0, 2 * np.pi, 3)) / half
    return recording.make(_embedded(latent, 0.1, rng), variables={"time": 60 * clock})


def linear_track(rng: np.random.Generator) -> xr.DataArray:
    """Return Poisson spikes of 60 place cells along a track run to and fro."""
    time = np.arange(4000) * 0.1
    speed = np.abs(1 + 0.5 * gaussian_filter1d(rng.standard_normal(4000), 20) * 9)
    place = np.abs((np.cumsum(speed) * 0.02 + 1) % 2 - 1)
    rate = 10 * np.exp(-0.5 * ((place[:, None] - rng.uniform(0, 1, 60)) / 0.12) ** 2) + 0.3
    return recording.make(
        rng.poisson(0.1 * rate).astype(float), variables={"time": time}, activity_units="spikes"
    )


def toroidal_code(rng: np.random.Generator, samples: int = 5000) -> xr.DataArray:
    """Return Poisson spikes of 100 units tuned to two angles that wander independently."""
    speed = gaussian_filter1d(rng.standard_normal((samples, 2)), 20, axis=0)
    angle = np.cumsum(0.1 * speed / speed.std(axis=0), axis=0)
    centre = rng.uniform(0, 2 * np.pi, (100, 2))
    rate = 20 * np.exp(2 * (np.cos(angle[:, None] - centre) - 1).sum(axis=2))
    angle = angle % (2 * np.pi)
    variables: dict[str, Any] = {"time": np.arange(samples) * 0.1}
    for k in range(2):
        variables[f"angle_{k}"] = recording.variable(angle[:, k], period=2 * np.pi)
    return recording.make(
        rng.poisson(0.1 * rate).astype(float), variables=variables, activity_units="spikes"
    )


def grid_module(
    rng: np.random.Generator, seconds: float = 900.0, spacing: float = 0.5
) -> xr.DataArray:
    """Return Poisson spikes of 100 grid cells of one module, in a box of 1 m.

    Rates are three plane waves 60° apart, summed and rectified, peak 15 spikes/s; phases lie
    uniformly in the unit cell. The animal wanders with a smooth velocity and is reflected.
    """
    samples = round(seconds / 0.1)
    velocity = gaussian_filter1d(rng.standard_normal((samples, 2)), 10, axis=0)
    place = np.abs((np.cumsum(0.01 * velocity / velocity.std(axis=0), axis=0)) % 2 - 1)
    turn = rng.uniform(0, np.pi / 3)
    direction = turn + np.pi / 3 * np.arange(3)
    wave = 4 * np.pi / (np.sqrt(3) * spacing) * np.stack([np.cos(direction), np.sin(direction)])
    side = turn + np.array([np.pi / 6, np.pi / 2])
    cell = spacing * np.stack([np.cos(side), np.sin(side)], axis=1)
    phase = rng.uniform(0, 1, (100, 2)) @ cell
    waves = np.cos((place @ wave)[:, None] - phase @ wave)
    rate = 15 * np.maximum(waves.mean(axis=2), 0)
    return recording.make(
        rng.poisson(0.1 * rate).astype(float),
        variables={"time": np.arange(samples) * 0.1},
        activity_units="spikes",
    )


def autoregressive(rng: np.random.Generator) -> xr.DataArray:
    """Return 30 independent AR(1) units, φ = .9, 1 000 samples."""
    noise = rng.standard_normal((1000, 30))
    values = np.zeros_like(noise)
    for step in range(1, 1000):
        values[step] = 0.9 * values[step - 1] + noise[step]
    return recording.make(values, variables={"time": np.arange(1000.0)})


WORLDS: dict[str, tuple[Callable[[np.random.Generator], xr.DataArray], str, tuple[int, ...]]] = {
    "noisy ring": (ring, "ring", (1, 1, 0)),
    "torus": (toroidal_code, "torus", (1, 2, 1)),
    "grid module": (grid_module, "torus", (1, 2, 1)),
    "figure of eight": (figure_of_eight, "other", (1, 2, 0)),
    "two rings": (two_rings, "other", (2, 2, 0)),
    "blob": (blob, "none", (1, 0, 0)),
    "horseshoe": (horseshoe, "none", (1, 0, 0)),
    "random walk": (random_walk, "none", (1, 0, 0)),
    "smooth drift": (smooth_drift, "none", (1, 0, 0)),
    "linear track": (linear_track, "none", (1, 0, 0)),
}
"""Name → what makes it, its signature, its Betti numbers. ``phantom`` counts as none."""


def right(found: xr.Dataset, name: str) -> bool:
    """Return whether a result has the world's signature and Betti numbers."""
    _, signature, betti = WORLDS[name]
    given = str(found.signature.values)
    if signature == "none":
        return given in ("none", "phantom")
    return given == signature and tuple(int(b) for b in found.betti.values) == betti
