"""Separability and mixture: closed forms, Gaussians at 0, planted clusters, groups."""

import numpy as np
import pytest
from scipy.signal import lfilter

from homologue._errors import HomologueError, InvalidDesign, InvalidRecording
from homologue.population import (
    irreducible_rank,
    mixture,
    mixture_index,
    separability,
    separability_index,
)
from homologue.recording import make


def circle(count, rng, noise=0.0):
    turn = rng.uniform(0, 2 * np.pi, count)
    points = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return points + noise * rng.standard_normal(points.shape)


def clusters(count, rng):
    """Return four clusters at the corners of a turned square: separable."""
    corners = rng.integers(2, size=(count, 2)) * 4.0 + 0.3 * rng.standard_normal((count, 2))
    turn = np.pi / 6
    return corners @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])


class TestMixtureIndex:
    def test_closed_forms(self):
        rng = np.random.default_rng(0)
        assert mixture_index(circle(100_000, rng)) == pytest.approx(0.2187, abs=0.005)
        gaussian = rng.standard_normal((100_000, 2))
        assert mixture_index(gaussian) == pytest.approx(0.0797, abs=0.005)

    def test_is_the_maximum_over_offsets(self):
        points = np.random.default_rng(1).exponential(size=(80, 2))
        best = 0.0
        for turn in np.pi * np.arange(60) / 60:
            x = points @ np.array([np.cos(turn), np.sin(turn)])
            c = np.linspace(-x.max() - 1, -x.min() + 1, 4001)[:, None]
            away = np.abs(x + c)
            share = (away < 0.1 * np.sqrt((away**2).mean(axis=1, keepdims=True))).mean(axis=1)
            best = max(best, share.max())
        found = mixture_index(points)
        assert best <= found <= best + 1 / 80 + 1e-9

    def test_scale_place_and_order_do_not_matter(self):
        rng = np.random.default_rng(2)
        points = circle(500, rng, 0.1)
        other = rng.permutation(points) * 7 + 3
        assert mixture_index(other) == pytest.approx(mixture_index(points), abs=0.005)
        assert mixture_index(np.ones((10, 2))) == 1.0
        with pytest.raises(HomologueError, match="epsilon"):
            mixture_index(points, epsilon=1.0)

    def test_a_lump_is_a_mixture(self):
        rng = np.random.default_rng(3)
        lump = rng.standard_normal((600, 2))
        lump[:300] = 5 + 0.01 * lump[:300]
        found = mixture(make(lump), rng=0, permutations=99)
        assert found.effect[0] > 0.45
        assert float(found.p[0]) == 0.01
        gaussian = mixture(make(rng.standard_normal((600, 2))), rng=0, permutations=99)
        assert gaussian.low[0] < gaussian.null_mean[0] < gaussian.high[0]


class TestSeparability:
    def test_a_gaussian_scores_zero(self):
        rng = np.random.default_rng(0)
        mixing = np.array([[2.0, 0.0], [1.5, 0.5]])
        effects, p = [], []
        for seed in range(40):
            cloud = rng.standard_normal((200, 2)) @ mixing
            found = separability(make(cloud), rng=seed, permutations=39)
            effects.append(float(found.effect[0]))
            p.append(float(found.p[0]))
        error = np.std(effects) / np.sqrt(40)
        assert abs(np.mean(effects)) < 3 * error + 0.01
        assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40)

    def test_a_circle_is_not_separable_and_a_square_of_clusters_is(self):
        rng = np.random.default_rng(1)
        ring = separability(make(circle(600, rng, 0.1)), rng=0, permutations=99)
        assert float(ring.p[0]) == 0.01
        assert ring.low[0] > 0.2
        square = separability(make(clusters(600, rng)), rng=0, permutations=99)
        assert float(square.p[0]) > 0.05
        assert square.effect[0] < 0.1 < ring.effect[0]

    def test_the_index_does_not_depend_on_rotation(self):
        points = circle(4000, np.random.default_rng(2), 0.2)
        turn = np.array([[0.0, -1.0], [1.0, 0.0]])
        found = separability_index(np.stack([points, points @ turn, 3 * points + 1]))
        np.testing.assert_allclose(found, found[0], rtol=1e-6)
        with pytest.raises(HomologueError, match="at least 20 points"):
            separability_index(points[:10])

    def test_groups_are_exchanged_as_declared(self):
        # Each group is one place on the circle: within groups there is nothing to find.
        rng = np.random.default_rng(3)
        points = np.repeat(circle(60, rng), 10, axis=0) + 0.05 * rng.standard_normal((600, 2))
        naive = separability(make(points), rng=0, permutations=39)
        honest = separability(make(points, group=np.repeat(np.arange(60), 10)), rng=0,
                              permutations=39)  # fmt: skip
        assert naive.p[0] == 0.025
        assert honest.null_mean[0] > naive.null_mean[0] + 0.2

    def test_bad_input(self):
        rng = np.random.default_rng(4)
        with pytest.raises(InvalidRecording, match="at least 50"):
            separability(make(rng.standard_normal((30, 2))), rng=0)
        with pytest.raises(InvalidRecording, match="a plane needs two"):
            separability(make(np.outer(np.arange(60.0), [1.0, 2.0, 3.0])), rng=0)
        for measure in (separability, mixture):
            with pytest.raises(HomologueError, match="permutations are 2 or more"):
                measure(make(rng.standard_normal((60, 2))), rng=0, permutations=0)
        one = make(rng.standard_normal((60, 2)), group=np.zeros(60, dtype=int))
        found = mixture(one, rng=0, permutations=39)
        assert found.p[0] > 0.05
        assert np.isnan(found.low[0])

    def test_places_of_groups_are_no_mixture(self):
        # Each group is a clump, and the clumps lie as a Gaussian's points do.
        passed = []
        for seed in range(60):
            rng = np.random.default_rng(seed)
            points = np.repeat(rng.standard_normal((20, 2)), 10, axis=0)
            rec = make(points + 0.3 * rng.standard_normal((200, 2)), group=np.arange(200) // 10)
            found = mixture(rec, rng=seed, permutations=19)
            passed.append(float(found.p[0]) <= 0.05)
            assert 0 <= found.low[0] <= found.effect[0] <= found.high[0] <= 1
        assert np.mean(passed) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 60)


class TestRank:
    def test_the_ring_comes_first(self):
        rng = np.random.default_rng(0)
        embed = np.linalg.qr(rng.standard_normal((8, 2)))[0].T
        given = [
            rng.standard_normal((400, 6)),
            clusters(400, rng),
            circle(400, rng, 0.1) @ embed + 0.02 * rng.standard_normal((400, 8)),
            np.zeros((400, 3)),
            rng.standard_normal((20, 3)),
        ]
        found = irreducible_rank(given, rng=0, names=["noise", "square", "ring", "dead", "few"])
        assert found["rank"].sel(cluster="ring") == 1
        assert found.plane.sel(cluster="ring") == "1-2"
        assert float(found.q.sel(cluster="ring")) <= 0.05
        assert (found.p.sel(cluster=["noise", "square"]) > 0.05).all()
        assert np.isnan(found.effect.sel(cluster=["dead", "few"])).all()
        assert "at least 50" in str(found.reason.sel(cluster="few").values)
        assert "plane" in str(found.reason.sel(cluster="dead").values)
        np.testing.assert_allclose(
            found.effect[:3], ((1 - found.mixture) * found.separability)[:3], rtol=1e-9
        )

    def test_bad_input(self):
        with pytest.raises(HomologueError, match="no cluster"):
            irreducible_rank([], rng=0)
        with pytest.raises(HomologueError, match="2 names for 1 clusters"):
            irreducible_rank([np.ones((60, 2))], rng=0, names=["a", "b"])
        nan = irreducible_rank([np.full((60, 2), np.nan)], rng=0)
        assert "NaN" in str(nan.reason[0].values)


def test_a_series_that_remembers_is_no_mixture_and_is_refused():
    source = np.random.default_rng(0)
    clock = {"time": np.arange(200) * 0.1}
    white = source.standard_normal((200, 2))
    assert float(mixture(make(white, variables=clock), rng=0, permutations=19).p[0]) > 0.05
    slow = lfilter([1.0], [1.0, -0.9], white, axis=0)
    with pytest.raises(InvalidDesign, match="correlation time of"):
        mixture(make(slow, variables=clock), rng=0, permutations=19)
