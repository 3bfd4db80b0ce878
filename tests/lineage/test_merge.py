"""One work is one row; namesakes more than six years apart are two."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homologue import lineage
from homologue._errors import HomologueError


def one(rows: list[dict], edges: list[tuple[str, str]] = ()) -> lineage.CitationGraph:
    works = pd.DataFrame(rows)
    if "year" in works:
        works["year"] = works["year"].astype("Int64")
    return lineage.make(works, pd.DataFrame(edges, columns=["citing", "cited"]))


def work(name: str, title: str, year: int | None = None, **more) -> dict:
    return {"id": name, "title": title, "year": year, **more}


LONG = "A title of more than four words"
DOI = "10.1234/x"


def by(author: str, year: int | None, title: str = LONG) -> dict:
    return work(author, title, year, first_author=author)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        # equal DOI, whatever the title says
        (work("a", "X", 2000, doi=DOI), work("b", "Y", 2004, doi=f"doi:{DOI.upper()}"), True),
        (work("a", "X", 2000, doi=DOI), work("b", "X", 2007, doi=DOI), False),
        (work("a", "X", 2000, doi=DOI), work("b", "X", None, doi=DOI), True),
        # equal title
        (work("a", LONG, 2000), work("b", "A TITLE, of more than four {words}", 2006), True),
        (work("a", LONG, 2000), work("b", LONG, 2007), False),
        (by("Olah, C", 2000), by("Chris Olah", 2001), True),
        (by("Olah, C", 2000), by("Nanda, N", 2000), False),
        # short titles need an author or the year
        (work("a", "Deep learning", 2015), work("b", "Deep learning", 2016), False),
        (work("a", "Deep learning", 2015), work("b", "Deep learning", 2015), True),
        (by("LeCun, Y", 2015, "Deep learning"), by("Yann LeCun", 2016, "Deep Learning"), True),
        # a missing year needs more than a title
        (work("a", LONG, 2000), work("b", LONG, None), False),
        (by("Olah, C", 2000), by("C. Olah", None), True),
        # no title at all
        (work("a", "", 2000), work("b", "", 2000), False),
        # different DOIs: the preprint and the paper are one work
        (work("a", LONG, 2000, doi=DOI), work("b", LONG, 2001, doi="10.1234/y"), True),
    ],
)  # fmt: skip
def test_what_is_one_work(first: dict, second: dict, *, same: bool) -> None:
    for rows in ((first, second), (second, first)):
        merged = lineage.merge(one([rows[0]]), one([rows[1]]))
        assert (len(merged.works) == 1) == same


def test_six_years_hold_along_chains() -> None:
    """2000–2005–2010: the middle one may join either, never bridge both."""
    rows = [work(f"w{year}", LONG, year, first_author="Olah") for year in (2000, 2005, 2010)]
    merged = lineage.merge(one(rows))
    assert merged.works["year"].tolist() == [2000, 2010]
    assert "1 pair of namesakes kept apart: more than 6 years" in merged.remarks
    undated = lineage.merge(one([*rows[::2], work("none", LONG, None, first_author="Olah")]))
    assert len(undated.works) == 2


@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 3), st.one_of(st.none(), st.integers(1990, 2020)), st.integers(0, 3),
            st.sampled_from(["", "Olah", "Nanda"]),
        ),
        min_size=1, max_size=14,
    ),
    again=st.booleans(),
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_no_merged_work_spans_more_than_six_years(*, rows: list[tuple], again: bool) -> None:
    titles = ["Deep learning", LONG, LONG + " too", ""]
    table = [
        work(f"w{i}", titles[t], year, doi=f"10.1234/{d}" if d else "", first_author=author)
        for i, (t, year, d, author) in enumerate(rows)
    ]
    # Each work cites a marker of its own, so that the merged rows can be told apart again.
    markers = [work(f"m{i}", f"marker {i}", 1900) for i in range(len(rows))]
    graph = one(table + markers, [(f"w{i}", f"m{i}") for i in range(len(rows))])
    merged = lineage.merge(graph)
    if again:
        merged = lineage.merge(merged)
    year_of = {f"m{i}": row[1] for i, row in enumerate(rows)}
    kept = merged.citations.groupby("citing")["cited"].apply(list)
    assert sorted(name for cited in kept for name in cited) == sorted(year_of)
    for cited in kept:
        years = [year_of[name] for name in cited if year_of[name] is not None]
        assert not years or max(years) - min(years) <= lineage.MOST_YEARS_APART


def test_rows_are_completed_and_lists_united() -> None:
    left = one(
        [work("a", LONG, 2000, field="unassigned"), work("x", "One more of the references", 1990)],
        [("a", "x")],
    )
    right = one(
        [
            work("b", LONG, 2000, field="physics", field_rule="venue", venue="Chaos", group="mi"),
            work("x", "Quite another one of the references", 1991),
        ],
        [("b", "x")],
    )
    merged = lineage.merge(left, right)
    assert merged.works["id"].tolist() == ["a", "x", "x#2"]
    first = merged.works.iloc[0]
    assert (first["field"], first["field_rule"], first["venue"], first["group"]) == (
        "physics", "venue", "Chaos", "mi",
    )  # fmt: skip
    assert set(merged.citations["cited"]) == {"x", "x#2"}
    assert "1 work merged (1 by title)" in merged.remarks


def test_merging_may_make_self_citations_and_repeats() -> None:
    rows = [
        work("a", LONG, 2000),
        work("b", LONG, 2001),
        work("c", "Something else entirely new", 1990),
    ]
    merged = lineage.merge(one(rows, [("b", "a"), ("a", "c"), ("b", "c")]))
    assert merged.citations[["citing", "cited"]].to_numpy().tolist() == [["a", "c"]]
    assert "1 self-citation dropped" in merged.remarks
    assert "1 repeated reference dropped" in merged.remarks


def test_merging_the_sample_with_itself_changes_no_figure(sample) -> None:
    merged = lineage.merge(sample, sample)
    assert merged.works["id"].tolist() == sample.works["id"].tolist()
    for one_answer, other in zip(
        (lineage.shares(sample, draws=0), lineage.ideas(sample, draws=0)),
        (lineage.shares(merged, draws=0), lineage.ideas(merged, draws=0)),
        strict=True,
    ):
        np.testing.assert_array_equal(one_answer["count"], other["count"])
    # The two "Distributed representations" of the sample are 19 years apart.
    namesakes = merged.works[merged.works["title"] == "Distributed representations"]
    assert namesakes["year"].tolist() == [2003, 1984]


def test_nothing_to_merge() -> None:
    with pytest.raises(HomologueError, match="nothing to merge"):
        lineage.merge()
