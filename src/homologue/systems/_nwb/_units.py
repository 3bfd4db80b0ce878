"""The units table: every spike time in one read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from homologue._errors import InvalidRecording
from homologue.spikes import Spikes
from homologue.systems._nwb._bulk import read_column, segment_ends
from homologue.systems._nwb._catalogue import text
from homologue.systems._nwb._tables import (
    column_names,
    first_of_region,
    read_values,
    scalar_columns,
)

SITE_COLUMNS = ("site", "location", "brain_area", "brain_region", "area", "structure", "region")
"""Columns that name a unit's brain area, the first that is there."""


class NoSpikes(InvalidRecording):
    """A units table without spike times or without rows; the file may hold another."""


def usual_units(file: h5py.File) -> h5py.Group | None:
    """Return the units table where NWB puts it, None where it is not there."""
    units = file.get("units")
    return units if isinstance(units, h5py.Group) and "spike_times" in units else None


def read_units(
    group: h5py.Group, *, events: Mapping[str, Any], attrs: dict[str, Any], **options: Any
) -> Spikes:
    """Return the spikes of a units table.

    Parameters
    ----------
    group : Group
        The table in its open file.
    events : mapping of str to Dataset
        Tables that ``align`` looks names up in.
    attrs : dict
        Provenance.
    **options
        ``outside`` and ``sort`` of :class:`homologue.spikes.Spikes`.

    Raises
    ------
    NoSpikes
        The table has no spike times or no rows.
    InvalidRecording
        Its columns do not fit each other.
    """
    path, held = str(group.name), frozenset(group)
    if "spike_times" not in held:
        others = ", ".join(column_names(group)) or "none"
        raise NoSpikes(f"{path} has no spike_times (columns: {others})")
    times = read_column(group, "spike_times")
    index = segment_ends(group, "spike_times", times.size, path)
    if not index.size:
        raise NoSpikes(f"{path} is empty (0 units)")
    ids = _ids(group, path) if "id" in held else np.arange(index.size)
    if ids.size != index.size:
        raise InvalidRecording(
            f"{path} has {ids.size} ids and {index.size} trains; the file is damaged"
        )
    columns = scalar_columns(group)[0] if _has_scalars(held) else {}
    site = _site(group, held, path, columns)
    if site is not None:
        columns["site"] = site
    names = columns.pop("unit_name", None)
    if names is None or np.unique(names.astype(str)).size != index.size:
        names = ids
    observed: dict[str, Any] = {}
    if "obs_intervals" in held:
        rows = _rows(read_column(group, "obs_intervals"), path)
        ends = segment_ends(group, "obs_intervals", len(rows), path)
        observed = {"obs_intervals": rows, "obs_index": ends}
    return Spikes(
        times, index, names, unit_variables=columns, events=events, attrs=attrs,
        **observed, **options,
    )  # fmt: skip


def _ids(group: h5py.Group, path: str) -> np.ndarray:
    """Return the ids of the units: numbers as NWB has them, text as some files do."""
    ids = read_column(group, "id")
    if ids.dtype.kind in "iuf":
        return ids
    words = read_values(group["id"])
    if words is None:
        raise InvalidRecording(
            f"{path}/id holds one number or name a unit; given dtype {ids.dtype}, shape {ids.shape}"
        )
    return words


def _rows(values: np.ndarray, path: str) -> np.ndarray:
    """Return intervals as rows of start and end, also where they are stored flat."""
    if values.size % 2 or (values.ndim > 1 and values.size != 2 * len(values)):
        raise InvalidRecording(
            f"{path}/obs_intervals holds rows of (start, end) in seconds, two numbers each; given "
            f"shape {values.shape}. Write it again, or leave the column out"
        )
    return values.reshape(-1, 2)


def _has_scalars(held: frozenset[str]) -> bool:
    """Tell whether any column may hold one value per unit; its names take a while to read."""
    return any(
        name != "id" and not name.endswith("_index") and f"{name}_index" not in held
        for name in held
    )


def _site(
    group: h5py.Group, held: frozenset[str], path: str, columns: Mapping[str, np.ndarray]
) -> np.ndarray | None:
    """Return the brain area of each unit, from the table or from where its electrodes are."""
    for name in SITE_COLUMNS:
        if name in columns and columns[name].dtype.kind == "O":
            return columns[name].astype(str)
    region = first_of_region(group, "electrodes", path) if "electrodes" in held else None
    if region is None:
        region = _peak_channel(group, columns)
    if region is not None:
        table, row = region
        area = read_values(table["location"]) if "location" in table else None
        if area is not None and area.dtype.kind == "O":
            if row.size and row.max() >= area.size:
                raise InvalidRecording(
                    f"{path}/electrodes points to row {row.max()} of {area.size} electrodes; "
                    "the file is damaged"
                )
            return np.append(area, "unknown")[row].astype(str)
    if "electrode_group" in held and h5py.check_ref_dtype(group["electrode_group"].dtype):
        targets = [group.file[reference] for reference in group["electrode_group"][:]]
        return np.array([_location(target) for target in targets])
    return None


def _location(electrode_group: h5py.Group) -> str:
    value = electrode_group.get("location", electrode_group.attrs.get("location", "unknown"))
    return text(value[()] if isinstance(value, h5py.Dataset) else value)


def _peak_channel(
    group: h5py.Group, columns: Mapping[str, np.ndarray]
) -> tuple[h5py.Group, np.ndarray] | None:
    """Return the electrode of each unit's peak channel, where its id is an electrode's."""
    if "peak_channel_id" not in columns:
        return None
    table = group.file.get("/general/extracellular_ephys/electrodes")
    if table is None or "id" not in table:
        return None
    ids = table["id"][:]
    order = np.argsort(ids)
    place = np.minimum(np.searchsorted(ids[order], columns["peak_channel_id"]), ids.size - 1)
    row = order[place]
    return table, np.where(ids[row] == columns["peak_channel_id"], row, -1)
