"""Selectivity of single units: closed forms, SciPy as oracle, planted units, and no effect."""

import numpy as np
import pytest
from benchmarks._hostile import rate
from scipy import stats

from benchmarks import _calibration_intervals as intervals
from benchmarks import _calibration_tests as calibration
from homologue._errors import HomologueError, InvalidDesign, InvalidRecording, UnknownName
from homologue.recording import make, variable
from homologue.tuning import clustered_interval, selectivity

NAMES = np.array(["face", "house", "tool"])


def world(seed=0, *, n=45, units=8, kind="normal"):
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(n) % 3)
    activity = {
        "normal": lambda: rng.standard_normal((n, units)),
        "counts": lambda: rng.poisson(2.0, (n, units)).astype(float),
    }[kind]()
    return activity, label


def measured(activity, label, *, rng=1, permutations=99, **options):
    analysis = {k: options.pop(k) for k in ("correction", "minimum_lag") if k in options}
    rec = make(activity, variables={"shown": NAMES[label]}, **options)
    return selectivity(rec, "shown", rng=rng, permutations=permutations, **analysis)


class TestClosedForms:
    def test_perfect_separation_is_one_either_way_round(self):
        label = np.repeat([0, 1, 2], 10)
        ramp = np.arange(30.0)
        found = measured(np.stack([ramp, -ramp, (label == 1) * 2.0 - 1.0], axis=1), label)
        np.testing.assert_allclose(np.abs(found.effect), 1.0)
        assert found.best_class.values[2] == "house"
        assert found.effect.values[2] == 1.0
        np.testing.assert_array_equal(found.p, 0.01)

    @pytest.mark.parametrize("kind", ["normal", "counts"])
    def test_effect_is_the_mann_whitney_area_of_the_best_class(self, kind):
        activity, label = world(kind=kind)
        found = measured(activity, label)
        for u in range(activity.shape[1]):
            each = []
            for c in range(3):
                inside, outside = activity[label == c, u], activity[label != c, u]
                count = stats.mannwhitneyu(inside, outside, method="asymptotic").statistic
                each.append(2 * count / (inside.size * outside.size) - 1)
            best = int(np.argmax(np.abs(each)))
            assert found.effect.values[u] == pytest.approx(each[best], abs=1e-12)
            assert found.best_class.values[u] == NAMES[best]

    @pytest.mark.parametrize("kind", ["normal", "counts"])
    def test_share_is_the_kruskal_wallis_epsilon_squared(self, kind):
        activity, label = world(kind=kind)
        found = measured(activity, label)
        for u in range(activity.shape[1]):
            h = stats.kruskal(*(activity[label == c, u] for c in range(3))).statistic
            assert found.share.values[u] == pytest.approx(h / (label.size - 1), rel=1e-10)

    def test_p_agrees_with_kruskal_wallis_where_its_approximation_holds(self):
        activity, label = world(3, n=150)
        found = measured(activity, label, permutations=999)
        exact = [
            stats.kruskal(*(activity[label == c, u] for c in range(3))).pvalue for u in range(8)
        ]
        np.testing.assert_allclose(found.share_p, exact, atol=0.06)

    def test_of_two_equal_contrasts_the_positive_class_is_named(self):
        label = np.repeat([0, 1], 8)
        found = measured(np.stack([label * 1.0, 1.0 - label], axis=1), label)
        assert found.best_class.values.tolist() == ["house", "face"]
        np.testing.assert_array_equal(found.effect, 1.0)


class TestPlanted:
    def test_tuned_units_are_found_and_named_and_the_others_are_not(self):
        rng = np.random.default_rng(0)
        label = np.repeat([0, 1, 2], 14)
        activity = rng.standard_normal((42, 60))
        activity[:, :10] += 2.0 * (label == 2)[:, None]
        activity[:, 10:20] -= 2.0 * (label == 0)[:, None]
        found = measured(activity, label, permutations=999)
        assert (found.q.values[:20] < 0.05).all()
        assert (found.q.values[20:] < 0.05).mean() <= 0.05
        assert set(found.best_class.values[:10]) == {"tool"}
        assert (found.effect.values[:10] > 0.5).all()
        assert set(found.best_class.values[10:20]) == {"face"}
        assert (found.effect.values[10:20] < -0.5).all()
        assert found.attrs["share_selective_05"] == pytest.approx(1 / 3, abs=0.08)

    def test_what_groups_share_is_not_taken_for_tuning(self):
        rng = np.random.default_rng(5)
        group = np.repeat(np.arange(16), 6)
        label = (np.arange(16) % 2)[group]
        activity = 3.0 * rng.standard_normal((16, 40))[group] + rng.standard_normal((96, 40))
        assert (measured(activity, label, group=group).p < 0.05).mean() < 0.2
        assert (measured(activity, label).p < 0.05).mean() > 0.25

    def test_max_t_is_stricter_than_the_false_discovery_rate(self):
        activity, label = world(2, units=40)
        activity[:, :8] += 1.5 * (label == 1)[:, None]
        rate_ = measured(activity, label, permutations=999)
        family = measured(activity, label, permutations=999, correction="max-t")
        assert (family.q.values >= rate_.p.values).all()
        assert (family.q.values[8:] < 0.05).sum() == 0
        assert family.attrs["family"] == "max-t over 40 units"


class TestNull:
    @pytest.mark.parametrize(
        "world", ["iid", "nested, label per group", "nested, label within groups", "AR(1)"]
    )
    def test_no_more_false_positives_than_the_level(self, world):
        found = calibration.p_values("tuning.selectivity", world, sets=800, seed=5)
        for name, rows in found.p.items():
            for alpha in (0.05, 0.01):
                seen = rate(np.array(rows), alpha)
                assert seen.value <= alpha + 3 * seen.error, name
            assert rate(np.array(rows), 0.05).value > 0.015, name

    def test_the_null_takes_the_same_maximum_over_classes(self):
        """The best of many classes is large by chance; its p is not small for that."""
        rng = np.random.default_rng(0)
        label = rng.permutation(np.arange(60) % 12)
        rec = make(rng.standard_normal((60, 200)), variables={"shown": label})
        found = selectivity(rec, "shown", rng=0, permutations=199)
        assert np.abs(found.effect).mean() > 0.4
        assert float(found.null_mean.mean()) == pytest.approx(
            float(np.abs(found.effect).mean()), abs=0.02
        )
        assert (found.p <= 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)

    @pytest.mark.parametrize(
        "case", [c for c in intervals.BOOTSTRAPS if c[0] == "tuning.selectivity"], ids=" ".join
    )
    def test_intervals_hold_the_truth(self, case):
        seen = intervals.coverage(*case, sets=1000, seed=4).covered
        assert 0.925 - 2 * seen.error <= seen.value <= 0.975 + 2 * seen.error


class TestInvariance:
    def test_order_of_units(self):
        activity, label = world()
        order = np.random.default_rng(9).permutation(8)
        first, second = measured(activity, label), measured(activity[:, order], label)
        for name in ("effect", "low", "high", "p", "q", "share", "share_p", "null_mean"):
            np.testing.assert_array_equal(first[name].values[order], second[name].values)

    def test_other_units_do_not_change_a_unit(self):
        activity, label = world()
        first, second = measured(activity, label), measured(activity[:, :3], label)
        for name in ("effect", "p", "share_p"):
            np.testing.assert_array_equal(first[name].values[:3], second[name].values)
        for name in ("low", "high"):
            np.testing.assert_allclose(first[name].values[:3], second[name].values, rtol=1e-12)

    def test_order_of_samples(self):
        activity, label = world()
        order = np.random.default_rng(9).permutation(len(label))
        first, second = measured(activity, label), measured(activity[order], label[order])
        for name in ("effect", "low", "high", "share"):
            np.testing.assert_allclose(first[name], second[name], rtol=1e-12)
        # Other relabellings are drawn, from the same null.
        np.testing.assert_allclose(first.p, second.p, atol=0.2)

    def test_monotone_transforms_and_float32(self):
        activity, label = world()
        first = measured(activity, label)
        bent = np.exp(activity * np.linspace(0.5, 2, 8)) + 10
        for other in (bent, activity.astype(np.float32), -0.5 + 3 * activity):
            second = measured(other, label)
            for name in ("effect", "low", "high", "p", "share_p"):
                np.testing.assert_array_equal(first[name].values, second[name].values)

    def test_names_of_the_classes(self):
        activity, label = world()
        second = measured(activity, np.array([2, 0, 1])[label])
        np.testing.assert_allclose(measured(activity, label).effect, second.effect)

    def test_a_rerun_with_the_same_seed_is_the_same_to_the_bit(self):
        activity, label = world()
        assert measured(activity, label).identical(measured(activity, label))
        assert (measured(activity, label).p != measured(activity, label, rng=2).p).any()


class TestInterval:
    def test_of_independent_samples_is_that_of_delong(self):
        """DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595, from its own formula."""
        rng = np.random.default_rng(0)
        inside, outside = rng.standard_normal(30) + 0.6, rng.standard_normal(50)
        sign = np.sign(inside[:, None] - outside)
        variance = np.var(sign.mean(axis=1), ddof=1) / 30 + np.var(sign.mean(axis=0), ddof=1) / 50
        area = sign.mean()
        reach = 1.959964 * np.sqrt(variance) / (1 - area**2)
        expected = np.tanh(np.arctanh(area) + np.array([-reach, reach]))
        values = np.concatenate([inside, outside])[:, None]
        codes = np.repeat([1, 0], [30, 50])
        found = clustered_interval(values, codes, np.arange(80), np.array([1]), np.array([area]))
        np.testing.assert_allclose(np.ravel(found), expected, atol=0.01)

    def test_copies_of_samples_in_their_groups_add_no_certainty(self):
        rng = np.random.default_rng(1)
        values = rng.standard_normal((40, 5)) + 0.5 * (np.arange(40) % 2)[:, None]
        codes = np.arange(40) % 2
        area = measured(values, codes).effect.values
        chosen = np.ones(5, dtype=int)
        once = clustered_interval(values, codes, np.arange(40), chosen, area)
        four = np.repeat(np.arange(40), 4)
        copied = clustered_interval(values[four], codes[four], four, chosen, area)
        np.testing.assert_allclose(once, copied, atol=0.01)
        blind = clustered_interval(values[four], codes[four], np.arange(160), chosen, area)
        assert ((blind[1] - blind[0]) < 0.6 * (once[1] - once[0])).all()

    def test_perfect_separation_is_not_certainty(self):
        label = np.repeat([0, 1], 12)
        found = measured(np.arange(24.0)[:, None], label)
        assert found.high.values[0] == pytest.approx(1.0)
        assert 0.2 < found.low.values[0] < 0.95

    def test_contains_the_effect(self):
        activity, label = world(units=50)
        found = measured(activity, label)
        assert (found.low <= found.effect).all()
        assert (found.effect <= found.high).all()
        assert found.low.min() >= -1
        assert found.high.max() <= 1


class TestBadInput:
    def test_constant_units_are_kept_and_counted(self):
        activity, label = world()
        activity[:, [1, 5]] = [0.0, 1e9]
        found = measured(activity, label)
        assert found.attrs["n_constant"] == 2
        assert found.sizes["unit"] == 8
        for name in ("effect", "low", "high", "p", "q", "share", "share_p"):
            np.testing.assert_array_equal(np.isnan(found[name]), np.isin(np.arange(8), [1, 5]))
        kept = measured(np.delete(activity, [1, 5], axis=1), label)
        np.testing.assert_array_equal(found.q.values[~np.isnan(found.q)], kept.q.values)
        assert found.reason.values[[0, 1, 5]].tolist() == ["", "no activity", "constant activity"]

    def test_nothing_but_constant_units(self):
        found = measured(np.ones((12, 3)), np.arange(12) % 3)
        assert found.attrs["n_constant"] == 3
        assert np.isnan(found.effect).all()
        assert np.isnan(found.attrs["share_selective_05"])

    def test_samples_without_a_label_do_not_count(self):
        activity, label = world()
        codes = np.append(label, [-1, -1, -1])
        padded = np.vstack([activity, 100 * np.ones((3, 8))])
        rec = make(padded, variables={"shown": variable(codes, categories=NAMES.tolist())})
        found = selectivity(rec, "shown", rng=1, permutations=99)
        assert found.n.values.tolist() == [45] * 8
        np.testing.assert_allclose(found.effect, measured(activity, label).effect)

    def test_missing_and_infinite_values(self):
        activity, label = world()
        with_nan, with_inf = activity.copy(), activity.copy()
        with_nan[3, 2] = np.nan
        with_inf[3, 2] = np.inf
        with pytest.raises(InvalidRecording, match="NaN"):
            measured(with_nan, label)
        with pytest.raises(InvalidRecording, match="Inf"):
            measured(with_inf, label)

    def test_one_class_unknown_variable_too_few_groups_unknown_correction(self):
        activity, label = world()
        with pytest.raises(InvalidDesign, match="at least 2"):
            measured(activity, np.zeros(45, int))
        with pytest.raises(UnknownName, match="shown"):
            selectivity(make(activity, variables={"shown": label}), "show", rng=0)
        with pytest.raises(InvalidDesign, match="Record more independent groups"):
            measured(activity, np.arange(45) // 15, group=np.arange(45) // 15)
        with pytest.raises(HomologueError, match="benjamini-hochberg"):
            measured(activity, label, correction="bonferroni")

    def test_coordinates_of_units_come_along(self):
        activity, label = world()
        found = measured(activity, label, site=["a"] * 4 + ["b"] * 4)
        assert found.site.values.tolist() == ["a"] * 4 + ["b"] * 4
