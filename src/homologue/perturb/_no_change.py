"""Whether a perturbation changes a metric at all: signs of groups' changes are free."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Float
from homologue.inference import benjamini_hochberg, p_value
from homologue.perturb._controls import FEWEST_ARRANGEMENTS

_CHUNK = 512


def against_no_change(
    change: Float[Array, "target stimulus"], group: np.ndarray, *, draws: int = 1999
) -> dict[str, Float[Array, " target"]]:
    """Return the null of mean changes, two-sided p, and q over targets.

    Parameters
    ----------
    change : array, shape (target, stimulus)
        What each target does to the metric.
    group : array, shape (stimulus,)
        Independent units: with and without the perturbation are exchanged in whole groups.
    draws : int
        Exchanges drawn (from a fixed seed).

    Returns
    -------
    dict of array, shape (target,)
        ``null_mean``, ``null_std``, ``p`` and ``q``; NaN where groups are so few (below 6) that
        they have fewer than 20 distinct arrangements.

    Examples
    --------
    >>> found = against_no_change(np.array([[1.0] * 12, [1.0, -1.0] * 6]), np.arange(12))
    >>> found["p"] < 0.05
    array([ True, False])
    """
    codes = np.unique(group, return_inverse=True)[1]
    groups, count = int(codes.max()) + 1, len(change)
    if 2 ** (groups - 1) < FEWEST_ARRANGEMENTS:
        return {name: np.full(count, np.nan) for name in ("null_mean", "null_std", "p", "q")}
    member = (codes[:, None] == np.arange(groups)).astype(np.float64)
    parts = change @ member / change.shape[1]
    signs = np.random.default_rng(0).integers(0, 2, (draws, groups)) * 2.0 - 1.0
    mean, spread, p = np.empty(count), np.empty(count), np.empty(count)
    for first in range(0, count, _CHUNK):
        here = slice(first, first + _CHUNK)
        some = parts[here].T
        scale = np.abs(some).sum(axis=0)
        safe = np.where(scale > 0, scale, 1.0)
        # Equal sums come out in other orders: rounding is no evidence.
        null = np.round(signs @ (some / safe), 12)
        observed = np.round(some.sum(axis=0) / safe, 12)
        p[here] = p_value(np.abs(observed), np.abs(null))
        mean[here], spread[here] = null.mean(axis=0) * scale, null.std(axis=0, ddof=1) * scale
    return {"null_mean": mean, "null_std": spread, "p": p, "q": benjamini_hochberg(p)}
