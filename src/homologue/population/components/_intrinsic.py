"""How many dimensions a curved sheet has: ratios of the distances to two nearest neighbours."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float, Int
from homologue.inference import cluster_bootstrap, p_value, result
from homologue.inference._bootstrap import FEWEST_GROUPS
from homologue.inference._shifts import correlation_time
from homologue.population.components._folds import group_folds
from homologue.population.components._independent import independent_units
from homologue.population.components._streamed import together
from homologue.recording import validate

_ROWS = 512
_DISCARDED = 0.1


def intrinsic_dimension(
    rec: xr.DataArray,
    *,
    rng: np.random.Generator | int,
    samples: int = 2000,
    exclusion: float | None = None,
    permutations: int = 19,
) -> xr.Dataset:
    """Estimate the dimension of the sheet on which activity lies (TwoNN).

    Of every sample, µ = r₂ / r₁, its distances to the second and the first neighbour, follows
    d·µ^(−d−1) where the density is even over those two [1]_. Neighbours of the same group, and
    those near in time, are none: a path is a line whatever the sheet it runs over.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN, whose units were recorded together.
    rng : numpy Generator or int
    samples : int
        Samples whose neighbours are looked for, and among whom, drawn at random. Cost goes with
        the square.
    exclusion : float, optional
        Neighbours nearer in time (s, in the same block) are left out; by default three
        correlation times of the slowest of the leading components. 0: none are.
    permutations : int
        Recordings with independent units.

    Returns
    -------
    xarray.Dataset
        ``effect``: d by maximum likelihood, the largest tenth of µ censored; ``low``/``high``
        (95 %, BCa over groups, or over pieces of one series); ``null_mean``, ``null_std``,
        ``p`` (**lower** tail: fewer dimensions than independent units have), ``q`` (one test),
        ``n`` (groups or pieces). ``n_duplicates``: samples with a neighbour at distance 0,
        left out.

    Raises
    ------
    InvalidDesign
        Units never recorded together; fewer than 20 samples with two neighbours.
    InvalidRecording
        NaN.

    Notes
    -----
    Biased low above about ten dimensions (every sample is near an edge) and where noise is
    smaller than the distance of neighbours; biased **high** by noise that is larger, up to the
    number of units: measure at several ``samples``. Counts on a lattice give ties. A few
    hundred samples cannot show more than a few dimensions.

    References
    ----------
    .. [1] Facco et al. 2017, Sci. Rep. 7:12140, doi:10.1038/s41598-017-11873-y

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> angle = np.random.default_rng(0).uniform(0, 2 * np.pi, (1000, 2))
    >>> torus = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    >>> found = intrinsic_dimension(make(torus), rng=0)
    >>> bool(found.low < 2 < found.high)
    True
    """
    together(rec)
    validate(rec)
    generator = np.random.default_rng(rng)
    chosen = np.sort(
        generator.choice(rec.sizes["sample"], min(samples, rec.sizes["sample"]), replace=False)
    )
    values = rec.values[chosen].astype(np.float64)
    group = _own_group(rec)[chosen]
    clock, block, gap = _clock(rec, exclusion)
    log, kept, duplicates = _ratios(values, group, clock[chosen], block[chosen], gap)
    if kept.sum() < 20:
        raise InvalidDesign(
            f"{int(kept.sum())} samples have two neighbours at different distances ({duplicates} "
            "are duplicates); record more samples, or leave fewer out (exclusion)"
        )
    cluster = _clusters(rec, generator)[chosen]
    effect = float(_dimension(np.ones((1, int(kept.sum()))), log[kept])[0, 0])
    low, high, groups = _interval(log[kept], cluster[kept], generator)
    null = _null(rec, permutations, samples, generator)
    p = float(p_value(effect, null, tail="lower"))
    data = result(
        effect=effect, low=low, high=high, null=null, p=p, q=p, n=groups,
        attrs={
            "analysis": "population.intrinsic_dimension",
            "method": "TwoNN, maximum likelihood with the largest tenth censored",
            "null": "independent units, each with its own values", "tail": "lower",
            "family": "one test", "permutations": permutations,
            "interval": "95 %, BCa over groups" if groups >= FEWEST_GROUPS else "none: few groups",
            "exclusion": gap, "n_samples": int(kept.sum()),
        },
    )  # fmt: skip
    return data.assign(n_duplicates=duplicates)


def _own_group(rec: xr.DataArray) -> Int[Array, "sample"]:
    """Return groups whose members are no neighbours; -1 where a single group says nothing."""
    _, group = np.unique(rec["group"].values, return_inverse=True)
    if group.max() == 0 or ("time" in rec.coords and "lag" not in rec.coords):
        return np.full(group.size, -1)
    return group


def _clusters(rec: xr.DataArray, rng: np.random.Generator) -> Int[Array, "sample"]:
    _, group = np.unique(rec["group"].values, return_inverse=True)
    if group.max() + 1 >= 20:
        return group
    if "time" in rec.coords and rec.sizes["sample"] >= 40:
        return group_folds(rec, int(max(5, group.max() + 2)), rng)[1]
    return group


def _clock(rec: xr.DataArray, exclusion: float | None) -> tuple[np.ndarray, np.ndarray, float]:
    count = rec.sizes["sample"]
    if "time" not in rec.coords:
        return np.arange(count, dtype=np.float64), np.zeros(count, dtype=np.int64), 0.0
    clock = rec["time"].values.astype(np.float64)
    block = rec["block"].values if "block" in rec.coords else np.zeros(count, dtype=np.int64)
    if exclusion is not None:
        return clock, block, float(exclusion)
    order = np.lexsort((clock, block))
    centred = rec.values.astype(np.float64)
    centred = centred - centred.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    score = centred[order] @ vectors[:, -3:]
    step = np.diff(clock[order])
    longest = max(correlation_time(column) for column in score.T)
    # A drift that never decorrelates would leave no neighbours at all.
    return clock, block, 3 * min(longest, count / 30) * float(np.median(step[step > 0]))


def _ratios(
    values: np.ndarray, group: np.ndarray, clock: np.ndarray, block: np.ndarray, gap: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return log(r₂ / r₁) of each sample, whether it has both, and how many have r₁ = 0."""
    centred = values - values.mean(axis=0)
    norm = (centred**2).sum(axis=1)
    count = norm.size
    nearest = np.empty((count, 2))
    for start in range(0, count, _ROWS):
        rows = slice(start, start + _ROWS)
        square = norm[rows, None] + norm - 2 * centred[rows] @ centred.T
        barred = np.arange(count) == np.arange(count)[rows, None]
        barred |= (group[rows, None] == group) & (group[rows, None] >= 0)
        if gap > 0:
            barred |= (np.abs(clock[rows, None] - clock) < gap) & (block[rows, None] == block)
        square[barred] = np.inf
        if count < 3:
            return np.zeros(count), np.zeros(count, dtype=bool), 0
        two = np.argpartition(square, 1, axis=1)[:, :2]
        # The product cancels where samples nearly coincide: the two distances once more, exactly.
        exact = ((centred[rows][:, None] - centred[two]) ** 2).sum(axis=2)
        found = np.where(np.isfinite(np.take_along_axis(square, two, axis=1)), exact, np.inf)
        nearest[rows] = np.sort(found, axis=1)
    tiny = 1e-20 * max(float(norm.max()), 1e-300)
    duplicate = nearest[:, 0] <= tiny
    kept = ~duplicate & np.isfinite(nearest[:, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where(kept, np.log(nearest[:, 1] / nearest[:, 0]) / 2, 0.0)
    return log, kept, int(duplicate.sum())


def _dimension(weights: np.ndarray, log: np.ndarray) -> Float[Array, "draw 1"]:
    """Return d of exponential log µ, of which those above the ninth decile are censored."""
    limit = np.quantile(log, 1 - _DISCARDED)
    events = weights @ (log <= limit).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(events / (weights @ np.minimum(log, limit)))[:, None]


def _interval(
    log: np.ndarray, cluster: np.ndarray, rng: np.random.Generator
) -> tuple[float, float, int]:
    _, code = np.unique(cluster, return_inverse=True)
    groups = int(code.max()) + 1
    if groups < FEWEST_GROUPS:
        return np.nan, np.nan, groups
    limit = np.quantile(log, 1 - _DISCARDED)
    events = np.bincount(code, (log <= limit).astype(np.float64), minlength=groups)
    total = np.bincount(code, np.minimum(log, limit), minlength=groups)
    found = cluster_bootstrap(
        lambda weights: ((weights @ events) / np.maximum(weights @ total, 1e-300))[:, None],
        groups, rng=rng,
    )  # fmt: skip
    return float(found.low[0]), float(found.high[0]), groups


def _null(
    rec: xr.DataArray, permutations: int, samples: int, rng: np.random.Generator
) -> Float[Array, "draw"]:
    rows, draws, _ = independent_units(rec, permutations, rng, standardised=False)
    chosen = np.sort(rng.choice(rows.shape[0], min(samples, rows.shape[0]), replace=False))
    nothing = np.full(chosen.size, -1)
    place = chosen.astype(np.float64)
    found = []
    for drawn in draws:
        log, kept, _ = _ratios(drawn[chosen], nothing, place, nothing, 0.0)
        found.append(_dimension(np.ones((1, int(kept.sum()))), log[kept])[0, 0])
    return np.array(found)
