"""Triggered covariance: patterns that drive a unit with either sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
import xarray as xr

from homologue._errors import HomologueError
from homologue._typing import Array, Float, Int
from homologue.inference import benjamini_hochberg, cluster_bootstrap, result
from homologue.tuning._placed import add_one
from homologue.tuning.receptive_fields._exchange import exchange_of, usable
from homologue.tuning.receptive_fields._lagged import lagged_stimulus
from homologue.tuning.receptive_fields._ridge import basis_of

_BLOCK_BYTES = 64 * 2**20
_FEWEST_CLUSTERS = 5


def triggered_covariance(
    rec: xr.DataArray,
    stimulus: Any,
    *,
    rng: np.random.Generator | int,
    lags: Sequence[int] = (0,),
    components: int = 20,
    keep: int = 4,
    permutations: int = 199,
    minimum_lag: float | None = None,
) -> xr.Dataset:
    """Find patterns whose variance, not mean, changes with a unit's activity.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit).
    stimulus, lags, minimum_lag
        As in :func:`receptive_field`.
    rng : numpy Generator or int
    components : int
        Principal components of the stimulus within which patterns are sought; each is brought
        to variance 1, so that the stimulus's own correlations do not appear as patterns.
    keep : int
        Patterns reported, by size of their eigenvalue.
    permutations : int

    Returns
    -------
    xarray.Dataset
        On (``unit``, ``component``): ``effect``, eigenvalues of the triggered covariance minus
        the stimulus's: the variance along the pattern, weighted by activity, over the
        stimulus's, minus 1 (above 0: the unit is excited by either sign; below: suppressed). For
        activity below zero, the covariance of the squared pattern with activity, per standard
        deviation of activity. ``low``/``high`` (95 % over groups, the pattern held fixed),
        ``null_mean``, ``null_std`` (of the null's largest |eigenvalue|), ``p`` (against that
        largest, so family-wise over components), ``q``, ``n``. On (``unit``, ``component``,
        ``lag``, the stimulus's axes): ``pattern`` (in the stimulus's space, length 1). On
        (``unit``, ``component``): ``overlap``, |cosine| of the pattern with the triggered average,
        both whitened. On ``unit``: ``reason``. On no dimension: ``explained``, the share of the
        stimulus's variance in the components.

    Raises
    ------
    InvalidDesign, InvalidRecording
        As :func:`receptive_field`.

    Notes
    -----
    For activity of zero and more the covariance is taken about the triggered average [1]_, so
    that an exponential unit with a linear field has none; rectification leaves a pattern along
    the average all the same, which ``overlap`` shows. The average is not projected out: a chance
    average of an energy unit lies along its pattern and would take that out.
    A stimulus that is not Gaussian (natural pictures) can give a unit with a linear field
    eigenvalues of its own: the null takes every relation away, not the linear one alone.
    Patterns outside the components are not seen. A pattern was chosen for its eigenvalue, so
    that ``effect`` is biased away from 0; compare it with ``null_mean``.

    References
    ----------
    .. [1] Schwartz, Pillow, Rust & Simoncelli 2006, J. Vision 6:484, doi:10.1167/6.4.13
    .. [2] Rust, Schwartz, Movshon & Simoncelli 2005, Neuron 46:945,
       doi:10.1016/j.neuron.2005.05.021

    Examples
    --------
    >>> from homologue.recording import make
    >>> noise = np.random.default_rng(0).standard_normal((900, 5))
    >>> energy = make((noise @ [0, 0.6, 0.8, 0, 0])[:, None] ** 2)
    >>> found = triggered_covariance(energy, noise, rng=0, components=5, permutations=99)
    >>> bool(abs(found.pattern.values[0, 0, 0] @ [0, 0.6, 0.8, 0, 0]) > 0.98)
    True
    >>> (found.p.values[0] < 0.05).tolist()
    [True, False, False, False]
    """
    if components < 1 or keep < 1:
        raise HomologueError(f"components and keep are at least 1; given {components} and {keep}")
    first, second = np.random.default_rng(rng).spawn(2)
    lagged = lagged_stimulus(rec, stimulus, lags)
    activity, reason = usable(rec, lagged.rows)
    tested = np.asarray(reason == "")
    exchange = exchange_of(rec, lagged.rows, lagged.now, minimum_lag)
    basis = basis_of(lagged.values, None)
    size = min(components, basis.values.size)
    vectors, power = basis.vectors[:, -size:], basis.values[-size:]
    spread = np.sqrt(power / basis.samples)
    white = (lagged.values - basis.mean) @ vectors / spread
    left, right = np.triu_indices(size)
    squares = white[:, left] * white[:, right]
    rates = bool((activity >= 0).all())
    kept = min(keep, size)
    covariance, average = _covariance(white, squares, activity, rates=rates)
    values, directions = np.linalg.eigh(covariance)
    order = np.argsort(-np.abs(values), axis=1)[:, :kept]
    effect = np.take_along_axis(values, order, axis=1)
    chosen = np.take_along_axis(directions, order[:, None, :], axis=2)
    largest = np.empty((permutations, len(reason)))
    for draws, block, exchanged in exchange.draws(activity, permutations, first):
        found = np.linalg.eigvalsh(_covariance(white, squares, exchanged, rates=rates)[0])
        shape = (draws.stop - draws.start, -1)
        largest[draws, block] = np.abs(found).max(axis=1).reshape(shape)
    blank = np.where(tested, 0.0, np.nan)[:, None]
    p = np.stack(
        [add_one(np.abs(effect[:, k]), largest, tested=tested) for k in range(kept)], axis=1
    )
    cluster = exchange.coarse()
    low, high = _intervals(white, activity, chosen, cluster, rng=second, rates=rates)
    norm = np.linalg.norm(average, axis=1)[:, None]
    overlap = np.abs(np.einsum("ud,udk->uk", average, chosen)) / np.where(norm > 0, norm, 1.0)
    pattern = np.einsum("cd,udk->ukc", vectors * spread, chosen, optimize=True)
    length = np.linalg.norm(pattern, axis=2, keepdims=True)
    pattern = pattern / np.where(length > 0, length, 1.0)
    on_unit = {str(k): c for k, c in rec.coords.items() if c.dims == ("unit",)}
    spoken = np.broadcast_to(largest.mean(axis=0)[:, None], effect.shape)
    deviation = np.broadcast_to(largest.std(axis=0, ddof=min(1, permutations - 1))[:, None],
                                effect.shape)  # fmt: skip
    data = result(
        effect=effect + blank,
        low=np.minimum(low, effect) + blank,
        high=np.maximum(high, effect) + blank,
        null_mean=spoken + blank,
        null_std=deviation + blank,
        p=p,
        q=benjamini_hochberg(p),
        n=exchange.clusters,
        dims=("unit", "component"),
        coords={**on_unit, "component": np.arange(kept), **lagged.coords},
        attrs={
            "analysis": "tuning.triggered_covariance",
            "method": "eigenvalues of the triggered minus the stimulus's covariance, whitened",
            "stimulus": stimulus if isinstance(stimulus, str) else "array",
            "null": f"{exchange.null}; largest |eigenvalue|",
            "permutations": permutations,
            "interval": "95 %, bootstrap over groups (BCa), the pattern held fixed",
            "family": f"Benjamini–Hochberg over {int(np.isfinite(p).sum())} units × components",
            "n_samples": int(lagged.rows.size),
            "components": size,
        },
    )
    return data.assign(
        pattern=(
            ("unit", "component", *lagged.dims),
            (pattern + blank[:, :, None]).reshape(-1, kept, *lagged.shape),
        ),
        overlap=(("unit", "component"), overlap + blank),
        reason=("unit", reason.astype(str)),
        explained=((), float(power.sum() / basis.values.sum())),
    )


def _covariance(
    white: Float[Array, "sample component"],
    squares: Float[Array, "sample pair"],
    activity: Float[Array, "sample unit"],
    *,
    rates: bool,
) -> tuple[Float[Array, "unit component component"], Float[Array, "unit component"]]:
    """Return each unit's covariance minus the stimulus's, and its average."""
    centred = activity - activity.mean(axis=0)
    scale = activity.mean(axis=0) if rates else activity.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)[:, None] * len(white)
    size = white.shape[1]
    left, right = np.triu_indices(size)
    pairs = (centred.T @ squares) / scale
    average = (centred.T @ white) / scale
    if rates:
        pairs -= average[:, left] * average[:, right]
    full = np.empty((activity.shape[1], size, size))
    full[:, left, right] = pairs
    full[:, right, left] = pairs
    return full, average


def _intervals(
    white: Float[Array, "sample component"],
    activity: Float[Array, "sample unit"],
    chosen: Float[Array, "unit component kept"],
    cluster: Int[Array, "sample"],
    *,
    rng: np.random.Generator,
    rates: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of the variance along each pattern, over groups."""
    units, _, kept = chosen.shape
    low, high = np.full((units, kept), np.nan), np.full((units, kept), np.nan)
    count = int(cluster.max()) + 1
    if count < _FEWEST_CLUSTERS:
        return low, high
    one_hot = scipy.sparse.csr_array(
        (np.ones(cluster.size), (cluster, np.arange(cluster.size))), shape=(count, cluster.size)
    )
    size = one_hot.sum(axis=1)[:, None]
    at_once = max(1, _BLOCK_BYTES // (8 * len(white) * kept))
    for start in range(0, units, at_once):
        block = slice(start, min(start + at_once, units))
        width = block.stop - block.start
        flat = chosen[block].transpose(1, 0, 2).reshape(white.shape[1], -1)
        along = white @ flat
        y = np.repeat(activity[:, block], kept, axis=1)
        sums = [one_hot @ part for part in (along**2 * y, along**2, y, y**2, along * y)]

        def statistic(weights: np.ndarray, sums: list[np.ndarray] = sums) -> np.ndarray:
            n = weights @ size
            product, square, mean, power, shift = ((weights @ part) / n for part in sums)
            spread = np.sqrt(np.maximum(power - mean**2, 0.0))
            with np.errstate(divide="ignore", invalid="ignore"):
                found = (product - mean * square) / (mean if rates else spread)
                found = found - (shift / mean) ** 2 if rates else found
            return np.where(np.isfinite(found), found, 0.0)

        found = cluster_bootstrap(statistic, count, rng=rng, draws=500)
        low[block], high[block] = (end.reshape(width, kept) for end in (found.low, found.high))
    return low, high
