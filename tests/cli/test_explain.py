"""``homologue explain``."""

from __future__ import annotations

import pytest

from homologue import parallels, systems
from homologue.cli import _catalogue, _grounds
from homologue.cli.explain import sections_of


@pytest.mark.parametrize("claim", parallels.claims(), ids=lambda claim: claim.id)
def test_a_claim_is_explained_in_full(homologue, claim):
    outcome = homologue("explain", claim.id)
    text = " ".join(outcome.out.split())
    assert outcome.status == 0
    assert outcome.err == ""
    assert outcome.out.startswith(f"{claim.id} · version {claim.version}\n")
    for part in (claim.sentence, claim.statistic, claim.null, claim.against):
        assert " ".join(part.split()) in text
    for reference in claim.references:
        assert reference.text in text
        assert reference.doi in text


def test_json_is_the_claims_record(homologue):
    claim = parallels.claims()[0]
    assert homologue("explain", claim.id, "--json").json == claim.record()


@pytest.mark.parametrize("name", ["tuning.selectivity", "selectivity"])
def test_an_analysis_is_explained_from_its_docstring(homologue, name):
    outcome = homologue("explain", name)
    assert outcome.status == 0
    assert "  call\n" in outcome.out
    assert "doi" in outcome.out.lower()
    assert "``" not in outcome.out


@pytest.mark.parametrize("name", ["population.cycles.find", "find"])
def test_an_analysis_is_called_what_it_is_called(homologue, name):
    lines = homologue("explain", name).out.splitlines()
    assert lines[0] == "homologue.population.cycles.find"
    assert any(line.startswith("    population.cycles.find(rec") for line in lines)


def test_marks_of_the_docstring_are_taken_off(homologue):
    text = homologue("explain", "population.mixture").out
    assert "|v·f + c| <" in text
    assert "\\" not in text
    text = homologue("explain", "population.phantom_oscillation").out
    assert "p (lower tail" in " ".join(text.split())
    assert sections_of("A 2 * 3 * 4 of *two* **bold words**, x**2 + y**2.") == {
        "": "A 2 * 3 * 4 of two bold words, x**2 + y**2."
    }


def test_lines_are_of_readable_width(homologue):
    lines = homologue("explain", "representation.decode").out.splitlines()
    assert max(len(line) for line in lines) <= 88


def test_unknown_names_suggest_claims_and_analyses(homologue):
    outcome = homologue("explain", "units-are-tund")
    assert outcome.status == 2
    assert "did you mean 'units-are-tuned'" in outcome.err
    assert "tuning.selectivity" in homologue("explain", "tuning.selectivty").err


def test_the_package_may_stand_before_a_name_and_letters_may_be_capital(homologue):
    plain = homologue("explain", "tuning.selectivity")
    assert homologue("explain", plain.out.splitlines()[0]).out == plain.out
    assert "did you mean 'tuning.selectivity'" in homologue("explain", "TUNING.SELECTIVITY").err
    assert "did you mean 'units-are-tuned'" in homologue("explain", "Units-Are-Tuned").err
    assert "did you mean 'tuning.selectivity'" in homologue("run", "Tuning.Selectivity", "fly").err


@pytest.mark.parametrize(
    ("analysis", "statistic", "null", "claim"),
    [
        (
            "tuning.selectivity",
            "The effect is 2·AUC − 1 of the class",
            "The null takes the same maximum over classes",
            "units-are-tuned",
        ),
        (
            "representation.decode",
            "(balanced accuracy − 1/C) / (1 − 1/C)",
            "permutations: Relabellings under the null",
            "population-represents",
        ),
        (
            "population.dimension",
            "1 − participation ratio / mean participation ratio of the null",
            "Under the null the units are independent",
            "code-is-low-dimensional",
        ),
        (
            "population.rotations",
            "share of ‖Δx‖² explained by a rotation",
            "Surrogates keep the covariances over time",
            "dynamics-are-rotational",
        ),
        (
            "population.cycles.find",
            "1 − birth/death of the longest one-dimensional bar",
            "The null does the same with units made independent",
            "there-is-a-cycle",
        ),
    ],
)
def test_an_analysis_has_statistic_null_and_what_would_count_against_it(
    homologue, analysis, statistic, null, claim
):
    found = homologue("explain", analysis, "--json").json
    assert statistic in " ".join(found["statistic"])
    assert null in " ".join(found["null"])
    record = parallels.get(claim)
    lines = found["claims on the same measure"]
    assert any(line.startswith(f"{claim} (") and record.sentence in line for line in lines)
    assert f"  null: {record.null}" in lines
    assert f"  what would count against it: {record.against}" in lines
    text = " ".join(homologue("explain", analysis).out.split())
    assert f"what would count against it: {record.against}" in text


@pytest.mark.parametrize("name", _catalogue.analysis_functions())
def test_what_is_said_of_the_null_stands_in_a_docstring(homologue, name):
    found = homologue("explain", name, "--json").json
    declared = homologue("explain", "tuning.spatial_information", "--json").json["arguments"]
    ordered = homologue("explain", "population.circular_order", "--json").json["arguments"]
    written = [found[one] for one in ("what it does", "arguments", "returns")]
    text = " ".join(" ".join([*written, found["when it holds, and when it fails"],
                              declared, ordered]).split())  # fmt: skip
    for line in found["null"] + found["statistic"]:
        told = line.split(": ", 1)[1] if line not in text else line
        assert " ".join(told.split()) in text


def test_a_null_that_is_said_elsewhere_is_found_there():
    elsewhere = {"Parameters": "null : str\n    Shifts.\nlag : float\n    In s."}
    words = {"Parameters": "**options\n    bins, null, lag as in other.\nrng : int"}
    assert _grounds.null(words, {"other": elsewhere}.__getitem__) == ["null: Shifts."]
    assert _grounds.null({"": "It describes."}, lambda name: {}) == []


def test_measures_are_words_of_claims_and_of_analyses():
    statistics = [claim["statistic"] for claim in _catalogue.claims()]
    docstrings = [
        " ".join((function.__doc__ or "").split())
        for function in _catalogue.analysis_functions().values()
    ]
    for measure in _grounds.MEASURES:
        assert any(measure in text for text in statistics)
        assert any(measure in text for text in docstrings)


def test_sections_keep_references_apart_and_drop_marks():
    found = sections_of(
        "Do :func:`~a.b.c`.\n\nReferences\n----------\n"
        ".. [1] First,\n   second line.\n.. [2] Other [1]_.\n"
    )
    assert found == {"": "Do c.", "References": "[1] First, second line.\n[2] Other [1]."}


def test_a_system_is_explained_with_its_options(homologue):
    outcome = homologue("explain", "head-direction")
    assert outcome.status == 0
    for part in ("state = 'wake'", 'state : {"wake", "rem", "sws"}', "angle", "10.1038/nn.3968"):
        assert part in outcome.out
    assert "--stimuli" in homologue("explain", "smollm2-135m").out
    assert "did you mean 'fly'" in homologue("explain", "flie").err


@pytest.mark.parametrize("row", systems.describe(), ids=lambda row: row["name"])
def test_every_system_is_explained(homologue, row):
    outcome = homologue("explain", row["name"])
    assert outcome.status == 0
    assert row["summary"] in " ".join(outcome.out.split())


def test_arguments_are_explained(homologue):
    text = " ".join(homologue("explain", "tuning.peri_event").out.split())
    assert "baseline, response" in text
    # An argument without a word of its own starts a line all the same.
    lines = homologue("explain", "tuning.peri_event").out.splitlines()
    assert "    rng : numpy Generator or int" in lines


def test_one_unit_is_one_unit(homologue):
    assert " 1 unit, " in homologue("explain", "effects-are-graded-with-dose").out
