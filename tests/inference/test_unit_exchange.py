"""Units made independent: what moves, what stays, and nothing moves between stretches or blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homologue._errors import InvalidDesign
from homologue.inference import unit_exchange
from homologue.inference._unit_exchange import PERMUTED, SHIFTED


def two_stretches():
    """Rows of two stretches of 12 and 9 samples, in no order."""
    rng = np.random.default_rng(0)
    time = np.concatenate([np.arange(12) * 0.1, 100 + np.arange(9) * 0.1])
    order = rng.permutation(21)
    return time[order], np.arange(21)[order]


class TestWhatIsExchanged:
    def test_groups_permute_without_time(self):
        found = unit_exchange(np.repeat([7, 3, 5], 2))
        assert found.scheme == PERMUTED
        assert found.rows.tolist() == [0, 1, 2]

    def test_trials_permute_and_a_series_is_shifted(self):
        trial = np.repeat(np.arange(4), 10)
        time = trial * 10.0 + np.tile(np.arange(10) * 0.1, 4)
        assert unit_exchange(trial, time=time, trials=True).scheme == PERMUTED
        assert unit_exchange(trial, time=time).scheme == SHIFTED
        assert unit_exchange(np.arange(40) // 5, time=time, trials=True).scheme == SHIFTED

    def test_stretches_too_short_to_move_a_window_permute(self):
        time = np.arange(40) // 7 * 100.0 + np.arange(40) % 7
        assert unit_exchange(np.arange(40), time=time).scheme == PERMUTED

    def test_blocks_of_one_group_each_are_passed_over(self):
        found = unit_exchange(np.arange(5), block=np.arange(5) + 3)
        assert np.unique(found.part).size == 1
        assert (
            np.unique(unit_exchange(np.arange(5), block=np.array([0, 0, 0, 1, 1])).part).size == 2
        )

    def test_times_that_repeat_are_refused(self):
        with pytest.raises(InvalidDesign, match="more than once"):
            unit_exchange(np.arange(10), time=np.zeros(10))


class TestDraws:
    def test_windows_keep_order_and_stretch_and_reach_both_ends(self):
        time, identity = two_stretches()
        found = unit_exchange(np.zeros(21, int), time=time)
        assert identity[found.rows].tolist() == [*range(1, 10), *range(13, 20)]
        drawn = identity[found.draw(400, 3, rng=1)]
        assert drawn.shape == (400, 16, 3)
        for part, (low, high) in zip(
            (drawn[:, :9], drawn[:, 9:]), ((0, 11), (12, 20)), strict=True
        ):
            assert (np.diff(part, axis=1) == 1).all()
            assert (part.min(), part.max()) == (low, high)
        start = drawn[:, 0]
        assert np.bincount(start[:, 0]).min() > 60  # of 100 expected
        # Each unit, and each stretch, has a start of its own.
        assert abs(np.corrcoef(start[:, 0], start[:, 1])[0, 1]) < 0.2
        assert abs(np.corrcoef(start[:, 0], drawn[:, 9, 0])[0, 1]) < 0.2

    @settings(deadline=None, max_examples=20)
    @given(seed=st.integers(0, 10**6), groups=st.integers(2, 12), units=st.integers(1, 4))
    def test_permutations_stay_within_blocks(self, seed, groups, units):
        rng = np.random.default_rng(seed)
        block = np.sort(rng.integers(0, 3, groups))
        found = unit_exchange(np.arange(groups), block=block)
        drawn = found.draw(5, units, rng=seed)
        np.testing.assert_array_equal(
            np.sort(drawn, axis=1), np.broadcast_to(found.rows[:, None], drawn.shape)
        )
        np.testing.assert_array_equal(
            found.part[drawn], np.broadcast_to(found.part[:, None], drawn.shape)
        )

    @pytest.mark.parametrize("clock", [False, True])
    def test_a_surrogate_holds_each_units_own_values(self, clock):
        values = np.arange(16)[:, None] + 100 * np.arange(3)
        time = {"time": np.arange(16.0)} if clock else {}
        found = unit_exchange(np.arange(16), **time)
        drawn = found.surrogate(values, rng=4)
        assert (drawn // 100 == np.arange(3)).all()
        assert drawn.shape == (found.rows.size, 3)
        if clock:
            np.testing.assert_array_equal(drawn % 100, found.draw(1, 3, rng=4)[0])
        else:
            assert (np.sort(drawn, axis=0) == values).all()

    def test_some_of_the_rows_move_as_they_would_among_all(self):
        time, identity = two_stretches()
        whole = unit_exchange(np.arange(21), time=time)
        some = whole.among(np.array([0, 4, 10]))
        np.testing.assert_array_equal(
            some.draw(6, 2, rng=3), whole.draw(6, 2, rng=3)[:, [0, 4, 10]]
        )
        assert identity[some.rows].tolist() == [1, 5, 14]
        permuted = unit_exchange(np.arange(8), block=np.arange(8) // 4).among(np.array([6, 1, 5]))
        assert set(permuted.draw(30, 1, rng=0)[:, [0, 2]].ravel()) == {5, 6}

    def test_the_same_seed_draws_the_same(self):
        found = unit_exchange(np.arange(30), time=np.arange(30.0))
        np.testing.assert_array_equal(found.draw(3, 4, rng=9), found.draw(3, 4, rng=9))
