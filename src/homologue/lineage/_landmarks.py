"""Landmark works: which titles stand for which idea, method or finding."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from homologue._errors import HomologueError
from homologue._typing import Array, Bool
from homologue.lineage._data import landmark_patterns
from homologue.lineage._graph import CitationGraph

KINDS = {
    "distributed representation": "idea",
    "linear representation": "idea",
    "superposition / compressed sensing": "idea",
    "representational hierarchy": "idea",
    "efficient coding": "idea",
    "max-activating stimuli (receptive fields)": "method",
    "ablation / lesion": "method",
    "sparse coding / dictionary learning": "method",
    "dimensionality reduction / manifolds": "method",
    "concept cells": "finding",
    "place / grid cells": "finding",
}
"""What each embedded landmark set stands for: an idea, a method or a finding."""

Patterns = Mapping[str, Sequence[str]]


def tag(graph: CitationGraph, patterns: Patterns | None = None) -> Bool[Array, "work idea"]:
    """Return which works are landmarks of which idea, by their titles.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph.
    patterns : mapping of str to sequence of str, optional
        Idea to regular expressions, searched in the lower-case title; by default the embedded
        ones (:func:`landmark_patterns`).

    Raises
    ------
    HomologueError
        A pattern is not a regular expression.

    Notes
    -----
    A landmark is found by its title, so a work that carries an idea under another title is
    missed, and a title that merely mentions it is counted.

    Examples
    --------
    >>> from homologue import lineage
    >>> int(lineage.tag(lineage.embedded()).any(axis=1).sum())
    168
    """
    patterns = landmark_patterns() if patterns is None else patterns
    titles = tuple(graph.works["title"].astype(str).str.lower())
    columns = []
    for idea, expressions in patterns.items():
        try:
            compiled = re.compile("|".join(f"(?:{one})" for one in expressions))
        except re.error as problem:
            raise HomologueError(
                f"a landmark pattern of {idea!r} is not a regular expression: {problem}; "
                "escape brackets and parentheses"
            ) from problem
        columns.append(_found(compiled, titles))
    return np.array(columns, dtype=bool).reshape(len(columns), len(titles)).T


@lru_cache(maxsize=64)
def _found(pattern: re.Pattern[str], titles: tuple[str, ...]) -> tuple[bool, ...]:
    """Return which titles hold a pattern; every question about one graph asks this again."""
    return tuple(pattern.search(title) is not None for title in titles)


def landmarks(graph: CitationGraph, patterns: Patterns | None = None) -> pd.DataFrame:
    """Return the landmark works of every idea, oldest first.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph.
    patterns : mapping, optional
        As in :func:`tag`.

    Returns
    -------
    pandas.DataFrame
        ``idea``, ``kind``, ``id``, ``title``, ``year``, ``field``; a work that stands for two
        ideas has two rows.

    Examples
    --------
    >>> from homologue import lineage
    >>> table = lineage.landmarks(lineage.embedded())
    >>> table.loc[table["idea"] == "concept cells", "year"].to_list()
    [2005, 2008, 2009, 2012, 2021]
    """
    patterns = landmark_patterns() if patterns is None else patterns
    tagged = tag(graph, patterns)
    parts = []
    for column, idea in enumerate(patterns):
        part = graph.works.loc[tagged[:, column], ["id", "title", "year", "field"]]
        parts.append(part.sort_values(["year", "id"]).assign(idea=idea, kind=kind_of(idea)))
    names = ["idea", "kind", "id", "title", "year", "field"]
    if not parts:
        return pd.DataFrame(columns=names)
    return pd.concat(parts, ignore_index=True)[names]


def kind_of(idea: str) -> str:
    """Return ``"idea"``, ``"method"`` or ``"finding"``; ``"idea"`` for names of your own."""
    return KINDS.get(idea, "idea")
