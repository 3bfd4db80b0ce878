"""Fourier shares when groups are weighted anew, without forming the means of every draw."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Float, Int
from homologue.population.guided._conditions import Conditions


def resampled_shares(
    data: Conditions,
    group_weight: Float[Array, "draw group"],
    frequencies: Int[Array, "frequency"],
) -> Float[Array, "draw frequency site"]:
    """Return shares of condition means in which groups count as often as a draw took them.

    A condition mean is a weighted sum of cells, a Fourier component a weighted sum of means:
    its size is a quadratic form of the cells' products. NaN for a draw that lost a condition.
    """
    count = data.values.size
    weight = data.weight * group_weight[:, data.group]
    same = data.code == np.arange(count)[:, None]
    held = weight @ same.T
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = weight / held[:, data.code]
    weight[(held <= 0).any(axis=1)] = np.nan
    cells = data.cells - data.cells.mean(axis=0)
    angle = 2 * np.pi * np.outer(frequencies, np.arange(count)) / count
    factor = np.where(2 * frequencies == count, 1.0, 2.0)[:, None] / count
    shape = len(weight), frequencies.size, len(data.sites)
    total, found = np.empty((shape[0], shape[2])), np.empty(shape)
    for s in range(len(data.sites)):
        rows = cells[:, data.site == s]
        table = rows @ rows.T if rows.shape[1] > rows.shape[0] else None
        every = sum(_power(weight[:, one], rows[one], table, one) for one in same)
        total[:, s] = every - _power(weight, rows, table, slice(None)) / count
        for k, phase in enumerate(angle):
            cosine = _power(weight * np.cos(phase)[data.code], rows, table, slice(None))
            sine = _power(weight * np.sin(phase)[data.code], rows, table, slice(None))
            found[:, k, s] = factor[k] * (cosine + sine)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total[:, None] > 0, found / total[:, None], np.nan)


def _power(
    weight: np.ndarray, rows: np.ndarray, table: np.ndarray | None, part: np.ndarray | slice
) -> np.ndarray:
    """Return the squared length of weighted sums of rows, one per draw."""
    if table is None:
        return np.asarray(((weight @ rows) ** 2).sum(axis=1))
    inner = table[part][:, part]
    return np.asarray(((weight @ inner) * weight).sum(axis=1))
