"""NWB tables in bulk: whole columns, categories as codes, references as names."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import InvalidRecording
from homologue.systems._nwb._bulk import segment_ends
from homologue.systems._nwb._catalogue import Item, text


def column_names(group: h5py.Group) -> list[str]:
    """Return a table's columns in their order."""
    return [text(name) for name in np.atleast_1d(group.attrs["colnames"])]


def read_values(dataset: h5py.Dataset) -> np.ndarray | None:
    """Return one value per row as numbers, booleans or strings; None for anything else."""
    if dataset.ndim != 1:
        return None
    kind = dataset.dtype
    if h5py.check_string_dtype(kind) is not None:
        return dataset.asstr(errors="replace")[:].astype(object)
    if h5py.check_ref_dtype(kind) is h5py.Reference:
        names = [h5py.h5r.get_name(r, dataset.file.id) if r else b"" for r in dataset[:]]
        return np.array([text(name or b"").rpartition("/")[2] for name in names], dtype=object)
    values = dataset[:]
    if values.dtype.kind not in "biuf":
        return None
    elements = dataset.attrs.get("elements")
    if elements:
        words = read_values(dataset.file[elements])
        if words is not None:
            return np.append(words, "")[np.minimum(values, words.size)]
    return values


def scalar_columns(group: h5py.Group) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the columns with one value per row, and the names of the others."""
    columns: dict[str, np.ndarray] = {}
    left_out = []
    held = set(group)
    for name in column_names(group):
        ragged = f"{name}_index" in held
        values = None if ragged or name not in held else read_values(group[name])
        if values is not None:
            columns[name] = values
        elif name in held:
            left_out.append(name)
    return columns, left_out


def read_table(file: h5py.File, item: Item) -> xr.Dataset:
    """Return a table as a Dataset with dims ``("event",)``.

    Text becomes codes with ``categories`` (the empty string is the code -1, no label), numbers
    stay. Ragged columns and columns of arrays are left out and named in ``attrs["left_out"]``.
    """
    group = file[item.path]
    columns, left_out = scalar_columns(group)
    count = group["id"].shape[0] if "id" in group else None
    made: dict[str, xr.Variable] = {}
    for name, values in columns.items():
        if count is not None and values.shape[0] != count:
            raise InvalidRecording(
                f"{item.path}/{name} has {values.shape[0]} rows and the table {count}; the file is "
                "truncated or damaged"
            )
        made[name] = as_variable(values)
        description = text(group[name].attrs.get("description", ""))
        if description and description.lower() != "no description":
            made[name].attrs["description"] = description
    coords = {}
    if count is not None:
        coords["id"] = ("event", group["id"][:])
    attrs = {"name": item.name, "description": text(group.attrs.get("description", ""))}
    if left_out:
        attrs["left_out"] = ", ".join(left_out)
    return xr.Dataset({n: v for n, v in made.items() if n != "id"}, coords=coords, attrs=attrs)


def as_variable(values: np.ndarray) -> xr.Variable:
    """Return a column as a variable on ``event``."""
    if values.dtype.kind == "O":
        empty = values == ""
        made = recording.variable(values[~empty].astype(str))
        codes = np.full(values.shape, -1, dtype=np.int64)
        codes[~empty] = made.values
        return xr.Variable(("event",), codes, made.attrs | {"categories": made.attrs["categories"]})
    made = recording.variable(values)
    return xr.Variable(("event",), made.values, made.attrs)


def first_of_region(group: h5py.Group, column: str, path: str) -> tuple[Any, np.ndarray] | None:
    """Return the table a region points to and, per row, the first of its rows (-1: none)."""
    stored = group.get(column)
    if stored is None or "table" not in stored.attrs:
        return None
    target = group.file[stored.attrs["table"]]
    rows = stored[:].astype(np.int64)
    if f"{column}_index" not in group:
        return target, rows
    ends = segment_ends(group, column, rows.size, path)
    starts = np.concatenate([[0], ends[:-1]])
    return target, np.where(ends > starts, np.append(rows, -1)[np.minimum(starts, rows.size)], -1)
