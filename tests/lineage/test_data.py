"""The packed sample is the tables it was made from, and says what it holds."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from homologue import lineage
from homologue.lineage import _data


@pytest.mark.needs_mirror
@pytest.mark.parametrize("name", _data.PACKED)
def test_packed_tables_equal_their_sources_byte_for_byte(mirror: Path, name: str) -> None:
    assert _data.packed_bytes(name) == (mirror / "lineage" / name).read_bytes()


@pytest.mark.needs_mirror
def test_pack_rebuilds_the_packed_files(mirror: Path, tmp_path: Path) -> None:
    sizes = lineage.pack(mirror / "lineage", tmp_path)
    for name in _data.PACKED:
        packed = (files("homologue.lineage") / "data" / f"{name}.xz").read_bytes()
        assert (tmp_path / f"{name}.xz").read_bytes() == packed
        assert sizes[name] == len(packed)


def test_the_data_folder_stays_small() -> None:
    folder = files("homologue.lineage") / "data"
    assert sum(len(entry.read_bytes()) for entry in folder.iterdir()) <= 300_000


def test_every_row_names_its_source(sample: lineage.CitationGraph) -> None:
    assert (sample.works["source"] != "").all()
    assert (sample.citations["source"] != "").all()


def test_graph_equals_the_tables(sample: lineage.CitationGraph, plain_tables) -> None:
    assert len(sample.works) == len(plain_tables.works) == 2637
    assert len(sample.citations) == len(plain_tables.citations) == 3234
    for column in ("title", "venue", "field", "field_rule", "first_author", "group", "source"):
        expected = [row[column] for row in plain_tables.works.values()]
        assert sample.works[column].tolist() == expected
    years = [int(row["year"]) if row["year"] else None for row in plain_tables.works.values()]
    assert (
        sample.works["year"].astype(object).where(sample.works["year"].notna(), None).tolist()
        == years
    )
    pairs = list(zip(sample.citations["citing"], sample.citations["cited"], strict=True))
    assert pairs == [(row["citing"], row["cited"]) for row in plain_tables.citations]
    assert sample.remarks == ()


def test_everyone_gets_tables_of_their_own() -> None:
    first = lineage.embedded()
    first.works.loc[0, "field"] = "alchemy"
    del first.citations["source"]
    second = lineage.embedded()
    assert "alchemy" not in second.works["field"].tolist()
    assert "source" in second.citations.columns


def test_sources_are_listed() -> None:
    text = (files("homologue.lineage") / "data" / "SOURCES.md").read_text("utf-8")
    for source in lineage.coverage()["source"]:
        assert source in text


def test_coverage_names_the_known_lists(sample: lineage.CitationGraph) -> None:
    table = lineage.coverage()
    known = sample.works.loc[sample.works["references_known"], "id"]
    assert set(known) == set(table["citing_id"]) == set(sample.citations["citing"])
    assert table["group"].value_counts().to_dict() == {"mi": 26, "neuro": 18, "neuroai": 2}
    counts = sample.citations["citing"].value_counts()
    resolved = table.set_index("citing_id")["resolved"]
    assert (resolved - counts).between(0, 1).all()  # two keys may resolve to one work


def test_landmarks_of_the_source_are_found_again(
    sample: lineage.CitationGraph, plain_tables
) -> None:
    patterns = json.loads(_data.packed_bytes("landmarks.json"))
    tagged = lineage.tag(sample)
    for row, work in zip(tagged, plain_tables.works.values(), strict=True):
        found = "|".join(idea for idea, here in zip(patterns, row, strict=True) if here)
        assert found == work["landmark"]
    assert list(patterns) == list(lineage.KINDS)
