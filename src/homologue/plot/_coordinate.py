"""A picture of an angle read from a population, against the variable it should follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Float
from homologue.plot._style import CONTINUOUS, Scheme, new_figure, scheme, styled
from homologue.population.cycles._correlation import circular_correlation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WHOLE = 2 * np.pi
_MOST_POINTS = 1500
_ARCS = 36
_CELL = 20
"""Samples that an arc needs, so that its shares are more than noise."""


def coordinate(
    coordinates: xr.Dataset,
    known: xr.DataArray | Float[Array, "sample"],
    *,
    period: float | None = None,
    theme: str = "light",
) -> Figure:
    """Draw the angles along a population's loops against a known circular variable.

    One panel a loop. The vertical axis runs through two periods, so that a line is not torn
    where the circle closes: every sample stands there twice. Up to 1 500 samples are points;
    more are a histogram, in each of 36 arcs of the known variable the share of its samples.

    Parameters
    ----------
    coordinates : xarray.Dataset
        Of :func:`homologue.population.cycles.coordinates`. If it was compared with the variable,
        the angles are turned by its ``orientation`` and ``offset``, and the title has its p.
    known : array, shape (sample,)
        The variable; samples with NaN are left out.
    period : float, optional
        Of the variable, in its units; by default that of its attributes.
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    HomologueError
        Another kind of result; a variable of another length, or not the one that was compared.
    InvalidDesign
        No period, or one that is not positive.
    UnknownName
        No such theme.

    Notes
    -----
    The angle has no zero and no direction of its own: both were fitted to the variable drawn
    here, so that a line at the diagonal is no evidence, only its narrowness is; the held-out
    error is the fair number. Where the variable was hardly ever, an arc's shares rest on few
    samples: arcs of fewer than 20 are left empty. A line that is steeper here than there is a
    population that represents the variable unevenly, and lowers the correlation [1]_. Angles of
    a cloud without a loop wander as well, smoothly and along with anything slow: read the p.

    References
    ----------
    .. [1] Jammalamadaka & SenGupta 2001, Topics in Circular Statistics, section 8.2,
       doi:10.1142/4031
    .. [2] Chaudhuri et al. 2019, Nat. Neurosci. 22:1512, doi:10.1038/s41593-019-0460-x

    Examples
    --------
    >>> from homologue.population import cycles
    >>> from homologue.recording import make, variable
    >>> source = np.random.default_rng(0)
    >>> angle = source.uniform(0, 2 * np.pi, 240)
    >>> activity = np.c_[np.cos(angle), np.sin(angle)] @ source.standard_normal((2, 12))
    >>> rec = make(activity + 0.1 * source.standard_normal(activity.shape),
    ...            variables={"angle": variable(angle, period=2 * np.pi)})
    >>> found = cycles.coordinates(rec, "angle", rng=0, permutations=99, draws=1)
    >>> figure = coordinate(found, rec["angle"])
    >>> figure.axes[0].get_xlabel()
    'angle'
    """
    if "coordinate" not in coordinates:
        raise HomologueError(
            "coordinate draws what population.cycles.coordinates returns; given "
            f"{sorted(map(str, coordinates.data_vars))[:5]}"
        )
    colours = scheme(theme)
    whole = _period(known, period)
    values = np.asarray(known, dtype=np.float64)
    if values.shape != (coordinates.sizes["sample"],):
        raise HomologueError(
            f"known holds one value for each of {coordinates.sizes['sample']} samples; given "
            f"shape {values.shape}"
        )
    kept = np.isfinite(values)
    loops = coordinates.sizes["cycle"]
    with styled(colours):
        figure = new_figure(0.6 + 3.3 * loops, 4.8)
        for number, axes in enumerate(figure.subplots(1, loops, squeeze=False)[0]):
            one = coordinates.isel(cycle=number, sample=kept)
            radians = values[kept] / whole * _WHOLE
            text = _title(one, radians, alone=loops == 1)
            turned = one["coordinate"].values
            if "orientation" in one:
                turned = float(one["orientation"]) * turned + float(one["offset"])
            _draw(axes, radians % _WHOLE, turned % _WHOLE, whole, colours)
            _label(axes, coordinates, known, whole, number)
            axes.set_title(text, loc="left", fontsize=8.5)
    return figure


def _period(known: object, period: float | None) -> float:
    given = getattr(known, "attrs", {}).get("period") if period is None else period
    if given is None:
        raise InvalidDesign(
            "known declares no period; give one, as period=2 * np.pi (radians) or period=360"
        )
    if not (np.isfinite(given) and given > 0):
        raise InvalidDesign(f"period={given}; the length of a circle is positive")
    return float(given)


def _title(one: xr.Dataset, radians: Float[Array, "sample"], *, alone: bool) -> str:
    drawn = abs(circular_correlation(one["coordinate"].values, radians))
    if "effect" not in one:
        return f"circular correlation {drawn:.2f} (not tested)"
    effect = float(one["effect"])
    if not np.isclose(drawn, effect, atol=1e-6, equal_nan=True):
        raise HomologueError(
            f"the coordinates were compared with {one.attrs.get('variable')!r}, at a circular "
            f"correlation of {effect:.3f}, and known gives {drawn:.3f}: another variable or "
            "another period. Give the one that was compared"
        )
    error, chance = float(one["held_out_error"]), float(one["held_out_chance"])
    held = (
        f"\nheld out: error {error:.3g}, by chance {chance:.3g}"
        if alone and np.isfinite(error)
        else ""
    )
    return (
        f"circular correlation {effect:.2f} [{float(one['low']):.2f}, {float(one['high']):.2f}],\n"
        f"null {float(one['null_mean']):.2f} ± {float(one['null_std']):.2f}, "
        f"p = {float(one['p']):.3g}, n = {int(one['n'])}{held}"
    )


def _draw(
    axes: Axes,
    known: Float[Array, "sample"],
    turned: Float[Array, "sample"],
    whole: float,
    colours: Scheme,
) -> None:
    """Draw angles in radians on axes in the variable's units."""
    unit = whole / _WHOLE
    if known.size <= _MOST_POINTS:
        line = colours.contrast
        axes.scatter(
            np.tile(known, 2) * unit, np.r_[turned, turned + _WHOLE] * unit,
            s=6, color=colours.data, alpha=0.6, linewidths=0, rasterized=True,
        )  # fmt: skip
    else:
        line = "#ffffff"
        edge = np.linspace(0, _WHOLE, _ARCS + 1)
        count, _, _ = np.histogram2d(known, turned, bins=(edge, edge))
        total = count.sum(axis=1, keepdims=True)
        share = np.where(total >= _CELL, count / np.maximum(total, 1), np.nan)
        mesh = axes.pcolormesh(
            edge * unit, np.r_[edge, edge[1:] + _WHOLE] * unit, np.tile(share, 2).T,
            cmap=CONTINUOUS, vmin=0, rasterized=True,
        )  # fmt: skip
        figure = axes.get_figure(root=True)
        assert figure is not None
        key = figure.colorbar(mesh, ax=axes, shrink=0.4, aspect=14, pad=0.03)
        key.set_label("share of the samples of an arc")
        key.outline.set_visible(False)
    for start in (-whole, 0, whole):
        axes.plot([0, whole], [start, start + whole], color=line, linewidth=1.1, linestyle=":")
    axes.set_xlim(0, whole)
    axes.set_ylim(0, 2 * whole)
    axes.set_aspect("equal")


def _label(axes: Axes, coordinates: xr.Dataset, known: object, whole: float, number: int) -> None:
    name = getattr(known, "name", None) or coordinates.attrs.get("variable") or "known variable"
    units = getattr(known, "attrs", {}).get("units", "")
    radians = np.isclose(whole, _WHOLE)
    quarter = np.arange(9) * whole / 4
    texts = ["0", "π/2", "π", "3π/2", "2π", "π/2", "π", "3π/2", "2π"] if radians else [
        f"{value:g}" for value in np.r_[quarter[:5], quarter[1:5]]
    ]  # fmt: skip
    axes.set_xticks(quarter[:5], texts[:5])
    axes.set_yticks(quarter, texts)
    axes.set_xlabel(f"{name} ({units})" if units else str(name))
    which = "angle read from the population" if coordinates.sizes["cycle"] == 1 else (
        f"angle along loop {number + 1}"
    )  # fmt: skip
    axes.set_ylabel(which if "orientation" in coordinates else f"{which} (zero and turn free)")
