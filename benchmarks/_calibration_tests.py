"""The table of public tests that are asked of data without effect.

One entry a test: how it is asked, in which worlds, and over how many data sets. A new analysis
needs one line in :data:`TESTS`::

    "tuning.my_test": Test(asked(lambda rec, rng: my_test(rec, "label", rng=rng, **FEW))),

The question takes a recording and returns a Dataset with ``p`` (or p itself). Worlds are all those
with a label unless others are given; a world that the test must not be used in stays in the
list, where the code has to refuse it.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from benchmarks import _calibration_engine as engine
from benchmarks import _calibration_fields as fields
from benchmarks import _calibration_larger as larger
from benchmarks import _calibration_perturb as perturbed
from benchmarks import _calibration_population as populations
from benchmarks import _calibration_worlds as worlds
from benchmarks._calibration_measured import DRAWS, Measure, Measured, Test, asked
from homologue import parallels, population, representation, tuning
from homologue._errors import HomologueError

FEW = {"permutations": DRAWS}


def _selectivity(rec: xr.DataArray, rng: np.random.Generator) -> dict[str, Any]:
    found = tuning.selectivity(rec, "label", rng=rng, **FEW)
    return {"share": found.share_p, "largest_contrast": found.p}


def _concept_cells(rec: xr.DataArray, rng: np.random.Generator) -> Any:
    return tuning.concept_cells(rec, "label", rng=rng, **FEW).p[:, 0]


def _invariance(rec: xr.DataArray, rng: np.random.Generator) -> xr.Dataset:
    wording = np.arange(rec.sizes["sample"]) % 2
    rec = rec.assign_coords(wording=("sample", wording))
    return tuning.invariance(rec, "label", across="wording", rng=rng, **FEW)


def _quiroga(rec: xr.DataArray, rng: np.random.Generator) -> Any:
    """Responses and baseline are halves of the units: alike, and independent."""
    rec = rec.assign_attrs(activity_units="spikes")
    half = rec.sizes["unit"] // 2
    before = rec[:, half:].assign_coords(unit=rec["unit"].values[:half])
    return tuning.quiroga(rec[:, :half], "label", baseline=before, rng=rng, **FEW).p[:, 0]


def _place(rec: xr.DataArray, *, circular: bool = False) -> xr.DataArray:
    """Return the recording with its eight classes as places along a line, or a circle."""
    place = rec["label"].values + 0.5
    attrs = {"period": 8.0} if circular else {}
    return rec.assign_coords(label=("sample", place, attrs))


def _around(rec: xr.DataArray, rng: np.random.Generator) -> xr.Dataset:
    return tuning.peri_event(
        rec, baseline=(-0.2, 0.0), response=(0.0, 0.2), rng=rng, draws=2, **FEW
    )


def _decode(rec: xr.DataArray, rng: np.random.Generator) -> xr.Dataset:
    return representation.decode(rec, "label", rng=rng, resamples=2, **FEW)


def _claim(identity: str, *, classes: int = 2, repeats: int = 8, **attrs: Any) -> Measure:
    """Return the measurement of one claim, asked as a panel asks it.

    Attributes of the variable, for claims that need them: ``period``, ``quantity``.
    """
    effort = parallels.Effort(permutations=DRAWS, resamples=2, repeats=repeats)

    def question(rec: xr.DataArray, rng: np.random.Generator) -> float:
        rec["label"].attrs.update(attrs)
        claim = parallels.get(identity)
        variable = "label" if "variable" in claim.needs else None
        seed = int(rng.integers(2**31))
        cell = parallels.ask(claim, [rec], variable, system="no effect", effort=effort, seed=seed)
        if cell.state in ("not applicable", "failed"):
            raise HomologueError(cell.reason)
        return cell.p

    return asked(question, classes=classes, units=16)


TESTS: dict[str, Test] = {
    "tuning.selectivity": Test(asked(_selectivity)),
    "tuning.concept_cells": Test(asked(_concept_cells)),
    "tuning.class_selectivity": Test(
        asked(lambda rec, rng: tuning.class_selectivity(rec, "label", rng=rng, **FEW), rates=True)
    ),
    "tuning.discriminability": Test(
        asked(lambda rec, rng: tuning.discriminability(rec, "label", rng=rng, **FEW))
    ),
    "tuning.invariance": Test(asked(_invariance), (worlds.IID, worlds.HEAVY, worlds.NESTED)),
    "tuning.mutual_information": Test(
        asked(lambda rec, rng: tuning.mutual_information(rec, "label", rng=rng, **FEW))
    ),
    "tuning.sparseness": Test(
        asked(lambda rec, rng: tuning.sparseness(rec, "label", rng=rng, **FEW), rates=True)
    ),
    "tuning.quiroga": Test(asked(_quiroga, units=20, rates=True)),
    "tuning.tuning_curve": Test(
        asked(
            lambda rec, rng: tuning.tuning_curve(
                _place(rec), "label", rng=rng, bins=8, draws=2, **FEW
            ).unit_p,
            classes=8,
        )
    ),
    "tuning.spatial_information": Test(
        asked(
            lambda rec, rng: tuning.spatial_information(
                _place(rec), "label", rng=rng, bins=8, **FEW
            ),
            classes=8, rates=True,
        )
    ),
    "tuning.vector_length": Test(
        asked(
            lambda rec, rng: tuning.vector_length(
                _place(rec, circular=True), "label", rng=rng, bins=8, **FEW
            ),
            classes=8, rates=True,
        )
    ),
    "tuning.spatial_coherence": Test(
        asked(
            lambda rec, rng: tuning.spatial_coherence(_place(rec), "label", rng=rng, bins=8, **FEW),
            classes=8, rates=True,
        )
    ),
    "tuning.place_fields": Test(
        asked(
            lambda rec, rng: tuning.place_fields(_place(rec), "label", rng=rng, bins=8, **FEW),
            classes=8, rates=True,
        )
    ),
    "tuning.peri_event": Test(asked(_around), worlds.TRIALS),
    "representation.decode": Test(asked(_decode)),
    "population.dimension": Test(
        asked(lambda rec, rng: population.dimension(rec, rng=rng, **FEW), classes=2),
        (*worlds.UNLABELLED, worlds.FEW),
    ),
    "population.parallel_analysis": Test(
        asked(lambda rec, rng: population.parallel_analysis(rec, rng=rng, **FEW).p[0], classes=2),
        worlds.UNLABELLED,
    ),
    "population.intrinsic_dimension": Test(
        asked(lambda rec, rng: population.intrinsic_dimension(rec, rng=rng, **FEW), classes=2),
        worlds.UNLABELLED,
    ),
    "claim units-are-tuned": Test(_claim("units-are-tuned")),
    "claim population-represents": Test(_claim("population-represents")),
    "claim code-is-low-dimensional": Test(
        _claim("code-is-low-dimensional"), worlds.UNLABELLED
    ),
    "claim concept-cells-exist": Test(_claim("concept-cells-exist")),
    "claim examples-characterise-units": Test(_claim("examples-characterise-units")),
    "claim spatial-map-exists": Test(
        _claim("spatial-map-exists", classes=4, quantity="space")
    ),
    "claim cycle-tracks-the-stimulus": Test(
        _claim("cycle-tracks-the-stimulus", classes=6, period=6.0), worlds.LARGER
    ),
    "claim there-is-a-cycle": Test(_claim("there-is-a-cycle", repeats=1), larger.CLOUDS),
    "claim dynamics-are-rotational": Test(
        _claim("dynamics-are-rotational", repeats=1), larger.TRAJECTORIES
    ),
    "claim dynamics-are-rotational (smooth)": Test(
        _claim("dynamics-are-rotational", repeats=1), larger.SMOOTH
    ),
    "inference.permutation_test": Test(engine.engine),
    "families": Test(engine.families),
    "inference.sequential_p_value": Test(engine.sequential),
    "inference.calibrate_similarity": Test(engine.similarity),
    "inference.circular_shift": Test(
        engine.shifted_label, (worlds.IID, worlds.HEAVY, worlds.SERIES)
    ),
    "surrogates of units": Test(engine.unit_pairs, worlds.UNLABELLED),
    **fields.ENTRIES,
    **populations.ENTRIES,
    **perturbed.ENTRIES,
}  # fmt: skip


def p_values(test: str, world: str, *, sets: int, seed: int) -> Measured:
    """Return the p-values of one test in one world."""
    entry = TESTS[test]
    (where,) = (one for one in entry.worlds if one.name == world)
    rng = np.random.default_rng([seed, *test.encode(), *world.encode()])
    return entry.measure(where, sets, rng)


def tasks() -> Iterator[tuple[str, str, int]]:
    """Yield every test with every world it is asked in, and the number of data sets."""
    for name, test in TESTS.items():
        for world in test.worlds:
            yield name, world.name, test.sets


PACKAGES = ("tuning", "representation", "population", "perturb")

_ANOTHER = {
    "perturb.graded": "perturb.dose_response",
    "perturb.interaction": "perturb.double_dissociation",
    "perturb.matched_effect": "perturb.effect",
    "perturb.measurable": "perturb.unit_effects",
    "perturb.activation_patching": "perturb.sweep",
    "perturb.path_patching": "perturb.sweep",
}
"""Arithmetic of a test that is asked under its other name."""


def gives_p(function: Any) -> bool:
    """Return whether a public function says that it returns a p-value."""
    text = inspect.getdoc(function) or ""
    found = re.search(r"\nReturns\n-+\n(.*?)(?=\n\n\w+\n-{3,}\n|\Z)", text, re.S)
    said = found.group(1) if found else ""
    return bool(re.search(r"``p``", said)) or "q_value" in said


def _public(module: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.ismodule(value):
            yield from _public(value, f"{prefix}.{name}")
        elif inspect.isfunction(value) and "Dataset" in str(inspect.signature(value)):
            yield f"{prefix}.{name}", value


def public() -> dict[str, Any]:
    """Return every public function of the analyses and perturbations that returns a Dataset."""
    found: dict[str, Any] = {}
    for package in PACKAGES:
        found |= _public(importlib.import_module(f"homologue.{package}"), package)
    return found


def without_p() -> list[str]:
    """Return the public functions whose result holds no p: nothing of them can be calibrated."""
    return sorted(
        n for n, one in public().items() if n not in (*TESTS, *_ANOTHER) and not gives_p(one)
    )


def not_asked() -> list[str]:
    """Return the public tests and the claims that no entry asks."""
    known = [*sorted(public()), *(f"claim {one.id}" for one in parallels.claims())]
    silent = {*without_p(), *TESTS, *(name for name, to in _ANOTHER.items() if to in TESTS)}
    return [name for name in known if name not in silent]
