"""Group bootstrap: closed forms, a slow independent version, invariances. Coverage elsewhere."""

import numpy as np
import pytest
from scipy import stats

from homologue._errors import HomologueError, InvalidDesign
from homologue.inference import cluster_bootstrap, group_weights, mean_interval


def clusters(seed=0, groups=25, values=4):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups) * 2, rng.integers(1, 8, groups))
    x = rng.standard_normal((groups, values))[group // 2] + rng.standard_normal(
        (group.size, values)
    )
    return x + 3.0, group


def test_weights_take_each_group_once_on_average():
    weights = group_weights(30, 4000, rng=0)
    assert (weights.sum(axis=1) == 30).all()
    assert np.abs(weights.mean(axis=0) - 1).max() < 4 / np.sqrt(4000)
    assert weights.var() == pytest.approx(1 - 1 / 30, rel=0.05)


def test_estimate_and_error_are_the_cluster_robust_ones():
    x, group = clusters()
    found = mean_interval(x, group, rng=1)
    np.testing.assert_allclose(found.estimate, x.mean(axis=0), rtol=1e-12)
    _, code = np.unique(group, return_inverse=True)
    residual = np.zeros((25, 4))
    np.add.at(residual, code, x - x.mean(axis=0))
    expected = np.sqrt(25 / 24 * (residual**2).sum(axis=0)) / len(x)
    np.testing.assert_allclose(found.standard_error, expected, rtol=1e-10)


def test_one_sample_a_group_gives_the_students_error():
    x = np.random.default_rng(2).standard_normal((30, 3))
    found = mean_interval(x, np.arange(30), rng=0)
    np.testing.assert_allclose(found.standard_error, stats.sem(x, axis=0), rtol=1e-12)


def test_bca_agrees_with_scipy():
    """One value a group; SciPy without the expansion for few groups, hence the tolerance."""
    x = np.random.default_rng(3).exponential(size=(200, 1))
    ours = mean_interval(x, np.arange(200), rng=0, method="bca", draws=20_000)
    theirs = stats.bootstrap(
        (x[:, 0],), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.low[0] == pytest.approx(theirs.low, abs=0.03 * width)
    assert ours.high[0] == pytest.approx(theirs.high, abs=0.03 * width)


def test_studentised_equals_a_loop_over_resamples():
    x, group = clusters(4, groups=12, values=2)
    found = mean_interval(x, group, rng=5, draws=300)
    seed = int(np.random.default_rng(5).integers(2**63))
    weights = group_weights(12, 300, rng=seed)
    names = np.unique(group)
    center, error = x.mean(axis=0), found.standard_error
    t = []
    for weight in weights:
        parts = [x[group == names[g]] for g in range(12) for _ in range(int(weight[g]))]
        mean = np.concatenate(parts).mean(axis=0)
        residual = np.array([(p - mean).sum(axis=0) for p in parts])
        size = sum(len(p) for p in parts)
        t.append((mean - center) / (np.sqrt(12 / 11 * (residual**2).sum(axis=0)) / size))
    low, high = np.quantile(t, [0.025, 0.975], axis=0, method="weibull")
    np.testing.assert_allclose(found.low, center - high * error, rtol=1e-9)
    np.testing.assert_allclose(found.high, center - low * error, rtol=1e-9)


@pytest.mark.parametrize("method", ["studentised", "bca"])
def test_location_scale_and_the_company_of_other_values_do_not_matter(method):
    x, group = clusters(6)
    base = mean_interval(x, group, rng=7, method=method)
    moved = mean_interval(x * -2.5 + 1e4, group, rng=7, method=method)
    np.testing.assert_allclose(moved.low, base.high * -2.5 + 1e4, rtol=1e-6)
    np.testing.assert_allclose(moved.high, base.low * -2.5 + 1e4, rtol=1e-6)
    alone = mean_interval(x[:, 2:3], group, rng=7, method=method)
    np.testing.assert_allclose(alone.low[0], base.low[2], rtol=1e-12)
    order = np.random.default_rng(8).permutation(len(x))
    shuffled = mean_interval(x[order], group[order], rng=7, method=method)
    np.testing.assert_allclose(shuffled.high, base.high, rtol=1e-9)
    again = mean_interval(x, group, rng=7, method=method)
    np.testing.assert_array_equal(again.low, base.low)


@pytest.mark.parametrize("method", ["studentised", "bca"])
def test_missing_values_are_left_out_of_their_column_only(method):
    x, group = clusters(9)
    holes = x.copy()
    holes[3:9, 1] = np.nan
    base = mean_interval(x, group, rng=1, method=method)
    found = mean_interval(holes, group, rng=1, method=method)
    np.testing.assert_array_equal(found.low[[0, 2, 3]], base.low[[0, 2, 3]])
    assert found.estimate[1] == pytest.approx(np.nanmean(holes[:, 1]), rel=1e-12)
    assert np.isfinite([found.low[1], found.high[1]]).all()
    holes[:, 1] = np.nan
    gone = mean_interval(holes, group, rng=1, method=method)
    assert np.isnan([gone.estimate[1], gone.low[1], gone.high[1]]).all()


@pytest.mark.parametrize("method", ["studentised", "bca"])
def test_no_spread_gives_the_point(method):
    found = mean_interval(np.full((40, 1), 0.7), np.arange(40) // 4, rng=0, method=method)
    assert found.low[0] == pytest.approx(0.7)
    assert found.high[0] == pytest.approx(0.7)


def test_any_statistic_of_weights_and_its_bias_is_corrected():
    """The plug-in variance is biased low; BCa's interval is not centred on it."""
    rng = np.random.default_rng(10)
    x = rng.standard_normal((40, 500))

    def variance(weights):
        total = weights.sum(axis=1, keepdims=True)
        mean = weights @ x / total
        return weights @ x**2 / total - mean**2

    found = cluster_bootstrap(variance, 40, rng=11)
    cover = ((found.low <= 1) & (found.high >= 1)).mean()
    assert 0.9 <= cover <= 0.97
    assert (found.high - found.estimate > found.estimate - found.low).mean() > 0.95


def test_bad_input_is_refused():
    with pytest.raises(InvalidDesign, match="at least 5 independent groups"):
        mean_interval(np.ones((8, 1)), np.arange(8) // 2, rng=0)
    with pytest.raises(InvalidDesign, match="group has 7"):
        mean_interval(np.ones((8, 1)), np.arange(7), rng=0)
    with pytest.raises(HomologueError, match="at least 100 draws"):
        mean_interval(np.ones((8, 1)), np.arange(8), rng=0, draws=10)
    with pytest.raises(HomologueError, match="'bca' or 'studentised'"):
        mean_interval(np.ones((8, 1)), np.arange(8), rng=0, method="normal")
