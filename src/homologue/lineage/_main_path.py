"""The main path: the chain of references through which most paths run."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from homologue._typing import Array, Float
from homologue.lineage._counterfactual import INSUFFICIENT, THRESHOLD, known_share
from homologue.lineage._graph import CitationGraph, citing_works
from homologue.lineage._paths import Condensed, condense, reaches
from homologue.lineage._shares import Citing
from homologue.lineage._words import percent, spaced


@dataclass(frozen=True)
class MainPath:
    """A main path and what it stands on.

    Attributes
    ----------
    works : pandas.DataFrame
        Newest first: ``step`` (works of one cycle share a step), ``id``, ``title``, ``year``,
        ``field``, ``weight`` (share of all source-to-sink paths that use the reference to the
        next step; NaN for the last).
    known_share, threshold : float
        Share of works whose references are known, and what a claim about history would need.
    sufficient : bool
        Whether it is reached.
    note : str
        What the path describes.
    """

    works: pd.DataFrame
    known_share: float
    threshold: float
    sufficient: bool
    note: str


def main_path(
    graph: CitationGraph, *, citing: Citing = "mi", threshold: float = THRESHOLD
) -> MainPath:
    """Return the global main path by search path counts.

    Cycles are condensed first. Every reference is weighted by the share of all paths, from
    works nobody cites down to works without known references, that run through it (search path
    count [1]_ [2]_); the main path is the chain with the greatest sum of weights.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph.
    citing : str, several, or None
        Only these works and what they lead to; None for the whole graph.
    threshold : float
        Known share from which the path may be read as history.

    Returns
    -------
    MainPath
        ``sufficient`` is False where too few reference lists are known: the path then
        describes the known lists and nothing else.

    References
    ----------
    .. [1] Hummon and Doreian (1989), doi:10.1016/0378-8733(89)90017-8
    .. [2] Batagelj (2003), arXiv:cs/0309023

    Examples
    --------
    >>> from homologue import lineage
    >>> path = lineage.main_path(lineage.embedded())
    >>> path.sufficient, path.works["id"].iloc[0]
    (False, 'prasad_survey_2024')
    """
    inside = np.ones(len(graph.works), dtype=bool)
    if citing is not None:
        inside = reaches(graph.cited, graph.citing, citing_works(graph, citing))
    kept = inside[graph.citing] & inside[graph.cited]
    condensed = condense(graph.citing[kept], graph.cited[kept], len(inside))
    weight = search_path_share(condensed)
    chain, weights = _heaviest(condensed, weight)
    table = _path_table(graph, condensed, inside, chain, weights)
    share = known_share(graph)
    known = int(graph.works["references_known"].sum())
    note = f"over the {known} known reference lists of {spaced(len(graph.works))} works"
    if share < threshold:
        note += (
            f"; {INSUFFICIENT} ({percent(share)} known, {percent(threshold)} needed): "
            "it describes these lists, not history"
        )
    return MainPath(table, share, threshold, share >= threshold, note)


def _path_table(
    graph: CitationGraph,
    condensed: Condensed,
    inside: np.ndarray,
    chain: list[int],
    weights: list[float],
) -> pd.DataFrame:
    step_of = np.full(condensed.size, -1)
    step_of[chain] = np.arange(len(chain))
    works = np.flatnonzero(inside & (step_of[condensed.component] >= 0))
    step = step_of[condensed.component[works]]
    # Within a cycle, newest first.
    order = np.lexsort((-np.nan_to_num(graph.years[works]), step))
    table = graph.works.iloc[works[order]][["id", "title", "year", "field"]]
    table.insert(0, "step", step[order])
    table["weight"] = np.array(weights)[step[order]] if chain else []
    return table.reset_index(drop=True)


def search_path_share(graph: Condensed) -> Float[Array, " reference"]:
    """Return, per reference of a condensed graph, the share of all paths that use it.

    Paths run from nodes nobody cites to nodes that cite nothing. Their number grows
    exponentially, so counts are kept as logarithms.
    """
    order = np.argsort(graph.citing, kind="stable")
    down = _log_paths(graph.citing[order], graph.cited[order], range(graph.size), graph.size)
    order = np.argsort(graph.cited, kind="stable")
    up = _log_paths(
        graph.cited[order], graph.citing[order], range(graph.size - 1, -1, -1), graph.size
    )
    if not len(graph.citing):
        return np.zeros(0)
    used = np.bincount(graph.cited, minlength=graph.size) > 0
    cites = np.bincount(graph.citing, minlength=graph.size) > 0
    tops = down[cites & ~used]
    total = tops.max() + np.log(np.exp(tops - tops.max()).sum())
    return np.exp(up[graph.citing] + down[graph.cited] - total)


def _log_paths(head: np.ndarray, tail: np.ndarray, nodes: range, size: int) -> np.ndarray:
    """Return log path counts from each node along head → tail (sorted by head) to an end."""
    starts = np.searchsorted(head, np.arange(size + 1)).tolist()
    tails = tail.tolist()
    paths = [0.0] * size
    for node in nodes:
        first, last = starts[node], starts[node + 1]
        if last == first + 1:
            paths[node] = paths[tails[first]]
        elif last > first:
            counts = [paths[other] for other in tails[first:last]]
            most = max(counts)
            paths[node] = most + math.log(sum(math.exp(count - most) for count in counts))
    return np.array(paths)


def _heaviest(graph: Condensed, weight: np.ndarray) -> tuple[list[int], list[float]]:
    """Return the chain of components with the greatest sum of weights, and its weights."""
    if not len(graph.citing):
        return [], []
    order = np.lexsort((graph.cited, graph.citing))
    citing, cited, weight = graph.citing[order], graph.cited[order], weight[order]
    starts = np.searchsorted(citing, np.arange(graph.size + 1)).tolist()
    tails, gains = cited.tolist(), weight.tolist()
    best = [0.0] * graph.size
    chosen = [-1] * graph.size
    for node in range(graph.size):
        for edge in range(starts[node], starts[node + 1]):
            value = gains[edge] + best[tails[edge]]
            if chosen[node] < 0 or value > best[node]:
                best[node], chosen[node] = value, edge
    node = max(range(graph.size), key=best.__getitem__)
    chain, weights = [node], []
    while chosen[node] >= 0:
        weights.append(gains[chosen[node]])
        node = tails[chosen[node]]
        chain.append(node)
    return chain, [*weights, float("nan")]
