"""A recording that comes ready-made: a brain, or a table of another science."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from homologue import recording
from homologue._errors import HomologueError, UnknownName, nearest

UNNAMED = "table"
"""What a table is called that was given no name; a registered one takes that name."""


@dataclass(frozen=True)
class Packaged:
    """A system whose recording was made elsewhere; it can be read, not run.

    Attributes
    ----------
    name, kind, family, licence, citation, source : str
        As in :class:`homologue.systems.System`.
    reader : callable
        Returns the recording; its keyword arguments are the options of :meth:`record`.
    variable : str or None
        The stimulus variable a panel uses unless it names another; None for recordings that
        serve structure claims only.
    variables : tuple of str
        Every variable a claim may be tested on.
    asset : str or None
        The asset it is read from.
    options : mapping
        Options set when the system was chosen.

    Examples
    --------
    >>> from homologue.recording import make
    >>> rows = Packaged("rows", "other-science", "rows", "", "", "", lambda: make([[1.0]]))
    >>> rows.record().attrs["system"]
    'rows'
    """

    name: str
    kind: str
    family: str
    licence: str
    citation: str
    source: str
    reader: Callable[..., xr.DataArray]
    variable: str | None = None
    variables: tuple[str, ...] = ()
    asset: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def record(self, variable: str | None = None, **options: Any) -> xr.DataArray:
        """Return the recording.

        Parameters
        ----------
        variable : str, optional
            Keep only the samples that carry this label.
        **options
            Passed to the reader (bin width, brain state, session …).

        Returns
        -------
        xarray.DataArray
            With source, licence and citation in ``attrs``.

        Raises
        ------
        UnknownName
            No such option or variable.
        AssetUnavailable
            The file is not at hand; the message holds the command that gets it.
        """
        chosen = {**self.options, **options}
        known = inspect.signature(self.reader).parameters
        if not any(p.kind is p.VAR_KEYWORD for p in known.values()):
            for option in chosen:
                if option not in known:
                    raise UnknownName(
                        f"system {self.name!r} has no option {option!r}" + nearest(option, known)
                    )
        rec = self.reader(**chosen)
        rec = rec.assign_attrs(
            system=self.name,
            kind=self.kind,
            family=self.family,
            source=self.source,
            licence=self.licence,
            citation=self.citation,
            **({"asset": self.asset} if self.asset else {}),
        )
        if variable is not None:
            rec = labelled(rec, variable)
        return recording.validate(rec, allow_missing=True, check_values=False)

    def untrained(self, seed: int) -> Packaged:
        """Refuse: a recording has no parameters to re-initialise."""
        raise HomologueError(
            f"system {self.name!r} ({self.kind}) is a recording: it has no parameters and no "
            "untrained twin; only models have one"
        )

    def perturb(self, *perturbations: Any, **_: Any) -> Packaged:
        """Refuse: what was recorded cannot be run again."""
        asked = ", ".join(str(getattr(one, "name", one)) for one in perturbations)
        raise HomologueError(
            f"system {self.name!r} ({self.kind}) is a recording and cannot be perturbed"
            f"{f' (asked for {asked})' if asked else ''}. Perturbable are networks "
            "(homologue.language, homologue.TorchModel) and the simulated systems of "
            "homologue.systems.names(); where the experiment itself stimulated or silenced, its "
            "effects are a variable of record(), or recorded_effects (homologue.perturb)"
        )


def measured(
    values: ArrayLike,
    *,
    period: float | None = None,
    categories: Sequence[str] | None = None,
    units: str | None = None,
    quantity: str | None = None,
) -> xr.Variable:
    """Return a variable that was measured, not set by an experimenter."""
    return recording.variable(
        values,
        period=period,
        label_source="measured",
        categories=categories,
        units=units,
        quantity=quantity,
    )


def labelled(rec: xr.DataArray, variable: str) -> xr.DataArray:
    """Return the samples that carry a label: code 0 or more, or a value that is not NaN."""
    recording.validate(rec, needs=[variable], allow_missing=True, check_values=False)
    values = rec[variable].values
    if values.dtype.kind == "f":
        keep = ~np.isnan(values)
    elif "categories" in rec[variable].attrs:
        keep = values >= 0
    else:
        return rec
    if not keep.any():
        raise HomologueError(f"no sample of {rec.attrs.get('system')!r} carries {variable!r}")
    return rec if keep.all() else rec.isel(sample=np.flatnonzero(keep))


def packaged(
    name: str,
    asset: str,
    reader: Callable[..., xr.DataArray],
    *,
    kind: str = "brain",
    family: str | None = None,
    variable: str | None = None,
    variables: tuple[str, ...] = (),
    options: Mapping[str, Any] | None = None,
) -> Packaged:
    """Return a system read from an asset, with the asset's licence, citation and source.

    Parameters
    ----------
    name : str
        Unique name.
    asset : str
        Name of the asset.
    reader : callable
        Returns the recording.
    kind, family, variable, variables
        As in :class:`Packaged`; ``family`` defaults to the name.
    options : mapping, optional
        Options of the reader that are set already.
    """
    from homologue.systems import _assets

    record = _assets.get(asset)
    return Packaged(
        name=name,
        kind=kind,
        family=family or name,
        licence=record.licence,
        citation=record.citation,
        source=record.source,
        reader=reader,
        variable=variable,
        variables=variables or ((variable,) if variable else ()),
        asset=asset,
        options=options or {},
    )
