"""What may be exchanged under the null that the units are independent of each other.

Labels play no part here: every unit keeps its own values and is moved against the others.

===========================================  ================================================
no ``time``, or trials                       groups permute, within blocks, each unit on its own
stretches of time that hold several samples  each unit has a window with a start of its own
===========================================  ================================================

Windows rather than circular rolls: where a rolled series' end meets its beginning it is less
autocorrelated than the data, which sums over all pairs of units. Of a stretch the middle three
quarters are what is observed; under the null every unit has a window of that length that starts
anywhere in the stretch. ``python -m benchmarks calibration`` measures both.

References
----------
.. [1] Horn 1965, Psychometrika 30:179, doi:10.1007/BF02289447 (units permuted)
.. [2] Harris 2020, bioRxiv, doi:10.1101/2020.08.15.252874 (stretches without a seam)
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from homologue._typing import Array, Int, Num
from homologue.inference._shifts import stretches

SHIFTED = "units shifted in time, each on its own"
PERMUTED = "units permuted between groups, each on its own"

_SHORTEST = 8
"""Samples below which no stretch leaves a window room to move."""


@dataclass(frozen=True)
class UnitExchange:
    """Rows that count, and where else each unit may take its values from.

    Attributes
    ----------
    scheme : str
        :data:`SHIFTED` or :data:`PERMUTED`.
    rows : array of int, shape (kept,)
        Samples that count if shifted; groups (numbered in sorted order) if permuted.
    part : array of int, shape (kept,)
        Stretch, or block of groups, of each.
    """

    scheme: str
    rows: Int[Array, "kept"]
    part: Int[Array, "kept"]
    _free: Int[Array, "part"] = field(repr=False)
    _first: Int[Array, "kept"] = field(repr=False)
    _ordered: Int[Array, "sample"] = field(repr=False)

    def among(self, places: Int[Array, "_"]) -> UnitExchange:
        """Return the exchange of some of the rows that count (positions in ``rows``)."""
        part = self.part[places]
        if self.scheme == PERMUTED:
            part = _several(part)
        return UnitExchange(
            self.scheme, self.rows[places], part, self._free, self._first[places], self._ordered
        )

    def draw(
        self, n: int, units: int, *, rng: np.random.Generator | int
    ) -> Int[Array, "draw kept unit"]:
        """Draw the rows that each unit takes its values from, under the null.

        Parameters
        ----------
        n, units : int
        rng : numpy Generator or int

        Returns
        -------
        numpy.ndarray of int, shape (n, kept, units)
            Samples if shifted, groups if permuted.
        """
        rng = np.random.default_rng(rng)
        if self.scheme == SHIFTED:
            start = rng.integers(self._free[:, None] + 1, size=(n, self._free.size, units))
            return self._ordered[self._first[:, None] + start[:, self.part]]
        source = np.empty((n, self.rows.size, units), dtype=np.int64)
        for place in _members(self.part):
            rows = np.broadcast_to(self.rows[place][:, None], (n, place.size, units))
            source[:, place] = rng.permuted(rows, axis=1)
        return source

    def surrogate(
        self, values: Num[Array, "row unit"], *, rng: np.random.Generator | int
    ) -> Num[Array, "kept unit"]:
        """Return one draw of the activity itself.

        Parameters
        ----------
        values : array, shape (row, unit)
            One row a sample if shifted, one a group if permuted.
        rng : numpy Generator or int
        """
        rng = np.random.default_rng(rng)
        if self.scheme == SHIFTED:
            source = self.draw(1, values.shape[1], rng=rng)[0]
            return np.take_along_axis(values, source, axis=0)
        out = np.empty((self.rows.size, values.shape[1]), dtype=values.dtype)
        for place in _members(self.part):
            out[place] = rng.permuted(values[self.rows[place]], axis=0)
        return out


def unit_exchange(
    group: Num[Array, "sample"],
    *,
    block: Num[Array, "sample"] | None = None,
    time: Num[Array, "sample"] | None = None,
    trials: bool = False,
) -> UnitExchange:
    """Read off how units may be made independent of each other.

    Parameters
    ----------
    group : array, shape (sample,)
        The smallest independent unit.
    block : array, shape (sample,), optional
        Exchange happens within blocks; blocks of one group each say how labels move, not units,
        and are passed over.
    time : array, shape (sample,), optional
        Session clock.
    trials : bool
        A stretch that holds one group is a trial, exchanged with others as a whole, and no
        series of its own.

    Returns
    -------
    UnitExchange

    Raises
    ------
    InvalidDesign
        Times that are NaN or repeat within a block.

    Notes
    -----
    Units slower than a quarter of a stretch cannot be told from dependent ones: a test by
    windows is then conservative. A group smaller than the true independent unit makes one by
    permutation anticonservative.

    Examples
    --------
    >>> import numpy as np
    >>> unit_exchange(np.arange(6)).scheme
    'units permuted between groups, each on its own'
    >>> unit_exchange(np.zeros(8, int), time=np.arange(8.0)).rows
    array([1, 2, 3, 4, 5, 6])
    """
    groups, code = np.unique(group, return_inverse=True)
    blocks = np.zeros(code.size, dtype=np.int64) if block is None else np.asarray(block)
    if time is not None:
        parts = stretches(time, blocks)
        if any(
            part.size >= _SHORTEST and (not trials or np.unique(code[part]).size > 1)
            for part in parts
        ):
            return _windows(parts)
    own = np.zeros(groups.size, dtype=np.int64)
    own[code[::-1]] = np.unique(blocks, return_inverse=True)[1][::-1]
    empty = np.zeros(groups.size, dtype=np.int64)
    return UnitExchange(
        PERMUTED, np.arange(groups.size), _several(own), empty[:0], empty, empty[:0]
    )


def _windows(parts: list[np.ndarray]) -> UnitExchange:
    size = np.array([part.size for part in parts])
    free = size // 4
    first = np.concatenate(
        [
            np.arange(long - spare) + start
            for long, spare, start in zip(size, free, np.cumsum(size) - size, strict=True)
        ]
    )
    part = np.repeat(np.arange(size.size), size - free)
    ordered = np.concatenate(parts)
    return UnitExchange(SHIFTED, ordered[first + free[part] // 2], part, free, first, ordered)


def _several(part: np.ndarray) -> np.ndarray:
    """Return the blocks as they are, or one for all where none holds two groups."""
    _, count = np.unique(part, return_counts=True)
    return part if count.size and count.max() > 1 else np.zeros_like(part)


def _members(part: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(part == k) for k in np.unique(part)]
