"""An infection among the 34 members of a karate club: stochastic SIR on a contact network.

Everybody susceptible is infected by each infectious contact at a rate β, and everybody infectious
recovers at a rate γ (Kermack & McKendrick 1927, on a network). Contacts are the friendships that
Zachary (1977) observed in a club that later split in two. The stimulus is the half in which the
first case occurs; a unit is a person, and its activity whether that person was ever infectious.
Removing a person (vaccination, a cut node) is an ablation: nobody catches the infection there.

References
----------
.. [1] Kermack & McKendrick 1927, Proc. R. Soc. A 115:700, doi:10.1098/rspa.1927.0118.
.. [2] Zachary 1977, J. Anthropol. Res. 33:452, doi:10.1086/jar.33.4.3629752. The 78 pairs are
   those that NetworkX carries as ``karate_club_graph``.
.. [3] Vynnycky & Edmunds 2008, Epidemiol. Infect. 136:166, doi:10.1017/S0950268807008369
   (the pandemic of 1957: a basic reproduction number of about 1.8).

Notes
-----
β⟨k⟩/γ, with ⟨k⟩ the mean number of contacts, is set to the 1.8 of [3]_. That the reproduction
number of a homogeneous population stands for this product in a network is a choice made here; γ
only sets the unit of time. A club is no population through which influenza spreads unaided: the
network is taken because its two halves are known.
"""

from __future__ import annotations

import numpy as np

from homologue.systems.simulations._dynamics import Behaviour, Codes, Dynamics
from homologue.systems.simulations._simulated import Simulated

FRIENDS = {
    1: (2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 18, 20, 22, 32),
    2: (3, 4, 8, 14, 18, 20, 22, 31),
    3: (4, 8, 9, 10, 14, 28, 29, 33),
    4: (8, 13, 14),
    5: (7, 11),
    6: (7, 11, 17),
    7: (17,),
    9: (31, 33, 34),
    10: (34,),
    14: (34,),
    15: (33, 34),
    16: (33, 34),
    19: (33, 34),
    20: (34,),
    21: (33, 34),
    23: (33, 34),
    24: (26, 28, 30, 33, 34),
    25: (26, 28, 32),
    26: (32,),
    27: (30, 34),
    28: (34,),
    29: (32, 34),
    30: (33, 34),
    31: (33, 34),
    32: (33, 34),
    33: (34,),
}
"""Zachary's friendships, each pair once; members are numbered from 1."""

PEOPLE = 34
INSTRUCTOR = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 17, 18, 20, 22)
"""Members who went with the instructor (member 1); the others with the officer (member 34)."""

REPRODUCTION = 1.8
"""β⟨k⟩/γ."""

INTERVAL = 0.1
"""Length of a step, in mean infectious periods (γ = 1)."""

STEPS = 120


def contacts() -> np.ndarray:
    """Return who meets whom, (person, person), symmetric."""
    matrix = np.zeros((PEOPLE, PEOPLE))
    for one, others in FRIENDS.items():
        for other in others:
            matrix[one - 1, other - 1] = matrix[other - 1, one - 1] = 1
    return matrix


_CONTACTS = contacts()
RATIO = REPRODUCTION / float(_CONTACTS.sum(axis=1).mean())
"""β/γ: infections passed on to one contact per infectious period."""

_FIRST_HALF = np.isin(np.arange(1, PEOPLE + 1), INSTRUCTOR)
_ESCAPE = np.exp(-RATIO * INTERVAL)
_RECOVER = 1 - np.exp(-INTERVAL)

SUSCEPTIBLE, INFECTIOUS, RECOVERED = 0.0, 1.0, 2.0


def _start(codes: Codes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    half = codes["first case"] == 0
    state = np.full((half.size, PEOPLE), SUSCEPTIBLE)
    chance = rng.random((half.size, PEOPLE))
    chance[half[:, None] != _FIRST_HALF] = -1
    state[np.arange(half.size), chance.argmax(axis=1)] = INFECTIOUS
    return state, half


def _send(state: np.ndarray) -> np.ndarray:
    return (state == INFECTIOUS).astype(np.float64)


def _step(
    state: np.ndarray,
    sent: np.ndarray,
    drive: np.ndarray,
    clock: int,
    rng: np.random.Generator,
) -> np.ndarray:
    pressure = np.maximum(sent, 0) @ _CONTACTS
    chance = rng.random((2, *state.shape))
    caught = (state == SUSCEPTIBLE) & (chance[0] >= _ESCAPE**pressure)
    healed = (state == INFECTIOUS) & (chance[1] < _RECOVER)
    return np.where(caught, INFECTIOUS, np.where(healed, RECOVERED, state))


def _spared(half: np.ndarray, whose: str) -> Behaviour:
    def readout(activity: np.ndarray, codes: Codes) -> np.ndarray:
        return 1 - np.clip(activity[:, half], 0, 1).mean(axis=1)

    return Behaviour(f"share of {whose} never infectious", readout)


def dynamics() -> Dynamics:
    """Return the epidemic."""
    return Dynamics(
        units=tuple(f"member {i}" for i in range(1, PEOPLE + 1)),
        conditions={"first case": ("instructor's half", "officer's half")},
        start=_start,
        step=_step,
        send=_send,
        steps=STEPS,
        interval=INTERVAL,
        behaviours={
            "instructor-spared": _spared(_FIRST_HALF, "the instructor's half"),
            "officer-spared": _spared(~_FIRST_HALF, "the officer's half"),
        },
        outgoing=np.sqrt(_CONTACTS.sum(axis=1)),
        window=(0, STEPS),
        measure="peak",
        site=tuple("instructor's half" if one else "officer's half" for one in _FIRST_HALF),
        activity_units="1 if ever infectious",
        time_units="infectious periods",
    )


def system() -> Simulated:
    """Return the system ``epidemic``."""
    return Simulated(
        name="epidemic",
        kind="other-science",
        family="epidemic",
        licence="BSD-3-Clause (this package); the contacts are published",
        citation=(
            "Kermack & McKendrick 1927 Proc R Soc A 115:700, doi:10.1098/rspa.1927.0118; "
            "Zachary 1977 J Anthropol Res 33:452, doi:10.1086/jar.33.4.3629752"
        ),
        source="simulated on Zachary's contact network",
        dynamics=dynamics(),
        variable="first case",
    )
