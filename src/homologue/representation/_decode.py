"""Decode a variable from the population, on held-out groups, against permuted labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float, Int
from homologue.inference import p_value
from homologue.inference._labelled import Labelled, labelled_design
from homologue.representation._balanced import credit
from homologue.representation._classifier import nearest_mean_scores, whiten
from homologue.representation._interval import accuracy_interval

_BYTES = 32 * 2**20


def decode(
    rec: xr.DataArray,
    variable: str,
    *,
    rng: np.random.Generator | int,
    folds: int = 5,
    permutations: int = 999,
    resamples: int = 199,
    minimum_lag: float | None = None,
) -> xr.Dataset:
    """Decode a variable linearly, cross-validated over groups, with its permutation null.

    Whole groups are held out, so what is shared within a group (a trial, a document, an
    exemplar) cannot leak. The classifier is nearest class mean in the metric of the shrunk total
    covariance: for two classes, shrinkage linear discriminant analysis. Accuracy is balanced
    over classes.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit) without NaN.
    variable : str
        A variable on ``sample``; a continuous one is cut into classes.
    rng : numpy Generator or int
        Assigns folds, draws relabellings and resamples.
    folds : int
        Number of folds over groups.
    permutations, resamples : int
        Relabellings under the null, and bootstrap resamples of groups for the interval.
    minimum_lag : float, optional
        Smallest circular shift, s, for recordings with ``time``.

    Returns
    -------
    xarray.Dataset
        ``effect``: (balanced accuracy − 1/C) / (1 − 1/C), 0 at chance and 1 if perfect, with
        ``low``/``high`` (95 %, bootstrap over groups), ``null_mean``/``null_std``, ``p``, ``q``
        (one test: equal to p), ``n`` (samples). ``accuracy`` and ``chance`` unscaled;
        ``confusion`` (true class × decoded class, shares); ``control`` and ``selectivity``:
        accuracy on a control task with one random label per group, and how far the real task
        exceeds it [1]_ (NaN where each group has one sample, or labels vary within groups:
        there the control task is the permutation null itself).

    Raises
    ------
    InvalidDesign
        One class, fewer groups than folds, or fewer than 20 distinct arrangements.

    Notes
    -----
    A linear readout only: what it misses may still be there. Decoding shows information, not
    use. The interval is of the accuracy expected of classifiers trained on as many groups; it
    covers 93 to 97 % at 40 groups, and resampling the tests alone, as is common, 85 to 90 %.

    References
    ----------
    .. [1] Hewitt & Liang 2019, EMNLP, doi:10.18653/v1/D19-1275

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> label = np.repeat(["face", "house"], 20)
    >>> noise = np.random.default_rng(0).standard_normal((40, 5))
    >>> rec = make(noise + (label == "face")[:, None] * 2.0, stimulus=label)
    >>> bool(decode(rec, "stimulus", rng=0, permutations=99).p < 0.05)
    True
    """
    labelled = labelled_design(rec, variable, minimum_lag=minimum_lag)
    groups = int(labelled.group.max()) + 1
    if not 2 <= folds <= groups:
        raise InvalidDesign(
            f"{folds} folds over {groups} groups: folds hold out whole groups, so there are at "
            "least 2 folds and no more than groups"
        )
    classes = len(labelled.names)
    activity = labelled.activity(rec).astype(np.float64)
    generator = np.random.default_rng(rng)
    folding, drawing, resampling, controlling = generator.spawn(4)
    fold = (folding.permutation(groups) % folds)[labelled.group]
    prepared = list(_prepare(activity, fold, folds))
    observed = _credits(prepared, labelled.codes[None], classes)[0]
    accuracy = _balanced(observed[None], labelled.codes[None], classes)[0]
    null_accuracy = np.concatenate(
        [
            _balanced(_credits(prepared, part, classes), part, classes)
            for part in _relabelled(labelled, permutations, activity.shape, drawing)
        ]
    )
    value, null = _scaled(accuracy, classes), _scaled(null_accuracy, classes)
    ends = accuracy_interval(prepared, observed, labelled, resamples=resamples, rng=resampling)
    control, selectivity = _control(activity, labelled, folds, controlling)
    confusion = _confusion(prepared, labelled.codes, classes)
    # Of accuracies, many of which tie: near chance an effect is smaller than their rounding.
    p = float(p_value(accuracy, null_accuracy))
    chance = 1.0 / classes
    return xr.Dataset(
        {
            "effect": value,
            "low": _scaled(ends[0], classes),
            "high": _scaled(ends[1], classes),
            "null_mean": float(null.mean()),
            "null_std": float(null.std()),
            "p": p,
            "q": p,
            "n": int(labelled.rows.size),
            "accuracy": accuracy,
            "chance": chance,
            "control": control,
            "selectivity": selectivity,
            "confusion": (("true_class", "decoded_class"), confusion),
        },
        coords={"true_class": labelled.names, "decoded_class": labelled.names},
        attrs={
            "analysis": "representation.decode",
            "statistic": "balanced accuracy over held-out groups, chance 0 and perfect 1",
            "variable": variable,
            "folds": folds,
            "permutations": permutations,
            "family": "one test",
            "n_units": rec.sizes["unit"],
            **labelled.attrs,
        },
    )


Fold = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _prepare(activity: Float[Array, "sample unit"], fold: np.ndarray, folds: int) -> Iterator[Fold]:
    """Yield, per fold, training and test rows and their whitened activity: no label is read."""
    for k in range(folds):
        inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        train, test = whiten(activity[inside], activity[outside])
        yield inside, outside, train, test


def _weights(codes: Int[Array, "draw sample"], classes: int) -> Float[Array, "draw sample c"]:
    one_hot = (codes[..., None] == np.arange(classes)).astype(np.float64)
    count = one_hot.sum(axis=-2, keepdims=True)
    return np.divide(one_hot, count, out=np.zeros_like(one_hot), where=count > 0)


def _credits(prepared: list[Fold], codes: Int[Array, "draw sample"], classes: int) -> np.ndarray:
    """Return each sample's credit when it is held out, (draw, sample)."""
    found = np.zeros(codes.shape)
    for inside, outside, train, test in prepared:
        scores = nearest_mean_scores(train, test, _weights(codes[:, inside], classes))
        found[:, outside] = credit(scores, codes[:, outside])
    return found


def _balanced(
    credits: Float[Array, "draw sample"], codes: Int[Array, "draw sample"], classes: int
) -> Float[Array, "draw"]:
    """Return accuracy averaged over classes."""
    total = np.zeros(credits.shape[0])
    for c in range(classes):
        here = codes == c
        total += (credits * here).sum(axis=1) / np.maximum(here.sum(axis=1), 1)
    return total / classes


def _scaled(accuracy: Any, classes: int) -> Any:
    return (accuracy - 1 / classes) / (1 - 1 / classes)


def _relabelled(
    labelled: Labelled, draws: int, shape: tuple[int, int], rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield relabellings, so many at once that class means and scores stay small."""
    samples, units = shape
    row_bytes = 8 * len(labelled.names) * (2 * samples + min(samples, units))
    rows = max(1, _BYTES // row_bytes)
    for begin in range(0, draws, rows):
        yield labelled.codes[labelled.design.draw(min(rows, draws - begin), rng)]


def _control(
    activity: np.ndarray, labelled: Labelled, folds: int, rng: np.random.Generator, tasks: int = 10
) -> tuple[float, float]:
    """Return control accuracy and selectivity, with folds that share groups."""
    size = np.bincount(labelled.group)
    if labelled.design.scheme != "between groups" or size.min() < 2:
        return float("nan"), float("nan")
    # Each group's samples are dealt to the folds: the classifier meets every group in training.
    order = rng.permutation(labelled.group.size)
    order = order[np.argsort(labelled.group[order], kind="stable")]
    place = np.empty_like(order)
    place[order] = np.arange(order.size) - np.repeat(np.cumsum(size) - size, size)
    fold = place % min(folds, int(size.min()))
    prepared = list(_prepare(activity, fold, int(fold.max()) + 1))
    classes = len(labelled.names)
    random = labelled.codes[labelled.design.draw(tasks, rng)]
    codes = np.concatenate([labelled.codes[None], random])
    accuracy = _balanced(_credits(prepared, codes, classes), codes, classes)
    return float(accuracy[1:].mean()), float(accuracy[0] - accuracy[1:].mean())


def _confusion(prepared: list[Fold], codes: np.ndarray, classes: int) -> np.ndarray:
    """Return shares of each true class decoded as each class."""
    table = np.zeros((classes, classes))
    for inside, outside, train, test in prepared:
        scores = nearest_mean_scores(train, test, _weights(codes[None, inside], classes)[0])
        best = scores >= scores.max(axis=-1, keepdims=True) - 1e-9
        share = best / best.sum(axis=-1, keepdims=True)
        np.add.at(table, codes[outside], share)
    total = table.sum(axis=1, keepdims=True)
    return np.divide(table, total, out=np.full_like(table, np.nan), where=total > 0)


__all__ = ["decode"]
