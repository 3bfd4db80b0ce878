"""Gene expression through the cell cycle: 930 cells × 253 genes in three lines (McDavid 2014)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue import recording
from homologue.systems import _assets
from homologue.systems._packaged import Packaged, packaged

STAGES = ("g0/g1", "s", "g2/m")


def read() -> xr.DataArray:
    """Return expression, with the stage at which each cell was sorted.

    Returns
    -------
    xarray.DataArray
        930 cells × 253 genes, log2 expression. On ``sample``: ``stage`` (by flow cytometry:
        experimenter), ``line``, block = line, group = cell.

    Notes
    -----
    Cells of one line and stage were sorted together: stage and batch cannot be told apart.
    """
    file = np.load(_assets.fetch("cell-cycle"))
    stage = np.array([STAGES.index(str(name)) for name in file["stage"]])
    line = [str(name) for name in file["line"]]
    return recording.make(
        file["X"].astype(np.float32),
        unit=[str(gene) for gene in file["genes"]],
        block=line,
        variables={
            "stage": recording.variable(stage, categories=list(STAGES)),
            "line": recording.variable(line),
        },
        activity_units="log2 expression",
        species="Homo sapiens",
    )


def system() -> Packaged:
    """Return the system ``cell-cycle``."""
    return packaged("cell-cycle", "cell-cycle", read, kind="other-science", variable="stage")
