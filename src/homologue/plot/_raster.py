"""Trials one under the other: the raster of a unit around an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from homologue.plot._style import Scheme
from homologue.recording import classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_TRIALS = 120


def has_trials(rec: xr.DataArray) -> bool:
    """Say whether a recording is cut into trials around an event."""
    return "lag" in rec.coords and "trial" in rec.coords


def draw_raster(axes: Axes, rec: xr.DataArray, variable: str, colours: Scheme) -> None:
    """Draw one unit's trials against the lag, sorted by class where each trial has one.

    Parameters
    ----------
    axes : matplotlib Axes
    rec : xarray.DataArray
        One unit; ``lag`` and ``trial`` on ``sample``.
    variable : str
        Sorts the trials if it is constant within each.
    colours : Scheme
    """
    values = np.nan_to_num(rec.values[:, 0])
    lag = rec["lag"].values.astype(float)
    _, first, trial = np.unique(rec["trial"].values, return_index=True, return_inverse=True)
    order, names = _sorted(rec, variable, first, trial)
    step = max(1, -(-order.size // _MOST_TRIALS))
    shown = order[::step]
    row = np.full(order.size, -1)
    row[shown] = np.arange(shown.size)
    kept = (values > 0) & (row[trial] >= 0)
    shade = 0.45 + 0.55 * values[kept] / values.max() if kept.any() else None
    axes.scatter(
        lag[kept], row[trial[kept]], marker="|", s=max(6.0, 900.0 / shown.size), linewidths=1.1,
        color=colours.data, alpha=shade,
    )  # fmt: skip
    axes.axvline(0, color=colours.contrast, linewidth=0.8)
    axes.set_ylim(shown.size - 0.5, -0.5)
    half = float(rec.attrs.get("sampling_interval") or 0) / 2
    axes.set_xlim(lag.min() - half, lag.max() + half)
    axes.set_xlabel("lag (s)" if rec.attrs.get("sampling_interval") else "lag")
    if names is None:
        axes.set_ylabel("trial" if step == 1 else f"trial, every {step} shown")
        return
    label = names[shown]
    starts = np.flatnonzero(np.append(True, label[1:] != label[:-1]))
    for edge in starts[1:]:
        axes.axhline(edge - 0.5, color=colours.grid, linewidth=0.8)
    middles = (starts + np.append(starts[1:], label.size) - 1) / 2
    axes.set_yticks(middles, label[starts].tolist())
    axes.tick_params(axis="y", length=0)


def _sorted(
    rec: xr.DataArray, variable: str, first: np.ndarray, trial: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return trials in order of their class, and each one's class; as they came, if they vary."""
    codes, spelled = classes(rec, variable)
    own = codes[first]
    if (own[trial] != codes).any():
        return np.arange(first.size), None
    return np.argsort(own, kind="stable"), np.array([*spelled, "none"], dtype=object)[own]
