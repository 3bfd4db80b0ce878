"""How many dimensions activity fills: closed forms, Horn's analysis by a plain loop, the null."""

import numpy as np
import pytest
from benchmarks._hostile import autoregressive, rate
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import _calibration_failures as failures
from benchmarks import _calibration_intervals as intervals
from benchmarks import _calibration_tests as calibration
from homologue._errors import InvalidDesign, InvalidRecording
from homologue.population import dimension, participation_ratio
from homologue.recording import make


def factors(seed=0, *, n=80, units=12, rank=3, noise=0.3):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, units))
    return shared + noise * rng.standard_normal((n, units))


def measured(activity, *, rng=1, permutations=99, standardised=True, **options):
    rec = make(activity, **options)
    return dimension(rec, rng=rng, permutations=permutations, standardised=standardised)


class TestParticipationRatio:
    @pytest.mark.parametrize("shape", [(30, 5), (6, 20), (12, 12)])
    @pytest.mark.parametrize("standardised", [True, False])
    def test_is_the_ratio_of_eigenvalue_sums(self, shape, standardised):
        activity = np.random.default_rng(sum(shape)).standard_normal(shape) ** 3
        matrix = np.corrcoef(activity.T) if standardised else np.cov(activity.T)
        eigenvalues = np.linalg.eigvalsh(matrix)
        expected = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
        found = participation_ratio(activity, standardised=standardised)
        assert found == pytest.approx(expected, rel=1e-10)

    def test_closed_forms(self):
        cross = np.vstack([np.eye(4), -np.eye(4)])
        assert participation_ratio(cross) == pytest.approx(4.0)
        line = np.outer(np.arange(7.0), [1.0, -2.0, 5.0])
        assert participation_ratio(line) == pytest.approx(1.0)
        # Variances 4 and 1 without correlation: 25 / 17.
        unequal = cross[:, :2] * [2.0, 1.0]
        assert participation_ratio(unequal, standardised=False) == pytest.approx(25 / 17)
        assert np.isnan(participation_ratio(np.ones((5, 3))))

    @settings(deadline=None, max_examples=30)
    @given(seed=st.integers(0, 10**6), units=st.integers(1, 15), n=st.integers(3, 20))
    def test_bounds_and_invariances(self, seed, units, n):
        rng = np.random.default_rng(seed)
        activity = rng.standard_normal((2, n, units))
        found = participation_ratio(activity)
        assert (found >= 1 - 1e-9).all()
        assert (found <= min(n - 1, units) + 1e-9).all()
        scale = rng.uniform(0.1, 10, units)
        other = activity[:, rng.permutation(n)][..., ::-1] * scale + 3.0
        np.testing.assert_allclose(participation_ratio(other), found, rtol=1e-9)
        turned = np.linalg.qr(rng.standard_normal((units, units)))[0]
        raw = participation_ratio(activity, standardised=False)
        rotated = participation_ratio(activity @ turned, standardised=False)
        np.testing.assert_allclose(rotated, raw, rtol=1e-8)


class TestPlanted:
    @pytest.mark.parametrize("rank", [1, 2, 4])
    def test_parallel_analysis_counts_the_factors(self, rank):
        found = measured(factors(rank=rank, n=150, noise=0.05))
        assert int(found.n_components) == rank
        assert float(found.p) == 0.01
        assert float(found.low) < float(found.effect) < float(found.high)
        # About the ratio of the noiseless correlation matrix, whose rank bounds it.
        assert 1.0 <= float(found.participation_ratio) < rank + 1

    def test_equals_horns_analysis_by_a_plain_loop(self):
        activity = factors(3, n=60, units=9, rank=2, noise=1.0)
        found = measured(activity, permutations=1999)
        z = (activity - activity.mean(axis=0)) / activity.std(axis=0)
        eigenvalues = np.linalg.eigvalsh(np.corrcoef(activity.T))[::-1]
        np.testing.assert_allclose(found.eigenvalue, eigenvalues, rtol=1e-9)
        rng = np.random.default_rng(77)
        null = []
        for _ in range(1999):
            shuffled = np.stack([rng.permutation(z[:, u]) for u in range(9)], axis=1)
            null.append(np.linalg.eigvalsh(np.corrcoef(shuffled.T))[::-1])
        threshold = np.quantile(null, 0.95, axis=0)
        np.testing.assert_allclose(found.null_95, threshold, rtol=0.02)
        count = 0
        while eigenvalues[count] > threshold[count]:
            count += 1
        assert int(found.n_components) == count
        ratios = np.sum(null, axis=1) ** 2 / np.sum(np.square(null), axis=1)
        assert float(found.null_participation_ratio) == pytest.approx(ratios.mean(), rel=0.01)
        own = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
        assert float(found.effect) == pytest.approx(1 - own / ratios.mean(), abs=0.01)

    def test_factor_shared_by_slow_units_is_found(self):
        rng = np.random.default_rng(0)
        activity = autoregressive(rng, 300, 10, 0.8) + autoregressive(rng, 300, 1, 0.8)
        time = {"time": np.arange(300) * 0.1}
        found = measured(activity, variables=time, group=np.zeros(300, int))
        assert float(found.p) == 0.01
        assert found.attrs["null"].startswith("units shifted in time")
        assert int(found.n) == 225

    def test_units_of_large_variance_do_not_decide_alone(self):
        activity = np.random.default_rng(0).standard_normal((80, 6)) * [1, 1, 1, 1, 1, 100]
        assert float(measured(activity).participation_ratio) > 5
        raw = measured(activity, standardised=False)
        assert float(raw.participation_ratio) < 1.01


class TestNull:
    @pytest.mark.parametrize("world", ["iid", "AR(1)", "AR(1), samples as groups"])
    def test_no_more_false_positives_than_the_level(self, world):
        found = calibration.p_values("population.dimension", world, sets=60, seed=5)
        (rows,) = found.p.values()
        for alpha in (0.05, 0.01):
            seen = rate(np.array(rows), alpha)
            assert seen.value <= alpha + 3 * seen.error

    def test_circular_rolls_would_find_structure_in_slow_independent_units(self):
        name = "units rolled circularly (24 units, AR(1), φ = .95)"
        assert failures.failure(name, sets=200, seed=3).value > 0.2

    def test_effect_of_independent_units_is_zero(self):
        rng = np.random.default_rng(2)
        effects = [float(measured(rng.standard_normal((40, 8))).effect) for _ in range(60)]
        assert abs(np.mean(effects)) < 3 * np.std(effects) / np.sqrt(60) + 0.005

    @pytest.mark.parametrize("kind", ["normal", "AR(1), 80 samples"])
    def test_intervals_hold_the_truth(self, kind):
        case = "population.dimension", f"{kind}, two factors"
        seen = intervals.coverage(*case, sets=150, seed=4).covered
        assert 0.925 - 2 * seen.error <= seen.value <= 0.975 + 2 * seen.error


class TestWhatIsExchanged:
    def test_groups_of_several_samples_count_once(self):
        rng = np.random.default_rng(0)
        group = np.repeat(np.arange(40), 5)
        activity = rng.standard_normal((40, 8))[group]
        once = measured(activity[::5])
        copied = measured(activity, group=group)
        assert int(copied.n) == 40
        for name in ("effect", "p", "participation_ratio", "low", "high"):
            assert float(once[name]) == pytest.approx(float(copied[name]), rel=1e-9)

    def test_offsets_of_sessions_are_not_dimensions(self):
        rng = np.random.default_rng(1)
        block = np.repeat(np.arange(4), 20)
        activity = 3.0 * rng.standard_normal((4, 8))[block] + rng.standard_normal((80, 8))
        assert float(measured(activity, block=block).p) > 0.05
        assert float(measured(activity).p) == 0.01

    def test_trials_are_permuted_and_not_shifted(self):
        rng = np.random.default_rng(2)
        trial = np.repeat(np.arange(30), 10)
        clock = {"time": trial * 5.0 + np.tile(np.arange(10) * 0.1, 30)}
        activity = rng.standard_normal((300, 6))
        aligned = clock | {"lag": np.tile(np.arange(10) * 0.1, 30)}
        found = measured(activity, group=trial, variables=aligned)
        assert found.attrs["null"].startswith("units permuted between groups")
        assert int(found.n) == 30

    def test_rate_that_all_units_share_over_a_session_counts_as_shared(self):
        rng = np.random.default_rng(3)
        time = {"time": np.arange(200) * 0.1}
        common = np.sin(np.arange(200) / 3.0)[:, None]
        activity = rng.standard_normal((200, 10)) + common
        assert float(measured(activity, variables=time).p) == 0.01


class TestInvariance:
    def test_order_scale_and_precision(self):
        activity = factors(noise=1.0)
        first = measured(activity)
        rng = np.random.default_rng(4)
        scaled = activity * rng.uniform(0.01, 100, 12) - 7.0
        for other in (activity[:, ::-1], scaled, activity.astype(np.float32)):
            second = measured(other)
            assert float(first.participation_ratio) == pytest.approx(
                float(second.participation_ratio), rel=1e-5
            )
            assert float(first.effect) == pytest.approx(float(second.effect), abs=0.02)
        np.testing.assert_allclose(first.null_95, measured(scaled).null_95, rtol=1e-9)
        assert float(first.p) == float(measured(scaled).p)

    def test_a_rerun_with_the_same_seed_is_the_same_to_the_bit(self):
        activity = factors()
        assert measured(activity).identical(measured(activity))


class TestBadInput:
    def test_constant_units_are_kept_and_counted(self):
        activity = factors(units=10)
        padded = np.hstack([activity, np.zeros((80, 1)), np.full((80, 1), 1e8)])
        first, second = measured(activity), measured(padded)
        assert second.attrs["n_constant"] == 2
        assert second.attrs["n_units"] == 12
        assert float(first.participation_ratio) == pytest.approx(float(second.participation_ratio))
        assert int(first.n_components) == int(second.n_components)

    def test_one_unit_is_one_dimension_and_says_nothing(self):
        found = measured(np.random.default_rng(0).standard_normal((40, 1)))
        assert float(found.participation_ratio) == pytest.approx(1.0)
        assert float(found.p) == 1.0
        assert float(found.effect) == pytest.approx(0.0, abs=1e-12)

    def test_nothing_but_constant_units_has_no_dimension(self):
        found = measured(np.ones((20, 3)))
        assert np.isnan(float(found.effect))
        assert np.isnan(float(found.p))
        assert found.attrs["n_constant"] == 3

    def test_units_that_were_never_recorded_together(self):
        with pytest.raises(InvalidDesign, match="not recorded simultaneously"):
            measured(factors(), simultaneous=False)

    def test_missing_values_and_too_few_groups(self):
        activity = factors()
        missing = activity.copy()
        missing[4, 4] = np.nan
        with pytest.raises(InvalidRecording, match="NaN"):
            measured(missing)
        with pytest.raises(InvalidDesign, match="at least 3"):
            measured(activity, group=np.arange(80) // 40)
