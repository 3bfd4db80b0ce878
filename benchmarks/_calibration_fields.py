"""Tests that set single units against a stimulus of many features, tokens, or examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from benchmarks import _calibration_worlds as worlds
from benchmarks._calibration_measured import DRAWS, Measured, Test, asked, until
from benchmarks._calibration_worlds import World
from benchmarks._hostile import autoregressive
from homologue import tuning
from homologue.recording import make, variable

FEW = {"permutations": DRAWS}

FEATURES = 3


def beside(
    question: Callable[[xr.DataArray, np.ndarray, np.random.Generator], dict[str, Any]],
    *,
    units: int = 10,
) -> Callable[[World, int, np.random.Generator], Measured]:
    """Return the measurement of a test that takes a stimulus as an array.

    Its features depend on each other as the world's units do (and have nothing to do with them).
    """

    def measure(world: World, sets: int, rng: np.random.Generator) -> Measured:
        def draw() -> dict[str, Any]:
            declared = world.declare(rng, 2)
            activity = world.activity(rng, declared, units)
            stimulus = world.activity(rng, declared, FEATURES)
            return question(declared.recording(activity), stimulus, rng)

        return until(sets, units, draw)

    return measure


def _field(rec: xr.DataArray, stimulus: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    found = tuning.receptive_field(rec, stimulus, rng=rng, **FEW)
    return {"prediction": found.p, "average": found.average_p.min(("lag", "feature"))}


def _covariance(
    rec: xr.DataArray, stimulus: np.ndarray, rng: np.random.Generator
) -> dict[str, Any]:
    rec = np.abs(rec)
    return {"": tuning.triggered_covariance(rec, stimulus, rng=rng, keep=1, **FEW).p[:, 0]}


def _illusion(rec: xr.DataArray, rng: np.random.Generator) -> dict[str, Any]:
    found = tuning.examples.illusion(
        rec, "label", rng=rng, top=3, directions=2, sets=2, permutations=DRAWS
    )
    return {"effect": found.p, "label of the top": found.top_p}


DOCUMENTS = 24
LENGTH = 12


def _position(rng: np.random.Generator, units: int) -> np.ndarray:
    """The same effect of every position, large of the first, in all documents."""
    effect = rng.standard_normal((LENGTH, units))
    effect[0] *= 10
    return np.tile(effect, (DOCUMENTS, 1))


def _slow(rng: np.random.Generator, units: int) -> np.ndarray:
    series = autoregressive(rng, LENGTH, DOCUMENTS * units, 0.8)
    return series.reshape(LENGTH, DOCUMENTS, units).swapaxes(0, 1).reshape(-1, units)


def _noise(rng: np.random.Generator, units: int) -> np.ndarray:
    return rng.standard_normal((DOCUMENTS * LENGTH, units))


TEXTS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "documents, independent tokens": _noise,
    "documents with large first positions": lambda rng, units: (
        _position(rng, units) + _noise(rng, units)
    ),
    "documents with offsets": lambda rng, units: (
        np.repeat(2 * rng.standard_normal((DOCUMENTS, units)), LENGTH, axis=0) + _noise(rng, units)
    ),
    "documents, AR(1) along positions": _slow,
    "documents, heavy tails (Cauchy)": lambda rng, units: rng.standard_cauchy(
        (DOCUMENTS * LENGTH, units)
    ),
}
"""Activity of the 24 documents of 12 tokens, in whose words the same topics return."""


def context(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``tuning.token_context``: the largest of all pairs of token and offset."""

    def draw() -> dict[str, Any]:
        # A topic a document: some tokens return in it, others never occur.
        topic = rng.dirichlet(np.full(6, 0.5), DOCUMENTS)
        words = np.concatenate([rng.choice(6, LENGTH, p=share) for share in topic])
        words[::LENGTH] = 5  # every document begins alike
        rec = make(
            TEXTS[world.name](rng, 10), group=np.repeat(np.arange(DOCUMENTS), LENGTH),
            variables={
                "position": np.tile(np.arange(LENGTH), DOCUMENTS), "token": variable(words),
            },
        )  # fmt: skip
        return {"": tuning.token_context(rec, rng=rng, keep=1, **FEW).p[:, 0]}

    return until(sets, 10, draw)


ENTRIES: dict[str, Test] = {
    "tuning.receptive_field": Test(beside(_field)),
    "tuning.triggered_covariance": Test(beside(_covariance)),
    "tuning.token_context": Test(context, worlds.named(TEXTS)),
    "tuning.examples.illusion": Test(asked(_illusion)),
}
