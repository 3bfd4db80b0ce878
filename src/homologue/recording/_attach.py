"""Put a time series (a position, a pupil) beside the samples of a recording."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidRecording
from homologue.recording._pynapple import as_series
from homologue.recording._validate import validate
from homologue.recording._variables import variable


def attach(
    rec: xr.DataArray,
    name: str,
    series: Any,
    *,
    period: float | None = None,
    max_gap: float | None = None,
) -> xr.DataArray:
    """Return the recording with a time series as a variable, interpolated at its ``time``.

    Interpolation is linear between the two samples around each time (through the shorter arc for
    a circular series); the series may be sampled unequally.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording with ``time`` on ``sample`` (session clock, s).
    name : str
        Name of the new variable.
    series : xarray.DataArray or pynapple.Tsd
        One dim ``time`` with a ``time`` coordinate in seconds, not decreasing.
    period : float, optional
        The period of a circular series, in its own units; ``series.attrs["period"]`` by default.
    max_gap : float, optional
        Longest distance in seconds between the two samples around a time; five median sampling
        intervals by default. Wider gaps, and times outside the series, become NaN.

    Returns
    -------
    xarray.DataArray
        A new recording; its activity is not copied.

    Raises
    ------
    InvalidRecording
        No ``time`` on the recording or the series, more than one dim, time that runs backwards,
        or no time in common.

    Examples
    --------
    >>> from homologue.recording import make
    >>> rec = make(np.ones((3, 1)), variables={"time": [0.5, 1.5, 9.0]})
    >>> x = xr.DataArray([0.0, 10.0, 20.0], dims="time", coords={"time": [0.0, 1.0, 2.0]})
    >>> attach(rec, "x", x)["x"].values.tolist()
    [5.0, 15.0, nan]
    """
    validate(rec, needs=["time"], allow_missing=True, check_values=False)
    series = as_series(series)
    if (
        not isinstance(series, xr.DataArray)
        or series.dims != ("time",)
        or "time" not in series.coords
    ):
        given = getattr(series, "dims", type(series).__name__)
        raise InvalidRecording(
            f"a series has the one dim 'time' and a coordinate of that name; given {given}. "
            "Choose one column: position.sel(axis='x'), or frame[:, 0] of a pynapple TsdFrame; "
            "an array needs times: xarray.DataArray(values, dims='time', coords={'time': seconds})"
        )
    period = series.attrs.get("period") if period is None else period
    clock = series["time"].values.astype(np.float64)
    values = series.values.astype(np.float64)
    known = np.isfinite(values)
    clock, values = clock[known], values[known]
    step = np.diff(clock)
    if not np.isfinite(clock).all() or (step < 0).any():
        raise InvalidRecording(
            f"the time of {name!r} runs backwards {int((step < 0).sum())} times (or holds NaN); "
            "sort the series by time"
        )
    time = rec["time"].values
    if clock.size < 2 or clock[-1] < np.nanmin(time) or clock[0] > np.nanmax(time):
        span = f"{clock[0]:g} … {clock[-1]:g} s" if clock.size else "nothing"
        raise InvalidRecording(
            f"{name!r} covers {span}, the recording {np.nanmin(time):g} … {np.nanmax(time):g} s; "
            "are both on one clock, in seconds?"
        )
    if max_gap is None:
        max_gap = 5 * float(np.median(step[step > 0])) if (step > 0).any() else np.inf
    right = np.clip(np.searchsorted(clock, time, side="left"), 1, clock.size - 1)
    width = clock[right] - clock[right - 1]
    weight = np.divide(
        time - clock[right - 1], width, out=np.zeros_like(time, dtype=np.float64), where=width > 0
    )
    difference = values[right] - values[right - 1]
    if period is not None:
        difference = (difference + period / 2) % period - period / 2
    found = values[right - 1] + weight * difference
    if period is not None:
        found = found % period
    found[(time < clock[0]) | (time > clock[-1]) | (width > max_gap * (1 + 1e-9))] = np.nan
    units = series.attrs.get("units", series.attrs.get("unit"))
    measured = variable(
        found, period=period, label_source="measured", units=None if units is None else str(units)
    )
    return rec.assign_coords({name: measured})
