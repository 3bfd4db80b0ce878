"""Recordings on disk: a zarr Dataset that is either whole or not there."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import ZstdCodec

from homologue._errors import InvalidRecording
from homologue.recording._blocks import blocks
from homologue.recording._validate import validate

FORMAT = "homologue-recording"
FORMAT_VERSION = 1
_TABLE = "category_table"


def to_dataset(rec: xr.DataArray) -> xr.Dataset:
    """Return the on-disk form: codes per sample, and one small table per coded variable.

    Text is held as objects, which zarr writes with variable length.
    """
    coords: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    for key, coord in rec.coords.items():
        name = str(key)
        attrs = dict(coord.attrs)
        categories = attrs.pop("categories", None)
        if categories is not None:
            table = f"{name}_category"
            while table in rec.coords or table in tables:
                table += "_"
            attrs[_TABLE] = table
            tables[table] = (table, np.array([*map(str, categories)], dtype=object))
        values = coord.values
        text = values.dtype.kind in "UOST"
        coords[name] = (coord.dims, values.astype(str).astype(object) if text else values, attrs)
    activity = xr.Variable(rec.dims, rec.variable._data)
    dataset = xr.Dataset({"activity": activity} | tables, coords=coords)
    dataset.attrs = {
        **{k: v.item() if isinstance(v, np.generic) else v for k, v in rec.attrs.items()},
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "format_arrays": sorted(map(str, dataset.variables)),
    }
    return dataset


def from_dataset(dataset: xr.Dataset) -> xr.DataArray:
    """Return the DataArray view of the on-disk form."""
    rec = dataset["activity"]
    text = {}
    for key, coord in rec.coords.items():
        table = coord.attrs.pop(_TABLE, None)
        if table is not None:
            coord.attrs["categories"] = [str(name) for name in dataset[table].values]
        if coord.dtype.kind in "OT":
            text[key] = (coord.dims, coord.values.astype(object).astype(str), coord.attrs)
    rec = rec.assign_coords(text)
    rec.attrs = {
        key: value
        for key, value in dataset.attrs.items()
        if key not in ("format", "format_version", "format_arrays")
    }
    return rec


def save(rec: xr.DataArray, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a recording to a zarr store, whole or not at all.

    The store is written beside its destination and renamed into place, so that a crash leaves
    either the old store or none.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording.
    path : path
        Destination folder, usually ending in ``.zarr``.
    overwrite : bool
        Replace an existing store.

    Returns
    -------
    pathlib.Path
        The destination.

    Raises
    ------
    InvalidRecording
        If something is there and ``overwrite`` is off.

    Examples
    --------
    >>> import tempfile
    >>> from homologue.recording import make
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(make([[1.0, 2.0]]), f"{folder}/mine.zarr").name
    'mine.zarr'
    """
    validate(rec, allow_missing=True)
    path = Path(os.path.expanduser(path))
    if path.exists() and not overwrite:
        raise InvalidRecording(f"{path} exists; pass overwrite=True to replace it")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.part"
    try:
        _write(rec, part)
        if path.exists():
            shutil.rmtree(path)
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return path


def _write(rec: xr.DataArray, path: Path) -> None:
    dataset = to_dataset(rec)
    # Every chunk carries a checksum: without one, numbers look whole whatever befell them.
    packed = ZstdCodec(level=0, checksum=True)
    for name in dataset.variables:
        dataset[name].encoding.clear()
        dataset[name].encoding["compressors"] = (packed,)
    # Empty chunks are written too: a chunk that is not there is a chunk that was lost.
    with zarr.config.set({"array.write_empty_chunks": True}):
        dataset.drop_vars("activity").to_zarr(
            path, mode="w", consolidated=False, zarr_format=3, write_empty_chunks=True
        )
        chunks = _chunks(rec)
        array = zarr.open_group(path, mode="r+").create_array(
            "activity",
            shape=rec.shape,
            dtype=rec.dtype,
            chunks=chunks,
            compressors=packed,
            fill_value=np.nan,
            dimension_names=("sample", "unit"),
        )
        start = 0
        for block in blocks(rec, bytes=max(1, chunks[0] * chunks[1] * rec.dtype.itemsize)):
            array[start : start + block.sizes["sample"]] = block.values
            start += block.sizes["sample"]


def _chunks(rec: xr.DataArray, target_bytes: int = 8 * 2**20) -> tuple[int, int]:
    width = max(1, rec.sizes["unit"])
    rows = max(1, target_bytes // (width * rec.dtype.itemsize))
    return min(rows, max(1, rec.sizes["sample"])), width


def open(path: str | os.PathLike[str]) -> xr.DataArray:
    """Open a stored recording; activity is read lazily, labels at once.

    Parameters
    ----------
    path : path
        A folder written by :func:`save` or by a recorder.

    Returns
    -------
    xarray.DataArray
        The recording.

    Raises
    ------
    InvalidRecording
        Not a store, half-written, damaged, or written by a newer version.
    FileNotFoundError
        Nothing is there.

    Examples
    --------
    >>> import tempfile
    >>> from homologue.recording import make
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     stored = save(make([[1.0, 2.0]]), f"{folder}/mine.zarr")
    ...     open(stored).sizes["unit"]
    2
    """
    path = Path(os.path.expanduser(path))
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        group = zarr.open_group(path, mode="r")
        attrs = dict(group.attrs)
    except Exception as error:
        raise InvalidRecording(
            f"{path} is not a readable zarr store ({type(error).__name__}: {error}); "
            "a recording is written by homologue.recording.save or system.record(to=…)"
        ) from error
    if attrs.get("format") != FORMAT:
        raise InvalidRecording(
            f"{path} is a zarr store, but not a recording (no format {FORMAT!r} in its "
            "attributes); it may be half-written: resume the recording, or write it again"
        )
    version = attrs.get("format_version", 0)
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise InvalidRecording(
            f"{path} was written in format {version!r}, this version reads up to "
            f"{FORMAT_VERSION}; upgrade homologue"
        )
    _check_whole(path, group)
    try:
        # Units such as "s" are read as they are written, never as dates or durations.
        dataset = xr.open_zarr(
            path, consolidated=False, chunks=None, decode_times=False, decode_timedelta=False
        )
        for name in dataset.variables:
            if name != "activity":
                dataset[name].load()
        rec = from_dataset(dataset)
    except Exception as error:
        raise InvalidRecording(
            f"{path} is damaged ({type(error).__name__}: {error}); write it again"
        ) from error
    return validate(rec, allow_missing=True, check_values=False)


def _check_whole(path: Path, group: zarr.Group) -> None:
    """Refuse a store with lost arrays, or lost chunks, which zarr would read as fill values."""
    try:
        held = dict(group.arrays())
        written: Any = group.attrs.get("format_arrays", ())
        lost = {name: f"{name!r}" for name in written if name not in held}
        for name, array in held.items():
            missing = array.nchunks - array.nchunks_initialized
            if missing > 0:  # of a last shard, chunks beyond the end count as there
                lost[name] = f"{missing} of {array.nchunks} chunks of {name!r}"
    except Exception as error:
        raise InvalidRecording(
            f"{path} is damaged ({type(error).__name__}: {error}); write it again"
        ) from error
    if lost:
        raise InvalidRecording(
            f"{path} is not whole: {', '.join(lost.values())} are not there; "
            "copy the store again, or resume the recording"
        )
