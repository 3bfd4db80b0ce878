"""A recording's rows, and the same with units made independent of each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import unit_exchange

_SILENT = 1e-7

_TOGETHER = 2**17
"""Values of the recordings that are decomposed at once."""


def independent_units(
    rec: xr.DataArray, draws: int, rng: np.random.Generator, *, standardised: bool = True
) -> tuple[Float[Array, "row unit"], Iterator[np.ndarray], str]:
    """Return rows, an iterator of ones with units made independent, and how that is done.

    What may be exchanged is :func:`homologue.inference.unit_exchange`'s to say. Rows are groups'
    means where groups are exchanged, samples of windows where time is.

    Raises
    ------
    InvalidDesign
        Fewer than three rows.
    """
    activity = rec.values.astype(np.float64)
    given = {name: rec[name].values for name in ("block", "time") if name in rec.coords}
    exchange = unit_exchange(rec["group"].values, trials="lag" in rec.coords, **given)
    if exchange.part.size < 3:
        raise InvalidDesign(
            f"{exchange.part.size} groups; units are made independent by exchanging at least 3, or "
            "by shifts where the recording has `time`"
        )
    if "permuted" in exchange.scheme:
        _, group = np.unique(rec["group"].values, return_inverse=True)
        size = np.bincount(group)
        if size.max() > 1:
            sums = np.zeros((size.size, activity.shape[1]))
            np.add.at(sums, group, activity)
            activity = sums / size[:, None]
    values = scaled(activity[exchange.rows], standardised=standardised)
    null = (
        scaled(exchange.surrogate(activity, rng=rng), standardised=standardised)
        for _ in range(draws)
    )
    return values, null, exchange.scheme


def stacks(draws: Iterator[np.ndarray], size: int) -> Iterator[Float[Array, "draw row unit"]]:
    """Return draws of ``size`` values several at once, as many as are worked on together.

    Products and roots of small recordings are too small to be called singly.
    """
    while some := list(islice(draws, max(1, _TOGETHER // size))):
        yield np.stack(some)


def scaled(activity: Float[Array, "row unit"], *, standardised: bool) -> Float[Array, "row unit"]:
    """Return centred and, if asked for, standardised units; constant ones become 0."""
    centred = activity - activity.mean(axis=0)
    deviation = centred.std(axis=0)
    silent = deviation <= _SILENT * np.abs(activity).max(axis=0) + 1e-300
    divisor = np.where(silent, 1.0, deviation) if standardised else 1.0
    return np.where(silent, 0.0, centred / divisor)


def shares(values: Float[Array, "row unit"]) -> Float[Array, "component"]:
    """Return each component's share of the variance, from the smaller of the two products."""
    rows, units = values.shape
    product = values.T @ values if units <= rows else values @ values.T
    found = np.maximum(np.linalg.eigvalsh(product)[::-1], 0.0)
    return np.asarray(found / max(float(found.sum()), 1e-300))
