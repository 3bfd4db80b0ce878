"""Every public test under the null its design selects, where there is nothing to find.

For each test and each way of being dependent (:mod:`benchmarks._calibration_worlds`): how often
p ≤ .05 and p ≤ .01 over 2 000 data sets of 40 to 80 samples, 199 draws each, or the reason the
code gives for refusing. Then how often intervals hold the truth, and what the careless versions
of the same tests do on the same data. No peer: the standard is the level itself.

The table in the documentation is made from the figures::

    python -m benchmarks calibration --json > calibration.json
    python -m benchmarks.calibration calibration.json docs/calibration.md
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _calibration_failures as failures
from benchmarks import _calibration_intervals as intervals
from benchmarks import _calibration_tests as tests
from benchmarks._calibration_table import SEPARATOR, render
from benchmarks._harness import Case
from benchmarks._hostile import rate

NAME = "calibration"

ALPHAS = (0.05, 0.01)
COVERAGE = [0.925, 0.975]
SEED = 1
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Task = tuple[str, tuple[str, ...], int]


def cases(*, quick: bool) -> Iterator[Case]:
    """Measure false-positive rates, coverage, and the failures that motivate the rule."""
    sets, few = (200, 30) if quick else (2000, 400)
    work: list[Task] = []
    for test, world in tests.tasks():
        costly = quick and test.startswith("claim")
        work.append(("test", (test, world), sets // 2 if costly else sets))
    work += [("interval", pair, sets) for pair in intervals.BOOTSTRAPS]
    work += [("claim interval", pair, few) for pair in intervals.CLAIMS]
    work += [("failure", (name,), sets) for name in failures.FAILURES]
    work += [("leak", (), max(sets // 10, 40))]
    # One thread each: the arrays are small, and processes use the cores better.
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        context = multiprocessing.get_context("spawn")
        workers = min(2, os.cpu_count() or 1)
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            for found in pool.map(measured, work):
                yield from found
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def measured(task: Task) -> list[Case]:
    """Return the cases of one piece of work (in a process of its own)."""
    kind, which, sets = task
    if kind == "test":
        return list(_test(*which, sets=sets))
    if kind == "failure":
        return [_failure(*which, sets=sets)]
    if kind == "leak":
        return list(_leak(sets))
    return [_interval(*which, sets=sets, gated=kind == "interval")]


def _case(*parts: str, **values: Any) -> Case:
    return Case(SEPARATOR.join(parts), unit=values.pop("unit", ""), **values)


def _test(test: str, world: str, *, sets: int) -> Iterator[Case]:
    found = tests.p_values(test, world, sets=sets, seed=SEED)
    if found.refused:
        yield _case(
            test, world, "refused", metric=found.reason, value=found.refused / found.tried,
            unit="of designs", better="higher",
        )  # fmt: skip
    for name, rows in found.p.items():
        p = np.array(rows)
        title = f"{test}, {name}" if name else test
        for alpha in ALPHAS:
            seen = rate(p, alpha)
            yield _case(
                title, world, f"{alpha}",
                metric=f"P(p ≤ {alpha}) over {p.size} data sets, SE {seen.error:.4f}",
                value=seen.value, better="lower", target=round(alpha + 3 * seen.error, 5),
            )  # fmt: skip


def _interval(name: str, case: str, *, sets: int, gated: bool) -> Case:
    seen = intervals.coverage(name, case, sets=sets, seed=SEED)
    level = 0.95 if gated else 0.9
    return _case(
        name, case, f"{level} interval",
        metric=f"share that hold the truth, SE {seen.covered.error:.4f}; "
        f"wholly above it {seen.above:.3f}, below {seen.below:.3f}",
        value=seen.covered.value, better="within", target=COVERAGE if gated else None,
    )  # fmt: skip


def _failure(name: str, *, sets: int) -> Case:
    seen = failures.failure(name, sets=sets, seed=SEED)
    _, alpha, instead = failures.FAILURES[name]
    return _case(
        "careless", name, f"{alpha}", metric=f"SE {seen.error:.4f}; instead: {instead}",
        value=seen.value, better="higher", target=4 * alpha if alpha == 0.05 else None,
    )  # fmt: skip


def _leak(sets: int) -> Iterator[Case]:
    for name, seen in failures.leaked_accuracy(sets=sets, seed=SEED).items():
        leaks = name.startswith("KFold")
        yield _case(
            "careless", f"decoding nested data, {name}", "accuracy",
            metric=f"balanced accuracy, chance .5; SE {seen.error:.4f}", value=seen.value,
            better="higher" if leaks else "lower",
            target=0.6 if leaks else round(0.5 + 3 * seen.error, 4),
        )  # fmt: skip


def main(arguments: list[str]) -> int:
    """Write the documentation's table from measured figures."""
    if len(arguments) != 2:
        print("usage: python -m benchmarks.calibration RESULTS.json TABLE.md", file=sys.stderr)
        return 2
    source, target = (Path(name) for name in arguments)
    target.write_text(render(json.loads(source.read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
