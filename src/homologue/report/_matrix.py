"""Claims by systems: which columns there are, and what stands in each cell."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from homologue.report._folder import Cell, Claim, Folder, Verdict, Vote
from homologue.report._words import KINDS, VOTING, kind_word


@dataclass(frozen=True)
class Column:
    """One family of one kind: what counts once in a verdict."""

    kind: str
    family: str
    label: str
    systems: tuple[str, ...]
    first: bool = False

    @property
    def name(self) -> str:
        """The full name: its system where there is one, otherwise the family."""
        return self.systems[0] if len(self.systems) == 1 else self.family


@dataclass(frozen=True)
class Group:
    """The columns of one kind."""

    kind: str
    word: str
    votes: bool
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Mark:
    """What a family shows for a claim.

    Attributes
    ----------
    states : tuple of str
        One state; several where the family's cells disagree and the folder holds no votes.
    effect : float or None
        The vote's effect, or the median over the cells.
    low, high : float or None
        Its interval where there is one.
    cells : tuple of Cell
        Every cell behind it.
    """

    column: Column
    states: tuple[str, ...]
    effect: float | None
    low: float | None
    high: float | None
    cells: tuple[Cell, ...]

    @property
    def summary(self) -> str:
        """How the state reads."""
        if len(self.states) == 1:
            return self.states[0]
        counts = {state: self.states.count(state) for state in dict.fromkeys(self.states)}
        return ", ".join(f"{count} {state}" for state, count in counts.items())


@dataclass(frozen=True)
class Row:
    """One claim of the matrix."""

    claim: Claim
    verdict: Verdict
    marks: tuple[Mark, ...]


def groups(folder: Folder) -> tuple[Group, ...]:
    """Return the columns, kind by kind: those that vote first, then those only shown.

    Within a kind the order is that of the systems in the provenance, then of the cells.
    """
    order: dict[tuple[str, str], dict[str, None]] = {}
    for entry in folder.provenance.get("systems") or ():
        if isinstance(entry, dict) and entry.get("kind") and entry.get("name"):
            family = str(entry.get("family") or entry["name"])
            order.setdefault((str(entry["kind"]), family), {})
    for cell in folder.cells:
        order.setdefault((cell.kind, cell.family), {})[cell.system] = None
    kinds = list(KINDS) + [kind for kind, _ in order if kind not in KINDS]
    found = []
    for kind in dict.fromkeys(kinds):
        columns = tuple(
            # Named by its system where that is unambiguous: it is what the user typed.
            Column(kind, family, _label(family, tuple(systems)), tuple(systems))
            for (column_kind, family), systems in order.items()
            if column_kind == kind and systems
        )
        if columns:
            columns = (replace(columns[0], first=True), *columns[1:])
            found.append(Group(kind, kind_word(kind), kind in VOTING, columns))
    return tuple(found)


def _label(family: str, systems: tuple[str, ...]) -> str:
    label = systems[0] if len(systems) == 1 else family
    # The group's heading says "untrained" already; a narrow column need not say it again.
    return re.sub(r"[\s\-_·/:(\[]*\buntrained\b[)\]]?$", "", label) or label


def rows(folder: Folder, columns: Sequence[Group]) -> tuple[Row, ...]:
    """Return one row per claim, in the order of ``claims.json``, then of ``verdicts.csv``."""
    claims = {claim.id: claim for claim in folder.claims}
    verdicts = {row.claim: row for row in folder.verdicts}
    for name, row in verdicts.items():
        claims.setdefault(name, Claim(name, name, row.version, row.question, sesoi=row.sesoi))
    cells: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in folder.cells:
        claims.setdefault(cell.claim, Claim(cell.claim, cell.claim))
        cells.setdefault((cell.claim, cell.kind, cell.family), []).append(cell)
    votes = {(vote.claim, vote.kind, vote.family): vote for vote in folder.votes}
    return tuple(
        Row(
            claim,
            verdicts.get(name) or Verdict(name, "not applicable", reason="no verdict was given"),
            tuple(
                _mark(
                    column,
                    cells.get((name, column.kind, column.family), []),
                    votes.get((name, column.kind, column.family)),
                )
                for group in columns
                for column in group.columns
            ),
        )
        for name, claim in claims.items()
    )


def _voted(column: Column, cells: Sequence[Cell], vote: Vote) -> Mark:
    # A vote is one of the family's cells, the median one: its interval is that cell's.
    source = next(
        (
            cell
            for cell in cells
            if vote.effect is not None
            and cell.effect is not None
            and abs(cell.effect - vote.effect) <= 1e-5
        ),
        None,
    )
    # A cell that failed has no vote, but it is not the same as one that was not asked.
    failed = vote.state == "not applicable" and any(cell.state == "failed" for cell in cells)
    return Mark(
        column,
        ("failed" if failed else vote.state,),
        vote.effect,
        source.low if source else None,
        source.high if source else None,
        tuple(cells),
    )


def _mark(column: Column, cells: Sequence[Cell], vote: Vote | None) -> Mark:
    if vote is not None:
        return _voted(column, cells, vote)
    if not cells:
        return Mark(column, ("not applicable",), None, None, None, ())
    if len(cells) == 1:
        (cell,) = cells
        return Mark(column, (cell.state,), cell.effect, cell.low, cell.high, (cell,))
    # The voting rule is not repeated here: cells that disagree are all shown.
    telling = [cell for cell in cells if cell.state not in ("not applicable", "failed")]
    shown = telling or list(cells)
    states = tuple(cell.state for cell in shown)
    effects = [cell.effect for cell in shown if cell.effect is not None]
    return Mark(
        column,
        states[:1] if len(set(states)) == 1 else states,
        statistics.median(effects) if effects else None,
        None,
        None,
        tuple(cells),
    )
