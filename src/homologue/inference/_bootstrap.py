"""Intervals that resample groups, as weights: one multinomial matrix serves every statistic.

A bootstrap draw is a vector of how often each group was taken. A statistic is given the matrix
of such weights (draw × group) and returns its value for each draw, so that means, shares and
anything else made of group sums is one matrix product. Weights of 1 are the data, weights with
one 0 the jackknife.

References
----------
.. [1] Efron 1987, J. Am. Stat. Assoc. 82:171, doi:10.1080/01621459.1987.10478410 (BCa)
.. [2] Cameron, Gelbach & Miller 2008, Rev. Econ. Stat. 90:414, doi:10.1162/rest.90.3.414
   (studentised, few clusters)
.. [3] Davison & Hinkley 1997, Bootstrap Methods and their Application, ch. 5
.. [4] Hesterberg 2015, Am. Stat. 69:371, doi:10.1080/00031305.2015.1089789 (expanded quantiles)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse
from scipy.special import ndtr, ndtri, stdtrit

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Float, Int, Num

FEWEST_GROUPS = 5
_VALUES_AT_ONCE = 1024

Method = Literal["studentised", "bca"]
Statistic = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval; arrays of shape ``(value,)``.

    Attributes
    ----------
    estimate, low, high, standard_error : array, shape (value,)
        NaN where the statistic is NaN on the data.
    level : float
    method : str
        ``"studentised"`` or ``"bca"``.
    groups, draws : int
    """

    estimate: Any
    low: Any
    high: Any
    standard_error: Any
    level: float
    method: str
    groups: int
    draws: int


def group_weights(
    groups: int, draws: int, *, rng: np.random.Generator | int
) -> Float[Array, "draw group"]:
    """Return how often each group is taken in each bootstrap draw.

    Parameters
    ----------
    groups, draws : int
    rng : numpy Generator or int

    Examples
    --------
    >>> group_weights(5, 3, rng=0).sum(axis=1)
    array([5., 5., 5.])
    """
    counts = np.random.default_rng(rng).multinomial(groups, np.full(groups, 1 / groups), draws)
    return counts.astype(np.float64)


def cluster_bootstrap(
    statistic: Statistic,
    groups: int,
    *,
    rng: np.random.Generator | int,
    method: Method = "bca",
    level: float = 0.95,
    draws: int = 2000,
) -> Interval:
    """Return a bootstrap interval of a vector-valued statistic of group weights.

    Parameters
    ----------
    statistic : callable
        ``statistic(weights)``, weights of shape (draw, group), returns (draw, value); for
        ``"studentised"`` a pair (values, standard errors) of that shape.
    groups : int
        Independent groups; at least 5.
    rng : numpy Generator or int
    method : {"bca", "studentised"}
        BCa [1]_ corrects bias and skewness with a jackknife over groups, is expanded for few
        groups [4]_, and keeps the interval
        within the statistic's range; studentised [2]_ covers better for means with few groups.
    level : float
    draws : int
        At least 1 000 for a 95 % interval.

    Returns
    -------
    Interval

    Raises
    ------
    InvalidDesign
        Fewer than 5 groups: their resamples are too few for any interval.

    Notes
    -----
    Fails for statistics that are not smooth in the weights (a maximum, a rank-one p-value), for
    estimates at the edge of their range, and where groups are not independent. Draws that give
    NaN (a class lost in resampling) are left out.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).exponential(size=(40, 1))
    >>> mean = lambda weights: weights @ x / weights.sum(axis=1, keepdims=True)
    >>> found = cluster_bootstrap(mean, 40, rng=1)
    >>> bool(found.low[0] < x.mean() < found.high[0])
    True
    """
    if groups < FEWEST_GROUPS:
        raise InvalidDesign(
            f"a bootstrap over {groups} groups has too few distinct resamples for an interval; "
            f"record at least {FEWEST_GROUPS} independent groups (40 for nominal coverage)"
        )
    if not 0 < level < 1 or draws < 100:
        raise HomologueError(
            f"expected a level in (0, 1) and at least 100 draws; given {level} and {draws}"
        )
    if method not in ("bca", "studentised"):
        raise HomologueError(f"method is 'bca' or 'studentised'; given {method!r}")
    weights = group_weights(groups, draws, rng=rng)
    ones = np.ones((1, groups))
    if method == "studentised":
        estimate, error = (np.asarray(part)[0] for part in statistic(ones))
        low, high = _studentised(estimate, error, *statistic(weights), level=level)
    else:
        estimate = np.asarray(statistic(ones), dtype=np.float64)[0]
        resampled = np.asarray(statistic(weights), dtype=np.float64)
        jackknife = np.asarray(statistic(1.0 - np.eye(groups)), dtype=np.float64)
        low, high = _bca(estimate, resampled, jackknife, level)
        error = _spread(resampled)
    missing = np.isnan(estimate)
    low, high = np.where(missing, np.nan, low), np.where(missing, np.nan, high)
    return Interval(estimate, low, high, error, level, method, groups, draws)


def mean_interval(
    values: Num[Array, "sample value"],
    group: Int[Array, "sample"],
    *,
    rng: np.random.Generator | int,
    method: Method = "studentised",
    level: float = 0.95,
    draws: int = 2000,
) -> Interval:
    """Return the mean over samples with an interval that resamples groups.

    Parameters
    ----------
    values : array, shape (sample, value)
        NaN: not measured, left out of its column.
    group : array of int, shape (sample,)
        The smallest independent unit.
    rng : numpy Generator or int
    method : {"studentised", "bca"}
    level : float
    draws : int

    Returns
    -------
    Interval
        Samples weigh equally; average within groups first to let groups weigh equally.

    Notes
    -----
    Measured coverage of the 95 % interval at 40 groups over 4 000 data sets, studentised / BCa:
    normal .949 / .949, exponential .951 / .942, nested clusters of 1–20 samples .946 / .942.
    Short where tails are heavy: lognormal (σ = 1) .929 / .915, Student's t with 3 degrees of
    freedom .927 / .920; fails where the mean has no variance.

    Examples
    --------
    >>> import numpy as np
    >>> correct = np.tile([1.0, 1.0, 0.0, 1.0], 50)[:, None]
    >>> found = mean_interval(correct, np.arange(200) // 5, rng=1)
    >>> found.estimate, found.low.round(2), found.high.round(2)
    (array([0.75]), array([0.72]), array([0.78]))
    """
    values = np.asarray(values, dtype=np.float64)
    if values.shape[0] != np.shape(group)[0]:
        raise InvalidDesign(
            f"values have {values.shape[0]} samples, group has {np.shape(group)[0]}"
        )
    _, code = np.unique(group, return_inverse=True)
    groups = int(code.max()) + 1
    cells = (np.ones(code.size), (code, np.arange(code.size)))
    member = scipy.sparse.csr_array(cells, shape=(groups, code.size))
    generator = np.random.default_rng(rng)
    seed = int(generator.integers(2**63))  # the same weights for every block of values
    parts = []
    for start in range(0, max(values.shape[1], 1), _VALUES_AT_ONCE):
        part = values[:, start : start + _VALUES_AT_ONCE]
        known = ~np.isnan(part)
        sums = member @ np.where(known, part, 0.0)
        counts = member @ known.astype(np.float64)
        ratio = _ratio(sums, counts, with_error=method == "studentised")
        parts.append(
            cluster_bootstrap(ratio, groups, rng=seed, method=method, level=level, draws=draws)
        )
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("estimate", "low", "high", "standard_error")
    }
    return Interval(**joined, level=level, method=method, groups=groups, draws=draws)


def _ratio(sums: np.ndarray, counts: np.ndarray, *, with_error: bool) -> Statistic:
    """Return weighted Σ sums / Σ counts, with its linearised standard error over groups."""
    scale = np.abs(sums).max(axis=0) + (sums == 0).all(axis=0)
    centre = sums.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
    shifted = sums - counts * centre  # near zero mean: the expanded squares do not cancel

    def statistic(weights: np.ndarray) -> Any:
        total = weights @ counts
        with np.errstate(invalid="ignore", divide="ignore"):
            offset = (weights @ shifted) / total
            estimate = centre + offset
        if not with_error:
            return estimate
        groups = weights.sum(axis=1, keepdims=True)
        squares = (
            weights @ (shifted / scale) ** 2
            - 2 * (offset / scale) * (weights @ (shifted / scale * counts))
            + (offset / scale) ** 2 * (weights @ counts**2)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = np.maximum(squares, 0.0) * groups / (groups - 1)
            return estimate, scale * np.sqrt(variance) / total

    return statistic


def _studentised(
    estimate: np.ndarray, error: np.ndarray, resampled: Any, errors: Any, *, level: float
) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(invalid="ignore", divide="ignore"):
        t = (np.asarray(resampled) - estimate) / np.asarray(errors)
    t = np.where(np.isfinite(t), t, np.nan)
    tail = (1 - level) / 2
    t = np.sort(t, axis=0)
    fraction = np.broadcast_to([[tail], [1 - tail]], (2, t.shape[1]))
    left, right = _quantiles(t, fraction)
    # Where every resample is alike (no spread at all) the interval is the point.
    still = error == 0
    return (
        np.where(still, estimate, estimate - right * error),
        np.where(still, estimate, estimate - left * error),
    )


def _bca(
    estimate: np.ndarray, resampled: np.ndarray, jackknife: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    known = np.isfinite(resampled)
    count = np.maximum(known.sum(axis=0), 1)
    below = ((resampled < estimate) & known).sum(axis=0)
    tied = ((resampled == estimate) & known).sum(axis=0)
    share = np.clip((below + tied / 2) / count, 0.5 / count, 1 - 0.5 / count)
    bias = ndtri(share)
    left_out = np.isfinite(jackknife)
    filled = np.where(left_out, jackknife, 0.0)
    deviation = filled.sum(axis=0) / np.maximum(left_out.sum(axis=0), 1) - filled
    deviation[~left_out] = 0.0
    squares = (deviation**2).sum(axis=0)
    cubes = (deviation**3).sum(axis=0)
    acceleration = cubes / np.where(squares > 0, 6 * squares**1.5, 1.0)
    groups = jackknife.shape[0]
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        # A normal quantile makes intervals of few groups too short; the expanded one [4]_ does not.
        z = stdtrit(groups - 1, tail) * np.sqrt(groups / (groups - 1))
        ends.append(ndtr(bias + (bias + z) / (1 - acceleration * (bias + z))))
    low, high = _quantiles(np.sort(np.where(known, resampled, np.nan), axis=0), np.stack(ends))
    return low, high


def _quantiles(ordered: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Return a quantile per column, at (count + 1)·fraction; NaN sort last and do not count."""
    count = (~np.isnan(ordered)).sum(axis=0)
    place = np.clip(fraction * (count + 1) - 1, 0, np.maximum(count - 1, 0))
    lower = np.floor(place).astype(np.int64)
    upper = np.minimum(lower + 1, np.maximum(count - 1, 0))
    first = np.take_along_axis(ordered, lower, axis=0)
    second = np.take_along_axis(ordered, upper, axis=0)
    return first + (second - first) * (place - lower)


def _spread(resampled: np.ndarray) -> np.ndarray:
    known = np.isfinite(resampled)
    count = np.maximum(known.sum(axis=0), 2)
    filled = np.where(known, resampled, 0.0)
    mean = filled.sum(axis=0) / count
    squares = (np.where(known, resampled - mean, 0.0) ** 2).sum(axis=0)
    return np.sqrt(squares / (count - 1))
