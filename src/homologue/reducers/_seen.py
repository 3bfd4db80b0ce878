"""What a pass has seen: the states, of which samples, of which units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidRecording
from homologue.reducers._arrays import beside, copied
from homologue.reducers._protocol import Reducer, State

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Seen:
    """The whole memory of a pass; a value, never changed.

    Attributes
    ----------
    states : tuple of State
        One a reducer; none before the first sample.
    spans : tuple of (int, int)
        Samples seen, as first and last + 1 of each contiguous stretch.
    units : dict of str to Variable
        The coordinates on ``unit``.
    attrs : dict
        Scalar provenance of the recording.
    """

    states: tuple[State, ...] = ()
    spans: Spans = ()
    units: dict[str, xr.Variable] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many samples there were."""
        return sum(stop - start for start, stop in self.spans)

    @property
    def end(self) -> int:
        """Index after the last sample."""
        return self.spans[-1][1] if self.spans else 0


def joined(spans: Iterable[tuple[int, int]]) -> Spans:
    """Return stretches in order, touching ones joined.

    Raises
    ------
    InvalidRecording
        Two of them overlap.
    """
    out: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if out and start < out[-1][1]:
            raise InvalidRecording(
                f"samples {start} … {min(stop, out[-1][1]) - 1} would be counted twice; give "
                "each pass over a part the index of its first sample: start=…"
            )
        if out and start == out[-1][1]:
            out[-1] = (out[-1][0], stop)
        else:
            out.append((start, stop))
    return tuple(out)


def merged(reducers: Sequence[Reducer], first: Seen, second: Seen) -> Seen:
    """Return what both have seen; neither is changed.

    Raises
    ------
    InvalidRecording
        They saw the same samples, or other units.
    """
    spans = joined([*first.spans, *second.spans])
    if first.units and second.units:
        check_units(first.units, second.units["unit"].values)
    if not first.states:
        first, second = second, first
    if second.states:
        states = tuple(
            each.merge(one, _together(other, one))
            for each, one, other in zip(reducers, first.states, second.states, strict=True)
        )
    else:
        states = tuple({name: copied(value) for name, value in s.items()} for s in first.states)
    known = first if first.units else second
    return Seen(states, spans, known.units, known.attrs)


def _together(state: State, other: State) -> State:
    """Return a state on the device of another one of the same reducer."""
    return {name: beside(value, other[name]) for name, value in state.items()}


def check_units(known: dict[str, xr.Variable], units: np.ndarray) -> None:
    """Refuse parts whose units are not the ones seen before, in their order."""
    before = known["unit"].values
    if np.array_equal(before, units):
        return
    if before.size == units.size:
        place = int((before != units).argmax())
        what = f"unit number {place} was {str(before[place])!r} and is {str(units[place])!r}"
    else:
        what = f"there were {before.size} units and are {units.size}"
    raise InvalidRecording(
        f"the parts have other units, or in another order: {what}; reduce recordings of "
        "different units in passes of their own"
    )


def check_same(mine: Sequence[Reducer], others: Sequence[Reducer]) -> None:
    """Refuse reducers whose kinds or parameters differ."""
    given = [each.describe() for each in mine], [each.describe() for each in others]
    if given[0] != given[1]:
        raise HomologueError(
            f"one pass takes {given[0]}, the other {given[1]}; merge passes whose reducers have "
            "equal parameters (and seeds)"
        )
