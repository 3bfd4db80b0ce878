"""A simulated system: it can be recorded, perturbed, and asked how it behaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError, UnknownName, nearest
from homologue.systems._protocol import Intervention
from homologue.systems._reference import Reference
from homologue.systems.simulations._dynamics import Apply, Codes, Dynamics, crossed, simulate

RUNS = 24
"""Independent runs of each condition, unless another number is asked for."""

REFERENCE_RUNS = 24
REFERENCE_SEED = 20_240_229
"""Unperturbed runs from which means, spreads and samples are taken for perturbations."""


@dataclass(frozen=True, eq=False)
class Simulated:
    """A system that is simulated when it is recorded.

    Attributes
    ----------
    name, kind, family, licence, citation, source : str
        As in :class:`homologue.systems.System`.
    dynamics : Dynamics
        What is simulated.
    variable : str
        The stimulus variable a panel uses unless it names another.
    variables : tuple of str
        Every variable a claim may be tested on; all of them, if left out.
    perturbations : tuple of Intervention
        What holds while it runs.
    seed : int
        Of what perturbations draw.
    reference : Reference or None
        What perturbations measure themselves against, from unperturbed runs of every condition.

    Notes
    -----
    Perturbed and unperturbed systems recorded with the same ``rng`` start alike and meet the same
    noise: their runs are pairs, and a perturbation that changes nothing changes no number.
    Perturbations act on what units send, at every step or within their window (in
    ``dynamics.time_units`` from the start of the run); resampling and noise draw once a run.
    """

    name: str
    kind: str
    family: str
    licence: str
    citation: str
    source: str
    dynamics: Dynamics
    variable: str
    variables: tuple[str, ...] = ()
    perturbations: tuple[Intervention, ...] = ()
    seed: int = 0
    reference: Reference | None = None

    def __post_init__(self) -> None:
        """Fill in the variables."""
        if not self.variables:
            object.__setattr__(self, "variables", tuple(self.dynamics.conditions))

    @property
    def behaviours(self) -> dict[str, str]:
        """What each behaviour measures, by name; higher is better."""
        return {name: one.description for name, one in self.dynamics.behaviours.items()}

    def record(
        self,
        variable: str | None = None,
        *,
        runs: int = RUNS,
        rng: np.random.Generator | int = 0,
    ) -> xr.DataArray:
        """Simulate, and return the activity of every unit in every run.

        Parameters
        ----------
        variable : str, optional
            A stimulus variable the recording must hold; each recording holds all of them.
        runs : int
            Independent runs of each condition.
        rng : numpy Generator or int
            Of starts and noise.

        Returns
        -------
        xarray.DataArray
            Runs × units, averaged over the response window; group = run. On ``unit``:
            ``outgoing_norm``.

        Raises
        ------
        UnknownName
            No such variable.
        HomologueError
            The simulation diverged; the message names the perturbation.
        """
        self._known(variable)
        activity, codes = self._run(runs, rng)
        dynamics = self.dynamics
        variables = {
            name: recording.variable(
                values,
                categories=list(dynamics.conditions[name]),
                period=dynamics.periods.get(name),
            )
            for name, values in codes.items()
        }
        rec = recording.make(
            activity,
            unit=list(dynamics.units),
            site=np.array(self.sites),
            group=np.arange(len(activity)),
            variables=variables,
            unit_variables={"outgoing_norm": dynamics.outgoing, **dynamics.unit_variables},
            system=self.name,
            kind=self.kind,
            family=self.family,
            activity_units=dynamics.activity_units,
            source=self.source,
            licence=self.licence,
            citation=self.citation,
            **self._provenance(),
        )
        return recording.validate(rec)

    def behave(
        self,
        name: str,
        *,
        runs: int = RUNS,
        rng: np.random.Generator | int = 0,
    ) -> xr.DataArray:
        """Simulate, and return one behaviour of every run.

        Parameters
        ----------
        name : str
            One of :attr:`behaviours`.
        runs, rng
            As for :meth:`record`; the same ``rng`` gives the runs that are recorded.

        Returns
        -------
        xarray.DataArray, shape (sample,)
            With ``group`` (run) and the stimulus variables; named after the behaviour.

        Raises
        ------
        UnknownName
            No such behaviour.
        """
        known = self.dynamics.behaviours
        if name not in known:
            raise UnknownName(
                f"system {self.name!r} has no behaviour {name!r}" + nearest(name, known)
            )
        activity, codes = self._run(runs, rng)
        coords: dict[str, Any] = {
            variable: recording.variable(
                values, categories=list(self.dynamics.conditions[variable])
            )
            for variable, values in codes.items()
        }
        coords["group"] = ("sample", np.arange(len(activity)))
        return xr.DataArray(
            np.asarray(known[name].readout(activity, codes), dtype=np.float64),
            dims=("sample",),
            coords=coords,
            name=name,
            attrs={
                "description": known[name].description,
                "system": self.name,
                **self._provenance(),
            },
        )

    def traces(self, *, runs: int = 1, rng: np.random.Generator | int = 0) -> xr.DataArray:
        """Simulate, and return what every unit sends at every step, (step, run, unit)."""
        codes = crossed(self.dynamics.conditions, runs)
        activity = simulate(
            self.dynamics,
            codes,
            rng=np.random.default_rng(rng),
            apply=self._apply(),
            trace=True,
            describe=self._describe(),
        )
        time = np.arange(self.dynamics.steps) * self.dynamics.interval
        return xr.DataArray(
            activity,
            dims=("step", "run", "unit"),
            coords={
                "time": ("step", time, {"units": self.dynamics.time_units}),
                "unit": list(self.dynamics.units),
                **{name: ("run", values) for name, values in codes.items()},
            },
        )

    def perturb(
        self, *perturbations: Intervention, rng: np.random.Generator | int | None = None
    ) -> Simulated:
        """Return a system in which these hold as well; this one stays as it is.

        Parameters
        ----------
        *perturbations : Intervention
            Applied in the order given, after those that hold already.
        rng : numpy Generator or int, optional
            Of what they draw.

        Raises
        ------
        UnknownName
            A unit the system has not; the message holds the nearest names.
        HomologueError
            Token positions, which a simulation has not; or a window outside the run.
        """
        for one in perturbations:
            self._columns(one)
            self._check(one)
        reference = self.reference
        if reference is None and any(one.needs for one in perturbations):
            reference = _unperturbed(self.dynamics)
        seed = self.seed if rng is None else int(np.random.default_rng(rng).integers(2**62))
        return replace(
            self,
            perturbations=(*self.perturbations, *perturbations),
            seed=seed,
            reference=reference,
        )

    def untrained(self, seed: int) -> Simulated:
        """Refuse: nothing in a simulation was trained."""
        raise HomologueError(
            f"system {self.name!r} ({self.kind}) is a simulation: it has no parameters and no "
            "untrained twin that were learned; only models have one"
        )

    @property
    def sites(self) -> tuple[str, ...]:
        """The site of each unit."""
        given = self.dynamics.site
        return given if len(given) > 1 else (given or (self.name,)) * len(self.dynamics.units)

    def _run(
        self, runs: int, rng: np.random.Generator | int
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        codes = crossed(self.dynamics.conditions, runs)
        if isinstance(rng, int | np.integer):
            return _remembered(self, runs, int(rng)).copy(), codes
        return self._simulate(codes, np.random.default_rng(rng)), codes

    def _simulate(self, codes: Codes, rng: np.random.Generator) -> np.ndarray:
        return simulate(
            self.dynamics, codes, rng=rng, apply=self._apply(), describe=self._describe()
        )

    def _known(self, variable: str | None) -> None:
        if variable is not None and variable not in self.dynamics.conditions:
            raise UnknownName(
                f"system {self.name!r} has no variable {variable!r}"
                + nearest(variable, self.dynamics.conditions)
            )

    def _describe(self) -> str:
        return "; ".join(getattr(one, "name", repr(one)) for one in self.perturbations)

    def _provenance(self) -> dict[str, Any]:
        return {"perturbation": self._describe()} if self.perturbations else {}

    def _check(self, one: Intervention) -> None:
        if one.positions is not None:
            raise HomologueError(
                f"{getattr(one, 'name', one)}: a simulation has no positions; given "
                f"{one.positions!r}. Choose a time with window=(start, stop)"
            )
        length = self.dynamics.steps * self.dynamics.interval
        if one.window is not None and (one.window[1] <= 0 or one.window[0] >= length):
            raise HomologueError(
                f"{getattr(one, 'name', one)}: the window {one.window} lies outside a run of "
                f"{self.name!r}, 0 … {length:g} {self.dynamics.time_units}"
            )

    def _columns(self, one: Intervention) -> np.ndarray:
        """Return the units that are meant, by their names, their site, or a number in it."""
        place = {unit: i for i, unit in enumerate(self.dynamics.units)}
        sites = np.array(self.sites)
        found: list[int] = []
        for name in one.units:
            if name in place:
                found.append(place[name])
                continue
            site, _, number = name.rpartition("/")
            members = np.flatnonzero(sites == name)
            numbered = np.flatnonzero(sites == site)
            if members.size:
                found += members.tolist()
            elif number.isdigit() and int(number) < numbered.size:
                found.append(int(numbered[int(number)]))
            else:
                raise UnknownName(
                    f"system {self.name!r} has no unit or site {name!r}"
                    + nearest(name, [*place, *sites.tolist()])
                )
        return np.array(list(dict.fromkeys(found)), dtype=np.int64)

    def _apply(self) -> Apply | None:
        """Return what the perturbations make of sent activity, one after the other."""
        if not self.perturbations:
            return None
        interval = self.dynamics.interval
        acts = [self._act(one, [self.seed, i]) for i, one in enumerate(self.perturbations)]
        windows = [one.window for one in self.perturbations]

        def apply(sent: np.ndarray, clock: int) -> np.ndarray:
            time = clock * interval
            for act, window in zip(acts, windows, strict=True):
                if window is None or window[0] <= time < window[1]:
                    sent = act(sent)
            return sent

        return apply

    def _act(self, one: Intervention, seed: list[int]) -> Callable[[np.ndarray], np.ndarray]:
        columns = self._columns(one)
        reference = _part(self.reference, columns)
        source = _source(one, columns, self.dynamics.units)

        def act(sent: np.ndarray) -> np.ndarray:
            # A source of its own, begun anew at each step: one draw a run, held through the run.
            out = sent.astype(np.float64, copy=True)
            out[:, columns] = one.apply(
                out[:, columns], reference=reference, rng=np.random.default_rng(seed), source=source
            )
            return out

        return act


@lru_cache(maxsize=32)
def _remembered(system: Simulated, runs: int, seed: int) -> np.ndarray:
    """Return the activity of runs from a seed; several behaviours are read from one simulation."""
    codes = crossed(system.dynamics.conditions, runs)
    return system._simulate(codes, np.random.default_rng(seed))


@lru_cache(maxsize=16)
def _unperturbed(dynamics: Dynamics) -> Reference:
    """Return what is normal; once for all doses of a system."""
    codes = crossed(dynamics.conditions, REFERENCE_RUNS)
    return Reference.of(simulate(dynamics, codes, rng=np.random.default_rng(REFERENCE_SEED)))


def _part(reference: Reference | None, columns: np.ndarray) -> Reference | None:
    if reference is None or reference.samples is None:
        return None
    return Reference.of(reference.samples[:, columns])


def _source(one: Intervention, columns: np.ndarray, units: tuple[str, ...]) -> Any:
    """Return what a patch puts in, (run, column), where it comes as a recording."""
    given = getattr(getattr(one, "source", None), "values", None)
    if not isinstance(given, xr.DataArray) or "unit" not in given.coords:
        return None
    names = [units[column] for column in columns]
    known = given["unit"].values.tolist()
    missing = [name for name in names if name not in known]
    if missing:
        raise UnknownName(f"the source holds no unit {missing[0]!r}" + nearest(missing[0], known))
    return given.values[:, [known.index(name) for name in names]]
