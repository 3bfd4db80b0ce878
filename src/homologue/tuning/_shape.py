"""The shape of tuning curves: where they peak, how wide they are, how reliable."""

from __future__ import annotations

from typing import Any

import numpy as np

from homologue._typing import Array, Bool, Float
from homologue.tuning._bins import Axis, Bins


def smoothed_rates(
    sums: Float[Array, "draw bin unit"],
    occupancy: Float[Array, "draw_or_one bin"],
    mixing: Float[Array, "bin bin"],
) -> Float[Array, "draw bin unit"]:
    """Return activity per visit, both mixed over bins first; NaN where there was no visit."""
    dwell = occupancy @ mixing.T
    if not np.array_equal(mixing, np.eye(len(mixing))):
        sums = np.einsum("bc,dcu->dbu", mixing, sums, optimize=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(occupancy > 0, 1.0 / dwell, np.nan)
    return np.asarray(sums * each[:, :, None])


def mean_vector(curve: Float[Array, "bin unit"], axis: Axis) -> np.ndarray:
    """Return the mean vector of each curve as a complex number; NaN for negative curves."""
    assert axis.period is not None
    turn = np.exp(2j * np.pi * np.asarray(axis.centres, dtype=float) / axis.period)
    known = np.nan_to_num(curve)
    with np.errstate(divide="ignore", invalid="ignore"):
        vector = turn @ known / known.sum(axis=0)
    return np.where((known < 0).any(axis=0), np.nan, vector)


def width_at_half_height(curve: Float[Array, "bin unit"], axis: Axis) -> Float[Array, "unit"]:
    """Return the full width at half the height between a curve's least and greatest rate.

    Parameters
    ----------
    curve : array, shape (bin, unit)
    axis : Axis
        Linear or circular.

    Returns
    -------
    numpy.ndarray, shape (unit,)
        In the variable's units, interpolated between bins; a peak at the edge of a linear
        variable counts up to that edge, and bins never visited end a peak. NaN for flat curves.
    """
    bins, units = curve.shape
    low, high = _extremes(curve)
    half = (low + high) / 2
    peak = np.where(np.isnan(curve), -np.inf, curve).argmax(axis=0)
    total = np.zeros(units)
    for direction in (1, -1):
        steps = np.arange(1, bins)
        place = peak + direction * steps[:, None]
        outside = (place < 0) | (place >= bins)
        values = np.take_along_axis(curve, place % bins, axis=0)
        if axis.kind == "linear":
            values = np.where(outside, np.nan, values)
        along = np.concatenate([high[None], values])
        below = ~(along >= half)
        reach = np.where(below.any(axis=0), below.argmax(axis=0), bins / 2)
        at = np.clip(reach, 1, bins - 1).astype(np.int64)
        inner = np.take_along_axis(along, at[None] - 1, axis=0)[0]
        outer = np.take_along_axis(along, at[None], axis=0)[0]
        with np.errstate(invalid="ignore", divide="ignore"):
            part = np.where(np.isnan(outer), 0.5, (inner - half) / (inner - outer))
        total += at - 1 + part
    return np.where(high > low, np.minimum(total, bins) * axis.width, np.nan)


def area_at_half_height(curve: Float[Array, "bin unit"], bins: Bins) -> Float[Array, "unit"]:
    """Return the area of a map above half its height, in the product of both units."""
    low, high = _extremes(curve)
    with np.errstate(invalid="ignore"):
        above = (curve >= (low + high) / 2).sum(axis=0)
    return np.where(high > low, above * np.prod([axis.width for axis in bins.axes]), np.nan)


def preferred_value(curve: Float[Array, "bin unit"], bins: Bins) -> list[Any]:
    """Return, for each axis, where every unit is most active: its bin, or its mean direction."""
    best = np.where(np.isnan(curve), -np.inf, curve).argmax(axis=0)
    index = np.unravel_index(best, bins.shape)
    values: list[Any] = []
    for axis, place in zip(bins.axes, index, strict=True):
        found = np.asarray(axis.centres)[place]
        if axis.kind == "circular" and len(bins.axes) == 1:
            assert axis.period is not None
            vector = mean_vector(curve, axis)
            angle = np.angle(vector) / (2 * np.pi) * axis.period % axis.period
            found = np.where(np.isnan(vector), found, angle)
        values.append(found)
    return values


def correlation_of_curves(
    one: Float[Array, "bin unit"], other: Float[Array, "bin unit"]
) -> Float[Array, "unit"]:
    """Return the correlation over the bins visited in both; NaN with fewer than 3 or if flat."""
    both = ~(np.isnan(one) | np.isnan(other))
    count = both.sum(axis=0)
    x = _centred(one, both, count)
    y = _centred(other, both, count)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (x * y).sum(axis=0) / np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    return np.where(count >= 3, np.clip(found, -1, 1), np.nan)


def _centred(curve: np.ndarray, both: Bool[Array, "bin unit"], count: np.ndarray) -> np.ndarray:
    known = np.where(both, curve, 0.0)
    return np.asarray(np.where(both, known - known.sum(axis=0) / np.maximum(count, 1), 0.0))


def _extremes(curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    missing = np.isnan(curve)
    nothing = missing.all(axis=0)
    low = np.where(missing, np.inf, curve).min(axis=0)
    high = np.where(missing, -np.inf, curve).max(axis=0)
    return np.where(nothing, 0.0, low), np.where(nothing, 0.0, high)
