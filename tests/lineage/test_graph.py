"""Tables become a graph, or an error that says which row and why."""

from __future__ import annotations

import networkx
import numpy as np
import pandas as pd
import pytest

from homologue import lineage
from homologue._errors import UnknownName
from homologue.lineage import _graph


def test_self_citations_and_repeats_are_dropped_and_counted(graph_of) -> None:
    graph = graph_of([("a", "b"), ("a", "a"), ("a", "b"), ("b", "a")])
    assert graph.remarks == ("1 self-citation dropped", "1 repeated reference dropped")
    assert list(graph.citations[["citing", "cited"]].itertuples(index=False, name=None)) == [
        ("a", "b"), ("b", "a"),
    ]  # fmt: skip


def test_a_self_citation_that_is_repeated_counts_as_such(graph_of) -> None:
    graph = graph_of([("a", "a"), ("a", "a"), ("a", "b")])
    assert graph.remarks == ("2 self-citations dropped",)


def test_missing_columns_are_filled() -> None:
    graph = lineage.make(
        pd.DataFrame({"id": ["a", "b"], "title": ["A", None]}),
        pd.DataFrame({"citing": ["a"], "cited": ["b"]}),
    )
    assert graph.works["title"].tolist() == ["A", ""]
    assert graph.works["field"].tolist() == ["unassigned", "unassigned"]
    assert graph.works["references_known"].tolist() == [True, False]
    assert np.isnan(graph.years).all()
    assert repr(graph).startswith("CitationGraph(2 works, 1 references")


def test_a_graph_without_references(graph_of) -> None:
    graph = graph_of([], extra=("a", "b"))
    assert lineage.shares(graph, citing=None)["count"].sum() == 0
    assert lineage.main_path(graph, citing=None).works.empty
    assert lineage.reach(graph, citing=None)["count"].tolist() == [0, 0, 0]
    answer = lineage.counterfactual(graph, "neuroscience", citing=None, threshold=0)
    assert answer.works.empty


NONE: dict[str, list[str]] = {"citing": [], "cited": []}
ONE = {"id": ["a"], "title": ["A"]}


@pytest.mark.parametrize(
    ("works", "citations", "message"),
    [
        ({"id": ["a"]}, NONE, "no column 'title'"),
        (ONE, {"citing": []}, "no column 'cited'"),
        ({"id": ["a", "a"], "title": ["A", "A"]}, NONE, "more than once: 'a'"),
        ({"id": ["a", ""], "title": ["A", "B"]}, NONE, "has no id"),
        (ONE, {"citing": ["a"], "cited": ["b"]}, "the first is 'b'"),
        ({**ONE, "year": ["c. 1950"]}, NONE, "years are"),
        ({**ONE, "year": [1950.5]}, NONE, "years are"),
    ],
)
def test_bad_tables(works: dict, citations: dict, message: str) -> None:
    with pytest.raises(lineage.InvalidGraph, match=message):
        lineage.make(pd.DataFrame(works), pd.DataFrame(citations))


def test_networkx_view_holds_everything(sample) -> None:
    view = lineage.to_networkx(sample)
    assert view.number_of_nodes() == 2637
    assert view.number_of_edges() == 3234
    assert not networkx.is_directed_acyclic_graph(view)
    assert view.nodes["toy_models_2022"]["field"] == "machine learning / AI"
    assert "distillpub" in view.edges["zoom_in_2020", "activation_atlas_2019"]["source"]
    matrix = networkx.to_scipy_sparse_array(view, nodelist=sample.works["id"], weight=None)
    assert (matrix != lineage.adjacency(sample)).nnz == 0


def test_unknown_fields_and_groups_suggest_the_nearest(sample) -> None:
    with pytest.raises(UnknownName, match="did you mean 'neuroscience'"):
        lineage.counterfactual(sample, "neuro science")
    with pytest.raises(UnknownName, match="no group of citing works 'nuero'"):
        lineage.shares(sample, citing="nuero")
    with pytest.raises(UnknownName, match="did you mean 'period'"):
        lineage.shares(sample, by="periods")


def test_fields_that_are_not_in_the_table_are_accepted_last(graph_of) -> None:
    graph = graph_of([("a", "b")], fields={"a": "alchemy", "b": "physics"})
    assert lineage.fields(graph) == ["physics", "alchemy"]
    assert _graph.works_of_field(graph, "alchemy").tolist() == [True, False]


@pytest.mark.parametrize("seed", range(4))
def test_every_question_survives_cycles_and_missing_years(random_graph, seed: int) -> None:
    graph = random_graph(40, 200, seed)
    answers = lineage.answer(graph, threshold=0.0, draws=50)
    assert answers.counterfactual.level == "paths"
    totals = answers.by_period[answers.by_period["period"] != "all years"]["count"].sum()
    mine = (graph.works["group"] == "mi").to_numpy()[graph.citing]
    assert totals == mine.sum()
