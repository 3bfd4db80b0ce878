"""Memory for block after block: what the last reader has let go of is written again.

Fresh memory of this size comes from the system page by page, and costs several times what is
then written to it. A consumer may keep its blocks as long as it likes: memory comes back only
when no array sees it any more.
"""

from __future__ import annotations

import weakref

import numpy as np

_IDLE = 2


class Buffers:
    """Lends arrays, and lends their memory again once nothing refers to it.

    Examples
    --------
    >>> buffers = Buffers()
    >>> first = buffers.lend(2, 3)
    >>> second = buffers.lend(2, 3)
    >>> np.shares_memory(first, second)
    False
    >>> address = first.ctypes.data
    >>> del first
    >>> buffers.lend(1, 3).ctypes.data == address
    True
    """

    def __init__(self) -> None:
        self._idle: list[np.ndarray] = []

    def lend(self, rows: int, width: int) -> np.ndarray:
        """Return an array of float32, shape (rows, width), that holds anything."""
        size = rows * width
        fitting = [memory for memory in self._idle if memory.size >= size]
        if fitting:
            memory = fitting[0]
            self._idle = [one for one in self._idle if one is not memory]
        else:
            memory = np.empty(size, dtype=np.float32)
        # A buffer, not an array, is what it views: so every view of it refers to `whole`.
        whole = np.frombuffer(memory.data, dtype=np.float32)
        weakref.finalize(whole, self._take_back, memory).atexit = False
        return whole[:size].reshape(rows, width)

    def _take_back(self, memory: np.ndarray) -> None:
        self._idle = [*self._idle, memory][-_IDLE:]
