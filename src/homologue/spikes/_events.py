"""Event tables: find ``"trials.start_time"``, and put a table's columns on samples."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import InvalidRecording, UnknownName, nearest

RESERVED = frozenset(
    {
        "unit",
        "units",
        "site",
        "group",
        "block",
        "trial",
        "lag",
        "time",
        "sample",
        "position",
        "recorded",
    }
)
"""Coordinates with a meaning of their own; a table's column of that name gets a prefix."""


def resolve(
    events: Any, tables: Mapping[str, xr.Dataset], taken: Collection[str] = ()
) -> tuple[np.ndarray, dict[str, xr.Variable], str]:
    """Return event times, the variables that stand beside them, and the table's name.

    Parameters
    ----------
    events : str, array_like or Dataset
        ``"table.column"``, times in seconds, or a table with ``start_time``.
    tables : mapping of str to Dataset
        Where names are looked up.
    taken : collection of str
        Names that units carry already.
    """
    if isinstance(events, str):
        table, _, column = events.rpartition(".")
        if not table:
            table, column = events, "start_time"
        if table not in tables:
            hint = nearest(table, tables) if tables else "; these spikes carry no event tables"
            raise UnknownName(
                f"no table of events is named {table!r} (in {events!r}){hint}. "
                "Events are named 'table.column', or given as times in seconds"
            )
        found = tables[table]
        if column not in found:
            raise UnknownName(
                f"table {table!r} has no column {column!r}" + nearest(column, map(str, found))
            )
        times = np.asarray(found[column].values)
        if times.dtype.kind not in "fiu" or "categories" in found[column].attrs:
            raise InvalidRecording(
                f"{events!r} does not hold times in seconds (dtype {times.dtype}); "
                "choose a column such as 'start_time'"
            )
        return times.astype(np.float64), table_variables(found, table, taken), table
    if isinstance(events, xr.Dataset):
        if "start_time" not in events:
            raise UnknownName(
                "a table of events has a column 'start_time'"
                + nearest("start_time", map(str, events))
            )
        times = events["start_time"].values.astype(np.float64)
        return times, table_variables(events, "events", taken), "events"
    if hasattr(events, "t") and not isinstance(events, np.ndarray):
        events = events.t  # pynapple's Ts and Tsd
    times = np.asarray(events)
    if times.ndim != 1 or times.dtype.kind not in "fiu":
        raise InvalidRecording(
            f"events are times in seconds, one flat array; given shape {times.shape}, "
            f"dtype {times.dtype}"
        )
    return times.astype(np.float64), {}, "events"


def table_variables(
    table: xr.Dataset, name: str, taken: Collection[str] = ()
) -> dict[str, xr.Variable]:
    """Return a table's columns as variables, under names that no convention has taken."""
    return {
        free_name(str(key), name, values, taken): xr.Variable(
            ("event",), values.values, dict(values.attrs)
        )
        for key, values in table.data_vars.items()
        if values.ndim == 1
    }


def free_name(key: str, table: str, values: Any, taken: Collection[str] = ()) -> str:
    """Return the column's name, prefixed by its table where it is taken already."""
    fractional = values.dtype.kind == "f" and key == "stimulus"
    key = key.replace("/", "_")
    return f"{table}_{key}" if key in RESERVED or key in taken or fractional else key


def event_variable(name: str, values: Any, count: int) -> xr.Variable:
    """Return one value per event as a variable on ``event``."""
    if isinstance(values, xr.DataArray):
        values = values.variable
    attrs: dict[str, Any] = {}
    if isinstance(values, xr.Variable):
        array, attrs = values.values, dict(values.attrs)
    else:
        made = recording.variable(values)
        array, attrs = made.values, dict(made.attrs)
    if array.shape != (count,):
        raise InvalidRecording(
            f"{name!r} has shape {array.shape}, but there are {count} events; "
            "give one value per event"
        )
    return xr.Variable(("event",), array, attrs)


def on_samples(variable: xr.Variable, event: np.ndarray) -> xr.Variable:
    """Return an event variable spread over the samples of each event."""
    return xr.Variable(("sample",), variable.values[event], dict(variable.attrs))
