"""Sums by class: what a tuning curve, a contrast or an analysis of variance needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from homologue._errors import InvalidRecording
from homologue.reducers._arrays import ByClass, beside, is_tensor, tiles
from homologue.reducers._protocol import Block, Label, Reducer, State, check_missing
from homologue.reducers._shift import common, moved, settle


@dataclass(frozen=True)
class ClassSums(Reducer):
    """Take count, mean, sum and sum of squares of each unit in each class of a variable.

    Parameters
    ----------
    variable : str
        A coordinate on ``sample`` with integer codes: ``"stimulus"``, ``"group"``, a concept.
        Where it has categories, the code −1 is no label, and left out. Recordings whose
        categories stand in another order are put together by name.
    missing : {"refuse", "skip"}
        NaN is an error, or each unit is summed over its own recorded samples.
    at_most : int
        Classes beyond which memory (two float64 a class and unit) is taken for a mistake.

    Raises
    ------
    HomologueError
        A way to treat NaN that is none of these.
    InvalidRecording
        While it runs: a variable that is not integer, negative codes without categories, too
        many classes.

    Notes
    -----
    ``result`` has ``count``, ``mean``, ``sum``, and ``sum_of_squares`` about the class mean, on
    (class, unit); the variance within a class is ``sum_of_squares / count``. Sums are float64
    about one shift a unit, which serves until class means lie 1e5 within-class standard
    deviations apart.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue import recording, reducers
    >>> rec = recording.make(np.array([[1.0], [3.0], [8.0]]), stimulus=["a", "a", "b"])
    >>> found = reducers.run(rec, reducers.ClassSums("stimulus"))
    >>> found["mean"].sel({"class": "a"}).item(), found["sum_of_squares"].values.tolist()
    (2.0, [[2.0], [0.0]])
    """

    variable: str
    missing: str = "refuse"
    at_most: int = 100_000

    def __post_init__(self) -> None:
        """Check how NaN is treated."""
        check_missing(self.missing)

    @property
    def needs(self) -> tuple[str, ...]:
        """The variable."""
        return (self.variable,)

    def empty(self, width: int) -> State:
        """Return the state of no class."""
        counted = width if self.missing == "skip" else 1
        return {
            "classes": np.zeros(0, dtype="U1"),
            "shift": np.full(width, np.nan),
            "count": np.zeros((0, counted), dtype=np.int64),
            "sum": np.zeros((0, width)),
            "square": np.zeros((0, width)),
        }

    def add(self, state: State, block: Block) -> State:
        """Add a block's sums by class."""
        present = block.recorded(self.missing)
        codes, classes = self._codes(block.labels[self.variable], state["classes"])
        state = _with_classes(state, classes)
        state["shift"] = settle(state["shift"], block.activity, present)
        for where, tile in tiles(block.activity, state["shift"], present):
            by_class = ByClass(codes[where], tile)
            by_class.add(state["sum"], tile)
            tile *= tile
            by_class.add(state["square"], tile)
            if present is not None:
                by_class.add(state["count"], present[where])
            else:
                state["count"][by_class.where] += by_class.counts
        return state

    def _codes(self, label: Label, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return codes among the classes seen before and now, and these classes."""
        codes = label.values
        if codes.dtype.kind not in "iub":
            raise InvalidRecording(
                f"{self.variable!r} holds {codes.dtype} numbers; sums are taken by integer code. "
                "Cut it with homologue.recording.classes and attach the codes, or use "
                "VariableMoments for a continuous variable"
            )
        codes = codes.astype(np.int64, copy=False)
        low, high = (int(codes.min()), int(codes.max())) if codes.size else (-1, -1)
        if label.names is None and low < 0 and codes.size:
            raise InvalidRecording(
                f"{self.variable!r} holds the code {low} and has no categories; name them with "
                "homologue.recording.variable(codes, categories=…), where -1 is 'no label'"
            )
        count = high + 1 if label.names is None else len(label.names)
        if count > self.at_most:
            raise InvalidRecording(
                f"{self.variable!r} has {count} classes, more than at_most={self.at_most}; codes "
                "run from 0 without gaps (recode them), or allow more (two float64 a class and "
                "unit)"
            )
        if label.names is None:
            if seen.size >= count:
                return codes, seen
            now = np.arange(count).astype(str)
        else:
            now = np.asarray(label.names, dtype=str)
        place, classes = _aligned(seen, now)
        if place is not None:
            codes = np.append(place, -1)[codes]
        return codes, classes

    def merge(self, first: State, second: State) -> State:
        """Return the sums of both, class by class."""
        place, classes = _aligned(first["classes"], second["classes"])
        first = _with_classes(first, classes)
        second = _with_classes(second, classes, place)
        shift, above, below = common(first["shift"], second["shift"])
        one = moved((first["sum"], first["square"]), first["count"], above)
        other = moved((second["sum"], second["square"]), second["count"], below)
        return {
            "classes": classes,
            "shift": shift,
            "count": first["count"] + second["count"],
            "sum": one[0] + other[0],
            "square": one[1] + other[1],
        }

    def result(self, state: State) -> xr.Dataset:
        """Return ``count``, ``mean``, ``sum`` and ``sum_of_squares``."""
        count = np.broadcast_to(state["count"], state["sum"].shape).copy()
        with np.errstate(invalid="ignore", divide="ignore"):
            offset = state["sum"] / count
            values = {
                "count": count,
                "mean": state["shift"] + offset,
                "sum": np.where(count > 0, state["sum"] + count * state["shift"], 0.0),
                "sum_of_squares": np.where(
                    count > 0, np.maximum(state["square"] - offset * state["sum"], 0.0), 0.0
                ),
            }
        dims = ("class", "unit")
        return xr.Dataset(
            {name: (dims, value) for name, value in values.items()},
            coords={"class": state["classes"].astype(str)},
        )


def _aligned(seen: np.ndarray, now: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Return where the classes of now stand among all (None: as they are), and all classes."""
    shared = min(seen.size, now.size)
    if np.array_equal(seen[:shared], now[:shared]):
        return None, seen if seen.size >= now.size else now
    known = {name: place for place, name in enumerate(seen.tolist())}
    new = [name for name in now.tolist() if name not in known]
    known |= {name: seen.size + place for place, name in enumerate(new)}
    return np.array([known[name] for name in now.tolist()]), np.append(
        seen, np.array(new, dtype=str)
    )


def _with_classes(state: State, classes: np.ndarray, place: np.ndarray | None = None) -> State:
    """Return the state with room for more classes, its own put at their places."""
    own = state["classes"].size
    if place is None and own == classes.size:
        return state | {"classes": classes}
    out = state | {"classes": classes}
    for name in ("count", "sum", "square"):
        old = state[name]
        shape = (classes.size, old.shape[1])
        wide = old.new_zeros(shape) if is_tensor(old) else np.zeros(shape, dtype=old.dtype)
        wide[slice(0, own) if place is None else beside(place, old)] = old
        out[name] = wide
    return out
