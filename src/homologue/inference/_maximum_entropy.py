"""Surrogates with the data's means and covariances over every mode, and nothing else.

Trials × time × units are related in simple ways whatever the population computes: units covary,
neighbouring times resemble each other, conditions differ. The distribution of largest entropy
among those with the data's marginal means and covariances is Gaussian [1]_; its covariance has
the Kronecker product of the modes' eigenvectors as eigenvectors, and eigenvalues
1 / (a_i + b_j + c_k), one multiplier to each eigenvalue of each mode.

References
----------
.. [1] Elsayed & Cunningham 2017, Nat. Neurosci. 20:1310, doi:10.1038/nn.4617
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Float

_NEGLIGIBLE = 1e-8
_STEPS = 500
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class MaximumEntropy:
    """A fitted distribution of surrogate tensors.

    Attributes
    ----------
    mean : array
        The sum of the modes' main effects, of the shape of the data.
    bases : tuple of array, shape (size, kept)
        Eigenvectors of each mode's covariance.
    deviation : array, shape (kept, …)
        Standard deviation along each combination of them.
    error : float
        Largest relative difference between the eigenvalues asked for and reached.
    """

    mean: Any
    bases: tuple[Any, ...]
    deviation: Any
    error: float

    def draw(self, draws: int, *, rng: np.random.Generator | int) -> Float[Array, "draw ..."]:
        """Draw surrogates.

        Parameters
        ----------
        draws : int
        rng : numpy Generator or int

        Returns
        -------
        numpy.ndarray, shape (draw, …)
            Of the shape of the data after the first axis.
        """
        generator = np.random.default_rng(rng)
        noise = generator.standard_normal((draws, *self.deviation.shape))
        return turned(noise * self.deviation, self.bases) + self.mean


def maximum_entropy(activity: Float[Array, "*mode"]) -> MaximumEntropy:
    """Fit the maximum-entropy distribution with the data's means and covariances.

    Parameters
    ----------
    activity : array, such as (condition, time, unit)
        Two modes or more; no NaN. Memory and time go with its size.

    Returns
    -------
    MaximumEntropy
        ``draw(draws, rng=…)`` gives surrogates whose expected means and covariances over each
        mode, the others summed over, are those of the data.

    Raises
    ------
    InvalidDesign
        Fewer than two modes, NaN, or no variance.
    HomologueError
        The multipliers could not be found.

    Notes
    -----
    The means kept are the main effects of each mode; whatever varies over two modes together
    (a time course of each unit shared by all conditions) is kept as covariance only: subtract
    it first if the statistic does. Eigenvalues below 1e-8 of a mode's largest are taken as 0.
    The multipliers minimise a convex, self-concordant function, by Newton's method. Surrogates
    are Gaussian: for skewed rates a difference may be one of distribution. The covariance of
    few conditions is known badly, and the surrogates inherit its error.

    What is measured on a surrogate is more uneven than what it was drawn from:
    :func:`amplitude_adjusted` allows for that, and for other distributions.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(4, 6, 5)) * np.arange(1, 6)
    >>> fitted = maximum_entropy(x)
    >>> fitted.draw(2, rng=1).shape, fitted.error < 1e-6
    ((2, 4, 6, 5), True)
    """
    data = np.asarray(activity, dtype=np.float64)
    if data.ndim < 2:
        raise InvalidDesign(
            f"surrogates keep the covariance over each mode; given an array of shape {data.shape}, "
            "expected two modes or more, such as (condition, time, unit)"
        )
    if not np.isfinite(data).all():
        raise InvalidDesign(
            "the activity holds NaN or Inf; keep the times at which every condition was recorded"
        )
    mean = main_effects(data[None])[0]
    residual = data - mean
    scale = float(np.sqrt((residual**2).sum()))
    if scale <= 1e-10 * (np.abs(data).sum() + 1e-300):
        raise InvalidDesign("the activity has no variance beyond its means: nothing to surrogate")
    bases, targets = [], []
    for covariance in covariances(residual[None] / scale):
        value, vector = np.linalg.eigh(covariance[0])
        kept = value > _NEGLIGIBLE * value[-1]
        bases.append(vector[:, kept])
        targets.append(value[kept] / value[kept].sum())
    variance, error = eigenvalues(targets)
    return MaximumEntropy(mean, tuple(bases), scale * np.sqrt(variance), error)


def turned(
    values: Float[Array, "draw *kept"], bases: Sequence[np.ndarray]
) -> Float[Array, "draw *mode"]:
    """Return tensors given along the eigenvectors of each mode."""
    for axis, basis in enumerate(bases, start=1):
        values = np.moveaxis(np.moveaxis(values, axis, -1) @ basis.T, -1, axis)
    return values


def main_effects(data: Float[Array, "draw *mode"]) -> Float[Array, "draw *mode"]:
    """Return each tensor's grand mean plus each mode's deviations from it."""
    modes = tuple(range(1, data.ndim))
    grand = data.mean(axis=modes, keepdims=True)
    found = np.broadcast_to(grand, data.shape).copy()
    for axis in modes:
        others = tuple(other for other in modes if other != axis)
        found += data.mean(axis=others, keepdims=True) - grand
    return found


def covariances(residual: Float[Array, "draw *mode"]) -> Iterator[Float[Array, "draw size size"]]:
    """Yield each mode's covariance, the others summed over."""
    for axis, size in enumerate(residual.shape[1:], start=1):
        flat = np.moveaxis(residual, axis, 1).reshape(len(residual), size, -1)
        yield flat @ flat.mT


def eigenvalues(targets: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Return the tensor of eigenvalues 1 / Σ multipliers whose marginal sums are the targets."""
    shape = tuple(target.size for target in targets)
    total = int(np.prod(shape))
    order = len(shape)
    wanted = np.concatenate(targets)
    point = np.concatenate(
        [total / size / (order * t) for size, t in zip(shape, targets, strict=True)]
    )
    borders = np.cumsum(shape)[:-1]
    sums = _sums(point, borders, shape)
    value = point @ wanted - np.log(sums).sum()
    for _ in range(_STEPS):
        gradient = wanted - _marginals(1 / sums)
        if np.abs(gradient / wanted).max() < _TOLERANCE:
            break
        step = _newton(gradient, 1 / sums**2, shape)
        slope = float(gradient @ step)
        change = _sums(step, borders, shape)
        # Newton's step may leave the cone in which every sum is positive.
        largest = (change / sums).max()
        length = min(1.0, 0.95 / largest) if largest > 0 else 1.0
        while length > 1e-12:
            moved = sums - length * change
            trial = (point - length * step) @ wanted - np.log(moved).sum()
            if trial <= value - 1e-4 * length * slope + 1e-12 * abs(value):
                break
            length /= 2
        else:
            break
        point, sums, value = point - length * step, moved, trial
    reached = _marginals(1 / sums)
    error = float(np.abs(reached / wanted - 1).max())
    if not error < 1e-3:
        raise HomologueError(
            f"the surrogates' covariances miss the data's by {error:.2g}: their eigenvalues are "
            "too uneven; reduce the units to their leading principal components first"
        )
    return 1 / sums, error


def _sums(point: np.ndarray, borders: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape)
    for axis, part in enumerate(np.split(point, borders)):
        out += part.reshape([-1 if other == axis else 1 for other in range(len(shape))])
    return out


def _marginals(tensor: np.ndarray) -> np.ndarray:
    order = range(tensor.ndim)
    return np.concatenate(
        [tensor.sum(axis=tuple(other for other in order if other != axis)) for axis in order]
    )


def _newton(gradient: np.ndarray, curvature: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return H⁻¹ gradient; adding to one mode what another loses changes nothing."""
    order = len(shape)
    start = np.concatenate([[0], np.cumsum(shape)])
    hessian = np.diag(_marginals(curvature))
    for one in range(order):
        for two in range(one + 1, order):
            rest = tuple(axis for axis in range(order) if axis not in (one, two))
            block = curvature.sum(axis=rest)
            hessian[start[one] : start[one + 1], start[two] : start[two + 1]] = block
            hessian[start[two] : start[two + 1], start[one] : start[one + 1]] = block.T
    width = np.sqrt(np.diagonal(hessian))
    scaled, right = hessian / np.outer(width, width), gradient / width
    # The directions without curvature are given some: the gradient has no part along them.
    idle = np.zeros((order - 1, start[-1]))
    for one in range(1, order):
        idle[one - 1, : start[1]] = width[: start[1]]
        idle[one - 1, start[one] : start[one + 1]] = -width[start[one] : start[one + 1]]
    idle /= np.linalg.norm(idle, axis=1, keepdims=True)
    try:
        found = np.linalg.solve(scaled + idle.T @ idle, right)
    except np.linalg.LinAlgError:
        found = np.full_like(right, np.nan)
    if not found @ right > 0:  # not downhill
        found = np.linalg.lstsq(scaled, right, rcond=1e-13)[0]
    return np.asarray(found / width)
