"""Facts of populations seen again in the recordings: a ring awake, none asleep; a sequence."""

from __future__ import annotations

import numpy as np
import pytest
from ripser import ripser
from scipy.ndimage import gaussian_filter1d
from sklearn.cluster import MiniBatchKMeans

from homologue import systems

pytestmark = pytest.mark.needs_mirror


def longest_bars(rates_, *, per_bin):
    """The two longest one-dimensional bars of 200 centres of smoothed, scaled square-root rates."""
    smooth = gaussian_filter1d(rates_, 0.2 / per_bin, axis=0)
    rate = np.sqrt(np.maximum(smooth, 0))
    scaled = (rate - rate.mean(axis=0)) / rate.std(axis=0)
    model = MiniBatchKMeans(200, random_state=0, n_init=1, batch_size=2048).fit(scaled)
    birth, death = ripser(model.cluster_centers_, maxdim=1)["dgms"][1].T
    return np.sort(death - birth)[::-1][:2]


def rates(state, **options):
    rec = systems.get(f"head-direction/{state}" if state else "head-direction").record(**options)
    return rec.values.astype(float)


def test_head_directions_lie_on_one_ring_awake_and_on_none_in_slow_wave_sleep():
    awake = rates("", bin_seconds=0.05)
    rng = np.random.default_rng(0)
    rolled = [
        np.stack([np.roll(unit, rng.integers(unit.size)) for unit in awake.T], axis=1)
        for _ in range(5)
    ]
    null = max(longest_bars(part, per_bin=0.05)[0] for part in rolled)
    first, second = longest_bars(awake, per_bin=0.05)
    assert first > 2 * null
    assert second < 1.2 * null
    asleep = rates("sws", bin_seconds=0.05)[: awake.shape[0]]
    first, second = longest_bars(asleep, per_bin=0.05)
    assert first < 1.5 * second


def sequence_asymmetry(activity, lags):
    """Share of lagged co-activity that has a direction: ‖C − Cᵀ‖² / ‖C + Cᵀ‖² over lags."""
    along = against = 0.0
    for lag in lags:
        product = activity[:-lag].T @ activity[lag:]
        along += ((product - product.T) ** 2).sum()
        against += ((product + product.T) ** 2).sum()
    return along / against


def test_songbird_neurons_fire_in_a_sequence():
    song = systems.get("songbird").record().values.astype(float)
    rng = np.random.default_rng(0)
    observed = sequence_asymmetry(song, range(1, 11))
    null = [
        sequence_asymmetry(
            np.stack([np.roll(unit, rng.integers(unit.size)) for unit in song.T], axis=1),
            range(1, 11),
        )
        for _ in range(99)
    ]
    assert observed > 1.2 * max(null)
