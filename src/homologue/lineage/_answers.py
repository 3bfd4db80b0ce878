"""The founding questions, answered from a citation graph: tables, sentences, limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from homologue.lineage._counterfactual import (
    STATES,
    THRESHOLD,
    Counterfactual,
    counterfactual,
)
from homologue.lineage._data import embedded
from homologue.lineage._fields import contested, sensitivity
from homologue.lineage._graph import CitationGraph, citing_works, fields, works_of_field
from homologue.lineage._landmarks import Patterns
from homologue.lineage._main_path import MainPath, main_path
from homologue.lineage._overlap import reach, shared_references
from homologue.lineage._shares import ALL, WAVES, Citing, advances, ideas, shares
from homologue.lineage._words import interval, percent, spaced


@dataclass(frozen=True)
class Answers:
    """Everything the command, the report and the pictures say about one graph and one field.

    Attributes
    ----------
    field, citing : str
        The field asked about, and whose references.
    by_period, by_wave, by_citing_year, by_idea : pandas.DataFrame
        See :func:`shares` and :func:`ideas`.
    doubt : dict of str to pandas.DataFrame
        ``"period"``, ``"wave"``, ``"citing year"`` and ``"idea"``: the field's counts read
        strictly, as assigned and liberally (:func:`sensitivity`).
    reach : pandas.DataFrame
        See :func:`reach`.
    shared : pandas.DataFrame
        Works cited by the citing group and by the others (:func:`shared_references`).
    advances : dict
        See :func:`advances`.
    counterfactual : Counterfactual
        Without the field.
    main_path : MainPath
        See :func:`main_path`.
    questions : tuple of (str, str)
        The questions and their answers in words.
    limits : tuple of str
        What the graph cannot carry.
    """

    field: str
    citing: str
    by_period: pd.DataFrame
    by_wave: pd.DataFrame
    by_citing_year: pd.DataFrame
    by_idea: pd.DataFrame
    doubt: dict[str, pd.DataFrame]
    reach: pd.DataFrame
    shared: pd.DataFrame
    advances: dict[str, int]
    counterfactual: Counterfactual
    main_path: MainPath
    questions: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the answers as plain lists and dictionaries (NaN becomes None)."""
        without = self.counterfactual
        document = {
            "field": self.field,
            "citing": self.citing,
            "by_period": _records(self.by_period),
            "by_citing_year": _records(self.by_citing_year),
            "by_citing_period": _records(self.by_wave),
            "by_idea": _records(self.by_idea),
            "counterfactual": {
                "level": without.level,
                "refused": without.refused,
                "known_share": without.known_share,
                "threshold": without.threshold,
                "reason": without.reason,
                "deleted": without.deleted,
                "deleted_works": without.deleted_works,
                "summary": _records(without.summary),
                "works": _records(without.works),
                "ideas": _records(without.ideas),
            },
            "sensitivity": {
                f"by_{name.replace(' ', '_')}": _records(table)
                for name, table in self.doubt.items()
            },
            "reach": _records(self.reach),
            "shared_references": _records(self.shared),
            "advances": self.advances,
            "main_path": {
                "sufficient": self.main_path.sufficient,
                "note": self.main_path.note,
                "works": _records(self.main_path.works),
            },
            "answers": [{"question": asked, "answer": said} for asked, said in self.questions],
            "limits": list(self.limits),
        }
        return document


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{key: _plain(value) for key, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    if value is pd.NA or value is None:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def answer(
    graph: CitationGraph | None = None,
    *,
    field: str = "neuroscience",
    citing: Citing = "mi",
    threshold: float = THRESHOLD,
    patterns: Patterns | None = None,
    draws: int = 1000,
    rng: np.random.Generator | int = 0,
) -> Answers:
    """Ask every question of a citation graph.

    Parameters
    ----------
    graph : CitationGraph, optional
        By default the embedded sample.
    field : str
        The field whose part is asked for, and which the counterfactual deletes.
    citing : str, several, or None
        Whose references.
    threshold : float
        Share of known reference lists from which paths are answered.
    patterns : mapping, optional
        Landmark patterns.
    draws, rng
        See :func:`homologue.lineage.share_intervals`.

    Returns
    -------
    Answers

    Examples
    --------
    >>> from homologue import lineage
    >>> answers = lineage.answer(draws=0)
    >>> answers.questions[0][1].split(";")[0]
    'By direct citation, 28 of 1 133 references (2.5 %) of 26 works go to neuroscience'
    """
    graph = embedded() if graph is None else graph
    options: dict[str, Any] = {"citing": citing, "draws": draws, "rng": rng}
    bare = {**options, "draws": 0}
    periods = shares(graph, by="period", **options)
    waves = shares(graph, by="citing period", cuts=WAVES, **options)
    years = shares(graph, by="citing year", **options)
    carried = ideas(graph, patterns=patterns, **options)
    doubt = {
        "period": sensitivity(graph, lambda g: shares(g, by="period", **bare), field),
        "wave": sensitivity(
            graph, lambda g: shares(g, by="citing period", cuts=WAVES, **bare), field
        ),
        "citing year": sensitivity(graph, lambda g: shares(g, by="citing year", **bare), field),
        "idea": sensitivity(graph, lambda g: ideas(g, patterns=patterns, **bare), field),
    }
    inside = citing_works(graph, citing)
    others = sorted(set(graph.works.loc[~inside, "group"]) - {""})
    known = fields(graph)
    reached = advances(graph, field, citing=citing, patterns=patterns)
    without = counterfactual(graph, field, citing=citing, threshold=threshold, patterns=patterns)
    return Answers(
        field=field,
        citing=citing if isinstance(citing, str) else ", ".join(citing or ["all"]),
        by_period=periods,
        by_wave=waves,
        by_citing_year=years,
        by_idea=carried,
        doubt=doubt,
        reach=reach(graph, field, citing=citing) if field in known else pd.DataFrame(),
        shared=shared_references(graph, citing, others) if others else pd.DataFrame(),
        advances=reached,
        counterfactual=without,
        main_path=main_path(graph, citing=citing, threshold=threshold),
        questions=(
            (f"Are the ideas from {field}?", _from_field(field, periods, carried, doubt)),
            (
                f"How many advances of {field}, 1990–2020, arrived?",
                _arrived(field, reached),
            ),
            (f"What would be left without {field}?", _left(field, without)),
        ),
        limits=_limits(graph, inside, field, doubt["period"]),
    )


def _row(table: pd.DataFrame, field: str, column: str, value: str) -> pd.Series | None:
    found = table[(table["field"] == field) & (table[column] == value)]
    return found.iloc[0] if len(found) else None


def _from_field(
    field: str, periods: pd.DataFrame, carried: pd.DataFrame, doubt: dict[str, pd.DataFrame]
) -> str:
    overall = _row(periods, field, "period", ALL)
    if overall is None or not overall["total"]:
        return f"No reference of these works goes to {field}, or none is known."
    span = interval(overall["low"], overall["high"])
    text = (
        f"By direct citation, {spaced(overall['count'])} of {spaced(overall['total'])} references "
        f"({percent(overall['share'])}{', 95 % interval ' + span if span else ''}) of "
        f"{overall['citing_works']} works go to {field}"
    )
    parts = [
        f"{percent(row['share'])} {row['period']} ({row['count']}/{row['total']})"
        for _, row in periods[periods["field"] == field].iterrows()
        if row["period"] not in (ALL, "no year") and row["total"]
    ]
    text += "; by the cited work’s year: " + ", ".join(parts) + ". "
    total = doubt["period"].iloc[0]
    text += f"Debatable works read strictly leave {total['strict']}, liberally {total['liberal']}. "
    mine = carried[carried["field"] == field]
    named = {
        "most": mine[mine["share"] > 0.5]["idea"].tolist(),
        "some": mine[(mine["share"] > 0) & (mine["share"] <= 0.5)]["idea"].tolist(),
        "no": mine[(mine["share"] == 0)]["idea"].tolist(),
        "nothing": mine[mine["total"] == 0]["idea"].tolist(),
    }
    text += (
        f"Of {len(mine)} landmark ideas, methods and findings it carries most references of "
        f"{_count(named['most'])}, a minority of {_count(named['some'])} and none of "
        f"{_count(named['no'])}"
    )
    if named["nothing"]:
        text += f"; {_count(named['nothing'])} were not cited under their landmark titles"
    return text + "."


def _count(names: list[str]) -> str:
    return f"{len(names)} ({', '.join(names)})" if names else "none"


def _arrived(field: str, reached: dict[str, int]) -> str:
    return (
        f"{reached['reached']} of the {spaced(reached['works'])} {field} works of 1990–2020 in "
        f"this graph are cited, and through them {reached['ideas_reached']} of the "
        f"{reached['ideas']} landmark ideas, methods and findings that have such a work. The graph "
        "does not tell theory from experiment, and what it holds of the field is what its citing "
        "works cite, not what the field has produced."
    )


def _left(field: str, without: Counterfactual) -> str:
    start = ""
    if without.refused:
        start = f"By paths this is refused: {without.reason}. "
    works = without.works
    counts = works["state"].value_counts()
    text = f"{start}By {without.level}"
    if without.level == "direct citation":
        text += (
            f", {spaced(works['lost'].sum())} of {spaced(works['references'].sum())} references go"
        )
    text += (
        f": of {len(works)} works {counts.get('all', 0)} lose all support, "
        f"{counts.get('most', 0)} most, {counts.get('some', 0)} some"
    )
    if len(works) and works["share"].max() > 0:
        worst = works.iloc[0]
        text += f" (at most {percent(worst['share'])}, “{worst['title']}”)"
    ideas_lost = without.ideas
    for state in STATES[:2]:
        names = ideas_lost.loc[ideas_lost["state"] == state, "idea"].tolist()
        rows = ideas_lost.loc[ideas_lost["state"] == state, "references"].tolist()
        listed = ", ".join(
            f"{name} ({count} references)" for name, count in zip(names, rows, strict=True)
        )
        text += f"; {state} support is lost by {listed or 'no idea'}"
    text += f". All of {field} is deleted: the data do not tell its theory apart."
    return text


def _limits(
    graph: CitationGraph, inside: np.ndarray, field: str, doubt: pd.DataFrame
) -> tuple[str, ...]:
    chosen = inside[graph.citing]
    sizes = np.bincount(graph.citing[chosen], minlength=len(graph.works))
    largest, total = int(sizes.max(initial=0)), int(sizes.sum())
    limits = [
        "A direct citation shows that a work was known, not that its idea was inherited; an idea "
        "can come through textbooks, teachers or works that are themselves cited.",
    ]
    if total:
        limits.append(
            f"The sample is one of convenience: one work holds {largest} of the "
            f"{spaced(total)} references ({percent(largest / total)})"
            + _distill(graph, inside, field)
            + "."
        )
    works = contested(graph)
    cited = np.unique(graph.cited[chosen])
    doubtful = graph.works.iloc[cited]["id"].isin(works["id"]).sum()
    text = (
        f"A field is where a work was printed: {doubtful} of the {spaced(len(cited))} cited works "
        "are debatable"
    )
    if len(doubt):
        text += (
            f", and {field} has {doubt['strict'].iloc[0]} references if they are read strictly, "
            f"{doubt['liberal'].iloc[0]} liberally"
        )
    limits.append(text + ".")
    limits.append(
        "Cells are small, and intervals over few and unequal citing works are too narrow: those "
        "meant to cover 95 % were measured to cover about 87 % on a sample of this shape."
    )
    return tuple(limits)


def _distill(graph: CitationGraph, inside: np.ndarray, field: str) -> str:
    sources = graph.citations["source"].astype(str)[inside[graph.citing]]
    from_distill = sources.str.contains("distillpub", regex=False).to_numpy()
    if not from_distill.any() or from_distill.all():
        return ""
    chosen = inside[graph.citing]
    own = works_of_field(graph, field)[graph.cited[chosen]]
    works = np.unique(graph.citing[chosen][from_distill]).size
    years = graph.years[graph.citing[chosen]]
    apart = np.nanmax(years[from_distill]) < np.nanmin(years[~from_distill])
    same = "; they are also the earlier ones, so a change with the citing year cannot be told "
    return (
        f"; {works} of the {np.unique(graph.citing[chosen]).size} works are Distill articles, "
        f"with {own[from_distill].sum()} of {from_distill.sum()} references to {field} "
        f"({percent(own[from_distill].mean())}), against {own[~from_distill].sum()} of "
        f"{(~from_distill).sum()} ({percent(own[~from_distill].mean())}) in the others"
        + (same + "from a change of venue" if apart else "")
    )
