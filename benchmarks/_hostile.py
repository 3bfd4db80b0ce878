"""Data without any effect that nevertheless break careless tests: what the engine finds in it.

Each kind draws activity and label independently of each other. ``label_draws`` sets of labels
times ``units`` give the data sets; those that share a label share its relabellings, so standard
errors are taken over labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.signal import lfilter

from homologue.inference import (
    benjamini_hochberg,
    benjamini_yekutieli,
    exchangeability,
    mean_interval,
    permutation_null,
    permutation_test,
    score,
    sequential_p_value,
)

ScoreKind = Literal["ranks", "values"]
Method = Literal["studentised", "bca"]


@dataclass(frozen=True)
class Rate:
    """A measured rate with its standard error."""

    value: float
    error: float


def autoregressive(rng: np.random.Generator, n: int, units: int, phi: float) -> np.ndarray:
    """Return stationary AR(1) series, shape (n, units)."""
    noise = rng.standard_normal((n + 200, units))
    return lfilter([1.0], [1.0, -phi], noise, axis=0)[200:]


def _independent(rng: np.random.Generator, units: int) -> dict[str, Any]:
    return {
        "activity": rng.standard_normal((48, units)),
        "label": rng.permutation(np.arange(48) % 3),
        "group": np.arange(48),
    }


def _heavy_tails(rng: np.random.Generator, units: int) -> dict[str, Any]:
    silent = rng.random((48, units)) < 0.5
    return {
        "activity": np.where(silent, 0.0, rng.standard_cauchy((48, units))),
        "label": rng.permutation(np.repeat([0, 0, 0, 1], 12)),
        "group": np.arange(48),
    }


def _nested(rng: np.random.Generator, units: int) -> dict[str, Any]:
    group = np.repeat(np.arange(24), rng.integers(2, 9, 24))
    label = rng.permutation(np.arange(24) % 2)[group]
    shared = 2.0 * rng.standard_normal((24, units))[group]
    return {
        "activity": shared + rng.standard_normal((group.size, units)),
        "label": label,
        "group": group,
    }


def _within(rng: np.random.Generator, units: int) -> dict[str, Any]:
    group = np.repeat(np.arange(12), 6)
    label = np.concatenate([rng.permutation([0, 0, 0, 1, 1, 2]) for _ in range(12)])
    shared = 2.0 * rng.standard_normal((12, units))[group]
    return {
        "activity": shared + rng.standard_normal((72, units)),
        "label": label,
        "group": group,
    }


def _series(rng: np.random.Generator, units: int) -> dict[str, Any]:
    label = np.zeros(600, dtype=np.int64)
    while np.unique(label).size < 2:
        label = (autoregressive(rng, 600, 1, 0.8)[:, 0] > 0).astype(np.int64)
    return {
        "activity": autoregressive(rng, 600, units, 0.95),
        "label": label,
        "group": np.zeros(600, dtype=np.int64),
        "time": np.arange(600) * 0.1,
        # Near shifts resemble the data: leaving them out of the null would be anticonservative.
        "minimum_lag": 0.0,
    }


_DECLARED = ("time", "block", "minimum_lag")

KINDS = {
    "iid": _independent,
    "heavy tails": _heavy_tails,
    "nested, label per group": _nested,
    "nested, label within groups": _within,
    "AR(1)": _series,
}


def p_values(
    kind: str, *, label_draws: int, units: int, scores: ScoreKind, seed: int, ignore: str = ""
) -> np.ndarray:
    """Return p of no-effect data under the design the rule selects, (label draw, unit).

    ``ignore`` names a declaration to leave out, to show what it protects from.
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(label_draws):
        data = KINDS[kind](rng, units)
        declared = {k: v for k, v in data.items() if k in _DECLARED and k != ignore}
        group = data["group"]
        if ignore in ("group", "time"):
            group = np.arange(group.size)
        design = exchangeability(data["label"], group, **declared)
        null = permutation_test(
            data["activity"], data["label"], design, rng=rng, permutations=199, scores=scores
        )
        found.append(null.p)
    return np.array(found)


def rate(p: np.ndarray, alpha: float) -> Rate:
    """Return P(p ≤ alpha) with its standard error over label draws."""
    each = (p <= alpha + 1e-12).mean(axis=1)
    binomial = np.sqrt(alpha * (1 - alpha) / p.size)
    return Rate(float(each.mean()), float(max(each.std(ddof=1) / np.sqrt(each.size), binomial)))


def family_wise_error(runs: int, *, units: int = 1000, seed: int = 0) -> Rate:
    """Return how often max-T finds anything among units of correlation .5 without effect."""
    rng = np.random.default_rng(seed)
    label = np.arange(40) % 2
    hits = 0
    for _ in range(runs):
        common = rng.standard_normal((40, 1))
        activity = (common + rng.standard_normal((40, units))) / np.sqrt(2)
        index = rng.permuted(np.tile(np.arange(40), (199, 1)), axis=1)
        null = permutation_null(score(activity), label, index)
        hits += bool((null.p_family <= 0.05 + 1e-12).any())
    share = hits / runs
    return Rate(share, float(np.sqrt(max(share * (1 - share), 0.05 * 0.95) / runs)))


def false_discovery_rate(runs: int, *, units: int = 1000, seed: int = 0) -> dict[str, Rate]:
    """Return the false discovery rates of BH and BY, a tenth of correlated units with an effect."""
    rng = np.random.default_rng(seed)
    label = np.arange(40) % 2
    shares: dict[str, list[float]] = {"BH": [], "BY": []}
    for _ in range(runs):
        common = rng.standard_normal((40, 1))
        activity = (common + rng.standard_normal((40, units))) / np.sqrt(2)
        activity[:, : units // 10] += 1.5 * label[:, None]
        index = rng.permuted(np.tile(np.arange(40), (1999, 1)), axis=1)
        null = permutation_null(score(activity), label, index)
        for name, adjust in (("BH", benjamini_hochberg), ("BY", benjamini_yekutieli)):
            found = adjust(null.p) <= 0.05
            shares[name].append(float(found[units // 10 :].sum() / max(found.sum(), 1)))
    return {
        name: Rate(float(np.mean(each)), float(np.std(each, ddof=1) / np.sqrt(runs)))
        for name, each in shares.items()
    }


def sequential(units: int, *, seed: int = 0) -> tuple[Rate, float]:
    """Return the type-I rate of Besag–Clifford (h = 10, m = 1 000) at .05, and mean draws."""
    rng = np.random.default_rng(seed)
    observed = rng.standard_normal(units)
    found = sequential_p_value(
        observed, lambda count, active: rng.standard_normal((count, active.size))
    )
    share = float((found.p <= 0.05).mean())
    return Rate(share, float(np.sqrt(0.05 * 0.95 / units))), float(found.draws.mean())


def _nested_values(rng: np.random.Generator, sets: int) -> tuple[np.ndarray, np.ndarray, float]:
    group = np.repeat(np.arange(40), rng.integers(1, 21, 40))
    values = rng.standard_normal((40, sets))[group] + rng.standard_normal((group.size, sets))
    return values, group, 0.0


POPULATIONS = {
    "normal": lambda rng, sets: (rng.standard_normal((40, sets)), np.arange(40), 0.0),
    "exponential": lambda rng, sets: (rng.exponential(size=(40, sets)), np.arange(40), 1.0),
    "nested": _nested_values,
}


def coverage(population: str, method: Method, *, sets: int, seed: int = 0) -> Rate:
    """Return how often a 95 % interval of a mean over 40 groups covers the truth."""
    rng = np.random.default_rng(seed)
    values, group, truth = POPULATIONS[population](rng, sets)
    found = mean_interval(values, group, rng=rng, method=method)
    share = float(((found.low <= truth) & (truth <= found.high)).mean())
    return Rate(share, float(np.sqrt(0.95 * 0.05 / sets)))
