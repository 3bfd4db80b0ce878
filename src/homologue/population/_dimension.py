"""How many dimensions a recording fills, against units made independent."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.stats import t as student

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import UnitExchange, p_value, unit_exchange
from homologue.inference._unit_exchange import PERMUTED
from homologue.population._balanced import participation_ratio
from homologue.recording import validate

_BLOCKS = 50
_CONTIGUOUS_BLOCKS = 20


def dimension(
    rec: xr.DataArray,
    *,
    rng: np.random.Generator | int,
    permutations: int = 199,
    standardised: bool = True,
) -> xr.Dataset:
    """Measure the participation ratio, and count components by parallel analysis.

    Under the null the units are independent, each with its own values. Without ``time``, and of
    trials (a ``lag`` and one trial to a stretch), they are permuted between groups. Time series
    are shifted: of each contiguous stretch the middle three quarters count, and under the null
    every unit has a window of that length with a start of its own.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN, whose units were recorded simultaneously.
    rng : numpy Generator or int
        Draws the null.
    permutations : int
        Null recordings.
    standardised : bool
        Scale units to unit variance first, so that outlier dimensions do not decide alone.

    Returns
    -------
    xarray.Dataset
        ``effect``: 1 − participation ratio / mean participation ratio of the null, with
        ``low``/``high`` (95 %, jackknife over blocks of groups, or of time),
        ``null_mean``/``null_std``, ``p``, ``q`` (one test), ``n`` (samples that count).
        ``participation_ratio`` and its null mean;
        ``n_components``: leading eigenvalues above the 95th percentile of the same-ranked null
        eigenvalue (parallel analysis [1]_); ``eigenvalue``, ``null_95`` on ``component``.

    Raises
    ------
    InvalidDesign
        Pooled sessions or pseudo-populations: a covariance of what was never recorded together.
    InvalidRecording
        NaN.

    Notes
    -----
    Any table whose columns are correlated passes: a low dimension alone says nothing about
    representation. The participation ratio is biased low when samples are few, and the null,
    which has the same size, shares the bias. Groups of several samples without ``time`` are
    reduced to their means, because permuting dependent samples would overstate the null.

    Windows rather than circular rolls: where a rolled series' end meets its beginning it is less
    autocorrelated than the data, which sums over all pairs of units. With rolls, independent
    AR(1) units (φ = .95, 24 units, 80 samples) give P(p ≤ .05) = .5, with windows .02. Units
    slower than a quarter of a stretch cannot be told from dependent ones: the test is then
    conservative.

    References
    ----------
    .. [1] Horn 1965, Psychometrika 30:179, doi:10.1007/BF02289447
    .. [2] Gao et al. 2017, bioRxiv, doi:10.1101/214262

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> source = np.random.default_rng(0)
    >>> shared = source.standard_normal((60, 2)) @ source.standard_normal((2, 10))
    >>> rec = make(shared + 0.2 * source.standard_normal((60, 10)))
    >>> int(dimension(rec, rng=0).n_components)
    2
    """
    validate(rec)
    if not rec.attrs.get("simultaneous", 1):
        raise InvalidDesign(
            "the units were not recorded simultaneously (a pseudo-population or pooled "
            "sessions), so their covariance was never observed; analyse one session, or ask a "
            "tuning or decoding question"
        )
    generator = np.random.default_rng(rng)
    activity, exchange, groups = _rows(rec)
    if exchange.scheme == PERMUTED and groups < 3:
        raise InvalidDesign(
            f"{groups} independent group{'s' * (groups > 1)} in {rec.sizes['sample']} "
            f"sample{'s' * (rec.sizes['sample'] > 1)}; a dimension needs at least 3. Record more, "
            "or give a `time` if one long stretch was recorded"
        )
    kept = activity[exchange.rows]
    values = _scaled(kept, standardised=standardised)
    draws = (
        _scaled(exchange.surrogate(activity, rng=generator), standardised=standardised)
        for _ in range(permutations)
    )
    observed = _eigenvalues(values)
    null = np.stack([_eigenvalues(drawn) for drawn in draws])
    ratio, null_ratio = _ratio(observed), _ratio(null)
    expected = float(null_ratio.mean())
    effect = 1 - ratio / expected
    null_effect = 1 - null_ratio / expected
    error, blocks = _jackknife(kept, exchange, generator, standardised=standardised)
    reach = student.ppf(0.975, blocks - 1) * error / expected
    threshold = np.quantile(null, 0.95, axis=0)
    below = np.flatnonzero(observed <= threshold)
    # Of the ratios, not of effects near 0: rounding is relative to the ratio's own size.
    p = float(p_value(ratio, null_ratio, tail="lower"))
    return xr.Dataset(
        {
            "effect": effect,
            "low": effect - reach,
            "high": effect + reach,
            "null_mean": float(null_effect.mean()),
            "null_std": float(null_effect.std()),
            "p": p,
            "q": p,
            "n": values.shape[0],
            "participation_ratio": float(ratio),
            "null_participation_ratio": expected,
            "n_components": int(below[0]) if below.size else observed.size,
            "eigenvalue": ("component", observed),
            "null_95": ("component", threshold),
        },
        attrs={
            "analysis": "population.dimension",
            "statistic": "1 − participation ratio / participation ratio of independent units",
            "null": exchange.scheme,
            "permutations": permutations,
            "family": "one test",
            "standardised": int(standardised),
            "n_units": rec.sizes["unit"],
            "n_constant": int((values == 0).all(axis=0).sum()),
            "n_groups": groups,
        },
    )


def _rows(rec: xr.DataArray) -> tuple[Float[Array, "row unit"], UnitExchange, int]:
    """Return activity by sample, or by group where groups are exchanged; how; and their number."""
    activity = rec.values.astype(np.float64)
    given = {name: rec[name].values for name in ("block", "time") if name in rec.coords}
    exchange = unit_exchange(rec["group"].values, trials="lag" in rec.coords, **given)
    _, group = np.unique(rec["group"].values, return_inverse=True)
    size = np.bincount(group)
    if exchange.scheme == PERMUTED:
        sums = np.zeros((size.size, activity.shape[1]))
        np.add.at(sums, group, activity)
        activity = sums / size[:, None]
    return activity, exchange, size.size


def _scaled(
    activity: Float[Array, "sample unit"], *, standardised: bool
) -> Float[Array, "sample unit"]:
    """Return centred and, if asked for, standardised units; constant ones become 0."""
    centred = activity - activity.mean(axis=0)
    spread = centred.std(axis=0)
    silent = spread <= 1e-7 * np.abs(activity).max(axis=0) + 1e-300
    if not standardised:
        return np.where(silent, 0.0, centred)
    return np.where(silent, 0.0, centred / np.where(silent, 1.0, spread))


def _eigenvalues(values: Float[Array, "sample unit"]) -> Float[Array, "component"]:
    """Return covariance eigenvalues, largest first, from the smaller of the two products."""
    samples, units = values.shape
    product = values.T @ values if units <= samples else values @ values.T
    return np.maximum(np.linalg.eigvalsh(product)[::-1] / samples, 0.0)


def _ratio(eigenvalues: Float[Array, "... component"]) -> Float[Array, "..."]:
    square = (eigenvalues**2).sum(axis=-1)
    varies = square > 0
    return np.where(varies, eigenvalues.sum(axis=-1) ** 2 / np.where(varies, square, 1.0), np.nan)


def _jackknife(
    activity: Float[Array, "kept unit"],
    exchange: UnitExchange,
    rng: np.random.Generator,
    *,
    standardised: bool,
) -> tuple[float, int]:
    """Return the standard error of the participation ratio, leaving out one block at a time.

    A block is made of groups at random, or of neighbours in time.
    """
    count = activity.shape[0]
    if exchange.scheme == PERMUTED:
        blocks = min(_BLOCKS, count)
        member = rng.permutation(count) % blocks
    else:
        blocks = min(_CONTIGUOUS_BLOCKS, count // 2)
        member = np.arange(count) * blocks // count
    left = np.array(
        [
            participation_ratio(activity[member != k], standardised=standardised)
            for k in range(blocks)
        ]
    )
    return float(np.sqrt((blocks - 1) / blocks * ((left - left.mean()) ** 2).sum())), blocks
