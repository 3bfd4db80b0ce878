"""Cycles in activity: their search, with significance, and the coordinates along them."""

from homologue.population.cycles._coordinates import coordinates
from homologue.population.cycles._correlation import circular_correlation
from homologue.population.cycles._find import find
from homologue.population.cycles._persistence import estimated_bytes, universal_p_values

__all__ = ["circular_correlation", "coordinates", "estimated_bytes", "find", "universal_p_values"]
