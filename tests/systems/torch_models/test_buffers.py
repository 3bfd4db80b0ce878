"""Memory of blocks: written again only when nobody sees it any more."""

from __future__ import annotations

import gc

import numpy as np

from homologue.systems import TorchModel
from homologue.systems._buffers import Buffers


def test_a_view_keeps_its_memory():
    buffers = Buffers()
    row = buffers.lend(4, 3)[2, ::2].T
    row[:] = 7.0
    for _ in range(3):
        buffers.lend(4, 3)[:] = 0.0
    assert row.tolist() == [7.0, 7.0]
    address = row.ctypes.data
    del row
    gc.collect()
    again = [buffers.lend(4, 3) for _ in range(3)]
    assert any(one.ctypes.data <= address < one.ctypes.data + one.nbytes for one in again)


def test_what_is_kept_of_a_block_stays(monkeypatch):
    import torch

    from homologue.systems import _torch

    sizes = _torch.Sizes
    monkeypatch.setattr(_torch, "Sizes", lambda *given: sizes(*given, block_bytes=4 * 6 * 8))
    torch.manual_seed(0)
    system = TorchModel(torch.nn.Sequential(torch.nn.Linear(5, 8)), name="toy")
    shown = list(np.random.default_rng(0).standard_normal((40, 5)).astype(np.float32))
    whole = system.record(shown, sites="*").values
    kept = [part.values[:, 3] for part in system.blocks(shown, sites="*")]
    assert len(kept) > 4
    np.testing.assert_array_equal(np.concatenate(kept), whole[:, 3])
    parts = list(system.blocks(shown, sites="*"))
    assert parts[0].indexes["unit"] is parts[1].indexes["unit"]
