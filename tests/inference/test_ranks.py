"""Mid-ranks: against SciPy, exactly, for every type and every kind of tie."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from homologue.inference import centred_ranks


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 40),
    units=st.integers(1, 70),
    levels=st.integers(1, 60),
    dtype=st.sampled_from([np.float32, np.float64, np.int64, np.int16, np.uint8]),
    seed=st.integers(0, 2**31),
)
def test_equals_scipy_under_ties(n, units, levels, dtype, seed):
    values = np.random.default_rng(seed).integers(0, levels, (n, units)).astype(dtype)
    expected = 2 * rankdata(values, axis=0) - n - 1
    np.testing.assert_array_equal(centred_ranks(values), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_signs_extremes_and_zeros(dtype):
    values = np.array([-0.0, 0.0, -1e-30, 1e-30, -np.inf, np.inf, 3.5, -3.5, 3.5], dtype=dtype)
    values = np.stack([values, values[::-1]], axis=1)
    np.testing.assert_array_equal(centred_ranks(values), 2 * rankdata(values, axis=0) - 10)


def test_continuous_float32_with_the_few_ties_chance_makes():
    values = np.random.default_rng(3).standard_normal((3000, 50)).astype(np.float32)
    assert (np.diff(np.sort(values, axis=0), axis=0) == 0).any()
    np.testing.assert_array_equal(centred_ranks(values), 2 * rankdata(values, axis=0) - 3001)


def test_float64_differences_below_float32_resolution_are_kept():
    values = 1.0 + np.arange(5)[::-1, None] * 1e-12
    np.testing.assert_array_equal(centred_ranks(values)[:, 0], [4, 2, 0, -2, -4])


def test_a_unit_with_nan_is_nan_and_its_neighbours_are_not():
    values = np.arange(12.0).reshape(4, 3)
    values[2, 1] = np.nan
    ranks = centred_ranks(values)
    assert np.isnan(ranks[:, 1]).all()
    np.testing.assert_array_equal(ranks[:, 0], [-3, -1, 1, 3])


def test_constant_units_are_zero():
    assert not centred_ranks(np.full((7, 2), 4.0)).any()


def test_the_float_type_follows_the_size_of_the_sums():
    assert centred_ranks(np.zeros((8192, 1))).dtype == np.float32
    assert centred_ranks(np.zeros((8193, 1))).dtype == np.float64


def test_layout_and_monotone_changes_do_not_matter():
    values = np.random.default_rng(0).standard_normal((50, 200))
    ranks = centred_ranks(values)
    np.testing.assert_array_equal(centred_ranks(np.asfortranarray(values)), ranks)
    np.testing.assert_array_equal(centred_ranks(np.exp(values)), ranks)
    np.testing.assert_array_equal(centred_ranks(-values), -ranks)
