"""``homologue run`` and ``homologue record``, on stored recordings with a planted code."""

from __future__ import annotations

import csv
import functools
import json

import numpy as np
import pytest
import xarray as xr

from homologue import recording


@pytest.fixture
def store(tmp_path):
    """24 groups, two classes; the first 4 of 8 units fire more in class ``a``."""
    rng = np.random.default_rng(0)
    labels = np.array(["a", "b"] * 12)
    activity = rng.normal(size=(24, 8))
    activity[labels == "a", :4] += 3
    rec = recording.make(
        activity,
        variables={"concept": recording.variable(labels, label_source="experimenter")},
        system="planted",
        kind="circuit",
    )
    return str(recording.save(rec, tmp_path / "planted.zarr"))


def test_the_planted_units_come_first(homologue, store):
    outcome = homologue("run", "tuning.selectivity", store, "--variable", "concept", "--json")
    assert outcome.status == 0
    assert outcome.json["analysis"] == "tuning.selectivity"
    effects = {row["unit"]: row["effect"] for row in outcome.json["rows"]}
    assert len(effects) == 8
    strongest = sorted(effects, key=effects.get)[-4:]
    assert set(strongest) == set(list(effects)[:4])
    assert {"effect", "low", "high", "null_mean", "null_std", "p", "q", "n"} <= set(
        outcome.json["rows"][0]
    )


def test_the_result_is_that_of_the_function(homologue, store):
    from homologue import representation

    expected = representation.decode(recording.open(store), "concept", rng=7)
    found = homologue(
        "run", "representation.decode", store, "--variable", "concept", "--seed", "7", "--json"
    ).json["rows"]
    assert found[0]["effect"] == pytest.approx(float(expected["effect"]), abs=1e-12)
    assert found[0]["p"] == pytest.approx(float(expected["p"]), abs=1e-12)


def test_the_only_variable_is_taken_and_said(homologue, store):
    outcome = homologue("run", "representation.decode", store)
    assert outcome.status == 0
    assert "variable: concept" in outcome.err
    assert outcome.out.splitlines()[0].split()[-8:] != []


def test_few_rows_are_printed_and_the_rest_is_mentioned(homologue, store):
    outcome = homologue("run", "selectivity", store, "--variable", "concept", "--top", "3")
    assert len(outcome.out.splitlines()) == 4
    assert "the 3 largest effects of 8" in outcome.err


@pytest.mark.parametrize("suffix", [".nc", ".csv", ".json"])
def test_out_holds_every_row(homologue, store, tmp_path, suffix):
    out = tmp_path / f"result{suffix}"
    argv = ["run", "tuning.selectivity", store, "--variable", "concept", "--out", str(out), "-q"]
    assert homologue(*argv).status == 0
    if suffix == ".nc":
        with xr.open_dataset(out, engine="h5netcdf") as result:
            assert result.sizes["unit"] == 8
    elif suffix == ".csv":
        rows = list(csv.DictReader(out.read_text().splitlines()))
        assert len({row["unit"] for row in rows}) == 8
    else:
        assert len(json.loads(out.read_text())["rows"]) == 8


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["tuning.selectivty"], "there is no analysis 'tuning.selectivty'; did you mean"),
        (["representation.decode", "--variable", "concpt"], "did you mean 'concept'"),
        (["representation.decode", "--out", "x.pickle"], "--out is a .nc, .csv or .json file"),
        (["representation.decode", "--set", "fold=3"], "has no argument 'fold'"),
        (["representation.decode", "--set", "folds"], "--set takes NAME=VALUE"),
        (["representation.decode", "--sites", "resid_post"], "--sites has no meaning here"),
        (["tuning.invariance"], "tuning.invariance needs --set across=…"),
        (["demixed_components"], "needs --set variables=… ('homologue explain demixed_"),
    ],
)
def test_unclear_requests(homologue, store, argv, said):
    outcome = homologue("run", argv[0], store, *argv[1:])
    assert outcome.status == 2
    assert outcome.out == ""
    assert said in outcome.err


def test_where_nothing_can_be_measured_the_reason_is_printed(homologue):
    outcome = homologue("run", "tuning.spatial_information", "fly", "--top", "3")
    assert "none of 24 has an effect" in outcome.err
    assert outcome.out.count("negative") == 3


def test_options_that_an_analysis_passes_on_are_not_asked_for(homologue, store):
    for name in ("tuning.tuning_curve", "tuning.mutual_information"):
        argv = ["run", name, store, "--variable", "concept", "--set", "permutations=19"]
        assert homologue(*argv).status == 0
        assert homologue(*argv, "--set", "minimum_lag=2.0").status == 0
        assert "argument 'lag'" in homologue(*argv, "--set", "lag=2").err


def test_an_unknown_system_suggests_the_nearest(homologue):
    outcome = homologue("run", "representation.decode", "fyl")
    assert outcome.status == 2
    assert "'fly'" in outcome.err


def test_a_model_without_stimuli_is_told_which_there_are(homologue, toy_model):
    outcome = homologue("run", "representation.decode", toy_model)
    assert outcome.status == 2
    assert "needs --stimuli" in outcome.err
    assert "concepts" in outcome.err


def test_record_stores_a_packaged_recording(homologue, tmp_path):
    store = tmp_path / "fly.zarr"
    outcome = homologue("record", "fly", "--to", str(store), "--json")
    assert outcome.status == 0
    assert (outcome.json["samples"], outcome.json["units"]) == recording.open(store).shape
    assert outcome.json["kind"] == "brain"
    again = homologue("record", "fly", "--to", str(store))
    assert again.status == 2
    assert "--overwrite" in again.err
    assert homologue("record", "fly", "--to", str(store), "--overwrite").status == 0


def test_record_replaces_nothing_but_a_store(homologue, tmp_path):
    folder = tmp_path / "thesis.zarr"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    outcome = homologue("record", "fly", "--to", str(folder), "--overwrite")
    assert outcome.status == 2
    assert (folder / "thesis.txt").read_text() == "years of work"


def test_record_takes_a_zarr_store_only(homologue, tmp_path):
    outcome = homologue("record", "fly", "--to", str(tmp_path / "fly.nc"))
    assert outcome.status == 2
    assert "try fly.zarr" in outcome.err


@pytest.fixture
def toy_model(monkeypatch):
    """A registered model that sees an eighth of each picture's pixels."""
    import torch

    from homologue import TorchModel
    from homologue.systems import _registry, register

    def build(device=None):
        torch.manual_seed(0)
        layers = torch.nn.Sequential(torch.nn.Linear(64, 16), torch.nn.ReLU())

        def prepare(picture):
            return torch.as_tensor(picture[::8, ::8].reshape(-1).astype("float32") / 255)

        return TorchModel(layers, name="toy-digits", prepare=prepare, device=device)

    _registry.names()  # what is built in is registered once, when it is first asked for
    monkeypatch.setattr(_registry, "_ENTRIES", dict(_registry._ENTRIES))
    register("toy-digits", build, kind="model", summary="A toy.")
    return "toy-digits"


def test_a_model_is_shown_stimuli_and_analysed(homologue, toy_model):
    argv = ["run", "representation.decode", toy_model, "--stimuli", "images.digits"]
    outcome = homologue(*argv, "--sites", "1", "--json", "--set", "permutations=99")
    assert outcome.status == 0
    assert "toy-digits: digits: 300 image items" in outcome.err
    assert outcome.json["rows"][0]["effect"] > 0.5
    assert outcome.json["rows"][0]["p"] == 0.01
    assert homologue(*argv, "--sites", "1", "--set", "permutations=99", "-q").err == ""


def test_a_recording_that_was_stopped_is_resumed(homologue, toy_model, tmp_path, monkeypatch):
    from homologue.systems import TorchModel

    argv = ["record", toy_model, "--stimuli", "images.digits", "--sites", "1", "--to"]
    argv += [str(tmp_path / "x.zarr")]
    record = TorchModel.record

    @functools.wraps(record)
    def stop(self, *items, **options):
        def told(done, total):
            raise KeyboardInterrupt

        return record(self, *items, **{**options, "progress": told})

    with monkeypatch.context() as patch:
        patch.setattr(TorchModel, "record", stop)
        outcome = homologue(*argv)
    assert outcome.status == 130
    assert "the same command resumes" in outcome.err
    assert not (tmp_path / "x.zarr").exists()
    outcome = homologue(*argv, "--json")
    assert outcome.status == 0
    assert outcome.json["samples"] == 300
    assert recording.open(tmp_path / "x.zarr").notnull().all()


def test_precision_on_disk(homologue, toy_model, tmp_path):
    argv = ["record", toy_model, "--stimuli", "images.digits", "--sites", "1", "--to"]
    assert homologue(*argv, str(tmp_path / "x.zarr"), "--dtype", "float16").status == 0
    assert recording.open(tmp_path / "x.zarr").dtype == "float16"
    outcome = homologue("record", "wine", "--to", str(tmp_path / "y.zarr"), "--dtype", "float16")
    assert outcome.status == 2
    assert "--dtype has no meaning" in outcome.err


def test_a_model_is_recorded_and_so_is_its_twin(homologue, toy_model, tmp_path):
    argv = ["record", toy_model, "--stimuli", "images.digits", "--sites", "0,1"]
    trained, twin = tmp_path / "trained.zarr", tmp_path / "twin.zarr"
    assert homologue(*argv, "--to", str(trained)).status == 0
    assert homologue(*argv, "--to", str(twin), "--untrained", "3").status == 0
    first, second = recording.open(trained), recording.open(twin)
    assert first.shape == second.shape == (300, 32)
    assert (first.attrs["kind"], second.attrs["kind"]) == ("model", "untrained")
    assert not np.allclose(first.values, second.values)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--stimuli", "images.digit", "--sites", "1"], "images.digits"),
        (["--stimuli", "images.digits"], "needs --sites"),
        (["--stimuli", "images.digits", "--sites", "2"], "2"),
        (["--stimuli", "images.digits", "--sites", "1", "--variable", "dgit"], "'digit'"),
    ],
)
def test_a_model_says_what_it_lacks(homologue, toy_model, argv, said):
    outcome = homologue("run", "representation.decode", toy_model, *argv)
    assert outcome.status == 2
    assert said in outcome.err
    assert "fault of homologue" not in outcome.err


@pytest.mark.needs_mirror
@pytest.mark.parametrize(
    ("argv", "lines"),
    [
        (
            ["tuning.vector_length", "head-direction", "--variable", "angle"],
            ["p: of 19 tested, 19 at 0.05 (100.0%), 19 at 0.01 (100.0%), 19 at 0.001 (100.0%)"],
        ),
        (
            ["tuning.place_fields", "hippocampus", "--variable", "track",
             "--option", "minimum_spikes=50"],
            ["place cell: 15 of 19"],
        ),
        (
            ["tuning.sparseness", "fly", "--set", "rectify=True"],
            ["effect: median 0.683, from 0.462 to 0.964"],
        ),
    ],
)  # fmt: skip
def test_classic_facts_are_printed(homologue, argv, lines):
    outcome = homologue("run", *argv, "--top", "3")
    assert outcome.status == 0
    for line in lines:
        assert line in outcome.err


@pytest.mark.needs_mirror
def test_a_label_without_a_period_is_answered_with_the_variable_that_has_one(homologue):
    outcome = homologue("run", "tuning.vector_length", "head-direction")
    assert outcome.status == 2
    assert "Other variables here: angle" in outcome.err


def test_analyses_in_packages_of_their_own_are_found(homologue, store):
    names = [row["name"] for row in homologue("ls", "analyses", "--json").json]
    assert {"population.cycles.find", "tuning.examples.illusion"} <= set(names)
    outcome = homologue(
        "run", "illusion", store, "--variable", "concept", "--set", "top=2", "--json"
    )
    assert outcome.json["analysis"] in ("illusion", "tuning.examples.illusion")
    assert len(outcome.json["rows"]) == 8


def test_a_description_without_an_effect_is_printed_as_it_is(homologue, store):
    outcome = homologue("run", "population.principal_components", store, "--top", "2")
    assert outcome.status == 0
    assert "effect" not in outcome.out.splitlines()[0]


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("permutations=abc", "is a whole number; given 'abc'"),
        ("permutations=True", "is a whole number; given True"),
        ("minimum_lag=far", "is a number or None; given 'far'"),
    ],
)
def test_an_argument_of_another_type_is_no_fault_of_ours(homologue, pair, said):
    outcome = homologue("run", "tuning.selectivity", "wine", "--set", pair)
    assert outcome.status == 2
    assert said in outcome.err


def test_a_second_recording_is_asked_for_in_python(homologue):
    outcome = homologue("run", "tuning.quiroga", "wine")
    assert outcome.status == 2
    assert "needs a second recording as 'baseline'" in outcome.err
    assert "homologue.tuning.quiroga(rec, …, baseline=…)" in outcome.err


def test_the_systems_variable_stands_in_for_one_it_lacks(homologue):
    outcome = homologue("run", "tuning.concept_cells", "wine", "--set", "permutations=19")
    assert outcome.status == 0
    assert "variable: cultivar" in outcome.err


def test_rows_without_names_are_counted_and_descriptions_have_no_null(homologue):
    options = ("--set", "permutations=19", "--top", "2")
    lines = homologue("run", "population.parallel_analysis", "wine", *options).out.splitlines()
    assert lines[0].split()[:2] == ["component", "effect"]
    assert [line.split()[0] for line in lines[1:3]] == ["1", "2"]
    outcome = homologue("run", "population.principal_components", "wine")
    assert "a description: it tests nothing" in outcome.err
