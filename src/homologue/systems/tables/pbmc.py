"""Gene expression of 700 human blood cells × 765 genes (10x Genomics, by scanpy).

The cell types in the file were assigned from the expression itself: they are *derived* labels,
and the table serves claims about structure only.
"""

from __future__ import annotations

import h5py
import numpy as np
import xarray as xr

from homologue import recording
from homologue.systems import _assets
from homologue.systems._packaged import Packaged, packaged


def read() -> xr.DataArray:
    """Return log-normalised expression, cell by cell.

    Returns
    -------
    xarray.DataArray
        700 cells × 765 genes, log(1 + counts per size factor). On ``sample``: ``cell_type``
        and ``cell_cycle_phase``, both with ``label_source="derived"``.
    """
    with h5py.File(_assets.fetch("pbmc"), "r") as file:
        sparse = file["raw.X"]
        data, column, pointer = (sparse[key][:] for key in ("data", "indices", "indptr"))
        genes = [name.decode() for name in file["raw.var"]["index"]]
        cells = file["obs"][:]
        types = [name.decode() for name in file["uns/bulk_labels_categories"]]
        phases = [name.decode() for name in file["uns/phase_categories"]]
    activity = np.zeros((pointer.size - 1, len(genes)), dtype=np.float32)
    row = np.repeat(np.arange(pointer.size - 1), np.diff(pointer))
    activity[row, column] = data
    return recording.make(
        activity,
        unit=genes,
        variables={
            "cell_type": recording.variable(
                cells["bulk_labels"].astype(int), categories=types, label_source="derived"
            ),
            "cell_cycle_phase": recording.variable(
                cells["phase"].astype(int), categories=phases, label_source="derived"
            ),
        },
        activity_units="log normalised counts",
        species="Homo sapiens",
    )


def system() -> Packaged:
    """Return the system ``pbmc``."""
    return packaged("pbmc", "pbmc", read, kind="other-science")
