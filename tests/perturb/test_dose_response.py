"""Dose–response: closed forms, planted gradation, measured false positives, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import curve_fit
from scipy.stats import spearmanr
from sklearn.isotonic import IsotonicRegression

from homologue import perturb
from homologue._errors import HomologueError, InvalidDesign
from homologue.perturb import Behaviour, own_behaviour
from homologue.perturb._dose_response import trend
from homologue.perturb._hill import hill, isotonic
from homologue.systems.circuits import excitatory_inhibitory, ring, two_module

CIRCUIT = two_module.system()
TASKS = [own_behaviour("task-a", runs=6), own_behaviour("task-b", runs=6)]
STRENGTH = np.linspace(0.1, 1, 8)


def test_planted_doses_are_graded_specific_and_reversible():
    found = perturb.dose_response(
        CIRCUIT,
        perturb.cool("module-a", 0.5),
        TASKS[0],
        [1, 0.8, 0.6, 0.4, 0.2, 0],
        controls=TASKS[1],
        rng=0,
    )
    np.testing.assert_allclose(found.curve[0], found.strength, atol=1e-12)  # a linear readout
    np.testing.assert_array_equal(found.curve[1], 0)
    assert found.dose.values.tolist() == [1, 0.8, 0.6, 0.4, 0.2, 0]
    assert float(found.isotonic_share[0]) == pytest.approx(1)
    assert float(found.p[0]) < 0.01
    assert float(found.p[1]) == 1
    assert found.reversible.all()
    np.testing.assert_allclose(found.specificity, found.strength, atol=1e-12)
    assert found.reason.values.tolist()[1] == "no trend at .05"


@pytest.mark.parametrize(
    ("system", "perturbation", "behaviour", "doses"),
    [
        (ring, perturb.noise("ring", 1.0), "heading", [0.5, 2, 8]),
        (excitatory_inhibitory, perturb.stimulate("excitatory", 1.0), "restraint", [1, 2, 4]),
    ],
)
def test_other_systems_come_back(system, perturbation, behaviour, doses):
    found = perturb.dose_response(
        system.system(),
        perturbation,
        own_behaviour(behaviour, runs=3, chance=None),
        doses,
        rng=0,
        draws=100,
    )
    assert found.reversible.all()
    assert np.isfinite(found.curve).all()


def test_what_does_not_come_back_is_said():
    class Worn:
        """Keeps a trace of every perturbation."""

        name, worn = "worn", 0.0

        def perturb(self, one, rng=None):
            Worn.worn += 0.1
            return self

    def read(system, rng):
        coords = {"group": ("sample", np.arange(8))}
        return xr.DataArray(np.arange(8.0) + 5 - Worn.worn, dims="sample", coords=coords)

    one = Behaviour("level", "", read)
    found = perturb.dose_response(Worn(), perturb.cool("x", 0), one, [0.9, 0.5, 0.1], rng=0)
    assert not found.reversible.any()


def test_isotonic_against_scikit_learn():
    curves = np.random.default_rng(0).normal(size=(30, 7)) + np.arange(7) * 0.3
    fit = IsotonicRegression()
    expected = [fit.fit_transform(np.arange(7), one) for one in curves]
    np.testing.assert_allclose(isotonic(curves), expected, atol=1e-12)


def test_hill_against_scipy():
    def curve(s, top, half, exponent):
        return top * s**exponent / (half**exponent + s**exponent)

    noise = np.random.default_rng(1).normal(0, 0.02, 8)
    measured = curve(STRENGTH, 0.9, 0.35, 3.0) + noise
    expected, _ = curve_fit(curve, STRENGTH, measured, p0=[1, 0.5, 2])
    found = hill(STRENGTH, measured[None])
    np.testing.assert_allclose(
        [found.top[0], found.half[0], found.exponent[0]], expected, rtol=5e-3
    )
    assert np.isnan(hill(STRENGTH, -measured[None]).half).all()


def test_trend_against_scipy():
    loss = np.random.default_rng(2).integers(0, 4, (20, 6)).astype(float)
    each, p, null = trend(loss, permutations=999, rng=0)
    length = [np.unique(one).size for one in loss]
    for one, rho, kinds in zip(loss, each, length, strict=True):
        if kinds == 6:
            assert rho == pytest.approx(spearmanr(np.arange(6), one)[0])
    assert abs(null.mean()) < 0.02
    assert 0 < p <= 1
    first = trend(loss[::-1], permutations=99, rng=0)[0]
    np.testing.assert_allclose(first[::-1], each)  # groups come in any order


@pytest.mark.parametrize("tails", ["normal", "heavy", "unequal", "own way"])
def test_false_positives_of_the_trend(tails):
    draw = np.random.default_rng(3)
    hits = []
    for seed in range(400):
        loss = draw.standard_t(2, (12, 5)) if tails == "heavy" else draw.normal(size=(12, 5))
        if tails == "unequal":
            loss = loss * draw.lognormal(0, 1.5, (12, 1)) + draw.normal(0, 5, (12, 1))
        if tails == "own way":  # in proportion to the dose, in no direction on the average
            loss = draw.normal(size=(12, 1)) * np.arange(5.0)
        hits.append(trend(loss, permutations=99, rng=seed)[1] <= 0.05)
    assert np.mean(hits) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)


def test_interval_of_the_ed50_covers():
    draw = np.random.default_rng(4)
    inside = []
    shape = STRENGTH**2 / (0.4**2 + STRENGTH**2)
    for seed in range(40):
        top = draw.normal(0.8, 0.2, (16, 1))
        lost = top * shape + draw.normal(0, 0.1, (16, 8))
        found = perturb.graded(
            np.ones((1, 16)), 1 - lost.T[:, None], strength=STRENGTH, chance=[0.0],
            permutations=99, draws=200, rng=seed,
        )  # fmt: skip
        inside.append(found.ed50_low[0] <= 0.4 <= found.ed50_high[0])
    assert np.mean(inside) >= 0.85


def test_half_beyond_the_doses_is_no_number():
    base = np.random.default_rng(5).normal(1, 0.01, (1, 10))
    lost = (STRENGTH**2 / (5**2 + STRENGTH**2))[:, None, None]
    found = perturb.graded(base, base - lost, strength=STRENGTH, permutations=99, rng=0)
    assert np.isnan(found.ed50[0])
    assert found.reason.values[0] == "half of the top lies beyond the doses"


def test_refusals():
    cooled, task = perturb.cool("module-a", 0.5), TASKS[0]

    def run(perturbation=cooled, doses=(0.5, 0.2, 0), behaviour=task):
        return perturb.dose_response(CIRCUIT, perturbation, behaviour, doses, rng=0)

    with pytest.raises(HomologueError, match="3 doses besides 1"):
        run(doses=[1, 0.5, 0])
    with pytest.raises(HomologueError, match="both sides of 1"):
        run(doses=[2, 0.5, 0, 0.2])
    with pytest.raises(HomologueError, match="has no dose that does nothing"):
        run(perturb.clamp("module-a", 1))
    with pytest.raises(HomologueError, match="has no dose that does nothing"):
        run(perturb.ablate("module-a"))
    with pytest.raises(HomologueError, match="finite"):
        run(doses=[0.5, 0.2, np.inf])
    flat = xr.DataArray(np.ones(9), dims="sample", coords={"group": ("sample", np.arange(9))})
    with pytest.raises(HomologueError, match="constant measures nothing"):
        run(behaviour=Behaviour("flat", "", lambda system, rng: flat))
    with pytest.raises(InvalidDesign, match="at least 5"):
        perturb.graded(np.ones((1, 3)), np.zeros((3, 1, 3)), strength=STRENGTH[:3], rng=0)

    def broken(system, rng):
        doses = [one.dose for one in system.perturbations]
        return flat * (np.nan if 0.2 in doses else np.arange(9) + 1)

    with pytest.raises(HomologueError, match=r"NaN or Inf under cool\(module-a, 0.2\)"):
        run(behaviour=Behaviour("broken", "", broken))
    with pytest.raises(HomologueError, match="1e\\+308"):
        run(perturb.stimulate("decoy-a", 1), [1, 2, 1e308])
