"""The tests of ``homologue.inference``, on arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks._calibration_measured import DRAWS, UNITS, Measured, until
from benchmarks._calibration_worlds import Declared, World
from homologue.inference import (
    Design,
    benjamini_hochberg,
    benjamini_yekutieli,
    calibrate_similarity,
    circular_shift,
    exchangeability,
    p_value,
    permutation_test,
    randomise_phase,
    roll_units,
    row_permutations,
    sequential_p_value,
    shuffle_units,
)
from homologue.inference._permutation import StatisticName
from homologue.inference._scores import ScoreKind

KINDS: tuple[ScoreKind, ...] = ("ranks", "values")


def engine(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``inference.permutation_test``: every statistic, on ranks and on values."""
    tested: dict[StatisticName, dict[str, Any]] = {
        "share": {},
        "contrast": {},
        "largest contrast": {},
        "chosen contrast": {"chosen": (np.zeros(UNITS, int), np.ones(UNITS, int))},
    }

    def draw() -> dict[str, Any]:
        declared = world.declare(rng, 3)
        design = declared.design()
        activity = world.activity(rng, declared, UNITS)
        found = {}
        for scores in KINDS:
            for statistic, options in tested.items():
                p = permutation_test(
                    activity, declared.label, design, rng=rng, permutations=DRAWS,
                    scores=scores, statistic=statistic, **options,
                ).p  # fmt: skip
                found[f"{statistic} of {scores}"] = p[0] if p.ndim == 2 else p
        return found

    return until(sets, UNITS, draw)


def families(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """Any discovery among ten units that share noise, by each correction: one p a data set."""

    def draw() -> dict[str, Any]:
        declared = world.declare(rng, 3)
        noise = world.activity(rng, declared, UNITS + 1)
        activity = noise[:, 1:] + noise[:, :1]
        found = permutation_test(
            activity, declared.label, declared.design(), rng=rng, permutations=DRAWS
        )
        return {
            "max_t": found.p_family.min(),
            "BH": benjamini_hochberg(found.p).min(),
            "BY": benjamini_yekutieli(found.p).min(),
        }

    return until(sets, 1, draw)


def sequential(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """Besag–Clifford on the difference of two class means."""

    def draw() -> dict[str, Any]:
        declared = world.declare(rng, 2)
        design = declared.design()
        activity = world.activity(rng, declared, UNITS)

        def difference(labels: np.ndarray) -> np.ndarray:
            first = (labels == 0).astype(np.float64)
            return first @ activity / first.sum(axis=1, keepdims=True) - (
                (1 - first) @ activity / (1 - first).sum(axis=1, keepdims=True)
            )

        def more(count: int, active: np.ndarray) -> np.ndarray:
            return difference(declared.label[design.draw(count, rng)])[:, active]

        observed = difference(declared.label[None])[0]
        found = sequential_p_value(
            observed, more, exceedances=10, maximum_draws=DRAWS, tail="two-sided"
        )
        return {"": found.p}

    return until(sets, UNITS, draw)


def _cka(first: np.ndarray, second: np.ndarray) -> float:
    x, y = first - first.mean(axis=0), second - second.mean(axis=0)
    square = np.linalg.norm(x.T @ y) ** 2
    return float(square / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))


def similarity(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``inference.calibrate_similarity`` of linear CKA, rows permuted as their design allows."""

    def draw() -> dict[str, Any]:
        declared = world.declare(rng, 2)
        activity = world.activity(rng, declared, 12)
        if np.unique(declared.group).size == declared.samples and not declared.further:
            index = row_permutations(declared.samples, DRAWS, rng=rng)
        else:
            # A row is its own condition: what may be exchanged is the rows themselves.
            index = _rows(declared).draw(DRAWS, rng)
        found = calibrate_similarity(_cka, activity[:, :6], activity[:, 6:], index)
        return {"": found.p}

    return until(sets, 1, draw)


def _rows(declared: Declared) -> Design:
    own = declared.group if "time" not in declared.further else np.arange(declared.samples)
    return exchangeability(own, declared.group, **declared.further)


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    x, y = first - first.mean(axis=0), second - second.mean(axis=0)
    return np.abs((x * y).sum(axis=0) / np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0)))


def shifted_label(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``inference.circular_shift`` of the activity against a label, at every lag."""

    def draw() -> dict[str, Any]:
        declared = world.declare(rng, 2)
        declared.design()
        stretch = None if "time" in declared.further else declared.group
        if np.unique(declared.group).size == declared.samples:
            stretch = declared.further.get("block")
        activity = world.activity(rng, declared, UNITS)
        label = declared.label[:, None].astype(np.float64)
        null = np.stack([
            _correlation(circular_shift(activity, rng=rng, minimum_lag=0, stretch=stretch), label)
            for _ in range(DRAWS)
        ])  # fmt: skip
        return {"": p_value(_correlation(activity, label), null)}

    return until(sets, UNITS, draw)


def unit_pairs(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """Correlation of two units against each surrogate that breaks it, ten pairs at once."""

    def draw() -> dict[str, Any]:
        declared = world.declare(rng, 2)
        activity = world.activity(rng, declared, 2 * UNITS)
        single = np.unique(declared.group).size == declared.samples
        block = declared.further.get("block") if single else declared.group
        makers: dict[str, Callable[[], np.ndarray]] = {}
        if "time" in declared.further:
            makers["roll_units"] = lambda: roll_units(activity, rng=rng)
            makers["randomise_phase"] = lambda: randomise_phase(activity, rng=rng)
        else:
            makers["shuffle_units"] = lambda: shuffle_units(activity, rng=rng, block=block)
        observed = _correlation(activity[:, :UNITS], activity[:, UNITS:])
        found = {}
        for name, surrogate in makers.items():
            drawn = (surrogate() for _ in range(DRAWS))
            null = np.stack([_correlation(one[:, :UNITS], one[:, UNITS:]) for one in drawn])
            found[name] = p_value(observed, null)
        return found

    return until(sets, UNITS, draw)
