"""Decoding on held-out groups: what is there, what is not, and what leaks."""

import numpy as np
import pytest
from benchmarks._hostile import rate
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from benchmarks import _calibration_failures as failures
from benchmarks import _calibration_intervals as intervals
from benchmarks import _calibration_tests as calibration
from homologue._errors import InvalidDesign, InvalidRecording, UnknownName
from homologue.recording import make
from homologue.representation import _decode, decode


def world(seed=0, *, effect=1.0, classes=3, n=60, units=6):
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(n) % classes)
    activity = rng.standard_normal((n, units))
    activity[:, :classes] += effect * np.eye(classes)[label]
    return activity, label


def measured(activity, label, *, rng=1, folds=5, permutations=99, **options):
    rec = make(activity, variables={"shown": label}, **options)
    return decode(rec, "shown", rng=rng, folds=folds, permutations=permutations)


class TestEffect:
    def test_separable_classes_decode_perfectly(self):
        activity, label = world(effect=50.0)
        found = measured(activity, label)
        assert float(found.effect) == 1.0
        assert float(found.accuracy) == 1.0
        assert float(found.p) == 0.01
        np.testing.assert_allclose(found.confusion, np.eye(3))
        # Sixty groups without an error are not certainty.
        assert 0.9 < float(found.low) < 1.0
        assert float(found.high) == 1.0

    def test_accuracy_is_balanced_and_scaled_by_chance(self):
        activity, label = world()
        found = measured(activity, label)
        assert float(found.chance) == pytest.approx(1 / 3)
        assert float(found.effect) == pytest.approx((float(found.accuracy) - 1 / 3) / (2 / 3))
        assert float(found.accuracy) == pytest.approx(np.diag(found.confusion).mean())
        np.testing.assert_allclose(found.confusion.sum("decoded_class"), 1.0)
        assert float(found.low) < float(found.effect) < float(found.high)
        assert abs(float(found.null_mean)) < 0.1

    def test_common_class_does_not_pull(self):
        rng = np.random.default_rng(0)
        label = np.repeat([0, 1], [54, 6])
        found = measured(rng.standard_normal((60, 4)), label, folds=3)
        # Always saying the common class would be 90 % right, and .5 balanced.
        assert float(found.accuracy) < 0.75
        assert float(found.p) > 0.01

    def test_two_classes_decode_as_by_shrinkage_discriminant_analysis(self):
        activity, label = world(classes=2, n=100, units=8, effect=0.8)
        found = measured(activity, label, permutations=1)
        folding = np.random.default_rng(1).spawn(4)[0]
        fold = folding.permutation(100) % 5
        right = np.zeros(100)
        for k in range(5):
            peer = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto", priors=[0.5, 0.5])
            peer.fit(activity[fold != k], label[fold != k])
            right[fold == k] = peer.predict(activity[fold == k]) == label[fold == k]
        balanced = np.mean([right[label == c].mean() for c in range(2)])
        assert float(found.accuracy) == pytest.approx(balanced, abs=0.05)

    def test_planted_information_is_found(self):
        activity, label = world(effect=1.2)
        assert float(measured(activity, label, permutations=199).p) < 0.01


class TestGroups:
    def test_what_groups_share_leaks_through_folds_over_samples_only(self):
        seen = failures.leaked_accuracy(sets=40, seed=2)
        leaked, held = seen["KFold over samples"], seen["GroupKFold"]
        assert leaked.value > 0.6
        assert held.value < 0.5 + 3 * held.error

    def test_control_task_shows_how_far_groups_can_be_memorised(self):
        rng = np.random.default_rng(0)
        group = np.repeat(np.arange(24), 6)
        label = (np.arange(24) % 2)[group]
        known = 4.0 * rng.standard_normal((24, 30))[group] + rng.standard_normal((144, 30))
        memorised = measured(known, label, group=group, permutations=49)
        assert float(memorised.control) > 0.9
        assert float(memorised.selectivity) < 0.1
        assert float(memorised.p) > 0.01
        general = rng.standard_normal((144, 30)) + label[:, None]
        honest = measured(general, label, group=group, permutations=49)
        assert float(honest.selectivity) > 0.25
        assert float(honest.p) == 0.02

    def test_no_control_task_where_every_group_is_one_sample(self):
        activity, label = world()
        assert np.isnan(float(measured(activity, label).control))


class TestNull:
    @pytest.mark.parametrize(
        "world", ["heavy tails (Cauchy)", "nested, label within groups", "AR(1)"]
    )
    def test_no_more_false_positives_than_the_level(self, world):
        found = calibration.p_values("representation.decode", world, sets=200, seed=5)
        (rows,) = found.p.values()
        for alpha in (0.05, 0.01):
            seen = rate(np.array(rows), alpha)
            assert seen.value <= alpha + 3 * seen.error
        assert np.median(rows) == pytest.approx(0.5, abs=0.1)

    @pytest.mark.parametrize(
        "kind", ["normal, effect 0", "nested, label per group, effect 0", "normal, effect 1"]
    )
    def test_intervals_hold_the_truth(self, kind):
        seen = intervals.coverage("representation.decode", kind, sets=150, seed=4).covered
        assert 0.925 - 2 * seen.error <= seen.value <= 0.975 + 2 * seen.error


class TestInvariance:
    def test_order_and_scale_of_units_and_float32(self):
        activity, label = world(effect=0.7)
        first = measured(activity, label)
        order = np.random.default_rng(3).permutation(6)
        scale = np.array([1, 100, 0.01, 3, 7, 1e4])
        for other in (
            activity[:, order],
            activity * scale - 5.0,
            activity.astype(np.float32),
        ):
            second = measured(other, label)
            for name in ("effect", "p", "low", "high", "null_mean"):
                assert float(first[name]) == pytest.approx(float(second[name]), abs=1e-6), name

    def test_order_of_samples_within_fixed_groups(self):
        rng = np.random.default_rng(4)
        group = np.repeat(np.arange(30), 2)
        label = (np.arange(30) % 3)[group]
        activity = rng.standard_normal((60, 5)) + 0.5 * np.eye(3, 5)[label]
        order = rng.permutation(60)
        first = measured(activity, label, group=group)
        second = measured(activity[order], label[order], group=group[order])
        assert float(first.effect) == pytest.approx(float(second.effect), abs=1e-9)
        assert float(first.p) == float(second.p)

    def test_size_of_blocks_of_draws(self, monkeypatch):
        activity, label = world(effect=0.5)
        whole = measured(activity, label)
        monkeypatch.setattr(_decode, "_BYTES", 1)
        pieces = measured(activity, label)
        for name in ("effect", "p", "null_mean", "null_std", "low", "high"):
            assert float(whole[name]) == pytest.approx(float(pieces[name]), rel=1e-12)

    def test_other_folds_and_draws_tell_the_same_story(self):
        activity, label = world(effect=1.0)
        found = [measured(activity, label, rng=seed) for seed in range(6)]
        effects = np.array([float(one.effect) for one in found])
        assert np.unique(effects).size > 1
        assert effects.std() < 0.1
        assert max(float(one.p) for one in found) < 0.05

    def test_a_rerun_with_the_same_seed_is_the_same_to_the_bit(self):
        activity, label = world()
        assert measured(activity, label).identical(measured(activity, label))


class TestBadInput:
    def test_constant_units_carry_nothing_and_break_nothing(self):
        activity, label = world()
        silent = np.hstack([activity, np.full((60, 2), 7.0)])
        assert float(measured(silent, label).effect) == pytest.approx(
            float(measured(activity, label).effect), abs=0.1
        )
        nothing = measured(np.ones((60, 3)), label)
        assert float(nothing.effect) == pytest.approx(0.0, abs=1e-12)
        assert float(nothing.p) == 1.0

    @pytest.mark.parametrize("folds", [1, 13, 0])
    def test_wrong_folds(self, folds):
        activity, label = world(n=48)
        group = np.arange(48) // 4
        label = group % 3
        with pytest.raises(InvalidDesign, match=f"{folds} folds over 12 groups"):
            measured(activity, label, group=group, folds=folds)

    def test_one_group_is_one_fold_too_few(self):
        rng = np.random.default_rng(0)
        with pytest.raises(InvalidDesign, match="over 1 groups"):
            measured(rng.standard_normal((20, 3)), np.arange(20) % 2, group=np.zeros(20, int))

    def test_missing_values_one_class_unknown_variable_too_few_groups(self):
        activity, label = world()
        missing = activity.copy()
        missing[0, 0] = np.nan
        with pytest.raises(InvalidRecording, match="NaN"):
            measured(missing, label)
        with pytest.raises(InvalidDesign, match="at least 2"):
            measured(activity, np.zeros(60, int))
        with pytest.raises(UnknownName, match="shown"):
            decode(make(activity, variables={"shown": label}), "showed", rng=0)
        with pytest.raises(InvalidDesign, match="distinct arrangements"):
            measured(activity, np.arange(60) // 20, group=np.arange(60) // 20, folds=2)

    def test_class_that_a_fold_never_trains_on(self):
        activity, label = world(classes=2)
        label = np.where(np.arange(60) == 7, 2, label)
        found = measured(activity, label)
        assert np.isfinite(float(found.effect))
        assert found.confusion.values[2, 2] == 0.0
