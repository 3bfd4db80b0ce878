"""How uncertain a difference of mean ranks is, when classes are chosen and groups resampled."""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student

from homologue._typing import Array, Float, Int
from homologue.tuning.examples._reading import Half, Told


def group_sums(
    half: Half,
    found: Told,
    codes: Int[Array, "sample"],
    group: Int[Array, "sample"],
    activity: Float[Array, "sample unit"],
) -> Float[Array, "group unit"]:
    """Return each group's part in the error of the effect measured on a half.

    The effect is a difference of mean ranks; its influence function [1]_ has a term for each
    side's own samples and one for the ranks, which move as well.

    References
    ----------
    .. [1] Hampel 1974, doi:10.1080/01621459.1974.10482962
    """
    own = codes[half.rows]
    n, units = half.ranks.shape
    values = activity[half.rows]
    order = np.argsort(values, axis=0, kind="stable")
    within = np.take_along_axis(values, order, axis=0)
    first = np.zeros((n, units), dtype=np.int64)
    new = within[1:] != within[:-1]
    first[1:] = np.where(new, np.arange(1, n)[:, None], 0)
    np.maximum.accumulate(first, axis=0, out=first)
    last = np.full((n, units), n - 1)
    last[:-1] = np.where(new, np.arange(n - 1)[:, None], n - 1)
    last = np.minimum.accumulate(last[::-1], axis=0)[::-1]
    place = np.empty((n, units), dtype=np.int64)
    np.put_along_axis(place, order, np.arange(n)[:, None], axis=0)

    def share_below(member: np.ndarray) -> np.ndarray:
        """Return, at each sample, the share of a class below it (ties count half)."""
        total = np.cumsum(np.take_along_axis(member, order, axis=0), axis=0, dtype=np.float64)
        end = np.take_along_axis(total, last, axis=0)
        start = np.where(first > 0, np.take_along_axis(total, np.maximum(first - 1, 0), axis=0), 0)
        middle = np.take_along_axis((end + start) / 2, place, axis=0)
        return np.asarray(middle / np.maximum(total[-1], 1))

    label, rival = (own[:, None] == chosen[0] for chosen in (found.label, found.rival))
    parts = [
        (label, ~label, np.ones(units)),
        (rival, ~(label | rival), -found.sign[0]),
    ]
    everyone = (half.ranks.astype(np.float64) / n + 1) / 2
    influence = np.zeros((n, units))
    for inside, rest, weight in parts:
        one, other = inside.sum(axis=0), rest.sum(axis=0)
        part = share_below(rest) - share_below(inside)
        for member, count, sign in ((inside, one, 1), (rest, other, -1)):
            mean = (everyone * member).sum(axis=0) / np.maximum(count, 1)
            part += sign * member * (everyone - mean) * n / np.maximum(count, 1)
        part -= part.mean(axis=0)
        influence += 2 * np.where((one > 0) & (other > 0), weight, 0.0) * part
    by_group = np.argsort(group[half.rows], kind="stable")
    first_of = np.flatnonzero(np.diff(group[half.rows][by_group], prepend=-1))
    return np.asarray(np.add.reduceat(influence[by_group], first_of, axis=0) / n)


def limits(
    effect: Float[Array, "unit"], parts: list[np.ndarray], *, level: float = 0.95
) -> tuple[Float[Array, "unit"], Float[Array, "unit"]]:
    """Return limits of the mean of several halves' effects from their groups' parts.

    What one half chooses the other measures, and the reverse: their errors depend on each other
    by the choice, and are added as if they were one.
    """
    groups = sum(len(part) for part in parts)
    error = np.zeros(effect.shape)
    for part in parts:
        variance = (part**2).sum(axis=0) * len(part) / max(len(part) - 1, 1)
        error += np.sqrt(variance) / len(parts)
    # Where every group agrees no error is seen: no less than a tenth of one group's weight.
    error = np.maximum(error, 0.2 / groups)
    reach = student.ppf((1 + level) / 2, max(groups - len(parts), 1)) * error
    return np.maximum(effect - reach, -2.0), np.minimum(effect + reach, 2.0)
