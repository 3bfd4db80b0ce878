"""Citation graphs of a million references: shares, counterfactuals, reach, memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import _harness
from benchmarks._harness import Case

NAME = "lineage"

REFERENCES = 1_000_000
PATTERNS = {"first": ["alpha"], "second": ["beta", "gamma"]}


def synthetic(references: int, seed: int = 0) -> Any:
    """Return a graph that grows by citing its past, with cycles, and years missing.

    A tenth as many works as references; one reference in two thousand points forwards, so
    that thousands of works lie on cycles.
    """
    import pandas as pd

    from homologue.lineage import FIELDS, make

    rng = np.random.default_rng(seed)
    size = references // 10
    citing = rng.integers(1, size, references)
    cited = (citing * rng.random(references) ** 0.5).astype(np.int64)
    forward = rng.random(references) < 5e-4
    citing, cited = np.where(forward, cited, citing), np.where(forward, citing, cited)
    ids = np.char.add("w", np.arange(size).astype(str)).astype(object)
    words = np.array(["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"])
    years = 1950 + 75 * np.arange(size) // size
    works = pd.DataFrame(
        {
            "id": ids,
            "title": np.char.add(
                np.char.add(words[rng.integers(0, 8, size)], " "), ids.astype(str)
            ),
            "year": pd.array(np.where(rng.random(size) < 0.01, -1, years), dtype="Int64"),
            "field": rng.choice(np.array(FIELDS[:6], dtype=object), size),
            "group": np.where(np.arange(size) >= 2 * size // 3, "mi", ""),
        }
    )
    works.loc[works["year"] < 0, "year"] = pd.NA
    return make(works, pd.DataFrame({"citing": ids[citing], "cited": ids[cited]}))


def workload(references: int) -> None:
    """Build the graph, ask for shares and for a counterfactual: what memory is measured on."""
    from homologue import lineage

    graph = synthetic(references)
    lineage.shares(graph, rng=0)
    lineage.counterfactual(graph, "neuroscience", patterns=PATTERNS)


def _seconds(function: Any, repeats: int) -> float:
    return min(_harness.cpu_seconds(function)[0] for _ in range(repeats))


def cases(*, quick: bool) -> Iterator[Case]:
    """Measure; CPU time of all threads, which on an idle machine is at least the wall time."""
    import networkx

    from homologue import lineage
    from homologue.lineage._paths import reaches

    references = 50_000 if quick else REFERENCES
    graph = synthetic(references)
    repeats = 1 if quick else 3
    yield Case(
        "shares with intervals", f"CPU time, {references} references, 1000 draws",
        _seconds(lambda: lineage.shares(graph, rng=0), repeats), "s", "lower",
    )  # fmt: skip
    yield Case(
        "counterfactual by paths", f"CPU time, {references} references",
        _seconds(
            lambda: lineage.counterfactual(graph, "neuroscience", patterns=PATTERNS), repeats
        ), "s", "lower",
    )  # fmt: skip
    yield Case(
        "main path", f"CPU time, {references} references",
        _seconds(lambda: lineage.main_path(graph), 1), "s", "lower",
    )  # fmt: skip

    deleted = (graph.works["field"] == "neuroscience").to_numpy()
    kept = ~deleted[graph.citing] & ~deleted[graph.cited]
    target = (graph.works["field"] == "physics").to_numpy() & ~deleted
    view = networkx.DiGraph()
    view.add_nodes_from(range(len(deleted) + 1))
    view.add_edges_from(zip(graph.cited[kept].tolist(), graph.citing[kept].tolist(), strict=True))
    view.add_edges_from((len(deleted), int(work)) for work in np.flatnonzero(target))

    def ours() -> np.ndarray:
        alive = ~deleted[graph.citing] & ~deleted[graph.cited]
        return reaches(graph.citing[alive], graph.cited[alive], target)

    def peer() -> np.ndarray:
        found = np.zeros(len(deleted), dtype=bool)
        found[list(networkx.descendants(view, len(deleted)))] = True
        return found

    yield _harness.compare(
        "reachability after deletion", ours, peer,
        peer_name=f"networkx {networkx.__version__} (its graph already built)",
        equal=lambda one, other: bool((one == other).all()), repeats=repeats,
    )  # fmt: skip
    yield Case(
        "peak memory", f"{references} references, shares and counterfactual",
        _harness.peak_memory("benchmarks.lineage:workload", references=references), "GB", "lower",
    )  # fmt: skip
