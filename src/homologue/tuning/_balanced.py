"""Statistics of balanced sets, chosen on one half and measured on the other: behind the claims."""

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


def best_unit_selectivity(
    activity: Float[Array, "... concept replicate unit"],
) -> Float[Array, "..."]:
    """Return the 2·AUC − 1 of the most selective unit, chosen on one half, measured on the other.

    On half A every unit × concept has a standardised difference between the concept's replicates
    and the rest; the largest names the unit and its concept. Their contrast is measured on half
    B, and the reverse; the two are averaged. One selective unit among many suffices, and noise
    has expectation 0, however many units were searched.

    Parameters
    ----------
    activity : array, shape (..., concept, replicate, unit)
        Balanced. Even replicates are half A, odd ones half B: other exemplars, so that a unit
        that answers one exemplar only does not count.

    Returns
    -------
    array, shape (...)
        At most 1.

    Notes
    -----
    With few replicates a half the best unit is often missed, which pulls the effect towards 0.

    References
    ----------
    .. [1] Quian Quiroga et al. 2005, Nature 435:1102, doi:10.1038/nature03687
    """
    halves = activity[..., 0::2, :], activity[..., 1::2, :]
    units = activity.shape[-1]
    gaps = [_standardised_gap(half) for half in halves]
    contrasts = [_one_against_rest(half) for half in halves]
    total = np.zeros(activity.shape[:-3])
    for chosen, measured in ((0, 1), (1, 0)):
        flat = gaps[chosen].reshape(*total.shape, -1)
        best = np.abs(flat).argmax(axis=-1)[..., None]
        sign = np.sign(np.take_along_axis(flat, best, axis=-1))
        # Two concepts have one contrast, and the second concept's is the first's, negated.
        there = contrasts[measured].reshape(*total.shape, -1)
        value = np.take_along_axis(there, best % (contrasts[measured].shape[-2] * units), axis=-1)
        total += (sign * value)[..., 0] / 2
    return total


def _standardised_gap(half: Float[Array, "... concept replicate unit"]) -> np.ndarray:
    """Return mean differences, concept against rest, over the pooled standard deviation."""
    concepts = half.shape[-3]
    mean = half.mean(axis=-2)
    spread = np.sqrt(half.var(axis=-2, ddof=1).mean(axis=-2, keepdims=True))
    if concepts == 2:
        gap = mean[..., :1, :] - mean[..., 1:, :]
    else:
        gap = (mean - mean.mean(axis=-2, keepdims=True)) * concepts / (concepts - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(spread > 0, gap / spread, np.sign(gap) * 1e9))


def top_example_selectivity(
    activity: Float[Array, "... concept replicate unit"], *, examples: int = 2
) -> Float[Array, "..."]:
    """Return how far the label of a unit's top examples holds of all its activity, held out.

    On half A the few samples that drive a unit most are looked at, as one looks at
    max-activating examples; where they are all of one concept, that is the unit's label. On
    half B the label's 2·AUC − 1 against everything else is measured over the whole range of
    activity. Units whose top examples disagree have no label and count 0.

    Parameters
    ----------
    activity : array, shape (..., concept, replicate, unit)
        Balanced. Even replicates are half A, odd ones half B.
    examples : int
        Top examples looked at.

    Returns
    -------
    array, shape (...)
        Mean over units; at most 1, and 0 by chance.

    Notes
    -----
    Units driven *down* by a concept have top examples from the rest: with two concepts that is
    the other one, with more it is a mixture, and no label.

    References
    ----------
    .. [1] Bolukbasi et al. 2021, arXiv:2104.07143
    """
    halves = activity[..., 0::2, :], activity[..., 1::2, :]
    concepts = activity.shape[-3]
    total = np.zeros(activity.shape[:-3])
    for chosen, measured in ((0, 1), (1, 0)):
        half = halves[chosen]
        flat = half.reshape(*half.shape[:-3], -1, half.shape[-1])
        top = np.argpartition(-flat, examples - 1, axis=-2)[..., :examples, :]
        label = top // half.shape[-2]
        agree = (label == label[..., :1, :]).all(axis=-2)
        contrast = _one_against_rest(halves[measured])
        if concepts == 2:
            contrast = np.concatenate([contrast, -contrast], axis=-2)
        value = np.take_along_axis(contrast, label[..., :1, :], axis=-2)[..., 0, :]
        total += np.where(agree, value, 0.0).mean(axis=-1) / 2
    return total


def map_reliability(
    activity: Float[Array, "... place replicate unit"],
) -> Float[Array, "..."]:
    """Return the correlation of units' maps over places between two halves of the data.

    A unit's map is its mean activity at each place. Maps of half A and half B (other laps,
    other phrases, other states) are correlated over places, unit by unit, and averaged.

    Parameters
    ----------
    activity : array, shape (..., place, replicate, unit)
        Balanced; at least 3 places. Even replicates are half A, odd ones half B.

    Returns
    -------
    array, shape (...)
        At most 1; 0 without a map. Units without any variation over places count 0.

    Notes
    -----
    Any reliable difference between places is a map in this sense, smooth or not. Attenuated by
    noise: with 2 replicates a half a weak map stays well below 1.

    References
    ----------
    .. [1] Muller, Kubie & Ranck 1987, J. Neurosci. 7:1935,
       doi:10.1523/JNEUROSCI.07-07-01935.1987
    """
    first, second = (activity[..., side::2, :].mean(axis=-2) for side in (0, 1))
    first = first - first.mean(axis=-2, keepdims=True)
    second = second - second.mean(axis=-2, keepdims=True)
    size = np.sqrt((first**2).sum(axis=-2) * (second**2).sum(axis=-2))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(size > 0, (first * second).sum(axis=-2) / size, 0.0)
    return np.asarray(r.mean(axis=-1))


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
