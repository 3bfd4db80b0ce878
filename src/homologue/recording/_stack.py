"""Samples to trials × lags, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidRecording
from homologue.recording._validate import validate


def unstack(rec: xr.DataArray, trial: str = "trial", lag: str = "lag") -> xr.DataArray:
    """Turn samples into trials × lags; unequal trials are padded with NaN.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording with ``trial`` and ``lag`` on ``sample``.
    trial, lag : str
        Names of the two coordinates.

    Returns
    -------
    xarray.DataArray
        Dims ``(trial, lag, "unit")``; ``recorded`` on ``(trial, lag)`` is False in the padding.
        Variables that are constant in a trial stand on ``trial``.

    Raises
    ------
    InvalidRecording
        If a trial holds the same lag twice.

    Examples
    --------
    >>> from homologue.recording import make
    >>> times = {"trial": [0, 0, 1], "lag": [0.0, 0.1, 0.0]}
    >>> trials = unstack(make([[1.0], [2.0], [3.0]], group=[0, 0, 1], variables=times))
    >>> trials.shape, int(trials["recorded"].sum())
    ((2, 2, 1), 3)
    """
    validate(rec, needs=[trial, lag], allow_missing=True, check_values=False)
    trials, row = np.unique(rec[trial].values, return_inverse=True)
    lags, column = np.unique(rec[lag].values, return_inverse=True)
    flat = row * lags.size + column
    if np.unique(flat).size != flat.size:
        raise InvalidRecording(
            f"a trial holds the same {lag!r} more than once; is {trial!r} unique across blocks?"
        )
    shape = (trials.size, lags.size)
    values = np.full((shape[0] * shape[1], rec.sizes["unit"]), np.nan, rec.dtype)
    values[flat] = rec.values
    recorded = np.zeros(shape[0] * shape[1], dtype=bool)
    recorded[flat] = True
    coords: dict[Any, Any] = {name: c for name, c in rec.coords.items() if "sample" not in c.dims}
    coords[trial] = (trial, trials, rec[trial].attrs)
    coords[lag] = (lag, lags, rec[lag].attrs)
    coords["recorded"] = ((trial, lag), recorded.reshape(shape))
    for key, coord in rec.coords.items():
        name = str(key)
        if coord.dims != ("sample",) or name in (trial, lag):
            continue
        first = np.zeros(trials.size, dtype=np.int64)
        first[row[::-1]] = np.arange(row.size)[::-1]
        floating = coord.dtype.kind == "f"
        if np.array_equal(coord.values[first][row], coord.values, equal_nan=floating):
            coords[name] = (trial, coord.values[first], coord.attrs)
        else:
            dtype = np.dtype(np.int64) if coord.dtype.kind in "ub" else coord.dtype
            grid = np.full(shape[0] * shape[1], np.nan if floating else -1, dtype=dtype)
            grid[flat] = coord.values
            coords[name] = ((trial, lag), grid.reshape(shape), coord.attrs)
    return xr.DataArray(
        values.reshape(*shape, -1),
        dims=(trial, lag, "unit"),
        coords=coords,
        attrs=rec.attrs,
        name="activity",
    )


def stack(array: xr.DataArray, trial: str = "trial", lag: str = "lag") -> xr.DataArray:
    """Turn trials × lags × units into a recording; the inverse of :func:`unstack`.

    Cells where ``recorded`` is False are left out. Without a ``group`` each trial is a group.

    Parameters
    ----------
    array : xarray.DataArray
        Dims ``(trial, lag, "unit")`` in any order.
    trial, lag : str
        Names of the two dims.

    Examples
    --------
    >>> from homologue.recording import make
    >>> times = {"trial": [0, 0, 1], "lag": [0.0, 0.1, 0.0]}
    >>> rec = make([[1.0], [2.0], [3.0]], group=[0, 0, 1], variables=times)
    >>> stack(unstack(rec)).values.ravel().tolist()
    [1.0, 2.0, 3.0]
    """
    missing = {trial, lag, "unit"} - set(map(str, array.dims))
    if missing:
        raise InvalidRecording(
            f"stack needs dims {trial!r}, {lag!r} and 'unit'; given {array.dims}"
        )
    array = array.transpose(trial, lag, "unit")
    shape = (array.sizes[trial], array.sizes[lag])
    recorded = (
        array["recorded"].transpose(trial, lag).values.ravel()
        if "recorded" in array.coords
        else np.ones(shape[0] * shape[1], dtype=bool)
    )
    row, column = (index.ravel()[recorded] for index in np.indices(shape))
    coords: dict[str, Any] = {}
    for key, coord in array.coords.items():
        name = str(key)
        if name == "recorded":
            continue
        if coord.dims == (trial,):
            coords[name] = ("sample", coord.values[row], coord.attrs)
        elif coord.dims == (lag,):
            coords[name] = ("sample", coord.values[column], coord.attrs)
        elif set(coord.dims) == {trial, lag}:
            values = coord.transpose(trial, lag).values[row, column]
            coords[name] = ("sample", values, coord.attrs)
        else:
            coords[name] = coord
    coords.setdefault(trial, ("sample", row))
    coords.setdefault("group", ("sample", row))
    rec = xr.DataArray(
        array.values.reshape(-1, array.sizes["unit"])[recorded],
        dims=("sample", "unit"),
        coords=coords,
        attrs=array.attrs,
        name="activity",
    )
    return validate(rec, allow_missing=True, check_values=False)
