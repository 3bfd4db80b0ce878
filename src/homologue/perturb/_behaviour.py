"""What a system does, as a number a sample: higher is better.

A behaviour is a frozen value that measures any system it is given, perturbed or not. Everything
that asks what a perturbation does (:func:`effect`, :func:`dose_response` …) takes behaviours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, UnknownName, nearest
from homologue._typing import Array, Float, Num

Read = Callable[[Any, Any], xr.DataArray]
"""System and rng → one number a sample, with a coordinate ``group``."""


@dataclass(frozen=True, eq=False)
class Behaviour:
    """Something that a system does better or worse.

    Attributes
    ----------
    name : str
        Short; results carry it as a coordinate.
    description : str
        What is measured, in which units.
    read : callable
        ``read(system, rng)`` → DataArray (sample,), with coordinate ``group``; the same ``rng``
        gives the same samples, so that systems with and without a perturbation are pairs.
    chance : float or None
        Its value where nothing of it is left. Effects are shares of what lies between chance
        and the unperturbed value; None: effects are in the behaviour's own units.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> one = Behaviour("level", "the system itself", lambda system, rng: xr.DataArray(
    ...     np.full(3, system), dims="sample", coords={"group": ("sample", [0, 1, 2])}))
    >>> one.measure(2.0, rng=0).values
    array([2., 2., 2.])
    """

    name: str
    description: str
    read: Read = field(repr=False)
    chance: float | None = 0.0

    def measure(self, system: Any, *, rng: Any) -> xr.DataArray:
        """Return the behaviour of a system.

        Parameters
        ----------
        system : object
            Perturbed or not.
        rng : int or numpy.random.Generator
            Of the system's own noise; the same int gives pairs.

        Returns
        -------
        xarray.DataArray, shape (sample,)
            Float64, with coordinate ``group``; named after the behaviour.

        Raises
        ------
        HomologueError
            NaN or Inf (the message names the perturbation and its dose), or a reading that is
            not one number a sample with its group.
        """
        values = self.read(system, rng)
        if values.dims != ("sample",) or "group" not in values.coords:
            raise HomologueError(
                f"behaviour {self.name!r} gives dims {values.dims} with coordinates "
                f"{sorted(map(str, values.coords))}; expected ('sample',) with 'group'"
            )
        if not np.isfinite(values.values).all():
            raise HomologueError(
                f"behaviour {self.name!r} became NaN or Inf under {held(system)}; stopped. Take "
                "a smaller dose, or a behaviour that is defined for every output"
            )
        out = values.astype(np.float64).rename(self.name)
        return out.assign_attrs(description=self.description)


def own_behaviour(name: str, *, runs: int | None = None, chance: float | None = 0.0) -> Behaviour:
    """Return a behaviour that a simulated system measures of itself.

    Parameters
    ----------
    name : str
        One of ``system.behaviours``.
    runs : int, optional
        Independent runs of each condition.
    chance : float or None
        See :class:`Behaviour`.

    Examples
    --------
    >>> from homologue.systems.circuits.two_module import system
    >>> own_behaviour("task-a", runs=2).measure(system(), rng=0).sizes["sample"]
    8
    """

    def read(system: Any, rng: Any) -> xr.DataArray:
        behave = getattr(system, "behave", None)
        if behave is None:
            raise HomologueError(
                f"system {getattr(system, 'name', system)!r} does not behave by itself; take a "
                "task (perturb.tasks), an output (perturb.output_behaviour) or a readout "
                "(perturb.readout)"
            )
        if name not in system.behaviours:
            raise UnknownName(
                f"system {system.name!r} has no behaviour {name!r}"
                + nearest(name, system.behaviours)
            )
        out: xr.DataArray = behave(name, rng=rng, **({} if runs is None else {"runs": runs}))
        return out

    return Behaviour(name, f"{name}, as the system measures it", read, chance)


def rate(
    units: Any, *, name: str = "rate", runs: int | None = None, stimuli: Any = None, **options: Any
) -> Behaviour:
    """Return the mean activity of some units as a behaviour.

    Parameters
    ----------
    units : str or sequence of str
        Units as recordings name them, or sites.
    name : str
    runs : int, optional
        Of a simulation.
    stimuli : object, optional
        What a network is shown.
    **options
        Of ``record``: ``sites=`` and ``positions=`` of a network.

    Raises
    ------
    UnknownName
        When measured: a unit or site that is not recorded.

    Examples
    --------
    >>> from homologue.systems.circuits import two_module
    >>> activity = rate("module-a", runs=4)
    >>> bool(activity.measure(two_module.system(), rng=0).mean() > 0)
    True
    """
    wanted = [units] if isinstance(units, str) else list(map(str, units))

    def read(system: Any, rng: Any) -> xr.DataArray:
        rec = recorded(system, stimuli, rng=rng, runs=runs, **options)
        names, sites = rec["unit"].values.astype(str), rec["site"].values.astype(str)
        known = [*names.tolist(), *sites.tolist()]
        for one in wanted:
            if one not in known:
                raise UnknownName(f"{one!r} is not recorded" + nearest(one, known))
        chosen = np.isin(names, wanted) | np.isin(sites, wanted)
        return labelled(rec.values[:, chosen].mean(axis=1), rec["group"].values)

    return Behaviour(name, f"mean activity of {', '.join(wanted[:3])}", read)


def recorded(
    system: Any, stimuli: Any, *, rng: Any, runs: int | None = None, **options: Any
) -> xr.DataArray:
    """Return a recording, of a network shown stimuli or of a simulation."""
    rec: xr.DataArray
    if stimuli is not None:
        rec = system.record(stimuli, **options)
    else:
        more = {} if runs is None else {"runs": runs}
        rec = system.record(rng=rng, **more, **options)
    return rec.transpose("sample", "unit")


def labelled(values: Num[Array, " sample"], group: Any) -> xr.DataArray:
    """Return values with their groups."""
    return xr.DataArray(
        np.asarray(values, dtype=np.float64),
        dims=("sample",),
        coords={"group": ("sample", np.asarray(group))},
    )


def as_behaviours(given: Any) -> list[Behaviour]:
    """Return behaviours, of one or several, or of names of a simulation's own.

    Raises
    ------
    HomologueError
        None at all, the same name twice, or something else.
    """
    several = [given] if isinstance(given, (str, Behaviour)) else list(_iterated(given))
    found = [own_behaviour(one) if isinstance(one, str) else one for one in several]
    for one in found:
        if not (hasattr(one, "measure") and hasattr(one, "name")):
            raise HomologueError(
                f"a behaviour has a name and measure(system, rng=…), or is the name of a "
                f"simulation's own; given {type(one).__name__}"
            )
    names = [one.name for one in found]
    if not names or len(set(names)) < len(names):
        raise HomologueError(f"behaviours are one or more, each named once; given {names}")
    return found


def _iterated(given: Any) -> Iterable[Any]:
    if not isinstance(given, Iterable):
        raise HomologueError(f"a behaviour is expected; given {type(given).__name__}")
    return given


def held(system: Any) -> str:
    """Return what perturbations hold in a system, for messages."""
    found = getattr(system, "perturbations", ())
    names = [one if isinstance(one, str) else getattr(one, "name", repr(one)) for one in found]
    return "; ".join(names) or "no perturbation"


def group_means(
    values: xr.DataArray,
) -> tuple[np.ndarray, Float[Array, " group"]]:
    """Return the groups, in sorted order, and the mean of each: groups weigh equally.

    Examples
    --------
    >>> group_means(labelled(np.array([1.0, 3.0, 5.0]), ["a", "a", "b"]))
    (array(['a', 'b'], dtype='<U1'), array([2., 5.]))
    """
    labels, codes = np.unique(values["group"].values, return_inverse=True)
    return labels, np.bincount(codes, values.values) / np.bincount(codes)
