"""The statistic behind "units are tuned": chosen on one half, measured on the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from homologue.tuning import (
    best_unit_selectivity,
    map_reliability,
    rank_contrast,
    split_half_selectivity,
    top_example_selectivity,
)


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


@pytest.mark.parametrize("concepts", [2, 3])
def test_one_selective_unit_is_enough_for_the_best_and_moves_the_typical_little(
    concepts,
):
    rng = np.random.default_rng(0)
    activity = rng.normal(size=(200, concepts, 6, 12))
    activity[:, 1, :, 7] += 20
    best = best_unit_selectivity(activity)
    assert best.mean() > 0.98
    assert split_half_selectivity(activity).mean() < 0.2
    # Sign and unit do not matter.
    np.testing.assert_allclose(best_unit_selectivity(-activity[..., ::-1]), best)


@pytest.mark.parametrize("concepts", [2, 4])
@pytest.mark.parametrize(
    "statistic", [best_unit_selectivity, top_example_selectivity, map_reliability]
)
def test_noise_has_expectation_zero_however_many_units_are_searched(statistic, concepts):
    rng = np.random.default_rng(1)
    values = statistic(rng.standard_t(2, size=(4000, concepts, 6, 12)))
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(values.size)


def test_top_examples_that_tell_the_truth_and_top_examples_that_do_not():
    rng = np.random.default_rng(2)
    honest = rng.normal(size=(300, 2, 8, 4))
    honest[:, 0] += 20
    assert top_example_selectivity(honest) == pytest.approx(1.0)
    # Two extreme samples of one concept, and the opposite order everywhere else.
    illusion = rng.normal(size=(300, 2, 8, 4))
    illusion[:, 1] += 20
    illusion[:, 0, :4] += 100
    value = top_example_selectivity(illusion)
    assert (value < 0.1).all()
    # Top examples that disagree are no label.
    mixed = rng.normal(size=(2, 8, 4))
    mixed[:, :2] += 100
    assert top_example_selectivity(mixed) == 0


def test_a_map_is_reliable_whatever_its_gain_and_offset():
    rng = np.random.default_rng(3)
    place = rng.normal(size=(5, 1, 6))
    activity = np.broadcast_to(place, (5, 4, 6)).copy()
    assert map_reliability(activity) == pytest.approx(1.0)
    assert map_reliability(3 * activity + 7) == pytest.approx(1.0)
    activity[:, 1::2] *= -1
    assert map_reliability(activity) == pytest.approx(-1.0)
    assert map_reliability(np.zeros((5, 4, 6))) == 0
    first, second = rng.normal(size=(2, 5, 6))
    both = np.stack([first, second], axis=1)
    expected = np.mean([np.corrcoef(first[:, u], second[:, u])[0, 1] for u in range(6)])
    assert map_reliability(both) == pytest.approx(expected)
