"""``homologue compare`` from the shell: files, streams, exit statuses."""

from __future__ import annotations

import pytest

PANEL = """
[panel]
claims = ["units-are-tuned"]
permutations = 99
resamples = 49
repeats = 8
[[system]]
name = "cancer"
variables = ["diagnosis"]
[[system]]
name = "wine"
variables = ["cultivar"]
"""


@pytest.fixture
def panel(tmp_path):
    path = tmp_path / "panel.toml"
    path.write_text(PANEL)
    return path


def test_verdicts_go_to_standard_output_and_the_report_is_named(homologue, panel, tmp_path):
    out = tmp_path / "out"
    result = homologue("compare", str(panel), "--out", str(out))
    assert result.status == 0
    assert "underpowered" in result.out
    assert f"report: {out / 'report.html'}" in result.out
    assert (out / "report.html").stat().st_size > 10_000
    for name in ("verdicts.csv", "cells.csv", "evidence.nc", "resolved.toml", "log.jsonl"):
        assert (out / name).is_file()


def test_a_second_run_reuses_answers_and_says_so(homologue, panel, tmp_path):
    arguments = ("compare", str(panel), "--out", str(tmp_path / "out"))
    first = homologue(*arguments)
    again = homologue(*arguments)
    assert "answers" not in first.err
    assert "2 of 2 answers are those of an earlier run, of the same data and code" in again.err
    assert again.out == first.out
    assert "answers are" not in homologue(*arguments, "--fresh").err


def test_json_holds_the_verdicts(homologue, panel, tmp_path):
    result = homologue("compare", str(panel), "--out", str(tmp_path / "out"), "--json")
    document = result.json
    (row,) = document["verdicts"]
    assert (row["claim"], row["verdict"]) == ("units-are-tuned", "underpowered")
    assert row["n_other"] == 2
    assert result.status == 0


def test_a_failed_cell_is_a_row_and_is_said(homologue, panel, tmp_path):
    panel.write_text(PANEL.replace('"cultivar"', '"cultiwar"'))
    result = homologue("compare", str(panel), "--out", str(tmp_path / "out"))
    assert result.status == 0
    assert "failed: wine: " in result.err
    assert "did you mean 'cultivar'" in result.err
    rows = (tmp_path / "out" / "cells.csv").read_text().splitlines()
    assert rows[1].startswith("units-are-tuned,cancer,other-science,cancer,diagnosis,")
    assert rows[2].startswith("units-are-tuned,wine,other-science,wine,cultiwar,failed,,")


def test_the_template_is_a_panel_and_is_never_overwritten(homologue, tmp_path):
    from homologue.parallels import default, load

    path = tmp_path / "new.toml"
    assert homologue("compare", "--init", str(path)).status == 0
    assert load(path).entries == default().entries
    again = homologue("compare", "--init", str(path))
    assert again.status == 2
    assert "would be lost" in again.err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("permutations", "permutation"), "did you mean 'permutations'"),
        (('"cancer"', '"cancers"'), "did you mean 'cancer'"),
        (('"units-are-tuned"', '"units-tuned"'), "did you mean 'units-are-tuned'"),
    ],
)
def test_mistakes_in_a_panel_end_with_status_2(homologue, panel, change, message):
    panel.write_text(PANEL.replace(*change))
    result = homologue("compare", str(panel))
    assert result.status == 2
    assert message in result.err
    assert result.out == ""


def test_a_missing_panel_names_the_command_that_writes_one(homologue, tmp_path):
    result = homologue("compare", str(tmp_path / "none.toml"))
    assert result.status == 2
    assert "--init" in result.err
