"""Separability: the least information that two coordinates share over all rotations of a plane."""

from __future__ import annotations

import numpy as np

from homologue._errors import HomologueError
from homologue._typing import Array, Float

BINS = 16
ROTATIONS = 24
_BYTES = 2**20
"""Of coordinates at once: what is sorted stays in the processor's cache."""


def separability_index(
    points: Float[Array, "... sample 2"], *, bins: int | None = None, rotations: int = ROTATIONS
) -> Float[Array, "..."]:
    """Return the least mutual information, bits, between coordinates over rotations.

    Parameters
    ----------
    points : array, shape (..., sample, 2)
    bins : int, optional
        Bins of equal count for each coordinate; by default up to 16, with about 8 points to a
        cell of the table.
    rotations : int
        Angles tried between 0 and a right angle.

    Returns
    -------
    array, shape (...)
        In bits, as counted: not corrected for the number of points, which raises it. A
        separable cloud, of which a Gaussian is one, has 0 with infinitely many points.

    References
    ----------
    Engels et al. 2024, arXiv:2405.14860.

    Examples
    --------
    >>> import numpy as np
    >>> turn = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    >>> bool(separability_index(np.stack([np.cos(turn), np.sin(turn)], axis=1)) > 1)
    True
    """
    return least_information(points, bins=bins, rotations=rotations)[0]


def least_information(
    points: Float[Array, "... sample 2"], *, bins: int | None = None, rotations: int = ROTATIONS
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return the least information over rotations, bits, and the angle at which it is."""
    count = points.shape[-2]
    if count < 20 or points.shape[-1] != 2:
        raise HomologueError(
            f"expected at least 20 points of two coordinates; given shape {points.shape}"
        )
    if bins is None:
        bins = int(np.clip(np.sqrt(count / 8), 2, BINS))
    angles = np.arange(rotations) * (np.pi / 2 / rotations)
    turned = np.stack([np.cos(angles), np.sin(angles)])
    flat = points.reshape(-1, count, 2)
    least, angle = np.empty(len(flat)), np.empty(len(flat))
    step = max(1, _BYTES // (8 * 2 * count * rotations))
    for begin in range(0, len(flat), step):
        part = flat[begin : begin + step]
        across = np.swapaxes(part, -1, -2)
        first = turned.T @ across
        second = np.stack([-turned[1], turned[0]]).T @ across
        bits = _information(first, second, bins)
        best = bits.argmin(axis=1)
        least[begin : begin + step] = bits[np.arange(len(part)), best]
        angle[begin : begin + step] = angles[best]
    shape = points.shape[:-2]
    return least.reshape(shape), angle.reshape(shape)


def _information(
    first: Float[Array, "cloud rotation sample"],
    second: Float[Array, "cloud rotation sample"],
    bins: int,
) -> Float[Array, "cloud rotation"]:
    """Return the information between coordinates cut into bins of equal count, bits."""
    count = first.shape[-1]
    cell = _ranked(first, bins) * np.int64(bins) + _ranked(second, bins)
    tables = int(np.prod(first.shape[:-1]))
    offset = np.arange(tables).reshape(*first.shape[:-1], 1) * bins**2
    joint = np.bincount((cell + offset).ravel(), minlength=tables * bins**2) / count
    joint = joint.reshape(*first.shape[:-1], bins, bins)
    return (
        _entropy(joint.sum(axis=-1))
        + _entropy(joint.sum(axis=-2))
        - _entropy(joint.reshape(*first.shape[:-1], -1))
    )


def _entropy(share: np.ndarray) -> np.ndarray:
    return -(share * np.log2(np.where(share > 0, share, 1.0))).sum(axis=-1)


def _ranked(values: np.ndarray, bins: int) -> np.ndarray:
    """Return each value's bin, bins holding equally many; equal values in the order given."""
    count = values.shape[-1]
    # Rounded, so that equal values that a rotation tells apart in the last bit are equal.
    rounded = np.round(values, 12)
    sorts = np.sort(rounded, axis=-1)
    starts = -(-np.arange(1, bins) * count // bins)
    starts = starts[starts < count]
    code = np.zeros(values.shape, dtype=np.int16)
    for start in starts:
        code += rounded >= sorts[..., start, None]
    # Where equal values stand on both sides of a cut, their order decides.
    tied = (sorts[..., starts] == sorts[..., starts - 1]).any(axis=-1)
    if tied.any():
        order = np.argsort(rounded[tied], axis=-1, kind="stable")
        among = np.empty_like(order)
        np.put_along_axis(
            among, order, np.broadcast_to(np.arange(count) * bins // count, order.shape), -1
        )
        code[tied] = among
    return code
