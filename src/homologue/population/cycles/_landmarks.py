"""Landmarks: few points that cover a cloud, each the mean of the samples around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float, Int

DEFAULT = 200
FEWEST = 20
_PER_LANDMARK = 3
REFINEMENTS = 3
SPARSE = 0.05


@dataclass(frozen=True)
class Landmarks:
    """Landmarks of a cloud and how many samples each stands for."""

    points: Float[Array, "landmark component"]
    count: Int[Array, "landmark"]


def farthest_points(
    cloud: Float[Array, "point component"], count: int, *, start: int = 0
) -> Int[Array, "landmark"]:
    """Return rows chosen one after the other, each the farthest from those before it.

    Parameters
    ----------
    cloud : array, shape (point, component)
    count : int
        Fewer are returned if there are fewer distinct points.
    start : int
        The first row.

    Returns
    -------
    numpy.ndarray of int, shape (landmark,)

    Notes
    -----
    A 2-approximation of the best covering [1]_, in one pass over the points per landmark. It
    seeks out outliers: :func:`draw_landmarks` averages and thins for that reason.

    References
    ----------
    .. [1] Gonzalez 1985, Theor. Comput. Sci. 38:293, doi:10.1016/0304-3975(85)90224-5

    Examples
    --------
    >>> farthest_points(np.array([[0.0], [1.0], [9.0], [10.0]]), 3).tolist()
    [0, 3, 1]
    """
    columns = np.ascontiguousarray(cloud.T)
    nearest = np.full(cloud.shape[0], np.inf)
    chosen = [int(start)]
    gap = np.empty_like(nearest)
    square = np.empty_like(nearest)
    while True:
        square.fill(0.0)
        for column in columns:
            np.subtract(column, column[chosen[-1]], out=gap)
            gap *= gap
            square += gap
        np.minimum(nearest, square, out=nearest)
        farthest = int(nearest.argmax())
        if len(chosen) == count or nearest[farthest] <= 0:
            return np.array(chosen)
        chosen.append(farthest)


def landmark_count(distinct: int, wanted: int | None) -> int:
    """Return how many landmarks a cloud bears, or refuse.

    Raises
    ------
    InvalidDesign
        Fewer distinct points than were asked for, or fewer than 20.
    """
    if distinct < FEWEST:
        raise InvalidDesign(
            f"{distinct} distinct points; a search for cycles needs at least {FEWEST}. For a "
            "few condition means, test their order instead (Fourier share against permutations)"
        )
    if wanted is None:
        return max(min(DEFAULT, distinct // _PER_LANDMARK), FEWEST)
    if wanted < FEWEST:
        raise InvalidDesign(f"landmarks={wanted}; at least {FEWEST} are needed to see a loop")
    if wanted > distinct:
        raise InvalidDesign(
            f"landmarks={wanted}, but there are {distinct} distinct points (duplicates count "
            f"once); give landmarks ≤ {distinct}, or leave it out"
        )
    return wanted


def distinct_points(cloud: Float[Array, "point component"]) -> int:
    """Return the number of points that differ by more than rounding."""
    scale = np.abs(cloud).max()
    return int(np.unique(np.round(cloud / (scale or 1.0), 9), axis=0).shape[0])


def draw_landmarks(
    cloud: Float[Array, "point component"], count: int, *, rng: np.random.Generator
) -> Landmarks:
    """Return averaged farthest-point landmarks.

    Farthest points cover the cloud evenly, whatever its density, but each carries the noise of
    one sample. So each is moved to the mean of the samples nearest to it, three times (Lloyd's
    algorithm [1]_), which shrinks noise by the root of their number, and landmarks that stand
    for fewer than 5 % of the mean number of samples are dropped as outliers.

    Parameters
    ----------
    cloud : array, shape (point, component)
    count : int
    rng : numpy Generator
        Draws the first point.

    References
    ----------
    .. [1] Lloyd 1982, IEEE Trans. Inf. Theory 28:129, doi:10.1109/TIT.1982.1056489
    """
    chosen = farthest_points(cloud, count, start=int(rng.integers(cloud.shape[0])))
    points = cloud[chosen]
    for _ in range(REFINEMENTS):
        cell = nearest(cloud, points)
        size = np.bincount(cell, minlength=points.shape[0])
        total = np.stack(
            [np.bincount(cell, column, minlength=points.shape[0]) for column in cloud.T], axis=1
        )
        keep = size > 0
        points = total[keep] / size[keep, None]
        size = size[keep]
    keep = size >= SPARSE * size.mean()
    return Landmarks(points[keep], size[keep])


def nearest(
    cloud: Float[Array, "point component"], points: Float[Array, "landmark component"]
) -> Int[Array, "point"]:
    """Return the nearest landmark of each point."""
    half = 0.5 * (points**2).sum(axis=1)
    piece = max(1, 4_000_000 // points.shape[0])
    return np.concatenate(
        [
            (half - cloud[first : first + piece] @ points.T).argmin(axis=1)
            for first in range(0, cloud.shape[0], piece)
        ]
    )
