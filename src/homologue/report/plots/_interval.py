"""An effect with its interval against its null distribution, one strip a system.

A strip has no width of its own: every horizontal position is a percentage, so that the same
drawing fits a telephone and a wall without scaling its lines or its dots.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from homologue._typing import Array, Float

HEIGHT = 26
_HALF = 9.5
_BINS = 72
_KERNEL = 8


@dataclass(frozen=True)
class Axis:
    """The range of effects that every strip of a page shares.

    Attributes
    ----------
    low, high : float
        Its ends, in effect e (dimensionless, maximum 1).
    ticks : tuple of float
        Where numbers stand.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    def percent(self, value: float) -> float:
        """Return a position from 0 at the left to 100 at the right; values outside are clipped.

        Examples
        --------
        >>> Axis(-0.5, 1.0, ()).percent(0.25), Axis(-0.5, 1.0, ()).percent(-3.0)
        (50.0, 0.0)
        """
        clipped = min(max(value, self.low), self.high)
        return round(100 * (clipped - self.low) / (self.high - self.low), 3)


def interval_axis(values: Iterable[float | None]) -> Axis:
    """Return an axis that reaches 1, the largest effect there can be, and holds the values.

    Parameters
    ----------
    values : iterable of float or None
        Effects, interval ends and null quantiles; None and NaN are passed over.

    Returns
    -------
    Axis
        From at most −0.2 to at least 1, a multiple of 0.2 at both ends; never below −1.

    Examples
    --------
    >>> interval_axis([0.4, -0.31, None]).low
    -0.4
    """
    finite = [value for value in values if value is not None and math.isfinite(value)]
    lowest = min([*finite, -0.1])
    highest = max([*finite, 1.0])
    first = max(math.floor(lowest / 0.2 - 1e-9), -5)
    last = min(math.ceil(highest / 0.2 - 1e-9), 10)
    step = 0.2 if last - first <= 8 else 0.5
    start, stop = math.ceil(0.2 * first / step - 1e-9), math.floor(0.2 * last / step + 1e-9)
    ticks = tuple(round(step * tick, 1) for tick in range(start, stop + 1))
    # A little air at the right, so that a dot at 1 is whole.
    return Axis(round(0.2 * first, 1), round(0.2 * last + 0.03, 2), ticks)


def axis_svg(axis: Axis) -> Markup:
    """Return the numbers above or below the strips, as SVG."""
    labels = "".join(
        f'<text x="{axis.percent(tick):g}%" y="13" text-anchor="middle">{_label(tick)}</text>'
        for tick in axis.ticks
    )
    return Markup(f'<svg class="axis" width="100%" height="18" aria-hidden="true">{labels}</svg>')


def interval_strip(
    effect: float | None,
    low: float | None,
    high: float | None,
    *,
    null: Float[Array, " draw"] | None,
    axis: Axis,
    sesoi: float | None,
    state: str,
) -> Markup:
    """Return one strip: null distribution, interval and dot, as SVG.

    Parameters
    ----------
    effect, low, high : float or None
        Effect e and its interval.
    null : array of float, shape (draw,), or None
        Null effects on the same scale.
    axis : Axis
        The range that all strips share.
    sesoi : float or None
        The smallest effect of interest, drawn as a dashed line.
    state : str
        ``"present"`` fills the dot, ``"absent"`` leaves it hollow, anything else hatches it.

    Returns
    -------
    Markup
        An ``<svg>`` element that holds numbers and class names only.

    Notes
    -----
    The grey shape is a smoothed histogram of the null draws scaled to its own height: shapes of
    different strips compare in place and width, not in area. The tick is the 95th percentile,
    the threshold of a single one-sided test; ``present`` asks for more, a q value over all cells
    of the claim.
    """
    parts = [_vertical("grid", axis.percent(tick)) for tick in axis.ticks if tick != 0]
    parts.append(_vertical("zero", axis.percent(0.0)))
    if sesoi is not None:
        parts.append(_vertical("sesoi", axis.percent(sesoi)))
    if null is not None and null.size:
        parts.append(_null_shape(null, axis))
    if effect is not None:
        parts.extend(_interval(effect, low, high, axis))
        dot = {"present": "present", "absent": "absent"}.get(state, "open")
        parts.append(f'<circle class="dot {dot}" cx="{axis.percent(effect):g}%" cy="50%" r="4.5"/>')
    return Markup(
        f'<svg class="strip" width="100%" height="{HEIGHT}" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )


def _label(tick: float) -> str:
    if tick == 0:
        return "0"
    text = f"{abs(tick):.1f}".removeprefix("0") if abs(tick) < 1 else f"{abs(tick):g}"
    return ("−" if tick < 0 else "") + text


def _vertical(name: str, percent: float) -> str:
    return f'<line class="{name}" x1="{percent:g}%" x2="{percent:g}%" y1="0" y2="100%"/>'


def _interval(effect: float, low: float | None, high: float | None, axis: Axis) -> Iterable[str]:
    if low is None or high is None:
        return
    left, right = axis.percent(low), axis.percent(high)
    yield (f'<line class="interval" x1="{left:g}%" x2="{right:g}%" y1="50%" y2="50%"/>')
    # An end outside the axis is marked, never silently cut.
    if low < axis.low:
        yield (
            f'<svg x="{left:g}%" y="50%" overflow="visible">'
            '<path class="beyond" d="M6 -5L0 0L6 5"/></svg>'
        )
    if high > axis.high:
        yield (
            f'<svg x="{right:g}%" y="50%" overflow="visible">'
            '<path class="beyond" d="M-6 -5L0 0L-6 5"/></svg>'
        )


def _null_shape(null: Float[Array, " draw"], axis: Axis) -> str:
    threshold = _vertical_tick(axis.percent(float(np.quantile(null, 0.95))))
    start, end = (float(value) for value in np.quantile(null, [0.002, 0.998]))
    if end - start < 0.004 * (axis.high - axis.low):
        # A null without spread is a line, not a shape.
        return threshold
    # Room for the kernel at both ends, so that the tails taper instead of being cut.
    room = (end - start) * _KERNEL / (_BINS - 2 * _KERNEL)
    counts, edges = np.histogram(null, bins=_BINS, range=(start - room, end + room))
    density = np.convolve(counts.astype(float), np.hanning(2 * _KERNEL + 3), mode="same")
    centres = (edges[:-1] + edges[1:]) / 2
    inside = (centres >= axis.low) & (centres <= axis.high)
    if inside.sum() < 2:
        return threshold
    density, centres = density[inside], centres[inside]
    heights = np.rint(100 * density / max(density.max(), 1e-12)).astype(int)
    x = np.rint(np.linspace(0, 1000, heights.size)).astype(int)
    upper = " ".join(f"{a} {100 - b}" for a, b in zip(x, heights, strict=True))
    lower = " ".join(f"{a} {100 + b}" for a, b in zip(x[::-1], heights[::-1], strict=True))
    left, right = axis.percent(float(centres[0])), axis.percent(float(centres[-1]))
    return (
        f'<g transform="translate(0 -{_HALF:g})"><svg x="{left:g}%" y="50%" '
        f'width="{right - left:.3f}%" height="{2 * _HALF:g}" viewBox="0 0 1000 200" '
        f'preserveAspectRatio="none"><path class="null" d="M{upper} {lower}Z"/></svg></g>'
        f"{threshold}"
    )


def _vertical_tick(percent: float) -> str:
    return (
        '<g transform="translate(0 -6)">'
        f'<svg x="{percent:g}%" y="50%" width="2" height="12" overflow="visible">'
        '<line class="null-tick" x1="0" x2="0" y1="0" y2="12"/></svg></g>'
    )
