"""Which field a work belongs to: a frozen venue table, title words, overrides, and doubt."""

from __future__ import annotations

import csv
import functools
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files

import pandas as pd

from homologue._errors import UnknownName, nearest
from homologue.lineage._graph import CitationGraph, with_fields, works_of_field

READINGS = ("strict", "assigned", "liberal")
"""How doubt is counted: contested works leave the field, stay as assigned, or all enter it."""

_NEUROSCIENCE = "neuroscience"


def normalise(text: str) -> str:
    """Return a title or venue in plain lower-case ASCII words, for matching.

    Examples
    --------
    >>> normalise("Zeitschrift für Naturforschung, C.")
    'zeitschrift fur naturforschung c'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", " ", plain.lower()).strip()


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("homologue.lineage") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def venue_table() -> pd.DataFrame:
    """Return the frozen venue table, first match first.

    Columns: ``pattern`` (a regular expression on the normalised venue), ``field``,
    ``title_decides`` (fields a title may move a work of this venue to; empty where the venue
    decides alone), ``contested_by`` (fields with a fair claim to the venue) and ``note``.

    Examples
    --------
    >>> table = venue_table()
    >>> table.loc[table["pattern"] == "pattern recognition", "field"].item()
    'machine learning / AI'
    """
    return pd.DataFrame(_rows("venues.csv"))


def title_words() -> pd.DataFrame:
    """Return the words by which a title decides, and those by which it contests a venue.

    The second list is shorter: "neuron" and "spiking" are everyday words of machine learning,
    so they do not contest a machine-learning venue.

    Examples
    --------
    >>> title_words()["field"].to_list()[0]
    'neuroscience'
    """
    return pd.DataFrame(_rows("title_words.csv"))


@functools.cache
def _venues() -> list[tuple[re.Pattern[str], str, tuple[str, ...], tuple[str, ...]]]:
    return [
        (
            re.compile(row["pattern"]),
            row["field"],
            _split(row["title_decides"]),
            _split(row["contested_by"]),
        )
        for row in _rows("venues.csv")
    ]


@functools.cache
def _words() -> list[tuple[str, re.Pattern[str], re.Pattern[str]]]:
    return [
        (row["field"], re.compile(row["pattern"], re.I), re.compile(row["contests"], re.I))
        for row in _rows("title_words.csv")
    ]


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


@functools.cache
def _match(venue: str) -> tuple[str, tuple[str, ...], tuple[str, ...]] | None:
    for pattern, field, title_decides, contested_by in _venues():
        if pattern.search(venue):
            return field, title_decides, contested_by
    return None


def assign_field(title: str, venue: str) -> tuple[str, str]:
    """Return a work's field and the rule that gave it.

    A specialised venue decides alone. In general journals (*Nature*, *PNAS*, *Neural
    Computation* …), unknown venues and where there is no venue, words of the title decide;
    failing those the rule says so.

    Parameters
    ----------
    title, venue : str
        As printed; either may be empty.

    Returns
    -------
    field, rule : str
        Rule is ``"venue"``, ``"general venue + title keyword"``, ``"general venue, no
        keyword"``, ``"unknown venue + title keyword"``, ``"unknown venue"``, ``"no venue +
        title keyword"`` or ``"no venue"``.

    Notes
    -----
    A venue is a proxy: it says where an idea was printed, not whose idea it was. Every figure
    should be read with :func:`sensitivity`.

    Examples
    --------
    >>> assign_field("Knowledge neurons in pretrained transformers", "ACL")
    ('machine learning / AI', 'venue')
    >>> assign_field("Microstructure of a spatial map in the entorhinal cortex", "Nature")
    ('neuroscience', 'general venue + title keyword')
    >>> assign_field("Untitled", "")
    ('unassigned', 'no venue')
    """
    place = normalise(venue)
    match = _match(place) if place else None
    if match and not match[1]:
        return match[0], "venue"
    if match:
        kind, allowed, default = "general venue", match[1], match[0]
    elif place:
        kind, default = "unknown venue", "other"
        allowed = (_NEUROSCIENCE, "psychology / cognitive science")
    else:
        kind, default, allowed = "no venue", "unassigned", (_NEUROSCIENCE,)
    for field, pattern, _ in _words():
        if field in allowed and pattern.search(title):
            return field, f"{kind} + title keyword"
    return default, "general venue, no keyword" if match else kind


def assign_fields(works: pd.DataFrame) -> pd.DataFrame:
    """Return the table with ``field`` and ``field_rule`` filled in where ``field`` is empty.

    Examples
    --------
    >>> works = pd.DataFrame({"title": ["Place cells"], "venue": ["Neuron"]})
    >>> assign_fields(works)[["field", "field_rule"]].to_numpy().tolist()
    [['neuroscience', 'venue']]
    """
    table = works.copy()
    for column in ("field", "field_rule", "venue"):
        values = table[column] if column in table.columns else pd.Series("", index=table.index)
        table[column] = values.astype(object).where(values.notna(), "")
    empty = table["field"] == ""
    given = [
        assign_field(str(title), str(venue))
        for title, venue in table.loc[empty, ["title", "venue"]].itertuples(index=False)
    ]
    table.loc[empty, "field"] = [field for field, _ in given]
    table.loc[empty, "field_rule"] = [rule for _, rule in given]
    return table


def overrides(graph: CitationGraph) -> pd.DataFrame:
    """Return the works whose field was set by hand.

    Examples
    --------
    >>> from homologue import lineage
    >>> len(lineage.overrides(lineage.embedded()))
    29
    """
    manual = graph.works["field_rule"] == "manual override"
    return graph.works.loc[manual, ["id", "title", "year", "venue", "field"]].reset_index(drop=True)


def contested(graph: CitationGraph) -> pd.DataFrame:
    """Return the works whose field is debatable, each with the field that could claim it.

    A work is contested if (a) its own venue did not decide: a title word, a default or a hand
    did; (b) the venue table names another field with a fair claim to the venue; (c) its title
    speaks of a field other than its own; or (d) it stands in the hand-made list
    ``data/contested.csv``.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``title``, ``year``, ``field``, ``could_be`` (empty where no field in particular
        claims it) and ``reason``; one row per work and claim.

    Examples
    --------
    >>> from homologue import lineage
    >>> table = lineage.contested(lineage.embedded())
    >>> table.loc[table["id"] == "localvsdistributedcoding_1989", "reason"].to_list()[-1]
    'its author and its evidence are neuroscience'
    """
    works = graph.works
    by_hand: dict[str, list[tuple[str, str]]] = {}
    for row in _rows("contested.csv"):
        by_hand.setdefault(row["id"], []).append((row["could_be"], row["reason"]))
    found = []
    columns = works[["id", "title", "year", "venue", "field", "field_rule"]]
    for identifier, title, year, venue, field, rule in columns.itertuples(index=False):
        for could_be, reason in (
            *_claims(title, venue, field, rule),
            *by_hand.get(identifier, ()),
        ):
            found.append((identifier, title, year, field, could_be, reason))
    names = ["id", "title", "year", "field", "could_be", "reason"]
    return pd.DataFrame(found, columns=names).drop_duplicates(["id", "could_be"], ignore_index=True)


def _claims(title: str, venue: str, field: str, rule: str) -> Iterable[tuple[str, str]]:
    if rule != "venue":
        yield "", f"the venue did not decide ({rule or 'no rule'})"
    match = _match(normalise(venue))
    for claimant in match[2] if match and rule == "venue" else ():
        if claimant != field:
            yield claimant, f"the venue prints {claimant} too"
    for claimant, _, pattern in _words():
        if claimant != field and pattern.search(title):
            yield claimant, f"the title speaks of {claimant}"


def reading(graph: CitationGraph, field: str, how: str) -> CitationGraph:
    """Return the graph with the contested works of one field counted otherwise.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph.
    field : str
        The field whose boundary is in doubt.
    how : {"strict", "assigned", "liberal"}
        Contested works of the field leave it (they become ``"contested"``), stay, or every work
        that the field could claim enters it.

    Raises
    ------
    UnknownName
        For another field or reading.

    Examples
    --------
    >>> from homologue import lineage
    >>> strict = lineage.reading(lineage.embedded(), "neuroscience", "strict")
    >>> lineage.advances(strict)["reached"]
    7
    """
    if how not in READINGS:
        raise UnknownName(f"there is no reading {how!r}" + nearest(how, READINGS))
    inside = works_of_field(graph, field)
    if how == "assigned":
        return graph
    doubt = contested(graph)
    names = graph.works["field"].to_numpy(dtype=object).copy()
    if how == "strict":
        names[inside & graph.works["id"].isin(doubt["id"]).to_numpy()] = "contested"
    else:
        claimed = doubt.loc[doubt["could_be"] == field, "id"]
        names[graph.works["id"].isin(claimed).to_numpy()] = field
    return with_fields(graph, names)


def sensitivity(
    graph: CitationGraph,
    question: Callable[[CitationGraph], pd.DataFrame],
    field: str = _NEUROSCIENCE,
) -> pd.DataFrame:
    """Return a question's answer for one field under the three readings of its boundary.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph.
    question : callable
        ``question(graph)`` returns a table with ``field``, ``count``, ``total``, ``share`` and
        the columns that name a row: any of the questions of this package.
    field : str
        The field.

    Returns
    -------
    pandas.DataFrame
        The naming columns, then ``strict``, ``assigned`` and ``liberal`` counts, ``total`` and
        the three shares (``strict_share`` …).

    Examples
    --------
    >>> from homologue import lineage
    >>> table = lineage.sensitivity(
    ...     lineage.embedded(), lambda graph: lineage.shares(graph, citing="mi", draws=0)
    ... )
    >>> table[["strict", "assigned", "liberal", "total"]].iloc[0].to_list()
    [13, 28, 39, 1133]
    """
    return under_readings({how: reading(graph, field, how) for how in READINGS}, question, field)


def under_readings(
    read: Mapping[str, CitationGraph],
    question: Callable[[CitationGraph], pd.DataFrame],
    field: str,
) -> pd.DataFrame:
    """Return :func:`sensitivity` of readings that are there already."""
    parts = {}
    for how in ("assigned", "strict", "liberal"):
        answer = question(read[how])
        keys = [name for name in answer.columns if name not in (*_FIGURES, "field")]
        part = answer.loc[answer["field"] == field, [*keys, "count", "total"]]
        parts[how] = part.set_index(keys)
    rows = pd.concat([part.reset_index()[keys] for part in parts.values()]).drop_duplicates()
    table = rows.reset_index(drop=True)
    index = pd.MultiIndex.from_frame(rows) if len(keys) > 1 else pd.Index(rows[keys[0]])
    totals = pd.concat([part["total"].reindex(index) for part in parts.values()], axis=1)
    table["total"] = totals.max(axis=1).to_numpy(dtype=int)
    for how in READINGS:
        table[how] = parts[how]["count"].reindex(index).fillna(0).to_numpy(dtype=int)
    for how in READINGS:
        table[f"{how}_share"] = table[how] / table["total"].where(table["total"] > 0)
    return table


_FIGURES = ("count", "total", "share", "low", "high", "citing_works", "interval", "works", "method")
