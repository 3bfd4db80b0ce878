"""Demixed principal components: which variable, or which of them together, moves the population."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import max_t, p_value, result
from homologue.inference._labelled import labelled_design
from homologue.population.components._streamed import together
from homologue.recording import classes, unstack, validate, variable

_CELL = "cell of the variables"
_BYTES = 64 * 2**20
_RIDGES = np.concatenate([[0.0], np.geomspace(1e-6, 10.0, 15)])
_FOLDS = 5


@dataclass(frozen=True)
class _Trials:
    """Activity (trial, time, unit), the cell of each, and the levels that make a cell."""

    activity: Any
    cell: Any
    levels: Any
    row: Any


def demixed_components(
    rec: xr.DataArray,
    variables: str | Sequence[str],
    *,
    rng: np.random.Generator | int,
    components: int = 3,
    permutations: int = 199,
) -> xr.Dataset:
    """Split what varies over declared variables into marginalisations, each with its axes.

    Means over the cells of the variables are split as in an analysis of variance; for each part
    the reduced-rank map that gives it back from the single trials is found, with a ridge chosen
    on held-out trials [1]_. With ``trial`` and ``lag`` time is a variable: each part is joined
    with its interaction with time.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN, whose units were recorded together.
    variables : str or sequence of str
        One to three categorical variables, constant within a trial; every combination occurs
        twice or more.
    rng : numpy Generator or int
    components : int
        Axes of each marginalisation.
    permutations : int
        Of the cells' labels, by the design's rule.

    Returns
    -------
    xarray.Dataset
        On ``marginalisation`` (variables joined by ``" × "``): ``effect``, its share of the
        variance of all trials, ``low``/``high`` (95 %, jackknife over blocks of groups),
        ``null_mean``, ``null_std``, ``p``, ``q`` (max-T over marginalisations, of effects
        standardised by their null), ``n`` (groups). ``share_of_means``, of the variance of cell
        means; ``time_share`` of what all cells share (0 without time). ``decoder`` and
        ``encoder`` (marginalisation, component, unit), ``explained`` (share of its
        marginalisation's variance), ``ridge``; ``score`` (marginalisation, component, cell,
        time).

    Raises
    ------
    InvalidDesign
        A combination that does not occur twice, more than three variables, a variable that
        changes within a trial, units never recorded together, too few arrangements.
    InvalidRecording, UnknownName
        NaN; no such variable.

    Notes
    -----
    The null permutes all labels at once: of a marginalisation beside a strong one it is too
    wide, and the test conservative. Cells weigh equally, whatever their number of trials.
    Fails where variables are correlated by design (empty cells) and where trials' noise is
    larger than what is demixed: then the ridge is at its end.

    References
    ----------
    .. [1] Kobak et al. 2016, eLife 5:e10989, doi:10.7554/eLife.10989

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make, variable
    >>> source = np.random.default_rng(0)
    >>> tone, choice = np.tile([0, 1, 2], 40), np.repeat([0, 1], 60)
    >>> axes = source.normal(size=(2, 8))
    >>> activity = np.outer(tone - 1, axes[0]) + np.outer(choice, axes[1])
    >>> rec = make(activity + source.normal(size=(120, 8)),
    ...            variables={"tone": tone, "choice": choice})
    >>> found = demixed_components(rec, ["tone", "choice"], rng=0, permutations=99)
    >>> dict(zip(found.marginalisation.values.tolist(), (found.q < 0.05).values.tolist()))
    {'tone': True, 'choice': True, 'tone × choice': False}
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    if not 1 <= len(names) <= 3 or len(set(names)) != len(names):
        raise InvalidDesign(f"one to three different variables are demixed; given {names}")
    together(rec)
    validate(rec, needs=names)
    generator = np.random.default_rng(rng)
    trials = _trials(rec, names)
    shape = tuple(int(k) for k in trials.levels)
    parts = _marginalisations(shape)
    labels = [" × ".join(names[k] for k in part) for part in parts]
    projections = np.stack([_projection(shape, part) for part in parts])
    cells = [str(k) for k in range(int(np.prod(shape)))]
    joint = rec.assign_coords({_CELL: variable(_joint(rec, names), categories=cells)})
    design = labelled_design(joint, _CELL)
    flat = trials.activity.reshape(trials.activity.shape[0], -1)
    flat = flat - flat.mean(axis=0)
    observed = _shares(flat, trials.cell[None], projections)[0]
    draws = design.design.draw(permutations, generator)[:, trials.row]
    null = _shares(flat, design.codes[draws], projections)
    scale = np.maximum(null.std(axis=0), 1e-300)
    q = max_t((observed - null.mean(axis=0)) / scale, (null - null.mean(axis=0)) / scale)
    groups = design.group[trials.row]
    low, high = _jackknife(flat, trials.cell, groups, projections, generator)
    means = _means(trials.activity, trials.cell, projections.shape[1])
    decoded = _decoders(trials, means, projections, components, generator)
    between = means - means.mean(axis=(0, 1))
    total = max(float((between**2).sum()), 1e-300)
    part_means = np.einsum("pcd,dtu->pctu", projections, means)
    common = means.mean(axis=0) - means.mean(axis=(0, 1))
    data = result(
        effect=observed, low=low, high=high, null=null, p=p_value(observed, null), q=q,
        n=int(groups.max()) + 1, dims=("marginalisation",), coords={"marginalisation": labels},
        attrs={
            "analysis": "population.demixed_components",
            "method": "marginalised cell means, reduced-rank regression with a held-out ridge",
            "null": design.attrs["null"], "family": "max-T over marginalisations",
            "interval": "95 %, jackknife over blocks of groups", "permutations": permutations,
            "variables": ", ".join(names), "n_trials": flat.shape[0], "n_cells": means.shape[0],
        },
    )  # fmt: skip
    axes = ("marginalisation", "component")
    return data.assign(
        share_of_means=("marginalisation", (part_means**2).sum(axis=(1, 2, 3)) / total),
        time_share=float((common**2).sum() * means.shape[0] / total),
        decoder=((*axes, "unit"), decoded["decoder"]),
        encoder=((*axes, "unit"), decoded["encoder"]),
        explained=(axes, decoded["explained"]),
        ridge=("marginalisation", decoded["ridge"]),
        score=((*axes, "cell", "time"), np.einsum("pku,ctu->pkct", decoded["decoder"], between)),
    ).assign_coords(unit=rec["unit"].values)


def _joint(rec: xr.DataArray, names: list[str]) -> np.ndarray:
    code = np.zeros(rec.sizes["sample"], dtype=np.int64)
    for name in names:
        values, found = classes(rec, name)
        if (values < 0).any():
            raise InvalidDesign(
                f"{int((values < 0).sum())} samples have no {name!r}; demixing needs every label: "
                "leave those samples out"
            )
        if len(found) < 2:
            raise InvalidDesign(f"{name!r} has {len(found)} class; at least 2 are compared")
        code = code * len(found) + values
    return code


def _trials(rec: xr.DataArray, names: list[str]) -> _Trials:
    code = _joint(rec, names)
    levels = np.array([len(classes(rec, name)[1]) for name in names])
    if "trial" in rec.coords and "lag" in rec.coords:
        whole = unstack(rec)
        kept = whole["recorded"].values.all(axis=0)
        if not kept.any():
            raise InvalidDesign("the trials have no time in common; cut them to one window")
        activity = whole.values[:, kept].astype(np.float64)
        _, first, row = np.unique(rec["trial"].values, return_index=True, return_inverse=True)
        if (code != code[first][row]).any():
            raise InvalidDesign(f"{' or '.join(names)} changes within a trial")
        cell, place = code[first], first
    else:
        activity = rec.values.astype(np.float64)[:, None]
        cell, place = code, np.arange(code.size)
    count = np.bincount(cell, minlength=int(np.prod(levels)))
    if (count < 2).any():
        raise InvalidDesign(
            f"{int((count < 2).sum())} of {count.size} combinations of {', '.join(names)} occur "
            "fewer than twice; marginalisation needs a full table: drop classes or a variable"
        )
    return _Trials(activity, cell, levels, place)


def _marginalisations(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    axes = range(len(shape))
    return [part for size in range(1, len(shape) + 1) for part in combinations(axes, size)]


def _projection(shape: tuple[int, ...], part: tuple[int, ...]) -> Float[Array, "cell cell"]:
    """Return the projection on an effect: centred over its own variables, averaged over others."""
    out = np.ones((1, 1))
    for axis, size in enumerate(shape):
        mean = np.full((size, size), 1 / size)
        out = np.kron(out, np.eye(size) - mean if axis in part else mean)
    return out


def _means(activity: np.ndarray, cell: np.ndarray, cells: int) -> Float[Array, "cell time unit"]:
    sums = np.zeros((cells, *activity.shape[1:]))
    np.add.at(sums, cell, activity)
    return sums / np.maximum(np.bincount(cell, minlength=cells), 1)[:, None, None]


def _shares(
    flat: np.ndarray, cells: np.ndarray, projections: np.ndarray
) -> Float[Array, "draw marginalisation"]:
    """Return the mean square of each part over that of all trials, of many labellings."""
    count = projections.shape[1]
    total = max(float((flat**2).sum()) / flat.shape[0], 1e-300)
    at_once = max(1, _BYTES // (8 * count * max(flat.shape)))
    found = np.empty((len(cells), len(projections)))
    for start in range(0, len(cells), at_once):
        block = cells[start : start + at_once]
        member = (block[:, None, :] == np.arange(count)[:, None]).astype(np.float64)
        size = np.maximum(member.sum(axis=2), 1)
        means = (member.reshape(-1, flat.shape[0]) @ flat).reshape(len(block), count, -1)
        means /= size[:, :, None]
        gram = means @ np.swapaxes(means, 1, 2)
        # ‖P M‖² = tr(P M Mᵀ), P being a projection.
        found[start : start + at_once] = np.einsum("pcd,bdc->bp", projections, gram) / count
    return found / total


def _jackknife(
    flat: np.ndarray, cell: np.ndarray, group: np.ndarray, projections: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    groups = int(group.max()) + 1
    blocks = min(20, groups)
    nothing = np.full(len(projections), np.nan)
    if blocks < 5:
        return nothing, nothing
    member = (rng.permutation(groups) % blocks)[group]
    count = projections.shape[1]
    left = []
    for k in range(blocks):
        kept = member != k
        if np.bincount(cell[kept], minlength=count).min() == 0:
            continue
        part = flat[kept] - flat[kept].mean(axis=0)
        left.append(_shares(part, cell[kept][None], projections)[0])
    if len(left) < 5:
        return nothing, nothing
    error = np.sqrt((len(left) - 1) * np.var(left, axis=0))
    estimate = _shares(flat, cell[None], projections)[0]
    return np.maximum(estimate - 1.96 * error, 0), np.minimum(estimate + 1.96 * error, 1)


def _decoders(
    trials: _Trials, means: np.ndarray, projections: np.ndarray, components: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:  # fmt: skip
    units = means.shape[2]
    rank = min(components, units)
    if components < 1:
        raise HomologueError(f"components is a positive number; given {components}")
    fold = np.empty(trials.cell.size, dtype=np.int64)
    for k in np.unique(trials.cell):
        members = np.flatnonzero(trials.cell == k)
        fold[members] = rng.permutation(members.size) % _FOLDS
    errors = np.zeros((len(projections), _RIDGES.size))
    for k in range(_FOLDS):
        train, test = fold != k, fold == k
        held = np.unique(trials.cell[test])
        if np.bincount(trials.cell[train], minlength=means.shape[0]).min() == 0:
            continue
        mean = _means(trials.activity[train], trials.cell[train], means.shape[0])
        centre = mean.mean(axis=(0, 1))
        other = _means(trials.activity[test], trials.cell[test], means.shape[0]) - centre
        noise = _noise(trials, mean, train)
        for p, projection in enumerate(projections):
            part = np.einsum("cd,dtu->ctu", projection, mean)
            maps = _maps(part, mean - centre, noise, rank, _RIDGES)
            target = part[held].reshape(-1, units)
            seen = other[held].reshape(-1, units)
            for r, (decoder, encoder) in enumerate(maps):
                errors[p, r] += ((target - seen @ decoder.T @ encoder) ** 2).sum()
    chosen = _RIDGES[errors.argmin(axis=1)]
    centred = means - means.mean(axis=(0, 1))
    noise = _noise(trials, means, np.ones(trials.cell.size, dtype=bool))
    found: dict[str, list[np.ndarray]] = {"decoder": [], "encoder": [], "explained": []}
    for projection, ridge in zip(projections, chosen, strict=True):
        part = np.einsum("cd,dtu->ctu", projection, means)
        decoder, encoder = _maps(part, centred, noise, rank, np.array([ridge]))[0]
        flat, target = centred.reshape(-1, units), part.reshape(-1, units)
        size = max(float((target**2).sum()), 1e-300)
        each = [
            1 - ((target - np.outer(flat @ d, e)) ** 2).sum() / size
            for d, e in zip(decoder, encoder, strict=True)
        ]
        found["decoder"].append(decoder)
        found["encoder"].append(encoder)
        found["explained"].append(np.array(each))
    return {name: np.stack(value) for name, value in found.items()} | {"ridge": chosen}


def _noise(trials: _Trials, mean: np.ndarray, kept: np.ndarray) -> Float[Array, "unit unit"]:
    """Return the covariance of single trials about their cells, cells weighing equally."""
    cell = trials.cell[kept]
    rest = trials.activity[kept] - mean[cell]
    weight = 1 / np.bincount(cell, minlength=mean.shape[0])[cell]
    flat = (rest * np.sqrt(weight)[:, None, None]).reshape(-1, rest.shape[2])
    return np.asarray(flat.T @ flat)


def _maps(
    part: np.ndarray, centred: np.ndarray, noise: np.ndarray, rank: int, ridges: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return decoders and encoders, (component, unit), of reduced-rank regression per ridge.

    The ridge is relative to the total variance of what the map sees.
    """
    units = part.shape[2]
    target, seen = part.reshape(-1, units), centred.reshape(-1, units)
    value, vector = np.linalg.eigh(seen.T @ seen + noise)
    value = np.maximum(value, 0.0)
    cross = (target.T @ seen) @ vector
    found = []
    for ridge in ridges:
        level = value + ridge * value.sum() / units + 1e-12 * value[-1] + 1e-300
        full = cross / level
        # A C Aᵀ, C what the map sees (noise and ridge with it): its leading eigenvectors.
        _, turn = np.linalg.eigh(full @ (level[:, None] * full.T))
        encoder = turn[:, ::-1][:, :rank].T
        found.append((encoder @ full @ vector.T, encoder))
    return found
