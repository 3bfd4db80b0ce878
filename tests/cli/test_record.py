"""``homologue record``: options, devices, speed, and sessions by path."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pynwb
import pytest
import torch

from homologue import recording
from homologue.cli import record as verb
from homologue.systems import NWB, TorchModel, _progress, _registry, names, register


@pytest.fixture
def registered(monkeypatch):
    """Register a system for the length of a test."""
    names()  # what is built in is registered once, when it is first asked for
    monkeypatch.setattr(_registry, "_ENTRIES", dict(_registry._ENTRIES))

    def add(name, build, kind="model"):
        register(name, build, kind=kind, summary="A toy.")
        return name

    return add


@pytest.fixture
def model(registered):
    """A registered network, and a word once it is built."""
    built = []

    def build(device=None):
        built.append(device)
        return TorchModel(
            torch.nn.Sequential(torch.nn.Linear(64, 2)),
            name="toy",
            prepare=lambda picture: torch.as_tensor(
                picture[::8, ::8].reshape(-1).astype("float32") / 255
            ),
            device=device,
        )

    registered("toy", build)
    return built


@pytest.fixture
def show(homologue, model, tmp_path):
    """Record the network with further words on the command line."""

    def call(*words):
        argv = ["record", "toy", "--stimuli", "images.digits", "--sites", "0", "--to"]
        return homologue(*argv, str(tmp_path / "x.zarr"), *words)

    return call


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--option", "nope=0"], "toy has no option 'nope'; known: batch_size, batch_tokens"),
        (["--option", "batchsize=3"], "did you mean 'batch_size'"),
        (["--option", "overwrite=True"], "toy has no option 'overwrite'; known: "),
        (["--option", "variable=digit"], "toy has no option 'variable'; known: "),
        (["--option", "to=x"], "--option to=…: that is what --to says"),
        (["--option", "stimuli=x"], "--option stimuli=…: that is what --stimuli says"),
        (["--option", "device=cpu"], "--option device=…: that is what --device says"),
        (["--option", "sites=0"], "--option sites=…: that is what --sites says"),
        (
            ["--positions", "last", "--option", "positions=all"],
            "--option positions=…: that is what --positions says; give it there, and once",
        ),
        (
            ["--dtype", "float16", "--option", "dtype=bfloat16"],
            "--option dtype=…: that is what --dtype says",
        ),
        (
            ["--option", "batch_size=3", "--option", "batch_size=4"],
            "--option batch_size=… is given twice",
        ),
        (
            ["--option", "batch_size=many"],
            "--option batch_size=… of toy is a whole number or None; given 'many'",
        ),
        (["--option", "space=3"], "--option space=… of toy is text; given 3"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(show, tmp_path, words, said):
    outcome = show(*words)
    assert outcome.status == 2
    assert outcome.out == ""
    assert said in outcome.err
    assert "fault of homologue" not in outcome.err
    assert not list(tmp_path.iterdir())


def test_what_a_verb_has_an_option_for_can_be_said_in_another_way_once(show, tmp_path):
    assert show("--option", "dtype=float16").status == 0
    assert recording.open(tmp_path / "x.zarr").dtype == "float16"


@pytest.mark.parametrize("device", ["foo", "cuda:77", "meta", "cuda 0"])
def test_a_device_that_is_not_there_is_refused_before_a_model_is_built(show, model, device):
    outcome = show("--device", device)
    assert outcome.status == 2
    assert f"there is no device {device!r} here; known: cpu" in outcome.err
    assert model == []


def test_without_cuda_it_is_refused(show, monkeypatch):
    def zeros(size, device):
        raise AssertionError("Torch not compiled with CUDA enabled")

    monkeypatch.setattr(torch, "zeros", zeros)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert "there is no device 'cuda' here; known: cpu" in show("--device", "cuda").err


def test_a_device_that_is_there_is_used(show, model):
    assert show("--device", "cpu").status == 0
    assert model == ["cpu"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["fly", "--device", "cpu"], "fly is not a model: --device has no meaning here"),
        (["fyl", "--device", "cpu"], "no system is named 'fyl'; did you mean 'fly'"),
        (["fly", "--option", "nope=1"], "has no option 'nope'; known: smallest_class"),
        (["fly", "--option", "smallest_class=x"], "is a whole number; given 'x'"),
        (["ring-attractor", "--option", "nope=1"], "no option 'nope'; known: rng, runs, variable"),
    ],
)
def test_options_of_what_is_no_model(homologue, tmp_path, argv, said):
    outcome = homologue("record", *argv, "--to", str(tmp_path / "x.zarr"))
    assert outcome.status == 2
    assert said in outcome.err


def test_a_variable_is_an_option_where_the_verb_has_none(homologue, tmp_path):
    argv = ["fly", "--option", "variable=odour_class"]
    assert homologue("record", *argv, "--to", str(tmp_path / "x.zarr")).status == 0
    outcome = homologue("run", "tuning.selectivity", *argv)
    assert outcome.status == 2
    assert "that is what --variable says" in outcome.err


@pytest.fixture
def counted(registered, monkeypatch):
    """A system that tells of 900 and 1000 samples; a second goes by before it tells, and after."""
    seconds = [0.0]
    monkeypatch.setattr(_progress, "monotonic", lambda: seconds[0])

    class Counted:
        name = family = "counted"
        kind = "model"

        def record(self, stimuli, *, sites, to, overwrite, progress):
            for done in (900, 1000):
                seconds[0] += 1
                progress(done, 1000)
            seconds[0] += 1
            rec = recording.make(np.ones((1000, 1)), system="counted", kind="model")
            return recording.save(rec, to, overwrite=overwrite)

    return registered("counted", Counted)


def test_speed_is_that_of_the_run_and_not_of_an_earlier_one(homologue, counted, tmp_path):
    argv = ["record", counted, "--stimuli", "images.digits", "--sites", "0", "--to"]
    outcome = homologue(*argv, str(tmp_path / "whole.zarr"), "--json")
    assert outcome.json["samples_per_second"] == 333.3
    (tmp_path / ".resumed.zarr.part").mkdir()
    outcome = homologue(*argv, str(tmp_path / "resumed.zarr"), "--json")
    assert outcome.json["samples"] == 1000
    assert outcome.json["samples_per_second"] == 50.0


def test_speed_is_printed(homologue, counted, tmp_path):
    argv = ["record", counted, "--stimuli", "images.digits", "--sites", "0", "--to"]
    lines = homologue(*argv, str(tmp_path / "x.zarr")).out.splitlines()
    assert lines[0].endswith("  samples per second")
    assert lines[1].endswith("  333")


def test_a_run_that_broke_off_is_seen(show, tmp_path, monkeypatch):
    store = tmp_path / "x.zarr"
    assert not verb._left_unfinished(store)

    def broken(self, block):
        raise KeyboardInterrupt

    monkeypatch.setattr("homologue.systems._shards.Writer.put", broken)
    assert show().status == 130
    assert verb._left_unfinished(store)


@pytest.fixture
def session(tmp_path):
    """Three units over a minute, and six trials with a choice."""
    file = pynwb.NWBFile("a session", "id", datetime(2020, 1, 1, tzinfo=UTC))
    rng = np.random.default_rng(0)
    for _ in range(3):
        spikes = np.sort(rng.uniform(0, 60, 300))
        file.add_unit(spike_times=spikes, obs_intervals=np.array([[0.0, 60.0]]))
    file.add_trial_column("choice", "what the animal chose")
    for k in range(6):
        file.add_trial(start_time=5.0 + 8 * k, stop_time=9.0 + 8 * k, choice="lr"[k % 2])
    path = tmp_path / "dandi" / "000001" / "sub-a" / "session.nwb"
    path.parent.mkdir(parents=True)
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(file)
    return path


TRIALS = ("--option", "window=-0.5,1.5", "--option", "width=0.5")


def test_trials_of_a_session_are_recorded_by_path(homologue, session, tmp_path):
    argv = ["record", str(session), "--option", "variable=choice", *TRIALS, "--to"]
    outcome = homologue(*argv, str(tmp_path / "trials.zarr"), "--json")
    assert outcome.status == 0
    assert (outcome.json["system"], outcome.json["kind"]) == ("session", "brain")
    rec = recording.open(tmp_path / "trials.zarr")
    assert rec.shape == (6 * 4, 3)
    assert "choice" in rec.coords


def test_a_session_is_recorded_whole_by_its_dandi_id(homologue, session, tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOLOGUE_MIRROR", str(tmp_path))
    argv = ["record", "DANDI:000001@0.1/sub-a/session.nwb", "--option", "width=2", "--to"]
    assert homologue(*argv, str(tmp_path / "whole.zarr")).status == 0
    assert recording.open(tmp_path / "whole.zarr").sizes == {"sample": 30, "unit": 3}


def test_an_analysis_runs_on_a_session(homologue, session):
    argv = ["run", "tuning.selectivity", str(session), "--set", "permutations=9", *TRIALS]
    outcome = homologue(*argv, "--variable", "choice", "--json")
    assert outcome.status == 0
    assert len(outcome.json["rows"]) == 3


def test_how_a_session_is_opened_is_an_option(homologue, session, tmp_path, monkeypatch):
    opened = []
    record = NWB.record
    monkeypatch.setattr(
        NWB, "record", lambda self, variable=None, **_: opened.append(self) or record(self)
    )
    argv = ["record", str(session), "--option", "outside=drop", "--option", "sort=True", "--to"]
    assert homologue(*argv, str(tmp_path / "x.zarr")).status == 0
    assert (opened[0].outside, opened[0].sort) == ("drop", True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--option", "windw=0,1"], "has no option 'windw'; did you mean 'window'"),
        (["--option", "variable=choic", *TRIALS], "no variable 'choic'; did you mean 'choice'"),
        (["--option", "variable=choice"], "need a window in seconds"),
        (["--option", "width=wide"], "is a number or None; given 'wide'"),
        (["--sites", "0"], "session.nwb is an NWB session: --sites has no meaning here"),
    ],
)
def test_unclear_requests_of_a_session(homologue, session, tmp_path, words, said):
    outcome = homologue("record", str(session), *words, "--to", str(tmp_path / "x.zarr"))
    assert outcome.status == 2
    assert said in outcome.err
    assert "fault of homologue" not in outcome.err


def test_a_session_without_a_variable_says_where_they_are(homologue, session):
    outcome = homologue("run", "tuning.selectivity", str(session))
    assert outcome.status == 2
    assert "needs --variable" in outcome.err
    assert "columns of its tables of intervals" in outcome.err


def test_a_file_that_is_not_there_is_named(homologue, tmp_path):
    outcome = homologue("run", "tuning.selectivity", str(tmp_path / "gone.nwb"))
    assert outcome.status == 2
    assert "gone.nwb does not exist" in outcome.err


@pytest.mark.parametrize("name", ["record", "run"])
def test_help_says_that_sessions_are_taken(homologue, name):
    assert "a session: a .nwb file or its DANDI id" in " ".join(
        homologue(name, "--help").out.split()
    )
