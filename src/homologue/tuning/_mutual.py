"""Mutual information between a unit's response and a variable, corrected for its bias."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import xlogy
from scipy.stats import rankdata

from homologue._errors import HomologueError
from homologue._typing import Array, Float, Int
from homologue.tuning._binned import as_dataset, run_binned
from homologue.tuning._placed import place


def response_levels(
    activity: Float[Array, "sample unit"], levels: int
) -> Int[Array, "sample unit"]:
    """Return each response as one of so many levels, as equally filled as ties allow.

    Parameters
    ----------
    activity : array, shape (sample, unit)
    levels : int
        At least 2. Equal responses always share a level, so a unit with few distinct counts
        has fewer.

    Examples
    --------
    >>> response_levels(np.array([[0.0], [0.0], [1.0], [5.0]]), 2).ravel()
    array([0, 0, 1, 1])
    """
    if levels < 2:
        raise HomologueError(f"a response needs at least 2 levels; given {levels}")
    # Mid-ranks, not quantiles as edges: two distinct values never fall together, however uneven.
    share = (rankdata(activity, axis=0) - 0.5) / len(activity)
    return np.minimum((share * levels).astype(np.int64), levels - 1)


def mutual_information(
    rec: xr.DataArray,
    variable: str | tuple[str, str],
    *,
    rng: np.random.Generator | int,
    levels: int = 4,
    bins: int | tuple[int, int] = 8,
    permutations: int = 999,
    **options: Any,
) -> xr.Dataset:
    """Measure the information between a unit's response and a variable, in bits.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit); activity of any sign.
    variable : str or pair of str
    rng : numpy Generator or int
    levels : int
        Levels the response is cut into, equally filled.
    bins : int or pair of int
        Bins of each variable that is not categorical.
    permutations : int
    **options
        ``minimum_occupancy``, ``minimum_lag``, ``null``, ``force_iid`` as in
        :func:`homologue.tuning.spatial_information`.

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect``, bits after the Panzeri–Treves correction (may be negative:
        not clipped, or the mean over units would be biased); ``plug_in``, bits before it;
        ``above_null``, the effect less the null's mean; ``low``/``high``, ``null_mean``,
        ``null_std``, ``p``, ``q``, ``n``, ``reason``.

    Raises
    ------
    InvalidDesign
        As :func:`homologue.tuning.spatial_information`.

    Notes
    -----
    The bias of the plug-in estimate is, to first order, [Σₛ(Rₛ − 1) − (R − 1)] / (2 N ln 2)
    with R responses, of which Rₛ occur with stimulus s [1]_; Rₛ is counted here, which corrects
    too little below about 4 samples per stimulus and level. The formula holds for independent
    samples: with ``time`` it corrects too little as well, and ``above_null`` is the figure to
    read. Information depends on ``levels`` and ``bins``; compare at equal ones only.

    References
    ----------
    .. [1] Panzeri & Treves 1996, Network 7:87, doi:10.1080/0954898X.1996.11978656
    .. [2] Panzeri, Senatore, Montemurro & Petersen 2007, J. Neurophysiol. 98:1064,
       doi:10.1152/jn.00559.2007

    Examples
    --------
    >>> from homologue.recording import make
    >>> label = np.tile([0, 1], 100)
    >>> rec = make(np.stack([label, np.repeat([0, 1], 100)], axis=1), stimulus=label)
    >>> found = mutual_information(rec, "stimulus", rng=0, permutations=99)
    >>> abs(found.plug_in.values).round(3).tolist()
    [1.0, 0.0]
    """
    placed = place(rec, variable, bins=bins, rates=False, **options)
    inside = placed.codes < placed.bins.size
    coded = np.full(placed.activity.shape, -1, dtype=np.int64)
    coded[inside] = response_levels(placed.activity[inside], levels)
    one_hot = (coded[:, :, None] == np.arange(levels)).reshape(len(coded), -1)
    spread = replace(
        placed,
        activity=one_hot.astype(np.float64),
        reason=np.repeat(placed.reason, levels),
        step=1.0,
    )
    found = run_binned(
        spread,
        lambda sums, occupancy: _corrected(sums, occupancy, levels),
        permutations=permutations,
        rng=rng,
        columns=levels,
    )
    sums, occupancy = spread.sums()[None], spread.occupancy[None]
    plug_in = _plug_in(sums, occupancy).reshape(-1, levels).sum(axis=1)
    data = as_dataset(
        rec, spread, found, columns=levels, analysis="tuning.mutual_information",
        method="mutual information, Panzeri–Treves correction", effect_units="bits",
        levels=levels,
    )  # fmt: skip
    data.attrs["n_not_tested"] = placed.attrs["n_not_tested"]
    with np.errstate(invalid="ignore"):
        above = found.effect - found.null.mean(axis=0)
    return data.assign(
        plug_in=("unit", np.where(np.isnan(found.effect), np.nan, plug_in)),
        above_null=("unit", above),
    )


def _plug_in(sums: np.ndarray, occupancy: np.ndarray) -> np.ndarray:
    """Return a level's share of the plug-in information, (draw, unit·level).

    I = Σ n(s,r) log[n(s,r) N / (n(s) n(r))] / N falls into one term a level.
    """
    sums = np.maximum(sums, 0.0)
    total = occupancy.sum(axis=1)[:, None]
    level = sums.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        given = np.where(occupancy > 0, np.log(np.maximum(occupancy, 1e-300)), 0.0)
    cross = np.einsum("dbu,db->du", sums, np.broadcast_to(given, (len(sums), given.shape[1])))
    bits = xlogy(sums, sums).sum(axis=1) - cross - xlogy(level, level) + level * np.log(total)
    return np.asarray(bits / total / np.log(2))


def _corrected(sums: np.ndarray, occupancy: np.ndarray, levels: int) -> np.ndarray:
    """Return a level's share of the corrected information; see the notes of the analysis."""
    total = occupancy.sum(axis=1)[:, None]
    stimuli = (occupancy > 0).sum(axis=1)[:, None]
    seen = (sums > 0.5).sum(axis=1)
    # Σₛ(Rₛ − 1) − (R − 1) falls into one term a level; its constant, 1 − S, is shared out.
    excess = seen - (seen > 0) + (1.0 - stimuli) / levels
    return np.asarray(_plug_in(sums, occupancy) - excess / (2 * total * np.log(2)))
