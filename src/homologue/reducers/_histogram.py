"""Counts of values between edges, and the quantiles that they bracket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from homologue._errors import HomologueError
from homologue.reducers._arrays import column_counts, counts_below, round_up
from homologue.reducers._protocol import Block, Reducer, State, check_missing


@dataclass(frozen=True, eq=False)
class Histogram(Reducer):
    """Count each unit's values between edges.

    Parameters
    ----------
    edges : array_like, shape (edge,) or (edge, unit)
        Not decreasing, two or more; a column for each unit where their ranges differ. Bins hold
        their lower edge and not their upper one, the last bin holds both, as NumPy's do.
    missing : {"refuse", "skip"}
        NaN is an error, or is in no bin.

    Raises
    ------
    HomologueError
        Edges that are not finite, that decrease, or fewer than two.

    Notes
    -----
    ``result`` has ``count`` (bin, unit), ``below``, ``above`` and ``n`` (unit), and the ``edge``
    values. Counts are exact for every split: nothing is lost outside the edges, it is counted.
    Edges have to be known before the pass. For a range that is not, take two passes: draw a
    :class:`Sample`, make :func:`quantile_edges` of it, and count between these. They follow
    each unit's own range, spread and tails, and the counts are exact although the edges were
    only estimated.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue import recording, reducers
    >>> rec = recording.make(np.array([[0.0], [0.5], [1.0], [7.0]]))
    >>> found = reducers.run(rec, reducers.Histogram([0.0, 0.5, 1.0]))
    >>> found["count"].values.ravel().tolist(), found["above"].item()
    ([1, 2], 1)
    """

    edges: ArrayLike
    missing: str = "refuse"
    _cuts: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the edges."""
        check_missing(self.missing)
        edges = np.asarray(self.edges, dtype=np.float64)
        if edges.ndim not in (1, 2) or edges.shape[0] < 2:
            raise HomologueError(
                f"edges are (edge,) or (edge, unit), two or more of them; given shape {edges.shape}"
            )
        if not np.isfinite(edges).all() or (np.diff(edges, axis=0) < 0).any():
            raise HomologueError(
                "edges are finite and do not decrease; for units with their own ranges use "
                "quantile_edges of a Sample"
            )
        object.__setattr__(self, "edges", edges)
        # The last bin holds its upper edge: it ends just above it.
        cuts = edges.copy() if edges.ndim == 2 else edges[:, None].copy()
        cuts[-1] = np.nextafter(cuts[-1], np.inf)
        object.__setattr__(self, "_cuts", cuts)

    def describe(self) -> dict[str, Any]:
        """Return the parameters, edges by their digest."""
        return {key: value for key, value in super().describe().items() if key != "_cuts"}

    def empty(self, width: int) -> State:
        """Return counts of 0.

        Raises
        ------
        HomologueError
            There are edges for another number of units.
        """
        if self._cuts.shape[1] not in (1, width):
            raise HomologueError(
                f"there are edges for {self._cuts.shape[1]} units, and the recording has {width}; "
                "make them from a sample of the same units"
            )
        return {
            "n": np.zeros(width, dtype=np.int64),
            "under": np.zeros((self._cuts.shape[0], width), dtype=np.int64),
        }

    def add(self, state: State, block: Block) -> State:
        """Count a block in."""
        present = block.recorded(self.missing)
        cuts = round_up(self._cuts, block.activity)
        state["under"] += counts_below(block.activity, cuts)
        state["n"] += block.samples if present is None else column_counts(present)
        return state

    def merge(self, first: State, second: State) -> State:
        """Return the sums of the counts."""
        return {name: first[name] + second[name] for name in first}

    def result(self, state: State) -> xr.Dataset:
        """Return ``count``, ``below``, ``above``, ``n`` and the edges."""
        under = state["under"]
        edges = np.asarray(self.edges)
        return xr.Dataset(
            {
                "count": (("bin", "unit"), np.diff(under, axis=0)),
                "below": ("unit", under[0]),
                "above": ("unit", state["n"] - under[-1]),
                "n": ("unit", state["n"]),
                "edge_value": ("edge" if edges.ndim == 1 else ("edge", "unit"), edges),
            }
        )


def quantile_edges(sample: xr.Dataset, bins: int = 64) -> np.ndarray:
    """Return edges between which a unit's values lie about equally often.

    Parameters
    ----------
    sample : xarray.Dataset
        What a :class:`Sample` found.
    bins : int
        How many.

    Returns
    -------
    ndarray, shape (edge, unit)
        Quantiles 0, 1/bins, …, 1 of the sample. Each lies within
        sqrt(log(2/α) / 2k) of its rank in the recording with probability 1 − α, for a sample
        of k [1]_: 0.04 for 1 024 and α = .05.

    Raises
    ------
    HomologueError
        A unit of which nothing was drawn.

    References
    ----------
    .. [1] Massart 1990, doi:10.1214/aop/1176990746 (the Dvoretzky–Kiefer–Wolfowitz inequality)

    Examples
    --------
    >>> import numpy as np
    >>> from homologue import recording, reducers
    >>> rec = recording.make(np.arange(9.0)[:, None])
    >>> quantile_edges(reducers.run(rec, reducers.Sample(9, rng=0)), bins=2).ravel().tolist()
    [0.0, 4.0, 8.0]
    """
    if bins < 1:
        raise HomologueError(f"bins is 1 or more; given {bins}")
    values = sample["value"].transpose("draw", "unit").values
    empty = np.isnan(values).all(axis=0)
    if empty.any():
        raise HomologueError(
            f"nothing was drawn of {int(empty.sum())} units (first: number "
            f"{int(empty.argmax())}); leave them out, or draw more"
        )
    return np.nanquantile(values, np.linspace(0, 1, bins + 1), axis=0, method="inverted_cdf")


def quantiles(histogram: xr.Dataset, probabilities: Sequence[float] | float) -> xr.Dataset:
    """Return the quantiles that a histogram brackets.

    Parameters
    ----------
    histogram : xarray.Dataset
        What a :class:`Histogram` found.
    probabilities : float or sequence of float
        Between 0 and 1.

    Returns
    -------
    xarray.Dataset
        On (probability, unit): ``low`` and ``high``, edges between which the quantile (the
        smallest value with at least that share of the recorded samples up to it) lies for
        certain, −Inf or Inf beyond the outermost; ``value``, interpolated between them, NaN
        where one is infinite or nothing was recorded.

    Raises
    ------
    HomologueError
        A probability outside 0 … 1.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue import recording, reducers
    >>> rec = recording.make(np.arange(100.0)[:, None])
    >>> found = reducers.run(rec, reducers.Histogram(np.linspace(0, 100, 11)))
    >>> quantiles(found, 0.5).squeeze()[["low", "high"]].to_array().values.tolist()
    [40.0, 50.0]
    """
    share = np.atleast_1d(np.asarray(probabilities, dtype=np.float64))
    if not ((share >= 0) & (share <= 1)).all():
        raise HomologueError(f"probabilities lie between 0 and 1; given {share.tolist()}")
    count = histogram["count"].transpose("bin", "unit").values
    n = histogram["n"].values
    edges = histogram["edge_value"]
    wide = edges.transpose("edge", "unit").values if edges.ndim == 2 else edges.values[:, None]
    wide = np.broadcast_to(wide, (count.shape[0] + 1, count.shape[1]))
    inner = np.cumsum(np.concatenate([histogram["below"].values[None], count]), axis=0)
    outer = np.full((1, n.size), np.inf)
    bounds = np.concatenate([-outer, wide, outer])
    # How many samples are needed, and the first bin (0: below all edges) that holds as many.
    needed = np.maximum(np.ceil(share[:, None] * n * (1 - 1e-15)), 1)
    place = (inner[None] < needed[:, None]).sum(axis=1)
    low = np.take_along_axis(bounds, place, axis=0)
    high = np.take_along_axis(bounds, place + 1, axis=0)
    below = np.concatenate([np.zeros((1, n.size), dtype=np.int64), inner])
    before = np.take_along_axis(below, place, axis=0)
    within = np.take_along_axis(np.concatenate([inner, n[None]]), place, axis=0) - before
    with np.errstate(invalid="ignore", divide="ignore"):
        value = low + (high - low) * (needed - before) / within
    known = np.isfinite(low) & np.isfinite(high) & (n > 0)
    dims = ("probability", "unit")
    return xr.Dataset(
        {
            "value": (dims, np.where(known, value, np.nan)),
            "low": (dims, np.where(n > 0, low, np.nan)),
            "high": (dims, np.where(n > 0, high, np.nan)),
        },
        coords={"probability": share}
        | {name: coord for name, coord in histogram.coords.items() if coord.dims == ("unit",)},
    )
