"""A long column in one read, past HDF5's cache where its chunks lie in the file as they are."""

from __future__ import annotations

import h5py
import numpy as np


def read_column(dataset: h5py.Dataset) -> np.ndarray:
    """Return a column's values.

    HDF5 copies each chunk into its cache and from there to the result. Chunks that are neither
    compressed nor in another byte order are read straight into the result instead.
    """
    stored, kind = dataset.id, dataset.dtype
    shape, layout = stored.shape, stored.get_create_plist()
    plain = len(shape) == 1 and kind.kind in "iuf" and kind.isnative
    if plain and layout.get_layout() == h5py.h5d.CHUNKED and not layout.get_nfilters():
        (size,), (length,) = shape, layout.get_chunk()
        values = np.empty(-(-size // length) * length, dtype=kind)
        try:
            for start in range(0, size, length):
                into = values[start : start + length].view(np.uint8)
                stored.read_direct_chunk((start,), out=into)
        except (OSError, RuntimeError):  # a chunk that was never written holds the fill value
            return np.asarray(dataset[:])
        return values[:size]
    return np.asarray(dataset[:])
