"""States on disk: arrays and one line of JSON, written whole, read without pickle."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidRecording
from homologue.reducers._arrays import fetch
from homologue.reducers._protocol import Reducer, State
from homologue.reducers._seen import Seen

FORMAT = "homologue-reducers"
FORMAT_VERSION = 1
_HEADER = "header"


def write(seen: Seen, reducers: Sequence[Reducer], path: Path) -> Path:
    """Write what was seen beside its destination, and rename it into place."""
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "reducers": [each.describe() for each in reducers],
        "spans": seen.spans,
        "attrs": seen.attrs,
    }
    arrays: dict[str, Any] = {_HEADER: np.array(json.dumps(header))}
    for name, variable in seen.units.items():
        values = variable.values
        arrays[f"unit/{name}"] = values.astype(str) if values.dtype.kind in "OT" else values
    for number, state in enumerate(seen.states):
        for name, value in state.items():
            arrays[f"{number}/{name}"] = fetch(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as handle:
            np.savez(handle, allow_pickle=False, **arrays)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def read(reducers: Sequence[Reducer], path: Path) -> Seen:
    """Return what was seen, or refuse a file that does not hold it."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        # np.load leaves a file open that it cannot read.
        with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header: dict[str, Any] = json.loads(str(arrays.pop(_HEADER)[()]))
        kind, version = header["format"], int(header["format_version"])
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise InvalidRecording(
            f"{path} holds no saved pass, or is damaged ({type(error).__name__}: {error}); delete "
            "it and begin again"
        ) from error
    if kind != FORMAT or version > FORMAT_VERSION:
        raise InvalidRecording(
            f"{path} is of format {kind!r}, version {version}; this version reads {FORMAT!r} up "
            f"to {FORMAT_VERSION}: upgrade homologue"
        )
    given = json.loads(json.dumps([each.describe() for each in reducers]))
    if header["reducers"] != given:
        raise HomologueError(
            f"{path} was made by other reducers or parameters ({header['reducers']}; given "
            f"{given}); give the same ones, or another file"
        )
    units: dict[str, xr.Variable] = {}
    states: dict[int, State] = {}
    for name, value in arrays.items():
        place, _, key = name.partition("/")
        if place == "unit":
            units[key] = xr.Variable(("unit",), value)
        else:
            states.setdefault(int(place), {})[key] = value
    return Seen(
        tuple(states[number] for number in sorted(states)),
        tuple((start, stop) for start, stop in header["spans"]),
        units,
        header["attrs"],
    )
