"""A unit's tuning curve with the band that its null draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from homologue.plot._style import Scheme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_CLASSES = 16
_FEW_BINS = 16


def draw_curve(axes: Axes, curve: xr.Dataset, variable: str, colours: Scheme) -> None:
    """Draw one unit of a :func:`homologue.tuning.tuning_curve`.

    Parameters
    ----------
    axes : matplotlib Axes
    curve : xarray.Dataset
        With one unit selected (no ``unit`` dimension).
    variable : str
        The curve's variable.
    colours : Scheme
    """
    place = curve[variable].values
    if place.dtype.kind in "fiu":
        _draw_line(axes, curve, place.astype(float), colours)
    else:
        _draw_classes(axes, curve, place, colours)


def _draw_line(axes: Axes, curve: xr.Dataset, place: np.ndarray, colours: Scheme) -> None:
    known = np.isfinite(curve["effect"].values)
    low, high, null_low, null_high, effect = (
        curve[name].values[known] for name in ("low", "high", "null_low", "null_high", "effect")
    )
    place = place[known]
    few = place.size <= _FEW_BINS
    if known.all():
        axes.fill_between(place, null_low, null_high, color=colours.null, alpha=0.3, lw=0)
        axes.fill_between(place, low, high, color=colours.data, alpha=0.25, lw=0)
    else:
        # Bins that were never visited: nothing is drawn across them.
        axes.vlines(place, null_low, null_high, color=colours.null, alpha=0.3, linewidth=7)
        axes.vlines(place, low, high, color=colours.data, linewidth=1.4)
    line = "-" if known.all() else ""
    axes.plot(
        place, effect, line, marker="o" if few or not line else "", color=colours.data,
        linewidth=1.6, markersize=3.5,
    )  # fmt: skip
    axes.margins(x=0.04 if few or not line else 0)


def _draw_classes(axes: Axes, curve: xr.Dataset, names: np.ndarray, colours: Scheme) -> None:
    """Draw classes from the largest mean to the smallest; of many, both ends."""
    order = np.argsort(-np.nan_to_num(curve["effect"].values, nan=-np.inf), kind="stable")
    left_out = order.size - _MOST_CLASSES
    if left_out > 0:
        half = _MOST_CLASSES // 2
        order = np.concatenate([order[:half], order[-half:]])
    row = np.arange(order.size)
    shown = curve.isel({curve["effect"].dims[0]: order})
    axes.barh(
        row, shown["null_high"] - shown["null_low"], left=shown["null_low"], height=0.62,
        color=colours.null, alpha=0.3, linewidth=0,
    )  # fmt: skip
    known = np.isfinite(shown["low"].values)
    axes.hlines(row[known], shown["low"][known], shown["high"][known], color=colours.data, lw=1.4)
    axes.plot(shown["effect"], row, "o", color=colours.data, markersize=4)
    axes.set_yticks(row, [str(name) for name in names[order]])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    if left_out > 0:
        axes.axhline(len(order) / 2 - 0.5, color=colours.grid, linewidth=0.8)
        axes.set_title(f"{len(order)} of {names.size}: both ends", fontweight="normal")
