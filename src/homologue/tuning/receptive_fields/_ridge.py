"""Predict held-out groups by ridge regression: data and null by the same kernel.

The Gram matrix of each training set is diagonalised once. Every column of activity, observed or
exchanged, is then two products, and its penalty is chosen inside its training set by generalised
cross-validation [1]_, which in the eigenbasis costs one number an eigenvalue: the null takes the
same choice as the data.

References
----------
.. [1] Golub, Heath & Wahba 1979, Technometrics 21:215, doi:10.1080/00401706.1979.10489751
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from homologue._errors import HomologueError
from homologue._typing import Array, Float, Int

GRID = 10.0 ** np.arange(-4, 5)
"""Penalties tried, as multiples of the mean eigenvalue of the stimulus's Gram matrix."""
_RANK = 1e-10


@dataclass(frozen=True)
class Basis:
    """A training set's stimulus in the directions of its own variance.

    Attributes
    ----------
    mean : array, shape (column,)
    vectors : array, shape (column, rank)
    values : array, shape (rank,)
        Eigenvalues of the centred Gram matrix.
    penalties : array, shape (penalty,)
    scale : float
        Mean eigenvalue, of which penalties are multiples.
    samples : int
    """

    mean: Any
    vectors: Any
    values: Any
    penalties: Any
    scale: float
    samples: int

    def weights(
        self, cross: Float[Array, "column unit"], squares: Float[Array, "unit"]
    ) -> tuple[Float[Array, "column unit"], Float[Array, "unit"]]:
        """Return the weights of each unit and the penalty it chose.

        Parameters
        ----------
        cross : array, shape (column, unit)
            Centred stimulus times centred activity, summed over samples.
        squares : array, shape (unit,)
            Sum of squares of the centred activity.
        """
        along = self.vectors.T @ cross
        if self.penalties.size == 1:
            chosen = np.broadcast_to(self.penalties, squares.shape)
        else:
            keep = self.values[:, None] / (self.values[:, None] + self.penalties)
            explained = (along**2 / self.values[:, None]).T @ (2 * keep - keep**2)
            freedom = np.maximum(self.samples - 1 - keep.sum(axis=0), 1e-9)
            left = np.maximum(squares[:, None] - explained, 0.0)
            chosen = self.penalties[(left / freedom**2).argmin(axis=1)]
        along /= self.values[:, None] + chosen
        return self.vectors @ along, np.asarray(chosen)


def basis_of(values: Float[Array, "sample column"], penalty: float | None) -> Basis:
    """Diagonalise a training set's stimulus."""
    mean = values.mean(axis=0)
    centred = values - mean
    samples, columns = values.shape
    if columns <= samples:
        eigenvalues, vectors = np.linalg.eigh(centred.T @ centred)
        kept = eigenvalues > _RANK * max(eigenvalues[-1], np.finfo(float).tiny)
        eigenvalues, vectors = eigenvalues[kept], vectors[:, kept]
    else:
        eigenvalues, left = np.linalg.eigh(centred @ centred.T)
        kept = eigenvalues > _RANK * max(eigenvalues[-1], np.finfo(float).tiny)
        eigenvalues = eigenvalues[kept]
        vectors = centred.T @ left[:, kept] / np.sqrt(eigenvalues)
    scale = float(eigenvalues.mean()) if eigenvalues.size else 1.0
    grid = GRID if penalty is None else np.array([float(penalty)])
    return Basis(mean, vectors, eigenvalues, grid * scale, scale, samples)


def check_penalty(penalty: float | None) -> None:
    """Refuse a penalty that is not a positive number."""
    if penalty is not None and not (penalty > 0 and np.isfinite(penalty)):
        raise HomologueError(
            "penalty is a multiple of the stimulus's mean eigenvalue, above 0; None chooses it "
            f"within each training set; given {penalty!r}"
        )


class HeldOut:
    """Prediction of every fold from the others, prepared for any number of units."""

    def __init__(
        self,
        values: Float[Array, "sample column"],
        fold: Int[Array, "sample"],
        *,
        penalty: float | None,
    ) -> None:
        self.values, self.fold = values, fold
        self.tests = [np.flatnonzero(fold == f) for f in range(int(fold.max()) + 1)]
        self.bases = [basis_of(values[fold != f], penalty) for f in range(len(self.tests))]

    def predictions(
        self, activity: Float[Array, "sample unit"]
    ) -> tuple[Float[Array, "sample unit"], Float[Array, "sample unit"]]:
        """Return prediction and activity, each centred within its fold.

        Centred because a fold's training mean lies below where the fold itself lies above: pooled
        as they are, predictions of nothing would correlate negatively.
        """
        parts = [(self.values[test], activity[test]) for test in self.tests]
        crosses = [x.T @ y for x, y in parts]
        cross = np.sum(crosses, axis=0)
        total = activity.sum(axis=0)
        squares = (activity**2).sum(axis=0)
        predicted, held = np.empty_like(activity), np.empty_like(activity)
        for test, basis, own, (x, y) in zip(self.tests, self.bases, crosses, parts, strict=True):
            mean = (total - y.sum(axis=0)) / basis.samples
            without = cross - own - basis.samples * np.outer(basis.mean, mean)
            left = squares - (y**2).sum(axis=0) - basis.samples * mean**2
            weights, _ = basis.weights(without, np.maximum(left, 0.0))
            found = x @ weights
            predicted[test] = found - found.mean(axis=0)
            held[test] = y - y.mean(axis=0)
        return predicted, held

    def correlation(self, activity: Float[Array, "sample unit"]) -> Float[Array, "unit"]:
        """Return r between prediction and activity, over the samples of all folds."""
        predicted, held = self.predictions(activity)
        return ratio(
            np.einsum("su,su->u", predicted, held),
            np.einsum("su,su->u", predicted, predicted),
            np.einsum("su,su->u", held, held),
        )


def ratio(product: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return r from sums of products; 0 where a prediction does not vary."""
    scale = np.sqrt(one * other)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(scale > 0, product / scale, 0.0))
