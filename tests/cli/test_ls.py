"""``homologue ls``."""

from __future__ import annotations

import pytest

from homologue import parallels, systems


def test_systems_in_json_are_the_registry(homologue):
    outcome = homologue("ls", "systems", "--json")
    assert outcome.status == 0
    assert outcome.err == ""
    assert [row["name"] for row in outcome.json] == [row["name"] for row in systems.describe()]
    kinds = {row["kind"] for row in outcome.json}
    assert {"brain", "model", "other-science"} <= kinds


def test_systems_of_one_kind(homologue):
    rows = homologue("ls", "systems", "--kind", "brain", "--json").json
    assert {row["kind"] for row in rows} == {"brain"}
    assert {"fly", "worm"} <= {row["name"] for row in rows}


def test_the_table_is_on_standard_output_and_the_advice_is_not(homologue, monkeypatch, tmp_path):
    monkeypatch.setenv("HOMOLOGUE_CACHE", str(tmp_path))
    monkeypatch.delenv("HOMOLOGUE_MIRROR", raising=False)
    outcome = homologue("ls", "assets")
    assert outcome.out.splitlines()[0].split() == [
        "name",
        "availability",
        "size",
        "terms",
        "summary",
    ]
    assert "homologue fetch" in outcome.err
    assert "homologue fetch" not in outcome.out
    assert homologue("ls", "assets", "-q").err == ""


def test_claims(homologue):
    rows = homologue("ls", "claims", "--json").json
    assert [row["id"] for row in rows] == [claim.id for claim in parallels.claims()]
    assert all(row["sentence"] and row["null"] and row["against"] for row in rows)


def test_analyses(homologue):
    names = {row["name"] for row in homologue("ls", "analyses", "--json").json}
    assert {"tuning.selectivity", "representation.decode", "population.dimension"} <= names


@pytest.mark.parametrize("what", ["systems", "claims", "analyses", "stimuli", "assets"])
def test_every_row_says_what_it_is(homologue, what):
    rows = homologue("ls", what, "--json").json
    assert rows
    for row in rows:
        assert row.get("summary") or row.get("sentence"), row


def test_without_a_word_it_counts(homologue):
    outcome = homologue("ls")
    assert outcome.status == 0
    counts = dict(line.split() for line in outcome.out.splitlines()[1:])
    assert set(counts) == {"systems", "claims", "analyses", "stimuli", "assets"}
    assert int(counts["claims"]) == len(parallels.claims())
    assert homologue("ls", "--kind", "brain").out.splitlines()[1].startswith("fly")


def test_summaries_have_no_marks(homologue):
    for what in ("stimuli", "analyses"):
        for row in homologue("ls", what, "--json").json:
            assert ":func:" not in row["summary"]
            assert "``" not in row["summary"]
            assert not row["summary"].startswith("Return")
