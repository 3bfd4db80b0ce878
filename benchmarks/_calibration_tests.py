"""The public tests, each asked of data without effect: their p-values, or why they refuse.

A measurement takes a world and returns, under one or more names, the p-values of its data sets,
shape (independent draw, data set): data sets of one row share a label, so standard errors are
taken over rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks import _calibration_worlds as worlds
from benchmarks._calibration_worlds import Declared, World
from homologue import parallels
from homologue._errors import HomologueError
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
from homologue.population import dimension
from homologue.representation import decode
from homologue.tuning import selectivity

KINDS: tuple[ScoreKind, ...] = ("ranks", "values")
DRAWS = 199
UNITS = 10


@dataclass
class Measured:
    """p-values by name, and how many data sets were refused, with the last reason."""

    p: dict[str, list[np.ndarray]] = field(default_factory=dict)
    tried: int = 0
    refused: int = 0
    reason: str = ""

    def add(self, **p: Any) -> None:
        for name, values in p.items():
            self.p.setdefault(name.replace("_", " "), []).append(np.atleast_1d(values))


def _until(
    sets: int, each: int, draw: Callable[[], dict[str, Any]], *, patience: int = 20
) -> Measured:
    """Collect until there are enough data sets, or until nothing but refusals has come."""
    found = Measured()
    while (found.tried - found.refused) * each < sets:
        if found.refused >= patience and found.refused == found.tried:
            break
        found.tried += 1
        try:
            found.add(**draw())
        except HomologueError as error:
            found.refused += 1
            found.reason = str(error)
    return found


def single_units(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``tuning.selectivity``: ten units without effect are ten data sets that share a label."""

    def draw() -> dict[str, Any]:
        declared = world.declare(rng, 3)
        rec = declared.recording(world.activity(rng, declared, UNITS))
        found = selectivity(rec, "label", rng=rng, permutations=DRAWS)
        return {"share": found.share_p.values, "largest_contrast": found.p.values}

    return _until(sets, UNITS, draw)


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

    return _until(sets, UNITS, draw)


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

    return _until(sets, 1, draw)


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

    return _until(sets, UNITS, draw)


def decoding(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``representation.decode``, ten units."""

    def draw() -> dict[str, Any]:
        declared = world.declare(rng, 3)
        rec = declared.recording(world.activity(rng, declared, UNITS))
        return {"": decode(rec, "label", rng=rng, permutations=DRAWS, resamples=2).p.values}

    return _until(sets, 1, draw)


def dimensions(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``population.dimension`` of ten independent units."""

    def draw() -> dict[str, Any]:
        declared = world.declare(rng, 2)
        rec = declared.recording(world.activity(rng, declared, UNITS))
        return {"": dimension(rec, rng=rng, permutations=DRAWS).p.values}

    return _until(sets, 1, draw)


def claim(identity: str) -> Callable[[World, int, np.random.Generator], Measured]:
    """Return the measurement of one claim, asked as a panel asks it."""

    def measure(world: World, sets: int, rng: np.random.Generator) -> Measured:
        asked = parallels.get(identity)
        effort = parallels.Effort(permutations=DRAWS, resamples=2, repeats=8)
        variable = "label" if "variable" in asked.needs else None

        def draw() -> dict[str, Any]:
            declared = world.declare(rng, 2)
            rec = declared.recording(world.activity(rng, declared, 16))
            seed = int(rng.integers(2**31))
            cell = parallels.ask(
                asked, [rec], variable, system="no effect", effort=effort, seed=seed
            )
            if cell.state in ("not applicable", "failed"):
                raise HomologueError(cell.reason)
            return {"": cell.p}

        return _until(sets, 1, draw)

    return measure


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

    return _until(sets, 1, draw)


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

    return _until(sets, UNITS, draw)


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

    return _until(sets, UNITS, draw)


LABELLED = tuple(world for world in worlds.ALL if world is not worlds.SINGLES)
UNLABELLED = tuple(world for world in worlds.ALL if world not in (worlds.PHASES, worlds.FEW))
CLAIMS = ("units-are-tuned", "population-represents", "code-is-low-dimensional")

TESTS: dict[str, tuple[Callable[..., Measured], tuple[World, ...]]] = {
    "tuning.selectivity": (single_units, LABELLED),
    "representation.decode": (decoding, LABELLED),
    "population.dimension": (dimensions, (*UNLABELLED, worlds.FEW)),
    "claim units-are-tuned": (claim(CLAIMS[0]), LABELLED),
    "claim population-represents": (claim(CLAIMS[1]), LABELLED),
    "claim code-is-low-dimensional": (claim(CLAIMS[2]), UNLABELLED),
    "inference.permutation_test": (engine, LABELLED),
    "families": (families, LABELLED),
    "inference.sequential_p_value": (sequential, LABELLED),
    "inference.calibrate_similarity": (similarity, LABELLED),
    "inference.circular_shift": (shifted_label, (worlds.IID, worlds.HEAVY, worlds.SERIES)),
    "surrogates of units": (unit_pairs, UNLABELLED),
}


def p_values(test: str, world: str, *, sets: int, seed: int) -> Measured:
    """Return the p-values of one test in one world."""
    measure, _ = TESTS[test]
    rng = np.random.default_rng([seed, *test.encode(), *world.encode()])
    return measure(worlds.WORLDS[world], sets, rng)


def tasks() -> Iterator[tuple[str, str]]:
    """Yield every test with every world it is asked in."""
    for test, (_, asked) in TESTS.items():
        for world in asked:
            yield test, world.name
