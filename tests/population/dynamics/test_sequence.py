"""Sequences: closed forms, planted chains, independent series, song."""

import numpy as np
import pytest
from scipy.signal import lfilter

from homologue import systems
from homologue._errors import InvalidDesign
from homologue.population import sequence_asymmetry
from homologue.recording import make


def series(activity, **options):
    return make(activity, variables={"time": np.arange(len(activity)) * 1.0}, **options)


def chain(seed=0, *, n=400, units=8, noise=0.02):
    rng = np.random.default_rng(seed)
    beat = (rng.random(n) < 0.02).astype(float)
    ordered = np.stack([np.roll(beat, k) for k in range(units)], axis=1)
    return ordered + (rng.random((n, units)) < noise)


def test_two_units_in_one_order_reach_one_half():
    activity = np.zeros((40, 2))
    activity[10, 0] = activity[12, 1] = 1
    found = sequence_asymmetry(series(activity), rng=0, lags=4, permutations=9)
    assert float(found.effect) == pytest.approx(0.5)
    # Both orders equally: symmetric.
    activity[30, 1] = activity[32, 0] = 1
    assert float(
        sequence_asymmetry(series(activity), rng=0, lags=4, permutations=9).effect
    ) == pytest.approx(0)


def test_a_plain_loop_agrees():
    activity = np.random.default_rng(0).random((60, 5))
    found = sequence_asymmetry(series(activity), rng=0, lags=3, permutations=9)
    along = against = 0.0
    for lag in (1, 2, 3):
        for i in range(5):
            for j in range(5):
                if i != j:
                    forth = sum(activity[t, i] * activity[t + lag, j] for t in range(60 - lag))
                    back = sum(activity[t, j] * activity[t + lag, i] for t in range(60 - lag))
                    along += (forth - back) ** 2
                    against += (forth + back) ** 2
    assert float(found.effect) == pytest.approx(along / (along + against))


def test_a_chain_is_found_and_the_order_of_units_does_not_matter():
    activity = chain()
    one = sequence_asymmetry(series(activity), rng=0, permutations=99)
    other = sequence_asymmetry(series(activity[:, ::-1]), rng=0, permutations=99)
    assert float(one.p) == float(other.p) == 0.01
    assert float(one.effect) == pytest.approx(float(other.effect))
    assert float(one.effect) > float(one.null_max)


def test_independent_series_pass_at_most_one_in_twenty():
    p = []
    for seed in range(100):
        noise = np.random.default_rng(seed).standard_t(3, size=(200, 6))
        activity = lfilter([1], [1, -0.9], noise, axis=0)
        p.append(float(sequence_asymmetry(series(activity), rng=seed, permutations=39, lags=5).p))
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 100)


@pytest.mark.needs_mirror
def test_song_is_a_sequence():
    found = sequence_asymmetry(systems.get("songbird").record(), rng=0, permutations=99)
    assert float(found.effect) > float(found.null_max)
    assert float(found.p) == 0.01
    assert float(found.low) > float(found.null_mean)


def test_refusals_teach():
    activity = chain()
    with pytest.raises(InvalidDesign, match="neither `time`"):
        sequence_asymmetry(make(activity), rng=0)
    with pytest.raises(InvalidDesign, match="not recorded simultaneously"):
        sequence_asymmetry(series(activity, simultaneous=False), rng=0)
    with pytest.raises(InvalidDesign, match="twice as many"):
        sequence_asymmetry(series(activity[:15]), rng=0)
    with pytest.raises(InvalidDesign, match="0 units vary"):
        sequence_asymmetry(series(np.ones((100, 3))), rng=0)
