"""Kill a recording at random moments, resume it, and compare every byte with a whole run.

``python -m benchmarks._killed FOLDER KILLS SEED`` prints how many runs were killed, how many
stores that took, and how many samples were lost or doubled.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch

from homologue import recording
from homologue.systems import TorchModel, _shards


def _record(path: Path) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(8, 100), torch.nn.ReLU())
    inputs = np.random.default_rng(0).normal(size=(4000, 8)).astype("float32")
    TorchModel(network, name="net").record(inputs, sites="1", batch_size=4, to=path)


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def _forked(path: Path) -> int:
    """Start a run in a process of its own; it costs no import of torch."""
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        _record(path)
        os._exit(0)
    return pid


def _killed(pid: int, after: float) -> bool:
    """Kill a process after some time; say whether it was still running."""
    deadline = time.monotonic() + after
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def _differing(found: Path, wanted: Path) -> int:
    """Return the samples whose activity or labels differ, which is none if nothing was lost."""
    mine, theirs = (_files(folder) for folder in (found, wanted))
    mine.pop("journal.json", None)  # killed between the last rename and the journal's removal
    if mine == theirs:
        return 0
    ours, reference = (recording.open(folder) for folder in (found, wanted))
    if ours.shape != reference.shape:
        return abs(ours.shape[0] - reference.shape[0])
    return max(1, int((ours.values != reference.values).any(axis=1).sum()))


def run(folder: Path, kills: int, seed: int) -> tuple[int, int, int]:
    """Return how many runs were killed, of how many stores, and the samples lost or doubled."""
    _shards._CHUNK_BYTES, _shards._SHARD_BYTES = 4_000, 16_000
    torch.set_num_threads(1)
    whole = folder / "whole.zarr"
    began = time.monotonic()
    os.waitpid(_forked(whole), 0)
    length = time.monotonic() - began
    rng = random.Random(seed)
    done = stores = wrong = 0
    while done < kills:
        path = folder / f"x{stores}.zarr"
        stores += 1
        while not path.exists():
            if done > 20 * kills:
                raise RuntimeError("no run ever finished")
            # Short at first, so that a store is killed several times on its way.
            done += _killed(_forked(path), rng.uniform(0, 0.6 * length))
        wrong += _differing(path, whole)
    return done, stores, wrong


if __name__ == "__main__":
    print(*run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
