"""Stretches of time, and how many distinct circular shifts of a label one holds.

Circular shifts keep the autocorrelation of both series [1]_. Three things decide whether they
also keep the false-positive rate (``python -m benchmarks calibration`` measures it):

- All shifts are drawn, the unshifted labelling among them. The near ones resemble the data, and
  a null without them is too narrow: with a smallest shift of one correlation time, 80 samples of
  AR(1), φ = .8 to .95, give P(p ≤ .01) = .03 to .08.
- A shifted series is cut at the seam where its end meets its beginning; the data are not. What
  this costs depends on how many correlation times of the label a stretch holds: with 20 and
  more P(p ≤ .05) is .05, with 10 to 15 up to .11 (activity AR(1), φ = .99). So shifts count as
  distinct only one correlation time apart.
- Drift is not stationary, and no shift test survives a drift that label and activity share.

References
----------
.. [1] Harris 2020, bioRxiv, doi:10.1101/2020.08.15.252874
.. [2] Geyer 1992, Stat. Sci. 7:473, doi:10.1214/ss/1177011137
"""

from __future__ import annotations

import numpy as np

from homologue._errors import InvalidDesign
from homologue._typing import Array, Int, Num


def stretches(
    time: Num[Array, "sample"], block: Int[Array, "sample"] | None = None
) -> list[Int[Array, "_"]]:
    """Return the row indices of each contiguous stretch of time, in order of time.

    A stretch ends at a change of block or at a gap longer than 1.5 times the block's median
    step.

    Parameters
    ----------
    time : array, shape (sample,)
        Session clock, s.
    block : array of int, shape (sample,), optional
        Blocks never share a stretch.

    Raises
    ------
    InvalidDesign
        NaN, or a time that stands twice in a block.
    """
    time = np.asarray(time, dtype=float)
    if np.isnan(time).any():
        raise InvalidDesign("time holds NaN; every sample needs its place on the session clock")
    blocks = np.zeros(time.size, dtype=np.int64) if block is None else np.asarray(block)
    order = np.lexsort((time, blocks))
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1):
        step = np.diff(time[rows])
        if (step <= 0).any():
            raise InvalidDesign(
                f"time {time[rows][int(np.argmin(step))]:.6g} stands more than once in a block; "
                "sessions with clocks of their own are blocks of their own"
            )
        gap = step > 1.5 * np.median(step) + 1e-12 if step.size else np.zeros(0, dtype=bool)
        found += np.split(rows, np.flatnonzero(gap) + 1)
    return [part for part in found if part.size]


def _power(code: np.ndarray, size: int) -> np.ndarray:
    """Return the power spectrum of the classes' centred indicators, padded to ``size``.

    A label with many values is taken as one series.
    """
    values = np.unique(code)
    columns = [code == value for value in values] if values.size <= 64 else [code]
    power = np.zeros(size // 2 + 1)
    for column in columns:
        power += np.abs(np.fft.rfft(column - column.mean(), size)) ** 2
    return power


def correlation_time(code: Num[Array, "sample"]) -> float:
    """Return the label's integrated autocorrelation time, in samples, at least 1.

    Autocorrelations are summed two by two until a pair is not positive (Geyer's initial
    positive sequence [2]_), so that a label that alternates within slow phases counts as slow.
    """
    size = code.size
    correlation = np.fft.irfft(_power(code, 2 * size), 2 * size)[:size]
    even = size // 2 * 2
    pairs = (correlation[0:even:2] + correlation[1:even:2]) / correlation[0]
    ended = np.flatnonzero(pairs <= 0)
    return max(float(2 * pairs[: ended[0] if ended.size else pairs.size].sum() - 1), 1.0)


def period(code: Num[Array, "sample"]) -> int:
    """Return how many circular shifts of the label differ."""
    correlation = np.fft.irfft(_power(code, code.size), code.size)
    same = np.flatnonzero(correlation > correlation[0] * (1 - 1e-9))
    return int(same[1]) if same.size > 1 else code.size
