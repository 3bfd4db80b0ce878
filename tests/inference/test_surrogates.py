"""Surrogates keep what they promise and destroy what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homologue._errors import InvalidDesign
from homologue.inference import circular_shift, randomise_phase, roll_units, shuffle_units


def series(n=128, units=5, seed=0):
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.standard_normal((n, units)), axis=0) + rng.standard_normal((n, 1)) * 3


def circular_correlation(x):
    x = x - x.mean(axis=0)
    spectrum = np.fft.rfft(x, axis=0)
    return np.fft.irfft(spectrum[:, :, None] * spectrum[:, None, :].conj(), len(x), axis=0)


@settings(deadline=None, max_examples=30)
@given(
    n=st.integers(12, 60), lag=st.integers(0, 6), parts=st.integers(1, 2), seed=st.integers(0, 999)
)
def test_shifts_stay_within_stretches_and_beyond_the_minimum_lag(n, lag, parts, seed):
    stretch = np.repeat(np.arange(parts), n)
    clock = np.tile(np.arange(n), parts)
    activity = np.stack([stretch * 1000 + clock, clock], axis=1)
    for one in (
        circular_shift(activity, rng=seed, minimum_lag=lag, stretch=stretch),
        roll_units(activity, rng=seed, minimum_lag=lag, stretch=stretch),
    ):
        assert (one[:, 0] // 1000 == stretch).all()
        moved = (one % 1000 - activity % 1000) % n
        for part in range(parts):
            for unit in range(2):
                shift = np.unique(moved[stretch == part, unit])
                assert shift.size == 1
                assert min(shift[0], n - shift[0]) >= lag


def test_lags_are_uniform_over_what_is_allowed():
    activity = np.arange(10)[:, None] + np.zeros((1, 4000), int)
    lags = roll_units(activity, rng=0, minimum_lag=3)[0]
    values, counts = np.unique(lags, return_counts=True)
    assert values.tolist() == [3, 4, 5, 6, 7]
    assert np.abs(counts - 800).max() < 4 * np.sqrt(800)


def test_stretches_need_not_be_contiguous_rows():
    stretch = np.array([0, 1, 0, 1, 0, 1])
    shifted = circular_shift(np.arange(6)[:, None], rng=1, stretch=stretch)[:, 0]
    assert set(shifted[stretch == 0]) == {0, 2, 4}
    assert set(shifted[stretch == 1]) == {1, 3, 5}


def test_circular_shift_keeps_all_circular_cross_correlations():
    x = series()
    y = circular_shift(x, rng=3, minimum_lag=10)
    np.testing.assert_allclose(circular_correlation(y), circular_correlation(x), atol=1e-8)


def test_rolls_keep_each_unit_and_break_their_alignment():
    x = series(2000, 2, seed=1)
    x[:, 1] = x[:, 0]
    y = roll_units(x, rng=2, minimum_lag=300)
    np.testing.assert_array_equal(np.sort(y, axis=0), np.sort(x, axis=0))
    before, after = circular_correlation(x), circular_correlation(y)
    for unit in range(2):
        np.testing.assert_allclose(after[:, unit, unit], before[:, unit, unit], atol=1e-4)
    assert np.corrcoef(y.T)[0, 1] < 0.9


def test_shuffles_keep_values_within_blocks_and_destroy_everything_between_units():
    rng = np.random.default_rng(4)
    shared = rng.standard_normal((600, 1))
    x = np.concatenate([shared, shared], axis=1)
    block = np.repeat([0, 1, 2], 200)
    x += block[:, None] * 10.0
    y = shuffle_units(x, rng=5, block=block)
    for b in range(3):
        np.testing.assert_array_equal(
            np.sort(y[block == b], axis=0), np.sort(x[block == b], axis=0)
        )
        assert abs(np.corrcoef(y[block == b].T)[0, 1]) < 0.25
    assert not np.array_equal(y[:, 0], y[:, 1])


@settings(deadline=None, max_examples=40)
@given(n=st.integers(2, 65), shared=st.booleans(), seed=st.integers(0, 999))
def test_phases_change_and_power_does_not(n, shared, seed):
    x = series(n, 3, seed)
    y = randomise_phase(x, rng=seed, shared=shared)
    fx, fy = np.fft.rfft(x, axis=0), np.fft.rfft(y, axis=0)
    np.testing.assert_allclose(np.abs(fy), np.abs(fx), atol=1e-8 * np.abs(fx).max())
    np.testing.assert_allclose(y.mean(axis=0), x.mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(y.var(axis=0), x.var(axis=0), rtol=1e-6)


def test_shared_phases_keep_correlations_and_independent_ones_do_not():
    rng = np.random.default_rng(6)
    x = rng.standard_normal((2001, 1)) + 0.5 * rng.standard_normal((2001, 3))
    before = np.corrcoef(x.T)
    np.testing.assert_allclose(
        np.corrcoef(randomise_phase(x, rng=7, shared=True).T), before, atol=1e-9
    )
    after = np.corrcoef(randomise_phase(x, rng=7).T)
    assert np.abs(after[np.triu_indices(3, 1)]).max() < 0.1


def test_each_stretch_has_its_own_spectrum():
    x = series(90, 2)
    stretch = np.repeat([5, 2], [50, 40])
    y = randomise_phase(x, rng=8, stretch=stretch)
    for code in (5, 2):
        np.testing.assert_allclose(
            np.abs(np.fft.rfft(y[stretch == code], axis=0)),
            np.abs(np.fft.rfft(x[stretch == code], axis=0)),
            atol=1e-8,
        )


@pytest.mark.parametrize("surrogate", [circular_shift, roll_units, shuffle_units, randomise_phase])
def test_same_seed_same_surrogate_and_the_input_is_left_alone(surrogate):
    x = series()
    before = x.copy()
    first, second = surrogate(x, rng=9), surrogate(x, rng=9)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(x, before)
    assert not np.array_equal(first, surrogate(x, rng=10))
    assert first.dtype == x.dtype


def test_bad_input_is_refused():
    x = series(20)
    with pytest.raises(InvalidDesign, match="minimum_lag ≤ 10"):
        circular_shift(x, rng=0, minimum_lag=11)
    with pytest.raises(InvalidDesign, match="zero or more"):
        roll_units(x, rng=0, minimum_lag=-1)
    with pytest.raises(InvalidDesign, match="one code a sample"):
        shuffle_units(x, rng=0, block=np.zeros(3, int))
    x[4, 1] = np.nan
    with pytest.raises(InvalidDesign, match="no spectrum"):
        randomise_phase(x, rng=0)
