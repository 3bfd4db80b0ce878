"""Sets of samples that make a cloud, against clouds of units made independent of each other.

A loop needs many samples, more than most recordings have groups: a set takes up to ten samples
of a group. Where there are as many groups as samples are needed, one sample stands for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from homologue._typing import Array, Int, Num
from homologue.inference import unit_exchange
from homologue.inference._unit_exchange import SHIFTED, UnitExchange
from homologue.parallels._matched import (
    FINER,
    POOL_UNITS,
    Effort,
    Evidence,
    NotApplicable,
    Sizes,
    alike,
    centred_at,
    check_units,
    distinct,
    resampling_scale,
    some_units,
    until_clear,
    waiting_times,
)
from homologue.population.cycles._balanced import COMPONENTS, longest_loop
from homologue.population.cycles._cloud import Units, prepare
from homologue.population.cycles._timing import drifts, timing

CAP = 10
"""Samples of one group in a set, at most."""

SETS, RESAMPLED_SETS = 3, 6
"""Sets averaged in every draw of the null, and of the bootstrap; shared by the seeds of a twin."""

DRAWS, RESAMPLES = 399, 99
"""At most; a set costs a millisecond."""

_CHUNK = 32
_WITHIN = "units permuted within groups, each on its own"

Draw = Callable[[int], Int[Array, "draw row unit"]]


def cyclic_evidence(
    recordings: Sequence[xr.DataArray],
    *,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator | int,
) -> Evidence:
    """Evaluate the longest loop of sets of samples × units against independent units.

    Parameters
    ----------
    recordings : sequence of DataArray
        One, or the seeds of a twin.
    sizes : Sizes
        A set has ``CAP * sizes.groups`` samples, at most ``CAP`` of a group.
    effort : Effort
        Bounded by :data:`DRAWS`, :data:`RESAMPLES` and :data:`SETS`.
    rng : numpy Generator or int

    Raises
    ------
    NotApplicable
        Too few samples, groups or units; units that were not recorded together, unless every
        stimulus has one sample; a series too short for its null, or one whose leading
        components are no more than a drift (whatever its loop: this is asked beforehand).

    Notes
    -----
    Exchanged are windows of time, groups, or samples within groups, as
    :func:`homologue.inference.unit_exchange` and :func:`homologue.population.cycles.find` have
    it. Null draws end after 99 where ten of them reach the observed. The interval is that of
    sets drawn from resampled groups, each with landmarks of its own; persistence is no linear
    statistic, and what a set takes is scaled as if it were.
    """
    rng = np.random.default_rng(rng)
    first = recordings[0]
    alike(recordings, None)
    check_units(first, sizes)
    _joint(first)
    columns = some_units(first, POOL_UNITS, rng)
    prepared = [prepare(rec.isel(unit=columns), condition_means=True) for rec in recordings]
    for rec, each in zip(recordings, prepared, strict=True):
        if each.values.shape[1] < sizes.units:
            raise NotApplicable(f"{each.values.shape[1]} units vary, the claim needs {sizes.units}")
        _not_a_drift(rec, each, rng)
    pool = _pool(first, sizes, rng)
    sets, resampled = (
        max(min(number, effort.repeats) // len(recordings), 1) for number in (SETS, RESAMPLED_SETS)
    )
    size = CAP * sizes.groups

    def units_of(number: int) -> list[np.ndarray]:
        return [distinct(u.values.shape[1], sizes.units, number, rng) for u in prepared]

    def observed_on(rows: np.ndarray, units: list[np.ndarray]) -> np.ndarray:
        """Return the mean over sets, rows (draw, set, sample)."""
        found = [
            longest_loop(each.values[pool.rows[rows][..., None], chosen[None, :, None]])
            for each, chosen in zip(prepared, units, strict=True)
        ]
        return np.asarray(np.mean(found, axis=0).mean(axis=-1))

    rows, units = pool.sets(np.ones((1, pool.groups)), sets, size, rng), units_of(sets)
    tested = float(observed_on(rows, units)[0])
    places, row = np.unique(rows[0], return_inverse=True)
    row = row.reshape(rows[0].shape)
    draw = pool.draws(places, sets * sizes.units, rng)

    def null_of(number: int) -> np.ndarray:
        source = draw(number)
        column = np.arange(sets * sizes.units).reshape(sets, 1, sizes.units)
        picked = source[:, row[..., None], column]
        found = [
            longest_loop(each.values[picked, chosen[None, :, None]])
            for each, chosen in zip(prepared, units, strict=True)
        ]
        return np.asarray(np.mean(found, axis=0).mean(axis=-1))

    null = until_clear(null_of, tested, min(effort.permutations, DRAWS))
    resamples = min(effort.resamples, RESAMPLES)
    weight = rng.multinomial(pool.groups, np.full(pool.groups, 1 / pool.groups), resamples)
    bootstrap = np.concatenate(
        [
            observed_on(pool.sets(some, resampled, size, rng), units_of(resampled))
            for some in np.array_split(weight, -(-resamples // _CHUNK))
        ]
    )
    finer = FINER * sets
    observed = float(
        observed_on(pool.sets(np.ones((1, pool.groups)), finer, size, rng), units_of(finer))[0]
    )
    scale = resampling_scale(pool.groups, pool.taken(size))
    return Evidence(
        observed=observed,
        null=null,
        bootstrap=centred_at(bootstrap, observed, scale),
        n_groups=int(np.unique(first["group"].values).size),
        n_units=first.sizes["unit"],
        n_classes=0,
        scheme=pool.scheme,
        tested=tested,
    )


def _joint(rec: xr.DataArray) -> None:
    """Refuse units that were never recorded together, unless samples are condition means."""
    if rec.attrs.get("simultaneous", 1):
        return
    stimulus = rec["stimulus"].values if "stimulus" in rec.coords else np.zeros(0)
    if np.unique(stimulus).size != rec.sizes["sample"]:
        raise NotApplicable(
            "units were not recorded simultaneously, and samples are no condition means"
        )


def _not_a_drift(rec: xr.DataArray, units: Units, rng: np.random.Generator) -> None:
    tested = timing(units, COMPONENTS)
    if not tested.usable:
        raise NotApplicable(tested.reason)
    if drifts(rec, tested, rng):
        raise NotApplicable(
            f"slow cosines of the clock are {tested.cosines:.0%} of its leading components: a "
            "loop would be a phantom, the arc that any drift draws"
        )


@dataclass(frozen=True)
class _Pool:
    """Samples that may stand in a set, by group, and how units are moved among them.

    Attributes
    ----------
    rows : array of int, shape (place,)
        Samples.
    group : array of int, shape (place,)
        Numbered from 0.
    scheme : str
    exchange : UnitExchange or None
        Of the places; None where samples are permuted within groups.
    """

    rows: Int[Array, "place"]
    group: Int[Array, "place"]
    scheme: str
    exchange: UnitExchange | None

    @property
    def groups(self) -> int:
        return int(self.group.max()) + 1

    def taken(self, size: int) -> int:
        """Return how many groups a set has a share of."""
        each = np.minimum(np.bincount(self.group), CAP).mean()
        return min(int(np.ceil(size / each)), self.groups)

    def sets(
        self, weight: Num[Array, "draw group"], repeats: int, size: int, rng: np.random.Generator
    ) -> Int[Array, "draw repeat size"]:
        """Return places in random order, groups as often as they weigh, each sample once."""
        order = np.argsort(self.group, kind="stable")
        number = np.bincount(self.group)
        start = np.cumsum(number) - number
        chosen = np.empty((weight.shape[0], repeats, size), dtype=np.int64)
        ranked = np.argsort(waiting_times(weight, repeats, rng), axis=-1)
        for index in np.ndindex(weight.shape[0], repeats):
            parts, lacking = [], size
            for group in ranked[index]:
                take = min(int(number[group]), CAP, lacking)
                some = rng.choice(number[group], take, replace=False) if number[group] > 1 else 0
                parts.append(np.atleast_1d(order[start[group] + some]))
                lacking -= take
                if not lacking:
                    break
            chosen[index] = rng.permutation(np.concatenate(parts))
        return chosen

    def draws(self, places: Int[Array, "_"], units: int, rng: np.random.Generator) -> Draw:
        """Return what draws, under the null, the samples that units take their values from."""
        exchange = self.exchange
        if exchange is not None and exchange.scheme == SHIFTED:
            among = exchange.among(places)
            return lambda number: among.draw(number, units, rng=rng)
        if exchange is not None:
            # Places and groups are the same here, one sample each.
            return lambda number: self.rows[exchange.draw(number, units, rng=rng)[:, places]]

        def within(number: int) -> np.ndarray:
            key = self.group[:, None] + rng.random((number, self.group.size, units))
            return self.rows[np.argsort(key, axis=1)[:, places]]

        return within


def _pool(rec: xr.DataArray, sizes: Sizes, rng: np.random.Generator) -> _Pool:
    needed = sizes.groups_needed * CAP
    _, code = np.unique(rec["group"].values, return_inverse=True)
    given = {name: rec[name].values for name in ("block", "time") if name in rec.coords}
    exchange = unit_exchange(code, trials=True, **given)
    if exchange.scheme == SHIFTED:
        group = np.unique(code[exchange.rows], return_inverse=True)[1]
        return _enough(_Pool(exchange.rows, group, exchange.scheme, exchange), needed)
    groups = int(code.max()) + 1
    if groups >= needed:
        order = rng.permutation(code.size)
        sample = order[np.unique(code[order], return_index=True)[1]]
        return _Pool(sample, np.arange(groups), exchange.scheme, exchange)
    follows = next((name for name in ("lag", "position") if name in rec.coords), None)
    if follows and groups < code.size:
        raise NotApplicable(
            f"{groups} groups, the claim needs {needed}: samples of a group follow each other "
            f"({follows}), and cannot be exchanged"
        )
    order = np.argsort(code, kind="stable")
    return _enough(_Pool(order, code[order], _WITHIN, None), needed)


def _enough(pool: _Pool, needed: int) -> _Pool:
    offered = int(np.minimum(np.bincount(pool.group), CAP).sum())
    if offered < needed:
        raise NotApplicable(
            f"{offered} samples, at most {CAP} of each of {pool.groups} groups; the claim needs "
            f"{needed}"
        )
    return pool
