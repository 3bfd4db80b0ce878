"""Concept cells: which concepts drive a unit, over all their exemplars, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue._typing import Array, Bool
from homologue.inference import benjamini_hochberg, permutation_test, result
from homologue.inference._labelled import Labelled, labelled_design
from homologue.tuning._indices import d_prime
from homologue.tuning._reason import reasons
from homologue.tuning._selectivity import clustered_interval

KINDS = ("none", "monosemantic", "polysemantic")


def concept_cells(
    rec: xr.DataArray,
    variable: str = "concept",
    *,
    rng: np.random.Generator | int,
    permutations: int = 999,
    level: float = 0.05,
    related: Mapping[str, str] | None = None,
    minimum_lag: float | None = None,
    device: str | None = None,
) -> xr.Dataset:
    """Test every unit for every concept, and count the unrelated concepts that drive it.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit) without NaN. ``group`` is the exemplar (a picture, a word):
        a concept effect is then tested across exemplars, not across repeats of one.
    variable : str
        Whose classes are the concepts.
    rng : numpy Generator or int
    permutations : int
        Smallest p is 1 / (permutations + 1): with many units and concepts, take enough for
        the correction, which needs about (units × concepts) / (level × discoveries).
    level : float
        False-discovery rate at which concepts are counted.
    related : mapping of str to str, optional
        The family of a concept ("dog" → "animal"); concepts of one family count once.
    minimum_lag : float, optional
        Smallest circular shift, s, for recordings with ``time``.
    device : str, optional
        ``"numpy"`` or a torch device.

    Returns
    -------
    xarray.Dataset
        On (``unit``, ``concept``): ``effect`` = 2·AUC − 1 of the concept against the rest,
        ``roc_area``, ``d_prime``, ``low``/``high`` (95 %, clustered by exemplar; for the best
        concept and those discovered), ``null_mean``, ``null_std``, ``p`` (upper tail), ``q``
        (over all units × concepts), ``n`` (exemplars of the concept), ``invariance`` (2·share
        − 1 of its exemplars above the unit's median exemplar: 1 if all are, 0 by chance) with
        ``invariance_p``. On ``unit``: ``best_concept``, ``concepts`` (how many drive it, a
        family counting once), ``invariant_concepts`` (of those, with ``invariance_p`` ≤ level),
        ``kind`` ∈ none · monosemantic · polysemantic, ``reason`` (why a unit is NaN). On
        ``concept``: ``concept_reason`` (why a concept has no p).

    Raises
    ------
    InvalidDesign
        One concept, or fewer than 20 arrangements (too few exemplars).
    InvalidRecording
        NaN or Inf.

    Notes
    -----
    ``invariance`` is Mood's median test over exemplars: one exemplar that drives a unit
    strongly can make an effect, and cannot make invariance. A concept with one exemplar has an
    effect but no p: nothing tells the concept from the exemplar. A label that varies within
    groups has no ``invariance``. Which concepts count
    depends on those shown: one unit is monosemantic over 12 concepts and polysemantic over
    1 000 [1]_; "the rest" is the other concepts shown.

    References
    ----------
    .. [1] Quian Quiroga et al. 2005, Nature 435:1102, doi:10.1038/nature03687
    .. [2] Waydo, Kraskov, Quian Quiroga, Fried & Koch 2006, J. Neurosci. 26:10232,
       doi:10.1523/JNEUROSCI.2101-06.2006
    .. [3] Mood 1954, Ann. Math. Stat. 25:514, doi:10.1214/aoms/1177728719

    Examples
    --------
    >>> from homologue.recording import make, variable
    >>> concept = np.repeat(["cat", "cup", "sea"], 20)
    >>> drive = np.stack([concept == "cat", concept != "sea", concept == "none"], axis=1)
    >>> rate = np.random.default_rng(0).poisson(1 + 9 * drive)
    >>> rec = make(rate, variables={"concept": variable(concept)})
    >>> concept_cells(rec, rng=0).kind.values.tolist()
    ['monosemantic', 'polysemantic', 'none']
    """
    if not 0 < level < 1:
        raise HomologueError(f"level is a false-discovery rate between 0 and 1; given {level}")
    labelled = labelled_design(rec, variable, minimum_lag=minimum_lag)
    activity = labelled.activity(rec)
    names, codes = labelled.names, labelled.codes
    first, second = np.random.default_rng(rng).spawn(2)
    found = permutation_test(
        activity, codes, labelled.design, rng=first, permutations=permutations,
        statistic="contrast", tail="upper", device=device,
    )  # fmt: skip
    exemplars = np.array([np.unique(labelled.group[codes == c]).size for c in range(len(names))])
    alone = (exemplars < 2) & (labelled.design.scheme == "between groups")
    effect = np.asarray(found.observed)
    p = np.where(alone[:, None], np.nan, np.asarray(found.p))
    q = np.asarray(benjamini_hochberg(p))
    low, high = intervals(activity, labelled, effect, q <= level)
    driven = q <= level
    invariance, invariance_p = _invariance(
        activity, labelled, permutations=permutations, rng=second, device=device
    )
    invariant = driven & (invariance_p <= level)
    family = _families(names, related)
    concepts = _count(driven, family)
    constant = ~found.tested
    best = np.nan_to_num(effect, nan=-2.0).argmax(axis=0)
    kind = np.array(KINDS, dtype=object)[np.minimum(concepts, 2)]
    data = result(
        effect=effect.T,
        low=low.T,
        high=high.T,
        null_mean=np.asarray(found.null_mean).T,
        null_std=np.asarray(found.null_std).T,
        p=p.T,
        q=q.T,
        n=np.broadcast_to(exemplars, effect.T.shape),
        dims=("unit", "concept"),
        coords={
            **{str(k): c for k, c in rec.coords.items() if c.dims == ("unit",)},
            "concept": names,
        },
        attrs={
            "analysis": "tuning.concept_cells",
            "method": "2·AUC − 1 of a concept against the rest, upper tail",
            "variable": variable,
            "permutations": permutations,
            "interval": "95 %, Obuchowski, clustered by exemplar; best and discovered concepts",
            "family": f"Benjamini–Hochberg over {int(np.isfinite(p).sum())} units × concepts",
            "level": level,
            "n_constant": int(constant.sum()),
            **{key: value for key, value in labelled.attrs.items() if key != "classes"},
        },
    )
    d = d_prime(activity.astype(np.float64), codes, len(names))
    return data.assign(
        roc_area=(("unit", "concept"), (effect.T + 1) / 2),
        d_prime=(("unit", "concept"), d.T),
        invariance=(("unit", "concept"), invariance.T),
        invariance_p=(("unit", "concept"), invariance_p.T),
        best_concept=("unit", np.where(constant, "", np.array(names, dtype=object)[best])),
        concepts=("unit", concepts),
        invariant_concepts=("unit", _count(invariant, family)),
        kind=("unit", kind),
        reason=("unit", reasons(activity, found.tested)),
        concept_reason=("concept", np.where(alone, "one exemplar", "").astype(str)),
    )


def _families(names: list[str], related: Mapping[str, str] | None) -> np.ndarray:
    """Return the family of each concept as a code; each its own if nothing is said."""
    unknown = sorted(set(related or {}) - set(names))
    if unknown:
        raise HomologueError(
            f"related names concepts that do not occur: {', '.join(unknown[:5])}; the concepts "
            f"are {', '.join(names[:20])}"
        )
    keys = [("family", related[n]) if related and n in related else ("own", n) for n in names]
    order = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    return np.array([order[key] for key in keys])


def _count(driven: Bool[Array, "concept unit"], family: np.ndarray) -> np.ndarray:
    member = np.arange(family.max() + 1)[:, None] == family
    return np.asarray((member.astype(np.int64) @ driven.astype(np.int64) > 0).sum(axis=0))


def intervals(
    activity: np.ndarray, labelled: Labelled, effect: np.ndarray, driven: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals, (concept, unit), of the best concept and of those driven; else NaN."""
    wanted = driven.copy()
    best = np.nan_to_num(effect, nan=-2.0).argmax(axis=0)
    wanted[best, np.arange(best.size)] = True
    wanted &= np.isfinite(effect)
    low, high = np.full(effect.shape, np.nan), np.full(effect.shape, np.nan)
    for c in range(len(effect)):
        units = np.flatnonzero(wanted[c])
        if units.size:
            low[c, units], high[c, units] = clustered_interval(
                activity[:, units], labelled.codes, labelled.group,
                np.full(units.size, c), effect[c, units],
            )  # fmt: skip
    return low, high


def _invariance(
    activity: np.ndarray, labelled: Labelled, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return 2·share − 1 of a concept's exemplars above the median exemplar, and its p."""
    classes, units = len(labelled.names), activity.shape[1]
    nothing = np.full((classes, units), np.nan)
    if labelled.design.scheme != "between groups":
        return nothing, nothing
    group, codes = labelled.group, labelled.codes
    count = int(group.max()) + 1
    one_hot = np.zeros((count, group.size))
    one_hot[group, np.arange(group.size)] = 1 / np.bincount(group, minlength=count)[group]
    means = one_hot @ activity
    above = (means > np.median(means, axis=0)).astype(np.float64)
    of_exemplar = np.zeros(count, dtype=codes.dtype)
    of_exemplar[group] = codes
    member = (np.arange(classes)[:, None] == of_exemplar).astype(np.float64)
    exemplars = member.sum(axis=1)[:, None]
    # The same exchange of whole exemplars, each of which is now one sample.
    design = replace(labelled.design, _group_of=np.arange(count), _size=count)
    found = permutation_test(
        above, of_exemplar, design, statistic="contrast", tail="upper", scores="values", **options
    )
    kept = (exemplars >= 2) & np.isfinite(np.asarray(found.p))
    share = member @ above / exemplars
    return np.where(kept, 2 * share - 1, np.nan), np.where(kept, np.asarray(found.p), np.nan)
