"""A random sample of a recording, the same whoever reads it and in what parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue.reducers._arrays import beside, copied, namespace, widened
from homologue.reducers._protocol import Block, Reducer, State, check_missing
from homologue.reducers._select import ranked, true_places


@dataclass(frozen=True)
class Sample(Reducer):
    """Draw k samples without replacement, each equally likely.

    Every sample's index and the seed give it a random key; the k largest keys are the sample
    [1]_. Which ones they are depends on the seed alone, not on parts, order or device.

    Parameters
    ----------
    k : int
        How many.
    rng : numpy Generator or int
        Seed of the draw (of a generator, its next integer).
    missing : {"refuse", "skip"}
        NaN is an error and all units share their samples, or each unit has k of its own
        recorded samples.

    Raises
    ------
    HomologueError
        k below 1, or a way to treat NaN that is none of these.

    Notes
    -----
    ``result`` has ``value`` on (draw, unit) and ``sample``, where it was, on ``draw`` (on
    (draw, unit) where missing values are skipped); draws stand in random order, so that the
    first few are a sample as well. NaN and −1 where there are fewer than k. Consecutive samples
    of a recording resemble each other; drawn ones do so less, but groups stay groups: it is no
    sample of independent observations. :func:`quantile_edges` makes edges of it.

    References
    ----------
    .. [1] Cohen & Kaplan 2007, doi:10.1145/1281100.1281133 (bottom-k sketches)

    Examples
    --------
    >>> import numpy as np
    >>> from homologue import recording, reducers
    >>> rec = recording.make(np.arange(100.0)[:, None])
    >>> found = reducers.run(rec, reducers.Sample(3, rng=0))
    >>> bool((found["value"].values[:, 0] == found["sample"].values).all())
    True
    """

    k: int
    rng: np.random.Generator | int = field(kw_only=True, compare=False, repr=False)
    missing: str = "refuse"
    seed: int = field(init=False)

    def __post_init__(self) -> None:
        """Settle the seed."""
        check_missing(self.missing)
        if not isinstance(self.k, int) or self.k < 1:
            raise HomologueError(f"k is a whole number, 1 or more; given {self.k!r}")
        seed = int(np.random.default_rng(self.rng).integers(2**63))
        object.__setattr__(self, "seed", seed)
        object.__setattr__(self, "rng", seed)

    def describe(self) -> dict[str, Any]:
        """Return the parameters, with the seed that was drawn."""
        return {key: value for key, value in super().describe().items() if key != "rng"}

    def empty(self, width: int) -> State:
        """Return k places, all free."""
        own = width if self.missing == "skip" else 1
        return {
            "key": np.full((self.k, own), np.nan),
            "sample": np.full((self.k, own), -1, dtype=np.int64),
            "value": np.full((self.k, width), np.nan),
        }

    def add(self, state: State, block: Block) -> State:
        """Let a block's samples take the places of those with smaller keys."""
        present = block.recorded(self.missing)
        sample = np.arange(block.start, block.start + block.samples)
        key = random_keys(self.seed, sample)
        # A free place (NaN) is open to every key.
        worst = state["key"][-1]
        full = not bool((worst != worst).any())
        order = np.flatnonzero(key >= (float(worst.min()) if full else 0.0))
        if present is None and order.size > self.k:
            place = order.size - self.k
            order = order[key[order] >= np.partition(key[order], place)[place]]
        elif present is not None:
            # Each unit needs no more than its own k best.
            order = order[np.argsort(-key[order])]
            kept = present[beside(order, present)]
            kept = kept & (kept.cumsum(0) <= self.k)
            order = order[beside(kept.any(1), order)]
        if not order.size:
            return state
        value = widened(block.activity[beside(order, block.activity)])
        xp = namespace(value)
        shape = (order.size, state["key"].shape[1])
        drawn = xp.broadcast_to(beside(sample[order], value)[:, None], shape)
        if self.missing == "skip":
            drawn = xp.where(xp.isnan(value), -1, drawn)
        return self._with(
            state, xp.broadcast_to(beside(key[order], value)[:, None], shape), drawn, value
        )

    def merge(self, first: State, second: State) -> State:
        """Return the draws with the largest keys of both."""
        return self._with(first, second["key"], second["sample"], second["value"])

    def _with(self, state: State, key: Any, sample: Any, value: Any) -> State:
        """Return the best of a state and of further rows, where their sample is not −1."""
        join = namespace(value).concat
        keys, samples = join([state["key"], key]), join([state["sample"], sample])
        values = join([state["value"], value])
        row, unit = true_places(samples >= 0)
        chosen, rank = ranked(unit, keys[row, unit], samples[row, unit], self.k)
        row, unit = row[chosen], unit[chosen]
        out = {name: copied(state[name]) for name in ("key", "sample", "value")}
        out["key"][rank, unit] = keys[row, unit]
        out["sample"][rank, unit] = samples[row, unit]
        if self.missing == "refuse":
            out["value"][rank] = values[row]
        else:
            out["value"][rank, unit] = values[row, unit]
        return out

    def result(self, state: State) -> xr.Dataset:
        """Return ``value`` and ``sample``."""
        dims, sample = ("draw", "unit"), state["sample"]
        return xr.Dataset(
            {
                "value": (dims, state["value"]),
                "sample": ("draw", sample[:, 0]) if self.missing == "refuse" else (dims, sample),
            }
        )


def random_keys(seed: int, sample: np.ndarray) -> np.ndarray:
    """Return numbers in [0, 1) that look random: SplitMix64 of seed and index.

    References
    ----------
    .. [1] Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195
    """
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (sample.astype(np.uint64) + np.uint64(1)) * np.uint64(
            0x9E3779B97F4A7C15
        )
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)) * 2.0**-53
