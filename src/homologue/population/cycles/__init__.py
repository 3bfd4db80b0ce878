"""Cycles in activity: their search, with significance, and the coordinates along them."""

from homologue.population.cycles._find import find
from homologue.population.cycles._persistence import estimated_bytes, universal_p_values

__all__ = ["estimated_bytes", "find", "universal_p_values"]
