"""Interventions: ablate, cool, stimulate, clamp, patch, steer; and what they do to behaviour."""

from homologue.perturb._perturbation import ablate, clamp, cool, noise, patch, steer, stimulate
from homologue.perturb._recorded import recorded_effects, symmetry
from homologue.perturb._units import direction, feature, heads
from homologue.perturb._values import Perturbation

__all__ = [
    "Perturbation",
    "ablate",
    "clamp",
    "cool",
    "direction",
    "feature",
    "heads",
    "noise",
    "patch",
    "recorded_effects",
    "steer",
    "stimulate",
    "symmetry",
]
