"""Concatenate recordings along samples or units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidRecording
from homologue.recording._validate import validate


def concat(recordings: Sequence[xr.DataArray], dim: str = "sample") -> xr.DataArray:
    """Concatenate recordings along samples or units.

    Along ``sample`` the units must be the same; categories are united and codes re-mapped, and
    groups of different recordings stay different groups. Each recording becomes a ``block``
    unless blocks were declared. Along ``unit`` the sample coordinates must agree.

    Parameters
    ----------
    recordings : sequence of DataArray
        At least one; the same object twice is an error.
    dim : {"sample", "unit"}
        Which dim grows.

    Raises
    ------
    InvalidRecording
        Different units (or samples), the same recording twice, repeated unit names.

    Examples
    --------
    >>> from homologue.recording import make
    >>> monday, tuesday = make([[1.0], [2.0]]), make([[3.0], [4.0]])
    >>> week = concat([monday, tuesday])
    >>> week.sizes["sample"], week["block"].values.tolist()
    (4, [0, 0, 1, 1])
    """
    recordings = list(recordings)
    if not recordings:
        raise InvalidRecording("concat needs at least one recording; given none")
    if dim not in ("sample", "unit"):
        raise InvalidRecording(f"dim is 'sample' or 'unit'; given {dim!r}")
    for rec in recordings:
        validate(rec, allow_missing=True, check_values=False)
    for i, first in enumerate(recordings):
        for second in recordings[i + 1 :]:
            if first is second or first.identical(second):
                raise InvalidRecording(
                    "the same recording is given twice; its samples would count as independent "
                    "when they are copies"
                )
    merged = _concat_samples(recordings) if dim == "sample" else _concat_units(recordings)
    return validate(merged, allow_missing=True, check_values=False)


def _shared_attrs(recordings: Sequence[xr.DataArray]) -> dict[str, Any]:
    first = recordings[0].attrs
    return {
        key: value
        for key, value in first.items()
        if all(rec.attrs.get(key) == value for rec in recordings)
    } | {"system": first.get("system", "unnamed"), "kind": first["kind"]}


def _concat_units(recordings: Sequence[xr.DataArray]) -> xr.DataArray:
    coords: dict[str, Any] = {}
    for rec in recordings:
        for key, coord in rec.coords.items():
            name = str(key)
            if "unit" in coord.dims:
                continue
            seen = coords.setdefault(name, coord)
            if not seen.variable.equals(coord.variable):
                raise InvalidRecording(
                    f"recordings differ in {name!r} on 'sample'; units can be joined only where "
                    "the samples are the same"
                )
    for key, coord in recordings[0].coords.items():
        name = str(key)
        if "unit" in coord.dims and all(name in rec.coords for rec in recordings):
            parts = [rec[name].values for rec in recordings]
            text = any(part.dtype.kind in "UOST" for part in parts)
            if text:
                parts = [part.astype(str) for part in parts]
            coords[name] = ("unit", np.concatenate(parts), coord.attrs)
    count = recordings[0].sizes["sample"]
    sizes = [rec.sizes["sample"] for rec in recordings]
    if any(size != count for size in sizes):
        raise InvalidRecording(f"recordings have different numbers of samples: {sizes}")
    return xr.DataArray(
        np.concatenate([rec.values for rec in recordings], axis=1),
        dims=("sample", "unit"),
        coords=coords,
        attrs=_shared_attrs(recordings),
        name="activity",
    )


def _concat_samples(recordings: Sequence[xr.DataArray]) -> xr.DataArray:
    first = recordings[0]
    for rec in recordings[1:]:
        if not np.array_equal(rec["unit"].values, first["unit"].values):
            raise InvalidRecording(
                "recordings have different units; choose the shared ones with "
                "rec.sel(unit=…) first, or pool sessions as a pseudo-population along 'unit'"
            )
    names = [
        name
        for name, coord in first.coords.items()
        if coord.dims == ("sample",)
        and all(name in rec.coords for rec in recordings)
        and name != "block"
    ]
    coords: dict[Any, Any] = {
        name: coord for name, coord in first.coords.items() if "sample" not in coord.dims
    }
    for name in names:
        coords[str(name)] = _join(str(name), [rec[name] for rec in recordings])
    # A recording without blocks is one block of its own.
    blocks = [
        rec["block"] if "block" in rec.coords else xr.zeros_like(rec["group"]).drop_attrs()
        for rec in recordings
    ]
    coords["block"] = _join("block", blocks)
    data = np.concatenate([rec.values for rec in recordings], axis=0)
    return xr.DataArray(
        data,
        dims=("sample", "unit"),
        coords=coords,
        attrs=_shared_attrs(recordings),
        name="activity",
    )


def _join(name: str, parts: Sequence[xr.DataArray]) -> xr.Variable:
    attrs = {
        key: value
        for key, value in parts[0].attrs.items()
        if key != "categories" and all(part.attrs.get(key) == value for part in parts)
    }
    if name in ("group", "block"):
        return _disjoint(parts, attrs)
    for key in ("period", "units", "label_source"):
        given = [part.attrs.get(key) for part in parts]
        if any(value != given[0] for value in given):
            raise InvalidRecording(
                f"recordings differ in the {key} of {name!r}: {sorted(map(str, set(given)))}; "
                "bring the variable to one convention first"
            )
    if len({"categories" in part.attrs for part in parts}) > 1:
        raise InvalidRecording(
            f"{name!r} has categories in some recordings and plain numbers in others; "
            "give all of them names, or none"
        )
    if all("categories" in part.attrs for part in parts):
        union: dict[str, int] = {}
        for part in parts:
            for category in part.attrs["categories"]:
                union.setdefault(category, len(union))
        remapped = []
        for part in parts:
            table = np.array([union[c] for c in part.attrs["categories"]] + [-1], dtype=np.int64)
            remapped.append(table[part.values])
        attrs["categories"] = list(union)
        return xr.Variable(("sample",), np.concatenate(remapped), attrs)
    return xr.Variable(("sample",), np.concatenate([part.values for part in parts]), attrs)


def _disjoint(parts: Sequence[xr.DataArray], attrs: dict[str, Any]) -> xr.Variable:
    codes, offset, names = [], 0, []
    named = all("categories" in part.attrs for part in parts)
    for number, part in enumerate(parts):
        values, inverse = np.unique(part.values, return_inverse=True)
        codes.append(inverse + offset)
        offset += values.size
        if named:
            names += [f"{number}:{part.attrs['categories'][value]}" for value in values]
    if named:
        attrs = {**attrs, "categories": names}
    return xr.Variable(("sample",), np.concatenate(codes), attrs)
