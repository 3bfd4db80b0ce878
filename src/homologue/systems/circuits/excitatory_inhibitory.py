"""An inhibition-stabilised network of excitatory and inhibitory rate units.

Alone, the excitatory units would run away (w_EE > 1); inhibition holds them. Driving the
inhibitory units therefore *lowers* their rate: they lose more drive from the excitatory units
than they are given (Tsodyks et al. 1997). Two stimuli drive the two halves of the excitatory
units apart; units of a half excite each other more than those of the other half. As long as no
unit is silent the network is linear, and every rate is known (:func:`rates`).

References
----------
.. [1] Tsodyks, Skaggs, Sejnowski & McNaughton 1997, J. Neurosci. 17:4382,
   doi:10.1523/JNEUROSCI.17-11-04382.1997.

Notes
-----
The regime is the one of [1]_; the weights were chosen here.
"""

from __future__ import annotations

import numpy as np

from homologue.systems.simulations._dynamics import Behaviour, Codes, Dynamics
from homologue.systems.simulations._simulated import Simulated

EXCITATORY, INHIBITORY = 40, 10
TO_E_FROM_E, TO_E_FROM_I = 1.5, 1.0
TO_I_FROM_E, TO_I_FROM_I = 2.0, 0.5
TUNED = 0.5
"""How much more a unit excites its own half than the other."""

DRIVE_E, DRIVE_I, CONTRAST = 2.0, 0.5, 0.15
"""Input to each population, and what the stimulus adds to one half and takes from the other."""

TIME_E, TIME_I, INTERVAL = 0.020, 0.010, 0.002
STEPS, WINDOW = 200, 100
NOISE = 0.3
LARGEST = 20.0
"""Rate at which units saturate, out of reach unless inhibition is taken away."""

_STRENGTH = np.linspace(0.4, 1.6, EXCITATORY // 2)
_STRENGTH = _STRENGTH / np.sqrt((_STRENGTH**2).mean())
TUNING = np.concatenate([_STRENGTH, -_STRENGTH])
"""Sign: the half; size: how strongly the unit is tuned (mean square 1)."""


def weights() -> np.ndarray:
    """Return the wiring, (source, target); excitatory units first."""
    count = EXCITATORY + INHIBITORY
    matrix = np.zeros((count, count))
    excitatory, inhibitory = slice(0, EXCITATORY), slice(EXCITATORY, count)
    tuned = TUNED * np.outer(TUNING, TUNING)
    matrix[excitatory, excitatory] = (TO_E_FROM_E + tuned) / EXCITATORY
    matrix[excitatory, inhibitory] = TO_I_FROM_E / EXCITATORY
    matrix[inhibitory, excitatory] = -TO_E_FROM_I / INHIBITORY
    matrix[inhibitory, inhibitory] = -TO_I_FROM_I / INHIBITORY
    return matrix


_WEIGHTS = weights()
_RATE = INTERVAL / np.repeat([TIME_E, TIME_I], [EXCITATORY, INHIBITORY])
_DRIVE = np.repeat([DRIVE_E, DRIVE_I], [EXCITATORY, INHIBITORY])


def rates(sign: float = 1.0, *, excitatory: float = 0.0, inhibitory: float = 0.0) -> np.ndarray:
    """Return the rates at the fixed point, (unit,), while no unit is silent.

    Parameters
    ----------
    sign : float
        1 for the first stimulus, −1 for the second.
    excitatory, inhibitory : float
        Drive added to each population.
    """
    determinant = (1 - TO_E_FROM_E) * (1 + TO_I_FROM_I) + TO_E_FROM_I * TO_I_FROM_E
    to_e, to_i = DRIVE_E + excitatory, DRIVE_I + inhibitory
    rate_e = ((1 + TO_I_FROM_I) * to_e - TO_E_FROM_I * to_i) / determinant
    rate_i = (TO_I_FROM_E * to_e + (1 - TO_E_FROM_E) * to_i) / determinant
    tuned = sign * CONTRAST / (1 - TUNED) * TUNING
    return np.concatenate([rate_e + tuned, np.full(INHIBITORY, rate_i)])


def _start(codes: Codes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    sign = np.where(codes["stimulus shown"] == 0, 1.0, -1.0)
    drive = np.tile(_DRIVE, (sign.size, 1))
    drive[:, :EXCITATORY] += CONTRAST * sign[:, None] * TUNING
    return np.ones((sign.size, EXCITATORY + INHIBITORY)), drive


def _step(
    state: np.ndarray,
    sent: np.ndarray,
    drive: np.ndarray,
    clock: int,
    rng: np.random.Generator,
) -> np.ndarray:
    total = drive + sent @ _WEIGHTS + NOISE * rng.standard_normal(state.shape)
    return state + _RATE * (np.clip(total, 0, LARGEST) - state)


def _discrimination(activity: np.ndarray, codes: Codes) -> np.ndarray:
    sign = np.where(codes["stimulus shown"] == 0, 1.0, -1.0)
    return sign * (activity[:, :EXCITATORY] @ TUNING) / EXCITATORY


def _restraint(activity: np.ndarray, codes: Codes) -> np.ndarray:
    return -activity[:, :EXCITATORY].mean(axis=1)


def dynamics() -> Dynamics:
    """Return the circuit."""
    return Dynamics(
        units=(
            *(f"excitatory/{i}" for i in range(EXCITATORY)),
            *(f"inhibitory/{i}" for i in range(INHIBITORY)),
        ),
        conditions={"stimulus shown": ("first", "second")},
        start=_start,
        step=_step,
        send=np.asarray,
        steps=STEPS,
        interval=INTERVAL,
        behaviours={
            "discrimination": Behaviour(
                "rate of the half that the stimulus drives over the other's, weighted by tuning",
                _discrimination,
            ),
            "restraint": Behaviour("mean excitatory rate, negative", _restraint),
        },
        outgoing=np.linalg.norm(_WEIGHTS, axis=1),
        window=(STEPS - WINDOW, STEPS),
        site=("excitatory",) * EXCITATORY + ("inhibitory",) * INHIBITORY,
        unit_variables={"tuning": np.concatenate([TUNING, np.zeros(INHIBITORY)])},
        activity_units="rate, relative to the input",
    )


def system() -> Simulated:
    """Return the system ``excitatory-inhibitory``."""
    return Simulated(
        name="excitatory-inhibitory",
        kind="circuit",
        family="excitatory-inhibitory",
        licence="BSD-3-Clause (this package)",
        citation=("Tsodyks et al. 1997 J Neurosci 17:4382, doi:10.1523/JNEUROSCI.17-11-04382.1997"),
        source="simulated",
        dynamics=dynamics(),
        variable="stimulus shown",
    )
