"""Recording to disk: equal to memory, resumable after anything, whole or not there."""

from __future__ import annotations

import copy
import errno
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from homologue import recording
from homologue._errors import HomologueError, InvalidRecording
from homologue.reducers import Moments
from homologue.stimuli import Stimuli
from homologue.systems import TorchModel, _reading, _recorder, _shards
from homologue.systems._fingerprint import _of_state
from homologue.systems._shards import RecordingInterrupted


@pytest.fixture
def shards(monkeypatch):
    """Small shards and windows, so that a small recording has many."""
    monkeypatch.setattr(_reading, "_BATCHES_PER_WINDOW", 2)
    monkeypatch.setattr(_shards, "_CHUNK_BYTES", 2000)
    monkeypatch.setattr(_shards, "_SHARD_BYTES", 8000)
    monkeypatch.setattr(_recorder, "_LABEL_ROWS", 50)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def system(networks, tokenizer):
    return TorchModel(networks["llama"], tokenizer, name="small")


@pytest.fixture
def shown(texts):
    return Stimuli(
        list(texts * 12),
        {"kind": ["a", "b", "c", "d", "e"] * 12, "size": np.arange(60.0)},
        group=[f"g{i // 5}" for i in range(60)],
    )


def test_the_store_is_what_memory_would_hold(system, shown, tmp_path, shards):
    sites = ["resid_post", "mlp_out.1"]
    whole = system.record(shown, sites=sites)
    stored = system.record(shown, sites=sites, to=tmp_path / "x.zarr")
    np.testing.assert_array_equal(stored.values, whole.values)
    assert stored.attrs == whole.attrs
    assert set(stored.coords) == set(whole.coords)
    for name in whole.coords:
        np.testing.assert_array_equal(stored[name].values, whole[name].values)
        assert stored[name].attrs == whole[name].attrs
    assert [path.name for path in tmp_path.iterdir()] == ["x.zarr"]
    parts = [part.values for part in recording.blocks(stored, bytes=5000)]
    np.testing.assert_array_equal(np.concatenate(parts), whole.values)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_precision_on_disk(system, shown, tmp_path, dtype, shards):
    whole = system.record(shown, sites="resid_post")
    stored = system.record(shown, sites="resid_post", to=tmp_path / "x.zarr", dtype=dtype)
    wanted = torch.from_numpy(whole.values).to(getattr(torch, dtype)).float().numpy()
    np.testing.assert_array_equal(stored.values.astype("float32"), wanted)
    full = system.record(shown, sites="resid_post", to=tmp_path / "full.zarr")
    size = [
        sum(map(len, files(tmp_path / f"{n}.zarr" / "activity").values())) for n in ("x", "full")
    ]
    assert size[0] < 0.6 * size[1]
    in_memory = system.record(shown, sites="resid_post", dtype=dtype)
    np.testing.assert_array_equal(in_memory.values, stored.values)
    assert full.shape == stored.shape


def test_too_large_for_float16(tmp_path):
    network = nn.Sequential(nn.Linear(2, 2))
    with torch.no_grad():
        network[0].weight.fill_(1e5)
    system, inputs = TorchModel(network), np.ones((3, 2), "float32")
    for to in (None, tmp_path / "x.zarr"):
        with pytest.raises(HomologueError, match=r"2e\+05, more than float16 holds"):
            system.record(inputs, sites="0", dtype="float16", to=to)
    assert system.record(inputs, sites="0", dtype="bfloat16").shape == (3, 2)
    with pytest.raises(HomologueError, match="dtype is one of"):
        system.record(inputs, sites="0", dtype="int8")


class Fault(Exception):
    pass


def faulty(network, after):
    """Make a model fail after some passes, until it is told to stop failing."""
    count = [0]

    def before(module, args, kwargs):
        count[0] += 1
        if count[0] > after:
            raise Fault

    return network.register_forward_pre_hook(before, with_kwargs=True)


def test_a_run_that_broke_off_is_resumed(system, shown, tmp_path, shards, capsys):
    options = {"sites": "resid_post", "batch_size": 2}
    system.record(shown, to=tmp_path / "whole.zarr", **options)
    wanted = files(tmp_path / "whole.zarr")
    path = tmp_path / "x.zarr"
    for after in (4, 12, 20):
        handle = faulty(system.model, after)
        with pytest.raises(Fault):
            system.record(shown, to=path, **options)
        handle.remove()
        assert not path.exists()
        with pytest.raises(FileNotFoundError):
            recording.open(path)
        with pytest.raises(InvalidRecording, match="half-written"):
            recording.open(tmp_path / ".x.zarr.part")
    capsys.readouterr()
    told = []
    system.record(shown, to=path, **options, progress=lambda done, total: told.append(done))
    assert "resuming" in capsys.readouterr().err
    assert told[0] > 20
    assert files(path) == wanted
    assert sorted(p.name for p in tmp_path.iterdir()) == ["whole.zarr", "x.zarr"]


def test_killed_runs_lose_and_double_nothing(tmp_path):
    """SIGKILL at random moments; every store in the end is equal, byte by byte.

    The benchmark of recording does the same fifty times.
    """
    found = subprocess.run(
        [sys.executable, "-m", "benchmarks._killed", str(tmp_path), "6", "0"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert found.returncode == 0, found.stderr[-2000:]
    kills, stores, wrong = map(int, found.stdout.split())
    assert kills >= 6
    assert 1 <= stores < kills
    assert wrong == 0


def test_a_full_disk_stops_cleanly_and_is_resumed(system, shown, tmp_path, shards, monkeypatch):
    path = tmp_path / "x.zarr"
    flush = _shards.Writer._flush
    flushed = []

    def full(writer):
        flushed.append(1)
        if len(flushed) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(writer)

    monkeypatch.setattr(_shards.Writer, "_flush", full)
    with pytest.raises(RecordingInterrupted, match=r"disk is full after \d+ of 324 .* resumes"):
        system.record(shown, sites="resid_post", to=path)
    monkeypatch.setattr(_shards.Writer, "_flush", flush)
    stored = system.record(shown, sites="resid_post", to=path)
    np.testing.assert_array_equal(stored.values, system.record(shown, sites="resid_post").values)


def test_another_recording_is_not_mixed_in(system, shown, tmp_path, shards):
    path = tmp_path / "x.zarr"
    handle = faulty(system.model, 8)
    with pytest.raises(Fault):
        system.record(shown, sites="resid_post", to=path, batch_size=2)
    handle.remove()
    for change in (
        {"sites": "mlp_out"},
        {"positions": [0, 1]},
        {"dtype": "float16"},
        {"batch_size": 3},
    ):
        options = {"sites": "resid_post", "batch_size": 2} | change
        with pytest.raises(HomologueError, match="of something else"):
            system.record(shown, to=path, **options)
    with pytest.raises(HomologueError, match="of something else"):
        system.untrained(0).record(shown, sites="resid_post", to=path, batch_size=2)
    with pytest.raises(HomologueError, match="of something else"):
        system.record(shown.take(range(59)), sites="resid_post", to=path, batch_size=2)
    stored = system.record(shown, sites="mlp_out", to=path, overwrite=True)
    assert set(stored["site"].values) == {"mlp_out.0", "mlp_out.1", "mlp_out.2"}


def places():
    """Return a small network over rows of places, and stimuli for it."""
    torch.manual_seed(0)
    inputs = np.random.default_rng(0).normal(size=(600, 4, 8)).astype("float32")
    return nn.Sequential(nn.Linear(8, 64), nn.ReLU()), inputs


def scaled(item):
    return 1.01 * item


def edited(network, row):
    with torch.no_grad():
        network[0].weight[row, 3] += 1e-3
    return network


CHANGES = {
    "places": lambda network: (TorchModel(network), [3]),
    "prepared": lambda network: (TorchModel(network, prepare=scaled), [0]),
    "code": lambda network: (TorchModel(nn.Sequential(network[0], nn.Tanh())), [0]),
    "a weight": lambda network: (TorchModel(edited(network, 17)), [0]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_half_a_recording_is_gone_on_with_by_the_same_model_alone(tmp_path, shards, change):
    network, inputs = places()
    path, handle = tmp_path / "x.zarr", faulty(network, 8)
    options = {"sites": "1", "batch_size": 16}
    with pytest.raises(Fault):
        TorchModel(network).record(inputs, positions=[0], to=path, **options)
    handle.remove()
    other, positions = CHANGES[change](network)
    why = "come out otherwise" if change in ("prepared", "code") else "of something else"
    with pytest.raises(HomologueError, match=why):
        other.record(inputs, positions=positions, to=path, **options)
    found = other.record(inputs, positions=positions, to=path, overwrite=True, **options)
    wanted = other.record(inputs, positions=positions, **options)
    np.testing.assert_array_equal(found.values, wanted.values)


class Hum(nn.Linear):
    """One unit is rounding alone, and another on each run."""

    def forward(self, x):
        found = super().forward(x)
        found[..., 0] = 1e-8 * torch.randn(found.shape[:-1])
        return found


def test_units_of_rounding_alone_may_hold_another(tmp_path, shards):
    _, inputs = places()
    system, options = TorchModel(nn.Sequential(Hum(8, 64))), {"sites": "0", "batch_size": 16}
    handle = faulty(system.model, 8)
    with pytest.raises(Fault):
        system.record(inputs, to=tmp_path / "x.zarr", **options)
    handle.remove()
    assert system.record(inputs, to=tmp_path / "x.zarr", **options).shape == (600, 64)


def test_a_model_that_draws_goes_on(tmp_path, shards):
    network, inputs = places()
    system = TorchModel(nn.Sequential(nn.Identity(), network))
    system.model[0].forward = lambda x: x + torch.randn_like(x)
    options = {"sites": "1.1", "batch_size": 16, "to": tmp_path / "x.zarr"}
    handle = faulty(system.model, 8)
    with pytest.raises(Fault):
        system.record(inputs, **options)
    handle.remove()
    assert system.record(inputs, **options).shape == (600, 64)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.zeros(4, 1994), torch.zeros(4, 1994).index_fill(0, torch.tensor([2]), 1)),
        (torch.eye(2, 1994), torch.eye(2, 1994).flip(0)),
        ((torch.ones(2), None, 1), (torch.zeros(2), None, 1)),
        ({"a": 1.0}, {"a": 2.0}),
        (torch.ones(2).to_sparse(), torch.zeros(2).to_sparse()),
        (torch.ones(2, dtype=torch.bool), torch.ones(2, dtype=torch.uint8)),
        (torch.tensor(1j).conj(), torch.tensor(1j)),
    ],
)
def test_state_is_told_apart(one, other):
    assert list(_of_state(one)) == list(_of_state(copy.deepcopy(one)))
    assert list(_of_state(one)) != list(_of_state(other))


def test_nothing_written_is_nothing_to_discard(tmp_path):
    network, inputs = places()
    system = TorchModel(network)
    with pytest.raises(HomologueError, match="float16 holds"):
        system.record(1e6 * inputs, sites="1", dtype="float16", to=tmp_path / "x.zarr")
    assert system.record(1e6 * inputs, sites="1", to=tmp_path / "x.zarr").shape == (600, 64)


def test_labels_that_are_objects_are_known_again(tmp_path, shards):
    network, inputs = places()
    options = {"sites": "1", "batch_size": 16, "to": tmp_path / "x.zarr"}

    def shown():
        words = np.array([f"word {i % 7}" for i in range(len(inputs))], dtype=object)
        return Stimuli(list(inputs), {"word": xr.DataArray(words, dims="stimulus")})

    handle = faulty(network, 8)
    with pytest.raises(Fault):
        TorchModel(network).record(shown(), **options)
    handle.remove()
    stored = TorchModel(network).record(shown(), **options)
    assert recording.labels(stored, "word").tolist() == [f"word {i % 7}" for i in range(600)]


class Odd(nn.Linear):
    """State that is no plain tensor."""

    def __init__(self):
        super().__init__(8, 64)
        self.register_buffer("sparse", torch.eye(3).to_sparse())
        self.register_buffer("elsewhere", torch.empty(3, device="meta"))
        self.register_buffer("bits", torch.ones(3, dtype=torch.bool))
        self.register_buffer("conjugate", torch.tensor([1j, 2j]).conj())
        self.register_buffer("none", torch.empty(0))
        self.register_buffer("a_part", torch.ones(5, 3, dtype=torch.bfloat16)[1:, 1:])

    def get_extra_state(self):
        return {"anything": object()}

    def set_extra_state(self, state):
        pass


def test_any_state_is_written(tmp_path):
    _, inputs = places()
    system = TorchModel(nn.Sequential(Odd()))
    stored = system.record(inputs, sites="0", to=tmp_path / "x.zarr")
    np.testing.assert_array_equal(stored.values, system.record(inputs, sites="0").values)


def test_a_disk_that_is_full_at_the_end_is_no_loss(tmp_path, monkeypatch):
    network, inputs = places()
    system, path = TorchModel(network), tmp_path / "x.zarr"

    def full(destination):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(_recorder, "_finish", full)
        with pytest.raises(RecordingInterrupted, match="disk is full after 600 of 600"):
            system.record(inputs, sites="1", to=path)
    stored = system.record(inputs, sites="1", to=path)
    np.testing.assert_array_equal(stored.values, system.record(inputs, sites="1").values)


def test_paths_mean_what_they_mean_elsewhere(tmp_path, monkeypatch):
    network, inputs = places()
    system = TorchModel(network)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    system.record(inputs, sites="1", to="~/x.zarr")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["x.zarr"]
    link = tmp_path / "link.zarr"
    link.symlink_to(tmp_path / "far" / "y.zarr")
    system.record(inputs, sites="1", to=link)
    system.record(inputs, sites="0", to=link, overwrite=True)
    assert link.is_symlink()
    assert recording.open(link)["site"].values[0] == "0"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["far", "home", "link.zarr"]
    (tmp_path / "file").write_text("")
    with pytest.raises(HomologueError, match=r"nothing can be written to .*record elsewhere"):
        system.record(inputs, sites="1", to=tmp_path / "file" / "x.zarr")
    with pytest.raises(HomologueError, match=r"given .*y\.h5"):
        system.record(inputs, sites="1", to="~nobody/y.h5")
    with pytest.raises(HomologueError, match=r"to is a path .* given int"):
        system.record(inputs, sites="1", to=3)


@pytest.mark.parametrize("form", [lambda r: r, lambda r: [r], lambda r: {"moments": r}])
def test_reducers_are_given_as_they_are(form):
    network, inputs = places()
    system = TorchModel(network)
    found = system.record(inputs, sites="1", to=form(Moments())).results()
    found = next(iter(found.values())) if isinstance(found, dict) else found
    found = found[0] if isinstance(found, tuple) else found
    np.testing.assert_allclose(found["mean"], system.record(inputs, sites="1").mean("sample"), 1e-6)


def test_where_a_recording_may_go(system, shown, tmp_path, shards):
    with pytest.raises(HomologueError, match=r"ends in \.zarr"):
        system.record(shown, sites="resid_post", to=tmp_path / "x.h5")
    (tmp_path / "taken.zarr").mkdir()
    with pytest.raises(HomologueError, match="exists"):
        system.record(shown, sites="resid_post", to=tmp_path / "taken.zarr")
    with pytest.raises(HomologueError, match="no zarr store"):
        system.record(shown, sites="resid_post", to=tmp_path / "taken.zarr", overwrite=True)
    path = str(tmp_path / "x.zarr")
    first = system.record(shown, sites="mlp_out.0", to=path)
    second = system.record(shown, sites="mlp_out.1", to=path, overwrite=True)
    assert second["site"].values[0] == "mlp_out.1"
    assert first.sizes == second.sizes
    assert sorted(p.name for p in tmp_path.iterdir()) == ["taken.zarr", "x.zarr"]


def test_two_processes_do_not_write_one_store(system, shown, tmp_path):
    with (
        _recorder._locked(tmp_path / ".x.zarr.part"),
        pytest.raises(HomologueError, match="another process is writing"),
    ):
        system.record(shown, sites="resid_post", to=tmp_path / "x.zarr")
    assert system.record(shown, sites="resid_post.0", to=tmp_path / "x.zarr").sizes["sample"] > 0


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_byte_that_changed_on_disk_is_noticed(system, shown, tmp_path, dtype):
    path = tmp_path / "x.zarr"
    system.record(shown, sites="resid_post", dtype=dtype, to=path)
    shard = max((path / "activity").rglob("*"), key=lambda file: file.stat().st_size)
    bytes_ = bytearray(shard.read_bytes())
    bytes_[len(bytes_) // 3] ^= 1
    shard.write_bytes(bytes_)
    with pytest.raises(InvalidRecording, match="damaged"):
        list(recording.blocks(recording.open(path)))


@pytest.mark.parametrize("lost", ["stimulus", "kind", "kind_category", "activity"])
def test_a_lost_array_is_noticed(system, shown, tmp_path, lost):
    path = tmp_path / "x.zarr"
    recording.save(system.record(shown, sites="resid_post", to=path), tmp_path / "y.zarr")
    for store in (path, tmp_path / "y.zarr"):
        shutil.rmtree(store / lost)
        with pytest.raises(InvalidRecording, match=f"not whole: '{lost}'"):
            recording.open(store)


def test_a_lost_shard_is_noticed(system, shown, tmp_path, shards):
    path = tmp_path / "x.zarr"
    system.record(shown, sites="resid_post", to=path)
    shards = sorted((path / "activity" / "c").rglob("0"))
    assert len(shards) > 3
    shards[-1].unlink()
    with pytest.raises(InvalidRecording, match="not whole"):
        recording.open(path)
