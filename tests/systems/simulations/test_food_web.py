"""The food web: links, levels, a closed form, and what removals must do."""

from __future__ import annotations

import numpy as np
import pytest

from homologue import perturb, systems
from homologue.systems.simulations import food_web as web


def place(taxon: str) -> int:
    return web.TAXA.index(taxon)


def test_the_web_is_the_published_one():
    assert len(web.TAXA) == 48
    assert sum(map(len, web.PREY.values())) == 221
    assert all(prey in web.TAXA for diet in web.PREY.values() for prey in diet)
    diets = web.diets()
    eats = diets.sum(axis=1) > 0
    np.testing.assert_allclose(diets[eats].sum(axis=1), 1)
    assert (~eats).sum() == 6
    assert set(web.BIRDS) | set(web.FISH) | set(web.PLANKTON) <= set(web.PREY)


def test_trophic_levels_follow_from_the_diet():
    level = web.trophic_levels()
    assert level[place("phytoplankton")] == 1
    assert level[place("bacterioplankton")] == pytest.approx(2)  # eats phytoplankton alone
    diet = [level[place(prey)] for prey in web.PREY["raptors"]]
    assert level[place("raptors")] == pytest.approx(1 + np.mean(diet))


def test_a_producer_alone_is_logistic_and_a_starved_consumer_decays():
    biomass = np.zeros((1, len(web.TAXA)))
    biomass[0, place("detritus")] = 0.3
    biomass[0, place("raptors")] = 0.2
    rate = web.per_capita(biomass, biomass)[0]
    assert rate[place("detritus")] == pytest.approx(0.7)
    level = web.trophic_levels()[place("raptors")]
    assert rate[place("raptors")] == pytest.approx(-0.88 * 100 ** (-0.25 * (level - 1)))


def test_one_consumer_and_its_food_is_the_closed_form():
    biomass = np.zeros((1, len(web.TAXA)))
    food, eater = place("phytoplankton"), place("bacterioplankton")
    biomass[0, [food, eater]] = 0.5, 0.4
    metabolism = 0.314 * 100**-0.25
    response = 0.5**2 / (0.5**2 + 0.5**2)
    rate = web.per_capita(biomass, biomass)[0]
    assert rate[eater] == pytest.approx(metabolism * (8 * response - 1))
    lost = metabolism * 8 * 0.4 * response / 0.45
    assert rate[food] * 0.5 == pytest.approx(0.5 * (1 - 0.5) - lost)


def test_the_web_settles():
    biomass = web.settled()
    alive = biomass > 1e-6
    assert alive.sum() == 39
    rate = web.per_capita(biomass[None], biomass[None])[0]
    assert np.abs(rate[alive]).max() < 0.01
    assert np.median(np.abs(rate[alive])) < 1e-5


@pytest.mark.parametrize(
    ("removed", "loses", "most"),
    [
        ("macro-epiphytes", "fish", "plankton"),  # what killifish and minnows graze
        ("phytoplankton", "plankton", "fish"),
    ],
)
def test_removing_what_a_group_lives_on_impairs_that_group_most(removed, loses, most):
    system = systems.get("food-web")
    perturbed = system.perturb(perturb.ablate(removed))

    def change(name: str) -> float:
        return float((perturbed.behave(name, runs=6) - system.behave(name, runs=6)).mean())

    assert change(loses) < -0.5
    assert change(loses) < -5 * abs(change(most))


def test_removing_a_predator_frees_its_prey():
    system = systems.get("food-web")
    before = system.record(runs=4)
    after = system.perturb(perturb.ablate("sheepshead minnow")).record(runs=4)
    prey = "macro-epiphytes"
    assert (after.sel(unit=prey) > before.sel(unit=prey)).all()


def test_a_taxon_that_has_died_out_can_be_removed_without_effect():
    system = systems.get("food-web")
    gone = web.TAXA[int(web.settled().argmin())]
    removed = system.perturb(perturb.ablate(gone))
    for name in system.behaviours:
        np.testing.assert_array_equal(
            removed.behave(name, runs=2).values, system.behave(name, runs=2).values
        )


def test_removal_by_degrees():
    system = systems.get("food-web")
    fish = [
        float(system.perturb(perturb.cool("macro-epiphytes", gain)).behave("fish", runs=4).mean())
        for gain in (1.0, 0.75, 0.5, 0.25, 0.0)
    ]
    assert (np.diff(fish) < 0).all()
