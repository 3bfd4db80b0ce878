"""Data without any effect, 40 to 80 samples, one world for each way of being dependent.

A world declares what its samples are (label, group, block, time) and draws activity that has
nothing to do with the label, nor one unit with another. What may be exchanged is left to the
code under test: it selects the null, or refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from benchmarks._hostile import autoregressive
from homologue.inference import Design, exchangeability
from homologue.recording import make


@dataclass(frozen=True)
class Declared:
    """What is declared of the samples of one data set."""

    label: np.ndarray
    group: np.ndarray
    further: dict[str, Any] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        return self.label.size

    def design(self) -> Design:
        return exchangeability(self.label, self.group, **self.further)

    def recording(self, activity: np.ndarray, **attrs: Any) -> xr.DataArray:
        further = dict(self.further)
        block = further.pop("block", None)
        return make(
            activity, group=self.group, block=block, variables={"label": self.label, **further},
            kind="brain", system="no effect", **attrs,
        )  # fmt: skip


@dataclass(frozen=True)
class World:
    """One way of being dependent.

    Attributes
    ----------
    name : str
    declare : callable
        ``declare(rng, classes)``.
    activity : callable
        ``activity(rng, declared, units)``, shape (sample, unit); units are independent.
    """

    name: str
    declare: Callable[[np.random.Generator, int], Declared]
    activity: Callable[[np.random.Generator, Declared, int], np.ndarray]


def _uneven(rng: np.random.Generator, count: int, classes: int) -> np.ndarray:
    """Return codes in random order, the last class half as frequent as the others."""
    weight = np.ones(classes)
    weight[-1] = 0.5
    border = np.round(np.cumsum(weight) / weight.sum() * count)
    return rng.permutation(np.searchsorted(border, np.arange(count), side="right"))


def _singles(rng: np.random.Generator, classes: int) -> Declared:
    return Declared(_uneven(rng, 60, classes), np.arange(60))


def _label_per_group(rng: np.random.Generator, classes: int) -> Declared:
    group = np.repeat(np.arange(40), rng.integers(1, 4, 40))
    return Declared(rng.permutation(np.arange(40) % classes)[group], group)


def _label_within_groups(rng: np.random.Generator, classes: int) -> Declared:
    group = np.repeat(np.arange(14), rng.integers(3, 7, 14))
    label = np.concatenate([_uneven(rng, int(size), classes) for size in np.bincount(group)])
    return Declared(label, group)


def _sessions(rng: np.random.Generator, classes: int) -> Declared:
    """Three sessions in which the classes are not equally frequent."""
    block = np.repeat(np.arange(3), 20)
    parts = []
    for b in range(3):
        weight = np.ones(classes)
        weight[b % classes] = 3.0
        count = np.maximum(np.round(weight / weight.sum() * 20).astype(int), 2)
        parts.append(rng.permutation(np.repeat(np.arange(classes), count)[:20]))
    label = np.concatenate([np.resize(part, 20) for part in parts])
    return Declared(label, np.arange(60), {"block": block})


def _clock(samples: int) -> dict[str, np.ndarray]:
    return {"time": np.arange(samples) * 0.1}


def _series(rng: np.random.Generator, classes: int) -> Declared:
    """An autocorrelated label in 16 periods of five samples, one session."""
    latent = autoregressive(rng, 80, 1, 0.5)[:, 0]
    label = np.searchsorted(np.quantile(latent, np.arange(1, classes) / classes), latent)
    return Declared(label, np.arange(80) // 5, _clock(80))


def _unstretched(rng: np.random.Generator, classes: int) -> Declared:
    """A slower series whose samples are wrongly declared independent."""
    latent = autoregressive(rng, 80, 1, 0.9)[:, 0]
    label = np.searchsorted(np.quantile(latent, np.arange(1, classes) / classes), latent)
    return Declared(label, np.arange(80), _clock(80))


def _phases(rng: np.random.Generator, classes: int) -> Declared:
    """A label that changes every ten samples."""
    order = np.concatenate([rng.permutation(classes) for _ in range(8)])[:8]
    return Declared(np.repeat(order, 10), np.arange(80) // 16, _clock(80))


def _few_groups(rng: np.random.Generator, classes: int) -> Declared:
    del classes
    return Declared(rng.permutation(np.arange(5) % 2)[np.arange(60) // 12], np.arange(60) // 12)


def _trials(rng: np.random.Generator, classes: int) -> Declared:
    """Sixteen trials of two samples before an event and two after it."""
    del rng, classes
    lag = np.tile([-0.2, -0.1, 0.0, 0.1], 16)
    return Declared(np.arange(64) % 4, np.arange(64) // 4, {"lag": lag})


def _normal(rng: np.random.Generator, declared: Declared, units: int) -> np.ndarray:
    return rng.standard_normal((declared.samples, units))


def _cauchy(rng: np.random.Generator, declared: Declared, units: int) -> np.ndarray:
    return rng.standard_cauchy((declared.samples, units))


def _shared(rng: np.random.Generator, declared: Declared, units: int) -> np.ndarray:
    """Normal, with twice as large an offset of every group (or block) and unit."""
    _, code = np.unique(declared.further.get("block", declared.group), return_inverse=True)
    offset = 2.0 * rng.standard_normal((int(code.max()) + 1, units))
    return offset[code] + rng.standard_normal((declared.samples, units))


def _slow(rng: np.random.Generator, declared: Declared, units: int) -> np.ndarray:
    return autoregressive(rng, declared.samples, units, 0.8)


def _slower(rng: np.random.Generator, declared: Declared, units: int) -> np.ndarray:
    return autoregressive(rng, declared.samples, units, 0.9)


def _slow_trials(rng: np.random.Generator, declared: Declared, units: int) -> np.ndarray:
    """Each trial a series of its own."""
    count = int(declared.group.max()) + 1
    series = autoregressive(rng, declared.samples // count, count * units, 0.8)
    return series.reshape(-1, count, units).swapaxes(0, 1).reshape(-1, units)


IID = World("iid", _singles, _normal)
HEAVY = World("heavy tails (Cauchy)", _singles, _cauchy)
NESTED = World("nested, label per group", _label_per_group, _shared)
WITHIN = World("nested, label within groups", _label_within_groups, _shared)
SESSIONS = World("sessions with offsets", _sessions, _shared)
SERIES = World("AR(1)", _series, _slow)
SINGLES = World("AR(1), samples as groups", _unstretched, _slower)
PHASES = World("AR(1), label in long phases", _phases, _slow)
FEW = World("five groups", _few_groups, _shared)

ALL = (IID, HEAVY, NESTED, WITHIN, SESSIONS, SERIES, SINGLES, PHASES, FEW)
"""Worlds with a label."""

LABELLED = tuple(world for world in ALL if world is not SINGLES)
UNLABELLED = tuple(world for world in ALL if world not in (PHASES, FEW))

TRIALS = (
    World(IID.name, _trials, _normal),
    World(HEAVY.name, _trials, _cauchy),
    World(WITHIN.name, _trials, _shared),
    World(SERIES.name, _trials, _slow_trials),
)
"""The same dependence among trials about an event."""


def _paths(rng: np.random.Generator, classes: int) -> Declared:
    """Sixteen trials of ten times."""
    del rng, classes
    trial = np.repeat(np.arange(16), 10)
    return Declared(trial % 4, trial, {"trial": trial, "lag": np.tile(np.arange(10) * 0.1, 16)})


PATHS = (
    World(IID.name, _paths, _normal),
    World(HEAVY.name, _paths, _cauchy),
    World(WITHIN.name, _paths, _shared),
    World(SERIES.name, _paths, _slow_trials),
)
"""The same dependence among trials of ten times."""


def _single_stretch(rng: np.random.Generator, classes: int) -> Declared:
    declared = _series(rng, classes)
    return Declared(declared.label, np.zeros(80, int), declared.further)


def _larger_singles(rng: np.random.Generator, classes: int) -> Declared:
    return Declared(_uneven(rng, 140, classes), np.arange(140))


def _larger_per_group(rng: np.random.Generator, classes: int) -> Declared:
    group = np.repeat(np.arange(80), rng.integers(1, 4, 80))
    return Declared(rng.permutation(np.arange(80) % classes)[group], group)


def _larger_within(rng: np.random.Generator, classes: int) -> Declared:
    group = np.repeat(np.arange(30), rng.integers(6, 10, 30))
    label = np.concatenate([_uneven(rng, int(size), classes) for size in np.bincount(group)])
    return Declared(label, group)


def _larger_sessions(rng: np.random.Generator, classes: int) -> Declared:
    parts = []
    for b in range(3):
        weight = np.where(np.arange(classes) == b % classes, 3.0, 1.0)
        count = np.ceil(weight / weight.sum() * 80).astype(int)
        parts.append(rng.permutation(np.repeat(np.arange(classes), count)[:80]))
    return Declared(np.concatenate(parts), np.arange(240), {"block": np.repeat(np.arange(3), 80)})


LARGER = (
    World(IID.name, _larger_singles, _normal),
    World(HEAVY.name, _larger_singles, _cauchy),
    World(NESTED.name, _larger_per_group, _shared),
    World(WITHIN.name, _larger_within, _shared),
    World(SESSIONS.name, _larger_sessions, _shared),
    FEW,
)
"""The same dependence in twice the samples, for claims that compare six classes."""


SERIES_WHITE = World("one stretch of 80, normal", _single_stretch, _normal)


def _by_itself(*_: object) -> Any:
    raise TypeError("this world is drawn by its test")


def named(kinds: Iterable[str]) -> tuple[World, ...]:
    """Return worlds of a test that draws its own data, one for each name."""
    return tuple(World(name, _by_itself, _by_itself) for name in kinds)
