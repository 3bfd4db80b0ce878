"""A long column in one read, past HDF5's cache where its chunks lie in the file as they are."""

from __future__ import annotations

import h5py
import numpy as np


def read_column(dataset: h5py.Dataset) -> np.ndarray:
    """Return a column's values.

    HDF5 copies each chunk into its cache and from there to the result. Chunks that are neither
    compressed nor in another byte order are read straight into the result instead.
    """
    if not _as_stored(dataset):
        return np.asarray(dataset[:])
    (length,) = dataset.chunks
    starts = range(0, dataset.size, length)
    values = np.empty(len(starts) * length, dtype=dataset.dtype)
    for start in starts:
        into = values[start : start + length].view(np.uint8)
        dataset.id.read_direct_chunk((start,), out=into)
    return values[: dataset.size]


def _as_stored(dataset: h5py.Dataset) -> bool:
    """Tell whether all chunks are there, as plain numbers."""
    kind = dataset.dtype
    return (
        dataset.ndim == 1
        and dataset.chunks is not None
        and kind.kind in "iuf"
        and kind.isnative
        and dataset.id.get_create_plist().get_nfilters() == 0
        and dataset.id.get_num_chunks() == -(-dataset.size // dataset.chunks[0]) > 0
    )
