"""The exchangeability rule: what moves, what stays, what is refused."""

import itertools
import re
from math import factorial

import numpy as np
import pytest
from benchmarks._hostile import autoregressive, rate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks import _calibration_failures as failures
from benchmarks import _calibration_tests as calibration
from homologue._errors import InvalidDesign
from homologue.inference import exchangeability
from homologue.inference._shifts import correlation_time, period, stretches


def markov(rng, n, stay=0.6, classes=2):
    """A label that keeps its class with probability ``stay``."""
    moves = rng.random(n) >= stay
    steps = np.where(moves, rng.integers(1, classes, n) if classes > 2 else 1, 0)
    return np.cumsum(steps) % classes


class TestRule:
    def test_label_constant_within_groups_moves_with_whole_groups(self):
        group = np.repeat(np.arange(8), [1, 2, 3, 1, 2, 3, 1, 2])
        label = (np.arange(8) % 2)[group]
        design = exchangeability(label, group)
        assert design.scheme == "between groups"
        assert design.n_groups == 8
        assert design.arrangements == pytest.approx(factorial(8) / factorial(4) ** 2)
        for index in design.draw(50, 0):
            moved = label[index]
            per_group = [np.unique(moved[group == g]) for g in range(8)]
            assert all(values.size == 1 for values in per_group)
            assert np.concatenate(per_group).sum() == 4

    def test_groups_of_equal_size_exchange_their_rows_one_to_one(self):
        group = np.array([2, 0, 1, 2, 0, 1, 3, 4, 5, 3, 4, 5])
        design = exchangeability((group % 2), group)
        for index in design.draw(20, 1):
            assert sorted(index) == list(range(12))
            assert np.unique(np.stack([group, group[index]]), axis=1).shape[1] == 6

    def test_label_varying_within_groups_permutes_within_them(self):
        group = np.repeat(np.arange(4), [5, 3, 4, 6])
        label = np.concatenate([[0, 0, 1, 1, 1], [2, 2, 2], [0, 1, 2, 2], [0, 0, 0, 1, 1, 1]])
        design = exchangeability(label, group)
        assert design.scheme == "within groups"
        assert design.n_groups == 3
        assert design.arrangements == pytest.approx(10 * 12 * 20)
        for index in design.draw(50, 0):
            np.testing.assert_array_equal(group[index], group)
            assert sorted(index) == list(range(18))
            np.testing.assert_array_equal(index[group == 1], np.flatnonzero(group == 1))

    def test_clock_makes_it_a_circular_shift(self):
        rng = np.random.default_rng(0)
        label = markov(rng, 120)
        design = exchangeability(label, np.zeros(120, int), time=np.arange(120) * 0.1)
        assert design.scheme == "circular shift"
        assert design.minimum_lag == 0
        for index in design.draw(50, 0):
            np.testing.assert_array_equal(np.diff(index) % 120, 1)

    def test_label_per_group_permutes_even_with_a_clock(self):
        group = np.repeat(np.arange(10), 4)
        design = exchangeability(group % 2, group, time=np.arange(40.0))
        assert design.scheme == "between groups"

    def test_exchange_stays_within_blocks(self):
        block = np.repeat(np.arange(3), 8)
        label = np.concatenate([[0] * 6 + [1] * 2, [0] * 2 + [1] * 6, [0] * 8])
        design = exchangeability(label, np.arange(24), block=block)
        assert design.arrangements == pytest.approx(28 * 28)
        assert design.n_groups == 16
        for index in design.draw(50, 0):
            np.testing.assert_array_equal(block[index], block)

    def test_all_arrangements_are_equally_likely(self):
        label = np.repeat([0, 1], 3)
        draws = label[exchangeability(label, np.arange(6)).draw(8000, 0)]
        seen = dict.fromkeys(itertools.combinations(range(6), 3), 0)
        for row in draws:
            seen[tuple(np.flatnonzero(row))] += 1
        assert stats.chisquare(list(seen.values())).pvalue > 1e-3

    @settings(deadline=None, max_examples=30)
    @given(seed=st.integers(0, 10**6), shift=st.integers(-5, 50), timed=st.booleans())
    def test_names_of_classes_groups_and_the_origin_of_time_do_not_matter(self, seed, shift, timed):
        rng = np.random.default_rng(seed)
        label = markov(rng, 90, classes=3)
        group = np.arange(90) // 15
        if any(np.unique(label[group == g]).size < 2 for g in range(6)):
            return
        time = np.arange(90) * 0.25
        renamed = np.array([7, -2, 4])[label]
        try:
            first = exchangeability(label, group, time=time if timed else None)
        except InvalidDesign as refused:
            with pytest.raises(InvalidDesign, match=re.escape(str(refused))):
                exchangeability(renamed, 3 * group + 1, time=time + shift if timed else None)
            return
        second = exchangeability(renamed, 3 * group + 1, time=time + shift if timed else None)
        assert first.log_arrangements == pytest.approx(second.log_arrangements)
        np.testing.assert_array_equal(first.draw(5, seed), second.draw(5, seed))

    def test_same_seed_same_draws_and_any_seed_the_rows_of_the_design(self):
        design = exchangeability(np.arange(30) % 3, np.arange(30))
        np.testing.assert_array_equal(design.draw(4, 5), design.draw(4, 5))
        assert (design.draw(4, 5) != design.draw(4, 6)).any()


class TestShifts:
    def test_every_shift_is_drawn_the_unshifted_one_too(self):
        label = markov(np.random.default_rng(3), 64)
        design = exchangeability(label, np.zeros(64, int), time=np.arange(64.0))
        first = design.draw(6400, 0)[:, 0]
        assert stats.chisquare(np.bincount(first, minlength=64)).pvalue > 1e-3

    def test_shifts_nearer_than_declared_count_as_none(self):
        label = markov(np.random.default_rng(3), 200)
        time = np.arange(200) * 0.5
        design = exchangeability(label, np.zeros(200, int), time=time, minimum_lag=4.0)
        assert design.minimum_lag == 4.0
        shift = design.draw(4000, 0)[:, 0]
        near = np.minimum(shift, 200 - shift)
        assert set(np.unique(near)) == {0, *range(8, 101)}
        assert (shift == 0).mean() == pytest.approx(15 / 200, abs=0.02)

    def test_stretches_end_at_gaps_and_blocks_and_shift_on_their_own(self):
        rng = np.random.default_rng(1)
        time = np.concatenate([np.arange(100), 500 + np.arange(100)]) * 0.1
        label = np.concatenate([markov(rng, 100), markov(rng, 100)])
        order = rng.permutation(200)
        design = exchangeability(label[order], np.zeros(200, int), time=time[order])
        first = time[order] < 30
        for index in design.draw(20, 0):
            np.testing.assert_array_equal(first[index], first)
        moved = np.array([time[order][index][0] for index in design.draw(20, 0)])
        assert np.unique(moved).size > 5

    def test_blocks_sampled_at_different_rates_are_whole_stretches(self):
        time = np.concatenate([np.arange(50) * 0.1, np.arange(50) * 1.0])
        found = stretches(time, np.repeat([0, 1], 50))
        assert [part.size for part in found] == [50, 50]

    def test_groups_with_clocks_of_their_own_are_stretches_of_their_own(self):
        rng = np.random.default_rng(2)
        label = np.concatenate([markov(rng, 80), markov(rng, 80)])
        group = np.repeat([0, 1], 80)
        design = exchangeability(label, group, time=np.tile(np.arange(80.0), 2))
        for index in design.draw(20, 0):
            np.testing.assert_array_equal(group[index], group)

    def test_slow_stretch_keeps_its_labels_in_place(self):
        rng = np.random.default_rng(4)
        slow = np.repeat([0, 1, 0, 1], 25)
        label = np.concatenate([markov(rng, 100), slow])
        block = np.repeat([0, 1], 100)
        time = np.tile(np.arange(100.0), 2)
        index = exchangeability(label, np.zeros(200, int), time=time, block=block).draw(9, 0)
        np.testing.assert_array_equal(index[:, 100:], np.tile(np.arange(100, 200), (9, 1)))
        assert (index[:, :100] != np.arange(100)).any()

    @pytest.mark.parametrize(
        "label",
        [np.arange(400) // 100, np.repeat(np.arange(8) % 2, 50), np.tile([0] * 5 + [1] * 5, 40)],
        ids=["drift", "few phases", "periodic"],
    )
    def test_labels_without_twenty_distinct_shifts_are_refused(self, label):
        with pytest.raises(InvalidDesign, match="at least 20 correlation times"):
            exchangeability(label, np.zeros(label.size, int), time=np.arange(label.size) * 0.1)

    @pytest.mark.parametrize("stay", [0.5, 0.7, 0.9])
    def test_correlation_time_of_a_markov_chain(self, stay):
        label = markov(np.random.default_rng(0), 20_000, stay=stay)
        memory = 2 * stay - 1
        assert correlation_time(label) == pytest.approx((1 + memory) / (1 - memory), rel=0.2)

    def test_label_that_alternates_within_slow_phases_is_slow(self):
        label = np.repeat([0, 2], 100) + np.tile([0, 1], 100)
        assert correlation_time(label) > 20

    def test_period_counts_distinct_shifts(self):
        assert period(np.tile([0, 1, 2, 2, 1], 6)) == 5
        assert period(np.array([0, 1, 1, 0, 2])) == 5


class TestRefusals:
    @pytest.mark.parametrize(
        ("label", "group", "options", "message"),
        [
            (np.zeros(5, int), np.arange(5), {}, "one condition only"),
            (np.array([1]), np.array([0]), {}, "at least 2 samples"),
            (np.array([0.0, np.nan, 1.0]), np.arange(3), {}, "have no label"),
            (np.arange(4) % 2, np.arange(5), {}, "one value per sample"),
            (np.repeat([0, 1], 3), np.repeat([0, 1], 3), {}, "only 2 distinct arrangements"),
            (np.arange(6) % 2, np.arange(6) // 3, {"block": np.arange(6) // 3}, "fewer than 20"),
            (
                np.repeat([0, 1], 12), np.repeat(np.arange(12), 2),
                {"block": np.tile([0, 1], 12)}, "spans several blocks",
            ),
            (
                np.arange(24) % 2, np.arange(24) // 4,
                {"block": np.arange(24) // 2 % 2}, "spans several blocks",
            ),
            (np.arange(24) % 2, np.arange(24) // 4, {"block": np.zeros(3, int)}, "block has shape"),
            (
                np.arange(40) % 2, np.zeros(40, int),
                {"time": np.append(np.arange(39.0), np.nan)}, "NaN",
            ),
            (np.arange(40) % 2, np.zeros(40, int), {"time": np.arange(30.0)}, "time has shape"),
            (np.arange(40) % 2, np.zeros(40, int), {"time": np.arange(40) // 2}, "more than once"),
            (
                np.arange(40) % 2, np.zeros(40, int),
                {"time": np.arange(40.0), "minimum_lag": -1.0}, "zero or more",
            ),
        ],
    )  # fmt: skip
    def test_errors_say_what_is_wrong(self, label, group, options, message):
        with pytest.raises(InvalidDesign, match=message):
            exchangeability(label, group, **options)

    def test_twenty_arrangements_are_enough_and_ten_are_not(self):
        assert exchangeability(np.repeat([0, 1], 3), np.arange(6)).arrangements == pytest.approx(20)
        with pytest.raises(InvalidDesign, match="only 10 distinct arrangements"):
            exchangeability(np.array([0, 0, 0, 1, 1]), np.arange(5))

    def test_whole_groups_are_drawn_between_groups_only(self):
        design = exchangeability(np.tile([0, 1], 10), np.arange(20) // 10)
        with pytest.raises(InvalidDesign, match="only between groups"):
            design.draw_groups(3, 0)


class TestRates:
    @pytest.mark.parametrize("world", ["sessions with offsets", "AR(1)"])
    def test_no_more_false_positives_than_the_level(self, world):
        found = calibration.p_values("inference.permutation_test", world, sets=1000, seed=3)
        for name, rows in found.p.items():
            for alpha in (0.05, 0.01):
                seen = rate(np.array(rows), alpha)
                assert seen.value <= alpha + 3 * seen.error, name

    @pytest.mark.parametrize("world", ["AR(1), label in long phases", "five groups"])
    def test_designs_that_cannot_be_tested_are_refused(self, world):
        found = calibration.p_values("inference.permutation_test", world, sets=100, seed=3)
        assert found.refused == found.tried > 0
        assert not found.p

    def test_slow_labels_of_many_sessions_are_refused_rather_than_believed(self):
        rng = np.random.default_rng(0)
        label = np.concatenate([autoregressive(rng, 40, 1, 0.95)[:, 0] > 0 for _ in range(8)])
        block = np.repeat(np.arange(8), 40)
        with pytest.raises(InvalidDesign, match="correlation times"):
            exchangeability(label * 1, block, time=np.arange(320.0), block=block)

    @pytest.mark.parametrize("name", list(failures.FAILURES))
    def test_each_part_of_the_rule_is_needed(self, name):
        _, alpha, _ = failures.FAILURES[name]
        seen = failures.failure(name, sets=400, seed=2)
        assert seen.value > (0.2 if alpha == 0.05 else alpha + 2 * seen.error)
