"""Null calibration of any similarity between representations.

A raw similarity of independent data is far from 0 when units outnumber samples (linear CKA of
two independent Gaussians of 256 × 1 024 is .80), so a threshold is taken from row permutations
[1]_. For similarity scores only: other effects are set against their null's median.

References
----------
.. [1] Gröger, Wen & Brbić 2026, Revisiting the Platonic Representation Hypothesis: An
   Aristotelian View, arXiv; released as ``calibrated-similarity``, with which this agrees to
   1e-6 on shared permutations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from homologue._errors import HomologueError
from homologue._typing import Array, Float, Int, Num
from homologue.inference._pvalues import p_value


@dataclass(frozen=True)
class CalibratedSimilarity:
    """A similarity, what chance reaches, and what is left.

    Attributes
    ----------
    score : float
        max((similarity − τ)/(largest − τ), 0) of the best pair of layers.
    observed : float
        Its raw similarity: the maximum over pairs.
    threshold : float
        τ, the ⌈level·(draws + 1)⌉-th order statistic of observed ∪ null maxima.
    p : float
        Add-one, against the null of the maximum.
    pair : (int, int)
        Layers that reach the maximum.
    pairs : array, shape (first layer, second layer)
        Raw similarity of each pair.
    null : array, shape (draw,)
        Maximum over pairs under each permutation.
    """

    score: float
    observed: float
    threshold: float
    p: float
    pair: tuple[int, int]
    pairs: Any
    null: Any


def row_permutations(
    n: int, draws: int, *, rng: np.random.Generator | int
) -> Int[Array, "draw sample"]:
    """Return unrestricted permutations of rows.

    Where samples are not independent draw from a design instead:
    ``exchangeability(...).draw(draws, rng)``.

    Parameters
    ----------
    n, draws : int
        Rows, and how many permutations.
    rng : numpy Generator or int

    Examples
    --------
    >>> row_permutations(4, 2, rng=0).shape
    (2, 4)
    """
    rows = np.broadcast_to(np.arange(n), (draws, n))
    return np.random.default_rng(rng).permuted(rows, axis=1)


def calibrate_similarity(
    similarity: Callable[[np.ndarray, np.ndarray], float],
    first: Num[Array, "sample unit"] | Sequence[np.ndarray],
    second: Num[Array, "sample other_unit"] | Sequence[np.ndarray],
    index: Int[Array, "draw sample"],
    *,
    level: float = 0.95,
    largest: float = 1.0,
) -> CalibratedSimilarity:
    """Calibrate the similarity of two representations, or of two stacks of layers.

    Parameters
    ----------
    similarity : callable
        ``similarity(x, y)`` of two arrays with the same rows; at most ``largest``.
    first, second : array of shape (sample, unit), or a sequence of such
        Row i of each is the same stimulus; several layers are compared pairwise and the best
        pair counts, under the null as in the data (the same permutation for every layer).
    index : array of int, shape (draw, sample)
        Row permutations of ``second``; 200 of them suffice for τ at level .95.
    level : float
        1 − the rate at which unrelated data score above 0.
    largest : float
        Largest value ``similarity`` can take.

    Returns
    -------
    CalibratedSimilarity

    Raises
    ------
    HomologueError
        Rows or permutations that do not fit, or a similarity that is NaN or above ``largest``.

    Notes
    -----
    Fails when rows are not exchangeable (tokens of one document, time points): τ is then too
    low; use a design's permutations. A score of 0 says "no more than chance at this level", not
    "unrelated".

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> correlation = lambda a, b: abs(np.corrcoef(a[:, 0], b[:, 0])[0, 1])
    >>> found = calibrate_similarity(correlation, x, x, row_permutations(40, 200, rng=1))
    >>> round(found.score, 3), round(found.p, 3)
    (1.0, 0.005)
    """
    left, right = _layers(first, "first"), _layers(second, "second")
    index = np.asarray(index)
    n = left[0].shape[0]
    if any(layer.shape[0] != n for layer in left + right):
        rows = [layer.shape[0] for layer in left + right]
        raise HomologueError(f"all layers need the same rows in the same order; given {rows}")
    if index.ndim != 2 or index.shape[1] != n or not len(index):
        raise HomologueError(f"index has shape {index.shape}; expected (draws, {n})")
    if not 0 < level < 1:
        raise HomologueError(f"level lies between 0 and 1; given {level}")

    def compare(rows: np.ndarray | None) -> Float[Array, "first second"]:
        moved = right if rows is None else [layer[rows] for layer in right]
        return np.array([[float(similarity(x, y)) for y in moved] for x in left])

    pairs = compare(None)
    null = np.array([compare(rows).max() for rows in index])
    if not (np.isfinite(pairs).all() and np.isfinite(null).all()):
        raise HomologueError(
            "the similarity returned NaN or Inf; constant units or too few samples are the usual "
            "reasons: drop them first"
        )
    observed = float(pairs.max())
    if max(observed, null.max()) > largest * (1 + 1e-6):
        raise HomologueError(
            f"the similarity reached {max(observed, null.max()):.4g}, above its declared largest "
            f"value {largest}; give largest="
        )
    merged = np.sort(np.append(null, observed))
    # A product such as .95 · 200 may come out a rounding above the integer it is.
    rank = int(np.ceil(level * merged.size - 1e-9))
    threshold = float(merged[min(max(rank, 1), merged.size) - 1])
    room = largest - threshold
    score = (observed - threshold) / room if room > 1e-12 else 0.0
    row, column = np.unravel_index(int(pairs.argmax()), pairs.shape)
    return CalibratedSimilarity(
        score=float(min(max(score, 0.0), 1.0)),
        observed=observed,
        threshold=threshold,
        p=float(p_value(observed, null)),
        pair=(int(row), int(column)),
        pairs=pairs,
        null=null,
    )


def _layers(given: Any, name: str) -> list[np.ndarray]:
    layers = [np.asarray(given)] if hasattr(given, "ndim") else [np.asarray(x) for x in given]
    if not layers or any(layer.ndim != 2 for layer in layers):
        raise HomologueError(
            f"{name} is an array of shape (sample, unit) or a sequence of such; given "
            f"{[layer.shape for layer in layers]}"
        )
    return layers
