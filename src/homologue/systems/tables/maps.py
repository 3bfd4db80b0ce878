"""Tables with a place: states, counties, weather stations; the control for spatial maps.

Neighbours resemble each other in geography as in a hippocampus. Samples are places, units are
what was measured there, and the variable is where the place lies.
"""

from __future__ import annotations

import csv

import numpy as np
import xarray as xr

from homologue import recording
from homologue._typing import Array, Float
from homologue.systems import _assets
from homologue.systems._packaged import Packaged, measured, packaged

REGIONS = {
    "northeast": "Connecticut, Maine, Massachusetts, New Hampshire, New Jersey, New York, "
    "Pennsylvania, Rhode Island, Vermont",
    "midwest": "Illinois, Indiana, Iowa, Kansas, Michigan, Minnesota, Missouri, Nebraska, "
    "North Dakota, Ohio, South Dakota, Wisconsin",
    "south": "Alabama, Arkansas, Delaware, Florida, Georgia, Kentucky, Louisiana, Maryland, "
    "Mississippi, North Carolina, Oklahoma, South Carolina, Tennessee, Texas, Virginia, "
    "West Virginia",
    "west": "Arizona, California, Colorado, Idaho, Montana, Nevada, New Mexico, Oregon, Utah, "
    "Washington, Wyoming",
}
"""Regions of the United States Census Bureau, the 48 contiguous states."""

SECTORS = ("northeast", "northwest", "southwest", "southeast")
"""Quarters about the middle of the places."""


def states() -> xr.DataArray:
    """Return income per head of 48 states in 81 years.

    Returns
    -------
    xarray.DataArray
        States × years (48 × 81), dollars of the year. On ``sample``: ``stimulus`` (the state),
        ``place`` (its census region). On ``unit``: ``year``.

    Notes
    -----
    One value per state and year: neighbouring states are not independent, which the exchange of
    whole states between regions ignores. That neighbours are alike is what a map is.
    """
    with _assets.fetch("state-incomes").open(newline="", encoding="utf-8") as stream:
        header, *rows = list(csv.reader(stream))
    region = {
        state: number
        for number, names in enumerate(REGIONS.values())
        for state in names.split(", ")
    }
    years = header[2:]
    return recording.make(
        np.array([[float(value) for value in row[2:]] for row in rows]),
        unit=[f"income {year}" for year in years],
        stimulus=[row[0] for row in rows],
        variables={
            "place": measured(
                np.array([region[row[0]] for row in rows]),
                categories=list(REGIONS),
                quantity="space",
            )
        },
        unit_variables={"year": np.array([int(year) for year in years])},
        activity_units="US dollars per head and year",
    )


def counties() -> xr.DataArray:
    """Return homicides and what goes with them in 78 counties around St. Louis.

    Returns
    -------
    xarray.DataArray
        Counties × measures (78 × 15): rates and counts of homicide, population, police
        expenditure and resource deprivation in three periods. On ``sample``: ``stimulus``
        (the county), ``place`` (quarter about the middle), ``longitude``, ``latitude``.

    Notes
    -----
    As :func:`states`: neighbours are not independent.
    """
    with _assets.fetch("counties").open(newline="", encoding="utf-8") as stream:
        header, *rows = list(csv.reader(stream))
    column = {name: number for number, name in enumerate(header)}
    names = header[column["HR7984"] :]
    centre = np.array([_centroid(row[column["WKT"]]) for row in rows])
    return recording.make(
        np.array([[float(row[column[name]]) for name in names] for row in rows]),
        unit=names,
        stimulus=[f"{row[column['NAME']]}, {row[column['STATE_NAME']]}" for row in rows],
        variables=_located(centre),
        activity_units="mixed",
    )


def stations() -> xr.DataArray:
    """Return the mean temperature of each calendar month at stations in Colorado.

    Returns
    -------
    xarray.DataArray
        Complete stations × months (41 × 12), °C, means over 1950–1997. On ``sample``:
        ``stimulus`` (the station), ``place``, ``longitude``, ``latitude``.
    """
    file = np.load(_assets.fetch("climate"))
    inside = (file["years"] >= 1950) & (file["years"] <= 1997)
    table = file["tmax"][inside]
    complete = np.isfinite(table).all(axis=(0, 1))
    return recording.make(
        table[:, :, complete].mean(axis=0).T,
        unit=[f"month {month}" for month in range(1, 13)],
        stimulus=[f"station-{name}" for name in file["station"][complete]],
        variables=_located(file["loc"][complete].astype(float)),
        activity_units="degrees Celsius",
    )


def _located(centre: Float[Array, "place 2"]) -> dict[str, xr.Variable]:
    east, north = (centre > np.median(centre, axis=0)).T
    quarter = np.select([north & east, north & ~east, ~north & ~east], [0, 1, 2], 3)
    return {
        "place": measured(quarter, categories=list(SECTORS), quantity="space"),
        "longitude": measured(centre[:, 0], units="degrees", quantity="space"),
        "latitude": measured(centre[:, 1], units="degrees", quantity="space"),
    }


def _centroid(polygon: str) -> tuple[float, float]:
    """Return the centre of area of a polygon's outer ring, written as well-known text."""
    ring = polygon[polygon.index("((") + 2 : polygon.index(")")]
    x, y = np.array([[float(v) for v in point.split()] for point in ring.split(",")]).T
    cross = x[:-1] * y[1:] - x[1:] * y[:-1]
    area = cross.sum() * 3
    return (
        float(((x[:-1] + x[1:]) * cross).sum() / area),
        float(((y[:-1] + y[1:]) * cross).sum() / area),
    )


def state_incomes() -> Packaged:
    """Return the system ``state-incomes``."""
    return packaged(
        "state-incomes", "state-incomes", states, kind="other-science", variable="place"
    )


def st_louis() -> Packaged:
    """Return the system ``counties``."""
    return packaged("counties", "counties", counties, kind="other-science", variable="place")


def climate_stations() -> Packaged:
    """Return the system ``climate-stations``: the climate table, turned on its side."""
    return packaged(
        "climate-stations",
        "climate",
        stations,
        kind="other-science",
        family="climate",
        variable="place",
    )
