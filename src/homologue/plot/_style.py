"""One look for every picture: colours that hold in light and dark, lines, type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homologue._errors import UnknownName, nearest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Scheme:
    """Colours of a picture.

    Attributes
    ----------
    ground, ink, muted, grid : str
        Background, text, lesser text and marks, lines of an axis.
    data, contrast : str
        What was measured, and what it is set against.
    null : str
        Bands and marks of a null distribution.
    """

    ground: str
    ink: str
    muted: str
    grid: str
    data: str
    contrast: str
    null: str


SCHEMES = {
    "light": Scheme("#ffffff", "#1b1f24", "#5f6670", "#d5d9de", "#0072B2", "#B35900", "#767C86"),
    "dark": Scheme("#14171a", "#e8eaed", "#a3a9b2", "#33393f", "#56B4E9", "#E69F00", "#8A8F98"),
}

CONTINUOUS, CYCLIC, DIVERGING = "viridis", "twilight", "RdBu_r"
"""Colour maps: of amounts, of angles, of amounts on both sides of nothing."""


def scheme(name: str) -> Scheme:
    """Return the colours of ``"light"`` or ``"dark"``.

    Raises
    ------
    UnknownName
        Neither.

    Examples
    --------
    >>> scheme("light").data
    '#0072B2'
    """
    if name not in SCHEMES:
        raise UnknownName(f"there is no scheme {name!r}" + nearest(name, SCHEMES))
    return SCHEMES[name]


@contextmanager
def styled(colours: Scheme) -> Iterator[None]:
    """Draw what is drawn inside in the house style; the user's own settings are put back."""
    import matplotlib as mpl

    settings: Any = {
        "figure.facecolor": colours.ground,
        "axes.facecolor": colours.ground,
        "savefig.facecolor": colours.ground,
        "text.color": colours.ink,
        "axes.labelcolor": colours.ink,
        "axes.edgecolor": colours.muted,
        "axes.titlesize": 9,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.labelsize": 8.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "xtick.color": colours.muted,
        "ytick.color": colours.muted,
        "xtick.labelcolor": colours.ink,
        "ytick.labelcolor": colours.ink,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "font.size": 8.5,
        "svg.hashsalt": "homologue",
    }
    with mpl.rc_context(settings):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches, that no window manager holds on to."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def no_axes(axes: Axes) -> None:
    """Take ticks and frame away, where a panel holds words or pictures."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
