"""The one place that knows torch from NumPy.

The permutation engine writes its arithmetic with operators that both libraries share (``@``,
``*``, ``>=``, ``.sum``); what they spell differently stands here. Permutations are drawn by
NumPy and moved; torch is imported only when a device asks for it. Products are exact because
their operands are integers, provided that the device multiplies in full float32 or float64:
:meth:`TorchBackend.exact` switches TF32 and bfloat16 products off while the engine runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy.sparse

from homologue._errors import HomologueError

_SPARSE_FROM = 11
"""Classes from which adding rows (cost ∝ samples) beats the dense product (∝ classes·samples).

Measured on 2 000 × 10 000 float32, one core: dense 0.36 s a class and 1 000 permutations,
sparse 3.1 s whatever the number of classes.
"""

_THREADS_FROM = 1e9
"""Floating-point operations below which one thread is done sooner than several are set up."""


class Backend(Protocol):
    """Arrays on one device: moving them there and back, selecting rows by class, maxima."""

    @property
    def block_bytes(self) -> int:
        """Size of a block of sums that stays in this device's cache."""
        ...

    def put(self, array: np.ndarray) -> Any:
        """Return the array on the device."""
        ...

    def get(self, array: Any) -> np.ndarray:
        """Return a device array as a NumPy array."""
        ...

    def double(self, array: Any) -> Any:
        """Return a float64 copy."""
        ...

    def selector(
        self, labels: np.ndarray, classes: int, like: Any, *, drop: bool
    ) -> tuple[Any, int]:
        """Return the 0/1 matrix (class · draw, row) and how many classes it holds.

        With ``drop`` the last class may be left out: its sums are what the others leave.
        """
        ...

    def join(self, parts: list[Any]) -> Any:
        """Return arrays joined along units."""
        ...

    def maximum(self, first: Any, second: Any) -> Any:
        """Return the elementwise maximum."""
        ...

    def largest(self, array: Any) -> Any:
        """Return the maximum along the last axis."""
        ...

    def exact(self) -> Any:
        """Return a context in which products are not rounded below their type."""
        ...

    def pool(self, work: float) -> Any:
        """Return a context that holds a ``map``; ``work`` is in floating-point operations."""
        ...


@dataclass(frozen=True)
class NumpyBackend:
    """NumPy and SciPy on the CPU."""

    device: str = "numpy"
    block_bytes: int = 4 * 2**20

    def put(self, array: np.ndarray) -> np.ndarray:
        """Return the array itself."""
        return array

    def get(self, array: np.ndarray) -> np.ndarray:
        """Return the array itself."""
        return np.asarray(array)

    def double(self, array: np.ndarray) -> np.ndarray:
        """Return a float64 copy."""
        return array.astype(np.float64)

    def selector(
        self, labels: np.ndarray, classes: int, like: np.ndarray, *, drop: bool
    ) -> tuple[Any, int]:
        """Return a dense 0/1 matrix, or from many classes on a sparse one."""
        draws, rows = labels.shape
        if classes >= _SPARSE_FROM:
            row = labels.astype(np.int64) * draws + np.arange(draws)[:, None]
            order = np.argsort(row.ravel(), kind="stable")
            border = np.searchsorted(row.ravel()[order], np.arange(classes * draws + 1))
            ones = np.ones(order.size, dtype=like.dtype)
            return scipy.sparse.csr_array(
                (ones, (order % rows).astype(np.int32), border.astype(np.int32)),
                shape=(classes * draws, rows),
            ), classes
        held = classes - drop
        dense = np.empty((held, draws, rows), dtype=like.dtype)
        for k in range(held):
            np.equal(labels, k, out=dense[k])
        return dense.reshape(-1, rows), held

    def join(self, parts: list[np.ndarray]) -> np.ndarray:
        """Return arrays joined along units."""
        return np.concatenate(parts, axis=-1)

    def maximum(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the elementwise maximum."""
        return np.maximum(first, second)

    def largest(self, array: np.ndarray) -> np.ndarray:
        """Return the maximum along the last axis."""
        return array.max(axis=-1)

    @contextmanager
    def exact(self) -> Iterator[None]:
        """Do nothing: BLAS multiplies in the type it is given."""
        yield

    @contextmanager
    def pool(self, work: float) -> Iterator[Callable[..., Iterable[Any]]]:
        """Hold as many threads as BLAS may use, each with a BLAS of one thread."""
        if work < _THREADS_FROM:
            yield map
            return
        from threadpoolctl import ThreadpoolController

        libraries = ThreadpoolController().select(user_api="blas")
        threads = max((one.num_threads for one in libraries.lib_controllers), default=1)
        if threads < 2:
            yield map
            return
        with libraries.limit(limits=1), ThreadPoolExecutor(threads) as pool:
            yield pool.map


@dataclass(frozen=True)
class TorchBackend:
    """torch on any device with float64 (Apple's MPS has none)."""

    device: str = "cpu"
    block_bytes: int = 4 * 2**20

    def put(self, array: np.ndarray) -> Any:
        """Return the array as a tensor on the device."""
        import torch

        return torch.as_tensor(np.ascontiguousarray(array)).to(self.device)

    def get(self, array: Any) -> np.ndarray:
        """Return a tensor as a NumPy array."""
        return array.cpu().numpy()

    def double(self, array: Any) -> Any:
        """Return a float64 copy."""
        import torch

        return array.to(torch.float64, copy=True)

    def selector(
        self, labels: np.ndarray, classes: int, like: Any, *, drop: bool
    ) -> tuple[Any, int]:
        """Return a dense 0/1 matrix."""
        import torch

        draws, rows = labels.shape
        held = classes - drop
        codes = self.put(labels)
        wanted = torch.arange(held, device=codes.device, dtype=codes.dtype)
        dense = (codes[None] == wanted[:, None, None]).to(like.dtype)
        return dense.reshape(held * draws, rows), held

    def join(self, parts: list[Any]) -> Any:
        """Return arrays joined along units."""
        import torch

        return torch.cat(parts, dim=-1)

    def maximum(self, first: Any, second: Any) -> Any:
        """Return the elementwise maximum."""
        import torch

        return torch.maximum(first, second)

    def largest(self, array: Any) -> Any:
        """Return the maximum along the last axis."""
        return array.amax(dim=-1)

    @contextmanager
    def exact(self) -> Iterator[None]:
        """Ask for full-precision products, and put the user's setting back afterwards."""
        import torch

        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        try:
            with torch.no_grad():
                yield
        finally:
            torch.set_float32_matmul_precision(before)

    @contextmanager
    def pool(self, work: float) -> Iterator[Callable[..., Iterable[Any]]]:
        """On the CPU hold as many threads as torch has, each with one of torch's own."""
        import torch

        threads = torch.get_num_threads()
        if self.device != "cpu" or work < _THREADS_FROM or threads < 2:
            yield map
            return
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(threads) as pool:
                yield pool.map
        finally:
            torch.set_num_threads(threads)


def backend(device: str | None = None) -> Backend:
    """Return the backend of a device.

    Parameters
    ----------
    device : str, optional
        ``"numpy"`` (also if left out), ``"torch"`` or ``"cpu"`` for torch on the CPU, or a
        torch device such as ``"cuda:0"``.

    Raises
    ------
    HomologueError
        torch is not installed, or the device is not there or has no float64.

    Examples
    --------
    >>> type(backend()).__name__
    'NumpyBackend'
    """
    if device is None or device == "numpy":
        return NumpyBackend()
    name = "cpu" if device == "torch" else device
    try:
        import torch
    except ImportError as error:
        raise HomologueError(
            f"device {device!r} needs torch, which is not installed; leave device out to use "
            "NumPy, or install it: pip install 'homologue[models]'"
        ) from error
    try:
        torch.zeros(1, dtype=torch.float64, device=name)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise HomologueError(
            f"device {device!r} cannot hold float64 here ({str(error).splitlines()[0]}); leave "
            "device out to use NumPy, or give 'cpu'"
        ) from error
    return TorchBackend(name, 4 * 2**20 if name == "cpu" else 256 * 2**20)
