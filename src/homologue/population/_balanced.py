"""Participation ratio: how many dimensions a cloud of activity fills."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Float


def participation_ratio(
    activity: Float[Array, "... sample unit"], *, standardised: bool = True
) -> Float[Array, "..."]:
    """Return (Σλ)² / Σλ² of the covariance (or correlation) eigenvalues.

    Parameters
    ----------
    activity : array, shape (..., sample, unit)
    standardised : bool
        Scale each unit to unit variance first, so that the units with the largest variance
        (outlier dimensions of a language model, the busiest neuron) do not decide alone. Units
        without variance are left out.

    Returns
    -------
    array, shape (...)
        Between 1 and the smaller of samples − 1 and units; NaN if no unit varies.

    References
    ----------
    Gao et al. 2017, bioRxiv, doi:10.1101/214262

    Notes
    -----
    Biased low when samples are few: compare only at equal sizes, or against a null of the same
    size.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(participation_ratio(np.vstack([np.eye(3), -np.eye(3)]))), 6)
    3.0
    """
    centred = activity - activity.mean(axis=-2, keepdims=True)
    if standardised:
        spread = np.sqrt((centred**2).mean(axis=-2, keepdims=True))
        level = np.abs(activity).max(axis=-2, keepdims=True)
        silent = spread <= 1e-7 * level + 1e-300
        centred = np.where(silent, 0.0, centred / np.where(silent, 1.0, spread))
    n, width = centred.shape[-2:]
    trace = (centred**2).sum(axis=(-2, -1))
    if width <= n:
        square = (np.swapaxes(centred, -1, -2) @ centred) ** 2
    else:
        square = (centred @ np.swapaxes(centred, -1, -2)) ** 2
    total = square.sum(axis=(-2, -1))
    return np.where(total > 0, trace**2 / np.where(total > 0, total, 1.0), np.nan)
