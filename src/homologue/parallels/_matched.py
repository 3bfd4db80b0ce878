"""Draw sets of equal size from any recording: observed, relabelled and resampled alike.

Effects compare only at equal sizes, so a claim fixes how many groups, units and classes its
statistic sees, and every system is brought to that size by repeated draws. Here the draws are
made as index arrays — for the observed labels, for relabellings under the null, and for
bootstrap resamples of groups — and the statistic is evaluated on all of them in a few batched
calls. The same repeats (classes, places, units) serve every relabelling, so that the null
differs from the observed in the labels only.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError

Statistic = Callable[[np.ndarray], np.ndarray]

CHUNK = 64

FINER = 16
"""How many times more sets the observed statistic averages than each draw of the null."""

FIRST, CLEARLY_NOT = 99, 10
"""After so many draws a costly null is not drawn further if so many reach the observed."""

POOL_GROUPS, POOL_UNITS, POOL_UNITS_WITHIN = 512, 2048, 256
"""Groups a class, and units, that sets are drawn from at most; the choice is random.

Sets are small (6 groups, 12 units): beyond these numbers more of a large recording would cost
memory and hardly narrow an interval.
"""


WIDE = 16
"""How many times more numbers there are than are taken before single draws are faster."""

_VALUES_AT_ONCE = 1_000_000


class NotApplicable(HomologueError):
    """A claim's need is unmet by a recording; the message is the reason in the table."""


@dataclass(frozen=True)
class Sizes:
    """What a claim's statistic sees of every system.

    Attributes
    ----------
    groups : int
        Independent groups per class in one set (or in all, where no classes are needed).
    units, classes : int
        Units and classes.
    """

    groups: int
    units: int
    classes: int = 2

    @property
    def groups_needed(self) -> int:
        """Groups a class must offer, so that sets of distinct groups vary as resamples do.

        A bootstrap resample holds about 63 % of the groups; sets as large as that no longer vary
        enough and the interval is too short (measured: with 8 of 10 groups a nominal 90 %
        interval covers 54-71 %, with 8 of 24 it covers 91-99 %).
        """
        return int(np.ceil(1.6 * self.groups))


@dataclass(frozen=True)
class Effort:
    """How many draws are made.

    Attributes
    ----------
    permutations, resamples : int
        Relabellings under the null, and bootstrap resamples of groups.
    repeats : int
        Size-matched sets averaged in each.
    """

    permutations: int = 999
    resamples: int = 199
    repeats: int = 32


@dataclass(frozen=True)
class Evidence:
    """A statistic, its null and its bootstrap, before any scaling.

    Attributes
    ----------
    observed : float
        The estimate, averaged over :data:`FINER` times more sets than a draw of the null.
    null, bootstrap : numpy.ndarray, shapes (permutation,) and (resample,)
        The bootstrap is centred at the observed.
    n_groups, n_units, n_classes : int
        What the recording offered (the statistic saw the claim's sizes).
    scheme : str
        What was exchanged.
    tested : float
        What is held against the null: the observed on the same sets as its draws. Where the null
        itself is not 0 (sessions with offsets and uneven classes) sets differ in their null, and
        the finer estimate, on other sets, is none of its draws. ``observed``, if left out.
    """

    observed: float
    null: np.ndarray
    bootstrap: np.ndarray
    n_groups: int
    n_units: int
    n_classes: int
    scheme: str
    tested: float = float("nan")

    @property
    def against_null(self) -> float:
        """The value that p is of."""
        return self.observed if np.isnan(self.tested) else self.tested


def centred_at(bootstrap: np.ndarray, estimate: float, scale: float) -> np.ndarray:
    """Return bootstrap values about the estimate, their spread made that of fresh groups.

    The sets that all resamples share (classes, units) give them a common sampling error, which
    the finer estimate does not have. ``scale`` comes from :func:`resampling_scale`.
    """
    return scale * (bootstrap - bootstrap.mean()) + estimate


@lru_cache(maxsize=256)
def resampling_scale(groups: int, wanted: int) -> float:
    """Return by how much sets drawn from resamples vary less than fresh groups would.

    A set takes each group once. Of ten groups a resample holds six or seven, so that sets of
    six hardly tell one resample from another of the same groups: the weights that groups get
    (how often they are in a set) vary less than a bootstrap's. For a statistic linear in the
    groups the ratio of the two spreads is that of the weights', which is measured here.

    Parameters
    ----------
    groups, wanted : int
        Groups there are (of a class), and groups a set takes.

    Returns
    -------
    float
        At least √(groups / (groups − 1)), that of the plain bootstrap, for any number of groups.

    Examples
    --------
    >>> round(resampling_scale(10, 6), 1), round(resampling_scale(200, 6), 2)
    (1.4, 1.0)
    """
    plain = float(np.sqrt(groups / max(groups - 1, 1)))
    if groups > 16 * wanted or groups <= wanted:
        return plain
    rng = np.random.default_rng(0)
    draws, repeats = 200, 64
    weight = rng.multinomial(groups, np.full(groups, 1 / groups), draws)
    taken = np.zeros((draws, groups))
    for chosen in np.moveaxis(race(weight, wanted, rng, repeats), 1, 0):
        np.put_along_axis(taken, chosen, np.take_along_axis(taken, chosen, axis=1) + 1, axis=1)
    share = taken / repeats
    # What the finite number of sets adds is not spread between resamples.
    noise = (share * (1 - share)).mean() / (repeats - 1)
    variance = max(float(share.var()) - float(noise), 1e-12) / wanted**2
    return max(plain, float(1 / (groups * np.sqrt(variance))))


def in_order(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    """Yield results in the order of the items, a few of them at work at a time."""
    workers = min(4, os.cpu_count() or 1)
    pending: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def check_units(rec: xr.DataArray, sizes: Sizes) -> None:
    if rec.sizes["unit"] < sizes.units:
        raise NotApplicable(f"{rec.sizes['unit']} units, the claim needs {sizes.units}")


def alike(recordings: Sequence[xr.DataArray], variable: str | None) -> None:
    """Refuse recordings to be averaged that are not of the same samples and units."""
    first = recordings[0]
    for other in recordings[1:]:
        same = other.sizes == first.sizes and all(
            np.array_equal(other[name].values, first[name].values)
            for name in ("group", "unit", variable)
            if name
        )
        if not same:
            raise HomologueError(
                "recordings that are averaged (the seeds of a twin) hold the same samples, "
                "groups and units; these differ"
            )


def some_units(rec: xr.DataArray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Return columns in the order of unit names, at most so many: order changes no result."""
    order = np.argsort(rec["unit"].values, kind="stable")
    if order.size <= most:
        return order
    return order[np.sort(rng.choice(order.size, most, replace=False))]


def distinct(available: int, wanted: int, sets: int, rng: np.random.Generator) -> np.ndarray:
    """Return sets of distinct numbers below ``available``, in random order, (set, wanted)."""
    if available > WIDE * wanted:  # to shuffle all of them would take longer
        taken = [rng.choice(available, wanted, replace=False) for _ in range(sets)]
        return np.array(taken, dtype=np.int64).reshape(sets, wanted)
    at_once = max(_VALUES_AT_ONCE // available, 1)
    return np.concatenate(
        [
            _shuffled(available, min(at_once, sets - begin), rng)[:, :wanted]
            for begin in range(0, max(sets, 1), at_once)
        ]
    )


def _shuffled(available: int, sets: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permuted(np.tile(np.arange(available), (sets, 1)), axis=1)


def class_sets(available: int, wanted: int, repeats: int, rng: np.random.Generator) -> np.ndarray:
    """Return sets of distinct classes, shape (repeat, wanted), each class as often as can be.

    Each set takes the least used classes, ties in random order. After a cycle all are used
    equally often, so that cycles are independent and drawn beside each other.
    """
    if wanted == available:
        return _shuffled(available, repeats, rng)
    cycle = available // math.gcd(available, wanted)
    used = np.zeros((-(-repeats // cycle), available))
    sets = np.empty((len(used), cycle, wanted), dtype=np.int64)
    for number in range(cycle):
        order = np.argsort(used + rng.random(used.shape), axis=1)
        sets[:, number] = order[:, :wanted]
        np.put_along_axis(
            used, sets[:, number], np.take_along_axis(used, sets[:, number], axis=1) + 1, axis=1
        )
    return rng.permuted(sets.reshape(-1, wanted)[:repeats], axis=1)


def waiting_times(weight: np.ndarray, repeats: int, rng: np.random.Generator) -> np.ndarray:
    """Return exponential waiting times of rows, (draw, repeat, row), shorter with more weight."""
    time = rng.exponential(size=(weight.shape[0], repeats, weight.shape[1]))
    heavy = weight[:, None]
    return np.where(heavy > 0, time / np.maximum(heavy, 1), 1e9 * time)


def race(weight: np.ndarray, wanted: int, rng: np.random.Generator, repeats: int) -> np.ndarray:
    """Draw distinct rows with chances proportional to weight.

    Exponential waiting times divided by the weight are raced; the first ``wanted`` win. Rows of
    weight 0 win only when nothing else is left. A bootstrap resample is thus never allowed to
    put copies of one group on both sides of a split.

    Parameters
    ----------
    weight : array, shape (draw, row)
        Bootstrap counts.
    wanted, repeats : int
        Rows per set, and sets per draw.

    Returns
    -------
    array of int, shape (draw, repeat, wanted)
    """
    waiting = waiting_times(weight, repeats, rng)
    if wanted < weight.shape[1]:
        index = np.argpartition(waiting, wanted - 1, axis=-1)[..., :wanted]
    else:
        index = np.broadcast_to(np.arange(wanted), (*waiting.shape[:2], wanted))
    return rng.permuted(index, axis=-1)


def chunks(total: int) -> Iterator[slice]:
    for begin in range(0, total, CHUNK):
        yield slice(begin, min(begin + CHUNK, total))


def until_clear(
    draw: Callable[[int], np.ndarray], tested: float, most: int, *, first: int = FIRST
) -> np.ndarray:
    """Draw a null, no further than the first draws where ten of them reach the observed.

    p is then 11 / (first + 1) or more, and no draw would bring it below .05 by more than chance.
    """
    null = np.empty(0)
    while null.size < most:
        if null.size == first and (null >= tested).sum() >= CLEARLY_NOT:
            break
        border = min(first if null.size < first else most, most)
        null = np.concatenate([null, draw(min(CHUNK, border - null.size))])
    return null
