"""Orders of conditions, and the share of their variance that a circle in each order holds.

With G = D Dᵀ the products of centred condition means, the share of frequency k in the order π is
(2/n) Σⱼₗ Gⱼₗ cos(2πk (πⱼ − πₗ)/n) / tr G (half of it at n/2): one matrix product, orders × pairs
by pairs × sites, whatever the number of units.
"""

from __future__ import annotations

import functools
from itertools import pairwise, permutations

import numpy as np

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float, Int
from homologue.inference import exchangeability
from homologue.inference._design import MINIMUM_ARRANGEMENTS

_BYTES = 64 * 2**20
_ENUMERATED = 2520


def null_orders(
    conditions: int,
    draws: int,
    *,
    block: Int[Array, "condition"] | None = None,
    rng: np.random.Generator | int,
) -> tuple[Int[Array, "order condition"], bool]:
    """Return orders other than the declared one, and whether they are all there are.

    Parameters
    ----------
    conditions : int
    draws : int
        How many to draw where there are more.
    block : array of int, shape (condition,), optional
        Conditions that were seen in the same blocks, and may be exchanged.
    rng : numpy Generator or int

    Returns
    -------
    orders : array of int, shape (order, condition)
        The place of each condition.
    exact : bool
        Every distinct order is in it once: orders that differ by a rotation or a reflection of
        the circle are one.

    Raises
    ------
    InvalidDesign
        Fewer than 20 distinct orders: 5 conditions on a circle have 12.
    """
    place = np.arange(conditions)
    profile = np.zeros(conditions, dtype=np.int64) if block is None else block
    design = exchangeability(place, place, block=profile)
    whole = bool((profile == profile[0]).all())
    distinct = design.arrangements / (2 * conditions if whole else 1)
    if distinct < MINIMUM_ARRANGEMENTS:
        raise InvalidDesign(
            f"{conditions} conditions have {distinct:.0f} distinct orders on a circle, fewer "
            f"than {MINIMUM_ARRANGEMENTS}: no p below .05 is possible. Show at least 6 conditions"
        )
    if whole and distinct <= _ENUMERATED:
        return _every_other(conditions), True
    return design.draw_groups(draws, rng), False


@functools.cache
def _every_other(conditions: int) -> Int[Array, "order condition"]:
    """Return every order on a circle but the declared one: rotated to 0, one of two mirrors."""
    rest = np.array(list(permutations(range(1, conditions))), dtype=np.int64)
    rest = rest[rest[:, 0] < rest[:, -1]]
    rest = rest[(rest != np.arange(1, conditions)).any(axis=1)]
    return np.concatenate([np.zeros((len(rest), 1), dtype=np.int64), rest], axis=1)


def products(
    means: Float[Array, "condition unit"], site: Int[Array, "unit"]
) -> Float[Array, "site condition condition"]:
    """Return products of centred condition means, one table per site."""
    centred = means - means.mean(axis=0)
    order = np.argsort(site, kind="stable")
    edges = np.searchsorted(site[order], np.arange(site.max() + 2))
    tables = [centred[:, order[a:b]] @ centred[:, order[a:b]].T for a, b in pairwise(edges)]
    return np.stack(tables)


def shares(
    tables: Float[Array, "site condition condition"],
    orders: Int[Array, "order condition"],
    frequencies: Int[Array, "frequency"],
) -> Float[Array, "order frequency site"]:
    """Return the share of variance in the plane of each frequency, for each order.

    NaN where the condition means of a site do not differ.
    """
    count = orders.shape[1]
    total = np.trace(tables, axis1=1, axis2=2)
    flat = tables.reshape(len(tables), -1).T
    angle = 2 * np.pi * np.outer(frequencies, np.arange(count)) / count
    weight = np.where(2 * frequencies == count, 1.0, 2.0)[:, None] / count
    wave = weight * np.cos(angle)
    found = np.empty((len(orders), frequencies.size, len(tables)))
    step = max(1, _BYTES // (8 * count**2))
    for begin in range(0, len(orders), step):
        part = orders[begin : begin + step]
        lag = (part[:, :, None] - part[:, None, :]).reshape(len(part), -1) % count
        for k in range(frequencies.size):
            found[begin : begin + step, k] = wave[k][lag] @ flat
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, found / total, np.nan)


def neighbours(
    tables: Float[Array, "site condition condition"], orders: Int[Array, "order condition"]
) -> Float[Array, "order site"]:
    """Return how many neighbours by angle in two components are neighbours in each order.

    As a share; the components are the two of the largest variance.
    """
    count = orders.shape[1]
    linked = np.zeros(tables.shape)
    for s, table in enumerate(tables):
        values, vectors = np.linalg.eigh(table)
        plane = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0.0))
        ring = np.argsort(np.arctan2(plane[:, 1], plane[:, 0]), kind="stable")
        linked[s, ring, np.roll(ring, -1)] = 1.0
    step = max(1, _BYTES // (8 * count**2))
    found = np.empty((len(orders), len(tables)))
    flat = linked.reshape(len(tables), -1).T
    for begin in range(0, len(orders), step):
        part = orders[begin : begin + step]
        lag = (part[:, :, None] - part[:, None, :]).reshape(len(part), -1) % count
        found[begin : begin + step] = ((lag == 1) | (lag == count - 1)) @ flat
    return found / count
