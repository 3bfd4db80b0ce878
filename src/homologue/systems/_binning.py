"""Counts in bins, bins in blocks: shared by the recordings that run in time."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Float, Int, Num


def rebin(
    values: Num[Array, "bin column"], stretch: Int[Array, " bin"], width: int
) -> tuple[Float[Array, "wide column"], Int[Array, " wide"]]:
    """Sum consecutive bins by ``width``, never across stretches; incomplete tails are left out.

    Parameters
    ----------
    values : array, shape (bin, column)
        What is summed.
    stretch : array of int, shape (bin,)
        Non-decreasing; bins of one stretch follow one another without a gap.
    width : int
        Bins per wide bin.

    Returns
    -------
    sums : array of float, shape (wide, column)
        Sums over ``width`` bins.
    first : array of int, shape (wide,)
        Index of the first bin in each wide bin.

    Examples
    --------
    >>> sums, first = rebin(np.ones((5, 1)), np.array([0, 0, 0, 1, 1]), 2)
    >>> sums.ravel().tolist(), first.tolist()
    ([2.0, 2.0], [0, 3])
    """
    _, begin, count = np.unique(stretch, return_index=True, return_counts=True)
    starts = [
        np.arange(b, b + width * (c // width), width) for b, c in zip(begin, count, strict=True)
    ]
    first = np.concatenate(starts) if starts else np.zeros(0, dtype=np.int64)
    rows = first[:, None] + np.arange(width)
    return np.asarray(values, dtype=np.float64)[rows].sum(axis=1), first.astype(np.int64)


def running_clock(count: int, step: float) -> Float[Array, " bin"]:
    """Return the centre of each of ``count`` bins on a clock that runs only while recorded, s."""
    return (np.arange(count) + 0.5) * step


def time_blocks(time: Float[Array, " sample"], seconds: float) -> Int[Array, " sample"]:
    """Return the number of the block of ``seconds`` that each time falls in, from 0."""
    block = np.floor((time - time[0]) / seconds).astype(np.int64)
    return np.unique(block, return_inverse=True)[1].astype(np.int64)


def sectors(angle: Float[Array, " sample"], count: int) -> Int[Array, " sample"]:
    """Return which of ``count`` equal sectors an angle (radians) falls in; NaN gives -1.

    Sector 0 is centred on angle 0, so that no border lies on a cardinal direction.
    """
    code = np.round(np.nan_to_num(angle) / (2 * np.pi / count)).astype(np.int64) % count
    return np.where(np.isnan(angle), -1, code)
