"""The only way reducers read a recording: in order, a few megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from homologue._errors import InvalidRecording

BLOCK_BYTES = 64 * 2**20


def blocks(rec: xr.DataArray, bytes: int = BLOCK_BYTES) -> Iterator[xr.DataArray]:
    """Yield consecutive parts of a recording, loaded, each at most ``bytes`` large.

    Part borders fall on the store's own chunks where it has any, so that no chunk is read
    twice. The concatenation of the parts is the recording.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording, in memory or lazy.
    bytes : int
        Upper bound of a part's activity; at least one row (or one chunk of rows) is read.

    Yields
    ------
    xarray.DataArray
        Dims ``("sample", "unit")``, in memory.

    Raises
    ------
    InvalidRecording
        A chunk of the store that is truncated, or whose checksum does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> rec = make(np.ones((10, 4)))
    >>> [part.sizes["sample"] for part in blocks(rec, bytes=4 * 4 * 8)]
    [4, 4, 2]
    """
    if bytes < 1:
        raise ValueError(f"bytes is a positive number of bytes; given {bytes}")
    row_bytes = max(1, rec.sizes["unit"] * rec.dtype.itemsize)
    rows = max(1, bytes // row_bytes)
    lazy = not isinstance(rec.variable._data, np.ndarray)
    chunk = rec.encoding.get("preferred_chunks", {}).get("sample") if lazy else None
    if chunk:
        rows = max(chunk, rows - rows % chunk)
    for start in range(0, rec.sizes["sample"], rows):
        part = rec.isel(sample=slice(start, start + rows))
        yield part if isinstance(part.variable._data, np.ndarray) else _loaded(part, start)


def _loaded(part: xr.DataArray, start: int) -> xr.DataArray:
    try:
        return part.load()
    except (RuntimeError, ValueError) as error:  # what zarr says of a chunk that does not fit
        raise InvalidRecording(
            f"samples {start} … {start + part.sizes['sample'] - 1} cannot be read: the store is "
            f"damaged ({error}); write it again, or take the samples before them"
        ) from error
