"""The samples that drive each unit most, or least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue.reducers._arrays import beside, copied, namespace, widened
from homologue.reducers._protocol import Block, Reducer, State, check_missing
from homologue.reducers._select import candidates, ranked, true_places


@dataclass(frozen=True)
class TopK(Reducer):
    """Keep each unit's k largest (or smallest) values, and where they were.

    Parameters
    ----------
    k : int
        How many.
    largest : bool
        False: the smallest.
    missing : {"refuse", "skip"}
        NaN is an error, or never among the chosen.

    Raises
    ------
    HomologueError
        k below 1, or a way to treat NaN that is none of these.

    Notes
    -----
    ``result`` has ``value`` and ``sample`` on (rank, unit), the best first; of equal values the
    earlier sample stands first. ``sample`` counts from the beginning of the whole recording, so
    that its context can be found; NaN and −1 stand where there are fewer than k samples. Both
    are exact, whatever the split. The maximum says what a unit answers to most, not what it
    codes for: show samples of every quantile beside it (:class:`Sample`) [1]_.

    References
    ----------
    .. [1] Bolukbasi et al. 2021, doi:10.48550/arXiv.2104.07143

    Examples
    --------
    >>> import numpy as np
    >>> from homologue import recording, reducers
    >>> rec = recording.make(np.array([[1.0], [9.0], [4.0], [9.0]]))
    >>> found = reducers.run(rec, reducers.TopK(3))
    >>> found["value"].values.ravel().tolist(), found["sample"].values.ravel().tolist()
    ([9.0, 9.0, 4.0], [1, 3, 2])
    """

    k: int = 10
    largest: bool = True
    missing: str = "refuse"

    def __post_init__(self) -> None:
        """Check k."""
        check_missing(self.missing)
        if not isinstance(self.k, int) or self.k < 1:
            raise HomologueError(f"k is a whole number, 1 or more; given {self.k!r}")

    def empty(self, width: int) -> State:
        """Return k places, all free."""
        # Keys are values, negated where the smallest are wanted: the best key is the largest.
        return {
            "key": np.full((self.k, width), np.nan),
            "sample": np.full((self.k, width), -1, dtype=np.int64),
        }

    def add(self, state: State, block: Block) -> State:
        """Let a block's values take the places of smaller ones."""
        block.recorded(self.missing)
        keys = block.activity if self.largest else -block.activity
        last = state["key"][-1]
        xp = namespace(last)
        threshold = xp.where(xp.isnan(last), -float("inf"), last)
        late = block.start > int(state["sample"].max())
        row, unit = true_places(candidates(keys, threshold, self.k, ties=not late))
        return self._with(state, unit, widened(keys[row, unit]), row + block.start)

    def merge(self, first: State, second: State) -> State:
        """Return the best of both."""
        row, unit = true_places(second["sample"] >= 0)
        return self._with(first, unit, second["key"][row, unit], second["sample"][row, unit])

    def _with(self, state: State, unit: Any, key: Any, sample: Any) -> State:
        """Return the best of a state and of further entries."""
        if not unit.shape[0]:
            return state
        # Only units that have an entry are put in order again.
        touched = beside(np.zeros(state["key"].shape[1], dtype=bool), unit)
        touched[unit] = True
        rank, old_unit = true_places((state["sample"] >= 0) & touched)
        join = namespace(key).concat
        every_unit = join([old_unit, unit])
        every_key = join([state["key"][rank, old_unit], key])
        every_sample = join([state["sample"][rank, old_unit], sample])
        chosen, rank = ranked(every_unit, every_key, every_sample, self.k)
        out = {name: copied(state[name]) for name in ("key", "sample")}
        out["key"][rank, every_unit[chosen]] = every_key[chosen]
        out["sample"][rank, every_unit[chosen]] = every_sample[chosen]
        return out

    def result(self, state: State) -> xr.Dataset:
        """Return ``value`` and ``sample``."""
        # Adding 0 makes a negated 0 positive again.
        value = (state["key"] if self.largest else -state["key"]) + 0.0
        dims = ("rank", "unit")
        return xr.Dataset({"value": (dims, value), "sample": (dims, state["sample"])})
