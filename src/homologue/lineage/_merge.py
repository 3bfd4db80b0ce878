"""Join citation graphs: the same work is found by DOI or title, never across six years."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from homologue._errors import HomologueError
from homologue.lineage._fields import normalise
from homologue.lineage._graph import CitationGraph, make
from homologue.lineage._words import counted

MOST_YEARS_APART = 6
"""Works further apart than this are never merged: reprints and namesakes are not the work."""

_LONG_TITLE = 4
_SPAN = ("earliest_year", "latest_year")


def normalise_doi(doi: str) -> str:
    """Return a DOI without its resolver, in lower case; empty if there is none.

    Examples
    --------
    >>> normalise_doi("https://doi.org/10.1038/NATURE03687")
    '10.1038/nature03687'
    """
    found = re.search(r"10\.\d{4,9}/\S+", doi.lower())
    return found.group().rstrip(".,;)") if found else ""


def surname(author: str) -> str:
    """Return the last word of a family name, however the name is written.

    Examples
    --------
    >>> surname("van der Maaten, Laurens"), surname("Laurens van der Maaten"), surname("")
    ('maaten', 'maaten', '')
    """
    words = normalise(author.split(",")[0]).split()
    return words[-1] if words and words[-1] != "others" else ""


def merge(*graphs: CitationGraph) -> CitationGraph:
    """Return one graph of several, with each work once.

    Two rows are one work if their DOIs are equal, or their titles are (in plain lower-case
    words) and their first authors do not disagree; titles of fewer than four words need an
    agreeing author or the same year. Works more than six years apart are never merged, nor
    through a third one between them; such namesakes are counted in ``remarks``. A work without
    a year needs an equal DOI, or title and author.

    Parameters
    ----------
    *graphs : CitationGraph
        The first has the last word on a merged work's id, title, year, field and group.

    Returns
    -------
    CitationGraph
        Reference lists of a merged work are united; ``earliest_year`` and ``latest_year`` keep
        the span of its rows, which holds when the result is merged again. An id that stands for
        different works in two graphs gets ``#2`` in the later one.

    Examples
    --------
    >>> from homologue import lineage
    >>> sample = lineage.embedded()
    >>> lineage.merge(sample, sample)
    CitationGraph(2637 works, 3234 references, reference lists of 46 works known)
    """
    if not graphs:
        raise HomologueError("nothing to merge: give at least one graph")
    works = pd.concat([graph.works for graph in graphs], ignore_index=True)
    offsets = np.cumsum([0, *(len(graph.works) for graph in graphs)])
    clusters = _Clusters(works)
    joined = {
        "DOI": clusters.join(_groups(clusters.doi)),
        "title and author": clusters.join(_groups(clusters.titled_by_author)),
        "title": clusters.join(_groups(clusters.title), by_title_alone=True),
    }
    root = np.array([clusters.find(row) for row in range(len(works))])
    kept, position = np.unique(root, return_inverse=True)
    table = _merged_rows(works, root, kept)
    if len(kept) < len(works):
        table = table.assign(**{name: spans[kept] for name, spans in clusters.spans().items()})
    table["id"] = _distinct(table["id"].to_numpy(dtype=object))
    names = table["id"].to_numpy(dtype=object)
    edges = pd.concat(
        [
            pd.DataFrame(
                {
                    "citing": names[position[graph.citing + offset]],
                    "cited": names[position[graph.cited + offset]],
                    "source": graph.citations["source"].to_numpy(),
                }
            )
            for graph, offset in zip(graphs, offsets[:-1], strict=True)
        ],
        ignore_index=True,
    )
    remarks = [remark for graph in graphs for remark in graph.remarks]
    if len(works) > len(kept):
        how = ", ".join(f"{count} by {name}" for name, count in joined.items() if count)
        remarks.append(f"{counted(len(works) - len(kept), 'work')} merged ({how})")
    if clusters.apart:
        remarks.append(
            counted(len(clusters.apart), "pair of namesakes", "pairs of namesakes")
            + f" kept apart: more than {MOST_YEARS_APART} years"
        )
    return make(table, edges, remarks=remarks)


class _Clusters:
    """Rows that are one work: a union–find that knows each cluster's years and author."""

    def __init__(self, works: pd.DataFrame) -> None:
        self.parent = list(range(len(works)))
        self.year = works["year"].to_numpy(dtype=float, na_value=np.nan)
        # A row that is itself merged keeps its span: merging again must not stretch it.
        self.first, self.last = (
            np.where(np.isnan(span), self.year, span)
            for span in (_numbers(works, name) for name in _SPAN)
        )
        self.author = [surname(str(name)) for name in works["first_author"]]
        self.doi = [normalise_doi(str(doi)) for doi in works["doi"]]
        self.title = [normalise(str(title)) for title in works["title"]]
        self.titled_by_author = [
            f"{title}|{author}" if title and author else ""
            for title, author in zip(self.title, self.author, strict=True)
        ]
        self.apart: set[tuple[int, int]] = set()

    def spans(self) -> dict[str, np.ndarray]:
        return dict(zip(_SPAN, (self.first, self.last), strict=True))

    def find(self, row: int) -> int:
        while self.parent[row] != row:
            self.parent[row] = self.parent[self.parent[row]]
            row = self.parent[row]
        return row

    def join(self, groups: Iterable[Sequence[int]], *, by_title_alone: bool = False) -> int:
        """Join neighbours in year within each group, and return how many joins there were."""
        joins = 0
        for group in groups:
            ordered = sorted(group, key=lambda row: (np.isnan(self.year[row]), self.year[row], row))
            for earlier, later in itertools.pairwise(ordered):
                if by_title_alone and not self._title_suffices(earlier, later):
                    continue
                if np.isnan(self.year[later]) and self.find(later) != self.find(ordered[0]):
                    earlier = ordered[0]
                joins += self._unite(earlier, later)
        return joins

    def _title_suffices(self, one: int, other: int) -> bool:
        authors = {self.author[self.find(row)] for row in (one, other)} - {""}
        if len(authors) > 1 or np.isnan(self.year[[one, other]]).any():
            return False
        long = len(self.title[one].split()) >= _LONG_TITLE
        return long or self.year[one] == self.year[other]

    def _unite(self, one: int, other: int) -> int:
        first, second = sorted((self.find(one), self.find(other)))
        if first == second:
            return 0
        years = np.array([self.first[[first, second]], self.last[[first, second]]])
        if not np.isnan(years).all():
            if np.nanmax(years) - np.nanmin(years) > MOST_YEARS_APART:
                self.apart.add((one, other))
                return 0
            self.first[first], self.last[first] = np.nanmin(years), np.nanmax(years)
        self.author[first] = self.author[first] or self.author[second]
        self.parent[second] = first
        return 1


def _numbers(works: pd.DataFrame, column: str) -> np.ndarray:
    if column not in works.columns:
        return np.full(len(works), np.nan)
    return works[column].to_numpy(dtype=float, na_value=np.nan)


def _groups(keys: Sequence[str]) -> list[list[int]]:
    found: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        if key:
            found.setdefault(key, []).append(row)
    return [rows for rows in found.values() if len(rows) > 1]


def _merged_rows(works: pd.DataFrame, root: np.ndarray, kept: np.ndarray) -> pd.DataFrame:
    """Return one row per cluster: the first one's, its gaps filled from the others."""
    table = works.loc[kept].reset_index(drop=True)
    if len(kept) == len(works):
        return table
    filled = works.replace({"": None})
    first = filled.groupby(root, sort=True).first().reset_index(drop=True)
    for column in table.columns:
        if column not in ("id", "references_known", "field", "field_rule"):
            table[column] = first[column]
    table["references_known"] = works["references_known"].groupby(root, sort=True).any().to_numpy()
    # A field and the rule that gave it go together; "unassigned" is a gap.
    decided = works[works["field"] != "unassigned"]
    source = decided.groupby(root[decided.index], sort=True).head(1)
    rows = np.searchsorted(kept, root[source.index])
    for column in ("field", "field_rule"):
        table.loc[rows, column] = source[column].to_numpy()
    return table


def _distinct(names: np.ndarray) -> np.ndarray:
    taken: set[str] = set()
    result = names.copy()
    for position, name in enumerate(names):
        number = 2
        while result[position] in taken:
            result[position] = f"{name}#{number}"
            number += 1
        taken.add(result[position])
    return result
