"""Whether a recording fits into the memory that is free."""

from __future__ import annotations

from homologue._errors import HomologueError
from homologue._machine import available_bytes


def check_memory(rows: int, width: int) -> None:
    """Refuse a recording that memory cannot hold, before the hours it would take."""
    needed, available = 4 * rows * width, available_bytes()
    if available is None:
        return
    if needed > 0.9 * available:
        raise HomologueError(
            f"{rows} samples × {width} units need {needed / 2**30:.1f} GiB, "
            f"{available / 2**30:.1f} GiB are free; write to disk (to='recording.zarr'), or take "
            "fewer sites or positions (positions='last')"
        )
