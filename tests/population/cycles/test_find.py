"""Shapes that are known, nulls that hold, and recordings: what the search for cycles says."""

import numpy as np
import pytest
from benchmarks._population_worlds import WORLDS, autoregressive, right, ring

from homologue import systems
from homologue._errors import InvalidDesign, InvalidRecording
from homologue.population import cycles
from homologue.recording import make


def searched(rec, *, rng=0, permutations=19, draws=3, landmarks=100, **options):
    return cycles.find(
        rec, rng=rng, permutations=permutations, draws=draws, landmarks=landmarks, **options
    )


class TestPlanted:
    @pytest.mark.parametrize(
        ("name", "seed"),
        [(name, 100) for name in WORLDS]
        + [(name, 101) for name in WORLDS if name not in ("torus", "grid module", "random walk")],
    )
    def test_signature(self, name, seed):
        """Twenty seeds of each: ``python -m benchmarks population``."""
        found = searched(WORLDS[name][0](np.random.default_rng(seed)), rng=seed)
        assert right(found, name), (str(found.signature.values), found.betti.values)

    def test_a_ring_has_its_bar_its_threshold_and_its_interval(self):
        found = searched(ring(np.random.default_rng(3)))
        assert found.p == found.q == pytest.approx(0.05)
        assert found.effect == pytest.approx(1 - found.birth[0] / found.death[0])
        assert found.low > found.threshold > found.null_mean
        assert found.low <= found.high
        assert found.universal_p[0] < 0.05
        assert (found.universal_p[1:] > 0.05).all()
        assert found.signature_share.sum() == pytest.approx(1)
        assert found.n == 600

    def test_walks_have_no_p_and_say_why(self):
        found = searched(WORLDS["random walk"][0](np.random.default_rng(0)))
        assert np.isnan(found.p)
        assert "correlation times" in str(found.reason.values)
        assert found.cosine_share > 0.9

    def test_one_slow_turn_is_a_phantom(self):
        rng = np.random.default_rng(0)
        angle = np.linspace(0, 2 * np.pi, 400)
        latent = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ rng.standard_normal((2, 30))
        rec = make(
            latent + 0.2 * rng.standard_normal(latent.shape), variables={"time": np.arange(400.0)}
        )
        assert str(searched(rec).signature.values) == "phantom"


class TestNull:
    def test_false_positive_rate_on_units_slow_and_independent(self):
        """AR(1), φ = .9: 12 searches at .05; four or more would have a probability of .002."""
        found = [
            searched(autoregressive(np.random.default_rng(s)), rng=s, landmarks=60)
            for s in range(12)
        ]
        assert sum(float(each.p) <= 0.05 for each in found) < 4
        assert sum(str(each.signature.values) != "none" for each in found) <= 1

    def test_false_positive_rate_with_heavy_tails_in_groups(self):
        rng = np.random.default_rng(5)
        found = [
            searched(
                make(
                    rng.standard_t(3, (120, 10)) + np.repeat(rng.standard_normal((12, 10)), 10, 0),
                    group=np.repeat(np.arange(12), 10),
                ),
                rng=s,
                landmarks=40,
            )
            for s in range(12)
        ]
        assert found[0].attrs["null"] == "units permuted within groups, each on its own"
        assert sum(float(each.p) <= 0.05 for each in found) < 4


class TestInvariance:
    def test_same_generator_same_result_whatever_the_order_of_units(self):
        rec = ring(np.random.default_rng(4)).isel(sample=slice(0, 200))
        once, again = searched(rec, landmarks=50), searched(rec, landmarks=50)
        assert once.identical(again)
        turned = searched(rec.isel(unit=slice(None, None, -1)), landmarks=50)
        np.testing.assert_allclose(turned.effect, once.effect, rtol=1e-4)

    def test_scale_of_units_does_not_matter(self):
        rec = ring(np.random.default_rng(4)).isel(sample=slice(0, 200))
        scaled = rec * np.random.default_rng(0).uniform(0.1, 10, rec.sizes["unit"]) + 3
        np.testing.assert_allclose(
            searched(scaled, landmarks=50).effect, searched(rec, landmarks=50).effect, rtol=1e-4
        )


class TestBadInput:
    def points(self, n=60, units=5):
        return np.random.default_rng(0).standard_normal((n, units))

    def test_fewer_points_than_landmarks(self):
        with pytest.raises(InvalidDesign, match="landmarks=100, but there are 60 distinct"):
            searched(make(self.points()), landmarks=100)

    def test_few_points(self):
        with pytest.raises(InvalidDesign, match=r"12 distinct points.*Fourier"):
            searched(make(self.points(12)), landmarks=None)

    def test_duplicates_count_once(self):
        with pytest.raises(InvalidDesign, match="10 distinct points"):
            searched(make(np.repeat(self.points(10), 30, axis=0)), landmarks=None)

    def test_silent_units_are_left_out(self):
        values = np.hstack([self.points(), np.zeros((60, 2))])
        found = searched(make(values), landmarks=30)
        assert found.attrs["n_constant"] == 2
        assert found.attrs["n_units"] == 5
        with pytest.raises(InvalidDesign, match="0 of 3 units vary"):
            searched(make(np.zeros((60, 3))))

    def test_one_group(self):
        with pytest.raises(InvalidDesign, match="1 group of 60 samples"):
            searched(make(self.points(), group=np.zeros(60, dtype=int)))

    def test_nan(self):
        values = self.points()
        values[3, 2] = np.nan
        with pytest.raises(InvalidRecording, match="NaN"):
            searched(make(values))

    def test_cost_above_the_limit_is_refused_beforehand(self):
        with pytest.raises(InvalidDesign, match=r"3000 landmarks may take 11.0 GB.*≤ 1515"):
            searched(make(self.points(3000)), landmarks=3000)

    def test_pooled_sessions(self):
        rec = make(self.points())
        rec.attrs["simultaneous"] = 0
        with pytest.raises(InvalidDesign, match="condition_means=True"):
            searched(rec)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"components": 1}, "at least 2 dimensions"),
            ({"smoothing": 0.2}, "without time"),
            ({"transform": "log"}, "'square root' or 'none'"),
            ({"transform": "square root"}, "no square root"),
            ({"landmarks": 5}, "at least 20"),
        ],
    )
    def test_options(self, options, message):
        with pytest.raises(InvalidDesign, match=message):
            searched(make(self.points()), **options)


@pytest.mark.needs_mirror
class TestRecordings:
    def test_one_ring_awake_and_none_in_slow_wave_sleep(self):
        awake = systems.get("head-direction").record()
        found = searched(awake, landmarks=150)
        assert str(found.signature.values) == "ring"
        assert found.attrs["smoothing"] == 0.2
        asleep = systems.get("head-direction/sws").record().isel(sample=slice(0, 10_000))
        assert str(searched(asleep, landmarks=150).signature.values) == "none"

    def test_the_year_is_a_ring_in_delay_coordinates_and_none_without_its_season(self):
        """Temperatures of a valley and a peak rise together: a ring needs the past as well."""
        for name, expected in (("climate", "ring"), ("climate-deseasonalised", "none")):
            month = systems.get(name).record()
            delayed = np.hstack([month.values[3:], month.values[:-3]])
            rec = make(delayed, group=month["group"].values[3:])
            assert str(searched(rec, permutations=39).signature.values) == expected

    def test_fly_receptors_have_an_effect_with_its_interval(self):
        odours = systems.get("fly").record()
        found = searched(odours, landmarks=None, condition_means=True)
        assert 0 <= found.low <= found.high <= 1
        assert str(found.signature.values) in ("none", "ring", "other")


@pytest.mark.parametrize(
    ("option", "said"), [({"prime": 4}, "no prime"), ({"draws": 0}, "draws"),
                         ({"memory_limit": -1}, "memory_limit")],
)  # fmt: skip
def test_numbers_that_make_no_sense_are_refused(option, said):
    rec = make(np.random.default_rng(0).normal(size=(200, 4)))
    with pytest.raises(InvalidDesign, match=said):
        cycles.find(rec, rng=0, **option)
