"""Claims about populations: a circle in the order of the stimulus."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from homologue.parallels._claim import Claim, Reference, register
from homologue.parallels._labelled import labelled_evidence
from homologue.parallels._matched import Effort, Evidence, Sizes
from homologue.population._circle import circle_in_order


def _in_order(
    recordings: Sequence[xr.DataArray],
    variable: str,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator,
) -> Evidence:
    return labelled_evidence(
        recordings, variable, circle_in_order, sizes=sizes, effort=effort, rng=rng, circular=True
    )


CYCLE_TRACKS_STIMULUS = register(
    Claim(
        id="cycle-tracks-the-stimulus",
        version=1,
        question="Do cycles in activation space follow what goes round in the world?",
        sentence="Mean activity by a circular variable lies on a circle, in the declared order.",
        statistic=(
            "held-out power of six condition means in the first Fourier plane of their angles "
            "(twice that of its lesser direction, less what lies outside), over all power: 1 for "
            "a circle without noise"
        ),
        null=(
            "labels permute between groups, within groups or by circular shift, as the "
            "recording's declared independence demands"
        ),
        against=(
            "means in another order, on a line, or none that repeat; for “specific”, circles in "
            "untrained twins or in other sciences (the months of the climate)"
        ),
        sizes=Sizes(groups=6, units=12, classes=6),
        gather=_in_order,
        needs=("variable", "given labels", "circular"),
        references=(
            Reference("Engels et al. 2024, arXiv:2405.14860"),
            Reference("Chaudhuri et al. 2019, Nat Neurosci 22:1512", "10.1038/s41593-019-0460-x"),
        ),
    )
)
