"""Toronto stocks: daily log-returns of 88 shares over 1 258 days (Borodin 2004)."""

from __future__ import annotations

import csv

import numpy as np
import xarray as xr

from homologue import recording
from homologue.systems import _assets
from homologue.systems._binning import time_blocks
from homologue.systems._packaged import Packaged, measured, packaged

DAY_SECONDS = 86_400.0


def read(group_days: int = 20) -> xr.DataArray:
    """Return daily log-returns; there is nothing to decode, only structure.

    Parameters
    ----------
    group_days : int
        Trading days per group: returns of one month share their volatility.

    Returns
    -------
    xarray.DataArray
        1 258 days × 88 shares. On ``sample``: ``time`` (s; trading days, 86 400 s each).
    """
    with _assets.fetch("stocks").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    price = np.array(rows[1:], dtype=float)
    returns = np.diff(np.log(price), axis=0)
    time = (np.arange(returns.shape[0]) + 0.5) * DAY_SECONDS
    return recording.make(
        returns,
        unit=[f"share-{i:02d}" for i in range(1, price.shape[1] + 1)],
        group=time_blocks(time, group_days * DAY_SECONDS),
        variables={"time": measured(time, units="s")},
        activity_units="log-return per day",
        sampling_interval=DAY_SECONDS,
    )


def system() -> Packaged:
    """Return the system ``stocks``."""
    return packaged("stocks", "stocks", read, kind="other-science")
