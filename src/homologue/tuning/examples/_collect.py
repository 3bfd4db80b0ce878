"""One pass over any number of samples: each unit's examples, and where they stood."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError, InvalidRecording
from homologue.reducers import Block, Reducer, State, run
from homologue.reducers._arrays import fetch
from homologue.reducers._protocol import check_missing
from homologue.reducers._sample import random_keys
from homologue.tuning.examples import _context, _extremes

CONTEXT = ("stimulus", "position", "token", "y", "x", "trial")
"""What tells where a sample stood, as far as the recording has it."""

_LOG_ROWS = 4 * 2**20


@dataclass(frozen=True)
class Examples(Reducer):
    """Keep each unit's top, bottom and randomly drawn samples, and where each stood.

    A reducer: ``system.record(…, to=Pass(Examples(rng=0)))``. :func:`collect` runs it.

    Parameters
    ----------
    top, bottom : int
        How many of the largest and of the smallest values; 0: none.
    draws : int
        Samples drawn at random, the same for all units; the examples of every quantile and the
        random ones come from them.
    window : int
        Samples (tokens) on either side that belong to an example.
    context : tuple of str
        Whole-number variables on ``sample`` that tell where it stood.
    missing : {"refuse", "skip"}
        NaN is an error, or is no example.
    rng : numpy Generator or int
        Seed of the draw.

    Raises
    ------
    HomologueError
        Sizes below 0, nothing to keep, a way to treat NaN that is none of these.

    Notes
    -----
    ``result`` has ``top_value``/``top_sample`` on (top, unit), the best first and of equal
    values the earlier sample; ``bottom_value``/``bottom_sample`` likewise; ``draw_value``
    (draw, unit) with ``draw_sample`` (draw), in random order; and a log of samples, ``row``,
    with ``row_sample`` and the context. All are exact, whatever the split. Activity on a GPU is
    fetched, block by block.

    Examples
    --------
    >>> from homologue import reducers
    >>> rec = recording.make(np.array([[1.0], [9.0], [4.0], [9.0]]))
    >>> found = reducers.run(rec, Examples(top=2, bottom=1, draws=2, context=(), rng=0))
    >>> found["top_sample"].values.ravel().tolist(), found["bottom_value"].item()
    ([1, 3], 1.0)
    """

    top: int = 10
    bottom: int = 10
    draws: int = 256
    window: int = 10
    context: tuple[str, ...] = ("stimulus", "position", "token")
    missing: str = "refuse"
    rng: np.random.Generator | int = field(kw_only=True, compare=False, repr=False)
    seed: int = field(init=False)

    def __post_init__(self) -> None:
        """Check sizes and settle the seed."""
        check_missing(self.missing)
        sizes = {name: getattr(self, name) for name in ("top", "bottom", "draws", "window")}
        for name, size in sizes.items():
            if not isinstance(size, int) or size < 0:
                raise HomologueError(f"{name} is a whole number, 0 or more; given {size!r}")
        if not self.top + self.bottom + self.draws:
            raise HomologueError("top, bottom and draws are all 0; ask for some example")
        object.__setattr__(self, "context", tuple(self.context))
        seed = int(np.random.default_rng(self.rng).integers(2**63))
        object.__setattr__(self, "seed", seed)
        object.__setattr__(self, "rng", seed)

    @property
    def needs(self) -> tuple[str, ...]:
        """The context."""
        return self.context

    def describe(self) -> dict[str, Any]:
        """Return the parameters, with the seed that was drawn."""
        return {key: value for key, value in super().describe().items() if key != "rng"}

    def empty(self, width: int) -> State:
        """Return places, all free."""
        return {
            **_named("top", _extremes.empty(self.top, width)),
            **_named("bottom", _extremes.empty(self.bottom, width)),
            "draw key": np.full(self.draws, -1.0),
            "draw sample": np.full(self.draws, -1, dtype=np.int64),
            "draw value": np.full((self.draws, width), np.nan, dtype=np.float32),
            "end": np.zeros(1, dtype=np.int64),
            **_context.empty(self.context),
        }

    def add(self, state: State, block: Block) -> State:
        """Let a block's samples take the places of lesser ones."""
        block.recorded(self.missing)
        activity = fetch(block.activity)
        state = {name: fetch(value) for name, value in state.items()}
        late = block.start >= int(state["end"][0])
        sides = [(_part(side, state), k, sign) for side, k, sign in self._sides]
        _extremes.add(sides, activity, start=block.start, late=late)
        self._draw(state, activity, block.start)
        if self.context:
            _context.add(state, block, self.context)
            if int(state["logged"][0]) > _LOG_ROWS:
                chosen = [state[f"{side} sample"] for side, _, _ in self._sides]
                _context.prune(state, [*chosen, state["draw sample"]], self.window)
        state["end"] = np.maximum(state["end"], block.start + block.samples)
        return state

    @property
    def _sides(self) -> list[tuple[str, int, int]]:
        sides = ("top", self.top, 1), ("bottom", self.bottom, -1)
        return [side for side in sides if side[1]]

    def _draw(self, state: State, activity: np.ndarray, start: int) -> None:
        """Let a block's samples take the places of those with smaller random keys."""
        if not self.draws:
            return
        number = np.arange(start, start + len(activity))
        key = random_keys(self.seed, number)
        row = np.flatnonzero(key > state["draw key"].min())
        # The best of old and new: only rows that change are written.
        both = np.concatenate([state["draw key"], key[row]])
        kept = np.argsort(-both, kind="stable")[: self.draws]
        place = np.setdiff1d(np.arange(self.draws), kept)
        row = row[np.sort(kept[kept >= self.draws]) - self.draws]
        if not row.size:
            return
        state["draw value"] = _wide_enough(state["draw value"], activity)
        state["draw key"][place] = key[row]
        state["draw sample"][place] = number[row]
        state["draw value"][place] = activity[row]

    def merge(self, first: State, second: State) -> State:
        """Return the best of both."""
        out: State = dict(first)
        for side, k, _ in self._sides:
            out |= _named(side, _extremes.merge(_part(side, first), _part(side, second), k))
        names = ("draw key", "draw sample", "draw value")
        joined = {name: np.concatenate([first[name], second[name]]) for name in names}
        kept = np.argsort(-joined["draw key"], kind="stable")[: self.draws]
        out |= {name: value[kept] for name, value in joined.items()}
        out["end"] = np.maximum(first["end"], second["end"])
        return out | _context.merge(first, second, self.context)

    def result(self, state: State) -> xr.Dataset:
        """Return values, samples and the log."""
        found: dict[str, Any] = {}
        chosen = [state["draw sample"]]
        for side, k, sign in self._sides:
            key, sample = _extremes.best(state[f"{side} key"], state[f"{side} sample"], k)
            chosen.append(sample)
            # Adding 0 makes a negated 0 positive again.
            found[f"{side}_value"] = ((side, "unit"), (sign * key + 0.0).T)
            found[f"{side}_sample"] = ((side, "unit"), sample.T)
        if self.draws:
            order = np.argsort(-state["draw key"], kind="stable")
            found["draw_value"] = (("draw", "unit"), state["draw value"][order])
            found["draw_sample"] = ("draw", state["draw sample"][order])
        if self.context:
            held: State = dict(state)
            _context.prune(held, chosen, self.window)
            log = _context.written(held)
            found["row_sample"] = ("row", log[:, 0])
            for column, name in enumerate(self.context, start=1):
                names = state[f"names {name}"]
                attrs = {"categories": names.tolist()} if names.size else {}
                found[name] = ("row", log[:, column], attrs)
        return xr.Dataset(found)


def collect(
    source: xr.DataArray
    | str
    | os.PathLike[str]
    | Iterable[xr.DataArray]
    | Callable[[int], Iterable[xr.DataArray]],
    *,
    top: int = 10,
    bottom: int = 10,
    draws: int = 256,
    window: int = 10,
    context: Iterable[str] | None = None,
    missing: str = "refuse",
    rng: np.random.Generator | int,
    checkpoint: str | os.PathLike[str] | None = None,
) -> xr.Dataset:
    """Collect every unit's examples in one pass, in memory that does not grow with the samples.

    Parameters
    ----------
    source : xarray.DataArray, path, iterable of recordings, or callable
        A recording in memory or stored, or ``system.blocks(stimuli, sites=…)``: no activity is
        kept then. With a ``checkpoint`` give ``lambda start: system.blocks(stimuli, sites=…,
        start=start)``, and the model does not run again on what was seen.
    top, bottom : int
        How many of the largest and the smallest values of each unit.
    draws : int
        Samples drawn at random: examples of every quantile, and random ones, come from them.
    window : int
        Tokens on either side that are shown with an example.
    context : iterable of str, optional
        Whole-number variables that tell where a sample stood; of stimulus, position, token, y,
        x and trial those that the recording has, if left out.
    missing : {"refuse", "skip"}
        NaN is an error, or is no example.
    rng : numpy Generator or int
        Seed of the draw; the same samples are drawn however the source is cut.
    checkpoint : path, optional
        A file of what was seen so far, written every half minute; the same call goes on there.

    Returns
    -------
    xarray.Dataset
        As :class:`Examples` says; :func:`of` shows one unit of it.

    Raises
    ------
    HomologueError
        Sizes that make no sense; a checkpoint of another call.
    InvalidRecording
        NaN or Inf, no samples, parts that do not belong together.
    UnknownName
        No such context variable.

    Notes
    -----
    What a unit responds to most is not what it codes for [1]_: look at all quantiles, and test
    the label with :func:`illusion`. A quantile's edge is known from ``draws`` samples, to
    within sqrt(log(2/α)/(2·draws)) of its rank with probability 1 − α (0.085 for 256 and .05).

    References
    ----------
    .. [1] Bolukbasi et al. 2021, doi:10.48550/arXiv.2104.07143

    Examples
    --------
    >>> values = np.random.default_rng(0).standard_normal((1000, 3))
    >>> parts = [recording.make(values[:400]), recording.make(values[400:])]
    >>> found = collect(parts, top=5, bottom=5, rng=0)
    >>> bool((found["top_value"].values[0] == values.max(axis=0)).all())
    True
    """
    known = context
    if known is None:
        if isinstance(source, (str, os.PathLike)):
            source = recording.open(source)
        if isinstance(source, xr.DataArray):
            one = source
        else:
            one, source = _peeked(source)
        known = [
            name
            for name in CONTEXT
            if name in one.coords
            and one[name].dims == ("sample",)
            and one[name].dtype.kind in "iub"
        ]
    reducer = Examples(
        top=top, bottom=bottom, draws=draws, window=window, context=tuple(known),
        missing=missing, rng=rng,
    )  # fmt: skip
    found: xr.Dataset = run(source, reducer, checkpoint=checkpoint)
    return found


def _peeked(
    source: Iterable[xr.DataArray] | Callable[[int], Iterable[xr.DataArray]],
) -> tuple[xr.DataArray, Callable[[int], Iterable[xr.DataArray]]]:
    """Return the first part, and a source that still has it."""
    parts = iter(source(0) if callable(source) else source)
    first = next(parts, None)
    if first is None:
        raise InvalidRecording("the source has no parts, so there is nothing to collect")
    whole = itertools.chain([first], parts)

    def after(start: int) -> Iterable[xr.DataArray]:
        if start and callable(source):
            return source(start)
        return _cut(whole, start)

    return first, after


def _cut(parts: Iterable[xr.DataArray], start: int) -> Iterable[xr.DataArray]:
    """Yield what begins at sample ``start``."""
    place = 0
    for part in parts:
        if place + part.sizes["sample"] > start:
            yield part.isel(sample=slice(max(start - place, 0), None))
        place += part.sizes["sample"]


def _named(side: str, part: State) -> State:
    return {f"{side} {name}": value for name, value in part.items()}


def _part(side: str, state: State) -> State:
    """Return one side's arrays; they are changed in place."""
    return {name: state[f"{side} {name}"] for name in ("key", "sample", "filled", "bound")}


def _wide_enough(held: np.ndarray, activity: np.ndarray) -> np.ndarray:
    wide = held.dtype == np.float32 and activity.dtype == np.float64
    return held.astype(np.float64) if wide else held
