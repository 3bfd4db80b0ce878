"""Whole columns in one read, past HDF5's cache of chunks."""

from __future__ import annotations

import h5py
import numpy as np

from homologue._errors import InvalidRecording

# What is read once and whole gains nothing from a cache: without one, HDF5 reads chunks that are
# not compressed straight into the result instead of copying them there.
_UNCACHED = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
_UNCACHED.set_chunk_cache(1, 0, 0.75)


def read_column(group: h5py.Group, name: str) -> np.ndarray:
    """Return the values of a column.

    Raises
    ------
    KeyError
        The group has no column of that name.
    """
    stored = h5py.h5d.open(group.id, name.encode(), _UNCACHED)
    kind, shape = stored.dtype, stored.shape
    if kind.kind not in "iuf" or shape is None:
        return np.asarray(h5py.Dataset(stored)[:])
    values = np.empty(shape, dtype=kind)
    stored.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return values


def segment_ends(group: h5py.Group, column: str, total: int, path: str) -> np.ndarray:
    """Return where each row of a ragged column ends, checked against its length."""
    try:
        ends = read_column(group, f"{column}_index").astype(np.int64)
    except KeyError:
        raise InvalidRecording(
            f"{path} has {column} without {column}_index, so its values belong to no row; "
            "the file is incomplete"
        ) from None
    if ends.size and (ends[-1] > total or (ends[1:] < ends[:-1]).any()):
        raise InvalidRecording(
            f"{path}/{column}_index ends at {ends[-1]}, but there are {total} values; the file is "
            "truncated or damaged: compare its checksum with the source's"
        )
    return ends
