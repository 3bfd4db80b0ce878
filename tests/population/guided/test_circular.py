"""Order on a circle: closed forms, exact orders, a loop as oracle, real weekdays, hostile nulls."""

import itertools

import numpy as np
import pytest
from benchmarks._hostile import autoregressive

import homologue as hm
from homologue._errors import HomologueError, InvalidDesign, InvalidRecording
from homologue.population import circular_order, frequency_scan
from homologue.population.guided._conditions import conditions
from homologue.population.guided._orders import null_orders, products, shares
from homologue.population.guided._resampled import resampled_shares
from homologue.recording import make, variable


def ring(n=7, groups=6, *, noise=0.3, units=8, seed=0, frequency=1, **options):
    rng = np.random.default_rng(seed)
    place = np.tile(np.arange(n), groups)
    angle = 2 * np.pi * frequency * place / n
    signal = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ rng.standard_normal((2, units))
    return make(
        signal + noise * rng.standard_normal(signal.shape),
        variables={"place": variable(place, period=n)},
        group=np.repeat(np.arange(groups), n),
        **options,
    )


def noise(rng, n=7, groups=4, units=6):
    return make(
        rng.standard_t(3, (n * groups, units)),
        variables={"place": variable(np.tile(np.arange(n), groups), period=n)},
        group=np.repeat(np.arange(groups), n),
    )


def fourier(means, order, k):
    """Return the share by a discrete Fourier transform of the reordered means."""
    moved = np.empty_like(means)
    moved[order] = means - means.mean(axis=0)
    power = (np.abs(np.fft.fft(moved, axis=0)) ** 2).sum(axis=1)
    return power[sorted({k, len(means) - k})].sum() / power.sum()


class TestShares:
    @pytest.mark.parametrize("n", [6, 7, 12])
    def test_agrees_with_a_transform(self, n):
        rng = np.random.default_rng(n)
        means, site = rng.standard_normal((n, 9)), np.array([0, 1] * 4 + [0])
        orders = np.stack([rng.permutation(n) for _ in range(5)])
        found = shares(products(means, site), orders, np.arange(1, n // 2 + 1))
        for i, k, s in itertools.product(range(5), range(n // 2), range(2)):
            expected = fourier(means[:, site == s], orders[i], k + 1)
            assert found[i, k, s] == pytest.approx(expected, rel=1e-9)
        np.testing.assert_allclose(found.sum(axis=1), 1.0)

    def test_closed_forms(self):
        angle = 2 * np.pi * np.arange(8) / 8
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        one = np.arange(8)[None]
        site = np.zeros(2, dtype=int)
        assert shares(products(circle, site), one, np.array([1]))[0, 0, 0] == pytest.approx(1)
        alike = products(np.eye(8), np.zeros(8, dtype=int))
        # A simplex has no direction of its own: 2 of 7 dimensions, in any order.
        assert shares(alike, one, np.array([1]))[0, 0, 0] == pytest.approx(2 / 7)
        flat = shares(products(np.ones((8, 2)), site), one, np.array([1]))
        assert np.isnan(flat).all()

    def test_all_distinct_orders_of_seven(self):
        orders, exact = null_orders(7, 10, rng=0)
        assert exact
        assert len(orders) == 359
        means = np.random.default_rng(0).standard_normal((7, 5))
        table = products(means, np.zeros(5, dtype=int))
        every = np.array(list(itertools.permutations(range(7))))
        all_shares = shares(table, every, np.array([1]))[:, 0, 0]
        mine = shares(table, orders, np.array([1]))[:, 0, 0]
        observed = shares(table, np.arange(7)[None], np.array([1]))[0, 0, 0]
        by_all = (all_shares >= observed - 1e-12).mean()
        assert ((mine >= observed - 1e-12).sum() + 1) / 360 == pytest.approx(by_all)

    def test_resampled_shares_are_those_of_resampled_means(self):
        for rec in (ring(), ring(groups=30, units=3)):  # fewer and more cells than units
            data = conditions(rec, "place")
            weights = np.random.default_rng(0).multinomial(
                data.group.max() + 1, np.full(data.group.max() + 1, 1 / (data.group.max() + 1)), 4
            )
            found = resampled_shares(data, weights.astype(float), np.array([1, 2]))
            for row, share in zip(weights, found, strict=True):
                table = products(data.means(row.astype(float)), data.site)
                expected = shares(table, np.arange(7)[None], np.array([1, 2]))[0]
                np.testing.assert_allclose(share, expected, rtol=1e-9)


class TestOrder:
    def test_planted_ring(self):
        found = circular_order(ring(), "place", rng=0)
        assert float(found.p[0]) == pytest.approx(1 / 360)
        assert found.low[0] < found.effect[0] < found.high[0]
        assert found.effect[0] > 0.9
        assert found.neighbours[0] == 1
        assert found.attrs["exact"] == 1

    def test_the_same_ring_in_another_order_is_none(self):
        rec = ring(frequency=3)
        assert circular_order(rec, "place", rng=0).p[0] > 0.05
        scan = frequency_scan(rec, "place", rng=0)
        assert int(scan.effect[0].idxmax()) == 3
        assert float(scan.q.sel(frequency=3)[0]) == pytest.approx(3 / 360)  # 3 steps, one cycle
        np.testing.assert_allclose(scan.effect.sum("frequency"), 1.0)

    def test_units_and_samples_in_any_order(self):
        rec = ring(site=np.array(["a", "b"] * 4))
        rng = np.random.default_rng(0)
        moved = rec.isel(unit=rng.permutation(8), sample=rng.permutation(42))
        one, other = circular_order(rec, "place", rng=0), circular_order(moved, "place", rng=0)
        for name in ("effect", "p", "q", "null_mean"):
            np.testing.assert_allclose(one[name], other[name].sel(site=one.site), rtol=1e-9)

    def test_an_outlier_dimension_does_not_decide(self):
        rec = ring(units=20)
        loud = rec.copy()
        loud[:, 0] = 1000 * np.random.default_rng(1).standard_normal(42)
        assert circular_order(loud, "place", rng=0, scaling="none").effect[0] < 0.7
        assert circular_order(loud, "place", rng=0).effect[0] > 0.8
        assert circular_order(loud, "place", rng=0, scaling="residual").effect[0] > 0.9

    def test_false_positives(self):
        rng = np.random.default_rng(0)
        p, q = [], []
        for _ in range(200):
            rec = noise(rng).assign_coords(site=("unit", ["a", "b", "c"] * 2))
            found = circular_order(rec, "place", rng=0)
            p.append(found.p.values)
            q.append(found.q.values.min())
        assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
        assert np.mean(np.array(q) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)

    def test_slow_drift_is_no_ring(self):
        p = []
        for seed in range(60):
            rng = np.random.default_rng(seed)
            laps = np.concatenate([rng.permutation(6) for _ in range(10)])
            rec = make(
                autoregressive(rng, 300, 4, 0.95),
                variables={
                    "place": variable(np.repeat(laps, 5), period=6),
                    "time": np.arange(300) * 0.1,
                },
                group=np.zeros(300, dtype=int),
            )
            found = circular_order(rec, "place", rng=0, permutations=99)
            assert "shift" in found.attrs["null"]
            p.append(float(found.p[0]))
        assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)

    def test_conditions_of_different_blocks_do_not_change_places(self):
        place = np.tile(np.arange(12), 5)
        rng = np.random.default_rng(0)
        far = (place >= 6)[:, None] * 10.0
        rec = make(
            far + rng.standard_normal((60, 4)),
            variables={"place": variable(place, period=12)},
            group=np.repeat(np.arange(5), 12) * 2 + (place >= 6),
            block=(place >= 6).astype(int),
        )
        # Two sessions side by side on the circle: a step that any other order would break.
        assert circular_order(rec, "place", rng=0).p[0] > 0.05
        assert circular_order(rec.drop_vars("block"), "place", rng=0).p[0] < 0.05

    def test_blocks_that_hold_conditions_unequally_hand_them_no_offset(self):
        rng = np.random.default_rng(3)
        place = np.concatenate([np.tile(np.arange(7), 2), np.repeat([0, 1, 2], 9), np.arange(7)])
        block = np.repeat([0, 1, 2], [14, 27, 7])
        condition, offset = rng.standard_normal((7, 5)), 5 * rng.standard_normal((3, 5))
        options = {"variables": {"place": variable(place, period=7)}}
        found = circular_order(
            make(condition[place] + offset[block], block=block, **options), "place", rng=0
        )
        plain = circular_order(make(condition[place], **options), "place", rng=0, scaling="none")
        scaled = circular_order(
            make(condition[place] + offset[block], block=block, **options),
            "place", rng=0, scaling="none",
        )  # fmt: skip
        np.testing.assert_allclose(scaled.effect, plain.effect, rtol=1e-9)
        assert float(found.effect[0]) == pytest.approx(float(plain.effect[0]), abs=0.2)

    def test_offsets_of_unlinked_blocks_are_the_conditions_as_well(self):
        place, block = np.tile(np.arange(6), 3), np.tile(np.arange(6) // 3, 3)
        angle = 2 * np.pi * place / 6
        activity = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        data = conditions(
            make(activity, variables={"place": variable(place, period=6)}, block=block),
            "place", scaling="none",
        )  # fmt: skip
        np.testing.assert_allclose(data.means(), activity[:6], atol=1e-12)

    def test_bad_input(self):
        rec = ring()
        with pytest.raises(InvalidDesign, match="declares no period"):
            circular_order(make(rec.values, variables={"place": rec.place.values}), "place", rng=0)
        with pytest.raises(InvalidDesign, match="12 distinct orders"):
            circular_order(ring(n=5), "place", rng=0)
        with pytest.raises(InvalidDesign, match="not spaced evenly"):
            circular_order(rec.isel(sample=rec.place.values != 3), "place", rng=0)
        with pytest.raises(InvalidDesign, match="takes 1 values"):
            circular_order(rec.isel(sample=rec.place.values == 3), "place", rng=0)
        with pytest.raises(InvalidRecording, match="none of the 8 units varies"):
            circular_order(rec * 0, "place", rng=0)
        with pytest.raises(InvalidRecording, match="NaN"):
            circular_order(rec.where(rec > 0), "place", rng=0)
        with pytest.raises(HomologueError, match="scaling is one of"):
            circular_order(rec, "place", rng=0, scaling="z")
        # Every condition has the same mean, exactly.
        alike = np.repeat([[1.0], [-1.0]], 7, axis=0)
        day = variable(np.tile(np.arange(7), 2), period=7)
        nothing = circular_order(make(alike, variables={"day": day}), "day", rng=0)
        assert np.isnan([nothing.effect[0], nothing.p[0], nothing.attrs["smallest_q"]]).all()
        few = circular_order(ring(groups=3), "place", rng=0)
        assert np.isnan(few.low).all()
        silent = rec.copy()
        silent[:, :3] = 0
        assert circular_order(silent, "place", rng=0).attrs["n_silent"] == 3


@pytest.fixture(scope="module")
def language_model():
    return hm.language("smollm2-135m", device="cpu")


class TestLanguageModel:
    @pytest.mark.parametrize(
        ("stimuli", "name", "n"), [("weekdays", "weekday", 7), ("months", "month", 12)]
    )
    def test_days_and_months_are_circles(self, language_model, stimuli, name, n):
        shown = hm.stimuli.named(stimuli, n_templates=5)
        sites = ["model.embed_tokens", "resid_post"]
        rec = language_model.record(shown, sites=sites, positions="last")
        found = circular_order(rec, name, rng=0)
        assert found.sizes["site"] == 31
        assert found.attrs["smallest_q"] < 0.01
        assert float(found.low.max()) > 2 / (n - 1)  # what any direction alike would have
        twin = language_model.untrained(0).record(shown, sites=sites, positions="last")
        assert circular_order(twin, name, rng=0).attrs["smallest_q"] >= 0.05
