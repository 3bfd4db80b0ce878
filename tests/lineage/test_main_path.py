"""The main path against all paths written out, with cycles and at depth."""

from __future__ import annotations

import itertools
from collections import Counter

import networkx
import numpy as np
import pandas as pd
import pytest

from homologue import lineage
from homologue.lineage import _main_path, _paths


def all_paths(graph) -> tuple[networkx.DiGraph, list[list[int]]]:
    view = networkx.DiGraph()
    view.add_edges_from(zip(graph.citing.tolist(), graph.cited.tolist(), strict=True))
    tops = [node for node in view if not view.in_degree(node)]
    ends = [node for node in view if not view.out_degree(node)]
    paths = [
        path for top in tops for end in ends for path in networkx.all_simple_paths(view, top, end)
    ]
    return view, paths


@pytest.mark.parametrize("seed", range(5))
def test_weights_and_path_equal_enumeration(random_graph, seed: int) -> None:
    graph = random_graph(14, 30, seed, acyclic=True)
    _, paths = all_paths(graph)
    used = Counter(edge for path in paths for edge in itertools.pairwise(path))
    condensed = _paths.condense(graph.citing, graph.cited, 14)
    share = _main_path.search_path_share(condensed)
    work_of = {int(part): work for work, part in enumerate(condensed.component)}
    for citing, cited, value in zip(condensed.citing, condensed.cited, share, strict=True):
        edge = (work_of[int(citing)], work_of[int(cited)])
        assert value == pytest.approx(used[edge] / len(paths))
    best = max(sum(used[edge] for edge in itertools.pairwise(path)) / len(paths) for path in paths)
    found = lineage.main_path(graph, citing=None)
    assert found.works["weight"].sum() == pytest.approx(best)
    ids = found.works["id"].tolist()
    cites = set(graph.citations[["citing", "cited"]].itertuples(index=False, name=None))
    assert all(edge in cites for edge in itertools.pairwise(ids))


def test_a_cycle_is_one_step(graph_of) -> None:
    graph = graph_of(
        [("c", "b"), ("b", "a"), ("a", "b"), ("a", "z")],
        years={"a": 2001, "b": 2002, "c": 2003, "z": 1990}, groups={"c": "mi"},
    )  # fmt: skip
    found = lineage.main_path(graph)
    assert found.works[["step", "id"]].to_numpy().tolist() == [
        [0, "c"], [1, "b"], [1, "a"], [2, "z"],
    ]  # fmt: skip
    assert found.works["weight"].tolist()[:3] == [1.0, 1.0, 1.0]
    assert np.isnan(found.works["weight"].iloc[3])


def test_only_what_the_group_leads_to(graph_of) -> None:
    graph = graph_of(
        [("m", "a"), ("x", "b"), ("b", "c"), ("c", "d")], groups={"m": "mi", "x": "neuro"}
    )
    assert lineage.main_path(graph, citing="mi").works["id"].tolist() == ["m", "a"]
    assert lineage.main_path(graph, citing=None).works["id"].tolist() == ["x", "b", "c", "d"]


def test_a_deep_ladder_neither_overflows_nor_recurses() -> None:
    """2 ** 20 000 paths: counts as logarithms, loops instead of recursion."""
    steps = 20_000
    ids = [f"{side}{i}" for i in range(steps) for side in "ab"]
    number = np.arange(steps - 1)
    edges = np.concatenate(
        [np.stack([2 * number + i, 2 * number + 2 + j], axis=1) for i in (0, 1) for j in (0, 1)]
    )
    names = np.array(ids, dtype=object)
    graph = lineage.make(
        pd.DataFrame({"id": ids, "title": ids}),
        pd.DataFrame({"citing": names[edges[:, 0]], "cited": names[edges[:, 1]]}),
    )
    found = lineage.main_path(graph, citing=None)
    assert len(found.works) == steps
    assert found.works["weight"].iloc[:-1].to_numpy() == pytest.approx(0.25)


def test_the_embedded_path_says_what_it_stands_on(sample) -> None:
    found = lineage.main_path(sample)
    assert not found.sufficient
    assert "46 known reference lists of 2 637 works" in found.note
    assert "insufficient depth" in found.note
    assert "describes these lists, not history" in found.note
    reviews = found.works[found.works["step"] == 1]["id"].tolist()
    assert set(reviews) == {"bereska_review_2024", "bereska_robust_2024"}  # they cite each other
    assert lineage.main_path(sample, threshold=0.01).sufficient
