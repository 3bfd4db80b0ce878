"""Claims about single units: concept cells, max-activating examples, maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from homologue.parallels._claim import Claim, Gather, Reference, register
from homologue.parallels._labelled import labelled_evidence
from homologue.parallels._matched import Effort, Evidence, Sizes
from homologue.tuning._balanced import (
    best_unit_selectivity,
    map_reliability,
    top_example_selectivity,
)

_LABELS = (
    "labels permute between groups, within groups or by circular shift, as the recording's "
    "declared independence demands; every relabelling searches as the observed did"
)


def _labelled(
    statistic: Callable[[np.ndarray], np.ndarray], *, other_wordings: bool = False
) -> Gather:
    """Return a way to gather evidence for a statistic of (..., class, group, unit)."""

    def gather(
        recordings: Sequence[xr.DataArray],
        variable: str,
        sizes: Sizes,
        effort: Effort,
        rng: np.random.Generator,
    ) -> Evidence:
        return labelled_evidence(
            recordings,
            variable,
            statistic,
            sizes=sizes,
            effort=effort,
            rng=rng,
            other_wordings=other_wordings,
        )

    return gather


CONCEPT_CELLS_EXIST = register(
    Claim(
        id="concept-cells-exist",
        version=2,
        question="Are there concept cells in both?",
        sentence=(
            "Among a dozen units there is one that tells a concept apart, for exemplars and in "
            "wordings it was not chosen on."
        ),
        statistic=(
            "2·AUC − 1 of the most selective of 12 units, unit and sign chosen on half of the "
            "exemplars and measured on the other half, in other wordings where the recording "
            "has several (invariance)"
        ),
        null=_LABELS,
        against=(
            "no unit that stays selective for other exemplars in other wordings; for "
            "“specific”, such units in untrained twins or in other sciences' tables as well"
        ),
        sizes=Sizes(groups=6, units=12, classes=2),
        gather=_labelled(best_unit_selectivity, other_wordings=True),
        needs=("variable", "given labels"),
        references=(
            Reference("Quian Quiroga et al. 2005, Nature 435:1102", "10.1038/nature03687"),
            Reference("Goh et al. 2021, Distill", "10.23915/distill.00030"),
        ),
    )
)

EXAMPLES_CHARACTERISE = register(
    Claim(
        id="examples-characterise-units",
        version=1,
        question="Do max-activating examples show what a unit responds to, as tuning curves do?",
        sentence=(
            "The concept of a unit's top examples also separates the rest of its activity, "
            "held out."
        ),
        statistic=(
            "mean over units of the held-out 2·AUC − 1 of the concept that a unit's two top "
            "examples share; units whose top examples disagree count 0"
        ),
        null=_LABELS,
        against=(
            "top examples whose concept says nothing about held-out activity (the interpretability "
            "illusion); for “specific”, the same agreement in twins or other sciences"
        ),
        sizes=Sizes(groups=6, units=12, classes=2),
        gather=_labelled(top_example_selectivity),
        needs=("variable", "given labels"),
        references=(
            Reference("Bolukbasi et al. 2021, arXiv:2104.07143"),
            Reference("Hubel & Wiesel 1959, J Physiol 148:574", "10.1113/jphysiol.1959.sp006308"),
        ),
    )
)

SPATIAL_MAP_EXISTS = register(
    Claim(
        id="spatial-map-exists",
        version=1,
        question="Are there spatial and relational maps in both?",
        sentence="Units hold a map of places, the same on other laps, phrases or neighbours.",
        statistic=(
            "correlation over 4 places of a unit's mean activity in one half of the groups with "
            "that in the other half, averaged over units"
        ),
        null=_LABELS,
        against=(
            "maps that do not repeat; for “specific”, maps as reliable in untrained twins or in "
            "geography, where neighbours resemble each other too"
        ),
        sizes=Sizes(groups=3, units=12, classes=4),
        gather=_labelled(map_reliability),
        needs=("variable", "given labels", "space"),
        references=(
            Reference(
                "O'Keefe & Dostrovsky 1971, Brain Res 34:171", "10.1016/0006-8993(71)90358-1"
            ),
            Reference(
                "Muller, Kubie & Ranck 1987, J Neurosci 7:1935",
                "10.1523/JNEUROSCI.07-07-01935.1987",
            ),
        ),
    )
)
