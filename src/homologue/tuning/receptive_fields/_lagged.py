"""The stimulus before each sample as one row of a matrix: lags × features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign, InvalidRecording
from homologue._typing import Array, Float, Int
from homologue.inference._shifts import stretches
from homologue.recording import classes

_AXES = {1: ("feature",), 2: ("row", "column"), 3: ("row", "column", "colour")}
_MOST_CLASSES = 1000


@dataclass(frozen=True)
class Lagged:
    """Rows of stimulus, one for each sample that has all of them.

    Attributes
    ----------
    values : array, shape (kept, lag · feature)
    now : array, shape (kept, feature)
        The stimulus at the sample itself.
    rows : array of int, shape (kept,)
        Samples of the recording.
    dims, shape : tuple
        Of a field: lags first, then the features' own axes.
    coords : dict
    """

    values: Any
    now: Any
    rows: Any
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    coords: dict[str, Any]


def lagged_stimulus(rec: xr.DataArray, stimulus: Any, lags: Sequence[int]) -> Lagged:
    """Return the stimulus at each lag before each sample.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording.
    stimulus : str, array or xarray.DataArray
        See :func:`homologue.tuning.receptive_field`.
    lags : sequence of int
        Samples (tokens) by which the stimulus precedes the activity.

    Raises
    ------
    InvalidDesign
        Lags without ``time`` or ``position``; no sample left; a stimulus that never changes.
    InvalidRecording
        An array that does not fit the samples; Inf.
    """
    shifts = _checked(lags)
    values, dims, coords = _on_samples(rec, stimulus)
    count = rec.sizes["sample"]
    flat = values.reshape(count, -1)
    if np.isinf(flat).any():
        raise InvalidRecording("the stimulus holds Inf; mark what was not shown with NaN")
    source = _sources(rec, shifts)
    complete = (source >= 0).all(axis=1)
    known = np.isfinite(flat).all(axis=1)
    complete &= known[source].all(axis=1) & np.isfinite(rec.values).any(axis=1)
    rows = np.flatnonzero(complete)
    if not rows.size:
        raise InvalidDesign(
            f"no sample has a stimulus at every lag from {shifts[0]} to {shifts[-1]}; stretches "
            "are shorter than the lags, or every one misses a part of the stimulus"
        )
    lagged = flat[source[rows]].reshape(rows.size, -1)
    if not np.ptp(lagged, axis=0).any():
        raise InvalidDesign("the stimulus never changes; nothing can be averaged against it")
    lag_coords: dict[str, Any] = {"lag": np.array(shifts)}
    step = rec.attrs.get("sampling_interval")
    if step and "time" in rec.coords:
        lag_coords["lag_seconds"] = ("lag", np.array(shifts) * float(step))
    return Lagged(
        lagged,
        flat[rows],
        rows,
        ("lag", *dims),
        (len(shifts), *values.shape[1:]),
        {**lag_coords, **coords},
    )


def _checked(lags: Sequence[int]) -> list[int]:
    found = [int(lag) for lag in lags]
    if not found or any(a != b for a, b in zip(found, lags, strict=True)):
        raise HomologueError(f"lags are whole numbers of samples; given {list(lags)}")
    if len(set(found)) < len(found):
        raise HomologueError(f"each lag stands once; given {found}")
    return sorted(found)


def _on_samples(
    rec: xr.DataArray, stimulus: Any
) -> tuple[np.ndarray, tuple[str, ...], dict[str, Any]]:
    """Return the stimulus as (sample, …) with the names of its axes."""
    count = rec.sizes["sample"]
    if isinstance(stimulus, str):
        return _coordinate(rec, stimulus)
    coords: dict[str, Any] = {}
    if isinstance(stimulus, xr.DataArray):
        first, *rest = (str(dim) for dim in stimulus.dims)
        if first not in ("sample", "stimulus"):
            raise InvalidRecording(
                f"the stimulus's first axis is {first!r}; expected 'sample', or 'stimulus' with "
                "one row for each stimulus code of the recording"
            )
        dims = tuple(rest)
        values = np.asarray(stimulus.values, dtype=np.float64)
        coords = {
            str(name): (tuple(map(str, c.dims)), c.values)
            for name, c in stimulus.coords.items()
            if set(map(str, c.dims)) <= set(dims)
        }
        if first == "stimulus":
            if "stimulus" not in rec.coords:
                raise InvalidRecording(
                    "one row a stimulus was given, and the recording does not say which stimulus "
                    "each sample saw (recording.make(…, stimulus=codes))"
                )
            codes = rec["stimulus"].values
            if codes.min() < 0 or codes.max() >= len(values):
                raise InvalidRecording(
                    f"the recording's stimuli are numbered {codes.min()} to {codes.max()}; the "
                    f"array holds {len(values)}"
                )
            values = values[codes]
    else:
        values = np.asarray(stimulus, dtype=np.float64)
        dims = _AXES.get(values.ndim - 1, tuple(f"axis_{i}" for i in range(values.ndim - 1)))
    if not values.ndim or len(values) != count:
        raise InvalidRecording(
            f"the stimulus has shape {values.shape}; the recording has {count} samples, and the "
            "first axis is theirs. For one row a stimulus, give an xarray.DataArray whose first "
            "dimension is 'stimulus'"
        )
    taken = {"unit", "sample", "lag"} & set(dims)
    if taken:
        raise InvalidRecording(f"an axis of the stimulus may not be called {sorted(taken)[0]!r}")
    return values, dims, coords


def _coordinate(rec: xr.DataArray, name: str) -> tuple[np.ndarray, tuple[str, ...], dict[str, Any]]:
    """Return a variable: its value, its sine and cosine, or one column a class."""
    from homologue.recording import validate

    validate(rec, needs=[name], allow_missing=True, check_values=False)
    coord = rec[name]
    period = coord.attrs.get("period")
    if "categories" in coord.attrs:
        codes, names = classes(rec, name)
        if len(names) > _MOST_CLASSES:
            raise InvalidDesign(
                f"{name!r} has {len(names)} classes, too many for a column each (at most "
                f"{_MOST_CLASSES}); token_context takes any number of tokens"
            )
        values = (codes[:, None] == np.arange(len(names))).astype(np.float64)
        values[codes < 0] = np.nan
        return values, ("class",), {"class": np.array(names, dtype=object)}
    plain = coord.values.astype(np.float64)
    if period is not None:
        turn = 2 * np.pi * plain / float(period)
        both = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        return both, ("part",), {"part": np.array(["cosine", "sine"], dtype=object)}
    return plain, (), {}


def _sources(rec: xr.DataArray, lags: list[int]) -> Int[Array, "sample lag"]:
    """Return the sample that lies each lag before; −1 where there is none."""
    count = rec.sizes["sample"]
    if lags == [0]:
        return np.arange(count)[:, None]
    found = np.full((count, len(lags)), -1)
    for part in runs(rec):
        place = np.arange(part.size)[:, None] - np.array(lags)
        inside = (place >= 0) & (place < part.size)
        found[part] = np.where(inside, part[np.clip(place, 0, part.size - 1)], -1)
    return found


def runs(rec: xr.DataArray) -> list[Int[Array, "_"]]:
    """Return the samples of each stretch of time, or of each document, in order."""
    block = np.zeros(rec.sizes["sample"], dtype=np.int64)
    if "block" in rec.coords:
        block = _codes(rec["block"].values)
    if "time" in rec.coords:
        clock = rec["time"].values.astype(np.float64)
        if np.unique(np.stack([block, clock]), axis=1).shape[1] < clock.size:
            block = _codes(np.stack([block, _codes(rec["group"].values)]))
        return stretches(clock, block)
    if "position" in rec.coords:
        return stretches(rec["position"].values.astype(np.float64), documents(rec))
    raise InvalidDesign(
        "lags need an order of samples; this recording has neither `time` nor `position`. "
        "Leave lags=(0,)"
    )


def documents(rec: xr.DataArray) -> Int[Array, "sample"]:
    """Return which text each token belongs to: groups may hold several."""
    group = _codes(rec["group"].values)
    if "stimulus" not in rec.coords:
        return group
    return _codes(np.stack([group, _codes(rec["stimulus"].values)]))


def _codes(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    axis = 1 if values.ndim == 2 else None
    return np.unique(values, axis=axis, return_inverse=True)[1].ravel()


def row_codes(values: Float[Array, "row column"]) -> Int[Array, "row"]:
    """Return a number for each row, the same for equal rows."""
    values = np.ascontiguousarray(values + 0.0)  # one zero, not two
    view = values.view(np.dtype((np.void, values.itemsize * values.shape[1]))).ravel()
    return np.unique(view, return_inverse=True)[1].ravel()
