"""Sets of labelled samples: observed, relabelled and resampled alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import xarray as xr

from homologue.inference._design import Design, exchangeability
from homologue.parallels._matched import (
    CHUNK,
    FINER,
    POOL_GROUPS,
    POOL_UNITS,
    POOL_UNITS_WITHIN,
    Effort,
    Evidence,
    NotApplicable,
    Sizes,
    alike,
    centred_at,
    check_units,
    chunks,
    class_sets,
    distinct,
    in_order,
    race,
    resampling_scale,
    some_units,
    waiting_times,
)
from homologue.recording import blocks, classes


def labelled_evidence(
    recordings: Sequence[xr.DataArray],
    variable: str,
    statistic: Callable[..., np.ndarray],
    *,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator | int,
    circular: bool = False,
    other_wordings: bool = False,
) -> Evidence:
    """Evaluate a statistic of balanced sets, its label-permutation null and its bootstrap.

    Parameters
    ----------
    recordings : sequence of DataArray
        One, or several of the same samples (the seeds of an untrained twin), whose statistics
        are averaged draw by draw.
    variable : str
        The stimulus variable.
    statistic : callable
        Maps (..., class, group, unit) to (...).
    sizes, effort
        Sizes the statistic sees, and the number of draws.
    rng : numpy Generator or int
        Source of every draw.
    circular : bool
        Call ``statistic(activity, angle)`` with the angle of each class, radians, shape
        (repeat, class): the variable declares a period.
    other_wordings : bool
        Read the even replicates of a set (half A of a split-half statistic) in half of the
        wordings, and the odd ones in the others. A wording is a variable on ``sample`` that
        declares ``quantity="wording"``; it counts where every group was recorded in both
        halves, and labels are exchanged between groups.

    Returns
    -------
    Evidence

    Raises
    ------
    NotApplicable
        Too few classes, groups or units for the claim's sizes.
    InvalidDesign
        Fewer than 20 distinct arrangements.

    Notes
    -----
    The null is the recording's own design's [1]_ and fails where that is declared wrongly
    (:func:`homologue.inference.exchangeability`). The interval resamples groups, spread to what
    fresh groups would give (:func:`homologue.parallels._matched.resampling_scale`); near the
    fewest groups allowed it is as wide as it is uncertain, and it says nothing of units or
    stimuli that were not recorded.

    References
    ----------
    .. [1] Winkler et al. 2015, NeuroImage 123:253, doi:10.1016/j.neuroimage.2015.05.092
    """
    rng = np.random.default_rng(rng)
    first = recordings[0]
    check_units(first, sizes)
    alike(recordings, variable)
    codes, _ = classes(first, variable)
    group = first["group"].values
    usable = _usable_classes(codes, group, sizes)
    keep = np.flatnonzero(np.isin(codes, usable))
    label = np.searchsorted(usable, codes[keep])
    _, group_code = np.unique(group[keep], return_inverse=True)
    n_groups = int(group_code.max()) + 1
    design = _design(first, keep, label, group_code)
    between = design.scheme == "between groups"
    if between:
        chosen = _some_groups(label, group_code, rng)
        if chosen.size < keep.size:
            keep, label = keep[chosen], label[chosen]
            _, group_code = np.unique(group_code[chosen], return_inverse=True)
            design = _design(first, keep, label, group_code)
    columns = some_units(first, POOL_UNITS if between else POOL_UNITS_WITHIN, rng)
    read = _group_means if between else _rows
    sides = _wordings(first, keep, group_code) if other_wordings and between else [keep >= 0]
    parts = tuple(
        np.concatenate([read(rec, keep[side], group_code[side], columns) for side in sides])
        for rec in recordings
    )
    # Means in the second half of the wordings stand below those in the first.
    count = int(group_code.max()) + 1
    shift = np.arange(sizes.groups) % len(sides) * count
    setup = Setup(label, group_code, parts, design, sizes)
    sampler = _between if between else _within
    angle = _angles(first[variable], codes, usable) if circular else None

    def evaluated(effort: Effort, source: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
        units = distinct(columns.size, sizes.units, effort.repeats, source)

        def value(batch: Batch) -> tuple[str, np.ndarray]:
            role, tables, rows, chosen = batch
            also = () if angle is None else (angle[chosen],)
            values = [
                statistic(_gather(table, rows + shift, units), *also).mean(axis=1)
                for table in tables
            ]
            return role, np.mean(values, axis=0)

        return in_order(value, sampler(setup, effort, source))

    coarse, fine = rng.spawn(2)
    found: dict[str, list[np.ndarray]] = {"observed": [], "null": [], "bootstrap": []}
    for role, values in evaluated(effort, coarse):
        found[role].append(values)
    once = Effort(permutations=1, resamples=1, repeats=FINER * effort.repeats)
    _, estimate = next(iter(evaluated(once, fine)))
    return Evidence(
        observed=float(estimate[0]),
        null=np.concatenate(found["null"]),
        bootstrap=centred_at(
            np.concatenate(found["bootstrap"]), float(estimate[0]), _scale(setup, between=between)
        ),
        n_groups=n_groups,
        n_units=first.sizes["unit"],
        n_classes=int(usable.size),
        scheme=design.scheme,
        tested=float(found["observed"][0][0]),
    )


def _angles(labels: xr.DataArray, codes: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return the mean angle of each class, radians."""
    turn = np.exp(2j * np.pi * labels.values / labels.attrs["period"])
    return np.array([np.angle(turn[codes == c].mean()) for c in usable])


def _scale(setup: Setup, *, between: bool) -> float:
    """Return the mean over classes of :func:`resampling_scale`."""
    count, width = int(setup.group.max()) + 1, int(setup.label.max()) + 1
    held = np.zeros((count, width), dtype=bool)
    held[setup.group, setup.label] = True
    groups = held.sum(axis=0) if between else np.array([count])
    scales = [resampling_scale(int(n), setup.sizes.groups) for n in groups]
    return float(np.sqrt(np.mean(np.square(scales))))


def _some_groups(label: np.ndarray, group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the samples of at most :data:`POOL_GROUPS` groups of each class."""
    own = np.zeros(int(group.max()) + 1, dtype=np.int64)
    own[group] = label
    chosen = np.zeros(own.size, dtype=bool)
    for c in range(int(own.max()) + 1):
        members = np.flatnonzero(own == c)
        chosen[rng.permutation(members)[:POOL_GROUPS]] = True
    return np.flatnonzero(chosen[group])


def _wordings(rec: xr.DataArray, keep: np.ndarray, group: np.ndarray) -> list[np.ndarray]:
    """Return the samples of either half of the wordings; all of them where there are none."""
    named = [c for c in rec.coords.values() if c.attrs.get("quantity") == "wording"]
    wording = [c.values[keep] for c in named if c.dims == ("sample",)]
    if not wording:
        return [keep >= 0]
    half = np.unique(np.stack(wording), axis=1, return_inverse=True)[1].ravel() % 2
    sides = [half == side for side in (0, 1)]
    everyone = np.unique(group).size
    complete = all(np.unique(group[side]).size == everyone for side in sides)
    return sides if complete else [keep >= 0]


def _group_means(
    rec: xr.DataArray, keep: np.ndarray, group: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Return group means of the chosen units, (group, unit), reading block by block."""
    code = np.full(rec.sizes["sample"], -1, dtype=np.int64)
    code[keep] = group
    count = int(group.max()) + 1
    sums = np.zeros((count, columns.size))
    start = 0
    for block in blocks(rec):
        here = code[start : start + block.sizes["sample"]]
        start += here.size
        rows = np.flatnonzero(here >= 0)
        if rows.size:
            ones = np.ones(rows.size)
            shape = (count, rows.size)
            member = scipy.sparse.csr_array((ones, (here[rows], np.arange(rows.size))), shape)
            sums += member @ block.values[np.ix_(rows, columns)].astype(np.float64)
    return sums / np.bincount(group, minlength=count)[:, None]


def _rows(
    rec: xr.DataArray, keep: np.ndarray, group: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Return the labelled samples of the chosen units, reading block by block."""
    del group
    parts, start = [], 0
    for block in blocks(rec):
        stop = start + block.sizes["sample"]
        rows = keep[np.searchsorted(keep, start) : np.searchsorted(keep, stop)] - start
        parts.append(block.values[np.ix_(rows, columns)])
        start = stop
    return np.concatenate(parts)


def _gather(table: np.ndarray, rows: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Pick rows and units from a table, or from one table per draw (draw, row, unit)."""
    if table.ndim == 2:
        return table[rows[..., None], units[None, :, None, None, :]]
    draw = np.arange(rows.shape[0])[:, None, None, None, None]
    return table[draw, rows[..., None], units[None, :, None, None, :]]


def _design(rec: xr.DataArray, keep: np.ndarray, label: np.ndarray, group: np.ndarray) -> Design:
    def given(name: str) -> np.ndarray | None:
        return rec[name].values[keep] if name in rec.coords else None

    return exchangeability(label, group, block=given("block"), time=given("time"))


def _usable_classes(codes: np.ndarray, group: np.ndarray, sizes: Sizes) -> np.ndarray:
    present = np.unique(codes[codes >= 0])
    counts = np.array([np.unique(group[codes == c]).size for c in present])
    usable = present[counts >= sizes.groups_needed]
    if usable.size < sizes.classes:
        raise NotApplicable(
            f"{usable.size} of {present.size} classes have the {sizes.groups_needed} groups "
            f"the claim needs, and it needs {sizes.classes} such classes"
        )
    return usable


@dataclass(frozen=True)
class Setup:
    """The labelled samples of one system: class and group of each, activity, what may move."""

    label: np.ndarray
    group: np.ndarray
    parts: tuple[np.ndarray, ...]
    design: Design
    sizes: Sizes


Batch = tuple[str, list[np.ndarray], np.ndarray, np.ndarray]


def _between(setup: Setup, effort: Effort, rng: np.random.Generator) -> Iterator[Batch]:
    """Whole groups carry the labels: one table of group means, rows chosen per draw."""
    label, group, sizes, design = setup.label, setup.group, setup.sizes, setup.design
    count = int(group.max()) + 1
    tables = list(setup.parts)
    own = np.zeros(count, dtype=np.int64)
    own[group] = label
    members = np.bincount(own)
    start = np.concatenate([[0], np.cumsum(members)[:-1]])
    chosen_classes = class_sets(members.size, sizes.classes, effort.repeats, rng)
    slots = np.empty((*chosen_classes.shape, sizes.groups), dtype=np.int64)
    for c, available in enumerate(members.tolist()):
        here = chosen_classes == c
        slots[here] = distinct(available, sizes.groups, int(here.sum()), rng)
    place = start[chosen_classes][..., None] + slots
    identity = np.arange(count)[None]
    yield (
        "observed",
        tables,
        np.argsort(own[identity], axis=1, kind="stable")[:, place],
        chosen_classes,
    )
    relabelled = own[design.draw_groups(effort.permutations, rng)]
    for chunk in chunks(effort.permutations):
        order = np.argsort(relabelled[chunk], axis=1, kind="stable")
        yield "null", tables, order[:, place], chosen_classes
    order = np.argsort(own, kind="stable")
    rows = np.empty((effort.resamples, *chosen_classes.shape, sizes.groups), dtype=np.int64)
    for c in range(members.size):
        draws = rng.multinomial(members[c], np.full(members[c], 1 / members[c]), effort.resamples)
        repeat, column = np.nonzero(chosen_classes == c)
        chosen = race(draws, sizes.groups, rng, repeat.size)
        rows[:, repeat, column] = order[start[c] + chosen]
    for chunk in chunks(effort.resamples):
        yield "bootstrap", tables, rows[chunk], chosen_classes


def _within(setup: Setup, effort: Effort, rng: np.random.Generator) -> Iterator[Batch]:
    """Each group holds several classes: a table of (group, class) means per relabelling.

    A set takes the same groups for each of its classes, so that a fold holds out whole groups.
    """
    label, group, parts, design = setup.label, setup.group, setup.parts, setup.design
    sizes = setup.sizes
    count, width = int(group.max()) + 1, int(label.max()) + 1
    table, present = _cell_means(label[None], group, parts, count, width)
    chosen_classes = _pairs_with_groups(present[0], sizes, effort.repeats, rng)
    key = rng.random((effort.repeats, count))

    def eligible(there: np.ndarray) -> np.ndarray:
        """Return which groups hold all classes of a repeat, (draw, repeat, group)."""
        return np.moveaxis(np.all(there[:, :, chosen_classes], axis=-1), 1, 2)

    def rows_of(there: np.ndarray, waiting: np.ndarray) -> np.ndarray:
        may = eligible(there)
        repeat = _repeats_with(may.sum(axis=-1) >= sizes.groups)
        order = np.argsort(np.where(may, waiting, np.inf), axis=-1)[..., : sizes.groups]
        chosen = np.take_along_axis(order, repeat[..., None], axis=1)
        return chosen[:, :, None, :] * width + chosen_classes[repeat][..., None]

    yield "observed", table, rows_of(present, key[None]), chosen_classes
    size = count * width * parts[0].shape[1] + label.size
    step = min(CHUNK, max(1, 2**23 // max(1, size)))
    for begin in range(0, effort.permutations, step):
        relabelled = label[design.draw(min(step, effort.permutations - begin), rng)]
        tables, there = _cell_means(relabelled, group, parts, count, width)
        enough = (eligible(there).sum(axis=-1) >= sizes.groups).any(axis=1)
        if not enough.all():
            # A shift that leaves no repeat its groups counts as no shift: that costs power and
            # keeps the test valid, where a group taken twice would stand on both sides of a fold.
            relabelled[~enough] = label
            tables, there = _cell_means(relabelled, group, parts, count, width)
        yield "null", tables, rows_of(there, key[None]), chosen_classes
    weight = rng.multinomial(count, np.full(count, 1 / count), effort.resamples)
    flat = [part[0] for part in table]
    for chunk in chunks(effort.resamples):
        waiting = waiting_times(weight[chunk], effort.repeats, rng)
        there = np.broadcast_to(present, (waiting.shape[0], *present[0].shape))
        yield "bootstrap", flat, rows_of(there, waiting), chosen_classes


def _repeats_with(enough: np.ndarray) -> np.ndarray:
    """Return for each repeat itself, or in its stead one of the draw's that has its groups."""
    repeats = np.arange(enough.shape[1])
    there = np.argsort(~enough, axis=1, kind="stable")
    number = np.maximum(enough.sum(axis=1, keepdims=True), 1)
    return np.where(enough, repeats, np.take_along_axis(there, repeats % number, axis=1))


def _cell_means(
    labels: np.ndarray, group: np.ndarray, parts: tuple[np.ndarray, ...], count: int, width: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return means per (draw, group × class), and which cells hold any sample."""
    draws, size = labels.shape
    cell = (np.arange(draws)[:, None] * count + group) * width + labels
    held = np.bincount(cell.ravel(), minlength=draws * count * width)
    matrix = scipy.sparse.csr_array(
        (1.0 / held[cell.ravel()], (cell.ravel(), np.tile(np.arange(size), draws))),
        shape=(draws * count * width, size),
    )
    tables = [
        (matrix @ part.astype(np.float64)).reshape(draws, count * width, -1) for part in parts
    ]
    return tables, held.reshape(draws, count, width) > 0


def _pairs_with_groups(
    present: np.ndarray, sizes: Sizes, repeats: int, rng: np.random.Generator
) -> np.ndarray:
    """Choose sets of classes that occur together in enough groups."""
    candidates = class_sets(present.shape[1], sizes.classes, 40 * repeats, rng)
    distinct, which = np.unique(np.sort(candidates, axis=1), axis=0, return_inverse=True)
    together = np.array([present[:, chosen].all(axis=1).sum() for chosen in distinct])
    good = candidates[together[which.ravel()] >= sizes.groups_needed]
    if not len(good):
        raise NotApplicable(
            f"no {sizes.classes} classes occur together in {sizes.groups_needed} groups "
            f"(at most {int(together.max())})"
        )
    return good[np.arange(repeats) % len(good)]
