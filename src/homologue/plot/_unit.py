"""One figure for one unit, a neuron's or a network's: curve, histogram, examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, UnknownName, nearest
from homologue.inference._labelled import labelled_design
from homologue.plot._curve import draw_curve
from homologue.plot._examples import draw_examples
from homologue.plot._raster import draw_raster, has_trials
from homologue.plot._style import Scheme, new_figure, scheme, styled
from homologue.recording import labels
from homologue.tuning import examples as unit_examples
from homologue.tuning import selectivity, tuning_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def unit(
    rec: xr.DataArray,
    unit: str | int,
    variable: str,
    *,
    rng: np.random.Generator | int,
    examples: xr.Dataset | None = None,
    pictures: Sequence[Any] | None = None,
    bins: int = 20,
    permutations: int = 999,
    theme: str = "light",
) -> Figure:
    """Draw what a unit responds to: its curve against the null, its activity, its examples.

    The figure reads the same for a neuron and for a unit of a network: left, mean activity by
    the variable with a 95 % band (blue) over the band that relabelling gives (grey); middle,
    all of its activity, with the best class (blue) apart from the rest; right, the samples that
    drive it most, one from each fifth of its range, and the smallest; of trials around an event
    (``lag`` and ``trial``) the raster of them all.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit).
    unit : str or int
        Name, or place.
    variable : str
        Of the curve.
    rng : numpy Generator or int
    examples : xarray.Dataset, optional
        What :func:`homologue.tuning.examples.collect` returned, from this recording or from
        another with this unit (a million tokens); from ``rec`` if left out.
    pictures : sequence of array, optional
        The stimuli as pictures, one per sample of the recording the examples come from; each is
        drawn over its own range of grey levels.
    bins : int
        Of a variable that is not categorical.
    permutations : int
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure
        ``figure.savefig("unit.svg")``; its title holds effect, interval, p and n.

    Raises
    ------
    UnknownName
        No such unit or theme.
    InvalidDesign
        As :func:`homologue.tuning.tuning_curve`.

    Notes
    -----
    The largest examples alone mislead [1]_: always read them with the fifths beside them, and
    with the curve. The p in the title is of this one unit: of the many that could have been
    drawn it holds only if the unit was not chosen for its looks.

    References
    ----------
    .. [1] Bolukbasi et al. 2021, arXiv:2104.07143
    .. [2] Hubel & Wiesel 1959, J. Physiol. 148:574, doi:10.1113/jphysiol.1959.sp006308

    Examples
    --------
    >>> from homologue import systems
    >>> figure = unit(systems.get("fly").record(), "Or22a", "odour_class", rng=0, permutations=99)
    >>> len(figure.axes)
    3
    """
    colours = scheme(theme)
    one = rec.isel(unit=[_place(rec, unit)])
    name = str(one["unit"].values[0])
    first, second, third = np.random.default_rng(rng).spawn(3)
    curve = tuning_curve(one, variable, bins=bins, permutations=permutations, rng=first)
    tested = selectivity(one, variable, permutations=permutations, rng=second).isel(unit=0)
    raster = examples is None and has_trials(one)
    found = unit_examples.collect(one, rng=third) if examples is None else examples
    shown = unit_examples.of(found, name, activity=one if examples is None else None)
    if examples is None and not raster:
        shown = _with_course(shown, one, variable)
    with styled(colours):
        figure = new_figure(11.5, 4.4)
        left, middle, right = figure.subplots(1, 3, width_ratios=(1.05, 0.75, 1.75))
        draw_curve(left, curve.isel(unit=0), variable, colours)
        _label_curve(left, one, curve, variable)
        _histogram(middle, one, variable, tested, colours)
        if raster:
            draw_raster(right, one, variable, colours)
            right.set_title("its trials")
        else:
            draw_examples(right, shown, colours, pictures=pictures)
            right.set_title("what drives it" + shown.attrs.get("around", ""))
        figure.suptitle(_title(one, name, tested), x=0.01, ha="left", fontsize=10)
    return figure


def _place(rec: xr.DataArray, unit: str | int) -> int:
    names = rec["unit"].values.astype(str).tolist()
    if isinstance(unit, str):
        if unit not in names:
            raise UnknownName(f"no unit is named {unit!r}" + nearest(unit, names))
        return names.index(unit)
    if not -len(names) <= unit < len(names):
        raise HomologueError(f"there are {len(names)} units, numbered from 0; given {unit}")
    return unit % len(names)


_COURSE = 12


def _with_course(shown: xr.Dataset, rec: xr.DataArray, variable: str) -> xr.Dataset:
    """Add the variable's value at each example and, in a time series, the activity around it."""
    sample = shown["sample"].values
    values = labels(rec, variable)[sample]
    unit_of_measure = rec[variable].attrs.get("units", "")
    texts = [_short(value, unit_of_measure) for value in values]
    shown = shown.assign(label=("example", np.array(texts, dtype=object)))
    if "time" not in rec.coords or "token" in shown:
        return shown
    offset = np.arange(-_COURSE, _COURSE + 1)
    around = sample[:, None] + offset
    inside = (around >= 0) & (around < rec.sizes["sample"])
    course = np.where(inside, rec.values[np.clip(around, 0, rec.sizes["sample"] - 1), 0], np.nan)
    step = rec.attrs.get("sampling_interval")
    said = f", ± {_COURSE * float(step):.3g} s around" if step else ""
    spikes = str(rec.attrs.get("activity_units", "")).startswith("spikes")
    return (
        shown.drop_dims("offset")
        .assign(activation=(("example", "offset"), course), offset=("offset", offset))
        .assign_attrs(around=said, spikes=int(spikes and not (rec.values < 0).any()))
    )


def _short(value: object, unit_of_measure: str) -> str:
    text = f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)
    return f"{text} {unit_of_measure}".strip()


def _title(rec: xr.DataArray, name: str, tested: xr.Dataset) -> str:
    where = f"{rec.attrs.get('system', 'recording')}: {name}"
    if not np.isfinite(tested["effect"]):
        return f"{where} (constant)"
    return (
        f"{where}    best class {tested['best_class'].item()}, 2·AUC − 1 = "
        f"{float(tested['effect']):.2f} [{float(tested['low']):.2f}, {float(tested['high']):.2f}], "
        f"null {float(tested['null_mean']):.2f} ± {float(tested['null_std']):.2f}, "
        f"p = {float(tested['p']):.3g}, n = {int(tested['n'])}"
    )


def _label_curve(axes: Axes, rec: xr.DataArray, curve: xr.Dataset, variable: str) -> None:
    units = rec.attrs.get("activity_units", "")
    activity = f"mean activity ({units})" if units and units != "arbitrary" else "mean activity"
    axes.set_title("curve, and its null", loc="left")
    if curve[variable].values.dtype.kind in "fiu":
        unit_of_measure = rec[variable].attrs.get("units", "")
        axes.set_xlabel(f"{variable} ({unit_of_measure})" if unit_of_measure else variable)
        axes.set_ylabel(activity)
    else:
        axes.set_xlabel(activity)


def _histogram(
    axes: Axes, rec: xr.DataArray, variable: str, tested: xr.Dataset, colours: Scheme
) -> None:
    """Draw all activity, the best class apart from the rest, as shares of each."""
    labelled = labelled_design(rec, variable)
    values = labelled.activity(rec)[:, 0]
    best = str(tested["best_class"].item())
    inside = labelled.codes == (labelled.names.index(best) if best in labelled.names else -1)
    known = np.unique(values)
    if known.size <= 40:
        step = float(np.diff(known).min()) if known.size > 1 else 1.0
        edges = np.arange(known[0] - step / 2, known[-1] + step, step)
    else:
        edges = np.histogram_bin_edges(values, bins=min(40, max(8, int(np.sqrt(values.size)))))
    for part, colour, text in ((~inside, colours.null, "the rest"), (inside, colours.data, best)):
        if part.any():
            share = np.histogram(values[part], edges)[0] / part.sum()
            axes.stairs(share, edges, fill=True, color=colour, alpha=0.45, label=text)
            axes.stairs(share, edges, color=colour, linewidth=1.2)
    axes.legend(frameon=False, fontsize=8, handlelength=1, loc="best")
    axes.set_xlabel("activity")
    axes.set_ylabel("share of samples")
    axes.set_title("all of its activity")
