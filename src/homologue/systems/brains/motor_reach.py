"""Macaque motor cortex while reaching: 61 times × 50 units × 10 conditions (Churchland 2012).

Condition averages, preprocessed by the authors of the tensor-maximum-entropy surrogates: it
serves claims about dynamics. With one average per condition nothing can be decoded.
"""

from __future__ import annotations

import numpy as np
import scipy.io
import xarray as xr

from homologue import recording
from homologue.systems import _assets
from homologue.systems._packaged import Packaged, packaged


def read() -> xr.DataArray:
    """Return the condition averages, one sample a condition and time.

    Returns
    -------
    xarray.DataArray
        (condition × time) × 50 units, ordered by condition then time;
        ``recording.unstack(rec)`` gives conditions × times × units. On ``sample``: ``trial`` =
        ``group`` = condition, ``lag`` (s from movement onset, 10 ms steps).
    """
    file = scipy.io.loadmat(_assets.fetch("motor-reach"))
    tensor = np.transpose(file["dataTensor"], (2, 0, 1)).astype(np.float64)
    lag = file["t"].ravel().astype(np.float64) / 1000
    conditions, times, units = tensor.shape
    condition = np.repeat(np.arange(conditions), times)
    return recording.make(
        tensor.reshape(-1, units),
        unit=[f"M1-{i:02d}" for i in range(1, units + 1)],
        site="primary motor and dorsal premotor cortex",
        stimulus=condition,
        group=condition,
        variables={
            "trial": recording.variable(condition),
            "condition": recording.variable(
                condition, categories=[f"reach {i + 1}" for i in range(conditions)]
            ),
            "lag": recording.variable(np.tile(lag, conditions), units="s"),
        },
        activity_units="normalised firing rate",
        simultaneous=False,
        sampling_interval=0.01,
        species="Macaca mulatta",
    )


def system() -> Packaged:
    """Return the system ``motor-reach``."""
    return packaged("motor-reach", "motor-reach", read)
