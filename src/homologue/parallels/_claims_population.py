"""Claims about populations: a cycle, a circle in the order of the stimulus, rotations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from homologue.parallels._claim import Claim, Reference, register
from homologue.parallels._cyclic import cyclic_evidence
from homologue.parallels._labelled import labelled_evidence
from homologue.parallels._loops import cycle_picture, means_picture
from homologue.parallels._matched import Effort, Evidence, Sizes
from homologue.parallels._rotational import rotational_evidence
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


def _cycle(
    recordings: Sequence[xr.DataArray],
    variable: str,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator,
) -> Evidence:
    del variable
    return cyclic_evidence(recordings, sizes=sizes, effort=effort, rng=rng)


THERE_IS_A_CYCLE = register(
    Claim(
        id="there-is-a-cycle",
        version=1,
        question="Are there cycles in activation space, found without being told of what?",
        sentence="The population's activity closes into a loop that independent units do not make.",
        statistic=(
            "1 − birth/death of the longest one-dimensional bar of Rips cohomology, of 40 averaged "
            "landmarks of 150 samples (at most 10 of a group) of 16 units in 6 principal components"
        ),
        null=(
            "each unit exchanged on its own: a window of time moved, permuted between groups, or "
            "within groups of several samples; series whose leading components are no more than "
            "drift are not asked"
        ),
        against=(
            "a longest bar no longer than that of independent units; for “specific”, loops in "
            "untrained twins or in other sciences (the day and the year of the weather)"
        ),
        sizes=Sizes(groups=15, units=16, classes=0),
        gather=_cycle,
        picture=cycle_picture,
        references=(
            Reference("Chaudhuri et al. 2019, Nat Neurosci 22:1512", "10.1038/s41593-019-0460-x"),
            Reference("Gardner et al. 2022, Nature 602:123", "10.1038/s41586-021-04268-7"),
            Reference("Shinn 2023, PNAS 120:e2311420120", "10.1073/pnas.2311420120"),
        ),
    )
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
        picture=means_picture,
        needs=("variable", "given labels", "circular"),
        references=(
            Reference("Engels et al. 2024, arXiv:2405.14860"),
            Reference("Chaudhuri et al. 2019, Nat Neurosci 22:1512", "10.1038/s41593-019-0460-x"),
        ),
    )
)


def _rotation(
    recordings: Sequence[xr.DataArray],
    variable: str,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator,
) -> Evidence:
    del variable
    return rotational_evidence(recordings, sizes=sizes, effort=effort, rng=rng)


DYNAMICS_ARE_ROTATIONAL = register(
    Claim(
        id="dynamics-are-rotational",
        version=2,
        question="Do populations turn over time, in brains and from token to token?",
        sentence="What sets one trajectory apart from another rotates as time goes on.",
        statistic=(
            "share of the change explained by skew-symmetric dynamics in 6 principal components, "
            "of 6 trajectories × 20 samples × 16 units, what trajectories share subtracted: 1 for "
            "a rotation without noise"
        ),
        null=(
            "amplitude-adjusted tensors: the trajectories' covariances over trajectories, times "
            "and units, and the values of each unit, otherwise random"
        ),
        against=(
            "rotations no larger than covariances bring about; for “specific”, "
            "rotations in untrained twins or in other sciences (the weather over a day)"
        ),
        sizes=Sizes(groups=6, units=16, classes=0),
        gather=_rotation,
        references=(
            Reference("Churchland et al. 2012, Nature 487:51", "10.1038/nature11129"),
            Reference("Elsayed & Cunningham 2017, Nat Neurosci 20:1310", "10.1038/nn.4617"),
            Reference(
                "Schreiber & Schmitz 1996, Phys Rev Lett 77:635", "10.1103/PhysRevLett.77.635"
            ),
        ),
    )
)
