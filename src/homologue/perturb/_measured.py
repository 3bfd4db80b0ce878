"""Behaviours of one system as a table: a number for each group and behaviour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import cluster_bootstrap
from homologue.perturb._behaviour import Behaviour, group_means

FEWEST_GROUPS = 5


@dataclass(frozen=True)
class Table:
    """Means of groups.

    Attributes
    ----------
    labels : array of str, shape (group,)
        Every group that any behaviour has.
    values : array, shape (behaviour, group)
        NaN where a behaviour lacks a group.
    """

    labels: Any
    values: Any


def measure(system: Any, behaviours: Sequence[Behaviour], *, rng: Any) -> Table:
    """Measure several behaviours of one system.

    Groups with the same label are the same: a run whose behaviours are measured twice, a word
    that two tasks ask for.
    """
    rows = [group_means(one.measure(system, rng=rng)) for one in behaviours]
    names = [np.char.mod("%s", labels) for labels, _ in rows]
    labels = np.unique(np.concatenate(names))
    values = np.full((len(rows), labels.size), np.nan)
    for row, (own, (_, means)) in enumerate(zip(names, rows, strict=True)):
        values[row, np.searchsorted(labels, own)] = means
    return Table(labels, values)


def same_groups(first: Table, second: Table) -> None:
    """Refuse tables that are no pairs.

    Raises
    ------
    HomologueError
        Other groups than before.
    """
    if not np.array_equal(first.labels, second.labels):
        raise HomologueError(
            "with and without the perturbation other groups were measured; a behaviour gives the "
            "same groups for the same rng"
        )


def scales(
    baseline: Float[Array, "behaviour group"],
    chance: Sequence[float | None],
    names: Sequence[str] | None = None,
) -> Float[Array, " behaviour"]:
    """Return what each behaviour has to lose: the distance of its baseline from chance.

    Parameters
    ----------
    baseline : array, shape (behaviour, group)
        NaN where a behaviour lacks a group.
    chance : sequence of float or None
        None: a scale of 1, the behaviour's own units.
    names : sequence of str, optional
        For the message.

    Returns
    -------
    array, shape (behaviour,)

    Raises
    ------
    InvalidDesign
        A baseline that is within two standard errors of chance: there is nothing to impair.

    Examples
    --------
    >>> scales(np.array([[0.9, 1.0, 0.8]]), [0.5])
    array([0.4])
    """
    out = np.ones(len(baseline))
    for row, level in enumerate(chance):
        if level is None:
            continue
        own = baseline[row][~np.isnan(baseline[row])] - level
        error = own.std(ddof=1) / np.sqrt(own.size) if own.size > 1 else 0.0
        if not abs(own.mean()) > 2 * error:
            name = f"behaviour {names[row]!r}" if names else f"behaviour {row}"
            raise InvalidDesign(
                f"{name} is {own.mean() + level:.3g} ± {error:.2g} without any perturbation, and "
                f"chance is {level:g}: there is nothing to impair. Take a task that the system "
                "can do, or chance=None for effects in the behaviour's own units"
            )
        out[row] = abs(own.mean())
    return out


def check_moves(*tables: np.ndarray, names: Sequence[str]) -> None:
    """Refuse a behaviour that is one number throughout.

    Parameters
    ----------
    *tables : array, shape (…, behaviour, group)
        Perturbed and not.
    names : sequence of str

    Raises
    ------
    HomologueError
        It is the same for every group, perturbed or not.
    """
    for row, name in enumerate(names):
        seen = np.concatenate([table[..., row, :].ravel() for table in tables])
        seen = seen[~np.isnan(seen)]
        if seen.size > 1 and np.ptp(seen) == 0:
            raise HomologueError(
                f"behaviour {name!r} is {seen[0]:g} for every group, perturbed or not: a constant "
                "measures nothing. Take a margin rather than decisions, or another behaviour"
            )


def interval(
    baseline: Float[Array, "behaviour group"],
    perturbed: Float[Array, "behaviour group"],
    chance: Sequence[float | None],
    contrast: Float[Array, "contrast behaviour"],
    *,
    rng: Any,
) -> tuple[Float[Array, " contrast"], Float[Array, " contrast"]]:
    """Return 95 % intervals of contrasts of losses, NaN below 5 groups.

    Groups are resampled, and with them what is lost and what it is a share of.
    """
    known = ~np.isnan(baseline)
    groups = baseline.shape[1]
    nothing = np.full(len(contrast), np.nan)
    if known.sum(axis=1).min() < FEWEST_GROUPS:
        return nothing, nothing
    before, lost = np.where(known, baseline, 0.0), np.where(known, baseline - perturbed, 0.0)
    level = np.array([np.nan if one is None else one for one in chance], dtype=np.float64)

    def statistic(weights: np.ndarray) -> np.ndarray:
        count = weights @ known.T
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.abs(weights @ before.T / count - level)
            loss = weights @ lost.T / count / np.where(np.isnan(level), 1.0, scale)
        return np.asarray(loss @ contrast.T)

    found = cluster_bootstrap(statistic, groups, rng=rng)
    return np.asarray(found.low), np.asarray(found.high)
