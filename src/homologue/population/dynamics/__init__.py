"""How populations move: rotations, sequences, timescales, and cycles that are only drift."""

from homologue.population.dynamics._phantom import phantom_oscillation
from homologue.population.dynamics._rotations import rotations
from homologue.population.dynamics._sequence import sequence_asymmetry
from homologue.population.dynamics._timescale import intrinsic_timescale

__all__ = ["intrinsic_timescale", "phantom_oscillation", "rotations", "sequence_asymmetry"]
