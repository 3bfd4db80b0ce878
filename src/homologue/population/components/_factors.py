"""Factor analysis: shared and private variance, with the number of factors held out."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from scipy.stats import t as student

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import p_value, result
from homologue.population.components._folds import group_folds
from homologue.population.components._independent import independent_units
from homologue.population.components._streamed import together
from homologue.recording import validate


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
    null = np.array(
        [_gains(drawn[:, varies], null_fold, tried).mean(axis=0).max() for drawn in draws]
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


def _fitted(values: np.ndarray, count: int):  # type: ignore[no-untyped-def]
    from sklearn.decomposition import FactorAnalysis
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # The last iterations change the likelihood by less than folds differ.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return FactorAnalysis(count, tol=1e-2, max_iter=200, svd_method="lapack").fit(values)


def _compressed(values: np.ndarray) -> np.ndarray:
    """Return few rows with the same mean (0) and covariance: all that the fit looks at."""
    samples, units = values.shape
    if samples <= 2 * units:
        return values
    root = np.linalg.qr(values, mode="r") * np.sqrt(units / samples)
    return np.concatenate([root, -root])


def _gains(values: np.ndarray, fold: np.ndarray, tried: list[int]) -> Float[Array, "fold tried"]:
    """Return held-out log-likelihood over that of independent units, per sample and unit."""
    found = np.zeros((int(fold.max()) + 1, len(tried) + 1))
    for k in range(found.shape[0]):
        train, test = values[fold != k], values[fold == k]
        mean, deviation = train.mean(axis=0), train.std(axis=0)
        deviation = np.where(deviation > 0, deviation, 1.0)
        train, test = (train - mean) / deviation, (test - mean) / deviation
        few = _compressed(train)
        alone = -0.5 * ((test**2).mean(axis=0) + np.log(2 * np.pi)).sum()
        for place, count in enumerate(tried, start=1):
            if count >= min(train.shape):
                found[k, place] = -np.inf
                continue
            gain = _fitted(few, count).score(test) - alone
            found[k, place] = gain / values.shape[1]
    return found


def _final(values: np.ndarray, varies: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    loading, private = np.zeros((count, values.shape[1])), values.var(axis=0)
    if not count:
        return loading, private
    deviation = values[:, varies].std(axis=0)
    model = _fitted(
        _compressed((values[:, varies] - values[:, varies].mean(axis=0)) / deviation), count
    )
    loading[:, varies] = model.components_ * deviation
    private[varies] = model.noise_variance_ * deviation**2
    return loading, private
