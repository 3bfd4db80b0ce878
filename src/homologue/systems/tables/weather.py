"""A typical meteorological year of Greensboro, North Carolina, hour by hour (TMY3 723170).

The twelve months come from different years, chosen as typical and stitched: hours are ordered
within a month only, and with one January no test about months is possible (one independent
group a label). What can be tested is the time of day, with group = day.

Successive hours resemble each other, and hour of day recurs with the period of the labels: a
circular shift would turn the label into another that the weather predicts as well, and
permuting hours within a day would tear the day apart. By default a sample is therefore the mean
over one part of one day, and parts are exchanged within days.
"""

from __future__ import annotations

import csv

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import UnknownName, nearest
from homologue.systems import _assets
from homologue.systems._packaged import Packaged, measured, packaged

COLUMNS = (
    "GHI (W/m^2)",
    "DNI (W/m^2)",
    "DHI (W/m^2)",
    "GH illum (lx)",
    "DN illum (lx)",
    "DH illum (lx)",
    "Zenith lum (cd/m^2)",
    "TotCld (tenths)",
    "OpqCld (tenths)",
    "Dry-bulb (C)",
    "Dew-point (C)",
    "RHum (%)",
    "Pressure (mbar)",
    "Wspd (m/s)",
    "Hvis (m)",
    "CeilHgt (m)",
    "Pwat (cm)",
    "Lprecip depth (mm)",
)
"""Columns of weather.

Left out: source and uncertainty codes, extraterrestrial radiation (computed from the clock),
aerosol depth, albedo and precipitation interval (constant), the METAR code of present weather (a
category). Wind direction, an angle, enters as eastward and northward wind.
"""

PARTS = ("night", "morning", "afternoon", "evening")
"""Parts of the day: hours 0–5, 6–11, 12–17, 18–23, local standard time."""

STEPS = ("part of day", "hour")


def read(step: str = "part of day") -> xr.DataArray:
    """Return the weather by part of the day, or by the hour.

    Parameters
    ----------
    step : {"part of day", "hour"}
        Means over six hours (1 460 samples), or hours (8 760) with ``time`` and ``hour``
        (period 24), for claims about structure.

    Returns
    -------
    xarray.DataArray
        Samples × 20 columns. On ``sample``: ``part_of_day``, ``month`` (period 12), group =
        day, block = month (by the hour only, where shifts must not cross its border).
    """
    if step not in STEPS:
        raise UnknownName(f"step {step!r} is not known" + nearest(step, STEPS))
    with _assets.fetch("weather").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    column = {name: i for i, name in enumerate(rows[1])}
    body = np.array(rows[2:])
    month = np.array([date[:2] for date in body[:, 0]]).astype(int) - 1
    # A row's time is the end of its hour, 01:00 … 24:00.
    hour = np.array([clock[:2] for clock in body[:, 1]]).astype(int) - 1
    day = np.unique(body[:, 0], return_inverse=True)[1].astype(np.int64)
    values = np.stack([body[:, column[name]].astype(float) for name in COLUMNS], axis=1)
    speed = values[:, COLUMNS.index("Wspd (m/s)")]
    toward = np.radians(body[:, column["Wdir (degrees)"]].astype(float) + 180)
    wind = np.column_stack([speed * np.sin(toward), speed * np.cos(toward)])
    values = np.column_stack([values, wind])
    part = hour // 6
    unit = [*COLUMNS, "wind eastward (m/s)", "wind northward (m/s)"]
    if step == "hour":
        return recording.make(
            values,
            unit=unit,
            group=day,
            block=month,
            variables={
                "part_of_day": measured(part, categories=list(PARTS)),
                "hour": measured(hour, period=24.0, units="hours"),
                "month": measured(month, period=12.0, units="months"),
                "time": measured(np.arange(hour.size) * 3600.0, units="s"),
            },
            activity_units="mixed",
            sampling_interval=3600.0,
        )
    cell, first, inverse = np.unique(day * 4 + part, return_index=True, return_inverse=True)
    sums = np.stack([np.bincount(inverse, weights=v) for v in values.T], axis=1)
    return recording.make(
        sums / np.bincount(inverse)[:, None],
        unit=unit,
        group=cell // 4,
        variables={
            "part_of_day": measured(cell % 4, categories=list(PARTS)),
            "month": measured(month[first], period=12.0, units="months"),
        },
        activity_units="mixed",
    )


def system(part: str | None = None) -> Packaged:
    """Return the system ``weather``; ``part`` may be ``hour``, which serves structure only."""
    return packaged(
        "weather" if part is None else f"weather/{part}",
        "weather",
        read,
        kind="other-science",
        family="weather",
        variable=None if part == "hour" else "part_of_day",
        options={"step": part} if part else {},
    )
