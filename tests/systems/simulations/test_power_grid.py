"""The power grid against linear algebra: flows, outages, islands."""

from __future__ import annotations

import numpy as np
import pytest

from homologue import perturb, systems
from homologue.systems.simulations import power_grid as grid
from homologue.systems.simulations._dynamics import crossed


def flows(load: np.ndarray, output: np.ndarray, susceptance: np.ndarray) -> np.ndarray:
    """An oracle: solve for the angles of a grid, bus 1 at 0; MW along each branch."""
    ends = grid.incidence()
    injection = -load.copy()
    for bus, power in zip(grid.OUTPUTS, output, strict=True):
        injection[bus - 1] += power
    laplacian = ends.T @ np.diag(susceptance) @ ends
    angle = np.zeros(grid.BUSES)
    angle[1:] = np.linalg.solve(laplacian[1:, 1:], injection[1:])
    return susceptance * (ends @ angle)


def loads(runs: int, seed: int) -> np.ndarray:
    return grid._start(crossed({"peak": "abc"}, runs), np.random.default_rng(seed))[1]


def test_the_case_adds_up():
    assert sum(grid.LOADS.values()) == pytest.approx(189.2)
    assert len(grid.BRANCHES) == 41
    assert sorted(bus for members in grid.AREAS.values() for bus in members) == [*range(1, 31)]


def test_flows_solve_the_grid():
    rec = systems.get("power-grid").record(runs=2, rng=3)
    output = np.array(list(grid.OUTPUTS.values()))
    for row, load in enumerate(loads(2, 3)):
        expected = flows(load, output, grid._SUSCEPTANCE)
        np.testing.assert_allclose(rec.values[row, :41], expected, atol=1e-9)
        np.testing.assert_allclose(rec.values[row, 41:], output)


@pytest.mark.parametrize("line", ["line 1-2", "line 6-10", "line 12-15", "line 27-30"])
def test_an_outage_is_the_grid_without_the_line(line):
    system = systems.get("power-grid")
    number = system.dynamics.units.index(line)
    out = system.perturb(perturb.ablate(line)).record(runs=1, rng=1)
    output = np.array(list(grid.OUTPUTS.values()))
    open_line = grid._SUSCEPTANCE.copy()
    open_line[number] = 0
    for row, load in enumerate(loads(1, 1)):
        np.testing.assert_allclose(out.values[row, :41], flows(load, output, open_line), atol=1e-6)
    # The same by outage factors: each line takes a fixed share of what the lost one carried.
    before = system.record(runs=1, rng=1).values[:, :41]
    ends, share = grid.incidence(), grid._CORRECTION
    factor = grid._SUSCEPTANCE * (ends @ share @ ends[number])
    factor = factor / (1 - factor[number])
    factor[number] = -1
    np.testing.assert_allclose(out.values[:, :41], before + before[:, [number]] * factor, atol=1e-6)


def test_a_derated_line_has_less_susceptance():
    system = systems.get("power-grid")
    number = system.dynamics.units.index("line 4-12")
    half = grid._SUSCEPTANCE.copy()
    half[number] *= 0.5
    got = system.perturb(perturb.cool("line 4-12", 0.5)).record(runs=1, rng=1).values[0, :41]
    expected = flows(loads(1, 1)[0], np.array(list(grid.OUTPUTS.values())), half)
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_the_first_bus_makes_up_for_a_lost_generator():
    system = systems.get("power-grid")
    lost = (system.perturb(perturb.ablate("generator 13")).record() - system.record()).values
    slack = lost[:, :2].sum(axis=1)  # both branches that leave bus 1
    np.testing.assert_allclose(slack, grid.OUTPUTS[13], atol=1e-6)


def test_a_line_with_nothing_behind_it_can_be_cut_without_effect():
    system = systems.get("power-grid")
    cut = system.perturb(perturb.ablate("line 9-11"))  # bus 11 has no load
    np.testing.assert_allclose(cut.record().values, system.record().values, atol=1e-9)


def test_outages_hurt_the_area_they_are_in():
    system = systems.get("power-grid")
    cut = system.perturb(perturb.ablate("line 27-30"))  # bus 30 then hangs on 29 alone

    def change(area: int) -> float:
        name = f"headroom-{area}"
        return float((cut.behave(name) - system.behave(name)).mean())

    assert change(3) < -0.05
    assert abs(change(1)) < 1e-6
    assert abs(change(2)) < 1e-6
