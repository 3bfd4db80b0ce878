"""A picture of a population: its samples on their leading components, coloured by an angle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Float
from homologue.plot._style import CYCLIC, Scheme, new_figure, scheme, styled
from homologue.population.cycles._cloud import prepare, principal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

_WHOLE = 2 * np.pi
_INK = 0.2


def cloud(
    rec: xr.DataArray,
    angle: xr.DataArray | Float[Array, "sample"],
    *,
    dimensions: int = 2,
    smoothing: float | None = None,
    transform: str = "auto",
    condition_means: bool = False,
    theme: str = "light",
) -> Figure:
    """Draw a population's samples on their leading components, coloured by an angle.

    The cloud is the one that :func:`homologue.population.cycles.find` searches for loops: units
    smoothed and square-rooted if they are spikes, scaled to unit variance, projected on their
    principal components. Neighbouring colours are neighbouring angles, all the way around; the
    wheel is the key.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit) without NaN.
    angle : array, shape (sample,)
        Radians: a circular coordinate or a known variable. Samples with NaN are drawn grey.
    dimensions : {2, 3}
        Components drawn.
    smoothing, transform, condition_means
        As in :func:`homologue.population.cycles.find`.
    theme : {"light", "dark"}

    Returns
    -------
    matplotlib.figure.Figure
        The axes name each component's share of the variance of the scaled units.

    Raises
    ------
    InvalidDesign
        Dimensions other than 2 and 3, fewer components than dimensions; as
        :func:`homologue.population.cycles.find`.
    HomologueError
        Angles of another number than samples.
    UnknownName
        No such theme.

    Notes
    -----
    Misleads in both ways. Two components hide a loop that lies in others, and their share of
    the variance says how much is not seen; and a ring in them is drawn by any smooth drift [1]_
    and by any two rhythms a quarter apart. Colours in order prove nothing if the angle was read
    from this very cloud: colour it by a variable measured apart, and test it
    (:func:`homologue.population.cycles.coordinates`). The order in which samples are drawn is
    shuffled, so that no stretch of time covers another.

    References
    ----------
    .. [1] Antognini & Sohl-Dickstein 2018, NeurIPS 31, arXiv:1806.08805
    .. [2] Chaudhuri et al. 2019, Nat. Neurosci. 22:1512, doi:10.1038/s41593-019-0460-x

    Examples
    --------
    >>> from homologue.recording import make
    >>> source = np.random.default_rng(0)
    >>> angle = source.uniform(0, 2 * np.pi, 240)
    >>> activity = np.c_[np.cos(angle), np.sin(angle)] @ source.standard_normal((2, 12))
    >>> figure = cloud(make(activity), angle)
    >>> figure.axes[0].get_ylabel().split(" (")[0]
    'component 2'
    """
    if dimensions not in (2, 3):
        raise InvalidDesign(f"dimensions={dimensions}; a picture has 2 or 3")
    colours = scheme(theme)
    turned = np.asarray(angle, dtype=np.float64)
    if turned.shape != (rec.sizes["sample"],):
        raise HomologueError(
            f"angle holds one angle in radians for each of {rec.sizes['sample']} samples; given "
            f"shape {turned.shape}"
        )
    units = prepare(rec, smoothing=smoothing, transform=transform, condition_means=condition_means)
    basis = principal(units.values, dimensions)
    if basis.axes.shape[1] < dimensions:
        raise InvalidDesign(
            f"the recording has {basis.axes.shape[1]} components, fewer than "
            f"dimensions={dimensions}"
        )
    with styled(colours):
        figure = new_figure(5.4, 4.2)
        grid = figure.add_gridspec(3, 2, width_ratios=(1, 0.24))
        flat = dimensions == 2
        axes: Any = figure.add_subplot(grid[:, 0], projection=None if flat else "3d")
        _scatter(axes, basis.project(units.values), turned, colours)
        share = basis.variance / units.values.shape[1]
        for k, name in enumerate("xyz"[:dimensions]):
            getattr(axes, f"set_{name}label")(
                f"component {k + 1} ({100 * share[k]:.0f} %)", labelpad=4 if flat else -12
            )
            getattr(axes, f"set_{name}ticks")([])
        if flat:
            axes.set_aspect("equal", adjustable="datalim")
        else:
            _bare_box(axes, colours)
        axes.set_title(
            f"{rec.attrs.get('system', 'recording')}: {turned.size} samples of "
            f"{units.values.shape[1]} units, {100 * share.sum():.0f} % of their variance",
            loc="left",
        )
        _wheel(figure.add_subplot(grid[1, 1], projection="polar"), angle, colours)
    return figure


def cyclic_map(colours: Scheme) -> ListedColormap:
    """Return the cyclic map with a fifth of ink in it: none of its colours is the ground's."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap, to_rgb

    place = np.linspace(0, 1, 256)
    mixed = (1 - _INK) * mpl.colormaps[CYCLIC](place)[:, :3] + _INK * np.array(to_rgb(colours.ink))
    return ListedColormap(mixed, name=f"{CYCLIC}, inked")


def _scatter(
    axes: Any, points: Float[Array, "sample component"], angle: np.ndarray, colours: Scheme
) -> None:
    order = np.random.default_rng(0).permutation(angle.size)
    known = np.isfinite(angle[order])
    style: dict[str, Any] = {
        "s": float(np.clip(8000 / angle.size, 2.5, 20)),
        "linewidths": 0,
        "rasterized": True,
    }
    if not known.all():
        axes.scatter(*points[order[~known]].T, color=colours.grid, **style)
    shown = order[known]
    axes.scatter(
        *points[shown].T,
        c=angle[shown] % _WHOLE,
        cmap=cyclic_map(colours),
        vmin=0,
        vmax=_WHOLE,
        **style,
    )


def _bare_box(axes: Any, colours: Scheme) -> None:
    """Leave of the box its edges."""
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((0, 0, 0, 0))
        axis.line.set_color(colours.muted)
    axes.grid(visible=False)
    axes.set_box_aspect((1, 1, 0.9), zoom=0.92)


def _wheel(axes: Axes, angle: object, colours: Scheme) -> None:
    """Draw the key: the colour of every angle, where it points."""
    edge = np.linspace(0, _WHOLE, 181)
    middle = (edge[1:] + edge[:-1]) / 2
    axes.pcolormesh(edge, [0.6, 1.0], middle[None], cmap=cyclic_map(colours), vmin=0, vmax=_WHOLE)
    axes.set_xticks(np.arange(4) * np.pi / 2, ["0", "π/2", "π", "3π/2"])
    axes.tick_params(pad=-2, labelsize=7.5)
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    axes.grid(visible=False)
    axes.spines["polar"].set_visible(False)
    name = getattr(angle, "name", None)
    axes.set_title(str(name) if name else "angle", loc="center", fontweight="normal", fontsize=8)
    axes.title.set_color(colours.ink)
