"""Sparseness: binary codes exactly, noise, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from homologue._errors import InvalidRecording
from homologue.recording import make, variable
from homologue.tuning import rolls_treves, sparseness, vinje_gallant


def test_a_binary_code_is_its_active_fraction():
    rng = np.random.default_rng(0)
    for n in (2, 7, 100, 9_973):
        for active in {1, n // 3 + 1, n}:
            code = np.zeros(n)
            code[rng.choice(n, active, replace=False)] = 10.0 ** rng.uniform(-6, 6)
            assert abs(float(rolls_treves(code)) - active / n) < 1e-12
            expected = (1 - active / n) / (1 - 1 / n)
            assert abs(float(vinje_gallant(code)) - expected) < 1e-12


def test_an_exponential_distribution_has_sparseness_one_half():
    """E[r]²/E[r²] = 1/2 for exponential rates, 2/π for half-normal ones."""
    rng = np.random.default_rng(1)
    assert float(rolls_treves(rng.exponential(size=200_000))) == pytest.approx(0.5, abs=0.01)
    half = np.abs(rng.standard_normal(200_000))
    assert float(rolls_treves(half)) == pytest.approx(2 / np.pi, abs=0.01)


def test_scale_and_order_do_not_matter():
    rates = np.random.default_rng(2).gamma(1.0, size=(20, 5))
    assert rolls_treves(rates * 1e200) == pytest.approx(rolls_treves(rates), abs=1e-12)
    assert rolls_treves(rates[::-1]) == pytest.approx(rolls_treves(rates), abs=1e-12)
    assert rolls_treves(rates.T, axis=1) == pytest.approx(rolls_treves(rates), abs=1e-12)


def test_lifetime_and_population_of_a_planted_code():
    code = np.eye(6)[np.repeat(np.arange(6), 5)]
    rec = make(code, stimulus=np.repeat(np.arange(6), 5))
    found = sparseness(rec, rng=0, permutations=99)
    assert found.effect.values == pytest.approx(np.ones(6))
    assert found.population.values == pytest.approx(np.ones(6))
    assert (found.p.values <= 0.02).all()


def test_one_unit_has_a_lifetime_and_no_population():
    label = np.repeat(np.arange(5), 4)
    counts = np.column_stack([label == 2, 0 * label])
    found = sparseness(make(counts, stimulus=label), rng=0, permutations=19)
    assert found.effect.values[0] == 1
    assert found.reason.values.tolist() == ["", "no activity"]
    assert np.isnan(found.population).all()


def test_noise_is_no_sparser_than_noise():
    rates = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        label = np.repeat(np.arange(8), 6)
        rec = make(rng.poisson(2.0, (48, 20)), variables={"label": variable(label)})
        found = sparseness(rec, "label", rng=seed, permutations=99)
        rates.append((found.p.values <= 0.05).mean())
    assert np.mean(rates) <= 0.05 + 2 * np.std(rates, ddof=1) / np.sqrt(20)
    assert np.mean(rates) >= 0.02


def test_every_stimulus_once_describes_and_does_not_test():
    rec = make(np.random.default_rng(0).gamma(1.0, size=(30, 3)), stimulus=np.arange(30))
    found = sparseness(rec, rng=0, permutations=49)
    assert found.effect.values == pytest.approx(vinje_gallant(rec.values))
    assert (found.p.values == 1).all()


def test_negative_rates_are_refused_unless_rectified():
    values = np.random.default_rng(0).standard_normal((40, 3))
    rec = make(values, stimulus=np.repeat(np.arange(4), 10))
    with pytest.raises(InvalidRecording, match="Add the baseline back"):
        sparseness(rec, rng=0)
    found = sparseness(rec, rng=0, rectify=True, permutations=19)
    assert found.attrs["rectified"] == 1
    with pytest.raises(InvalidRecording, match="at least 2"):
        vinje_gallant(np.ones((1, 3)))
