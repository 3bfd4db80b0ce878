"""Dynamics that can be perturbed while they run: a state, a map, and what units send each other.

A state goes on by its own rule; what a unit *sends* (to other units, to readouts, to the
recording) passes through the perturbations first, at every step. An ablated unit therefore sends
nothing while its own state goes on, and a gain of one half halves what is sent, however long the
step: perturbing the state itself would compound from step to step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from homologue._errors import HomologueError
from homologue._typing import Array, Float, Int

Codes = Mapping[str, Int[Array, " run"]]
"""Of each stimulus variable, the class of every run."""

Start = Callable[[Codes, np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""Classes → state (run, variable) and drive (run, …)."""

Step = Callable[
    [np.ndarray, np.ndarray, np.ndarray, int, np.random.Generator],
    np.ndarray,
]
"""State, sent activity (run, unit), drive, number of the step, noise → next state."""


@dataclass(frozen=True)
class Behaviour:
    """A scalar a run, higher is better.

    Attributes
    ----------
    description : str
        What it measures, in which units.
    readout : callable
        Activity (run, unit) and classes → (run,).
    """

    description: str
    readout: Callable[[np.ndarray, Codes], np.ndarray]


@dataclass(frozen=True, eq=False)
class Dynamics:
    """A simulation: how it starts, goes on, and is read.

    Attributes
    ----------
    units : tuple of str
        What is recorded and can be perturbed.
    conditions : mapping of str to tuple of str
        Stimulus variables and their classes; runs cross all of them.
    start, step : callable
        See :data:`Start` and :data:`Step`.
    send : callable
        State → what the units send, (run, unit).
    steps : int
    interval : float
        Time of one step, in ``time_units``.
    behaviours : mapping of str to Behaviour
    outgoing : array, shape (unit,)
        Norm of each unit's outgoing weights: with its activity, what predicts an effect.
    window : tuple of int
        First and last step (exclusive) over which activity is averaged.
    measure : {"mean", "peak"}
        What is kept of a run: the mean over the window, or the largest value in it.
    periods : mapping of str to float
        Variables that are circular.
    site : tuple of str
        Of each unit; one for all may be given.
    unit_variables : mapping
        Anything else per unit.
    activity_units, time_units : str
    """

    units: tuple[str, ...]
    conditions: Mapping[str, tuple[str, ...]]
    start: Start
    step: Step
    send: Callable[[np.ndarray], np.ndarray]
    steps: int
    interval: float
    behaviours: Mapping[str, Behaviour]
    outgoing: np.ndarray
    window: tuple[int, int]
    measure: str = "mean"
    periods: Mapping[str, float] = field(default_factory=dict)
    site: tuple[str, ...] = ()
    unit_variables: Mapping[str, np.ndarray] = field(default_factory=dict)
    activity_units: str = "arbitrary"
    time_units: str = "s"


Apply = Callable[[np.ndarray, int], np.ndarray]
"""Sent activity (run, unit) and number of the step → what arrives."""


def crossed(conditions: Mapping[str, Sequence[str]], runs: int) -> dict[str, np.ndarray]:
    """Return the classes of every run: each combination ``runs`` times.

    Examples
    --------
    >>> codes = crossed({"a": ("x", "y"), "b": ("u", "v")}, 1)
    >>> codes["a"].tolist(), codes["b"].tolist()
    ([0, 0, 1, 1], [0, 1, 0, 1])
    """
    if runs < 1:
        raise HomologueError(f"runs is the number of runs of each condition, 1 or more; got {runs}")
    counts = [len(classes) for classes in conditions.values()]
    grid = np.indices(counts).reshape(len(counts), -1)
    return {name: np.repeat(row, runs) for name, row in zip(conditions, grid, strict=True)}


def simulate(
    dynamics: Dynamics,
    codes: Codes,
    *,
    rng: np.random.Generator,
    apply: Apply | None = None,
    trace: bool = False,
    describe: str = "",
) -> Float[Array, "run unit"] | Float[Array, "step run unit"]:
    """Run a simulation, all runs at once.

    Parameters
    ----------
    dynamics : Dynamics
    codes : mapping of str to array of int
        Class of each run; see :func:`crossed`.
    rng : numpy Generator
        Of starts and noise; a perturbation draws from a source of its own, so that a perturbed
        run meets the same noise as the run it is compared with.
    apply : callable, optional
        What perturbations make of the sent activity.
    trace : bool
        Return every step instead of the measure.
    describe : str
        Named in the error when the simulation diverges.

    Returns
    -------
    numpy.ndarray, shape (run, unit), or (step, run, unit)

    Raises
    ------
    HomologueError
        The state is no longer finite.
    """
    # Products are small: threads would cost more than they save.
    with threadpool_limits(1, user_api="blas"):
        kept, total = _run(dynamics, codes, rng, apply, trace=trace, describe=describe)
    if trace:
        return np.stack(kept)
    first, last = dynamics.window
    return total if dynamics.measure == "peak" else total / (last - first)


def _run(
    dynamics: Dynamics,
    codes: Codes,
    rng: np.random.Generator,
    apply: Apply | None,
    *,
    trace: bool,
    describe: str,
) -> tuple[list[np.ndarray], Any]:
    """Return every step, if asked for, and the sum or the peak over the window."""
    state, drive = dynamics.start(codes, rng)
    first, last = dynamics.window
    kept: list[np.ndarray] = []
    total: Any = None
    for clock in range(dynamics.steps):
        sent = dynamics.send(state)
        with np.errstate(over="ignore", invalid="ignore"):
            if apply is not None:
                sent = apply(sent, clock)
            _refuse_nonfinite(sent, clock, describe)
        if trace:
            kept.append(sent)
        elif first <= clock < last:
            if total is None:
                total = sent.astype(np.float64, copy=True)
            elif dynamics.measure == "peak":
                total = np.maximum(total, sent)
            else:
                with np.errstate(over="ignore", invalid="ignore"):
                    total += sent
                _refuse_nonfinite(total, clock, describe)
        with np.errstate(over="ignore", invalid="ignore"):
            state = dynamics.step(state, sent, drive, clock, rng)
    return kept, total


def _refuse_nonfinite(activity: np.ndarray, clock: int, describe: str) -> None:
    if not np.isfinite(activity).all():
        raise HomologueError(
            f"step {clock}: activity is no longer finite"
            + (f" under {describe}; try a smaller dose" if describe else "")
        )
