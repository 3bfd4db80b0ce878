"""Run a panel: record each system once, ask every claim, decide, write the folder."""

from __future__ import annotations

import datetime
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import xarray as xr

from homologue import systems
from homologue._errors import AssetUnavailable, HomologueError
from homologue.parallels import _files
from homologue.parallels._answers import Answer, Answers
from homologue.parallels._cell import ALPHA, Cell, ask, cell_rng, settle
from homologue.parallels._claim import Claim, claims, get
from homologue.parallels._matched import Evidence
from homologue.parallels._panel import Entry, Panel
from homologue.parallels._perturbed import Bench
from homologue.parallels._showings import Showing, record_together, twin_name
from homologue.parallels._verdict import STRATA, Verdict, Vote, median_vote, verdict

Notice = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class Comparison:
    """What a panel showed.

    Attributes
    ----------
    panel : Panel
    claims : tuple of Claim
    cells : tuple of Cell
    votes : dict of str to tuple of Vote
        Per claim.
    verdicts : dict of str to Verdict
        Per claim.
    provenance : dict
        Versions, systems, assets, what was left out.
    pictures : tuple of dict
        What is worth drawing of single cells (``Claim.picture``), as plain numbers.
    """

    panel: Panel
    claims: tuple[Claim, ...]
    cells: tuple[Cell, ...]
    votes: dict[str, tuple[Vote, ...]]
    verdicts: dict[str, Verdict]
    provenance: dict[str, Any] = field(repr=False)
    pictures: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    def write(self, folder: str | Path) -> Path:
        """Write the data folder (see :mod:`homologue.parallels._files`); return its path."""
        return _files.write(self, Path(folder))


def compare(
    panel: Panel,
    *,
    notice: Notice | None = None,
    answers: str | Path | None = None,
    fresh: bool = False,
) -> Comparison:
    """Record every system of a panel and ask every claim of it.

    Parameters
    ----------
    panel : Panel
    notice : callable, optional
        Called with an event name and its details; for progress and the log. From any thread, one
        at a time.
    answers : path, optional
        A folder that keeps every answer as it comes: the same call goes on where one that was cut
        short stopped, and works out only what differs (other recordings, code, libraries,
        effort, seed).
    fresh : bool
        Work out every answer again, kept or not.

    Returns
    -------
    Comparison
        A system that cannot be had is listed in ``provenance["left_out"]`` with the command
        that gets it; a cell that fails is a cell with its reason. Neither stops the rest.

    Examples
    --------
    >>> from homologue.parallels import Entry, Panel
    >>> panel = Panel((Entry("cancer", ("diagnosis",)), Entry("wine", ("cultivar",))),
    ...               permutations=99, resamples=49, repeats=16)
    >>> compare(panel).verdicts["units-are-tuned"].verdict
    'underpowered'
    """
    log: list[dict[str, Any]] = []
    started = datetime.datetime.now(datetime.UTC)
    clock = time.monotonic()
    one_at_a_time = threading.Lock()

    def tell(event: str, **details: Any) -> None:
        with one_at_a_time:
            log.append({"event": event, "seconds": round(time.monotonic() - clock, 3), **details})
            if notice is not None:
                notice(event, details)

    asked = tuple(get(name) for name in panel.claims) if panel.claims else tuple(claims())
    tell("start", panel=panel.name, systems=len(panel.entries), claims=len(asked))
    kept = Answers(None if answers is None else Path(answers), fresh)
    run = _Run(panel, asked, tell, kept)
    cells = _every_cell(run)
    kept.tidy()
    settled = [
        cell for claim in asked for cell in settle(claim, [c for c in cells if c.claim == claim.id])
    ]
    votes = {
        claim.id: tuple(
            _votes([c for c in settled if c.claim == claim.id and c.system not in run.silent])
        )
        for claim in asked
    }
    verdicts = {claim.id: verdict(votes[claim.id], rng=panel.seed) for claim in asked}
    tell("end", verdicts={name: found.verdict for name, found in verdicts.items()})
    provenance = _files.provenance(panel, started, run.shown, run.left_out)
    provenance |= {
        "answers_kept": kept.found,
        "seconds": round(time.monotonic() - clock, 1),
        "log": log,
    }
    return Comparison(
        panel, asked, tuple(settled), votes, verdicts, provenance, tuple(run.pictures)
    )


@dataclass
class _Run:
    """What one run gathers beside its cells."""

    panel: Panel
    asked: tuple[Claim, ...]
    tell: Callable[..., None]
    answers: Answers
    shown: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    pictures: list[dict[str, Any]] = field(default_factory=list)

    def showing(self, entry: Entry) -> Showing:
        """Return what an entry's system will be recorded in."""
        kept = any("system" in claim.needs for claim in _answered(entry, self.asked))
        return Showing(entry, self.panel.name_of(entry), kept=kept)

    def show(self, showing: Showing) -> None:
        """Keep what the report says of a system."""
        if showing.name not in {row["name"] for row in self.shown}:
            rec = showing.recordings[0]
            self.shown.append(_files.shown(showing.name, showing.entry, rec, showing.twin_of))

    @property
    def silent(self) -> set[str]:
        """Systems that are built-in negatives and cast no vote, nor do their twins."""
        own = [self.panel.name_of(entry) for entry in self.panel.entries if not entry.votes]
        return {name for system in own for name in (system, twin_name(system))}


def _every_cell(run: _Run) -> list[Cell]:
    """Record every system and ask every claim; the cells are in the panel's order.

    While one system is recorded, or run again, the cells of those before it are worked out.
    """
    asked: dict[int, list[_Asked]] = {}
    every = list(enumerate(run.panel.entries))
    with _workers() as pool:
        for system in dict.fromkeys(entry.system for entry in run.panel.entries):
            numbers = [number for number, entry in every if entry.system == system]
            own = [run.showing(run.panel.entries[number]) for number in numbers]
            twins = record_together(own, run.tell)
            for number, *pair in zip(numbers, own, twins, strict=True):
                asked[number] = [_Asked(one, run, pool) for one in pair if one is not None]
            del own, twins, pair
        found = [one.cells() for number, _ in every for one in asked[number]]
    return [cell for cells in found for cell in cells]


@contextmanager
def _workers() -> Iterator[ThreadPoolExecutor]:
    """Hold workers beside the thread that records; what has not begun is dropped at a stop."""
    pool = ThreadPoolExecutor(max(1, min(4, os.cpu_count() or 1) - 1))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _Asked:
    """Every claim asked of one system, or of its twins, and not yet answered.

    Claims that run the system again are answered at once, one after the other.
    """

    def __init__(self, showing: Showing, run: _Run, pool: Executor) -> None:
        self._name, self._run = showing.name, run
        self._entry, self._twin = showing.entry, bool(showing.twin_of)
        self._error = showing.error
        self._answers: list[tuple[Claim, str | None, Future[Answer]]] = []
        if self._error is not None:
            return
        run.show(showing)
        for claim in _answered(self._entry, run.asked):
            for variable in _asked_about(claim, self._entry):
                answer = pool.submit if "system" not in claim.needs else _at_once
                found = answer(_answer, claim, variable, showing, run)
                self._answers.append((claim, variable, found))

    def cells(self) -> list[Cell]:
        """Return the cells; whatever one does must not cost the others."""
        run = self._run
        if isinstance(self._error, AssetUnavailable):
            run.left_out.append(_left_out(self._entry.system, self._name, str(self._error)))
            run.tell("left out", system=self._name, reason=str(self._error))
            return []
        if self._error is not None:
            run.tell("failed", system=self._name, reason=_said(self._error))
            return [
                self._failed(claim, variable, self._error)
                for claim in _answered(self._entry, run.asked)
                for variable in _asked_about(claim, self._entry)
            ]
        found = []
        for claim, variable, answer in self._answers:
            try:
                cell, picture = answer.result()
            except Exception as error:
                run.tell("failed", system=self._name, reason=_said(error))
                cell, picture = self._failed(claim, variable, error), None
            found.append(cell)
            run.pictures += [] if picture is None else [picture]
        return found

    def _failed(self, claim: Claim, variable: str | None, error: Exception) -> Cell:
        registered = systems.entry(self._entry.system)
        kind = "untrained" if self._twin else registered.kind
        return Cell(
            claim.id,
            self._name,
            kind,
            registered.family,
            variable or "",
            "failed",
            seed=self._run.panel.seed,
            reason=_said(error),
        )


def _at_once(function: Callable[..., Answer], *arguments: Any) -> Future[Answer]:
    """Return what a pool would, of work done here and now."""
    done: Future[Answer] = Future()
    try:
        done.set_result(function(*arguments))
    except Exception as error:
        done.set_exception(error)
    return done


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _answer(claim: Claim, variable: str | None, showing: Showing, run: _Run) -> Answer:
    begin = time.monotonic()
    key = run.answers.key(claim, variable, showing, run.panel.effort, run.panel.seed)
    answer = run.answers.get(key)
    if answer is None:
        answer = _worked_out(claim, variable, showing, run)
        try:
            run.answers.put(key, answer)
        except OSError as error:  # A full disk must not cost the answer itself.
            run.tell("not kept", claim=claim.id, system=showing.name, reason=_said(error))
    cell, wall = answer[0], round(time.monotonic() - begin, 2)
    run.tell("cell", claim=claim.id, system=showing.name, effect=cell.effect, p=cell.p, wall=wall)
    return answer


def _worked_out(claim: Claim, variable: str | None, showing: Showing, run: _Run) -> Answer:
    cell = ask(
        _about(claim, showing.benches),
        showing.recordings,
        variable,
        system=showing.name,
        effort=run.panel.effort,
        seed=run.panel.seed,
    )
    telling = cell.p <= ALPHA or (not showing.entry.votes and cell.null.size)
    return cell, _picture(claim, cell, showing.recordings[0], run) if telling else None


def _picture(claim: Claim, cell: Cell, rec: xr.DataArray, run: _Run) -> dict[str, Any] | None:
    """Return what a claim draws of one cell; a picture that fails costs no result."""
    if claim.picture is None:
        return None
    rng = cell_rng(run.panel.seed, claim.id, cell.system, cell.variable)
    try:
        drawn = claim.picture(rec, cell.variable, rng)
    except HomologueError as error:
        run.tell("no picture", claim=claim.id, system=cell.system, reason=str(error))
        return None
    return {name: getattr(cell, name) for name in ("claim", "system", "variable")} | drawn


def _asked_about(claim: Claim, entry: Entry) -> tuple[str | None, ...]:
    """Return the variables to ask about: one blank where a claim needs none."""
    if "variable" in claim.needs and entry.variables:
        return entry.variables
    return (None,)


def _answered(entry: Entry, asked: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """Return the claims that an entry is there for.

    A claim that needs the system runs it a hundred times: entries that answer it name it.
    """
    return tuple(
        claim
        for claim in asked
        if claim.id in entry.claims or not (entry.claims or "system" in claim.needs)
    )


def _about(claim: Claim, benches: list[Bench]) -> Claim:
    """Return a claim that gathers its evidence from the systems, where it needs them."""
    if "system" not in claim.needs:
        return claim
    gather = claim.gather

    def gathered(_: Sequence[Any], *rest: Any) -> Evidence:
        return gather(benches, *rest)

    return replace(claim, gather=gathered)


def _votes(cells: list[Cell]) -> Iterator[Vote]:
    """One vote per family and kind, of those kinds that vote."""
    families = dict.fromkeys((cell.family, cell.kind) for cell in cells if cell.kind in STRATA)
    for family, kind in families:
        own = [cell for cell in cells if (cell.family, cell.kind) == (family, kind)]
        states = ["not applicable" if c.state == "failed" else c.state for c in own]
        yield median_vote(family, kind, states, [c.effect for c in own])


def _left_out(system: str, name: str, reason: str) -> dict[str, str]:
    row = next(row for row in systems.describe() if row["name"] == system)
    return {
        "system": name,
        "kind": row["kind"],
        "reason": reason,
        "command": str(row.get("how_to_get") or ""),
    }
