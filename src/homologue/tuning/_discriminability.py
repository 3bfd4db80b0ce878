"""d′ of every unit's best class beside what relabelling gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import norm

from homologue._errors import HomologueError
from homologue._typing import Array, Float
from homologue.tuning import _binned
from homologue.tuning._placed import Placed, add_one, place

_BLOCK_BYTES = 64 * 2**20
_FEWEST_CLUSTERS = 5


def discriminability(
    rec: xr.DataArray,
    variable: str,
    *,
    rng: np.random.Generator | int,
    permutations: int = 999,
    **options: Any,
) -> xr.Dataset:
    """Measure d′ of the class that each unit tells best from the rest.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit); activity of any sign.
    variable : str
        Categorical; a continuous one is cut into bins.
    rng : numpy Generator or int
    permutations : int
    **options
        ``bins``, ``minimum_occupancy``, ``minimum_lag``, ``null``, ``force_iid`` as in
        :func:`homologue.tuning.spatial_information`.

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect`` (d′ of the class for which it is largest in size, with its sign),
        ``low``/``high`` (95 %, for the class chosen), ``null_mean``, ``null_std`` (of the null's
        largest size), ``p``, ``q``, ``n`` (clusters), ``best_class``, ``reason``. On (``unit``,
        ``stimulus_class``): ``d_prime`` of every class.

    Raises
    ------
    InvalidDesign
        As :func:`homologue.tuning.spatial_information`.
    HomologueError
        Fewer than 2 permutations.

    Notes
    -----
    The null takes the same maximum over classes [1]_. The largest of several is a biased
    estimate of the true one: compare it with ``null_mean``. A class of few samples has an
    uncertain spread, and d′ can be of any size: ROC areas (:func:`homologue.tuning.selectivity`)
    are bounded, and say more of sparse counts.

    References
    ----------
    .. [1] Green & Swets 1966, Signal Detection Theory and Psychophysics; Simpson & Fitter 1973,
       Psychol. Bull. 80:481, doi:10.1037/h0035203 (unequal variances)

    Examples
    --------
    >>> from homologue.recording import make
    >>> label = np.repeat(["face", "house"], 40)
    >>> noise = np.random.default_rng(0).standard_normal((80, 2))
    >>> rec = make(noise + (label == "face")[:, None] * [2.0, 0.0], stimulus=label)
    >>> found = discriminability(rec, "stimulus", rng=0, permutations=199)
    >>> found.effect.values.round(1).tolist()[0], (found.p < 0.05).values.tolist()
    (2.4, [True, False])
    """
    if permutations < 2:
        raise HomologueError(f"permutations are 2 or more, better 999; given {permutations}")
    placed = place(rec, variable, rates=False, **{"bins": 8, **options})
    # Centred first, or the variance of a large constant baseline is lost in rounding.
    centred = placed.activity - placed.activity.mean(axis=0)
    parts = [replace(placed, activity=a, step=0.0) for a in (centred, centred**2)]
    floor = 1e-12 * np.abs(placed.activity).max(axis=0, initial=0.0)
    seed = int(np.random.default_rng(rng).integers(2**63))
    sums, squares = (part.sums()[None] for part in parts)
    every = _d_prime(sums, squares, placed.occupancy[None], floor)[0]
    size = np.nan_to_num(np.abs(every), nan=-1.0) + 1e-12 * (np.nan_to_num(every) > 0)
    best = size.argmax(axis=0)
    effect = np.take_along_axis(every, best[None], axis=0)[0]
    null = np.empty((permutations, effect.size))
    # The same seed draws the same relabellings of activity and of its square.
    draws = [part.null_sums(permutations, seed) for part in parts]
    for (block, sums, occupancy), (_, squares, _) in zip(*draws, strict=True):
        found = np.abs(_d_prime(sums, squares, occupancy, floor[block]))
        null[:, block] = np.nan_to_num(found).max(axis=1)
    tested = placed.tested & np.isfinite(effect)
    blank = np.where(tested, 0.0, np.nan)
    low, high = _jackknife(placed, parts, best, effect, floor)
    p = add_one(np.abs(effect), null, tested=tested)
    data = _binned.as_dataset(
        rec, placed, _binned.Tested(effect + blank, low + blank, high + blank, null + blank, p),
        analysis="tuning.discriminability",
        method="d′ of the best class against the rest, largest in size",
    )  # fmt: skip
    names = placed.bins.coords()[placed.bins.axes[0].name][1].astype(object)
    return data.assign(
        best_class=("unit", np.where(tested, names[best], "").astype(str)),
        d_prime=(("unit", "stimulus_class"), (every + blank).T),
    ).assign_coords(stimulus_class=names.astype(str))


def _d_prime(
    sums: Float[Array, "draw bin unit"],
    squares: Float[Array, "draw bin unit"],
    occupancy: Float[Array, "draw_or_one bin"],
    floor: Float[Array, "unit"],
) -> Float[Array, "draw bin unit"]:
    """Return d′ of each class against the rest, from sums and sums of squares."""
    count = occupancy[:, :, None]
    rest = count.sum(axis=1, keepdims=True) - count
    others, other_squares = (part.sum(axis=1, keepdims=True) - part for part in (sums, squares))
    with np.errstate(divide="ignore", invalid="ignore"):
        inside, outside = sums / count, others / rest
        one = (squares - count * inside**2) / (count - 1)
        other = (other_squares - rest * outside**2) / (rest - 1)
        spread = np.sqrt(np.maximum(one + other, 0.0) / 2)
        return np.where(spread > floor, (inside - outside) / spread, np.nan)


def _jackknife(
    placed: Placed, parts: list[Placed], best: np.ndarray, effect: np.ndarray, floor: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a normal interval of the chosen class's d′, leaving out one cluster each."""
    count = int(placed.cluster.max()) + 1
    low, high = np.full(effect.shape, np.nan), np.full(effect.shape, np.nan)
    if count < _FEWEST_CLUSTERS:
        return low, high
    at_once = max(1, _BLOCK_BYTES // (8 * count * placed.bins.size))
    for left in range(0, effect.size, at_once):
        block = slice(left, min(left + at_once, effect.size))
        (sums, visits), (squares, _) = (part.cluster_sums(block) for part in parts)
        without = _d_prime(
            sums.sum(axis=0) - sums, squares.sum(axis=0) - squares,
            visits.sum(axis=0) - visits, floor[block],
        )  # fmt: skip
        value = np.take_along_axis(without, best[None, None, block], axis=1)[:, 0]
        error = np.sqrt((count - 1) / count * ((value - value.mean(axis=0)) ** 2).sum(axis=0))
        reach = norm.ppf((1 + _binned.LEVEL) / 2) * error
        low[block], high[block] = effect[block] - reach, effect[block] + reach
    return low, high
