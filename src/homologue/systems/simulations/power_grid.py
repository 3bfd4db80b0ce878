"""A power grid of 30 buses whose lines and generators can fail: direct-current power flow.

Power flows along a branch as the difference of its buses' voltage angles over its reactance, and
what flows into a bus is what its load takes; the first bus makes up any difference (the usual
linear approximation, as in [2]_). Angles are found by repeated correction, so that a branch that
sends nothing is an open line and one that sends half has half its susceptance. A unit is a
branch (its flow) or a generator (its output). The stimulus is the area in which demand peaks.

A line's rating is a limit and not a fuse here: nothing trips, and lines may be loaded beyond it.

References
----------
.. [1] Alsac & Stott 1974, IEEE Trans. Power Appar. Syst. PAS-93:745,
   doi:10.1109/TPAS.1974.293972 (branches, loads, ratings).
.. [2] Zimmerman, Murillo-Sánchez & Thomas 2011, IEEE Trans. Power Syst. 26:12,
   doi:10.1109/TPWRS.2010.2051168 (MATPOWER).

Notes
-----
All values are those of the file ``case30.m`` of MATPOWER [2]_, which takes them from [1]_ with
reactances rounded to 0.01, and generators and areas from Ferrero et al. 1997. The size of a peak
and the variation of loads between runs are choices made here.
"""

from __future__ import annotations

import numpy as np

from homologue.systems.simulations._dynamics import Behaviour, Codes, Dynamics
from homologue.systems.simulations._simulated import Simulated

# fmt: off
LOADS = {
    2: 21.7, 3: 2.4, 4: 7.6, 7: 22.8, 8: 30.0, 10: 5.8, 12: 11.2, 14: 6.2, 15: 8.2, 16: 3.5,
    17: 9.0, 18: 3.2, 19: 9.5, 20: 2.2, 21: 17.5, 23: 3.2, 24: 8.7, 26: 3.5, 29: 2.4, 30: 10.6,
}
"""Demand at each bus, MW."""

OUTPUTS = {2: 60.97, 22: 21.59, 27: 26.91, 23: 19.2, 13: 37.0}
"""Generators and what they give, MW; the one at bus 1 gives what is missing."""

BRANCHES = (
    (1, 2, 0.06, 130), (1, 3, 0.19, 130), (2, 4, 0.17, 65), (3, 4, 0.04, 130), (2, 5, 0.2, 130),
    (2, 6, 0.18, 65), (4, 6, 0.04, 90), (5, 7, 0.12, 70), (6, 7, 0.08, 130), (6, 8, 0.04, 32),
    (6, 9, 0.21, 65), (6, 10, 0.56, 32), (9, 11, 0.21, 65), (9, 10, 0.11, 65), (4, 12, 0.26, 65),
    (12, 13, 0.14, 65), (12, 14, 0.26, 32), (12, 15, 0.13, 32), (12, 16, 0.2, 32),
    (14, 15, 0.2, 16), (16, 17, 0.19, 16), (15, 18, 0.22, 16), (18, 19, 0.13, 16),
    (19, 20, 0.07, 32), (10, 20, 0.21, 32), (10, 17, 0.08, 32), (10, 21, 0.07, 32),
    (10, 22, 0.15, 32), (21, 22, 0.02, 32), (15, 23, 0.2, 16), (22, 24, 0.18, 16),
    (23, 24, 0.27, 16), (24, 25, 0.33, 16), (25, 26, 0.38, 16), (25, 27, 0.21, 16),
    (28, 27, 0.4, 65), (27, 29, 0.42, 16), (27, 30, 0.6, 16), (29, 30, 0.45, 16),
    (8, 28, 0.2, 32), (6, 28, 0.06, 32),
)
"""From bus, to bus, reactance (per unit of 100 MVA), rating (MVA)."""

AREAS = {
    1: (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 28),
    2: (12, 13, 14, 15, 16, 17, 18, 19, 20, 23),
    3: (10, 21, 22, 24, 25, 26, 27, 29, 30),
}
# fmt: on

BUSES, BASE = 30, 100.0
PEAK, VARIATION = 1.3, 0.1
"""Factor on the demand of the area that peaks; standard deviation of the logarithm of loads."""

STEPS, WINDOW = 300, 10

_FROM = np.array([one[0] for one in BRANCHES]) - 1
_TO = np.array([one[1] for one in BRANCHES]) - 1
_SUSCEPTANCE = BASE / np.array([one[2] for one in BRANCHES])
"""MW per radian."""
_RATING = np.array([one[3] for one in BRANCHES], dtype=np.float64)
_AREA = np.zeros(BUSES, dtype=np.int64)
for _area, _members in AREAS.items():
    _AREA[np.array(_members) - 1] = _area
_GENERATORS = np.array(list(OUTPUTS)) - 1
_LINES = len(BRANCHES)


def incidence() -> np.ndarray:
    """Return 1 where a branch starts and −1 where it ends, (branch, bus)."""
    matrix = np.zeros((_LINES, BUSES))
    matrix[np.arange(_LINES), _FROM] = 1
    matrix[np.arange(_LINES), _TO] = -1
    return matrix


_INCIDENCE = incidence()


def _correction() -> np.ndarray:
    """Return the intact grid's angles per MW of injection, (bus, bus); bus 1 stays at 0."""
    laplacian = _INCIDENCE.T @ (_SUSCEPTANCE[:, None] * _INCIDENCE)
    out = np.zeros((BUSES, BUSES))
    out[1:, 1:] = np.linalg.inv(laplacian[1:, 1:])
    return out


_CORRECTION = _correction()


def _start(codes: Codes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    runs = codes["peak"].size
    load = np.zeros(BUSES)
    load[np.array(list(LOADS)) - 1] = list(LOADS.values())
    varied = load * np.exp(VARIATION * rng.standard_normal((runs, BUSES)))
    varied *= np.where(codes["peak"][:, None] + 1 == _AREA, PEAK, 1.0)
    output = np.tile(np.array(list(OUTPUTS.values())), (runs, 1))
    return np.hstack([np.zeros((runs, BUSES)), output]), varied


def _send(state: np.ndarray) -> np.ndarray:
    angle = state[:, :BUSES]
    return np.hstack([(angle @ _INCIDENCE.T) * _SUSCEPTANCE, state[:, BUSES:]])


def _step(
    state: np.ndarray,
    sent: np.ndarray,
    drive: np.ndarray,
    clock: int,
    rng: np.random.Generator,
) -> np.ndarray:
    surplus = -drive - sent[:, :_LINES] @ _INCIDENCE
    surplus[:, _GENERATORS] += sent[:, _LINES:]
    after = state.copy()
    after[:, :BUSES] += surplus @ _CORRECTION
    return after


def _headroom(area: int) -> Behaviour:
    lines = _AREA[_FROM] == area

    def readout(activity: np.ndarray, codes: Codes) -> np.ndarray:
        loading = np.abs(activity[:, :_LINES]) / _RATING
        return 1 - loading[:, lines].max(axis=1)

    return Behaviour(
        f"1 minus the largest flow over rating among the branches that leave a bus of area {area}",
        readout,
    )


def outgoing() -> np.ndarray:
    """Return how strongly one MW more on a unit moves the angles: norm over buses."""
    branch = np.linalg.norm(_INCIDENCE @ _CORRECTION, axis=1)
    generator = np.linalg.norm(_CORRECTION[_GENERATORS], axis=1)
    return np.concatenate([branch, generator])


def dynamics() -> Dynamics:
    """Return the grid."""
    return Dynamics(
        units=(
            *(f"line {one[0]}-{one[1]}" for one in BRANCHES),
            *(f"generator {bus}" for bus in OUTPUTS),
        ),
        conditions={"peak": tuple(f"area {area}" for area in AREAS)},
        start=_start,
        step=_step,
        send=_send,
        steps=STEPS,
        interval=1.0,
        behaviours={f"headroom-{area}": _headroom(area) for area in AREAS},
        outgoing=outgoing(),
        window=(STEPS - WINDOW, STEPS),
        site=tuple(f"area {area}" for area in np.r_[_AREA[_FROM], _AREA[_GENERATORS]]),
        activity_units="MW",
        time_units="corrections",
    )


def system() -> Simulated:
    """Return the system ``power-grid``."""
    return Simulated(
        name="power-grid",
        kind="other-science",
        family="power-grid",
        licence="BSD-3-Clause (this package); the grid is published",
        citation=(
            "Alsac & Stott 1974 IEEE Trans Power Appar Syst PAS-93:745, "
            "doi:10.1109/TPAS.1974.293972; Zimmerman et al. 2011 IEEE Trans Power Syst 26:12, "
            "doi:10.1109/TPWRS.2010.2051168"
        ),
        source="simulated on MATPOWER's case30",
        dynamics=dynamics(),
        variable="peak",
    )
