"""Mean, variance, skewness and kurtosis of each unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue.reducers._arrays import column_counts, column_sums, is_tensor, namespace, tiles
from homologue.reducers._protocol import Block, Reducer, State, check_missing
from homologue.reducers._shift import common, moved, settle


@dataclass(frozen=True)
class Moments(Reducer):
    """Take each unit's mean and variance, and the skewness and kurtosis if asked for.

    Parameters
    ----------
    order : {1, 2, 3, 4}
        The highest moment.
    missing : {"refuse", "skip"}
        NaN is an error, or each unit is summed over its own recorded samples.

    Raises
    ------
    HomologueError
        An order or a way to treat NaN that is none of these.

    Notes
    -----
    ``result`` has ``n``, ``mean``, ``variance`` (divided by n), ``skewness`` and ``kurtosis``
    (the excess over a Gaussian's 3), all on ``unit``; NaN where nothing was recorded, and for
    the shape of a unit that is constant. Sums are float64 about a shift [1]_: the mean is good to
    1e-6 standard deviations, and the variance to 1e-6 of itself, at any offset that the input's
    own precision leaves distinct. A mean of heavy-tailed values is exact arithmetic and still a
    poor summary: one sample decides it.

    References
    ----------
    .. [1] Chan, Golub & LeVeque 1983, Am. Stat. 37:242, doi:10.1080/00031305.1983.10483115

    Examples
    --------
    >>> import numpy as np
    >>> from homologue import recording, reducers
    >>> rec = recording.make(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> found = reducers.run(rec, reducers.Moments())
    >>> found["mean"].values.tolist(), found["variance"].values.tolist()
    ([2.0, 5.0], [1.0, 0.0])
    """

    order: int = 2
    missing: str = "refuse"

    def __post_init__(self) -> None:
        """Check the order."""
        check_missing(self.missing)
        if self.order not in (1, 2, 3, 4):
            raise HomologueError(f"order is 1, 2, 3 or 4; given {self.order!r}")

    def empty(self, width: int) -> State:
        """Return sums of 0 about a shift that is not chosen yet (NaN)."""
        return {
            "n": np.zeros(width, dtype=np.int64),
            "shift": np.full(width, np.nan),
            "sums": np.zeros((self.order, width)),
        }

    def add(self, state: State, block: Block) -> State:
        """Add a block's sums of powers."""
        present = block.recorded(self.missing)
        state["shift"] = settle(state["shift"], block.activity, present)
        sums = state["sums"]
        for _, tile in tiles(block.activity, state["shift"], present):
            sums[0] += column_sums(tile)
            if self.order == 1:
                continue
            square = tile * tile if is_tensor(tile) or self.order > 2 else np.square(tile, out=tile)
            sums[1] += column_sums(square)
            if self.order >= 3:
                tile *= square
                sums[2] += column_sums(tile)
            if self.order == 4:
                square *= square
                sums[3] += column_sums(square)
        state["n"] += block.samples if present is None else column_counts(present)
        return state

    def merge(self, first: State, second: State) -> State:
        """Return the sums about a common shift."""
        shift, above, below = common(first["shift"], second["shift"])
        xp = namespace(shift)
        one = moved(first["sums"], first["n"], above)
        other = moved(second["sums"], second["n"], below)
        return {
            "n": first["n"] + second["n"],
            "shift": shift,
            "sums": xp.stack([a + b for a, b in zip(one, other, strict=True)]),
        }

    def result(self, state: State) -> xr.Dataset:
        """Return ``n``, ``mean`` and the higher moments."""
        n = state["n"]
        with np.errstate(invalid="ignore", divide="ignore"):
            raw = state["sums"] / n
            offset = raw[0]
            central = moved(raw, 1.0, -offset)
            out = {"n": n, "mean": state["shift"] + offset}
            if self.order >= 2:
                variance = np.maximum(central[1], 0.0)
                out["variance"] = variance
            if self.order >= 3:
                out["skewness"] = central[2] / variance**1.5
            if self.order == 4:
                out["kurtosis"] = central[3] / variance**2 - 3
        return xr.Dataset({name: ("unit", value) for name, value in out.items()})
