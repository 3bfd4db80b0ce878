"""Invariance: closed form, planted truth, false positives, invariances, refusals."""

import numpy as np
import pytest

from homologue import stimuli
from homologue._errors import HomologueError, InvalidDesign
from homologue.recording import make
from homologue.tuning import invariance


def shown(rng, *, exemplars=6, wordings=4, classes=3, units=4, nested=False):
    """Samples of exemplars × wordings, noise only, with a random effect of every exemplar."""
    if nested:
        word = np.arange(classes * exemplars)
        wording = word % wordings
    else:
        word = np.repeat(np.arange(classes * exemplars), wordings)
        wording = np.tile(np.arange(wordings), classes * exemplars)
    concept = word // exemplars
    activity = rng.normal(size=(word.size, units)) + rng.normal(size=(word.max() + 1, units))[word]
    return activity, concept, wording, word


def recording(activity, concept, wording, word):
    return make(activity, group=word, variables={"concept": concept, "wording": wording})


def test_perfect_preference_is_one_and_a_preference_for_a_wording_is_not():
    rng = np.random.default_rng(0)
    activity, concept, wording, word = shown(rng)
    activity[:, 0] += 50 * (concept == 1)
    activity[:, 1] += 50 * ((concept == 1) & (wording % 2 == 0))
    activity[:, 2] = 3.0
    found = invariance(
        recording(activity, concept, wording, word), across="wording", rng=0, permutations=199
    )
    assert found.effect.values[0] == 1
    assert found.within_effect.values[0] == 1
    assert found.p.values[0] == 1 / 200
    assert abs(found.effect.values[1]) < 0.5
    assert found.within_effect.values[1] > 0.4
    assert np.isnan(found.effect.values[2])
    assert found.best_class.values[:1].tolist() == ["1"]
    assert found.low.values[0] <= found.effect.values[0] <= found.high.values[0]


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("tails", ["normal", "Cauchy"])
def test_no_more_false_positives_than_the_level(nested, tails):
    rng = np.random.default_rng(1)
    p = []
    for _ in range(25):
        activity, concept, wording, word = shown(rng, units=40, nested=nested, exemplars=8)
        if tails == "Cauchy":
            activity = np.tan(np.arctan(activity) * 0.99)
        rec = recording(activity, concept, wording, word)
        p.append(invariance(rec, across="wording", rng=rng, permutations=99).p.values)
    rate = (np.concatenate(p) <= 0.05).mean()
    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)


def test_order_of_units_and_samples_does_not_matter():
    rng = np.random.default_rng(2)
    activity, concept, wording, word = shown(rng)
    activity[:, 0] += concept
    rec = recording(activity, concept, wording, word)
    order, units = rng.permutation(word.size), rng.permutation(4)
    first = invariance(rec, across="wording", rng=0, permutations=99)
    second = invariance(
        rec.isel(sample=order, unit=units), across="wording", rng=0, permutations=99
    )
    for name in ("effect", "p", "within_effect", "low"):
        np.testing.assert_allclose(second[name].values, first[name].values[units], atol=1e-12)


def test_refusals_name_what_is_missing():
    rng = np.random.default_rng(3)
    activity, concept, wording, word = shown(rng)
    with pytest.raises(InvalidDesign, match="one value only"):
        invariance(recording(activity, concept, 0 * wording, word), across="wording", rng=0)
    with pytest.raises(InvalidDesign, match="group be the exemplar"):
        invariance(recording(activity, concept, wording, wording), across="wording", rng=0)
    one = np.where(concept == 0, word, np.where(concept == 1, 6, 7 + word))
    with pytest.raises(InvalidDesign, match="more exemplars"):
        invariance(recording(activity, concept, wording, one), across="wording", rng=0)
    with pytest.raises(HomologueError, match="frame"):
        invariance(recording(activity, concept, wording, word), across="frame", rng=0)
    rec = recording(activity, concept, wording, word)
    for few in (0, 1):
        with pytest.raises(HomologueError, match=f"2 or more, better 999; given {few}"):
            invariance(rec, across="wording", rng=0, permutations=few)


def test_places_hold_every_wording_with_things_of_its_own():
    shown_ = stimuli.places()
    variables = shown_.variables
    phrases = np.asarray(variables["phrase"].values)
    assert len(set(phrases)) == 30
    things = {}
    for wording in range(6):
        rows = np.asarray(variables["wording"].values) == wording
        things[wording] = set(np.asarray(variables["first"].values)[rows])
    for one in range(6):
        for other in range(one):
            assert not things[one] & things[other]
    place = np.array(variables["place"].attrs["categories"])[variables["place"].values]
    said = np.array(variables["phrase"].attrs["categories"])[phrases]
    for where in ("above", "below", "inside"):
        words = [set(phrase.split()) for phrase in set(said[place == where])]
        assert len(words) == 6
        assert sum(map(len, words)) == len(set().union(*words))


def test_a_language_model_keeps_concepts_across_templates_and_its_twin_does_not(
    smollm2, smollm2_untrained
):
    concepts = stimuli.concepts(n_exemplars=12, n_templates=2)
    options = {"sites": "model.layers.15.mlp.act_fn", "positions": "last"}
    share = []
    for system in (smollm2, smollm2_untrained):
        rec = system.record(concepts, **options)
        found = invariance(rec, across="template", rng=0, permutations=199)
        share.append(float((found.p <= 0.05).mean()))
    assert share[0] > 0.5
    assert share[1] < 0.12
