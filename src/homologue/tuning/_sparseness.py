"""Sparseness: how few stimuli drive a unit, and how few units a stimulus drives."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidRecording
from homologue._typing import Array, Float
from homologue.tuning._binned import as_dataset, run_binned
from homologue.tuning._placed import place

_FEWEST_UNITS = 2


def rolls_treves(rates: Float[Array, "*shape"], *, axis: int = 0) -> Float[Array, "..."]:
    """Return Rolls and Treves' sparseness, (Σr/n)² / (Σr²/n).

    Parameters
    ----------
    rates : array
        Mean responses, zero or more, to n stimuli (lifetime) or of n units (population).
    axis : int
        Along which to measure.

    Returns
    -------
    numpy.ndarray
        1/n (one response) … 1 (all alike): *small* is sparse. The active fraction, exactly, of
        a binary code. NaN where nothing responds.

    Raises
    ------
    InvalidRecording
        Negative rates, for which the ratio means nothing.

    References
    ----------
    Rolls & Tovee 1995, J. Neurophysiol. 73:713, doi:10.1152/jn.1995.73.2.713

    Examples
    --------
    >>> float(rolls_treves(np.array([0.0, 0.0, 0.0, 7.0])))
    0.25
    """
    _no_negative(rates)
    # Scaled first: rates of any size, without overflow or lost digits.
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = rates / rates.max(axis=axis, keepdims=True)
        return np.asarray(scaled.mean(axis=axis) ** 2 / (scaled**2).mean(axis=axis))


def vinje_gallant(rates: Float[Array, "*shape"], *, axis: int = 0) -> Float[Array, "..."]:
    """Return Vinje and Gallant's sparseness, (1 − a) / (1 − 1/n), a after Rolls and Treves.

    Parameters
    ----------
    rates : array
        Mean responses, zero or more; at least 2 along ``axis``.
    axis : int

    Returns
    -------
    numpy.ndarray
        0 (all alike) … 1 (one response only): *large* is sparse. NaN where nothing responds.

    Raises
    ------
    InvalidRecording
        Negative rates, or a single one.

    References
    ----------
    Vinje & Gallant 2000, Science 287:1273, doi:10.1126/science.287.5456.1273

    Examples
    --------
    >>> vinje_gallant(np.array([[0.0, 2.0], [0.0, 2.0], [5.0, 2.0]]))
    array([1., 0.])
    """
    count = rates.shape[axis]
    if count < 2:
        raise InvalidRecording(
            f"sparseness compares responses, and there is {count} along axis {axis}; "
            "give at least 2"
        )
    return np.asarray((1 - rolls_treves(rates, axis=axis)) / (1 - 1 / count))


def _no_negative(rates: np.ndarray) -> None:
    low = float(np.nanmin(rates)) if rates.size else 0.0
    if low < 0:
        raise InvalidRecording(
            f"sparseness is defined for rates, zero or more; the smallest given is {low:.4g}. "
            "Add the baseline back (spontaneous rate), or count responses below it as 0 "
            "(rectify=True)"
        )


def sparseness(
    rec: xr.DataArray,
    variable: str = "stimulus",
    *,
    rng: np.random.Generator | int,
    bins: int | tuple[int, int] = 20,
    permutations: int = 999,
    rectify: bool = False,
    **options: Any,
) -> xr.Dataset:
    """Measure the lifetime sparseness of units and the population sparseness of stimuli.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit), activity zero or more.
    variable : str
        Whose classes (or bins) are the stimuli.
    rng : numpy Generator or int
    bins : int
        Of a variable that is not categorical.
    permutations : int
    rectify : bool
        Set negative activity to 0 (responses given relative to a baseline, model activations).
    **options
        ``minimum_occupancy``, ``minimum_lag``, ``null``, ``force_iid`` as in
        :func:`homologue.tuning.spatial_information`.

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect``, lifetime sparseness after Vinje & Gallant (0 … 1, large is
        sparse), interval, null, ``p``, ``q``, ``n``, ``rolls_treves`` (small is sparse),
        ``reason``. On ``stimulus_class``: ``population`` (Vinje & Gallant) and
        ``population_rolls_treves``, over the tested units; NaN with fewer than 2 of them.

    Raises
    ------
    InvalidRecording
        Negative activity, unless rectified.
    InvalidDesign
        As :func:`homologue.tuning.spatial_information`.

    Notes
    -----
    The null relabels samples: what sparseness would come from noise alone, given how often each
    stimulus was shown. Where every stimulus was shown once there is nothing to relabel (the
    same responses, in another order): p is 1, the effect describes and does not test. Few
    repeats inflate sparseness (the interval is centred on the jackknife's correction of that,
    and may lie below ``effect``); heterogeneous mean rates inflate the population's.

    References
    ----------
    .. [1] Rolls & Tovee 1995, J. Neurophysiol. 73:713, doi:10.1152/jn.1995.73.2.713
    .. [2] Vinje & Gallant 2000, Science 287:1273, doi:10.1126/science.287.5456.1273

    Examples
    --------
    >>> from homologue.recording import make
    >>> label = np.repeat(np.arange(5), 8)
    >>> rate = np.random.default_rng(0).poisson(1 + 9 * (label == 2)[:, None] * [1, 0])
    >>> found = sparseness(make(rate, stimulus=label), rng=0, permutations=199)
    >>> (found.p < 0.05).values.tolist()
    [True, False]
    """
    if rectify:
        rec = rec.copy(data=np.where(rec.values < 0, 0.0, rec.values))
    elif np.nanmin(rec.values, initial=0.0) < 0:
        _no_negative(rec.values)
    placed = place(rec, variable, bins=bins, **options)

    def rates(sums: np.ndarray, occupancy: np.ndarray) -> np.ndarray:
        """Return mean responses to the stimuli that were shown, (draw, bin, unit)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.maximum(sums, 0.0) / occupancy[:, :, None])

    def lifetime(sums: np.ndarray, occupancy: np.ndarray) -> np.ndarray:
        shown = (occupancy > 0)[:, :, None]
        mean = np.where(shown, rates(sums, occupancy), 0.0)
        count = shown.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            a = mean.sum(axis=1) ** 2 / (mean**2).sum(axis=1) / count
            return np.asarray((1 - a) / (1 - 1 / count))

    found = run_binned(placed, lifetime, permutations=permutations, rng=rng, limits=(0.0, 1.0))
    data = as_dataset(
        rec, placed, found, analysis="tuning.sparseness",
        method="lifetime sparseness (Vinje & Gallant) of mean responses",
        rectified=int(rectify),
    )  # fmt: skip
    shown = placed.occupancy > 0
    mean = rates(placed.sums()[None], placed.occupancy[None])[0][shown]
    across = mean[:, placed.tested]
    nothing = np.full(len(mean), np.nan)
    several = across.shape[1] >= _FEWEST_UNITS
    labels = placed.bins.coords()[placed.bins.axes[0].name][1][shown]
    with np.errstate(invalid="ignore"):
        alone = np.where(np.isnan(found.effect), np.nan, rolls_treves(mean, axis=0))
    return data.assign(
        rolls_treves=("unit", alone),
        population=("stimulus_class", vinje_gallant(across, axis=1) if several else nothing),
        population_rolls_treves=(
            "stimulus_class",
            rolls_treves(across, axis=1) if several else nothing,
        ),
    ).assign_coords(stimulus_class=labels)
