"""The figures the sample is known for, from the data by the code, and by hand beside it."""

from __future__ import annotations

from collections import Counter

import pytest

from homologue import lineage

NEUROSCIENCE = "neuroscience"


def cell(table, column: str, name: str, field: str = NEUROSCIENCE) -> tuple[int, int]:
    row = table[(table[column] == name) & (table["field"] == field)].iloc[0]
    assert row["share"] == row["count"] / row["total"]
    return int(row["count"]), int(row["total"])


@pytest.fixture(scope="module")
def periods(sample):
    return lineage.shares(sample, by="period", citing="mi", draws=0)


def test_28_of_1133_references_go_to_neuroscience(periods) -> None:
    assert cell(periods, "period", "all years") == (28, 1133)


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("before 1990", (4, 16)),
        ("1990–2009", (11, 58)),
        ("2010–2019", (13, 425)),
        ("2020 on", (0, 632)),
    ],
)
def test_neuroscience_by_period(periods, period: str, expected: tuple[int, int]) -> None:
    assert cell(periods, "period", period) == expected


@pytest.mark.parametrize(("wave", "expected"), [("to 2021", (20, 349)), ("2022 on", (8, 784))])
def test_neuroscience_by_citing_wave(sample, wave: str, expected: tuple[int, int]) -> None:
    table = lineage.shares(sample, by="citing period", citing="mi", cuts=(2022,), draws=0)
    assert cell(table, "citing_period", wave) == expected


def test_every_cell_equals_a_count_by_hand(sample, plain_tables, periods) -> None:
    works = plain_tables.works

    def period(year: str) -> str:
        if not year:
            return "no year"
        return next(
            name
            for first, name in (
                (2020, "2020 on"), (2010, "2010–2019"), (1990, "1990–2009"), (0, "before 1990"),
            )
            if int(year) >= first
        )  # fmt: skip

    counted: Counter[tuple[str, str]] = Counter()
    for row in plain_tables.citations:
        if works[row["citing"]]["group"] == "mi":
            cited = works[row["cited"]]
            counted[period(cited["year"]), cited["field"]] += 1
    found = {
        (row["period"], row["field"]): row["count"]
        for _, row in periods.iterrows()
        if row["count"] and row["period"] != "all years"
    }
    assert found == dict(counted)


def test_by_citing_year_adds_up(sample) -> None:
    table = lineage.shares(sample, by="citing year", citing="mi", draws=0)
    years = table[table["citing_year"] != "all years"]
    assert years["count"].sum() == 1133
    mine = years[years["field"] == NEUROSCIENCE].set_index("citing_year")["count"]
    early = [year for year in mine.index if int(year) <= 2021]
    assert (mine[early].sum(), mine.drop(early).sum()) == (20, 8)


def test_ideas_by_hand(sample, plain_tables) -> None:
    works = plain_tables.works
    counted: Counter[tuple[str, str]] = Counter()
    for row in plain_tables.citations:
        if works[row["citing"]]["group"] == "mi":
            cited = works[row["cited"]]
            for idea in filter(None, cited["landmark"].split("|")):
                counted[idea, cited["field"]] += 1
    table = lineage.ideas(sample, citing="mi", draws=0)
    found = {
        (row["idea"], row["field"]): row["count"] for _, row in table.iterrows() if row["count"]
    }
    assert found == dict(counted)
    assert found["representational hierarchy", NEUROSCIENCE] == 5
    assert found["concept cells", NEUROSCIENCE] == 4


def test_advances_by_hand(sample, plain_tables) -> None:
    works = plain_tables.works
    cited = {
        row["cited"] for row in plain_tables.citations if works[row["citing"]]["group"] == "mi"
    }
    inside = {
        name
        for name, work in works.items()
        if work["field"] == NEUROSCIENCE and work["year"] and 1990 <= int(work["year"]) <= 2020
    }
    answer = lineage.advances(sample)
    assert (answer["works"], answer["reached"]) == (len(inside), len(inside & cited))
    ideas = {idea for name in inside & cited for idea in works[name]["landmark"].split("|") if idea}
    assert answer["ideas_reached"] == len(ideas)


def test_arrivals_are_the_works_that_are_counted(sample) -> None:
    table = lineage.arrivals(sample)
    answer = lineage.advances(sample)
    assert len(table) == answer["reached"] == 18
    ideas = {idea for cell in table["ideas"] for idea in cell.split("; ") if idea}
    assert len(ideas) == answer["ideas_reached"]
    assert table["year"].between(1990, 2020).all()
    assert table["year"].is_monotonic_increasing
    # 7 of the 18 are left when debatable works are read strictly.
    strict = lineage.reading(sample, NEUROSCIENCE, "strict")
    kept = set(lineage.arrivals(strict)["id"])
    assert kept == set(table.loc[~table["contested"], "id"])
    assert len(kept) == 7


def test_every_printed_figure_has_three_readings(sample) -> None:
    answers = lineage.answer(sample, draws=0)
    doubt = answers.as_json()["sensitivity"]
    assert set(doubt) == {
        "by_period", "by_wave", "by_citing_year", "by_idea", "reach", "advances",
        "counterfactual_works", "counterfactual_ideas",
    }  # fmt: skip
    for rows in doubt.values():
        assert all({"strict", "assigned", "liberal"} <= set(row) for row in rows)
    steps = {row["steps"]: row for row in doubt["reach"]}
    assert [steps[1][how] for how in lineage.READINGS] == [8, 9, 9]
    states = {row["idea"]: row for row in doubt["counterfactual_ideas"]}
    hierarchy = states["representational hierarchy"]
    assert [hierarchy[how] for how in lineage.READINGS] == ["some", "all", "all"]
    lost = {row["id"]: row["assigned"] for row in doubt["counterfactual_works"]}
    assert sum(lost.values()) == 28


def test_too_many_pairs_leave_the_other_answers(sample, monkeypatch) -> None:
    from homologue.lineage import _overlap

    pairs = lineage.answer(sample, draws=0).cocited
    assert len(pairs) == 100
    assert int(pairs["together"].max()) == 3
    monkeypatch.setattr(_overlap, "_PAIRS_SHOWN", 10)
    with pytest.raises(lineage.TooManyPairs, match="smaller fields"):
        lineage.cocited(sample)
    assert lineage.answer(sample, draws=0).cocited.empty


def test_both_literatures_share_olshausen_and_field(sample, plain_tables) -> None:
    works = plain_tables.works
    citing: dict[str, Counter[str]] = {}
    for row in plain_tables.citations:
        citing.setdefault(row["cited"], Counter())[works[row["citing"]]["group"]] += 1
    both = {
        name: (groups["mi"], groups["neuro"] + groups["neuroai"])
        for name, groups in citing.items()
        if groups["mi"] and groups["neuro"] + groups["neuroai"]
    }
    table = lineage.shared_references(sample)
    found = {row["id"]: (row["first"], row["second"]) for _, row in table.iterrows()}
    assert found == both


def test_the_sentence_of_the_answer_holds_the_counts(sample) -> None:
    answers = lineage.answer(sample, draws=0)
    said = " ".join(text for _, text in answers.questions)
    for figure in ("28 of 1 133", "4/16", "11/58", "13/425", "0/632", "insufficient depth"):
        assert figure in said
    assert any("16 of the 26 works are Distill articles" in limit for limit in answers.limits)
    assert any("20 of 349" in limit and "8 of 784" in limit for limit in answers.limits)
