"""Circular coordinates: closed forms, planted angles, a torus, a recording, and bad input."""

import numpy as np
import pytest
from benchmarks._population_worlds import blob, ring, toroidal_code, two_rings
from scipy.stats import circmean

from homologue import systems
from homologue._errors import InvalidDesign, UnknownName
from homologue.population import cycles
from homologue.population.cycles._circular import circular_map
from homologue.population.cycles._correlation import correlation_interval, correlation_null
from homologue.recording import make, variable


def located(rec, name=None, *, rng=0, permutations=99, **options):
    return cycles.coordinates(rec, name, rng=rng, permutations=permutations, **options)


class TestCorrelation:
    def test_is_that_of_sines_around_the_means_where_they_exist(self):
        rng = np.random.default_rng(0)
        first = rng.vonmises(1.0, 4.0, 20_000)
        second = first + rng.normal(0, 0.3, first.size)
        a = np.sin(first - circmean(first))
        b = np.sin(second - circmean(second))
        plain = (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())
        assert cycles.circular_correlation(first, second) == pytest.approx(plain, abs=0.01)

    def test_noise_around_the_whole_circle(self):
        """Wrapped normal noise of σ shortens it by exp(−σ²/2)."""
        rng = np.random.default_rng(1)
        first = rng.uniform(0, 2 * np.pi, 100_000)
        second = -first + 2 + rng.normal(0, 0.5, first.size)
        found = cycles.circular_correlation(first, second)
        assert found == pytest.approx(-np.exp(-0.125), abs=0.01)
        assert np.isnan(cycles.circular_correlation(first, np.ones_like(first)))

    def test_null_is_the_correlation_of_every_relabelling(self):
        rng = np.random.default_rng(2)
        first, second = rng.uniform(0, 6, (2, 30))
        index = rng.permuted(np.tile(np.arange(30), (4, 1)), axis=1)
        plain = [cycles.circular_correlation(first, second[row]) for row in index]
        np.testing.assert_allclose(correlation_null(first, second, index), plain, rtol=1e-10)

    def test_interval_covers(self):
        covered = 0
        truth = np.exp(-0.125)
        for seed in range(100):
            rng = np.random.default_rng(seed)
            first = rng.uniform(0, 2 * np.pi, 200)
            second = first + rng.normal(0, 0.5, 200)
            low, high = correlation_interval(first, second, np.arange(200))
            covered += low <= truth <= high
        assert covered >= 88
        assert np.isnan(correlation_interval(first, second, np.zeros(200, dtype=int))).all()


class TestMap:
    def test_a_regular_polygon_keeps_its_angles_and_its_chords(self):
        angle = 2 * np.pi * np.arange(30) / 30
        points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        found = circular_map(points)
        turn = np.unwrap(found.angle[:, 0])
        np.testing.assert_allclose(np.abs(np.diff(turn)), 2 * np.pi / 30, atol=1e-9)
        between = found.extend(points * 1.01)[:, 0]
        difference = np.angle(np.exp(1j * (between - found.angle[:, 0])))
        np.testing.assert_allclose(difference, 0, atol=1e-9)

    def test_steps_are_differences_of_angles(self):
        rng = np.random.default_rng(0)
        angle = rng.uniform(0, 2 * np.pi, 100)
        points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        found = circular_map(points + 0.05 * rng.standard_normal(points.shape))
        turn = found.angle[None, :, 0] - found.angle[:, None, 0]
        gap = np.angle(np.exp(1j * (turn - found.step[0])))
        np.testing.assert_allclose(gap[found.neighbour], 0, atol=1e-9)


class TestPlanted:
    def test_ring(self):
        """The ring: circular correlation of at least .95 (head-direction ring, planted)."""
        found = located(ring(np.random.default_rng(0)), "angle")
        assert found.effect[0] >= 0.95
        assert found.low[0] < found.effect[0] < found.high[0]
        assert found.p[0] == 0.01
        assert found.held_out_correlation >= 0.95
        assert found.held_out_error < 0.3 < 1.4 < found.held_out_chance
        rec = ring(np.random.default_rng(0))
        aligned = found.orientation.item() * found.coordinate[:, 0].values + found.offset.item()
        error = np.abs(np.angle(np.exp(1j * (aligned - rec["angle"].values))))
        assert error.mean() < 0.3

    def test_torus_has_two_independent_coordinates_one_for_each_angle(self):
        rec = toroidal_code(np.random.default_rng(1), samples=4000)
        found = located(rec, cycles=2)
        coordinate = found.coordinate.values
        table = np.abs(
            [
                [
                    cycles.circular_correlation(coordinate[:, c], rec[f"angle_{k}"].values)
                    for k in range(2)
                ]
                for c in range(2)
            ]
        )
        best = table.argmax(axis=1)
        assert sorted(best) == [0, 1]
        assert (table[[0, 1], best] > 0.9).all()
        assert (table[[0, 1], 1 - best] < 0.3).all()

    def test_any_units_of_the_variable(self):
        rec = ring(np.random.default_rng(0)).isel(sample=slice(0, 300))
        degrees = make(
            rec.values,
            variables={"angle": variable(np.degrees(rec["angle"].values), period=360)},
        )
        one, other = located(rec, "angle", draws=1), located(degrees, "angle", draws=1)
        np.testing.assert_allclose(one.effect, other.effect, rtol=1e-9)
        np.testing.assert_allclose(np.degrees(one.held_out_error), other.held_out_error, rtol=1e-9)

    def test_a_variable_of_its_own_is_not_followed(self):
        p = []
        for seed in range(15):
            rng = np.random.default_rng(seed)
            rec = ring(rng).isel(sample=slice(0, 200))
            rec = make(
                rec.values,
                variables={"other": variable(rng.uniform(0, 12, 200), period=12)},
            )
            p.append(float(located(rec, "other", rng=seed, draws=1, permutations=39).p[0]))
        assert sum(each <= 0.05 for each in p) < 5


class TestBadInput:
    def test_no_period(self):
        rec = make(
            np.random.default_rng(0).standard_normal((60, 4)), variables={"place": np.arange(60.0)}
        )
        with pytest.raises(InvalidDesign, match="'place' has no period"):
            located(rec, "place")
        with pytest.raises((UnknownName, InvalidDesign, ValueError), match="angel"):
            located(rec, "angel")

    def test_disconnected(self):
        with pytest.raises(InvalidDesign, match="disconnected"):
            located(two_rings(np.random.default_rng(0)))

    def test_more_cycles_than_loops(self):
        with pytest.raises(InvalidDesign, match=r"(loops|disconnected)"):
            located(blob(np.random.default_rng(0)), cycles=60)
        with pytest.raises(InvalidDesign, match="cycles=0"):
            located(blob(np.random.default_rng(0)), cycles=0)


@pytest.mark.needs_mirror
def test_head_direction_is_read_from_the_ring():
    found = located(systems.get("head-direction").record(), "angle")
    assert found.held_out_correlation >= 0.9
    assert np.degrees(found.held_out_error) < 20
    assert np.degrees(found.held_out_chance) > 75
    assert found.p[0] == 0.01
