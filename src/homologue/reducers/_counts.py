"""Counts: samples recorded, missing, and above thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue.reducers._arrays import beside, column_counts, round_down
from homologue.reducers._protocol import Block, Reducer, State


@dataclass(frozen=True)
class Counts(Reducer):
    """Count each unit's recorded and missing samples, and those above thresholds.

    NaN is counted as missing; it is above nothing.

    Parameters
    ----------
    above : tuple of float
        Thresholds, in the units of the activity; a value equal to one is not above it.

    Raises
    ------
    HomologueError
        A threshold that is not finite.

    Notes
    -----
    ``result`` has ``n`` and ``missing`` (unit), and ``above`` (threshold, unit). Counts are
    exact for every split. A rectified unit's share of samples above 0 is its sparseness in the
    plainest sense; for a graded one a threshold is arbitrary.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue import recording, reducers
    >>> rec = recording.make(np.array([[0.0, 1.0], [2.0, np.nan], [3.0, 4.0]]))
    >>> found = reducers.run(rec, reducers.Counts(above=(0.0,)))
    >>> found["n"].values.tolist(), found["above"].values.tolist()
    ([3, 2], [[2, 2]])
    """

    above: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check the thresholds."""
        object.__setattr__(self, "above", tuple(map(float, np.atleast_1d(self.above))))
        if not np.isfinite(self.above).all():
            raise HomologueError(f"thresholds are finite numbers; given {self.above}")

    def empty(self, width: int) -> State:
        """Return counts of 0."""
        return {
            "samples": np.zeros((), dtype=np.int64),
            "n": np.zeros(width, dtype=np.int64),
            "above": np.zeros((len(self.above), width), dtype=np.int64),
        }

    def add(self, state: State, block: Block) -> State:
        """Count a block in."""
        present = block.present
        state["samples"] += block.samples
        state["n"] += block.samples if present is None else column_counts(present)
        cuts = round_down(np.asarray(self.above), block.activity)
        for row, cut in enumerate(cuts):
            state["above"][row] += column_counts(block.activity > beside(cut, block.activity))
        return state

    def merge(self, first: State, second: State) -> State:
        """Return the sums of the counts."""
        return {name: first[name] + second[name] for name in first}

    def result(self, state: State) -> xr.Dataset:
        """Return ``n``, ``missing`` and ``above``."""
        return xr.Dataset(
            {
                "n": ("unit", state["n"]),
                "missing": ("unit", state["samples"] - state["n"]),
                "above": (("threshold", "unit"), state["above"]),
            },
            coords={"threshold": list(self.above)},
        )
