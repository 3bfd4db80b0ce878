"""Time series: positions as they are, fluorescence as a recording."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import InvalidRecording
from homologue.systems._nwb._catalogue import Item, text
from homologue.systems._nwb._tables import read_values

AXES = ("x", "y", "z")
_PERIODS = {"radians": 2 * np.pi, "radian": 2 * np.pi, "rad": 2 * np.pi, "degrees": 360.0,
            "degree": 360.0, "deg": 360.0}  # fmt: skip
GAP = 1.5
"""A step longer than this many median sampling intervals begins a new stretch."""


def read_series(file: h5py.File, item: Item) -> xr.DataArray:
    """Return a time series as it is, in its declared units.

    Returns
    -------
    DataArray
        Dims ``("time",)`` or ``("time", "axis")``, ``time`` in seconds; ``attrs`` carry ``units``
        and, for a compass direction, ``period``.
    """
    group = file[item.path]
    values = _values(group, item)
    clock = _clock(group, item, len(values))
    data = group["data"]
    units = text(data.attrs.get("unit", ""))
    attrs: dict[str, Any] = {"name": item.name, "type": item.type, "units": units}
    if "reference_frame" in group:
        attrs["reference_frame"] = text(group["reference_frame"][()])
    if item.container == "CompassDirection" and units.lower() in _PERIODS:
        attrs["period"] = _PERIODS[units.lower()]
    coords: dict[str, Any] = {"time": ("time", clock, {"units": "s"})}
    dims = ["time", "axis", *(f"dim_{i}" for i in range(2, values.ndim))][: values.ndim]
    if values.ndim == 2:
        spatial = item.type == "SpatialSeries" and values.shape[1] <= len(AXES)
        coords["axis"] = list(AXES[: values.shape[1]]) if spatial else range(values.shape[1])
    return xr.DataArray(values, dims=dims, coords=coords, attrs=attrs, name=item.name)


def _values(group: h5py.Group, item: Item) -> np.ndarray:
    data = group["data"]
    if data.dtype.kind not in "iuf" or not data.ndim:
        raise InvalidRecording(
            f"{item.path} does not hold numbers over time (dtype {data.dtype}, shape {data.shape})"
        )
    conversion = float(data.attrs.get("conversion", 1.0))
    offset = float(data.attrs.get("offset", 0.0))
    values = data[:].astype(np.float64)
    if values.ndim == 2:
        # Some files hold (unit, time): what else the series says tells which is which.
        known = {"timestamps": 0, "rois": 1}
        for name, axis in known.items():
            if name in group:
                count = group[name].shape[0]
                if values.shape[axis] != count and values.shape[1 - axis] == count:
                    values = values.T
                break
    return values if (conversion, offset) == (1.0, 0.0) else values * conversion + offset


def _clock(group: h5py.Group, item: Item, count: int) -> np.ndarray:
    if "timestamps" not in group:
        start = group["starting_time"]
        rate = float(start.attrs.get("rate", np.nan))
        if not rate > 0:
            raise InvalidRecording(f"{item.path} has neither timestamps nor a sampling rate")
        return float(start[()]) + np.arange(count) / rate
    clock = group["timestamps"][:].astype(np.float64)
    if clock.size != count:
        raise InvalidRecording(
            f"{item.path} has {count} samples and {clock.size} timestamps; the file is "
            "truncated, or the series was written with the wrong shape"
        )
    return clock


def read_traces(
    file: h5py.File, item: Item, *, prefix: str = "", attrs: dict[str, Any]
) -> xr.DataArray:
    """Return a fluorescence series as a recording: regions of interest are units.

    ``group`` is the contiguous stretch; ``sampling_interval`` is there only if sampling is equal.
    """
    group = file[item.path]
    series = read_series(file, item)
    if not series.size:
        raise InvalidRecording(
            f"{item.path} of {attrs['source']} is empty: its data have shape {series.shape}, "
            "samples first; series[name] reads another"
        )
    values = series.values.reshape(series.shape[0], -1)
    clock = series["time"].values
    step = np.diff(clock)
    if not np.isfinite(clock).all() or (step <= 0).any():
        raise InvalidRecording(
            f"the time of {item.path} does not ascend ({int((step <= 0).sum())} times, or NaN)"
        )
    median = float(np.median(step)) if step.size else np.nan
    equal = step.size and np.abs(step - median).max() <= 0.01 * median
    stretch = np.concatenate([[0], np.cumsum(step > GAP * median)])
    names, columns = _regions(group, values.shape[1], prefix)
    fluorescence = item.container == "DfOverF"
    return recording.make(
        values,
        unit=names,
        group=stretch,
        variables={"time": clock},
        unit_variables=columns,
        activity_units="dF/F" if fluorescence else str(series.attrs["units"] or "arbitrary"),
        sampling_interval=median if equal else None,
        **attrs,
    )


def _regions(group: h5py.Group, count: int, prefix: str) -> tuple[list[str], dict[str, np.ndarray]]:
    """Return the names of the regions and what their segmentation says about each."""
    columns: dict[str, np.ndarray] = {}
    names = np.arange(count).astype(str)
    if "rois" in group and "table" in group["rois"].attrs:
        rows = group["rois"][:].astype(np.int64)
        table = group.file[group["rois"].attrs["table"]]
        if rows.size == count:
            names = table["id"][:][rows].astype(str)
            for name in map(text, np.atleast_1d(table.attrs["colnames"])):
                ragged = f"{name}_index" in table or name not in table
                values = None if ragged else read_values(table[name])
                if values is not None:
                    columns[name] = values[rows]
            plane = table.get("imaging_plane")
            if plane is not None and "location" in plane:
                columns["site"] = np.full(count, text(plane["location"][()]))
    return [f"{prefix}{name}" for name in names], columns
