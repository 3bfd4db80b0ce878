"""Tests of perturbations, of toys in which nothing that is claimed is true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

import numpy as np
import xarray as xr

from benchmarks import _calibration_worlds as worlds
from benchmarks._calibration_measured import DRAWS, Measured, Test, asked, until
from benchmarks._calibration_worlds import World
from homologue import parallels, perturb
from homologue.parallels import _claims_perturbation as causes
from homologue.parallels._perturbed import Prepared
from homologue.perturb._no_change import against_no_change
from homologue.recording import make, variable

FEW = {"permutations": DRAWS}
UNITS = 60
GROUPS = 20

Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

NOISES: dict[str, Noise] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "heavy tails (Cauchy)": lambda rng, shape: rng.standard_cauchy(shape),
    "groups of their own": lambda rng, shape: (
        rng.standard_normal(shape) * rng.lognormal(0, 1.5, shape[-1])
    ),
}
"""What a perturbation does to groups (the last axis), at random."""

CHOICES = ("units chosen at random", "units chosen for their influence")


class Toy:
    """Sixty units, each of which changes every group's behaviour at random, by its influence."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.name = "toy"
        self.norm = rng.lognormal(0, 1, UNITS)
        self.touch = 0.1 * self.norm[:, None, None] * rng.standard_normal((UNITS, 2, GROUPS))
        self.lost = np.zeros((2, GROUPS))

    def record(self, *, rng: Any = 0) -> xr.DataArray:
        activity = np.random.default_rng(rng).standard_normal((40, UNITS))
        return make(
            activity, unit=[f"unit {i}" for i in range(UNITS)],
            unit_variables={"outgoing_norm": self.norm},
        )  # fmt: skip

    def perturb(self, perturbation: Any, *, rng: Any = None, **_: Any) -> Toy:
        held = object.__new__(Toy)
        held.__dict__ = dict(self.__dict__)
        here = [int(name.split()[1]) for name in perturbation.units]
        held.lost = self.touch[here].sum(axis=0)
        return held


def _behaviour(number: int) -> perturb.Behaviour:
    def read(system: Toy, rng: Any) -> xr.DataArray:
        values = 3 + np.linspace(-1, 1, GROUPS) - system.lost[number]
        return xr.DataArray(values, dims="sample", coords={"group": ("sample", np.arange(GROUPS))})

    return perturb.Behaviour(f"behaviour {number}", "a toy's", read)


def effects(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``perturb.effect`` of six units that are no others than their like."""

    def draw() -> dict[str, Any]:
        toy = Toy(rng)
        weight = toy.norm / toy.norm.sum() if "influence" in world.name else None
        chosen = rng.choice(UNITS, 6, replace=False, p=weight)
        found = perturb.effect(
            toy, perturb.ablate([f"unit {i}" for i in chosen]), _behaviour(0),
            controls=_behaviour(1), match="norm", draws=DRAWS, rng=rng,
        )  # fmt: skip
        return {"loss": found.p[0, 0], "specificity": found.specificity_p[0]}

    return until(sets, 1, draw)


def _tables(world: World, rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    baseline = 3 + 0.3 * rng.standard_normal((2, GROUPS))
    return baseline, baseline - NOISES[world.name](rng, (rows, 2, GROUPS))


def dissociation(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``perturb.interaction``: two perturbations that do the same, on the average."""

    def draw() -> dict[str, Any]:
        baseline, perturbed = _tables(world, rng, 2)
        found = perturb.interaction(baseline, perturbed, rng=rng, draws=DRAWS)
        return {"interaction": found.p, "own": found.own_p[0]}

    return until(sets, 1, draw)


DOSES = np.array([0.25, 0.5, 0.75, 1.0])

GRADINGS: dict[str, Noise] = {
    **{f"each dose at random, {name}": noise for name, noise in NOISES.items()},
    "each group its own way, in proportion to dose": lambda rng, shape: (
        DOSES[:, None, None] * rng.standard_normal(shape[1:])
    ),
    "each group its own way, in noise": lambda rng, shape: (
        DOSES[:, None, None] * rng.standard_normal(shape[1:]) + 0.3 * rng.standard_normal(shape)
    ),
}
"""What doses do to groups: nothing that grows with the dose on the average."""


def grading(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``perturb.graded``, the arithmetic of ``dose_response``."""

    def draw() -> dict[str, Any]:
        baseline = 3 + 0.3 * rng.standard_normal((2, GROUPS))
        perturbed = baseline - GRADINGS[world.name](rng, (4, 2, GROUPS))
        found = perturb.graded(
            baseline, perturbed, strength=DOSES, rng=rng, draws=20, permutations=DRAWS
        )
        return {"": found.p[0]}

    return until(sets, 1, draw)


PREDICTED = ("effects at random", "effects by influence, heavy tails", "two sites that differ")


def predicted(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``perturb.selectivity_versus_causality`` where tuning says nothing of effects."""

    def draw() -> dict[str, Any]:
        influence = rng.lognormal(0, 1, UNITS)
        site = np.zeros(UNITS, int)
        effect = rng.standard_normal(UNITS)
        tuning = rng.standard_normal(UNITS)
        if "influence" in world.name:
            effect, tuning = influence * np.abs(rng.standard_t(2, UNITS)), tuning + influence
        if "sites" in world.name:
            site = np.arange(UNITS) % 2
            effect, tuning = effect + 3 * site, tuning + 3 * site
        found = perturb.selectivity_versus_causality(
            tuning, effect, influence=influence, site=site, draws=100, rng=rng, **FEW
        )
        own = {} if "influence" in world.name else {"selectivity": found.p[0]}
        return {**own, "given influence": found.p[2], "most tuned": found.top_p}

    return until(sets, 1, draw)


def single_units(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``perturb.unit_effects``: ten units that change groups at random."""

    def draw() -> dict[str, Any]:
        toy = Toy(rng)
        toy.touch[:10, 0] = NOISES[world.name](rng, (10, GROUPS))
        found = perturb.unit_effects(
            toy, [f"unit {i}" for i in range(10)], _behaviour(0), draws=DRAWS, rng=rng
        )
        return {"": found.p[:, 0]}

    return until(sets, 10, draw)


def nothing(world: World, sets: int, rng: np.random.Generator) -> Measured:
    """``perturb.sweep`` over ten targets, each of which changes groups of two at random."""

    def draw() -> dict[str, Any]:
        change = np.repeat(NOISES[world.name](rng, (10, GROUPS)), 2, axis=1)
        group = np.repeat(np.arange(GROUPS), 2)
        return {"": against_no_change(change, group, draws=DRAWS)["p"]}

    return until(sets, 10, draw)


def _recorded(rec: xr.DataArray, rng: np.random.Generator) -> Any:
    label = variable(rec["label"].values, categories=["a", "b", "c"])
    rec = rec.assign_coords(label=("sample", label.values, label.attrs))
    return perturb.recorded_effects(rec, "label", rng=rng, **FEW).p[0]


def _readings(rng: np.random.Generator, *, graded: bool) -> Prepared:
    """Held-out scores that units change at random, whatever their tuning."""
    sign = np.stack([np.repeat([1.0, -1.0], 12), np.tile([1.0, -1.0], 12)])
    touch = 0.1 * rng.standard_normal((UNITS, 2, 24))

    def under(target: Sequence[Any]) -> np.ndarray:
        out = sign / 2.0
        for one in target:
            here = [int(name.split()[1]) for name in one.units]
            dose = 1.0 if one.kind == "ablate" else 1.0 - float(one.dose)
            out = out + dose * touch[here].sum(axis=0)
            if not graded and dose:
                out = out + 0.3 * rng.standard_normal(out.shape)
        return out

    def scores(targets: Sequence[Sequence[Any]]) -> np.ndarray:
        return np.stack([under(target) for target in targets])

    names = np.array([f"unit {i}" for i in range(UNITS)])
    return Prepared(names, rng.random(UNITS), rng.random(UNITS), sign, np.ones(2, bool), scores)


READINGS = ("units change groups at random", "units change groups at random, in noise")


def claim(identity: str) -> Callable[[World, int, np.random.Generator], Measured]:
    """Return the measurement of a claim about causes, past the training of its readouts."""

    def measure(world: World, sets: int, rng: np.random.Generator) -> Measured:
        asked_claim = parallels.get(identity)
        effort = parallels.Effort(permutations=DRAWS, resamples=2, repeats=1)

        def draw() -> dict[str, Any]:
            one = _readings(rng, graded="noise" not in world.name)
            with patch.object(causes, "_prepared", lambda *_, **__: [one]):
                found = asked_claim.gather([], "", asked_claim.sizes, effort, rng)
            reached = (found.null >= found.observed - 1e-12).sum()
            return {"": (1 + reached) / (1 + found.null.size)}

        return until(sets, 1, draw)

    return measure


ENTRIES: dict[str, Test] = {
    "perturb.effect": Test(effects, worlds.named(CHOICES)),
    "perturb.unit_effects": Test(single_units, worlds.named(NOISES)),
    "perturb.sweep": Test(nothing, worlds.named(NOISES)),
    "perturb.double_dissociation": Test(dissociation, worlds.named(NOISES)),
    "perturb.dose_response": Test(grading, worlds.named(GRADINGS)),
    "perturb.selectivity_versus_causality": Test(predicted, worlds.named(PREDICTED)),
    "perturb.recorded_effects": Test(
        asked(_recorded), (worlds.IID, worlds.HEAVY, worlds.SESSIONS, worlds.NESTED,
                           worlds.SERIES)
    ),
    "claim perturbing-tuned-units-is-specific": Test(
        claim("perturbing-tuned-units-is-specific"), worlds.named(READINGS)
    ),
    "claim effects-are-graded-with-dose": Test(
        claim("effects-are-graded-with-dose"), worlds.named(READINGS)
    ),
    "claim tuning-predicts-causal-effect": Test(
        claim("tuning-predicts-causal-effect"), worlds.named(READINGS)
    ),
}  # fmt: skip
