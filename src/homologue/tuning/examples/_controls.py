"""What a label is compared with: random directions, random sets of stimuli, quintiles."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Float, Int
from homologue.tuning.examples._reading import Half, Told


def random_directions(
    activity: Float[Array, "sample unit"],
    site: Int[Array, "unit"],
    count: int,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Return the activity along random directions of each site's space.

    Directions are of norm 1 and isotropic in the space of the site's units, each brought to
    mean 0 and variance 1: a direction is to a unit as a rotated axis to an axis.

    Returns
    -------
    list of array, shape (sample, direction)
        One per site; no columns where a site has one unit that varies.
    """
    out = []
    for number in range(int(site.max()) + 1):
        own = activity[:, site == number].astype(np.float64)
        own = own - own.mean(axis=0)
        spread = own.std(axis=0)
        own = own[:, spread > 0] / spread[spread > 0]
        weight = rng.standard_normal((own.shape[1], count))
        weight /= np.sqrt((weight**2).sum(axis=0)) if weight.size else 1.0
        out.append(own @ weight if own.shape[1] > 1 else own[:, :0] @ weight[:0, :0])
    return out


def random_set_labels(
    half: Half, codes: Int[Array, "sample"], classes: int, *, top: int, count: int,
    rng: np.random.Generator,
) -> Int[Array, "set"]:  # fmt: skip
    """Return the labels that sets of samples drawn at random would suggest."""
    own = codes[half.rows]
    drawn = np.argsort(rng.random((count, own.size)), axis=1)[:, :top]
    share = (own[drawn][:, :, None] == np.arange(classes)).mean(axis=1)
    share -= np.bincount(own, minlength=classes) / own.size
    # Random among equals: the first class is no better than the last.
    return np.asarray((share + 1e-9 * rng.random(share.shape)).argmax(axis=1))


def quintile_counts(
    half: Half, found: Told, codes: Int[Array, "draw sample"], bands: int = 5
) -> Float[Array, "draw band unit"]:
    """Return how many of the label's held-out samples lie in each quintile of the activity."""
    n = half.ranks.shape[0]
    band = np.minimum(((half.ranks + n) * bands / (2 * n)).astype(np.int64), bands - 1)
    inside = codes[:, half.rows][:, :, None] == found.label[:, None]
    return np.stack([(inside & (band == b)).sum(axis=1) for b in range(bands)], axis=1).astype(
        np.float64
    )


def monotonic(counts: Float[Array, "draw band unit"]) -> np.ndarray:
    """Return whether counts rise from band to band, and do not all agree."""
    rising = (np.diff(counts, axis=1) >= 0).all(axis=1)
    return np.asarray(rising & (counts[:, -1] > counts[:, 0]))
