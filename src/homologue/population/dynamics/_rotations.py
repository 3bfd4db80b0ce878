"""Do trajectories rotate: linear dynamics with a skew-symmetric matrix, against surrogates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import amplitude_adjusted, cluster_bootstrap, p_value, result
from homologue.inference._bootstrap import FEWEST_GROUPS
from homologue.population.dynamics._trajectories import trajectories

FEWEST_TRAJECTORIES = 6
"""Of fewer, that have nothing to do with each other, too many pass: one in five of four."""

_DRAWS_AT_ONCE = 2**22


def rotations(
    rec: xr.DataArray,
    *,
    rng: np.random.Generator | int,
    condition: str | None = None,
    components: int = 6,
    surrogates: int = 199,
) -> xr.Dataset:
    """Measure how much of the change along trajectories is a rotation (jPCA), with a null.

    What all trajectories share is subtracted at each time, the rest reduced to its leading
    principal components; Δx is regressed on the state between the two times, with any matrix and
    with a skew-symmetric one, which can only rotate [1]_. Surrogates keep the covariances over
    time, units and conditions [2]_ and the values of each unit, and are otherwise random.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN, with ``trial`` and ``lag`` (s, even steps) on ``sample``.
    rng : numpy Generator or int
        Draws surrogates and resamples.
    condition : str, optional
        Categorical variable over whose trials to average; single trials if left out.
    components : int
        Principal components; an even number, lowered where there are fewer.
    surrogates : int

    Returns
    -------
    xarray.Dataset
        ``effect``: share of ‖Δx‖² explained by a rotation (at most 1), with ``low``/``high``
        (95 %, BCa over groups of trajectories within the components found), ``null_mean``,
        ``null_std``, ``p``, ``q`` (one test), ``n`` (groups).
        ``linear`` and ``ratio`` (rotation / linear), each with ``…_null_mean``, ``…_p``;
        ``frequency`` (Hz, on ``plane``); ``plane_share`` of the rotation; ``loading`` on
        (``plane``, ``axis``, ``unit``); ``position`` (``trajectory``, ``time``, ``plane``,
        ``axis``); ``null`` on ``draw``.

    Raises
    ------
    InvalidDesign
        Fewer than 8 times, uneven times, fewer than 6 trajectories, single trials of units that
        were not recorded together, no variance.
    InvalidRecording, UnknownName
        NaN; no ``trial`` or ``lag``.

    Notes
    -----
    Regressing on the midpoint makes a discrete rotation exactly skew-symmetric, and noise that
    is independent from time to time explain nothing. The components are not refitted in the
    bootstrap, so that intervals are short where few conditions span few dimensions. Fails to
    tell a rotation from a travelling wave or a sequence, which rotates too; a smooth bump that
    reaches units one after the other is enough. Under one turn, see
    :func:`phantom_oscillation`. Surrogates are of
    :func:`homologue.inference.amplitude_adjusted`. They scatter what comes in bursts, as noise
    does that grows with a slow rate: where the rate changes e-fold within 16 trials, counts of
    half a spike a sample pass at .05 in .10 of data sets, exponential noise in .17, their roots
    or logarithms in .05.

    References
    ----------
    .. [1] Churchland et al. 2012, Nature 487:51, doi:10.1038/nature11129
    .. [2] Elsayed & Cunningham 2017, Nat. Neurosci. 20:1310, doi:10.1038/nn.4617

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> source = np.random.default_rng(0)
    >>> start = source.normal(size=(20, 1, 3)) + 1j * source.normal(size=(20, 1, 3))
    >>> state = start * np.exp(1j * np.arange(25)[:, None] * np.array([0.2, 0.35, 0.5]))
    >>> state = np.concatenate([state.real, state.imag], axis=2)
    >>> rec = make((state + 0.2 * source.normal(size=state.shape)).reshape(500, 6),
    ...            variables={"trial": np.repeat(np.arange(20), 25),
    ...                       "lag": np.tile(np.arange(25) * 0.01, 20)})
    >>> found = rotations(rec, rng=0, surrogates=99)
    >>> float(found.p), found.frequency.values.round(1).tolist()
    (0.01, [7.7, 5.4, 3.1])
    """
    paths = trajectories(rec, condition, fewest_times=8)
    if len(paths.activity) < FEWEST_TRAJECTORIES:
        raise InvalidDesign(
            f"{len(paths.activity)} trajectories; surrogates need the covariance of at least "
            f"{FEWEST_TRAJECTORIES}: name a condition of more values, or take single trials"
        )
    generator = np.random.default_rng(rng)
    activity = paths.activity - paths.activity.mean(axis=0)
    rank = min(components, activity.shape[2], activity.shape[0] * activity.shape[1] - 1)
    rank -= rank % 2
    if rank < 2:
        raise InvalidDesign(
            f"{components} components of {activity.shape[2]} units; a rotation takes a plane, at "
            "least 2 of each"
        )
    fitted = amplitude_adjusted(activity, rng=generator)
    axes = _leading(activity[None], rank)[0]
    parts = _products(activity @ axes)
    observed = _fits(*(part.sum(axis=0, keepdims=True) for part in parts))[:, 0]
    at_once = max(1, _DRAWS_AT_ONCE // activity.size)
    null = np.concatenate(
        [
            of_trajectories(fitted.draw(min(at_once, surrogates - start), rng=generator), rank)
            for start in range(0, surrogates, at_once)
        ],
        axis=1,
    )
    low, high, reason = _interval(parts, paths.group, generator)
    p = [float(p_value(value, draws)) for value, draws in zip(observed, null, strict=True)]
    planes = _planes(parts, axes, paths.step)
    position = np.einsum("ctu,pau->ctpa", activity, planes["loading"])
    data = result(
        effect=observed[0],
        low=low,
        high=high,
        null=null[0],
        p=p[0],
        q=p[0],
        n=int(paths.group.max()) + 1,
        attrs={
            "analysis": "population.rotations",
            "method": "skew-symmetric linear dynamics in the leading principal components",
            "null": "amplitude-adjusted surrogates with the covariances over trajectories, times "
            "and units, and each unit's values",
            "family": "one test",
            "interval": reason or "95 %, BCa over groups of trajectories",
            "surrogates": surrogates,
            "components": rank,
            "averaged_over": paths.averaged,
            "n_trajectories": activity.shape[0],
            "n_times": activity.shape[1],
            "n_units": activity.shape[2],
            "simultaneous": int(rec.attrs.get("simultaneous", 1)),
        },
    )
    return data.assign(
        linear=observed[1],
        linear_null_mean=null[1].mean(),
        linear_p=p[1],
        ratio=observed[2],
        ratio_null_mean=null[2].mean(),
        ratio_p=p[2],
        frequency=("plane", planes["frequency"], {"units": "Hz"}),
        plane_share=("plane", planes["share"]),
        loading=(("plane", "axis", "unit"), planes["loading"]),
        position=(("trajectory", "time", "plane", "axis"), position),
    ).assign_coords(unit=rec["unit"].values, time=("time", paths.lag, {"units": "s"}))


def _leading(
    activity: Float[Array, "draw trajectory time unit"], rank: int
) -> Float[Array, "draw unit component"]:
    flat = activity.reshape(activity.shape[0], -1, activity.shape[3])
    flat = flat - flat.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(np.swapaxes(flat, 1, 2) @ flat)
    return vectors[:, :, ::-1][:, :, :rank]


def _products(
    state: Float[Array, "*draw trajectory time component"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, per trajectory, mᵀm, mᵀΔ and ‖Δ‖² of midpoints m and changes Δ."""
    change = np.diff(state, axis=-2)
    middle = state[..., 1:, :] - change / 2
    turned = np.swapaxes(middle, -1, -2)
    return turned @ middle, turned @ change, (change**2).sum(axis=(-2, -1))


def _skew(square: np.ndarray, cross: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least-squares skew-symmetric M of Δ ≈ m M, and the sum of squares it explains.

    The normal equations are A M + M A = B − Bᵀ, diagonal in the eigenvectors of A.
    """
    value, vector = np.linalg.eigh(square)
    value = np.maximum(value, 1e-12 * value[..., -1:] + 1e-300)
    turned = np.swapaxes(vector, -1, -2)
    asymmetric = turned @ (cross - np.swapaxes(cross, -1, -2)) @ vector
    inner = asymmetric / (value[..., :, None] + value[..., None, :])
    return vector @ inner @ turned, (inner * asymmetric).sum(axis=(-2, -1)) / 2


def _fits(square: np.ndarray, cross: np.ndarray, total: np.ndarray) -> Float[Array, "3 draw"]:
    """Return the shares explained by a rotation and by any linear map, and their ratio."""
    _, rotation = _skew(square, cross)
    value, vector = np.linalg.eigh(square)
    along = np.swapaxes(vector, -1, -2) @ cross
    safe = np.maximum(value, 1e-12 * value[..., -1:] + 1e-300)
    linear = (along**2 / safe[..., None]).sum(axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([rotation / total, linear / total, rotation / linear])


def of_trajectories(
    drawn: Float[Array, "draw trajectory time unit"], rank: int
) -> Float[Array, "3 draw"]:
    """Return the shares of a rotation and of any linear map, and their ratio, of each draw."""
    drawn = drawn - drawn.mean(axis=1, keepdims=True)
    axes = _leading(drawn, rank)
    return _fits(*(part.sum(axis=1) for part in _products(drawn @ axes[:, None])))


def _interval(
    parts: tuple[np.ndarray, ...], group: np.ndarray, rng: np.random.Generator
) -> tuple[float, float, str]:
    groups = int(group.max()) + 1
    if groups < FEWEST_GROUPS:
        return np.nan, np.nan, f"none: {groups} groups, fewer than {FEWEST_GROUPS}"
    sums = [np.zeros((groups, *part.shape[1:])) for part in parts]
    for total, part in zip(sums, parts, strict=True):
        np.add.at(total, group, part)
    statistic: Callable[[np.ndarray], Any] = lambda weights: _fits(  # noqa: E731
        *(np.tensordot(weights, total, axes=(1, 0)) for total in sums)
    )[0][:, None]
    found = cluster_bootstrap(statistic, groups, rng=rng)
    return float(found.low[0]), float(found.high[0]), ""


def _planes(parts: tuple[np.ndarray, ...], axes: np.ndarray, step: float) -> dict[str, np.ndarray]:
    """Return the planes of the rotation, fastest first."""
    matrix, _ = _skew(parts[0].sum(axis=0), parts[1].sum(axis=0))
    value, vector = np.linalg.eig(matrix.T)
    order = np.argsort(-value.imag)[: matrix.shape[0] // 2]
    pair = np.stack([vector[:, order].real, vector[:, order].imag], axis=-1)
    pair = pair / np.maximum(np.linalg.norm(pair, axis=0, keepdims=True), 1e-300)
    speed = np.maximum(value[order].imag, 0.0)
    energy = speed**2
    return {
        # Δ = 2·tan(θ/2) times the midpoint turned by 90°.
        "frequency": 2 * np.arctan(speed / 2) / (2 * np.pi * step),
        "share": energy / max(float(energy.sum()), 1e-300),
        "loading": np.einsum("uc,cpa->pau", axes, pair),
    }
