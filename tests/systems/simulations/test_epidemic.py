"""The epidemic: contacts, probabilities in closed form, cut nodes."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from homologue import perturb, systems
from homologue.systems.simulations import epidemic


def test_contacts_and_halves_are_zacharys():
    graph = nx.karate_club_graph()
    np.testing.assert_array_equal(nx.to_numpy_array(graph, weight=None), epidemic.contacts())
    halves = [graph.nodes[node]["club"] == "Mr. Hi" for node in graph]
    sites = systems.get("epidemic").sites
    assert [site == "instructor's half" for site in sites] == halves


def test_the_reproduction_number_is_the_published_one():
    degree = epidemic.contacts().sum(axis=1)
    assert pytest.approx(1.8) == epidemic.RATIO * degree.mean()
    # Above the threshold of this network, where outbreaks occur at all.
    assert np.linalg.eigvalsh(epidemic.contacts()).max() * epidemic.RATIO > 1


def test_one_step_infects_with_the_probability_of_its_rate():
    state = np.zeros((20_000, epidemic.PEOPLE))
    state[:, 0] = epidemic.INFECTIOUS
    sent = (state == epidemic.INFECTIOUS).astype(float)
    after = epidemic._step(state, sent, np.zeros(1), 0, np.random.default_rng(0))
    met = epidemic.contacts()[0] > 0
    expected = 1 - np.exp(-epidemic.RATIO * epidemic.INTERVAL)
    share = (after == epidemic.INFECTIOUS).mean(axis=0)
    assert share[1:][met[1:]].mean() == pytest.approx(expected, rel=0.02)
    assert (share[1:][~met[1:]] == 0).all()
    recovered = (after[:, 0] == epidemic.RECOVERED).mean()
    assert recovered == pytest.approx(1 - np.exp(-epidemic.INTERVAL), rel=0.05)


def test_nobody_is_infected_across_a_cut():
    system = systems.get("epidemic")
    halves = np.array(system.sites)
    contacts = epidemic.contacts() > 0
    across = contacts & (halves[:, None] != halves)
    border = [system.dynamics.units[i] for i in np.flatnonzero(across.any(axis=1))]
    cut = system.perturb(perturb.ablate(border)).record(runs=40)
    inside = [unit for unit in system.dynamics.units if unit not in border]
    for half, code in (("instructor's half", 1), ("officer's half", 0)):
        units = [u for u, site in zip(system.dynamics.units, halves, strict=True) if site == half]
        chosen = cut.sel(unit=[u for u in units if u in inside])
        assert (chosen.values[cut["first case"].values == code] == 0).all()


def test_vaccinating_each_leader_spares_his_own_half_most():
    system = systems.get("epidemic")

    def gain(member: str, name: str) -> float:
        removed = system.perturb(perturb.ablate(member))
        return float((removed.behave(name, runs=150) - system.behave(name, runs=150)).mean())

    for member, own, other in (
        ("member 1", "instructor-spared", "officer-spared"),
        ("member 34", "officer-spared", "instructor-spared"),
    ):
        assert gain(member, own) > gain(member, other) > 0


def test_a_person_with_one_contact_hardly_matters():
    system = systems.get("epidemic")
    removed = system.perturb(perturb.ablate("member 12"))  # knows member 1 alone
    for name in system.behaviours:
        effect = removed.behave(name, runs=150) - system.behave(name, runs=150)
        assert abs(float(effect.mean())) < 0.03
