"""A picture of loops: the bars of a cloud, over what the null's longest would reach."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue._typing import Array, Float
from homologue.plot._style import Scheme, new_figure, scheme, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FIELDS = ("birth", "death", "threshold", "signature", "universal_p")


def barcode(found: xr.Dataset, *, theme: str = "light") -> Figure:
    """Draw the bars of a search for loops, and how long the null lets them be.

    Each line is a loop of the cloud, from the distance at which it closes to the distance at
    which it is filled in; the longest-lived stands on top. Distances are logarithmic, so that
    equal lengths are equal ratios of death to birth. Grey, under each: as long as the threshold
    allows a bar that starts there. Blue bars outlive it.

    Parameters
    ----------
    found : xarray.Dataset
        Of :func:`homologue.population.cycles.find`.
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure
        Its title holds the signature, the effect with its interval, the null, and both p: of the
        null clouds, and of the universal law for the longest bar.

    Raises
    ------
    HomologueError
        Another kind of result.
    UnknownName
        No such theme.

    Notes
    -----
    These are the bars of all samples' landmarks, in one dimension; the signature is what most
    landmark draws say, so a picture with a long bar can be called none, and voids (the second
    dimension, of a torus) are in ``betti`` and not drawn. A blue bar is not yet a loop of the
    signature: along a true loop others outlive the threshold too, and a drift draws one as well
    (phantom). The threshold is the null's 99th percentile of the longest bar: of many pictures,
    some have a blue bar by chance. Bars say nothing of how many samples lie on a loop.

    References
    ----------
    .. [1] Ghrist 2008, Bull. Amer. Math. Soc. 45:61, doi:10.1090/S0273-0979-07-01191-3
    .. [2] Bobrowski & Skraba 2023, Sci. Rep. 13:12274, doi:10.1038/s41598-023-37842-2

    Examples
    --------
    >>> from homologue.population import cycles
    >>> from homologue.recording import make
    >>> source = np.random.default_rng(0)
    >>> angle = source.uniform(0, 2 * np.pi, 240)
    >>> activity = np.c_[np.cos(angle), np.sin(angle)] @ source.standard_normal((2, 12))
    >>> rec = make(activity + 0.1 * source.standard_normal(activity.shape))
    >>> figure = barcode(cycles.find(rec, rng=0, permutations=19, draws=3))
    >>> figure.axes[0].get_title("left").split("    ")[0]
    'ring'
    """
    missing = [name for name in _FIELDS if name not in found]
    if missing:
        raise HomologueError(
            "barcode draws what population.cycles.find returns; given a result without "
            f"{', '.join(missing)}"
        )
    colours = scheme(theme)
    with styled(colours):
        count = found.sizes["bar"]
        figure = new_figure(6.2, 1.7 + min(0.06 * count, 3.4))
        axes = figure.add_subplot()
        if count:
            _draw(axes, found, colours)
        else:
            axes.set_xticks([])
            axes.text(0.5, 0.5, "no loop at any distance", transform=axes.transAxes, ha="center")
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(
            "distance between samples (standard deviations of a unit)\n"
            "grey: as long as the null lets a bar be"
        )
        axes.set_ylabel(f"{count} {'bar' if count == 1 else 'bars'} of loops")
        axes.set_title(_title(found), loc="left", fontsize=8.5)
    return figure


def reach(found: xr.Dataset) -> Float[Array, "bar"]:
    """Return the death up to which a bar of each birth is no longer than the threshold."""
    return np.asarray(found["birth"].values / (1 - float(found["threshold"])))


def _draw(axes: Axes, found: xr.Dataset, colours: Scheme) -> None:
    birth, death, limit = found["birth"].values, found["death"].values, reach(found)
    row = np.argsort(np.argsort(-(death / birth), kind="stable"), kind="stable")
    beyond = death > limit
    width = float(np.clip(150 / birth.size, 1.0, 5.0))
    axes.set_xscale("log")
    axes.barh(
        row, limit - birth, left=birth, height=1.0, color=colours.null, alpha=0.3, linewidth=0
    )
    for part, colour in ((~beyond, colours.muted), (beyond, colours.data)):
        axes.hlines(row[part], birth[part], death[part], color=colour, linewidth=width)
    axes.set_ylim(birth.size - 0.4, -0.6)
    _plain_ticks(axes, float(birth.min()), float(max(death.max(), limit.max())))


def _plain_ticks(axes: Axes, low: float, high: float) -> None:
    """Write a handful of distances as plain numbers; a logarithm has few decades here."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    ticks = np.geomspace(low, high, 5)
    digits = np.maximum(1 - np.floor(np.log10(ticks)).astype(int), 0)
    rounded = [round(float(tick), int(digit)) for tick, digit in zip(ticks, digits, strict=True)]
    axes.xaxis.set_major_locator(FixedLocator(rounded))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _title(found: xr.Dataset) -> str:
    name = str(found["signature"].item())
    effect = (
        f"1 − birth/death = {float(found['effect']):.2f} "
        f"[{float(found['low']):.2f}, {float(found['high']):.2f}], "
        f"null {float(found['null_mean']):.2f} ± {float(found['null_std']):.2f}"
    )
    universal = found["universal_p"].values
    law = f"universal p = {float(universal[0]):.2g}" if universal.size else "no universal p"
    p = float(found["p"])
    if np.isfinite(p):
        return f"{name}    p = {p:.3g}, {law}, n = {int(found['n'])}\n{effect}"
    return f"{name}    no p, {law}, n = {int(found['n'])}\n{effect}\n" + fill(
        str(found["reason"].item()), 84
    )
