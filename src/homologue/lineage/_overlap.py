"""What two literatures share: references in common, works cited together, and reach by steps."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import scipy.sparse as sparse

from homologue._errors import HomologueError
from homologue._typing import Array, Bool
from homologue.lineage._graph import (
    CitationGraph,
    adjacency,
    citing_works,
    works_of_field,
)

Names = str | Iterable[str]

_PAIRS_SHOWN = 2_000_000


class TooManyPairs(HomologueError):
    """More pairs of works would be listed than memory is worth spending on."""


def shared_references(
    graph: CitationGraph,
    first: Names | None = "mi",
    second: Names | None = ("neuro", "neuroai"),
) -> pd.DataFrame:
    """Return the works that two groups of citing works both cite.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph.
    first, second : str, several, or None
        Groups of citing works.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``title``, ``year``, ``field``, ``first`` and ``second`` (how many works of
        either group cite it), the most shared first.

    Examples
    --------
    >>> from homologue import lineage
    >>> table = lineage.shared_references(lineage.embedded())
    >>> table.loc[0, "title"]
    'Sparse coding with an overcomplete basis set: a strategy employed by V1?'
    """
    counts = []
    for group in (first, second):
        chosen = citing_works(graph, group)[graph.citing]
        counts.append(np.bincount(graph.cited[chosen], minlength=len(graph.works)))
    both = (counts[0] > 0) & (counts[1] > 0)
    table = graph.works.loc[both, ["id", "title", "year", "field"]].copy()
    table["first"], table["second"] = counts[0][both], counts[1][both]
    table["least"] = table[["first", "second"]].min(axis=1)
    table["sum"] = table["first"] + table["second"]
    table = table.sort_values(
        ["least", "sum", "id"], ascending=[False, False, True], ignore_index=True
    )
    return table.drop(columns=["least", "sum"])


def cocited(
    graph: CitationGraph,
    first: Names = "neuroscience",
    second: Names = "machine learning / AI",
    *,
    citing: Names | None = "mi",
) -> pd.DataFrame:
    """Return pairs of works of two fields that stand in the same reference list.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph.
    first, second : str or several
        Fields of the two works of a pair.
    citing : str, several, or None
        Whose reference lists.

    Returns
    -------
    pandas.DataFrame
        ``first``, ``first_title``, ``second``, ``second_title`` and ``together`` (in how many
        reference lists), the most frequent first.

    Raises
    ------
    UnknownName
        For an unknown field or group.
    TooManyPairs
        If there would be more than two million pairs.

    Examples
    --------
    >>> from homologue import lineage
    >>> pairs = lineage.cocited(lineage.embedded())
    >>> int(pairs["together"].max())
    3
    """
    matrix = adjacency(graph)[np.flatnonzero(citing_works(graph, citing))]
    sides = [np.flatnonzero(works_of_field(graph, field)) for field in (first, second)]
    left, right = matrix[:, sides[0]], matrix[:, sides[1]]
    bound = float(left.sum(axis=1) @ right.sum(axis=1))
    if bound > _PAIRS_SHOWN:
        raise TooManyPairs(
            f"up to {bound:.0f} pairs of works are cited together; choose smaller fields or "
            "fewer citing works"
        )
    pairs = sparse.coo_array(left.T @ right)
    rows, columns = sides[0][pairs.coords[0]], sides[1][pairs.coords[1]]
    together = pairs.data.astype(int)
    distinct = rows != columns
    rows, columns, together = rows[distinct], columns[distinct], together[distinct]
    identifiers, titles = graph.works["id"].to_numpy(), graph.works["title"].to_numpy()
    table = pd.DataFrame(
        {
            "first": identifiers[rows],
            "first_title": titles[rows],
            "second": identifiers[columns],
            "second_title": titles[columns],
            "together": together,
        }
    )
    return table.sort_values(
        ["together", "first", "second"], ascending=[False, True, True], ignore_index=True
    )


def reach(
    graph: CitationGraph,
    field: Names = "neuroscience",
    *,
    citing: Names | None = "mi",
    steps: int = 3,
) -> pd.DataFrame:
    """Return how many works come to a field within so many steps of citation.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph; cycles are harmless.
    field : str or several
        Where to arrive.
    citing : str, several, or None
        Where to start.
    steps : int
        The longest path, in references.

    Returns
    -------
    pandas.DataFrame
        ``steps``, ``count`` (starting works with a path of at most so many references),
        ``total`` (starting works), ``share``, ``frontier`` (works that had to be opened at
        this step) and ``frontier_known`` (the share of them whose references are known).

    Notes
    -----
    A lower bound: a path is only seen where every reference list along it was read. Where
    ``frontier_known`` is low, the step is all but blind.

    Examples
    --------
    >>> from homologue import lineage
    >>> lineage.reach(lineage.embedded(), steps=2)[["steps", "count", "total"]].to_numpy().tolist()
    [[1, 9, 26], [2, 15, 26]]
    """
    if steps < 1:
        raise HomologueError(f"steps is at least 1; given {steps}")
    start = citing_works(graph, citing)
    target = works_of_field(graph, field)
    within = _steps_to(graph, target, steps)
    known = graph.works["references_known"].to_numpy()
    layer, seen = start.copy(), start.copy()
    rows = []
    for step in range(1, steps + 1):
        frontier = int(layer.sum())
        hit = start & (within >= 0) & (within <= step)
        rows.append(
            {
                "steps": step,
                "count": int(hit.sum()),
                "total": int(start.sum()),
                "share": hit.sum() / start.sum() if start.any() else np.nan,
                "frontier": frontier,
                "frontier_known": known[layer].mean() if frontier else np.nan,
            }
        )
        next_layer = np.zeros_like(layer)
        next_layer[graph.cited[layer[graph.citing]]] = True
        layer = next_layer & ~seen
        seen |= layer
    return pd.DataFrame(rows)


def _steps_to(graph: CitationGraph, target: Bool[Array, " work"], steps: int) -> np.ndarray:
    """Return the least number (≥ 1) of references from each work to a target, -1 if none."""
    within = np.full(len(target), -1)
    arrived = target
    for step in range(1, steps + 1):
        citing = graph.citing[arrived[graph.cited]]
        fresh = np.zeros_like(target)
        fresh[citing] = True
        fresh &= within < 0
        within[fresh] = step
        arrived = fresh
        if not fresh.any():
            break
    return within
