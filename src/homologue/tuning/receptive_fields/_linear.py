"""Receptive fields: the average stimulus around activity, and how far it predicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
import xarray as xr

from homologue._errors import HomologueError
from homologue._typing import Array, Float
from homologue.inference import benjamini_hochberg, cluster_bootstrap, result
from homologue.tuning._placed import add_one
from homologue.tuning.receptive_fields._ceiling import noise_ceiling
from homologue.tuning.receptive_fields._exchange import Exchange, exchange_of, usable
from homologue.tuning.receptive_fields._lagged import lagged_stimulus
from homologue.tuning.receptive_fields._ridge import HeldOut, basis_of, check_penalty, ratio

_UNITS_AT_ONCE = 256
_FEWEST_CLUSTERS = 5


def receptive_field(
    rec: xr.DataArray,
    stimulus: Any,
    *,
    rng: np.random.Generator | int,
    lags: Sequence[int] = (0,),
    penalty: float | None = None,
    folds: int = 5,
    permutations: int = 199,
    minimum_lag: float | None = None,
) -> xr.Dataset:
    """Measure what stimulus precedes a unit's activity, and predict held-out activity from it.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit): spike counts, rates, or activations of any sign.
    stimulus : str, array or xarray.DataArray
        A coordinate on ``sample`` (a circular one enters as cosine and sine, a categorical one
        as a column a class); or an array whose first axis is ``sample`` (pixels, a sound's
        bands); or a DataArray whose first dimension is ``stimulus``, looked up by the
        recording's stimulus codes (``homologue.stimuli.images.luminance``).
    rng : numpy Generator or int
    lags : sequence of int
        By how many samples the stimulus precedes the activity: along ``time`` within a
        contiguous stretch, else along ``position`` within a document.
    penalty : float, optional
        Of the ridge, as a multiple of the stimulus's mean eigenvalue; by default chosen for
        each unit within each training set.
    folds : int
        Parts of the groups that are held out in turn.
    permutations : int
        Exchanges of stimulus against activity.
    minimum_lag : float, optional
        Smallest circular shift, s; see :func:`homologue.inference.exchangeability`.

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect`` (r between activity and its prediction in held-out groups),
        ``low``/``high`` (95 % over groups), ``null_mean``, ``null_std``, ``p`` (upper tail),
        ``q``, ``n`` (groups held out), ``ceiling`` (the r that repeats of a stimulus allow),
        ``penalty``, ``reason``, ``ceiling_reason``. On (``unit``, ``lag``, the stimulus's own
        axes): ``average`` (activity-triggered average minus the stimulus's mean, in the
        stimulus's units; for activity below zero, per standard deviation of activity),
        ``average_p`` (family-wise over the field: each value against the null's largest) and
        ``field`` (ridge weights: the average with the stimulus's own correlations taken out).

    Raises
    ------
    InvalidDesign
        Fewer than 20 arrangements or 2 groups; lags without an order; a constant stimulus.
    InvalidRecording
        A stimulus that does not fit the samples.

    Notes
    -----
    The average of a correlated stimulus (natural pictures, sound) is the field blurred by that
    correlation; ``field`` undoes it where the stimulus has power, and shows the penalty's choice
    where it has none [1]_. Both see the linear part only: a unit that responds to either sign of
    a pattern has no average (:func:`triggered_covariance` finds it). The null is the recording's
    own: circular shifts with ``time``; whole documents changing places with ``position``;
    permutation of samples otherwise. Samples near a border between folds share a stimulus at
    long lags. The ceiling takes equal rows of lagged stimulus in different groups as repeats,
    and bounds any function of these rows; r above it is chance.

    References
    ----------
    .. [1] Theunissen et al. 2001, Network 12:289, doi:10.1080/net.12.3.289.316
    .. [2] Chichilnisky 2001, Network 12:199, doi:10.1080/713663221

    Examples
    --------
    >>> from homologue.recording import make
    >>> generator = np.random.default_rng(0)
    >>> noise = generator.standard_normal((400, 6))
    >>> drive = noise @ [0, 1.0, -1.0, 0, 0, 0]
    >>> rec = make(np.stack([drive, generator.standard_normal(400)], axis=1))
    >>> found = receptive_field(rec, noise, rng=0, permutations=99)
    >>> found.field.values[0, 0].round(1) + 0
    array([ 0.,  1., -1.,  0.,  0.,  0.])
    >>> found.effect.values.round(1).tolist()[0], (found.p < 0.05).values.tolist()
    (1.0, [True, False])
    """
    check_penalty(penalty)
    if folds < 2 or permutations < 1:
        raise HomologueError(
            f"folds are at least 2 and permutations at least 1; given {folds} and {permutations}"
        )
    first, second = np.random.default_rng(rng).spawn(2)
    lagged = lagged_stimulus(rec, stimulus, lags)
    activity, reason = usable(rec, lagged.rows)
    tested = np.asarray(reason == "")
    exchange = exchange_of(rec, lagged.rows, lagged.now, minimum_lag)
    values = lagged.values - lagged.values.mean(axis=0)
    held_out = HeldOut(values, exchange.folds(folds), penalty=penalty)
    effect = np.empty(activity.shape[1])
    low, high = np.full(effect.shape, np.nan), np.full(effect.shape, np.nan)
    for left in range(0, effect.size, _UNITS_AT_ONCE):
        block = slice(left, left + _UNITS_AT_ONCE)
        predicted, held = held_out.predictions(activity[:, block])
        effect[block], low[block], high[block] = _interval(predicted, held, exchange, second)
    null = np.empty((permutations, effect.size))
    largest = np.empty((permutations, effect.size))
    scale = values.std(axis=0)
    inverse = np.where(scale > 0, 1.0 / np.where(scale > 0, scale, 1.0), 0.0)
    for draws, block, exchanged in exchange.draws(activity, permutations, first):
        shape = (draws.stop - draws.start, -1)
        null[draws, block] = held_out.correlation(exchanged).reshape(shape)
        one = np.abs(_correlations(values, inverse, exchanged)).max(axis=0)
        largest[draws, block] = one.reshape(shape)
    blank = np.where(tested, 0.0, np.nan)
    p = add_one(effect, null, tested=tested)
    ceiling, why = noise_ceiling(lagged.values, exchange.group, activity)
    basis = basis_of(values, penalty)
    centred = activity - activity.mean(axis=0)
    field, chosen = basis.weights(values.T @ centred, (centred**2).sum(axis=0))
    average, spoken = _average(values, activity, str(rec.attrs.get("activity_units", "arbitrary")))
    pointwise = np.abs(_correlations(values, inverse, activity))
    average_p = np.stack([
        add_one(one, largest, tested=tested) for one in pointwise
    ])  # fmt: skip
    on_unit = {str(k): c for k, c in rec.coords.items() if c.dims == ("unit",)}
    data = result(
        effect=effect + blank,
        low=low + blank,
        high=high + blank,
        null_mean=null.mean(axis=0) + blank,
        null_std=null.std(axis=0, ddof=1) + blank if permutations > 1 else blank,
        p=p,
        q=benjamini_hochberg(p),
        n=exchange.clusters,
        dims=("unit",),
        coords={**on_unit, **lagged.coords},
        attrs={
            "analysis": "tuning.receptive_field",
            "method": "r of held-out activity with its ridge prediction",
            "stimulus": stimulus if isinstance(stimulus, str) else "array",
            "null": exchange.null,
            "permutations": permutations,
            "interval": "95 %, bootstrap over groups (BCa), predictions held fixed",
            "family": f"Benjamini–Hochberg over {int(tested.sum())} units",
            "average_units": spoken,
            "n_samples": int(lagged.rows.size),
            "folds": len(held_out.tests),
        },
    )

    def shaped(flat: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        return ("unit", *lagged.dims), (flat + blank).T.reshape(-1, *lagged.shape)

    return data.assign(
        ceiling=("unit", ceiling + blank),
        penalty=("unit", chosen / basis.scale + blank),
        average=shaped(average),
        average_p=shaped(average_p),
        field=shaped(field),
        reason=("unit", reason.astype(str)),
        ceiling_reason=("unit", np.where(tested, why, reason).astype(str)),
    )


def _interval(
    predicted: np.ndarray, held: np.ndarray, exchange: Exchange, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return r and its ends, from sums over clusters."""
    cluster = exchange.coarse()
    count = int(cluster.max()) + 1
    one_hot = scipy.sparse.csr_array(
        (np.ones(cluster.size), (cluster, np.arange(cluster.size))), shape=(count, cluster.size)
    )
    sums = [one_hot @ part for part in (predicted * held, predicted**2, held**2)]
    effect = ratio(*(part.sum(axis=0) for part in sums))
    if count < _FEWEST_CLUSTERS:
        return effect, np.full(effect.shape, np.nan), np.full(effect.shape, np.nan)
    found = cluster_bootstrap(
        lambda weights: ratio(*(weights @ part for part in sums)), count, rng=rng, draws=1000
    )
    return effect, np.minimum(found.low, effect), np.maximum(found.high, effect)


def _correlations(
    values: Float[Array, "sample column"], inverse: np.ndarray, activity: np.ndarray
) -> Float[Array, "column unit"]:
    """Return the correlation of every column of stimulus with every unit."""
    spread = activity.std(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = (values.T @ (activity - activity.mean(axis=0))) * inverse[:, None] / spread
    return np.where(spread > 0, scaled / len(values), 0.0)


def _average(
    values: np.ndarray, activity: np.ndarray, units: str
) -> tuple[Float[Array, "column unit"], str]:
    """Return the triggered average minus the mean, and in what it is measured."""
    product = values.T @ (activity - activity.mean(axis=0)) / len(values)
    rates = (activity >= 0).all()
    scale = activity.mean(axis=0) if rates else activity.std(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        average = np.where(scale > 0, product / scale, 0.0)
    if rates:
        return average, f"units of the stimulus, weighted by activity ({units})"
    return average, "units of the stimulus per standard deviation of activity"
