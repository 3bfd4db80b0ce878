"""The ring attractor against its closed form, and what holding a heading needs."""

from __future__ import annotations

import numpy as np
import pytest

from homologue import perturb, systems
from homologue.systems.circuits import ring


def test_the_bump_is_the_closed_form():
    width, amplitude = ring.bump()
    assert width == pytest.approx(np.pi / 2)  # J1 = 4
    assert amplitude == pytest.approx(np.pi / 4)
    state = np.maximum(np.cos(ring._ANGLE), 0)[None]
    for _ in range(2_000):
        total = ring.BACKGROUND + state @ ring._WEIGHTS
        state += 0.2 * (np.maximum(total, 0) - state)
    expected = amplitude * np.maximum(np.cos(ring._ANGLE) - np.cos(width), 0)
    np.testing.assert_allclose(state[0], expected, atol=0.005)


def test_the_heading_is_held_after_the_cue_is_gone():
    system = systems.get("ring-attractor")
    held = system.behave("heading")
    assert held.min() > 0.95
    rec = system.record()
    error = np.angle(np.exp(1j * (ring.decoded(rec.values) - rec["heading"].values * np.pi / 4)))
    assert np.abs(error).mean() < 0.1
    assert np.bincount(rec["heading"].values).tolist() == [24] * 8


def test_turning_the_cue_turns_the_bump():
    rec = systems.get("ring-attractor").record(runs=40)
    mean = rec.groupby("heading").mean().values
    for heading in range(8):
        np.testing.assert_allclose(np.roll(mean[heading], -6 * heading), mean[0], atol=0.08)


def test_a_lesion_hurts_the_headings_it_covers():
    system = systems.get("ring-attractor")
    lesion = [(i - 4) % ring.UNITS for i in range(9)]  # centred on heading 0
    hurt = system.perturb(perturb.ablate(lesion, site="ring"))
    change = hurt.behave("heading") - system.behave("heading")
    by_heading = [float(change.values[24 * h : 24 * (h + 1)].mean()) for h in range(8)]
    assert by_heading[0] < -0.02
    assert by_heading[0] < 2 * by_heading[4]


def test_silencing_the_ring_while_it_remembers_erases_the_heading():
    system = systems.get("ring-attractor")
    erased = system.perturb(perturb.ablate("ring", window=(0.20, 0.25)))
    assert abs(float(erased.behave("heading").mean())) < 0.3
    kept = system.perturb(perturb.ablate("ring", window=(0.0, 0.05)))  # the cue is still there
    assert float(kept.behave("heading").mean()) > 0.9
