"""Concept cells: closed forms, planted Poisson cells, the 5-SD rule beside the exact p."""

from __future__ import annotations

import numpy as np
import pytest

from homologue._errors import HomologueError, InvalidDesign, InvalidRecording
from homologue.recording import make, variable
from homologue.tuning import (
    class_selectivity,
    concept_cells,
    d_prime,
    morcos,
    quiroga,
    responsive,
)

CONCEPTS, EXEMPLARS, REPEATS = 12, 20, 2


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def design(repeats: int = REPEATS) -> tuple[np.ndarray, np.ndarray]:
    """Concept and exemplar of every trial."""
    exemplar = np.repeat(np.arange(CONCEPTS * EXEMPLARS), repeats)
    return exemplar // EXEMPLARS, exemplar


def poisson_cells(rng, drive, *, baseline=2.0, gain=4.0, repeats=REPEATS, variability=0.3):
    """Counts of cells whose concepts multiply the baseline, by exemplars of uneven strength."""
    concept, exemplar = design(repeats)
    strength = rng.gamma(1 / variability, variability, (CONCEPTS * EXEMPLARS, len(drive)))
    rate = baseline * (1 + (gain - 1) * drive.T[concept] * strength[exemplar])
    return make(
        rng.poisson(rate),
        group=exemplar,
        variables={"concept": variable(concept)},
        activity_units="spikes",
    )


# Closed forms


def test_d_prime_of_two_gaussians_is_their_distance(rng):
    codes = np.repeat([0, 1], 20_000)
    values = rng.standard_normal((40_000, 2)) * 3 + 1e6
    values[:20_000, 0] += 6
    assert d_prime(values, codes, 2)[0] == pytest.approx([2.0, 0.0], abs=0.03)
    assert np.isnan(d_prime(np.ones((6, 1)), np.repeat([0, 1], 3), 2)).all()
    with pytest.raises(InvalidDesign, match="one class only"):
        d_prime(values, np.zeros(40_000, dtype=int), 1)


def test_class_selectivity_by_hand(rng):
    means = np.array([[3.0, 2.0], [1.0, 2.0], [1.0, 2.0]])
    assert morcos(means) == pytest.approx([0.5, 0.0])
    label = np.repeat([0, 1, 2], 4)
    rec = make(means[label], stimulus=label)
    found = class_selectivity(rec, "stimulus", rng=0, permutations=99)
    assert found.effect.values == pytest.approx([0.5, 0.0])
    assert found.p.values[0] <= 0.05
    assert found.p.values[1] == 1.0


def test_roc_area_agrees_with_counting_pairs(rng):
    label = np.repeat([0, 1, 2], [10, 15, 20])
    counts = rng.poisson(3.0, (45, 2))
    found = concept_cells(make(counts, stimulus=label), "stimulus", rng=0, permutations=19)
    inside, rest = counts[label == 1], counts[label != 1]
    pairs = (inside[:, None] > rest) + 0.5 * (inside[:, None] == rest)
    by_hand = pairs.mean(axis=(0, 1))
    assert found.roc_area.sel(concept="1").values == pytest.approx(by_hand, abs=1e-12)


def test_the_median_rule_by_hand(rng):
    counts = rng.poisson(2.0, (30, 4)).astype(float)
    codes = rng.integers(0, 5, (7, 30))
    threshold = np.array([1.0, 1.5, 2.0, 2.5])
    found = responsive(counts, codes, 5, threshold=threshold, least=2.0)
    for draw in range(7):
        for c in range(5):
            inside = counts[codes[draw] == c]
            median = np.median(inside, axis=0) if len(inside) else np.zeros(4)
            assert np.array_equal(found[draw, c], (median > threshold) & (median >= 2))


# Planted cells


def test_planted_concept_cells_are_found_with_their_concepts(rng):
    """Recall ≥ .9 at a false-discovery rate of .05, kinds and invariance included."""
    drive = np.zeros((200, CONCEPTS))
    own = rng.integers(0, CONCEPTS, 60)
    drive[np.arange(60), own] = 1
    drive[np.arange(40, 60), (own[40:] + 5) % CONCEPTS] = 1
    rec = poisson_cells(rng, drive)
    found = concept_cells(rec, rng=1, permutations=1999)
    hit = found.q.values <= 0.05
    assert hit[drive == 1].mean() >= 0.9
    assert (drive[hit] == 0).mean() <= 0.1
    assert (found.best_concept.values[:40] == own[:40].astype(str)).mean() >= 0.95
    assert (found.kind.values[:40] == "monosemantic").mean() >= 0.85
    assert (found.kind.values[40:60] == "polysemantic").mean() >= 0.85
    assert (found.kind.values[60:] == "none").mean() >= 0.95
    assert found.invariance.values[drive == 1].mean() > 0.7
    assert (found.invariance_p.values[drive == 1] <= 0.05).mean() >= 0.9
    best = np.isfinite(found.low.values)
    assert (found.low.values[best] <= found.effect.values[best]).all()


def test_one_strong_exemplar_makes_no_invariance(rng):
    concept, exemplar = design(repeats=4)
    rate = np.where(exemplar == 0, 30.0, 2.0)[:, None]
    rec = make(rng.poisson(np.broadcast_to(rate, (rate.size, 30))), group=exemplar,
               variables={"concept": variable(concept)})  # fmt: skip
    found = concept_cells(rec, rng=0, permutations=199)
    assert (found.invariance_p.sel(concept="0").values <= 0.05).mean() <= 0.2
    assert abs(found.invariance.sel(concept="0").values.mean()) < 0.25


def test_related_concepts_count_once(rng):
    drive = np.zeros((10, CONCEPTS))
    drive[:, [0, 1]] = 1
    rec = poisson_cells(rng, drive, gain=8.0)
    apart = concept_cells(rec, rng=0, permutations=1999)
    together = concept_cells(rec, rng=0, permutations=1999, related={"0": "animal", "1": "animal"})
    assert (apart.kind.values == "polysemantic").all()
    assert (together.kind.values == "monosemantic").all()
    with pytest.raises(HomologueError, match="do not occur: dog"):
        concept_cells(rec, rng=0, related={"dog": "animal"})


# Measured false-positive rates


def test_exemplars_that_differ_make_no_concept():
    """Repeats of an exemplar resemble each other: tested across exemplars, p stays uniform."""
    rates, invariant = [], []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        concept, exemplar = design(repeats=3)
        own = rng.gamma(2.0, 1.0, (CONCEPTS * EXEMPLARS, 30))
        rec = make(rng.poisson(own[exemplar]), group=exemplar,
                   variables={"concept": variable(concept)})  # fmt: skip
        found = concept_cells(rec, rng=seed, permutations=199)
        rates.append((found.p.values <= 0.05).mean())
        invariant.append((found.invariance_p.values <= 0.05).mean())
    for rate in (rates, invariant):
        assert np.mean(rate) <= 0.05 + 2 * np.std(rate, ddof=1) / np.sqrt(len(rate))
    assert np.mean(rates) >= 0.03


def test_the_five_deviation_rule_beside_the_exact_p(rng):
    """The rule takes an unselective unit for a concept cell and misses one of high baseline."""
    picture = np.repeat(np.arange(30), 6)
    selective, anything, busy, silent = 0, 1, 2, 3
    rate = np.full((picture.size, 4), 1.0)
    rate[picture == 4, selective] = 15.0
    rate[:, anything] = 15.0
    rate[:, busy] = 30.0
    rate[picture == 4, busy] = 50.0
    before = np.array([1.0, 1.0, 30.0, 1.0])
    rec = make(rng.poisson(rate), stimulus=picture, group=np.arange(180), activity_units="spikes")
    baseline = make(
        rng.poisson(np.broadcast_to(before, (180, 4))), stimulus=picture, activity_units="spikes"
    )
    found = quiroga(rec, "stimulus", baseline=baseline, rng=0, permutations=999)
    rule = found.responsive.values
    assert rule[selective].nonzero()[0].tolist() == [4]
    assert rule[anything].mean() > 0.9
    assert not rule[busy].any()
    assert not rule[silent].any()
    assert found.false_rate_any.values[anything] > 0.99
    assert found.false_rate_any.values[selective] < 0.05
    assert found.baseline_false_rate.max() < 0.05
    assert found.p.values[selective, 4] <= 0.002
    assert found.p.values[busy, 4] <= 0.002
    assert (found.q.values[[anything, silent]] > 0.05).all()
    assert found.low.values[busy, 4] <= found.effect.values[busy, 4] <= found.high.values[busy, 4]
    assert (np.isfinite(found.low.values) | ~found.responsive.values).all()
    assert found.reason.values.tolist() == [""] * 4


def test_rates_and_counts_agree_under_the_rule(rng):
    picture = np.repeat(np.arange(10), 5)
    counts = rng.poisson(1 + 5 * (picture == 2)[:, None] * np.ones(6))
    before = rng.poisson(1.0, (50, 6))
    pair = [
        (make(counts * k, stimulus=picture, group=np.arange(50), activity_units=u),
         make(before * k, activity_units=u))
        for k, u in ((1.0, "spikes"), (2.0, "spikes/s"))
    ]  # fmt: skip
    one = quiroga(pair[0][0], "stimulus", baseline=pair[0][1], rng=0, permutations=49)
    two = quiroga(pair[1][0], "stimulus", baseline=pair[1][1], rng=0, permutations=49, window=0.5)
    assert np.array_equal(one.responsive.values, two.responsive.values)
    assert np.array_equal(one.false_rate.values, two.false_rate.values)


# Invariances and bad input


def test_order_of_units_and_monotone_scales_do_not_matter(rng):
    drive = np.zeros((5, CONCEPTS))
    drive[0, 0] = 1
    rec = poisson_cells(rng, drive)
    order = np.array([4, 0, 3, 1, 2])
    found = concept_cells(rec, rng=0, permutations=99)
    moved = concept_cells(rec.isel(unit=order), rng=0, permutations=99)
    for name in ("effect", "p", "low", "invariance", "invariance_p", "concepts"):
        assert np.array_equal(found[name].values[order], moved[name].values, equal_nan=True)
    scaled = concept_cells(rec * 7.0, rng=0, permutations=99)
    assert np.array_equal(scaled.p.values, found.p.values)
    assert np.array_equal(scaled.invariance.values, found.invariance.values)


def test_one_exemplar_has_no_invariance_and_silence_no_effect(rng):
    concept = np.array([0] * 20 + [1] * 20 + [2])
    counts = rng.poisson(2.0, (41, 2))
    counts[:, 1] = 0
    rec = make(counts, group=np.arange(41), variables={"concept": variable(concept)})
    found = concept_cells(rec, rng=0, permutations=49)
    assert np.isnan(found.invariance.sel(concept="2").values).all()
    assert np.isfinite(found.invariance.sel(concept="0").values[0])
    assert np.isnan(found.effect.values[1]).all()
    assert found.best_concept.values[1] == ""
    assert found.kind.values[1] == "none"
    assert found.reason.values.tolist() == ["", "no activity"]
    assert found.concept_reason.values.tolist() == ["", "", "one exemplar"]


def test_one_exemplar_is_no_concept_however_strong(rng):
    """Of 241 exemplars the strongest would have p = 1/241, whatever concept it stands for."""
    word = np.repeat(np.arange(241), 3)
    counts = rng.poisson(2.0 + 40.0 * (word == 240))[:, None]
    concept = np.minimum(word // 20, 12)
    rec = make(counts, group=word, variables={"concept": variable(concept)})
    found = concept_cells(rec, rng=0, permutations=999)
    assert found.effect.sel(concept="12").item() == 1
    assert np.isnan(found.p.sel(concept="12").item())
    assert np.isfinite(found.p.sel(concept="0").item())
    assert found.kind.item() == "none"


def test_a_baseline_that_does_not_fit_is_refused(rng):
    picture = np.repeat(np.arange(10), 5)
    rec = make(rng.poisson(1.0, (50, 2)), stimulus=picture, group=np.arange(50),
               activity_units="spikes/s")  # fmt: skip
    other = make(rng.poisson(1.0, (50, 3)), activity_units="spikes/s")
    with pytest.raises(InvalidRecording, match="other units"):
        quiroga(rec, "stimulus", baseline=other, rng=0)
    with pytest.raises(InvalidRecording, match="given tuple"):
        quiroga(rec, "stimulus", baseline=(-1, 0), rng=0)
    with pytest.raises(HomologueError, match="window="):
        quiroga(rec, "stimulus", baseline=rec, rng=0)
    arbitrary = rec.assign_attrs(activity_units="arbitrary")
    with pytest.raises(InvalidRecording, match="counts spikes"):
        quiroga(arbitrary, "stimulus", baseline=arbitrary, rng=0)
