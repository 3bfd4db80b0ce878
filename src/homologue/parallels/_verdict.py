"""The verdict rule: from votes to a sentence, in code, versioned and printed in the report.

One vote per family (the median of its cells, never the best) goes into one of four strata:
brain, model, untrained twin, other science. What the strata show decides; Cliff's delta [1]_
between {brain, model} and {untrained, other science}, with its exact randomisation null, has
the last word on *specific*.

References
----------
.. [1] Cliff 1993, Psychological Bulletin 114:494, doi:10.1037/0033-2909.114.3.494
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

import numpy as np

RULE_VERSION = 1

STRATA = {"brain": "B", "model": "M", "untrained": "T", "other-science": "O"}
STATES = ("present", "absent", "open", "not applicable")
VERDICTS = (
    "specific",
    "generic",
    "architectural",
    "brain only",
    "model only",
    "mixed",
    "absent",
    "undetermined",
    "underpowered",
)
MINIMUM_VOTES = 2
EXACT_UP_TO = 5_000
DRAWS = 9_999

RULE = """\
cell     e with its 90 % group-bootstrap interval, p by permutation, q = Benjamini-Hochberg over
         the claim's cells.
         not applicable: a need is unmet · present: q < .05 and e >= SESOI
         absent: upper end of the interval < SESOI · open: otherwise
vote     one per family: its median cell (the lower one of two)
stratum  brain, model, untrained, other science; over its determinate votes, at least 2 needed:
         present if >= 2/3 present · absent if <= 1/3 · else open
verdict  the first that holds
         1  any stratum with fewer than 2 applicable votes, or smallest p > .05 -> underpowered
         2  brain or model open                                                 -> undetermined
         3  brain and model absent                                              -> absent
         4  brain, model and other science present                              -> generic
         5  model and untrained present, other science determinate
                                         -> architectural if other science is absent, else mixed
         6  untrained or other science open                                     -> undetermined
         7  other science or untrained present                                  -> mixed
         8  brain and model present -> specific if Cliff's delta has p < .05, else undetermined
         9  brain only · model only
delta    Cliff's delta of {brain, model} against {untrained, other science}; its null swaps within
         model-twin pairs and relabels brains and other sciences, exact up to 5 000 arrangements,
         else 9 999 draws. smallest p = 1 / (2^pairs * C(brains + others, brains)), where pairs
         are models with their twin in the panel
"""


@dataclass(frozen=True)
class Vote:
    """One family's vote on one claim.

    Attributes
    ----------
    family : str
        What counts once. A model and its twin share the name.
    kind : str
        One of the four voting kinds.
    state : str
        One of :data:`STATES`.
    effect : float
        Effect of the median cell; NaN where not applicable.
    """

    family: str
    kind: str
    state: str
    effect: float


@dataclass(frozen=True)
class Verdict:
    """What the panel shows about one claim.

    Attributes
    ----------
    verdict : str
        One of :data:`VERDICTS`.
    pattern : str
        For example ``"B+ M+ T− O?"``.
    delta, p, smallest_p : float
        Cliff's delta, its one-sided p, and the smallest p this panel could give.
    counts : dict of str to int
        Applicable votes per kind.
    missing : str
        What has to be added for a verdict; empty if nothing.
    reason : str
        Which line of the rule decided.
    """

    verdict: str
    pattern: str
    delta: float
    p: float
    smallest_p: float
    counts: dict[str, int]
    missing: str
    reason: str


def median_vote(family: str, kind: str, states: Sequence[str], effects: Sequence[float]) -> Vote:
    """Return one family's vote: its median applicable cell, the lower one of two.

    Parameters
    ----------
    family, kind : str
        As in :class:`Vote`.
    states, effects : sequence
        Of the family's cells.

    Examples
    --------
    >>> median_vote("fly", "brain", ["present", "open", "absent"], [0.4, 0.2, 0.01]).state
    'open'
    """
    applicable = [
        (effect, state)
        for state, effect in zip(states, effects, strict=True)
        if state != "not applicable" and np.isfinite(effect)
    ]
    if not applicable:
        return Vote(family, kind, "not applicable", float("nan"))
    effect, state = sorted(applicable)[(len(applicable) - 1) // 2]
    return Vote(family, kind, state, effect)


def stratum(states: Sequence[str]) -> str:
    """Return what a stratum shows: ``present``, ``absent`` or ``open``.

    Examples
    --------
    >>> stratum(["present", "present", "absent"]), stratum(["present", "open"])
    ('present', 'open')
    """
    present = sum(state == "present" for state in states)
    determinate = present + sum(state == "absent" for state in states)
    if determinate < MINIMUM_VOTES:
        return "open"
    if 3 * present >= 2 * determinate:
        return "present"
    return "absent" if 3 * present <= determinate else "open"


def cliffs_delta(first: np.ndarray, second: np.ndarray) -> float:
    """Return Cliff's delta: P(first > second) − P(first < second).

    Parameters
    ----------
    first, second : array, shape (value,)
        Two sets of effects.

    Examples
    --------
    >>> cliffs_delta(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.75
    """
    return float(np.sign(first[:, None] - second[None, :]).mean())


def delta_test(
    votes: Sequence[Vote], *, rng: np.random.Generator | int = 0
) -> tuple[float, float, float]:
    """Test whether {brain, model} exceeds {untrained, other science}.

    Parameters
    ----------
    votes : sequence of Vote
        Applicable votes.
    rng : numpy Generator or int
        Used only above 5 000 arrangements.

    Returns
    -------
    delta, p, smallest_p : float
        ``smallest_p`` follows from the panel alone.
    """
    effects = np.array([vote.effect for vote in votes])
    first = np.array([vote.kind in ("brain", "model") for vote in votes])
    place = {(vote.kind, vote.family): i for i, vote in enumerate(votes)}
    pairs = [
        (i, place["untrained", family])
        for (kind, family), i in place.items()
        if kind == "model" and ("untrained", family) in place
    ]
    swappable = [i for i, vote in enumerate(votes) if vote.kind in ("brain", "other-science")]
    brains = sum(vote.kind == "brain" for vote in votes)
    total = 2 ** len(pairs) * math.comb(len(swappable), brains)
    if not first.any() or first.all():
        return float("nan"), float("nan"), 1.0 / total
    # Signs of pairs on the same side cancel, so a side's sum of row sums is all delta needs.
    wins = np.sign(effects[:, None] - effects[None, :]).sum(axis=1)

    def deltas(member: np.ndarray) -> np.ndarray:
        return member @ wins / (first.sum() * (~first).sum())

    observed = float(deltas(first[None].astype(float))[0])
    panel = (tuple(first.tolist()), tuple(pairs), tuple(swappable))
    if total <= EXACT_UP_TO:
        exceed = int((deltas(_all_arrangements(*panel)) >= observed - 1e-12).sum())
        return observed, exceed / total, 1.0 / total
    if isinstance(rng, np.random.Generator):
        drawn = _drawn_arrangements(*panel, rng)
    else:
        drawn = _drawn_again(*panel, int(rng))
    exceed = int((deltas(drawn) >= observed - 1e-12).sum())
    return observed, (exceed + 1) / (DRAWS + 1), 1.0 / total


Pairs = tuple[tuple[int, int], ...]
"""Places of each model and its twin among the votes."""


@lru_cache(maxsize=8)  # the claims of a panel are voted on by the same systems
def _all_arrangements(
    first: tuple[bool, ...], pairs: Pairs, swappable: tuple[int, ...]
) -> np.ndarray:
    """Return who may have been on the first side, 1 or 0, (arrangement, vote)."""
    places = list(swappable)
    brains = sum(first[place] for place in swappable)
    rows = []
    for swaps in product((False, True), repeat=len(pairs)):
        base = np.array(first, dtype=float)
        for (model, twin), swap in zip(pairs, swaps, strict=True):
            base[model], base[twin] = not swap, swap
        base[places] = 0
        for chosen in combinations(swappable, brains):
            row = base.copy()
            row[list(chosen)] = 1
            rows.append(row)
    return np.array(rows)


def _drawn_arrangements(
    first: tuple[bool, ...], pairs: Pairs, swappable: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    member = np.tile(np.array(first, dtype=float), (DRAWS, 1))
    if pairs:
        model, twin = np.array(pairs).T
        swap = rng.random((DRAWS, len(pairs))) < 0.5
        member[:, model], member[:, twin] = ~swap, swap
    places = list(swappable)
    member[:, places] = rng.permuted(member[:, places], axis=1)
    return member


@lru_cache(maxsize=8)
def _drawn_again(
    first: tuple[bool, ...], pairs: Pairs, swappable: tuple[int, ...], seed: int
) -> np.ndarray:
    return _drawn_arrangements(first, pairs, swappable, np.random.default_rng(seed))


def verdict(votes: Sequence[Vote], *, rng: np.random.Generator | int = 0) -> Verdict:
    """Apply the rule (:data:`RULE`) to a claim's votes.

    Parameters
    ----------
    votes : sequence of Vote
        One per family and kind; kinds that do not vote are ignored.
    rng : numpy Generator or int
        Used only where delta's null is drawn.

    Returns
    -------
    Verdict

    Notes
    -----
    Systems in a panel are chosen, not sampled: the p of delta speaks of this panel under
    exchange of its members, not of a population of brains and networks.

    Examples
    --------
    >>> votes = [Vote(f"f{i}", "brain", "present", 0.5) for i in range(3)]
    >>> verdict(votes).verdict
    'underpowered'
    """
    voting = [vote for vote in votes if vote.kind in STRATA and vote.state != "not applicable"]
    counts = {kind: sum(vote.kind == kind for vote in voting) for kind in STRATA}
    show = {kind: stratum([vote.state for vote in voting if vote.kind == kind]) for kind in STRATA}
    sign = {"present": "+", "absent": "−", "open": "?"}
    pattern = " ".join(
        letter + (sign[show[kind]] if counts[kind] else "·") for kind, letter in STRATA.items()
    )
    delta, p, smallest_p = delta_test(voting, rng=rng)
    name, reason = _decide(show, counts, p, smallest_p)
    return Verdict(
        name, pattern, delta, p, smallest_p, counts, _missing(name, counts, show, voting), reason
    )


def _decide(
    show: dict[str, str], counts: dict[str, int], p: float, smallest_p: float
) -> tuple[str, str]:
    brain, model, twin, other = (show[kind] for kind in STRATA)
    few = [kind for kind in STRATA if counts[kind] < MINIMUM_VOTES]
    if few:
        return "underpowered", "fewer than 2 applicable votes: " + ", ".join(few)
    if smallest_p > 0.05:
        return "underpowered", f"the smallest p this panel could give is {smallest_p:.3f}"
    if "open" in (brain, model):
        which = " and ".join(k for k in ("brain", "model") if show[k] == "open")
        return "undetermined", f"{which} open"
    if brain == model == "absent":
        return "absent", "brains and models both absent"
    if brain == model == other == "present":
        return "generic", "brains, models and other sciences all present"
    if model == twin == "present" and other != "open":
        if other == "absent":
            return "architectural", "untrained twins show it, other sciences do not"
        return "mixed", "models, untrained twins and other sciences present, brains not"
    if "open" in (twin, other):
        which = " and ".join(k for k in ("untrained", "other-science") if show[k] == "open")
        return "undetermined", f"{which} open"
    if "present" in (twin, other):
        which = " and ".join(k for k in ("untrained", "other-science") if show[k] == "present")
        return "mixed", f"{which} present without the rest of a pattern"
    if brain == model == "present":
        if p < 0.05:
            return "specific", f"brains and models alone, delta p = {p:.3g}"
        return "undetermined", f"pattern of specific, but delta p = {p:.3g}"
    return ("brain only" if brain == "present" else "model only"), "only this stratum is present"


def _missing(
    name: str, counts: dict[str, int], show: dict[str, str], voting: Sequence[Vote]
) -> str:
    if name not in ("underpowered", "undetermined"):
        return ""
    parts = []
    for kind in STRATA:
        if counts[kind] < MINIMUM_VOTES:
            parts.append(f"{MINIMUM_VOTES - counts[kind]} more {kind}")
        elif show[kind] == "open":
            undecided = sum(v.kind == kind and v.state == "open" for v in voting)
            parts.append(
                f"{kind}: {undecided} of {counts[kind]} open, more groups needed"
                if undecided
                else f"{kind}: split votes, more families needed"
            )
    if not parts and name == "underpowered":
        parts.append("more brains, models or other sciences")
    return "; ".join(parts)


__all__ = [
    "RULE",
    "RULE_VERSION",
    "STRATA",
    "VERDICTS",
    "Verdict",
    "Vote",
    "cliffs_delta",
    "delta_test",
    "median_vote",
    "stratum",
    "verdict",
]
