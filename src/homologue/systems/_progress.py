"""Progress of a recording: a function of the caller's, or a bar on a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

Progress = Callable[[int, int], None]
"""Told ``(samples done, samples in all)``."""


@contextlib.contextmanager
def shown_progress(wanted: Any, name: str) -> Iterator[Progress | None]:
    """Return the function to tell, for the length of a ``with`` block.

    Parameters
    ----------
    wanted : callable, bool or None
        True draws a bar on standard error, if that is a terminal.
    name : str
        What is being recorded.
    """
    if callable(wanted):
        yield wanted
    elif wanted and sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress as Bar

        with Bar(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(name, total=None)

            def tell(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            yield tell
    else:
        yield None
