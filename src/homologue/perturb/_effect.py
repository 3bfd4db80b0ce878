"""What a perturbation does to behaviour, against what random units like these do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue._typing import Array, Bool, Float
from homologue.inference import benjamini_hochberg, p_value, result
from homologue.perturb._behaviour import as_behaviours
from homologue.perturb._controls import influence, matched_sets, members, strata
from homologue.perturb._measured import check_moves, interval, measure, same_groups, scales
from homologue.perturb._values import Perturbation

MATCHES = ("norm", "site")


def effect(
    system: Any,
    perturbation: Perturbation,
    behaviours: Any,
    *,
    controls: Any = (),
    match: str | Sequence[str] = MATCHES,
    among: xr.DataArray | None = None,
    draws: int = 99,
    progress: Callable[[int, int], None] | None = None,
    rng: Any,
    **options: Any,
) -> xr.Dataset:
    """Perturb, and compare with the same perturbation of random units like these.

    Parameters
    ----------
    system : object
        Anything with ``perturb``: a network, a circuit, a simulation.
    perturbation : Perturbation
        Of units that recordings name (or of sites).
    behaviours : Behaviour, str, or sequence of them
        What the units are said to serve; a string names a simulation's own behaviour.
    controls : Behaviour, str, or sequence of them
        What they are not said to serve.
    match : {"norm", "site"} or both
        Random units that are as active and write as strongly; and, separately, random units of
        the same sites.
    among : xarray.DataArray, optional
        Unperturbed activity of the units to choose from. A simulation is recorded; for a network
        it has to be given.
    draws : int
        Random sets for each match; each is one more run of every behaviour.
    progress : callable, optional
        Told ``(runs done, runs in all)``.
    rng : int or numpy.random.Generator
        Of random sets, intervals, and of the system's noise (the same in every run).
    **options
        Of ``system.perturb``: ``reference=``.

    Returns
    -------
    xarray.Dataset
        On (``match``, ``behaviour``): ``effect``, the share of the behaviour lost (1: all of
        what lies above chance; negative: improved), ``low`` and ``high`` (95 % over groups),
        ``null_mean`` and ``null_std`` over random sets, ``p`` (one-sided: more is lost than with
        random units), ``q`` over behaviours, ``n`` groups. On ``match``: ``specificity``, the
        mean loss of ``behaviours`` less that of ``controls``, with ``specificity_low`` …
        ``specificity_p``; ``balance``, the chosen units' mean key over that of random ones.
        ``baseline`` and ``perturbed`` (behaviour, group).

    Raises
    ------
    UnknownName
        Units that are not recorded.
    InvalidDesign
        A behaviour at chance before anything is perturbed, or fewer than 20 random sets.
    HomologueError
        A behaviour that is constant, or NaN by a dose (named); a direction, which has no random
        units like it.

    Notes
    -----
    The interval is over groups of samples, for these units. The p-value is over units, for these
    samples; it supposes that, under the null, the chosen units are any of their stratum (of
    activation × outgoing norm). The most influential units have none like them: what random sets
    lost is therefore multiplied by the ratio of influences. Without either, and with units
    chosen in proportion to a lognormal influence that effects follow, a test at .05 was found to
    reject in .44 (4 units of 120) to .87 (16 of 120) of 1 000 nulls; with both in .01 to .05 of
    500.

    It fails where the key does not predict effects (compare ``balance`` and look at
    :func:`selectivity_versus_causality`), where units were chosen by the very samples on which
    behaviour is measured, and where a lesion by zero drives everything out of its range
    (``mode="mean"``).

    References
    ----------
    .. [1] Morcos, Barrett, Rabinowitz & Botvinick 2018, ICLR, arXiv:1803.06959.

    Examples
    --------
    >>> from homologue import perturb
    >>> from homologue.systems.circuits.two_module import system
    >>> found = effect(system(), perturb.ablate("module-a"), "task-a", controls="task-b",
    ...                match="norm", draws=19, rng=0)
    >>> found.effect.values.round(2) + 0.0
    array([[1., 0.]])
    >>> float(found.specificity_p[0])
    0.05
    """
    matched, others = as_behaviours(behaviours), as_behaviours(controls) if controls else []
    every = as_behaviours([*matched, *others])
    matches = _matches(match)
    if perturbation.axis is not None:
        raise HomologueError(
            f"{perturbation.name} acts along a direction, and there are no random units like it; "
            "measure random directions of the same length and pass the arrays to matched_effect"
        )
    seeds = np.random.default_rng(rng).integers(2**31, size=3).tolist()
    if among is None:
        among = _recording(system, seeds[0])
    key = influence(system, among)
    chosen = members(perturbation.units, key)
    sites = np.unique(key["site"].values.astype(str), return_inverse=True)[1]
    sets = {}
    for one in matches:
        stratum = strata(key.values, chosen) if one == "norm" else sites
        sets[one] = matched_sets(chosen, stratum, draws=draws, rng=seeds[1])

    names = key["unit"].values.astype(str)
    baseline = measure(system, every, rng=seeds[0])
    done, runs = 0, len(matches) * draws + 1

    def under(units: Sequence[str]) -> np.ndarray:
        nonlocal done
        held = replace(perturbation, units=tuple(units))
        perturbed = system.perturb(held, rng=seeds[2], **options)
        found = measure(perturbed, every, rng=seeds[0])
        same_groups(baseline, found)
        done += 1
        if progress is not None:
            progress(done, runs)
        return np.asarray(found.values)

    perturbed = under(perturbation.units)
    parts = []
    for one in matches:
        null = np.stack([under(names[members_]) for members_ in sets[one]])
        inside = key.values[sets[one]].mean(axis=1)
        balance = key.values[chosen].mean() / np.where(inside > 0, inside, np.nan)
        part = matched_effect(
            baseline.values,
            perturbed,
            null,
            balance=balance if one == "norm" and np.isfinite(balance).all() else None,
            is_control=np.arange(len(every)) >= len(matched),
            chance=[behaviour.chance for behaviour in every],
            names=[behaviour.name for behaviour in every],
            rng=seeds[1],
        )
        part["balance"] = ((), float(balance.mean()))
        parts.append(part)
    joined = xr.concat(parts, "match", data_vars="all", combine_attrs="override")
    joined = joined.assign_coords(match=list(matches), group=baseline.labels)
    joined["baseline"] = (("behaviour", "group"), baseline.values)
    joined["perturbed"] = (("behaviour", "group"), perturbed)
    return joined.assign_attrs(
        perturbation=perturbation.name,
        system=str(getattr(system, "name", "")),
        key=key.attrs["key"],
        units=int(chosen.sum()),
        among=int(chosen.size),
    )


def matched_effect(
    baseline: Float[Array, "behaviour group"],
    perturbed: Float[Array, "behaviour group"],
    matched: Float[Array, "draw behaviour group"],
    *,
    balance: Float[Array, " draw"] | None = None,
    is_control: Bool[Array, " behaviour"] | None = None,
    chance: Sequence[float | None] | None = None,
    names: Sequence[str] | None = None,
    rng: Any,
) -> xr.Dataset:
    """Compare losses with those under random perturbations: the arithmetic of :func:`effect`.

    Parameters
    ----------
    baseline, perturbed : array, shape (behaviour, group)
        Without and with the perturbation; NaN where a behaviour lacks a group.
    matched : array, shape (draw, behaviour, group)
        With random perturbations like it.
    balance : array, shape (draw,), optional
        The perturbed units' total influence over that of each random set: what the random set
        lost is multiplied by it.
    is_control : array of bool, shape (behaviour,), optional
        Behaviours that should be spared; specificity is NaN without any.
    chance : sequence of float or None, optional
        Of each behaviour, see :class:`Behaviour`; 0 if left out.
    names : sequence of str, optional
    rng : int or numpy.random.Generator
        Of the bootstrap.

    Returns
    -------
    xarray.Dataset
        On ``behaviour`` as in :func:`effect`, and ``specificity`` with its interval, null and p.

    Examples
    --------
    >>> draw = np.random.default_rng(0).normal
    >>> base, random = draw(1, 0.1, (2, 40)), draw(1, 0.1, (99, 2, 40))
    >>> hurt = base - np.array([[0.5], [0.0]])
    >>> found = matched_effect(base, hurt, random, is_control=np.array([False, True]), rng=0)
    >>> float(found.specificity_p), round(float(found.specificity), 1)
    (0.01, 0.5)
    """
    count = len(baseline)
    names = [f"behaviour {i}" for i in range(count)] if names is None else list(names)
    chance = [0.0] * count if chance is None else list(chance)
    control = np.zeros(count, dtype=bool) if is_control is None else np.asarray(is_control)
    check_moves(baseline, perturbed, matched, names=names)
    scale = scales(baseline, chance, names)
    loss = np.nanmean(baseline - perturbed, axis=-1) / scale
    null = np.nanmean(baseline - matched, axis=-1) / scale
    if balance is not None:
        null = null * balance[:, None]
    contrast = np.vstack([np.eye(count), _contrast(control)])
    low, high = interval(baseline, perturbed, chance, contrast, rng=rng)
    p = p_value(loss, null)
    found = result(
        effect=loss,
        low=low[:-1],
        high=high[:-1],
        null=null,
        p=p,
        q=benjamini_hochberg(p),
        n=(~np.isnan(baseline)).sum(axis=1),
        dims=("behaviour",),
        coords={"behaviour": names, "is_control": ("behaviour", control)},
        attrs={
            "method": "share of the behaviour lost; against the same perturbation of random "
            "units; 95 % BCa bootstrap over groups",
            "family": "behaviours",
            "tail": "upper",
        },
    ).drop_vars("null")
    specific, random = loss @ contrast[-1], null @ contrast[-1]
    found["specificity"] = ((), specific)
    found["specificity_low"], found["specificity_high"] = ((), low[-1]), ((), high[-1])
    found["specificity_null_mean"] = ((), random.mean())
    found["specificity_null_std"] = ((), random.std(ddof=1) if len(random) > 1 else np.nan)
    found["specificity_p"] = ((), p_value(specific, random))
    return found


def _contrast(control: np.ndarray) -> np.ndarray:
    """Return weights of behaviours: matched less controls; NaN without a control."""
    if not control.any() or control.all():
        return np.full(control.size, np.nan)
    return np.where(control, -1.0 / control.sum(), 1.0 / (~control).sum())


def _matches(match: str | Sequence[str]) -> tuple[str, ...]:
    found = (match,) if isinstance(match, str) else tuple(match)
    if not found or set(found) - set(MATCHES):
        raise HomologueError(f"match is one or both of {', '.join(MATCHES)}; given {match!r}")
    return found


def _recording(system: Any, seed: int) -> xr.DataArray:
    if hasattr(system, "model"):
        raise HomologueError(
            "say from which units random ones are drawn: among=system.record(…), unperturbed "
            "activity at the sites that are perturbed"
        )
    if not hasattr(system, "perturb"):
        raise HomologueError(
            f"system {getattr(system, 'name', system)!r} is recorded and cannot be perturbed; "
            "perturbations that were recorded go through perturb.recorded_effects"
        )
    rec: xr.DataArray = system.record(rng=seed)
    return rec
