"""The one place of the reducers that knows torch from NumPy, and how work is cut to fit a cache.

State and arithmetic are float64: a sum of a million float32 values must not depend on how it was
split. Activity stays as it came (float32 as a rule) in memory and is widened a tile at a time,
so that the wide copy never leaves the cache: measured on one core, two moments of float32 cost
0.9 ns a value, less than NumPy's float32 ``mean`` and ``var`` and a fifth of their float64 ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import array_api_compat
import numpy as np
import scipy.sparse
from scipy.linalg.blas import dsyrk

from homologue._errors import HomologueError
from homologue._typing import Array, Float, Int

_TILE_BYTES = 2 * 2**20
_DEVICE_TILE_BYTES = 256 * 2**20


def is_tensor(array: Any) -> bool:
    """Return whether this is a torch tensor (anything that is not NumPy's)."""
    return not isinstance(array, (np.ndarray, np.generic))


def on_cpu(array: Any) -> bool:
    """Return whether the array is in main memory."""
    return not is_tensor(array) or array.device.type == "cpu"


def namespace(array: Any) -> Any:
    """Return the functions that go with an array (NumPy's, or torch's by the same names)."""
    return array_api_compat.array_namespace(array)


def checked_device(name: str) -> str:
    """Return a torch device, or say why it cannot serve.

    Raises
    ------
    HomologueError
        torch is not installed, or the device is not there or has no float64.
    """
    try:
        import torch
    except ImportError as error:
        raise HomologueError(
            f"device {name!r} needs torch, which is not installed; leave device out to use "
            "NumPy, or install it: pip install 'homologue[models]'"
        ) from error
    try:
        torch.zeros(1, dtype=torch.float64, device=name)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise HomologueError(
            f"device {name!r} cannot hold float64 here ({str(error).splitlines()[0]}); leave "
            "device out to use NumPy, or give 'cpu' or 'cuda'"
        ) from error
    return name


def place(array: Any, device: Any) -> Any:
    """Return numbers as a tensor on a device; text stays where it is."""
    import torch

    if is_tensor(array):
        return array.to(device)
    if array.dtype.kind not in "fiub":
        return array
    return torch.as_tensor(np.array(array, order="C")).to(device)


def fetch(array: Any) -> np.ndarray:
    """Return an array of any kind as NumPy's."""
    return array.detach().cpu().numpy() if is_tensor(array) else np.asarray(array)


def beside(array: Any, other: Any) -> Any:
    """Return an array of numbers where another one is."""
    if not is_tensor(other):
        return fetch(array) if is_tensor(array) else array
    if is_tensor(array) and array.device == other.device:
        return array
    return place(array, other.device)


def copied(array: Any) -> Any:
    """Return a copy in memory of its own."""
    return array.clone() if is_tensor(array) else array.copy()


def widened(array: Any) -> Any:
    """Return an array as float64."""
    return array.double() if is_tensor(array) else array.astype(np.float64)


def integers(array: Any) -> Any:
    """Return an array of whole numbers as int64."""
    return array.long() if is_tensor(array) else array.astype(np.int64)


def tiles(
    activity: Any, shift: Any, present: Any, least_rows: int = 1
) -> Iterator[tuple[slice, Any]]:
    """Yield consecutive rows as float64 differences from a shift; 0 where nothing was recorded.

    A tile's memory is used again for the next one.

    Parameters
    ----------
    activity : array, shape (sample, unit)
    shift : array of float64, shape (unit,)
    present : array of bool, shape (sample, unit), or None
        None: everything was recorded.
    least_rows : int
        Rows that make a matrix product worth its accumulation.
    """
    samples, width = activity.shape
    room = _TILE_BYTES if on_cpu(activity) else _DEVICE_TILE_BYTES
    rows = max(least_rows, room // (8 * max(1, width)), 1)
    tensor = is_tensor(activity)
    buffer = None if tensor else np.empty((min(rows, samples), width))
    for begin in range(0, samples, rows):
        where = slice(begin, min(begin + rows, samples))
        if tensor:
            tile = activity[where].double() - shift
            if present is not None:
                tile.masked_fill_(~present[where], 0.0)
        else:
            assert buffer is not None
            tile = buffer[: where.stop - begin]
            np.copyto(tile, activity[where])
            tile -= shift
            if present is not None:
                np.copyto(tile, 0.0, where=~present[where])
        yield where, tile


def column_sums(tile: Any) -> Any:
    """Return sums over rows of float64, shape (unit,)."""
    # No product with ones: it is no faster, and wakes BLAS' threads for microseconds of work.
    return tile.sum(0)


def column_counts(mask: Any) -> Any:
    """Return how many rows of a mask are true, as int64, shape (unit,)."""
    return mask.sum(0) if is_tensor(mask) else np.count_nonzero(mask, axis=0).astype(np.int64)


def add_products(cross: Any, tile: Any) -> None:
    """Add ``tile.T @ tile`` to a square array in place; NumPy fills the lower triangle alone."""
    if is_tensor(cross):
        cross.addmm_(tile.T, tile)
        return
    done = dsyrk(1.0, tile.T, beta=1.0, c=cross.T, overwrite_c=1)
    if not np.shares_memory(done, cross):  # pragma: no cover - a layout BLAS had to copy
        cross[...] = done.T


def stable_order(codes: np.ndarray) -> np.ndarray:
    """Return the stable order of whole numbers, 0 or more, by counting rather than comparing."""
    order = np.argsort(codes.astype(np.uint16), kind="stable")
    if codes.max(initial=0) >= 2**16:
        order = order[np.argsort(codes[order] >> 16, kind="stable")]
    return order


class ByClass:
    """Sums of rows by class: one sparse 0/1 product, whatever the number of classes.

    Parameters
    ----------
    codes : ndarray of int, shape (sample,)
        Negative: left out.
    like : array
        Where the sums will be.
    """

    def __init__(self, codes: np.ndarray, like: Any) -> None:
        kept = np.flatnonzero(codes >= 0)
        order = kept[stable_order(codes[kept])]
        self.classes, first = np.unique(codes[order], return_index=True)
        border = np.append(first, order.size)
        matrix = scipy.sparse.csr_array(
            (np.ones(order.size), order, border), shape=(self.classes.size, codes.size)
        )
        self.where = beside(self.classes, like)
        self.counts = beside(np.diff(border)[:, None], like)
        self._kept, self._codes, self._matrix = None, None, None
        if not is_tensor(like):
            self._matrix = matrix
        elif on_cpu(like):
            self._kept, self._codes = beside(order, like), beside(codes[order], like)
        else:
            # Atomic additions would make the last bits depend on the run.
            self._matrix = beside(matrix.toarray(), like)

    def add(self, total: Any, rows: Any) -> None:
        """Add the sums of these rows to ``total`` (class, …) in place."""
        if not self.classes.size:
            return
        if self._matrix is None:
            total.index_add_(0, self._codes, rows[self._kept].to(total.dtype))
        elif is_tensor(rows):
            total[self.where] += (self._matrix @ rows.double()).to(total.dtype)
        else:
            total[self.where] += (self._matrix @ rows).astype(total.dtype, copy=False)


def round_up(values: np.ndarray, like: Any) -> np.ndarray:
    """Return the least values of the dtype of ``like`` that are not below the given ones.

    Float32 activity is below an edge exactly if it is below the edge rounded up to float32, so
    that nothing has to be widened to be compared.
    """
    if "float32" not in str(like.dtype):
        return values
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return np.where(narrow < values, np.nextafter(narrow, np.float32(np.inf)), narrow)


def round_down(values: np.ndarray, like: Any) -> np.ndarray:
    """Return the largest values of the dtype of ``like`` that are not above the given ones."""
    return -round_up(-values, like)


def counts_below(activity: Any, cuts: np.ndarray) -> Any:
    """Count, exactly, the values below each of a unit's cuts; NaN is below none.

    Each column is sorted, and the cuts looked up in it: a few ns a value for any number of cuts
    at any distances.

    Parameters
    ----------
    activity : array, shape (sample, unit)
    cuts : ndarray, shape (cut, unit) or (cut, 1)
        In the dtype of the activity.

    Returns
    -------
    array of int64, shape (cut, unit)
    """
    samples, width = activity.shape
    if is_tensor(activity):
        import torch

        found = torch.empty((cuts.shape[0], width), dtype=torch.int64, device=activity.device)
        wanted = place(np.broadcast_to(cuts, found.shape).T, activity.device)
        step = max(1, _DEVICE_TILE_BYTES // (8 * max(1, samples)))
        for left in range(0, width, step):
            some = slice(left, left + step)
            # torch takes NaN for smaller than every cut.
            columns = activity[:, some].T.nan_to_num(nan=float("inf"), posinf=float("inf"))
            ordered = columns.sort(dim=1).values.contiguous()
            found[:, some] = torch.searchsorted(ordered, wanted[some].contiguous()).T
        return found
    counts = np.zeros((cuts.shape[0], width), dtype=np.int64)
    wide = np.broadcast_to(cuts, counts.shape)
    rows = min(samples, 8192)
    step = max(1, _TILE_BYTES // (2 * rows * activity.itemsize))
    for begin in range(0, samples, rows):
        for left in range(0, width, step):
            some = slice(left, left + step)
            ordered = np.sort(activity[begin : begin + rows, some], axis=0)
            counts[:, some] += _places(ordered, wide[:, some])
    return counts


def _places(
    ordered: Float[Array, "sample unit"], cuts: Float[Array, "cut unit"]
) -> Int[Array, "cut unit"]:
    """Return how many entries of each sorted column are below its cuts, by bisection."""
    samples, width = ordered.shape
    flat, column = ordered.reshape(-1), np.arange(width)
    found = np.zeros(cuts.shape, dtype=np.int64)
    step = 1 << (samples.bit_length() - 1)
    while step:
        probe = found + step
        last = np.minimum(probe, samples) - 1
        found = np.where(
            (probe <= samples) & (flat.take(last * width + column) < cuts), probe, found
        )
        step >>= 1
    return found
