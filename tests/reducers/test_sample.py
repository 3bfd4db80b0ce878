"""Drawn samples: each equally likely, without replacement, by the seed alone."""

from __future__ import annotations

import numpy as np
from scipy import stats

from homologue import recording
from homologue import reducers as R
from homologue.reducers._sample import random_keys

SAMPLES, K, SEEDS = 60, 6, 600


def test_every_sample_is_equally_likely():
    rec = recording.make(np.arange(float(SAMPLES))[:, None])
    drawn = [R.run(rec, R.Sample(K, rng=seed))["sample"].values for seed in range(SEEDS)]
    assert all(np.unique(each).size == K for each in drawn)
    for place in (slice(None), 0):
        counts = np.bincount(np.stack(drawn)[:, place].ravel(), minlength=SAMPLES)
        assert stats.chisquare(counts).pvalue > 1e-3
    # Neighbours are drawn together no more often than others are.
    pairs = np.mean([np.isin(each + 1, each).sum() for each in drawn])
    expected = (SAMPLES - 1) * K * (K - 1) / (SAMPLES * (SAMPLES - 1))
    assert abs(pairs - expected) < 4 * np.sqrt(expected / SEEDS)


def test_keys_are_uniform_and_uncorrelated_between_seeds():
    keys = np.stack([random_keys(seed, np.arange(20_000)) for seed in (0, 1, 2**62)])
    for each in keys:
        assert stats.kstest(each, "uniform").pvalue > 1e-3
        assert abs(np.corrcoef(each[:-1], each[1:])[0, 1]) < 4 / np.sqrt(20_000)
    assert np.abs(np.corrcoef(keys) - np.eye(3)).max() < 4 / np.sqrt(20_000)


def test_seed_decides_and_a_generator_moves_on():
    rec = recording.make(np.random.default_rng(0).standard_normal((200, 2)))
    generator = np.random.default_rng(5)
    first, second = R.Sample(9, rng=generator), R.Sample(9, rng=generator)
    one, other, again = (R.run(rec, each)["sample"].values for each in (first, second, first))
    assert one.tolist() == again.tolist()
    assert one.tolist() != other.tolist()
    assert R.Sample(9, rng=5) == R.Sample(9, rng=5)
    assert R.Sample(9, rng=5) != R.Sample(9, rng=6)


def test_each_unit_has_its_own_where_some_is_missing():
    values = np.arange(80.0)[:, None] * np.ones(3)
    values[:70, 1] = np.nan
    values[::2, 2] = np.nan
    found = R.run(recording.make(values), R.Sample(8, rng=0, missing="skip"))
    assert (found["value"].values == found["sample"].values).all()
    assert (found["sample"].values[:, 1] >= 70).all()
    assert (found["sample"].values[:, 2] % 2 == 1).all()
