"""The cell cycle of budding yeast: a Boolean threshold network of 11 proteins (Li et al. 2004).

A protein is on after an update if what activates it outweighs what represses it, off if it is
outweighed, and stays as it was when they balance; five have a self-degradation, which switches
them off when nothing acts on them. Every arrow weighs 1, as in the paper. The checkpoint *cell
size* switches Cln3 on and starts a division.

The stimulus is whether the cell has grown to size. Without it the cell stays in G1, which
attracts 1 764 of the 2 048 states.

References
----------
.. [1] Li, Long, Lu, Ouyang & Tang 2004, PNAS 101:4781, doi:10.1073/pnas.0305937101. Arrows
   compared with the truth tables that the public libraries BNS and dynpy carry under this
   citation; the sizes of the seven basins are the paper's table 1.
"""

from __future__ import annotations

import numpy as np

from homologue.systems.simulations._boolean import corrupted, received
from homologue.systems.simulations._dynamics import Behaviour, Codes, Dynamics
from homologue.systems.simulations._simulated import Simulated

UNITS = (
    "cell size", "Cln3", "MBF", "SBF", "Cln1,2", "Cdh1", "Swi5", "Cdc20", "Clb5,6", "Sic1",
    "Clb1,2", "Mcm1",
)  # fmt: skip

ACTIVATES = {
    "cell size": ("Cln3",),
    "Cln3": ("MBF", "SBF"),
    "MBF": ("Clb5,6",),
    "SBF": ("Cln1,2",),
    "Clb5,6": ("Clb1,2", "Mcm1"),
    "Clb1,2": ("Mcm1", "Cdc20"),
    "Mcm1": ("Clb1,2", "Cdc20", "Swi5"),
    "Cdc20": ("Swi5", "Sic1", "Cdh1"),
    "Swi5": ("Sic1",),
}
REPRESSES = {
    "Cln1,2": ("Sic1", "Cdh1"),
    "Clb5,6": ("Sic1", "Cdh1"),
    "Clb1,2": ("MBF", "SBF", "Sic1", "Cdh1", "Swi5"),
    "Cdc20": ("Clb5,6", "Clb1,2"),
    "Cdh1": ("Clb1,2",),
    "Sic1": ("Clb5,6", "Clb1,2"),
}
DEGRADES = ("cell size", "Cln3", "Cln1,2", "Swi5", "Cdc20", "Mcm1")
"""Switched off when nothing acts on them; the cell size is a signal of one update."""

G1 = ("Cdh1", "Sic1")
"""On in the resting state of the cycle."""

STEPS = 16
ERRORS = 0.02


def weights() -> np.ndarray:
    """Return the arrows, (source, target): 1, −1 or 0."""
    matrix = np.zeros((len(UNITS), len(UNITS)))
    for sign, arrows in ((1, ACTIVATES), (-1, REPRESSES)):
        for source, targets in arrows.items():
            for target in targets:
                matrix[UNITS.index(source), UNITS.index(target)] = sign
    return matrix


_WEIGHTS = weights()
_DEGRADES = np.isin(UNITS, DEGRADES)


def update(on: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Apply the rule once to what is seen of each unit, (run, unit); a balance keeps ``state``."""
    total = on.astype(np.float64) @ _WEIGHTS
    kept = state & ~_DEGRADES
    return (total > 0) | ((total == 0) & kept)


def _start(codes: Codes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    grown = codes["size"] == 1
    state = np.zeros((grown.size, len(UNITS)), dtype=bool)
    state[:, [UNITS.index(unit) for unit in G1]] = True
    state = corrupted(state, ERRORS, rng)
    state[:, 0] = grown
    return state.astype(np.float64), grown


def _step(
    state: np.ndarray,
    sent: np.ndarray,
    drive: np.ndarray,
    clock: int,
    rng: np.random.Generator,
) -> np.ndarray:
    return update(received(sent, rng), state > 0.5).astype(np.float64)


def _right(unit: str, when: str) -> Behaviour:
    place = UNITS.index(unit)

    def readout(activity: np.ndarray, codes: Codes) -> np.ndarray:
        return ((activity[:, place] > 0) == (codes["size"] == 1)).astype(np.float64)

    return Behaviour(
        f"1 if {unit} is on at some time ({when}) in a grown cell, and never in a small one",
        readout,
    )


def dynamics() -> Dynamics:
    """Return the network."""
    return Dynamics(
        units=UNITS,
        conditions={"size": ("small", "grown")},
        start=_start,
        step=_step,
        send=np.asarray,
        steps=STEPS,
        interval=1.0,
        behaviours={
            "budding": _right("Cln1,2", "late G1"),
            "replication": _right("Clb5,6", "S"),
            "mitosis": _right("Clb1,2", "G2 and M"),
        },
        outgoing=np.sqrt((_WEIGHTS**2).sum(axis=1)),
        window=(0, STEPS),
        activity_units="share of updates on",
        time_units="updates",
    )


def system() -> Simulated:
    """Return the system ``yeast-cell-cycle``."""
    return Simulated(
        name="yeast-cell-cycle",
        kind="other-science",
        family="yeast-cell-cycle",
        licence="BSD-3-Clause (this package); the arrows are published",
        citation="Li et al. 2004 PNAS 101:4781, doi:10.1073/pnas.0305937101",
        source="simulated from the paper's network",
        dynamics=dynamics(),
        variable="size",
    )
