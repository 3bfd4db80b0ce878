"""Where an NWB file is, and how it is opened: a path, a URL, or a DANDI id."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py

from homologue._errors import AssetUnavailable, HomologueError, InvalidRecording

MIRROR = "HOMOLOGUE_MIRROR"
_DANDI = re.compile(r"^(?:dandi:(?://)?)?(\d{6})(?:@([\w.]+))?/(.+)$", re.IGNORECASE)
_UNREADABLE = (OSError, RuntimeError, KeyError, ValueError)
_INSTALL = 'pip install "homologue[brains]"'


@dataclass(frozen=True)
class Source:
    """A local file (``path``) or a remote one (``url``).

    Attributes
    ----------
    name : str
        What the user called it.
    path : Path or None
        Where it is on this machine.
    url : str or None
        Where it is streamed from.
    """

    name: str
    path: Path | None = None
    url: str | None = None

    @property
    def stem(self) -> str:
        """File name without its ending."""
        return os.path.basename(self.name).removesuffix(".nwb")

    @cached_property
    def _remote(self) -> Any:
        # Kept open: it caches the parts of the file that were read.
        try:
            import remfile
        except ImportError as error:
            raise AssetUnavailable(
                f"reading {self.name} from the network needs remfile; try: {_INSTALL}, or "
                "download the file and pass its path"
            ) from error
        return remfile.File(self.url)

    def _opened(self) -> h5py.File:
        if self.path is None:
            return h5py.File(self._remote, "r")
        # What h5py.File does by default, without what it asks the file on the way.
        return h5py.File(h5py.h5f.open(os.fsencode(self.path), h5py.h5f.ACC_RDONLY))

    @contextmanager
    def open(self) -> Iterator[h5py.File]:
        """Open the file for reading; whatever HDF5 cannot read becomes an error that says so.

        Raises
        ------
        FileNotFoundError
            The file was moved or deleted since it was found.
        InvalidRecording
            Truncated, damaged, or not an NWB file.
        HomologueError
            The file may not be read by this user.
        AssetUnavailable
            The network does not answer.
        """
        try:
            with self._opened() as file:
                if not h5py.h5a.exists(file.id, b"nwb_version"):
                    raise InvalidRecording(
                        f"{self.name} is an HDF5 file, but not an NWB file (no nwb_version); "
                        "read its arrays with h5py and pass them to homologue.recording.make"
                    )
                yield file
        except HomologueError:
            raise
        except Exception as error:
            # What streams the file raises exceptions of its own, and bare ones.
            if self.path is None or isinstance(error, _UNREADABLE):
                raise self._refusal(error) from error
            raise

    def _refusal(self, error: Exception) -> Exception:
        """Return the error that says why the file could not be read."""
        said = f"{type(error).__name__}: {error}"
        if self.path is None:
            return AssetUnavailable(
                f"{self.name} could not be read from {self.url} ({said}); check the address and "
                "the network, or download the file and pass its path"
            )
        if isinstance(error, PermissionError):
            return HomologueError(
                f"{self.path} may not be read by this user ({said}); ask for permission to read "
                "it (chmod u+r), or copy it to a folder of your own"
            )
        if not os.path.exists(self.path):
            return FileNotFoundError(
                f"{self.path} is gone: it was moved or deleted since homologue.nwb({self.name!r}) "
                "found it; call it again with where the file is now"
            )
        return InvalidRecording(
            f"{self.path} could not be read: it is truncated, damaged or not HDF5 ({said}). "
            "Compare its size and checksum with the source's, and download it again"
        )


def find(path: str | os.PathLike[str]) -> Source:
    """Return the source of a path, a URL or a DANDI id.

    Raises
    ------
    FileNotFoundError
        No such file, and not an id.
    InvalidRecording
        A folder, or not a path at all.
    AssetUnavailable
        A DANDI id that cannot be resolved here.
    """
    name = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(name, str):
        raise InvalidRecording(
            "an NWB file is given as text or a pathlib.Path: its path, URL or DANDI id; given "
            f"{type(path).__name__}. Try os.fsdecode for a path in bytes, file.name for an open "
            "file"
        )
    local = os.path.expanduser(name)
    if os.path.isfile(local):
        # Absolute: the file is opened again after the working directory may have changed.
        return Source(name, path=Path(local).absolute())
    if os.path.isdir(local):
        raise InvalidRecording(
            f"{name} is a folder; NWB is read from HDF5 files. A zarr-backed NWB is exported with "
            "pynwb, or with hdmf_zarr's NWBZarrIO"
        )
    if name.startswith(("http://", "https://")):
        return Source(name, url=name)
    found = _DANDI.match(name)
    if found is None:
        raise FileNotFoundError(
            f"{name} does not exist. A file in the DANDI archive is named "
            "'000056/sub-…/….nwb' or 'DANDI:000056/sub-…/….nwb'"
        )
    dandiset, version, asset = found.groups()
    mirror = os.environ.get(MIRROR)
    if mirror:
        mirrored = Path(mirror) / "dandi" / dandiset / asset
        if mirrored.is_file():
            return Source(name, path=mirrored.absolute())
    return Source(name, url=_resolve(name, dandiset, version, asset))


def _resolve(name: str, dandiset: str, version: str | None, asset: str) -> str:
    get = f"dandi download {_dandi_url(dandiset, version, asset)}"
    try:
        from dandi.dandiapi import DandiAPIClient
    except ImportError as error:
        raise AssetUnavailable(
            f"{name} is a DANDI id, and the dandi client is not installed; try: {_INSTALL}. "
            f"Or download it elsewhere ({get}) and pass its path"
        ) from error
    try:
        with DandiAPIClient() as client:
            found = client.get_dandiset(dandiset, version).get_asset_by_path(asset)
            return str(found.get_content_url(follow_redirects=1, strip_query=True))
    except Exception as error:
        raise AssetUnavailable(
            f"{name} could not be found in the DANDI archive ({type(error).__name__}: {error}); "
            f"check the id and the network. Where there is network: {get}; then pass its path, or "
            f"put it under ${MIRROR}/dandi/{dandiset}/"
        ) from error


def _dandi_url(dandiset: str, version: str | None, asset: str) -> str:
    return f"dandi://dandi/{dandiset}{'@' + version if version else ''}/{asset}"
