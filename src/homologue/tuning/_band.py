"""The band that holds 95 % of draws, at every place of a curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from homologue._typing import Array, Float

BAND = (0.025, 0.975)


def band_of(
    draws: Float[Array, "draw *place"], ends: tuple[float, float] = BAND
) -> Float[Array, "2 *place"]:
    """Return two quantiles over draws; NaN is a draw that says nothing there."""
    # Quantiles that leave NaN out take several times longer.
    quantile: Any = np.nanquantile if np.isnan(draws).any() else np.quantile
    return np.asarray(quantile(draws, ends, axis=0))
