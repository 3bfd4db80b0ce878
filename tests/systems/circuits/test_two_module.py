"""The planted double dissociation: every unit's effect is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from homologue import perturb, systems
from homologue.systems.circuits import two_module as circuit

RUNS = 12


@pytest.fixture(scope="module")
def margins() -> dict[str, np.ndarray]:
    """Each task's margin after each unit is silenced, (unit, run), and before, under ``None``."""
    system = systems.get("two-module")
    found = {}
    for task in system.behaviours:
        clean = system.behave(task, runs=RUNS).values
        silenced = [
            system.perturb(perturb.ablate(unit)).behave(task, runs=RUNS).values
            for unit in system.dynamics.units
        ]
        found[task] = np.array(silenced) - clean
    return found


def test_rates_are_the_closed_form():
    rec = systems.get("two-module").record(runs=200)
    read = rec["site"].values != "sink"
    for a in (0, 1):
        for b in (0, 1):
            here = (rec["cue a"].values == a) & (rec["cue b"].values == b)
            mean = rec.values[here].mean(axis=0)
            # Noise is rectified: units near threshold lie above the noiseless rate.
            known = circuit.rates(a, b)
            driven = read & (known > 0.75)
            np.testing.assert_allclose(mean[driven], known[driven], atol=0.06)


def test_decoys_differ_from_the_modules_in_nothing_but_who_reads_them():
    rec = systems.get("two-module").record(runs=200)
    norm = rec["outgoing_norm"].values
    site = rec["site"].values
    for name in ("a", "b"):
        module, decoy = site == f"module-{name}", site == f"decoy-{name}"
        np.testing.assert_allclose(norm[module], norm[decoy])
        high = rec[f"cue {name}"].values == 0
        tuning = rec.values[high].mean(axis=0) - rec.values[~high].mean(axis=0)
        np.testing.assert_allclose(tuning[module], tuning[decoy], atol=0.08)
        assert np.abs(tuning[decoy]).min() > 0.4


def test_silencing_a_unit_impairs_the_task_that_reads_it_and_nothing_else(margins):
    system = systems.get("two-module")
    read_by = system.record(runs=1)["read_by"].values
    for task, change in margins.items():
        planted = read_by == task
        assert (change[~planted] == 0).all()  # decoys, sink and the other module: exactly none
        p = stats.ttest_1samp(change[planted], 0, axis=1, alternative="less").pvalue
        assert (p < 0.05).mean() >= 0.9  # recall of planted units


def test_planted_effects_are_their_readout_weights_times_their_rates(margins):
    system = systems.get("two-module")
    rec = system.record(runs=RUNS)
    sign = 1 - 2 * rec["cue a"].values
    first = rec.values[:, : circuit.SIZE]
    expected = -(sign[:, None] * first * circuit.READOUT).T
    np.testing.assert_allclose(margins["task-a"][: circuit.SIZE], expected, atol=1e-12)


def test_the_double_dissociation_is_an_interaction():
    system = systems.get("two-module")
    change = {
        (module, task): (
            system.perturb(perturb.cool(f"module-{module}", 0.5)).behave(f"task-{task}").values
            - system.behave(f"task-{task}").values
        )
        for module in "ab"
        for task in "ab"
    }
    own = change["a", "a"] + change["b", "b"]
    other = change["a", "b"] + change["b", "a"]
    assert (other == 0).all()
    assert stats.ttest_1samp(own - other, 0, alternative="less").pvalue < 0.01


def test_the_dose_is_monotone_and_linear():
    system = systems.get("two-module")
    gains = np.array([1.0, 0.75, 0.5, 0.25, 0.0])
    margin = np.array(
        [
            float(system.perturb(perturb.cool("module-a", gain)).behave("task-a").mean())
            for gain in gains
        ]
    )
    np.testing.assert_allclose(margin, gains * margin[0], atol=1e-12)
