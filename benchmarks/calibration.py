"""Every public test under the null its design selects, where there is nothing to find.

For each test and each way of being dependent (:mod:`benchmarks._calibration_worlds`): how often
p ≤ .05 and p ≤ .01 over 2 000 data sets of 40 to 80 samples, 199 draws each, or the reason the
code gives for refusing. Then how often intervals hold the truth, and what the careless versions
of the same tests do on the same data. No peer: the standard is the level itself.

The page in the documentation is written from measured figures, which are kept beside this module
(``calibration.json``), one piece of work at a time: a run that is cut short loses one, and a new
entry of the table (:mod:`benchmarks._calibration_tests`) is measured alone::

    python -m benchmarks.calibration                        # everything
    python -m benchmarks.calibration "tuning.*"             # what matches, the rest stays
    python -m benchmarks.calibration --missing              # no figures yet, or of fewer data sets
    python -m benchmarks.calibration --missing --most 100   # a first look at what is new
    python -m benchmarks.calibration --page                 # the page anew, nothing measured
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _calibration_failures as failures
from benchmarks import _calibration_intervals as intervals
from benchmarks import _calibration_tests as tests
from benchmarks._calibration_table import SEPARATOR, render
from benchmarks._harness import Case, judge
from benchmarks._hostile import rate

NAME = "calibration"

ALPHAS = (0.05, 0.01)
COVERAGE = [0.925, 0.975]
SEED = 1
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Task = tuple[str, tuple[str, ...], int]


FIGURES = Path(__file__).with_name("calibration.json")
PAGE = Path(__file__).parent.parent / "docs" / "calibration.md"


def cases(*, quick: bool) -> Iterator[Case]:
    """Measure false-positive rates, coverage, and the failures that motivate the rule."""
    with _pool() as pool:
        for found in pool.map(measured, work(quick=quick)):
            # A few data sets say whether it runs; they judge nothing.
            yield from (replace(case, target=None) if quick else case for case in found)


def work(*, quick: bool = False) -> list[Task]:
    """Return the pieces of work: (kind, which, number of data sets)."""
    fewest, less = (400, 20) if quick else (1, 1)
    few = 80 if quick else 1  # intervals take longer, and fewer than a thousand judge nothing
    found: list[Task] = [
        ("test", (test, world), max(sets // fewest, 3)) for test, world, sets in tests.tasks()
    ]
    found += [("interval", pair, intervals.SETS[pair] // few) for pair in intervals.BOOTSTRAPS]
    found += [
        ("claim interval", pair, max(intervals.SETS[pair] // few, 5)) for pair in intervals.CLAIMS
    ]
    found += [("failure", (name,), 2000 // less) for name in failures.FAILURES]
    found += [("leak", (), max(200 // less, 40))]
    return found


@contextmanager
def _pool(workers: int = 2) -> Iterator[ProcessPoolExecutor]:
    """Hold a few processes of one thread each: the arrays are small."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(workers, os.cpu_count() or 1), mp_context=context) as pool:
            yield pool
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
        metric=f"share over {sets} data sets that hold the truth, SE {seen.covered.error:.4f}; "
        f"wholly above it {seen.above:.3f}, below {seen.below:.3f}",
        value=seen.covered.value, better="within",
        target=COVERAGE if gated and sets >= 1000 else None,  # fewer cannot tell
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


def _key(task: Task) -> str:
    return SEPARATOR.join((task[0], *task[1]))


def _read() -> dict[str, list[dict[str, Any]]]:
    return json.loads(FIGURES.read_text()) if FIGURES.exists() else {}


def _write(figures: dict[str, list[dict[str, Any]]]) -> None:
    """Write the figures in the order of the work, and the page made of them."""
    kept = {_key(task): figures[_key(task)] for task in work() if _key(task) in figures}
    lines = [
        f"{json.dumps(key, ensure_ascii=False)}: [\n"
        + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]"
        for key, rows in kept.items()
    ]  # fmt: skip
    part = FIGURES.with_name(f".{FIGURES.name}.{os.getpid()}.part")
    part.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    os.replace(part, FIGURES)
    every = [row for rows in kept.values() for row in rows]
    missing = [_key(task) for task in work() if _key(task) not in kept]
    PAGE.write_text(
        render(
            every,
            missing=missing,
            not_asked=tests.not_asked(),
            without_p=tests.without_p(),
        )
    )


def _fewer(rows: list[dict[str, Any]] | None, sets: int) -> bool:
    """Return whether figures are missing, or of fewer data sets than are asked for now."""
    if rows is None:
        return True
    seen = [
        int(found.group(1))
        for row in rows
        if (found := re.search(r"over (\d+) data sets", row["metric"]))
    ]
    return any(one < sets for one in seen)


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for, keep the figures and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration")
    parser.add_argument(
        "pattern", nargs="*", help="tests, as in the shell (tuning.*), in this order; or all"
    )
    parser.add_argument("--missing", action="store_true", help="only what has no figures yet")
    parser.add_argument("--most", type=int, help="data sets at most, for a first look")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    parser.add_argument("--page", action="store_true", help="write the page, measure nothing")
    given = parser.parse_args(arguments)
    figures = _read()
    wanted = [] if given.page else work()
    if given.most:
        wanted = [(kind, which, min(sets, given.most)) for kind, which, sets in wanted]
    if given.pattern:
        names = {_key(task): SEPARATOR.join((*task[1], task[0])) for task in wanted}
        found = [
            task for pattern in given.pattern for task in wanted
            if fnmatch(names[_key(task)], f"{pattern}*")
        ]  # fmt: skip
        wanted = list(dict.fromkeys(found))
        if not wanted:
            print("nothing matches; see TESTS in benchmarks/_calibration_tests.py", file=sys.stderr)
            return 2
    if given.missing:
        wanted = [task for task in wanted if _fewer(figures.get(_key(task)), task[2])]
    with _pool(given.workers) as pool:
        pending = {pool.submit(measured, task): _key(task) for task in wanted}
        for done in as_completed(pending):
            figures[pending[done]] = [judge(case, {}).row() for case in done.result()]
            missed = [row["case"] for row in figures[pending[done]] if row["met"] is False]
            print(
                pending[done], *(f"MISSED {case}" for case in missed), file=sys.stderr, flush=True
            )
            _write(figures)
    _write(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
