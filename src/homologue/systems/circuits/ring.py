"""A ring attractor: a bump of activity that holds a heading after the cue is gone.

Rate units lie on a ring, each excited by its neighbours and inhibited by all,
τ dr/dt = −r + [I + Σⱼ (J₀ + J₁ cos(θᵢ − θⱼ)) rⱼ / n]₊, the model of Ben-Yishai et al. (1995). In
the marginal phase the activity is A [cos(θ − φ) − cos θc]₊ whatever the heading φ, with θc and A
in closed form (:func:`bump`).

References
----------
.. [1] Ben-Yishai, Bar-Or & Sompolinsky 1995, PNAS 92:3844, doi:10.1073/pnas.92.9.3844.
.. [2] Zhang 1996, J. Neurosci. 16:2112, doi:10.1523/JNEUROSCI.16-06-02112.1996 (headings).

Notes
-----
The equations are those of [1]_; the strengths, the cue and the noise were chosen here (with
J₁ = 4 the bump is half the ring wide).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from homologue.systems.simulations._dynamics import Behaviour, Codes, Dynamics
from homologue.systems.simulations._simulated import Simulated

UNITS = 48
HEADINGS = 8

INHIBITION, EXCITATION = -4.0, 4.0
"""J₀ and J₁."""

BACKGROUND, CUE = 1.0, 0.5
"""Input to every unit; and on top, while the cue lasts, times cos(θ − heading)."""

TIME_CONSTANT, INTERVAL = 0.010, 0.002
STEPS, CUE_STEPS = 200, 75
NOISE = 0.1
"""Standard deviation of the input noise of a step."""

_ANGLE = 2 * np.pi * np.arange(UNITS) / UNITS
_WEIGHTS = (INHIBITION + EXCITATION * np.cos(_ANGLE[:, None] - _ANGLE)) / UNITS


def bump() -> tuple[float, float]:
    """Return half-width θc (radians) and amplitude A of the bump without a cue.

    A = J₁ times the first Fourier coefficient of the bump fixes θc; the uniform part fixes A.
    """
    width = brentq(lambda c: EXCITATION * (c - np.sin(2 * c) / 2) / (2 * np.pi) - 1, 1e-6, np.pi)
    mean = (np.sin(width) - width * np.cos(width)) / np.pi
    return float(width), float(BACKGROUND / (-np.cos(width) - INHIBITION * mean))


def decoded(activity: np.ndarray) -> np.ndarray:
    """Return the heading read from (run, unit), radians: angle of the population vector."""
    return np.asarray(np.angle(activity @ np.exp(1j * _ANGLE)))


def _start(codes: Codes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    heading = 2 * np.pi * codes["heading"] / HEADINGS
    state = rng.random((heading.size, UNITS)) * 0.1
    return state, np.cos(_ANGLE - heading[:, None])


def _step(
    state: np.ndarray,
    sent: np.ndarray,
    drive: np.ndarray,
    clock: int,
    rng: np.random.Generator,
) -> np.ndarray:
    given = BACKGROUND + (CUE * drive if clock < CUE_STEPS else 0.0)
    total = given + sent @ _WEIGHTS + NOISE * rng.standard_normal(state.shape)
    return state + INTERVAL / TIME_CONSTANT * (np.maximum(total, 0) - state)


def _direction(activity: np.ndarray, codes: Codes) -> np.ndarray:
    return np.cos(decoded(activity) - 2 * np.pi * codes["heading"] / HEADINGS)


def _sharpness(activity: np.ndarray, codes: Codes) -> np.ndarray:
    total = np.abs(activity).sum(axis=1)
    return np.abs(activity @ np.exp(1j * _ANGLE)) / np.where(total > 0, total, 1)


def dynamics() -> Dynamics:
    """Return the circuit."""
    return Dynamics(
        units=tuple(f"ring/{i}" for i in range(UNITS)),
        conditions={"heading": tuple(f"{360 * i // HEADINGS}°" for i in range(HEADINGS))},
        start=_start,
        step=_step,
        send=np.asarray,
        steps=STEPS,
        interval=INTERVAL,
        behaviours={
            "heading": Behaviour(
                "cosine of the angle between the heading read from the bump and the cue's",
                _direction,
            ),
            "sharpness": Behaviour(
                "length of the population vector over the summed activity", _sharpness
            ),
        },
        outgoing=np.linalg.norm(_WEIGHTS, axis=1),
        window=(STEPS - 50, STEPS),
        site=("ring",),
        unit_variables={"preferred": _ANGLE},
        activity_units="rate, relative to the input",
    )


def system() -> Simulated:
    """Return the system ``ring-attractor``."""
    return Simulated(
        name="ring-attractor",
        kind="circuit",
        family="ring-attractor",
        licence="BSD-3-Clause (this package)",
        citation="Ben-Yishai et al. 1995 PNAS 92:3844, doi:10.1073/pnas.92.9.3844",
        source="simulated",
        dynamics=dynamics(),
        variable="heading",
    )
