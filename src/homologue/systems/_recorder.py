"""Record to disk while the model runs: constant memory, resumable, whole or not there.

What a run has done stands in a hidden folder beside the destination, ``.NAME.part``: the labels
first, then one shard of activity after the other, each followed by a line in the journal. The
folder is renamed to its destination when the last shard is written. A killed run leaves the
folder; the same call finds it, sees by its fingerprint that it is the same recording, runs the
first window again to see that it still comes out as it did, and goes on after the last shard of
the journal. The same windows and batches are run again, so that the result is equal, byte by
byte, to that of an uninterrupted run.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from homologue._errors import HomologueError
from homologue.recording._store import FORMAT, FORMAT_VERSION, to_dataset
from homologue.systems._coordinates import SampleTable
from homologue.systems._placement import placement
from homologue.systems._reading import Block, Reading, Sizes
from homologue.systems._shards import (
    JOURNAL,
    Writer,
    create_activity,
    interrupted,
    rounded,
    write_journal,
)

_LABEL_ROWS = 65_536
_FULL, _HALF = 1e-3, 0.05
"""Of a unit's norm, what other threads or another device may change by rounding otherwise."""


@dataclass(frozen=True)
class Destination:
    """Where a recording goes, and where it is made.

    Attributes
    ----------
    path : Path
        Where the whole recording will stand.
    part : Path
        Where it is made.
    overwrite : bool
        Replace what is at ``path``, and discard what is half-written of something else.
    """

    path: Path
    part: Path
    overwrite: bool

    @classmethod
    def of(cls, to: Any, *, overwrite: bool) -> Destination:
        """Check a path.

        Raises
        ------
        HomologueError
            It does not end in ``.zarr``, or something is there.
        """
        if not isinstance(to, (str, os.PathLike)):
            raise HomologueError(
                "to is a path that ends in .zarr, a reducer (or several), or an object with "
                f"update(part); given {type(to).__name__}"
            )
        given = Path(os.path.expanduser(to))
        if given.suffix != ".zarr":
            raise HomologueError(
                f"a recording is written to a folder that ends in .zarr; given {str(to)!r}"
            )
        # At once: links are followed, and the working directory may change.
        path = given.resolve()
        if path.exists() and not overwrite:
            raise HomologueError(
                f"{path} exists; open it with homologue.recording.open, or pass overwrite=True "
                "to replace it"
            )
        if path.exists() and not (path / "zarr.json").is_file():
            raise HomologueError(f"{path} is no zarr store; it is not replaced")
        return cls(path, path.with_name(f".{path.name}.part"), overwrite)


def write(
    table: SampleTable,
    wrap: Callable[[Block], xr.DataArray],
    destination: Destination,
    *,
    sizes: Sizes,
    precision: str,
    fingerprint: str,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Run the model and write its activity; resume what an earlier call left.

    Parameters
    ----------
    table : SampleTable
        What is known of each sample.
    wrap : callable
        Block → recording, for labels and provenance.
    destination : Destination
        Where to.
    sizes : Sizes
        Bounds of a batch.
    precision : str
        One of :data:`homologue.systems._shards.PRECISIONS`.
    fingerprint : str
        Of everything the result depends on.
    progress : callable, optional
        Told ``(samples done, samples in all)``.

    Returns
    -------
    Path
        The destination.

    Raises
    ------
    HomologueError
        Another recording, or another process, is at work there; activity too large for
        float16.
    RecordingInterrupted
        The disk is full or failed; what is written stays, and the same call resumes.
    """
    reading, part = table.reading, destination.part
    with _locked(part):
        done = _resumable(destination, fingerprint, reading.shape)
        if done and not _repeats(reading, sizes, part, precision, done):
            _discard(
                destination,
                "whose first samples come out otherwise now: the model's code or the function "
                "that prepares stimuli has changed; finish it with what it was begun with",
            )
            done = None
        if done is None:
            try:
                _set_up(part, table, wrap, precision, fingerprint)
            except OSError as error:
                raise interrupted(error, 0, reading.shape[0], part) from error
            done = 0
        elif done:
            print(
                f"homologue: resuming {destination.path} after {done} of "
                f"{reading.shape[0]} samples",
                file=sys.stderr,
            )
        _clean(part)
        with Writer(part, reading.shape, precision, fingerprint, done) as writer:
            for block in reading.blocks(sizes, start=done, progress=progress):
                writer.put(block)
        try:
            _finish(destination)
        except OSError as error:
            raise interrupted(error, reading.shape[0], reading.shape[0], part) from error
    return destination.path


@contextlib.contextmanager
def _locked(part: Path) -> Iterator[None]:
    """Let one process at a time work on a store; the lock falls with its process."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover - elsewhere than on Unix
        part.parent.mkdir(parents=True, exist_ok=True)
        yield
        return
    lock = part.with_name(f"{part.name}.lock")
    with contextlib.ExitStack() as stack:
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            handle = stack.enter_context(open(lock, "a", encoding="ascii"))
        except OSError as error:
            raise HomologueError(
                f"nothing can be written to {part.parent} ({error}); record elsewhere"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it before may have removed the file between our open and our lock.
            mine = os.fstat(handle.fileno()).st_ino == os.stat(lock).st_ino
        except OSError:
            mine = False
        if not mine:
            raise HomologueError(
                f"another process is writing {part.name}; wait for it, or record elsewhere"
            )
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _resumable(destination: Destination, fingerprint: str, shape: tuple[int, int]) -> int | None:
    """Return how many samples an earlier run has written; None: start anew."""
    part = destination.part
    try:
        journal = json.loads((part / JOURNAL).read_text())
        found, done = str(journal["fingerprint"]), int(journal["done"])
    except (OSError, ValueError, KeyError, TypeError):
        # No journal: the run was killed before its labels were complete.
        shutil.rmtree(part, ignore_errors=True)
        return None
    if found != fingerprint:
        if done:
            _discard(
                destination,
                "of something else (another model or version, other stimuli, sites or options); "
                "finish it with the same call as before",
            )
        else:
            shutil.rmtree(part)
        return None
    return min(done, shape[0])


def _discard(destination: Destination, why: str) -> None:
    """Remove what an earlier run has written, if that was asked for."""
    if not destination.overwrite:
        raise HomologueError(
            f"{destination.part} holds a half-written recording {why}, or pass overwrite=True to "
            "discard it"
        )
    shutil.rmtree(destination.part)


def _repeats(reading: Reading, sizes: Sizes, part: Path, precision: str, done: int) -> bool:
    """Run the first window again, and tell whether it gives what stands on disk.

    Code is in no fingerprint: modules may do something else with the same weights, and stimuli
    may be prepared in another way. A model that draws at random does not repeat itself either,
    which running it twice shows; nothing can be said of it, and it goes on.
    """
    half = precision != "float32" or placement(reading.tap.model)[1].itemsize < 4
    alike = partial(_alike, tolerance=_HALF if half else _FULL)
    fresh = _first_window(reading, sizes, precision, done)
    try:
        store: Any = zarr.open_group(part, mode="r")
        if alike(fresh, store["activity"]):
            return True
    except Exception:
        return False
    return not alike(fresh, _first_window(reading, sizes, precision, done))


def _first_window(reading: Reading, sizes: Sizes, precision: str, most: int) -> np.ndarray:
    return rounded(next(iter(reading.blocks(sizes))).activity[:most], precision)


def _alike(fresh: np.ndarray, held: Any, *, tolerance: float) -> bool:
    """Tell whether the rows of one array are those that another begins with, by unit."""
    rows, width = fresh.shape
    change, size = np.zeros(width), np.zeros(width)
    step = max(1, 2**19 // width)
    for start in range(0, rows, step):
        here = slice(start, min(start + step, rows))
        there = np.asarray(held[here])
        change += np.square(np.subtract(fresh[here], there, dtype=np.float64)).sum(axis=0)
        size += np.square(there, dtype=np.float64).sum(axis=0)
    norm = np.sqrt(size)
    # Units that hold rounding alone may hold another, where the machine rounds otherwise.
    floor = 1e-5 * norm.max() + 1e-6 * np.sqrt(rows)
    return bool((np.sqrt(change) <= tolerance * norm + floor).all())


def _set_up(
    part: Path,
    table: SampleTable,
    wrap: Callable[[Block], xr.DataArray],
    precision: str,
    fingerprint: str,
) -> None:
    """Write labels, provenance and an empty array of activity; the journal last of all."""
    reading = table.reading
    rows, width = reading.shape
    last = int(np.searchsorted(reading.offsets, 1))
    first = Block(
        0, int(reading.offsets[last]), 0, last, np.zeros((int(reading.offsets[last]), width))
    )
    dataset = to_dataset(wrap(first))
    for mark in ("format", "format_version"):
        del dataset.attrs[mark]
    for name in dataset.variables:
        dataset[name].encoding.clear()
    with zarr.config.set({"array.write_empty_chunks": True}):
        dataset.drop_vars("activity").to_zarr(
            part, mode="w", consolidated=False, zarr_format=3, write_empty_chunks=True
        )
        group = zarr.open_group(part, mode="r+")
        on_sample = [str(n) for n, v in dataset.variables.items() if v.dims == ("sample",)]
        for name in on_sample:
            old: Any = group[name]
            group.create_array(
                name,
                shape=(rows,),
                dtype=old.dtype,
                chunks=(min(rows, _LABEL_ROWS),),
                fill_value=old.fill_value,
                dimension_names=("sample",),
                attributes=dict(old.attrs),
                overwrite=True,
            )
        _write_labels(group, on_sample, table)
        create_activity(group, (rows, width), precision)
    write_journal(part, fingerprint, 0)


def _write_labels(group: Any, names: list[str], table: SampleTable) -> None:
    """Write the samples' labels, chunk by chunk."""
    offsets = table.reading.offsets
    total, count = int(offsets[-1]), len(offsets) - 1
    held: dict[str, list[np.ndarray]] = {name: [] for name in names}
    start = pending = stimulus = 0
    while start < total:
        while stimulus < count and pending < _LABEL_ROWS:
            last = int(np.searchsorted(offsets, offsets[stimulus] + _LABEL_ROWS, side="right")) - 1
            last = min(max(last, stimulus + 1), count)
            rows = table.rows(stimulus, last)
            for name in names:
                held[name].append(rows[name].values)
            pending += int(offsets[last] - offsets[stimulus])
            stimulus = last
        size = min(pending, _LABEL_ROWS)
        for name in names:
            values = np.concatenate(held[name])
            group[name][start : start + size] = values[:size]
            held[name] = [values[size:]]
        start, pending = start + size, pending - size


def _clean(part: Path) -> None:
    """Remove what a killed process had begun to write."""
    for left in part.rglob("*.partial"):
        left.unlink(missing_ok=True)


def _finish(destination: Destination) -> None:
    """Declare the recording whole, and put it into its place."""
    marks: dict[str, Any] = {"format": FORMAT, "format_version": FORMAT_VERSION}
    zarr.open_group(destination.part, mode="r+").attrs.update(marks)
    old = destination.path.with_name(f".{destination.path.name}.old")
    if destination.path.exists():
        shutil.rmtree(old, ignore_errors=True)
        destination.path.rename(old)
    destination.part.rename(destination.path)
    # Only now: killed just before, the next call would find the journal and finish.
    (destination.path / JOURNAL).unlink()
    shutil.rmtree(old, ignore_errors=True)
