"""Invariance: what a unit prefers in some wordings, measured in others and for other exemplars."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Float, Int
from homologue.inference import (
    benjamini_hochberg,
    centred_ranks,
    cluster_bootstrap,
    exchangeability,
    result,
)
from homologue.inference._design import Design
from homologue.inference._labelled import Labelled, labelled_design
from homologue.recording import validate
from homologue.tuning._reason import reasons

_DRAWS_AT_ONCE = 64


def invariance(
    rec: xr.DataArray,
    variable: str = "concept",
    *,
    across: str,
    rng: np.random.Generator | int,
    permutations: int = 999,
) -> xr.Dataset:
    """Measure whether a unit's preference carries over to other wordings, modalities, frames.

    The values of ``across`` and the groups (exemplars) are each split in two. A unit's best
    class is chosen on one half of both and measured on the other half of both, so that neither
    a wording nor an exemplar is seen twice; all the ways round are averaged. Where every group
    occurs in one value of ``across`` only, the values alone are split.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit) without NaN.
    variable : str
        Whose classes are the concepts; constant within each group.
    across : str
        The variable that should not matter: ``"template"``, ``"wording"``, ``"modality"``, a
        camera angle, a speaker.
    rng : numpy Generator or int
    permutations : int

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect``, 2·AUC − 1 of the chosen class against the rest, in values of
        ``across`` and exemplars that had no part in the choice (1 is invariant, 0 chance);
        ``low``/``high`` (95 %, BCa over groups), ``null_mean``, ``null_std``, ``p`` (upper
        tail), ``q``, ``n`` (groups); ``within_effect``, the same for other exemplars in the
        *same* values of ``across``; ``best_class``, the class chosen from everything;
        ``reason`` (why a unit is NaN).

    Raises
    ------
    InvalidDesign
        The label varies within groups, fewer than two values of ``across``, or a class with
        fewer than two groups in a half.
    InvalidRecording, UnknownName
        NaN, or no such variable.
    HomologueError
        Fewer than 2 permutations.

    Notes
    -----
    Labels permute between groups within each half, which keeps the numbers of exemplars. An
    effect far below ``within_effect`` says that the unit prefers a wording, not a concept. It
    is no evidence for a *meaning*: features that all wordings share (word length, capitals)
    are invariant too; compare with the raw input and with an untrained twin. With few exemplars
    a class (2 or 3 a half) the best class is often missed, which pulls the effect towards 0.

    References
    ----------
    .. [1] Quian Quiroga et al. 2005, Nature 435:1102, doi:10.1038/nature03687
    .. [2] Quian Quiroga, Kraskov, Koch & Fried 2009, Curr. Biol. 19:1308,
       doi:10.1016/j.cub.2009.06.060

    Examples
    --------
    >>> from homologue.recording import make
    >>> concept = np.repeat(["cat", "cup", "sea"], 24)
    >>> word, wording = np.arange(72) // 2, np.arange(72) % 2
    >>> rate = np.random.default_rng(0).normal(size=(72, 3))
    >>> rate[:, 0] += 3 * (concept == "cat")
    >>> rate[:, 1] += 3 * ((concept == "cat") & (wording == 0))
    >>> rec = make(rate, group=word, variables={"concept": concept, "wording": wording})
    >>> found = invariance(rec, "concept", across="wording", rng=0, permutations=199)
    >>> (found.p < 0.05).values.tolist()
    [True, False, False]
    """
    if permutations < 2:
        raise HomologueError(f"permutations are 2 or more, better 999; given {permutations}")
    labelled = labelled_design(rec, variable)
    if labelled.design.scheme != "between groups":
        raise InvalidDesign(
            f"{variable!r} is exchanged {labelled.design.scheme}; invariance is measured across "
            "groups, each of one class. Let the group be the exemplar (a word, an object, a "
            "phrase)"
        )
    activity = labelled.activity(rec).astype(np.float64)
    classes = len(labelled.names)
    own = np.zeros(int(labelled.group.max()) + 1, dtype=np.int64)
    own[labelled.group] = labelled.codes
    level = _halves_of_levels(rec, across, labelled)
    means = [_group_means(activity, labelled.group, level == side, own.size) for side in (0, 1)]
    arms, half = _arms(own, means)
    _check_size(own, half, labelled.names)
    ranks = {side: _ranks(means[side[1]][side[0] == half]) for side in _sides(arms)}
    rows = {which: np.flatnonzero(half == which) for which in (0, 1)}

    def at(side: tuple[int, int], labels: np.ndarray) -> np.ndarray:
        return _contrasts(ranks[side], labels[:, rows[side[0]]], classes)

    def evaluate(labels: np.ndarray) -> np.ndarray:
        """Return effects (draw, unit) of labels (draw, group)."""
        total = np.zeros((labels.shape[0], activity.shape[1]))
        for arm in arms:
            best = at(arm.chosen, labels).argmax(axis=1)[:, None]
            total += np.take_along_axis(at(arm.measured, labels), best, axis=1)[:, 0]
        return total / len(arms)

    best = [at(arm.chosen, own[None])[0].argmax(axis=0) for arm in arms]
    constant = np.ptp(activity, axis=0) == 0
    observed = evaluate(own[None])[0]
    first, second = np.random.default_rng(rng).spawn(2)
    drawn = own[_design(rec, labelled, own, half).draw(permutations, first)]
    null = np.concatenate(
        [evaluate(drawn[i : i + _DRAWS_AT_ONCE]) for i in range(0, permutations, _DRAWS_AT_ONCE)]
    )

    def resampled(weight: np.ndarray) -> np.ndarray:
        """Return effects (draw, unit) of weighted groups, the choice of class held fixed."""
        values = [
            _weighted(ranks[arm.measured], weight[:, rows[arm.measured[0]]],
                      own[rows[arm.measured[0]]], chosen)
            for arm, chosen in zip(arms, best, strict=True)
        ]  # fmt: skip
        return np.clip(np.mean(values, axis=0), -1, 1)

    span = cluster_bootstrap(resampled, own.size, rng=second, draws=999)
    margin = 8 * np.finfo(float).eps * np.abs(observed)
    p = ((null >= observed - margin).sum(axis=0) + 1) / (permutations + 1)
    everything = _contrasts(_ranks(np.nanmean(means, axis=0)), own[None], classes)[0]
    names = np.array(labelled.names, dtype=object)

    def known(values: np.ndarray) -> np.ndarray:
        return np.where(constant, np.nan, values)

    data = result(
        effect=known(observed),
        low=known(span.low),
        high=known(span.high),
        null_mean=known(null.mean(axis=0)),
        null_std=known(null.std(axis=0, ddof=1)),
        p=known(p),
        q=benjamini_hochberg(known(p)),
        n=own.size,
        dims=("unit",),
        coords={str(k): c for k, c in rec.coords.items() if c.dims == ("unit",)},
        attrs={
            "analysis": "tuning.invariance",
            "method": f"2·AUC − 1 of the best class against the rest, measured in values of "
            f"{across!r} and exemplars other than those it was chosen in",
            "variable": variable,
            "across": across,
            "permutations": permutations,
            "interval": "95 %, BCa over groups, the choice of class held fixed",
            "family": f"Benjamini–Hochberg over {int((~constant).sum())} units",
            "n_constant": int(constant.sum()),
            "null": "label permutation between groups, within halves",
            "n_groups": int(own.size),
            "classes": ", ".join(labelled.names),
        },
    )
    return data.assign(
        within_effect=("unit", known(_within(arms, best, ranks, rows, own))),
        best_class=("unit", np.where(constant, "", names[everything.argmax(axis=0)])),
        reason=("unit", reasons(activity, ~constant)),
    )


class _Arm(NamedTuple):
    """Where the class is chosen and where it is measured: (half of groups, half of levels)."""

    chosen: tuple[int, int]
    measured: tuple[int, int]


def _halves_of_levels(rec: xr.DataArray, across: str, labelled: Labelled) -> np.ndarray:
    validate(rec, needs=[across])
    levels, code = np.unique(rec[across].values[labelled.rows], return_inverse=True)
    if levels.size < 2:
        raise InvalidDesign(
            f"{across!r} has one value only ({levels[0]}); invariance needs at least 2, to carry "
            "a preference from one to the other"
        )
    return np.asarray(code % 2)


def _group_means(
    activity: np.ndarray, group: np.ndarray, chosen: np.ndarray, count: int
) -> np.ndarray:
    """Return the mean of each group over the chosen samples; NaN where it has none."""
    member = np.zeros((count, activity.shape[0]))
    member[group[chosen], np.flatnonzero(chosen)] = 1
    size = member.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(size > 0, member @ activity / np.maximum(size, 1), np.nan)


def _arms(own: np.ndarray, means: list[np.ndarray]) -> tuple[list[_Arm], np.ndarray]:
    """Return the ways round, and the half of each group (−1: in none).

    Groups seen in both halves of the levels are halved within their class; groups nested in
    levels (a phrase is one wording) are halved by the levels alone.
    """
    seen = [np.isfinite(mean[:, 0]) for mean in means]
    if not (seen[0] & seen[1]).any():
        return [_Arm((0, 0), (1, 1)), _Arm((1, 1), (0, 0))], np.where(seen[0], 0, 1)
    half = np.full(own.size, -1)
    for c in np.unique(own):
        members = np.flatnonzero((own == c) & seen[0] & seen[1])
        half[members] = np.arange(members.size) % 2
    return [_Arm((h, s), (1 - h, 1 - s)) for h in (0, 1) for s in (0, 1)], half


def _sides(arms: list[_Arm]) -> set[tuple[int, int]]:
    return {side for arm in arms for side in arm}


def _check_size(own: np.ndarray, half: np.ndarray, names: list[str]) -> None:
    for c, name in enumerate(names):
        fewest = min(((own == c) & (half == side)).sum() for side in (0, 1))
        if fewest < 2:
            raise InvalidDesign(
                f"class {name!r} has {fewest} groups in one of the halves; invariance needs 2 to "
                "choose with and 2 to measure with. Show more exemplars, or leave the class out"
            )


def _design(rec: xr.DataArray, labelled: Labelled, own: np.ndarray, half: np.ndarray) -> Design:
    """Return the exchange of labels between groups, within halves and declared blocks."""
    block = np.zeros(own.size, dtype=np.int64)
    if "block" in rec.coords:
        _, code = np.unique(rec["block"].values[labelled.rows], return_inverse=True)
        block[labelled.group] = code
    return exchangeability(own, np.arange(own.size), block=block * 3 + half + 1)


def _ranks(values: Float[Array, "group unit"]) -> np.ndarray:
    """Return centred mid-ranks, scaled so that a difference of means is 2·AUC − 1."""
    return np.asarray(centred_ranks(values), dtype=np.float64) / len(values)


def _contrasts(
    ranks: Float[Array, "group unit"], labels: Int[Array, "draw group"], classes: int
) -> np.ndarray:
    """Return 2·AUC − 1 of each class against the rest, (draw, class, unit)."""
    one_hot = (labels[:, None, :] == np.arange(classes)[:, None]).astype(np.float64)
    inside = one_hot.sum(axis=-1, keepdims=True)
    sums = (one_hot.reshape(-1, labels.shape[1]) @ ranks).reshape(*one_hot.shape[:2], -1)
    # Centred ranks sum to zero: the rest's sum is the class's, negated.
    return np.asarray(sums * (1 / inside + 1 / (labels.shape[1] - inside)))


def _weighted(
    ranks: np.ndarray, weight: np.ndarray, own: np.ndarray, chosen: np.ndarray
) -> np.ndarray:
    """Return the chosen contrast of each unit under group weights, (draw, unit)."""
    values = np.empty((weight.shape[0], chosen.size))
    for c in np.unique(chosen):
        units = np.flatnonzero(chosen == c)
        inside, outside = weight * (own == c), weight * (own != c)
        with np.errstate(divide="ignore", invalid="ignore"):
            values[:, units] = inside @ ranks[:, units] / inside.sum(axis=1, keepdims=True)
            values[:, units] -= outside @ ranks[:, units] / outside.sum(axis=1, keepdims=True)
    return values


def _within(
    arms: list[_Arm],
    best: list[np.ndarray],
    ranks: dict[tuple[int, int], np.ndarray],
    rows: dict[int, np.ndarray],
    own: np.ndarray,
) -> np.ndarray:
    """Return the effect in other exemplars of the same levels; NaN where groups are nested."""
    values = []
    for arm, chosen in zip(arms, best, strict=True):
        side = (arm.measured[0], arm.chosen[1])
        if side not in ranks:
            return np.full(chosen.size, np.nan)
        weight = np.ones((1, rows[side[0]].size))
        values.append(_weighted(ranks[side], weight, own[rows[side[0]]], chosen)[0])
    return np.asarray(np.mean(values, axis=0))
