"""Tuning curves: closed forms, planted curves, bands that cover, measured false rates."""

from __future__ import annotations

import numpy as np
import pytest

from homologue.recording import make, variable
from homologue.tuning import tuning_curve
from homologue.tuning._bins import Axis
from homologue.tuning._shape import width_at_half_height

QUICK = {"permutations": 49, "draws": 100}


@pytest.fixture
def rng():
    return np.random.default_rng(11)


# Closed forms


def test_curve_and_occupancy_are_means_and_counts(rng):
    label = rng.integers(0, 4, 200)
    values = rng.standard_normal((200, 3))
    rec = make(values, variables={"label": variable(label)})
    found = tuning_curve(rec, "label", rng=0, **QUICK)
    by_hand = np.stack([values[label == c].mean(axis=0) for c in range(4)], axis=1)
    assert found.effect.values == pytest.approx(by_hand, abs=1e-12)
    assert found.occupancy.values.tolist() == np.bincount(label).tolist()
    assert found["label"].values.tolist() == ["0", "1", "2", "3"]
    assert found.preferred.values.tolist() == [str(c) for c in by_hand.argmax(axis=1)]
    assert (found.low <= found.effect).all()
    assert (found.effect <= found.high).all()


@pytest.mark.parametrize("kind", ["linear", "circular"])
def test_width_of_a_triangle_is_half_its_base(kind):
    centres = (np.arange(40) + 0.5) * 0.5
    axis = Axis("x", kind, centres, 0.5, 20.0 if kind == "circular" else None)
    away = np.abs(centres[:, None] - np.array([10.25, 10.25]))
    curve = np.maximum(1 - away / np.array([4.0, 6.0]), 0)
    assert width_at_half_height(curve, axis) == pytest.approx([4.0, 6.0], abs=1e-9)
    if kind == "circular":
        moved = np.roll(curve, 20, axis=0)
        assert width_at_half_height(moved, axis) == pytest.approx([4.0, 6.0], abs=1e-9)
    assert np.isnan(width_at_half_height(np.ones((40, 1)), axis)).all()


def test_width_of_a_gaussian(rng):
    x = rng.uniform(0, 1, 20_000)
    rate = 1 + np.exp(-0.5 * ((x[:, None] - 0.5) / 0.1) ** 2)
    rec = make(rate, variables={"x": variable(x)})
    found = tuning_curve(rec, "x", bins=50, rng=0, **QUICK)
    assert found.width.item() == pytest.approx(0.1 * np.sqrt(8 * np.log(2)), rel=0.03)
    assert found.preferred.item() == pytest.approx(0.5, abs=0.02)
    assert found.depth.item() == pytest.approx(1 / 3, abs=0.01)
    assert found.reliability.item() > 0.99


def test_smoothing_leaves_a_flat_rate_flat_under_uneven_visits(rng):
    angle = (rng.normal(1, 1, 500)) % (2 * np.pi)
    rec = make(np.full((500, 1), 3.0), variables={"angle": variable(angle, period=2 * np.pi)})
    found = tuning_curve(rec, "angle", smoothing=2.0, rng=0, **QUICK)
    visited = found.occupancy.values > 0
    assert found.effect.values[0, visited] == pytest.approx(3.0)
    assert np.isnan(found.effect.values[0, ~visited]).all()


def test_vector_length_agrees_with_the_cosine(rng):
    angle = rng.permutation(np.repeat((np.arange(24) + 0.5) * 15, 30))
    rate = 2 + np.cos(np.radians(angle[:, None] - np.array([40.0, 300.0])))
    rec = make(rate, variables={"angle": variable(angle, period=360)})
    found = tuning_curve(rec, "angle", bins=24, rng=0, **QUICK)
    assert found.vector_length.values == pytest.approx([0.25, 0.25], abs=1e-12)
    assert found.preferred.values == pytest.approx([40, 300], abs=1e-9)


# Planted truth


def test_a_map_finds_its_field(rng, planted):
    x, y = planted.running(rng, 4000), rng.uniform(0, 2, 4000)
    rate = 3 * np.exp(-0.5 * (((x - 0.3) / 0.1) ** 2 + ((y - 1.4) / 0.2) ** 2))
    counts = rng.poisson(np.stack([rate, 0 * rate + 0.2], axis=1))
    rec = planted.session(counts, x=x, y=y)
    found = tuning_curve(rec, ("x", "y"), bins=(10, 8), smoothing=0.8, rng=0, **QUICK)
    assert found.sizes["bin"] == 80
    assert found.preferred.values[0] == pytest.approx([0.3, 1.4], abs=0.15)
    assert found.axis.values.tolist() == ["x", "y"]
    assert found.unit_p.values[0] == pytest.approx(1 / 50)
    inside = (np.abs(found.x - 0.3) < 0.1) & (np.abs(found.y - 1.4) < 0.2)
    assert (found.effect > found.null_high).values[0, inside.values].all()


def test_the_band_covers_the_true_curve(planted):
    """95 % bands cover 90–98 % of true rates over 100 sessions of 20 stretches."""
    covered = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        place = planted.running(rng, 2000)
        centre = np.linspace(0, 1, 5)
        rate = 0.5 + np.exp(-0.5 * ((place[:, None] - centre) / 0.15) ** 2)
        rec = planted.session(rng.poisson(rate), place=place)
        found = tuning_curve(rec, "place", bins=8, rng=seed, permutations=19, draws=300)
        step = (place.max() - place.min()) / 8
        bin_ = np.minimum(((place - place.min()) / step).astype(int), 7)
        true = np.stack([rate[bin_ == b].mean(axis=0) for b in range(8)], axis=1)
        covered.append(((found.low <= true) & (true <= found.high)).values.mean())
    assert 0.90 <= np.mean(covered) <= 0.98


# Measured false-positive rates


def test_unrelated_units_are_not_tuned(planted):
    unit, bin_ = [], []
    for seed in range(25):
        rec = planted.unrelated(np.random.default_rng(500 + seed))
        found = tuning_curve(rec, "position", bins=8, rng=seed, permutations=99, draws=100)
        unit.append((found.unit_p.values <= 0.05).mean())
        bin_.append((found.p.values <= 0.05).mean())
    for rate in (unit, bin_):
        assert np.mean(rate) <= 0.05 + 2 * np.std(rate, ddof=1) / np.sqrt(len(rate))
        assert np.mean(rate) >= 0.01


def test_reliability_is_around_zero_without_tuning_and_one_label_a_group(rng):
    group = np.repeat(np.arange(80), 3)
    label = rng.integers(0, 5, 80)[group]
    rec = make(rng.standard_normal((240, 200)), group=group, variables={"label": variable(label)})
    found = tuning_curve(rec, "label", rng=0, permutations=19, draws=100)
    spread = found.reliability.values.std(ddof=1) / np.sqrt(200)
    assert abs(found.reliability.values.mean()) < 3 * spread
    assert np.isfinite(found.reliability.values).all()


# Invariances and bad input


def test_order_and_sign_of_units_do_not_matter(rng, planted):
    rec = planted.unrelated(rng, units=4)
    order = np.array([2, 0, 3, 1])
    found = tuning_curve(rec, "position", rng=3, **QUICK)
    moved = tuning_curve(rec.isel(unit=order), "position", rng=3, **QUICK)
    for name in ("effect", "low", "p", "unit_p", "width", "reliability"):
        assert np.array_equal(found[name].values[order], moved[name].values, equal_nan=True)
    turned = tuning_curve(-rec, "position", rng=3, **QUICK)
    assert turned.effect.values == pytest.approx(-found.effect.values, nan_ok=True)
    assert turned.unit_p.values == pytest.approx(found.unit_p.values)


def test_turning_the_circle_turns_the_preference(rng, planted):
    angle = np.cumsum(rng.normal(0, 0.5, 2000)) % (2 * np.pi)
    rec = planted.session(rng.poisson(np.exp(np.cos(angle[:, None] - 2))), angle=angle)
    turned = planted.session(rec.values, angle=(angle + np.pi / 2) % (2 * np.pi))
    one = tuning_curve(rec, "angle", rng=0, **QUICK)
    two = tuning_curve(turned, "angle", rng=0, **QUICK)
    assert two.preferred.item() == pytest.approx(one.preferred.item() + np.pi / 2, abs=1e-9)
    assert two.width.item() == pytest.approx(one.width.item(), abs=1e-9)


def test_silent_units_are_nan_with_a_reason(rng, planted):
    rec = planted.unrelated(rng, units=3)
    values = rec.values.copy()
    values[:, 1] = 0
    found = tuning_curve(rec.copy(data=values), "position", rng=0, **QUICK)
    assert found.reason.values.tolist() == ["", "no activity", ""]
    for name in ("effect", "low", "p"):
        assert np.isnan(found[name].values[1]).all()
    assert np.isnan(found.preferred.values[1])


def test_the_null_of_reliability_is_that_of_shifted_labels(rng, planted):
    """A slow unit and a fast one that know nothing of the place; a plain loop as the oracle."""
    n, permutations = 600, 60
    place = np.cumsum(rng.uniform(0, 0.02, n)) % 1
    noise = rng.standard_normal((n, 2))
    noise[:, 0] = np.convolve(noise[:, 0], np.ones(60) / 8, mode="same")
    field = np.exp(-0.5 * ((place - 0.5) / 0.1) ** 2) * 3 + rng.standard_normal(n)
    activity = np.column_stack([noise, field])
    rec = planted.session(activity, place=place)
    found = tuning_curve(rec, "place", rng=0, bins=8, permutations=permutations, draws=50)
    half = np.arange(20)[np.arange(n) * 20 // n] % 2
    code = np.minimum(((place - place.min()) / np.ptp(place) * 8).astype(int), 7)
    expected = []
    for shift in range(n):
        moved = np.roll(code, shift)
        curves = [
            np.array([activity[(moved == b) & (half == h)].mean(axis=0) for b in range(8)])
            for h in (0, 1)
        ]
        expected.append([np.corrcoef(*(c[:, u] for c in curves))[0, 1] for u in range(3)])
    expected = np.array(expected)
    error = expected.std(axis=0) / np.sqrt(permutations)
    assert np.all(np.abs(found.reliability_null_mean - expected.mean(axis=0)) < 4 * error)
    assert found.reliability_null_std.values == pytest.approx(expected.std(axis=0), rel=0.35)
    assert found.reliability[2] > 0.9


@pytest.mark.parametrize("period", [None, 180])
def test_values_on_a_grid_are_bins_of_their_own(period):
    """Gratings at eight orientations: the curve stands at the orientations, not between them."""
    shown = np.tile(np.arange(8) * 22.5, 12)
    response = 1 + np.cos(2 * np.radians(shown - 45))
    rec = make(response[:, None], variables={"orientation": variable(shown, period=period)})
    found = tuning_curve(rec, "orientation", rng=0, bins=20, **QUICK)
    assert found["orientation"].values == pytest.approx(np.arange(8) * 22.5)
    assert found.effect.values[0] == pytest.approx(response[:8])
    assert found.preferred.item() == pytest.approx(45)
    coarse = tuning_curve(rec, "orientation", rng=0, bins=4, **QUICK)
    assert coarse.sizes["bin"] == 4
    uneven = make(response[:, None], variables={"size": variable(2.0 ** (shown / 22.5))})
    assert tuning_curve(uneven, "size", rng=0, bins=20, **QUICK).sizes["bin"] == 20
