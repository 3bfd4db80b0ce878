"""The citation graph: two tidy tables, and edge indices for the arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sparse

from homologue._errors import HomologueError, UnknownName, nearest
from homologue._typing import Array, Bool, Float, Int
from homologue.lineage._words import counted

if TYPE_CHECKING:
    import networkx

FIELDS = (
    "neuroscience",
    "psychology / cognitive science",
    "machine learning / AI",
    "mathematics / statistics",
    "physics",
    "philosophy",
    "other",
    "unassigned",
)
"""The fields of the venue table, in the order every table and figure uses."""

_TEXT = ("title", "venue", "field", "field_rule", "first_author", "doi", "group", "source")
_COLUMNS = ("id", "title", "year", *_TEXT[1:], "references_known")


class InvalidGraph(HomologueError):
    """Tables that do not make a citation graph; the message says which row and why."""


@dataclass(frozen=True)
class CitationGraph:
    """A citation graph as two tidy tables.

    Build one with :func:`make` or a loader; the fields below are then consistent.

    Attributes
    ----------
    works : pandas.DataFrame
        One row per work: ``id`` (unique), ``title``, ``year`` (``Int64``, may be missing),
        ``venue``, ``field``, ``field_rule`` (why that field), ``first_author``, ``doi``,
        ``group`` (the sample a citing work belongs to, else empty), ``source`` (where the row
        comes from) and ``references_known`` (its own reference list was read).
    citations : pandas.DataFrame
        One row per reference: ``citing``, ``cited`` (ids of works) and ``source``.
    citing, cited : numpy.ndarray, shape (reference,)
        The same references as row numbers of ``works``.
    remarks : tuple of str
        What was dropped or mended while the tables were read, with counts.
    """

    works: pd.DataFrame
    citations: pd.DataFrame
    citing: Int[Array, " reference"]
    cited: Int[Array, " reference"]
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        known = int(self.works["references_known"].sum())
        return (
            f"CitationGraph({len(self.works)} works, {len(self.citations)} references, "
            f"reference lists of {known} works known)"
        )

    @property
    def years(self) -> Float[Array, " work"]:
        """The year of each work, NaN where it is missing."""
        return self.works["year"].to_numpy(dtype=float, na_value=np.nan)


def make(
    works: pd.DataFrame,
    citations: pd.DataFrame,
    *,
    remarks: Sequence[str] = (),
) -> CitationGraph:
    """Return a citation graph from two tables, checked.

    Self-citations and repeated references are dropped and counted in ``remarks``; cycles stay
    (authors do cite each other's drafts), and every function of this package accepts them.

    Parameters
    ----------
    works : pandas.DataFrame
        Needs ``id`` and ``title``; every other column of :class:`CitationGraph` is filled in
        where it is absent. ``references_known`` defaults to "cites something".
    citations : pandas.DataFrame
        Needs ``citing`` and ``cited``.
    remarks : sequence of str
        Carried over from whoever read the tables.

    Returns
    -------
    CitationGraph

    Raises
    ------
    InvalidGraph
        A column is missing, an id stands twice or is empty, a reference names an unknown work,
        or a year is not a whole number.

    Examples
    --------
    >>> import pandas as pd
    >>> works = pd.DataFrame({"id": ["a", "b"], "title": ["New", "Old"], "year": [2020, 1959]})
    >>> make(works, pd.DataFrame({"citing": ["a", "a"], "cited": ["b", "a"]}))
    CitationGraph(2 works, 1 references, reference lists of 1 works known)
    """
    for name, table, needed in (
        ("works", works, ("id", "title")),
        ("citations", citations, ("citing", "cited")),
    ):
        missing = [column for column in needed if column not in table.columns]
        if missing:
            raise InvalidGraph(
                f"the table of {name} has no column {missing[0]!r}; it has "
                f"{', '.join(map(str, table.columns)) or 'none'}; needed: {', '.join(needed)}"
            )
    index = _unique_ids(works)
    edges = {end: _row_numbers(index, citations[end], end) for end in ("citing", "cited")}
    notes = list(remarks)
    keep = edges["citing"] != edges["cited"]
    if not keep.all():
        notes.append(counted(int((~keep).sum()), "self-citation") + " dropped")
    pair = edges["citing"] * np.int64(max(len(works), 1)) + edges["cited"]
    first = np.zeros(len(pair), dtype=bool)
    first[np.unique(pair, return_index=True)[1]] = True
    if (keep & ~first).any():
        notes.append(counted(int((keep & ~first).sum()), "repeated reference") + " dropped")
    keep &= first
    table = citations if keep.all() else citations.loc[keep]
    source = table["source"] if "source" in table.columns else ""
    tidy = pd.DataFrame(
        {"citing": table["citing"].to_numpy(), "cited": table["cited"].to_numpy()},
    )
    tidy["source"] = source.to_numpy() if isinstance(source, pd.Series) else source
    citing, cited = edges["citing"][keep], edges["cited"][keep]
    return CitationGraph(_complete(works, citing), tidy, citing, cited, tuple(notes))


def _unique_ids(works: pd.DataFrame) -> pd.Index:
    index = pd.Index(works["id"])
    if index.isna().any() or (index == "").any():
        raise InvalidGraph("a work has no id; give each row of works a unique string")
    if not index.is_unique:
        repeated = index[index.duplicated()].unique()[:3]
        raise InvalidGraph(
            f"ids stand more than once: {', '.join(map(repr, repeated))}; "
            "make them unique, or join graphs with lineage.merge"
        )
    return index


def _row_numbers(index: pd.Index, ids: pd.Series, end: str) -> np.ndarray:
    rows = index.get_indexer(pd.Index(ids)).astype(np.int64)
    if (rows < 0).any():
        unknown = pd.unique(ids[rows < 0])
        raise InvalidGraph(
            f"{len(unknown)} works named as {end!r} are not in the table of works, "
            f"the first is {unknown[0]!r}; add a row for each, or drop those references"
        )
    return rows


def _complete(works: pd.DataFrame, citing: np.ndarray) -> pd.DataFrame:
    full = works.reset_index(drop=True).copy()
    for column in _TEXT:
        values = full[column] if column in full.columns else pd.Series("", index=full.index)
        full[column] = values.astype(object).where(values.notna(), "")
    full["field"] = full["field"].where(full["field"] != "", "unassigned")
    year = full["year"] if "year" in full.columns else pd.Series(pd.NA, index=full.index)
    try:
        full["year"] = pd.to_numeric(year.replace("", pd.NA)).astype("Int64")
    except (TypeError, ValueError) as problem:
        raise InvalidGraph(
            f"years are whole numbers or empty ({problem}); strip months and 'c.' first"
        ) from problem
    if "references_known" in full.columns:
        full["references_known"] = full["references_known"].astype(bool)
    else:
        full["references_known"] = np.bincount(citing, minlength=len(full)) > 0
    extra = [column for column in full.columns if column not in _COLUMNS]
    return full[[*_COLUMNS, *extra]]


def with_fields(graph: CitationGraph, field: Sequence[str] | np.ndarray) -> CitationGraph:
    """Return the graph with other fields, everything else shared."""
    return replace(graph, works=graph.works.assign(field=np.asarray(field, dtype=object)))


def fields(graph: CitationGraph) -> list[str]:
    """Return the fields that occur, in the order of :data:`FIELDS`, then by name.

    Examples
    --------
    >>> from homologue import lineage
    >>> lineage.fields(lineage.embedded())[:2]
    ['neuroscience', 'psychology / cognitive science']
    """
    present = set(graph.works["field"].unique())
    return [name for name in FIELDS if name in present] + sorted(present - set(FIELDS))


def field_codes(graph: CitationGraph, names: Sequence[str]) -> Int[Array, " work"]:
    """Return each work's position in ``names``, -1 if its field is not among them."""
    return pd.Index(names).get_indexer(graph.works["field"]).astype(np.int64)


def works_of_field(graph: CitationGraph, field: str | Iterable[str]) -> Bool[Array, " work"]:
    """Return which works belong to a field (or to any of several); unknown names are errors."""
    wanted = [field] if isinstance(field, str) else list(field)
    known = {*FIELDS, *graph.works["field"].unique()}
    for name in wanted:
        if name not in known:
            raise UnknownName(f"there is no field {name!r}" + nearest(name, known))
    return graph.works["field"].isin(wanted).to_numpy()


def citing_works(graph: CitationGraph, citing: str | Iterable[str] | None) -> Bool[Array, " work"]:
    """Return which works are meant by a group name, several, or None (all that cite)."""
    if citing is None:
        return np.bincount(graph.citing, minlength=len(graph.works)) > 0
    wanted = [citing] if isinstance(citing, str) else list(citing)
    known = set(graph.works["group"].unique()) - {""}
    for name in wanted:
        if name not in known:
            raise UnknownName(f"there is no group of citing works {name!r}" + nearest(name, known))
    return graph.works["group"].isin(wanted).to_numpy()


def adjacency(graph: CitationGraph) -> sparse.csr_array:
    """Return the sparse matrix whose entry (i, j) is 1 where work i cites work j.

    Examples
    --------
    >>> from homologue import lineage
    >>> adjacency(lineage.embedded()).sum()
    np.float64(3234.0)
    """
    size = len(graph.works)
    ones = np.ones(len(graph.citing))
    return sparse.csr_array((ones, (graph.citing, graph.cited)), shape=(size, size))


def to_networkx(graph: CitationGraph) -> networkx.DiGraph:
    """Return a networkx view: nodes are work ids with their columns, edges citing → cited.

    Needs networkx (``pip install 'homologue[lineage]'``).

    Examples
    --------
    >>> from homologue import lineage
    >>> view = lineage.to_networkx(lineage.embedded())
    >>> view.number_of_edges(), view.nodes["toy_models_2022"]["year"]
    (3234, 2022)
    """
    import networkx

    view = networkx.DiGraph()
    records: list[dict[str, Any]] = graph.works.to_dict("records")
    view.add_nodes_from((record.pop("id"), record) for record in records)
    view.add_edges_from(
        (citing, cited, {"source": source})
        for citing, cited, source in graph.citations[["citing", "cited", "source"]].itertuples(
            index=False
        )
    )
    return view
