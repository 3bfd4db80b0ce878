"""Sums about a shift, and how they move to another one.

Variances and covariances are kept as sums of ``x − s`` and of its products, where ``s`` is each
unit's mean in the first block that recorded it. No better shift is needed: if that block is a
share ``f`` of all samples, the variance is at least ``f·(s − mean)²``, whatever the rest looks
like, so that the subtraction at the end loses a factor of ``1/f`` of float64's 1e-16, however
large the offset. A unit that is constant has its own value as shift, and a variance of exactly
0. Sums about one shift become sums about another by the binomial theorem [1]_ [2]_.

.. [1] Chan, Golub & LeVeque 1983, Am. Stat. 37:242, doi:10.1080/00031305.1983.10483115
.. [2] Pébay 2008, Sandia report SAND2008-6212, doi:10.2172/1028931
"""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np

from homologue.reducers._arrays import column_counts, column_sums, is_tensor, namespace, tiles


def settle(shift: Any, activity: Any, present: Any) -> Any:
    """Return the shifts, chosen from this block for units that have none yet (NaN)."""
    xp = namespace(shift)
    if not bool(xp.isnan(shift).any()) or not activity.shape[0]:
        return shift
    total = xp.zeros_like(shift)
    for _, tile in tiles(activity, xp.zeros_like(shift), present):
        total += column_sums(tile)
    # A sum is rounded: the mean of equal values is made that value again.
    if present is None:
        mean = total / activity.shape[0]
        low, high = _extremes(activity)
    else:
        count = column_counts(present)
        mean = xp.where(count > 0, total / xp.where(count > 0, count, 1), np.nan)
        low, _ = _extremes(xp.where(present, activity, np.inf))
        _, high = _extremes(xp.where(present, activity, -np.inf))
    chosen = xp.minimum(xp.maximum(mean, low), high)
    return xp.where(xp.isnan(shift), chosen, shift)


def _extremes(activity: Any) -> tuple[Any, Any]:
    if is_tensor(activity):
        return activity.amin(0).double(), activity.amax(0).double()
    return activity.min(axis=0).astype(np.float64), activity.max(axis=0).astype(np.float64)


def common(first: Any, second: Any) -> tuple[Any, Any, Any]:
    """Return a shift for both, and what each old shift lies above it (0 where it has none)."""
    xp = namespace(first)
    shift = xp.where(xp.isnan(first), second, first)
    return shift, _zero(first - shift), _zero(second - shift)


def _zero(delta: Any) -> Any:
    xp = namespace(delta)
    return xp.where(xp.isnan(delta), 0.0, delta)


def moved(sums: Any, count: Any, delta: Any) -> list[Any]:
    """Return sums of powers about a shift that is lower by ``delta``.

    Parameters
    ----------
    sums : sequence of arrays
        Of the powers 1, 2, … about the old shift.
    count : array
        Samples behind them.
    delta : array
        Old shift − new shift.
    """
    powers = [count, *sums]
    return [
        sum(comb(k, j) * delta ** (k - j) * powers[j] for j in range(k + 1))
        for k in range(1, len(powers))
    ]
