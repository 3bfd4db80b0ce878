"""Write spikes and recordings as NWB, for every tool that reads NWB."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError, InvalidRecording
from homologue.spikes import Spikes
from homologue.systems._nwb._activity import MODULE, SAMPLES, SERIES, UNITS

_OBJECTS = ("electrodes", "electrode_group", "tags", "timeseries", "waveform_mean", "waveform_sd")
"""Columns that NWB keeps for objects of its own; text of that name gets ``_name`` added."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The session start where there was none (NWB demands one)."""


def to_nwb(
    data: Spikes | xr.DataArray,
    path: str | os.PathLike[str],
    *,
    description: str | None = None,
    session_start_time: datetime | None = None,
    overwrite: bool = False,
) -> Path:
    """Write spikes or a recording to an NWB file, whole or not at all.

    Spikes become a units table with their ``obs_intervals``, variables and event tables (trials
    stay trials). A recording, of a brain or a model, becomes a ``TimeSeries`` named ``activity``
    (time × unit) that pynapple opens as a ``TsdFrame``, beside a table of its units, a table of its
    samples' variables, and a table of trials; ``hm.nwb(path).record()`` gives it back as it was.

    Parameters
    ----------
    data : Spikes or xarray.DataArray
        What to write.
    path : path
        Destination, ending in ``.nwb``.
    description : str, optional
        The session's description.
    session_start_time : datetime, optional
        With time zone; 1970-01-01 UTC where there is none, as for a model.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    pathlib.Path
        The destination.

    Raises
    ------
    InvalidRecording
        Something is there, or the data are neither spikes nor a recording.
    HomologueError
        pynwb is not installed.

    Notes
    -----
    Where a recording has no ascending ``time`` (a model's samples, trials that overlap), the
    series runs on a clock of its own, one ``sampling_interval`` (or second) a sample; the
    ``time`` of each sample stays in the table of samples.
    """
    if not isinstance(data, Spikes | xr.DataArray):
        raise InvalidRecording(
            "to_nwb(data, path) writes Spikes or a recording (an xarray.DataArray); given "
            f"{type(data).__name__}. Recordings are made by homologue.recording.make"
        )
    path = Path(path)
    if path.exists() and not overwrite:
        raise InvalidRecording(f"{path} exists; pass overwrite=True to replace it")
    try:
        import pynwb
    except ImportError as error:
        raise HomologueError(
            'writing NWB needs pynwb; try: pip install "homologue[nwb]"'
        ) from error
    attrs = data.attrs
    what = "spikes" if isinstance(data, Spikes) else "activity"
    file = pynwb.NWBFile(
        session_description=description or f"{what} of {attrs.get('system', 'unnamed')}",
        identifier=str(uuid.uuid4()),
        session_start_time=session_start_time or EPOCH,
        source_script="homologue.to_nwb",
        source_script_file_name="homologue",
    )
    if isinstance(data, Spikes):
        _add_spikes(file, data)
    else:
        _add_recording(file, recording.validate(data, allow_missing=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f".{path.stem}.{uuid.uuid4().hex[:8]}.part.nwb"
    try:
        with pynwb.NWBHDF5IO(part, "w") as io:
            io.write(file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _free(name: str) -> str:
    """Return a name that a table of units or intervals has not reserved."""
    return f"{name}_name" if name in _OBJECTS else name


def _column(name: str, values: np.ndarray, description: str = "") -> Any:
    from hdmf.common import VectorData

    text = values.dtype.kind in "UOST"
    data = values.astype(str).tolist() if text else np.asarray(values)
    return VectorData(name=name, description=description or name, data=data)


def _ragged(name: str, values: np.ndarray, ends: np.ndarray) -> list[Any]:
    from hdmf.common import VectorData, VectorIndex

    flat = VectorData(name=name, description=name, data=np.asarray(values))
    return [flat, VectorIndex(name=f"{name}_index", data=ends.astype(np.uint64), target=flat)]


def _add_spikes(file: Any, spikes: Spikes) -> None:
    from hdmf.common import ElementIdentifiers
    from pynwb.misc import Units

    columns = _ragged("spike_times", spikes.times, spikes.index)
    if spikes.obs_intervals is not None:
        rows, ends = spikes.obs_intervals, spikes.obs_index
        if ends is None:
            ends = len(rows) * np.arange(1, len(spikes) + 1)
            rows = np.tile(rows, (len(spikes), 1))
        columns += _ragged("obs_intervals", rows, ends)
    columns.append(_column("unit_name", spikes.unit, "name of the unit"))
    columns += [_column(_free(name), values) for name, values in spikes.unit_variables.items()]
    file.units = Units(
        name="units",
        description="spike times in seconds",
        id=ElementIdentifiers(name="id", data=np.arange(len(spikes))),
        columns=columns,
        colnames=[c.name for c in columns if not c.name.endswith("_index")],
    )
    for name, table in spikes.events.items():
        _add_table(file, name.replace("/", "_"), table)


def _add_table(file: Any, name: str, table: xr.Dataset) -> None:
    from hdmf.common import DynamicTable, ElementIdentifiers
    from pynwb.epoch import TimeIntervals

    columns = {}
    for key, values in table.data_vars.items():
        words = values.attrs.get("categories")
        spelled = None if words is None else np.array([*words, ""], dtype=object)[values.values]
        columns[str(key)] = _column(
            _free(str(key)), values.values if spelled is None else spelled,
            str(values.attrs.get("description", "")),
        )  # fmt: skip
    options = {
        "name": name,
        "description": str(table.attrs.get("description") or name),
        "id": ElementIdentifiers(name="id", data=np.arange(table.sizes["event"])),
        "columns": list(columns.values()),
        "colnames": [column.name for column in columns.values()],
    }
    if {"start_time", "stop_time"} <= set(columns):
        intervals = TimeIntervals(**options)
        if name == "trials":
            file.trials = intervals
        else:
            file.add_time_intervals(intervals)
    else:
        _module(file).add(DynamicTable(**options))


def _module(file: Any) -> Any:
    if MODULE in file.processing:
        return file.processing[MODULE]
    return file.create_processing_module(MODULE, "written by homologue")


def _add_recording(file: Any, rec: xr.DataArray) -> None:
    from hdmf.common import DynamicTable
    from pynwb import TimeSeries

    clock, how = _clock(rec)
    notes: dict[str, Any] = {"attrs": recording.provenance(rec), "coordinates": {}}
    tables: dict[str, list[Any]] = {"unit": [], "sample": []}
    for key, coord in rec.coords.items():
        if coord.dims not in (("unit",), ("sample",)):
            continue
        values, attrs = coord.values, dict(coord.attrs)
        if "categories" in attrs:
            words = [str(word) for word in attrs["categories"]]
            attrs["no_label"] = "" if "" not in words else "(no label)"
            values = np.array([*words, attrs["no_label"]], dtype=object)[values]
        notes["coordinates"][str(key)] = attrs
        tables[str(coord.dims[0])].append(_column(str(key), values))
    module = _module(file)
    for name, dim in ((UNITS, "unit"), (SAMPLES, "sample")):
        columns = tables[dim]
        module.add(
            DynamicTable(
                name=name, description=f"what is known of each {dim} of {SERIES}",
                columns=columns, colnames=[column.name for column in columns],
            )
        )  # fmt: skip
    module.add(
        TimeSeries(
            name=SERIES,
            data=_in_blocks(rec),
            unit=str(rec.attrs.get("activity_units", "arbitrary")),
            timestamps=clock,
            description=f"{rec.attrs.get('system', 'unnamed')}: samples × units; {how}",
            comments=json.dumps(notes, default=_plain),
        )
    )
    trials = _trials(rec, clock)
    if trials is not None:
        _add_table(file, "trials", trials)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else list(value)


def _clock(rec: xr.DataArray) -> tuple[np.ndarray, str]:
    count = rec.sizes["sample"]
    if "time" in rec.coords:
        time = rec["time"].values.astype(np.float64)
        if np.isfinite(time).all() and (np.diff(time) > 0).all():
            return time, "timestamps are the session's clock"
    step = float(rec.attrs.get("sampling_interval", 1.0))
    return np.arange(count) * step, f"timestamps count samples, {step:g} s each"


def _trials(rec: xr.DataArray, clock: np.ndarray) -> xr.Dataset | None:
    """Return contiguous runs of one trial (or group), with what is constant in each."""
    name = "trial" if "trial" in rec.coords else "group"
    code = rec[name].values
    first = np.flatnonzero(np.concatenate([[True], code[1:] != code[:-1]]))
    if np.unique(code).size != first.size:
        return None
    last = np.append(first[1:], code.size) - 1
    step = float(np.median(np.diff(clock))) if clock.size > 1 else 1.0
    columns: dict[str, Any] = {
        "start_time": ("event", clock[first]),
        # Intervals are closed: half a step keeps the next trial's first sample out.
        "stop_time": ("event", clock[last] + step / 2),
    }
    run = np.repeat(np.arange(first.size), last - first + 1)
    for key, coord in rec.coords.items():
        if coord.dims != ("sample",) or key in columns or key in ("time", "lag"):
            continue
        values = coord.values
        if np.array_equal(values[first][run], values, equal_nan=values.dtype.kind == "f"):
            columns[str(key)] = ("event", values[first], coord.attrs)
    return xr.Dataset(columns, attrs={"description": f"runs of one {name}"})


def _in_blocks(rec: xr.DataArray) -> Any:
    """Return the activity, block by block where it is larger than one."""
    if rec.nbytes <= recording_block_bytes():
        return rec.values
    from hdmf.data_utils import AbstractDataChunkIterator, DataChunk

    class Blocks(AbstractDataChunkIterator):
        """Hands the blocks of a recording to hdmf, in order."""

        def __init__(self) -> None:
            self._parts = self._chunks()

        def _chunks(self) -> Iterator[Any]:
            start = 0
            for part in recording.blocks(rec):
                stop = start + part.sizes["sample"]
                yield DataChunk(data=part.values, selection=np.s_[start:stop, :])
                start = stop

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> Any:
            return next(self._parts)

        def recommended_chunk_shape(self) -> None:
            return None

        def recommended_data_shape(self) -> tuple[int, ...]:
            return rec.shape

        @property
        def dtype(self) -> np.dtype:
            return rec.dtype

        @property
        def maxshape(self) -> tuple[int, ...]:
            return rec.shape

    return Blocks()


def recording_block_bytes() -> int:
    """Return how large a block of a recording is."""
    from homologue.recording._blocks import BLOCK_BYTES

    return BLOCK_BYTES
