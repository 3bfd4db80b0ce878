"""What the bench expects of a system: a name, a kind, a provenance, and ``record``."""

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
