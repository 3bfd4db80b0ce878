"""The label that a unit's top examples suggest, and how much of the held-out curve it tells.

Ranks are exact integers, and the activity never moves: under every relabelling the top examples
are the same samples with other labels, and class sums of ranks are one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from homologue._typing import Array, Float, Int, Num
from homologue.inference import centred_ranks


@dataclass(frozen=True)
class Half:
    """One half of the groups, for a block of units.

    Attributes
    ----------
    rows : array of int, shape (kept,)
        Its samples.
    ranks : array, shape (kept, unit)
        Doubled, centred mid-ranks.
    top : array of int, shape (rank, unit)
        Its top examples, as places in ``rows``.
    """

    rows: np.ndarray
    ranks: np.ndarray
    top: np.ndarray

    @classmethod
    def of(
        cls,
        activity: Num[Array, "sample unit"],
        rows: Int[Array, "kept"],
        top: int,
        tie_order: Int[Array, "sample"],
    ) -> Half:
        """Rank one half; of equal activities those are on top that stand first in tie_order."""
        rows = rows[np.argsort(tie_order[rows], kind="stable")]
        values = activity[rows]
        order = np.argsort(-values, axis=0, kind="stable")[:top]
        return cls(rows, centred_ranks(values), order)


@dataclass(frozen=True)
class Told:
    """What was read off one half and measured on the other; leading axes are relabellings.

    Attributes
    ----------
    label, rival : array of int, shape (..., unit)
        Class of the top examples; the other class that stands out most from what it leaves.
    sign : array, shape (..., unit)
        Whether the rival stands out above (1) or below (−1).
    excess : array, shape (..., unit)
        Share of the label among the top examples, less its share of the half.
    label_effect, rival_effect : array, shape (..., unit)
        Held-out difference of mean ranks, 1 at most.
    """

    label: np.ndarray
    rival: np.ndarray
    sign: np.ndarray
    excess: np.ndarray
    label_effect: np.ndarray
    rival_effect: np.ndarray

    @property
    def effect(self) -> np.ndarray:
        """What the label tells, less what it leaves to another."""
        return self.label_effect - self.rival_effect


def class_sums(
    half: Half, codes: Int[Array, "draw sample"], classes: int
) -> tuple[Float[Array, "draw label unit"], Float[Array, "draw label 1"]]:
    """Return each class's sum of ranks and its size, under each labelling."""
    member = codes[:, None, half.rows] == np.arange(classes)[:, None]
    flat = member.reshape(-1, half.rows.size).astype(half.ranks.dtype)
    sums = (flat @ half.ranks).reshape(len(codes), classes, -1)
    return sums.astype(np.float64), member.sum(axis=2, dtype=np.float64)[:, :, None]


def suggested(
    half: Half, codes: Int[Array, "draw sample"], classes: int
) -> tuple[Int[Array, "draw unit"], Float[Array, "draw unit"]]:
    """Return the class most over-represented among the top examples, and by how much."""
    own = codes[:, half.rows]
    shown = own[:, half.top]
    # Of classes equally frequent, the one whose examples rank higher.
    weight = 1 + 1e-6 * np.arange(len(half.top), 0, -1) / len(half.top)
    count = np.stack(
        [np.einsum("dku,k->du", shown == c, weight, optimize=True) for c in range(classes)], axis=1
    )
    share = (own[:, None] == np.arange(classes)[:, None]).mean(axis=2)
    excess = count / len(half.top) - share[:, :, None]
    label = excess.argmax(axis=1)
    return label, np.take_along_axis(excess, label[:, None], axis=1)[:, 0]


def told(
    label: Int[Array, "draw unit"],
    excess: Float[Array, "draw unit"],
    search: tuple[np.ndarray, np.ndarray],
    held: tuple[np.ndarray, np.ndarray],
) -> Told:
    """Choose the rival on one half's class sums, and measure both classes on the other's."""
    left = _left(*search, label)
    rival = np.abs(left).argmax(axis=1)
    size = search[1].sum(axis=1)
    sign = np.sign(np.take_along_axis(left, rival[:, None], axis=1)[:, 0])
    return Told(
        label,
        rival,
        sign,
        excess,
        _against_rest(*held, label),
        sign * np.take_along_axis(_left(*held, label), rival[:, None], axis=1)[:, 0]
        if size.size
        else sign,
    )


def _against_rest(sums: np.ndarray, count: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Return 2·AUC − 1 of each unit's class against the rest; 0 for a class that is not there."""
    own = np.take_along_axis(sums, label[:, None], axis=1)[:, 0]
    n = count.sum(axis=1)
    inside = _of(count, label)
    return own / np.maximum(inside * (n - inside), 1)


def _left(sums: np.ndarray, count: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Return how far each class stands out from all that is neither it nor the label.

    The difference of mean ranks over the whole range, 1 at most; 0 for the label itself and for
    classes that are not there or have no rest.
    """
    own = np.take_along_axis(sums, label[:, None], axis=1)
    inside = _of(count, label)[:, None]
    n = count.sum(axis=1)[:, None]
    rest = n - inside - count
    apart = sums / np.maximum(count, 1) + (own + sums) / np.maximum(rest, 1)
    kept = (count > 0) & (rest > 0)
    apart = np.where(kept, apart / n, 0.0)
    np.put_along_axis(apart, label[:, None], 0.0, axis=1)
    return np.asarray(apart)


def _of(count: np.ndarray, label: np.ndarray) -> np.ndarray:
    return np.asarray(np.take_along_axis(count[:, :, 0], label, axis=1))
