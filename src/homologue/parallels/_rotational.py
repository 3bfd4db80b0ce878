"""Sets of trajectories, against tensors of the same covariances and values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from homologue._typing import Array, Float
from homologue.inference import amplitude_adjusted
from homologue.inference._shifts import stretches
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
    chunks,
    distinct,
    race,
    resampling_scale,
    some_units,
    until_clear,
)
from homologue.population.dynamics._balanced import rotation_share
from homologue.population.dynamics._trajectories import trajectories

TIMES = 20
"""Samples of a trajectory, from its beginning."""

SETS = 32
"""Sets averaged in every draw; shared by the seeds of a twin."""

DRAWS, RESAMPLES = 399, 99
"""At most."""

POOL = 40
"""Trajectories, and units, at most: bounds what surrogates are fitted to."""


def rotational_evidence(
    recordings: Sequence[xr.DataArray],
    *,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator | int,
) -> Evidence:
    """Evaluate the share of a rotation in sets of trajectories × times × units.

    Parameters
    ----------
    recordings : sequence of DataArray
        One, or the seeds of a twin.
    sizes : Sizes
        ``sizes.groups`` is the number of trajectories in a set, one a group.
    effort : Effort
    rng : numpy Generator or int

    Raises
    ------
    NotApplicable
        Too few trajectories or units, or none: a trajectory is a trial (``trial`` and ``lag``),
        the first tokens of a text (``position``), or a group's stretch of ``time``.
    InvalidDesign
        As :func:`homologue.population.rotations`.

    Notes
    -----
    A trajectory is the first 20 samples, as jPCA takes 200 ms from movement onset [1]_; how
    long a sample is differs between systems: 10 ms of a reach, an hour of weather, a token.
    Surrogates [2]_ are fitted once to (at most 40 × 40) trajectories and units, and every one is
    cut into the same sets as the observed; they have the data's covariances, as measured, and
    each unit's values [3]_. A sequence rotates as well.

    References
    ----------
    .. [1] Churchland et al. 2012, Nature 487:51, doi:10.1038/nature11129
    .. [2] Elsayed & Cunningham 2017, Nat. Neurosci. 20:1310, doi:10.1038/nn.4617
    .. [3] Schreiber & Schmitz 1996, Phys. Rev. Lett. 77:635, doi:10.1103/PhysRevLett.77.635
    """
    rng = np.random.default_rng(rng)
    first = recordings[0]
    alike(recordings, None)
    check_units(first, sizes)
    columns = some_units(first, POOL_UNITS, rng)
    seed = int(rng.integers(2**31))
    paths = [_paths(rec.isel(unit=columns), np.random.default_rng(seed)) for rec in recordings]
    n_groups = paths[0].shape[0]
    if n_groups < sizes.groups_needed:
        raise NotApplicable(
            f"{n_groups} groups have a trajectory of {TIMES} samples, the claim needs "
            f"{sizes.groups_needed}"
        )
    if n_groups > POOL:
        some = np.sort(rng.choice(n_groups, POOL, replace=False))
        paths, n_groups = [path[some] for path in paths], POOL
    parts = [_part(path, sizes.units, rng) for path in paths]
    sets = max(min(SETS, effort.repeats) // len(recordings), 1)
    rows = race(np.ones((1, n_groups)), sizes.groups, rng, sets)
    units = [distinct(part.shape[2], sizes.units, sets, rng) for part in parts]
    pairs = list(zip(parts, units, strict=True))
    tested = float(_of_all(pairs, rows)[0])
    nulls = [_null(part, rows, chosen, rng) for part, chosen in pairs]
    null = until_clear(
        lambda number: np.mean([draw(number) for draw in nulls], axis=0),
        tested,
        min(effort.permutations, DRAWS),
    )
    resamples = min(effort.resamples, RESAMPLES)
    weight = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), resamples)
    bootstrap = np.concatenate(
        [
            _of_all(pairs, race(weight[chunk], sizes.groups, rng, sets))
            for chunk in chunks(resamples)
        ]
    )
    finer = race(np.ones((1, n_groups)), sizes.groups, rng, FINER * sets)
    more = [(part, distinct(part.shape[2], sizes.units, FINER * sets, rng)) for part in parts]
    observed = float(_of_all(more, finer)[0])
    return Evidence(
        observed=observed,
        null=null,
        bootstrap=centred_at(bootstrap, observed, resampling_scale(n_groups, sizes.groups)),
        n_groups=int(np.unique(first["group"].values).size),
        n_units=first.sizes["unit"],
        n_classes=0,
        scheme="amplitude-adjusted tensors with the covariances of the trajectories",
        tested=tested,
    )


def _part(
    paths: Float[Array, "trajectory time unit"], units: int, rng: np.random.Generator
) -> Float[Array, "trajectory time unit"]:
    """Return trajectories about their mean, of some units, scaled as jPCA does.

    Units are divided by their deviation plus that of the median unit: the loud do not decide
    alone, and the silent are not blown up.
    """
    spread = paths.std(axis=(0, 1))
    about = paths - paths.mean(axis=0)
    varies = about.std(axis=(0, 1)) > 1e-7 * np.abs(paths).max(axis=(0, 1)) + 1e-300
    if varies.sum() < units:
        raise NotApplicable(f"{int(varies.sum())} units vary, the claim needs {units}")
    scaled = (about / (spread + np.median(spread[varies])))[:, :, varies]
    return scaled[:, :, rng.permutation(scaled.shape[2])[:POOL]]


def _of_all(pairs: Sequence[tuple[np.ndarray, np.ndarray]], rows: np.ndarray) -> np.ndarray:
    """Return the mean over recordings and sets of trajectories, (draw, set, trajectory)."""
    return np.asarray(np.mean([_of(part[None], rows, chosen) for part, chosen in pairs], axis=0))


def _of(
    tensors: Float[Array, "tensor trajectory time unit"], rows: np.ndarray, units: np.ndarray
) -> Float[Array, "draw"]:
    """Return the mean over sets of one tensor, for each draw of rows; or of each tensor."""
    total = np.zeros(max(tensors.shape[0], rows.shape[0]))
    for k, chosen in enumerate(units):
        cut = tensors[:, rows[0, k]] if rows.shape[0] == 1 else tensors[0, rows[:, k]]
        total += rotation_share(cut[..., chosen])
    return total / len(units)


def _null(
    part: np.ndarray, rows: np.ndarray, units: np.ndarray, rng: np.random.Generator
) -> Callable[[int], Float[Array, "draw"]]:
    """Return what draws the same sets' mean in surrogates of all trajectories."""
    fitted = amplitude_adjusted(part, rng=rng)
    return lambda number: _of(fitted.draw(number, rng=rng), rows, units)


def _paths(rec: xr.DataArray, rng: np.random.Generator) -> Float[Array, "trajectory time unit"]:
    """Return one trajectory a group, cut into steps."""
    if "trial" in rec.coords and "lag" in rec.coords:
        found = trajectories(rec, None, fewest_times=TIMES)
        order = rng.permutation(found.group.size)
        kept = order[np.unique(found.group[order], return_index=True)[1]]
        return np.asarray(found.activity[kept][:, :TIMES])
    if not rec.attrs.get("simultaneous", 1):
        raise NotApplicable("units were not recorded simultaneously, and no trials are averaged")
    _, group = np.unique(rec["group"].values, return_inverse=True)
    if "position" in rec.coords and "stimulus" in rec.coords:
        pieces = _texts(rec["stimulus"].values, rec["position"].values, rng)
    elif "time" in rec.coords:
        block = rec["block"].values if "block" in rec.coords else None
        pieces = [
            part[group[part] == g]
            for part in stretches(rec["time"].values, block)
            for g in np.unique(group[part])
        ]
    else:
        raise NotApplicable("no trajectories: neither trials in time, nor a series, nor positions")
    first = {int(group[piece[0]]): piece for piece in reversed(pieces) if piece.size >= TIMES}
    if not first:
        raise NotApplicable(f"no group has {TIMES} samples one after the other")
    rows = np.stack([first[g][:TIMES] for g in sorted(first)])
    return rec.values[rows].astype(np.float64)


def _texts(
    stimulus: np.ndarray, position: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """Return the rows of each text in order, texts in random order."""
    order = np.lexsort((position, stimulus))
    parts = np.split(order, np.flatnonzero(np.diff(stimulus[order])) + 1)
    return [parts[k] for k in rng.permutation(len(parts))]
