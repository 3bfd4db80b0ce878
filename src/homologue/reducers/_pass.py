"""One pass for several reducers, fed part by part."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import xarray as xr

from homologue import recording
from homologue._errors import HomologueError, InvalidRecording
from homologue.reducers._arrays import beside, checked_device, fetch
from homologue.reducers._checkpoint import read, write
from homologue.reducers._protocol import Block, Reducer
from homologue.reducers._seen import Seen, Spans, check_same, check_units, joined, merged

_BLOCK_BYTES = 16 * 2**20
"""A block stays in the last cache while one reducer after the other reads it."""

Reducers = Reducer | Sequence[Reducer] | Mapping[str, Reducer]


class Pass:
    """What several reducers have seen of one recording so far.

    It takes part after part, in memory that does not grow with the samples; passes over
    different parts are merged, in any order. ``system.record(stimuli, …, to=Pass(…))`` feeds it
    from a model as it runs, and keeps no activity.

    Parameters
    ----------
    reducers : Reducer, sequence of Reducer, or mapping of str to Reducer
        What is taken; :meth:`results` has the same form.
    device : str, optional
        A torch device with float64 (``"cuda"``), where blocks are moved and states stay.
        NumPy, if left out.
    start : int
        Index of the first sample that it will be given.

    Raises
    ------
    HomologueError
        No reducer, something that is none, or a device that cannot serve.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue import recording, reducers
    >>> rec = recording.make(np.arange(12.0).reshape(6, 2))
    >>> first, second = (reducers.Pass(reducers.Moments(), start=s) for s in (0, 4))
    >>> first.update(rec.isel(sample=slice(0, 4)))
    >>> second.update(rec.isel(sample=slice(4, 6)))
    >>> second.merge(first).results()["mean"].values.tolist()
    [5.0, 6.0]
    """

    def __init__(self, reducers: Reducers, *, device: str | None = None, start: int = 0) -> None:
        self._form: Reducers = reducers
        self._reducers = _listed(reducers)
        self._device = None if device is None else checked_device(device)
        self._next = int(start)
        self._needs = tuple(dict.fromkeys(name for each in self._reducers for name in each.needs))
        self._seen = Seen()
        self._index: Any = None
        self._broken = False

    def __repr__(self) -> str:
        """Return the reducers and how much they have seen."""
        names = ", ".join(type(each).__name__ for each in self._reducers)
        return f"<Pass of {names}: {self.count} samples>"

    @property
    def count(self) -> int:
        """How many samples it has seen."""
        return self._seen.count

    @property
    def spans(self) -> Spans:
        """Which samples it has seen, as first and last + 1 of each contiguous stretch."""
        return self._seen.spans

    def update(self, part: xr.DataArray | Block) -> None:
        """Take the next part.

        Parameters
        ----------
        part : xarray.DataArray or Block
            A recording, in memory or lazy, whose first sample follows the last one taken (or
            stands at ``start``); or a block, which says itself where it stands.

        Raises
        ------
        InvalidRecording
            Other units than before, samples taken already, or what a reducer refuses. After a
            refusal half-way the pass can only be loaded or begun again, and says so.
        UnknownName
            A reducer needs a coordinate that the part does not have.
        """
        self._check_whole()
        if isinstance(part, Block):
            self._take(part)
            return
        self._check(part)
        for piece in recording.blocks(part, _BLOCK_BYTES):
            self._take(Block.of(piece, self._needs, self._next))

    def _check(self, part: xr.DataArray) -> None:
        """Check the conventions once, and the units every time."""
        if self._seen.units:
            if part.dims != ("sample", "unit"):
                raise InvalidRecording(f"a part has dims ('sample', 'unit'); given {part.dims}")
            # The parts of one recording share their index: then there is nothing to compare.
            index = part.indexes.get("unit")
            if index is None or index is not self._index:
                check_units(self._seen.units, part["unit"].values)
                self._index = index
            return
        recording.validate(part, needs=self._needs, allow_missing=True, check_values=False)
        units = {
            str(name): coord.variable.copy(deep=True)
            for name, coord in part.coords.items()
            if coord.dims == ("unit",)
        }
        self._seen = replace(self._seen, units=units, attrs=recording.provenance(part))

    def _take(self, block: Block) -> None:
        if not block.samples:
            return
        spans = joined([*self.spans, (block.start, block.start + block.samples)])
        if self._device is not None:
            block = block.on(self._device)
        states = self._seen.states or tuple(each.empty(block.width) for each in self._reducers)
        # States are changed in place: what one reducer refuses, another may have taken.
        self._broken = True
        done = []
        for each, state in zip(self._reducers, states, strict=True):
            here = {name: beside(value, block.activity) for name, value in state.items()}
            done.append(each.add(here, block))
        self._seen = replace(self._seen, states=tuple(done), spans=spans)
        self._next = block.start + block.samples
        self._broken = False

    def _check_whole(self) -> None:
        if self._broken:
            raise InvalidRecording(
                "a part was refused half-way, and some reducers have taken it; begin again, or "
                "load the last saved pass"
            )

    def merge(self, other: Pass) -> Pass:
        """Return the pass that has seen what both have seen; neither is changed.

        Parameters
        ----------
        other : Pass
            Of the same reducers, over other samples of the same units.

        Raises
        ------
        InvalidRecording
            They saw the same samples, or other units.
        HomologueError
            Their reducers differ.
        """
        self._check_whole()
        other._check_whole()
        check_same(self._reducers, other._reducers)
        return self._with(merged(self._reducers, self._seen, other._seen))

    def _with(self, seen: Seen) -> Pass:
        out = Pass(self._form, device=self._device, start=max(self._next, seen.end))
        out._seen = seen
        return out

    def results(self) -> Any:
        """Return what each reducer found.

        Returns
        -------
        Dataset, tuple of Dataset, or dict of str to Dataset
            In the form in which the reducers were given; with the recording's coordinates on
            ``unit``, its provenance and the reducer's parameters.

        Raises
        ------
        InvalidRecording
            No sample was seen.
        """
        self._check_whole()
        if not self.count:
            raise InvalidRecording("no sample was seen, so there is nothing to tell")
        found = tuple(
            self._named(each, each.result({name: fetch(value) for name, value in state.items()}))
            for each, state in zip(self._reducers, self._seen.states, strict=True)
        )
        if isinstance(self._form, Reducer):
            return found[0]
        if isinstance(self._form, Mapping):
            return dict(zip(self._form, found, strict=True))
        return found

    def _named(self, reducer: Reducer, found: xr.Dataset) -> xr.Dataset:
        """Return a result with names of units, provenance and parameters."""
        units = self._seen.units
        found = found.assign_coords(units)
        if "other_unit" in found.dims and units:
            found = found.assign_coords(other_unit=units["unit"].values)
        described = {
            name: value if isinstance(value, (str, int, float)) else str(value)
            for name, value in reducer.describe().items()
        }
        return found.assign_attrs({**self._seen.attrs, **described, "n_samples": self.count})

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the states to an ``.npz`` file, whole or not at all; no pickle.

        Parameters
        ----------
        path : path
            Replaced if there is a file.

        Returns
        -------
        pathlib.Path
            The file.
        """
        self._check_whole()
        return write(self._seen, self._reducers, Path(path))

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], reducers: Reducers, *, device: str | None = None
    ) -> Pass:
        """Read what :meth:`save` wrote, to go on with it.

        Parameters
        ----------
        path : path
            The file.
        reducers : Reducer, sequence of Reducer, or mapping of str to Reducer
            The same ones.
        device : str, optional
            As for :class:`Pass`; not necessarily the one that it was on.

        Raises
        ------
        FileNotFoundError
            Nothing is there.
        InvalidRecording
            The file is damaged, no saved pass, or written by a newer version.
        HomologueError
            It was made by other reducers.
        """
        out = cls(reducers, device=device)
        return out._with(read(out._reducers, Path(path)))


def _listed(reducers: Reducers) -> tuple[Reducer, ...]:
    if isinstance(reducers, Reducer):
        return (reducers,)
    out = tuple(reducers.values() if isinstance(reducers, Mapping) else reducers)
    if not out:
        raise HomologueError("no reducer is given; for instance Moments()")
    for each in out:
        if not isinstance(each, Reducer):
            raise HomologueError(f"a reducer is expected, for instance Moments(); given {each!r}")
    return out
