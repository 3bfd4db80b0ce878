"""Place fields: drawn by hand, planted, and how often noise makes a place cell."""

from __future__ import annotations

import numpy as np
import pytest

from homologue._errors import HomologueError, InvalidDesign
from homologue.recording import make, variable
from homologue.tuning import place_fields
from homologue.tuning._bins import Axis, Bins
from homologue.tuning._fields import _fields, touching_pairs


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def axis(name: str, count: int, kind: str = "linear") -> Axis:
    return Axis(name, kind, np.arange(count) + 0.5, 1.0, float(count) if kind != "linear" else None)


# Drawn by hand


def test_two_fields_by_hand():
    curve = np.array([0, 0, 5, 9, 5, 0, 0, 4, 6, 0], dtype=float)[:, None]
    bins = Bins(np.zeros(0, dtype=int), (axis("x", 10),))
    found = _fields(bins, np.hstack([curve, curve[::-1]]), 0.3, 0.0, 1)
    assert found["field_peak"][1].tolist() == [[9, 6], [9, 6]]
    assert found["field_size"][1].tolist() == [[3, 2], [3, 2]]
    assert found["field_position"][1][:, :, 0].tolist() == [[3.5, 8.5], [6.5, 1.5]]
    fewer = _fields(bins, curve, 0.3, 7.0, 1)
    assert fewer["field_peak"][1].tolist() == [[9]]
    assert _fields(bins, curve, 0.3, 0.0, 3)["field_size"][1].tolist() == [[3]]


def test_a_field_over_the_seam_of_a_circle_is_one():
    curve = np.array([5, 1, 0, 0, 0, 4], dtype=float)[:, None]
    circle = Bins(np.zeros(0, dtype=int), (axis("x", 6, "circular"),))
    line = Bins(np.zeros(0, dtype=int), (axis("x", 6),))
    assert np.isfinite(_fields(circle, curve, 0.3, 0.0, 1)["field_peak"][1]).sum() == 1
    assert np.isfinite(_fields(line, curve, 0.3, 0.0, 1)["field_peak"][1]).sum() == 2


def test_corners_do_not_touch_and_sides_do():
    bins = Bins(np.zeros(0, dtype=int), (axis("x", 3), axis("y", 4)))
    one, _ = touching_pairs(bins)
    assert one.size == 2 * 4 + 3 * 3
    board = np.zeros((3, 4))
    board[0, 0] = board[1, 1] = 1
    board[2, 1] = 0.9
    found = _fields(bins, board.reshape(-1, 1), 0.3, 0.0, 1)
    assert sorted(found["field_size"][1][0].tolist()) == [1, 2]


def test_flat_and_missing_maps_have_no_field():
    bins = Bins(np.zeros(0, dtype=int), (axis("x", 5),))
    maps = np.stack([np.ones(5), np.full(5, np.nan)], axis=1)
    assert np.isnan(_fields(bins, maps, 0.3, 0.0, 1)["field_peak"][1]).all()


# Planted truth


def test_planted_fields_have_their_place_and_size(rng, planted):
    x = planted.running(rng, 6000)
    centre = np.array([0.2, 0.5, 0.8])
    sigma = 0.06
    rate = 2 * np.exp(-0.5 * ((x[:, None] - centre) / sigma) ** 2)
    two = rate[:, 0] + 0.8 * rate[:, 2]
    rec = planted.session(rng.poisson(np.column_stack([rate, two, 0 * x + 0.3])), x=x)
    found = place_fields(rec, "x", rng=0, bins=40, smoothing=1.0)
    assert found.place_cell.values.tolist() == [True, True, True, True, False]
    assert found.fields.values[:4].tolist() == [1, 1, 1, 2]
    position = found.field_position.values[:, :, 0]
    assert position[:3, 0] == pytest.approx(centre, abs=0.03)
    assert position[3, :2] == pytest.approx([0.2, 0.8], abs=0.03)
    # Above 30 % of the peak: 2σ√(2 ln(1/.3)), a little more after smoothing.
    width = 2 * np.hypot(sigma, 1 / 40) * np.sqrt(2 * np.log(1 / 0.3))
    assert found.field_size.values[:3, 0] == pytest.approx(np.full(3, width), abs=0.05)
    assert (found.stability.values[:4] > 0.9).all()


def test_a_field_in_the_open(rng, planted):
    walk = np.abs((np.cumsum(rng.normal(0, 0.1, (8000, 2)), axis=0) + 0.5) % 2 - 1)
    rate = 3 * np.exp(-0.5 * (((walk - [0.3, 0.6]) / 0.12) ** 2).sum(axis=1))
    counts = rng.poisson(np.stack([rate, 0 * rate + 0.3], axis=1))
    rec = planted.session(counts, x=walk[:, 0], y=walk[:, 1])
    found = place_fields(rec, ("x", "y"), rng=0, bins=12, permutations=299)
    assert found.place_cell.values.tolist() == [True, False]
    assert found.field_position.values[0, 0] == pytest.approx([0.3, 0.6], abs=0.09)
    assert found.axis.values.tolist() == ["x", "y"]


# Measured false-positive rate


def test_units_unrelated_to_place_are_no_place_cells(planted):
    rates = []
    for seed in range(25):
        rec = planted.unrelated(np.random.default_rng(900 + seed))
        found = place_fields(rec, "position", rng=seed, bins=10, permutations=99)
        assert (found.fields.values >= 1).mean() > 0.9  # every map has a highest bin
        rates.append(found.place_cell.values.mean())
    assert np.mean(rates) <= 0.05 + 2 * np.std(rates, ddof=1) / np.sqrt(len(rates))


# Invariances and bad input


def test_order_of_units_does_not_matter(rng, planted):
    rec = planted.unrelated(rng, units=4)
    order = np.array([2, 0, 3, 1])
    found = place_fields(rec, "position", rng=3, permutations=49)
    moved = place_fields(rec.isel(unit=order), "position", rng=3, permutations=49)
    for name in ("p", "fields", "field_peak", "field_position", "stability"):
        assert np.array_equal(found[name].values[order], moved[name].values, equal_nan=True)


def test_classes_have_no_fields(rng):
    rec = make(rng.poisson(1.0, (40, 2)), variables={"label": variable(np.repeat([0, 1], 20))})
    with pytest.raises(InvalidDesign, match="do not touch"):
        place_fields(rec, "label", rng=0)
    with pytest.raises(HomologueError, match="between 0 and 1"):
        place_fields(rec, "label", rng=0, fraction=1.5)
