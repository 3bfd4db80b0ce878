"""Graphs that several tests need: the embedded sample read independently, and random ones."""

from __future__ import annotations

import csv
import io
import lzma
from importlib.resources import files
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from homologue import lineage


@pytest.fixture(scope="session")
def sample() -> lineage.CitationGraph:
    return lineage.embedded()


@pytest.fixture(scope="session")
def plain_tables() -> SimpleNamespace:
    """The packed tables as lists of dictionaries, read with the standard library alone."""

    def rows(name: str) -> list[dict[str, str]]:
        packed = (files("homologue.lineage") / "data" / f"{name}.xz").read_bytes()
        return list(csv.DictReader(io.StringIO(lzma.decompress(packed).decode("utf-8"))))

    works = {row["id"]: row for row in rows("works.csv")}
    return SimpleNamespace(works=works, citations=rows("citations.csv"))


def _graph_of(
    edges: list[tuple[str, str]],
    *,
    fields: dict[str, str] | None = None,
    years: dict[str, int] | None = None,
    groups: dict[str, str] | None = None,
    titles: dict[str, str] | None = None,
    extra: tuple[str, ...] = (),
) -> lineage.CitationGraph:
    """Return a small graph from its references."""
    names = sorted({name for edge in edges for name in edge} | set(extra))
    works = pd.DataFrame({"id": names})
    works["title"] = [(titles or {}).get(name, name) for name in names]
    works["field"] = [(fields or {}).get(name, "machine learning / AI") for name in names]
    works["year"] = pd.array([(years or {}).get(name, pd.NA) for name in names], dtype="Int64")
    works["group"] = [(groups or {}).get(name, "") for name in names]
    return lineage.make(works, pd.DataFrame(edges, columns=["citing", "cited"]))


def _random_graph(
    size: int, references: int, seed: int, *, acyclic: bool = False
) -> lineage.CitationGraph:
    """Return a random graph; with cycles, self-citations and missing years unless acyclic."""
    rng = np.random.default_rng(seed)
    citing, cited = rng.integers(0, size, (2, references))
    if acyclic:
        citing, cited = np.maximum(citing, cited), np.minimum(citing, cited)
    ids = [f"w{i}" for i in range(size)]
    works = pd.DataFrame(
        {
            "id": ids,
            "title": ids,
            "field": rng.choice(["neuroscience", "physics", "machine learning / AI"], size),
            "group": rng.choice(["mi", "neuro", ""], size),
            "year": pd.array(
                [None if rng.random() < 0.2 else int(rng.integers(1950, 2025)) for _ in ids],
                dtype="Int64",
            ),
        }
    )
    names = np.array(ids, dtype=object)
    return lineage.make(works, pd.DataFrame({"citing": names[citing], "cited": names[cited]}))


@pytest.fixture(scope="session")
def graph_of():
    """Return the function that builds a small graph from its references."""
    return _graph_of


@pytest.fixture(scope="session")
def random_graph():
    """Return the function that builds a random graph."""
    return _random_graph
