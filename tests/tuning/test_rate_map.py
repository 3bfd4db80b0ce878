"""Rates straight from spike times: by hand, beside pynapple, at the edges."""

from __future__ import annotations

import numpy as np
import pynapple
import pytest

from homologue._errors import HomologueError, InvalidRecording
from homologue.spikes import Spikes
from homologue.tuning import rate_map


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.mark.parametrize("even", [True, False])
def test_it_is_what_pynapple_finds(rng, even):
    clock = np.arange(0, 200, 0.02) if even else np.cumsum(rng.uniform(0.015, 0.025, 10_000))
    values = np.cumsum(rng.normal(0, 0.1, clock.size)) % 6.0
    spikes = Spikes.from_list(
        [np.sort(rng.uniform(clock[0], clock[-1], n)) for n in (3000, 10, 0, 900)]
    )
    found = rate_map(spikes, clock, values, bins=30, extent=(0, 6))
    one = pynapple.compute_tuning_curves(
        spikes[[0, 1, 3]].to_pynapple(),
        pynapple.Tsd(clock, values),
        bins=[np.linspace(0, 6, 31)],
    )
    # Occupancy: pynapple divides samples by its own mean rate.
    step = np.median(np.diff(clock)) * 1 / np.mean(np.diff(clock))
    np.testing.assert_allclose(
        found.values[[0, 1, 3]] * (1 if even else step), one.values, rtol=1e-3
    )
    assert (found.values[2] == 0).all()


def test_what_is_not_known_does_not_count():
    clock, values = np.arange(6.0), np.array([0.0, 0.0, np.nan, 1.0, 1.0, 1.0])
    spikes = Spikes.from_list([[-0.6, -0.4, 0.1, 2.0, 5.4, 5.6]])
    found = rate_map(spikes, clock, values, bins=2)
    assert found.occupancy.values.tolist() == [2, 3]
    assert found.values.tolist() == [[1.0, pytest.approx(1 / 3)]]
    uneven = rate_map(spikes, clock + np.array([0, 0, 0, 0, 0, 0.01]), values, bins=2)
    assert uneven.values.tolist() == found.values.tolist()
    empty = rate_map(spikes, clock, values, bins=3)
    assert np.isnan(empty.values[0, 1])


def test_refusals():
    spikes = Spikes.from_list([[1.0]])
    with pytest.raises(InvalidRecording, match="increase"):
        rate_map(spikes, np.array([0.0, 2.0, 1.0]), np.arange(3.0))
    with pytest.raises(InvalidRecording, match="one value for each"):
        rate_map(spikes, np.arange(3.0), np.arange(2.0))
    with pytest.raises(HomologueError, match="over a range"):
        rate_map(spikes, np.arange(3.0), np.ones(3))
