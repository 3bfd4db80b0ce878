"""A picture of a dose–response: what is lost at every dose, on target and off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue.plot._style import Scheme, new_figure, scheme, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FINE = 200


def dose_response(found: xr.Dataset, *, theme: str = "light") -> Figure:
    """Draw a dose–response.

    Parameters
    ----------
    found : xarray.Dataset
        Of :func:`homologue.perturb.dose_response` or :func:`homologue.perturb.graded`.
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure
        The share of each behaviour lost against the strength of the dose, with 95 % bands, the
        Hill curve where there is one and its ED50; behaviours that should be impaired in
        colour, those that should be spared in grey.

    Raises
    ------
    HomologueError
        Another kind of result.

    Examples
    --------
    >>> from homologue import perturb
    >>> s = np.array([0.1, 0.2, 0.4, 0.8])
    >>> base = np.random.default_rng(0).normal(1, 0.05, (1, 20))
    >>> found = perturb.graded(base, base - (s / (0.2 + s))[:, None, None], strength=s, rng=0)
    >>> len(dose_response(found).axes)
    1
    """
    if "curve" not in found or "strength" not in found.coords:
        raise HomologueError(
            "dose_response draws what perturb.dose_response or perturb.graded return; given "
            f"{sorted(map(str, found.data_vars))[:5]}"
        )
    colours = scheme(theme)
    with styled(colours):
        figure = new_figure(4.4, 2.8)
        axes = figure.add_subplot()
        axes.axhline(0, color=colours.grid, linewidth=0.8, zorder=0)
        order = np.argsort(~found["is_control"].values, kind="stable")
        for number in order:
            _draw(axes, found.isel(behaviour=int(number)), colours)
        _label(axes, found, colours)
        kind = found.attrs.get("kind", "")
        axes.set_xlabel(f"dose: {kind}, distance from none" if kind else "dose: distance from none")
        axes.set_ylabel("share lost")
        axes.set_title(found.attrs.get("perturbation", ""), fontweight="normal")
    return figure


def _colour(one: xr.Dataset, colours: Scheme) -> str:
    return colours.null if bool(one["is_control"]) else colours.data


def _draw(axes: Axes, one: xr.Dataset, colours: Scheme) -> None:
    colour, strength = _colour(one, colours), one["strength"].values
    axes.fill_between(
        strength, one["curve_low"], one["curve_high"], color=colour, alpha=0.22, linewidth=0
    )
    half = float(one["ed50"])
    if np.isfinite(half):
        fine = np.linspace(0, strength[-1], _FINE)[1:]
        top, exponent = float(one["top"]), float(one["exponent"])
        axes.plot(fine, top / (1 + (half / fine) ** exponent), color=colour, linewidth=1.4)
        axes.plot([half, half], [0, top / 2], color=colour, linewidth=0.8, linestyle=":")
        control = bool(one["is_control"])
        axes.annotate(
            f"ED50 {half:.2g}",
            (half, top / 2),
            xytext=(-5 if control else 5, 2 if control else -2),
            textcoords="offset points",
            ha="right" if control else "left",
            va="bottom" if control else "top",
            color=colour,
            fontsize=7.5,
        )
    else:
        axes.plot(strength, one["isotonic"], color=colour, linewidth=1.4)
    axes.plot(strength, one["curve"], "o", color=colour, markersize=4)


def _label(axes: Axes, found: xr.Dataset, colours: Scheme) -> None:
    """Name each curve where it ends, apart from each other."""
    ends = found["curve"].values[:, -1]
    low, high = axes.get_ylim()
    gap = 0.08 * (high - low)
    order = np.argsort(ends, kind="stable")
    placed = ends[order].copy()
    for i in range(1, placed.size):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    for number, height in zip(order.tolist(), placed.tolist(), strict=True):
        one = found.isel(behaviour=number)
        axes.annotate(
            str(found["behaviour"].values[number]),
            (float(found["strength"][-1]), height),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            color=_colour(one, colours),
            annotation_clip=False,
        )
