"""Information of units about a variable: closed forms, planted fields, measured false rates."""

from __future__ import annotations

import numpy as np
import pytest

from homologue._errors import InvalidDesign, InvalidRecording
from homologue.recording import make, variable
from homologue.tuning import (
    mutual_information,
    skaggs,
    spatial_coherence,
    spatial_information,
    vector_length,
)
from homologue.tuning._placed import place


@pytest.fixture
def rng():
    return np.random.default_rng(7)


# Closed forms


def test_a_unit_active_in_one_of_n_places_carries_log_n_bits():
    for n in (2, 5, 16):
        sums = np.zeros((1, n, 2))
        sums[0, 0, 0] = 3.0
        sums[0, :, 1] = 4.0
        found = skaggs(sums, np.full((1, n), 7.0))[0]
        assert found == pytest.approx([np.log2(n), 0.0], abs=1e-12)


def test_information_by_hand_with_uneven_visits():
    visits, rate = np.array([10.0, 30.0, 60.0]), np.array([4.0, 1.0, 0.5])
    p, mean = visits / 100, (visits / 100 * rate).sum()
    by_hand = (p * rate / mean * np.log2(rate / mean)).sum()
    assert skaggs((visits * rate)[None, :, None], visits[None]) == pytest.approx(by_hand)


def test_a_place_never_visited_counts_for_nothing():
    sums = np.array([2.0, 1.0, 0.0])[None, :, None]
    two = skaggs(sums[:, :2], np.array([[5.0, 5.0]]))
    assert skaggs(sums, np.array([[5.0, 5.0, 0.0]])) == pytest.approx(two)


def test_mean_vector_of_a_cosine_is_half_its_modulation(rng, planted):
    angle = rng.permutation(np.tile((np.arange(36) + 0.5) * np.pi / 18, 40))
    rec = planted.session(np.ones((angle.size, 2)), angle=angle)
    rec = rec.copy(data=np.stack([1 + 0.6 * np.cos(angle - 1), 1 + 0 * angle], axis=1))
    found = vector_length(rec, "angle", bins=36, rng=0, permutations=99)
    assert found.effect.values == pytest.approx([0.3, 0.0], abs=1e-12)
    assert found.preferred[0] == pytest.approx(1.0, abs=1e-9)


def test_information_of_independent_tables_is_zero_after_correction(rng):
    """Panzeri–Treves takes the bias away: its mean over data sets is 0 within 3 SE."""
    corrected, raw = [], []
    for _ in range(10):
        label = np.repeat(np.arange(5), 40)
        rec = make(rng.standard_normal((200, 30)), variables={"label": variable(label)})
        found = mutual_information(rec, "label", rng=0, permutations=19)
        corrected.append(found.effect.values)
        raw.append(found.plug_in.values)
    corrected, raw = np.concatenate(corrected), np.concatenate(raw)
    expected = (5 - 1) * (4 - 1) / (2 * 200 * np.log(2))
    assert raw.mean() == pytest.approx(expected, rel=0.1)
    assert abs(corrected.mean()) < 3 * corrected.std() / np.sqrt(corrected.size)


def test_mutual_information_agrees_with_a_table(rng):
    label = rng.integers(0, 3, 300)
    count = rng.poisson(label + 0.5)
    count = np.minimum(count, 1)
    rec = make(count[:, None], variables={"label": variable(label)})
    joint = np.array([[np.mean((label == s) & (count == r)) for r in (0, 1)] for s in range(3)])
    product = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    by_hand = (joint * np.log2(joint / product)).sum()
    found = mutual_information(rec, "label", levels=2, rng=0, permutations=19)
    assert found.plug_in.item() == pytest.approx(by_hand, abs=1e-12)
    bias = ((3 * (2 - 1)) - (2 - 1)) / (2 * 300 * np.log(2))
    assert found.effect.item() == pytest.approx(by_hand - bias, abs=1e-12)


# The transform beside the plain sums


@pytest.mark.parametrize("spikes", [True, False])
def test_sums_under_shifts_are_those_of_shifted_labels(rng, spikes, planted):
    rec = planted.unrelated(rng, count=611, units=3)
    if not spikes:
        rec = rec.copy(data=np.sqrt(rec.values) + 0.1)
    placed = place(rec, "position", bins=7)
    assert placed.design.scheme == "circular shift"
    [(_, sums, occupancy)] = placed.null_sums(12, 3)
    index = placed.design.draw(12, 3)
    for draw in range(12):
        codes = placed.codes[index[draw]]
        plain = np.stack([placed.activity[codes == b].sum(axis=0) for b in range(7)])
        assert sums[draw] == pytest.approx(plain, abs=0 if spikes else 1e-9)
        assert np.array_equal(occupancy[0], np.bincount(codes, minlength=7))


def test_sums_under_permutations_are_those_of_permuted_labels(rng):
    group = np.repeat(np.arange(30), 4)
    label = rng.integers(0, 3, 30)[group]
    rec = make(rng.poisson(3.0, (120, 5)), group=group, variables={"label": variable(label)})
    placed = place(rec, "label", bins=2)
    assert placed.design.scheme == "between groups"
    [(_, sums, occupancy)] = placed.null_sums(6, 5)
    index = placed.design.draw(6, 5)
    for draw in range(6):
        codes = placed.codes[index[draw]]
        plain = np.stack([placed.activity[codes == b].sum(axis=0) for b in range(3)])
        assert np.array_equal(sums[draw], plain)
        assert np.array_equal(occupancy[draw], np.bincount(codes, minlength=3))


# Planted truth


def test_planted_fields_are_found_and_flat_units_are_not(rng, planted):
    place_ = planted.running(rng, 3000)
    centre = np.linspace(0.1, 0.9, 10)
    field = np.exp(-0.5 * ((place_[:, None] - centre) / 0.06) ** 2)
    rate = np.concatenate([0.05 + field, np.full((3000, 10), 0.3)], axis=1)
    rec = planted.session(rng.poisson(rate), position=place_)
    found = spatial_information(rec, "position", rng=1)
    assert (found.q.values[:10] < 0.01).all()
    assert (found.q.values[10:] < 0.05).sum() <= 1
    bin_ = (place_ * 20).astype(int)
    visits = np.bincount(bin_, minlength=20).astype(float)
    sums = np.stack([rate[bin_ == b].sum(axis=0) for b in range(20)])
    true = skaggs(sums[None], visits[None])[0]
    inside = (found.low.values <= true) & (true <= found.high.values)
    assert inside[:10].sum() >= 8
    mean = rec.values.mean(axis=0) / 0.1
    assert found.bits_per_second.values == pytest.approx(found.effect.values * mean)
    coherent = spatial_coherence(rec, "position", rng=1)
    assert (coherent.effect.values[:10] > 0.8).all()
    assert (coherent.effect > coherent.null_mean).values[:10].all()
    assert (np.abs(coherent.effect.values[10:]) < 0.7).all()


def test_a_field_in_two_dimensions(rng, planted):
    x, y = planted.running(rng, 4000), np.abs(planted.autoregressive(4000, 1, 0.9, rng)[:, 0])
    y = np.minimum(y / 2, 1)
    rate = np.exp(-0.5 * (((x - 0.5) / 0.15) ** 2 + ((y - 0.3) / 0.15) ** 2))
    rec = planted.session(rng.poisson(np.stack([2 * rate, 0 * rate + 0.3], axis=1)), x=x, y=y)
    found = spatial_information(rec, ("x", "y"), bins=8, smoothing=1.0, rng=0)
    assert found.p.values[0] <= 0.01 < found.p.values[1]
    assert found.attrs["variable"] == "x × y"


# Measured false-positive rates: AR(1) units unrelated to position


def test_the_shift_holds_where_the_iid_shuffle_fails(planted):
    """The published figures are .03 for shifts and .33 for the iid shuffle."""
    shifted, shuffled, vector, mutual = [], [], [], []
    for seed in range(30):
        rec = planted.unrelated(np.random.default_rng(1000 + seed))
        options = {"rng": seed, "bins": 10, "permutations": 199}
        shifted.append(spatial_information(rec, "position", **options).p.values)
        iid = spatial_information(rec, "position", null="iid", force_iid=True, **options)
        shuffled.append(iid.p.values)
        vector.append(vector_length(rec, "angle", **options).p.values)
        mutual.append(mutual_information(rec, "position", **options).p.values)
    # Units of a session share its position: the error is that of sessions.
    for p in (shifted, vector, mutual):
        rate = (np.array(p) <= 0.05).mean(axis=1)
        assert rate.mean() <= 0.05 + 2 * rate.std(ddof=1) / np.sqrt(rate.size)
        assert rate.mean() >= 0.01
    assert (np.array(shuffled) <= 0.05).mean() >= 0.2


def test_the_iid_shuffle_is_refused_where_it_does_not_hold(rng, planted):
    rec = planted.unrelated(rng)
    with pytest.raises(InvalidDesign, match="has `time`"):
        spatial_information(rec, "position", rng=0, null="iid")
    grouped = make(rng.poisson(1.0, (40, 2)), group=np.repeat(np.arange(20), 2),
                   variables={"label": variable(np.tile([0, 1], 20))})  # fmt: skip
    with pytest.raises(InvalidDesign, match="groups of several samples"):
        spatial_information(grouped, "label", rng=0, null="iid")


def test_a_clock_without_groups_still_means_shifts(rng, planted):
    counts = rng.poisson(1.0, (500, 2))
    position = planted.autoregressive(500, 1, 0.8, rng)[:, 0]
    variables = {"time": np.arange(500) * 0.1, "position": variable(position)}
    rec = make(counts, variables=variables)
    found = spatial_information(rec, "position", rng=0, permutations=19)
    assert "circular shift" in found.attrs["null"]


def test_trials_with_times_are_permuted_and_not_shifted(rng):
    """A count a trial has the time of its event, and is independent of the trial before."""
    picture = rng.integers(0, 3, 90)
    rec = make(
        rng.poisson(2.0, (90, 3)),
        variables={
            "time": np.cumsum(rng.uniform(1, 3, 90)),
            "trial": np.arange(90),
            "picture": variable(picture),
        },
    )
    for given in (rec, rec.drop_vars("trial")):
        found = mutual_information(given, "picture", rng=0, permutations=19)
        assert "between groups" in found.attrs["null"]


def test_several_stretches_shift_each_on_its_own(rng, planted):
    """A stretch too short to shift adds the same to every draw."""
    parts = [planted.unrelated(rng, count=n, units=2).values for n in (700, 30, 500)]
    position = planted.autoregressive(1230, 1, 0.9, rng)[:, 0]
    position[700:730] = 0.1
    rec = make(
        np.concatenate(parts),
        group=np.repeat([0, 1, 2], [700, 30, 500]),
        block=np.repeat([0, 1, 2], [700, 30, 500]),
        variables={"time": np.arange(1230) * 0.1, "position": variable(position)},
    )
    placed = place(rec, "position", bins=5)
    assert len(placed.design._parts) == 2
    [(_, sums, _)] = placed.null_sums(8, 3)
    index = placed.design.draw(8, 3)
    for draw in range(8):
        codes = placed.codes[index[draw]]
        plain = np.stack([placed.activity[codes == b].sum(axis=0) for b in range(5)])
        assert np.array_equal(sums[draw], plain)


def test_bins_visited_too_rarely_are_left_out_and_keep_their_time(rng, planted):
    rec = planted.unrelated(rng, count=800, units=3)
    placed = place(rec, "position", bins=12, minimum_occupancy=20)
    assert placed.attrs["n_bins"] < 12
    assert placed.rows.size == 800
    assert placed.occupancy[placed.occupancy > 0].min() >= 20
    found = spatial_information(rec, "position", rng=0, bins=12, minimum_occupancy=20)
    assert np.isfinite(found.p.values).all()
    assert found.attrs["n_samples"] == placed.occupancy.sum()


# Invariances and bad input


def test_order_of_units_and_scale_of_rates_do_not_matter(rng, planted):
    rec = planted.unrelated(rng, units=6)
    order = np.array([3, 1, 5, 0, 4, 2])
    found = spatial_information(rec, "position", rng=4, permutations=99)
    moved = spatial_information(rec.isel(unit=order), "position", rng=4, permutations=99)
    for name in ("effect", "low", "high", "p", "null_mean"):
        assert np.array_equal(found[name].values[order], moved[name].values)
    scaled = spatial_information(rec * 3.7, "position", rng=4, permutations=99)
    assert scaled.effect.values == pytest.approx(found.effect.values)
    assert np.array_equal(scaled.p.values, found.p.values)


def test_blocks_of_units_do_not_matter(rng, monkeypatch, planted):
    rec = planted.unrelated(rng, units=5)
    found = mutual_information(rec, "position", rng=4, permutations=49)
    monkeypatch.setattr("homologue.tuning._placed._BLOCK_BYTES", 1)
    monkeypatch.setattr("homologue.tuning._binned._BLOCK_BYTES", 1)
    again = mutual_information(rec, "position", rng=4, permutations=49)
    for name in ("effect", "low", "p", "null_std"):
        assert found[name].values == pytest.approx(again[name].values, abs=1e-12)


def test_units_that_cannot_be_tested_say_why(rng, planted):
    rec = planted.unrelated(rng, units=4)
    values = rec.values.copy()
    values[:, 1] = 0
    values[5, 2] = np.nan
    values[6, 3] = -1
    found = spatial_information(rec.copy(data=values), "position", rng=0, permutations=19)
    assert np.isnan(found.p.values).tolist() == [False, True, True, True]
    assert found.reason.values.tolist() == [
        "",
        "no activity",
        "not recorded in 1 samples",
        "negative activity is no rate",
    ]


def test_silence_outside_the_observed_intervals_does_not_count(rng, planted):
    rec = planted.unrelated(rng, count=1200, units=3)
    values = rec.values.copy()
    values[900:] = np.nan
    found = spatial_information(rec.copy(data=values), "position", rng=0, permutations=49)
    inside = spatial_information(rec.isel(sample=slice(900)), "position", rng=0, permutations=49)
    assert found.rate.values == pytest.approx(inside.rate.values)
    assert np.isfinite(found.p.values).all()


def test_bad_variables_are_refused(rng, planted):
    rec = planted.unrelated(rng)
    constant = rec.assign_coords(place=("sample", np.ones(1000)))
    with pytest.raises(InvalidDesign, match="takes 1 value"):
        spatial_information(constant, "place", rng=0)
    with pytest.raises(InvalidDesign, match="no period"):
        vector_length(rec, "position", rng=0)
    with pytest.raises(InvalidRecording, match="degrees declared as radians"):
        variable(np.arange(360.0), period=2 * np.pi)
    with pytest.raises(InvalidDesign, match="holds at least 2000 samples"):
        spatial_information(rec, "position", rng=0, minimum_occupancy=2000)
