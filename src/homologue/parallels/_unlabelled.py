"""Sets of samples without labels, against units made independent of each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from homologue.inference._design import stretches
from homologue.parallels._matched import (
    FINER,
    POOL_UNITS,
    Effort,
    Evidence,
    NotApplicable,
    Sizes,
    Statistic,
    alike,
    centred_at,
    check_units,
    chunks,
    race,
    some_units,
    unit_sets,
)


def unlabelled_evidence(
    recordings: Sequence[xr.DataArray],
    statistic: Statistic,
    *,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator | int,
    pool_groups: int = 256,
    pool_sets: int = 8,
) -> Evidence:
    """Evaluate a statistic of sets of samples × units against units made independent.

    One sample stands for each group. Under the null each unit's values are exchanged on their
    own: rolled along each contiguous stretch of time where a stretch holds several groups, else
    permuted between groups (within blocks that hold several).

    Parameters
    ----------
    recordings : sequence of DataArray
        As in :func:`labelled_evidence`.
    statistic : callable
        Maps (..., sample, unit) to (...).
    sizes, effort, rng
        ``sizes.groups`` is the number of groups in all.
    pool_groups, pool_sets : int
        At most so many groups, and sets of units, are drawn on; bounds the work.

    Raises
    ------
    NotApplicable
        Too few groups or units.
    """
    rng = np.random.default_rng(rng)
    first = recordings[0]
    alike(recordings, None)
    check_units(first, sizes)
    groups, code = np.unique(first["group"].values, return_inverse=True)
    if groups.size < sizes.groups_needed:
        raise NotApplicable(f"{groups.size} groups, the claim needs {sizes.groups_needed}")
    sample = _one_sample_a_group(code, groups.size, rng)
    sample = np.sort(rng.permutation(sample)[:pool_groups])
    columns = some_units(first, POOL_UNITS, rng)
    sets = unit_sets(columns.size, sizes.units, pool_sets, rng)
    pool, column = np.unique(sets, return_inverse=True)
    column = column.reshape(sets.shape)[np.arange(effort.repeats) % pool_sets]
    rows = np.stack(
        [rng.choice(sample.size, sizes.groups, replace=False) for _ in range(effort.repeats)]
    )
    parts = [rec.isel(unit=columns[pool]).values.astype(np.float64) for rec in recordings]
    shuffle, scheme = _unit_exchange(first, sample)

    def evaluate(source: np.ndarray | None, chosen: np.ndarray) -> np.ndarray:
        values = []
        for part in parts:
            if source is None:
                picked = part[sample][chosen[..., None], column[None, :, None, :]]
            else:
                table = part[source, np.arange(pool.size)]
                draw = np.arange(source.shape[0])[:, None, None, None]
                picked = table[draw, chosen[..., None], column[None, :, None, :]]
            values.append(_known_mean(statistic(picked)))
        return np.mean(values, axis=0)

    def finer() -> float:
        """Evaluate the observed on many more sets of samples and units."""
        repeats = FINER * effort.repeats
        units = unit_sets(columns.size, sizes.units, repeats, rng)
        chosen = race(np.ones((1, sample.size)), sizes.groups, rng, repeats)[0]
        tables = [rec.isel(sample=sample, unit=columns).values for rec in recordings]
        values = [
            _known_mean(statistic(table[chosen[..., None], units[:, None, :]].astype(np.float64)))
            for table in tables
        ]
        return float(np.mean(values))

    null = np.concatenate(
        [
            evaluate(shuffle(chunk.stop - chunk.start, pool.size, rng), rows[None])
            for chunk in chunks(effort.permutations)
        ]
    )
    weight = rng.multinomial(sample.size, np.full(sample.size, 1 / sample.size), effort.resamples)
    bootstrap = np.concatenate(
        [
            evaluate(None, race(weight[chunk], sizes.groups, rng, effort.repeats))
            for chunk in chunks(effort.resamples)
        ]
    )
    observed = finer()
    return Evidence(
        observed=observed,
        null=null,
        bootstrap=centred_at(bootstrap, observed),
        n_groups=int(groups.size),
        n_units=first.sizes["unit"],
        n_classes=0,
        scheme=scheme,
    )


def _known_mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis of what is not NaN; NaN where nothing is."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=-1)
    count = known.sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _one_sample_a_group(code: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    order = rng.permutation(code.size)
    chosen = np.zeros(count, dtype=np.int64)
    chosen[code[order]] = order
    return chosen


def _unit_exchange(
    rec: xr.DataArray, sample: np.ndarray
) -> tuple[Callable[[int, int, np.random.Generator], np.ndarray], str]:
    """Return a function that draws source rows (draw, sample, unit), and its name."""
    block = rec["block"].values if "block" in rec.coords else np.zeros(rec.sizes["sample"], int)
    if "time" in rec.coords:
        parts = stretches(rec["time"].values, block)
        group = rec["group"].values
        if any(np.unique(group[part]).size > 1 for part in parts):
            return _rolls(parts, rec.sizes["sample"], sample), "unit-wise rolls"
    inside = block[sample]
    if np.unique(inside, return_counts=True)[1].max() < 2:
        # Every group is a block of its own: the blocks say how labels move, not units.
        inside = np.zeros_like(inside)

    def permute(draws: int, units: int, rng: np.random.Generator) -> np.ndarray:
        source = np.empty((draws, sample.size, units), dtype=np.int64)
        for b in np.unique(inside):
            place = np.flatnonzero(inside == b)
            rows = np.broadcast_to(sample[place][None, :, None], (draws, place.size, units))
            source[:, place] = rng.permuted(rows, axis=1)
        return source

    return permute, "unit-wise permutation of groups"


def _rolls(
    parts: list[np.ndarray], size: int, sample: np.ndarray
) -> Callable[[int, int, np.random.Generator], np.ndarray]:
    stretch = np.zeros(size, dtype=np.int64)
    place = np.zeros(size, dtype=np.int64)
    for number, part in enumerate(parts):
        stretch[part], place[part] = number, np.arange(part.size)
    length = np.array([part.size for part in parts])
    offset = np.concatenate([[0], np.cumsum(length)[:-1]])
    flat = np.concatenate(parts)

    def roll(draws: int, units: int, rng: np.random.Generator) -> np.ndarray:
        shift = (rng.random((draws, len(parts), units)) * length[:, None]).astype(np.int64)
        own = stretch[sample]
        moved = (place[sample][None, :, None] + shift[:, own]) % length[own][None, :, None]
        return flat[offset[own][None, :, None] + moved]

    return roll
