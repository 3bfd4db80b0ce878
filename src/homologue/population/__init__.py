"""Populations as clouds of activity: how many dimensions they fill."""

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

__all__ = [
    "cross_validated_rank",
    "demixed_components",
    "dimension",
    "factor_analysis",
    "intrinsic_dimension",
    "intrinsic_timescale",
    "outlier_dimensions",
    "parallel_analysis",
    "participation_ratio",
    "phantom_oscillation",
    "picture",
    "principal_components",
    "project",
    "rotations",
    "scale",
    "sequence_asymmetry",
]
