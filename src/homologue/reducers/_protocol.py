"""What a reducer is: four pure functions on a state, and the block of rows that they read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidRecording, UnknownName, nearest
from homologue.reducers._arrays import (
    beside,
    column_counts,
    copied,
    fetch,
    is_tensor,
    place,
)

State = dict[str, Any]
"""What a reducer has seen, as named arrays: NumPy's, or tensors on one device."""

MISSING = ("refuse", "skip")
"""What is done with NaN (not recorded): an error, or each unit over its own samples."""


@dataclass(frozen=True)
class Label:
    """A variable on the samples of a block.

    Attributes
    ----------
    values : ndarray, shape (sample,)
        Codes or numbers.
    names : tuple of str or None
        Of the codes 0, 1, …; the code -1 is then "no label".
    period : float or None
        Of a circular variable.
    """

    values: np.ndarray
    names: tuple[str, ...] | None = None
    period: float | None = None


@dataclass(frozen=True)
class Block:
    """Consecutive samples, as reducers read them.

    Attributes
    ----------
    activity : ndarray or torch.Tensor, shape (sample, unit)
        Floating point; half precision is widened to float32, integers to float64.
    labels : mapping of str to Label
        What reducers need to know of each sample.
    start : int
        Index of the first sample in the whole recording.

    Raises
    ------
    InvalidRecording
        Activity that is not (sample, unit), a label of another length; Inf, once looked at.

    Examples
    --------
    >>> block = Block(np.array([[1.0, np.nan], [3.0, 4.0]]), start=10)
    >>> block.present.tolist()
    [[True, False], [True, True]]
    """

    activity: Any
    labels: Mapping[str, Label] = field(default_factory=dict)
    start: int = 0

    def __post_init__(self) -> None:
        """Check shapes, and settle the precision."""
        object.__setattr__(self, "activity", _floating(self.activity))
        if self.activity.ndim != 2:
            raise InvalidRecording(
                "a block's activity is (sample, unit), samples first; given shape "
                f"{tuple(self.activity.shape)}"
            )
        for name, label in self.labels.items():
            if label.values.shape != (self.samples,):
                raise InvalidRecording(
                    f"{name!r} has shape {label.values.shape}, but the block has {self.samples} "
                    "samples; give one value per sample"
                )

    @classmethod
    def of(cls, part: xr.DataArray, needs: tuple[str, ...] = (), start: int = 0) -> Block:
        """Return a part of a recording as a block.

        Parameters
        ----------
        part : xarray.DataArray
            A recording, in memory.
        needs : tuple of str
            Coordinates on ``sample`` to take along.
        start : int
            Index of its first sample in the whole.

        Raises
        ------
        UnknownName
            There is no such coordinate on ``sample``.
        """
        labels = {}
        for name in needs:
            if name not in part.coords or part[name].dims != ("sample",):
                known = [
                    str(key) for key, coord in part.coords.items() if coord.dims == ("sample",)
                ]
                raise UnknownName(
                    f"the recording has no variable {name!r} on 'sample'" + nearest(name, known)
                )
            coord = part[name]
            names = coord.attrs.get("categories")
            labels[name] = Label(
                coord.values,
                None if names is None else tuple(map(str, names)),
                coord.attrs.get("period"),
            )
        return cls(part.values, labels, start)

    @property
    def samples(self) -> int:
        """How many there are."""
        return int(self.activity.shape[0])

    @property
    def width(self) -> int:
        """How many units there are."""
        return int(self.activity.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """Samples and units."""
        return self.samples, self.width

    @cached_property
    def present(self) -> Any:
        """What was recorded, as a mask (sample, unit); None: all of it."""
        # One pass: a sum is finite unless something in it is not (or it overflowed).
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(float(self.activity.sum())):
                return None
        missing = self.activity != self.activity
        infinite = abs(self.activity) == float("inf")
        if bool(infinite.any()):
            row, column = divmod(int(fetch(infinite).argmax()), self.width)
            raise InvalidRecording(
                f"activity holds Inf (first at sample {self.start + row}, unit number {column}); "
                "a diverged model or a division by zero? Mend the source, or set values to NaN "
                "if they were not recorded"
            )
        return ~missing if bool(missing.any()) else None

    def recorded(self, missing: str) -> Any:
        """Return :attr:`present`, or refuse NaN where a reducer does not skip it."""
        present = self.present
        if present is None or missing == "skip":
            return present
        row, column = divmod(int((~fetch(present)).argmax()), self.width)
        count = self.samples * self.width - int(column_counts(present).sum())
        raise InvalidRecording(
            f"activity holds NaN ({count} of {self.samples * self.width} in this block, first at "
            f"sample {self.start + row}, unit number {column}), which means 'not recorded'; give "
            "the reducer missing='skip' to take each unit over its own samples"
        )

    def on(self, device: str) -> Block:
        """Return the block with its activity on a torch device."""
        return Block(place(self.activity, device), self.labels, self.start)


def _floating(activity: Any) -> Any:
    if is_tensor(activity):
        if not hasattr(activity, "is_floating_point"):
            return _floating(np.asarray(activity))
        activity = activity.detach()
        if activity.is_floating_point():
            return activity if activity.element_size() >= 4 else activity.float()
        return activity.double()
    if activity.dtype.kind not in "fiub":
        raise InvalidRecording(f"activity is floating point; given dtype {activity.dtype}")
    if activity.dtype in (np.float32, np.float64):
        return activity
    return activity.astype(np.float32 if activity.dtype == np.float16 else np.float64)


class Reducer(ABC):
    """A summary of a recording that is made in one pass and merged from parts.

    A reducer holds parameters alone, in a frozen dataclass; what it has seen is a
    :data:`State`. A third party's subclass gives :meth:`empty`, :meth:`add`, :meth:`merge` and
    :meth:`result`, and runs wherever the ones here do.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """Coordinates on ``sample`` that it reads."""
        return ()

    @abstractmethod
    def empty(self, width: int) -> State:
        """Return the state of a reducer that has seen nothing of so many units."""

    @abstractmethod
    def add(self, state: State, block: Block) -> State:
        """Return the state after a block; it may use the memory of the one given."""

    @abstractmethod
    def merge(self, first: State, second: State) -> State:
        """Return the state of having seen what both have seen."""

    @abstractmethod
    def result(self, state: State) -> xr.Dataset:
        """Return what the state says; NaN where nothing was recorded."""

    def update(self, state: State, block: Block) -> State:
        """Return the state after a block, and leave the one given as it is.

        Parameters
        ----------
        state : State
            Of this reducer.
        block : Block
            Rows that the state has not seen.
        """
        own = {name: copied(beside(value, block.activity)) for name, value in state.items()}
        return self.add(own, block) if block.samples else own

    def describe(self) -> dict[str, Any]:
        """Return class and parameters as text and numbers, arrays by their digest."""
        out: dict[str, Any] = {"reducer": type(self).__name__}
        for each in fields(self):  # type: ignore[arg-type]
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray):
                digest = sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
                value = f"{value.dtype} {value.shape} sha256:{digest}"
            elif isinstance(value, tuple):
                value = list(value)
            out[each.name] = value
        return out


def check_missing(missing: str) -> None:
    """Refuse anything but the two ways to treat NaN."""
    if missing not in MISSING:
        raise HomologueError(f"missing is 'refuse' or 'skip'; given {missing!r}")
