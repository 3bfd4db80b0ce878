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
    d·µ^(−d−1) where the density is even over those two [1]_. A path is a line whatever the sheet
    it runs over: of time series, samples at least a correlation time apart are taken, and
    neither two samples of one group nor a sample's two neighbours from one group count.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN, whose units were recorded together.
    rng : numpy Generator or int
    samples : int
        Samples whose neighbours are looked for, and among whom, drawn at random. Cost goes with
        the square.
    exclusion : float, optional
        Least time between samples (s, in the same block); by default the correlation time of
        the slowest of the three leading components. 0: any.
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
        Units never recorded together; fewer than 20 samples far enough apart with two neighbours.
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
    gap = _gap(rec, exclusion)
    rows = _apart(rec, gap)
    chosen = np.sort(generator.choice(rows, min(samples, rows.size), replace=False))
    group = _own_group(rec)[chosen]
    log, kept, duplicates = _ratios(rec.values[chosen].astype(np.float64), group)
    if kept.sum() < 20:
        raise InvalidDesign(
            f"{int(kept.sum())} samples{f' at least {gap:.4g} s apart' if gap else ''} have two "
            f"neighbours ({duplicates} are duplicates); a dimension needs 20 and is rough below "
            f"500: record {'for longer, or give a smaller exclusion' if gap else 'more samples'}"
        )
    cluster = _clusters(rec, generator)[chosen]
    effect = float(_dimension(np.ones((1, int(kept.sum()))), log[kept])[0, 0])
    low, high, groups = _interval(log[kept], cluster[kept], generator)
    null = _null(rec, permutations, chosen.size, generator)
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


def _gap(rec: xr.DataArray, exclusion: float | None) -> float:
    """Return the least time between samples, s."""
    if "time" not in rec.coords or exclusion is not None:
        return float(exclusion or 0.0)
    clock, block = rec["time"].values.astype(np.float64), _block(rec)
    order = np.lexsort((clock, block))
    centred = rec.values.astype(np.float64)
    centred = centred - centred.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    score = centred[order] @ vectors[:, -3:]
    step = np.diff(clock[order])
    step = step[step > 0]
    if not step.size:
        return 0.0
    longest = max((correlation_time(column) for column in score.T if np.ptp(column)), default=1.0)
    # Independent samples have a correlation time of 1: no two are too near.
    return (longest - 1) * float(np.median(step))


def _block(rec: xr.DataArray) -> np.ndarray:
    found = rec["block"].values if "block" in rec.coords else np.zeros(rec.sizes["sample"])
    return np.asarray(found)


def _apart(rec: xr.DataArray, gap: float) -> Int[Array, "_"]:
    """Return rows of which no two of a block are nearer in time than the gap."""
    rows = np.arange(rec.sizes["sample"])
    if gap <= 0 or "time" not in rec.coords:
        return rows
    clock, block = rec["time"].values.astype(np.float64), _block(rec)
    found = []
    for name in np.unique(block):
        inside = rows[block == name]
        inside = inside[np.argsort(clock[inside], kind="stable")]
        place, ordered = 0, clock[inside]
        while place < inside.size:
            found.append(inside[place])
            place = int(np.searchsorted(ordered, ordered[place] + gap * (1 - 1e-9)))
    return np.sort(np.array(found))


def _ratios(values: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return log(r₂ / r₁) of each sample, whether it has both, and how many have r₁ = 0.

    Samples of one group are no neighbours, nor are two of one group both neighbours of a third.
    """
    centred = values - values.mean(axis=0)
    norm = (centred**2).sum(axis=1)
    count = norm.size
    grouped = bool((group >= 0).any())
    nearest = np.empty((count, 2))
    for start in range(0, count, _ROWS):
        rows = np.arange(start, min(start + _ROWS, count))
        square = norm[rows, None] + norm - 2 * centred[rows] @ centred.T
        square[rows - start, rows] = np.inf
        if grouped:
            square[group[rows, None] == group] = np.inf
        for which in range(2):
            place = square.argmin(axis=1)
            # The product cancels where samples nearly coincide: the distance once more, exactly.
            exact = ((centred[rows] - centred[place]) ** 2).sum(axis=1)
            found = np.isfinite(square[rows - start, place])
            nearest[rows, which] = np.where(found, exact, np.inf)
            square[rows - start, place] = np.inf
            if grouped:
                square[group[place][:, None] == group] = np.inf
    nearest.sort(axis=1)
    duplicate = nearest[:, 0] <= 1e-20 * max(float(norm.max()), 1e-300)
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
    found = []
    for drawn in draws:
        log, kept, _ = _ratios(drawn[chosen], nothing)
        found.append(_dimension(np.ones((1, int(kept.sum()))), log[kept])[0, 0])
    return np.array(found)
