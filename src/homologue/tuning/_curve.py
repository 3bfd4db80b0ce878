"""Tuning curves and maps: rate against a variable, with its band and the null's."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtr, stdtrit

from homologue.inference import benjamini_hochberg, group_weights, result
from homologue.tuning._band import BAND, band_of
from homologue.tuning._bins import smoothing_matrix
from homologue.tuning._halves import alternate, correlation_of_halves, null_of_halves
from homologue.tuning._placed import Placed, add_one, place
from homologue.tuning._shape import (
    area_at_half_height,
    mean_vector,
    preferred_value,
    smoothed_rates,
    width_at_half_height,
)

_BLOCK_BYTES = 64 * 2**20


def tuning_curve(
    rec: xr.DataArray,
    variable: str | tuple[str, str],
    *,
    rng: np.random.Generator | int,
    bins: int | tuple[int, int] = 20,
    smoothing: float = 0.0,
    permutations: int = 999,
    draws: int = 1000,
    **options: Any,
) -> xr.Dataset:
    """Measure every unit's activity as a function of a variable, or of two.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit); activity of any sign.
    variable : str or pair of str
        Categorical, linear, circular (declares a ``period``); a pair makes a map.
    rng : numpy Generator or int
    bins : int or pair of int
        Bins of each variable that is not categorical.
    smoothing : float
        Standard deviation, in bins, of the Gaussian applied to activity and occupancy alike.
    permutations : int
        Relabellings behind the null band.
    draws : int
        Bootstrap draws behind the curve's band.
    **options
        ``minimum_occupancy``, ``minimum_lag``, ``null``, ``force_iid`` as in
        :func:`homologue.tuning.spatial_information`.

    Returns
    -------
    xarray.Dataset
        On (``unit``, ``bin``), with the bin's centre as a coordinate named after the variable:
        ``effect`` (mean activity), ``low``/``high`` (95 % bootstrap over clusters),
        ``null_mean``, ``null_std``, ``null_low``/``null_high`` (95 % of the null), ``p`` (two
        sided: the rate differs from the null's), ``q`` (over all units and bins), ``n``
        (clusters that visit the bin). On ``bin``: ``occupancy`` (samples). On ``unit``:
        ``preferred``, ``width`` (at half height; area of a map), ``vector_length`` (circular),
        ``depth`` = (max − min)/(max + min), ``reliability`` (correlation of the curves of
        alternate clusters) beside ``reliability_null_mean`` and ``reliability_null_std`` (the
        same under relabelling), ``unit_p``/``unit_q`` (is it tuned at all: the largest deviation
        over bins, the null taking the same maximum), ``reason``. A map's ``preferred`` stands
        on (``unit``, ``axis``).

    Raises
    ------
    InvalidDesign
        As :func:`homologue.tuning.spatial_information`.

    Notes
    -----
    Both bands are pointwise. ``preferred``, ``width`` and ``depth`` are read off the noisy
    curve and say nothing for units whose ``unit_p`` is large: noise has a peak too.
    ``reliability`` of smoothed or slow activity is above 0 without tuning: read it beside its
    null. The bootstrap [1]_
    takes clusters (groups, or twenty stretches of a session) as independent; its quantiles are
    expanded for few of them [2]_. A bin visited by one cluster has no band.

    References
    ----------
    .. [1] Davison & Hinkley 1997, Bootstrap Methods and their Application,
       doi:10.1017/CBO9780511802843
    .. [2] Hesterberg 2015, Am. Stat. 69:371, doi:10.1080/00031305.2015.1089789
    .. [3] Harris 2020, bioRxiv, doi:10.1101/2020.08.15.252874 (shifts as the null)

    Examples
    --------
    >>> from homologue.recording import make, variable
    >>> angle = np.random.default_rng(0).uniform(0, 360, 400)
    >>> rate = np.stack([2 + np.cos(np.radians(angle - 90)), angle * 0 + 1], axis=1)
    >>> rec = make(rate, variables={"angle": variable(angle, period=360)})
    >>> found = tuning_curve(rec, "angle", rng=0, bins=12, permutations=99, draws=200)
    >>> round(float(found.preferred[0])), round(float(found.unit_p[0]), 2)
    (89, 0.01)
    """
    placed = place(rec, variable, bins=bins, rates=False, **options)
    mixing = smoothing_matrix(placed.bins, smoothing)
    first, second, third = np.random.default_rng(rng).spawn(3)
    curve = smoothed_rates(placed.sums()[None], placed.occupancy[None], mixing)[0]
    curve[:, ~placed.tested] = np.nan
    null = _null(placed, mixing, curve, permutations, first)
    low, high = _band(placed, mixing, draws, second)
    with np.errstate(invalid="ignore"):
        low, high = np.minimum(low, curve), np.maximum(high, curve)
    half = alternate(placed)
    alike = null_of_halves(placed, mixing, half, permutations, third)
    _, visits = placed.cluster_sums(slice(0))
    clusters = int(placed.cluster.max()) + 1
    p = null["p"]
    data = result(
        effect=curve.T,
        low=low.T,
        high=high.T,
        null_mean=null["mean"].T,
        null_std=null["std"].T,
        p=p.T,
        q=benjamini_hochberg(p.T),
        n=np.broadcast_to((visits > 0).sum(axis=0), curve.T.shape),
        dims=("unit", "bin"),
        coords={
            **{str(k): c for k, c in rec.coords.items() if c.dims == ("unit",)},
            **placed.bins.coords(),
        },
        attrs={
            "analysis": "tuning.tuning_curve",
            "method": "mean activity per visit of a bin",
            "activity_units": rec.attrs.get("activity_units", "arbitrary"),
            "smoothing": float(smoothing),
            "permutations": permutations,
            "interval": f"95 %, bootstrap over {clusters} clusters",
            "family": f"Benjamini–Hochberg over {int(np.isfinite(p).sum())} bins of units",
            **placed.attrs,
        },
    )
    return data.assign(
        null_low=(("unit", "bin"), null["low"].T),
        null_high=(("unit", "bin"), null["high"].T),
        occupancy=("bin", placed.occupancy.astype(np.int64)),
        unit_p=("unit", null["unit_p"]),
        unit_q=("unit", benjamini_hochberg(null["unit_p"])),
        reliability=("unit", correlation_of_halves(placed, mixing, half)),
        reliability_null_mean=("unit", alike[0]),
        reliability_null_std=("unit", alike[1]),
        reason=("unit", placed.reason.astype(str)),
        **_shape(placed, curve),
    )


def _shape(placed: Placed, curve: np.ndarray) -> dict[str, Any]:
    axes = placed.bins.axes
    blank = np.where(placed.tested, 0.0, np.nan)
    preferred = [
        np.where(placed.tested, values, "") if values.dtype == object else values + blank
        for values in preferred_value(curve, placed.bins)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.nan_to_num(curve, nan=np.inf).min(axis=0)
        high = np.nan_to_num(curve, nan=-np.inf).max(axis=0)
        depth = np.where(low >= 0, (high - low) / (high + low), np.nan) + blank
    found: dict[str, Any] = {"depth": ("unit", depth)}
    if len(axes) == 2:
        found["preferred"] = (("unit", "axis"), np.stack(preferred, axis=1))
        found["axis"] = ("axis", [axis.name for axis in axes])
    else:
        found["preferred"] = ("unit", preferred[0])
    if len(axes) == 2:
        found["width"] = ("unit", area_at_half_height(curve, placed.bins))
    elif axes[0].kind != "categorical":
        found["width"] = ("unit", width_at_half_height(curve, axes[0]) + blank)
    if len(axes) == 1 and axes[0].kind == "circular":
        found["vector_length"] = ("unit", np.abs(mean_vector(curve, axes[0])) + blank)
    return found


def _null(
    placed: Placed,
    mixing: np.ndarray,
    curve: np.ndarray,
    permutations: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return moments, band and p of every bin, and p of every unit's largest deviation."""
    names = ("mean", "std", "low", "high", "p")
    found: dict[str, Any] = {name: np.full(curve.shape, np.nan) for name in names}
    found["unit_p"] = np.full(curve.shape[1], np.nan)
    for block, sums, occupancy in placed.null_sums(permutations, rng):
        null = smoothed_rates(sums, occupancy, mixing)
        observed = curve[:, block]
        tested = placed.tested[block]
        # Bins that a relabelling left without a visit say nothing in that draw.
        every = np.ma.masked_invalid(np.concatenate([observed[None], null]))
        mean, spread = every.mean(axis=0), every.std(axis=0, ddof=1)
        found["mean"][:, block] = np.ma.filled(every[1:].mean(axis=0), np.nan)
        found["std"][:, block] = np.ma.filled(every[1:].std(axis=0, ddof=1), np.nan)
        kept = every[1:].filled(np.nan)
        visited = ~np.isnan(observed)
        band = np.full((2, *observed.shape), np.nan)
        band[:, visited] = band_of(kept[:, visited])
        found["low"][:, block], found["high"][:, block] = band
        # Centred on the observed and the null together: exchangeable, so that p stays exact.
        apart = np.ma.filled(np.abs(every - mean), 0.0)
        scale = np.ma.filled(spread, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            largest = np.where(scale > 1e-12, apart / scale, 0.0).max(axis=1)
        found["p"][:, block] = np.where(
            visited & tested, add_one(apart[0], apart[1:], tested=visited), np.nan
        )
        found["unit_p"][block] = add_one(largest[0], largest[1:], tested=tested)
    return found


def _band(
    placed: Placed, mixing: np.ndarray, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bootstrap band of every bin; NaN where fewer than two clusters visit it."""
    clusters, size = int(placed.cluster.max()) + 1, placed.bins.size
    units = placed.activity.shape[1]
    band = np.full((2, size, units), np.nan)
    weights = group_weights(clusters, draws, rng=rng)
    at_once = max(1, _BLOCK_BYTES // (8 * size * (draws + clusters)))
    for left in range(0, units, at_once):
        block = slice(left, min(left + at_once, units))
        sums, visits = placed.cluster_sums(block)
        drawn = (weights @ sums.reshape(clusters, -1)).reshape(draws, size, -1)
        rates = smoothed_rates(drawn, weights @ visits, mixing)
        often = (visits > 0).sum(axis=0) >= 2
        if often.any():
            band[:, often, block] = band_of(rates[:, often], _expanded(clusters))
    band[:, :, ~placed.tested] = np.nan
    return band[0], band[1]


def _expanded(clusters: int) -> tuple[float, float]:
    """Return the quantiles that make a percentile band of few clusters as wide as Student's."""
    far = float(ndtr(stdtrit(clusters - 1, BAND[0]) * np.sqrt(clusters / (clusters - 1))))
    return far, 1 - far
