"""What the report draws of loops: bars, clouds and coordinates, few numbers of each.

One entry of ``loops.json`` per cell that is worth a look. Numbers, not drawings: whoever reads
the folder may draw them otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float
from homologue.population import cycles
from homologue.population.cycles._cloud import prepare, principal
from homologue.recording import classes

POINTS, BARS = 360, 40
"""Samples drawn of a cloud, and the longest bars, at most."""

_LANDMARKS = 100
_ENOUGH = 3 * _LANDMARKS
_DRAWS = 39
_FEW_VALUES = 24


def cycle_picture(rec: xr.DataArray, variable: str, rng: np.random.Generator) -> dict[str, Any]:
    """Return the bars of a recording, its cloud, and its angle beside a circular variable.

    The search is a small one, for the eye: 39 null clouds, 5 landmark draws.
    """
    del variable
    landmarks = _LANDMARKS if rec.sizes["sample"] >= _ENOUGH else None
    found = cycles.find(
        rec, rng=rng, permutations=_DRAWS, draws=5, landmarks=landmarks, condition_means=True
    )
    kept = slice(0, BARS)
    drawn: dict[str, Any] = {
        "barcode": {
            "birth": _few(found["birth"].values[kept]),
            "death": _few(found["death"].values[kept]),
            "threshold": round(float(found["threshold"]), 4),
            "bars": found.sizes["bar"],
            "signature": str(found["signature"].item()),
            "effect": round(float(found["effect"]), 4),
            "p": float(found["p"]),
        }
    }
    known = circular_variable(rec)
    angle, name = (np.full(rec.sizes["sample"], np.nan), "")
    if known is not None:
        angle, name = _radians(rec, known), known
    if drawn["barcode"]["signature"] in ("ring", "torus", "other"):
        try:
            read = cycles.coordinates(
                rec, known, rng=rng, permutations=_DRAWS, draws=3, condition_means=True
            ).isel(cycle=0)
        except InvalidDesign:  # a loop too brief, or in pieces, has no coordinate
            read = None
        if read is not None:
            angle, name = read["coordinate"].values, "angle read from the population"
            if known is not None:
                drawn["coordinate"] = _beside(read, rec, known, rng)
    return drawn | {"cloud": _cloud(rec, angle, name, rng)}


def means_picture(rec: xr.DataArray, variable: str, rng: np.random.Generator) -> dict[str, Any]:
    """Return condition means in their two leading components, in the order of the variable."""
    del rng
    codes, names = _conditions(rec, variable)
    present = np.unique(codes[codes >= 0])
    units = rec.values.astype(np.float64)
    spread = units.std(axis=0)
    units = (units - units.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    means = np.stack([units[codes == code].mean(axis=0) for code in present])
    means = means - means.mean(axis=0)
    basis = principal(means, 2)
    points = basis.project(means)
    total = (means**2).sum() / len(means)
    return {
        "means": {
            "point": [_few(row) for row in points],
            "angle": _few(_angles_of(rec, variable, codes, present)),
            "label": [str(names[code]) for code in present],
            "share": _few(basis.variance / total),
            "variable": variable,
        }
    }


def _conditions(rec: xr.DataArray, variable: str) -> tuple[np.ndarray, list[str]]:
    """Return the values of a variable that has few (days, months), or eight arcs of it."""
    values = np.unique(rec[variable].values)
    if values.size > _FEW_VALUES:
        return classes(rec, variable)
    names = rec[variable].attrs.get("categories")
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    codes = np.searchsorted(known, rec[variable].values)
    named = [str(names[int(v)]) if names is not None else f"{v:.3g}" for v in known]
    return np.where(np.isfinite(rec[variable].values), codes, -1), named


def circular_variable(rec: xr.DataArray) -> str | None:
    """Return the first variable of the samples that declares a period and is no derived one."""
    for name, values in rec.coords.items():
        circular = values.dims == ("sample",) and values.attrs.get("period")
        if circular and values.attrs.get("label_source") != "derived":
            return str(name)
    return None


def _radians(rec: xr.DataArray, variable: str) -> Float[Array, "sample"]:
    values = rec[variable]
    return np.asarray(values.values, dtype=np.float64) / float(values.attrs["period"]) * 2 * np.pi


def _angles_of(
    rec: xr.DataArray, variable: str, codes: np.ndarray, present: np.ndarray
) -> Float[Array, "condition"]:
    angle = np.exp(1j * _radians(rec, variable))
    return np.angle([angle[codes == code].mean() for code in present]) % (2 * np.pi)


def _beside(
    read: xr.Dataset, rec: xr.DataArray, known: str, rng: np.random.Generator
) -> dict[str, Any]:
    turned = float(read["orientation"]) * read["coordinate"].values + float(read["offset"])
    angle = _radians(rec, known)
    rows = _some(np.flatnonzero(np.isfinite(angle)), rng)
    return {
        "known": _few(angle[rows] % (2 * np.pi)),
        "read": _few(turned[rows] % (2 * np.pi)),
        "variable": known,
        "effect": round(float(read["effect"]), 4),
        "low": round(float(read["low"]), 4),
        "high": round(float(read["high"]), 4),
        "p": float(read["p"]),
    }


def _cloud(
    rec: xr.DataArray, angle: Float[Array, "sample"], name: str, rng: np.random.Generator
) -> dict[str, Any]:
    units = prepare(rec, condition_means=True)
    basis = principal(units.values, 2)
    rows = _some(np.arange(units.values.shape[0]), rng)
    points = basis.project(units.values[rows])
    return {
        "point": [_few(row) for row in points],
        "angle": [None if np.isnan(a) else round(float(a) % (2 * np.pi), 3) for a in angle[rows]],
        "share": _few(basis.variance / units.values.shape[1]),
        "colour": name,
    }


def _some(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(rows)[:POINTS]


def _few(values: Any) -> list[float]:
    return [round(float(value), 4) for value in values]
