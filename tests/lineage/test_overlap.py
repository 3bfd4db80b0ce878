"""Works cited together and by both, against counting by hand."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from homologue import lineage
from homologue._errors import HomologueError
from homologue.lineage import _overlap


def test_pairs_equal_counting_by_hand(random_graph) -> None:
    graph = random_graph(50, 250, 8)
    field = graph.works.set_index("id")["field"]
    group = graph.works.set_index("id")["group"]
    lists: dict[str, list[str]] = {}
    for citing, cited in graph.citations[["citing", "cited"]].itertuples(index=False):
        if group[citing] == "mi":
            lists.setdefault(citing, []).append(cited)
    counted: Counter[tuple[str, str]] = Counter()
    for names in lists.values():
        for one, other in product(names, names):
            if field[one] == "neuroscience" and field[other] == "physics":
                counted[one, other] += 1
    table = lineage.cocited(graph, "neuroscience", "physics", citing="mi")
    found = {(row["first"], row["second"]): row["together"] for _, row in table.iterrows()}
    assert found == dict(counted)
    assert table["together"].is_monotonic_decreasing


def test_a_work_is_no_pair_with_itself(graph_of) -> None:
    graph = graph_of([("a", "b"), ("a", "c")], groups={"a": "mi"})
    table = lineage.cocited(graph, "machine learning / AI", "machine learning / AI")
    assert {(row["first"], row["second"]) for _, row in table.iterrows()} == {
        ("b", "c"),
        ("c", "b"),
    }


def test_too_many_pairs_are_refused(monkeypatch: pytest.MonkeyPatch, sample) -> None:
    monkeypatch.setattr(_overlap, "_PAIRS_SHOWN", 100)
    with pytest.raises(HomologueError, match="choose smaller fields"):
        lineage.cocited(sample)


def test_shared_references_of_two_groups(graph_of) -> None:
    graph = graph_of(
        [("m", "x"), ("m", "y"), ("n", "x"), ("k", "x"), ("n", "z")],
        groups={"m": "mi", "n": "neuro", "k": "neuro"},
    )
    table = lineage.shared_references(graph, "mi", "neuro")
    assert table[["id", "first", "second"]].to_numpy().tolist() == [["x", 1, 2]]


def test_steps_has_to_be_positive(sample) -> None:
    with pytest.raises(HomologueError, match="at least 1"):
        lineage.reach(sample, steps=0)


def test_the_second_step_of_the_embedded_sample_is_blind(sample) -> None:
    table = lineage.reach(sample, steps=2)
    assert table["count"].tolist() == [9, 15]
    assert table["frontier_known"].tolist() == [1.0, 0.0]
