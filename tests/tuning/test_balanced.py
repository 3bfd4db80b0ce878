"""The statistic behind "units are tuned": chosen on one half, measured on the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from homologue.tuning import rank_contrast, split_half_selectivity


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 7), m=st.integers(1, 7))
def test_rank_contrast_is_mann_whitney(seed, n, m):
    rng = np.random.default_rng(seed)
    first, second = rng.poisson(2.0, (n, 3)) * 1.0, rng.poisson(2.0, (m, 3)) * 1.0
    for u in range(3):
        count = stats.mannwhitneyu(first[:, u], second[:, u], method="asymptotic").statistic
        assert rank_contrast(first, second)[u] == pytest.approx(2 * count / (n * m) - 1)
    np.testing.assert_allclose(rank_contrast(first, second), -rank_contrast(second, first))


def test_perfectly_tuned_units_reach_the_maximum():
    activity = np.random.default_rng(0).random((4, 6, 5))
    for unit in range(5):
        activity[unit % 4, :, unit] += 2.0 if unit % 2 else -2.0
    assert split_half_selectivity(activity) == pytest.approx(1.0)


def plain(activity):
    """Return the same by loops, from the words of its docstring."""
    concepts, replicates, units = activity.shape
    halves = [range(0, replicates, 2), range(1, replicates, 2)]

    def contrast(half, concept, unit):
        inside = [activity[concept, r, unit] for r in half]
        rest = [activity[c, r, unit] for c in range(concepts) if c != concept for r in half]
        return np.mean([np.sign(a - b) for a in inside for b in rest])

    values = []
    for unit in range(units):
        for chosen, other in (halves, halves[::-1]):
            each = [contrast(chosen, c, unit) for c in range(concepts)]
            best = int(np.argmax(np.abs(each)))
            values.append(np.sign(each[best]) * contrast(other, best, unit))
    return np.mean(values)


@pytest.mark.parametrize(("concepts", "replicates"), [(2, 6), (3, 6), (5, 4), (2, 7)])
def test_equals_a_plain_loop(concepts, replicates):
    activity = np.random.default_rng(concepts).standard_normal((concepts, replicates, 6))
    activity[0, :, :3] += 1.0
    assert split_half_selectivity(activity) == pytest.approx(plain(activity), abs=1e-12)


def test_expectation_without_tuning_is_zero_however_many_concepts_are_tried():
    rng = np.random.default_rng(1)
    for concepts in (2, 6):
        each = split_half_selectivity(rng.standard_normal((3000, concepts, 6, 4)))
        assert abs(each.mean()) < 4 * each.std() / np.sqrt(3000)


def test_monotone_transforms_order_of_units_and_batches():
    rng = np.random.default_rng(2)
    activity = rng.standard_normal((7, 3, 6, 5))
    value = split_half_selectivity(activity)
    np.testing.assert_allclose(split_half_selectivity(np.exp(activity)), value, atol=1e-12)
    np.testing.assert_allclose(split_half_selectivity(activity[..., ::-1]), value, atol=1e-12)
    np.testing.assert_allclose(
        split_half_selectivity(activity.astype(np.float32)), value, atol=1e-12
    )
    np.testing.assert_allclose([split_half_selectivity(one) for one in activity], value, atol=1e-12)


def test_constant_units_measure_zero():
    assert split_half_selectivity(np.ones((3, 6, 4))) == 0.0
