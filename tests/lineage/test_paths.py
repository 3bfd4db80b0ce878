"""Paths against networkx and against plain walks, on graphs full of cycles."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homologue import lineage
from homologue.lineage import _paths


def view_of(graph) -> networkx.DiGraph:
    view = networkx.DiGraph()
    view.add_nodes_from(range(len(graph.works)))
    view.add_edges_from(zip(graph.citing.tolist(), graph.cited.tolist(), strict=True))
    return view


@pytest.mark.parametrize("seed", range(6))
def test_condensation_equals_networkx(random_graph, seed: int) -> None:
    graph = random_graph(60, 90 + 20 * seed, seed)
    done = _paths.condense(graph.citing, graph.cited, 60)
    expected = {frozenset(part) for part in networkx.strongly_connected_components(view_of(graph))}
    found = {
        frozenset(np.flatnonzero(done.component == part).tolist()) for part in range(done.size)
    }
    assert found == expected
    assert (done.citing > done.cited).all()
    inner = done.component[graph.citing] == done.component[graph.cited]
    assert len(done.citing) == (~inner).sum()


def test_the_order_is_made_where_scipy_gives_none(
    random_graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = random_graph(50, 120, 3)
    right = _paths.condense(graph.citing, graph.cited, 50)

    def shuffled(matrix, **options):
        count, labels = original(matrix, **options)
        return count, np.random.default_rng(0).permutation(count)[labels]

    original = _paths.connected_components
    monkeypatch.setattr(_paths, "connected_components", shuffled)
    made = _paths.condense(graph.citing, graph.cited, 50)
    assert made.size == right.size
    assert (made.citing > made.cited).all()


@pytest.mark.parametrize("seed", range(6))
def test_reach_equals_networkx(random_graph, seed: int) -> None:
    graph = random_graph(80, 130, seed)
    target = np.random.default_rng(seed).random(80) < 0.1
    view = view_of(graph)
    expected = set(np.flatnonzero(target).tolist())
    for work in np.flatnonzero(target):
        expected |= networkx.ancestors(view, int(work))
    found = _paths.reaches(graph.citing, graph.cited, target)
    assert set(np.flatnonzero(found).tolist()) == expected


@pytest.mark.parametrize("seed", range(4))
def test_steps_equal_networkx(random_graph, seed: int) -> None:
    graph = random_graph(60, 90, seed)
    view = view_of(graph)
    start = np.flatnonzero((graph.works["group"] == "mi").to_numpy())
    target = set(np.flatnonzero((graph.works["field"] == "neuroscience").to_numpy()).tolist())
    table = lineage.reach(graph, "neuroscience", citing="mi", steps=4)
    for steps, count in zip(table["steps"], table["count"], strict=True):
        near = 0
        for work in start:
            # At least one step: standing in the field is not citing it.
            lengths = [
                1 + length
                for cited in view.successors(int(work))
                for other, length in networkx.single_source_shortest_path_length(
                    view, cited
                ).items()
                if other in target
            ]
            near += bool(lengths) and min(lengths) <= steps
        assert count == near


def walk_loss(view: networkx.DiGraph, deleted: np.ndarray) -> np.ndarray:
    """The chance to meet a deleted work, by the linear equations of the condensed walk."""
    pruned = view.copy()
    pruned.remove_edges_from([edge for edge in view.edges if deleted[edge[0]]])
    condensed = networkx.condensation(pruned)
    home = condensed.graph["mapping"]
    size = condensed.number_of_nodes()
    step = np.zeros((size, size))
    for citing, cited in pruned.edges:
        if home[citing] != home[cited]:
            step[home[citing], home[cited]] += 1
    out = step.sum(axis=1)
    gone = np.zeros(size)
    for work in np.flatnonzero(deleted):
        gone[home[int(work)]] = 1.0
    step /= np.where(out > 0, out, 1)[:, None]
    loss = np.linalg.solve(np.eye(size) - step, gone)
    return np.array([loss[home[work]] for work in view.nodes])


@pytest.mark.parametrize("seed", range(6))
def test_loss_equals_the_linear_equations(random_graph, seed: int) -> None:
    graph = random_graph(40, 40 + 20 * seed, seed)
    deleted = np.random.default_rng(seed).random(40) < 0.15
    np.testing.assert_allclose(
        _paths.loss_by_walks(graph.citing, graph.cited, deleted),
        walk_loss(view_of(graph), deleted),
        atol=1e-12,
    )


def test_loss_equals_walks_taken(random_graph) -> None:
    graph = random_graph(30, 80, 1, acyclic=True)
    deleted = np.zeros(30, dtype=bool)
    deleted[[2, 5, 11]] = True
    loss = _paths.loss_by_walks(graph.citing, graph.cited, deleted)
    rng = np.random.default_rng(0)
    start = 29
    ended = 0
    for _ in range(4000):
        here = start
        while not deleted[here]:
            references = graph.cited[graph.citing == here]
            if not len(references):
                break
            here = int(rng.choice(references))
        ended += deleted[here]
    assert ended / 4000 == pytest.approx(loss[start], abs=0.025)


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40),
    st.sets(st.integers(0, 12), max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_loss_is_one_exactly_where_nothing_stands(
    graph_of, edges: list[tuple[int, int]], gone: set[int]
) -> None:
    names = [f"w{i}" for i in range(13)]
    graph = graph_of(
        [(names[a], names[b]) for a, b in edges if a != b],
        fields={names[i]: "neuroscience" for i in gone},
        groups=dict.fromkeys(names, "mi"),
        extra=tuple(names),
    )
    answer = lineage.counterfactual(graph, "neuroscience", threshold=0.0)
    table = answer.works.set_index("id")
    view = lineage.to_networkx(graph)
    lost = {names[i] for i in gone}
    pruned = view.copy()
    pruned.remove_edges_from([edge for edge in view.edges if edge[0] in lost])
    condensed = networkx.condensation(pruned)
    home = condensed.graph["mapping"]
    for name in table.index:
        ends = {
            part
            for part in {home[name]} | networkx.descendants(condensed, home[name])
            if condensed.out_degree(part) == 0
        }
        stands = any(not (set(condensed.nodes[part]["members"]) & lost) for part in ends)
        if view.out_degree(name) == 0:
            assert table.loc[name, "state"] == "no support known"
        else:
            assert (table.loc[name, "state"] == "all") == (not stands)
            assert (table.loc[name, "share"] == 1.0) == (not stands)
