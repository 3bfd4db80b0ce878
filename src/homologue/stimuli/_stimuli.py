"""A stimulus set: items, what is known of each, and which of them are independent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from homologue._errors import HomologueError, UnknownName, nearest
from homologue.recording import variable

MODALITIES = ("text", "tokens", "image", "array")
"""What an item may be: a string, token indices, a uint8 picture, or numbers as they are."""

_RESERVED = ("stimulus", "group", "block", "position", "token", "is_special", "query", "key")
_NAMED_UP_TO = 20_000


@dataclass(frozen=True, eq=False)
class Stimuli:
    """A labelled, grouped set of stimuli.

    Attributes
    ----------
    items : sequence
        Strings (text), one-dimensional integer arrays (tokens), uint8 arrays of shape
        ``(height, width)`` or ``(height, width, 3)`` (pictures), or float arrays.
    variables : mapping of str to Variable
        One value per item; strings become codes with ``categories``. Declare a circular
        variable's period with :func:`homologue.recording.variable`.
    group : array_like or Variable, optional
        The smallest independent unit of each item (exemplar, document, animal); one group an
        item if left out. Items that share a source are not independent.
    block : array_like or Variable, optional
        Within which exchange is allowed.
    name : str
        What the set is called in provenance.
    names : sequence of str, optional
        What each item is called; a text is its own name.
    licence, citation : str
        Where the items come from.

    Raises
    ------
    HomologueError
        Empty set, values that are not one per item, items of mixed or unknown kind.

    Examples
    --------
    >>> words = Stimuli(["a cat", "a dog", "a saw"], {"concept": ["animal", "animal", "tool"]})
    >>> len(words), words.modality
    (3, 'text')
    >>> words.select(concept="tool").items
    ('a saw',)
    """

    items: Sequence[Any]
    variables: Mapping[str, Any] = field(default_factory=dict)
    group: Any = None
    block: Any = None
    name: str = "stimuli"
    names: Sequence[str] | None = None
    licence: str = ""
    citation: str = ""

    def __post_init__(self) -> None:
        """Bring every field into its one form, and check it."""
        given = self.items
        if isinstance(given, str):
            raise HomologueError(
                f"a stimulus set is a sequence of items; given one string {given[:40]!r}. "
                "Pass [text]"
            )
        items = tuple(_as_item(item) for item in given)
        if not items:
            raise HomologueError("the stimulus set is empty; give at least one item")
        kinds = {_modality(item) for item in items}
        if len(kinds) > 1:
            raise HomologueError(
                f"the items of a stimulus set are of one kind; given {', '.join(sorted(kinds))}"
            )
        object.__setattr__(self, "items", items)
        count = len(items)
        reserved = sorted(set(self.variables) & set(_RESERVED))
        if reserved:
            raise HomologueError(
                f"a stimulus variable may not be called {reserved[0]!r}, which a recording uses "
                "itself; choose another name (groups and blocks go through `group` and `block`)"
            )
        variables = {key: _per_item(key, v, count) for key, v in self.variables.items()}
        object.__setattr__(self, "variables", variables)
        group = np.arange(count) if self.group is None else self.group
        object.__setattr__(self, "group", _per_item("group", group, count))
        if self.block is not None:
            object.__setattr__(self, "block", _per_item("block", self.block, count))
        names = self.names
        if names is None and self.modality == "text" and count <= _NAMED_UP_TO:
            names = [item if len(item) <= 120 else item[:119] + "…" for item in items]
        if names is not None:
            names = tuple(_distinct(names))
            if len(names) != count:
                raise HomologueError(f"{len(names)} names for {count} items; give one each")
        object.__setattr__(self, "names", names)

    @property
    def modality(self) -> str:
        """One of :data:`MODALITIES`."""
        return _modality(self.items[0])

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.items)

    def __repr__(self) -> str:
        """Return the summary."""
        return f"<Stimuli {self.summary()}>"

    def summary(self) -> str:
        """Return one line: how many items, of what kind, and what varies."""
        groups = np.unique(self.group.values).size
        parts = [f"{self.name}: {len(self)} {self.modality} items in {groups} groups"]
        for key, values in self.variables.items():
            parts.append(f"{key} ({np.unique(values.values).size})")
        return ", ".join(parts)

    def take(self, index: ArrayLike) -> Stimuli:
        """Return the items at ``index`` (positions, or a mask), with all that is known of them."""
        wanted = np.asarray(index)
        rows = np.arange(len(self))[wanted if wanted.size else wanted.astype(np.int64)]
        if rows.ndim != 1 or not rows.size:
            raise HomologueError(
                f"no item is left of {self.name!r} ({len(self)} items); choose at least one"
            )
        return Stimuli(
            [self.items[row] for row in rows],
            {key: _pick(values, rows) for key, values in self.variables.items()},
            group=_pick(self.group, rows),
            block=None if self.block is None else _pick(self.block, rows),
            name=self.name,
            names=None if self.names is None else [self.names[row] for row in rows],
            licence=self.licence,
            citation=self.citation,
        )

    def select(self, **wanted: Any) -> Stimuli:
        """Return the items whose variables have the values asked for.

        Parameters
        ----------
        **wanted
            ``variable=value`` or ``variable=[value, …]``; names of categories, or numbers.

        Raises
        ------
        UnknownName
            No such variable, or no such category; the message holds the nearest.
        """
        keep = np.ones(len(self), dtype=bool)
        for key, values in wanted.items():
            if key not in self.variables:
                raise UnknownName(
                    f"{self.name!r} has no variable {key!r}" + nearest(key, self.variables)
                )
            chosen = [values] if isinstance(values, str) or np.ndim(values) == 0 else list(values)
            keep &= np.isin(self.variables[key].values, _codes_of(self, key, chosen))
        return self.take(keep)


def _as_item(item: Any) -> Any:
    if isinstance(item, str):
        return item
    if hasattr(item, "detach"):
        item = item.detach().cpu().numpy()
    return np.asarray(item)


def _modality(item: Any) -> str:
    if isinstance(item, str):
        return "text"
    if item.dtype == np.uint8 and (item.ndim == 2 or (item.ndim == 3 and item.shape[2] == 3)):
        return "image"
    if item.dtype.kind in "iu" and item.ndim == 1:
        return "tokens"
    if item.dtype.kind == "f":
        return "array"
    raise HomologueError(
        f"an item is a string, token indices (1-D integers), a picture (uint8, height × width "
        f"or height × width × 3) or a float array; given {item.dtype} of shape {item.shape}"
    )


def _per_item(name: str, values: Any, count: int) -> xr.Variable:
    if isinstance(values, xr.DataArray):
        values = values.variable
    if not isinstance(values, xr.Variable):
        values = variable(np.asarray(values))
    elif values.dtype.kind in "OUST":
        values = _coded(name, values)
    if values.shape != (count,):
        raise HomologueError(
            f"{name!r} has shape {tuple(values.shape)}, but there are {count} items; "
            "give one value per item"
        )
    return values


def _coded(name: str, values: xr.Variable) -> xr.Variable:
    """Return text as codes, in the order of the categories if it has them."""
    coded = variable(values.values)
    categories = values.attrs.get("categories", coded.attrs["categories"])
    place = {str(one): code for code, one in enumerate(categories)}
    unknown = [one for one in coded.attrs["categories"] if one not in place]
    if unknown:
        raise HomologueError(
            f"{name!r} holds {unknown[0]!r}, which is none of its categories ({', '.join(place)})"
        )
    codes = np.array([place[one] for one in coded.attrs["categories"]])[coded.values]
    return xr.Variable(
        coded.dims, codes, {**coded.attrs, **values.attrs, "categories": list(place)}
    )


def _pick(values: xr.Variable, rows: np.ndarray) -> xr.Variable:
    return xr.Variable(values.dims, values.values[rows], values.attrs)


def _codes_of(stimuli: Stimuli, key: str, chosen: list[Any]) -> list[Any]:
    categories = stimuli.variables[key].attrs.get("categories")
    if categories is None:
        return chosen
    table = {name: code for code, name in enumerate(categories)}
    codes = []
    for value in chosen:
        if str(value) not in table:
            raise UnknownName(f"{key!r} has no category {value!r}" + nearest(str(value), table))
        codes.append(table[str(value)])
    return codes


def _distinct(names: Iterable[str]) -> list[str]:
    """Return the names, repeated ones numbered, so that no two stimuli are taken for one."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        out.append(name if not count else f"{name} [{count + 1}]")
    return out
