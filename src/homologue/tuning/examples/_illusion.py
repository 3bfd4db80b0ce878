"""Whether the label that a unit's top examples suggest is true of its whole curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign
from homologue.inference import Design, benjamini_hochberg, exchangeability, p_value, result
from homologue.inference._labelled import Labelled, labelled_design
from homologue.tuning._reason import reasons
from homologue.tuning.examples._controls import (
    monotonic,
    quintile_counts,
    random_directions,
    random_set_labels,
)
from homologue.tuning.examples._reading import Half, Told, class_sums, suggested, told
from homologue.tuning.examples._spread import group_sums, limits

STATES = ("no label", "agrees", "illusion", "open")

_UNITS_AT_ONCE = 512
_DRAWS_AT_ONCE = 32
_QUINTILE_DRAWS = 99
_FEWEST = 4


def illusion(
    rec: xr.DataArray,
    variable: str,
    *,
    rng: np.random.Generator | int,
    top: int = 10,
    permutations: int = 999,
    directions: int = 100,
    sets: int = 100,
    level: float = 0.05,
    enough: float = 0.5,
    minimum_lag: float | None = None,
) -> xr.Dataset:
    """Test whether the label read from each unit's top examples holds on its whole curve.

    The groups are halved. On one half the label is read, as one reads it from a list of
    maximally activating examples: the class most over-represented among the ``top`` samples. On
    the other half it is measured over all quantiles: 2·AUC − 1 of the label against the rest,
    less the rival's part, which is the separation of the class that stands out most from what
    the label leaves (chosen, with its sign, on the first half as well). The halves then change
    places, and the two are averaged.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit) without NaN.
    variable : str
        The labels that examples may suggest.
    rng : numpy Generator or int
        Halves, relabellings, directions and sets.
    top : int
        How many examples are read in each half; 10 in [1]_.
    permutations : int
        Relabellings; the label, the rival and their effects are found anew under each.
    directions, sets : int
        How many of each control.
    level : float
        At which the top examples are said to share a label (``top_q``).
    enough : float
        Effect at which a label is said to tell the curve.
    minimum_lag : float, optional
        Smallest circular shift, s, for recordings with ``time``.

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect`` (1: the label tells the whole curve; 0: it fails on held-out
        groups, or another class has as large a part as the label) = ``label_effect`` −
        ``rival_effect``; ``low``/``high`` (95 %, over groups, classes as chosen),
        ``null_mean``, ``null_std``, ``p`` (upper tail), ``q``, ``n`` (groups); ``top_excess``
        (share of the label among the top examples, less its share of all) with ``top_p``,
        ``top_q``; ``state`` ∈ no label (``top_q`` > level) · agrees (``low`` > enough) ·
        illusion (``high`` < enough) · open; ``illusion``; ``monotonic`` (the label's samples
        rise over the quintiles) beside ``null_monotonic``, its share under relabelling;
        ``direction_mean``, ``direction_std``, ``direction_p`` and ``set_mean``, ``set_std``,
        ``set_p``, the same effect of random directions of the unit's site and of random sets in
        place of the top, and the share of them that reaches the unit's; ``reason`` where a unit
        was not tested. On (``unit``, ``half``): ``label``, ``rival``. On (``unit``,
        ``quintile``): ``quintile_share`` of the label's samples.

    Raises
    ------
    InvalidDesign
        One class, too few groups to halve, or fewer than 20 arrangements.
    InvalidRecording
        NaN or Inf.
    HomologueError
        Numbers that make no sense.

    Notes
    -----
    Labels permute within the halves, by the design of the recording. Random directions are the
    matched control: in [1]_ they looked as interpretable as units do, so that a label says
    something of the *unit* only where ``direction_p`` is small as well. With two classes there
    is no rival. The labels are those that were recorded: a unit may answer to something that
    none of them names, and then has no label here. Equal activities are ordered at random when
    the top is read. The effect is lowered by noise as well as by other labels: ``rival_effect``
    says which.

    References
    ----------
    .. [1] Bolukbasi et al. 2021, doi:10.48550/arXiv.2104.07143

    Examples
    --------
    >>> from homologue.recording import make
    >>> label = np.repeat(["sea", "cup", "cat", "law"], 40)
    >>> noise = np.random.default_rng(0).standard_normal((160, 2))
    >>> honest, illusory = [9.0, 0, 0, 0], [18.0, 9.0, 0, 0]
    >>> level = np.repeat(np.array([honest, illusory]).T, 40, axis=0)
    >>> found = illusion(make(noise + level, stimulus=label), "stimulus", rng=0, permutations=99)
    >>> found["state"].values.tolist()
    ['agrees', 'illusion']
    """
    _check(top, permutations, directions, sets, enough)
    labelled = labelled_design(rec, variable, minimum_lag=minimum_lag)
    split, shuffled, aside, chosen = np.random.default_rng(rng).spawn(4)
    half_of, design = _halved(rec, labelled, split, minimum_lag)
    smallest = int(np.bincount(half_of).min())
    if top * 2 > smallest:
        raise HomologueError(
            f"top is {top}, but the smaller half has {smallest} samples: the top is to be a "
            f"small part of them; take {max(1, smallest // 4)} or fewer"
        )
    activity = labelled.activity(rec)
    drawn = labelled.codes[design.draw(permutations, shuffled)]
    task = _Task(
        labelled.codes.astype(np.int16), drawn.astype(np.int16), half_of, labelled.group,
        len(labelled.names), top, split.permutation(half_of.size),
    )  # fmt: skip
    site = _sites(rec)
    one, other = (
        random_set_labels(half, task.codes, task.classes, top=top, count=sets, rng=chosen)
        for half in task.halves(activity[:, :1])
    )
    parts = []
    for start in range(0, activity.shape[1], _UNITS_AT_ONCE):
        parts.append(_measured(task, activity[:, start : start + _UNITS_AT_ONCE], (one, other)))
    found = {name: np.concatenate([p[name] for p in parts], axis=-1) for name in parts[0]}
    along = [
        task.observed(own)[0] if own.shape[1] else np.full(0, np.nan)
        for own in random_directions(activity, site, directions, aside)
    ]
    found |= _beside(found["effect"], along, site)
    return _dataset(rec, labelled, found, design, level=level, enough=enough, attrs={
        "variable": variable, "top": top, "permutations": permutations,
        "directions": directions, "sets": sets,
    })  # fmt: skip


@dataclass(frozen=True)
class _Task:
    """What is the same for all units: labels, relabellings, halves."""

    codes: np.ndarray
    drawn: np.ndarray
    half_of: np.ndarray
    group: np.ndarray
    classes: int
    top: int
    tie_order: np.ndarray

    def halves(self, activity: np.ndarray) -> tuple[Half, Half]:
        rows = [np.flatnonzero(self.half_of == h) for h in (0, 1)]
        first, second = (Half.of(activity, some, self.top, self.tie_order) for some in rows)
        return first, second

    def read(self, halves: tuple[Half, Half], codes: np.ndarray) -> tuple[Told, Told]:
        """Return what each half's top tells of the other half, under each labelling."""
        sums = [class_sums(half, codes, self.classes) for half in halves]
        label = [suggested(half, codes, self.classes) for half in halves]
        return told(*label[0], sums[0], sums[1]), told(*label[1], sums[1], sums[0])

    def observed(self, activity: np.ndarray) -> np.ndarray:
        """Return the effect of each column alone."""
        one, other = self.read(self.halves(activity), self.codes[None])
        return np.asarray((one.effect + other.effect) / 2)


def _measured(
    task: _Task, activity: np.ndarray, sets: tuple[np.ndarray, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return everything that concerns a block of units."""
    halves = task.halves(activity)
    both = task.read(halves, task.codes[None])
    effect = (both[0].effect[0] + both[1].effect[0]) / 2
    excess = (both[0].excess[0] + both[1].excess[0]) / 2
    null, top_null, rising = _null(task, halves)
    held = halves[1], halves[0]
    pairs = list(zip(held, both, strict=True))
    parts = [group_sums(h, t, task.codes, task.group, activity) for h, t in pairs]
    low, high = limits(effect, parts)
    counts = sum(quintile_counts(h, t, task.codes[None]) for h, t in pairs)
    assert not isinstance(counts, int)
    random = _random_sets(task, halves, sets)
    varies = (activity != activity[:1]).any(axis=0)
    found = {
        "effect": effect, "low": low, "high": high,
        "null_mean": null.mean(axis=0), "null_std": null.std(axis=0, ddof=1),
        "p": p_value(effect, null),
        "label_effect": (both[0].label_effect[0] + both[1].label_effect[0]) / 2,
        "rival_effect": (both[0].rival_effect[0] + both[1].rival_effect[0]) / 2,
        "top_excess": excess, "top_p": p_value(excess, top_null),
        "monotonic": monotonic(counts)[0].astype(np.float64), "null_monotonic": rising,
        "set_mean": random.mean(axis=0), "set_std": random.std(axis=0),
        "set_p": p_value(effect, random),
    }  # fmt: skip
    found = {name: np.where(varies, value, np.nan) for name, value in found.items()}
    share = counts[0] / np.maximum(counts[0].sum(axis=0), 1)
    return found | {
        "quintile_share": np.where(varies, share, np.nan),
        "label": np.stack([np.where(varies, t.label[0], -1) for t in both]),
        "rival": np.stack([np.where(varies & (t.sign[0] != 0), t.rival[0], -1) for t in both]),
    }


def _null(task: _Task, halves: tuple[Half, Half]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return effects and excesses under relabelling, and how often the label is monotonic."""
    effects, excesses, rising = [], [], []
    seen = 0
    for start in range(0, len(task.drawn), _DRAWS_AT_ONCE):
        codes = task.drawn[start : start + _DRAWS_AT_ONCE]
        one, other = task.read(halves, codes)
        effects.append((one.effect + other.effect) / 2)
        excesses.append((one.excess + other.excess) / 2)
        for draw in range(max(0, min(len(codes), _QUINTILE_DRAWS - seen))):
            some, single = slice(draw, draw + 1), codes[draw : draw + 1]
            counts = _of_draw(halves[1], one, single, some) + _of_draw(
                halves[0], other, single, some
            )
            rising.append(monotonic(counts)[0])
            seen += 1
    return np.concatenate(effects), np.concatenate(excesses), np.mean(rising, axis=0)


def _of_draw(half: Half, found: Told, codes: np.ndarray, some: slice) -> np.ndarray:
    one = Told(*(getattr(found, name)[some] for name in Told.__dataclass_fields__))
    return quintile_counts(half, one, codes)


def _random_sets(
    task: _Task, halves: tuple[Half, Half], labels: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Return the effects of labels that random sets suggest, (set, unit)."""
    sums = [class_sums(half, task.codes[None], task.classes) for half in halves]
    units = halves[0].ranks.shape[1]
    out = np.zeros((labels[0].size, units))
    for search, held in ((0, 1), (1, 0)):
        by_class = np.zeros((task.classes, units))
        for c in np.unique(labels[search]):
            fixed = np.full((1, units), c)
            by_class[c] = told(fixed, np.zeros((1, units)), sums[search], sums[held]).effect[0]
        out += by_class[labels[search]] / 2
    return out


def _beside(effect: np.ndarray, along: list[np.ndarray], site: np.ndarray) -> dict[str, np.ndarray]:
    """Return each unit's standing among the random directions of its site."""
    names = ("direction_mean", "direction_std", "direction_p")
    out = {name: np.full(effect.shape, np.nan) for name in names}
    for number, effects in enumerate(along):
        own = site == number
        if effects.size and np.isfinite(effects).all():
            out["direction_mean"][own] = effects.mean()
            out["direction_std"][own] = effects.std()
            draws = np.broadcast_to(effects[:, None], (effects.size, int(own.sum())))
            out["direction_p"][own] = p_value(effect[own], draws)
    return out


def _halved(
    rec: xr.DataArray,
    labelled: Labelled,
    rng: np.random.Generator,
    minimum_lag: float | None,
) -> tuple[np.ndarray, Design]:
    """Return the half of each sample, whole groups together, and the design within halves."""
    group, codes = labelled.group, labelled.codes
    count = int(group.max()) + 1
    extra: dict[str, Any] = {
        name: rec[name].values[labelled.rows] for name in ("block", "time") if name in rec.coords
    }
    if count < _FEWEST:
        raise InvalidDesign(
            f"{count} groups cannot be halved into a half to read the label from and one to "
            "measure it on; record more independent groups, or declare independent stretches "
            "(recording.blocks of seconds) as groups"
        )
    first = np.zeros(count, dtype=np.int64)
    first[group[::-1]] = np.arange(group.size)[::-1]
    # Groups of one class and block are dealt out in turn, so that both halves have each class.
    block = np.unique(extra.get("block", np.zeros(group.size)), return_inverse=True)[1]
    order = np.lexsort((rng.random(count), codes[first], block[first]))
    half = np.empty(count, dtype=np.int64)
    half[order] = (np.arange(count) + rng.integers(2)) % 2
    half_of = half[group]
    extra["block"] = block * 2 + half_of
    return half_of, exchangeability(codes, group, minimum_lag=minimum_lag, **extra)


def _sites(rec: xr.DataArray) -> np.ndarray:
    if "site" not in rec.coords:
        return np.zeros(rec.sizes["unit"], dtype=np.int64)
    return np.asarray(np.unique(rec["site"].values, return_inverse=True)[1])


def _check(top: int, permutations: int, directions: int, sets: int, enough: float) -> None:
    sizes = {"top": top, "permutations": permutations, "directions": directions, "sets": sets}
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise HomologueError(f"{name} is a whole number, 1 or more; given {size!r}")
    if not 0 < enough < 1:
        raise HomologueError(f"enough is an effect between 0 and 1; given {enough}")


def _dataset(
    rec: xr.DataArray,
    labelled: Labelled,
    found: dict[str, np.ndarray],
    design: Design,
    *,
    level: float,
    enough: float,
    attrs: dict[str, Any],
) -> xr.Dataset:
    tested = np.isfinite(found["effect"])
    q = benjamini_hochberg(found["p"])
    top_q = benjamini_hochberg(found["top_p"])
    names = np.array([*labelled.names, ""], dtype=object)
    state = np.full(tested.shape, "open", dtype=object)
    state[found["low"] > enough] = "agrees"
    state[found["high"] < enough] = "illusion"
    state[~(top_q <= level)] = "no label"
    state[~tested] = ""
    scalars = ("effect", "low", "high", "null_mean", "null_std", "p")
    data = result(
        **{name: found[name] for name in scalars},
        q=q,
        n=int(labelled.group.max()) + 1,
        dims=("unit",),
        coords={str(k): c for k, c in rec.coords.items() if c.dims == ("unit",)},
        attrs={
            "analysis": "tuning.examples.illusion",
            "method": "label of the top examples of one half of the groups, 2·AUC − 1 on the "
            "other half less the rival's part",
            "interval": "95 %, influence function summed by group, classes as chosen",
            "family": f"Benjamini–Hochberg over {int(tested.sum())} units",
            "level": level,
            "enough": enough,
            "n_constant": int((~tested).sum()),
            **attrs,
            **labelled.attrs,
            "null": f"{labelled.attrs['null']}, within halves",
            "scheme": design.scheme,
        },
    )
    on_unit = {n: v for n, v in found.items() if v.ndim == 1 and n not in scalars}
    more: dict[str, Any] = {name: ("unit", value) for name, value in on_unit.items()}
    more |= {
        "top_q": ("unit", top_q),
        "state": ("unit", state),
        "illusion": ("unit", state == "illusion"),
        "reason": ("unit", reasons(labelled.activity(rec), tested)),
        "label": (("unit", "half"), names[found["label"].T]),
        "rival": (("unit", "half"), names[found["rival"].T]),
        "quintile_share": (("unit", "quintile"), found["quintile_share"].T),
    }
    return data.assign(more)
