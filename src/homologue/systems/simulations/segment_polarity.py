"""Segment-polarity genes of *Drosophila*: a Boolean network of four cells (Albert & Othmer 2003).

Fifteen genes and proteins in each of the four cells of a parasegment, cells on a ring; the rules
are those of the paper's table and hold no number. Units are updated together, as in the paper.

The stimulus is where in the parasegment the pre-pattern lies: the paper's wild type (engrailed
and hedgehog in the first cell, wingless in the fourth, sloppy paired in the third and fourth)
turned by none, one, two or three cells. ``sloppy paired`` is held by the pair-rule genes and
does not change.

References
----------
.. [1] Albert & Othmer 2003, J. Theor. Biol. 223:1, doi:10.1016/S0022-5193(03)00035-3. Rules
   compared with the 4-cell network that two public libraries of Boolean networks (BNS, dynpy)
   carry under this citation.
"""

from __future__ import annotations

import numpy as np

from homologue.systems.simulations._boolean import corrupted, received
from homologue.systems.simulations._dynamics import Behaviour, Codes, Dynamics
from homologue.systems.simulations._simulated import Simulated

CELLS = 4

GENES = (
    "SLP", "wg", "WG", "en", "EN", "hh", "HH", "ptc", "PTC", "PH", "SMO", "ci", "CI", "CIA", "CIR",
)  # fmt: skip
"""Lower case: transcripts; upper case: proteins."""

UNITS = tuple(f"{gene}{cell}" for gene in GENES for cell in range(1, CELLS + 1))

WILD_TYPE = {
    "SLP": (2, 3),
    "wg": (3,),
    "en": (0,),
    "hh": (0,),
    "ptc": (1, 2, 3),
    "ci": (1, 2, 3),
}
"""The pre-pattern, transcripts that are on and in which cells (counted from 0)."""

STRIPES = {"wg": (3,), "en": (0,), "ptc": (1, 3)}
"""The pattern of the wild type, in which segments are laid down."""

EDGES = {
    "wg": ("CIA", "SLP", "CIR", "wg"),
    "WG": ("wg",),
    "en": ("WG<", "WG>", "SLP"),
    "EN": ("en",),
    "hh": ("EN", "CIR"),
    "HH": ("hh",),
    "ptc": ("CIA", "EN", "CIR"),
    "PTC": ("ptc", "PTC", "HH<", "HH>"),
    "PH": ("PTC", "HH<", "HH>"),
    "SMO": ("PTC", "HH<", "HH>"),
    "ci": ("EN",),
    "CI": ("ci",),
    "CIA": ("CI", "PTC", "HH<", "HH>", "hh<", "hh>"),
    "CIR": ("CI", "PTC", "HH<", "HH>", "hh<", "hh>"),
}
"""Who reads whom; ``<`` and ``>`` are the neighbouring cells."""

STEPS = 24
WINDOW = (16, STEPS)
ERRORS = 0.02
"""Probability that a transcript of the pre-pattern is wrong, so that runs differ."""


def update(on: np.ndarray) -> np.ndarray:
    """Apply the rules once.

    Parameters
    ----------
    on : array of bool, shape (run, unit)
        What is seen of each unit, in the order of ``UNITS``.

    Returns
    -------
    array of bool, shape (run, unit)
    """
    seen = dict(zip(GENES, np.moveaxis(on.reshape(len(on), len(GENES), CELLS), 1, 0), strict=True))

    def beside(gene: str) -> np.ndarray:
        return np.roll(seen[gene], 1, axis=1) | np.roll(seen[gene], -1, axis=1)

    slp, activator, repressor = seen["SLP"], seen["CIA"], seen["CIR"]
    signalled = beside("HH")
    hedgehog = signalled | beside("hh")
    after = {
        "SLP": slp,
        "wg": (activator & slp & ~repressor) | (seen["wg"] & (activator | slp) & ~repressor),
        "WG": seen["wg"],
        "en": beside("WG") & ~slp,
        "EN": seen["en"],
        "hh": seen["EN"] & ~repressor,
        "HH": seen["hh"],
        "ptc": activator & ~seen["EN"] & ~repressor,
        "PTC": seen["ptc"] | (seen["PTC"] & ~signalled),
        "PH": seen["PTC"] & signalled,
        "SMO": ~seen["PTC"] | signalled,
        "ci": ~seen["EN"],
        "CI": seen["ci"],
        "CIA": seen["CI"] & (~seen["PTC"] | hedgehog),
        "CIR": seen["CI"] & seen["PTC"] & ~hedgehog,
    }
    return np.stack([after[gene] for gene in GENES], axis=1).reshape(on.shape)


def pattern(cells: dict[str, tuple[int, ...]], turn: int = 0) -> np.ndarray:
    """Return a state in which the named genes are on in the named cells, turned by some cells."""
    state = np.zeros((len(GENES), CELLS), dtype=bool)
    for gene, places in cells.items():
        state[GENES.index(gene), [(place + turn) % CELLS for place in places]] = True
    return state.ravel()


def _start(codes: Codes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    clean = np.stack([pattern(WILD_TYPE, turn) for turn in range(CELLS)])[codes["prepattern"]]
    state = corrupted(clean, ERRORS, rng)
    fixed = slice(0, CELLS)
    state[:, fixed] = clean[:, fixed]
    started = [GENES.index(gene) for gene in WILD_TYPE]
    quiet = ~np.repeat(np.isin(np.arange(len(GENES)), started), CELLS)
    state[:, quiet] = False
    return state.astype(np.float64), clean[:, fixed]


def _step(
    state: np.ndarray,
    sent: np.ndarray,
    drive: np.ndarray,
    clock: int,
    rng: np.random.Generator,
) -> np.ndarray:
    after = update(received(sent, rng))
    after[:, :CELLS] = drive
    return after.astype(np.float64)


def _stripe(gene: str) -> Behaviour:
    def readout(activity: np.ndarray, codes: Codes) -> np.ndarray:
        first = GENES.index(gene) * CELLS
        place = np.stack([pattern({gene: STRIPES[gene]}, turn) for turn in range(CELLS)])
        wanted = place[codes["prepattern"], first : first + CELLS]
        return 1 - np.abs(activity[:, first : first + CELLS] - wanted).mean(axis=1)

    return Behaviour(f"cells in which {gene} is as in the wild type, share", readout)


def outgoing() -> np.ndarray:
    """Return the square root of the number of units that read each unit."""
    readers = dict.fromkeys(GENES, 0)
    for sources in EDGES.values():
        for source in sources:
            readers[source.rstrip("<>")] += 1
    return np.repeat(np.sqrt([readers[gene] for gene in GENES]), CELLS)


def dynamics() -> Dynamics:
    """Return the network."""
    return Dynamics(
        units=UNITS,
        conditions={"prepattern": ("as published", "turned 1", "turned 2", "turned 3")},
        start=_start,
        step=_step,
        send=np.asarray,
        steps=STEPS,
        interval=1.0,
        behaviours={
            "wingless-stripe": _stripe("wg"),
            "engrailed-stripe": _stripe("en"),
            "patched-stripes": _stripe("ptc"),
        },
        outgoing=outgoing(),
        window=WINDOW,
        site=tuple(f"cell {cell}" for _ in GENES for cell in range(1, CELLS + 1)),
        unit_variables={"gene": np.repeat(np.array(GENES), CELLS)},
        activity_units="share of updates expressed",
        time_units="updates",
    )


def system() -> Simulated:
    """Return the system ``segment-polarity``."""
    return Simulated(
        name="segment-polarity",
        kind="other-science",
        family="segment-polarity",
        licence="BSD-3-Clause (this package); the rules are published",
        citation="Albert & Othmer 2003 J Theor Biol 223:1, doi:10.1016/S0022-5193(03)00035-3",
        source="simulated from the paper's rules",
        dynamics=dynamics(),
        variable="prepattern",
    )
