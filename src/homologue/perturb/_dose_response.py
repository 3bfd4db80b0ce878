"""The more, the worse? Behaviour at every dose of a perturbation, and back at none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Bool, Float
from homologue.inference import (
    benjamini_hochberg,
    centred_ranks,
    group_weights,
    mean_interval,
    p_value,
    result,
)
from homologue.perturb._behaviour import as_behaviours
from homologue.perturb._hill import hill, isotonic
from homologue.perturb._measured import check_moves, measure, same_groups, scales
from homologue.perturb._values import NEUTRAL, Perturbation

FEWEST_GROUPS = 5
FEWEST_DOSES = 3


def dose_response(
    system: Any,
    perturbation: Perturbation,
    behaviours: Any,
    doses: Sequence[float],
    *,
    controls: Any = (),
    permutations: int = 1999,
    draws: int = 1000,
    rng: Any,
    **options: Any,
) -> xr.Dataset:
    """Measure behaviours at every dose of a perturbation.

    Parameters
    ----------
    system : object
        Anything with ``perturb``.
    perturbation : Perturbation
        ``cool``, ``stimulate``, ``steer`` or ``noise``, at any dose.
    behaviours : Behaviour, str, or sequence of them
        What should be impaired; a string names a simulation's own behaviour.
    doses : sequence of float
        At least three besides the one that does nothing (a gain of 1, an amplitude of 0), all on
        one side of it.
    controls : Behaviour, str, or sequence of them
        What should be spared: the off-target curves.
    permutations, draws : int
        Of the trend test; of the bootstrap.
    rng : int or numpy.random.Generator
    **options
        Of ``system.perturb``: ``reference=``.

    Returns
    -------
    xarray.Dataset
        See :func:`graded`. On ``dose``, besides, the ``dose`` as given (the first is the one that
        does nothing) and ``strength``, its distance from that. ``reversible`` (behaviour):
        whether the unperturbed system, and the perturbation at the dose that does nothing,
        measured after all others, give what was measured first, bit for bit.

    Raises
    ------
    InvalidDesign
        Fewer than 5 groups, or a behaviour at chance unperturbed.
    HomologueError
        Too few doses or doses on both sides, a perturbation without doses, a behaviour that is
        constant, or NaN at a dose (named).

    Examples
    --------
    >>> from homologue import perturb
    >>> from homologue.systems.circuits.two_module import system
    >>> found = dose_response(system(), perturb.cool("module-a", 0.5), "task-a",
    ...                       [0.75, 0.5, 0.25, 0], controls="task-b", rng=0)
    >>> found.curve.sel(behaviour="task-a").values.round(2)
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    >>> found.p.values.tolist(), found.reversible.values.tolist()
    ([0.0005, 1.0], [True, True])
    """
    matched, others = as_behaviours(behaviours), as_behaviours(controls) if controls else []
    every = as_behaviours([*matched, *others])
    neutral, ordered = _ordered(perturbation, doses)
    seeds = np.random.default_rng(rng).integers(2**31, size=3).tolist()

    def at(dose: float | None) -> np.ndarray:
        held = system
        if dose is not None:
            held = system.perturb(perturbation.at(dose), rng=seeds[1], **options)
        table = measure(held, every, rng=seeds[0])
        same_groups(baseline, table)
        return np.asarray(table.values)

    baseline = measure(system, every, rng=seeds[0])
    perturbed = np.stack([at(dose) for dose in ordered])
    after = [at(None), at(neutral)]
    found = graded(
        baseline.values,
        perturbed,
        strength=np.abs(ordered - neutral),
        is_control=np.arange(len(every)) >= len(matched),
        chance=[one.chance for one in every],
        names=[one.name for one in every],
        permutations=permutations,
        draws=draws,
        rng=seeds[2],
    )
    same = [
        all(np.array_equal(one[i], baseline.values[i], equal_nan=True) for one in after)
        for i in range(len(every))
    ]
    found["reversible"] = (("behaviour",), np.array(same))
    return found.assign_coords(dose=np.r_[neutral, ordered]).assign_attrs(
        # Its own dose is none of those that were given.
        perturbation=replace(perturbation, dose=math.nan).name,
        kind=perturbation.kind,
        system=str(getattr(system, "name", "")),
    )


def graded(
    baseline: Float[Array, "behaviour group"],
    perturbed: Float[Array, "dose behaviour group"],
    *,
    strength: Float[Array, " dose"],
    is_control: Bool[Array, " behaviour"] | None = None,
    chance: Sequence[float | None] | None = None,
    names: Sequence[str] | None = None,
    permutations: int = 1999,
    draws: int = 1000,
    rng: Any,
) -> xr.Dataset:
    """Test whether effects are graded with dose: the arithmetic of :func:`dose_response`.

    Parameters
    ----------
    baseline : array, shape (behaviour, group)
        Without perturbation; NaN where a behaviour lacks a group.
    perturbed : array, shape (dose, behaviour, group)
    strength : array, shape (dose,)
        Distance of each dose from the one that does nothing; above zero, rising.
    is_control, chance, names
        As for :func:`matched_effect`.
    permutations, draws : int
        Of the trend test; of the bootstrap.
    rng : int or numpy.random.Generator

    Returns
    -------
    xarray.Dataset
        On ``behaviour``: ``effect``, the trend: the mean over groups of the rank
        correlation of strength (0 included) and loss, 1 where every group loses more at
        every step; ``low``, ``high`` (95 % over groups), ``null_mean``, ``null_std`` and
        ``p`` (one-sided) with the order of doses reversed or not in each group, ``q`` over
        behaviours, ``n`` groups. On (``behaviour``, ``dose``), the baseline first:
        ``curve``, the share lost, ``curve_low``, ``curve_high``, ``isotonic`` and ``hill``,
        the fits. On ``behaviour``: ``isotonic_share`` of the curve's variance (1: it never
        falls), ``ed50``, the strength at half of the fitted top, with ``ed50_low`` and
        ``ed50_high`` (95 % percentile interval over groups), ``exponent``,
        ``top``, ``hill_share``; NaN, with a ``reason``, where there is no trend at .05 or where
        half of the top lies beyond the doses. ``specificity`` (``dose``): mean loss of
        behaviours less that of controls.

    Raises
    ------
    InvalidDesign
        Fewer than 5 groups, or a behaviour at chance unperturbed.
    HomologueError
        Fewer than three doses, strengths that do not rise, or a behaviour that is constant.

    Notes
    -----
    The statistic is Page's [1]_: each group meets every dose. Its null is not: permuting all doses
    within groups supposes that a group without a loss does not change at all. Where each group
    changes in proportion to the dose, in a direction of its own and none on the average (random
    units of a linear readout), that test rejects at .05 in .2 of data sets. Reversing the order
    of a group's doses keeps how much it changes; the smallest p of g groups is then 2^−g. Doses
    given in one order in time, to a system that drifts, cannot be reversed. A step at the first
    dose has a trend too: look at the curve. The ED50 of a curve that has not flattened is an
    extrapolation.

    References
    ----------
    .. [1] Page 1963, J. Am. Stat. Assoc. 58:216, doi:10.1080/01621459.1963.10500843.

    Examples
    --------
    >>> s = np.array([0.1, 0.2, 0.4, 0.8])
    >>> base = np.random.default_rng(0).normal(1, 0.05, (1, 20))
    >>> found = graded(base, base - (s / (0.2 + s))[:, None, None], strength=s, rng=0)
    >>> float(found.effect[0]), float(found.ed50[0].round(2))
    (1.0, 0.2)
    """
    count = len(baseline)
    strength = np.asarray(strength, dtype=np.float64)
    if strength.size < FEWEST_DOSES or strength[0] <= 0 or (np.diff(strength) <= 0).any():
        raise HomologueError(
            f"strengths rise, from above zero, and are {FEWEST_DOSES} or more; given "
            f"{strength.tolist()}"
        )
    known = ~np.isnan(baseline)
    if known.sum(axis=1).min() < FEWEST_GROUPS:
        raise InvalidDesign(
            f"the behaviours have {known.sum(axis=1).tolist()} groups; at least {FEWEST_GROUPS} "
            "are needed"
        )
    names = [f"behaviour {i}" for i in range(count)] if names is None else list(names)
    chance = [0.0] * count if chance is None else list(chance)
    control = np.zeros(count, dtype=bool) if is_control is None else np.asarray(is_control)
    check_moves(baseline, perturbed, names=names)
    scale = scales(baseline, chance, names)
    whole = np.concatenate([baseline[None], perturbed])
    loss = np.moveaxis((baseline - whole) / scale[:, None], 0, -1)
    seeds = np.random.default_rng(rng).integers(2**31, size=3).tolist()
    rows = [
        _one(
            loss[i, known[i]], np.r_[0.0, strength],
            permutations=permutations, draws=draws, seeds=seeds,
        )
        for i in range(count)
    ]  # fmt: skip
    gathered = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    found = result(
        **{name: gathered.pop(name) for name in ("effect", "low", "high", "null_mean", "null_std")},
        p=gathered["p"],
        q=benjamini_hochberg(gathered.pop("p")),
        n=known.sum(axis=1),
        dims=("behaviour",),
        coords={"behaviour": names, "is_control": ("behaviour", control)},
        attrs={
            "method": "rank correlation of dose and share lost, mean over groups; order of doses "
            "reversed in each group or not; 95 % studentised bootstrap over groups",
            "family": "behaviours",
            "tail": "upper",
        },
    )
    for name, values in gathered.items():
        found[name] = (("behaviour", "dose")[: values.ndim], values)
    if control.any() and not control.all():
        curve = gathered["curve"]
        found["specificity"] = (
            ("dose",),
            curve[~control].mean(axis=0) - curve[control].mean(axis=0),
        )
    return found.assign_coords(strength=("dose", np.r_[0.0, strength]))


def _one(
    loss: Float[Array, "group dose"],
    strength: Float[Array, " dose"],
    *,
    permutations: int,
    draws: int,
    seeds: list[int],
) -> dict[str, Any]:
    """Return everything about one behaviour."""
    groups = np.arange(len(loss))
    each, p, null = trend(loss, permutations=permutations, rng=seeds[0])
    middle = mean_interval(each[:, None], groups, rng=seeds[1])
    band = mean_interval(loss, groups, rng=seeds[1])
    curve = loss.mean(axis=0)
    monotone = isotonic(curve)
    spread = ((curve - curve.mean()) ** 2).sum()
    weights = group_weights(len(loss), draws, rng=seeds[2])
    fits = hill(strength, np.vstack([curve, weights @ loss / len(loss)]))
    half, reason = float(fits.half[0]), ""
    if p > 0.05:
        reason = "no trend at .05"
    elif not half <= strength[-1]:
        reason = "half of the top lies beyond the doses"
    ends = [np.nan, np.nan]
    if not reason:
        # A resample without an effect has its half beyond every dose, not nowhere.
        ends = np.quantile(
            np.where(np.isnan(fits.half[1:]), np.inf, fits.half[1:]),
            [0.025, 0.975],
            method="inverted_cdf",
        ).tolist()
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        fitted = fits.top[0] / (1.0 + (half / strength) ** fits.exponent[0])
    return {
        "effect": each.mean(),
        "low": middle.low[0],
        "high": middle.high[0],
        "null_mean": null.mean(),
        "null_std": null.std(ddof=1),
        "p": p,
        "curve": curve,
        "curve_low": band.low,
        "curve_high": band.high,
        "isotonic": monotone,
        "hill": np.where(strength > 0, fitted, 0.0),
        "isotonic_share": 1 - ((curve - monotone) ** 2).sum() / spread if spread else np.nan,
        "hill_share": fits.share[0],
        "ed50": np.nan if reason else half,
        "ed50_low": ends[0],
        "ed50_high": ends[1],
        "exponent": np.nan if reason else fits.exponent[0],
        "top": np.nan if reason else fits.top[0],
        "reason": reason,
    }


def trend(
    loss: Float[Array, "group dose"], *, permutations: int, rng: Any
) -> tuple[Float[Array, " group"], float, Float[Array, " draw"]]:
    """Return each group's rank correlation with the order of doses, p, and the null of the mean.

    Groups that lose the same at every dose have a correlation of 0.

    Examples
    --------
    >>> each, p, _ = trend(np.arange(72.0).reshape(12, 6), permutations=99, rng=0)
    >>> round(float(each.mean()), 9), p
    (1.0, 0.01)
    """
    groups, doses = loss.shape
    order = np.arange(doses) - (doses - 1) / 2
    ranks = np.asarray(centred_ranks(loss.T, dtype=np.float64)).T
    length = np.sqrt((ranks**2).sum(axis=1) * (order**2).sum())
    ranks = ranks / np.where(length > 0, length, 1.0)[:, None]
    each = ranks @ order
    generator = np.random.default_rng(rng)
    signs = generator.integers(0, 2, size=(permutations, groups)) * 2.0 - 1.0
    # Rank sums come out in other orders: rounding is no evidence.
    null = np.round(signs @ each / groups, 12)
    return each, float(p_value(round(float(each.mean()), 12), null)), null


def _ordered(perturbation: Perturbation, doses: Sequence[float]) -> tuple[float, np.ndarray]:
    """Return the dose that does nothing, and the others from weak to strong."""
    if perturbation.kind not in NEUTRAL:
        raise HomologueError(
            f"{perturbation.name} has no dose that does nothing, to which others could be "
            f"compared; graded are {', '.join(NEUTRAL)} (an ablation by degrees is cool(units, "
            "gain) with gains from 1 to 0)"
        )
    neutral = NEUTRAL[perturbation.kind]
    given = np.unique(np.asarray(list(doses), dtype=np.float64))
    if not np.isfinite(given).all():
        raise HomologueError(f"doses are finite numbers; given {list(doses)}")
    others = given[given != neutral]
    away = others - neutral
    if away.size < FEWEST_DOSES:
        raise HomologueError(
            f"a curve takes {FEWEST_DOSES} doses besides {neutral:g}, which does nothing; given "
            f"{list(doses)}"
        )
    if away.min() < 0 < away.max():
        raise HomologueError(
            f"doses lie on both sides of {neutral:g}, which does nothing; measure each side by "
            "itself"
        )
    return neutral, others[np.argsort(np.abs(away), kind="stable")]
