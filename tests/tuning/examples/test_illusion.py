"""Do the top examples tell the curve: planted truth, the null, controls, an oracle, real units."""

from __future__ import annotations

import numpy as np
import pytest

from homologue import stimuli
from homologue._errors import HomologueError, InvalidDesign, InvalidRecording
from homologue.recording import make
from homologue.tuning import examples
from homologue.tuning.examples import illusion

CLASSES, EXEMPLARS, REPEATS = 6, 16, 2
FEW = {"permutations": 99, "directions": 10, "sets": 10}


def nested(rng, means, *, heavy=False):
    """Exemplars that differ, seen twice: (class, unit) means, noise between and within."""
    label = np.repeat(np.arange(CLASSES), EXEMPLARS * REPEATS)
    group = np.repeat(np.arange(CLASSES * EXEMPLARS), REPEATS)
    shape = (CLASSES * EXEMPLARS, means.shape[1])
    between = rng.standard_t(2, shape) if heavy else rng.standard_normal(shape)
    within = rng.standard_normal((label.size, means.shape[1]))
    return make(means[label] + 0.8 * between[group] + 0.6 * within, stimulus=label, group=group)


def planted(curve, units=60):
    return np.tile(np.array(curve, float)[:, None], (1, units))


def test_a_label_that_is_the_whole_curve():
    label = np.repeat(["a", "b", "c"], 20)
    values = (label == "a") + 1e-9 * np.random.default_rng(0).random((1, 60))
    found = illusion(make(values.T, stimulus=label), "stimulus", rng=0, top=5, **FEW)
    assert found["label_effect"].item() == 1.0
    assert found["effect"].item() > 0.5
    assert found["label"].values.tolist() == [["a", "a"]]
    assert not found["illusion"].item()
    assert found["monotonic"].item() == 1


def test_planted_illusions_are_flagged_and_honest_units_are_not():
    rng = np.random.default_rng(1)
    curves = {
        "honest": [5, 0, 0, 0, 0, 0],
        "another in the middle": [6, 3, 0, 0, 0, 0],
        "another below": [3, 0, 0, 0, 0, -3],
        "graded": [5, 4, 3, 2, 1, 0],
    }
    means = np.concatenate([planted(curve) for curve in curves.values()], axis=1)
    found = illusion(nested(rng, means), "stimulus", rng=0, **FEW)
    flagged = found["illusion"].values.reshape(4, -1).mean(axis=1)
    agreed = (found["state"].values == "agrees").reshape(4, -1).mean(axis=1)
    assert flagged[0] <= 0.025
    assert agreed[0] >= 0.9
    assert (flagged[1:3] >= 0.95).all()
    assert flagged[3] >= 0.8
    assert (agreed[1:] == 0).all()
    assert (found["label"].values[:180] == "0").all()
    middle = found.isel(unit=slice(60, 120))
    assert (middle["rival"].values == "1").all()


@pytest.mark.parametrize("heavy", [False, True])
def test_false_positives_over_nested_groups(heavy):
    rng = np.random.default_rng(2)
    rates = []
    for seed in range(4):
        rec = nested(rng, np.zeros((CLASSES, 100)), heavy=heavy)
        found = illusion(rec, "stimulus", rng=seed, **FEW)
        rates.append([(found["p"] <= 0.05).mean(), (found["top_p"] <= 0.05).mean()])
        assert (found["state"] == "no label").mean() >= 0.95
        assert abs(found["null_mean"].mean()) < 0.02
    bound = 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)
    assert (np.mean(rates, axis=0) <= bound).all()


def test_false_positives_where_labels_vary_within_groups():
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(20), 8)
    label = np.tile(np.arange(4), 40)
    values = rng.standard_normal((20, 200))[group] * 3 + rng.standard_normal((160, 200))
    found = illusion(make(values, stimulus=label, group=group), "stimulus", rng=0, **FEW)
    assert found.attrs["scheme"] == "within groups"
    assert (found["p"] <= 0.05).mean() <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_false_positives_of_slow_units(planted):
    rng = np.random.default_rng(4)
    x = planted.autoregressive(2400, 60, 0.9, rng)
    slow = planted.autoregressive(2400, 1, 0.8, rng)[:, 0]
    label = np.digitize(slow, np.quantile(slow, [1 / 3, 2 / 3]))
    time = np.arange(2400) * 0.1
    rec = make(x, stimulus=label, group=np.arange(2400) // 300, variables={"time": time})
    found = illusion(rec, "stimulus", rng=0, **FEW)
    assert found.attrs["scheme"] == "circular shift"
    assert (found["p"] <= 0.05).mean() <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 60)


def test_against_counting_pairs():
    rec = nested(np.random.default_rng(5), planted([2, 1, 0, 0, 0, 0], 1))
    found = illusion(rec, "stimulus", rng=7, **FEW)
    label, group, x = rec["stimulus"].values, rec["group"].values, rec.values[:, 0]
    # The halves, recovered from the same stream of random numbers.
    split = np.random.default_rng(7).spawn(4)[0]
    of_group = label[::REPEATS]
    order = np.lexsort((split.random(of_group.size), of_group))
    half = np.empty(of_group.size, dtype=int)
    half[order] = (np.arange(of_group.size) + split.integers(2)) % 2
    half = half[group]
    total = 0.0
    for h in (0, 1):
        here, held = np.flatnonzero(half == h), np.flatnonzero(half != h)
        best = label[here[np.argsort(-x[here])[:10]]]
        chosen = np.bincount(best, minlength=CLASSES).argmax()
        assert found["label"].values[0, h] == str(chosen)
        inside, rest = x[held][label[held] == chosen], x[held][label[held] != chosen]
        area = np.sign(inside[:, None] - rest).mean()
        rank = [np.searchsorted(np.sort(x[rows]), x[rows]) for rows in (here, held)]
        apart = []
        for rows, r in zip((here, held), rank, strict=True):
            of = {c: r[label[rows] == c].mean() for c in range(CLASSES)}
            apart.append({
                c: 2 / rows.size
                * (of[c] - np.mean([of[d] for d in of if d not in (c, chosen)]))
                for c in of if c != chosen
            })  # fmt: skip
        rival = max(apart[0], key=lambda c, a=apart[0]: abs(a[c]))
        assert found["rival"].values[0, h] == str(rival)
        total += area - np.sign(apart[0][rival]) * apart[1][rival]
    assert found["effect"].item() == pytest.approx(total / 2, abs=1e-12)


def test_the_interval_covers_what_the_chosen_classes_tell():
    curve = np.array([3.0, 0, 0, 0, 0, 0])
    rng = np.random.default_rng(6)
    big = np.repeat(np.arange(CLASSES), 4000)
    rank = (curve[big] + rng.standard_normal(big.size)).argsort().argsort() / big.size
    truth = 2 * (rank[big == 0].mean() - rank[big != 0].mean())
    found = [
        illusion(nested(rng, planted(curve, 100)), "stimulus", rng=seed,
                 permutations=19, directions=2, sets=2)
        for seed in range(3)
    ]  # fmt: skip
    inside = [((f["low"] <= truth) & (truth <= f["high"])).mean() for f in found]
    assert np.mean(inside) >= 0.9


def test_a_units_result_does_not_depend_on_its_neighbours(monkeypatch):
    means = np.random.default_rng(7).normal(0, 1, (CLASSES, 9))
    rec = nested(np.random.default_rng(8), means)
    whole = illusion(rec, "stimulus", rng=0, **FEW)
    monkeypatch.setattr("homologue.tuning.examples._illusion._UNITS_AT_ONCE", 2)
    order = np.array([4, 0, 8, 2, 6, 1, 7, 3, 5])
    other = illusion(rec.isel(unit=order), "stimulus", rng=0, **FEW)
    for name in ("effect", "p", "top_p", "rival_effect", "set_p", "null_monotonic"):
        np.testing.assert_array_equal(whole[name].values[order], other[name].values)
    np.testing.assert_allclose(whole["low"].values[order], other["low"].values, atol=1e-12)
    np.testing.assert_array_equal(whole["label"].values[order], other["label"].values)


def test_controls_of_a_unit_that_stands_out():
    means = np.zeros((CLASSES, 30))
    means[0, 0] = 6
    found = illusion(nested(np.random.default_rng(9), means), "stimulus", rng=0,
                     permutations=99, directions=99, sets=99)  # fmt: skip
    assert found["direction_p"].values[0] <= 0.05
    assert found["set_p"].values[0] <= 0.25
    assert found["set_mean"].values[0] < 0.2 < found["effect"].values[0]
    share = found["quintile_share"].values[0]
    assert share.sum() == pytest.approx(1)
    assert share[-1] > 0.95
    assert 0 < found["null_monotonic"].values.mean() < 0.1


def test_silent_units_have_a_reason_and_single_units_no_directions():
    rec = nested(np.random.default_rng(10), np.zeros((CLASSES, 2)))
    rec.values[:, 1] = 0
    found = illusion(rec, "stimulus", rng=0, **FEW)
    assert found["reason"].values.tolist() == ["", "no activity"]
    assert np.isnan(found["p"].values[1])
    assert np.isnan(found["direction_p"].values).all()
    assert found["state"].values[1] == ""
    assert found["label"].values[1].tolist() == ["", ""]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"top": 0}, HomologueError, "1 or more"),
        ({"top": 60}, HomologueError, "small part"),
        ({"enough": 1.0}, HomologueError, "between 0 and 1"),
    ],
)
def test_bad_input(options, error, match):
    rec = nested(np.random.default_rng(11), np.zeros((CLASSES, 2)))
    with pytest.raises(error, match=match):
        illusion(rec, "stimulus", rng=0, **options)


def test_designs_that_are_refused():
    rng = np.random.default_rng(12)
    label = np.tile([0, 1], 40)
    rec = make(rng.random((80, 1)), stimulus=label, group=np.arange(80) // 40)
    with pytest.raises(InvalidDesign, match="halved"):
        illusion(rec, "stimulus", rng=0)
    with pytest.raises(InvalidDesign, match="at least 2"):
        illusion(make(rng.random((80, 1)), stimulus=np.zeros(80, int)), "stimulus", rng=0)
    with pytest.raises(InvalidRecording, match="NaN"):
        illusion(make(np.where(label, np.nan, 1.0)[:, None], stimulus=label), "stimulus", rng=0)


def test_receptors_of_the_fly(fly):
    found = illusion(fly, "odour_class", rng=0, top=5, **FEW)
    assert (found["top_p"] <= 0.05).mean() > 0.5
    assert (found["state"] != "agrees").all()


@pytest.fixture(scope="module")
def fly():
    from homologue.systems import get

    return get("fly").record()


def test_a_language_model_and_its_untrained_twin(smollm2, smollm2_untrained):
    words = stimuli.concepts(n_exemplars=12, n_templates=1)
    options = {"sites": "model.layers.15.mlp.act_fn", "positions": "last"}
    found = [
        illusion(system.record(words, **options), "concept", rng=0, **FEW)
        for system in (smollm2, smollm2_untrained)
    ]
    told = [float((one["p"] <= 0.05).mean()) for one in found]
    labelled = [float((one["top_p"] <= 0.05).mean()) for one in found]
    assert labelled[0] > 2 * labelled[1]
    assert told[0] > told[1]


def test_the_public_names():
    assert set(examples.__all__) == {"Examples", "collect", "illusion", "of"}
