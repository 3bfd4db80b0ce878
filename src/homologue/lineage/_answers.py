"""The founding questions, answered from a citation graph: tables, sentences, limits."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from homologue.lineage import _sentences
from homologue.lineage._advances import advances, arrivals
from homologue.lineage._counterfactual import THRESHOLD, Counterfactual, counterfactual
from homologue.lineage._data import embedded
from homologue.lineage._fields import READINGS, reading, under_readings
from homologue.lineage._graph import CitationGraph, citing_works, fields
from homologue.lineage._landmarks import Patterns
from homologue.lineage._main_path import MainPath, main_path
from homologue.lineage._overlap import TooManyPairs, cocited, reach, shared_references
from homologue.lineage._shares import WAVES, Citing, ideas, shares


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
        strictly, as assigned and liberally (:func:`sensitivity`). ``"reach"``, ``"advances"``,
        ``"counterfactual works"`` and ``"counterfactual ideas"``: the same three readings of
        what those tables hold (counts; for ideas the state).
    reach : pandas.DataFrame
        See :func:`reach`.
    shared : pandas.DataFrame
        Works cited by the citing group and by the others (:func:`shared_references`).
    cocited : pandas.DataFrame
        Works of the field and of machine learning that stand in the same reference lists
        (:func:`cocited`), the hundred pairs that do so most often; empty where there are
        too many to count.
    advances : dict
        See :func:`advances`.
    arrivals : pandas.DataFrame
        See :func:`arrivals`.
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
    cocited: pd.DataFrame
    advances: dict[str, int]
    arrivals: pd.DataFrame
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
                _SENSITIVITY.get(name, name.replace(" ", "_")): _records(table)
                for name, table in self.doubt.items()
            },
            "reach": _records(self.reach),
            "shared_references": _records(self.shared),
            "cocited": _records(self.cocited),
            "advances": self.advances,
            "arrivals": _records(self.arrivals),
            "main_path": {
                "sufficient": self.main_path.sufficient,
                "note": self.main_path.note,
                "works": _records(self.main_path.works),
            },
            "answers": [{"question": asked, "answer": said} for asked, said in self.questions],
            "limits": list(self.limits),
        }
        return document


_SENSITIVITY = {
    "period": "by_period",
    "wave": "by_wave",
    "citing year": "by_citing_year",
    "idea": "by_idea",
}

_PAIRS_KEPT = 100
_PARTNER = "machine learning / AI"


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
    read = {how: reading(graph, field, how) for how in READINGS}
    doubt = {
        "period": under_readings(read, lambda g: shares(g, by="period", **bare), field),
        "wave": under_readings(
            read, lambda g: shares(g, by="citing period", cuts=WAVES, **bare), field
        ),
        "citing year": under_readings(read, lambda g: shares(g, by="citing year", **bare), field),
        "idea": under_readings(read, lambda g: ideas(g, patterns=patterns, **bare), field),
    }
    inside = citing_works(graph, citing)
    others = sorted(set(graph.works.loc[~inside, "group"]) - {""})
    known = fields(graph)
    reached = advances(graph, field, citing=citing, patterns=patterns)
    without = counterfactual(graph, field, citing=citing, threshold=threshold, patterns=patterns)
    steps = reach(graph, field, citing=citing) if field in known else pd.DataFrame()
    doubt["advances"] = _three_readings(
        {
            how: pd.Series(advances(other, field, citing=citing, patterns=patterns))
            for how, other in read.items()
        },
        "quantity",
    )
    lost = {
        how: counterfactual(other, field, citing=citing, threshold=threshold, patterns=patterns)
        for how, other in read.items()
    }
    doubt["counterfactual works"] = _three_readings(
        {how: one.works.set_index("id")["lost"] for how, one in lost.items()}, "id"
    )
    doubt["counterfactual ideas"] = _three_readings(
        {how: one.ideas.set_index("idea")["state"] for how, one in lost.items()}, "idea"
    )
    if len(steps):
        doubt["reach"] = _three_readings(
            {
                how: reach(other, field, citing=citing).set_index("steps")["count"]
                for how, other in read.items()
            },
            "steps",
        )
    pairs = pd.DataFrame()
    if {field, _PARTNER} <= set(known) and field != _PARTNER:
        with contextlib.suppress(TooManyPairs):
            pairs = cocited(graph, field, _PARTNER, citing=citing).head(_PAIRS_KEPT)
    return Answers(
        field=field,
        citing=citing if isinstance(citing, str) else ", ".join(citing or ["all"]),
        by_period=periods,
        by_wave=waves,
        by_citing_year=years,
        by_idea=carried,
        doubt=doubt,
        reach=steps,
        shared=shared_references(graph, citing, others) if others else pd.DataFrame(),
        cocited=pairs,
        advances=reached,
        arrivals=arrivals(graph, field, citing=citing, patterns=patterns),
        counterfactual=without,
        main_path=main_path(graph, citing=citing, threshold=threshold),
        questions=(
            (f"Are the ideas from {field}?", _sentences.from_field(field, periods, carried, doubt)),
            (
                f"How many advances of {field}, 1990–2020, arrived?",
                _sentences.arrived(field, reached, doubt["advances"]),
            ),
            (
                f"What would be left without {field}?",
                _sentences.left(field, without, doubt["counterfactual ideas"]),
            ),
        ),
        limits=_sentences.limits(graph, inside, field, doubt["period"]),
    )


def _three_readings(columns: dict[str, pd.Series], name: str) -> pd.DataFrame:
    """Return one row per name, one column per reading; a work that left the graph has no value."""
    table = pd.DataFrame(columns)[list(READINGS)]
    if pd.api.types.is_numeric_dtype(table["assigned"]):
        table = table.astype("Int64")
    return table.rename_axis(index=name).reset_index()
