"""Draw a part of a recording with the sizes asked for."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue._errors import InvalidRecording
from homologue.recording._labels import labelled
from homologue.recording._validate import validate


def match(
    rec: xr.DataArray,
    variable: str | None = None,
    *,
    groups: int | None = None,
    units: int | None = None,
    classes: int | None = None,
    rng: np.random.Generator | int,
) -> xr.DataArray:
    """Draw a part of a recording with the sizes asked for, so that effects compare.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording.
    variable : str, optional
        The categorical variable whose classes are counted; needed with ``groups`` or
        ``classes``.
    groups : int, optional
        Groups drawn per class, without replacement.
    units, classes : int, optional
        Units and classes drawn, without replacement.
    rng : numpy Generator or int
        Source of the draw.

    Raises
    ------
    InvalidRecording
        If the recording has fewer classes, groups or units than asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> rec = make(np.ones((6, 5)), stimulus=list("aabbcc"))
    >>> dict(match(rec, "stimulus", groups=2, units=3, classes=2, rng=0).sizes)
    {'sample': 4, 'unit': 3}
    """
    rng = np.random.default_rng(rng)
    validate(rec, allow_missing=True, check_values=False)
    keep = np.arange(rec.sizes["sample"])
    if groups is not None or classes is not None:
        if variable is None:
            raise InvalidRecording("name the variable whose classes and groups are matched")
        keep = _matched_samples(rec, variable, groups, classes, rng)
    columns = np.arange(rec.sizes["unit"])
    if units is not None:
        if units > columns.size:
            raise InvalidRecording(f"{units} units asked for, the recording has {columns.size}")
        columns = np.sort(rng.choice(columns, units, replace=False))
    return rec.isel(sample=keep, unit=columns)


def _matched_samples(
    rec: xr.DataArray,
    variable: str,
    groups: int | None,
    classes: int | None,
    rng: np.random.Generator,
) -> np.ndarray:
    validate(rec, needs=[variable], allow_missing=True, check_values=False)
    label = rec[variable].values
    present = np.unique(label[labelled(rec, variable)])
    group = rec["group"].values
    enough = [c for c in present if groups is None or np.unique(group[label == c]).size >= groups]
    wanted = len(present) if classes is None else classes
    if len(enough) < wanted:
        raise InvalidRecording(
            f"{wanted} classes with {groups} groups each asked for; {variable!r} has "
            f"{len(enough)} such classes of {len(present)}"
        )
    chosen = rng.choice(np.array(enough), wanted, replace=False)
    keep = np.zeros(label.shape, dtype=bool)
    for c in np.sort(chosen):
        available = np.unique(group[label == c])
        drawn = available if groups is None else rng.choice(available, groups, replace=False)
        keep |= (label == c) & np.isin(group, drawn)
    return np.flatnonzero(keep)
