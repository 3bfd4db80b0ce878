"""Two perturbations and two behaviours: whether each impairs its own.

One perturbation that impairs one behaviour more than another may only say that the one is
harder. Two perturbations that do it crosswise cannot [1]_.

References
----------
.. [1] Shallice 1988, From Neuropsychology to Mental Structure, ch. 10,
   doi:10.1017/CBO9780511526817
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import benjamini_hochberg, p_value, result
from homologue.perturb._behaviour import as_behaviours
from homologue.perturb._measured import check_moves, interval, measure, same_groups, scales
from homologue.perturb._perturbation import ablate
from homologue.perturb._values import Perturbation

FEWEST_GROUPS = 5

_CHUNK = 256
"""Units at a time; bounds memory, changes no number."""


def double_dissociation(
    system: Any,
    first: Perturbation,
    second: Perturbation,
    behaviours: Sequence[Any],
    *,
    draws: int = 1999,
    rng: Any,
    **options: Any,
) -> xr.Dataset:
    """Test whether each of two perturbations impairs its own behaviour more than the other.

    Parameters
    ----------
    system : object
        Anything with ``perturb``.
    first, second : Perturbation
        The first is said to impair the first behaviour, the second the second.
    behaviours : sequence of two Behaviours or names
    draws : int
        Permutations.
    rng : int or numpy.random.Generator
    **options
        Of ``system.perturb``.

    Returns
    -------
    xarray.Dataset
        See :func:`interaction`; with ``baseline`` (behaviour, group) and ``perturbed``
        (perturbation, behaviour, group).

    Raises
    ------
    InvalidDesign
        Fewer than 5 groups, or a behaviour that is at chance unperturbed.
    HomologueError
        Not two behaviours, or one that is constant.

    Examples
    --------
    >>> from homologue import perturb
    >>> from homologue.systems.circuits.two_module import system
    >>> found = double_dissociation(
    ...     system(), perturb.ablate("module-a"), perturb.ablate("module-b"),
    ...     ["task-a", "task-b"], rng=0)
    >>> float(found.p), bool(found.dissociated)
    (0.0005, True)
    """
    both = as_behaviours(behaviours)
    if len(both) != 2:
        raise HomologueError(
            f"a double dissociation has two behaviours; given {[one.name for one in both]}"
        )
    seeds = np.random.default_rng(rng).integers(2**31, size=3).tolist()
    baseline = measure(system, both, rng=seeds[0])
    tables = []
    for one in (first, second):
        table = measure(system.perturb(one, rng=seeds[1], **options), both, rng=seeds[0])
        same_groups(baseline, table)
        tables.append(table.values)
    perturbed = np.stack(tables)
    found = interaction(
        baseline.values,
        perturbed,
        chance=[one.chance for one in both],
        names=[one.name for one in both],
        draws=draws,
        rng=seeds[2],
    )
    found["baseline"] = (("behaviour", "group"), baseline.values)
    found["perturbed"] = (("perturbation", "behaviour", "group"), perturbed)
    return found.assign_coords(
        perturbation=[first.name, second.name], group=baseline.labels
    ).assign_attrs(system=str(getattr(system, "name", "")))


def interaction(
    baseline: Float[Array, "behaviour group"],
    perturbed: Float[Array, "perturbation behaviour group"],
    *,
    chance: Sequence[float | None] = (0.0, 0.0),
    names: Sequence[str] = ("first", "second"),
    draws: int = 1999,
    rng: Any,
) -> xr.Dataset:
    """Test the interaction of two perturbations and two behaviours.

    Parameters
    ----------
    baseline : array, shape (2, group)
        Without any perturbation; NaN where a behaviour lacks a group.
    perturbed : array, shape (2, 2, group)
        Under the first and the second perturbation.
    chance : sequence of float or None
        Of each behaviour.
    names : sequence of str
        Of the behaviours, for messages.
    draws : int
    rng : int or numpy.random.Generator

    Returns
    -------
    xarray.Dataset
        ``effect``: half of (own less other behaviour under the first) plus (own less other under
        the second), in shares lost: 1 where each takes all of its own and nothing of the other.
        ``low``, ``high`` (95 %, groups resampled), ``p`` (one-sided; under the null the two
        perturbations are exchanged within groups). ``loss`` (perturbation, behaviour).
        ``own`` (behaviour): how much more its own perturbation impairs it than the other one
        does, with ``own_p``; ``dissociated``: all three p < .05.

    Raises
    ------
    InvalidDesign
        Fewer than 5 groups in both behaviours, or a behaviour at chance unperturbed.

    Notes
    -----
    A group keeps its sign or changes it as a whole, in both behaviours. Where two behaviours
    have no group in common each group speaks for one of them.

    Examples
    --------
    >>> base = np.random.default_rng(0).normal(1, 0.1, (2, 20))
    >>> hurt = base - np.array([[0.6, 0.1], [0.1, 0.6]])[:, :, None]
    >>> found = interaction(base, hurt, rng=0)
    >>> round(float(found.effect), 1), float(found.p)
    (0.5, 0.0005)
    """
    check_moves(baseline, perturbed, names=names)
    scale = scales(baseline, chance, names)
    known = ~np.isnan(baseline)
    counts = known.sum(axis=1)
    if counts.min() < FEWEST_GROUPS:
        raise InvalidDesign(
            f"the behaviours have {counts.tolist()} groups; {FEWEST_GROUPS} are the fewest whose "
            "exchange can say anything"
        )
    # What each group adds to the means: sums over groups are the statistics.
    difference = np.where(known, perturbed[1] - perturbed[0], 0.0) / (counts * scale)[:, None]
    parts = np.stack([difference[0], -difference[1], (difference[0] - difference[1]) / 2], axis=1)
    p, null = sign_flips(parts, draws=draws, rng=rng)
    # Both perturbations' losses side by side: the scale and its error are shared.
    low, high = interval(
        np.concatenate([baseline, baseline]),
        np.concatenate([perturbed[0], perturbed[1]]),
        [*chance, *chance],
        np.array([[0.5, -0.5, -0.5, 0.5]]),
        rng=rng,
    )
    found = result(
        effect=parts[:, 2].sum(),
        low=low[0],
        high=high[0],
        null_mean=null[:, 2].mean(),
        null_std=null[:, 2].std(ddof=1),
        p=p[2],
        n=int(known.any(axis=0).sum()),
        attrs={
            "method": "interaction of two perturbations and two behaviours, shares lost; "
            "perturbations exchanged within groups; 95 % BCa bootstrap over groups",
            "tail": "upper",
        },
    )
    found["loss"] = (
        ("perturbation", "behaviour"),
        np.nanmean(baseline - perturbed, axis=-1) / scale,
    )
    found["own"], found["own_p"] = ("behaviour", parts[:, :2].sum(axis=0)), ("behaviour", p[:2])
    found["dissociated"] = ((), bool((p < 0.05).all()))
    return found.assign_coords(behaviour=list(names))


def unit_effects(
    system: Any,
    units: Sequence[str],
    behaviours: Any,
    *,
    perturbation: Any = ablate,
    draws: int = 1999,
    rng: Any,
    **options: Any,
) -> xr.Dataset:
    """Perturb one unit after the other, and measure what each does to behaviour.

    Parameters
    ----------
    system : object
        Anything with ``perturb``. (Of a network's units, :func:`sweep` is many times faster.)
    units : sequence of str
        As recordings name them.
    behaviours : Behaviour, str, or sequence of them
    perturbation : callable
        ``perturbation(unit)`` → Perturbation; :func:`ablate`, or for instance
        ``functools.partial(cool, gain=0.5)``.
    draws : int
        Permutations.
    rng : int or numpy.random.Generator
    **options
        Of ``system.perturb``.

    Returns
    -------
    xarray.Dataset
        On (``unit``, ``behaviour``): ``effect``, the share lost, ``null_mean``, ``null_std``,
        ``p`` (one-sided; with and without the perturbation exchanged within groups), ``q`` over
        all units and behaviours, ``n`` groups; ``low`` and ``high`` are NaN: use
        :func:`effect` for the few units that matter.

    Raises
    ------
    InvalidDesign, HomologueError
        As :func:`effect`.

    Notes
    -----
    A small p says that a unit does something to the behaviour, not that it does more than
    others like it: :func:`effect` and :func:`selectivity_versus_causality` compare.
    """
    every = as_behaviours(behaviours)
    names = [one.name for one in every]
    seeds = np.random.default_rng(rng).integers(2**31, size=3).tolist()
    baseline = measure(system, every, rng=seeds[0])
    tables = []
    for unit in units:
        held = system.perturb(perturbation(unit), rng=seeds[1], **options)
        table = measure(held, every, rng=seeds[0])
        same_groups(baseline, table)
        tables.append(table.values)
    perturbed = np.stack(tables)
    check_moves(baseline.values, perturbed, names=names)
    scale = scales(baseline.values, [one.chance for one in every], names)
    known = ~np.isnan(baseline.values)
    lost = np.where(known, baseline.values - perturbed, 0.0) / (known.sum(axis=1) * scale)[:, None]
    flat = lost.reshape(-1, lost.shape[-1]).T
    columns = [flat[:, i : i + _CHUNK] for i in range(0, flat.shape[1], _CHUNK)]
    shape = lost.shape[:2]
    tested = [sign_flips(part, draws=draws, rng=seeds[2]) for part in columns]
    p = np.concatenate([one for one, _ in tested]).reshape(shape)
    found = result(
        effect=lost.sum(axis=-1),
        null_mean=np.concatenate([null.mean(axis=0) for _, null in tested]).reshape(shape),
        null_std=np.concatenate([null.std(axis=0, ddof=1) for _, null in tested]).reshape(shape),
        p=p,
        q=benjamini_hochberg(p),
        n=np.broadcast_to(known.sum(axis=1), shape),
        dims=("unit", "behaviour"),
        coords={"unit": list(map(str, units)), "behaviour": names},
        attrs={
            "method": "share of the behaviour lost; with and without exchanged within groups",
            "family": "units × behaviours",
            "tail": "upper",
            "system": str(getattr(system, "name", "")),
        },
    )
    found["baseline"] = (("behaviour", "group"), baseline.values)
    found["perturbed"] = (("unit", "behaviour", "group"), perturbed)
    return found.assign_coords(group=baseline.labels)


def sign_flips(
    parts: Float[Array, "group value"], *, draws: int, rng: Any
) -> tuple[Float[Array, " value"], Float[Array, "draw value"]]:
    """Return p (upper tail) of sums over groups, each group's sign free, and the null.

    The sum of squares does not change with signs: the test of the sum is that of Student's t.

    Examples
    --------
    >>> p, null = sign_flips(np.ones((12, 1)), draws=999, rng=0)
    >>> p
    array([0.001])
    """
    generator = np.random.default_rng(rng)
    signs = generator.integers(0, 2, size=(draws, len(parts))) * 2.0 - 1.0
    scale = np.abs(parts).sum(axis=0)
    safe = np.where(scale > 0, scale, 1.0)
    # Equal sums come out in other orders: rounding is no evidence.
    observed = np.round(parts.sum(axis=0) / safe, 12)
    null = np.round(signs @ (parts / safe), 12)
    return p_value(observed, null), null * safe
