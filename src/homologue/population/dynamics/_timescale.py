"""How long activity lasts: an exponential fitted to the autocorrelation of each unit."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import benjamini_hochberg, cluster_bootstrap, p_value, result
from homologue.inference._bootstrap import FEWEST_GROUPS
from homologue.population.dynamics._series import sampling_step, series
from homologue.recording import validate

_GRID = 80
_PIECES = 20


def intrinsic_timescale(
    rec: xr.DataArray,
    *,
    rng: np.random.Generator | int,
    window: float | None = None,
    permutations: int = 199,
) -> xr.Dataset:
    """Fit A·(exp(−kΔ/τ) + B) to the autocorrelation of each unit, over trials or windows.

    The covariance over trials of each two times, pooled by their distance [1]_. What all trials
    share at a time is subtracted first; in one long series, its mean.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN, with ``trial`` and ``lag``, or ``time``; even bins (s).
    rng : numpy Generator or int
    window : float, optional
        Longest distance that is fitted, s; by default the trial less one bin, and of long series
        1 s or 20 bins, whichever is longer.
    permutations : int

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect`` (τ in s; NaN where the fit has none, see ``reason``), ``low``,
        ``high`` (95 %, BCa over groups, or over twenty pieces where groups are fewer than
        five), ``null_mean``/``null_std`` (τ with bins permuted, where it could be fitted), ``p``
        (autocorrelation of neighbouring bins against bins permuted within trials or series),
        ``q`` (BH over units), ``n`` (groups). ``amplitude`` A, ``offset`` B,
        ``autocorrelation`` (``distance``, ``unit``). ``population``, ``population_low``,
        ``population_high``: τ of the mean autocorrelation.

    Raises
    ------
    InvalidDesign
        No time, uneven bins, fewer than four distances.
    InvalidRecording
        NaN.

    Notes
    -----
    Distance 0 is left out, where counting noise sits. Fails where the autocorrelation is not
    one exponential (oscillations, adaptation, two timescales), where τ is beyond the window or
    below the bin, and where a drift over the session adds an autocorrelation that B takes up.

    References
    ----------
    .. [1] Murray et al. 2014, Nat. Neurosci. 17:1661, doi:10.1038/nn.3862

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.signal import lfilter
    >>> from homologue.recording import make
    >>> noise = np.random.default_rng(0).normal(size=(20000, 2))
    >>> rec = make(lfilter([1], [1, -np.exp(-0.05 / 0.15)], noise, axis=0),
    ...            variables={"time": np.arange(20000) * 0.05})
    >>> found = intrinsic_timescale(rec, rng=0, permutations=19)
    >>> bool(abs(found.population - 0.15) < 0.02)
    True
    """
    validate(rec)
    parts = series(rec)
    step = sampling_step(rec, parts)
    trials = "trial" in rec.coords and "lag" in rec.coords
    generator = np.random.default_rng(rng)
    longest = max(part.size for part in parts)
    limit = longest - 1 if trials else max(20, round(1.0 / step))
    count = limit if window is None else round(window / step)
    count = min(count, longest - 1)
    if count < 4:
        raise InvalidDesign(
            f"{count} distances of {step:.4g} s; an exponential with an offset needs at least 4: "
            "longer trials or a longer window"
        )
    values = _centred(rec, parts, trials=trials)
    labels, groups = _pieces(rec, parts)
    sums, pairs = _lagged(values, parts, labels, groups, count)
    correlation = _autocorrelation(sums.sum(axis=0), pairs.sum(axis=0))
    distance = np.arange(1, count + 1) * step
    tau, amplitude, offset, reason = _fit(correlation[1:], distance)
    null_tau, null_first = _null(values, parts, permutations, distance, generator)
    p = p_value(correlation[1], null_first)
    low, high, pooled = _intervals(sums, pairs, distance, generator)
    known = np.isfinite(null_tau)
    with_null = np.where(known.sum(axis=0) > 1, known.sum(axis=0), 1)
    mean = np.where(known, null_tau, 0.0).sum(axis=0) / with_null
    spread = np.sqrt((np.where(known, null_tau - mean, 0.0) ** 2).sum(axis=0) / with_null)
    empty = known.sum(axis=0) < 2
    data = result(
        effect=tau,
        low=np.where(np.isnan(tau), np.nan, low),
        high=np.where(np.isnan(tau), np.nan, high),
        null_mean=np.where(empty, np.nan, mean),
        null_std=np.where(empty, np.nan, spread),
        p=p,
        q=benjamini_hochberg(p),
        n=groups,
        dims=("unit",),
        coords={"unit": rec["unit"]},
        attrs={
            "analysis": "population.intrinsic_timescale",
            "method": "A·(exp(−kΔ/τ) + B), least squares over distances",
            "effect_units": "s",
            "null": "bins permuted within each trial or series; p of the first distance",
            "family": "BH over units",
            "interval": "95 %, BCa over groups"
            if groups >= FEWEST_GROUPS
            else f"none: {groups} groups, fewer than {FEWEST_GROUPS}",
            "permutations": permutations,
            "window": float(distance[-1]),
        },
    )
    return data.assign(
        amplitude=("unit", amplitude),
        offset=("unit", offset),
        reason=("unit", reason),
        autocorrelation=(("distance", "unit"), correlation[1:]),
        population=pooled[0],
        population_low=pooled[1],
        population_high=pooled[2],
    ).assign_coords(distance=("distance", distance, {"units": "s"}))


def _centred(rec: xr.DataArray, parts: list[np.ndarray], *, trials: bool) -> np.ndarray:
    values = rec.values.astype(np.float64)
    if not trials:
        for part in parts:
            values[part] -= values[part].mean(axis=0)
        return values
    _, place = np.unique(rec["lag"].values, return_inverse=True)
    sums = np.zeros((place.max() + 1, values.shape[1]))
    np.add.at(sums, place, values)
    return values - (sums / np.bincount(place)[:, None])[place]


def _pieces(rec: xr.DataArray, parts: list[np.ndarray]) -> tuple[np.ndarray, int]:
    """Return the group of each sample: the declared one, or a piece of time where there are few."""
    _, label = np.unique(rec["group"].values, return_inverse=True)
    if label.max() + 1 < FEWEST_GROUPS:
        rows = np.concatenate(parts)
        label = np.empty(rec.sizes["sample"], dtype=np.int64)
        label[rows] = np.arange(rows.size) * _PIECES // rows.size
    return label, int(label.max()) + 1


def _lagged(
    values: np.ndarray, parts: list[np.ndarray], label: np.ndarray, groups: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return sums of products (group, distance, unit) and numbers of pairs (group, distance)."""
    ordered = np.concatenate(parts)
    member = np.concatenate([np.full(part.size, k) for k, part in enumerate(parts)])
    data, code = values[ordered], label[ordered]
    sums = np.zeros((groups, count + 1, data.shape[1]))
    pairs = np.zeros((groups, count + 1))
    arranged = np.argsort(code, kind="stable")
    for lag in range(count + 1):
        stop = ordered.size - lag
        together = member[:stop] == member[lag:]
        first = arranged[arranged < stop]
        first = first[together[first]]
        if not first.size:
            continue
        which = code[first]
        starts = np.flatnonzero(np.diff(which, prepend=-1))
        product = data[first] * data[first + lag]
        sums[which[starts], lag] = np.add.reduceat(product, starts, axis=0)
        pairs[:, lag] = np.bincount(which, minlength=groups)
    return sums, pairs


def _autocorrelation(sums: np.ndarray, pairs: np.ndarray) -> Float[Array, "... distance unit"]:
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums / pairs[..., None]
        return mean / mean[..., :1, :]


def _fit(
    correlation: Float[Array, "distance curve"], distance: Float[Array, "distance"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return τ, A, B and why there is none, of every curve at once.

    For each τ of a grid the best A and offset are linear; the best τ is refined by a parabola.
    """
    step = distance[0]
    grid = np.geomspace(step / 3, 5 * distance[-1], _GRID)
    known = np.isfinite(correlation).all(axis=0)
    curve = np.where(known, correlation, 0.0)
    level = curve.mean(axis=0)
    centred = curve - level
    basis = np.exp(-distance[:, None] / grid)
    middle = basis.mean(axis=0)
    basis = basis - middle
    size = (basis**2).sum(axis=0)
    inner = basis.T @ centred
    gain = np.where(inner > 0, inner, 0.0) ** 2 / size[:, None]
    best = gain.argmax(axis=0)
    inside = np.clip(best, 1, _GRID - 2)
    columns = np.arange(curve.shape[1])
    before, at, after = (gain[inside + shift, columns] for shift in (-1, 0, 1))
    bend = before - 2 * at + after
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(bend < 0, 0.5 * (before - after) / bend, 0.0)
    log = np.log(grid[inside]) + np.clip(shift, -1, 1) * (np.log(grid[1]) - np.log(grid[0]))
    tau = np.exp(log)
    final = np.exp(-distance[:, None] / tau)
    mean = final.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        amplitude = ((final - mean) * centred).sum(axis=0) / ((final - mean) ** 2).sum(axis=0)
        offset = (level - amplitude * mean) / amplitude
    reason = np.full(curve.shape[1], "", dtype=object)
    reason[best == _GRID - 1] = "τ beyond the window"
    reason[best == 0] = "τ below the bin"
    reason[gain[best, columns] <= 0] = "the autocorrelation does not decay"
    reason[~known] = "the unit does not vary"
    bad = reason != ""
    return (
        np.where(bad, np.nan, tau),
        np.where(bad, np.nan, amplitude),
        np.where(bad, np.nan, offset),
        reason.astype(str),
    )


def _null(
    values: np.ndarray,
    parts: list[np.ndarray],
    permutations: int,
    distance: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    count = distance.size
    everything = np.zeros(values.shape[0], dtype=np.int64)
    taus, first = [], []
    for _ in range(permutations):
        order = [rng.permutation(part) for part in parts]
        sums, pairs = _lagged(values, order, everything, 1, count)
        correlation = _autocorrelation(sums[0], pairs[0])
        first.append(correlation[1])
        taus.append(_fit(correlation[1:], distance)[0])
    return np.stack(taus), np.stack(first)


def _intervals(
    sums: np.ndarray, pairs: np.ndarray, distance: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    groups, depth, units = sums.shape

    def statistic(weights: np.ndarray) -> np.ndarray:
        total = np.tensordot(weights, sums, axes=(1, 0))
        curve = _autocorrelation(total, weights @ pairs)
        usable = np.isfinite(curve).all(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            mean = np.where(usable, curve, 0.0).sum(axis=2) / np.maximum(usable.sum(axis=2), 1)
        curve = np.concatenate([curve, mean[:, :, None]], axis=2)
        flat = np.moveaxis(curve[:, 1:], 1, 0).reshape(depth - 1, -1)
        return _fit(flat, distance)[0].reshape(-1, units + 1)

    if groups < FEWEST_GROUPS:
        estimate = statistic(np.ones((1, groups)))[0]
        gap = np.full(units, np.nan)
        return gap, gap, (float(estimate[-1]), np.nan, np.nan)
    found = cluster_bootstrap(statistic, groups, rng=rng, draws=500)
    pooled = (float(found.estimate[-1]), float(found.low[-1]), float(found.high[-1]))
    return np.asarray(found.low[:-1]), np.asarray(found.high[:-1]), pooled
