"""The verdicts in a terminal: glyph, word and colour."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homologue.report._folder import read_verdicts
from homologue.report._format import decimal, probability
from homologue.report._headline import CAVEAT, answer
from homologue.report._words import verdict_word

if TYPE_CHECKING:
    from rich.console import Console


def verdict_table(
    source: str | os.PathLike[str] | Iterable[Mapping[str, Any]],
    console: Console | None = None,
    *,
    titles: Mapping[str, str] | None = None,
) -> None:
    """Print the verdicts as a table, and the answer they amount to.

    Parameters
    ----------
    source : path or iterable of mappings
        A data folder, its ``verdicts.csv``, or its rows.
    console : rich.console.Console, optional
        Where to print; by default standard output. ``NO_COLOR`` is respected.
    titles : mapping, optional
        Claim id to sentence; a folder brings its own in ``claims.json``.

    Raises
    ------
    HomologueError
        If there is no such file, or a row lacks ``claim`` or ``verdict``.

    Examples
    --------
    >>> from rich.console import Console
    >>> verdict_table(
    ...     [{"claim": "tuned", "verdict": "generic", "pattern": "B+ M+ T+ O+"}],
    ...     Console(width=60, no_color=True),
    ... )
    claim  verdict    pattern      δ  p
    tuned  ◐ generic  B+ M+ T+ O+  –  –
    <BLANKLINE>
    The one claim tested is generic (other sciences’ data show
    it as well).
    In this panel: systems were chosen, not sampled.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    verdicts = read_verdicts(source)
    names = dict(titles or _titles(source))
    console = console or Console(no_color=bool(os.environ.get("NO_COLOR")) or None)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("claim", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("pattern", no_wrap=True)
    table.add_column("δ", justify="right", no_wrap=True)
    table.add_column("p", justify="right", no_wrap=True)
    for row in verdicts:
        word = verdict_word(row.verdict)
        # The light-ground colours keep 4:1 on white and on black; a terminal does not say which.
        table.add_row(
            Text(names.get(row.claim, row.claim)),
            Text(f"{word.glyph} {word.word}", style=f"bold {word.light}"),
            Text(row.pattern),
            Text(decimal(row.delta)),
            Text(probability(row.p)),
        )
    if verdicts:
        console.print(table)
        console.print()
    # Below the table: it is long where it is there at all, and would squeeze the claims.
    for row in verdicts:
        if row.missing:
            title = names.get(row.claim, row.claim)
            console.print(Text.assemble(f"missing for “{title}”: ", (row.missing, "dim")))
    if any(row.missing for row in verdicts):
        console.print()
    console.print(Text(answer(verdicts)))
    console.print(Text(CAVEAT, style="dim"))


def _titles(source: Any) -> dict[str, str]:
    """Return the claims' sentences where the source is a folder that has them."""
    from homologue._errors import HomologueError
    from homologue.report._folder import read_claims

    if not isinstance(source, str | os.PathLike):
        return {}
    path = Path(source)
    file = (path if path.is_dir() else path.parent) / "claims.json"
    try:
        return {claim.id: claim.sentence for claim in read_claims(file)} if file.is_file() else {}
    except HomologueError:
        return {}
