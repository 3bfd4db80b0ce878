"""The page: everything the templates need, gathered from the folder, and rendered once."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from homologue.report import _format, _headline, _matrix, _words
from homologue.report._environment import Loose, environment, loose, plain, table_rows
from homologue.report._folder import FORMAT_VERSION, Cell, Folder, read_folder
from homologue.report._rule import rule_for
from homologue.report.plots import (
    Axis,
    axis_svg,
    barcode,
    cloud,
    coordinate,
    interval_axis,
    interval_strip,
)

REPORT = "report.html"


@dataclass(frozen=True)
class Strip:
    """One line of an evidence view."""

    cell: Cell
    svg: Markup


@dataclass(frozen=True)
class Panel:
    """The lines of one kind in an evidence view."""

    group: _matrix.Group
    stratum: _words.Stratum | None
    votes: float | None
    strips: tuple[Strip, ...]
    silent: tuple[Cell, ...]


@dataclass(frozen=True)
class Loop:
    """Pictures of one cell's loop, each with what it shows in words."""

    system: str
    variable: str
    said: str
    pictures: tuple[tuple[str, Markup], ...]


@dataclass(frozen=True)
class Evidence:
    """One claim with everything that was seen."""

    row: _matrix.Row
    anchor: str
    panels: tuple[Panel, ...]
    cells: tuple[Cell, ...]
    loops: tuple[Loop, ...] = ()


def write(folder: str | os.PathLike[str], *, sections: Sequence[tuple[str, str]] = ()) -> Path:
    """Write ``report.html`` into a data folder, from that folder alone.

    Parameters
    ----------
    folder : path
        What ``homologue compare --out`` wrote.
    sections : sequence of (str, str), optional
        Title and HTML of further sections. The HTML comes from the caller and is not escaped;
        the page's content policy blocks scripts, inline styles and every request in it. With
        sections given, the folder's ``lineage.json`` is not tabulated as well.

    Returns
    -------
    Path
        The page: one file, no requests, the same bytes for the same folder.

    Raises
    ------
    HomologueError
        If the folder is incomplete, unreadable, or in a newer format.
    """
    page = Path(folder) / REPORT
    text = render(read_folder(folder), sections=sections)
    # Whole or not at all: a page cut short looks like a result.
    draft = page.with_name(f".{REPORT}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(page)
    finally:
        draft.unlink(missing_ok=True)
    return page


def render(folder: Folder, *, sections: Sequence[tuple[str, str]] = ()) -> str:
    """Return the page of a folder that was read, as HTML."""
    provenance = _provenance(folder.provenance)
    columns = _matrix.groups(folder)
    rows = _matrix.rows(folder, columns)
    axis = _axis(folder)
    evidence = _evidence(folder, columns, rows, axis)
    style = _package_text("report.css") + _verdict_colours()
    early, late = _package_text("theme.js"), _package_text("report.js")
    context = {
        "folder": folder,
        "provenance": provenance,
        "lineage": {} if sections else loose(folder.lineage),
        "run": _run(provenance),
        "question": _headline.QUESTION,
        "answer": _headline.answer(folder.verdicts),
        "caveat": _headline.CAVEAT,
        "tally": _headline.tally(folder.verdicts),
        "groups": columns,
        "blocks": _by_question(rows),
        "evidence": evidence,
        "anchors": {item.row.claim.id: item.anchor for item in evidence},
        "titles": {item.row.claim.id: item.row.claim.sentence for item in evidence},
        "axis": axis_svg(axis),
        "rule": rule_for(provenance),
        "failed": [cell for cell in folder.cells if cell.state == "failed"],
        "used_states": _used_states(rows),
        "sections": [(title, Markup(html)) for title, html in sections],
        "style": Markup(style),
        "early": Markup(early),
        "late": Markup(late),
        "policy": _policy(style, (early, late)),
        "format_version": FORMAT_VERSION,
    }
    return environment().get_template("page.html.j2").render(context)


def _provenance(raw: Mapping[str, Any]) -> Loose:
    """Return the provenance with its tables as tables, whatever the folder holds."""
    made = Loose(loose(raw))
    for name in ("systems", "assets", "left_out"):
        made[name] = table_rows(made[name])
    made["packages"] = made["packages"] if isinstance(made["packages"], Mapping) else {}
    return made


def _run(provenance: Loose) -> list[tuple[str, str]]:
    """Return the facts of the run, those that were recorded."""
    seconds = provenance["seconds"]
    facts = (
        ("homologue", provenance["homologue"] or provenance["version"]),
        ("panel", provenance["panel"]),
        ("started", _format.moment(provenance["started"]) if provenance["started"] else None),
        ("took", _format.duration(seconds) if isinstance(seconds, int | float) else None),
        ("seed", provenance["seed"]),
        ("draws", provenance["draws"]),
        ("rule", provenance["rule_version"]),
        ("Python", provenance["python"]),
        ("platform", provenance["platform"]),
        ("folder format", provenance["format_version"]),
    )
    return [(name, plain(value)) for name, value in facts if value is not None and value != ""]


def _used_states(rows: Sequence[_matrix.Row]) -> list[str]:
    used = {state for row in rows for mark in row.marks for state in mark.states}
    return [state for state in _words.STATES if state in used]


def _package_text(name: str) -> str:
    return (files("homologue.report") / "templates" / name).read_text(encoding="utf-8")


def _verdict_colours() -> str:
    """Return one CSS rule per verdict, from the one table that names the colours."""
    return "".join(
        f'[data-verdict="{word.word}"]{{--hue:light-dark({word.light},{word.dark})}}\n'
        for word in _words.VERDICTS.values()
    )


def _policy(style: str, scripts: Iterable[str]) -> str:
    """Return a content policy that lets the page's own style and scripts run, and nothing else."""

    def digest(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    return (
        f"default-src 'none'; style-src {digest(style)}; "
        f"script-src {' '.join(digest(script) for script in scripts)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _axis(folder: Folder) -> Axis:
    values: list[float | None] = []
    for cell in folder.cells:
        values += [cell.effect, cell.low, cell.high]
    for null in folder.nulls.values():
        values += [float(value) for value in np.quantile(null, [0.01, 0.99])]
    return interval_axis(values)


def _evidence(
    folder: Folder,
    columns: Sequence[_matrix.Group],
    rows: Sequence[_matrix.Row],
    axis: Axis,
) -> tuple[Evidence, ...]:
    anchors: dict[str, int] = {}
    found = []
    for row in rows:
        anchor = "claim-" + _format.slug(row.claim.id)
        anchors[anchor] = anchors.get(anchor, 0) + 1
        if anchors[anchor] > 1:
            anchor += f"-{anchors[anchor]}"
        strata = {part.kind: part for part in _words.read_pattern(row.verdict.pattern)}
        sesoi = row.verdict.sesoi if row.verdict.sesoi is not None else row.claim.sesoi
        panels = []
        for group in columns:
            seen = [c for mark in row.marks if mark.column in group.columns for c in mark.cells]
            if seen:
                panels.append(
                    Panel(
                        group,
                        strata.get(group.kind),
                        _votes(row, group.kind),
                        tuple(
                            Strip(cell, _strip(cell, folder, axis, sesoi))
                            for cell in seen
                            if cell.effect is not None
                        ),
                        tuple(cell for cell in seen if cell.effect is None),
                    )
                )
        cells = tuple(cell for mark in row.marks for cell in mark.cells)
        found.append(Evidence(row, anchor, tuple(panels), cells, _loops(folder, row.claim.id)))
    return tuple(found)


def _loops(folder: Folder, claim: str) -> tuple[Loop, ...]:
    """Return the pictures of a claim's cells; one that lacks a number is left out."""
    found = []
    for row in folder.loops:
        if row["claim"] != claim:
            continue
        pictures: list[tuple[str, Markup]] = []
        said = ""
        try:
            if bars := row.get("barcode"):
                reach = "the grey is as long as the null lets a bar be"
                pictures.append((f"{bars['bars']} bars; {reach}", barcode(bars)))
                said = f"{bars['signature']}, 1 − birth/death {float(bars['effect']):.2f}"
            if points := row.get("cloud"):
                by = points["colour"] or "nothing: no circular variable is known"
                pictures.append((f"the cloud, coloured by {by}", cloud(points)))
            if beside := row.get("coordinate"):
                pictures.append(
                    (
                        f"angle read from the population against {beside['variable']}, "
                        f"circular correlation {float(beside['effect']):.2f}",
                        coordinate(beside),
                    )
                )
            if means := row.get("means"):
                pictures.append((f"condition means, by {means['variable']}", cloud(means)))
        except (KeyError, TypeError, ValueError):
            continue
        variable = str(row.get("variable") or "")
        found.append(Loop(str(row["system"]), variable, said, tuple(pictures)))
    return tuple(found)


def _strip(cell: Cell, folder: Folder, axis: Axis, sesoi: float | None) -> Markup:
    return interval_strip(
        cell.effect,
        cell.low,
        cell.high,
        null=folder.nulls.get(cell.key),
        axis=axis,
        sesoi=sesoi,
        state=cell.state,
    )


def _votes(row: _matrix.Row, kind: str) -> float | None:
    return {
        "brain": row.verdict.n_brain,
        "model": row.verdict.n_model,
        "untrained": row.verdict.n_untrained,
        "other-science": row.verdict.n_other,
    }.get(kind)


def _by_question(rows: Sequence[_matrix.Row]) -> Mapping[str, list[_matrix.Row]]:
    """Group rows under their question where that groups anything; else one block without."""
    blocks: dict[str, list[_matrix.Row]] = {}
    for row in rows:
        blocks.setdefault(row.claim.question or row.verdict.question, []).append(row)
    if len(blocks) == len(rows):
        return {"": list(rows)} if rows else {}
    return blocks
