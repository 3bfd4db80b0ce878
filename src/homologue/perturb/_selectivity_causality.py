"""Whether what a unit is tuned to says what is lost without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Bool, Float, Int, Num
from homologue.inference import (
    benjamini_hochberg,
    cluster_bootstrap,
    p_value,
    result,
)
from homologue.perturb._controls import matched_sets, strata

FEWEST_UNITS = 8

PREDICTORS = ("selectivity", "influence", "selectivity given influence")


def selectivity_versus_causality(
    selectivity: Any,
    effects: Any,
    *,
    influence: Any = None,
    site: Any = None,
    top: float = 0.1,
    permutations: int = 1999,
    draws: int = 2000,
    rng: Any,
) -> xr.Dataset:
    """Correlate tuning with what is lost when each unit is silenced.

    Parameters
    ----------
    selectivity : array or DataArray, shape (unit,)
        How tuned each unit is; higher, more tuned. NaN: not known, left out.
    effects : array or DataArray, shape (unit,)
        What is lost without it: :func:`unit_effects`, or the negative of a sweep's ``effect``.
    influence : array or DataArray, shape (unit,), optional
        Activation × outgoing norm (:func:`influence`): the rival predictor, and what random units
        are matched on.
    site : array, shape (unit,), optional
        Layer or area; units are ranked and exchanged within it. Taken from the coordinate
        ``site`` of ``selectivity``, if it has one.
    top : float
        Share of the units, the most tuned, that are compared with matched ones.
    permutations, draws : int
        Of the tests; of the bootstrap.
    rng : int or numpy.random.Generator

    Returns
    -------
    xarray.Dataset
        On ``predictor`` (selectivity; with ``influence`` also influence itself, and selectivity
        given influence, a partial correlation): ``effect``, Spearman's ρ with the loss; ``low``,
        ``high`` (95 % over units), ``null_mean``, ``null_std``, ``p`` (two-sided; units permuted
        within sites), ``q`` over predictors, ``n`` units. ``top_effect``: the mean loss of the
        most tuned units; its ``top_null_mean``, ``top_null_std`` and ``top_p``
        (one-sided) over random units of the same sites matched on influence; ``top_units``.

    Raises
    ------
    InvalidDesign
        Fewer than 8 units with both numbers, or no variation in one of them.
    HomologueError
        Inputs of different units.

    Notes
    -----
    Tuning and loss are to be measured on different groups of stimuli, or what a unit does by
    chance in these counts twice. Units of one network are no independent sample of units: the
    interval is for units like these. ρ of selectivity alone counts what influence explains as
    well; of 500 nulls with heavy tails, in which influence explains all, the partial correlation
    was found at .05 in .06 (one site) and .07 (two sites that differ), the most tuned units in
    .01 and .03. Silencing one unit of many that do the same loses
    nothing: a low ρ does not say that tuned units are not used.

    References
    ----------
    .. [1] Morcos, Barrett, Rabinowitz & Botvinick 2018, ICLR, arXiv:1803.06959.
    .. [2] Zhou, Sun, Bau & Torralba 2018, arXiv:1806.02891.

    Examples
    --------
    >>> tuned = np.arange(40.0)
    >>> found = selectivity_versus_causality(tuned, tuned**2, rng=0)
    >>> float(found.effect[0]), float(found.p[0]), float(found.top_p)
    (1.0, 0.0005, 0.0005)
    """
    if site is None and isinstance(selectivity, xr.DataArray) and "site" in selectivity.coords:
        site = selectivity["site"].values
    columns = _columns(selectivity, effects, influence)
    kept = np.isfinite(columns).all(axis=1)
    if kept.sum() < FEWEST_UNITS:
        raise InvalidDesign(
            f"{int(kept.sum())} units have both a selectivity and an effect; a rank correlation "
            f"needs {FEWEST_UNITS}"
        )
    columns = columns[kept]
    for name, column in zip(("selectivity", "effects", "influence"), columns.T, strict=False):
        if np.ptp(column) == 0:
            raise InvalidDesign(f"{name} is {column[0]:g} for every unit: a constant has no ranks")
    part = np.zeros(len(columns), dtype=np.int64)
    if site is not None:
        part = np.unique(np.asarray(site)[kept], return_inverse=True)[1]
    seeds = np.random.default_rng(rng).integers(2**31, size=3).tolist()
    rho = weighted_correlations(columns, np.ones((1, len(columns))), part)[0]
    null = _permuted(columns, part, permutations, rng=seeds[0])
    spread = cluster_bootstrap(
        lambda weights: weighted_correlations(columns, weights, part),
        len(columns),
        rng=seeds[1],
        draws=draws,
    )
    p = p_value(rho, null, tail="two-sided")
    found = result(
        effect=rho,
        low=spread.low,
        high=spread.high,
        null=null,
        p=p,
        q=benjamini_hochberg(p),
        n=len(columns),
        dims=("predictor",),
        coords={"predictor": list(PREDICTORS[: rho.size])},
        attrs={
            "method": "Spearman's rank correlation with the loss, units ranked and permuted within "
            "sites; "
            "95 % BCa bootstrap over units",
            "family": "predictors",
            "tail": "two-sided",
        },
    ).drop_vars("null")
    return found.assign(_top(columns, part, top, permutations, rng=seeds[2]))


def weighted_correlations(
    columns: Float[Array, "unit column"],
    weights: Float[Array, "draw unit"],
    part: Int[Array, " unit"] | None = None,
) -> Float[Array, "draw predictor"]:
    """Return rank correlations of selectivity, and of influence, with the loss, for weighted units.

    Parameters
    ----------
    columns : array, shape (unit, 2 or 3)
        Selectivity, loss, and influence if it is known.
    weights : array, shape (draw, unit)
        How often each unit counts.
    part : array of int, shape (unit,), optional
        Within which units are ranked.

    Returns
    -------
    array, shape (draw, 1 or 3)
        With influence: ρ(selectivity, loss), ρ(influence, loss), and the partial correlation of
        selectivity and loss given influence.

    Examples
    --------
    >>> weighted_correlations(np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 1.0]]), np.ones((1, 3)))
    array([[-0.5]])
    """
    part = np.zeros(len(columns), dtype=np.int64) if part is None else part
    centred = [_centred(column, weights, part) for column in columns.T]

    def r(i: int, j: int) -> np.ndarray:
        along = (weights * centred[i] * centred[j]).sum(axis=1)
        squares = [(weights * centred[k] ** 2).sum(axis=1) for k in (i, j)]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.clip(along / np.sqrt(squares[0] * squares[1]), -1, 1))

    if len(centred) == 2:
        return r(0, 1)[:, None]
    tuned, known, shared = r(0, 1), r(2, 1), r(0, 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        partial = (tuned - known * shared) / np.sqrt((1 - known**2) * (1 - shared**2))
    return np.stack([tuned, known, np.where(np.isfinite(partial), partial, np.nan)], axis=1)


def _centred(
    column: Num[Array, " unit"], weights: Float[Array, "draw unit"], part: Int[Array, " unit"]
) -> Float[Array, "draw unit"]:
    """Return weighted mid-ranks within parts, as shares of the part, centred on 0."""
    out = np.zeros_like(weights)
    for one in np.unique(part):
        here = part == one
        total = weights[:, here].sum(axis=1, keepdims=True)
        ranks = _weighted_ranks(column[here], weights[:, here])
        # A mean mid-rank is half of the weight, whatever the ties.
        out[:, here] = (ranks - total / 2) / np.where(total > 0, total, 1.0)
    return out


def _weighted_ranks(
    column: Num[Array, " unit"], weights: Float[Array, "draw unit"]
) -> Float[Array, "draw unit"]:
    """Return mid-ranks of units that count several times, or not at all."""
    values, codes = np.unique(column, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    first = np.searchsorted(codes[order], np.arange(values.size))
    each = np.add.reduceat(weights[:, order], first, axis=1)
    until = np.cumsum(each, axis=1)
    return np.asarray((until - each / 2)[:, codes])


def _permuted(
    columns: Float[Array, "unit column"],
    part: Int[Array, " unit"],
    permutations: int,
    *,
    rng: Any,
) -> Float[Array, "draw predictor"]:
    """Return correlations with losses permuted within parts.

    Of the partial correlation what influence explains stays, and the rest is permuted (Freedman
    & Lane 1983, doi:10.1080/07350015.1983.10509354).
    """
    generator = np.random.default_rng(rng)
    keys = generator.random((permutations, part.size)) + part
    ordered = np.argsort(part, kind="stable")
    shuffled = np.empty((permutations, part.size), dtype=np.int64)
    shuffled[:, ordered] = np.argsort(keys, axis=1)
    once = np.ones((1, part.size))
    ranks = np.stack([_centred(column, once, part)[0] for column in columns.T], axis=1)
    ranks = ranks / np.sqrt((ranks**2).sum(axis=0))
    tuned, lost = ranks[:, 0], ranks[:, 1]
    if ranks.shape[1] == 2:
        return (lost[shuffled] @ tuned)[:, None]
    known = ranks[:, 2]
    rest_tuned, rest_lost = tuned - known * (known @ tuned), lost - known * (known @ lost)
    moved = rest_lost[shuffled]
    moved = moved - (moved @ known)[:, None] * known
    length = np.sqrt((moved**2).sum(axis=1) * (rest_tuned**2).sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        partial = moved @ rest_tuned / length
    return np.stack([lost[shuffled] @ tuned, lost[shuffled] @ known, partial], axis=1)


def _top(
    columns: Float[Array, "unit column"],
    part: Int[Array, " unit"],
    top: float,
    permutations: int,
    *,
    rng: Any,
) -> dict[str, Any]:
    """Return the mean loss of the most tuned units beside that of units like them."""
    if not 0 < top < 1:
        raise HomologueError(f"top is a share of the units, between 0 and 1; given {top}")
    count = max(1, round(top * len(columns)))
    chosen = np.zeros(len(columns), dtype=bool)
    chosen[np.argsort(-columns[:, 0], kind="stable")[:count]] = True
    lost = columns[:, 1]
    stratum = part if columns.shape[1] == 2 else _within_sites(columns[:, 2], chosen, part)
    observed, reason = lost[chosen].mean(), ""
    try:
        sets = matched_sets(chosen, stratum, draws=permutations, rng=rng)
        null = lost[sets].mean(axis=1)
        if columns.shape[1] == 3 and (columns[:, 2] > 0).all():
            # The most influential units have none like them; see `effect`.
            null = null * columns[chosen, 2].mean() / columns[sets, 2].mean(axis=1)
    except InvalidDesign as refusal:
        null, reason = np.full(2, np.nan), str(refusal)
    return {
        "top_effect": ((), float(observed)),
        "top_null_mean": ((), float(null.mean())),
        "top_null_std": ((), float(null.std(ddof=1))),
        "top_p": ((), float(p_value(observed, null))),
        "top_units": ((), count),
        "top_reason": ((), reason),
    }


def _within_sites(
    influence: Float[Array, " unit"], chosen: Bool[Array, " unit"], part: Int[Array, " unit"]
) -> Int[Array, " unit"]:
    """Return strata of like influence, of each site by itself: sites may differ in losses."""
    out = np.full(part.size, -1)
    for one in np.unique(part[chosen]):
        here = np.flatnonzero(part == one)
        own = strata(influence[here], chosen[here])
        out[here] = np.where(own >= 0, own + out.max() + 1, -1)
    return out


def _columns(selectivity: Any, effects: Any, influence: Any) -> Float[Array, "unit column"]:
    """Return selectivity, loss and influence side by side, of the same units.

    Raises
    ------
    HomologueError
        Another number of units, or other names.
    """
    given = [one for one in (selectivity, effects, influence) if one is not None]
    arrays = [np.asarray(one, dtype=np.float64) for one in given]
    shapes = [one.shape for one in arrays]
    if len({*shapes}) != 1 or arrays[0].ndim != 1:
        raise HomologueError(
            f"selectivity, effects and influence are one number a unit; given shapes {shapes}"
        )
    names = [
        one["unit"].values.astype(str).tolist()
        for one in given
        if isinstance(one, xr.DataArray) and "unit" in one.coords
    ]
    if any(one != names[0] for one in names[1:]):
        raise HomologueError(
            "selectivity, effects and influence are of different units, or in another order; "
            "select with .sel(unit=…)"
        )
    return np.stack(arrays, axis=1)
