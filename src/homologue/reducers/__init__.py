"""Reducers: summaries of recordings that are larger than memory, made in one pass.

A reducer is a small frozen object with four pure functions: the state of having seen nothing,
the state after a block, the state of two parts together, and the result. The same object runs
over a recording in memory, over a stored one block by block, from a model as it runs without its
activity being kept, and on a GPU, and parts are merged in any order::

    found = run(rec, {"moments": Moments(), "best": TopK(20), "sample": Sample(1000, rng=0)})
    system.record(stimuli, sites="resid_post", to=Pass([Moments(), ClassSums("token")]))

Counts, ranks and samples are exact, sums are float64: how a recording was cut does not show in
the result.
"""

from homologue.reducers._class_sums import ClassSums
from homologue.reducers._counts import Counts
from homologue.reducers._cross_moments import CrossMoments
from homologue.reducers._histogram import Histogram, quantile_edges, quantiles
from homologue.reducers._moments import Moments
from homologue.reducers._pass import Pass
from homologue.reducers._protocol import Block, Label, Reducer, State
from homologue.reducers._run import run
from homologue.reducers._sample import Sample
from homologue.reducers._top import TopK
from homologue.reducers._variable_moments import VariableMoments

__all__ = [
    "Block",
    "ClassSums",
    "Counts",
    "CrossMoments",
    "Histogram",
    "Label",
    "Moments",
    "Pass",
    "Reducer",
    "Sample",
    "State",
    "TopK",
    "VariableMoments",
    "quantile_edges",
    "quantiles",
    "run",
]
