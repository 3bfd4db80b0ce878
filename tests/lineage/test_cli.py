"""``homologue lineage``: the tables, the same as JSON, files, and errors that teach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from homologue.cli import main

FIELD = "neuroscience"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*argv: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["lineage", *argv])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_the_tables(call) -> None:
    status, out, err = call("--draws", "50")
    assert status == 0
    assert err == ""
    lines = {tuple(line.split()[:4]) for line in out.splitlines()}
    for row in (
        ("all", "years", "28", "1133"),
        ("before", "1990", "4", "16"),
        ("1990–2009", "11", "58", "19"),
        ("2010–2019", "13", "425", "3.1"),
        ("2020", "on", "0", "632"),
        ("to", "2021", "20", "349"),
        ("2022", "on", "8", "784"),
    ):
        assert row in lines
    assert "insufficient depth" in out
    assert "by direct citation" in out
    assert "\x1b" not in out


def test_json_has_the_same_counts_in_the_schema(call) -> None:
    status, out, err = call("--json", "--draws", "50")
    assert (status, err) == (0, "")
    document = json.loads(out)
    row = {"period", "field", "count", "total", "share", "low", "high"}
    assert all(row <= set(item) for item in document["by_period"])
    counts = {
        (item["period"], item["field"]): (item["count"], item["total"])
        for item in document["by_period"]
    }
    assert counts["before 1990", FIELD] == (4, 16)
    assert counts["1990–2009", FIELD] == (11, 58)
    assert counts["2010–2019", FIELD] == (13, 425)
    assert counts["2020 on", FIELD] == (0, 632)
    assert counts["all years", FIELD] == (28, 1133)
    waves = {
        (item["citing_period"], item["field"]): (item["count"], item["total"])
        for item in document["by_citing_period"]
    }
    assert waves["to 2021", FIELD] == (20, 349)
    assert waves["2022 on", FIELD] == (8, 784)
    years = [item for item in document["by_citing_year"] if item["citing_year"] != "all years"]
    assert sum(item["count"] for item in years if item["field"] == FIELD) == 28
    ideas = {(item["idea"], item["field"]): item["count"] for item in document["by_idea"]}
    assert ideas["representational hierarchy", FIELD] == 5
    without = document["counterfactual"]
    assert (without["level"], without["refused"], without["threshold"]) == (
        "direct citation", True, 0.5,
    )  # fmt: skip
    assert without["known_share"] == pytest.approx(46 / 2637)


def test_two_runs_are_equal_and_the_seed_matters(call) -> None:
    one = call("--json", "--draws", "50")[1]
    assert call("--json", "--draws", "50")[1] == one
    assert call("--json", "--draws", "50", "--seed", "1")[1] != one


def test_other_fields_and_groups(call) -> None:
    out = call("--draws", "0", "--citing", "neuro", "--field", "machine learning / AI")[1]
    assert "References to machine learning / AI" in out
    status, _, err = call("--field", "neurosience")
    assert status == 2
    assert "did you mean 'neuroscience'?" in err
    assert call("--citing", "nuero")[0] == 2


def test_the_venue_table_is_printed(call) -> None:
    _, out, _ = call("--venues")
    for heading in ("venues", "title words", "overrides", "contested"):
        assert f"{heading}\n" in out
    assert "Cognitron" in out
    document = json.loads(call("--venues", "--json")[1])
    assert len(document["overrides"]) == 29
    assert len(document["venues"]) > 200


def test_pictures_and_data_are_written(call, tmp_path: Path) -> None:
    status, _, err = call("--draws", "50", "--out", str(tmp_path / "new"))
    assert status == 0
    assert "pictures and lineage.json" in err
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == sorted(
        ["lineage.json"]
        + [
            f"{name}-{theme}.{suffix}"
            for name in ("shares", "ideas", "main_path")
            for theme in ("light", "dark")
            for suffix in ("png", "svg")
        ]
    )
    document = json.loads((tmp_path / "new" / "lineage.json").read_text("utf-8"))
    assert document["by_period"][0]["count"] == 28


def test_a_bibliography_of_your_own(call, tmp_path: Path) -> None:
    (tmp_path / "mine.bib").write_text(
        "@article{a, title={Place cells}, journal={Neuron}, year=1999}\n"
        "@misc{b, title={A model}, journal={arXiv}, year=2023}\n@misc{c, title={broken\n"
    )
    (tmp_path / "mine.aux").write_text("\\citation{a}\\citation{b}\\citation{zz}")
    status, out, err = call(
        "--bibtex", str(tmp_path / "mine.bib"), "--keys", str(tmp_path / "mine.aux"),
        "--citing-year", "2024", "--json", "--draws", "0",
    )  # fmt: skip
    assert status == 0
    assert "1 malformed entry skipped: c line 3" in err
    assert "1 cited key has no entry: zz" in err
    first = json.loads(out)["by_period"][0]
    assert (first["field"], first["count"], first["total"]) == (FIELD, 1, 2)
    joined = call(
        "--bibtex", str(tmp_path / "mine.bib"), "--with-embedded", "--json", "--draws", "0"
    )
    assert json.loads(joined[1])["by_period"][0]["total"] == 1135


def test_errors_are_one_line(call, tmp_path: Path) -> None:
    for argv in (
        ["--bibtex", str(tmp_path / "none.bib")],
        ["--keys", "a.aux"],
        ["--threshold", "50"],
        ["--seed", "-1"],
        ["--draws", "few"],
        ["--citing-year", "2024"],
        ["--depth", "2"],
        ["--with-embedded"],
        ["--venuess"],
    ):
        status, out, err = call(*argv)
        assert status == 2
        assert out == ""
        assert len(err.strip().splitlines()) == 1


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from homologue.cli import main; main(['lineage', '--help']);"
        "sys.exit(any(name in sys.modules for name in ('pandas', 'scipy', 'matplotlib', 'torch')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=os.environ)
    assert done.returncode == 0


def test_asking_imports_neither_torch_nor_matplotlib() -> None:
    code = (
        "import sys; from homologue import lineage; lineage.answer(draws=0);"
        "bad = [n for n in ('torch', 'matplotlib', 'networkx', 'pyalex', 'bibtexparser')"
        " if n in sys.modules]; print(bad); sys.exit(bool(bad))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
