"""Interventions: ablate, cool, stimulate, clamp, patch, steer; and what they do to behaviour."""

from homologue.perturb._behaviour import Behaviour, own_behaviour, rate
from homologue.perturb._controls import influence, matched_sets
from homologue.perturb._dissociation import double_dissociation, interaction, unit_effects
from homologue.perturb._dose_response import dose_response, graded
from homologue.perturb._effect import effect, matched_effect
from homologue.perturb._outputs import METRICS, output_behaviour
from homologue.perturb._patching import (
    activation_patching,
    attribution_patching,
    path_patching,
)
from homologue.perturb._perturbation import ablate, clamp, cool, noise, patch, steer, stimulate
from homologue.perturb._readout import readout
from homologue.perturb._recorded import recorded_effects, symmetry
from homologue.perturb._selectivity_causality import selectivity_versus_causality
from homologue.perturb._sweep import sweep
from homologue.perturb._tasks import measurable, task, tasks
from homologue.perturb._units import direction, feature, heads
from homologue.perturb._values import Perturbation

__all__ = [
    "METRICS",
    "Behaviour",
    "Perturbation",
    "ablate",
    "activation_patching",
    "attribution_patching",
    "clamp",
    "cool",
    "direction",
    "dose_response",
    "double_dissociation",
    "effect",
    "feature",
    "graded",
    "heads",
    "influence",
    "interaction",
    "matched_effect",
    "matched_sets",
    "measurable",
    "noise",
    "output_behaviour",
    "own_behaviour",
    "patch",
    "path_patching",
    "rate",
    "readout",
    "recorded_effects",
    "selectivity_versus_causality",
    "steer",
    "stimulate",
    "sweep",
    "symmetry",
    "task",
    "tasks",
    "unit_effects",
]
