"""How verbs speak: results on standard output, everything else on standard error.

Verbs use five functions: :func:`show` (a table, or JSON with ``--json``), :func:`write` (plain
text or JSON), :func:`say` (a remark, silent with ``-q``), :func:`progress` (a bar on a terminal,
nothing elsewhere) and :func:`number`. Colour appears on terminals only, and never with
``NO_COLOR``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TextIO

MISSING = "–"


def colour(stream: TextIO | None = None) -> bool:
    """Return whether a stream takes colour: a terminal, not dumb, and ``NO_COLOR`` unset."""
    stream = stream or sys.stdout
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def bold(text: str) -> str:
    """Return the text in bold where standard output takes colour."""
    return f"\x1b[1m{text}\x1b[0m" if colour() else text


def show(
    args: argparse.Namespace,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str] | None = None,
    *,
    data: Any = None,
    styles: Mapping[str, Callable[[Any], str]] | None = None,
    wrap: bool = True,
) -> None:
    """Print rows as an aligned table, or as JSON with ``--json``.

    Parameters
    ----------
    args : argparse.Namespace
        The verb's arguments.
    rows : sequence of mappings
        One per line; every value is formatted by :func:`cell`.
    columns : sequence of str, optional
        Which keys, in which order; by default those of the first row.
    data : object, optional
        What ``--json`` prints instead of ``rows``.
    styles : mapping, optional
        Column to a function from a value to a rich style, used on terminals.
    wrap : bool
        On a terminal, wrap the last column; otherwise a row is one line, cut with ``…``.
    """
    if args.json:
        write_json(rows if data is None else data)
        return
    columns = list(columns or (rows[0] if rows else ()))
    if not rows:
        say(args, "nothing to show")
    elif sys.stdout.isatty():
        _rich_table(rows, columns, styles or {}, wrap=wrap)
    else:
        sys.stdout.write(plain_table(rows, columns))


def write(args: argparse.Namespace, text: str, *, data: Any) -> None:
    """Print text, or ``data`` as JSON with ``--json``."""
    if args.json:
        write_json(data)
    else:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")


def write_json(value: Any) -> None:
    """Print a value as JSON; what is not finite becomes ``null``."""
    json.dump(jsonable(value), sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


def say(args: argparse.Namespace, text: str) -> None:
    """Print a remark to standard error, unless ``--quiet``."""
    if not args.quiet:
        sys.stderr.write(text + "\n")


def error(text: str) -> None:
    """Print an error to standard error; what a message says in further lines is kept."""
    red, plain = ("\x1b[31m", "\x1b[0m") if colour(sys.stderr) else ("", "")
    sys.stderr.write(f"homologue: {red}error:{plain} {text.strip()}\n")


def number(value: Any, digits: int = 3) -> str:
    """Return a number as people write it: three significant digits, ``–`` for none.

    Examples
    --------
    >>> number(0.123456), number(float("nan")), number(12), number(1234.5)
    ('0.123', '–', '12', '1234')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"
    return str(value)


def cell(value: Any) -> str:
    """Return what a table shows for a value."""
    value = jsonable(value, keep_nan=True)
    if value is None or value == "" or value == []:
        return MISSING
    if isinstance(value, list):
        return ", ".join(cell(item) for item in value)
    return number(value)


def plain_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return an aligned table for files and pipes: nothing wrapped, nothing cut.

    Examples
    --------
    >>> print(plain_table([{"name": "fly", "n": 24}, {"name": "worm", "n": 300}], ["name", "n"]))
    name    n
    fly    24
    worm  300
    <BLANKLINE>
    """
    texts = [[" ".join(cell(row.get(column)).split()) for column in columns] for row in rows]
    head = [column.replace("_", " ") for column in columns]
    widths = [max(len(line[i]) for line in [head, *texts]) for i in range(len(columns))]
    right = [_numeric(rows, column) for column in columns]
    lines = [
        "  ".join(
            text.rjust(width) if numeric else text.ljust(width)
            for text, width, numeric in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in [head, *texts]
    ]
    return "\n".join(lines) + "\n"


def _numeric(rows: Sequence[Mapping[str, Any]], column: str) -> bool:
    values = [jsonable(row.get(column), keep_nan=True) for row in rows]
    present = [value for value in values if value is not None]
    return bool(present) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in present
    )


def _rich_table(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    styles: Mapping[str, Callable[[Any], str]],
    *,
    wrap: bool,
) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        numeric = _numeric(rows, column)
        last = column == columns[-1]
        heading = column.replace("_", " ")
        widest = max(len(heading), *(len(cell(row.get(column))) for row in rows))
        table.add_column(
            heading,
            justify="right" if numeric else "left",
            no_wrap=not (last and wrap),
            overflow="fold" if last and wrap else "ellipsis",
            # Only the last column gives way in a narrow terminal.
            min_width=None if last else min(widest, 32),
        )
    for row in rows:
        table.add_row(
            *(
                Text(
                    cell(row.get(column)),
                    style=styles[column](row.get(column)) if column in styles else "",
                )
                for column in columns
            )
        )
    _console(sys.stdout).print(table)


def _console(stream: TextIO) -> Any:
    from rich.console import Console

    system: Literal["auto"] | None = "auto" if colour(stream) else None
    return Console(file=stream, highlight=False, color_system=system)


@contextlib.contextmanager
def progress(
    args: argparse.Namespace, description: str, total: float | None = None
) -> Iterator[Callable[..., None]]:
    """Show a progress bar on a terminal, and nothing anywhere else.

    Yields
    ------
    callable
        ``advance(step=1, *, completed=None, total=None, description=None)``.

    Examples
    --------
    >>> import argparse
    >>> with progress(argparse.Namespace(quiet=True), "recording", total=3) as advance:
    ...     for _ in range(3):
    ...         advance()
    """
    if args.quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda *_, **__: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=_console(sys.stderr),
        transient=True,
    )
    with bar:
        task = bar.add_task(description, total=total)

        def advance(step: float = 1, **changes: Any) -> None:
            if "completed" not in changes and step:
                changes["advance"] = step
            bar.update(task, **changes)

        yield advance


@contextlib.contextmanager
def messages(args: argparse.Namespace) -> Iterator[None]:
    """Send the package's log and warnings to standard error as plain lines, for a while.

    With ``--quiet`` nothing reaches standard error, whoever says it; errors are raised, and
    printed afterwards.
    """
    import logging
    import warnings

    class StandardError(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # Looked up at every record, so that a redirected stream is followed.
            sys.stderr.write(record.getMessage() + "\n")

    logger = logging.getLogger("homologue")
    before = logger.level, logger.propagate, logger.handlers, warnings.showwarning
    logger.setLevel(logging.INFO)
    logger.propagate, logger.handlers = False, [StandardError()]
    if not args.debug:
        warnings.showwarning = _one_line
    try:
        with contextlib.ExitStack() as stack:
            if args.quiet:
                nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                stack.enter_context(contextlib.redirect_stderr(nowhere))
            yield
    finally:
        logger.setLevel(before[0])
        logger.propagate, logger.handlers, warnings.showwarning = before[1:]


def _one_line(message: Any, category: type, *_: Any, **__: Any) -> None:
    sys.stderr.write(f"homologue: warning: {' '.join(str(message).split())}\n")


def tolerate_narrow_encodings() -> None:
    """Write ``?`` for what a terminal's encoding lacks, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def jsonable(value: Any, *, keep_nan: bool = False) -> Any:
    """Return a value in JSON's own types; arrays become lists, NaN and infinities ``None``."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item, keep_nan=keep_nan) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item, keep_nan=keep_nan) for item in value]
    if hasattr(value, "tolist"):
        return jsonable(value.tolist(), keep_nan=keep_nan)
    if isinstance(value, float) and not math.isfinite(value) and not keep_nan:
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
