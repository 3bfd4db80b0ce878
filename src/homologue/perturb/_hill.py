"""Curves through doses: monotone (isotonic) and saturating (Hill), many at a time.

References
----------
.. [1] Barlow, Bartholomew, Bremner & Brunk 1972, Statistical Inference under Order Restrictions
   (isotonic regression)
.. [2] Hill 1910, J. Physiol. 40:iv (the equation)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from homologue._errors import HomologueError
from homologue._typing import Array, Float

_EXPONENTS = np.geomspace(0.5, 16.0, 48)
_HALVES = 120


@dataclass(frozen=True)
class Hill:
    """Fits of top · s^h / (half^h + s^h).

    Attributes
    ----------
    half, exponent, top, share : array, shape (curve,)
        Strength at half of the top (ED50), steepness, asymptote, and the share of the curve's
        squares that is explained.
    """

    half: Any
    exponent: Any
    top: Any
    share: Any


def isotonic(curve: Float[Array, "*more dose"]) -> Float[Array, "*more dose"]:
    """Return the closest curve that never falls (least squares).

    Examples
    --------
    >>> isotonic(np.array([0.0, 2.0, 1.0, 4.0]))
    array([0. , 1.5, 1.5, 4. ])
    """
    # The min–max formula: doses are few, and every curve is fitted at once.
    count = curve.shape[-1]
    sums = np.concatenate([np.zeros((*curve.shape[:-1], 1)), np.cumsum(curve, axis=-1)], axis=-1)
    first, last = np.indices((count, count))
    with np.errstate(invalid="ignore"):
        means = (sums[..., 1:][..., None, :] - sums[..., :-1][..., :, None]) / (last - first + 1)
    means = np.where(last >= first, means, np.inf)
    smallest = np.minimum.accumulate(means[..., ::-1], axis=-1)[..., ::-1]
    smallest = np.where(last >= first, smallest, -np.inf)
    return np.asarray(
        np.maximum.accumulate(smallest, axis=-2)[..., np.arange(count), np.arange(count)]
    )


def hill(strength: Float[Array, " dose"], curves: Float[Array, "curve dose"]) -> Hill:
    """Fit the Hill equation to several curves by least squares.

    Parameters
    ----------
    strength : array, shape (dose,)
        Zero or more; at least three different ones above zero.
    curves : array, shape (curve, dose)
        What is lost at each; 0 at strength 0.

    Returns
    -------
    Hill

    Raises
    ------
    HomologueError
        Fewer than three strengths: three numbers are fitted.

    Notes
    -----
    Over a grid of half strengths (from a quarter of the smallest strength to four times the
    largest) and exponents (0.5 … 16) the top is in closed form; the grid is then refined twice
    around its best point.

    Examples
    --------
    >>> s = np.linspace(0, 1, 9)
    >>> found = hill(s, (0.8 * s**2 / (0.3**2 + s**2))[None])
    >>> found.half.round(3), found.exponent.round(2), found.top.round(3)
    (array([0.3]), array([2.]), array([0.8]))
    """
    strength = np.asarray(strength, dtype=np.float64)
    positive = np.unique(strength[strength > 0])
    if positive.size < 3:
        raise HomologueError(
            f"a Hill curve has three parameters; given {positive.size} doses that do anything"
        )
    halves = np.geomspace(positive[0] / 4, positive[-1] * 4, _HALVES)
    shapes = _shapes(strength, halves[:, None], _EXPONENTS[None, :])
    best = _best(curves, shapes.reshape(-1, strength.size))
    half, exponent = halves[best // _EXPONENTS.size], _EXPONENTS[best % _EXPONENTS.size]
    steps = [np.log(halves[1] / halves[0]), np.log(_EXPONENTS[1] / _EXPONENTS[0])]
    around = np.linspace(-1, 1, 9)
    for _ in range(3):
        fine_half = half[:, None, None] * np.exp(steps[0] * around)[None, :, None]
        fine_exponent = exponent[:, None, None] * np.exp(steps[1] * around)[None, None, :]
        fine = _shapes(strength, fine_half, fine_exponent).reshape(len(curves), 81, -1)
        explained = _explained(np.einsum("cd,csd->cs", curves, fine), (fine**2).sum(axis=-1))
        best = explained.argmax(axis=1)
        rows = np.arange(len(curves))
        half = fine_half[rows, best // 9, 0]
        exponent = fine_exponent[rows, 0, best % 9]
        steps = [one / 6 for one in steps]
    shape = _shapes(strength, half, exponent)
    squares = (shape**2).sum(axis=-1)
    along = (curves * shape).sum(axis=-1)
    total = (curves**2).sum(axis=-1)
    flat = total == 0
    share = np.where(flat, np.nan, along**2 / squares / np.where(flat, 1.0, total))
    nothing = flat | (along <= 0)
    return Hill(
        np.where(nothing, np.nan, half),
        np.where(nothing, np.nan, exponent),
        np.where(nothing, np.nan, along / squares),
        np.where(nothing & ~flat, 0.0, share),
    )


def _shapes(strength: np.ndarray, half: Any, exponent: Any) -> np.ndarray:
    """Return s^h / (half^h + s^h), doses last."""
    half, exponent = np.asarray(half)[..., None], np.asarray(exponent)[..., None]
    with np.errstate(divide="ignore", over="ignore"):
        ratio = exponent * (np.log(half) - np.log(strength))
        return 1.0 / (1.0 + np.exp(np.minimum(ratio, 700.0))) * (strength > 0)


def _best(curves: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    squares = (shapes**2).sum(axis=1)
    return np.asarray(_explained(curves @ shapes.T, squares).argmax(axis=1))


def _explained(along: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Return the squares that each shape explains; a top below zero explains none."""
    return np.where(along > 0, along, 0.0) ** 2 / np.maximum(squares, 1e-300)
