"""A panel: which systems are asked which claims, about which of their variables."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import tomli_w

from homologue import systems
from homologue._errors import HomologueError, nearest
from homologue.parallels._claim import claims, get
from homologue.parallels._matched import Effort

MINIMUM_TWINS = 3


class PanelError(HomologueError):
    """A panel holds something that is not known, or the same thing twice."""


@dataclass(frozen=True)
class Entry:
    """One system of a panel, and how it is recorded.

    Attributes
    ----------
    system : str
        Name in the registry.
    variables : tuple of str
        Stimulus variables asked about, a cell each; empty for claims that need none.
    stimuli : str
        For models: a stimulus set, ``"concepts"`` or ``"images.gratings"``.
    stimuli_options, options : dict
        Passed to the stimulus set, and to ``system.record``.
    twins : int
        Seeds of the untrained twin of a model, at least 3; 0 for none.
    claims : tuple of str
        Claim ids that this entry answers; all of the panel's if empty. Stimuli made for one
        claim (weekdays for a cycle) are no evidence about the others.
    votes : bool
        Off for a built-in negative: its cells are shown, and count for no family.
    """

    system: str
    variables: tuple[str, ...] = ()
    stimuli: str = ""
    stimuli_options: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    twins: int = MINIMUM_TWINS
    claims: tuple[str, ...] = ()
    votes: bool = True

    def __post_init__(self) -> None:
        """Refuse one string where several names are expected."""
        if isinstance(self.variables, str):
            raise PanelError(
                f"variables is a tuple of names; given {self.variables!r}. "
                f"Write ({self.variables!r},)"
            )


@dataclass(frozen=True)
class Panel:
    """Systems × claims, with the seed and the number of draws.

    Attributes
    ----------
    entries : tuple of Entry
    claims : tuple of str
        Claim ids; all that are registered if empty.
    name : str
    seed : int
    permutations, resamples, repeats : int
        Relabellings, bootstrap resamples, and size-matched sets averaged in each.
    """

    entries: tuple[Entry, ...]
    claims: tuple[str, ...] = ()
    name: str = "own"
    seed: int = 0
    permutations: int = 999
    resamples: int = 199
    repeats: int = 128

    def __post_init__(self) -> None:
        """Refuse what is not known, and the same recording twice."""
        for number, claim in enumerate(self.claims):
            get(claim)
            if claim in self.claims[:number]:
                raise PanelError(f"the panel asks {claim!r} twice; name each claim once")
        if not self.entries:
            raise PanelError("the panel names no system; add a [[system]] table")
        seen: set[tuple[str, str, str]] = set()
        for entry in self.entries:
            systems.entry(entry.system)
            for claim in entry.claims:
                get(claim)
            if 0 < entry.twins < MINIMUM_TWINS or entry.twins < 0:
                raise PanelError(
                    f"{entry.system}: an untrained twin is the mean of at least {MINIMUM_TWINS} "
                    f"seeds; given {entry.twins} (0 leaves it out)"
                )
            how = repr(sorted(_how(entry).items()))
            for variable in entry.variables or ("",):
                key = (entry.system, variable, how)
                if key in seen:
                    raise PanelError(
                        f"the panel holds the same recording twice: {entry.system!r} with "
                        f"variable {variable!r}; a second copy is no second system"
                    )
                seen.add(key)
        if self.permutations < 19 or self.resamples < 19 or self.repeats < 1:
            raise PanelError(
                "permutations and resamples are at least 19, repeats at least 1; given "
                f"{self.permutations}, {self.resamples}, {self.repeats}"
            )

    @property
    def effort(self) -> Effort:
        """The number of draws."""
        return Effort(self.permutations, self.resamples, self.repeats)

    def name_of(self, entry: Entry) -> str:
        """Return what an entry is called in tables: its system, and what tells it from others.

        Examples
        --------
        >>> early = Entry("wine", options={"variable": "cultivar"})
        >>> panel = Panel((early, Entry("wine"), Entry("cancer")))
        >>> [panel.name_of(entry) for entry in panel.entries]
        ['wine (variable=cultivar)', 'wine', 'cancer']
        """
        others = [other for other in self.entries if other.system == entry.system]
        brief = [self._name_of(other, others, _brief) for other in others]
        mine = self._name_of(entry, others, _brief)
        # Long lists are cut in the middle, unless that is where two entries differ.
        return mine if brief.count(mine) == 1 else self._name_of(entry, others, _in_full)

    @staticmethod
    def _name_of(entry: Entry, others: list[Entry], said_of: Callable[[Any], str]) -> str:
        own = _how(entry)
        same = [_how(other) for other in others]
        telling: list[str] = []
        for name in dict.fromkeys(name for how in (own, *same) for name in how):
            alike = [how for how in same if all(how.get(t) == own.get(t) for t in telling)]
            if any(how.get(name) != own.get(name) for how in alike):
                telling.append(name)
        given = _given(entry)
        said = [
            entry.stimuli if name == "stimuli" else f"{name}={said_of(given[name])}"
            for name in telling
            if name in own
        ]
        return f"{entry.system} ({', '.join(said)})" if said else entry.system

    def to_toml(self) -> str:
        """Return the panel as TOML, every default spelled out."""
        head = {
            "name": self.name,
            "claims": list(self.claims or [claim.id for claim in claims()]),
            "seed": self.seed,
            "permutations": self.permutations,
            "resamples": self.resamples,
            "repeats": self.repeats,
        }
        rows = []
        for entry in self.entries:
            row: dict[str, Any] = {"name": entry.system, "variables": list(entry.variables)}
            if entry.stimuli:
                row |= {"stimuli": entry.stimuli, "twins": entry.twins}
            if entry.claims:
                row["claims"] = list(entry.claims)
            if not entry.votes:
                row["votes"] = False
            if entry.options:
                row["options"] = _plain(entry.options)
            if entry.stimuli_options:
                row["stimuli_options"] = _plain(entry.stimuli_options)
            rows.append(row)
        return tomli_w.dumps({"panel": head, "system": rows})


def _how(entry: Entry) -> dict[str, str]:
    """Return everything that decides what is recorded of a system, by name, as text."""
    return {key: _in_full(value) for key, value in _given(entry).items()}


def _given(entry: Entry) -> dict[str, Any]:
    given: dict[str, Any] = {"stimuli": entry.stimuli} if entry.stimuli else {}
    given |= {f"stimuli.{key}": value for key, value in entry.stimuli_options.items()}
    return given | dict(entry.options)


def _in_full(value: Any) -> str:
    return value if isinstance(value, str) else repr(_plain(value))


def _brief(value: Any) -> str:
    """Return a list as its values, one of more than three as its ends and their number."""
    if not isinstance(value, list | tuple):
        return _in_full(value)
    if len(value) > 3:
        return f"{_in_full(value[0])} … {_in_full(value[-1])} ({len(value)})"
    return ", ".join(map(_in_full, value))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


_PANEL_KEYS = tuple(f.name for f in fields(Panel) if f.name != "entries")
_SYSTEM_KEYS = ("name", *(f.name for f in fields(Entry) if f.name != "system"))


def from_toml(text: str, source: str = "panel") -> Panel:
    r"""Read a panel from TOML.

    Parameters
    ----------
    text : str
        The file's content.
    source : str
        What messages call it.

    Raises
    ------
    PanelError
        Bad syntax, unknown keys (nearest ones are named), wrong types.
    UnknownName
        Unknown systems or claims.

    Examples
    --------
    >>> panel = from_toml('[[system]]\nname = "wine"\nvariables = ["cultivar"]')
    >>> panel.entries[0].system, panel.entries[0].variables
    ('wine', ('cultivar',))
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PanelError(f"{source} is not valid TOML: {error}") from error
    _known(content, ("panel", "system"), source)
    head = content.get("panel", {})
    if not isinstance(head, dict):
        raise PanelError(f"{source}: [panel] is a table")
    _known(head, _PANEL_KEYS, f"{source}, [panel]")
    rows = content.get("system", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PanelError(f"{source}: systems are given as [[system]] tables")
    entries = []
    for number, row in enumerate(rows, 1):
        where = f"{source}, [[system]] number {number}"
        _known(row, _SYSTEM_KEYS, where)
        if not isinstance(row.get("name"), str):
            raise PanelError(f"{where}: 'name' is missing; it names a registered system")
        _typed(row, "variables", list, where)
        _typed(row, "claims", list, where)
        _typed(row, "stimuli", str, where)
        _typed(row, "options", dict, where)
        _typed(row, "stimuli_options", dict, where)
        _typed(row, "twins", int, where)
        if not isinstance(row.get("votes", True), bool):
            raise PanelError(f"{where}: 'votes' is true or false; given {row['votes']!r}")
        values = {key: row[key] for key in row if key != "name"}
        for key in ("variables", "claims"):
            if key in values:
                values[key] = tuple(values[key])
        entries.append(Entry(row["name"], **values))
    _typed(head, "claims", list, source)
    for key in ("seed", "permutations", "resamples", "repeats"):
        _typed(head, key, int, source)
    values = dict(head)
    if "claims" in values:
        values["claims"] = tuple(values["claims"])
    return Panel(tuple(entries), **values)


def _known(given: Mapping[str, Any], allowed: Sequence[str], where: str) -> None:
    for key in given:
        if key not in allowed:
            raise PanelError(f"{where}: unknown key {key!r}" + nearest(key, allowed))


def _typed(given: Mapping[str, Any], key: str, kind: type, where: str) -> None:
    if key in given and (not isinstance(given[key], kind) or isinstance(given[key], bool)):
        raise PanelError(
            f"{where}: {key!r} is a {kind.__name__}; given {type(given[key]).__name__}"
        )


def load(path: str | os.PathLike[str]) -> Panel:
    """Read a panel from a TOML file.

    Raises
    ------
    PanelError
        The file is not there, or :func:`from_toml` refuses it.
    """
    path = Path(path)
    if not path.is_file():
        raise PanelError(
            f"there is no panel file {path}; 'homologue compare --init {path}' writes a template"
        )
    return from_toml(path.read_text(encoding="utf-8"), str(path))
