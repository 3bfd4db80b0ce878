"""Measure a case, judge it by its target, print it: what every benchmark module shares.

A benchmark module exposes ``NAME`` and ``cases(*, quick: bool) -> Iterator[Case]`` and measures
with three helpers:

- :func:`compare` runs ours and the peer in turns in this process and divides their CPU times (of
  all threads; the least call of all turns), after it has checked that the results are equal;
- :func:`peer_environment` and :func:`run_peer` do the same for a peer that cannot be installed
  beside the others: its own virtual environment, arrays handed over as ``.npz``;
- :func:`peak_memory` runs a module's function in a fresh process and reads its high-water mark.

Targets stand in ``targets.toml`` under ``[NAME]`` with the case's name as key: a number (reached
from the side that ``better`` names) or ``[low, high]`` (``better`` is then ``"within"``).
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
import tempfile
import textwrap
import time
import tomllib
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

TARGETS = Path(__file__).with_name("targets.toml")
PRIVATE = ("__main__",)

TURN = 0.1
"""Seconds: calls shorter than this are repeated, as their times scatter by more than themselves."""

Better = Literal["higher", "lower", "within"]


@dataclass(frozen=True)
class Case:
    """One measured figure; a comparison also holds both CPU times and the equality check."""

    case: str
    metric: str
    value: float
    unit: str
    better: Better
    target: float | list[float] | None = None
    met: bool | None = None
    ours_s: float | None = None
    peer: str | None = None
    peer_s: float | None = None
    ratio: float | None = None
    equal: bool | None = None

    def row(self) -> dict[str, Any]:
        """Return the case as the JSON schema has it: comparison fields only in comparisons."""
        fields = ["case", "metric", "value", "unit", "better", "target", "met"]
        if self.peer is not None:
            fields += ["ours_s", "peer", "peer_s", "ratio", "equal"]
        return {name: _plain(getattr(self, name)) for name in fields}


class Benchmark(Protocol):
    """What a module of this package has to expose."""

    NAME: str

    def cases(self, *, quick: bool) -> Iterator[Case]:
        """Measure and yield, one case at a time."""
        ...


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def cpu_seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU time of one call (all threads of this process) and its result."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def _turn(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return the least CPU time of the calls of one turn, and the last result."""
    least, spent = float("inf"), 0.0
    while spent < TURN:
        result = None
        seconds, result = cpu_seconds(function)
        least, spent = min(least, seconds), spent + max(seconds, 1e-6)
    return max(least, 1e-9), result  # a call that takes less than the clock tells


def compare(
    case: str,
    ours: Callable[[], Any],
    peer: Callable[[], Any],
    *,
    peer_name: str,
    equal: Callable[[Any, Any], bool],
    repeats: int = 3,
    ours_work: float = 1.0,
    peer_work: float = 1.0,
) -> Case:
    """Run ours and the peer in turns and return their ratio (above 1: ours is faster).

    Parameters
    ----------
    case : str
        Its name; the key in ``targets.toml``.
    ours, peer : callable
        Without arguments; what they return goes to ``equal``.
    peer_name : str
        The peer with its version or setting.
    equal : callable
        ``equal(ours_result, peer_result)``; a case that is not equal is never met.
    repeats : int
        Turns of each. A turn is one call, or as many as fit into ``TURN`` seconds; the least
        CPU time of a call counts.
    ours_work, peer_work : float
        How much work one call does (units tested, permutations drawn): where the peer is too
        slow to do all of it, times are per unit of work.
    """
    ours_s = peer_s = float("inf")
    result: Any = None
    peer_result: Any = None
    for _ in range(repeats):
        result = peer_result = None  # no call has to share memory with results that are held
        seconds, result = _turn(ours)
        ours_s = min(ours_s, seconds)
        seconds, peer_result = _turn(peer)
        peer_s = min(peer_s, seconds)
    return compared(
        case,
        ours_s=ours_s / ours_work,
        peer_s=peer_s / peer_work,
        peer_name=peer_name,
        equal=bool(equal(result, peer_result)),
    )


def compared(case: str, *, ours_s: float, peer_s: float, peer_name: str, equal: bool) -> Case:
    """Return the comparison of two CPU times that were measured elsewhere in this run."""
    ratio = peer_s / ours_s
    return Case(
        case, "CPU time of the peer / ours", ratio, "×", "higher",
        ours_s=ours_s, peer=peer_name, peer_s=peer_s, ratio=ratio, equal=equal,
    )  # fmt: skip


def peak_memory(function: str, **arguments: Any) -> float:
    """Return the high-water mark in GB (1e9 bytes) of a fresh process that runs a function.

    Parameters
    ----------
    function : str
        ``"benchmarks.inference:workload"``; called with ``arguments`` (JSON values).
    """
    code = (
        "import importlib, json, sys\n"
        "module, name = sys.argv[1].split(':')\n"
        "getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))\n"
        "from benchmarks._harness import high_water_bytes\n"
        "print(high_water_bytes())\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", code, function, json.dumps(arguments)],
        check=True, capture_output=True, text=True, cwd=TARGETS.parent.parent,
    ).stdout  # fmt: skip
    return int(output.splitlines()[-1]) / 1e9


def high_water_bytes() -> int:
    """Return this process' peak resident memory.

    ``VmHWM`` rather than ``getrusage``: a child started by ``vfork`` inherits its parent's
    ``ru_maxrss``.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "homologue" / "peers"


def peer_environment(requirements: Sequence[str]) -> Path:
    """Return the interpreter of a virtual environment with these requirements, made once.

    Parameters
    ----------
    requirements : sequence of str
        As pip reads them; their hash names the cached folder.
    """
    requirements = sorted(requirements)
    key = hashlib.sha256("\n".join([sys.version, *requirements]).encode()).hexdigest()[:16]
    folder = _cache() / key
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "requirements.txt"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             *requirements],
            check=True, stdout=sys.stderr,
        )  # fmt: skip
        done.write_text("\n".join(requirements) + "\n")
    return python


def run_peer(
    python: Path, script: str, inputs: Mapping[str, Any], *, timeout: float = 600
) -> tuple[float, dict[str, np.ndarray]]:
    """Run a peer in its own interpreter and return its CPU time and its results.

    Parameters
    ----------
    python : Path
        From :func:`peer_environment`.
    script : str
        Source that defines ``main(inputs: dict[str, array]) -> dict[str, array]``; imports at
        its top are not timed, ``main`` is called ``inputs["repeats"]`` times (1 if absent) and
        the least CPU time counts. The interpreter needs NumPy, nothing of this project.
    inputs : mapping
        Arrays and numbers, handed over as ``.npz`` without pickle.
    """
    frame = """
        import sys, time
        import numpy as np
        with np.load(sys.argv[1], allow_pickle=False) as stored:
            inputs = {name: stored[name] for name in stored.files}
        seconds = float("inf")
        for _ in range(int(inputs.get("repeats", 1))):
            start = time.process_time()
            outputs = main(inputs)
            seconds = min(seconds, time.process_time() - start)
        np.savez(sys.argv[2], __seconds=seconds, **outputs)
    """
    with tempfile.TemporaryDirectory() as folder:
        source, given, got = (Path(folder, name) for name in ("peer.py", "in.npz", "out.npz"))
        source.write_text(textwrap.dedent(script) + "\n" + textwrap.dedent(frame))
        arrays: dict[str, Any] = {name: np.asarray(value) for name, value in inputs.items()}
        np.savez(given, **arrays)
        subprocess.run(
            [python, source, given, got], check=True, timeout=timeout, cwd=folder, stdout=sys.stderr
        )
        with np.load(got, allow_pickle=False) as stored:
            outputs = {name: stored[name] for name in stored.files}
    return float(outputs.pop("__seconds")), outputs


def read_targets(name: str, path: Path = TARGETS) -> dict[str, Any]:
    """Return the targets of one benchmark, by case."""
    with path.open("rb") as file:
        return tomllib.load(file).get(name, {})


def judge(case: Case, targets: Mapping[str, Any]) -> Case:
    """Return the case with its target and whether it is met (``None`` without a target)."""
    target = targets.get(case.case, case.target)
    met: bool | None = None
    if target is not None:
        if isinstance(target, list):
            case = replace(case, better="within")
            met = target[0] <= case.value <= target[1]
        elif case.better == "higher":
            met = case.value >= target
        else:
            met = case.value <= target
        met = bool(met) and np.isfinite(case.value).item()
    if case.equal is False:
        met = False
    return replace(case, target=target, met=met)


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    processor = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                break
    memory = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def names() -> list[str]:
    """Return the benchmarks there are: this package's public modules."""
    package = Path(__file__).parent
    found = (module.name for module in pkgutil.iter_modules([str(package)]))
    return sorted(name for name in found if not name.startswith("_") and name not in PRIVATE)


def load(name: str) -> Benchmark:
    """Return a benchmark module by name."""
    module: Any = importlib.import_module(f"benchmarks.{name}")
    return module


def measure(
    name: str, *, quick: bool = False, on_case: Callable[[Case], None] | None = None
) -> dict[str, Any]:
    """Run one benchmark and return the document that ``--json`` prints."""
    module = load(name)
    targets = {} if quick else read_targets(module.NAME)  # they hold at full size
    rows: list[dict[str, Any]] = []
    for case in module.cases(quick=quick):
        judged = judge(case, targets)
        if on_case is not None:
            on_case(judged)
        rows.append(judged.row())
    return {"name": module.NAME, "machine": machine(), "cases": rows}


def dumps(document: Mapping[str, Any]) -> str:
    """Return the document as strict JSON (no NaN)."""
    return json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
