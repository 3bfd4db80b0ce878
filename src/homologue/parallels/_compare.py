"""Run a panel: record each system once, ask every claim, decide, write the folder."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import xarray as xr

from homologue import systems
from homologue._errors import AssetUnavailable, HomologueError
from homologue.parallels import _files
from homologue.parallels._cell import ALPHA, Cell, ask, cell_rng, settle
from homologue.parallels._claim import Claim, claims, get
from homologue.parallels._matched import Evidence
from homologue.parallels._panel import Entry, Panel
from homologue.parallels._perturbed import Bench
from homologue.parallels._verdict import STRATA, Verdict, Vote, median_vote, verdict
from homologue.stimuli import named

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


def compare(panel: Panel, *, notice: Notice | None = None) -> Comparison:
    """Record every system of a panel and ask every claim of it.

    Parameters
    ----------
    panel : Panel
    notice : callable, optional
        Called with an event name and its details; for progress and the log.

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

    def tell(event: str, **details: Any) -> None:
        log.append({"event": event, "seconds": round(time.monotonic() - clock, 3), **details})
        if notice is not None:
            notice(event, details)

    asked = tuple(get(name) for name in panel.claims) if panel.claims else tuple(claims())
    tell("start", panel=panel.name, systems=len(panel.entries), claims=len(asked))
    run = _Run(panel, asked, tell)
    cells = [cell for entry in panel.entries for cell in _entry_cells(entry, run)]
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
    provenance |= {"seconds": round(time.monotonic() - clock, 1), "log": log}
    return Comparison(
        panel, asked, tuple(settled), votes, verdicts, provenance, tuple(run.pictures)
    )


@dataclass
class _Run:
    """What one run gathers beside its cells."""

    panel: Panel
    asked: tuple[Claim, ...]
    tell: Callable[..., None]
    shown: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    pictures: list[dict[str, Any]] = field(default_factory=list)

    @property
    def silent(self) -> set[str]:
        """Systems that are built-in negatives and cast no vote, nor do their twins."""
        own = [self.panel.name_of(entry) for entry in self.panel.entries if not entry.votes]
        return {name for system in own for name in (system, twin_name(system))}


def _entry_cells(entry: Entry, run: _Run) -> list[Cell]:
    """Record one system, then its twin, and ask every claim of both."""
    found: list[Cell] = []
    own = run.panel.name_of(entry)
    twin = False
    try:
        system = systems.get(entry.system)
        kept = any("system" in claim.needs for claim in _answered(entry, run.asked))
        for name, twin_of, recordings, benches in _recordings(
            entry, own, system, run.tell, kept=kept
        ):
            if name not in {row["name"] for row in run.shown}:
                run.shown.append(_files.shown(name, entry, recordings[0], twin_of))
            for claim in _answered(entry, run.asked):
                for variable in _asked_about(claim, entry):
                    cell = ask(
                        _about(claim, benches),
                        recordings,
                        variable,
                        system=name,
                        effort=run.panel.effort,
                        seed=run.panel.seed,
                    )
                    found.append(cell)
                    run.tell("cell", claim=claim.id, system=name, effect=cell.effect, p=cell.p)
                    if claim.picture and (cell.p <= ALPHA or (not entry.votes and cell.null.size)):
                        _picture(claim, cell, recordings[0], run)
            twin = True
    except AssetUnavailable as error:
        run.left_out.append(_left_out(entry.system, own, str(error)))
        run.tell("left out", system=own, reason=str(error))
    except Exception as error:  # Whatever one system does must not cost the others.
        reason = f"{type(error).__name__}: {error}"
        name = twin_name(own) if twin else own
        run.tell("failed", system=name, reason=reason)
        done = {(cell.claim, cell.variable) for cell in found if cell.system == name}
        missing = _failed(entry, run, name, reason, twin=twin)
        found += [cell for cell in missing if (cell.claim, cell.variable) not in done]
    return found


def _picture(claim: Claim, cell: Cell, rec: xr.DataArray, run: _Run) -> None:
    """Keep what a claim draws of one cell; a picture that fails costs no result."""
    assert claim.picture is not None
    rng = cell_rng(run.panel.seed, claim.id, cell.system, cell.variable)
    try:
        drawn = claim.picture(rec, cell.variable, rng)
    except HomologueError as error:
        run.tell("no picture", claim=claim.id, system=cell.system, reason=str(error))
        return
    whose = {name: getattr(cell, name) for name in ("claim", "system", "variable")}
    run.pictures.append(whose | drawn)


def twin_name(system: str) -> str:
    """Return what the untrained twin of a system is called."""
    return f"{system} (untrained)"


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


def _recordings(
    entry: Entry, name: str, system: Any, tell: Callable[..., None], *, kept: bool
) -> Iterator[tuple[str, str, list[xr.DataArray], list[Bench]]]:
    """Yield the recordings of a system, then of its twins, and the systems if they are kept.

    Twins that are not asked again leave memory one before the next: each is as large as the model.
    """
    chosen = named(entry.stimuli, **entry.stimuli_options) if entry.stimuli else None
    options = {key: tuple(v) if isinstance(v, list) else v for key, v in entry.options.items()}

    def record(source: Any) -> xr.DataArray:
        return source.record(**options) if chosen is None else source.record(chosen, **options)

    begin = time.monotonic()
    recording = record(system)
    tell("recorded", system=name, wall=round(time.monotonic() - begin, 2))
    yield name, "", [recording], [Bench(system, recording, chosen, options)] if kept else []
    if recording.attrs["kind"] != "model" or not entry.twins:
        return
    twins, benches = [], []
    for seed in range(entry.twins):
        begin = time.monotonic()
        twin = system.untrained(seed)
        twins.append(record(twin))
        wall = round(time.monotonic() - begin, 2)
        if kept:
            benches.append(Bench(twin, twins[-1], chosen, options))
        del twin
        tell("recorded", system=twin_name(name), seed=seed, wall=wall)
    yield twin_name(name), name, twins, benches


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


def _failed(entry: Entry, run: _Run, name: str, reason: str, *, twin: bool) -> list[Cell]:
    registered = systems.entry(entry.system)
    return [
        Cell(
            claim.id,
            name,
            "untrained" if twin else registered.kind,
            registered.family,
            variable or "",
            "failed",
            seed=run.panel.seed,
            reason=reason,
        )
        for claim in _answered(entry, run.asked)
        for variable in _asked_about(claim, entry)
    ]
