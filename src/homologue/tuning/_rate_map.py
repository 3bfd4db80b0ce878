"""Firing rate against a variable straight from spike times, without making bins of time."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidRecording
from homologue._typing import Array, Num
from homologue.spikes import Spikes

_EVEN = 1e-3


def rate_map(
    spikes: Spikes,
    time: Num[Array, "sample"],
    values: Num[Array, "sample"],
    *,
    bins: int = 20,
    extent: tuple[float | int, float | int] | None = None,
) -> xr.DataArray:
    """Return each unit's firing rate against a sampled variable: a description, without a test.

    Each spike takes the value of the sample nearest in time. For bands, nulls and p, bin the
    spikes into a recording and use :func:`tuning_curve`.

    Parameters
    ----------
    spikes : Spikes
    time : array, shape (sample,)
        When the variable was sampled, s, increasing.
    values : array, shape (sample,)
        The variable; NaN where it is not known.
    bins : int
    extent : (float, float), optional
        Ends of the bins; the smallest and largest value if left out, ``(0, period)`` for an
        angle.

    Returns
    -------
    xarray.DataArray
        ``firing_rate`` (spikes/s) on (``unit``, ``bin``), with ``value`` (the bin's middle) and
        ``occupancy`` (s) on ``bin``; NaN in bins never visited. Spikes before the first and
        after the last sample, by more than half a step, do not count.

    Raises
    ------
    InvalidRecording
        Times that do not increase, or not one value a time.
    HomologueError
        No bins, or an empty extent.

    Notes
    -----
    Gaps in ``time`` are not seen: a spike in a gap takes the nearest sample's value. Cut
    ``spikes`` to the intervals in which the variable was recorded (``spikes.restrict``) first.

    Examples
    --------
    >>> spikes = Spikes.from_list([[0.1, 0.2, 2.1], [3.0]])
    >>> found = rate_map(spikes, np.arange(4.0), np.array([0.0, 0.0, 1.0, 1.0]), bins=2)
    >>> found.values.tolist(), found.occupancy.values.tolist()
    ([[1.0, 0.5], [0.0, 0.5]], [2.0, 2.0])
    """
    time, values = np.asarray(time, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if time.ndim != 1 or time.shape != values.shape or time.size < 2:
        raise InvalidRecording(
            f"one value for each of at least 2 times; given shapes {time.shape}, {values.shape}"
        )
    steps = np.diff(time)
    if not (steps > 0).all():
        raise InvalidRecording("the times increase from sample to sample; sort them first")
    known = np.isfinite(values)
    low, high = extent or (float(np.nanmin(values)), float(np.nanmax(values)))
    if bins < 1 or not high > low:
        raise HomologueError(f"at least one bin over a range; given {bins} from {low} to {high}")
    step = float(np.median(steps))
    code = _codes(values, known, (low, high), bins)
    occupancy = np.bincount(code, minlength=bins + 1)[:bins] * step
    # One class more, of what counts nowhere: no label, or outside the session.
    padded = np.concatenate([[bins], code, [bins]])
    counts = np.empty((len(spikes), bins + 1))
    even = np.abs(time - (time[0] + step * np.arange(time.size))).max() < _EVEN * step
    middles = time[:-1] + steps / 2
    # A unit's spikes at a time, which stay in the processor's cache through all five passes.
    for unit, part in enumerate(np.split(spikes.times, spikes.index[:-1])):
        if even:
            place = part * (1.0 / step)
            place += 1.5 - time[0] / step
            nearest = place.astype(np.intp)
        else:
            nearest = np.searchsorted(middles, part, side="right") + 1
            nearest[(part < time[0] - step / 2) | (part > time[-1] + step / 2)] = 0
        counts[unit] = np.bincount(padded.take(nearest, mode="clip"), minlength=bins + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(occupancy > 0, counts[:, :bins] / occupancy, np.nan)
    width = (high - low) / bins
    return xr.DataArray(
        rate,
        dims=("unit", "bin"),
        coords={
            "unit": [str(u) for u in spikes.unit],
            "value": ("bin", low + width * (np.arange(bins) + 0.5)),
            "occupancy": ("bin", occupancy),
        },
        name="firing_rate",
        attrs={"units": "spikes/s", "occupancy_units": "s"},
    )


def _codes(
    values: np.ndarray, known: np.ndarray, extent: tuple[float | int, float | int], bins: int
) -> np.ndarray:
    low, high = extent
    if not known.all():
        values = np.where(known, values, low - 1.0)
    place = values - low
    place *= bins / (high - low)
    code = place.astype(np.intp)
    code[values == high] = bins - 1
    code[(place < 0) | (code >= bins)] = bins
    return code
