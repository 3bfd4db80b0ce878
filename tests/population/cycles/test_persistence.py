"""Landmarks cover, bars are those of closed forms, and the universal law holds on noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homologue._errors import InvalidDesign
from homologue.population import cycles
from homologue.population.cycles._landmarks import draw_landmarks, farthest_points, nearest
from homologue.population.cycles._persistence import bars, persistence


class TestLandmarks:
    @settings(deadline=None, max_examples=20)
    @given(seed=st.integers(0, 10**6), count=st.integers(1, 15))
    def test_each_is_the_farthest_from_those_before(self, seed, count):
        cloud = np.random.default_rng(seed).standard_normal((40, 3))
        chosen = farthest_points(cloud, count)
        distance = np.linalg.norm(cloud[:, None] - cloud[None], axis=2)
        for k in range(1, count):
            gap = distance[:, chosen[:k]].min(axis=1)
            assert gap[chosen[k]] == pytest.approx(gap.max())

    def test_duplicates_end_the_choice(self):
        assert farthest_points(np.repeat(np.eye(3), 5, axis=0), 10).size == 3

    def test_averages_shrink_noise_and_drop_outliers(self):
        rng = np.random.default_rng(0)
        angle = rng.uniform(0, 2 * np.pi, 4000)
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        cloud = np.vstack([circle + 0.1 * rng.standard_normal(circle.shape), [[4.0, 4.0]]])
        found = draw_landmarks(cloud, 40, rng=rng)
        radius = np.linalg.norm(found.points, axis=1)
        assert radius.max() < 1.5
        assert found.count.min() > 5

    def test_nearest_is_the_nearest(self):
        rng = np.random.default_rng(1)
        cloud, points = rng.standard_normal((50, 4)), rng.standard_normal((7, 4))
        distance = np.linalg.norm(cloud[:, None] - points[None], axis=2)
        np.testing.assert_array_equal(nearest(cloud, points), distance.argmin(axis=1))


class TestBars:
    @pytest.mark.parametrize("corners", [8, 12, 21])
    def test_a_regular_polygon(self, corners):
        """Born at the side; dies at the chord over a third of the circle, or the next longer."""
        angle = 2 * np.pi * np.arange(corners) / corners
        loops = persistence(np.stack([np.cos(angle), np.sin(angle)], axis=1)).loops
        third = int(np.ceil(corners / 3))
        np.testing.assert_allclose(loops.birth, [2 * np.sin(np.pi / corners)], rtol=1e-5)
        np.testing.assert_allclose(loops.death, [2 * np.sin(np.pi * third / corners)], rtol=1e-5)

    def test_a_cross_polytope_encloses_a_void(self):
        """The octahedron: no loop; a sphere from the edge √2 to the diagonal 2."""
        found = persistence(np.vstack([np.eye(3), -np.eye(3)]), dimension=2)
        assert found.loops.birth.size == 0
        np.testing.assert_allclose(found.voids.birth, [np.sqrt(2)], rtol=1e-6)
        np.testing.assert_allclose(found.voids.death, [2.0], rtol=1e-6)

    def test_longest_first_and_only_finite(self):
        found = bars(np.array([[1.0, 1.5], [2.0, 8.0], [0.0, 1.0], [3.0, np.inf]]))
        np.testing.assert_array_equal(found.birth, [2.0, 1.0])
        assert found.effect == 0.75


class TestUniversalLaw:
    def test_closed_form(self):
        birth, death = np.ones(3), np.exp([0.1, 0.2, 2.0])
        double = np.log([0.1, 0.2, 2.0])
        expected = 3 * np.exp(-np.exp(double - double.mean() - np.euler_gamma))
        found = cycles.universal_p_values(birth, death)
        np.testing.assert_allclose(found, np.minimum(expected, 1), rtol=1e-12)

    def test_family_wise_error_on_noise(self):
        """Forty clouds in 2 to 10 dimensions; published as conservative."""
        rejected = 0
        for seed in range(40):
            rng = np.random.default_rng(seed)
            loops = persistence(rng.standard_normal((100, (2, 3, 5, 10)[seed % 4]))).loops
            rejected += int((cycles.universal_p_values(loops.birth, loops.death) < 0.05).any())
        assert rejected <= 4

    def test_the_wrong_constant_is_refused_and_would_pass_noise(self):
        loops = persistence(np.random.default_rng(0).standard_normal((150, 3))).loops
        with pytest.raises(InvalidDesign, match="not the constant of a rips filtration"):
            cycles.universal_p_values(loops.birth, loops.death, constant=0.5)
        with pytest.raises(InvalidDesign, match="one of rips, alpha, cech"):
            cycles.universal_p_values(loops.birth, loops.death, filtration="witness")
        with pytest.raises(InvalidDesign, match="0 < birth < death"):
            cycles.universal_p_values(np.zeros(2), np.ones(2))

    def test_memory_grows_with_landmarks(self):
        assert cycles.estimated_bytes(400) > 63e6
        assert cycles.estimated_bytes(800) > 200e6
        assert cycles.estimated_bytes(2000) > 2.6e9
