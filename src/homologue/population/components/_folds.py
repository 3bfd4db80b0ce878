"""Folds of whole groups, or of neighbouring samples where there is one series."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign


def group_folds(
    rec: xr.DataArray, folds: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the fold of each sample, and its independent cluster, both numbered from 0.

    Clusters are the declared groups; of fewer than ``folds`` groups, pieces of the recording in
    order of time (blocks first), four to a fold.
    """
    _, cluster = np.unique(rec["group"].values, return_inverse=True)
    count = int(cluster.max()) + 1
    if count < folds:
        if "time" not in rec.coords or rec.sizes["sample"] < 8 * folds:
            raise InvalidDesign(
                f"{count} groups cannot be divided into {folds} folds; declare more independent "
                "groups, or `time`, of which pieces are held out"
            )
        block = rec["block"].values if "block" in rec.coords else np.zeros(cluster.size)
        order = np.lexsort((rec["time"].values, block))
        count = 4 * folds
        cluster = np.empty(order.size, dtype=np.int64)
        cluster[order] = np.arange(order.size) * count // order.size
    return (rng.permutation(count) % folds)[cluster], cluster
