"""Read back a recording that :func:`to_nwb` wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import InvalidRecording, UnknownName
from homologue.systems._nwb._catalogue import Item, text
from homologue.systems._nwb._tables import column_names, read_values

MODULE = "homologue"
SERIES = "activity"
UNITS = "activity_units"
SAMPLES = "activity_samples"
PATH = f"/processing/{MODULE}/{SERIES}"


def holds_activity(items: Sequence[Item]) -> bool:
    """Tell whether the file was written from a recording."""
    return any(item.path == PATH for item in items)


def read_activity(file: h5py.File, name: str) -> xr.DataArray:
    """Return the recording, with its codes, categories and provenance as they were."""
    if PATH not in file:
        raise UnknownName(f"{name} was not written from a recording; it has no {PATH}")
    module = file[f"/processing/{MODULE}"]
    try:
        notes = json.loads(text(module[SERIES]["comments"][()]) if "comments" in module[SERIES]
                           else text(module[SERIES].attrs["comments"]))  # fmt: skip
    except (KeyError, json.JSONDecodeError) as error:
        raise InvalidRecording(f"{name} has lost the notes of {PATH}; write it again") from error
    coords: dict[str, Any] = {}
    for table, dim in ((UNITS, "unit"), (SAMPLES, "sample")):
        for column in column_names(module[table]):
            values = read_values(module[table][column])
            if values is None:
                raise InvalidRecording(f"{name}: column {table}/{column} cannot be read")
            coords[column] = _coordinate(values, dim, notes["coordinates"][column])
    rec = xr.DataArray(
        module[SERIES]["data"][:],
        dims=("sample", "unit"),
        coords=coords,
        attrs=notes["attrs"],
        name="activity",
    )
    return recording.validate(rec, allow_missing=True, check_values=False)


def _coordinate(values: np.ndarray, dim: str, attrs: dict[str, Any]) -> xr.Variable:
    attrs = dict(attrs)
    missing = attrs.pop("no_label", None)
    if missing is not None:
        code = {word: number for number, word in enumerate(attrs["categories"])}
        code[missing] = -1
        values = np.array([code[word] for word in values], dtype=np.int64)
    elif values.dtype.kind == "O":
        values = values.astype(str)
    return xr.Variable((dim,), values, attrs)
