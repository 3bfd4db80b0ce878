"""Where ideas come from, by citation: which fields are cited, and what is left without one.

A citation graph is two tidy tables (:class:`CitationGraph`). :func:`embedded` is a sample of 46
reference lists, 26 of them from mechanistic interpretability; :func:`from_bibtex` and
:func:`from_openalex` read others, and :func:`merge` joins them. The questions are functions:
:func:`shares`, :func:`ideas`, :func:`advances`, :func:`arrivals`, :func:`shared_references`,
:func:`cocited`, :func:`reach`, :func:`counterfactual` and :func:`main_path`;
:func:`sensitivity` asks them again with the debatable works counted otherwise.

A direct citation is evidence that a work was known, not that an idea was inherited. What needs
paths is refused where too few reference lists are known.
"""

from homologue.lineage._advances import advances, arrivals
from homologue.lineage._answers import Answers, answer
from homologue.lineage._bibtex import cited_keys, from_bibtex
from homologue.lineage._counterfactual import (
    INSUFFICIENT,
    THRESHOLD,
    Counterfactual,
    counterfactual,
    known_share,
)
from homologue.lineage._data import coverage, embedded, landmark_patterns, pack
from homologue.lineage._fields import (
    READINGS,
    assign_field,
    assign_fields,
    contested,
    overrides,
    reading,
    sensitivity,
    title_words,
    venue_table,
)
from homologue.lineage._figures import draw
from homologue.lineage._graph import (
    FIELDS,
    CitationGraph,
    InvalidGraph,
    adjacency,
    fields,
    make,
    to_networkx,
)
from homologue.lineage._interval import share_intervals
from homologue.lineage._landmarks import KINDS, landmarks, tag
from homologue.lineage._main_path import MainPath, main_path
from homologue.lineage._merge import MOST_YEARS_APART, merge
from homologue.lineage._openalex import OpenAlexUnavailable, from_openalex
from homologue.lineage._overlap import TooManyPairs, cocited, reach, shared_references
from homologue.lineage._section import Section, section, tables
from homologue.lineage._shares import PERIODS, WAVES, ideas, shares

__all__ = [
    "FIELDS",
    "INSUFFICIENT",
    "KINDS",
    "MOST_YEARS_APART",
    "PERIODS",
    "READINGS",
    "THRESHOLD",
    "WAVES",
    "Answers",
    "CitationGraph",
    "Counterfactual",
    "InvalidGraph",
    "MainPath",
    "OpenAlexUnavailable",
    "Section",
    "TooManyPairs",
    "adjacency",
    "advances",
    "answer",
    "arrivals",
    "assign_field",
    "assign_fields",
    "cited_keys",
    "cocited",
    "contested",
    "counterfactual",
    "coverage",
    "draw",
    "embedded",
    "fields",
    "from_bibtex",
    "from_openalex",
    "ideas",
    "known_share",
    "landmark_patterns",
    "landmarks",
    "main_path",
    "make",
    "merge",
    "overrides",
    "pack",
    "reach",
    "reading",
    "section",
    "sensitivity",
    "share_intervals",
    "shared_references",
    "shares",
    "tables",
    "tag",
    "title_words",
    "to_networkx",
    "venue_table",
]
