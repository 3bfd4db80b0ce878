"""``homologue doctor``."""

from __future__ import annotations

import importlib.metadata

import pytest

from homologue.cli import doctor


def _by_check(rows):
    return {row["check"]: row for row in rows}


def test_what_is_here_is_found(homologue):
    outcome = homologue("doctor", "--offline", "--json")
    rows = _by_check(outcome.json)
    assert outcome.status == 0
    assert rows["core"]["state"] == "ok"
    assert f"numpy {importlib.metadata.version('numpy')}" in rows["core"]["found"]
    assert rows["models"]["state"] == "ok"
    assert "network" not in {row["part"] for row in outcome.json}
    assert {row["state"] for row in outcome.json} <= {"ok", "part", "no"}


def test_a_missing_extra_is_no_fault_and_the_command_is_given(homologue, monkeypatch):
    monkeypatch.setattr(doctor, "_requirements", lambda: {"models": ["not-there", "numpy"]})
    outcome = homologue("doctor", "--offline")
    assert outcome.status == 0
    assert "without not-there → pip install 'homologue[models]'" in outcome.out


def test_a_missing_core_package_is_a_fault(homologue, monkeypatch):
    monkeypatch.setattr(doctor, "_requirements", lambda: {"": ["numpy", "not-there"]})
    outcome = homologue("doctor", "--offline", "--json")
    assert outcome.status == 1
    assert _by_check(outcome.json)["core"]["state"] == "fault"


def test_a_mirror_that_is_not_there_is_a_fault(homologue, monkeypatch, tmp_path):
    monkeypatch.setenv("HOMOLOGUE_MIRROR", str(tmp_path / "gone"))
    outcome = homologue("doctor", "--offline", "--json")
    assert outcome.status == 1
    assert "mend or unset HOMOLOGUE_MIRROR" in _by_check(outcome.json)["mirror"]["advice"]


@pytest.mark.parametrize("below", ["", "deeper", "deeper/still"])
def test_a_cache_that_would_lie_in_a_file_is_a_fault(homologue, monkeypatch, tmp_path, below):
    file = tmp_path / "file"
    file.write_text("no folder")
    monkeypatch.setenv("HOMOLOGUE_CACHE", str(file / below))
    outcome = homologue("doctor", "--offline", "--json")
    assert outcome.status == 1
    row = _by_check(outcome.json)["cache"]
    assert row["state"] == "fault"
    assert row["found"] == f"{file} is not a folder"
    assert "set HOMOLOGUE_CACHE" in row["advice"]


def test_a_cache_that_leads_nowhere_is_a_fault(homologue, monkeypatch, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    monkeypatch.setenv("HOMOLOGUE_CACHE", str(tmp_path / "link"))
    assert homologue("doctor", "--offline", "--json").status == 1


def test_a_cache_that_is_not_there_yet_is_no_fault(homologue, monkeypatch, tmp_path):
    monkeypatch.setenv("HOMOLOGUE_CACHE", str(tmp_path / "to" / "be"))
    outcome = homologue("doctor", "--offline", "--json")
    assert outcome.status == 0
    assert _by_check(outcome.json)["cache"]["state"] == "ok"


def test_no_mirror_is_no_fault(homologue, monkeypatch):
    monkeypatch.delenv("HOMOLOGUE_MIRROR", raising=False)
    outcome = homologue("doctor", "--offline", "--json")
    assert outcome.status == 0
    assert _by_check(outcome.json)["mirror"]["state"] == "no"


@pytest.mark.parametrize("reached", [True, False])
def test_the_network_is_tried_and_its_absence_is_no_fault(homologue, monkeypatch, reached):
    class Done:
        returncode = 0 if reached else 1

    monkeypatch.setattr(doctor.subprocess, "run", lambda *_, **__: Done)
    monkeypatch.setattr(doctor, "_reaches", lambda host: reached)
    outcome = homologue("doctor", "--json")
    rows = [row for row in outcome.json if row["part"] == "network"]
    assert outcome.status == 0
    assert {row["state"] for row in rows} == {"ok" if reached else "no"}
    assert {"package index", "huggingface.co"} <= {row["check"] for row in rows}


def test_requirements_are_those_the_package_declares():
    found = doctor._requirements()
    assert {"numpy", "xarray"} <= set(found[""])
    assert "torch" in found["models"]
    assert "dandi" in found["brains"]
    assert not {"dev", "homologue"} & {*found, *found["brains"]}


def test_a_host_that_refuses_is_not_reached():
    assert not doctor._reaches("localhost.invalid")
