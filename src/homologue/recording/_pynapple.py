"""Recordings in and out of pynapple."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidRecording
from homologue.recording._make import make
from homologue.recording._validate import validate


def _pynapple() -> Any:
    try:
        import pynapple as nap
    except ImportError as error:
        raise HomologueError(
            'pynapple is not installed; try: pip install "homologue[nwb]"'
        ) from error
    return nap


def from_pynapple(
    frame: Any, *, variables: Mapping[str, Any] | None = None, **options: Any
) -> xr.DataArray:
    """Return the recording of a pynapple ``TsdFrame`` (or a ``Tsd``: one unit).

    Parameters
    ----------
    frame : pynapple.TsdFrame or pynapple.Tsd
        Its columns are units, its metadata unit variables, its time ``time``; each interval of
        its time support becomes a ``group``, within which time runs on.
    variables : mapping of str to array_like, optional
        Further variables on ``sample``.
    **options
        As for :func:`homologue.recording.make` (``system``, ``kind``, ``activity_units`` …).

    Returns
    -------
    xarray.DataArray
        Dims ``("sample", "unit")``.
    """
    nap = _pynapple()
    if not isinstance(frame, nap.TsdFrame | nap.Tsd):
        raise InvalidRecording(
            f"expected a pynapple TsdFrame or Tsd, given {type(frame).__name__}; "
            "a TsGroup goes through homologue.spikes.Spikes.from_pynapple"
        )
    values = np.asarray(frame.values, dtype=np.float64).reshape(len(frame), -1)
    columns: dict[str, Any] = {}
    given: dict[str, Any] = {"kind": "brain"}
    if isinstance(frame, nap.TsdFrame):
        given["unit"] = np.asarray(frame.columns).astype(str)
        columns = {str(key): np.asarray(frame.get_info(key)) for key in frame.metadata_columns}
        if "unit" in columns:
            given["unit"] = columns.pop("unit").astype(str)
    support = np.asarray(frame.time_support.start)
    stretch = np.searchsorted(support, frame.t, side="right") - 1
    return make(
        values,
        group=stretch,
        variables={"time": np.asarray(frame.t)} | dict(variables or {}),
        unit_variables=columns,
        **(given | options),
    )


def as_series(series: Any) -> Any:
    """Return a pynapple ``Tsd`` as a DataArray over ``time``, and anything else as it is."""
    nap = sys.modules.get("pynapple")
    if nap is None or not isinstance(series, nap.Tsd):
        return series
    return xr.DataArray(
        np.asarray(series.values), dims="time", coords={"time": np.asarray(series.t)}
    )


def to_pynapple(rec: xr.DataArray) -> Any:
    """Return a recording as a pynapple ``TsdFrame``.

    Unit names and variables become metadata. Variables on ``sample`` do not fit in a
    ``TsdFrame``; take them along with ``pynapple.Tsd(rec.time.values, rec["x"].values)``.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording with ``time`` on ``sample``, ascending.

    Raises
    ------
    InvalidRecording
        Without ``time``, or where it does not ascend: pynapple would sort the samples (aligned
        trials whose windows overlap do that).
    """
    nap = _pynapple()
    validate(rec, needs=["time"], allow_missing=True, check_values=False)
    time = rec["time"].values.astype(np.float64)
    if (np.diff(time) <= 0).any():
        raise InvalidRecording(
            f"time does not ascend ({int((np.diff(time) <= 0).sum())} times), and a TsdFrame is "
            "sorted by time; choose trials whose windows do not overlap"
        )
    columns = {
        str(key): coord.values
        for key, coord in rec.coords.items()
        if coord.dims == ("unit",) and key != "unit"
    }
    names = rec["unit"].values
    return nap.TsdFrame(
        t=time,
        d=rec.values,
        columns=np.arange(names.size),
        metadata={"unit": names.astype(object), **columns},
    )
