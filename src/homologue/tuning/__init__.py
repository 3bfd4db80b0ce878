"""Single units: what a neuron, a channel or a dictionary feature responds to."""

from homologue.tuning import examples
from homologue.tuning._around import around
from homologue.tuning._balanced import (
    best_unit_selectivity,
    map_reliability,
    rank_contrast,
    split_half_selectivity,
    top_example_selectivity,
)
from homologue.tuning._concepts import concept_cells
from homologue.tuning._curve import tuning_curve
from homologue.tuning._discriminability import discriminability
from homologue.tuning._fields import place_fields
from homologue.tuning._indices import class_selectivity, d_prime, morcos
from homologue.tuning._information import (
    skaggs,
    spatial_coherence,
    spatial_information,
    vector_length,
)
from homologue.tuning._invariance import invariance
from homologue.tuning._mutual import mutual_information, response_levels
from homologue.tuning._peri_event import peri_event
from homologue.tuning._quiroga import quiroga, responsive
from homologue.tuning._rate_map import rate_map
from homologue.tuning._selectivity import clustered_interval, selectivity
from homologue.tuning._sparseness import rolls_treves, sparseness, vinje_gallant
from homologue.tuning.receptive_fields import (
    receptive_field,
    token_context,
    triggered_covariance,
)

__all__ = [
    "around",
    "best_unit_selectivity",
    "class_selectivity",
    "clustered_interval",
    "concept_cells",
    "d_prime",
    "discriminability",
    "examples",
    "invariance",
    "map_reliability",
    "morcos",
    "mutual_information",
    "peri_event",
    "place_fields",
    "quiroga",
    "rank_contrast",
    "rate_map",
    "receptive_field",
    "response_levels",
    "responsive",
    "rolls_treves",
    "selectivity",
    "skaggs",
    "sparseness",
    "spatial_coherence",
    "spatial_information",
    "split_half_selectivity",
    "token_context",
    "top_example_selectivity",
    "triggered_covariance",
    "tuning_curve",
    "vector_length",
    "vinje_gallant",
]
