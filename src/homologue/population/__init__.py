"""Populations as clouds of activity: how many dimensions they fill."""

from homologue.population._balanced import participation_ratio
from homologue.population._dimension import dimension

__all__ = ["dimension", "participation_ratio"]
