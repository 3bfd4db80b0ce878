"""Shards of activity, written by a second thread while the model runs."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import queue
import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from homologue._errors import HomologueError
from homologue.systems._reading import Block

PRECISIONS = ("float32", "float16", "bfloat16")
"""How activity may be kept. Zarr knows no bfloat16: its values are held as float32, rounded,
and compressed to less than half the room."""

_SHARD_BYTES = 16 * 2**20
_CHUNK_BYTES = 2**20
_QUEUE = 1
JOURNAL = "journal.json"


class RecordingInterrupted(HomologueError):
    """A recording stopped before its end; the same call resumes it."""


def create_activity(group: zarr.Group, shape: tuple[int, int], precision: str) -> None:
    rows, width = shape
    item = 2 if precision == "float16" else 4
    chunk = max(1, min(_CHUNK_BYTES // (item * width), rows))
    shard = chunk * max(1, min(_SHARD_BYTES // (item * width * chunk), -(-rows // chunk)))
    # Every chunk carries a checksum: raw numbers look whole whatever befell them.
    compressors: list[BloscCodec | Crc32cCodec] = [Crc32cCodec()]
    if precision == "bfloat16":
        # The lower half of every number is zero; shuffled by byte, it vanishes.
        packed = BloscCodec(cname="zstd", clevel=1, shuffle="shuffle", typesize=4)
        compressors = [packed, *compressors]
    group.create_array(
        "activity",
        shape=shape,
        dtype="float16" if precision == "float16" else "float32",
        chunks=(chunk, width),
        shards=(shard, width),
        compressors=compressors,
        fill_value=np.nan,
        dimension_names=("sample", "unit"),
        overwrite=True,
    )


def write_journal(part: Path, fingerprint: str, done: int) -> None:
    """Replace the journal at once: it is never half-written."""
    fresh = part / f"{JOURNAL}.new"
    fresh.write_text(json.dumps({"fingerprint": fingerprint, "done": done}))
    os.replace(fresh, part / JOURNAL)


class Writer:
    """A thread that writes shards while the model runs, a bounded number of blocks behind."""

    def __init__(
        self, part: Path, shape: tuple[int, int], precision: str, fingerprint: str, done: int
    ) -> None:
        self._part, self._precision, self._fingerprint = part, precision, fingerprint
        self._rows, width = shape
        store: Any = zarr.open_group(part, mode="r+")
        self._array: Any = store["activity"]
        self._shard = int(self._array.shards[0])
        self._buffer = np.empty((min(self._shard, self._rows), width), dtype=self._array.dtype)
        self._start, self._filled = done, 0
        self._queue: queue.Queue[Block | None] = queue.Queue(maxsize=_QUEUE)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="homologue-writer", daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        # Whatever stopped the model: shards that are complete are written before we leave.
        while self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._queue.put(None, timeout=0.1)
                break
        self._thread.join()
        if error is None:
            self._check()

    def put(self, block: Block) -> None:
        """Hand a block over; wait while the writer is behind."""
        while True:
            self._check()
            with contextlib.suppress(queue.Full):
                self._queue.put(block, timeout=0.5)
                return

    def _check(self) -> None:
        error = self._error
        if error is None:
            return
        if isinstance(error, OSError):
            raise interrupted(error, self._start, self._rows, self._part) from error
        raise error

    def _run(self) -> None:
        try:
            while (block := self._queue.get()) is not None:
                self._take(block)
            if self._start + self._filled == self._rows:
                self._flush()
        except BaseException as error:
            self._error = error

    def _take(self, block: Block) -> None:
        """Move a block's rows into the shard at hand; write each shard that is full."""
        at = self._start + self._filled - block.start
        while at < block.activity.shape[0]:
            room = self._buffer.shape[0] - self._filled
            rows = block.activity[at : at + room]
            self._buffer[self._filled : self._filled + len(rows)] = rounded(rows, self._precision)
            self._filled += len(rows)
            at += len(rows)
            if self._filled == self._buffer.shape[0]:
                self._flush()

    def _flush(self) -> None:
        if not self._filled:
            return
        stop = self._start + self._filled
        with zarr.config.set({"array.write_empty_chunks": True}):
            self._array[self._start : stop] = self._buffer[: self._filled]
        write_journal(self._part, self._fingerprint, stop)
        self._start, self._filled = stop, 0


def interrupted(error: OSError, done: int, rows: int, part: Path) -> RecordingInterrupted:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = "the disk is full" if full else f"writing failed ({error})"
    return RecordingInterrupted(
        f"{reason} after {done} of {rows} samples; what is written stays in {part}. "
        f"{'Make room' if full else 'Mend it'}, and the same call resumes there"
    )


def check_precision(precision: str) -> None:
    """Refuse what is not one of :data:`PRECISIONS`."""
    if precision not in PRECISIONS:
        raise HomologueError(f"dtype is one of {', '.join(PRECISIONS)}; given {precision!r}")


def rounded(activity: np.ndarray, precision: str) -> np.ndarray:
    """Return activity in a precision of :data:`PRECISIONS`.

    Raises
    ------
    HomologueError
        It is not finite, or too large for float16 (65 504).

    Examples
    --------
    >>> rounded(np.array([1.0009765], dtype="float32"), "bfloat16").tolist()
    [1.0]
    """
    if precision == "float16":
        with np.errstate(over="ignore"):
            out = activity.astype(np.float16)
    elif precision == "bfloat16":
        out = torch.from_numpy(np.ascontiguousarray(activity)).bfloat16().float().numpy()
    else:
        out = activity
    if not np.isfinite(np.sum(out, dtype=np.float64)):
        if np.isfinite(np.sum(activity, dtype=np.float64)):
            raise HomologueError(
                f"activity reaches {np.abs(activity).max():.4g}, more than float16 holds "
                "(65504); record with dtype='bfloat16' or 'float32'"
            )
        raise HomologueError(
            "activity holds Inf or NaN; the model diverged, or its precision is too small "
            "(try TorchModel(dtype='float32'))"
        )
    return out
