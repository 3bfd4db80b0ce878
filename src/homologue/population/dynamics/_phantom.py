"""Cycles that are none: principal components of a drift are cosines of the time elapsed."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import p_value, result
from homologue.population.dynamics._series import series
from homologue.recording import validate

_WIDEST = 24
_COMPATIBLE = 0.01
_MOSTLY = 0.5
_WAVES = 12


def phantom_oscillation(
    rec: xr.DataArray,
    *,
    rng: np.random.Generator | int,
    components: int = 4,
    surrogates: int = 199,
) -> xr.Dataset:
    """Ask whether a cycle's evidence is the cosines that drift draws in principal components.

    The leading components of a random walk, or of anything that drifts smoothly, are cosines of
    ½, 1, 1½, … cycles in the time recorded [1]_ [2]_: two of them draw an arc, a horseshoe, a
    circle. The effect is the share of the leading components' variance that the first
    2 · ``components`` cosines explain. Under the null it is that of a random walk, or of a
    smooth drift, with the recording's own covariances of increments and noise.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN, with ``time``, or ``trial`` and ``lag`` (cosines of the trial).
    rng : numpy Generator or int
    components : int
        Leading principal components that carry the evidence.
    surrogates : int
        Of each kind.

    Returns
    -------
    xarray.Dataset
        ``effect`` (0 … 1), ``null_mean``/``null_std`` (of the kind of drift it resembles
        most), ``p`` (**lower** tail, the larger of the two kinds: small if there is less drift
        in the components than drift alone would leave), ``q`` (one test), ``n`` (series);
        ``low``/``high`` NaN: a single path has no interval. ``phantom`` (bool): most of the
        evidence is cosines (effect > ½) and p > .01, so that a drift is not ruled out.
        ``p_random_walk``, ``p_smooth_drift``; on ``component`` ``cosine_share`` and
        ``cosine_match``, the share that the cosine of the component's own number explains.

    Raises
    ------
    InvalidDesign
        No time, or fewer than 8 samples for each cosine.
    InvalidRecording
        NaN.

    Notes
    -----
    A true cycle that is run less than ``components`` times in the recording cannot be told from
    a drift and is called phantom: record it for longer. Not phantom means no more than that: the
    leading components are not drift; that there is a cycle needs a test of its own.

    References
    ----------
    .. [1] Shinn 2023, Proc. Natl. Acad. Sci. 120:e2311420120, doi:10.1073/pnas.2311420120
    .. [2] Antognini & Sohl-Dickstein 2018, NeurIPS 31, arXiv:1806.08805

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> source = np.random.default_rng(0)
    >>> walk = np.cumsum(source.normal(size=(300, 40)), axis=0)
    >>> angle = np.arange(300) / 5
    >>> ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ source.normal(size=(2, 40))
    >>> clock = {"time": np.arange(300.0)}
    >>> [bool(phantom_oscillation(make(x, variables=clock), rng=0, surrogates=99).phantom)
    ...  for x in (walk, ring + 0.1 * walk[::-1] / 10)]
    [True, False]
    """
    validate(rec)
    parts = series(rec)
    if not ("trial" in rec.coords and "lag" in rec.coords) and "block" not in rec.coords:
        # Gaps in one session are no new beginnings: the clock runs on.
        parts = [np.concatenate(parts)]
    name = "lag" if "trial" in rec.coords and "lag" in rec.coords else "time"
    clock = rec[name].values.astype(np.float64)
    cosines = 2 * components
    parts = [part for part in parts if part.size >= 8 * cosines] or _refuse(parts, cosines)
    bases = [_cosines(clock[part], cosines) for part in parts]
    pieces = [rec.values[part].astype(np.float64) for part in parts]
    whole = np.concatenate(pieces)
    centre = whole.mean(axis=0)
    spread = whole.std(axis=0)
    if not (spread > 0).any():
        raise InvalidDesign("no unit varies: there are no components to look at")
    axes = _axes(whole - centre, min(_WIDEST, whole.shape[1]))
    pieces = [(piece - centre) @ axes for piece in pieces]
    effect, shares, match = _share(pieces, bases, components)
    generator = np.random.default_rng(rng)
    drift, noise = _increments(pieces)
    steps = [_steps(clock[part]) for part in parts]
    walk, smooth = np.empty(surrogates), np.empty(surrogates)
    for draw in range(surrogates):
        rough = [_walk(step, drift, noise, generator) for step in steps]
        walk[draw] = _share(rough, bases, components)[0]
        slow = [_drift(step, drift, noise, generator) for step in steps]
        smooth[draw] = _share(slow, bases, components)[0]
    p_walk, p_smooth = (float(p_value(effect, null, tail="lower")) for null in (walk, smooth))
    null = walk if p_walk >= p_smooth else smooth
    p = max(p_walk, p_smooth)
    phantom = effect > _MOSTLY and p > _COMPATIBLE
    data = result(
        effect=effect,
        null=null,
        p=p,
        q=p,
        n=len(parts),
        attrs={
            "analysis": "population.phantom_oscillation",
            "method": "share of the leading components explained by the slowest cosines in time",
            "null": "random walks and smooth drifts with the recording's increments and noise",
            "tail": "lower",
            "family": "one test",
            "interval": "none: one path",
            "verdict": "phantom oscillation: drift is not ruled out"
            if phantom
            else "not a phantom: the leading components are not drift",
            "cosines": cosines,
            "surrogates": surrogates,
        },
    )
    return data.assign(
        phantom=phantom,
        p_random_walk=p_walk,
        p_smooth_drift=p_smooth,
        cosine_share=("component", shares),
        cosine_match=("component", match),
    )


def _refuse(parts: list[np.ndarray], cosines: int) -> list[np.ndarray]:
    raise InvalidDesign(
        f"the longest series has {max(part.size for part in parts)} samples; {cosines} cosines "
        f"need {8 * cosines}: ask for fewer components, or record for longer"
    )


def _cosines(clock: np.ndarray, count: int) -> Float[Array, "sample cosine"]:
    """Return orthonormal cosines of ½, 1, … cycles in the time recorded, orthogonal to 1."""
    place = (clock - clock[0]) / (clock[-1] - clock[0]) * (1 - 1 / clock.size) + 0.5 / clock.size
    basis = np.cos(np.pi * np.arange(count + 1) * place[:, None])
    return np.linalg.qr(basis)[0][:, 1:]


def _steps(clock: np.ndarray) -> Float[Array, "step"]:
    step = np.diff(clock)
    return np.concatenate([[0.0], step / np.median(step)])


def _axes(centred: np.ndarray, count: int) -> Float[Array, "unit component"]:
    if centred.shape[0] < centred.shape[1]:
        value, left = np.linalg.eigh(centred @ centred.T)
        kept = np.argsort(-value)[:count]
        kept = kept[value[kept] > 1e-12 * value[-1]]
        return np.asarray(centred.T @ left[:, kept] / np.sqrt(value[kept]))
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return np.asarray(vectors[:, ::-1][:, :count])


def _share(
    pieces: list[np.ndarray], bases: list[np.ndarray], components: int
) -> tuple[float, np.ndarray, np.ndarray]:
    whole = np.concatenate(pieces)
    mean = whole.mean(axis=0)
    axes = _axes(whole - mean, components)
    total = explained = matched = np.zeros(axes.shape[1])
    for piece, basis in zip(pieces, bases, strict=True):
        score = (piece - mean) @ axes
        score = score - score.mean(axis=0)
        power = (basis.T @ score) ** 2
        total = total + (score**2).sum(axis=0)
        explained = explained + power.sum(axis=0)
        matched = matched + np.diagonal(power)
    safe = np.maximum(total, 1e-300)
    return float(explained.sum() / max(total.sum(), 1e-300)), explained / safe, matched / safe


def _increments(pieces: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return factors of the covariances of the walk's steps and of the noise about it.

    Differences over l samples have covariance l·Q + 2·S: Q and S from l = 1 and a tenth.
    """
    far = max(2, min(piece.shape[0] for piece in pieces) // 10)
    near, wide = (
        sum((piece[lag:] - piece[:-lag]).T @ (piece[lag:] - piece[:-lag]) for piece in pieces)
        / sum(piece.shape[0] - lag for piece in pieces)
        for lag in (1, far)
    )
    steps = (wide - near) / (far - 1)
    return _root(steps), _root((near - steps) / 2)


def _root(covariance: np.ndarray) -> np.ndarray:
    value, vector = np.linalg.eigh(covariance)
    kept = value > 1e-9 * max(float(value[-1]), 1e-300)
    return np.asarray((vector[:, kept] * np.sqrt(value[kept])).T)


def _walk(
    step: np.ndarray, drift: np.ndarray, noise: np.ndarray, rng: np.random.Generator
) -> Float[Array, "sample component"]:
    moves = rng.standard_normal((step.size, len(drift))) * np.sqrt(step)[:, None]
    path = np.cumsum(moves, axis=0) @ drift
    return path + rng.standard_normal((step.size, len(noise))) @ noise


def _drift(
    step: np.ndarray, drift: np.ndarray, noise: np.ndarray, rng: np.random.Generator
) -> Float[Array, "sample component"]:
    """Return Gaussian paths of a length scale between an eighth and a half of the recording.

    Made of waves of twice the recording's length, of which half is seen, so that the ends do
    not meet; each path has the variance of the walk it stands for, T/6 steps.
    """
    place = np.cumsum(step)
    place = place / max(place[-1], 1e-300)
    scale = rng.uniform(1 / 8, 1 / 2)
    number = np.arange(1, _WAVES + 1)
    weight = np.exp(-((np.pi * number * scale) ** 2) / 4)
    weight /= np.sqrt((weight**2).sum())
    turn = np.pi * place[:, None] * number
    basis = np.concatenate([np.cos(turn) * weight, np.sin(turn) * weight], axis=1)
    path = np.sqrt(step.size / 6) * rng.standard_normal((len(drift), 2 * _WAVES)) @ basis.T
    return path.T @ drift + rng.standard_normal((step.size, len(noise))) @ noise
