"""Claims about single units: nulls that hold, truths that are found, needs that are asked."""

from __future__ import annotations

import numpy as np
import pytest

from homologue.parallels import Effort, Entry, Panel, PanelError, ask, from_toml, get
from homologue.recording import make, variable

QUICK = Effort(99, 49, 16)
CONCEPT_CELLS = get("concept-cells-exist")
EXAMPLES = get("examples-characterise-units")
MAP = get("spatial-map-exists")


def population(rng, *, classes=4, groups=12, units=20, heavy=False):
    noise = rng.standard_t(2, size=(classes * groups, units)) if heavy else rng.standard_normal(
        (classes * groups, units)
    )  # fmt: skip
    label = np.repeat(np.arange(classes), groups)
    codes = variable(label, categories=list("abcd")[:classes], quantity="space")
    return noise, label, codes


def asked(claim, activity, codes, seed=0):
    rec = make(activity, variables={"class": codes}, system="toy", kind="brain", family="toy")
    return ask(claim, [rec], "class", system="toy", effort=QUICK, seed=seed)


@pytest.mark.parametrize("claim", [CONCEPT_CELLS, EXAMPLES, MAP], ids=lambda claim: claim.id)
def test_null_holds_with_normal_and_with_heavy_tails(claim):
    rng = np.random.default_rng(0)
    p = []
    for seed in range(60):
        noise, _, codes = population(rng, heavy=seed % 2 == 1)
        p.append(asked(claim, noise, codes, seed).p)
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


def test_rare_concept_cells_are_found_where_the_typical_unit_shows_nothing():
    rng = np.random.default_rng(1)
    noise, label, codes = population(rng, units=24)
    noise[:, :4] += 10 * (label[:, None] == np.arange(4))
    found = asked(CONCEPT_CELLS, noise, codes)
    assert found.p == 0.01
    assert found.effect > 0.4
    assert asked(get("units-are-tuned"), noise, codes).effect < 0.2


def spoken(drive, *, nested=False, seed=3):
    """Four concepts of 12 words in two wordings; the drive of each (concept, wording, unit)."""
    rng = np.random.default_rng(seed)
    word, wording = np.repeat(np.arange(48), 2), np.tile([0, 1], 48)
    activity = rng.standard_normal((96, 12)) + drive[word // 12, wording]
    return make(
        activity,
        group=word * 2 + wording if nested else word,
        variables={
            "class": variable(word // 12, categories=list("abcd")),
            "template": variable(wording, quantity="wording"),
        },
        system="toy", kind="model", family="toy",
    )  # fmt: skip


def test_a_concept_in_one_wording_is_no_concept():
    drive = np.zeros((4, 2, 12))
    drive[:, 0, :4] = 8 * np.eye(4)
    in_one = ask(CONCEPT_CELLS, [spoken(drive)], "class", system="toy", effort=QUICK, seed=0)
    assert abs(in_one.effect) < 0.3
    drive[:, 1] = drive[:, 0]
    in_both = ask(CONCEPT_CELLS, [spoken(drive)], "class", system="toy", effort=QUICK, seed=0)
    assert in_both.effect > 0.8
    assert in_both.p == 0.01
    # Where a group is one wording there is nothing to carry over; exemplars alone are halved.
    nested = spoken(drive, nested=True)
    assert ask(CONCEPT_CELLS, [nested], "class", system="toy", effort=QUICK, seed=0).p == 0.01


def test_nothing_is_carried_over_by_chance():
    """Units that answer one of the wordings, whatever it is of, and words of uneven strength."""
    p = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        drive = np.broadcast_to(3 * rng.standard_normal((1, 2, 12)), (4, 2, 12))
        rec = spoken(drive, seed=1000 + seed)
        rec.values[:] += 2 * np.repeat(rng.standard_normal((48, 12)), 2, axis=0)
        p.append(ask(CONCEPT_CELLS, [rec], "class", system="toy", effort=QUICK, seed=seed).p)
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


def test_a_map_is_found_in_places_only():
    rng = np.random.default_rng(2)
    noise, label, codes = population(rng)
    noise += 3 * rng.normal(size=(4, 20))[label]
    assert asked(MAP, noise, codes).effect > 0.7
    del codes.attrs["quantity"]
    refused = asked(MAP, noise, codes)
    assert refused.state == "not applicable"
    assert "no place" in refused.reason


def test_an_entry_answers_the_claims_it_is_there_for():
    entry = Entry("counties", ("place",), claims=("spatial-map-exists",))
    panel = Panel((entry, Entry("wine", ("cultivar",))))
    assert from_toml(panel.to_toml()).entries == panel.entries
    with pytest.raises(Exception, match="spatial-map-exists"):
        Panel((Entry("counties", ("place",), claims=("spatial-map",)),))


def test_two_entries_of_one_system_are_told_apart_in_the_fewest_words():
    options = {"sites": "embedding"}
    panel = Panel(
        (
            Entry("minilm", ("concept",), stimuli="sentences", options=options,
                  stimuli_options={"n_exemplars": 8}),
            Entry("minilm", ("place",), stimuli="places", options=options),
            Entry("wine", ("cultivar",)),
        )
    )  # fmt: skip
    assert [panel.name_of(entry) for entry in panel.entries] == [
        "minilm (sentences)", "minilm (places)", "wine",
    ]  # fmt: skip
    with pytest.raises(PanelError, match="claims"):
        from_toml('[[system]]\nname = "wine"\nclaims = "x"\n')
