"""The inhibition-stabilised network against linear algebra."""

from __future__ import annotations

import numpy as np
import pytest

from homologue import perturb, systems
from homologue.systems.circuits import excitatory_inhibitory as network


def solved(drive: np.ndarray) -> np.ndarray:
    """An oracle: r = W'r + drive, solved."""
    return np.linalg.solve(np.eye(len(drive)) - network.weights().T, drive)


@pytest.mark.parametrize("sign", [1, -1])
def test_closed_form_rates_solve_the_network(sign):
    drive = network._DRIVE.copy()
    drive[: network.EXCITATORY] += sign * network.CONTRAST * network.TUNING
    np.testing.assert_allclose(network.rates(sign), solved(drive), atol=1e-10)
    assert network.rates(sign).min() > 0


def test_recorded_rates_are_the_closed_form():
    rec = systems.get("excitatory-inhibitory").record(runs=100)
    for code, sign in ((0, 1), (1, -1)):
        mean = rec.values[rec["stimulus shown"].values == code].mean(axis=0)
        np.testing.assert_allclose(mean, network.rates(sign), atol=0.03)


def test_driving_inhibition_lowers_its_rate():
    assert network.rates(inhibitory=0.2)[-1] < network.rates()[-1]
    system = systems.get("excitatory-inhibitory")
    before = system.record()
    # A push on what inhibitory units send acts as that much drive: here 0.2.
    spread = system.perturb(perturb.stimulate("inhibitory", 1.0)).reference.standard_deviation
    amplitude = 0.2 / spread[-network.INHIBITORY :].mean()
    after = system.perturb(perturb.stimulate("inhibitory", amplitude)).record()
    change = (after - before).values[:, -network.INHIBITORY :].mean()
    expected = network.rates(inhibitory=0.2)[-1] - network.rates()[-1]
    assert expected == pytest.approx(-0.08)
    assert change == pytest.approx(expected, abs=0.01)


def test_without_inhibition_excitation_runs_away():
    system = systems.get("excitatory-inhibitory")
    before = float(system.behave("restraint").mean())
    rates = [
        float(system.perturb(perturb.cool("inhibitory", gain)).behave("restraint").mean())
        for gain in (1.0, 0.9, 0.8, 0.0)
    ]
    assert rates[0] == before
    assert (np.diff(rates) < 0).all()
    assert rates[-1] < -0.9 * network.LARGEST


def test_the_two_behaviours_dissociate():
    system = systems.get("excitatory-inhibitory")

    def change(perturbation, name: str) -> float:
        perturbed = system.perturb(perturbation)
        return float((perturbed.behave(name) - system.behave(name)).mean())

    inhibition = perturb.cool("inhibitory", 0.9)
    assert abs(change(inhibition, "discrimination")) < 0.01
    assert change(inhibition, "restraint") < -0.2
    tuned = perturb.cool([f"excitatory/{i}" for i in (18, 19, 38, 39)], 0.0)
    assert change(tuned, "discrimination") < -0.05
    assert change(tuned, "restraint") > 0
