"""The table of calibrated tests: one line asks a test, refusals are told, the page shows both."""

import json

import numpy as np
import pytest
from benchmarks._calibration_measured import asked
from benchmarks._calibration_table import render
from benchmarks._harness import judge

from benchmarks import _calibration_tests as tests
from benchmarks import _calibration_worlds as worlds
from benchmarks import calibration
from homologue._errors import InvalidDesign


def uniform(rec, rng):
    return rng.random(rec.sizes["unit"])


def refusing(rec, rng):
    raise InvalidDesign("too few")


@pytest.fixture
def table(monkeypatch):
    entries = {
        "ours.uniform": tests.Test(asked(uniform), (worlds.IID, worlds.SERIES)),
        "ours.careless": tests.Test(asked(lambda rec, rng: uniform(rec, rng) / 3), (worlds.IID,)),
        "ours.refusing": tests.Test(asked(refusing), (worlds.FEW,)),
        "ours.one": tests.Test(asked(lambda rec, rng: rng.random()), (worlds.NESTED,), 50),
    }
    monkeypatch.setattr(tests, "TESTS", entries)
    return entries


def measured(name, world, sets=2000):
    return [judge(case, {}) for case in calibration.measured(("test", (name, world), sets))]


def test_a_line_asks_a_test_and_tells_whether_it_holds(table):
    good = measured("ours.uniform", "iid")
    assert [case.met for case in good] == [True, True]
    assert "over 2000 data sets" in good[0].metric
    assert [case.met for case in measured("ours.careless", "iid")] == [False, False]
    (refused,) = measured("ours.refusing", "five groups")
    assert (refused.value, refused.metric) == (1.0, "too few")
    assert "over 50 data sets" in measured("ours.one", "nested, label per group", 50)[0].metric


def test_units_that_are_not_tested_count_as_not_found_and_all_of_them_as_a_refusal():
    def some(rec, rng):
        return np.where(np.arange(rec.sizes["unit"]) < 5, 0.001, np.nan)

    found = asked(some)(worlds.IID, 20, np.random.default_rng(0))
    assert (np.array(found.p[""]) <= 0.05).mean() == 0.5
    nothing = asked(lambda rec, rng: np.full(3, np.nan))(worlds.IID, 20, np.random.default_rng(0))
    assert nothing.refused == nothing.tried
    assert "nothing is tested" in nothing.reason


def test_every_test_and_world_has_work_and_names_are_public():
    work = calibration.work()
    assert len({calibration._key(task) for task in work}) == len(work)
    assert all(sets >= 300 for kind, _, sets in work if kind != "leak")
    from homologue.cli._catalogue import analysis_functions

    known = analysis_functions()
    named = [name for name in tests.TESTS if name.split(".")[0] in ("tuning", "population")]
    assert set(named) <= set(known)


def test_figures_are_kept_piece_by_piece_and_the_page_shows_them(table, tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "FIGURES", tmp_path / "figures.json")
    monkeypatch.setattr(calibration, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(tests, "not_asked", lambda: ["tuning.new"])
    figures = {}
    for name, world in (("ours.careless", "iid"), ("ours.refusing", "five groups")):
        rows = [case.row() for case in measured(name, world)]
        figures[calibration._key(("test", (name, world), 0))] = rows
    calibration._write(figures)
    assert calibration._read() == json.loads(json.dumps(figures))
    page = (tmp_path / "page.md").read_text()
    (careless,) = [line for line in page.splitlines() if line.startswith("| ours.careless")]
    assert careless.count("**") == 4
    (refused,) = [line for line in page.splitlines() if line.startswith("| ours.refusing")]
    assert refused.rstrip(" |").endswith("*refused* [1]")
    assert "[1] too few" in page
    assert "Not asked yet: `tuning.new`" in page
    assert "ours.uniform · iid" in page.split("Not measured yet:")[1]


def test_the_page_in_the_documentation_is_the_figures():
    figures = calibration._read()
    rows = [row for each in figures.values() for row in each]
    page = render(rows)
    written = calibration.PAGE.read_text()
    table = [line for line in page.splitlines() if line.startswith("| tuning.selectivity")]
    assert table
    assert all(line in written for line in table)
