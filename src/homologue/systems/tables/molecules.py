"""500 organic molecules × 200 descriptors, with their density (ChemML)."""

from __future__ import annotations

import csv

import numpy as np
import xarray as xr

from homologue import recording
from homologue.systems import _assets
from homologue.systems._packaged import Packaged, measured, packaged

_TARGET, _SMILES = "density_Kg/m3", "smiles"


def read(bins: int = 3) -> xr.DataArray:
    """Return the descriptors, with density in bins of equal size.

    Parameters
    ----------
    bins : int
        Quantile bins of ``density_bin``.

    Returns
    -------
    xarray.DataArray
        500 molecules × 200 descriptors; density is left out of the units. On ``sample``:
        ``density_bin``, ``density`` (kg/m³), ``stimulus`` (SMILES), group = molecule.

    Notes
    -----
    The molecules were drawn from one combinatorial library: they share fragments, so they are
    more alike than independent molecules would be.
    """
    with _assets.fetch("molecules").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    names = [name for name in rows[0] if name not in (_TARGET, _SMILES)]
    column = [rows[0].index(name) for name in names]
    density = np.array([row[rows[0].index(_TARGET)] for row in rows[1:]], dtype=float)
    borders = np.quantile(density, np.arange(1, bins) / bins)
    label = np.searchsorted(borders, density, side="right")
    if bins == 3:
        categories = ["light", "middle", "dense"]
    else:
        categories = [f"density {i + 1} of {bins}" for i in range(bins)]
    return recording.make(
        np.array([[row[i] for i in column] for row in rows[1:]], dtype=float),
        unit=names,
        stimulus=[row[rows[0].index(_SMILES)] for row in rows[1:]],
        variables={
            "density_bin": measured(label, categories=categories),
            "density": measured(density, units="kg/m^3"),
        },
        activity_units="descriptor, mixed",
    )


def system() -> Packaged:
    """Return the system ``molecules``."""
    return packaged(
        "molecules",
        "molecules",
        read,
        kind="other-science",
        variable="density_bin",
        variables=("density_bin", "density"),
    )
