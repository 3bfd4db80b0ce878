"""Which advances of a field arrived: its works of some years that a group of works cites."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from homologue._typing import Array, Bool, Int
from homologue.lineage._fields import contested
from homologue.lineage._graph import CitationGraph, citing_works, works_of_field
from homologue.lineage._landmarks import Patterns, landmark_patterns, tag
from homologue.lineage._shares import Citing


def advances(
    graph: CitationGraph,
    field: str | Iterable[str] = "neuroscience",
    *,
    since: int = 1990,
    until: int = 2020,
    citing: Citing = "mi",
    patterns: Patterns | None = None,
) -> dict[str, int]:
    """Return how many of a field's works of some years are cited by a group, and of its ideas.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph.
    field : str or several
        Whose advances.
    since, until : int
        Publication years, ``until`` included.
    citing : str, several, or None
        Whose references.
    patterns : mapping, optional
        Landmark patterns.

    Returns
    -------
    dict
        ``works`` of the field and years in the graph, how many are ``reached``; ``ideas`` with
        a landmark among them, how many ``ideas_reached`` through such a landmark.

    Notes
    -----
    The denominator is what this graph holds, not what a field has produced: in the embedded
    sample, what 20 neuroscience works happened to cite. Nothing in it tells a theoretical
    advance from an experimental one; landmark ideas are the nearest it has.

    Examples
    --------
    >>> from homologue import lineage
    >>> answer = lineage.advances(lineage.embedded())
    >>> answer["reached"], answer["ideas_reached"], answer["ideas"]
    (18, 7, 10)
    """
    inside, times = _works_and_references(graph, field, since, until, citing)
    cited = times > 0
    tagged = tag(graph, patterns)
    return {
        "works": int(inside.sum()),
        "reached": int((inside & cited).sum()),
        "ideas": int(tagged[inside].any(axis=0).sum()),
        "ideas_reached": int(tagged[inside & cited].any(axis=0).sum()),
    }


def arrivals(
    graph: CitationGraph,
    field: str | Iterable[str] = "neuroscience",
    *,
    since: int = 1990,
    until: int = 2020,
    citing: Citing = "mi",
    patterns: Patterns | None = None,
) -> pd.DataFrame:
    """Return the works that :func:`advances` counts as reached, one by one.

    A count does not tell theory from experiment; a list lets its reader do so.

    Parameters
    ----------
    graph, field, since, until, citing, patterns
        See :func:`advances`.

    Returns
    -------
    pandas.DataFrame
        Oldest first: ``id``, ``title``, ``year``, ``references`` (how many of the citing works
        cite it), ``ideas`` (it is a landmark of, joined by ``"; "``) and ``contested`` (its
        field is debatable, see :func:`contested`).

    Examples
    --------
    >>> from homologue import lineage
    >>> table = lineage.arrivals(lineage.embedded())
    >>> len(table), table.loc[0, "title"], int(table.loc[0, "references"])
    (18, 'Sparse coding with an overcomplete basis set: a strategy employed by V1?', 3)
    """
    inside, times = _works_and_references(graph, field, since, until, citing)
    here = np.flatnonzero(inside & (times > 0))
    names = np.array(list(landmark_patterns() if patterns is None else patterns), dtype=object)
    tagged = tag(graph, patterns)
    table = graph.works.iloc[here][["id", "title", "year"]].copy()
    table["references"] = times[here]
    table["ideas"] = ["; ".join(names[tagged[row]]) for row in here]
    table["contested"] = table["id"].isin(contested(graph)["id"]).to_numpy()
    return table.sort_values(["year", "id"], ignore_index=True)


def _works_and_references(
    graph: CitationGraph,
    field: str | Iterable[str],
    since: int,
    until: int,
    citing: Citing,
) -> tuple[Bool[Array, " work"], Int[Array, " work"]]:
    years = graph.years
    inside = works_of_field(graph, field) & (years >= since) & (years <= until)
    chosen = citing_works(graph, citing)[graph.citing]
    return inside, np.bincount(graph.cited[chosen], minlength=len(graph.works))
