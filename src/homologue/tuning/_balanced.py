"""Split-half selectivity of a balanced set: the statistic behind "units are tuned"."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Float


def rank_contrast(
    first: Float[Array, "... n unit"], second: Float[Array, "... m unit"]
) -> Float[Array, "... unit"]:
    """Return 2·AUC − 1 of two small sets, by comparing every pair (ties count half).

    Parameters
    ----------
    first, second : array, shapes (..., n, unit) and (..., m, unit)

    Returns
    -------
    array, shape (..., unit)
        1 where every value of ``first`` exceeds every value of ``second``, −1 the reverse.

    Notes
    -----
    The Mann–Whitney statistic [1]_, scaled. Blind to differences of spread: two sets about one
    centre give 0. Costs n·m comparisons.

    References
    ----------
    .. [1] Mann & Whitney 1947, Ann. Math. Stat. 18:50, doi:10.1214/aoms/1177730491

    Examples
    --------
    >>> rank_contrast(np.array([[2.0], [3.0]]), np.array([[1.0], [2.0]]))
    array([0.75])
    """
    total = np.zeros(np.broadcast_shapes(first.shape[:-2], second.shape[:-2]) + first.shape[-1:])
    for i in range(first.shape[-2]):
        total += np.sign(first[..., i, None, :] - second).sum(axis=-2)
    return total / (first.shape[-2] * second.shape[-2])


def split_half_selectivity(
    activity: Float[Array, "... concept replicate unit"],
) -> Float[Array, "..."]:
    """Mean over units of the signed 2·AUC − 1, chosen on one half and measured on the other.

    On half A each unit's best concept (against the rest) and its sign are chosen; the same
    contrast is measured on half B, and the reverse; the two are averaged. Its maximum is 1, and
    without tuning its expectation is 0 whatever the number of concepts tried.

    Parameters
    ----------
    activity : array, shape (..., concept, replicate, unit)
        Balanced: the same number of independent replicates of each concept. Even replicates
        are half A, odd ones half B.

    Returns
    -------
    array, shape (...)

    Notes
    -----
    With 3 or 4 replicates a half the sign is often chosen wrongly for weak tuning, which pulls
    the effect towards 0: sizes must be equal wherever effects are compared. Choosing and
    measuring on the same samples instead is the error of [1]_. Fails where replicates are not
    independent: what they share then stands in both halves.

    References
    ----------
    .. [1] Kriegeskorte et al. 2009, Nat. Neurosci. 12:535, doi:10.1038/nn.2303

    Examples
    --------
    >>> tuned = np.arange(2.0)[:, None, None] + np.zeros((2, 4, 3))
    >>> float(split_half_selectivity(tuned))
    1.0
    """
    halves = activity[..., 0::2, :], activity[..., 1::2, :]
    contrasts = np.stack([_one_against_rest(half) for half in halves])
    total = np.zeros(activity.shape[:-3])
    for chosen, measured in ((0, 1), (1, 0)):
        best = np.abs(contrasts[chosen]).argmax(axis=-2)[..., None, :]
        sign = np.sign(np.take_along_axis(contrasts[chosen], best, axis=-2))
        value = np.take_along_axis(contrasts[measured], best, axis=-2)
        total += (sign * value)[..., 0, :].mean(axis=-1) / 2
    return total


def _one_against_rest(half: Float[Array, "... concept replicate unit"]) -> np.ndarray:
    concepts = half.shape[-3]
    if concepts == 2:
        # The second contrast is the first, negated: one is enough.
        return rank_contrast(half[..., 0, :, :], half[..., 1, :, :])[..., None, :]
    rows = []
    for concept in range(concepts):
        rest = np.delete(half, concept, axis=-3)
        rest = rest.reshape(*rest.shape[:-3], -1, rest.shape[-1])
        rows.append(rank_contrast(half[..., concept, :, :], rest))
    return np.stack(rows, axis=-2)
