"""The venue table is frozen, agrees with the sample, and its doubts are counted."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import pandas as pd
import pytest

from homologue import lineage
from homologue._errors import UnknownName


def test_the_tables_are_frozen() -> None:
    """A change of a rule changes figures: it has to be made on purpose, here too."""
    found = {
        name: hashlib.sha256((files("homologue.lineage") / "data" / name).read_bytes()).hexdigest()[
            :16
        ]
        for name in ("venues.csv", "title_words.csv", "contested.csv")
    }
    assert found == {
        "venues.csv": "dae62befd3d76bdb",
        "title_words.csv": "5ef6744ae8bc39ea",
        "contested.csv": "a70a01ad5b5123df",
    }


def agreement(works: pd.DataFrame) -> tuple[int, int]:
    given = [
        lineage.assign_field(title, venue)[0]
        for title, venue in zip(works["title"], works["venue"], strict=True)
    ]
    return int((works["field"].to_numpy() == given).sum()), len(works)


def test_venues_give_the_field_the_sample_gives(sample) -> None:
    by_venue = sample.works[sample.works["field_rule"] == "venue"]
    assert agreement(by_venue) == (1939, 1939)


def test_agreement_over_all_works_is_as_documented(sample) -> None:
    agreeing, works = agreement(sample.works)
    assert (agreeing, works) == (2470, 2637)


AI, PSYCHOLOGY = "machine learning / AI", "psychology / cognitive science"
BY_TITLE = "general venue + title keyword"


@pytest.mark.parametrize(
    ("title", "venue", "expected"),
    [
        ("Attention is all you need", "NeurIPS", (AI, "venue")),
        ("Anything", "Journal of Neuroscience", ("neuroscience", "venue")),
        ("Deep learning", "Nature", (AI, BY_TITLE)),
        ("Place cells of the hippocampus", "Science", ("neuroscience", BY_TITLE)),
        ("On rocks", "Nature", ("other", "general venue, no keyword")),
        ("A monkey", "My press", ("neuroscience", "unknown venue + title keyword")),
        ("Bolts", "My press", ("other", "unknown venue")),
        ("Spiking", "", ("neuroscience", "no venue + title keyword")),
        ("", "", ("unassigned", "no venue")),
        ("Neurons of models", "arXiv preprint arXiv:2401.00001", (AI, "venue")),
        ("Ein Titel", "Psychologische Forschung", (PSYCHOLOGY, "venue")),
        ("Recherches", "Mémoires de Mathématiques", ("mathematics / statistics", "venue")),
    ],
)  # fmt: skip
def test_rules(title: str, venue: str, expected: tuple[str, str]) -> None:
    assert lineage.assign_field(title, venue) == expected


def test_given_fields_are_kept() -> None:
    table = pd.DataFrame(
        {"title": ["A", "Spiking"], "venue": ["Neuron", None], "field": ["physics", None]}
    )
    done = lineage.assign_fields(table)
    assert done["field"].tolist() == ["physics", "neuroscience"]
    assert done["field_rule"].tolist() == ["", "no venue + title keyword"]


def test_overrides_are_listed(sample) -> None:
    table = lineage.overrides(sample)
    assert len(table) == 29
    assert (
        table.set_index("title").loc[
            "Cognitron: A self-organizing multilayered neural network", "field"
        ]
        == "neuroscience"
    )


def test_hand_made_doubts_name_works_of_the_sample(sample) -> None:
    rows = pd.read_csv(files("homologue.lineage") / "data" / "contested.csv")
    titles = sample.works.set_index("id")["title"]
    assert (titles[rows["id"]].to_numpy() == rows["title"].to_numpy()).all()
    assert set(rows["could_be"]) <= set(lineage.FIELDS)


def test_readings_nest(sample) -> None:
    table = lineage.sensitivity(sample, lambda graph: lineage.shares(graph, draws=0))
    assert (table["strict"] <= table["assigned"]).all()
    assert (table["assigned"] <= table["liberal"]).all()
    assert (table["liberal"] <= table["total"]).all()
    first = table.iloc[0]
    assert (first["period"], first["assigned"], first["total"]) == ("all years", 28, 1133)
    assert (first["strict"], first["liberal"]) == (13, 39)
    assert first["assigned_share"] == 28 / 1133


def test_sensitivity_of_other_questions(sample) -> None:
    ideas = lineage.sensitivity(sample, lambda graph: lineage.ideas(graph, draws=0))
    row = ideas.set_index("idea").loc["concept cells"]
    assert (row["strict"], row["assigned"], row["liberal"], row["total"]) == (1, 4, 4, 6)
    other = lineage.sensitivity(sample, lambda graph: lineage.shares(graph, draws=0), "philosophy")
    assert other["assigned"].iloc[0] == 2


def test_strict_reading_keeps_only_what_the_venue_decided(sample) -> None:
    strict = lineage.reading(sample, "neuroscience", "strict")
    left = strict.works[strict.works["field"] == "neuroscience"]
    assert (left["field_rule"] == "venue").all()
    assert not left["venue"].str.contains("Current Biology").any()
    assert lineage.reading(sample, "neuroscience", "assigned") is sample


def test_unknown_names_suggest_the_nearest(sample) -> None:
    with pytest.raises(UnknownName, match="did you mean 'neuroscience'"):
        lineage.reading(sample, "neurosience", "strict")
    with pytest.raises(UnknownName, match="did you mean 'strict'"):
        lineage.reading(sample, "neuroscience", "strictly")
