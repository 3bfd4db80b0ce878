"""The contiguous series of a recording: stretches of the session clock, or trials."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue.inference._shifts import stretches


def series(rec: xr.DataArray) -> list[np.ndarray]:
    """Return the rows of each contiguous series in order of time.

    Trials where there are ``trial`` and ``lag``, else stretches of ``time`` within blocks.

    Raises
    ------
    InvalidDesign
        Neither: the order of the samples is then no order in time.
    """
    if "trial" in rec.coords and "lag" in rec.coords:
        trial, lag = rec["trial"].values, rec["lag"].values
        order = np.lexsort((lag, trial))
        return list(np.split(order, np.flatnonzero(np.diff(trial[order])) + 1))
    if "time" not in rec.coords:
        raise InvalidDesign(
            "the recording has neither `time` nor `trial` and `lag`, so that its samples have no "
            "order in time; declare variables={'time': seconds} when making it"
        )
    block = rec["block"].values if "block" in rec.coords else None
    return stretches(rec["time"].values, block)


def sampling_step(rec: xr.DataArray, parts: list[np.ndarray]) -> float:
    """Return the seconds between neighbouring samples, which must be even."""
    name = "lag" if "trial" in rec.coords and "lag" in rec.coords else "time"
    clock = rec[name].values.astype(np.float64)
    steps = np.concatenate([np.diff(clock[part]) for part in parts])
    if not steps.size:
        raise InvalidDesign("no two samples follow each other in time")
    step = float(np.median(steps))
    if step <= 0 or np.abs(steps - step).max() > 0.5 * step:
        raise InvalidDesign(
            f"samples are {steps.min():.4g} … {steps.max():.4g} s apart; bin them evenly first"
        )
    return step
