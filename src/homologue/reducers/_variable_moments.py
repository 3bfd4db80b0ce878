"""Covariance of units with continuous variables, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidRecording
from homologue.reducers._arrays import beside, integers, tiles, widened
from homologue.reducers._protocol import Block, Label, Reducer, State, check_missing
from homologue.reducers._shift import common, settle

_PAIRS = ("unit_sum", "unit_square", "variable_sum", "variable_square", "cross")


@dataclass(frozen=True)
class VariableMoments(Reducer):
    """Take the covariance and correlation of every unit with continuous variables.

    Parameters
    ----------
    variables : str or tuple of str
        Coordinates on ``sample`` that hold numbers; NaN is no label, and that sample is left
        out for that variable. A circular one (with a ``period``) stands as its cosine and its
        sine: ``"angle (cosine)"``, ``"angle (sine)"``.
    missing : {"refuse", "skip"}
        NaN in the activity is an error, or each unit is taken over its own recorded samples.

    Raises
    ------
    HomologueError
        No variable, or a way to treat NaN that is none of these.
    InvalidRecording
        While it runs: a variable with categories, or with Inf.

    Notes
    -----
    ``result`` has ``n``, ``covariance`` (divided by n) and ``correlation`` on (unit, variable),
    each over the samples in which both are known; NaN where one of them is constant. A
    correlation sees straight lines alone: a bell-shaped tuning curve may have none.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue import recording, reducers
    >>> rec = recording.make(
    ...     np.array([[1.0, 4.0], [2.0, 2.0], [3.0, 0.0]]), variables={"speed": [0.0, 1.0, 2.0]}
    ... )
    >>> found = reducers.run(rec, reducers.VariableMoments("speed"))
    >>> found["correlation"].sel(variable="speed").values.round(12).tolist()
    [1.0, -1.0]
    """

    variables: str | tuple[str, ...]
    missing: str = "refuse"

    def __post_init__(self) -> None:
        """Check the names."""
        check_missing(self.missing)
        names = (self.variables,) if isinstance(self.variables, str) else tuple(self.variables)
        if not names or len(set(names)) < len(names):
            raise HomologueError(f"name one or more variables, each once; given {names}")
        object.__setattr__(self, "variables", names)

    @property
    def needs(self) -> tuple[str, ...]:
        """The variables."""
        return tuple(self.variables)

    def empty(self, width: int) -> State:
        """Return the state before the variables' columns are known."""
        return {
            "columns": np.zeros(0, dtype="U1"),
            "shift": np.full(width, np.nan),
            "column_shift": np.zeros(0),
            "n": np.zeros((width, 0), dtype=np.int64),
            **{name: np.zeros((width, 0)) for name in _PAIRS},
        }

    def add(self, state: State, block: Block) -> State:
        """Add a block's products."""
        present = block.recorded(self.missing)
        named = [each for name in self.variables for each in _columns(name, block.labels[name])]
        names = np.array([name for name, _ in named])
        columns = beside(np.stack([column for _, column in named], axis=1), block.activity)
        if not state["columns"].size:
            state = _opened(state, names, columns)
        _check_columns(state["columns"], names)
        known = columns == columns
        state["shift"] = settle(state["shift"], block.activity, present)
        state["column_shift"] = settle(state["column_shift"], columns, known)
        other = columns - state["column_shift"]
        other[~known] = 0.0
        labelled = widened(known)
        counts: Any = 0
        for where, tile in tiles(block.activity, state["shift"], present):
            mask = None if present is None else present[where]
            here, there = labelled[where], other[where]
            state["cross"] += tile.T @ there
            state["unit_sum"] += tile.T @ here
            counts = counts + _over(mask, here)
            state["variable_sum"] += _over(mask, there)
            state["variable_square"] += _over(mask, there * there)
            tile *= tile
            state["unit_square"] += tile.T @ here
        state["n"] += integers(counts)
        return state

    def merge(self, first: State, second: State) -> State:
        """Return the products about common shifts."""
        for one, other in ((first, second), (second, first)):
            if not one["columns"].size:
                return dict(other)
        _check_columns(first["columns"], second["columns"])
        shift, above, below = common(first["shift"], second["shift"])
        column_shift, over, under = common(first["column_shift"], second["column_shift"])
        one, other = _moved(first, above, over), _moved(second, below, under)
        return {
            "columns": first["columns"],
            "shift": shift,
            "column_shift": column_shift,
            **{name: one[name] + other[name] for name in one},
        }

    def result(self, state: State) -> xr.Dataset:
        """Return ``n``, ``covariance`` and ``correlation``."""
        n = state["n"]
        with np.errstate(invalid="ignore", divide="ignore"):
            unit, other = state["unit_sum"] / n, state["variable_sum"] / n
            covariance = state["cross"] / n - unit * other
            scale = np.sqrt(_spread(state["unit_square"] / n, unit))
            scale = scale * np.sqrt(_spread(state["variable_square"] / n, other))
            correlation = np.where(scale > 0, covariance / scale, np.nan)
        dims = ("unit", "variable")
        return xr.Dataset(
            {
                "n": (dims, n),
                "covariance": (dims, covariance),
                "correlation": (dims, np.clip(correlation, -1.0, 1.0)),
            },
            coords={"variable": state["columns"].astype(str)},
        )


def _spread(square: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return variances; 0 where there is rounding alone (constant among the shared samples)."""
    variance = square - mean**2
    return np.where(variance > 1e-12 * square, variance, 0.0)


def _columns(name: str, label: Label) -> Iterator[tuple[str, np.ndarray]]:
    if label.names is not None:
        raise InvalidRecording(
            f"{name!r} has categories, whose codes are no quantity; take ClassSums({name!r})"
        )
    values = label.values.astype(np.float64)
    if np.isinf(values).any():
        raise InvalidRecording(f"{name!r} holds Inf; set it to NaN where it is not known")
    if label.period is None:
        yield name, values
        return
    angle = 2 * np.pi * values / label.period
    yield f"{name} (cosine)", np.cos(angle)
    yield f"{name} (sine)", np.sin(angle)


def _opened(state: State, names: np.ndarray, columns: Any) -> State:
    """Return the state with room for the columns."""
    shape = (state["shift"].shape[0], names.size)
    like = state["shift"]
    return state | {
        "columns": names,
        "column_shift": beside(np.full(names.size, np.nan), like),
        "n": beside(np.zeros(shape, dtype=np.int64), like),
        **{name: beside(np.zeros(shape), like) for name in _PAIRS},
    }


def _check_columns(seen: np.ndarray, now: np.ndarray) -> None:
    if not np.array_equal(seen, now):
        raise InvalidRecording(
            f"parts disagree on the variables: {seen.tolist()} and {now.tolist()}; is a period "
            "declared in some of them only?"
        )


def _over(mask: Any, columns: Any) -> Any:
    """Return sums of the columns over each unit's recorded samples: (unit or 1, column)."""
    if mask is None:
        return columns.sum(0)[None]
    return widened(mask).T @ columns


def _moved(state: State, unit: Any, column: Any) -> State:
    """Return counts and sums about shifts that are lower by so much."""
    n, u, v = state["n"], unit[:, None], column[None]
    one, other = state["unit_sum"], state["variable_sum"]
    return {
        "n": n,
        "unit_sum": one + n * u,
        "variable_sum": other + n * v,
        "unit_square": state["unit_square"] + 2 * u * one + n * u**2,
        "variable_square": state["variable_square"] + 2 * v * other + n * v**2,
        "cross": state["cross"] + u * other + v * one + n * (u * v),
    }
