"""Nulls, p-values and intervals: arrays in, arrays or small frozen dataclasses out.

What may be exchanged is decided in one place (:func:`exchangeability`); everything else takes
the relabellings it draws.
"""

from homologue.inference._amplitude_adjusted import AmplitudeAdjusted, amplitude_adjusted
from homologue.inference._bootstrap import (
    Interval,
    cluster_bootstrap,
    group_weights,
    mean_interval,
)
from homologue.inference._design import Design, exchangeability
from homologue.inference._maximum_entropy import MaximumEntropy, maximum_entropy
from homologue.inference._permutation import (
    PermutationNull,
    permutation_null,
    permutation_test,
)
from homologue.inference._pvalues import (
    SequentialP,
    benjamini_hochberg,
    benjamini_yekutieli,
    max_t,
    p_value,
    sequential_p_value,
)
from homologue.inference._ranks import centred_ranks
from homologue.inference._result import result
from homologue.inference._scores import Scores, score
from homologue.inference._similarity import (
    CalibratedSimilarity,
    calibrate_similarity,
    row_permutations,
)
from homologue.inference._surrogates import (
    circular_shift,
    randomise_phase,
    roll_units,
    shuffle_units,
)
from homologue.inference._unit_exchange import UnitExchange, unit_exchange

__all__ = [
    "AmplitudeAdjusted",
    "CalibratedSimilarity",
    "Design",
    "Interval",
    "MaximumEntropy",
    "PermutationNull",
    "Scores",
    "SequentialP",
    "UnitExchange",
    "amplitude_adjusted",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "calibrate_similarity",
    "centred_ranks",
    "circular_shift",
    "cluster_bootstrap",
    "exchangeability",
    "group_weights",
    "max_t",
    "maximum_entropy",
    "mean_interval",
    "p_value",
    "permutation_null",
    "permutation_test",
    "randomise_phase",
    "result",
    "roll_units",
    "row_permutations",
    "score",
    "sequential_p_value",
    "shuffle_units",
    "unit_exchange",
]
