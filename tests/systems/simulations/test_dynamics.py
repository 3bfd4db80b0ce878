"""The engine: what perturbations act on, when, and what stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from homologue import perturb, recording, systems
from homologue._errors import HomologueError, UnknownName
from homologue.systems._protocol import Perturbable
from homologue.systems.simulations._dynamics import Behaviour, Dynamics, crossed, simulate
from homologue.systems.simulations._simulated import Simulated

SYSTEMS = [
    "ring-attractor",
    "excitatory-inhibitory",
    "two-module",
    "segment-polarity",
    "yeast-cell-cycle",
    "food-web",
    "epidemic",
    "power-grid",
]
DT, TAU = 0.1, 1.0


def leaky(gain: float = 0.5, noise: float = 0.0, steps: int = 200) -> Simulated:
    """Two units in a chain: dx/dt = −x + 1, dy/dt = −y + gain · x."""

    def start(codes, rng):
        drive = np.zeros((codes["input"].size, 2))
        drive[:, 0] = 1.0 + codes["input"]
        return np.zeros_like(drive), drive

    def step(state, sent, drive, clock, rng):
        total = drive + noise * rng.standard_normal(state.shape)
        total[:, 1] += gain * sent[:, 0]
        return state + DT / TAU * (total - state)

    def second(activity, codes):
        return activity[:, 1]

    dynamics = Dynamics(
        units=("first", "second"),
        conditions={"input": ("one", "two")},
        start=start,
        step=step,
        send=np.asarray,
        steps=steps,
        interval=DT,
        behaviours={"output": Behaviour("the second unit", second)},
        outgoing=np.array([gain, 0.0]),
        window=(steps - 10, steps),
    )
    return Simulated(
        name="leaky",
        kind="circuit",
        family="leaky",
        licence="",
        citation="",
        source="",
        dynamics=dynamics,
        variable="input",
    )


def test_fixed_point_is_the_closed_form():
    values = leaky(steps=400).record(runs=1).values
    np.testing.assert_allclose(values, [[1.0, 0.5], [2.0, 1.0]], atol=1e-12)


@pytest.mark.parametrize(
    ("perturbation", "expected"),
    [
        (perturb.ablate("first"), [0.0, 0.0]),
        (perturb.ablate("second"), [1.0, 0.0]),
        # A gain acts on what is sent, once: it does not compound from step to step.
        (perturb.cool("first", 0.3), [0.3, 0.15]),
        (perturb.clamp("first", 7.0), [7.0, 3.5]),
        # Means and spreads over both inputs: 1.5 and 0.5 of the first unit.
        (perturb.ablate("first", mode="mean"), [1.5, 0.75]),
        (perturb.stimulate("first", 2.0), [2.0, 1.0]),
        (perturb.ablate([0], site="leaky"), [0.0, 0.0]),
        (perturb.ablate("leaky"), [0.0, 0.0]),
        (perturb.steer([1.0, -1.0], 0.5, site="leaky"), [1.5, 0.25]),
    ],
)
def test_each_perturbation_is_the_closed_form(perturbation, expected):
    got = leaky(steps=400).perturb(perturbation, rng=0).record(runs=1).values[0]
    np.testing.assert_allclose(got, expected, atol=1e-9)


def test_a_window_acts_only_while_it_lasts():
    whole = leaky().traces().values[:, 0, 0]
    cut = leaky().perturb(perturb.ablate("first", window=(5.0, 10.0))).traces()
    values, time = cut.values[:, 0], cut["time"].values
    inside = (time >= 5.0) & (time < 10.0)
    assert (values[inside, 0] == 0).all()
    np.testing.assert_array_equal(values[~inside, 0], whole[~inside])
    # The second unit forgets what it was sent, then learns it again.
    assert values[time < 5.0, 1][-1] > 0.48
    assert values[inside, 1][-1] < 0.01
    assert values[-1, 1] > 0.49


def test_perturbations_compose_in_order():
    one = leaky().perturb(perturb.clamp("first", 4.0), perturb.cool("first", 0.5))
    other = leaky().perturb(perturb.cool("first", 0.5)).perturb(perturb.clamp("first", 4.0))
    assert one.record(runs=1).values[0, 0] == pytest.approx(2.0)
    assert other.record(runs=1).values[0, 0] == pytest.approx(4.0)


def test_resampling_draws_once_a_run_and_from_the_seed_alone():
    base = leaky()
    first = base.perturb(perturb.ablate("first", mode="resample"), rng=1)
    values = first.record(runs=50).values[:, 0]
    np.testing.assert_allclose(np.sort(np.unique(values.round(6))), [1.0, 2.0], atol=1e-6)
    np.testing.assert_array_equal(values, first.record(runs=50).values[:, 0])
    other = base.perturb(perturb.ablate("first", mode="resample"), rng=2)
    assert not np.array_equal(values, other.record(runs=50).values[:, 0])


def test_a_patch_puts_another_run_in():
    base = leaky(steps=400)
    given = base.record(runs=1)
    swapped = given.isel(sample=[1, 0])
    patched = base.perturb(perturb.patch("first", swapped)).record(runs=1)
    np.testing.assert_allclose(patched.sel(unit="second").values, [1.0, 0.5], atol=1e-9)
    patched = base.perturb(perturb.patch("first", np.array([3.0]))).record(runs=1)
    np.testing.assert_allclose(patched.sel(unit="second").values, 1.5, atol=1e-9)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_perturbation_that_changes_nothing_changes_no_number(name):
    system = systems.get(name)
    before = system.record(runs=2, rng=3)
    unit = system.dynamics.units[0]
    for nothing in (perturb.cool(unit, 1.0), perturb.stimulate(unit, 0.0), perturb.noise(unit, 0)):
        perturbed = system.perturb(nothing, rng=5)
        np.testing.assert_array_equal(perturbed.record(runs=2, rng=3).values, before.values)
        for behaviour in system.behaviours:
            effect = perturbed.behave(behaviour, runs=2, rng=3) - system.behave(
                behaviour, runs=2, rng=3
            )
            assert (effect == 0).all()


@pytest.mark.parametrize("name", SYSTEMS)
def test_perturbing_leaves_the_original_as_it_was(name):
    system = systems.get(name)
    before = system.record(runs=1, rng=0)
    perturbed = system.perturb(perturb.ablate(system.dynamics.units[-1]))
    changed = perturbed.record(runs=1, rng=0)
    assert (changed.values[:, -1] == 0).all()
    assert "ablate" in changed.attrs["perturbation"]
    assert system.perturbations == ()
    after = system.record(runs=1, rng=0)
    xr.testing.assert_identical(before, after)


@pytest.mark.parametrize("name", SYSTEMS)
def test_each_declares_what_the_protocols_ask(name):
    system = systems.get(name)
    assert isinstance(system, systems.System)
    assert isinstance(system, Perturbable)
    assert system.name == name
    assert system.kind == systems.entry(name).kind
    assert system.family
    assert system.licence
    assert system.citation
    assert system.source
    assert system.variable in system.variables
    assert len(system.behaviours) >= 2
    rec = system.record(system.variable, runs=12)
    recording.validate(rec)
    assert rec.sizes["unit"] >= 12  # what the claims need
    assert np.unique(rec["group"]).size == rec.sizes["sample"]
    assert (rec["outgoing_norm"] >= 0).all()
    for variable in system.variables:
        assert rec[variable].attrs["label_source"] == "experimenter"
    for behaviour in system.behaviours:
        found = system.behave(behaviour, runs=12)
        assert found.dims == ("sample",)
        assert np.isfinite(found).all()
        np.testing.assert_array_equal(found["group"], rec["group"])
        assert found.std() > 0  # a behaviour that is constant could not be impaired
    with pytest.raises(HomologueError, match="no parameters and no untrained twin"):
        system.untrained(0)


@pytest.mark.parametrize("name", SYSTEMS)
def test_runs_come_from_the_seed_alone(name):
    system = systems.get(name)
    first, again = system.record(runs=12, rng=1), system.record(runs=12, rng=1)
    assert np.array_equal(first.values, again.values)
    assert not np.array_equal(first.values, system.record(runs=12, rng=2).values)


def test_recordings_of_a_seed_do_not_share_memory():
    system = systems.get("yeast-cell-cycle")
    first = system.record(runs=2, rng=np.int64(4))
    first.values[:] = -1
    again = system.record(runs=2, rng=4)
    assert (again.values >= 0).all()
    drawn = system.record(runs=2, rng=np.random.default_rng(4))
    np.testing.assert_array_equal(drawn.values, again.values)


def test_unknown_names_give_the_nearest():
    system = leaky()
    with pytest.raises(UnknownName, match=r"no unit or site 'frist'; did you mean 'first'"):
        system.perturb(perturb.ablate("frist"))
    with pytest.raises(UnknownName, match="no unit or site 'leaky/7'"):
        system.perturb(perturb.ablate([7], site="leaky"))
    with pytest.raises(UnknownName, match="no behaviour 'ouput'; did you mean 'output'"):
        system.behave("ouput")
    with pytest.raises(UnknownName, match="no variable 'inputs'"):
        system.record("inputs")


def test_what_a_simulation_has_not_is_refused():
    with pytest.raises(HomologueError, match="has no positions; given 'last'"):
        leaky().perturb(perturb.ablate("first", positions="last"))
    with pytest.raises(HomologueError, match="lies outside a run"):
        leaky().perturb(perturb.ablate("first", window=(50.0, 60.0)))
    with pytest.raises(HomologueError, match="1 or more"):
        leaky().record(runs=0)


def test_a_dose_that_diverges_is_named():
    unstable = leaky(gain=1e300).perturb(perturb.cool("first", 1e300))
    with pytest.raises(HomologueError, match=r"no longer finite under cool\(first, 1e\+300\)"):
        unstable.record(runs=1)
    # Each step is finite, and their sum is not.
    with pytest.raises(HomologueError, match=r"no longer finite under clamp\(first, 1e\+308\)"):
        leaky().perturb(perturb.clamp("first", 1e308)).record(runs=1)


def test_conditions_are_crossed():
    codes = crossed({"a": ("x", "y", "z"), "b": ("u", "v")}, 4)
    pairs, count = np.unique(np.stack(list(codes.values())), axis=1, return_counts=True)
    assert pairs.shape == (2, 6)
    assert (count == 4).all()


def test_runs_do_not_depend_on_their_neighbours_when_there_is_no_noise():
    system = leaky()
    few, many = system.record(runs=1), system.record(runs=5)
    np.testing.assert_allclose(few.values[1], many.values[-1])
    traced = simulate(
        system.dynamics, crossed({"input": "ab"}, 1), rng=np.random.default_rng(0), trace=True
    )
    np.testing.assert_allclose(traced[-10:].mean(axis=0), few.values)


@pytest.mark.parametrize("name", ["two-module", "epidemic", "yeast-cell-cycle"])
def test_a_dummy_perturbation_is_significant_at_its_level_only(name):
    system = systems.get(name)
    dummy = system.perturb(perturb.cool(system.dynamics.units[0], 1.0), rng=0)
    # Runs of other seeds, so that they are no pairs, whose difference would be exactly 0.
    p = [
        stats.mannwhitneyu(
            dummy.behave(behaviour, runs=10, rng=2 * seed).values,
            system.behave(behaviour, runs=10, rng=2 * seed + 1).values,
        ).pvalue
        for seed in range(30)
        for behaviour in list(system.behaviours)[:2]
    ]
    share = (np.array(p) <= 0.05).mean()
    assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(p))
