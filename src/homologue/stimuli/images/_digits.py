"""Handwritten digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from homologue._errors import HomologueError
from homologue.stimuli._stimuli import Stimuli
from homologue.stimuli.images._pixels import resize


def digits(
    *, n_per_digit: int = 30, size: int = 64, only: Sequence[int] = tuple(range(10))
) -> Stimuli:
    """Return handwritten digits, enlarged; each picture is its own group.

    Parameters
    ----------
    n_per_digit : int
        Pictures of each digit, the first ones of the set (at least 174 each).
    size : int
        Height and width in pixels; the originals have 8 × 8.
    only : sequence of int
        Which digits.

    Returns
    -------
    Stimuli
        Variable ``digit``.

    Raises
    ------
    HomologueError
        More pictures of a digit than there are, or something that is no digit.

    References
    ----------
    .. [1] Alpaydin & Kaynak 1998, doi:10.24432/C50P49.

    Examples
    --------
    >>> len(digits(n_per_digit=2, size=16))
    20
    """
    from sklearn.datasets import load_digits

    data: Any = load_digits()
    counts = np.bincount(data.target)
    if not 1 <= n_per_digit <= counts.min():
        raise HomologueError(f"n_per_digit is 1 … {counts.min()}; given {n_per_digit}")
    if not only or not set(only) <= set(range(10)):
        raise HomologueError(f"only is one or more of the digits 0 … 9; given {list(only)}")
    rows = np.sort(
        np.concatenate([np.flatnonzero(data.target == d)[:n_per_digit] for d in set(only)])
    )
    pictures = np.round(data.images[rows] * (255 / 16)).astype(np.uint8)
    return Stimuli(
        [resize(picture, size) for picture in pictures],
        {"digit": [str(d) for d in data.target[rows]]},
        group=np.asarray(rows),
        name="digits",
        names=[f"digit {d}, picture {row}" for d, row in zip(data.target[rows], rows, strict=True)],
        licence="CC-BY-4.0",
        citation="doi:10.24432/C50P49",
    )
