"""What a patch puts in: activity of another run, aligned by stimulus and position."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue.stimuli import Stimuli
from homologue.systems._feeds import Feed, TextFeed


@dataclass(frozen=True, eq=False)
class Rows:
    """Values to put in, per stimulus.

    Attributes
    ----------
    values : list of ndarray, each (place, column) or (column,)
        One per stimulus.
    places : list of ndarray of int, or None
        Which tokens the rows are; None: a row stands for every place.
    padded : bool
        Whether places behind the last one are padding, as of texts of different lengths.
    """

    values: list[np.ndarray]
    places: list[np.ndarray] | None
    padded: bool = False

    def batch(
        self, index: np.ndarray, shape: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return values (stimulus, …, column) of some stimuli, and where there are any.

        Parameters
        ----------
        index : ndarray of int
            Stimuli.
        shape : tuple of int
            The places of the activity.
        """
        if self.places is None:
            chosen = [self.values[i] for i in index]
            if shape and chosen[0].ndim > 1:
                chosen = [_fitted(one, shape, padded=self.padded) for one in chosen]
            elif shape:
                chosen = [one.reshape(*[1] * len(shape), -1) for one in chosen]
            return np.stack(chosen), None
        if len(shape) != 1:
            raise HomologueError("the source has positions, and the patched site has none")
        width = self.values[0].shape[-1]
        put = np.zeros((len(index), *shape, width), dtype=np.float32)
        inside = np.zeros((len(index), *shape), dtype=bool)
        for row, stimulus in enumerate(index):
            put[row, self.places[stimulus]] = self.values[stimulus]
            inside[row, self.places[stimulus]] = True
        return put, inside


def _fitted(values: np.ndarray, shape: tuple[int, ...], *, padded: bool) -> np.ndarray:
    if values.shape[:-1] == shape:
        return values
    if set(values.shape[:-1]) == {1}:
        return np.broadcast_to(values.reshape(*[1] * len(shape), -1), (*shape, values.shape[-1]))
    if padded and values.ndim == 2:
        # Padding is behind the last token and seen by none.
        out = np.zeros((shape[0], values.shape[1]), dtype=values.dtype)
        count = min(shape[0], values.shape[0])
        out[:count] = values[:count]
        return out
    raise HomologueError(
        f"a patch of places {values.shape[:-1]} does not fit activity of places {shape}"
    )


class Sources:
    """Unperturbed runs that patches are taken from, each made once for all sites it serves.

    Parameters
    ----------
    acts : sequence of Act
        Whatever is perturbed.
    record : callable
        ``(stimuli, sites) -> (recording of every token, its feed)``, unperturbed.
    """

    def __init__(
        self, acts: Sequence[Any], record: Callable[[Any, list[str]], tuple[xr.DataArray, Feed]]
    ) -> None:
        self._record = record
        self._wanted: dict[int, tuple[Any, dict[str, None]]] = {}
        self._made: dict[int, tuple[dict[str, xr.DataArray], Feed]] = {}
        for act in acts:
            source = getattr(act.intervention, "source", None)
            if source is not None and _is_shown(source.values):
                held = self._wanted.setdefault(id(source.values), (source.values, {}))
                held[1][act.site.name] = None

    def __call__(self, stimuli: Any, site: str) -> tuple[xr.DataArray, Feed]:
        """Return the recording of one site, and what was shown."""
        key = id(stimuli)
        if key not in self._made:
            given, sites = self._wanted[key]
            rec, feed = self._record(given, list(sites))
            names = rec["site"].values
            parts = {one: rec[:, np.flatnonzero(names == one)] for one in sites}
            self._made[key] = (parts, feed)
        parts, feed = self._made[key]
        return parts[site], feed


def _is_shown(values: Any) -> bool:
    if isinstance(values, (list, tuple)):
        return not all(isinstance(one, numbers.Real) for one in values)
    return isinstance(values, Stimuli)


def rows_of(act: Any, feed: Feed, sources: Sources) -> Rows | None:
    """Return what a patch puts in for these stimuli; None for other perturbations.

    Parameters
    ----------
    act : Act
        One perturbation at one site.
    feed : Feed
        What is shown.
    sources : Sources
        Where patches are taken from stimuli.

    Raises
    ------
    HomologueError
        A source of other stimuli: their number, lengths or units differ.
    """
    source = getattr(act.intervention, "source", None)
    if source is None:
        return None
    given = source.values
    if isinstance(given, (xr.DataArray, xr.Dataset)):
        marked = "is_special" in given.coords and bool(given["is_special"].any())
        return _from_recording(act, given, feed, every=marked)
    if _is_shown(given):
        rec, other = sources(given, act.site.name)
        _check_alike(act, feed, other)
        return _from_recording(act, rec, feed, every=True)
    if hasattr(given, "detach"):
        given = given.detach().to("cpu").float().numpy()
    values = np.asarray(given)
    if values.ndim >= 2 and values.shape[0] == feed.count:
        _check_places(act, values, feed)
        return Rows(list(values), None, padded=isinstance(feed, TextFeed))
    if values.ndim <= 1:
        return Rows([np.atleast_1d(values)] * feed.count, None)
    raise HomologueError(
        f"{act.name}: an array to put in is (unit,), or ({feed.count} stimuli, …, unit); given "
        f"{values.shape}"
    )


def _check_places(act: Any, values: np.ndarray, feed: Feed) -> None:
    """Refuse values for fewer tokens than a text has: the rest would be patched by nothing."""
    if not isinstance(feed, TextFeed) or values.ndim != 3 or values.shape[1] == 1:
        return
    longest = int(feed.lengths.max())
    if values.shape[1] < longest and act.intervention.positions is None:
        raise HomologueError(
            f"{act.name}: the array holds {values.shape[1]} tokens a text, and a text shown has "
            f"{longest} (special ones included); give all of them, one for every token "
            "(stimulus, 1, unit), or say which positions"
        )


def _check_alike(act: Any, feed: Feed, other: Feed) -> None:
    if other.count != feed.count:
        raise HomologueError(
            f"{act.name}: {feed.count} stimuli are shown, and the source has {other.count}; a "
            "patch takes each stimulus from its own partner"
        )
    if (feed.lengths != other.lengths).any() and act.intervention.positions is None:
        number = int(np.flatnonzero(feed.lengths != other.lengths)[0])
        raise HomologueError(
            f"{act.name}: stimulus {number} has {feed.lengths[number]} tokens and its source "
            f"{other.lengths[number]}; pairs differ in tokens and not in length, or "
            "say which positions"
        )


def _from_recording(act: Any, rec: Any, feed: Feed, *, every: bool = False) -> Rows:
    activity = rec["activity"] if isinstance(rec, xr.Dataset) else rec
    columns = _columns(act, activity)
    values = activity.transpose("sample", "unit").values[:, columns].astype(np.float32)
    axis = getattr(act.intervention, "axis", None)
    if axis is not None:
        values = axis.coordinate(values)
    stimulus = np.asarray(activity["stimulus"].values)
    rows = [np.flatnonzero(stimulus == number) for number in range(feed.count)]
    for number, found in enumerate(rows):
        if not found.size:
            raise HomologueError(
                f"{act.name}: the source has no sample of stimulus {number}; {feed.count} stimuli "
                "are shown, and each is patched from its own"
            )
    shape = tuple(int(activity[n].max()) + 1 for n in ("z", "y", "x") if n in activity.coords)
    if shape and all(found.size == np.prod(shape) for found in rows):
        return Rows([values[found].reshape(*shape, -1) for found in rows], None)
    if "position" not in activity.coords:
        if any(found.size > 1 for found in rows):
            raise HomologueError(f"{act.name}: the source has several samples a stimulus")
        return Rows([values[found[0]] for found in rows], None)
    position = np.asarray(activity["position"].values)
    places = [position[found] for found in rows]
    if isinstance(feed, TextFeed):
        offered = [
            np.arange(special.size) if every else np.flatnonzero(~special)
            for special in feed.tokens.special
        ]
        for number, (found, known) in enumerate(zip(places, offered, strict=True)):
            if (found >= known.size).any():
                keep = found < known.size
                if act.intervention.positions is None:
                    raise HomologueError(
                        f"{act.name}: the source of stimulus {number} is longer than what is shown"
                    )
                rows[number], places[number] = rows[number][keep], found[keep]
        places = [known[found] for known, found in zip(offered, places, strict=True)]
    return Rows([values[found] for found in rows], places)


def _columns(act: Any, activity: xr.DataArray) -> np.ndarray:
    """Return the recording's columns of the units that are patched, in their order."""
    names = {str(name): i for i, name in enumerate(activity["unit"].values)}
    if act.columns is None:
        site = activity["site"].values if "site" in activity.coords else np.array([])
        here = np.flatnonzero(site == act.site.name)
        if not here.size:
            raise HomologueError(
                f"{act.name}: the source holds nothing of site {act.site.name!r}; record it"
            )
        wanted = [f"{act.site.name}/{i}" for i in range(len(here))]
    else:
        wanted = [f"{act.site.name}/{i}" for i in act.columns]
    lacking = [name for name in wanted if name not in names]
    if lacking:
        raise HomologueError(f"{act.name}: the source does not hold unit {lacking[0]!r}")
    return np.array([names[name] for name in wanted])
