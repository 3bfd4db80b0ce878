"""What an NWB file holds: tables, series and units, found by what they are, not where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import h5py

from homologue._errors import UnknownName, nearest
from homologue.systems._nwb._source import Source

ROOTS = ("units", "intervals", "processing", "acquisition", "stimulus", "analysis", "general")
_DEPTH = 4


@dataclass(frozen=True)
class Item:
    """One object of the file.

    Attributes
    ----------
    path : str
        Where it is in the file.
    type : str
        Its neurodata type.
    container : str
        The neurodata type of the group around it (``DfOverF``, ``Position``).
    shape : str
        ``"units"``, ``"intervals"``, ``"table"`` or ``"series"``.
    """

    path: str
    type: str
    container: str
    shape: str

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


def text(value: Any) -> str:
    """Return an attribute or a scalar as a string, whatever HDF5 made of it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def catalogue(file: h5py.File) -> list[Item]:
    """Return every table and series, in the order of the file's groups."""
    found: list[Item] = []
    for root in ROOTS:
        group = file.get(root)
        if isinstance(group, h5py.Group):
            found.extend(_walk(group, f"/{root}", "", _DEPTH))
    return found


def _walk(group: h5py.Group, path: str, container: str, depth: int) -> Iterator[Item]:
    kind = text(group.attrs.get("neurodata_type", ""))
    shape = _shape(group, kind)
    if shape:
        yield Item(path, kind, container, shape)
        return
    if not depth:
        return
    for name in group:
        # A link to another file that is not here gives nothing.
        try:
            child = group.get(name, getclass=True)
        except (KeyError, OSError):
            continue
        if child is h5py.Group:
            yield from _walk(group[name], f"{path}/{name}", kind, depth - 1)


def _shape(group: h5py.Group, kind: str) -> str:
    if "colnames" in group.attrs:
        if "spike_times" in group or kind == "Units":
            return "units"
        if kind == "TimeIntervals" or ("start_time" in group and "stop_time" in group):
            return "intervals"
        return "table"
    if isinstance(group.get("data", getclass=True), type) and "data" in group:
        timed = "timestamps" in group or "starting_time" in group
        return "series" if timed else ""
    return ""


def by_name(items: list[Item]) -> dict[str, Item]:
    """Return the items by name; a name that stands twice is spelled with its parents."""
    named: dict[str, Item] = {}
    for item in items:
        parts = item.path.strip("/").split("/")
        for count in range(1, len(parts) + 1):
            key = "/".join(parts[-count:])
            if all(
                other is item or not f"/{other.path.strip('/')}".endswith(f"/{key}")
                for other in items
            ):
                break
        named[key] = item
    return named


@dataclass(frozen=True, eq=False)
class Contents:
    """What one file holds, looked through when it is first asked for.

    Attributes
    ----------
    source : Source
        The file.
    """

    source: Source

    @cached_property
    def items(self) -> list[Item]:
        """Every table and series of the file."""
        with self.source.open() as file:
            return catalogue(file)

    def of(self, *shapes: str) -> dict[str, Item]:
        """Return the items of these shapes by name."""
        return by_name([item for item in self.items if item.shape in shapes])


@dataclass(frozen=True, eq=False)
class Lazy(Mapping[str, Any]):
    """Objects of a file by name, read when they are first asked for.

    Attributes
    ----------
    source : Source
        The file.
    find : callable
        ``find()`` returns what there is, by name; called when it is first needed.
    reader : callable
        ``reader(file, item)`` returns the object.
    what : str
        What to call them in an error.
    """

    source: Source
    find: Callable[[], dict[str, Item]]
    reader: Callable[[h5py.File, Item], Any]
    what: str
    _read: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def items_(self) -> dict[str, Item]:
        """What there is, by name."""
        return self.find()

    def __getitem__(self, name: str) -> Any:
        """Read an object, once."""
        if name not in self.items_:
            raise UnknownName(
                f"{self.source.name} holds no {self.what} named {name!r}"
                + nearest(str(name), self.items_)
            )
        if name not in self._read:
            with self.source.open() as file:
                self._read[name] = self.reader(file, self.items_[name])
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        """Tell without reading."""
        return name in self.items_

    def __iter__(self) -> Iterator[str]:
        """Return the names."""
        return iter(self.items_)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.items_)

    def __repr__(self) -> str:
        """Return the names."""
        return f"<{self.what}: {', '.join(self.items_) or 'none'}>"
