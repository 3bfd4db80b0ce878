"""The longest loop of many small clouds at once: behind "there is a cycle"."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Float
from homologue.population.cycles._landmarks import REFINEMENTS, SPARSE
from homologue.population.cycles._persistence import PRIME, bars

LANDMARKS = 40
COMPONENTS = 6


def longest_loop(
    activity: Float[Array, "... sample unit"],
    *,
    landmarks: int = LANDMARKS,
    components: int = COMPONENTS,
) -> Float[Array, "..."]:
    """Return 1 − birth/death of the longest one-dimensional bar of each set of samples.

    What :func:`homologue.population.cycles.find` does, for sets of equal size in one batch:
    units of unit variance, leading principal components, averaged farthest-point landmarks, Rips
    cohomology. The first landmark is the first sample: give samples in random order.

    Parameters
    ----------
    activity : array, shape (..., sample, unit)
        Prepared (smoothed, transformed).
    landmarks, components : int
        At most as many as samples, and units.

    Returns
    -------
    array, shape (...)
        0 without any loop; nears 1 for a dense circle without noise; NaN if fewer than two units
        vary.

    Notes
    -----
    Grows with the number of samples that a landmark averages: compare at equal sizes.

    References
    ----------
    Bauer 2021, J. Appl. Comput. Topol. 5:391, doi:10.1007/s41468-021-00071-5 (Ripser)

    Examples
    --------
    >>> import numpy as np
    >>> angle = np.arange(40) * 2 * np.pi / 40
    >>> circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> round(float(longest_loop(circle)), 2), float(longest_loop(np.ones((40, 2))))
    (0.91, nan)
    """
    shape, (samples, units) = activity.shape[:-2], activity.shape[-2:]
    flat = activity.reshape(-1, samples, units)
    cloud, varies = _clouds(flat, components)
    points, count = _landmarks(cloud, min(landmarks, samples))
    found = np.full(flat.shape[0], np.nan)
    for number in np.flatnonzero(varies >= 2):
        size = count[number]
        kept = size >= max(SPARSE * size[size > 0].mean(), 1)
        found[number] = _longest(points[number, kept])
    return found.reshape(shape)


def _clouds(
    flat: Float[Array, "set sample unit"], components: int
) -> tuple[Float[Array, "set sample component"], np.ndarray]:
    """Return scores on leading components of scaled units, and how many units vary."""
    centred = flat - flat.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    silent = spread <= 1e-7 * np.abs(flat).max(axis=1, keepdims=True) + 1e-300
    scaled = np.where(silent, 0.0, centred / np.where(silent, 1.0, spread))
    _, axes = np.linalg.eigh(np.swapaxes(scaled, 1, 2) @ scaled)
    return scaled @ axes[:, :, ::-1][:, :, :components], (~silent[:, 0]).sum(axis=1)


def _landmarks(
    cloud: Float[Array, "set sample component"], count: int
) -> tuple[Float[Array, "set landmark component"], np.ndarray]:
    """Return averaged farthest-point landmarks, and how many samples each stands for."""
    sets = np.arange(cloud.shape[0])
    power = (cloud**2).sum(axis=2)
    apart = power[:, :, None] + power[:, None] - 2 * cloud @ np.swapaxes(cloud, 1, 2)
    chosen = np.zeros((sets.size, count), dtype=np.int64)
    nearest = apart[:, 0].copy()
    for step in range(1, count):
        chosen[:, step] = nearest.argmax(axis=1)
        np.minimum(nearest, apart[sets, chosen[:, step]], out=nearest)
    points = np.take_along_axis(cloud, chosen[:, :, None], axis=1)
    # A sample that was chosen twice (there are duplicates) is one landmark.
    size = (np.tril(chosen[:, :, None] == chosen[:, None], -1).sum(axis=2) == 0).astype(np.int64)
    for _ in range(REFINEMENTS):
        half = np.where(size > 0, 0.5 * (points**2).sum(axis=2), np.inf)
        cell = (half[:, None] - cloud @ np.swapaxes(points, 1, 2)).argmin(axis=2)
        member = (cell[:, None] == np.arange(count)[:, None]).astype(np.float64)
        size = member.sum(axis=2).astype(np.int64)
        points = member @ cloud / np.maximum(size, 1)[:, :, None]
    return points, size


def _longest(points: Float[Array, "landmark component"]) -> float:
    from ripser import ripser
    from scipy.spatial.distance import pdist, squareform

    distance = squareform(pdist(points))
    return bars(ripser(distance, distance_matrix=True, maxdim=1, coeff=PRIME)["dgms"][1]).effect
