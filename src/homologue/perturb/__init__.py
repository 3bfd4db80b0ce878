"""Interventions: ablate, cool, stimulate, clamp, patch, steer; and what they do to behaviour."""

from homologue.perturb._behaviour import Behaviour, own_behaviour, rate
from homologue.perturb._patching import (
    activation_patching,
    attribution_patching,
    path_patching,
)
from homologue.perturb._perturbation import ablate, clamp, cool, noise, patch, steer, stimulate
from homologue.perturb._recorded import recorded_effects, symmetry
from homologue.perturb._sweep import sweep
from homologue.perturb._units import direction, feature, heads
from homologue.perturb._values import Perturbation

__all__ = [
    "Behaviour",
    "Perturbation",
    "ablate",
    "activation_patching",
    "attribution_patching",
    "clamp",
    "cool",
    "direction",
    "feature",
    "heads",
    "noise",
    "own_behaviour",
    "patch",
    "path_patching",
    "rate",
    "recorded_effects",
    "steer",
    "stimulate",
    "sweep",
    "symmetry",
]
