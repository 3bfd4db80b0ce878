"""Monthly maximum temperature at stations in Colorado, 1950–1997 (R package fields).

With each month's mean removed the same table is a built-in negative control. Removing a sample
mean takes more than the season: it takes the mean's sampling error too, and held-out months are
then predicted *worse* than chance (a quarter of four seasons falls to a twelfth), because what
is left of the training years is the opposite of what was left out. The error is therefore put
back: each month gets the mean of as many anomalies drawn from the whole table.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError
from homologue._typing import Array, Float
from homologue.systems import _assets
from homologue.systems._packaged import Packaged, measured, packaged

SEASONS = ("winter", "spring", "summer", "autumn")
"""Winter is December to February of one calendar year."""


def read(
    years: tuple[int, int] = (1950, 1997), *, deseasonalised: bool = False, seed: int = 0
) -> xr.DataArray:
    """Return the temperature of every station that is complete in the chosen years.

    Parameters
    ----------
    years : tuple of int
        First and last year; 62 % of the whole table is missing, and no value is filled in.
    deseasonalised : bool
        Remove each month's mean over the years, station by station, and put the mean's
        sampling error back.
    seed : int
        Of the anomalies drawn for it.

    Returns
    -------
    xarray.DataArray
        Months × complete stations (576 × 41), °C. On ``sample``: ``season``, ``month``
        (period 12), ``year``, group = year. On ``unit``: ``longitude``, ``latitude``,
        ``elevation`` (m).

    Raises
    ------
    HomologueError
        Fewer than two years, or no station is complete.

    Notes
    -----
    The season is exchanged within years, as the samples of one year; temperatures of
    neighbouring months resemble each other, also without the season, which the exchange
    ignores. The variance still follows the season (winters vary more) when the mean does not.
    """
    file = np.load(_assets.fetch("climate"))
    inside = (file["years"] >= years[0]) & (file["years"] <= years[1])
    table = file["tmax"][inside]
    complete = np.isfinite(table).all(axis=(0, 1))
    if table.shape[0] < 2 or not complete.any():
        raise HomologueError(
            f"no station is complete in {years[0]}–{years[1]}; the table runs from "
            f"{file['years'][0]} to {file['years'][-1]}, and 1950–1997 has 41 complete ones"
        )
    table = table[:, :, complete]
    if deseasonalised:
        table = _without_season(table, np.random.default_rng(seed))
    month = np.tile(np.arange(12), table.shape[0])
    year = np.repeat(file["years"][inside], 12).astype(int)
    location = file["loc"][complete]
    return recording.make(
        table.reshape(month.size, -1),
        unit=[f"station-{name}" for name in file["station"][complete]],
        group=year,
        variables={
            "season": measured((month + 1) % 12 // 3, categories=list(SEASONS)),
            "month": measured(month, period=12.0, units="months"),
            "year": measured(year, units="years"),
        },
        unit_variables={
            "longitude": location[:, 0],
            "latitude": location[:, 1],
            "elevation": file["elev"][complete],
        },
        activity_units="degrees Celsius" if not deseasonalised else "anomaly, degrees Celsius",
    )


def _without_season(
    table: Float[Array, "year 12 station"], rng: np.random.Generator
) -> Float[Array, "year 12 station"]:
    """Return anomalies whose monthly means vary as means of that many anomalies do."""
    anomaly = table - table.mean(axis=0)
    pool = anomaly.reshape(-1, table.shape[2])
    drawn = rng.integers(pool.shape[0], size=(table.shape[0], 12))
    return anomaly + pool[drawn].mean(axis=0)


def system() -> Packaged:
    """Return the system ``climate``."""
    return packaged(
        "climate",
        "climate",
        read,
        kind="other-science",
        variable="season",
        variables=("season", "month"),
    )


def negative() -> Packaged:
    """Return the system ``climate-deseasonalised``, the built-in negative control."""
    return packaged(
        "climate-deseasonalised",
        "climate",
        read,
        kind="other-science",
        variable="season",
        variables=("season", "month"),
        options={"deseasonalised": True},
    )
