"""Components and dimensions: how many there are, what they carry, and pictures of them."""

from homologue.population.components._demixed import demixed_components
from homologue.population.components._factors import factor_analysis
from homologue.population.components._intrinsic import intrinsic_dimension
from homologue.population.components._outliers import outlier_dimensions, scale
from homologue.population.components._picture import picture
from homologue.population.components._rank import cross_validated_rank, parallel_analysis
from homologue.population.components._streamed import principal_components, project

__all__ = [
    "cross_validated_rank",
    "demixed_components",
    "factor_analysis",
    "intrinsic_dimension",
    "outlier_dimensions",
    "parallel_analysis",
    "picture",
    "principal_components",
    "project",
    "scale",
]
