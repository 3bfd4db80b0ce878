"""What may be exchanged under the null: one rule, read off the declared independence.

The rule (labels are exchanged, activity stays):

=========================================  ====================================================
label constant within every group          whole groups' labels permute, within blocks
label varies within groups, no ``time``    samples permute within groups
label varies within groups, with ``time``  circular shift per contiguous stretch
some groups constant, some varying         the constant ones contribute nothing
fewer than 20 distinct arrangements        refused
=========================================  ====================================================

A permutation test is exact when the joint distribution is invariant under the exchanges
[1]_; with ``group`` too small (tokens instead of documents) it is not, and no statistic can
mend that.

Circular shifts keep the autocorrelation of both series and are valid for stationary ones, where
a stretch holds 20 correlation times of the label; shifts smaller than a declared lag count as no
shift (:mod:`homologue.inference._shifts` says why).

References
----------
.. [1] Winkler et al. 2015, NeuroImage 123:253, doi:10.1016/j.neuroimage.2015.05.092
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaln

from homologue._errors import InvalidDesign
from homologue._typing import Array, Int, Num
from homologue.inference._shifts import correlation_time, period, stretches

MINIMUM_ARRANGEMENTS = 20

SCHEMES = ("between groups", "within groups", "circular shift")


@dataclass(frozen=True)
class Design:
    """What may be exchanged, and how many distinct ways there are.

    Attributes
    ----------
    scheme : str
        One of :data:`SCHEMES`.
    log_arrangements : float
        Natural logarithm of the number of distinct relabellings.
    n_groups : int
        Groups that take part in the exchange.
    minimum_lag : float or None
        Smallest shift, in the units of ``time``; None unless the scheme is a shift.

    Notes
    -----
    Draws may repeat the observed labelling: it is one of the arrangements.
    """

    scheme: str
    log_arrangements: float
    n_groups: int
    minimum_lag: float | None = None
    _parts: tuple[np.ndarray, ...] = field(default=(), repr=False)
    _size: int = field(default=0, repr=False)
    _group_of: np.ndarray | None = field(default=None, repr=False)
    _lags: tuple[int, ...] = field(default=(), repr=False)

    @property
    def arrangements(self) -> float:
        """Number of distinct relabellings (inf above the largest float)."""
        return float(np.exp(min(self.log_arrangements, 709.0)))

    def draw(self, n: int, rng: np.random.Generator | int) -> Int[Array, "draw sample"]:
        """Draw ``n`` relabellings under the null.

        Parameters
        ----------
        n : int
            Number of draws.
        rng : numpy Generator or int
            Source of the draws.

        Returns
        -------
        numpy.ndarray of int, shape (n, sample)
            Row indices; ``label[index[i]]`` is the i-th relabelling. Between groups of equal
            size, within groups and for shifts each draw is a permutation of the rows.
        """
        rng = np.random.default_rng(rng)
        if self.scheme == "between groups":
            return self._draw_between(n, rng)
        if self.scheme == "within groups":
            return self._draw_within(n, rng)
        return self._draw_shift(n, rng)

    def draw_groups(self, n: int, rng: np.random.Generator | int) -> Int[Array, "draw group"]:
        """Draw relabellings of whole groups (between-groups designs only).

        Returns
        -------
        numpy.ndarray of int, shape (n, group)
            Indices into the sorted unique groups.
        """
        if self.scheme != "between groups":
            raise InvalidDesign(
                f"groups exchange as wholes only between groups; this design is {self.scheme!r}"
            )
        rng = np.random.default_rng(rng)
        count = sum(part.size for part in self._parts)
        index = np.empty((n, count), dtype=np.int64)
        for part in self._parts:
            index[:, part] = rng.permuted(np.broadcast_to(part, (n, part.size)), axis=1)
        return index

    def _draw_between(self, n: int, rng: np.random.Generator) -> np.ndarray:
        assert self._group_of is not None
        order = np.argsort(self._group_of, kind="stable")
        size = np.bincount(self._group_of)
        first = np.cumsum(size) - size
        place = np.empty_like(order)
        place[order] = np.arange(order.size) - np.repeat(first, size)
        source = self.draw_groups(n, rng)[:, self._group_of]
        # The k-th sample for the k-th: groups of equal size exchange their rows one to one.
        return order[first[source] + place % size[source]]

    def _draw_within(self, n: int, rng: np.random.Generator) -> np.ndarray:
        index = np.tile(np.arange(self._size), (n, 1))
        for part in self._parts:
            index[:, part] = rng.permuted(np.broadcast_to(part, (n, part.size)), axis=1)
        return index

    def _draw_shift(self, n: int, rng: np.random.Generator) -> np.ndarray:
        index = np.tile(np.arange(self._size), (n, 1))
        for part, lag in zip(self._parts, self._lags, strict=True):
            shift = rng.integers(part.size, size=(n, 1))
            # Shifts that are excluded count as no shift at all: leaving them out would drop
            # exactly the draws that resemble the observed, and p would come out too small.
            near = np.minimum(shift, part.size - shift) < lag
            shift = np.where(near, 0, shift)
            index[:, part] = part[(np.arange(part.size) + shift) % part.size]
        return index


def exchangeability(
    label: Num[Array, "sample"],
    group: Int[Array, "sample"],
    *,
    block: Int[Array, "sample"] | None = None,
    time: Num[Array, "sample"] | None = None,
    minimum_lag: float | None = None,
) -> Design:
    """Read off what may be exchanged under the null of no relation to ``label``.

    Parameters
    ----------
    label : array, shape (sample,)
        Codes or values; every sample labelled (drop code -1 and NaN first).
    group : array of int, shape (sample,)
        The smallest independent unit.
    block : array of int, shape (sample,), optional
        Exchange happens within blocks only.
    time : array, shape (sample,), optional
        Session clock. If the label varies within groups, its presence means that neighbouring
        samples resemble each other, and shifts replace permutations.
    minimum_lag : float, optional
        Smallest shift in the units of ``time``. By default every shift is allowed: the shifts
        then form a group and the test is exact for stationary series. Where a lag is declared,
        a draw of a smaller one counts as the observed arrangement, which costs power and keeps
        the test valid.

    Returns
    -------
    Design

    Raises
    ------
    InvalidDesign
        One condition, one sample, fewer than 20 distinct arrangements (of shifts: 20 correlation
        times of the label in a stretch), a group that spans blocks (unless labels shift in time),
        a label, group or block of wrong length, times that repeat within a block and group.

    Notes
    -----
    Fails when ``group`` is declared smaller than the true independent unit: the test is then
    anticonservative and nothing in the data can show it. A time series whose every sample is
    declared a group of its own is such a case: declare the stretch.

    Shifts of a periodic label repeat after a period and have no power: nothing can tell a
    rhythm of the activity from the label's.

    Examples
    --------
    >>> import numpy as np
    >>> design = exchangeability(np.repeat([0, 1], 10), np.arange(20))
    >>> design.scheme, round(design.arrangements)
    ('between groups', 184756)
    """
    label, group = np.asarray(label), np.asarray(group)
    _check(label, group)
    blocks = np.zeros(label.size, dtype=np.int64) if block is None else np.asarray(block)
    groups, group_of = np.unique(group, return_inverse=True)
    if blocks.shape != label.shape:
        raise InvalidDesign(f"block has shape {blocks.shape}, label has {label.shape}")
    _, code = np.unique(label, return_inverse=True)
    low = np.full(groups.size, code.max() + 1)
    high = np.full(groups.size, -1)
    np.minimum.at(low, group_of, code)
    np.maximum.at(high, group_of, code)
    varying = low != high
    if not varying.any():
        design = _between(low, group_of, blocks)
    elif time is None:
        design = _within(code, group_of, blocks, varying)
    else:
        clock = np.asarray(time, dtype=float)
        parts = _label_stretches(code, group_of, blocks, clock)
        design = _shift(code, parts, clock, minimum_lag, int(varying.sum()))
    if design.log_arrangements < np.log(MINIMUM_ARRANGEMENTS) - 1e-9:
        raise InvalidDesign(
            f"only {design.arrangements:.0f} distinct arrangements exist {design.scheme} "
            f"({design.n_groups} groups can be exchanged), fewer than {MINIMUM_ARRANGEMENTS}: "
            "no p below .05 is possible. Record more independent groups, or declare blocks "
            "that hold more than one label"
        )
    return design


def _check(label: np.ndarray, group: np.ndarray) -> None:
    if label.ndim != 1 or group.shape != label.shape:
        raise InvalidDesign(
            f"label and group have one value per sample; given shapes {label.shape} and "
            f"{group.shape}"
        )
    if label.size < 2:
        raise InvalidDesign(
            f"a test needs at least 2 samples; given {label.size}. Record more of them"
        )
    if label.dtype.kind == "f" and np.isnan(label).any():
        raise InvalidDesign(
            f"{int(np.isnan(label).sum())} samples have no label (NaN); drop them first"
        )
    if np.all(label == label[0]):
        raise InvalidDesign(
            f"the label has one condition only ({label[0]}); a comparison needs at least 2: "
            "record more conditions, or ask about a label that changes"
        )


def _check_blocks(group_of: np.ndarray, blocks: np.ndarray) -> None:
    block_of = np.empty(int(group_of.max()) + 1, dtype=blocks.dtype)
    block_of[group_of] = blocks
    if not np.array_equal(block_of[group_of], blocks):
        raise InvalidDesign(
            "a group spans several blocks; blocks are made of whole groups (a session holds "
            "trials, an animal holds sessions). Number groups anew in each block"
        )


def _log_multinomial(codes: np.ndarray) -> float:
    counts = np.unique(codes, return_counts=True)[1]
    return float(gammaln(codes.size + 1) - gammaln(counts + 1).sum())


def _between(label_of_group: np.ndarray, group_of: np.ndarray, blocks: np.ndarray) -> Design:
    _check_blocks(group_of, blocks)
    count = label_of_group.size
    block_of = np.full(count, -1, dtype=np.int64)
    _, block_code = np.unique(blocks, return_inverse=True)
    block_of[group_of] = block_code
    parts = tuple(np.flatnonzero(block_of == b) for b in np.unique(block_of))
    total = sum(_log_multinomial(label_of_group[part]) for part in parts)
    useful = sum(part.size for part in parts if np.unique(label_of_group[part]).size > 1)
    return Design("between groups", total, useful, None, parts, group_of.size, group_of)


def _within(
    code: np.ndarray, group_of: np.ndarray, blocks: np.ndarray, varying: np.ndarray
) -> Design:
    _check_blocks(group_of, blocks)
    order = np.argsort(group_of, kind="stable")
    borders = np.flatnonzero(np.diff(group_of[order])) + 1
    parts = tuple(
        np.sort(part) for part in np.split(order, borders) if np.unique(code[part]).size > 1
    )
    total = sum(_log_multinomial(code[part]) for part in parts)
    return Design("within groups", total, int(varying.sum()), None, parts, code.size)


def _shift(
    code: np.ndarray,
    candidates: list[np.ndarray],
    time: np.ndarray,
    minimum_lag: float | None,
    groups: int,
) -> Design:
    if minimum_lag is not None and not minimum_lag >= 0:
        raise InvalidDesign(f"minimum_lag is a time, zero or more; given {minimum_lag}")
    nearest = minimum_lag or 0.0
    parts, lags, total, best = [], [], 0.0, 0.0
    for part in candidates:
        if np.unique(code[part]).size < 2:
            continue
        distinct = period(code[part]) / correlation_time(code[part])
        best = max(best, distinct)
        if distinct < MINIMUM_ARRANGEMENTS:
            continue
        lag = int(np.ceil(nearest / float(np.median(np.diff(time[part]))) - 1e-9))
        allowed = 1 - max(2 * lag - 1, 0) / part.size
        if distinct * allowed < MINIMUM_ARRANGEMENTS:
            continue
        parts.append(part)
        lags.append(lag)
        total += float(np.log(distinct * allowed))
    if not parts:
        raise InvalidDesign(
            f"circular shifts need a stretch of at least {MINIMUM_ARRANGEMENTS} correlation times "
            f"of the label (shifts nearer than one are not distinct arrangements); the best of "
            f"these holds {best:.1f}"
            + (f", and shifts are to be at least {nearest:.4g}" if nearest else "")
            + ". Record longer stretches; or average each trial (or each phase of it) to one "
            "sample and leave time out, so that labels permute between or within groups"
        )
    return Design(
        "circular shift",
        total,
        groups,
        float(nearest),
        tuple(parts),
        code.size,
        None,
        tuple(lags),
    )


def _label_stretches(
    code: np.ndarray, group_of: np.ndarray, blocks: np.ndarray, time: np.ndarray
) -> list[np.ndarray]:
    """Return stretches; where times repeat within blocks, every group has its own clock."""
    if time.shape != code.shape:
        raise InvalidDesign(f"time has shape {time.shape}, label has {code.shape}")
    places = np.stack([blocks, time])
    if np.unique(places, axis=1).shape[1] < code.size:
        _, blocks = np.unique(np.stack([blocks, group_of]), axis=1, return_inverse=True)
        blocks = blocks.ravel()
    return stretches(time, blocks)
