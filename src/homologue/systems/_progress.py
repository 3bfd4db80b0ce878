"""Progress of a recording: a function of the caller's, a bar on a terminal, or lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from time import monotonic
from typing import Any

Progress = Callable[[int, int], None]
"""Told ``(samples done, samples in all)``."""

EVERY_SECONDS = 30.0
"""Between lines where there is no terminal: what takes less time has none."""


@contextlib.contextmanager
def shown_progress(wanted: Any, name: str, what: str = "samples") -> Iterator[Progress | None]:
    """Return the function to tell, for the length of a ``with`` block.

    Parameters
    ----------
    wanted : callable, bool or None
        True draws a bar on standard error if that is a terminal, and otherwise writes a line
        there every :data:`EVERY_SECONDS`.
    name : str
        What is being recorded.
    what : str
        What is counted.
    """
    if callable(wanted):
        yield wanted
    elif wanted and sys.stderr.isatty():
        with _bar(name, what) as tell:
            yield tell
    elif wanted:
        yield _lines(name, what)
    else:
        yield None


def pace() -> Callable[[int], float | None]:
    """Return a function from what is done to how much was done a second since its first call.

    What was done before that (by an earlier run, say) counts neither as work nor as time; until
    something is done the function returns None.

    Examples
    --------
    >>> per_second = pace()
    >>> per_second(500) is None, per_second(600) > 0
    (True, True)
    """
    begun: list[tuple[int, float]] = []

    def per_second(done: int) -> float | None:
        now = monotonic()
        if not begun:
            begun.append((done, now))
        before, started = begun[0]
        return (done - before) / (now - started) if done > before and now > started else None

    return per_second


@contextlib.contextmanager
def _bar(name: str, what: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(name, total=None, rate="")
    per_second = pace()

    def tell(done: int, total: int) -> None:
        # Not before: what is said while the model gets ready stands as it was written.
        bar.start()
        bar.update(task, completed=done, total=total, rate=_rate(per_second(done), what))

    try:
        yield tell
    finally:
        bar.stop()


def _lines(name: str, what: str) -> Progress:
    """Return a function that writes a line now and then."""
    per_second = pace()
    spoken = monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal spoken
        rate, now = per_second(done), monotonic()
        if rate is None or done >= total or now - spoken < EVERY_SECONDS:
            return
        spoken = now
        left = timedelta(seconds=round((total - done) / rate))
        print(
            f"homologue: {name}: {done} of {total} {what}, {_rate(rate, what)}, {left} left",
            file=sys.stderr,
        )

    return tell


def _rate(rate: float | None, what: str) -> str:
    """Return a rate in words.

    Examples
    --------
    >>> _rate(1234.5, "samples"), _rate(0.123, "samples"), _rate(None, "samples")
    ('1234 samples/s', '0.12 samples/s', '')
    """
    return "" if rate is None else f"{rate:.0f} {what}/s" if rate >= 10 else f"{rate:.2g} {what}/s"
