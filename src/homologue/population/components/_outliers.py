"""Dimensions that outweigh all others, and scaling that takes their weight away."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign
from homologue.population.components._streamed import deviations
from homologue.recording import validate

_RATIO = 10.0


def outlier_dimensions(rec: xr.DataArray, *, ratio: float = _RATIO) -> xr.Dataset:
    """Find units whose variance is many times the typical one, within each site.

    In the residual stream of a language model a few dimensions carry most of the variance
    [1]_ [2]_, and principal components, distances and cosines are then about those few. A
    description: no test.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN; read block by block.
    ratio : float
        An outlier's variance, or its squared mean, is at least ``ratio``² times the median
        variance of its site: ten standard deviations by default.

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``outlier`` (bool), ``deviation_ratio`` (standard deviation / the median
        one of its site), ``mean_ratio`` (|mean| / that median), ``share`` of its site's
        variance. ``n_outliers``, ``outlier_share`` (of all variance, mean over sites).

    Raises
    ------
    HomologueError
        A ratio of 1 or less.
    InvalidDesign
        No unit varies.

    Notes
    -----
    Meaningful where the units of a site share one scale. Fails on tables whose columns have
    units of measure of their own: there most columns lie far from the median one, and a constant
    column with a large value counts as well. Units that never vary are left out of the median.

    References
    ----------
    .. [1] Kovaleva et al. 2021, Findings of ACL, doi:10.18653/v1/2021.findings-acl.300
    .. [2] Timkey & van Schijndel 2021, EMNLP, doi:10.18653/v1/2021.emnlp-main.372

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> activity = np.random.default_rng(0).normal(size=(100, 5)) * [1, 1, 50, 1, 1]
    >>> outlier_dimensions(make(activity)).outlier.values.tolist()
    [False, False, True, False, False]
    """
    validate(rec, check_values=False)
    if not ratio > 1:
        raise HomologueError(f"an outlier is larger than the median: ratio > 1; given {ratio}")
    mean, deviation = deviations(rec)
    if not (deviation > 0).any():
        raise InvalidDesign("no unit varies; are these all zeros?")
    sites = rec["site"].values if "site" in rec.coords else np.zeros(mean.size, dtype=np.int64)
    names, site = np.unique(sites, return_inverse=True)
    typical = np.ones(names.size)
    total = np.ones(names.size)
    for k in range(names.size):
        varying = deviation[(site == k) & (deviation > 0)]
        typical[k] = np.median(varying) if varying.size else 1.0
        total[k] = max(float((deviation[site == k] ** 2).sum()), 1e-300)
    by_deviation, by_mean = deviation / typical[site], np.abs(mean) / typical[site]
    outlier = (by_deviation >= ratio) | (by_mean >= ratio)
    share = deviation**2 / total[site]
    return xr.Dataset(
        {
            "outlier": ("unit", outlier),
            "deviation_ratio": ("unit", by_deviation),
            "mean_ratio": ("unit", by_mean),
            "share": ("unit", share),
            "n_outliers": int(outlier.sum()),
            "outlier_share": float(share[outlier].sum() / names.size),
        },
        coords={"unit": rec["unit"].values},
        attrs={
            "analysis": "population.outlier_dimensions",
            "method": f"standard deviation or |mean| at least {ratio:g} × the site's median "
            "standard deviation",
            "n_constant": int((deviation == 0).sum()),
            "description": 1,
        },
    )


def scale(rec: xr.DataArray, *, ratio: float = _RATIO, drop_outliers: bool = False) -> xr.DataArray:
    """Return the recording with every unit at mean 0 and variance 1, outliers marked.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN.
    ratio : float
        See :func:`outlier_dimensions`.
    drop_outliers : bool
        Leave outlier units out instead of scaling them with the others.

    Returns
    -------
    xarray.DataArray
        A recording in memory, of the dtype given (float32 or float64), with ``outlier``,
        ``scale_mean`` and ``scale_deviation`` on ``unit``; constant units are 0. ``attrs``:
        ``n_outliers`` and ``outliers``, their names.

    Notes
    -----
    Mean and deviation are of the whole recording: they hold no label, but they do hold the
    samples that a later cross-validation leaves out. Scaling makes near-silent units as loud as
    all others.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> scaled = scale(make(np.random.default_rng(0).normal(3, [1, 60, 1, 1], (200, 4))))
    >>> scaled.values.std(axis=0).round(6).tolist(), scaled.attrs["outliers"]
    ([1.0, 1.0, 1.0, 1.0], '1')
    """
    found = outlier_dimensions(rec, ratio=ratio)
    mean, deviation = deviations(rec)
    outlier = found["outlier"].values
    values = rec.values.astype(np.result_type(rec.dtype, np.float32))
    values = (values - mean.astype(values.dtype)) / np.where(deviation > 0, deviation, 1.0).astype(
        values.dtype
    )
    values[:, deviation == 0] = 0.0
    scaled = rec.copy(data=values).assign_coords(
        outlier=("unit", outlier),
        scale_mean=("unit", mean),
        scale_deviation=("unit", deviation),
    )
    names = rec["unit"].values[outlier]
    scaled.attrs.update(
        activity_units="standard deviations",
        n_outliers=int(outlier.sum()),
        outliers=", ".join(str(name) for name in names),
    )
    return scaled.isel(unit=np.flatnonzero(~outlier)) if drop_outliers else scaled
