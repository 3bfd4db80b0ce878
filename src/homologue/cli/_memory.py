"""What the command line asks of the C library's allocator."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of ``mallopt``, as in ``malloc.h`` of the GNU C library."""


def reuse_large_blocks() -> None:
    """Keep freed blocks for the next array instead of giving each back to the system.

    Arrays of the same tens of megabytes come and go by the thousand. Where each is mapped afresh,
    faulting its pages in takes longer than the arithmetic: two thirds of the time of a network
    that is shown pictures. Without the GNU C library nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_MMAP_THRESHOLD, 2**26)
    mallopt(_TRIM_THRESHOLD, 2**28)
