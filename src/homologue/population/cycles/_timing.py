"""Whether a series is long enough for its null, and whether drift alone explains its loops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from homologue.population.cycles._cloud import (
    CORRELATION_TIMES,
    ROLLED,
    Units,
    correlation_times,
    cosine_share,
    principal,
)

_DRIFT_SHARE = 0.2


@dataclass(frozen=True)
class Timing:
    """Whether rolls are a null here: correlation times in a stretch, share of slow cosines."""

    times: float
    cosines: float
    usable: bool
    reason: str


def timing(units: Units, components: int) -> Timing:
    """Return what a recording's time allows; without ``time`` everything."""
    if units.scheme != ROLLED:
        return Timing(times=np.nan, cosines=0.0, usable=True, reason="")
    cloud = principal(units.values, components).project(units.values)
    times = correlation_times(units, cloud)
    usable = times >= CORRELATION_TIMES
    reason = "" if usable else (
        f"the longest stretch holds {times:.1f} correlation times of the leading components, "
        f"fewer than {CORRELATION_TIMES}: rolled units would not be independent"
    )  # fmt: skip
    return Timing(times, cosine_share(units, cloud), usable, reason)


def drifts(rec: xr.DataArray, tested: Timing, rng: np.random.Generator) -> bool:
    """Return whether drift alone explains a loop; asked only where slow cosines have a share."""
    if tested.cosines < _DRIFT_SHARE:
        return False
    from homologue.population.dynamics import phantom_oscillation

    return bool(phantom_oscillation(rec, rng=rng).phantom)
