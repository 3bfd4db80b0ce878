"""What the bench expects of a system: a name, a kind, a provenance, ``record``; of some, more."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import xarray as xr


@runtime_checkable
class System(Protocol):
    """Anything on the bench: a brain, a network, a table, a circuit.

    Attributes
    ----------
    name : str
        Unique name, the one the registry knows it by.
    kind : str
        One of ``homologue.recording.KINDS``.
    family : str
        What counts once in a verdict: one animal or laboratory data set, one model with its
        sizes and sites.
    licence, citation, source : str
        Where it comes from and how it may be used.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def family(self) -> str: ...

    @property
    def licence(self) -> str: ...

    @property
    def citation(self) -> str: ...

    @property
    def source(self) -> str: ...

    def record(self, *args: Any, **options: Any) -> xr.DataArray:
        """Return a recording (see :mod:`homologue.recording`)."""
        ...


@runtime_checkable
class Model(System, Protocol):
    """A system with parameters, which therefore has an untrained twin."""

    def untrained(self, seed: int) -> Model:
        """Return the same architecture with re-initialised parameters."""
        ...


@runtime_checkable
class Intervention(Protocol):
    """What a system is asked to do to its own activity while it runs.

    Attributes
    ----------
    units : tuple of str
        Units as recordings name them, or names of sites.
    positions : object
        Which tokens or places of a stimulus; None for all.
    window : (float, float) or None
        Seconds within a trial, start included, end not; None: throughout.
    needs : frozenset of str
        What ``apply`` reads of ``reference``: ``"mean"``, ``"standard_deviation"``,
        ``"samples"``.
    """

    @property
    def units(self) -> tuple[str, ...]: ...

    @property
    def positions(self) -> Any: ...

    @property
    def window(self) -> tuple[float, float] | None: ...

    @property
    def needs(self) -> frozenset[str]: ...

    def apply(
        self,
        activity: Any,
        *,
        columns: Any = None,
        reference: Any = None,
        rng: Any = None,
        source: Any = None,
    ) -> Any:
        """Return the site's activity (…, unit) with some columns perturbed; a new array.

        ``reference`` (see :class:`homologue.systems.Reference`) covers every unit of the site.
        """
        ...


@runtime_checkable
class Perturbable(System, Protocol):
    """A system that can be run while its activity is interfered with."""

    def perturb(self, *perturbations: Intervention, rng: Any = None) -> Perturbable:
        """Return a system in which these hold; the original stays as it is."""
        ...
