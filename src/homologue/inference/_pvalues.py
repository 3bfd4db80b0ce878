"""From a null to p-values, and from p-values to discoveries.

No p-value here is below 1/(draws + 1): tails are not extrapolated, since a fitted tail is
anticonservative exactly where it would be used.

References
----------
.. [1] Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39, doi:10.2202/1544-6115.1585
.. [2] Besag & Clifford 1991, Biometrika 78:301, doi:10.1093/biomet/78.2.301
.. [3] Westfall & Young 1993, Resampling-Based Multiple Testing
.. [4] Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57:289, doi:10.1111/j.2517-6161.1995.tb02031.x
.. [5] Benjamini & Yekutieli 2001, Ann. Stat. 29:1165, doi:10.1214/aos/1013699998
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from homologue._errors import HomologueError
from homologue._typing import Array, Float, Int, Num

TIES = 8 * float(np.finfo(np.float64).eps)
"""Relative distance below the observed value at which a null value still counts as reaching it."""

Tail = Literal["upper", "lower", "two-sided"]


def p_value(
    observed: Num[Array, "*shape"] | float,
    null: Num[Array, "draw *shape"],
    *,
    tail: Tail = "upper",
) -> Float[Array, "*shape"]:
    """Return add-one Monte-Carlo p-values, (b + 1)/(m + 1).

    Parameters
    ----------
    observed : array or float
        Observed statistics, by the same computation as the null.
    null : array, shape (draw, …)
        m draws under the null.
    tail : {"upper", "lower", "two-sided"}
        Two-sided compares absolute values: centre a statistic whose null is not centred on 0.

    Returns
    -------
    numpy.ndarray
        Of the shape of ``observed``; NaN where the observed value or any draw is NaN.

    Raises
    ------
    HomologueError
        No draws, or shapes that do not fit.

    Notes
    -----
    b counts null ≥ observed − 8·eps·|observed|: equal statistics computed in another order
    differ in the last bits and must count as ties [1]_. Valid if the observed data and the
    draws are exchangeable under the null; not valid if the draws are bootstrap samples.

    Examples
    --------
    >>> import numpy as np
    >>> float(p_value(3.0, np.array([1.0, 2.0, 3.0])))
    0.5
    """
    observed = np.asarray(observed, dtype=np.float64)
    null = np.asarray(null, dtype=np.float64)
    if null.ndim != observed.ndim + 1 or null.shape[1:] != observed.shape or not len(null):
        raise HomologueError(
            f"the null has shape {null.shape}; expected (draws, …) over an observed value of "
            f"shape {observed.shape}, with at least one draw"
        )
    reference, draws = _facing(observed, tail), _facing(null, tail)
    reached = (draws >= reference - TIES * np.abs(reference)).sum(axis=0)
    p = (reached + 1) / (len(null) + 1)
    return np.where(np.isnan(observed) | np.isnan(null).any(axis=0), np.nan, p)


def _facing(values: np.ndarray, tail: str) -> np.ndarray:
    if tail == "upper":
        return values
    if tail == "lower":
        return -values
    if tail == "two-sided":
        return np.abs(values)
    raise HomologueError(f"tail is 'upper', 'lower' or 'two-sided'; given {tail!r}")


def max_t(
    observed: Num[Array, "*shape"],
    null: Num[Array, "draw *shape"],
    *,
    tail: Tail = "upper",
) -> Float[Array, "*shape"]:
    """Return single-step max-T p-values: family-wise error over everything that is not NaN.

    Parameters
    ----------
    observed : array
        Statistics on one scale (a share, a correlation, a t), so that their maximum is fair.
    null : array, shape (draw, …)
        The same relabelling for all of them in each draw, which keeps their dependence [3]_.
    tail : {"upper", "lower", "two-sided"}

    Returns
    -------
    numpy.ndarray
        Of the shape of ``observed``; NaN where observed is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> max_t(np.array([3.0, 1.0]), np.array([[0.0, 2.0], [1.0, 0.0], [4.0, 0.0]]))
    array([0.5, 1. ])
    """
    observed = np.asarray(observed, dtype=np.float64)
    null = np.asarray(null, dtype=np.float64)
    if null.shape[1:] != observed.shape or not len(null):
        raise HomologueError(
            f"the null has shape {null.shape}; expected (draws, *{observed.shape})"
        )
    reference = _facing(observed, tail)
    draws = np.where(np.isnan(observed), -np.inf, _facing(null, tail)).reshape(len(null), -1)
    largest = np.sort(draws.max(axis=1, initial=-np.inf))
    below = np.searchsorted(largest, reference - TIES * np.abs(reference), side="left")
    return np.where(np.isnan(observed), np.nan, (len(null) - below + 1) / (len(null) + 1))


@dataclass(frozen=True)
class SequentialP:
    """Sequential p-values and the draws each took.

    Attributes
    ----------
    p : array, shape (unit,)
    draws : array of int, shape (unit,)
    exceedances : array of int, shape (unit,)
    """

    p: Any
    draws: Any
    exceedances: Any


def sequential_p_value(
    observed: Num[Array, "unit"],
    draw: Callable[[int, Int[Array, "active"]], Num[Array, "draw active"]],
    *,
    exceedances: int = 10,
    maximum_draws: int = 1000,
    tail: Tail = "upper",
    chunk: int = 64,
) -> SequentialP:
    """Return Besag–Clifford p-values: stop drawing for a unit that clearly is not significant.

    Parameters
    ----------
    observed : array, shape (unit,)
        Observed statistics; NaN is not tested.
    draw : callable
        ``draw(count, active)`` returns ``count`` further null draws, shape (count, active), for
        the units at positions ``active``. Asked again only for units that have not stopped.
    exceedances : int
        h: stop a unit at its h-th draw that reaches the observed value.
    maximum_draws : int
        m: stop all.
    tail : {"upper", "lower", "two-sided"}
    chunk : int
        Draws per call; the p-values do not depend on it if ``draw`` does not.

    Returns
    -------
    SequentialP
        p = h/l for a unit stopped at draw l, else (b + 1)/(m + 1) [2]_.

    Notes
    -----
    Units stop after different numbers of draws, so their p-values cannot enter max-T.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> found = sequential_p_value(
    ...     np.array([0.0, 9.0]), lambda count, active: rng.normal(size=(count, active.size))
    ... )
    >>> found.draws[0] < 40, found.draws[1], round(found.p[1], 4)
    (np.True_, np.int64(1000), np.float64(0.001))
    """
    observed = np.asarray(observed, dtype=np.float64)
    if exceedances < 1 or maximum_draws < exceedances or chunk < 1:
        raise HomologueError(
            "expected 1 ≤ exceedances ≤ maximum_draws and chunk ≥ 1; given "
            f"{exceedances}, {maximum_draws}, {chunk}"
        )
    reference = _facing(observed, tail)
    threshold = reference - TIES * np.abs(reference)
    reached = np.zeros(observed.shape, dtype=np.int64)
    draws = np.zeros(observed.shape, dtype=np.int64)
    active = np.flatnonzero(~np.isnan(observed))
    done = 0
    while done < maximum_draws and active.size:
        count = min(chunk, maximum_draws - done)
        null = np.asarray(draw(count, active))
        if null.shape != (count, active.size):
            raise HomologueError(
                f"draw returned shape {null.shape}; asked for {(count, active.size)}"
            )
        hits = reached[active] + np.cumsum(_facing(null, tail) >= threshold[active], axis=0)
        stopped = hits[-1] >= exceedances
        last = np.where(stopped, (hits < exceedances).sum(axis=0), count - 1)
        draws[active] += last + 1
        reached[active] = np.minimum(hits[-1], exceedances)
        active = active[~stopped]
        done += count
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.where(
            reached >= exceedances, exceedances / draws, (reached + 1) / (maximum_draws + 1)
        )
    p[np.isnan(observed)] = np.nan
    return SequentialP(p, draws, reached)


def benjamini_hochberg(p: Num[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return q-values that control the false discovery rate (independence or positive dependence).

    Parameters
    ----------
    p : array
        One family, of any shape; NaN stays NaN and is not counted.

    Returns
    -------
    numpy.ndarray
        The smallest rate at which each would be a discovery [4]_.

    Examples
    --------
    >>> import numpy as np
    >>> benjamini_hochberg(np.array([0.01, 0.04, np.nan, 0.03]))
    array([0.03, 0.04,  nan, 0.04])
    """
    return _step_up(p, dependent=False)


def benjamini_yekutieli(p: Num[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return q-values that control the false discovery rate under any dependence.

    Parameters
    ----------
    p : array
        One family, of any shape; NaN stays NaN and is not counted.

    Returns
    -------
    numpy.ndarray
        Benjamini–Hochberg's times 1 + 1/2 + … + 1/count, at most 1 [5]_.

    Examples
    --------
    >>> import numpy as np
    >>> benjamini_yekutieli(np.array([0.01, 0.04]))
    array([0.03, 0.06])
    """
    return _step_up(p, dependent=True)


def _step_up(p: np.ndarray, *, dependent: bool) -> np.ndarray:
    p = np.asarray(p, dtype=np.float64)
    given = p[~np.isnan(p)]
    if given.size and (given.min() < 0 or given.max() > 1):
        raise HomologueError(f"p-values lie in 0 … 1; given {given.min():.3g} … {given.max():.3g}")
    order = np.argsort(given, kind="stable")
    factor = (1.0 / np.arange(1, given.size + 1)).sum() if dependent else 1.0
    raw = given[order] * given.size * factor / np.arange(1, given.size + 1)
    q = np.empty_like(given)
    q[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    out = np.full(p.shape, np.nan)
    out[~np.isnan(p)] = q
    return out
