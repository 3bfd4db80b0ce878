"""Covariance between units, streamed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue.reducers._arrays import (
    add_products,
    column_sums,
    integers,
    tiles,
    widened,
)
from homologue.reducers._protocol import Block, Reducer, State, check_missing
from homologue.reducers._shift import common, settle

_ROWS = 2048
"""Rows of a product. With 256 two threads wait for each other half of the time."""


@dataclass(frozen=True)
class CrossMoments(Reducer):
    """Take the covariance of every two units.

    Parameters
    ----------
    missing : {"refuse", "skip"}
        NaN is an error, or each two units are taken over the samples in which both were
        recorded (three times the memory, and five times the work where anything is missing).

    Raises
    ------
    HomologueError
        A way to treat NaN that is none of these.

    Notes
    -----
    ``result`` has ``n`` (a number, or one for each two units), ``mean`` (unit) and
    ``covariance`` (unit, other_unit), divided by n. It is a float64 product about a shift, one
    symmetric rank-k update a block: half the work of a general product. Memory grows with the
    square of the units, 0.8 GB for 10 000 of them, and not with the samples. A covariance over
    different samples for different pairs may have negative eigenvalues, and covariances of units
    that were not recorded simultaneously mean nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue import recording, reducers
    >>> rec = recording.make(np.array([[1.0, 2.0], [3.0, 6.0]]))
    >>> reducers.run(rec, reducers.CrossMoments())["covariance"].values.tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """

    missing: str = "refuse"

    def __post_init__(self) -> None:
        """Check how NaN is treated."""
        check_missing(self.missing)

    def empty(self, width: int) -> State:
        """Return products of 0 about a shift that is not chosen yet (NaN)."""
        pairs = self.missing == "skip"
        return {
            "n": np.zeros((width, width) if pairs else (), dtype=np.int64),
            "shift": np.full(width, np.nan),
            "sum": np.zeros((width, width) if pairs else width),
            "cross": np.zeros((width, width)),
        }

    def add(self, state: State, block: Block) -> State:
        """Add a block's products."""
        present = block.recorded(self.missing)
        state["shift"] = settle(state["shift"], block.activity, present)
        for where, tile in tiles(block.activity, state["shift"], present, least_rows=_ROWS):
            add_products(state["cross"], tile)
            if self.missing == "refuse":
                state["n"] += tile.shape[0]
                state["sum"] += column_sums(tile)
            elif present is None:
                # Row: the unit that is summed; column: the one that had to be recorded too.
                state["n"] += tile.shape[0]
                state["sum"] += column_sums(tile)[:, None]
            else:
                mask = widened(present[where])
                state["n"] += integers(mask.T @ mask)
                state["sum"] += tile.T @ mask
        return state

    def merge(self, first: State, second: State) -> State:
        """Return the products about a common shift."""
        shift, above, below = common(first["shift"], second["shift"])
        one, other = _moved(first, above), _moved(second, below)
        return {"shift": shift} | {name: one[name] + other[name] for name in one}

    def result(self, state: State) -> xr.Dataset:
        """Return ``n``, ``mean`` and ``covariance``."""
        n = state["n"]
        # In place: of many units, one more square array is the most that is held.
        covariance = np.tril(state["cross"])
        covariance += np.tril(covariance, -1).T
        with np.errstate(invalid="ignore", divide="ignore"):
            offset = state["sum"] / n
            covariance /= n
        if n.ndim == 0:
            covariance -= np.outer(offset, offset)
        else:
            covariance -= offset * offset.T
            offset = np.diagonal(offset)
        np.fill_diagonal(covariance, np.maximum(np.diagonal(covariance), 0.0))
        return xr.Dataset(
            {
                "n": (() if n.ndim == 0 else ("unit", "other_unit"), n),
                "mean": ("unit", state["shift"] + offset),
                "covariance": (("unit", "other_unit"), covariance),
            }
        )


def _moved(state: State, delta: Any) -> State:
    """Return counts and sums about a shift that is lower by ``delta``."""
    n, sums = state["n"], state["sum"]
    pairs = n.ndim == 2
    of = delta[:, None]
    # In a pair's sums the unit that is summed is the row; the other one's are the transpose.
    mine = sums if pairs else sums[:, None]
    other = mine.T
    return {
        "n": n,
        "sum": sums + n * of if pairs else sums + n * delta,
        "cross": state["cross"] + of * other + mine * of.T + n * (of * of.T),
    }
