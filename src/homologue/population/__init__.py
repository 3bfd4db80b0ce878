"""Populations as clouds of activity: how many dimensions they fill."""

from homologue.population import cycles
from homologue.population._balanced import participation_ratio
from homologue.population._dimension import dimension
from homologue.population.components import (
    cross_validated_rank,
    demixed_components,
    factor_analysis,
    intrinsic_dimension,
    outlier_dimensions,
    parallel_analysis,
    picture,
    principal_components,
    project,
    scale,
)
from homologue.population.dynamics import (
    intrinsic_timescale,
    phantom_oscillation,
    rotations,
    sequence_asymmetry,
)
from homologue.population.guided import (
    circular_order,
    frequency_scan,
    irreducible_rank,
    mixture,
    mixture_index,
    number_helix,
    separability,
    separability_index,
)

__all__ = [
    "circular_order",
    "cross_validated_rank",
    "cycles",
    "demixed_components",
    "dimension",
    "factor_analysis",
    "frequency_scan",
    "intrinsic_dimension",
    "intrinsic_timescale",
    "irreducible_rank",
    "mixture",
    "mixture_index",
    "number_helix",
    "outlier_dimensions",
    "parallel_analysis",
    "participation_ratio",
    "phantom_oscillation",
    "picture",
    "principal_components",
    "project",
    "rotations",
    "scale",
    "separability",
    "separability_index",
    "sequence_asymmetry",
]
