"""Correlation of two circular variables, its null and its interval."""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student

from homologue._typing import Array, Float, Int

_PIECE = 4_000_000


def circular_correlation(first: Float[Array, "sample"], second: Float[Array, "sample"]) -> float:
    """Return the circular correlation of Jammalamadaka and SenGupta, for any directions.

    Parameters
    ----------
    first, second : array, shape (sample,)
        Radians.

    Returns
    -------
    float
        1 if the angles turn together, −1 if against each other, whatever the offset; 0 if
        independent; NaN if one of them has a single value.

    Notes
    -----
    Σ sin(α − a) sin(β − b), normalised. The mean directions a and b are undefined for angles all
    around the circle; the form for that case [1]_ takes the pair that |Σ exp i(α ∓ β)| single
    out. Sensitive to uneven speed: an angle that keeps its order but not its spacing falls
    below 1.

    References
    ----------
    .. [1] Jammalamadaka & SenGupta 2001, Topics in Circular Statistics, section 8.2,
       doi:10.1142/4031

    Examples
    --------
    >>> angle = np.linspace(0, 6, 50)
    >>> round(circular_correlation(angle, 1 - angle), 6)
    -1.0
    """
    return float(_from_sums(_sums(np.exp(1j * first), np.exp(1j * second)), first.size))


_Four = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _sums(first: np.ndarray, second: np.ndarray) -> _Four:
    """Return Σzw̄, Σzw, Σz², Σw² over the last axis."""
    return (
        (first * second.conj()).sum(axis=-1),
        (first * second).sum(axis=-1),
        (first**2).sum(axis=-1),
        (second**2).sum(axis=-1),
    )


def _from_sums(sums: _Four, n: np.ndarray | int) -> np.ndarray:
    along, against, own, other = sums
    difference, total = np.angle(along), np.angle(against)
    # Twice the mean directions: a − b and a + b are the arguments of the two sums.
    first = n - (own * np.exp(-1j * (total + difference))).real
    second = n - (other * np.exp(-1j * (total - difference))).real
    spread = first * second
    flat = spread <= 1e-12 * np.asarray(n, dtype=np.float64) ** 2
    ratio = (np.abs(along) - np.abs(against)) / np.sqrt(np.where(flat, 1.0, spread))
    return np.where(flat, np.nan, ratio)


def correlation_null(
    first: Float[Array, "sample"], second: Float[Array, "sample"], index: Int[Array, "draw sample"]
) -> Float[Array, "draw"]:
    """Return the correlation with each relabelling ``second[index[i]]``."""
    z, w = np.exp(1j * first), np.exp(1j * second)
    step = max(1, _PIECE // first.size)
    return np.concatenate(
        [
            _from_sums(_sums(z, w[index[k : k + step]]), first.size)
            for k in range(0, index.shape[0], step)
        ]
    )


def correlation_interval(
    first: Float[Array, "sample"], second: Float[Array, "sample"], group: Int[Array, "sample"]
) -> tuple[float, float]:
    """Return a 95 % interval of the correlation's size, by the jackknife over groups.

    On Fisher's z of the absolute value; NaN with fewer than five groups.
    """
    _, code = np.unique(group, return_inverse=True)
    count = int(code.max()) + 1
    if count < 5:
        return np.nan, np.nan
    z, w = np.exp(1j * first), np.exp(1j * second)

    def left_out(each: np.ndarray) -> np.ndarray:
        part = np.bincount(code, each.real) + 1j * np.bincount(code, each.imag)
        return part.sum() - part

    left = left_out(z * w.conj()), left_out(z * w), left_out(z**2), left_out(w**2)
    without = np.abs(_from_sums(left, first.size - np.bincount(code)))
    value = np.arctanh(np.clip(np.abs(circular_correlation(first, second)), 0, 1 - 1e-12))
    each = np.arctanh(np.clip(without, 0, 1 - 1e-12))
    error = np.sqrt((count - 1) / count * ((each - each.mean()) ** 2).sum())
    reach = student.ppf(0.975, count - 1) * error
    return float(np.tanh(max(value - reach, 0.0))), float(np.tanh(value + reach))
