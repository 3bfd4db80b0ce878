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
        values = generator.standard_normal((draws, *self.deviation.shape)) * self.deviation
        for axis, basis in enumerate(self.bases, start=1):
            values = np.moveaxis(np.moveaxis(values, axis, -1) @ basis.T, -1, axis)
        return values + self.mean


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
    mean, bases, deviation, error = _fit(data[None])
    return MaximumEntropy(
        mean[0], tuple(basis[0] for basis in bases), deviation[0], float(error[0])
    )


def a_surrogate_of_each(
    data: Float[Array, "set *mode"], *, rng: np.random.Generator
) -> Float[Array, "set *mode"]:
    """Return one surrogate of each of several data sets, fitted together.

    Raises
    ------
    InvalidDesign, HomologueError
        As :func:`maximum_entropy`.
    """
    mean, bases, deviation, _ = _fit(data)
    values = rng.standard_normal(deviation.shape) * deviation
    for axis, basis in enumerate(bases, start=1):
        flat = np.moveaxis(values, axis, -1)
        turned = flat.reshape(len(data), -1, basis.shape[-1]) @ basis.mT
        values = np.moveaxis(turned.reshape(*flat.shape[:-1], -1), -1, axis)
    return np.asarray(values + mean)


def _main_effects(data: Float[Array, "set *mode"]) -> Float[Array, "set *mode"]:
    """Return each set's grand mean plus each mode's deviations from it."""
    modes = tuple(range(1, data.ndim))
    grand = data.mean(axis=modes, keepdims=True)
    found = np.broadcast_to(grand, data.shape).copy()
    for axis in modes:
        others = tuple(other for other in modes if other != axis)
        found += data.mean(axis=others, keepdims=True) - grand
    return found


def _fit(
    data: Float[Array, "set *mode"],
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray]:
    """Return the fields of :class:`MaximumEntropy` of several data sets, along the first axis."""
    mean = _main_effects(data)
    residual = data - mean
    modes = tuple(range(1, data.ndim))
    scale = np.sqrt((residual**2).sum(axis=modes))
    if (scale <= 1e-10 * (np.abs(data).sum(axis=modes) + 1e-300)).any():
        raise InvalidDesign("the activity has no variance beyond its means: nothing to surrogate")
    bases, targets = [], []
    for axis, size in enumerate(data.shape[1:], start=1):
        flat = np.moveaxis(residual, axis, 1).reshape(len(data), size, -1) / scale[:, None, None]
        value, vector = np.linalg.eigh(flat @ flat.mT)
        # Of several sets of one shape the most that any keeps: what is added is next to nothing.
        kept = int((value > _NEGLIGIBLE * value[:, -1:]).sum(axis=1).max())
        value = np.maximum(value[:, -kept:], _NEGLIGIBLE * value[:, -1:])
        bases.append(vector[:, :, -kept:])
        targets.append(value / value.sum(axis=1, keepdims=True))
    variance, error = _eigenvalues(targets)
    deviation = scale.reshape(-1, *[1] * len(modes)) * np.sqrt(variance)
    return mean, bases, deviation, error


def _eigenvalues(targets: list[Float[Array, "set _"]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the tensors of eigenvalues 1 / Σ multipliers whose marginal sums are the targets."""
    shape = tuple(target.shape[1] for target in targets)
    total = int(np.prod(shape))
    order = len(shape)
    modes = tuple(range(1, order + 1))
    wanted = np.concatenate(targets, axis=1)
    point = np.concatenate(
        [total / size / (order * t) for size, t in zip(shape, targets, strict=True)], axis=1
    )
    sums = _sums(point, shape)
    value = (point * wanted).sum(axis=1) - np.log(sums).sum(axis=modes)
    active = np.arange(len(wanted))
    for _ in range(_STEPS):
        gradient = wanted[active] - _marginals(1 / sums[active])
        far = np.abs(gradient / wanted[active]).max(axis=1) >= _TOLERANCE
        active, gradient = active[far], gradient[far]
        if not active.size:
            break
        step = _newton(gradient, 1 / sums[active] ** 2, shape)
        slope = (gradient * step).sum(axis=1)
        change = _sums(step, shape)
        # Newton's step may leave the cone in which every sum is positive.
        largest = (change / sums[active]).max(axis=modes)
        length = np.where(largest > 0, np.minimum(1.0, 0.95 / np.maximum(largest, 1e-300)), 1.0)
        while True:
            moved = sums[active] - length.reshape(-1, *[1] * order) * change
            there = point[active] - length[:, None] * step
            trial = (there * wanted[active]).sum(axis=1) - np.log(moved).sum(axis=modes)
            before = value[active]
            worse = trial > before - 1e-4 * length * slope + 1e-12 * np.abs(before)
            worse &= length > 1e-12
            if not worse.any():
                break
            length[worse] /= 2
        good = length > 1e-12
        active = active[good]
        point[active], sums[active], value[active] = there[good], moved[good], trial[good]
    error = np.abs(_marginals(1 / sums) / wanted - 1).max(axis=1)
    if not (error < 1e-3).all():
        raise HomologueError(
            f"the surrogates' covariances miss the data's by {error.max():.2g}: their eigenvalues "
            "are too uneven; reduce the units to their leading principal components first"
        )
    return 1 / sums, error


def _sums(point: Float[Array, "set multiplier"], shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros((len(point), *shape))
    for axis, part in enumerate(np.split(point, np.cumsum(shape)[:-1], axis=1)):
        out += part.reshape(
            len(point), *[-1 if other == axis else 1 for other in range(len(shape))]
        )
    return out


def _marginals(tensor: Float[Array, "set *kept"]) -> Float[Array, "set multiplier"]:
    modes = range(1, tensor.ndim)
    return np.concatenate(
        [tensor.sum(axis=tuple(other for other in modes if other != axis)) for axis in modes],
        axis=1,
    )


def _newton(gradient: np.ndarray, curvature: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return H⁻¹ gradient; adding to one mode what another loses changes nothing."""
    order, sets = len(shape), len(gradient)
    start = np.concatenate([[0], np.cumsum(shape)])
    hessian = np.zeros((sets, start[-1], start[-1]))
    place = np.arange(start[-1])
    hessian[:, place, place] = _marginals(curvature)
    for one in range(order):
        for two in range(one + 1, order):
            rest = tuple(axis + 1 for axis in range(order) if axis not in (one, two))
            block = curvature.sum(axis=rest)
            hessian[:, start[one] : start[one + 1], start[two] : start[two + 1]] = block
            hessian[:, start[two] : start[two + 1], start[one] : start[one + 1]] = block.mT
    width = np.sqrt(np.diagonal(hessian, axis1=1, axis2=2))
    scaled = hessian / (width[:, :, None] * width[:, None, :])
    right = gradient / width
    # The directions without curvature are given some: the gradient has no part along them.
    idle = np.zeros((sets, order - 1, start[-1]))
    for one in range(1, order):
        idle[:, one - 1, : start[1]] = width[:, : start[1]]
        idle[:, one - 1, start[one] : start[one + 1]] = -width[:, start[one] : start[one + 1]]
    idle /= np.linalg.norm(idle, axis=2, keepdims=True)
    try:
        found = np.linalg.solve(scaled + idle.mT @ idle, right[..., None])[..., 0]
    except np.linalg.LinAlgError:
        found = np.full_like(right, np.nan)
    downhill = (found * right).sum(axis=1) > 0
    for lost in np.flatnonzero(~downhill):
        found[lost] = np.linalg.lstsq(scaled[lost], right[lost], rcond=1e-13)[0]
    return np.asarray(found / width)
