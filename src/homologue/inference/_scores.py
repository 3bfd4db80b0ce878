"""Activity as exact integers, so that sums of it do not depend on who adds them, or in what order.

A permutation p-value counts null statistics that reach the observed one. With ordinary floats
the sums behind a statistic differ in the last bits between float32 and float64, between BLAS
libraries, thread counts and block sizes, and ties fall to one side or the other. Scores are
integers held in a float type wide enough that every sum over any set of samples is exact:

===========  ===================================================  ==============================
kind         score of value x in a unit of n samples              exact in
===========  ===================================================  ==============================
ranks        2·rank − n − 1, ties at mid-rank                     float32 to n = 8 192
values,      n·x − Σx                                             float32 while Σ|score| ≤ 2²⁵
integers
values,      round(2ᵏ·(x − mean)/sd), k = 52 − ⌈log₂ n⌉           float64
other        (resolution 2⁻⁴¹ of an sd at n = 2 000)
===========  ===================================================  ==============================

Shares and contrasts do not change when a unit is shifted or scaled, so nothing is undone later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse

from homologue._errors import HomologueError, InvalidRecording
from homologue._typing import Array, Bool, Float, Int, Num
from homologue.inference._ranks import EXACT_FLOAT32, centred_ranks

_UNITS_AT_ONCE = 256
ScoreKind = Literal["ranks", "values"]


@dataclass(frozen=True)
class Scores:
    """Integer scores of the units that can be tested, with what turns sums into statistics.

    Attributes
    ----------
    values : array, shape (row, tested unit)
        Integers in float32 or float64; a row is a sample, or a group after :meth:`folded`.
    rows : array of int, shape (row,)
        Samples that a row stands for (all 1 before folding).
    total : array, shape (tested unit,)
        Sum over samples (0 for ranks).
    sum_of_squares : array, shape (tested unit,)
        Over samples, about the mean.
    tested : array of bool, shape (unit,)
        False for constant units and units with a NaN: they get NaN, never a p-value.
    kind : {"ranks", "values"}
    resolution : float
        Rounding of a score in standard deviations; 0 where scores are the data exactly.
    """

    values: Any
    rows: Any
    total: Any
    sum_of_squares: Any
    tested: Any
    kind: ScoreKind
    resolution: float = 0.0

    @property
    def samples(self) -> int:
        """Number of samples behind the rows."""
        return int(self.rows.sum())

    def folded(self, group: Int[Array, "sample"]) -> Scores:
        """Return the scores summed within groups: what a null that moves whole groups needs.

        Parameters
        ----------
        group : array of int, shape (sample,)
            Group of each sample; rows of the result are the sorted unique groups.
        """
        _, code = np.unique(group, return_inverse=True)
        count = int(code.max()) + 1
        order = np.argsort(code, kind="stable")
        border = np.searchsorted(code[order], np.arange(count + 1))
        ones = np.ones(code.size, dtype=self.values.dtype)
        member = scipy.sparse.csr_array((ones, order, border), shape=(count, code.size))
        sizes = np.diff(border)
        return Scores(
            member @ self.values, sizes, self.total, self.sum_of_squares, self.tested,
            self.kind, self.resolution,
        )  # fmt: skip

    def select(self, units: Int[Array, "selected"]) -> Scores:
        """Return the scores of some of the tested units (positions among the tested ones)."""
        tested = np.zeros(self.tested.size, dtype=bool)
        tested[np.flatnonzero(self.tested)[units]] = True
        return Scores(
            np.ascontiguousarray(self.values[:, units]), self.rows, self.total[units],
            self.sum_of_squares[units], tested, self.kind, self.resolution,
        )  # fmt: skip


def score(
    activity: Num[Array, "sample unit"],
    *,
    kind: ScoreKind = "ranks",
    dtype: Any = None,
) -> Scores:
    """Turn activity into exact integer scores.

    Parameters
    ----------
    activity : array, shape (sample, unit)
        NaN makes a unit untested; Inf is an error.
    kind : {"ranks", "values"}
        Ranks make rank statistics (Kruskal–Wallis, AUC), values their classical counterparts
        (η², correlation with a concept's indicator).
    dtype : float32 or float64, optional
        Of the scores: the narrowest exact one if left out. Results do not depend on it.

    Returns
    -------
    Scores

    Raises
    ------
    InvalidRecording
        Inf in the activity, or fewer than two samples.
    HomologueError
        float32 asked for where sums would not be exact.

    Examples
    --------
    >>> import numpy as np
    >>> score(np.array([[1.0, 5.0], [2.0, 5.0], [9.0, 5.0]])).tested
    array([ True, False])
    """
    activity = np.asarray(activity)
    n = activity.shape[0]
    if n < 2:
        raise InvalidRecording(f"a test needs at least 2 samples; given {n}. Record more of them")
    if kind not in ("ranks", "values"):
        raise HomologueError(f"scores are 'ranks' or 'values'; given {kind!r}")
    wanted = None if dtype is None else np.dtype(dtype)
    tested = _testable(activity)
    if not tested.all():
        activity = activity[:, tested]
    resolution = 0.0
    if kind == "ranks":
        narrow = n * n <= 4 * EXACT_FLOAT32
        chosen = _float_type(wanted, n, narrow=narrow)
        values = centred_ranks(activity, dtype=chosen)
        total = np.zeros(values.shape[1])
        squares = _sum_of_squares(values)
    elif _integral(activity):
        whole = activity.astype(np.float64)
        whole = n * whole - whole.sum(axis=0)
        bound = np.abs(whole).sum(axis=0).max(initial=0.0)
        values = whole.astype(_float_type(wanted, n, narrow=bool(bound <= 2 * EXACT_FLOAT32)))
        total = np.zeros(values.shape[1])
        squares = _sum_of_squares(whole)
    else:
        _float_type(wanted, n, narrow=False)
        bits = 52 - int(np.ceil(np.log2(n)))
        values = _fixed_point(activity, bits)
        total = np.add.reduce(values, axis=0)
        squares = _sum_of_squares(values)
        resolution = 2.0**-bits
    return Scores(values, np.ones(n, dtype=np.int64), total, squares, tested, kind, resolution)


def _float_type(wanted: np.dtype | None, n: int, *, narrow: bool) -> Any:
    if wanted is None:
        return np.float32 if narrow else np.float64
    if wanted == np.float64:
        return np.float64
    if wanted == np.float32 and narrow:
        return np.float32
    raise HomologueError(
        f"sums of these scores over {n} samples are not exact in {wanted}; give dtype=float64, "
        "leave dtype out, or use ranks (exact in float32 up to 8 192 samples)"
    )


def _testable(activity: Num[Array, "sample unit"]) -> Bool[Array, "unit"]:
    low, high = activity.min(axis=0), activity.max(axis=0)  # NaN carries through both
    if activity.dtype.kind == "f":
        # With a NaN in the same unit min and max hide an Inf; look again only then.
        infinite = np.isinf(low) | np.isinf(high)
        if np.isnan(low).any():
            infinite |= np.isinf(activity[:, np.isnan(low)]).any()
        if infinite.any():
            raise InvalidRecording(
                "the activity holds Inf; find the sample where it overflowed, or record NaN "
                "where nothing was measured"
            )
    return low < high


def _integral(activity: Num[Array, "sample unit"]) -> bool:
    """Return whether n·x stays an exact integer in float64, as spike counts do."""
    if activity.dtype.kind in "iub":
        limit = np.abs(activity.astype(np.float64)).max(initial=0.0)
    else:
        limit = np.abs(activity).max(initial=0.0)
        if limit >= 2**26 or not np.array_equal(activity[0], np.rint(activity[0])):
            return False
        if not np.array_equal(activity, np.rint(activity)):
            return False
    return bool(limit * activity.shape[0] ** 2 * 2 < 2.0**53)


def _fixed_point(activity: np.ndarray, bits: int) -> Float[Array, "sample unit"]:
    n, units = activity.shape
    values = np.empty((n, units), dtype=np.float64)
    for start in range(0, units, _UNITS_AT_ONCE):
        # One unit a row: its mean and deviation do not depend on its neighbours or layout.
        part = np.ascontiguousarray(activity[:, start : start + _UNITS_AT_ONCE].T, np.float64)
        part -= part.mean(axis=1, keepdims=True)
        part *= 1.0 / np.abs(part).max(axis=1, keepdims=True)  # squares of 1e-200 are 0
        part *= 2.0**bits / np.sqrt(np.square(part).mean(axis=1, keepdims=True))
        values[:, start : start + _UNITS_AT_ONCE] = np.rint(part, out=part).T
    return values


def _sum_of_squares(values: np.ndarray) -> Float[Array, "unit"]:
    squares = np.empty(values.shape[1])
    for start in range(0, values.shape[1], _UNITS_AT_ONCE):
        part = np.ascontiguousarray(values[:, start : start + _UNITS_AT_ONCE].T, np.float64)
        squares[start : start + _UNITS_AT_ONCE] = np.square(part).sum(axis=1)
    return squares
