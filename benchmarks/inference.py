"""The inference engine beside dense products, SciPy and calibrated-similarity.

Roofline of the headline case, m = 1 000 relabellings × s = 2 000 samples × u = 10 000 units ×
c = 8 classes: one class is recovered from the total, so the products are 2·m·(c − 1)·s·u =
280 GFLOP on 80 MB of float32, thousands of operations a byte: bound by the product rate that
the first case measures. The peer is those products alone, in pieces, by the same BLAS: a rate
of 1 would mean that ranking, relabelling, statistics and counting cost nothing.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import stats
from threadpoolctl import threadpool_limits

from benchmarks import _hostile
from benchmarks._harness import (
    Case,
    compare,
    compared,
    cpu_seconds,
    peak_memory,
    peer_environment,
    run_peer,
)
from homologue.inference import (
    PermutationNull,
    Scores,
    calibrate_similarity,
    centred_ranks,
    permutation_null,
    row_permutations,
    score,
)

NAME = "inference"

SAMPLES, CLASSES = 2000, 8


def cases(*, quick: bool) -> Iterator[Case]:
    """Measure speed, memory, agreement with peers, and rates of false positives."""
    draws, units = (100, 1000) if quick else (1000, 10_000)
    activity, label, index = _world(draws, units)
    yield from _engine(activity, label, index)
    yield from _memory(draws, units)
    yield from _against_scipy(activity, label, index)
    yield from _against_loop(activity, label, index)
    yield from _many_classes(draws, units)
    yield from _similarity(quick=quick)
    yield from _false_positives(quick=quick)


def _world(draws: int, units: int, classes: int = CLASSES) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    activity = rng.standard_normal((SAMPLES, units)).astype(np.float32)
    label = np.arange(SAMPLES) * classes // SAMPLES
    activity[:, : units // 50] += 0.1 * label[:, None].astype(np.float32)
    index = rng.permuted(np.tile(np.arange(SAMPLES), (draws, 1)), axis=1)
    return activity, label, index


def _products(values: np.ndarray, rows: int) -> Any:
    """Return a function that multiplies (rows × s) one-hot by (s × u), in pieces of 1 000.

    With one BLAS thread: several wait for each other, which would count as the peer's time.
    """
    rng = np.random.default_rng(1)
    piece = min(rows, 1000)
    matrix = (rng.random((piece, values.shape[0])) < 1 / CLASSES).astype(values.dtype)
    out = np.empty((piece, values.shape[1]), dtype=values.dtype)

    def multiply() -> np.ndarray:
        with threadpool_limits(1, user_api="blas"):
            for _ in range(rows // piece):
                np.matmul(matrix, values, out=out)
        return out

    return multiply


def _plain_loop(
    scores: Scores, label: np.ndarray, index: np.ndarray, units: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return observed shares and exceedances by a loop over draws, from class means."""
    values = scores.values[:, units].astype(np.float64)
    values -= values.mean(axis=0)
    total = (values**2).sum(axis=0)

    def share(labels: np.ndarray) -> np.ndarray:
        between = np.zeros(units.size)
        for k in np.unique(label):
            inside = values[labels == k]
            between += len(inside) * inside.mean(axis=0) ** 2
        return between / total

    observed = share(label)
    slack = 8 * np.finfo(np.float64).eps * observed + 2 * scores.resolution * CLASSES
    reached = np.zeros(units.size, dtype=np.int64)
    for row in index:
        reached += share(label[row]) >= observed - slack
    return observed, reached


def _engine(activity: np.ndarray, label: np.ndarray, index: np.ndarray) -> Iterator[Case]:
    draws, units = index.shape[0], activity.shape[1]
    ranked = score(activity)
    rows = draws * (CLASSES - 1)
    some = np.linspace(0, units - 1, 25).astype(int)
    multiply = _products(ranked.values, rows)
    seconds = min(cpu_seconds(multiply)[0] for _ in range(2))
    flop = 2 * rows * SAMPLES * units
    yield Case(
        "dense products", f"{flop / 1e9:.0f} GFLOP, float32", flop / seconds / 1e9,
        "GFLOP/CPU-s", "higher",
    )  # fmt: skip

    def agrees(scores: Scores) -> Any:
        observed, reached = _plain_loop(scores, label, index, some)

        def equal(null: PermutationNull, _: Any) -> bool:
            close = np.allclose(null.observed[some], observed, rtol=1e-9, atol=1e-12)
            return close and np.array_equal(null.exceedances[some], reached)

        return equal

    dense = f"dense products, {rows} × {SAMPLES} × {units} float32"
    yield compare(
        "permutation null", lambda: permutation_null(ranked, label, index), multiply,
        peer_name=dense, equal=agrees(ranked),
    )  # fmt: skip
    yield compare(
        "permutation null with ranking",
        lambda: permutation_null(score(activity), label, index), multiply,
        peer_name=dense, equal=agrees(ranked),
    )  # fmt: skip
    yield compare(
        "ranking", lambda: centred_ranks(activity),
        lambda: 2 * stats.rankdata(activity, axis=0) - SAMPLES - 1,
        peer_name="scipy.stats.rankdata", equal=np.array_equal, repeats=2,
    )  # fmt: skip
    valued = score(activity, kind="values")
    yield compare(
        "permutation null of values",
        lambda: permutation_null(valued, label, index), _products(valued.values, rows),
        peer_name=f"dense products, {rows} × {SAMPLES} × {units} float64",
        equal=agrees(valued), repeats=2,
    )  # fmt: skip


def memory_workload(draws: int, units: int) -> None:
    """Rank and test from raw activity, for the memory case."""
    activity, label, index = _world(draws, units)
    permutation_null(score(activity), label, index)


def _memory(draws: int, units: int) -> Iterator[Case]:
    peak = peak_memory("benchmarks.inference:memory_workload", draws=draws, units=units)
    yield Case("memory", "peak resident, ranking included", peak, "GB", "lower")


def _against_scipy(activity: np.ndarray, label: np.ndarray, index: np.ndarray) -> Iterator[Case]:
    """Time SciPy on 20 units with the cheapest statistic it can be given, and with kruskal."""
    draws, units = index.shape[0], activity.shape[1]
    scores = score(activity)
    chosen = np.r_[0:10, units - 10 : units]
    sizes = np.bincount(label)

    def between(*samples: np.ndarray, axis: int) -> np.ndarray:
        return sum(np.square(x.sum(axis=axis)) / n for x, n in zip(samples, sizes, strict=True))

    def kruskal(*samples: np.ndarray, axis: int) -> np.ndarray:
        return stats.kruskal(*samples, axis=axis).statistic

    def scipy_p(statistic: Any, values: np.ndarray, which: np.ndarray) -> np.ndarray:
        return np.array([
            stats.permutation_test(
                [values[label == k, u].astype(float) for k in range(CLASSES)], statistic,
                permutation_type="independent", alternative="greater", vectorized=True,
                n_resamples=draws, rng=np.random.default_rng(u),
            ).pvalue
            for u in which
        ])  # fmt: skip

    def within_error(null: PermutationNull, p: np.ndarray) -> bool:
        ours = null.p[chosen[: p.size]]
        middle = np.clip((ours + p) / 2, 1 / draws, None)
        error = np.sqrt(2 * middle * (1 - middle) / draws)
        return bool((np.abs(ours - p) <= 4 * error + 2 / draws).all())

    yield compare(
        "per unit, ranked beforehand",
        lambda: permutation_null(scores, label, index),
        lambda: scipy_p(between, scores.values, chosen),
        peer_name="scipy.stats.permutation_test, vectorised sum of squares, 20 units",
        equal=within_error, repeats=1, ours_work=units, peer_work=chosen.size,
    )  # fmt: skip
    few = chosen[:20] if draws <= 200 else chosen
    yield compare(
        "per unit, from activity",
        lambda: permutation_null(score(activity), label, index),
        lambda: scipy_p(kruskal, activity, few),
        peer_name=f"scipy.stats.permutation_test of scipy.stats.kruskal, {few.size} units",
        equal=within_error, repeats=1, ours_work=units, peer_work=few.size,
    )  # fmt: skip


def _against_loop(activity: np.ndarray, label: np.ndarray, index: np.ndarray) -> Iterator[Case]:
    scores = score(activity)
    units = np.arange(min(200, activity.shape[1]))
    part = scores.select(units)

    def equal(null: PermutationNull, loop: tuple[np.ndarray, np.ndarray]) -> bool:
        close = np.allclose(null.observed[units], loop[0], rtol=1e-9)
        return close and np.array_equal(null.exceedances[units], loop[1])

    yield compare(
        "200 units beside a loop",
        lambda: permutation_null(part, label, index),
        lambda: _plain_loop(scores, label, index, units),
        peer_name="NumPy loop over draws", repeats=1, equal=equal,
    )  # fmt: skip


def _many_classes(draws: int, units: int) -> Iterator[Case]:
    """Forty classes: adding rows instead of multiplying by zeros."""
    classes = 40
    draws, units = draws // 4, units // 4
    activity, label, index = _world(draws, units, classes)
    scores = score(activity)
    some = np.arange(min(20, units))
    observed, reached = _plain_loop(scores, label, index, some)
    yield compare(
        "40 classes",
        lambda: permutation_null(scores, label, index),
        _products(scores.values, draws * (classes - 1)),
        peer_name="dense products of 39 classes", repeats=2,
        equal=lambda null, _: bool(
            np.allclose(null.observed[some], observed, rtol=1e-9)
            and np.array_equal(null.exceedances[some], reached)
        ),
    )  # fmt: skip


_CALIBRATED = """
import torch
from calibrated_similarity import calibrate_layers

def main(inputs):
    rows = iter(torch.as_tensor(inputs["index"]))
    layers = [[torch.as_tensor(inputs[f"{side}{k}"]) for k in range(2)] for side in "xy"]

    def cka(x, y):
        x, y = x - x.mean(0), y - y.mean(0)
        return (x.T @ y).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm())

    score, p, tau = calibrate_layers(
        *layers, cka, K=len(inputs["index"]), perm_fn=lambda n, device: next(rows)
    )
    return {"score": score.numpy(), "p": p.numpy(), "threshold": tau.numpy()}
"""


def _cka(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    norm = np.linalg.norm
    return float(norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y)))


def _similarity(*, quick: bool) -> Iterator[Case]:
    rng = np.random.default_rng(3)
    shared = rng.standard_normal((128, 4))
    layers = {
        f"{side}{k}": shared @ rng.standard_normal((4, 64)) * k + rng.standard_normal((128, 64))
        for side in "xy"
        for k in range(2)
    }
    index = row_permutations(128, 50 if quick else 200, rng=4)
    first, second = ([layers[f"{side}{k}"] for k in range(2)] for side in "xy")
    ours_s, ours = cpu_seconds(lambda: calibrate_similarity(_cka, first, second, index))
    torch_version = importlib.metadata.version("torch").split("+")[0]
    python = peer_environment([f"torch=={torch_version}", "numpy", "calibrated-similarity==0.1.1"])
    peer_s, theirs = run_peer(python, _CALIBRATED, {**layers, "index": index})
    found = np.array([ours.score, ours.threshold, ours.p])
    expected = np.array([theirs["score"], theirs["threshold"], theirs["p"]])
    yield compared(
        "null calibration of CKA", ours_s=ours_s, peer_s=peer_s,
        peer_name="calibrated-similarity 0.1.1, same permutations",
        equal=bool(np.abs(found - expected).max() <= 1e-6),
    )  # fmt: skip
    yield Case(
        "null calibration of CKA, difference", "largest of score, τ and p",
        float(np.abs(found - expected).max()), "", "lower",
    )  # fmt: skip


def _false_positives(*, quick: bool) -> Iterator[Case]:
    label_draws = 40 if quick else 200
    both: tuple[_hostile.ScoreKind, ...] = ("ranks", "values")
    intervals: tuple[_hostile.Method, ...] = ("studentised", "bca")
    for kind in _hostile.KINDS:
        for scores in both:
            p = _hostile.p_values(kind, label_draws=label_draws, units=10, scores=scores, seed=1)
            for alpha in (0.05, 0.01):
                found = _hostile.rate(p, alpha)
                yield Case(
                    f"false positives, {kind}, {scores}, {alpha}",
                    f"P(p ≤ {alpha}) of {p.size} data sets; SE {found.error:.4f}",
                    found.value, "", "lower", target=round(alpha + 3 * found.error, 4),
                )  # fmt: skip
    for kind, ignored in (("AR(1)", "minimum_lag"), ("AR(1)", "time"),
                          ("nested, label per group", "group")):  # fmt: skip
        p = _hostile.p_values(
            kind, label_draws=label_draws, units=10, scores="ranks", seed=1, ignore=ignored
        )
        found = _hostile.rate(p, 0.05)
        yield Case(
            f"{kind} without its {ignored}", f"P(p ≤ .05); SE {found.error:.4f}",
            found.value, "", "lower",
        )  # fmt: skip
    found = _hostile.family_wise_error(60 if quick else 1000)
    yield Case("max-T family-wise error", f"SE {found.error:.4f}", found.value, "", "within")
    for name, each in _hostile.false_discovery_rate(10 if quick else 100).items():
        yield Case(f"{name} false discoveries", f"SE {each.error:.4f}", each.value, "", "lower")
    found, mean_draws = _hostile.sequential(20_000)
    yield Case("Besag–Clifford type I", f"SE {found.error:.4f}", found.value, "", "lower")
    yield Case("Besag–Clifford draws", "mean, h = 10, m = 1 000", mean_draws, "draws", "lower")
    for population in _hostile.POPULATIONS:
        for method in intervals:
            found = _hostile.coverage(population, method, sets=500 if quick else 4000)
            yield Case(
                f"95 % interval, {population}, {method}", f"coverage; SE {found.error:.4f}",
                found.value, "", "within",
            )  # fmt: skip
