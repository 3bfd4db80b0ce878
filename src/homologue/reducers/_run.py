"""Read a source once, from where the last attempt was stopped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import xarray as xr

from homologue import recording
from homologue._errors import InvalidRecording
from homologue.reducers._pass import Pass, Reducers
from homologue.reducers._protocol import Block

_CHECKPOINT_SECONDS = 30.0

Parts = Iterable[xr.DataArray | Block]
From = Callable[[int], Parts]


def run(
    source: xr.DataArray | str | os.PathLike[str] | Parts | From,
    reducers: Reducers,
    *,
    device: str | None = None,
    start: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Any:
    """Read a recording once, and return what each reducer found.

    Parameters
    ----------
    source : xarray.DataArray, path, iterable of parts, or callable
        A recording in memory; a stored one, opened or by its path; recordings (or blocks) that
        follow each other, such as ``system.blocks(stimuli, …)``; or a function from the first
        sample to read to those parts, ``lambda start: system.blocks(stimuli, …, start=start)``,
        so that a pass that goes on does not run the model on what it has seen.
    reducers : Reducer, sequence of Reducer, or mapping of str to Reducer
        What is taken.
    device : str, optional
        A torch device; NumPy if left out.
    start : int
        Index of the first sample, where the source is a part of a recording.
    checkpoint : path, optional
        A file that holds the states so far, written every half minute and at the end. If it is
        there already, the pass goes on after the last sample that it has seen; of the source it
        knows units and samples, not values: give each source a file of its own.

    Returns
    -------
    Dataset, tuple of Dataset, or dict of str to Dataset
        In the form in which the reducers were given.

    Raises
    ------
    InvalidRecording
        Inf; NaN where a reducer refuses it; parts of different units; no samples.
    UnknownName
        A reducer needs a coordinate that is not there.

    Notes
    -----
    Memory holds one block, and what the reducers keep. Results do not depend on how the
    recording is cut: moments within 1e-6 (of standard deviations, or of themselves), counts,
    ranks and drawn samples exactly.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue import recording, reducers
    >>> rec = recording.make(np.eye(4), stimulus=["a", "a", "b", "b"])
    >>> found = reducers.run(
    ...     rec, {"moments": reducers.Moments(), "by stimulus": reducers.ClassSums("stimulus")}
    ... )
    >>> found["by stimulus"]["sum"].values.tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    """
    held = None if checkpoint is None else Path(checkpoint)
    passed = Pass(reducers, device=device, start=start)
    if held is not None and held.exists():
        passed = Pass.load(held, reducers, device=device)
        if passed.spans[1:] or passed.spans[:1] != ((start, start + passed.count),):
            raise InvalidRecording(
                f"{held} holds the samples {passed.spans}, which is no beginning of a pass from "
                f"sample {start}; give another checkpoint"
            )
    if isinstance(source, (str, os.PathLike)):
        source = recording.open(source)
    written = time.monotonic()
    seen = start + passed.count
    if not isinstance(source, xr.DataArray) and callable(source):
        parts = _after(source(seen), seen, seen)
    else:
        parts = _after(source, start, seen)
    for part in parts:
        passed.update(part)
        if held is not None and time.monotonic() - written >= _CHECKPOINT_SECONDS:
            passed.save(held)
            written = time.monotonic()
    found = passed.results()
    if held is not None:
        passed.save(held)
    return found


def _after(source: xr.DataArray | Parts, start: int, done: int) -> Iterator[xr.DataArray | Block]:
    """Yield what begins at sample ``done`` of a source that begins at ``start``."""
    if isinstance(source, xr.DataArray):
        recording.validate(source, allow_missing=True, check_values=False)
        if done - start > source.sizes["sample"]:
            raise InvalidRecording(
                f"the checkpoint has seen {done - start} samples, and the source has "
                f"{source.sizes['sample']}; it is of another recording: give another checkpoint"
            )
        if done - start < source.sizes["sample"]:
            yield from recording.blocks(source.isel(sample=slice(done - start, None)))
        return
    place = start
    for part in source:
        if isinstance(part, Block):
            if part.start >= done:
                yield part
            elif part.start + part.samples > done:
                raise InvalidRecording(
                    f"a block holds samples {part.start} … {part.start + part.samples - 1}, and "
                    f"the checkpoint ends before sample {done}; cut the block there"
                )
            continue
        count = part.sizes["sample"]
        if place + count > done:
            yield part.isel(sample=slice(max(done - place, 0), None))
        place += count
