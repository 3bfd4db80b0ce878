"""The questions answered in sentences, and what the graph cannot carry."""

from __future__ import annotations

import numpy as np
import pandas as pd

from homologue.lineage._counterfactual import STATES, Counterfactual
from homologue.lineage._fields import READINGS, contested
from homologue.lineage._graph import CitationGraph, works_of_field
from homologue.lineage._shares import ALL
from homologue.lineage._words import interval, percent, spaced


def _row(table: pd.DataFrame, field: str, column: str, value: str) -> pd.Series | None:
    found = table[(table["field"] == field) & (table[column] == value)]
    return found.iloc[0] if len(found) else None


def from_field(
    field: str, periods: pd.DataFrame, carried: pd.DataFrame, doubt: dict[str, pd.DataFrame]
) -> str:
    """Say which share of references, and of which ideas, the field has."""
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


def arrived(field: str, reached: dict[str, int], doubt: pd.DataFrame) -> str:
    """Say how many works and ideas of the field are cited, and what the readings change."""
    read = doubt.set_index("quantity")
    return (
        f"{reached['reached']} of the {spaced(reached['works'])} {field} works of 1990–2020 in "
        f"this graph are cited, and through them {reached['ideas_reached']} of the "
        f"{reached['ideas']} landmark ideas, methods and findings that have such a work. "
        "Debatable works read strictly leave "
        f"{read.at['reached', 'strict']} of {spaced(read.at['works', 'strict'])} works, liberally "
        f"{read.at['reached', 'liberal']} of {spaced(read.at['works', 'liberal'])}. The graph "
        "does not tell theory from experiment, and what it holds of the field is what its citing "
        "works cite, not what the field has produced."
    )


def left(field: str, without: Counterfactual, doubt: pd.DataFrame) -> str:
    """Say what is lost without the field, and what the readings change."""
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
    most = {how: doubt.loc[doubt[how].isin(STATES[:2]), "idea"].tolist() for how in READINGS}
    strictly, liberally = (_count(most[how]) for how in ("strict", "liberal"))
    text += (
        ". With debatable works read strictly, all or most support is lost by "
        f"{strictly if most['strict'] else 'no idea'}; read liberally, by "
        f"{liberally if most['liberal'] else 'no idea'}"
    )
    text += f". All of {field} is deleted: the data do not tell its theory apart."
    return text


def limits(
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
