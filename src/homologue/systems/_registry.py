"""One registry of systems by name; listing it builds nothing and imports nothing heavy."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from typing import Any

from homologue._errors import HomologueError, UnknownName, nearest
from homologue.recording import KINDS
from homologue.systems._protocol import System

ENTRY_POINTS = "homologue.systems"
"""The entry-point group through which other packages add systems."""


@dataclass(frozen=True)
class Entry:
    """What the registry knows of a system before it is built.

    Attributes
    ----------
    name : str
        Unique name.
    factory : callable or str
        Returns the system when called; ``"package.module:function"`` is imported only then.
    kind : str
        One of ``homologue.recording.KINDS``.
    summary : str
        One line.
    assets : tuple of str
        Names of the assets it needs (see ``homologue.systems.assets``).
    family : str
        What counts once in a verdict; the name, unless another is given.
    requires : tuple of str
        Modules that must be importable (``"torch"``).
    """

    name: str
    factory: Callable[..., System] | str
    kind: str
    summary: str
    assets: tuple[str, ...] = ()
    family: str = ""
    requires: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an unknown kind; fill in the family."""
        if self.kind not in KINDS:
            raise HomologueError(
                f"system {self.name!r} has unknown kind {self.kind!r}" + nearest(self.kind, KINDS)
            )
        if not self.family:
            object.__setattr__(self, "family", self.name)


_ENTRIES: dict[str, Entry] = {}
_FAILED: dict[str, str] = {}
_scanned = False


def register(
    name: str,
    factory: Callable[..., System] | str,
    *,
    kind: str,
    summary: str,
    assets: Sequence[str] = (),
    family: str | None = None,
    requires: Sequence[str] = (),
    replace: bool = False,
) -> Entry:
    """Add a system to the registry.

    Parameters
    ----------
    name : str
        Unique name.
    factory : callable or str
        Called (with the options given to :func:`get`) to build the system. A string
        ``"package.module:function"`` is imported only then, so that listing stays cheap.
    kind : str
        One of ``homologue.recording.KINDS``.
    summary : str
        One line for the listing.
    assets : sequence of str
        Assets the system needs.
    family : str, optional
        What counts once in a verdict; defaults to ``name``.
    requires : sequence of str
        Modules that must be importable.
    replace : bool
        Replace an entry of the same name; otherwise that is an error.

    Returns
    -------
    Entry
        The entry.

    Raises
    ------
    HomologueError
        The name is taken, or the kind is unknown.

    Examples
    --------
    >>> entry = register("toy-for-the-docs", "toys:toy", kind="circuit", summary="A toy.")
    >>> "toy-for-the-docs" in names("circuit")
    True
    """
    _scan()
    if name in _ENTRIES and not replace:
        raise HomologueError(
            f"a system named {name!r} is registered already ({_ENTRIES[name].summary}); "
            "choose another name, or pass replace=True"
        )
    entry = Entry(name, factory, kind, summary, tuple(assets), family or name, tuple(requires))
    _ENTRIES[name] = entry
    return entry


def names(kind: str | None = None) -> list[str]:
    """Return the registered names, sorted, of one kind or of all.

    Parameters
    ----------
    kind : str, optional
        One of ``homologue.recording.KINDS``.

    Examples
    --------
    >>> "ring-attractor" in names("circuit")
    True
    """
    if kind is not None and kind not in KINDS:
        raise UnknownName(f"kind {kind!r} is not known" + nearest(kind, KINDS))
    _scan()
    return sorted(name for name, entry in _ENTRIES.items() if kind in (None, entry.kind))


def entry(name: str) -> Entry:
    """Return what the registry knows of one system, without building it.

    Raises
    ------
    UnknownName
        Not registered; the message holds the nearest names.

    Examples
    --------
    >>> entry("wine").kind
    'other-science'
    """
    _scan()
    if name not in _ENTRIES:
        broken = f" (its entry point failed: {_FAILED[name]})" if name in _FAILED else ""
        raise UnknownName(f"no system is named {name!r}{broken}" + nearest(name, _ENTRIES))
    return _ENTRIES[name]


def get(name: str, **options: Any) -> System:
    """Build a system by name.

    Parameters
    ----------
    name : str
        A registered name; ``names()`` lists them. ``"name/part"`` is a part of one: a brain
        state, a session (``"head-direction/rem"``).
    **options
        Passed to the system's factory.

    Returns
    -------
    System
        Ready to ``record``.

    Raises
    ------
    UnknownName
        Not registered; the message holds the nearest names.
    HomologueError
        A module it requires is not installed.

    Examples
    --------
    >>> get("wine").record().shape
    (178, 13)
    """
    base, slash, part = name.partition("/")
    whole = not slash or name in names()
    found = entry(name if whole else base)
    missing = _missing_modules(found)
    if missing:
        raise HomologueError(
            f"system {name!r} needs {', '.join(missing)}, which this environment lacks; "
            'try: pip install "homologue[models,brains]"'
        )
    factory = found.factory
    if isinstance(factory, str):
        module, _, attribute = factory.partition(":")
        factory = getattr(importlib.import_module(module), attribute)
    if not whole:
        if "part" not in inspect.signature(factory).parameters:
            raise UnknownName(f"system {base!r} has no parts; given {name!r}, try {base!r}")
        options = {"part": part, **options}
    return _named(factory(**options), found)


def _named(system: System, found: Entry) -> System:
    """Give a table that was made without a name the registered name and family."""
    from homologue.systems._packaged import UNNAMED, Packaged

    if not isinstance(system, Packaged) or system.name != UNNAMED or found.name == UNNAMED:
        return system
    family = found.family if system.family == UNNAMED else system.family
    return replace(system, name=found.name, family=family)


def describe() -> list[dict[str, Any]]:
    """Return one dictionary a system, by kind and name, without building or fetching any.

    Returns
    -------
    list of dict
        ``name, kind, family, summary, assets, availability, available, how_to_get``.
        ``availability`` is the scarcest of the assets' (see
        ``homologue.systems.assets.availability``), ``"built in"`` without assets, or
        ``"not installed"``. ``available`` says that it needs no more than the cache, the
        mirror or a package index; ``how_to_get`` is empty when nothing has to be done.

    Examples
    --------
    >>> next(row["summary"] for row in describe() if row["name"] == "wine")
    'Wines, 13 chemical measures'
    """
    _scan()
    order = {kind: i for i, kind in enumerate(KINDS)}
    rows = [_row(e) for e in _ENTRIES.values()]
    return sorted(rows, key=lambda row: (order[row["kind"]], row["name"]))


def _row(found: Entry) -> dict[str, Any]:
    from homologue.systems import _assets

    missing = _missing_modules(found)
    states = [_assets.availability(asset) for asset in found.assets]
    if missing:
        state = "not installed"
        how = f"pip install {' '.join(missing)}"
    else:
        state = max(states, key=_assets.STATES.index, default="built in")
        lacking = [
            asset
            for asset, here in zip(found.assets, states, strict=True)
            if here not in ("cached", "mirror")
        ]
        how = "; ".join(_assets.how_to_get(asset) for asset in lacking)
    return {
        "name": found.name,
        "kind": found.kind,
        "family": found.family,
        "summary": found.summary,
        "assets": list(found.assets),
        "availability": state,
        "available": state in ("built in", "cached", "mirror", "wheel"),
        "how_to_get": how,
    }


def _missing_modules(found: Entry) -> list[str]:
    return [name for name in found.requires if importlib.util.find_spec(name) is None]


def _scan() -> None:
    """Read catalogue and entry points once; what cannot be loaded is kept with its reason."""
    global _scanned
    if _scanned:
        return
    _scanned = True
    from homologue.systems import _catalogue

    _catalogue.add_all()
    for point in entry_points(group=ENTRY_POINTS):
        if point.name in _ENTRIES:
            _FAILED[point.name] = "the name is taken by another system"
            continue
        try:
            loaded = point.load()
            _ENTRIES[point.name] = loaded if isinstance(loaded, Entry) else _adopt(point, loaded)
        except Exception as error:
            _FAILED[point.name] = f"{type(error).__name__}: {error}"


def _adopt(point: Any, loaded: Any) -> Entry:
    kind = getattr(loaded, "kind", None)
    if not callable(loaded) or not isinstance(kind, str):
        raise HomologueError(
            f"entry point {point.name!r} = {point.value!r} is neither a homologue.systems.Entry "
            "nor a callable with a `kind`"
        )
    summary = (getattr(loaded, "__doc__", None) or point.value).strip().splitlines()[0]
    return Entry(point.name, loaded, kind, summary, tuple(getattr(loaded, "assets", ())))


def failures() -> dict[str, str]:
    """Return the entry points that could not be loaded, and why."""
    _scan()
    return dict(_FAILED)
