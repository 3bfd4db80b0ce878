"""From a recording to the mean activity of each condition, per site, and what may be exchanged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.sparse.csgraph import connected_components

from homologue._errors import HomologueError, InvalidDesign, InvalidRecording
from homologue._typing import Array, Float, Int, Num
from homologue.inference import Design, exchangeability
from homologue.recording import validate
from homologue.recording._labels import labelled

SCALINGS = ("standardised", "residual", "none")


@dataclass(frozen=True)
class Conditions:
    """Samples of a recording as cells (a condition in a group), which sum to condition means.

    Attributes
    ----------
    values : array, shape (condition,)
        The variable's value of each condition, ascending.
    names : list of str
    cells : array, shape (cell, unit)
        Scaled mean activity of each condition in each group (of each sample, where samples are
        exchanged by shifts).
    weight : array, shape (cell,)
        Samples of each cell.
    code, group : array of int, shape (cell,)
    site : array of int, shape (unit,)
    sites : list of str
    block : array of int, shape (condition,)
        Conditions of one code were seen in the same blocks.
    design : Design or None
        Where labels shift against the activity; None where conditions move as wholes.
    n_silent : int
        Units that do not vary.
    """

    values: np.ndarray
    names: list[str]
    cells: np.ndarray
    weight: np.ndarray
    code: np.ndarray
    group: np.ndarray
    site: np.ndarray
    sites: list[str]
    block: np.ndarray
    design: Design | None
    n_silent: int

    def means(self, group_weight: Float[Array, "group"] | None = None) -> np.ndarray:
        """Return condition means, shape (condition, unit), with groups weighted."""
        weight = self.weight if group_weight is None else self.weight * group_weight[self.group]
        return class_means(self.cells, self.code, weight, self.values.size)


def class_means(
    rows: Float[Array, "row unit"],
    code: Int[Array, "row"],
    weight: Num[Array, "row"],
    classes: int,
) -> Float[Array, "class unit"]:
    """Return weighted means of rows by class; NaN for a class without weight."""
    one_hot = (code == np.arange(classes)[:, None]) * weight
    total = one_hot.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (one_hot @ rows) / total


def conditions(
    rec: xr.DataArray,
    variable: str,
    *,
    scaling: str = "standardised",
    minimum_lag: float | None = None,
) -> Conditions:
    """Return a recording's conditions: the distinct values of a discrete variable.

    Parameters
    ----------
    rec : xarray.DataArray
        Without NaN.
    variable : str
        Discrete: at most 512 distinct values.
    scaling : {"standardised", "residual", "none"}
        Of each unit by its standard deviation, over samples or within conditions. A unit that
        hardly varies within conditions is scaled by the first.
    minimum_lag : float, optional
        See :func:`homologue.inference.exchangeability`.

    Raises
    ------
    HomologueError
        No such scaling.
    InvalidDesign
        A variable with fewer than 3 or more than 512 values; too few shifts.
    InvalidRecording
        No unit varies.
    """
    if scaling not in SCALINGS:
        raise HomologueError(f"scaling is one of {', '.join(SCALINGS)}; given {scaling!r}")
    validate(rec, needs=[variable])
    rows = np.flatnonzero(labelled(rec, variable))
    values, code = np.unique(rec[variable].values[rows], return_inverse=True)
    if not 3 <= values.size <= 512:
        raise InvalidDesign(
            f"{variable!r} takes {values.size} values; an order needs 3 to 512 conditions"
            + (". Cut a continuous variable into arcs first" if values.size > 512 else "")
        )
    activity = rec.values[rows].astype(np.float64)
    group = np.unique(rec["group"].values[rows], return_inverse=True)[1]
    extra = {name: rec[name].values[rows] for name in ("block", "time") if name in rec.coords}
    shifts = _shifts(code, group, extra, minimum_lag)
    if "block" in extra:
        activity = _without_offsets(activity, None if shifts else code, extra["block"])
    spread, silent = _spread(activity, code, scaling)
    activity = np.where(silent, 0.0, (activity - activity.mean(axis=0)) / spread)
    weight = np.ones(rows.size)
    block = _profile(code, extra.get("block"), values.size)
    if shifts is None:
        _, first, cell = np.unique(
            group * values.size + code, return_index=True, return_inverse=True
        )
        weight = np.bincount(cell).astype(np.float64)
        activity = _sums(activity, cell, weight.size) / weight[:, None]
        code, group = code[first], group[first]
    if "site" in rec.coords:
        site_names, site = _in_order(rec["site"].values.astype(str))
    else:
        site_names, site = ["all units"], np.zeros(rec.sizes["unit"], dtype=np.int64)
    categories = rec[variable].attrs.get("categories")
    names = [str(categories[v]) if categories is not None else f"{v:g}" for v in values]
    return Conditions(
        values, names, activity, weight, code, group, site, site_names, block, shifts,
        int(silent.sum()),
    )  # fmt: skip


def _without_offsets(
    activity: Float[Array, "sample unit"],
    code: Int[Array, "sample"] | None,
    block: Num[Array, "sample"],
) -> Float[Array, "sample unit"]:
    """Return activity without what sets blocks apart, beyond the conditions that they hold.

    Blocks that hold conditions unequally often would otherwise hand their offsets to the means.
    Conditions and blocks add up (least squares); blocks that no condition links to others keep
    their offsets, as those are the conditions' as well. Without ``code`` (where labels shift,
    so that it must not depend on them) each block's mean is taken away.
    """
    place = np.unique(block, return_inverse=True)[1].ravel()
    size = np.bincount(place)
    if size.size == 1:
        return activity
    if code is None:
        return activity - (_sums(activity, place, size.size) / size[:, None])[place]
    classes = np.bincount(code)
    table = np.bincount(place * classes.size + code, minlength=size.size * classes.size)
    table = table.reshape(size.size, classes.size).astype(np.float64)
    share = table / classes
    inner = np.diag(size.astype(np.float64)) - share @ table.T
    centred = activity - activity.mean(axis=0)
    right = _sums(centred, place, size.size) - share @ _sums(centred, code, classes.size)
    offset = np.linalg.pinv(inner, rcond=1e-10, hermitian=True) @ right
    linked = connected_components(table @ table.T)[1]
    held = np.bincount(linked, size)
    mean = np.zeros((held.size, activity.shape[1]))
    np.add.at(mean, linked, offset * size[:, None])
    return np.asarray(activity - (offset - (mean / held[:, None])[linked])[place])


def _in_order(names: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return names in order of first appearance, and the number of each."""
    found, first, inverse = np.unique(names, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return [str(name) for name in found[order]], rank[inverse]


def _sums(activity: np.ndarray, cell: np.ndarray, count: int) -> np.ndarray:
    order = np.argsort(cell, kind="stable")
    first = np.searchsorted(cell[order], np.arange(count))
    return np.add.reduceat(activity[order], first, axis=0)


def _spread(activity: np.ndarray, code: np.ndarray, scaling: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the divisor of each unit, and which units do not vary."""
    total = activity.std(axis=0)
    silent = total <= 1e-7 * np.abs(activity).max(axis=0) + 1e-300
    if silent.all():
        raise InvalidRecording(
            f"none of the {total.size} units varies over the labelled samples; nothing to order"
        )
    if scaling == "none":
        return np.ones(total.size), silent
    spread = total
    if scaling == "residual":
        means = class_means(activity, code, np.ones(code.size), int(code.max()) + 1)
        inside = (activity - means[code]).std(axis=0)
        spread = np.where(inside > 1e-3 * total, inside, total)
    return np.where(silent, 1.0, spread), silent


def _shifts(
    code: np.ndarray, group: np.ndarray, extra: dict[str, np.ndarray], minimum_lag: float | None
) -> Design | None:
    """Return the design where labels vary along time within groups, else None."""
    if "time" not in extra:
        return None
    low = np.full(group.max() + 1, code.max() + 1)
    high = np.full(group.max() + 1, -1)
    np.minimum.at(low, group, code)
    np.maximum.at(high, group, code)
    if (low == high).all():
        return None
    return exchangeability(code, group, minimum_lag=minimum_lag, **extra)


def _profile(code: np.ndarray, block: np.ndarray | None, count: int) -> np.ndarray:
    """Return which conditions may change places: those seen in the same blocks."""
    if block is None:
        return np.zeros(count, dtype=np.int64)
    _, blocks = np.unique(block, return_inverse=True)
    seen = np.zeros((count, blocks.max() + 1), dtype=bool)
    seen[code, blocks] = True
    return np.unique(seen, axis=0, return_inverse=True)[1].ravel()
