"""What the rule protects from: the same data without effect, tested the careless way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks import _calibration_worlds as worlds
from benchmarks._calibration_measured import DRAWS, UNITS
from benchmarks._hostile import Rate, autoregressive, rate
from homologue.inference import centred_ranks, p_value, permutation_test, roll_units
from homologue.inference._shifts import correlation_time
from homologue.population import participation_ratio
from homologue.recording import make
from homologue.representation import decode


def shuffled_series(sets: int, rng: np.random.Generator) -> np.ndarray:
    """Samples of AR(1) series declared groups of their own: labels permute."""
    found = []
    for _ in range(sets // UNITS):
        declared = worlds.SINGLES.declare(rng, 2)
        activity = worlds.SINGLES.activity(rng, declared, UNITS)
        found.append(
            permutation_test(
                activity, declared.label, declared.design(), rng=rng, permutations=DRAWS
            ).p
        )
    return np.array(found)


def far_shifts(sets: int, rng: np.random.Generator) -> np.ndarray:
    """Circular shifts by one correlation time or more, the near ones left out of the null."""
    found = []
    for _ in range(sets // UNITS):
        label = (autoregressive(rng, 80, 1, 0.8)[:, 0] > 0).astype(np.int64)
        if np.unique(label).size < 2:
            continue
        ranks = centred_ranks(autoregressive(rng, 80, UNITS, 0.8)).astype(np.float64)
        lag = min(int(np.ceil(correlation_time(label))), 20)
        shifts = np.append(0, rng.integers(lag, 80 - lag + 1, DRAWS))
        labels = label[(np.arange(80) + shifts[:, None]) % 80].astype(np.float64)
        statistic = np.abs(labels @ ranks)
        found.append(p_value(statistic[0], statistic[1:]))
    return np.array(found)


def rolled_units(sets: int, rng: np.random.Generator) -> np.ndarray:
    """Participation ratio of independent AR(1) units against their circular rolls."""
    found = []
    for _ in range(sets // 4):
        activity = autoregressive(rng, 80, 24, 0.95)
        null = participation_ratio(np.stack([roll_units(activity, rng=rng) for _ in range(DRAWS)]))
        found.append(p_value(participation_ratio(activity), null, tail="lower"))
    return np.array(found)[:, None]


def blind_to_sessions(sets: int, rng: np.random.Generator) -> np.ndarray:
    """Sessions with offsets and uneven classes, the sessions not declared."""
    found = []
    for _ in range(sets // UNITS):
        declared = worlds.SESSIONS.declare(rng, 2)
        activity = worlds.SESSIONS.activity(rng, declared, UNITS)
        design = worlds.Declared(declared.label, declared.group).design()
        found.append(
            permutation_test(activity, declared.label, design, rng=rng, permutations=DRAWS).p
        )
    return np.array(found)


FAILURES: dict[str, tuple[Callable[[int, np.random.Generator], np.ndarray], float, str]] = {
    "labels shuffled over the samples of AR(1) series (φ = .9)": (
        shuffled_series, 0.05, "tuning.selectivity once the stretch is declared",
    ),
    "shifts nearer than a correlation time left out (AR(1), φ = .8)": (
        far_shifts, 0.01, "all shifts are drawn",
    ),
    "units rolled circularly (24 units, AR(1), φ = .95)": (
        rolled_units, 0.05, "population.dimension takes windows",
    ),
    "sessions with offsets not declared": (
        blind_to_sessions, 0.05, "block= keeps exchange within sessions",
    ),
}  # fmt: skip
"""What is done wrong: (p-values, α at which it shows, what is done instead)."""


def failure(name: str, *, sets: int, seed: int) -> Rate:
    """Return how often the careless test finds what is not there."""
    measure, alpha, _ = FAILURES[name]
    return rate(measure(sets, np.random.default_rng([seed, *name.encode()])), alpha)


def leaked_accuracy(*, sets: int, seed: int) -> dict[str, Rate]:
    """Return decoding accuracy of nested data without effect, by samples and by groups.

    Twenty groups of eight samples, a label for each group, twice as much variance between
    groups as within them. Chance is .5.
    """
    rng = np.random.default_rng(seed)
    seen: dict[str, list[float]] = {"KFold over samples": [], "GroupKFold": []}
    group = np.repeat(np.arange(20), 8)
    for _ in range(sets):
        label = rng.permutation(np.arange(20) % 2)[group]
        shared = np.sqrt(2.0) * rng.standard_normal((20, UNITS))[group]
        activity = shared + rng.standard_normal((group.size, UNITS))
        for name, own in (("KFold over samples", np.arange(group.size)), ("GroupKFold", group)):
            rec = make(activity, group=own, variables={"label": label})
            found = decode(rec, "label", rng=rng, permutations=1, resamples=2)
            seen[name].append(float(found.accuracy))
    return {
        name: Rate(float(np.mean(each)), float(np.std(each, ddof=1) / np.sqrt(sets)))
        for name, each in seen.items()
    }
