"""Decoding of a balanced set: the statistic behind "the population represents"."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Float
from homologue.representation._classifier import scores_once


def balanced_decoding(
    activity: Float[Array, "... concept replicate unit"], *, folds: int
) -> Float[Array, "..."]:
    """Cross-validated accuracy of a balanced set, scaled so that chance is 0 and perfect is 1.

    Parameters
    ----------
    activity : array, shape (..., concept, replicate, unit)
        The same number of independent replicates of each concept; replicate ``i`` of every
        concept is in fold ``i % folds``.
    folds : int
        Number of folds, at least 2.

    Returns
    -------
    array, shape (...)
        (accuracy − 1/C) / (1 − 1/C); a tie between classes counts its share.

    Notes
    -----
    Nearest class mean in the metric of the shrunk total covariance [1]_; decoding of a small
    population as in [2]_. Compare at equal sizes only: accuracy grows with units and with
    training groups. With few groups folds are few and accuracy coarse; what is not linear is
    missed; replicates that are not independent (of one group) leak between folds.

    References
    ----------
    .. [1] Ledoit & Wolf 2004, J. Multivar. Anal. 88:365, doi:10.1016/S0047-259X(03)00096-4
    .. [2] Hung et al. 2005, Science 310:863, doi:10.1126/science.1117593

    Examples
    --------
    >>> apart = np.arange(2.0)[:, None, None] + np.zeros((2, 4, 3))
    >>> float(balanced_decoding(apart, folds=2))
    1.0
    """
    batch = activity.shape[:-3]
    concepts, replicates, width = activity.shape[-3:]
    flat = activity.reshape(-1, concepts * replicates, width)
    label = np.repeat(np.arange(concepts), replicates)
    fold = np.tile(np.arange(replicates) % folds, concepts)
    correct = np.zeros(flat.shape[0])
    for k in range(folds):
        inside, outside = fold != k, fold == k
        weight = (label[inside, None] == np.arange(concepts)).astype(float)
        scores = scores_once(flat[:, inside], flat[:, outside], weight / weight.sum(axis=0))
        correct += credit(scores, label[outside]).sum(axis=-1)
    accuracy = (correct / label.size).reshape(batch)
    return (accuracy - 1 / concepts) / (1 - 1 / concepts)


def credit(scores: Float[Array, "... t c"], label: np.ndarray) -> Float[Array, "... t"]:
    """Return 1 where the true class has the largest score, 1/k in a k-way tie, else 0."""
    best = scores.max(axis=-1, keepdims=True)
    tied = scores >= best - 1e-9 * (1 + np.abs(best))
    hit = np.take_along_axis(tied, np.broadcast_to(label, scores.shape[:-1])[..., None], axis=-1)[
        ..., 0
    ]
    return hit / tied.sum(axis=-1)
