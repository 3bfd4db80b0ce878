"""An interval for cross-validated accuracy: what tests and what training leave uncertain."""

from __future__ import annotations

from typing import Any

import numpy as np

from homologue._typing import Array, Float
from homologue.inference._labelled import Labelled
from homologue.representation._balanced import credit
from homologue.representation._classifier import nearest_mean_scores

_BYTES = 32 * 2**20
_REACH = 1.959964


def accuracy_interval(
    prepared: list[tuple[Any, Any, Any, Any]],
    credits: Float[Array, "sample"],
    labelled: Labelled,
    *,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return a 95 % interval of balanced accuracy, on the scale of its arcsine root.

    Two variances are added: that of resampled test groups, the classifiers as trained, and that
    of resampled training groups, the tests as they are. Resampling the tests alone leaves
    training out; resampling both at once counts the interaction of the two three times. (To
    first order the sum is the variance sought, plus one interaction, less twice the covariance
    of the two linear parts; ``python -m benchmarks calibration`` measures what it covers.)

    Parameters
    ----------
    prepared : list of (inside, outside, train, test)
        Per fold, rows of training and test samples and their whitened activity.
    credits : array, shape (sample,)
        What each sample earned when it was held out.
    labelled : Labelled
        Codes and groups.
    resamples : int
    rng : numpy Generator

    Returns
    -------
    low, high : float
    """
    classes, group = len(labelled.names), labelled.group
    count = int(group.max()) + 1
    weight = rng.multinomial(count, np.full(count, 1 / count), resamples).astype(np.float64)
    held = _group_sums(np.ones((1, group.size)), labelled)[0]
    right = _group_sums(credits[None], labelled)[0]
    tested = _mean_over_classes(weight @ right, weight @ held)
    trained = []
    samples, units = group.size, prepared[0][2].shape[1]
    rows = max(1, _BYTES // (8 * classes * (2 * samples + min(samples, units))))
    for begin in range(0, resamples, rows):
        part = _resampled_credits(prepared, weight[begin : begin + rows], labelled)
        sums = _group_sums(part, labelled).sum(axis=1)
        trained.append(_mean_over_classes(sums, np.broadcast_to(held.sum(axis=0), sums.shape)))
    poorer = np.concatenate(trained)
    whole = float(_mean_over_classes(right.sum(axis=0)[None], held.sum(axis=0)[None])[0])
    # Of perfect accuracy no variance can be seen: half a group is taken to be in doubt.
    doubt = 1 / (2 * count)
    accuracy = float(np.clip(whole, doubt, 1 - doubt))
    # A resampled training set holds fewer distinct groups, is less accurate, and so varies more.
    expected = float(np.clip(poorer.mean(), doubt, 1 - doubt))
    shrunk = min(accuracy * (1 - accuracy) / (expected * (1 - expected)), 1.0)
    error = np.sqrt(max(tested.var() + shrunk * poorer.var(), doubt**2))
    # The scale on which a share's variance does not depend on the share.
    reach = _REACH * error / (2 * np.sqrt(accuracy * (1 - accuracy)))
    centre = np.arcsin(np.sqrt(accuracy))
    low = np.sin(max(centre - reach, 0.0)) ** 2
    high = np.sin(min(centre + reach, np.pi / 2)) ** 2
    return float(min(low, whole)), float(max(high, whole))


def _group_sums(values: Float[Array, "draw sample"], labelled: Labelled) -> np.ndarray:
    """Return sums by group and class, (draw, group, class)."""
    classes = len(labelled.names)
    count = int(labelled.group.max()) + 1
    cell = labelled.group * classes + labelled.codes
    order = np.argsort(cell, kind="stable")
    first = np.flatnonzero(np.diff(cell[order], prepend=-1))
    sums = np.zeros((values.shape[0], count * classes))
    sums[:, cell[order][first]] = np.add.reduceat(values[:, order], first, axis=1)
    return sums.reshape(-1, count, classes)


def _mean_over_classes(
    right: Float[Array, "draw c"], held: Float[Array, "draw c"]
) -> Float[Array, "draw"]:
    """Return accuracy averaged over the classes that a draw holds."""
    kept = held > 0
    each = np.divide(right, held, out=np.zeros_like(right), where=kept)
    return each.sum(axis=1) / kept.sum(axis=1)


def _resampled_credits(
    prepared: list[tuple[Any, Any, Any, Any]],
    weight: Float[Array, "draw group"],
    labelled: Labelled,
) -> np.ndarray:
    """Return each sample's credit when it is held out of a resampled training set."""
    codes, group = labelled.codes, labelled.group
    found = np.zeros((weight.shape[0], codes.size))
    one_hot = (codes[:, None] == np.arange(len(labelled.names))).astype(np.float64)
    for inside, outside, train, test in prepared:
        # A class that a resample lost keeps its mean.
        share = one_hot[inside] * (weight[:, group[inside], None] + 1e-9)
        total = share.sum(axis=1, keepdims=True)
        share = np.divide(share, total, out=np.zeros_like(share), where=total > 0)
        scores = nearest_mean_scores(train, test, share)
        found[:, outside] = credit(scores, np.broadcast_to(codes[outside], scores.shape[:-1]))
    return found
