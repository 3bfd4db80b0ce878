"""The claims that ship with the bench."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from homologue.parallels._claim import Claim, Reference, register
from homologue.parallels._labelled import labelled_evidence
from homologue.parallels._matched import Effort, Evidence, Sizes
from homologue.parallels._unlabelled import unlabelled_evidence
from homologue.population._balanced import participation_ratio
from homologue.representation._balanced import balanced_decoding
from homologue.tuning._balanced import split_half_selectivity

_FOLDS = 3
_LABELS = (
    "labels permute between groups, within groups or by circular shift, as the recording's "
    "declared independence demands"
)


def _tuned(
    recordings: Sequence[xr.DataArray],
    variable: str,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator,
) -> Evidence:
    return labelled_evidence(
        recordings, variable, split_half_selectivity, sizes=sizes, effort=effort, rng=rng
    )


def _represents(
    recordings: Sequence[xr.DataArray],
    variable: str,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator,
) -> Evidence:
    def statistic(activity: np.ndarray) -> np.ndarray:
        return balanced_decoding(activity, folds=_FOLDS)

    return labelled_evidence(recordings, variable, statistic, sizes=sizes, effort=effort, rng=rng)


def _low_dimensional(
    recordings: Sequence[xr.DataArray],
    variable: str,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator,
) -> Evidence:
    raw = unlabelled_evidence(recordings, participation_ratio, sizes=sizes, effort=effort, rng=rng)
    expected = raw.null.mean()

    def share(ratio: Any) -> Any:
        """Return 0 at the null's participation ratio, and 1 at one dimension."""
        return (expected - ratio) / (expected - 1)

    return replace(
        raw,
        observed=share(raw.observed),
        tested=share(raw.tested),
        null=share(raw.null),
        bootstrap=share(raw.bootstrap),
    )


UNITS_ARE_TUNED = register(
    Claim(
        id="units-are-tuned",
        version=2,
        question="Do networks represent things, one unit at a time?",
        sentence="A typical single unit tells two stimulus classes apart.",
        statistic=(
            "mean over units of the signed 2·AUC − 1 of two classes, the sign chosen on half of "
            "the groups and measured on the other half; a few selective units among many "
            "(concept cells) hardly move it"
        ),
        null=_LABELS,
        against=(
            "an effect no larger than under relabelling; for “specific”, the same effect in "
            "untrained twins or in other sciences' tables"
        ),
        sizes=Sizes(groups=6, units=12, classes=2),
        gather=_tuned,
        needs=("variable", "given labels"),
        references=(
            Reference("Hubel & Wiesel 1959, J Physiol 148:574", "10.1113/jphysiol.1959.sp006308"),
            Reference("Bolukbasi et al. 2021, arXiv:2104.07143"),
        ),
    )
)

POPULATION_REPRESENTS = register(
    Claim(
        id="population-represents",
        version=2,
        question="Do networks represent things, as populations?",
        sentence="The stimulus class can be read out linearly from a small population.",
        statistic=(
            "cross-validated balanced accuracy over held-out groups, scaled so that chance is 0 "
            "and perfect is 1"
        ),
        null=_LABELS + "; the control task (random labels a group) is the same null here, because "
        "whole groups are held out",
        against=(
            "accuracy on held-out groups no better than under relabelling; for “specific”, the "
            "same accuracy in untrained twins or in other sciences' tables"
        ),
        sizes=Sizes(groups=6, units=12, classes=2),
        gather=_represents,
        needs=("variable", "given labels"),
        references=(
            Reference("Hung et al. 2005, Science 310:863", "10.1126/science.1117593"),
            Reference("Hewitt & Liang 2019, EMNLP", "10.18653/v1/D19-1275"),
        ),
    )
)

CODE_IS_LOW_DIMENSIONAL = register(
    Claim(
        id="code-is-low-dimensional",
        version=2,
        question="Are representations distributed over fewer dimensions than units?",
        sentence=(
            "Activity fills fewer dimensions than independent units would "
            "(true of any correlated table: expected generic)."
        ),
        statistic=(
            "how far the participation ratio (PR, units standardised) has fallen from that of "
            "the null to its least: (PR of the null − PR) / (PR of the null − 1)"
        ),
        null="each unit exchanged on its own: permuted between groups, or a window of time moved",
        against="a participation ratio no smaller than that of independent units",
        sizes=Sizes(groups=24, units=12, classes=0),
        gather=_low_dimensional,
        needs=("simultaneous",),
        references=(
            Reference("Gao et al. 2017, bioRxiv", "10.1101/214262"),
            Reference("Cunningham & Yu 2014, Nat Neurosci 17:1500", "10.1038/nn.3776"),
        ),
    )
)
