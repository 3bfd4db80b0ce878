"""The table of calibrated tests: one line asks a test, refusals are told, the page shows both."""

import json

import numpy as np
import pytest
from benchmarks._calibration_measured import asked, until
from benchmarks._calibration_table import render
from benchmarks._harness import judge

from benchmarks import _calibration_tests as tests
from benchmarks import _calibration_worlds as worlds
from benchmarks import calibration
from homologue import population
from homologue._errors import InvalidDesign
from homologue.recording import make


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


def test_a_world_that_is_hardly_ever_accepted_counts_as_refused(table):
    tried = iter(range(10_000))

    def hardly(rec, rng):
        if next(tried) % 500:
            raise InvalidDesign("too slow")
        return 0.5

    table["ours.hardly"] = tests.Test(asked(hardly, units=2), (worlds.SERIES,))
    (refused,) = measured("ours.hardly", "AR(1)")
    assert refused.metric == "too slow"
    assert refused.value == 0.998
    assert "*refused* (99.8%) [1]" in render([refused.row()])


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
    assert all(sets >= 100 for _, _, sets in work)
    named = {name.split(" (")[0] for name in tests.TESTS if name.split(".")[0] in tests.PACKAGES}
    assert named <= set(tests.public())


def test_every_public_test_and_claim_is_asked_and_the_rest_gives_no_p():
    assert tests.not_asked() == []
    silent = tests.without_p()
    assert "population.picture" in silent
    rec = make(np.random.default_rng(0).normal(size=(40, 4)))
    shown = (
        population.picture(rec, "pca", rng=0),
        population.principal_components(rec),
        population.outlier_dimensions(rec),
    )
    assert all(found.attrs["analysis"] in silent and "p" not in found for found in shown)
    given = {name for name, function in tests.public().items() if tests.gives_p(function)}
    assert {"tuning.selectivity", "population.cycles.find", "perturb.effect"} <= given
    assert not given & set(silent)


def test_a_test_with_worlds_of_its_own_has_a_table_of_its_own(monkeypatch):
    def measure(world, sets, rng):
        return until(sets, 1, lambda: {"": rng.random() / (3 if world.name == "bad" else 1)})

    entry = tests.Test(measure, worlds.named(("good", "bad")))
    monkeypatch.setattr(tests, "TESTS", {"ours.own": entry})
    rows = [case.row() for name in ("good", "bad") for case in measured("ours.own", name)]
    page = render(rows, without_p=["ours.picture"])
    good, bad = (line for line in page.splitlines() if line.startswith("| ours.own"))
    assert good.startswith("| ours.own | good | 2000 |")
    assert (good.count("**"), bad.count("**")) == (0, 4)
    assert "give no p, so that there is nothing to calibrate: `ours.picture`." in page


def test_figures_of_fewer_data_sets_are_measured_again():
    rows = [{"metric": "P(p ≤ 0.05) over 300 data sets, SE 0.01"}]
    assert calibration._fewer(None, 10)
    assert calibration._fewer(rows, 301)
    assert not calibration._fewer(rows, 300)
    assert not calibration._fewer([{"metric": "too few groups"}], 300)


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
