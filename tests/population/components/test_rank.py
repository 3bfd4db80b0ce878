"""Ranks: planted ones, a plain-loop oracle, held-out entries that do not overfit, nulls."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm
from sklearn.decomposition import FactorAnalysis

from homologue._errors import InvalidDesign
from homologue.population import (
    cross_validated_rank,
    dimension,
    factor_analysis,
    parallel_analysis,
)
from homologue.population.components._factors import _fitted, _gains
from homologue.population.components._rank import _errors
from homologue.recording import make


def planted(rank, seed=0, *, n=150, units=24, noise=1.0):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, units))
    return shared + noise * rng.standard_normal((n, units))


@pytest.mark.parametrize("rank", [1, 3, 5])
def test_planted_ranks_are_found(rank):
    rec = make(planted(rank, rank))
    found = cross_validated_rank(rec, rng=0, permutations=19)
    assert int(found["rank"]) == rank
    assert rank <= int(found.rank_best) <= int(found.rank_high)
    assert float(found.p) == 0.05
    assert float(found.low) < float(found.effect) < float(found.high)
    assert int(parallel_analysis(rec, rng=0, permutations=39).n_components) == rank


def test_held_out_entries_do_not_reward_more_components():
    found = cross_validated_rank(make(planted(3)), rng=0, permutations=9)
    curve = found.held_out.values
    assert curve[0] == 0
    assert int(found["rank"]) == 3
    assert curve[-1] < curve[3] - 0.02


def test_errors_equal_a_plain_loop():
    values = planted(2, 4, n=30, units=8)
    rng = np.random.default_rng(0)
    fold, part = rng.permutation(30) % 3, rng.permutation(8) % 2
    found = _errors(values, fold, part, 3, standardised=True)
    expected = np.zeros((3, 4))
    for k in range(3):
        train = fold != k
        scaled = (values - values[train].mean(0)) / values[train].std(0)
        for j in range(2):
            held = part == j
            u, s, vt = np.linalg.svd(scaled[np.ix_(train, ~held)], full_matrices=False)
            for rank in range(4):
                inverse = vt[:rank].T @ np.diag(1 / s[:rank]) @ u[:, :rank].T
                guess = scaled[np.ix_(~train, ~held)] @ inverse @ scaled[np.ix_(train, held)]
                expected[k, rank] += ((scaled[np.ix_(~train, held)] - guess) ** 2).sum()
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def hostile(kind, rng):
    if kind == "heavy tails":
        return make(rng.standard_t(3, size=(60, 8)))
    if kind == "nested":
        group = np.repeat(np.arange(40), 3)
        return make(rng.standard_normal((40, 8))[group] + 0.3 * rng.standard_normal((120, 8)),
                    group=group)  # fmt: skip
    activity = lfilter([1], [1, -0.9], rng.standard_normal((300, 8)), axis=0)
    return make(activity, variables={"time": np.arange(300.0)})


@pytest.mark.parametrize("kind", ["heavy tails", "nested", "autoregressive"])
def test_independent_units_pass_at_most_one_in_twenty(kind):
    runs = 40
    parallel, rank = [], []
    for seed in range(runs):
        rec = hostile(kind, np.random.default_rng(seed))
        parallel.append(float(parallel_analysis(rec, rng=seed, permutations=19).p[0]))
        rank.append(
            float(cross_validated_rank(rec, rng=seed, permutations=19, highest=4, folds=3).p)
        )
    limit = 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)
    assert np.mean(np.array(parallel) <= 0.05) <= limit
    assert np.mean(np.array(rank) <= 0.05) <= limit


def test_parallel_analysis_agrees_with_dimension():
    rec = make(planted(4, 2))
    found = parallel_analysis(rec, rng=0, permutations=99)
    assert int(found.n_components) == int(dimension(rec, rng=0, permutations=99).n_components)
    assert (np.diff(found.q) >= 0).all()
    other = parallel_analysis(rec.isel(unit=slice(None, None, -1)), rng=0, permutations=99)
    np.testing.assert_allclose(other.effect, found.effect, rtol=1e-9)


def test_groups_of_one_series_are_pieces_of_time():
    rng = np.random.default_rng(0)
    slow = lfilter([1], [1, -0.9], rng.standard_normal((400, 2)), axis=0)
    activity = slow @ rng.standard_normal((2, 15)) + rng.standard_normal((400, 15))
    found = cross_validated_rank(
        make(activity, variables={"time": np.arange(400.0)}), rng=0, permutations=19
    )
    assert int(found["rank"]) == 2
    assert int(found.n) == 20


class TestFactors:
    def test_finds_them_under_noise_of_very_different_size(self):
        rng = np.random.default_rng(1)
        loading = rng.standard_normal((2, 12))
        private = rng.uniform(0.3, 3, 12)
        activity = rng.standard_normal((250, 2)) @ loading + private * rng.standard_normal(
            (250, 12)
        )
        found = factor_analysis(make(activity), rng=0, factors=(1, 2, 3, 4), permutations=19)
        assert int(found.factors) == 2
        assert float(found.p) == 0.05
        assert float(found.low) > 0
        np.testing.assert_allclose(found.private, private**2, rtol=0.35, atol=0.1)

    def test_independent_units_have_none(self):
        activity = np.random.default_rng(0).standard_normal((200, 8)) * np.arange(1, 9)
        found = factor_analysis(make(activity), rng=0, factors=(1, 2), permutations=9)
        assert int(found.factors) == 0
        assert float(found.p) > 0.05
        assert found.loading.shape == (0, 8)

    def test_many_at_once_equal_scikit_learns_one_by_one(self):
        rng = np.random.default_rng(2)
        values = np.stack([planted(seed, 3, n=300, units=6) for seed in range(4)])
        values = rng.permuted(values, axis=1)
        values = (values - values.mean(axis=1, keepdims=True)) / values.std(axis=1, keepdims=True)
        loading, private = _fitted(values.mT @ values / 300, 300, 2)
        for one, load, alone in zip(values, loading, private, strict=True):
            peer = FactorAnalysis(2, tol=1e-2, max_iter=200, svd_method="lapack").fit(one)
            np.testing.assert_allclose(alone, peer.noise_variance_, rtol=1e-7)
            np.testing.assert_allclose(load.T @ load, peer.components_.T @ peer.components_,
                                       rtol=1e-7, atol=1e-9)  # fmt: skip

    def test_held_out_likelihood_is_scikit_learns(self):
        values = planted(2, 3, n=80, units=6)
        fold = np.arange(80) % 2
        train, test = values[fold == 1], values[fold == 0]
        mean, deviation = train.mean(axis=0), train.std(axis=0)
        train, test = (train - mean) / deviation, (test - mean) / deviation
        peer = FactorAnalysis(2, tol=1e-2, max_iter=200, svd_method="lapack").fit(train)
        alone = norm.logpdf(test).sum(axis=1).mean()
        gain = (peer.score(test) - alone) / 6
        assert _gains(values, fold, [2])[0, 1] == pytest.approx(gain, rel=1e-6)


def test_refusals_teach():
    rec = make(planted(1))
    for analysis in (parallel_analysis, cross_validated_rank, factor_analysis):
        with pytest.raises(InvalidDesign, match="not recorded simultaneously"):
            analysis(rec.assign_attrs(simultaneous=0), rng=0)
        with pytest.raises(InvalidDesign, match="groups"):
            analysis(make(planted(1, n=20), group=np.arange(20) // 10), rng=0)
    with pytest.raises(InvalidDesign, match="at least 4"):
        cross_validated_rank(make(planted(1, units=3)), rng=0)
    with pytest.raises(InvalidDesign, match="expected numbers"):
        factor_analysis(rec, rng=0, factors=(0, 99))
    with pytest.raises(InvalidDesign, match="no unit varies"):
        parallel_analysis(make(np.ones((30, 5))), rng=0)
    with pytest.raises(InvalidDesign, match="no unit varies"):
        cross_validated_rank(make(np.ones((30, 5))), rng=0)
