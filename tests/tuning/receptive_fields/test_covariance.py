"""Triggered covariance: energy units found, eigenvalues by hand, measured false rates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from homologue._errors import HomologueError
from homologue.recording import make
from homologue.tuning import receptive_field, triggered_covariance
from homologue.tuning.receptive_fields import _exchange


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_eigenvalues_are_those_of_the_whitened_covariances(rng):
    stimulus = rng.standard_normal((400, 3)) @ rng.standard_normal((3, 3))
    counts = rng.poisson(np.exp(stimulus[:, 0] / 2))
    rec = make(counts[:, None], activity_units="spikes")
    found = triggered_covariance(rec, stimulus, rng=0, components=3, keep=3, permutations=19)
    spikes = np.repeat(stimulus, counts, axis=0)
    prior, at_spikes = np.cov(stimulus.T, bias=True), np.cov(spikes.T, bias=True)
    ratios = np.linalg.eigvals(np.linalg.solve(prior, at_spikes)).real - 1
    # About the triggered average, relative to the stimulus's own centre.
    ordered = ratios[np.argsort(-np.abs(ratios))]
    np.testing.assert_allclose(found.effect.values[0], ordered, atol=1e-5)


@pytest.mark.parametrize("spikes", [True, False])
def test_an_energy_unit_is_found_by_covariance_and_not_by_the_average(rng, spikes):
    noise = rng.standard_normal((1500, 16))
    truth = np.cos(np.arange(16)) / np.linalg.norm(np.cos(np.arange(16)))
    energy = (noise @ truth) ** 2
    suppressed = np.exp(-energy)
    values = np.stack([energy, suppressed, rng.permutation(energy)], axis=1)
    values = rng.poisson(values) if spikes else values - values.mean(axis=0)
    rec = make(values)
    found = triggered_covariance(rec, noise, rng=0, components=16, permutations=39)
    assert (np.abs(found.pattern.values[:2, 0, 0] @ truth) > 0.95).all()
    assert (np.sign(found.effect.values[:2, 0]) == [1, -1]).all()
    assert found.p.values[:2, 0].tolist() == [0.025, 0.025]
    assert (found.p.values[:2, 1:] > 0.05).all()
    assert (found.p.values[2] > 0.05).all()
    assert (found.low <= found.effect).all()
    assert (found.effect <= found.high).all()
    linear = receptive_field(rec, noise, rng=0, permutations=19)
    assert (linear.effect.values < 0.15).all()


def test_a_linear_exponential_unit_has_no_pattern(rng):
    noise = rng.standard_normal((3000, 8))
    rec = make(rng.poisson(np.exp(0.6 * noise[:, 0] - 0.2))[:, None])
    found = triggered_covariance(rec, noise, rng=0, components=8, permutations=99)
    assert found.p.values[0, 0] > 0.05
    rectified = make(np.maximum(noise[:, :1], 0))
    seen = triggered_covariance(rectified, noise, rng=0, components=8, permutations=99)
    assert seen.overlap.values[0, 0] > 0.95


def test_correlated_stimuli_make_no_patterns(rng):
    smooth = lfilter([1.0], [1.0, -0.9], rng.standard_normal((2000, 12)), axis=1)
    rec = make((smooth[:, 5] ** 2 + rng.standard_normal(2000))[:, None])
    found = triggered_covariance(rec, smooth, rng=0, components=12, permutations=99)
    pattern = found.pattern.values[0, 0, 0]
    assert np.abs(smooth @ np.linalg.solve(np.cov(smooth.T), pattern)).std() > 0
    assert found.p.values[0, 0] == 0.01
    assert found.explained.item() == pytest.approx(1)


@pytest.mark.parametrize("kind", ["slow", "tails"])
def test_unrelated_stimuli_have_no_patterns(kind):
    hits = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        if kind == "slow":
            both = lfilter([1.0], [1.0, -0.85], rng.standard_normal((600, 24)), axis=0)
            stimulus, activity = both[:, :4], np.exp(both[:, 4:] / 2)
            options = {"group": np.zeros(600, int), "variables": {"time": np.arange(600) * 0.1}}
        else:
            stimulus, options = rng.standard_t(4, (200, 5)), {}
            activity = rng.standard_t(1.5, (200, 20))
        rec = make(activity, **options)
        found = triggered_covariance(rec, stimulus, rng=seed, permutations=99)
        hits.append((found.p.values[:, 0] <= 0.05).mean())
    assert np.mean(hits) <= 0.05 + 2 * np.std(hits, ddof=1) / np.sqrt(12)
    assert np.mean(hits) >= 0.005


def test_units_and_blocks_do_not_matter(rng, monkeypatch):
    stimulus = rng.standard_normal((150, 4))
    rec = make(stimulus[:, [0, 1, 1, 2]] ** 2 + rng.standard_normal((150, 4)))
    found = triggered_covariance(rec, stimulus, rng=1, permutations=39)
    order = np.array([2, 0, 3, 1])
    moved = triggered_covariance(rec.isel(unit=order), stimulus, rng=1, permutations=39)
    monkeypatch.setattr(_exchange, "_BLOCK_BYTES", 1)
    small = triggered_covariance(rec, stimulus, rng=1, permutations=39)
    for name in ("effect", "p", "null_mean"):
        np.testing.assert_allclose(moved[name], found[name].values[order], atol=1e-9)
        np.testing.assert_allclose(small[name], found[name].values, atol=1e-9)


def test_reasons_and_refusals(rng):
    x = rng.standard_normal((60, 2))
    silent = make(np.stack([np.zeros(60), x[:, 0] ** 2], axis=1))
    found = triggered_covariance(silent, x, rng=0, permutations=19)
    assert found.reason.values.tolist() == ["no activity", ""]
    assert np.isnan(found.effect.values[0]).all()
    assert found.sizes["component"] == 2
    with pytest.raises(HomologueError, match="components and keep"):
        triggered_covariance(silent, x, rng=0, components=0)
