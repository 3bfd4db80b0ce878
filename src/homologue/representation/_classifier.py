"""A linear classifier whose label permutations are matrix products.

Nearest class mean in the metric of the shrunk *total* covariance. The metric knows no labels, so
for a fold it is computed once and every relabelling costs two small products. For two classes
its direction is that of linear discriminant analysis; the shrinkage is Ledoit and Wolf's [1]_,
also label-free. Class priors play no part, so unequal classes do not pull.

References
----------
.. [1] Ledoit & Wolf 2004, J Multivariate Analysis 88:365, doi:10.1016/S0047-259X(03)00096-4
"""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Float


def standardise(
    train: Float[Array, "... n unit"], test: Float[Array, "... t unit"]
) -> tuple[Float[Array, "... n unit"], Float[Array, "... t unit"]]:
    """Centre and scale both by the training set; a unit constant in training becomes 0."""
    mean = train.mean(axis=-2, keepdims=True)
    spread = train.std(axis=-2, keepdims=True)
    # Relative to the mean: a constant unit's spread is rounding, not signal.
    silent = spread <= 1e-7 * np.abs(mean) + 1e-300
    scale = np.where(silent, 0.0, 1.0 / np.where(silent, 1.0, spread))
    return (train - mean) * scale, (test - mean) * scale


def shrinkage(
    train: Float[Array, "... n k"], covariance: Float[Array, "... m m"], width: int
) -> Float[Array, "..."]:
    """Return Ledoit and Wolf's intensity towards a scaled identity, in [0, 1].

    Parameters
    ----------
    train : array, shape (..., n, k)
        Centred, in coordinates that keep lengths.
    covariance : array, shape (..., k, k) or (..., n, n)
        Of ``train`` divided by n, or its Gram matrix divided by n: traces and norms agree.
    width : int
        Number of units before any rotation into the span of the samples.
    """
    n = train.shape[-2]
    norm = (covariance**2).sum(axis=(-2, -1))
    scale = np.trace(covariance, axis1=-2, axis2=-1) / width
    distance = norm - width * scale**2
    fourth = ((train**2).sum(axis=-1) ** 2).sum(axis=-1)
    noise = (fourth / n - norm) / n
    ratio = noise / np.where(distance > 0, distance, 1.0)
    return np.where(distance > 0, np.clip(ratio, 0.0, 1.0), 1.0)


def whiten(
    train: Float[Array, "... n unit"], test: Float[Array, "... t unit"]
) -> tuple[Float[Array, "... n k"], Float[Array, "... t k"]]:
    """Standardise, then whiten both by the training set's shrunk total covariance.

    With more units than training samples the work happens in the span of the training samples:
    the part of a test sample outside it is orthogonal to every class mean and cannot change a
    decision.
    """
    train, test = standardise(train, test)
    n, width = train.shape[-2:]
    if width > n:
        # Rotate to the row space of the training set (n dimensions at most): exact.
        gram = train @ np.swapaxes(train, -1, -2)
        values, vectors = np.linalg.eigh(gram)
        keep = values > values[..., -1:] * 1e-10
        inverse_root = np.where(keep, 1.0 / np.sqrt(np.where(keep, values, 1.0)), 0.0)
        cross = test @ np.swapaxes(train, -1, -2)
        rotation = vectors * inverse_root[..., None, :]
        train, test = gram @ rotation, cross @ rotation
    covariance = np.swapaxes(train, -1, -2) @ train / n
    amount, ridge = _shrink(train, covariance, width)
    shrunk = (1 - amount)[..., None, None] * covariance
    diagonal = np.arange(covariance.shape[-1])
    shrunk[..., diagonal, diagonal] += ridge[..., None]
    metric = np.swapaxes(np.linalg.inv(np.linalg.cholesky(shrunk)), -1, -2)
    return train @ metric, test @ metric


def _shrink(
    train: Float[Array, "... n k"], matrix: Float[Array, "... m m"], width: int
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return the shrinkage intensity, and what is added to the diagonal.

    ``matrix`` is the covariance or the Gram matrix over n: their traces and norms are the same.
    """
    amount = shrinkage(train, matrix, width)
    trace = np.trace(matrix, axis1=-2, axis2=-1)
    # The floor keeps a singular matrix invertible where no shrinkage was called for.
    floor = 1e-10 * np.where(trace > 0, trace / matrix.shape[-1], 1.0)
    return amount, np.asarray(amount * trace / width + floor)


def scores_once(
    train: Float[Array, "... n unit"],
    test: Float[Array, "... t unit"],
    weight: Float[Array, "... n c"],
) -> Float[Array, "... t c"]:
    """Return the scores of :func:`whiten` and :func:`nearest_mean_scores` for one labelling.

    Where only one labelling is wanted of many small sets, solving for its class means is
    several times cheaper than whitening: in the space of units, or in that of training samples
    where these are fewer (the two are equal: S⁻¹Xᵀ = Xᵀ((1 − λ)XXᵀ/n + ρ)⁻¹).
    """
    train, test = standardise(train, test)
    n, width = train.shape[-2:]
    transposed = np.swapaxes(train, -1, -2)
    if width <= n:
        left, matrix = test, transposed @ train / n
        right = transposed @ weight
        amount, ridge = _shrink(train, matrix, width)
    else:
        gram = train @ transposed
        left, matrix = test @ transposed, gram / n
        right = weight
        amount, ridge = _shrink(train, matrix, width)
    shrunk = (1 - amount)[..., None, None] * matrix
    diagonal = np.arange(matrix.shape[-1])
    shrunk[..., diagonal, diagonal] += ridge[..., None]
    solved = np.linalg.solve(shrunk, np.broadcast_to(right, (*shrunk.shape[:-1], right.shape[-1])))
    means = right if width <= n else gram @ right
    offset = (means * solved).sum(axis=-2) / 2
    scores = left @ solved - offset[..., None, :]
    absent = np.abs(weight).sum(axis=-2) == 0
    return np.where(absent[..., None, :], -np.inf, scores)


def nearest_mean_scores(
    train: Float[Array, "... n k"],
    test: Float[Array, "... t k"],
    weight: Float[Array, "... n c"],
) -> Float[Array, "... t c"]:
    """Return discriminant scores of whitened test samples; the largest names the class.

    Parameters
    ----------
    train, test : array
        From :func:`whiten`.
    weight : array, shape (..., n, c)
        Columns sum to 1 over the samples of a class (or to 0 for a class not in training,
        whose score is −inf).
    """
    means = np.swapaxes(weight, -1, -2) @ train
    offset = (means**2).sum(axis=-1) / 2
    scores = test @ np.swapaxes(means, -1, -2) - offset[..., None, :]
    absent = np.abs(weight).sum(axis=-2) == 0
    return np.where(absent[..., None, :], -np.inf, scores)
