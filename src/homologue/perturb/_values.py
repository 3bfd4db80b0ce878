"""A perturbation as a frozen value: where it acts, what it does there, how strongly.

Every perturbation acts on *coordinates*: the activity of some units, or one coordinate along a
direction. What is done to coordinates (:func:`_changed`) is written once, for NumPy and torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import array_api_compat
import numpy as np

from homologue._errors import HomologueError

KINDS = ("ablate", "cool", "stimulate", "clamp", "steer", "patch", "noise")

NEEDS = {
    ("ablate", "mean"): {"mean"},
    ("ablate", "resample"): {"samples"},
    ("stimulate", ""): {"standard_deviation"},
    ("noise", ""): {"standard_deviation"},
}

NEUTRAL = {"cool": 1.0, "stimulate": 0.0, "steer": 0.0, "noise": 0.0}
"""The dose at which a perturbation changes nothing."""


class _Reference(Protocol):
    @property
    def mean(self) -> Any: ...

    @property
    def standard_deviation(self) -> Any: ...

    @property
    def samples(self) -> Any: ...


@dataclass(frozen=True, repr=False)
class Axis:
    """A coordinate of a site's activity that is no single unit.

    The coordinate is ``activation((activity - shift) · read + bias)``; a change of it is added
    to the activity along ``write``.

    Attributes
    ----------
    name : str
        What it is called in messages.
    read, write : tuple of float
        One number a unit of the site.
    bias : float
        Of a dictionary's encoder.
    shift : tuple of float
        Subtracted before reading (a dictionary's decoder bias); empty: nothing.
    rectified : bool
        The coordinate is what exceeds zero, as of a sparse dictionary.
    """

    name: str
    read: tuple[float, ...]
    write: tuple[float, ...]
    bias: float = 0.0
    shift: tuple[float, ...] = ()
    rectified: bool = False

    def coordinate(self, activity: Any) -> Any:
        """Return the coordinate of activity (…, unit) as (…, 1)."""
        if self.shift:
            activity = activity - _like(self.shift, activity)
        value = activity @ _like(self.read, activity)[:, None] + self.bias
        return value.clip(min=0) if self.rectified else value


@dataclass(frozen=True, eq=False)
class Source:
    """What a patch takes its values from; equal only to itself.

    Attributes
    ----------
    values : object
        An array that broadcasts to the patched coordinates, a recording, or stimuli.
    """

    values: Any

    def __repr__(self) -> str:
        """Return the kind and shape of the source."""
        shape = getattr(self.values, "shape", None)
        return type(self.values).__name__ + ("" if shape is None else str(tuple(shape)))


@dataclass(frozen=True)
class Perturbation:
    """What is done to which units; made by :func:`ablate` and its neighbours.

    Attributes
    ----------
    kind : str
        One of ``ablate``, ``cool``, ``stimulate``, ``clamp``, ``steer``, ``patch``, ``noise``.
    units : tuple of str
        Units as recordings name them, or names of sites.
    dose : float
        Gain, amplitude, value, dose, or spread, by kind.
    mode : str
        How an ablation replaces activity.
    positions : object
        Which tokens or places; None for all.
    window : (float, float) or None
        Seconds within a trial; None: throughout.
    axis : Axis or None
        A direction or a dictionary's feature, at the site that ``units`` names.
    source : Source or None
        What a patch puts in.
    """

    kind: str
    units: tuple[str, ...]
    dose: float = math.nan
    mode: str = ""
    positions: Any = None
    window: tuple[float, float] | None = None
    axis: Axis | None = field(default=None, repr=False)
    source: Source | None = None

    @property
    def needs(self) -> frozenset[str]:
        """What :meth:`apply` reads of its reference."""
        found = set(NEEDS.get((self.kind, self.mode), ()))
        if found and self.axis is not None and self.kind != "steer":
            # Mean and spread of a coordinate follow from samples alone.
            found.add("samples")
        return frozenset(found)

    @property
    def is_random(self) -> bool:
        """Whether :meth:`apply` draws."""
        return (self.kind, self.mode) in {("ablate", "resample"), ("noise", "")}

    @property
    def name(self) -> str:
        """What it is, in a line: for messages, provenance and figures."""
        shown = self.axis.name if self.axis is not None else ", ".join(self.units[:3])
        more = len(self.units) - 3
        shown += f" and {more} more" if self.axis is None and more > 0 else ""
        how = f", {self.mode}" if self.mode else ""
        how += "" if math.isnan(self.dose) else f", {self.dose:g}"
        return f"{self.kind}({shown}{how})"

    def at(self, dose: float) -> Perturbation:
        """Return the same perturbation at another dose.

        Raises
        ------
        HomologueError
            A perturbation without doses (ablation, patch), or a dose that is no finite number.
        """
        if math.isnan(self.dose):
            raise HomologueError(
                f"{self.kind} has no dose; graded are cool, stimulate, clamp, steer and noise "
                "(an ablation by degrees is cool(units, gain) with gains from 1 to 0)"
            )
        return replace(self, dose=finite(dose, self.kind))

    def apply(
        self,
        activity: Any,
        *,
        columns: Any = None,
        reference: _Reference | None = None,
        rng: Any = None,
        source: Any = None,
    ) -> Any:
        """Return the activity of a site, perturbed; a new array, the given one stays.

        Parameters
        ----------
        activity : array, shape (…, unit)
            NumPy's or torch's; every unit of the site.
        columns : sequence of int, optional
            Which units are meant; all, if left out. Not used for directions and features.
        reference : Reference, optional
            What is normal for each unit of the site; see :attr:`needs`.
        rng : int or numpy.random.Generator, optional
            For resampling and noise. Draws are made in the order of leading indices.
        source : array, optional
            For patches: what is put in, broadcast to the coordinates (…, column); by default
            the array that :func:`patch` was given.

        Raises
        ------
        HomologueError
            A reference, an rng or a source that is needed and missing, or of another size.
        """
        if not array_api_compat.is_torch_array(activity):
            activity = np.asarray(activity)
            if activity.dtype.kind != "f":
                activity = activity.astype(np.float64)
        if activity.ndim == 0:
            raise HomologueError("activity is (…, unit); given a single number")
        width = int(activity.shape[-1])
        if self.axis is not None and len(self.axis.read) != width:
            raise HomologueError(
                f"{self.name}: the direction has {len(self.axis.read)} numbers, the site "
                f"{width} units"
            )
        self._check_reference(reference, width)
        if self.kind == "steer" and self.axis is not None:
            return activity + self.dose * _like(self.axis.write, activity)
        view: Any
        if self.axis is None:
            where = slice(None) if columns is None else _columns(columns)
            before = activity[..., where]
            view = _UnitView(where)
        else:
            before = self.axis.coordinate(activity)
            view = _AxisView(self.axis)
        put = self.source.values if source is None and self.source is not None else source
        after = _changed(self, before, view, reference=reference, rng=rng, source=put)
        if self.axis is not None:
            return activity + (after - before) * _like(self.axis.write, activity)
        out = activity.clone() if array_api_compat.is_torch_array(activity) else activity.copy()
        out[..., where] = after
        return out

    def _check_reference(self, reference: _Reference | None, width: int) -> None:
        needed = sorted(self.needs)
        if not needed:
            return
        lacking = [one for one in needed if getattr(reference, one, None) is None]
        if lacking:
            raise HomologueError(
                f"{self.name} is measured against unperturbed activity, and its "
                f"{' and '.join(lacking).replace('_', ' ')} is missing: pass "
                "perturb(…, reference=recording or stimuli)"
            )
        sizes = {int(np.shape(getattr(reference, one))[-1]) for one in needed}
        if sizes != {width}:
            raise HomologueError(
                f"{self.name}: the reference has {sizes} units, the site {width}; take it from "
                "a recording of the whole site"
            )


@dataclass(frozen=True)
class _UnitView:
    """Some columns of a reference."""

    where: Any

    def mean(self, reference: Any) -> Any:
        return np.asarray(reference.mean)[self.where]

    def deviation(self, reference: Any) -> Any:
        return np.asarray(reference.standard_deviation)[self.where]

    def drawn(self, reference: Any, rows: Any) -> Any:
        where = self.where if isinstance(self.where, slice) else np.asarray(self.where)[None, :]
        samples = np.asarray(reference.samples)
        return (
            samples[rows][:, where] if isinstance(where, slice) else samples[rows[:, None], where]
        )


@dataclass(frozen=True)
class _AxisView:
    """One coordinate of a reference's samples."""

    axis: Axis

    def _values(self, reference: Any) -> Any:
        return self.axis.coordinate(np.asarray(reference.samples, dtype=np.float64))

    def mean(self, reference: Any) -> Any:
        return self._values(reference).mean(axis=0)

    def deviation(self, reference: Any) -> Any:
        return self._values(reference).std(axis=0)

    def drawn(self, reference: Any, rows: Any) -> Any:
        return self._values(reference)[rows]


def _changed(
    one: Perturbation, before: Any, view: Any, *, reference: Any, rng: Any, source: Any
) -> Any:
    """Return what becomes of coordinates (…, column)."""
    if one.kind == "ablate" and one.mode == "zero":
        return _constant(before, 0.0)
    if one.kind == "ablate" and one.mode == "mean":
        return _constant(before, view.mean(reference))
    if one.kind == "ablate":
        rows = _generator(one, rng).integers(len(reference.samples), size=_size(before.shape[:-1]))
        return _like(view.drawn(reference, rows), before).reshape(before.shape)
    if one.kind == "cool":
        return before * one.dose
    if one.kind == "stimulate":
        return before + one.dose * _like(view.deviation(reference), before)
    if one.kind == "clamp":
        return _constant(before, one.dose)
    if one.kind == "noise":
        # Doubles drawn row by row: what a stimulus gets does not depend on its neighbours.
        drawn = _generator(one, rng).standard_normal(tuple(before.shape))
        return before + one.dose * _like(drawn, before) * _like(view.deviation(reference), before)
    if source is None or not hasattr(source, "__array__"):
        raise HomologueError(
            f"{one.name}: the system has to look the source up and pass it as `source`; an array "
            "that broadcasts to the activity needs no looking up"
        )
    put = _like(source, before)
    try:
        return _constant(before, put)
    except (ValueError, RuntimeError) as error:
        raise HomologueError(
            f"{one.name}: the source has shape {tuple(put.shape)}, which does not broadcast to "
            f"the patched activity {tuple(before.shape)}"
        ) from error


def _constant(before: Any, value: Any) -> Any:
    """Return coordinates that hold a value, whatever stood there (NaN included)."""
    nothing = array_api_compat.array_namespace(before).zeros_like(before)
    return nothing + (value if isinstance(value, float) else _like(value, before))


def _size(shape: Any) -> int:
    return int(np.prod(tuple(shape), dtype=np.int64))


def _columns(columns: Any) -> Any:
    """Return columns as a slice where they are consecutive: no gathering."""
    index = np.asarray(columns, dtype=np.int64).ravel()
    if index.size and (np.diff(index) == 1).all():
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def _generator(one: Perturbation, rng: Any) -> np.random.Generator:
    if rng is None:
        raise HomologueError(f"{one.name} draws at random: pass rng=0, or another seed")
    return np.random.default_rng(rng)


def _like(values: Any, activity: Any) -> Any:
    """Return values as an array of the activity's library, precision and device."""
    if array_api_compat.is_torch_array(activity):
        import torch

        given = values if isinstance(values, torch.Tensor) else torch.from_numpy(np.array(values))
        return given.to(device=activity.device, dtype=activity.dtype)
    return np.asarray(values, dtype=activity.dtype)


def finite(value: Any, what: str) -> float:
    """Return a dose as a float.

    Raises
    ------
    HomologueError
        It is no finite number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise HomologueError(f"the dose of {what} is a finite number; given {value!r}")
    return number
