"""One unit's examples, each in its context: what a picture of the unit is drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, UnknownName, nearest


def of(
    found: xr.Dataset,
    unit: str | int,
    *,
    quantiles: int = 5,
    per_quantile: int = 4,
    random: int = 20,
    activity: xr.DataArray | None = None,
) -> xr.Dataset:
    """Return one unit's top, bottom, per-quantile and random examples with their contexts.

    Parameters
    ----------
    found : xarray.Dataset
        What :func:`collect` returned.
    unit : str or int
        Its name, or its place.
    quantiles : int
        Bands of equal probability, the first the lowest.
    per_quantile, random : int
        Examples of each band, and examples of them all.
    activity : xarray.DataArray, optional
        A recording that has this unit and the examples' samples (the whole one, or one of the
        few stimuli that are shown, made again): the unit's activation over the context is read
        from it. Without it only the example's own activation is known.

    Returns
    -------
    xarray.Dataset
        On ``example``: ``kind`` (top · bottom · quantile · random), ``rank`` within the kind
        and band, ``quantile`` (band, −1 where it is none), ``value``, ``sample`` and the context
        (``stimulus`` by name, ``position``, …). On (``example``, ``offset``), offset 0 being
        the example itself: ``token`` and ``activation`` (NaN where not known; "" and NaN
        beyond the stimulus). ``quantile_edge`` on ``edge``.

    Raises
    ------
    UnknownName
        No such unit.
    HomologueError
        Numbers that make no sense.

    Examples
    --------
    >>> from homologue.recording import make
    >>> from homologue.tuning import examples
    >>> rec = make(np.arange(100.0)[:, None], unit=["a"])
    >>> shown = examples.of(examples.collect(rec, top=3, rng=0), "a", activity=rec)
    >>> shown["value"].values[shown["kind"] == "top"].tolist()
    [99.0, 98.0, 97.0]
    """
    if quantiles < 1 or per_quantile < 0 or random < 0:
        raise HomologueError(
            f"quantiles is at least 1, per_quantile and random at least 0; given {quantiles}, "
            f"{per_quantile} and {random}"
        )
    place = _place(found, unit)
    table, edges = _table(found, place, quantiles, per_quantile, random)
    sample = table["sample"]
    data: dict[str, Any] = {name: ("example", value) for name, value in table.items()}
    if edges is not None:
        data["quantile_edge"] = ("edge", edges)
    window = int(found.attrs.get("window", 0)) if "row" in found.dims else 0
    offset = np.arange(-window, window + 1)
    inside, row = np.ones((sample.size, 1), dtype=bool), None
    if "row" in found.dims:
        row, inside = _rows(found, sample, offset)
        centre = row[:, window]
        for name in found.data_vars:
            if found[name].dims == ("row",) and name not in ("row_sample", "token"):
                data[str(name)] = ("example", _spelled(found[name], centre))
        if "token" in found:
            words = np.where(inside, _spelled(found["token"], row), "")
            data["token"] = (("example", "offset"), words)
    activation = np.full((sample.size, offset.size), np.nan)
    activation[:, window] = table["value"]
    if activity is not None and row is not None:
        values = _read(found, activity, unit=str(found["unit"].values[place]), row=row)
        activation = np.where(inside & np.isfinite(values), values, activation)
    data["activation"] = (("example", "offset"), activation)
    attrs = {"unit": str(found["unit"].values[place]), "n_samples": found.attrs["n_samples"]}
    return xr.Dataset(data, coords={"offset": offset}, attrs=attrs)


def _place(found: xr.Dataset, unit: str | int) -> int:
    names = [str(name) for name in found["unit"].values]
    if isinstance(unit, str):
        if unit not in names:
            raise UnknownName(f"no unit is named {unit!r}" + nearest(unit, names))
        return names.index(unit)
    if not 0 <= unit < len(names):
        raise UnknownName(f"there are {len(names)} units, numbered from 0; given {unit}")
    return int(unit)


def _table(
    found: xr.Dataset, place: int, quantiles: int, per_quantile: int, random: int
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Return what examples there are, and the edges between the quantiles."""
    parts: list[tuple[str, int, np.ndarray, np.ndarray]] = []
    for side in ("top", "bottom"):
        if side in found.dims:
            value = found[f"{side}_value"].values[:, place]
            parts.append((side, -1, value, found[f"{side}_sample"].values[:, place]))
    edges = None
    if "draw" in found.dims:
        value = found["draw_value"].values[:, place].astype(np.float64)
        sample = found["draw_sample"].values
        value, sample = value[np.isfinite(value)], sample[np.isfinite(value)]
        if value.size:
            share = np.linspace(0, 1, quantiles + 1)
            edges = np.quantile(value, share, method="inverted_cdf")
        # Equal values are spread over the bands that they fill, in random order.
        order = np.argsort(value, kind="stable")
        band = np.empty(value.size, dtype=np.int64)
        band[order] = np.arange(value.size) * quantiles // max(value.size, 1)
        for number in range(quantiles):
            some = np.flatnonzero(band == number)[:per_quantile]
            parts.append(("quantile", number, value[some], sample[some]))
        parts.append(("random", -1, value[:random], sample[:random]))
    table = {
        "kind": np.concatenate([np.full(v.size, kind, dtype="U8") for kind, _, v, _ in parts]),
        "rank": np.concatenate([np.arange(v.size) for _, _, v, _ in parts]),
        "quantile": np.concatenate([np.full(v.size, band) for _, band, v, _ in parts]),
        "value": np.concatenate([v for _, _, v, _ in parts]).astype(np.float64),
        "sample": np.concatenate([s for _, _, _, s in parts]),
    }
    known = table["sample"] >= 0
    return {name: value[known] for name, value in table.items()}, edges


def _rows(
    found: xr.Dataset, sample: np.ndarray, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of the log round each example, and which belong to its stimulus."""
    number = found["row_sample"].values
    wanted = sample[:, None] + offset
    row = np.clip(np.searchsorted(number, wanted), 0, number.size - 1)
    inside = number[row] == wanted
    middle = row[:, offset.size // 2]
    for name in ("stimulus", "trial"):
        if name in found:
            code = found[name].values
            inside &= code[row] == code[middle][:, None]
    return row, inside


def _spelled(column: xr.DataArray, row: np.ndarray) -> np.ndarray:
    codes = column.values[row]
    names = column.attrs.get("categories")
    if names is None:
        return codes
    return np.where(codes >= 0, np.array([*names, ""], dtype=object)[codes], "")


def _read(found: xr.Dataset, activity: xr.DataArray, *, unit: str, row: np.ndarray) -> np.ndarray:
    """Return the unit's activation at rows of the log; NaN where the recording has none."""
    names = activity["unit"].values.astype(str)
    if unit not in names:
        raise UnknownName(f"the recording has no unit {unit!r}" + nearest(unit, names.tolist()))
    values = np.asarray(activity.isel(unit=int(np.flatnonzero(names == unit)[0])).values, float)
    if activity.sizes["sample"] == int(found.attrs["n_samples"]):
        return values[found["row_sample"].values[row]]
    keys = [name for name in ("stimulus", "position", "y", "x") if name in found]
    if not keys or any(name not in activity.coords for name in keys):
        raise HomologueError(
            "the recording has another number of samples than the examples were collected from, "
            "and no stimulus and position to find them by; give the whole recording"
        )
    here = [_spelled(activity[name], np.arange(values.size)) for name in keys]
    there = [_spelled(found[name], row.ravel()) for name in keys]
    at = {key: i for i, key in enumerate(zip(*here, strict=True))}
    index = np.array([at.get(key, -1) for key in zip(*there, strict=True)])
    return np.where(index >= 0, values[index], np.nan).reshape(row.shape)
