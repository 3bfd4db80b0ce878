"""Guided tests of a circle, or a helix, in the order that was declared.

Seven weekdays are too few points for topology. What can be asked of them is whether *this* order
of the conditions fits a circle better than other orders of the same conditions.
"""

from homologue.population.guided._circular import circular_order, frequency_scan
from homologue.population.guided._engels import mixture, mixture_index, separability
from homologue.population.guided._helix import number_helix
from homologue.population.guided._information import separability_index
from homologue.population.guided._irreducible import irreducible_rank

__all__ = [
    "circular_order",
    "frequency_scan",
    "irreducible_rank",
    "mixture",
    "mixture_index",
    "number_helix",
    "separability",
    "separability_index",
]
