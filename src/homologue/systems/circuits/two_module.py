"""Two tasks, each read from a module of its own, and decoys that are selective but not read.

Two binary cues are given together. Task A reads module A, task B module B; each module has a
decoy population with the same input weights, hence the same tuning and the same rates, whose
output goes to a sink that nothing reads, through weights of the same norm. What is true is known
for every unit: silencing a unit of a module impairs its task and leaves the other as it is;
silencing a decoy or a sink unit changes neither.

Notes
-----
Made for this package: a planted double dissociation on which methods are tested.
"""

from __future__ import annotations

import numpy as np

from homologue.systems.simulations._dynamics import Behaviour, Codes, Dynamics
from homologue.systems.simulations._simulated import Simulated

SIZE = 16
"""Units of each population."""

POPULATIONS = ("module-a", "module-b", "decoy-a", "decoy-b", "sink")
CUES = ("cue a", "cue b")
BASELINE = 0.2
TIME_CONSTANT, INTERVAL = 0.020, 0.005
STEPS, WINDOW = 60, 20
NOISE = 0.6

_GAIN = np.linspace(0.6, 1.4, SIZE // 2)
TUNING = np.stack([_GAIN, -_GAIN], axis=1).ravel()
"""Of the units of a module: driven by the first class of its cue (positive) or by the second."""

READOUT = np.sign(TUNING) / SIZE
"""Weights with which a task reads its module; outgoing weights of decoys have the same norm."""


def _wiring() -> np.ndarray:
    """Return weights (source, target): each decoy drives one sink unit."""
    matrix = np.zeros((len(POPULATIONS) * SIZE,) * 2)
    sink = POPULATIONS.index("sink") * SIZE
    for name in ("decoy-a", "decoy-b"):
        first = POPULATIONS.index(name) * SIZE
        matrix[first + np.arange(SIZE), sink + np.arange(SIZE)] = np.abs(READOUT)
    return matrix


_WEIGHTS = _wiring()


def rates(cue_a: int = 0, cue_b: int = 0) -> np.ndarray:
    """Return the noiseless rates at the fixed point, (unit,)."""
    total = np.full(len(POPULATIONS) * SIZE, BASELINE)
    for name, sign in (("a", 1 - 2 * cue_a), ("b", 1 - 2 * cue_b)):
        for population in ("module", "decoy"):
            first = POPULATIONS.index(f"{population}-{name}") * SIZE
            total[first : first + SIZE] += sign * TUNING
    rate = np.maximum(total, 0)
    return np.maximum(total + rate @ _WEIGHTS, 0)


def _start(codes: Codes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    runs = codes["cue a"].size
    drive = np.full((runs, len(POPULATIONS) * SIZE), BASELINE)
    for name in ("a", "b"):
        sign = 1 - 2 * codes[f"cue {name}"]
        for population in ("module", "decoy"):
            first = POPULATIONS.index(f"{population}-{name}") * SIZE
            drive[:, first : first + SIZE] += sign[:, None] * TUNING
    return np.zeros_like(drive), drive


def _step(
    state: np.ndarray,
    sent: np.ndarray,
    drive: np.ndarray,
    clock: int,
    rng: np.random.Generator,
) -> np.ndarray:
    total = drive + sent @ _WEIGHTS + NOISE * rng.standard_normal(state.shape)
    return state + INTERVAL / TIME_CONSTANT * (np.maximum(total, 0) - state)


def _task(name: str) -> Behaviour:
    first = POPULATIONS.index(f"module-{name}") * SIZE

    def readout(activity: np.ndarray, codes: Codes) -> np.ndarray:
        sign = 1 - 2 * codes[f"cue {name}"]
        return sign * (activity[:, first : first + SIZE] @ READOUT)

    return Behaviour(f"margin with which module {name.upper()} tells cue {name} right", readout)


def dynamics() -> Dynamics:
    """Return the circuit."""
    reads = np.zeros((_WEIGHTS.shape[0], 2))
    for column, name in enumerate(("module-a", "module-b")):
        first = POPULATIONS.index(name) * SIZE
        reads[first : first + SIZE, column] = READOUT
    count = len(POPULATIONS) * SIZE
    return Dynamics(
        units=tuple(f"{name}/{i}" for name in POPULATIONS for i in range(SIZE)),
        conditions=dict.fromkeys(CUES, ("first", "second")),
        start=_start,
        step=_step,
        send=np.asarray,
        steps=STEPS,
        interval=INTERVAL,
        behaviours={"task-a": _task("a"), "task-b": _task("b")},
        outgoing=np.linalg.norm(np.hstack([_WEIGHTS, reads]), axis=1),
        window=(STEPS - WINDOW, STEPS),
        site=tuple(np.repeat(POPULATIONS, SIZE).tolist()),
        unit_variables={
            "read_by": np.repeat(["task-a", "task-b", "none"], [SIZE, SIZE, count - 2 * SIZE])
        },
        activity_units="rate, relative to the input",
    )


def system() -> Simulated:
    """Return the system ``two-module``."""
    return Simulated(
        name="two-module",
        kind="circuit",
        family="two-module",
        licence="BSD-3-Clause (this package)",
        citation="made for this package",
        source="simulated",
        dynamics=dynamics(),
        variable="cue a",
    )
