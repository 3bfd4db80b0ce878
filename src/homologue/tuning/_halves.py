"""How alike the curves of two halves of a recording are, and how alike without tuning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from homologue._typing import Array, Float, Int
from homologue.tuning._placed import Placed
from homologue.tuning._shape import correlation_of_curves, smoothed_rates


def alternate(placed: Placed) -> Int[Array, "cluster"]:
    """Return the half, 0 or 1, of each cluster: every other one, within a label if it has one."""
    cluster, codes = placed.cluster, placed.codes
    half = np.arange(int(cluster.max()) + 1) % 2
    if placed.design.scheme == "between groups":
        # One label a group: alternate among the groups of a label, or a label falls to one half.
        _, first = np.unique(cluster, return_index=True)
        label = codes[first]
        order = np.argsort(label, kind="stable")
        starts = np.searchsorted(label[order], label[order])
        half[order] = (np.arange(order.size) - starts) % 2
    return half


def early_and_late(placed: Placed) -> Int[Array, "cluster"]:
    """Return the half of each cluster: 0 in the first half of the session, 1 in the second."""
    clusters = int(placed.cluster.max()) + 1
    return (np.arange(clusters) >= clusters / 2).astype(np.int64)


def correlation_of_halves(
    placed: Placed, mixing: Float[Array, "bin bin"], half: Int[Array, "cluster"]
) -> Float[Array, "unit"]:
    """Return the correlation between the curves of the clusters with half 0 and half 1."""
    curves = []
    for side in (0, 1):
        inside = half[placed.cluster] == side
        kept = np.where(inside, placed.codes, placed.bins.size)
        sums = placed.sums_of(kept)
        visits = np.bincount(kept, minlength=placed.bins.size)[: placed.bins.size].astype(float)
        curves.append(smoothed_rates(sums[None], visits[None], mixing)[0])
    found = correlation_of_curves(curves[0], curves[1])
    return np.where(placed.tested, found, np.nan)


def null_of_halves(
    placed: Placed,
    mixing: Float[Array, "bin bin"],
    half: Int[Array, "cluster"],
    draws: int,
    rng: np.random.Generator,
) -> tuple[Float[Array, "unit"], Float[Array, "unit"]]:
    """Return mean and standard deviation of that correlation under relabelling.

    The halves keep their samples and the labels move: what slow activity and smoothing make of
    two halves that share no tuning. NaN for units that are not tested.
    """
    seed = int(rng.integers(2**63))
    inside = (half[placed.cluster][:, None] == np.arange(2)).astype(np.float64)
    units = placed.activity.shape[1]
    # Visits of a bin in each half are the sums of a unit that is active in that half throughout.
    visits = [
        np.concatenate([sums for _, sums, _ in _side(placed, inside[:, [s]], 1.0, draws, seed)])
        for s in (0, 1)
    ]
    mean, spread = np.full(units, np.nan), np.full(units, np.nan)
    # The same seed draws the same relabellings for either half.
    sides = [
        _side(placed, placed.activity * inside[:, [s]], placed.step, draws, seed) for s in (0, 1)
    ]
    for (block, first, _), (_, second, _) in zip(*sides, strict=True):
        one, other = (
            smoothed_rates(sums, seen[:, :, 0], mixing)
            for sums, seen in zip((first, second), visits, strict=True)
        )
        # Bins on the first axis, every draw of every unit a curve of its own.
        shape = (one.shape[1], -1)
        found = correlation_of_curves(
            one.swapaxes(0, 1).reshape(shape), other.swapaxes(0, 1).reshape(shape)
        ).reshape(draws, -1)
        known = np.ma.masked_invalid(found)
        mean[block] = np.ma.filled(known.mean(axis=0), np.nan)
        spread[block] = np.ma.filled(known.std(axis=0, ddof=1), np.nan)
    return np.where(placed.tested, mean, np.nan), np.where(placed.tested, spread, np.nan)


def _side(
    placed: Placed, activity: np.ndarray, step: float, draws: int, seed: int
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    return replace(placed, activity=activity, step=step).null_sums(draws, seed)
