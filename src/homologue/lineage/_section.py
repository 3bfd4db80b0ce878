"""The section of a report: answers, pictures and tables as HTML that a strict page accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from homologue.lineage._answers import Answers, answer
from homologue.lineage._data import embedded
from homologue.lineage._figures import draw
from homologue.lineage._graph import CitationGraph
from homologue.lineage._shares import ALL, Citing
from homologue.lineage._svg import inline_svg
from homologue.lineage._words import BRIEF, interval, percent

_SHOWN = 12
_RIGHT = ' class="r"'


@dataclass(frozen=True)
class Section:
    """A section of a report.

    Attributes
    ----------
    title : str
        Its heading.
    lead : str
        One sentence under the heading.
    answers : tuple of (str, str)
        Questions and answers in words.
    figures : dict of str to str
        Inline SVG: no styles and no scripts, colours written ``light-dark(…)``.
    tables : dict of str to pandas.DataFrame
        Caption to table, ready to print.
    limits : tuple of str
        What the data cannot carry.
    """

    title: str
    lead: str
    answers: tuple[tuple[str, str], ...]
    figures: dict[str, str]
    tables: dict[str, pd.DataFrame]
    limits: tuple[str, ...]

    @property
    def html(self) -> str:
        """The body of the section, without its heading; everything but the SVG is escaped."""
        parts = [f'<p class="lead">{escape(self.lead)}</p>']
        for question, said in self.answers:
            parts.append(f"<h3>{escape(question)}</h3><p>{escape(said)}</p>")
        for name, svg in self.figures.items():
            parts.append(
                f'<figure class="scroller" tabindex="0" role="region" aria-label="{escape(name)}">'
                f"{svg}</figure>"
            )
        for caption, table in self.tables.items():
            parts.append(
                f'<details class="numbers"><summary>{escape(caption)}</summary>'
                f'<div class="scroller" tabindex="0" role="region" aria-label="{escape(caption)}">'
                f"{_html_table(table)}</div></details>"
            )
        limits = "".join(f"<p>{escape(limit)}</p>" for limit in self.limits)
        parts.append(f"<h3>What this cannot carry</h3>{limits}")
        return "\n".join(parts)


def section(
    graph: CitationGraph | None = None,
    *,
    field: str = "neuroscience",
    citing: Citing = "mi",
    draws: int = 1000,
    rng: np.random.Generator | int = 0,
) -> Section:
    """Return the lineage section of a report.

    Parameters
    ----------
    graph : CitationGraph, optional
        By default the embedded sample.
    field, citing, draws, rng
        See :func:`answer`.

    Returns
    -------
    Section
        ``section().title`` and ``section().html`` are what ``homologue.report.write`` takes as
        one of its ``sections``.

    Examples
    --------
    >>> from homologue import lineage
    >>> made = lineage.section(draws=0)
    >>> list(made.figures)
    ['Shares of fields by period', 'Ideas by field', 'Main path']
    >>> "style=" in made.html
    False
    """
    graph = embedded() if graph is None else graph
    answers = answer(graph, field=field, citing=citing, draws=draws, rng=rng)
    return Section(
        title="Where the ideas come from",
        lead=(
            "Citation evidence: which fields the works of mechanistic interpretability cite."
            if citing == "mi"
            else "Citation evidence: which fields are cited."
        ),
        answers=answers.questions,
        figures=_pictures(graph, answers),
        tables=tables(answers),
        limits=answers.limits,
    )


def _pictures(graph: CitationGraph, answers: Answers) -> dict[str, str]:
    path = answers.main_path
    steps = " ← ".join(path.works["title"].astype(str).iloc[::-1])
    words = {
        "shares": (
            "Shares of fields by period",
            f"Stacked shares of cited fields by period. {answers.questions[0][1]}",
        ),
        "ideas": (
            "Ideas by field",
            "References to the landmark works of each idea, by field; the same numbers are in "
            "the table of ideas.",
        ),
        "main_path": ("Main path", f"Main path, oldest first: {steps}; {path.note}."),
    }
    drawn = draw(graph, answers)
    return {
        caption: inline_svg(drawn[name], f"lineage-{name.replace('_', '-')}", description)
        for name, (caption, description) in words.items()
    }


def tables(answers: Answers) -> dict[str, pd.DataFrame]:
    """Return the tables people read: caption to table, shares as percentages.

    Examples
    --------
    >>> from homologue import lineage
    >>> next(iter(lineage.tables(lineage.answer(draws=0))))
    'References to neuroscience by the cited work’s year'
    """
    field = answers.field
    found = {
        f"References to {field} by the cited work’s year": _field_rows(
            answers.by_period, answers.doubt["period"], "period", field
        ),
        f"References to {field} by the citing work’s year": _field_rows(
            pd.concat(
                [
                    answers.by_wave.rename(columns={"citing_period": "citing"}),
                    _only_years(answers.by_citing_year),
                ],
                ignore_index=True,
            ),
            pd.concat(
                [
                    answers.doubt["wave"].rename(columns={"citing_period": "citing"}),
                    answers.doubt["citing year"].rename(columns={"citing_year": "citing"}),
                ],
                ignore_index=True,
            ).drop_duplicates("citing"),
            "citing",
            field,
        ),
        "References by period and field": _wide(answers.by_period, "period"),
        f"References to the landmarks of each idea that go to {field}": _ideas(answers, field),
        "References to the landmarks of each idea, by field": _wide(answers.by_idea, "idea"),
        f"Without {field}, by {answers.counterfactual.level}: ideas": _lost_ideas(answers),
        f"Without {field}, by {answers.counterfactual.level}: works": _lost_works(answers),
    }
    if len(answers.arrivals):
        table = answers.arrivals[["title", "year", "references", "ideas", "contested"]].copy()
        table["contested"] = np.where(table["contested"], "yes", "no")
        found[f"Works of {field} of 1990–2020 that are cited"] = table
    if len(answers.reach):
        table = answers.reach.copy()
        for column in ("share", "frontier_known"):
            table[column] = [percent(share) for share in table[column]]
        read = answers.doubt["reach"]
        table["strict"], table["liberal"] = read["strict"], read["liberal"]
        found[f"Works that come to {field} within so many steps"] = table
    if len(answers.shared):
        found["Works cited by both literatures"] = answers.shared.head(_SHOWN)[
            ["title", "year", "field", "first", "second"]
        ].rename(columns={"first": answers.citing, "second": "others"})
    if len(answers.cocited):
        pairs = answers.cocited.head(_SHOWN)[["first_title", "second_title", "together"]]
        found["Works of both fields in the same reference lists"] = pairs.rename(
            columns={"first_title": field, "second_title": "machine learning / AI"}
        )
    path = answers.main_path.works.copy()
    path["weight"] = [percent(weight) for weight in path["weight"]]
    found["Main path"] = path[["title", "year", "field", "weight"]]
    return found


def _only_years(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["citing_year"] != ALL].rename(columns={"citing_year": "citing"})


def _field_rows(table: pd.DataFrame, doubt: pd.DataFrame, column: str, field: str) -> pd.DataFrame:
    rows = table[(table["field"] == field) & (table["total"] > 0)]
    read = doubt.set_index(column).reindex(rows[column])
    return pd.DataFrame(
        {
            column: rows[column].to_numpy(),
            "count": rows["count"].to_numpy(),
            "total": rows["total"].to_numpy(),
            "share": [percent(share) for share in rows["share"]],
            "95 % interval": [
                interval(low, high) for low, high in zip(rows["low"], rows["high"], strict=True)
            ],
            "citing works": rows["citing_works"].to_numpy(),
            "strict": read["strict"].to_numpy(),
            "liberal": read["liberal"].to_numpy(),
        }
    )


def _wide(table: pd.DataFrame, column: str) -> pd.DataFrame:
    order = list(dict.fromkeys(table[column]))
    names = [
        name
        for name in dict.fromkeys(table["field"])
        if table.loc[table["field"] == name, "count"].sum()
    ]
    wide = table.pivot_table(index=column, columns="field", values="count", aggfunc="sum")
    wide = wide.reindex(index=order, columns=names).astype(int)
    wide["total"] = table.groupby(column)["total"].first().reindex(order)
    return wide.rename(columns=BRIEF).reset_index().rename_axis(columns=None)


def _ideas(answers: Answers, field: str) -> pd.DataFrame:
    """Return the field's part of each idea; ideas without it have a row too."""
    rows = answers.by_idea.drop_duplicates("idea").set_index("idea")["total"]
    mine = answers.by_idea[answers.by_idea["field"] == field].set_index("idea").reindex(rows.index)
    read = answers.doubt["idea"].set_index("idea").reindex(rows.index)
    return pd.DataFrame(
        {
            "idea": rows.index,
            "count": mine["count"].fillna(0).to_numpy(dtype=int),
            "total": rows.to_numpy(),
            "share": [percent(share) for share in mine["share"]],
            "95 % interval": [
                interval(low, high) for low, high in zip(mine["low"], mine["high"], strict=True)
            ],
            "strict": read["strict"].fillna(0).to_numpy(dtype=int),
            "liberal": read["liberal"].fillna(0).to_numpy(dtype=int),
        }
    )


def _lost_ideas(answers: Answers) -> pd.DataFrame:
    table = answers.counterfactual.ideas.copy()
    table["share"] = [percent(share) for share in table["share"]]
    read = answers.doubt["counterfactual ideas"].set_index("idea").reindex(table["idea"])
    table["strict"], table["liberal"] = read["strict"].to_numpy(), read["liberal"].to_numpy()
    return table[["idea", "kind", "references", "lost", "share", "state", "strict", "liberal"]]


def _lost_works(answers: Answers) -> pd.DataFrame:
    table = answers.counterfactual.works
    table = table[table["share"] > 0].head(_SHOWN).copy()
    table["share"] = [percent(share) for share in table["share"]]
    read = answers.doubt["counterfactual works"].set_index("id").reindex(table["id"])
    table["strict"], table["liberal"] = read["strict"].to_numpy(), read["liberal"].to_numpy()
    columns = ["title", "year", "references", "lost", "share", "state", "strict", "liberal"]
    return table[columns]


def _html_table(table: pd.DataFrame) -> str:
    numeric = [pd.api.types.is_numeric_dtype(table[name]) for name in table.columns]
    head = "".join(
        f'<th scope="col"{_RIGHT * right}>{escape(str(name).replace("_", " "))}</th>'
        for name, right in zip(table.columns, numeric, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(_cells(row, numeric)) + "</tr>"
        for row in table.itertuples(index=False, name=None)
    )
    return f'<table class="sortable"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cells(row: Sequence[Any], numeric: Sequence[bool]) -> list[str]:
    cells = []
    for position, (value, right) in enumerate(zip(row, numeric, strict=True)):
        text = "–" if value is pd.NA or value != value or value == "" else str(value)
        tag = 'th scope="row"' if position == 0 else f"td{_RIGHT * right}"
        cells.append(f"<{tag}>{escape(text)}</{tag.split()[0]}>")
    return cells
