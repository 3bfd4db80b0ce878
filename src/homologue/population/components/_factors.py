"""Factor analysis: shared and private variance, with the number of factors held out."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.stats import t as student

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import p_value, result
from homologue.population.components._folds import group_folds
from homologue.population.components._independent import independent_units, stacks
from homologue.population.components._streamed import together
from homologue.recording import validate

_ITERATIONS = 200
_TOLERANCE = 1e-2
"""Of the log-likelihood; the last iterations change it by less than folds differ."""
_LEAST = 1e-12


def factor_analysis(
    rec: xr.DataArray,
    *,
    rng: np.random.Generator | int,
    factors: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 10, 15),
    folds: int = 4,
    permutations: int = 19,
) -> xr.Dataset:
    """Choose the number of factors by held-out likelihood, against independent units.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN, whose units were recorded together.
    rng : numpy Generator or int
    factors : tuple of int
        Numbers of factors tried, besides none.
    folds : int
        Of groups (of pieces of time where there are few).
    permutations : int
        Recordings with independent units; each takes its own best number. Costs a whole
        cross-validation each.

    Returns
    -------
    xarray.Dataset
        ``factors`` (best), ``effect``: held-out log-likelihood gained over independent Gaussian
        units, nats per sample and unit; ``low``/``high`` (95 %, Student's t over folds),
        ``null_mean``, ``null_std``, ``p``, ``q``, ``n`` (groups). ``gain`` on ``tried``;
        of all samples: ``loading`` (factor, unit), ``private`` variance and ``shared`` share of
        each unit's variance.

    Raises
    ------
    InvalidDesign
        Units never recorded together; fewer groups than folds and no time; no unit varies.

    Notes
    -----
    Unlike principal components, units may have noise of their own size. Units are scaled to
    unit variance by the training folds. Fails for counts of a few spikes (not Gaussian), and
    where a factor loads on one unit only, which is private variance by definition. Factors are
    defined up to a rotation.

    References
    ----------
    Yu et al. 2009, J. Neurophysiol. 102:614, doi:10.1152/jn.90941.2008

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> source = np.random.default_rng(0)
    >>> shared = source.normal(size=(200, 2)) @ source.normal(size=(2, 10))
    >>> noise = source.normal(size=(200, 10)) * source.uniform(0.5, 2, 10)
    >>> found = factor_analysis(make(shared + noise), rng=0, factors=(1, 2, 3), permutations=9)
    >>> int(found.factors), float(found.p)
    (2, 0.1)
    """
    together(rec)
    validate(rec)
    generator = np.random.default_rng(rng)
    values = rec.values.astype(np.float64)
    varies = np.ptp(values, axis=0) > 0
    if varies.sum() < 3:
        raise InvalidDesign(f"{int(varies.sum())} units vary; a factor is shared by at least 3")
    tried = [count for count in sorted(set(factors)) if 0 < count < varies.sum()]
    if not tried:
        raise InvalidDesign(
            f"factors={factors}: expected numbers between 1 and {int(varies.sum()) - 1}"
        )
    fold, cluster = group_folds(rec, folds, generator)
    gains = _gains(values[:, varies], fold, tried)
    curve = gains.mean(axis=0)
    best = int(curve.argmax())
    # The best of several: its interval is of the number chosen, not of the maximum.
    reach = student.ppf(0.975, folds - 1) * gains[:, best].std(ddof=1) / np.sqrt(folds)
    rows, draws, scheme = independent_units(rec, permutations, generator, standardised=False)
    pieces = min(max(int(cluster.max()) + 1, folds), rows.shape[0])
    label = np.arange(rows.shape[0]) * pieces // rows.shape[0]
    null_fold = (generator.permutation(pieces) % folds)[label]
    observed = _gains(rows[:, varies], null_fold, tried).mean(axis=0).max()
    null = np.concatenate(
        [
            _gains(drawn[..., varies], null_fold, tried).mean(axis=-2).max(axis=-1)
            for drawn in stacks(draws, rows.size)
        ]
    )
    p = float(p_value(observed, null))
    count = int(tried[best - 1]) if best else 0
    loading, private = _final(values, varies, count)
    spread = values.var(axis=0)
    shared = (loading**2).sum(axis=0)
    data = result(
        effect=curve[best], low=curve[best] - reach, high=curve[best] + reach,
        null_mean=null.mean(), null_std=null.std(ddof=1), p=p, q=p, n=int(cluster.max()) + 1,
        attrs={
            "analysis": "population.factor_analysis",
            "method": "maximum-likelihood factor analysis, number of factors by held-out groups",
            "effect_units": "nats per sample and unit", "family": "one test",
            "null": f"{scheme}; each draw takes its own best number",
            "interval": "95 %, Student's t over folds", "folds": folds,
            "permutations": permutations, "n_constant": int((~varies).sum()),
        },
    )  # fmt: skip
    return data.assign(
        factors=count,
        gain=("tried", curve),
        loading=(("factor", "unit"), loading),
        private=("unit", private),
        shared=("unit", np.where(varies, shared / np.where(varies, spread, 1.0), np.nan)),
    ).assign_coords(tried=np.array([0, *tried]), unit=rec["unit"].values)


def _fitted(
    covariance: Float[Array, "... unit unit"], samples: int | np.ndarray, count: int
) -> tuple[Float[Array, "... factor unit"], Float[Array, "... unit"]]:
    """Return loadings and private variances of greatest likelihood, of many recordings at once.

    With private variances known, loadings are the leading roots of the covariance in units of
    them; the variances follow from the loadings, until the likelihood stays (Barber 2012,
    Bayesian Reasoning and Machine Learning, algorithm 21.1, as in scikit-learn, to whose figures
    these are equal).
    """
    units = covariance.shape[-1]
    every = covariance.reshape(-1, units, units)
    number = np.broadcast_to(samples, covariance.shape[:-2]).reshape(-1)
    variance = np.diagonal(every, axis1=-2, axis2=-1)
    private, loading = np.ones_like(variance), np.zeros((len(every), count, units))
    likelihood, active = np.full(len(every), -np.inf), np.arange(len(every))
    for _ in range(_ITERATIONS):
        noise = np.sqrt(private[active]) + _LEAST
        root, vector = np.linalg.eigh(every[active] / (noise[:, :, None] * noise[:, None, :]))
        root, vector = np.maximum(root[:, ::-1], _LEAST), vector[:, :, ::-1]
        size = np.sqrt(np.maximum(root[:, :count] - 1, 0.0))
        loading[active] = size[:, :, None] * vector[:, :, :count].mT * noise[:, None, :]
        before = likelihood[active]
        likelihood[active] = -0.5 * number[active] * (
            np.log(root[:, :count]).sum(axis=1) + root[:, count:].sum(axis=1)
            + np.log(private[active]).sum(axis=1)
        )  # fmt: skip
        active = active[likelihood[active] - before >= _TOLERANCE]
        if not active.size:
            break
        shared = (loading[active] ** 2).sum(axis=1)
        private[active] = np.maximum(variance[active] - shared, _LEAST)
    shape = covariance.shape[:-2]
    return loading.reshape(*shape, count, units), private.reshape(*shape, units)


def _gains(
    values: Float[Array, "... sample unit"], fold: np.ndarray, tried: list[int]
) -> Float[Array, "... fold tried"]:
    """Return held-out log-likelihood over that of independent units, per sample and unit."""
    units, folds = values.shape[-1], int(fold.max()) + 1
    inside, held_out = np.stack([_covariances(values, fold == k) for k in range(folds)], axis=1)
    samples = fold.size - np.bincount(fold, minlength=folds)
    samples = samples.reshape(-1, *[1] * (values.ndim - 2))
    alone = np.trace(held_out, axis1=-2, axis2=-1)
    found = np.zeros((len(tried) + 1, *alone.shape))
    for place, count in enumerate(tried, start=1):
        loading, private = _fitted(inside, samples, count)
        model = loading.mT @ loading + private[..., None] * np.eye(units)
        spread = np.linalg.solve(model, held_out)
        bits = np.linalg.slogdet(model)[1] + np.trace(spread, axis1=-2, axis2=-1)
        possible = count < np.minimum(samples, units)
        found[place] = np.where(possible, 0.5 * (alone - bits) / units, -np.inf)
    return np.moveaxis(found, (0, 1), (-1, -2))


def _covariances(
    values: Float[Array, "... sample unit"], test: np.ndarray
) -> Float[Array, "2 ... unit unit"]:
    """Return the covariance outside a fold and inside it, in deviations of the former."""
    train, held_out = values[..., ~test, :], values[..., test, :]
    mean, deviation = train.mean(axis=-2, keepdims=True), train.std(axis=-2, keepdims=True)
    deviation = np.where(deviation > 0, deviation, 1.0)
    train, held_out = (train - mean) / deviation, (held_out - mean) / deviation
    return np.stack([x.mT @ x / x.shape[-2] for x in (train, held_out)])


def _final(values: np.ndarray, varies: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    loading, private = np.zeros((count, values.shape[1])), values.var(axis=0)
    if not count:
        return loading, private
    deviation = values[:, varies].std(axis=0)
    scaled = (values[:, varies] - values[:, varies].mean(axis=0)) / deviation
    found, alone = _fitted(scaled.T @ scaled / len(scaled), len(scaled), count)
    loading[:, varies] = found * deviation
    private[varies] = alone * deviation**2
    return loading, private
