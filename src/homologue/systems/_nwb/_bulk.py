"""Long columns in one read, past HDF5's cache where their chunks lie in the file as they are."""

from __future__ import annotations

import h5py
import numpy as np

from homologue._errors import InvalidRecording


def read_column(group: h5py.Group, name: str) -> np.ndarray:
    """Return the values of a column.

    HDF5 copies each chunk into its cache and from there to the result. Chunks that are neither
    compressed nor in another byte order are read straight into the result instead.

    Raises
    ------
    KeyError
        The group has no column of that name.
    """
    stored = h5py.h5d.open(group.id, name.encode())
    kind, shape = stored.dtype, stored.shape
    if len(shape) != 1 or kind.kind not in "iuf":
        return np.asarray(h5py.Dataset(stored)[:])
    layout = stored.get_create_plist()
    if layout.get_layout() == h5py.h5d.CHUNKED and not layout.get_nfilters() and kind.isnative:
        (size,), (length,) = shape, layout.get_chunk()
        values = np.empty(-(-size // length) * length, dtype=kind)
        try:
            for start in range(0, size, length):
                into = values[start : start + length].view(np.uint8)
                stored.read_direct_chunk((start,), out=into)
        except (OSError, RuntimeError):  # a chunk that was never written holds the fill value
            pass
        else:
            return values[:size]
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
