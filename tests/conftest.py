"""Shared by all tests: threads, markers, and the rule that nothing else is skipped."""

from __future__ import annotations

import functools
import gc
import inspect
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import jaxtyping
import pytest

# Before NumPy or torch is imported: results do not depend on it, but timings on two cores do.
# Workers beside each other have one thread each, as those that wait for a core only turn.
_threads = "1" if "PYTEST_XDIST_WORKER" in os.environ else "2"
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, _threads)
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.pop("NO_COLOR", None)
os.environ.pop("FORCE_COLOR", None)


def _checks_arrays(target: Any) -> bool:
    return any("[Array" in str(hint) for hint in getattr(target, "__annotations__", {}).values())


# Checks take as long as what small calls do, and some tests ask thousands of data sets.
ALWAYS_CHECKED = 200
CHECKED_AFTERWARDS = 50


def _own_error_first(original: Callable[..., Any]) -> Callable[..., Any]:
    """Check the shapes and dtypes that a function declares, wherever it declares any.

    The first calls of each function are checked, then one in fifty.

    A call that breaks them must be answered by the function's own error, which teaches; only
    where it has none does the checker's error reach the test.
    """

    def jaxtyped(*, typechecker: Any) -> Callable[..., Any]:
        def decorate(target: Any) -> Any:
            if not _checks_arrays(target):
                return target
            checked = original(target, typechecker=typechecker)
            if inspect.isclass(target):
                return checked

            calls = itertools.count()

            @functools.wraps(target)
            def call(*args: Any, **options: Any) -> Any:
                number = next(calls)
                if number >= ALWAYS_CHECKED and number % CHECKED_AFTERWARDS:
                    return target(*args, **options)
                try:
                    return checked(*args, **options)
                except jaxtyping.TypeCheckError:
                    target(*args, **options)
                    raise

            return call

        return decorate

    return jaxtyped


jaxtyping.jaxtyped = _own_error_first(jaxtyping.jaxtyped)
jaxtyping.install_import_hook("homologue", "beartype.beartype")

# Continuous integration draws the same examples each time; a developer's machine draws new ones.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
    hypothesis.settings.load_profile("ci")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def _mirror() -> str:
    folder = os.environ.get("HOMOLOGUE_MIRROR", "")
    if not folder:
        return "HOMOLOGUE_MIRROR is not set"
    return "" if (Path(folder) / "recordings").is_dir() else f"{folder} holds no recordings"


def _chromium() -> str:
    return "" if CHROMIUM else "chromium is not installed"


def _gpu() -> str:
    # Asked of the driver, not of torch: collecting tests must not import torch.
    return "" if Path("/dev/nvidiactl").exists() else "no CUDA device"


MISSING = {"needs_mirror": _mirror, "needs_chromium": _chromium, "needs_gpu": _gpu}
PROVIDED_BY_CI = ("needs_mirror", "needs_chromium")


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def pytest_collection_finish() -> None:
    # What the modules hold stays; the collector need not look through it again and again.
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, reason in MISSING.items():
        if item.get_closest_marker(marker) is None or not reason():
            continue
        if _in_ci() and marker in PROVIDED_BY_CI:
            pytest.fail(f"{marker}: {reason()}, and continuous integration does not skip")
        pytest.skip(f"{marker}: {reason()}")


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport, *, allowed: bool) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and not allowed:
        report.outcome = "failed"
        report.longrepr = (
            f"skipped ({report.longrepr}), but only needs_mirror, needs_chromium and needs_gpu "
            "may skip a test"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    _forbid_skip(report, allowed=any(item.get_closest_marker(name) for name in MISSING))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    report = yield
    _forbid_skip(report, allowed=False)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    for marker in MISSING:
        count = sum(marker in str(report.longrepr) for report in skipped)
        if count:
            terminalreporter.write_line(f"{marker}: {count} skipped")


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Return the mirror folder (mark the test needs_mirror)."""
    return Path(os.environ["HOMOLOGUE_MIRROR"])


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of the browser (mark the test needs_chromium)."""
    assert CHROMIUM is not None
    return CHROMIUM


@pytest.fixture(scope="session")
def smollm2() -> Any:
    """Return the language model that ships with the package indexes, loaded once a process."""
    import homologue as hm

    return hm.language("smollm2-135m", device="cpu")


@pytest.fixture(scope="session")
def smollm2_untrained(smollm2: Any) -> Any:
    """Return its untrained twin, seed 0."""
    return smollm2.untrained(0)
