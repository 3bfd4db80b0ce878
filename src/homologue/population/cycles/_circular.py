"""Circular coordinates: from a cocycle of the landmarks to an angle for every sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float

_OTHER_PRIMES = (47, 41, 23, 13, 7)
_MAIN_PIECE = 0.9


@dataclass(frozen=True)
class CircularMap:
    """Angles of landmarks, and what carries them to any point near them.

    Attributes
    ----------
    points : array, shape (landmark, component)
    angle : array, shape (landmark, cycle)
        Radians, at the landmarks.
    step : array, shape (cycle, landmark, landmark)
        ``step[c, i, j]``: how far the angle turns from landmark i to its neighbour j.
    neighbour : array of bool, shape (landmark, landmark)
        Landmarks that are joined at ``scale``; each is its own neighbour.
    scale : float
        Distance at which the coordinates were made.
    birth, death : array, shape (cycle,)
        Of the bars they belong to.
    """

    points: Float[Array, "landmark component"]
    angle: Float[Array, "landmark cycle"]
    step: Float[Array, "cycle landmark landmark"]
    neighbour: np.ndarray
    scale: float
    birth: Float[Array, "cycle"]
    death: Float[Array, "cycle"]

    def extend(self, cloud: Float[Array, "point component"]) -> Float[Array, "point cycle"]:
        """Return the angle of each point, in [0, 2π).

        A point takes the weighted mean of the angles that the neighbours of its nearest landmark
        have as seen from there. Weights fall linearly to 0 at half the scale (a partition of
        unity over balls around landmarks [1]_), or at 1.5 times the distance of the nearest
        landmark for points farther out.

        References
        ----------
        .. [1] Perea 2020, in Topological Data Analysis, doi:10.1007/978-3-030-43408-3_17
        """
        from scipy.spatial.distance import cdist

        out = np.empty((cloud.shape[0], self.angle.shape[1]))
        piece = max(1, 4_000_000 // self.points.shape[0])
        for first in range(0, cloud.shape[0], piece):
            some = slice(first, first + piece)
            distance = cdist(cloud[some], self.points)
            nearest = distance.argmin(axis=1)
            least = distance[np.arange(nearest.size), nearest]
            reach = np.maximum(0.5 * self.scale, 1.5 * least)
            weight = np.maximum(reach[:, None] - distance, 0.0) * self.neighbour[nearest]
            total = weight.sum(axis=1)
            # A point that sits on its landmark far from all others keeps the landmark's angle.
            total = np.where(total > 0, total, 1.0)
            for cycle in range(self.angle.shape[1]):
                turn = (weight * self.step[cycle][nearest]).sum(axis=1) / total
                out[some, cycle] = self.angle[nearest, cycle] + turn
        return out % (2 * np.pi)


def circular_map(
    points: Float[Array, "landmark component"],
    *,
    cycles: int = 1,
    prime: int = 47,
    position: float = 0.5,
) -> CircularMap:
    """Return circular coordinates of landmarks, for their longest-lived loops.

    A cocycle over a prime field is lifted to integers and replaced by the smoothest one of its
    class: least squares over edges [1]_. Several are made independent first: integer
    combinations of least energy, by lattice reduction [2]_.

    Parameters
    ----------
    points : array, shape (landmark, component)
    cycles : int
        How many of the longest-lived bars (death / birth).
    prime : int
        Tried first; others follow where a lift is not a cocycle.
    position : float
        Where between the last birth (0) and the first death (1) the complex is taken.

    Raises
    ------
    InvalidDesign
        Fewer bars than cycles, loops that never live at one scale, a disconnected cloud, a lift
        that fails for all primes.

    References
    ----------
    .. [1] de Silva, Morozov & Vejdemo-Johansson 2011, Discrete Comput. Geom. 45:737,
       doi:10.1007/s00454-011-9344-x
    .. [2] Scoccola et al. 2023, SoCG, doi:10.4230/LIPIcs.SoCG.2023.57
    """
    from scipy.spatial.distance import pdist, squareform

    distance = squareform(pdist(points))
    failed: list[int] = []
    for field in dict.fromkeys((prime, *_OTHER_PRIMES)):
        found = _lifted(distance, cycles, field, position)
        if found is None:
            failed.append(field)
            continue
        lift, joined, scale, birth, death = found
        kept = _main_piece(joined)
        inside = np.ix_(kept, kept)
        joined = joined[inside]
        angle, smooth = _harmonic(np.stack([each[inside] for each in lift]), joined)
        neighbour = joined | np.eye(kept.size, dtype=bool)
        return CircularMap(points[kept], angle, smooth, neighbour, scale, birth, death)
    raise InvalidDesign(
        f"no integer lift of the cocycle is a cocycle (primes {', '.join(map(str, failed))}): "
        "the loop is twisted, or lives too briefly; give more landmarks"
    )


def _lifted(
    distance: np.ndarray, cycles: int, prime: int, position: float
) -> tuple[np.ndarray, np.ndarray, float, np.ndarray, np.ndarray] | None:
    """Return integer cocycles as antisymmetric matrices at one scale; None if not cocycles."""
    from ripser import ripser

    found = ripser(distance, distance_matrix=True, maxdim=1, coeff=prime, do_cocycles=True)
    birth, death = found["dgms"][1].astype(np.float64).T
    fine = np.flatnonzero(np.isfinite(death) & (birth > 0))
    if fine.size < cycles:
        raise InvalidDesign(
            f"{cycles} circular coordinates asked for, but the landmarks have {fine.size} loops; "
            "look at cycles.find first"
        )
    chosen = fine[np.argsort(-death[fine] / birth[fine], kind="stable")[:cycles]]
    first, last = birth[chosen].max(), death[chosen].min()
    if first >= last:
        raise InvalidDesign(
            f"the {cycles} longest loops never live at one scale (the last is born at "
            f"{first:.3g}, the first dies at {last:.3g}); ask for fewer cycles"
        )
    scale = float(first + position * (last - first))
    joined = distance <= scale
    np.fill_diagonal(joined, val=False)
    lift = np.zeros((cycles, *distance.shape))
    for k, index in enumerate(chosen):
        i, j, value = found["cocycles"][1][index].T
        value = np.where(value > prime // 2, value - prime, value)
        lift[k, i, j] = value
        lift[k, j, i] = -value
        lift[k] *= joined
        if not _closed(lift[k], joined):
            return None
    return lift, joined, scale, birth[chosen], death[chosen]


def _main_piece(joined: np.ndarray) -> np.ndarray:
    """Return the landmarks of the largest piece; a few outliers may lie off it."""
    from scipy.sparse.csgraph import connected_components

    count, piece = connected_components(joined, directed=False)
    size = np.bincount(piece)
    if size.max() < _MAIN_PIECE * piece.size:
        raise InvalidDesign(
            f"the cloud is disconnected: at the scale of its loop it falls into {count} pieces "
            f"(the largest has {size.max()} of {piece.size} landmarks), and an angle cannot be "
            "carried across a gap. Analyse the pieces one by one; if cycles.find sees no loop, "
            "there is none to follow"
        )
    return np.flatnonzero(piece == size.argmax())


def _closed(step: np.ndarray, joined: np.ndarray) -> bool:
    """Return whether steps add up to 0 around every triangle, one landmark at a time."""
    for i in range(step.shape[0]):
        near = np.flatnonzero(joined[i])
        inside = np.ix_(near, near)
        turn = step[i, near][:, None] + step[inside] - step[i, near][None, :]
        if (turn[joined[inside]] != 0).any():
            return False
    return True


def _harmonic(lift: np.ndarray, joined: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return angles (landmark, cycle) and smooth steps (cycle, landmark, landmark), radians.

    Minimises Σ w_ij·(η_ij + τ_j − τ_i)² over edges: one sparse solve of the graph's Laplacian for
    all cycles.
    """
    size = joined.shape[0]
    degree = joined.sum(axis=1).astype(np.float64)
    # Divided by how crowded both ends are, as if the landmarks were spread evenly.
    weight = joined / np.outer(degree, degree)
    laplacian = sparse.diags_array(weight.sum(axis=1)) - sparse.csr_array(weight)
    divergence = (lift * weight).sum(axis=2).T  # Σ_j w_ij η_ij, one column a cycle
    # τ of the first landmark is 0: the Laplacian is singular by a constant.
    solved = spsolve(laplacian.tocsc()[1:, 1:], divergence[1:]).reshape(size - 1, -1)
    potential = np.concatenate([np.zeros((1, lift.shape[0])), solved])
    smooth = np.stack(
        [
            (eta + tau[None, :] - tau[:, None]) * joined
            for eta, tau in zip(lift, potential.T, strict=True)
        ]
    )
    basis = _reduced(np.einsum("ij,aij,bij->ab", weight, smooth, smooth))
    # An integer combination of cocycles changes potentials and steps alike.
    angle = potential @ basis.T
    smooth = np.einsum("ca,aij->cij", basis, smooth)
    return (angle % 1.0) * 2 * np.pi, smooth * 2 * np.pi


def _reduced(gram: np.ndarray) -> np.ndarray:
    """Return an integer basis of least energy: Lagrange–Gauss steps over all pairs."""
    basis = np.eye(gram.shape[0])
    for _ in range(100):
        changed = False
        for a in range(gram.shape[0]):
            for b in range(gram.shape[0]):
                energy = basis @ gram @ basis.T
                times = np.round(energy[a, b] / energy[b, b]) if a != b else 0.0
                if times != 0 and energy[a, a] > energy[b, b] * (1 - 1e-12):
                    basis[a] -= times * basis[b]
                    changed = True
        if not changed:
            break
    return basis
