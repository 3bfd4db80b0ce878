"""Recording to disk: equal to memory, resumable after anything, whole or not there."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from homologue import recording
from homologue._errors import HomologueError, InvalidRecording
from homologue.stimuli import Stimuli
from homologue.systems import TorchModel, _reading, _recorder, _shards
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


def test_a_lost_shard_is_noticed(system, shown, tmp_path, shards):
    path = tmp_path / "x.zarr"
    system.record(shown, sites="resid_post", to=path)
    shards = sorted((path / "activity" / "c").rglob("0"))
    assert len(shards) > 3
    shards[-1].unlink()
    with pytest.raises(InvalidRecording, match="not whole"):
        recording.open(path)
