"""Which fields are cited: by period of the cited work, by year of the citing one, by idea."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from homologue._errors import HomologueError, UnknownName, nearest
from homologue._typing import Array, Int
from homologue.lineage._graph import (
    CitationGraph,
    citing_works,
    field_codes,
    fields,
)
from homologue.lineage._interval import share_intervals
from homologue.lineage._landmarks import Patterns, kind_of, landmark_patterns, tag

PERIODS = (1990, 2010, 2020)
"""First years of the periods after the first: before 1990, 1990–2009, 2010–2019, 2020 on."""

WAVES = (2022,)
"""First years of the later waves of citing works: to 2021, 2022 on."""

ALL = "all years"
NO_YEAR = "no year"

Citing = str | Iterable[str] | None


def shares(
    graph: CitationGraph,
    *,
    by: str = "period",
    citing: Citing = "mi",
    cuts: Sequence[int] = PERIODS,
    draws: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Return the share of references that goes to each field, with counts and intervals.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph.
    by : {"period", "citing period", "citing year"}
        Rows: the cited work's period, the citing work's period, or each citing year.
    citing : str, several, or None
        Whose references: groups of citing works; None for all works that cite.
    cuts : sequence of int
        First years of the periods after the first, for both kinds of period.
    draws, level, rng
        See :func:`homologue.lineage.share_intervals`; ``draws=0`` leaves the intervals out.

    Returns
    -------
    pandas.DataFrame
        ``period`` (or ``citing_period``, ``citing_year``), ``field``, ``count``, ``total``,
        ``share``, ``low``, ``high``, ``citing_works`` (how many contribute), ``interval``. The
        first rows are all years together; works without a year are a row of their own.

    Raises
    ------
    UnknownName
        For another ``by``, or an unknown group of citing works (the nearest is suggested).
    HomologueError
        If ``cuts`` are not increasing.

    Notes
    -----
    A share of references is not a share of inheritance: an idea may have come through a
    textbook, a teacher or a paper that is itself cited, and a reference may be ornament.

    Examples
    --------
    >>> from homologue import lineage
    >>> table = lineage.shares(lineage.embedded(), citing="mi", draws=0)
    >>> row = table[table["field"] == "neuroscience"].iloc[0]
    >>> row["period"], int(row["count"]), int(row["total"])
    ('all years', 28, 1133)
    """
    column, ends = {
        "period": ("period", "cited"),
        "citing period": ("citing_period", "citing"),
        "citing year": ("citing_year", "citing"),
    }.get(by, ("", ""))
    if not column:
        raise UnknownName(
            f"references are counted by 'period', 'citing period' or 'citing year', not {by!r}"
            + nearest(by, ("period", "citing period", "citing year"))
        )
    generator = np.random.default_rng(rng)
    chosen = citing_works(graph, citing)[graph.citing]
    years = graph.years[getattr(graph, ends)[chosen]]
    if by == "citing year":
        names, codes = _single_years(years)
    else:
        names, codes = _periods(years, cuts, first="before" if ends == "cited" else "to")
    known = fields(graph)
    works = graph.citing[chosen]
    field = field_codes(graph, known)[graph.cited[chosen]]

    def part(labels: list[str], inside: np.ndarray, hits: np.ndarray) -> pd.DataFrame:
        hits = hits[inside]
        totals = np.repeat(hits.sum(axis=2, keepdims=True), len(known), axis=2)
        return _table(
            {column: labels}, known, hits, totals, draws=draws, level=level, rng=generator
        )

    hits, rows = _count(works, codes, field, (len(names), len(known)))
    overall: np.ndarray = hits.sum(axis=1, keepdims=True)
    everything = np.ones(len(rows), dtype=bool)
    if ends == "cited":
        return part([ALL, *names], everything, np.concatenate([overall, hits], axis=1))
    parts = [part([ALL], everything, overall)]
    for code, name in enumerate(names):
        # Each citing work has one year: its row resamples the works of that row alone.
        here = hits[:, code].sum(axis=1) > 0
        parts.append(part([name], here, hits[:, code : code + 1]))
    return pd.concat(parts, ignore_index=True)


def _count(
    works: np.ndarray, strata: np.ndarray, field: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return references per citing work, stratum and field, and which works these are."""
    rows, distinct = pd.factorize(works)
    cells = (rows * shape[0] + strata) * shape[1] + field
    size = len(distinct) * shape[0] * shape[1]
    counts = np.bincount(cells, minlength=size).astype(float)
    return counts.reshape(len(distinct), *shape), distinct


def _periods(
    years: np.ndarray, cuts: Sequence[int], *, first: str
) -> tuple[list[str], Int[Array, " reference"]]:
    cuts = [int(cut) for cut in cuts]
    if not cuts or any(later <= earlier for earlier, later in itertools.pairwise(cuts)):
        raise HomologueError(f"cuts are increasing years, such as (1990, 2010); given {cuts}")
    names = [f"before {cuts[0]}" if first == "before" else f"to {cuts[0] - 1}"]
    names += [f"{a}–{b - 1}" for a, b in itertools.pairwise(cuts)]
    names += [f"{cuts[-1]} on"]
    codes = np.searchsorted(np.array(cuts, dtype=float), years, side="right")
    missing = np.isnan(years)
    if missing.any():
        codes = np.where(missing, len(names), codes)
        names.append(NO_YEAR)
    return names, codes.astype(np.int64)


def _single_years(years: np.ndarray) -> tuple[list[str], Int[Array, " reference"]]:
    missing = np.isnan(years)
    present = np.unique(years[~missing]).astype(int)
    codes = np.searchsorted(present, np.where(missing, 0, years))
    names = [str(year) for year in present]
    if missing.any():
        codes = np.where(missing, len(names), codes)
        names.append(NO_YEAR)
    return names, codes.astype(np.int64)


def _table(
    labels: dict[str, list[str]],
    known: list[str],
    hits: np.ndarray,
    totals: np.ndarray,
    *,
    draws: int,
    level: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    works, rows, width = hits.shape
    flat = (works, rows * width)
    low, high, method = share_intervals(
        hits.reshape(flat), totals.reshape(flat), level=level, draws=draws, rng=rng
    )
    count = hits.sum(axis=0).astype(int).ravel()
    total = totals.sum(axis=0).astype(int).ravel()
    table = pd.DataFrame({name: np.repeat(values, width) for name, values in labels.items()})
    table["field"] = known * rows
    table["count"], table["total"] = count, total
    table["share"] = count / np.where(total > 0, total, np.nan)
    table["low"], table["high"] = low, high
    table["citing_works"] = (totals > 0).sum(axis=0).ravel()
    table["interval"] = method
    return table


def ideas(
    graph: CitationGraph,
    *,
    citing: Citing = "mi",
    patterns: Patterns | None = None,
    draws: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Return which fields carry each idea: references to its landmark works, by field.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph.
    citing : str, several, or None
        Whose references.
    patterns : mapping, optional
        Idea to title patterns; by default the embedded landmarks.
    draws, level, rng
        See :func:`homologue.lineage.share_intervals`.

    Returns
    -------
    pandas.DataFrame
        ``idea``, ``kind`` (idea, method or finding), ``field``, ``works`` (landmarks of the
        field in the graph), ``count`` (references to them), ``total`` (references to all
        landmarks of the idea), ``share``, ``low``, ``high``, ``citing_works``, ``interval``.

    Notes
    -----
    Cells are small: most ideas have fewer than twenty references. An idea whose total is zero
    was cited by none of these works under its landmark titles, which is not to say it is absent.

    Examples
    --------
    >>> from homologue import lineage
    >>> table = lineage.ideas(lineage.embedded(), citing="mi", draws=0)
    >>> cells = table[(table["idea"] == "concept cells") & (table["field"] == "neuroscience")]
    >>> cells[["works", "count", "total"]].to_numpy().tolist()
    [[4, 4, 6]]
    """
    names = list(landmark_patterns() if patterns is None else patterns)
    tagged = tag(graph, patterns)
    chosen = citing_works(graph, citing)[graph.citing]
    known = fields(graph)
    field = field_codes(graph, known)
    cited = graph.cited[chosen]
    # One row per reference and idea it stands for: a landmark of two ideas counts in both.
    reference, idea = np.nonzero(tagged[cited])
    hits, _ = _count(
        graph.citing[chosen][reference], idea, field[cited[reference]], (len(names), len(known))
    )
    there = (
        np.stack([np.bincount(field[member], minlength=len(known)) for member in tagged.T])
        if names
        else np.zeros((0, len(known)), dtype=int)
    )
    totals = np.repeat(hits.sum(axis=2, keepdims=True), len(known), axis=2)
    labels = {"idea": names, "kind": [kind_of(name) for name in names]}
    generator = np.random.default_rng(rng)
    table = _table(labels, known, hits, totals, draws=draws, level=level, rng=generator)
    table.insert(3, "works", there.ravel())
    return table
