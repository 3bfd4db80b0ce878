"""Indices of selectivity that other papers report: d′ and Morcos' class selectivity."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float, Int
from homologue.tuning._binned import as_dataset, run_binned
from homologue.tuning._placed import place


def d_prime(
    activity: Float[Array, "sample unit"], codes: Int[Array, "sample"], classes: int
) -> Float[Array, "class unit"]:
    """Return d′ of each class against the rest, (μ₁ − μ₀) / √((σ₁² + σ₀²) / 2).

    Parameters
    ----------
    activity : array, shape (sample, unit)
    codes : array of int, shape (sample,)
        Class of each sample, 0 … classes − 1.
    classes : int

    Returns
    -------
    numpy.ndarray, shape (class, unit)
        NaN where both sides are constant or a side has fewer than 2 samples.

    Raises
    ------
    InvalidDesign
        One class only.

    Notes
    -----
    A distance between means, in standard deviations: a fair summary of two bell-shaped
    distributions, misleading for sparse counts, whose ROC area says more.

    References
    ----------
    Green & Swets 1966, Signal Detection Theory and Psychophysics; Simpson & Fitter 1973,
    Psychol. Bull. 80:481, doi:10.1037/h0035203 (unequal variances)

    Examples
    --------
    >>> d_prime(np.array([[1.0], [3.0], [-1.0], [1.0]]), np.array([0, 0, 1, 1]), 2).round(3)
    array([[ 1.414],
           [-1.414]])
    """
    if np.unique(codes).size < 2:
        raise InvalidDesign("d′ compares a class with the rest; there is one class only")
    one_hot = (np.arange(classes)[:, None] == codes).astype(np.float64)
    count = one_hot.sum(axis=1)[:, None]
    # Centred first, or the variance of a large constant baseline is lost in rounding.
    centred = activity - activity.mean(axis=0)
    sums, squares = one_hot @ centred, one_hot @ centred**2
    rest = codes.size - count
    with np.errstate(divide="ignore", invalid="ignore"):
        inside, outside = sums / count, (sums.sum(axis=0) - sums) / rest
        variance = (squares - count * inside**2) / (count - 1)
        other = (squares.sum(axis=0) - squares - rest * outside**2) / (rest - 1)
        spread = np.sqrt(np.maximum(variance + other, 0.0) / 2)
        floor = 1e-12 * np.abs(activity).max(axis=0, initial=0.0)
        return np.where(spread > floor, (inside - outside) / spread, np.nan)


def morcos(means: Float[Array, "*draw class unit"]) -> Float[Array, "*draw unit"]:
    """Return Morcos' class selectivity, (μmax − μ−max) / (μmax + μ−max).

    Parameters
    ----------
    means : array, shape (…, class, unit)
        Mean activity for each class, zero or more.

    Returns
    -------
    numpy.ndarray, shape (…, unit)
        0 (alike for all classes) … 1 (one class only); NaN without activity.

    References
    ----------
    Morcos, Barrett, Rabinowitz & Botvinick 2018, ICLR, arXiv:1803.06959

    Examples
    --------
    >>> morcos(np.array([[4.0, 1.0], [0.0, 1.0], [0.0, 1.0]]))
    array([1., 0.])
    """
    high = means.max(axis=-2)
    others = (means.sum(axis=-2) - high) / (means.shape[-2] - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((high - others) / (high + others))


def class_selectivity(
    rec: xr.DataArray,
    variable: str,
    *,
    rng: np.random.Generator | int,
    permutations: int = 999,
    **options: Any,
) -> xr.Dataset:
    """Measure Morcos' class selectivity of every unit beside what noise would give.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit), activity zero or more (after a ReLU; rates).
    variable : str
        Categorical.
    rng : numpy Generator or int
    permutations : int
    **options
        ``bins``, ``minimum_occupancy``, ``minimum_lag``, ``null``, ``force_iid`` as in
        :func:`homologue.tuning.spatial_information`.

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect`` (0 … 1), interval, null, ``p``, ``q``, ``n``, ``reason``.

    Notes
    -----
    The index grows with sparseness: a unit active in one sample of a thousand has index 1 by
    chance. Read it against ``null_mean``; the interval is centred on the jackknife's correction of
    this bias and may lie below ``effect``. How selective a unit is says little about how much
    the network needs it [1]_.

    References
    ----------
    .. [1] Morcos, Barrett, Rabinowitz & Botvinick 2018, ICLR, arXiv:1803.06959

    Examples
    --------
    >>> from homologue.recording import make
    >>> label = np.repeat([0, 1, 2], 10)
    >>> rate = np.random.default_rng(0).poisson(1 + 9 * (label == 1)[:, None] * [1, 0])
    >>> found = class_selectivity(make(rate, stimulus=label), "stimulus", rng=0)
    >>> (found.p < 0.05).values.tolist()
    [True, False]
    """
    placed = place(rec, variable, **{"bins": 8, **options})

    def statistic(sums: np.ndarray, occupancy: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            means = np.maximum(sums, 0.0) / occupancy[:, :, None]
        return morcos(np.nan_to_num(means))

    found = run_binned(placed, statistic, permutations=permutations, rng=rng, limits=(0.0, 1.0))
    return as_dataset(
        rec, placed, found, analysis="tuning.class_selectivity",
        method="Morcos class selectivity of mean activity by class",
    )  # fmt: skip
