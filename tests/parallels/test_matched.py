"""Size-matched sets: nulls that hold, intervals that cover, effects that do not depend on order."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from benchmarks._hostile import autoregressive, rate

from benchmarks import _calibration_tests as calibration
from homologue.inference._unit_exchange import SHIFTED
from homologue.parallels import (
    Effort,
    NotApplicable,
    Sizes,
    ask,
    get,
    labelled_evidence,
)
from homologue.parallels._labelled import _repeats_with
from homologue.parallels._matched import class_sets, distinct, race, resampling_scale
from homologue.recording import make, variable
from homologue.representation import balanced_decoding
from homologue.tuning import split_half_selectivity

SIZES = Sizes(6, 12, 2)
QUICK = Effort(99, 49, 16)
TUNED = get("units-are-tuned")
REPRESENTS = get("population-represents")
LOW = get("code-is-low-dimensional")


def population(effect, rng, *, classes=4, groups=12, units=20, samples=1):
    """Groups of samples; class means are normal with the given spread, noise has spread 1."""
    mean = effect * rng.standard_normal((classes, units))
    label = np.repeat(np.arange(classes), groups)
    shared = rng.standard_normal((label.size, units)) * 0.7
    group = np.repeat(np.arange(label.size), samples)
    noise = rng.standard_normal((group.size, units)) * 0.7
    activity = (mean[label] + shared)[group] + noise
    codes = variable(label[group].astype(str))
    return make(activity, group=group, variables={"class": codes}, system="toy", kind="brain")


def drifting(effect, rng, *, length=1200, units=14):
    """Slow activity and a slow label of four states, in blocks of 30 s; lag-one correlation .9."""

    def slow(width):
        noise = rng.standard_normal((length, width))
        out = np.empty_like(noise)
        out[0] = noise[0]
        for t in range(1, length):
            out[t] = 0.9 * out[t - 1] + np.sqrt(1 - 0.81) * noise[t]
        return out

    source = slow(1)[:, 0]
    label = np.digitize(source, np.quantile(source, [0.25, 0.5, 0.75]))
    preferred = rng.standard_normal((4, units))
    activity = slow(units) + effect * preferred[label]
    return make(
        activity,
        group=np.arange(length) // 60,
        variables={"class": variable(label.astype(str)), "time": np.arange(length) * 0.5},
        system="slow",
        kind="brain",
    )


@pytest.mark.parametrize("claim", [TUNED, REPRESENTS], ids=lambda claim: claim.id)
@pytest.mark.parametrize("samples", [1, 4])
def test_null_holds_between_groups(claim, samples):
    rng = np.random.default_rng(11)
    p = [
        ask(
            claim, [population(0, rng, samples=samples)], "class", system="s", effort=QUICK, seed=i
        ).p
        for i in range(40)
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40)


@pytest.mark.parametrize("claim", [TUNED, REPRESENTS], ids=lambda claim: claim.id)
def test_null_holds_for_slow_series(claim):
    rng = np.random.default_rng(5)
    cells = [
        ask(claim, [drifting(0, rng)], "class", system="s", effort=QUICK, seed=i) for i in range(25)
    ]
    assert {cell.reason for cell in cells} == {"circular shift"}
    p = np.array([cell.p for cell in cells])
    assert np.mean(p <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 25)


@pytest.mark.parametrize("claim", [TUNED, REPRESENTS], ids=lambda claim: claim.id)
def test_planted_effects_are_found_and_graded(claim):
    rng = np.random.default_rng(2)
    cells = [
        ask(claim, [population(effect, rng)], "class", system="s", effort=QUICK, seed=0)
        for effect in (0.5, 1.0, 3.0)
    ]
    effects = [cell.effect for cell in cells]
    assert effects == sorted(effects)
    assert all(cell.p <= 0.02 for cell in cells)
    assert all(cell.low < cell.effect < cell.high for cell in cells)


def test_slow_planted_effects_are_found():
    cell = ask(
        TUNED, [drifting(1.5, np.random.default_rng(0))], "class", system="s", effort=QUICK, seed=0
    )
    assert cell.p <= 0.02  # shifts near 0 are drawn as well, and resemble the observed
    assert cell.effect > 0.2


def test_a_perfect_population_reaches_one():
    label = np.repeat(np.arange(2), 12)
    activity = label[:, None] * 100.0 + np.random.default_rng(0).standard_normal((24, 12))
    rec = make(activity, variables={"class": variable(label.astype(str))}, kind="brain")
    for claim in (TUNED, REPRESENTS):
        cell = ask(claim, [rec], "class", system="s", effort=QUICK, seed=0)
        assert cell.effect == pytest.approx(1.0)


def test_the_interval_covers_what_fresh_groups_would_give():
    kind = np.random.default_rng(5)
    mean = 0.5 * kind.standard_normal((4, 24))

    def draw(rng, groups):
        label = np.repeat(np.arange(4), groups)
        codes = variable(label.astype(str))
        activity = mean[label] + rng.standard_normal((label.size, 24))
        return make(activity, variables={"class": codes}, kind="brain")

    def evidence(rec, effort, seed):
        return labelled_evidence(
            [rec], "class", split_half_selectivity, sizes=SIZES, effort=effort, rng=seed
        )

    truth = evidence(draw(np.random.default_rng(99), 1000), Effort(1, 1, 200), 0).observed
    covered = 0
    for i in range(60):
        found = evidence(draw(np.random.default_rng(i), 14), Effort(1, 99, 48), i)
        low, high = np.quantile(found.bootstrap, (0.05, 0.95))
        covered += low <= truth <= high
    # Nominal .90; 3 standard errors of 60 trials are .116.
    assert covered / 60 >= 0.784


def test_names_of_groups_and_order_of_units_change_nothing():
    rec = population(1.0, np.random.default_rng(4))
    options = {"sizes": SIZES, "effort": Effort(19, 19, 64), "rng": 0}
    first = labelled_evidence([rec], "class", split_half_selectivity, **options)
    renamed = rec.assign_coords(group=("sample", rec["group"].values * 7 + 3))
    again = labelled_evidence([renamed], "class", split_half_selectivity, **options)
    assert first.observed == again.observed
    np.testing.assert_array_equal(first.null, again.null)
    shuffled = rec.isel(unit=np.random.default_rng(0).permutation(rec.sizes["unit"]))
    other = labelled_evidence([shuffled], "class", split_half_selectivity, **options)
    assert other.observed == first.observed
    np.testing.assert_array_equal(other.null, first.null)


def test_scale_of_units_changes_nothing():
    rec = population(1.0, np.random.default_rng(4))
    scaled = rec * np.linspace(0.1, 50, rec.sizes["unit"]) + 5
    scaled.attrs = rec.attrs
    for claim in (TUNED, REPRESENTS):
        one = ask(claim, [rec], "class", system="s", effort=QUICK, seed=0)
        two = ask(claim, [scaled], "class", system="s", effort=QUICK, seed=0)
        assert two.effect == pytest.approx(one.effect, abs=1e-9)
        assert two.p == one.p


def test_twins_are_averaged_draw_by_draw():
    rng = np.random.default_rng(0)
    one, two = population(0.0, rng), population(2.0, rng)
    both = two.copy(data=two.values)
    both = both.assign_coords({"class": one["class"]})
    options = {"sizes": SIZES, "effort": Effort(19, 19, 8), "rng": 3}
    mean = labelled_evidence([one, both], "class", split_half_selectivity, **options)
    parts = [
        labelled_evidence([rec], "class", split_half_selectivity, **options) for rec in (one, both)
    ]
    np.testing.assert_allclose(mean.null, np.mean([part.null for part in parts], axis=0))


def test_unlabelled_null_and_planted_dimension():
    rng = np.random.default_rng(1)
    p = []
    for i in range(60):
        rec = make(rng.standard_t(2, (45, 14)), kind="brain")
        p.append(ask(LOW, [rec], None, system="s", effort=QUICK, seed=i).p)
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)
    source = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 14))
    cell = ask(LOW, [make(source, kind="brain")], None, system="s", effort=QUICK, seed=0)
    assert cell.effect > 0.7
    assert cell.p == 0.01


@pytest.mark.parametrize(("phi", "samples"), [(0.95, 1), (0.9, 6)])
def test_windows_keep_slow_independent_units_from_looking_low_dimensional(phi, samples):
    rng = np.random.default_rng(3)
    p = []
    for i in range(60):
        length = 80 * samples
        rec = make(
            autoregressive(rng, length, 16, phi),
            group=np.arange(length) // samples,
            variables={"time": np.arange(length) * 0.1},
            kind="brain",
        )
        cell = ask(LOW, [rec], None, system="s", effort=QUICK, seed=i)
        assert cell.reason == SHIFTED
        p.append(cell.p)
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


def test_a_factor_that_slow_units_share_is_found():
    rng = np.random.default_rng(4)
    activity = autoregressive(rng, 400, 14, 0.8) + 2 * autoregressive(rng, 400, 1, 0.8)
    time = {"time": np.arange(400) * 0.1}
    rec = make(activity, group=np.arange(400) // 4, variables=time, kind="brain")
    cell = ask(LOW, [rec], None, system="s", effort=QUICK, seed=0)
    assert cell.p == 0.01
    assert cell.effect > 0.3


def test_sessions_with_offsets_and_uneven_classes_are_no_tuning():
    # Sets differ in what their null is: the observed is held against the null of its own sets.
    found = calibration.p_values("claim units-are-tuned", "sessions with offsets", sets=200, seed=1)
    seen = rate(np.array(found.p[""]), 0.05)
    assert seen.value <= 0.05 + 3 * seen.error


def test_only_groups_in_the_window_count():
    rng = np.random.default_rng(5)
    time = {"time": np.arange(48) * 0.1}
    activity = rng.standard_normal((48, 14))
    rec = make(activity, group=np.arange(48), variables=time, kind="brain")
    cell = ask(LOW, [rec], None, system="s", effort=QUICK, seed=0)
    assert cell.state == "not applicable"
    assert "36 groups in the middle" in cell.reason


def test_needs_that_are_not_met_are_reasons_not_errors():
    rng = np.random.default_rng(0)
    few = population(1, rng, groups=5)
    cell = ask(TUNED, [few], "class", system="s", effort=QUICK, seed=0)
    assert cell.state == "not applicable"
    assert "10 groups" in cell.reason
    narrow = population(1, rng, units=5)
    assert "5 units" in ask(TUNED, [narrow], "class", system="s", effort=QUICK, seed=0).reason
    pooled = population(1, rng).assign_attrs(simultaneous=0)
    assert "simultaneous" in ask(LOW, [pooled], None, system="s", effort=QUICK, seed=0).reason
    assert "no stimulus" in ask(TUNED, [pooled], None, system="s", effort=QUICK, seed=0).reason


def test_derived_labels_serve_no_representation_claim():
    rec = population(1, np.random.default_rng(0))
    rec["class"].attrs["label_source"] = "derived"
    cell = ask(REPRESENTS, [rec], "class", system="s", effort=QUICK, seed=0)
    assert cell.state == "not applicable"
    assert "derived" in cell.reason


def test_a_refused_design_is_not_applicable_and_says_why():
    rec = population(1, np.random.default_rng(0))
    blocks = rec["class"].values.astype(np.int64)
    cell = ask(
        TUNED,
        [rec.assign_coords(block=("sample", blocks))],
        "class",
        system="s",
        effort=QUICK,
        seed=0,
    )
    assert cell.state == "not applicable"
    assert cell.reason.startswith("refused: ")


def test_units_that_never_vary_are_no_discovery():
    rec = make(np.ones((60, 14)), kind="brain")
    cell = ask(LOW, [rec], None, system="s", effort=QUICK, seed=0)
    assert (cell.state, cell.reason) == ("not applicable", "no unit varies")


def test_a_single_group_in_a_block_of_its_own_does_not_undo_the_others():
    rng = np.random.default_rng(0)
    p = []
    for i in range(40):
        block = np.append(np.repeat(np.arange(6), 10), 6)
        activity = rng.standard_normal((61, 14)) + 3 * rng.standard_normal((7, 1))[block]
        rec = make(activity, block=block, kind="brain")
        p.append(ask(LOW, [rec], None, system="s", effort=QUICK, seed=i).p)
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40)


def test_a_store_gives_what_memory_gives_and_large_recordings_are_drawn_from(tmp_path, monkeypatch):
    from homologue import recording
    from homologue.parallels import _labelled

    rec = population(1.0, np.random.default_rng(4), samples=3)
    stored = recording.open(recording.save(rec, tmp_path / "x.zarr"))
    for claim, variable_ in ((TUNED, "class"), (REPRESENTS, "class"), (LOW, None)):
        one = ask(claim, [rec], variable_, system="s", effort=QUICK, seed=0)
        two = ask(claim, [stored], variable_, system="s", effort=QUICK, seed=0)
        assert (one.effect, one.p) == (two.effect, two.p)
    monkeypatch.setattr(_labelled, "POOL_GROUPS", 10)
    monkeypatch.setattr(_labelled, "POOL_UNITS", 13)
    drawn = ask(TUNED, [rec], "class", system="s", effort=QUICK, seed=0)
    assert drawn.n_groups == 48
    assert drawn.effect == pytest.approx(
        ask(TUNED, [rec], "class", system="s", effort=QUICK, seed=1).effect, abs=0.15
    )


def test_a_failing_cell_carries_its_reason():
    rec = population(1, np.random.default_rng(0))
    rec = rec.where(rec["unit"] != "0")
    cell = ask(TUNED, [rec], "class", system="s", effort=QUICK, seed=0)
    assert cell.state == "failed"
    assert "NaN" in cell.reason


def test_race_prefers_heavy_rows_and_never_repeats_one():
    rng = np.random.default_rng(0)
    weight = np.array([[0, 1, 2, 4, 0, 1]])
    drawn = race(weight, 3, rng, 4000)[0]
    assert all(np.unique(row).size == 3 for row in drawn)
    assert not np.isin(drawn, [0, 4]).any()
    counts = np.bincount(drawn.ravel(), minlength=6)
    assert counts[3] > counts[2] > counts[1]
    # Fewer rows with weight than wanted: the others fill up.
    assert set(race(weight, 5, rng, 1)[0, 0]) > {1, 2, 3, 5}


def test_no_set_takes_a_group_twice_whatever_a_shift_leaves():
    rng = np.random.default_rng(0)
    # Two states that alternate once or twice a group: most shifts leave some groups one state.
    length, samples = 480, 24
    label = (np.arange(length) % samples < 12).astype(np.int64) ^ (rng.random(length) < 0.02)
    rec = make(
        rng.standard_normal((length, 14)),
        group=np.arange(length) // samples,
        variables={"class": variable(label.astype(str)), "time": np.arange(length) * 0.1},
        kind="brain",
    )
    seen = []

    def statistic(activity):
        first = activity[..., 0, :, 0]
        seen.append(np.diff(np.sort(first, axis=-1), axis=-1).min())
        return balanced_decoding(activity, folds=3)

    labelled_evidence([rec], "class", statistic, sizes=SIZES, effort=QUICK, rng=0)
    assert min(seen) > 0


def test_repeats_without_enough_groups_are_replaced_by_others_of_the_draw():
    enough = np.array([[True, False, True, False], [True] * 4])
    assert _repeats_with(enough).tolist() == [[0, 2, 2, 2], [0, 1, 2, 3]]


def test_resamples_spread_as_fresh_groups_would():
    rng = np.random.default_rng(1)
    # For a mean over sets the spread of fresh groups is known: sigma over the root of n.
    for groups, wanted in ((10, 6), (20, 6), (40, 24)):
        x = rng.standard_normal(groups)
        weight = rng.multinomial(groups, np.full(groups, 1 / groups), 2000)
        means = x[race(weight, wanted, rng, 64)].mean(axis=(1, 2))
        known = x.std(ddof=1) / np.sqrt(groups)
        assert means.std() < 0.95 * known
        assert resampling_scale(groups, wanted) * means.std() == pytest.approx(known, rel=0.06)


@pytest.mark.parametrize(("available", "wanted", "repeats"), [(5, 2, 48), (7, 4, 50), (4, 4, 9)])
def test_class_sets_are_distinct_and_even(available, wanted, repeats):
    sets = class_sets(available, wanted, repeats, np.random.default_rng(0))
    assert sets.shape == (repeats, wanted)
    assert all(len(set(row)) == wanted for row in sets.tolist())
    # At every moment, not only in the end.
    for until in range(1, repeats + 1):
        counts = np.bincount(sets[:until].ravel(), minlength=available)
        assert counts.max() - counts.min() <= 1


def test_class_sets_pair_all_classes_equally_often():
    sets = class_sets(7, 3, 14_000, np.random.default_rng(0))
    together = np.zeros((7, 7))
    for first, second in combinations(range(3), 2):
        np.add.at(together, (sets[:, first], sets[:, second]), 1)
    both = (together + together.T)[np.triu_indices(7, 1)]
    # Two of three from seven: two thousand sets a pair, with the spread of independent draws.
    assert np.abs(both - 2000).max() < 5 * np.sqrt(2000)


@pytest.mark.parametrize(("available", "wanted", "sets"), [(9, 4, 6000), (200, 4, 6000), (6, 3, 0)])
def test_distinct_sets_hold_every_number_equally_often_in_every_place(available, wanted, sets):
    found = distinct(available, wanted, sets, np.random.default_rng(1))
    assert found.shape == (sets, wanted)
    assert all(len(set(row)) == wanted for row in found.tolist())
    for place in found.T:
        expected = sets / available
        counts = np.bincount(place, minlength=available)
        assert np.abs(counts - expected).max() <= 5 * np.sqrt(expected)


def test_statistics_refuse_nothing_but_report_no_effect_for_constant_units():
    silent = np.zeros((3, 2, 6, 12))
    assert split_half_selectivity(silent).tolist() == [0, 0, 0]
    assert balanced_decoding(silent, folds=3).tolist() == pytest.approx([0, 0, 0])


def test_not_applicable_is_an_error_of_ours():
    with pytest.raises(NotApplicable, match="classes"):
        labelled_evidence(
            [population(1, np.random.default_rng(0), classes=2, groups=4)],
            "class",
            split_half_selectivity,
            sizes=SIZES,
            effort=QUICK,
            rng=0,
        )
