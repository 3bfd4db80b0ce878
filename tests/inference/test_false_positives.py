"""Measured error rates where there is nothing to find, on data that break careless tests."""

import numpy as np
import pytest

from benchmarks import _hostile


@pytest.mark.parametrize("scores", ["ranks", "values"])
@pytest.mark.parametrize("kind", list(_hostile.KINDS))
def test_p_is_super_uniform_on_2000_data_sets(kind, scores):
    p = _hostile.p_values(kind, label_draws=200, units=10, scores=scores, seed=11)
    assert p.size == 2000
    for alpha in (0.05, 0.01):
        found = _hostile.rate(p, alpha)
        assert found.value <= alpha + 3 * found.error, (alpha, found)
    # Not valid by being blind: a test that never rejects is no test.
    assert _hostile.rate(p, 0.05).value > 0.025


@pytest.mark.parametrize(
    ("kind", "ignored"), [("AR(1)", "time"), ("nested, label per group", "group")]
)
def test_leaving_out_a_declaration_makes_the_same_test_wrong(kind, ignored):
    p = _hostile.p_values(kind, label_draws=40, units=10, scores="ranks", seed=12, ignore=ignored)
    assert _hostile.rate(p, 0.05).value > 0.2


def test_max_t_holds_the_family_wise_error_among_correlated_units():
    assert 0.03 <= _hostile.family_wise_error(400, units=1000, seed=5).value <= 0.07


def test_false_discovery_rates():
    rates = _hostile.false_discovery_rate(30, units=500, seed=6)
    assert rates["BH"].value <= 0.055
    assert rates["BY"].value <= rates["BH"].value


def test_besag_clifford_rejects_at_its_level_and_saves_draws():
    found, draws = _hostile.sequential(20_000)
    assert found.value <= 0.05 + 3 * found.error
    assert found.value > 0.04
    assert 50 < draws < 60


@pytest.mark.parametrize("method", ["studentised", "bca"])
@pytest.mark.parametrize("population", list(_hostile.POPULATIONS))
def test_a_95_percent_interval_covers_93_to_97_percent(population, method):
    assert 0.93 <= _hostile.coverage(population, method, sets=2000, seed=7).value <= 0.97


def test_p_values_use_the_whole_range():
    p = _hostile.p_values("iid", label_draws=100, units=10, scores="ranks", seed=13)
    assert np.abs(np.quantile(p, [0.25, 0.5, 0.75]) - [0.25, 0.5, 0.75]).max() < 0.05
    assert p.min() == 1 / 200
