"""p-values of data sets without effect, collected until there are enough, or refusals counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from benchmarks import _calibration_worlds as worlds
from benchmarks._calibration_worlds import World
from homologue._errors import HomologueError

DRAWS = 199
UNITS = 10

PATIENCE = 20
"""Data sets that are refused before a world is, where not one was accepted."""

SELDOM = 2000
"""Data sets after which a world counts as refused where fewer than 1 in 100 was accepted."""


@dataclass
class Measured:
    """p-values by name, and how many data sets were refused, with the last reason."""

    p: dict[str, list[np.ndarray]] = field(default_factory=dict)
    tried: int = 0
    refused: int = 0
    reason: str = ""

    def add(self, **p: Any) -> None:
        for name, values in p.items():
            self.p.setdefault(name.replace("_", " "), []).append(np.atleast_1d(values))


def until(
    sets: int,
    each: int | Callable[[], int],
    draw: Callable[[], dict[str, Any]],
    *,
    patience: int = PATIENCE,
) -> Measured:
    """Collect until there are enough data sets, or until hardly anything but refusals has come.

    The few that were accepted then are left out: they are too few to judge by.
    """
    found = Measured()
    size = each if callable(each) else lambda: each
    while (found.tried - found.refused) * size() < sets:
        if found.refused >= min(patience, sets) and found.refused == found.tried:
            break
        if found.tried >= SELDOM and found.tried - found.refused < 0.01 * found.tried:
            found.p.clear()
            break
        found.tried += 1
        try:
            found.add(**draw())
        except HomologueError as error:
            found.refused += 1
            found.reason = str(error)
    return found


Measure = Callable[[World, int, np.random.Generator], Measured]


@dataclass(frozen=True)
class Test:
    """How a public test is asked.

    Attributes
    ----------
    measure : callable
        From :func:`asked`, or ``measure(world, sets, rng) -> Measured``.
    worlds : tuple of World
    sets : int
        Data sets; fewer than 2 000 where they take long.
    """

    measure: Measure
    worlds: tuple[World, ...] = worlds.LABELLED
    sets: int = 2000


def asked(
    question: Callable[[xr.DataArray, np.random.Generator], Any],
    *,
    classes: int = 3,
    units: int = UNITS,
    rates: bool = False,
) -> Measure:
    """Return the measurement of an analysis, which is asked as a user asks it.

    Parameters
    ----------
    question : callable
        ``question(rec, rng)``; the recording has a variable ``label`` that has nothing to do
        with its units, nor one unit with another. Returns the analysis' Dataset, its p, or a
        dictionary of p by name: one p a data set, or one a unit (each unit is then a data set;
        NaN, a unit that is not tested, counts as not found).
    classes, units : int
        Of the label, and of the recording.
    rates : bool
        Activity zero or more: its absolute value.
    """

    def measure(world: World, sets: int, rng: np.random.Generator) -> Measured:
        each = [1]

        def draw() -> dict[str, Any]:
            declared = world.declare(rng, classes)
            activity = world.activity(rng, declared, units)
            rec = declared.recording(np.abs(activity) if rates else activity)
            found = question(rec, rng)
            if isinstance(found, xr.Dataset):
                found = found["p"]
            found = found if isinstance(found, dict) else {"": found}
            values = {name: np.atleast_1d(np.asarray(p)) for name, p in found.items()}
            for name, p in values.items():
                if np.isnan(p).all():
                    raise HomologueError(f"no p{' of ' if name else ''}{name}: nothing is tested")
            each[0] = next(iter(values.values())).size
            return {name: np.where(np.isnan(p), 1.0, p) for name, p in values.items()}

        return until(sets, lambda: each[0], draw)

    return measure
