"""What is known of each sample and each unit of a model's recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from homologue.recording import make, variable
from homologue.stimuli import Stimuli
from homologue.systems._feeds import Feed, Layout, TextFeed
from homologue.systems._reading import Reading
from homologue.systems._sites import Site


@dataclass(frozen=True)
class SampleTable:
    """Coordinates on ``sample`` for any stretch of stimuli.

    Attributes
    ----------
    stimuli : Stimuli
        What was shown.
    reading : Reading
        Samples per stimulus.
    vocabulary : ndarray or None
        The token indices that occur, sorted; a token's code is its place here.
    spelled : list of str
        The vocabulary in words.
    """

    stimuli: Stimuli
    reading: Reading
    vocabulary: np.ndarray | None
    spelled: list[str]

    @classmethod
    def of(cls, stimuli: Stimuli, reading: Reading) -> SampleTable:
        """Prepare the tables that all stretches share."""
        feed = reading.feed
        if not isinstance(feed, TextFeed) or not _by_token(reading):
            return cls(stimuli, reading, None, [])
        kept = [ids[rows] for ids, rows in zip(feed.tokens.ids, _tokens_kept(feed), strict=True)]
        vocabulary = np.unique(np.concatenate(kept))
        return cls(stimuli, reading, vocabulary, feed.tokens.spell(vocabulary))

    @cached_property
    def units(self) -> xr.Coordinates:
        """The coordinates on ``unit``; one object, so that blocks cost no work a unit."""
        names, site, more = unit_table(self.reading.sites, self.reading.layouts)
        one_row = np.zeros((1, names.size), dtype=np.float32)
        return make(one_row, unit=names, site=site, unit_variables=more).coords

    def rows(self, first: int, last: int) -> dict[str, xr.Variable]:
        """Return the coordinates of the samples of stimuli ``first … last - 1``."""
        counts = np.diff(self.reading.offsets[first : last + 1])
        index = np.repeat(np.arange(first, last), counts)
        named = self.stimuli.names
        label: dict[str, Any] = {} if named is None else {"categories": list(named)}
        out = {"stimulus": xr.Variable(("sample",), index, label)}
        per_item = {"group": self.stimuli.group, **self.stimuli.variables}
        if self.stimuli.block is not None:
            per_item["block"] = self.stimuli.block
        for name, values in per_item.items():
            out[name] = xr.Variable(("sample",), values.values[index], dict(values.attrs))
        feed = self.reading.feed
        if isinstance(feed, TextFeed):
            if self.vocabulary is not None:
                out |= self._token_rows(feed, range(first, last))
        else:
            out |= _place_rows(feed, self.reading.layouts, last - first)
        return out

    def _token_rows(self, feed: TextFeed, which: range) -> dict[str, xr.Variable]:
        places = [_recordable(feed, i) for i in which]
        if feed.pairs is None:
            rows = [feed.kept[i] for i in which]
            out = {"position": _gather(places, rows)}
        else:
            rows = [feed.pairs[i][:, 0] for i in which]
            keys = [feed.pairs[i][:, 1] for i in which]
            out = {"position": _gather(places, rows), "key": _gather(places, keys)}
            out["key_token"] = self._codes([feed.tokens.ids[i] for i in which], keys)
        out["token"] = self._codes([feed.tokens.ids[i] for i in which], rows)
        special = _gather([feed.tokens.special[i] for i in which], rows)
        out["is_special"] = variable(special.values.astype(bool))
        return out

    def _codes(self, ids: Sequence[np.ndarray], rows: Sequence[np.ndarray]) -> xr.Variable:
        assert self.vocabulary is not None
        codes = np.searchsorted(self.vocabulary, _gather(ids, rows).values)
        return variable(codes, categories=self.spelled)


def _by_token(reading: Reading) -> bool:
    return any(layout.rows == "kept" for layout in reading.layouts)


def _tokens_kept(feed: TextFeed) -> list[np.ndarray]:
    return feed.kept if feed.pairs is None else [pairs.ravel() for pairs in feed.pairs]


def _recordable(feed: TextFeed, i: int) -> np.ndarray:
    """Return each token's place among those that can be recorded (see ``positions``)."""
    if feed.include_special:
        return np.arange(feed.tokens.ids[i].size)
    return np.cumsum(~feed.tokens.special[i]) - 1


def _gather(values: Sequence[np.ndarray], rows: Sequence[np.ndarray]) -> xr.Variable:
    picked = [value[row] for value, row in zip(values, rows, strict=True)]
    return xr.Variable(("sample",), np.concatenate(picked).astype(np.int64))


def _place_rows(feed: Feed, layouts: Sequence[Layout], count: int) -> dict[str, xr.Variable]:
    places = next((one.places for one in layouts if one.rows == "places"), ())
    if not places:
        return {}
    chosen = getattr(feed, "positions", None)
    if len(places) == 1 and chosen is not None:
        grid = [np.asarray(chosen, dtype=np.int64)]
    else:
        grid = list(np.indices(places).reshape(len(places), -1))
    names = place_names(len(places))
    return {
        name: xr.Variable(("sample",), np.tile(axis, count))
        for name, axis in zip(names, grid, strict=True)
    }


def place_names(count: int) -> tuple[str, ...]:
    """Return what the axes of places are called."""
    return {1: ("position",), 2: ("y", "x"), 3: ("z", "y", "x")}.get(
        count, tuple(f"place_{axis}" for axis in range(count))
    )


def unit_table(
    sites: Sequence[Site], layouts: Sequence[Layout]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return unit names (``site/index``), their sites, and what else is known of them.

    Attention heads have ``layer``, ``head`` and ``dimension``; units of places have
    ``channel`` and the place; -1 where a coordinate does not apply.
    """
    names = [
        np.char.add(f"{s.name}/", np.arange(lay.width).astype(str))
        for s, lay in zip(sites, layouts, strict=True)
    ]
    site = [np.full(layout.width, s.name) for s, layout in zip(sites, layouts, strict=True)]
    columns = [_unit_columns(s, layout) for s, layout in zip(sites, layouts, strict=True)]
    keys = sorted({key for column in columns for key in column})
    more = {
        key: np.concatenate(
            [
                column.get(key, np.full(layout.width, -1))
                for column, layout in zip(columns, layouts, strict=True)
            ]
        )
        for key in keys
    }
    return np.concatenate(names), np.concatenate(site), more


def _unit_columns(site: Site, layout: Layout) -> dict[str, np.ndarray]:
    units = np.arange(layout.width)
    out: dict[str, np.ndarray] = {}
    if site.layer is not None:
        out["layer"] = np.full(layout.width, site.layer)
    if site.level == "pattern":
        out["head"] = units
    elif site.head_size is not None:
        out["head"], out["dimension"] = np.divmod(units, site.head_size)
    if layout.rows == "stimulus" and layout.places:
        size = int(np.prod(layout.places))
        out["channel"], place = np.divmod(units, size)
        axes = np.unravel_index(place, layout.places)
        out |= dict(zip(place_names(len(layout.places)), map(np.asarray, axes), strict=True))
    return out
