"""Separability and ε-mixture of a cloud of points: a shape that no two axes make up, or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
import xarray as xr
from scipy.stats import t as student

from homologue._errors import HomologueError, InvalidDesign, InvalidRecording
from homologue._typing import Array, Float, Int
from homologue.inference import benjamini_hochberg, exchangeability, p_value, result
from homologue.inference._design import Design
from homologue.inference._shifts import correlation_time, stretches
from homologue.population.guided._information import least_information
from homologue.recording import validate

EPSILON = 0.1
_DIRECTIONS = 60
_BLOCKS = 20
_GAUSSIANS = 19
_TOGETHER = 2**19
"""Projections of the draws that are worked on together."""
_MEMORY = 3.0
"""Samples; white noise of 80 is taken for slower than this once in fifty times."""


def separability(
    rec: xr.DataArray, *, rng: np.random.Generator | int, permutations: int = 199
) -> xr.Dataset:
    """Measure how far a cloud is from a product of two independent coordinates.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit) without NaN, of at least 50 samples. With more than two
        units, its planes of neighbouring principal components are measured.
    rng : numpy Generator or int
    permutations : int
        Shuffles of one coordinate against the other, at the rotation that shares least.

    Returns
    -------
    xarray.Dataset
        On ``plane`` ("1-2", "2-3", … up to "4-5"): ``effect``, the information in bits that
        coordinates share at the least, less that of a Gaussian of as many points, ``low`` /
        ``high`` (95 %, jackknife over 20 blocks of groups), ``null_mean``, ``null_std``, ``p``
        (upper tail), ``q`` (Benjamini–Hochberg over planes), ``n`` (samples).

    Raises
    ------
    InvalidDesign
        Too few arrangements.
    InvalidRecording
        NaN, fewer than 50 samples, or fewer than two units that vary.

    Notes
    -----
    A small p says "not separable", which a circle is, and so are a cross, or clusters off any
    two axes: look at the plane. What is exchanged follows the recording's groups: within groups
    of several samples, whole samples otherwise, by shifts with ``time``.

    Information is counted in bins, so its size depends on their number, and a perfect circle's
    is bounded by it: compare only clouds of equally many points.

    References
    ----------
    .. [1] Engels et al. 2024, arXiv:2405.14860.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> turn = np.random.default_rng(0).uniform(0, 2 * np.pi, 500)
    >>> found = separability(make(np.stack([np.cos(turn), np.sin(turn)], 1)), rng=0)
    >>> bool(found.effect[0] > 0.5), float(found.p[0])
    (True, 0.005)
    """
    _checked(permutations)
    points, group, extra = _cloud(rec)
    fitting, drawing = np.random.default_rng(rng).spawn(2)
    rows = [
        separable_plane(plane, group, extra, permutations, (fitting, drawing)) for plane in points
    ]
    p = np.array([row["p"] for row in rows])
    return _result(rec, rows, p, "separability", "one coordinate shuffled against the other")


def mixture(
    rec: xr.DataArray, *, rng: np.random.Generator | int, permutations: int = 199
) -> xr.Dataset:
    r"""Measure how many points of a cloud a single slab can hold: the ε-mixture index.

    Parameters
    ----------
    rec : xarray.DataArray
        As for :func:`separability`.
    rng : numpy Generator or int
    permutations : int
        Gaussian clouds of the same covariance and number of points, in groups that are as
        alike inside as the recording's.

    Returns
    -------
    xarray.Dataset
        On ``plane``: ``effect``, the largest share of points with \|v·f + c\| < ε RMS(v·f + c)
        over directions v and offsets c, ε = 0.1 (a Gaussian has 0.0797, a circle 0.2187, points
        of which most are at one place nearly 1), ``low``/``high``, ``null_mean``, ``null_std``,
        ``p`` (upper tail), ``q``, ``n``.

    Raises
    ------
    InvalidDesign
        A time series that remembers: its samples make clumps of their own.
    InvalidRecording
        As :func:`separability`.

    Notes
    -----
    The maximum is exact over offsets and taken over 60 directions; over few points it is biased
    upwards, and so is the null's, which has as many.

    References
    ----------
    .. [1] Engels et al. 2024, arXiv:2405.14860.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> cloud = np.random.default_rng(1).standard_normal((400, 2))
    >>> cloud[:200] = 0.01 * cloud[:200] + 3
    >>> bool(mixture(make(cloud), rng=0).effect[0] > 0.4)
    True
    """
    _checked(permutations)
    points, group, extra = _cloud(rec)
    _refuse_series(points[0], extra)
    generator = np.random.default_rng(rng)
    rows = []
    for plane in points:
        null = np.concatenate(
            [
                mixture_index(_grouped_gaussians(plane, group, count, generator))
                for count in _portions(permutations, plane)
            ]
        )
        observed = float(mixture_index(plane))
        low, high = np.clip(
            jackknife(lambda cloud: float(mixture_index(cloud)), plane, group, generator), 0, 1
        )
        rows.append(
            {"effect": observed, "low": low, "high": high, "null": null, "null_mean": null.mean(),
             "null_std": null.std(ddof=1), "p": float(p_value(observed, null))}
        )  # fmt: skip
    p = np.array([row["p"] for row in rows])
    return _result(
        rec, rows, p, "mixture", "Gaussians of the same covariance, within and between groups"
    )


def mixture_index(
    points: Float[Array, "... sample 2"],
    *,
    epsilon: float = EPSILON,
    directions: int = _DIRECTIONS,
) -> Float[Array, "..."]:
    """Return the largest share of points within ε of a line, in units of the cloud's RMS to it.

    With the projection x centred, of variance s², |x − m| < ε √(s² + m²) holds for m between
    (x ± ε √(x² + (1 − ε²) s²))/(1 − ε²): the maximum over m is the deepest overlap of these
    intervals, found by counting their ends.

    Parameters
    ----------
    points : array, shape (..., sample, 2)
    epsilon : float
        In (0, 1).
    directions : int
        Directions v in half a turn.

    Returns
    -------
    array, shape (...)
        In 0 … 1; 1 if the points are all one.

    References
    ----------
    Engels et al. 2024, arXiv:2405.14860.

    Examples
    --------
    >>> import numpy as np
    >>> turn = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    >>> round(float(mixture_index(np.stack([np.cos(turn), np.sin(turn)], axis=1))), 3)
    0.219
    """
    if not 0 < epsilon < 1:
        raise HomologueError(f"epsilon lies between 0 and 1; given {epsilon}")
    angle = np.pi * np.arange(directions) / directions
    centred = points - points.mean(axis=-2, keepdims=True)
    extent = np.abs(points).max(axis=(-2, -1), initial=0.0)
    one = np.abs(centred).max(axis=(-2, -1), initial=0.0) <= 1e-12 * extent + 1e-300
    x = np.sort(np.stack([np.cos(angle), np.sin(angle)], axis=1) @ centred.mT, axis=-1)
    variance = (x**2).mean(axis=-1, keepdims=True)
    reach = epsilon * np.sqrt(x**2 + (1 - epsilon**2) * variance)
    # Intervals that are open, from end to end; one that ends where another begins, ends first.
    ends = np.concatenate([x + reach, x - reach], axis=-1)
    opens = np.argsort(ends, axis=-1, kind="stable") >= x.shape[-1]
    deepest = np.cumsum(np.where(opens, 1, -1), axis=-1).max(axis=(-2, -1))
    return np.asarray(np.where(one, 1.0, deepest / points.shape[-2]))


def separable_plane(
    points: Float[Array, "sample 2"],
    group: Int[Array, "sample"],
    extra: dict[str, Any],
    permutations: int,
    rngs: tuple[np.random.Generator, np.random.Generator],
) -> dict[str, Any]:
    """Return the calibrated separability of one plane with interval, null and p."""
    fitting, drawing = rngs
    observed, angle = (float(part) for part in least_information(points))
    level = float(least_information(_gaussians(points, _GAUSSIANS, fitting))[0].mean())
    turned = points @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    design: Design = exchangeability(turned[:, 1], group, **extra)
    index = design.draw(permutations, drawing)
    shuffled = np.stack([np.broadcast_to(turned[:, 0], index.shape), turned[index, 1]], axis=2)
    null = least_information(shuffled)[0]
    low, high = jackknife(lambda p: float(least_information(p)[0]), points, group, fitting)
    return {
        "effect": observed - level, "low": low - level, "high": high - level,
        "null": null - level, "null_mean": null.mean() - level, "null_std": null.std(ddof=1),
        "p": float(p_value(observed, null)),
    }  # fmt: skip


def jackknife(
    statistic: Callable[[np.ndarray], float],
    points: Float[Array, "sample 2"],
    group: Int[Array, "sample"],
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return a 95 % interval that leaves out one block of groups at a time."""
    groups = int(group.max()) + 1
    blocks = min(_BLOCKS, groups)
    if blocks < 5:
        return float("nan"), float("nan")
    member = (rng.permutation(groups) % blocks)[group]
    left = np.array([statistic(points[member != k]) for k in range(blocks)])
    error = np.sqrt((blocks - 1) / blocks * ((left - left.mean()) ** 2).sum())
    reach = float(student.ppf(0.975, blocks - 1) * error)
    value = statistic(points)
    return value - reach, value + reach


def planes(activity: Float[Array, "sample unit"], most: int = 4) -> list[np.ndarray]:
    """Return the cloud's planes of neighbouring principal components; itself if it is a plane.

    Raises
    ------
    InvalidRecording
        Fewer than 50 samples, or fewer than two dimensions that vary.
    """
    if activity.shape[0] < 50:
        raise InvalidRecording(
            f"{activity.shape[0]} samples; the shape of a cloud needs at least 50"
        )
    centred = activity - activity.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    rank = int((size > 1e-9 * max(size[0], np.abs(activity).max() * 1e-3, 1e-300)).sum())
    if rank < 2:
        raise InvalidRecording(
            f"the cloud has {rank} dimension that varies (of {activity.shape[1]} units); a plane "
            "needs two"
        )
    if activity.shape[1] == 2:
        return [centred]
    scores = left[:, :rank] * size[:rank]
    return [scores[:, k : k + 2] for k in range(min(rank - 1, most))]


def _cloud(rec: xr.DataArray) -> tuple[list[np.ndarray], np.ndarray, dict[str, Any]]:
    validate(rec)
    if not rec.attrs.get("simultaneous", 1):
        raise InvalidDesign(
            "the units were not recorded simultaneously, so their joint shape was never observed"
        )
    group = np.unique(rec["group"].values, return_inverse=True)[1]
    extra = {name: rec[name].values for name in ("block", "time") if name in rec.coords}
    return planes(rec.values.astype(np.float64)), group, extra


def _refuse_series(plane: np.ndarray, extra: dict[str, Any]) -> None:
    """Refuse a plane whose samples depend on the ones before: they clump without a mixture."""
    if "time" not in extra:
        return
    block = extra.get("block")
    longest = max(stretches(extra["time"], block), key=len)
    if longest.size < 3:
        return
    slowest = max(correlation_time(plane[longest, k]) for k in (0, 1))
    if slowest > _MEMORY:
        raise InvalidDesign(
            f"the samples are a series with a correlation time of {slowest:.1f} samples: they "
            "lie in clumps without any mixture, which independent points do not. Average over "
            f"stretches that are longer, or take every {int(np.ceil(slowest))}th sample, and "
            "leave time out"
        )


def _portions(total: int, plane: np.ndarray) -> list[int]:
    """Return how many draws are worked on together, and again, until there are all."""
    most = max(1, _TOGETHER // (plane.size * _DIRECTIONS))
    return [min(most, total - k) for k in range(0, total, most)]


def _gaussians(
    points: Float[Array, "sample 2"], draws: int, rng: np.random.Generator
) -> Float[Array, "draw sample 2"]:
    """Return as many Gaussian points with the same covariance, several times."""
    centred = points - points.mean(axis=0)
    _, size, axes = np.linalg.svd(centred, full_matrices=False)
    mixing = axes * (size / np.sqrt(len(points)))[:, None]
    return rng.standard_normal((draws, *points.shape)) @ mixing


def _grouped_gaussians(
    points: Float[Array, "sample 2"],
    group: Int[Array, "sample"],
    draws: int,
    rng: np.random.Generator,
) -> Float[Array, "draw sample 2"]:
    """Return Gaussian points with the same covariance of group means and about them."""
    size = np.bincount(group)
    if (size == 1).all():
        return _gaussians(points, draws, rng)
    averaging = scipy.sparse.csr_array((1 / size[group], (group, np.arange(group.size))))

    def means(values: np.ndarray) -> np.ndarray:
        flat = np.moveaxis(values, -2, 0)
        found = averaging @ flat.reshape(group.size, -1)
        return np.moveaxis(found.reshape(size.size, *flat.shape[1:]), 0, -2)

    about = points - means(points)[group]
    noise = _gaussians(about, draws, rng)
    noise -= means(noise)[:, group]
    # Taking the means away leaves less than there was.
    left = (noise**2).sum(axis=(1, 2), keepdims=True)
    noise *= np.sqrt((about**2).sum() / np.maximum(left, 1e-300))
    return noise if len(size) == 1 else _gaussians(means(points), draws, rng)[:, group] + noise


def _checked(permutations: int) -> None:
    if permutations < 2:
        raise HomologueError(f"permutations are 2 or more; given {permutations}")


def _result(
    rec: xr.DataArray, rows: list[dict[str, Any]], p: np.ndarray, name: str, null: str
) -> xr.Dataset:
    fields = ("effect", "low", "high", "null_mean", "null_std")
    return result(
        **{key: np.array([row[key] for row in rows]) for key in fields},
        p=p, q=benjamini_hochberg(p), n=rec.sizes["sample"], dims=("plane",),
        coords={"plane": [f"{k + 1}-{k + 2}" for k in range(len(rows))]},
        attrs={
            "analysis": f"population.{name}", "method": f"{name} index", "null": null,
            "family": "Benjamini–Hochberg over planes", "permutations": len(rows[0]["null"]),
        },
    )  # fmt: skip
