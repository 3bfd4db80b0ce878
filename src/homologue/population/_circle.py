"""A circle in the declared order, held out: behind "the cycle tracks the stimulus"."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Float


def circle_in_order(
    activity: Float[Array, "... condition replicate unit"], angle: Float[Array, "... condition"]
) -> Float[Array, "..."]:
    """Return how much of condition means is a circle in the declared order, held out.

    Means of half A and of half B are projected on the first Fourier plane of the conditions'
    angles and on the rest. Power that the halves share is what counts: twice that of the lesser
    direction of the plane, less what a direction outside the plane holds on average, twice,
    over all power of the means.

    Parameters
    ----------
    activity : array, shape (..., condition, replicate, unit)
        Balanced; at least 4 conditions. Even replicates are half A, odd ones half B. Units are
        scaled to unit variance.
    angle : array, shape (..., condition)
        Radians.

    Returns
    -------
    array, shape (...)
        1 for a circle without noise; 0 for a line back and forth (one direction only) and for
        means in another arrangement, which are no less of a circle than none at all; a little
        above 0 for noise; NaN if no unit varies.

    Notes
    -----
    An arc that nearly closes is a circle to it. A flat ellipse counts by its smaller axis.

    References
    ----------
    .. [1] Engels et al. 2024, arXiv:2405.14860

    Examples
    --------
    >>> import numpy as np
    >>> angle = np.arange(6) * np.pi / 3
    >>> circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)[:, None] + np.zeros((6, 4, 2))
    >>> round(float(circle_in_order(circle, angle)), 6)
    1.0
    >>> abs(round(float(circle_in_order(circle[:, :, :1], angle)), 6))
    0.0
    """
    scaled = _standardised(activity, (-3, -2))
    wave = np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle)], axis=-1)
    conditions = angle.shape[-1]
    rest_of_space = np.broadcast_to(np.eye(conditions), (*angle.shape, conditions))
    basis = np.linalg.qr(np.concatenate([wave, rest_of_space], axis=-1))[0][..., 1:conditions]
    halves = [np.swapaxes(basis, -1, -2) @ scaled[..., side::2, :].mean(axis=-2) for side in (0, 1)]
    shared = halves[0] @ np.swapaxes(halves[1], -1, -2)
    plane = shared[..., :2, :2]
    lesser = np.linalg.eigvalsh(plane + np.swapaxes(plane, -1, -2))[..., 0] / 2
    rest = np.trace(shared[..., 2:, 2:], axis1=-2, axis2=-1) / (conditions - 3)
    total = np.sqrt(np.prod([(half**2).sum(axis=(-2, -1)) for half in halves], axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(total > 0, np.maximum(2 * (lesser - rest) / total, 0.0), np.nan))


def _standardised(activity: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return units with mean 0 and variance 1 over some axes; those that never vary are 0."""
    centred = activity - activity.mean(axis=axes, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=axes, keepdims=True))
    silent = spread <= 1e-7 * np.abs(activity).max(axis=axes, keepdims=True) + 1e-300
    return np.where(silent, 0.0, centred / np.where(silent, 1.0, spread))
