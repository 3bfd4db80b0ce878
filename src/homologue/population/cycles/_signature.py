"""Which shape a cloud has: Betti numbers of its landmarks, and a name for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from homologue._typing import Array, Float
from homologue.population.cycles._landmarks import farthest_points
from homologue.population.cycles._persistence import Bars, Persistence, persistence

NAMES = ("none", "ring", "torus", "other")

_VOID_LANDMARKS = 150
_SMALLEST_PIECE = 0.05
_VOID_RATIO = 1.35


@dataclass(frozen=True)
class Signature:
    """Betti numbers 0, 1, 2 (2 is 0 unless looked at) and their name."""

    betti: tuple[int, int, int]

    @property
    def name(self) -> str:
        """One of :data:`NAMES`."""
        if self.betti[1] == 0:
            return "none"
        return {(1, 1, 0): "ring", (1, 2, 1): "torus"}.get(self.betti, "other")


def count_loops(loops: Bars, threshold: float) -> int:
    """Return how many bars are loops.

    Parameters
    ----------
    loops : Bars
    threshold : float
        Largest 1 − birth/death that the null explains.

    Notes
    -----
    Of the bars above the threshold, those before the largest drop in log(death/birth): once a
    cloud has one loop, the bars along it are no longer those of the null.
    """
    life = np.log(loops.ratio)
    above = int((life > -np.log1p(-threshold)).sum())
    if above == 0:
        return 0
    drops = life[:above] - np.append(life[1 : above + 1], 0.0)[:above]
    return int(drops.argmax()) + 1


def signature(
    points: Float[Array, "landmark component"], found: Persistence, threshold: float
) -> Signature:
    """Return the Betti numbers of landmarks at the scale where their loops live.

    Parameters
    ----------
    points : array, shape (landmark, component)
    found : Persistence
        Of these points.
    threshold : float
        See :func:`count_loops`.

    Returns
    -------
    Signature

    Notes
    -----
    Pieces are counted at the geometric mean of the last birth and the first death among the
    loops; pieces of fewer than 5 % of the landmarks do not count. Whether two loops in one piece
    span a torus is asked of two-dimensional cohomology, on 150 of the landmarks: one void that
    outlives its birth by 35 % and, in logarithms, the next void twice over.
    """
    loops = count_loops(found.loops, threshold)
    if loops == 0:
        return Signature((1, 0, 0))
    birth, death = found.loops.birth[:loops].max(), found.loops.death[:loops].min()
    scale = float(np.sqrt(birth * death)) if birth < death else float(death)
    pieces = _pieces(points, found.merges, scale)
    voids = _voids(points) if loops >= 2 and pieces == 1 else 0
    return Signature((pieces, loops, voids))


def _pieces(points: np.ndarray, merges: np.ndarray, scale: float) -> int:
    """Return the number of pieces at a scale, small ones left out."""
    if not (merges > scale).any():
        return 1
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial.distance import pdist, squareform

    near = squareform(pdist(points)) <= scale
    _, piece = connected_components(near, directed=False)
    return max(int((np.bincount(piece) >= _SMALLEST_PIECE * points.shape[0]).sum()), 1)


def _voids(points: np.ndarray) -> int:
    """Return 1 if one void stands out in two-dimensional cohomology, else 0; 2 for several."""
    few = points[farthest_points(points, min(_VOID_LANDMARKS, points.shape[0]))]
    voids = persistence(few, dimension=2).voids
    assert voids is not None
    life = np.log(voids.ratio)
    if not life.size or life[0] < np.log(_VOID_RATIO):
        return 0
    return 1 if life.size == 1 or life[0] > 2 * life[1] else 0
