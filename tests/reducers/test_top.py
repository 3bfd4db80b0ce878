"""Input that a threshold does not thin out: rising, tied, falling, missing."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from homologue import recording
from homologue import reducers as R
from homologue.reducers import _pass

ROWS, UNITS, K = 4_000, 3, 6
DATA = {
    "rising": np.arange(ROWS, dtype=np.float32)[:, None] + np.arange(UNITS, dtype=np.float32),
    "falling": -np.arange(ROWS, dtype=np.float32)[:, None] * np.ones(UNITS, dtype=np.float32),
    "silent": np.zeros((ROWS, UNITS), dtype=np.float32),
    "rectified": np.maximum(
        np.random.default_rng(0).standard_normal((ROWS, UNITS)), 0
    ).astype(np.float32),
    "two values": (np.random.default_rng(1).random((ROWS, UNITS)) < 0.5).astype(np.float32),
    "huge": np.float32(3e38) * np.sign(np.random.default_rng(2).standard_normal((ROWS, UNITS))),
    "signed zeros": np.where(np.arange(ROWS)[:, None] % 2, -0.0, 0.0) * np.ones(UNITS),
}  # fmt: skip


def expected(values, sign):
    order = np.argsort(-sign * values, axis=0, kind="stable")[:K]
    return order, np.take_along_axis(values, order, axis=0)


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("name", DATA)
def test_ties_and_trends(name, largest, device):
    values = DATA[name]
    rec = recording.make(values)
    order, best = expected(values, 1 if largest else -1)
    reducer = R.TopK(K, largest=largest)
    with mock.patch.object(_pass, "_BLOCK_BYTES", 4 * UNITS * 700):
        found = R.run(rec, reducer, device=device)
        np.testing.assert_array_equal(found["sample"], order)
        np.testing.assert_array_equal(found["value"], best)
        # Blocks that come last first: equal values are earlier than those kept.
        backwards = R.Pass(reducer, device=device)
        for start in range(ROWS - 500, -1, -500):
            backwards.update(R.Block(values[start : start + 500], start=start))
        np.testing.assert_array_equal(backwards.results()["sample"], order)


def test_fewer_samples_than_places():
    found = R.run(
        recording.make(np.array([[2.0, np.nan], [1.0, np.nan]])), R.TopK(3, missing="skip")
    )
    np.testing.assert_array_equal(found["value"], [[2, np.nan], [1, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(found["sample"], [[0, -1], [1, -1], [-1, -1]])


def test_a_threshold_of_another_precision_lets_nothing_slip():
    # 0.1 in float32 is above 0.1 in float64: a threshold rounded up would shut it out.
    wide = R.Block(np.full((2, 1), 0.1), start=0)
    narrow = R.Block(np.full((2, 1), 0.1, dtype=np.float32), start=2)
    found = R.run([wide, narrow], R.TopK(2))
    assert found["sample"].values.ravel().tolist() == [2, 3]
