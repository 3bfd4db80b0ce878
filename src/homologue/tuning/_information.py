"""Where a unit fires, as information, as a vector, and as a smooth map."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import xlogy

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float
from homologue.tuning._binned import as_dataset, run_binned
from homologue.tuning._bins import neighbours, smoothing_matrix
from homologue.tuning._placed import place

_PER_ACTIVITY = {"spikes/s": "bits/spike", "spikes": "bits/spike"}


def skaggs(
    sums: Float[Array, "draw bin unit"], occupancy: Float[Array, "draw_or_one bin"]
) -> Float[Array, "draw unit"]:
    """Return Skaggs' information per unit of activity, Σ p·(λ/λ̄)·log₂(λ/λ̄).

    Parameters
    ----------
    sums : array, shape (draw, bin, unit)
        Activity summed in each bin, zero or more.
    occupancy : array, shape (draw or 1, bin)
        Samples in each bin; a bin without any counts for nothing.

    Returns
    -------
    numpy.ndarray, shape (draw, unit)
        Bits; NaN without any activity.

    Examples
    --------
    A unit active in one of four equally visited bins carries two bits a spike:

    >>> skaggs(np.array([[[8.0], [0.0], [0.0], [0.0]]]), np.full((1, 4), 10.0))
    array([[2.]])

    References
    ----------
    Skaggs, McNaughton, Gothard & Markus 1993, NIPS 5:1030
    """
    sums = np.maximum(sums, 0.0)
    total = sums.sum(axis=1, keepdims=True)
    visits = occupancy[:, :, None] / occupancy.sum(axis=1)[:, None, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = sums / total
        ratio = np.where(visits > 0, share / visits, 1.0)
        return np.asarray(xlogy(share, ratio).sum(axis=1) / np.log(2))


def spatial_information(
    rec: xr.DataArray,
    variable: str | tuple[str, str],
    *,
    rng: np.random.Generator | int,
    bins: int | tuple[int, int] = 20,
    smoothing: float = 0.0,
    minimum_occupancy: int = 1,
    permutations: int = 999,
    minimum_lag: float | None = None,
    null: str = "declared",
    force_iid: bool = False,
) -> xr.Dataset:
    """Measure how much each spike says about a variable: place, direction, anything binned.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit), activity zero or more, samples of equal length.
    variable : str or pair of str
        Linear, circular (with a ``period``), categorical; a pair makes a 2-D map.
    rng : numpy Generator or int
        Draws the relabellings.
    bins : int or pair of int
        Bins of each variable that is not categorical.
    smoothing : float
        Standard deviation, in bins, of the Gaussian applied to activity and occupancy.
    minimum_occupancy : int
        Bins with fewer samples are left out.
    permutations : int
        The smallest p is 1 / (permutations + 1).
    minimum_lag : float, optional
        Smallest circular shift, s. Costs power.
    null : {"declared", "iid"}
        By default what the recording declares: with ``time``, circular shifts.
    force_iid : bool
        Allow ``null="iid"`` where samples depend on each other, to see it fail.

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect`` (bits per spike, or per unit of activity), ``bits_per_second``,
        ``rate`` (mean activity over visits), ``low``/``high`` (95 %), ``null_mean``,
        ``null_std``, ``p``, ``q``, ``n`` (clusters), ``reason`` (why a unit is NaN).

    Raises
    ------
    InvalidDesign
        The iid shuffle where the recording has ``time`` or groups, fewer than two bins, a
        variable with one value, fewer than 20 arrangements.

    Notes
    -----
    The measure [1]_ is biased upwards, the more the fewer the spikes: compare ``effect`` with
    ``null_mean``, never between units of different rates. The interval is centred on the
    jackknife's correction of that bias and may lie below ``effect``. The iid shuffle takes
    slow fluctuations for tuning: on AR(1) units without any it passes about one in three at
    .05. Circular shifts [2]_ fail where both series drift in the same session.

    References
    ----------
    .. [1] Skaggs, McNaughton, Gothard & Markus 1993, NIPS 5:1030
    .. [2] Harris 2020, bioRxiv, doi:10.1101/2020.08.15.252874

    Examples
    --------
    >>> from homologue.recording import make, variable
    >>> generator = np.random.default_rng(0)
    >>> place = np.cumsum(generator.uniform(0, 0.1, 800)) % 1
    >>> field = np.exp(-0.5 * ((place - 0.5) / 0.1) ** 2)
    >>> rate = generator.poisson(5 * np.stack([field, 0 * field + 0.3], axis=1))
    >>> rec = make(rate, variables={"time": np.arange(800) * 0.1, "place": variable(place)},
    ...            activity_units="spikes", sampling_interval=0.1)
    >>> found = spatial_information(rec, "place", rng=1, bins=10, permutations=199)
    >>> found.effect.values.round(1).tolist(), (found.p < 0.05).values.tolist()
    ([1.2, 0.0], [True, False])
    """
    placed = place(
        rec, variable, bins=bins, minimum_occupancy=minimum_occupancy, minimum_lag=minimum_lag,
        null=null, force_iid=force_iid,
    )  # fmt: skip
    mixing = smoothing_matrix(placed.bins, smoothing)

    def statistic(sums: np.ndarray, occupancy: np.ndarray) -> np.ndarray:
        return skaggs(*_mixed(sums, occupancy, mixing))

    found = run_binned(placed, statistic, permutations=permutations, rng=rng, limits=(0.0, np.inf))
    mean = placed.sums().sum(axis=0) / placed.occupancy.sum()
    mean = np.where(placed.tested, mean, np.nan)
    units = rec.attrs.get("activity_units", "arbitrary")
    width = rec.attrs.get("sampling_interval")
    per_second = 1.0 / width if units == "spikes" and width else 1.0
    data = as_dataset(
        rec, placed, found,
        analysis="tuning.spatial_information",
        method="Skaggs information over occupied bins",
        effect_units=_PER_ACTIVITY.get(units, f"bits per unit of activity ({units})"),
        smoothing=float(smoothing),
    )  # fmt: skip
    return data.assign(
        bits_per_second=("unit", found.effect * mean * per_second), rate=("unit", mean)
    )


def vector_length(
    rec: xr.DataArray,
    variable: str,
    *,
    rng: np.random.Generator | int,
    bins: int = 60,
    smoothing: float = 0.0,
    permutations: int = 999,
    **options: Any,
) -> xr.Dataset:
    """Measure how far a unit's activity points in one direction, with the shift null.

    The mean vector of the occupancy-normalised curve: 1 if the unit is active in one bin only,
    0 if its rates balance.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit), activity zero or more.
    variable : str
        Circular: its coordinate declares a ``period``.
    rng : numpy Generator or int
    bins : int
        Equal arcs.
    smoothing : float
        Standard deviation in bins; shortens the vector by exp(−σ²/2).
    permutations : int
    **options
        ``minimum_occupancy``, ``minimum_lag``, ``null``, ``force_iid`` as in
        :func:`spatial_information`.

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect`` (0 … 1), ``preferred`` (in the variable's units), interval,
        null, ``p``, ``q``, ``n``, ``reason``.

    Raises
    ------
    InvalidDesign
        A variable without a period; see :func:`spatial_information`.

    Notes
    -----
    No Rayleigh test: its p takes every spike for independent, and a session of slow turns for
    thousands of them. Blind to curves with two opposite peaks, whose vectors cancel
    (:func:`spatial_information` sees them); biased upwards for few spikes, so compare with
    ``null_mean``.

    References
    ----------
    Taube, Muller & Ranck 1990, J. Neurosci. 10:420, doi:10.1523/JNEUROSCI.10-02-00420.1990

    Examples
    --------
    >>> from homologue.recording import make, variable
    >>> angle = np.cumsum(np.random.default_rng(0).normal(0, 40, 360)) % 360
    >>> rate = 1 + np.cos(np.radians(angle - 90))
    >>> rec = make(rate[:, None], variables={
    ...     "time": np.arange(360.0), "angle": variable(angle, period=360)})
    >>> found = vector_length(rec, "angle", rng=0, bins=36, permutations=99)
    >>> round(float(found.effect[0]), 2), round(float(found.preferred[0]))
    (0.5, 90)
    """
    placed = place(rec, variable, bins=bins, **options)
    axis = placed.bins.axes[0]
    if len(placed.bins.axes) != 1 or axis.kind != "circular":
        raise InvalidDesign(
            f"{variable!r} has no period, and only a circle has a mean vector; declare it with "
            "recording.variable(values, period=2 * np.pi) (radians) or period=360 (degrees)"
        )
    mixing = smoothing_matrix(placed.bins, smoothing)
    assert axis.period is not None
    turn = np.exp(2j * np.pi * np.asarray(axis.centres) / axis.period)

    def mean_vector(sums: np.ndarray, occupancy: np.ndarray) -> np.ndarray:
        rates = _rates(*_mixed(sums, occupancy, mixing))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.einsum("dbu,b->du", rates, turn) / rates.sum(axis=1))

    found = run_binned(
        placed,
        lambda sums, occupancy: np.abs(mean_vector(sums, occupancy)),
        permutations=permutations, rng=rng, limits=(0.0, 1.0),
    )  # fmt: skip
    vector = mean_vector(placed.sums()[None], placed.occupancy[None])[0]
    preferred = np.angle(vector) / (2 * np.pi) * axis.period % axis.period
    data = as_dataset(
        rec, placed, found, analysis="tuning.vector_length",
        method="length of the mean vector of occupancy-normalised rates",
    )  # fmt: skip
    return data.assign(preferred=("unit", np.where(np.isnan(found.effect), np.nan, preferred)))


def spatial_coherence(
    rec: xr.DataArray,
    variable: str | tuple[str, str],
    *,
    rng: np.random.Generator | int,
    bins: int | tuple[int, int] = 20,
    permutations: int = 999,
    **options: Any,
) -> xr.Dataset:
    """Measure how well the rate in a bin is foretold by the bins around it.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit).
    variable : str or pair of str
        Linear or circular; a pair makes a map, whose bins have up to 8 neighbours.
    rng : numpy Generator or int
    bins : int or pair of int
    permutations : int
    **options
        As in :func:`spatial_information`.

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect``, the correlation over bins of the unsmoothed rate with the mean
        rate of the neighbours (−1 … 1), ``fisher_z`` (as published), interval, null, ``p``,
        ``q``, ``n``, ``reason``.

    Notes
    -----
    Rates must not be smoothed first: smoothing makes any map coherent. Under circular shifts
    the null mean is above 0, because slow activity visits neighbouring bins in one go, and a
    field on a track run round and round stays a field when it is shifted: a weak test of
    tuning, a description of the map. A variable with categories has no neighbours and is refused.

    References
    ----------
    Muller & Kubie 1989, J. Neurosci. 9:4101, doi:10.1523/JNEUROSCI.09-12-04101.1989
    """
    placed = place(rec, variable, bins=bins, **options)
    if all(axis.kind == "categorical" for axis in placed.bins.axes):
        raise InvalidDesign(
            f"{variable!r} is categorical: its classes have no neighbours, and coherence is "
            "about neighbours; give a continuous variable"
        )
    touching = neighbours(placed.bins)

    def statistic(sums: np.ndarray, occupancy: np.ndarray) -> np.ndarray:
        visited = (occupancy > 0).astype(np.float64)
        rates = _rates(sums, occupancy)
        around = visited @ touching.T
        with np.errstate(divide="ignore", invalid="ignore"):
            nearby = np.einsum("bc,dcu->dbu", touching, rates, optimize=True) / around[:, :, None]
        weight = (visited * (around > 0))[:, :, None]
        return _correlation(rates, np.nan_to_num(nearby), weight)

    found = run_binned(placed, statistic, permutations=permutations, rng=rng, limits=(-1.0, 1.0))
    data = as_dataset(
        rec, placed, found, analysis="tuning.spatial_coherence",
        method="correlation of a bin's rate with the mean of its neighbours",
    )  # fmt: skip
    bound = np.clip(found.effect, -1 + 1e-12, 1 - 1e-12)
    return data.assign(fisher_z=("unit", np.arctanh(bound)))


def _mixed(
    sums: np.ndarray, occupancy: np.ndarray, mixing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Smooth sums and occupancy alike; bins never visited stay so."""
    if np.array_equal(mixing, np.eye(len(mixing))):
        return sums, occupancy
    visited = occupancy > 0
    spread = np.einsum("bc,dcu->dbu", mixing, sums, optimize=True)
    dwell = occupancy @ mixing.T
    with np.errstate(divide="ignore", invalid="ignore"):
        # Smoothed rates, each weighed by the time truly spent in its bin.
        rate = np.where(dwell > 0, 1 / dwell, 0.0)[:, :, None] * spread
    return rate * (occupancy * visited)[:, :, None], occupancy


def _rates(sums: np.ndarray, occupancy: np.ndarray) -> np.ndarray:
    """Return sums per visit, 0 in bins never visited."""
    with np.errstate(divide="ignore"):
        each = np.where(occupancy > 0, 1.0 / occupancy, 0.0)
    return np.asarray(sums * each[:, :, None])


def _correlation(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    total = weight.sum(axis=1, keepdims=True)
    x = (x - (x * weight).sum(axis=1, keepdims=True) / total) * weight
    y = (y - (y * weight).sum(axis=1, keepdims=True) / total) * weight
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1)))
