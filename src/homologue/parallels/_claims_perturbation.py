"""Claims about causes: silencing tuned units is specific, graded, and predicted by tuning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from scipy.stats import rankdata

from homologue._typing import Array, Float
from homologue.parallels._claim import Claim, Reference, register
from homologue.parallels._matched import Effort, Evidence, NotApplicable, Sizes, until_clear
from homologue.parallels._perturbed import (
    GROUPS,
    Bench,
    Prepared,
    Target,
    margins,
    prepare,
    resamples,
)
from homologue.perturb import ablate, cool
from homologue.perturb._controls import matched_sets, strata

SHARE = 1 / 12
"""Of the units, silenced together: one in the smallest system."""

SETS, FIRST_SETS = 99, 33
"""Random sets at most, and before it is asked whether more would tell: each is a run."""

GAINS = (1.0, 0.75, 0.5, 0.25, 0.0)

PARTS = 24
"""Sets into which all units are cut, by influence and then by tuning."""

STRATA = 4


def _prepared(
    benches: Sequence[Bench], variable: str, limit: str, *, control: bool, seed: int
) -> list[Prepared]:
    """Return the systems that have a behaviour to impair.

    Raises
    ------
    NotApplicable
        It cannot be perturbed, or no readout tells held-out groups apart.
    """
    system = benches[0].system if benches else None
    limits = getattr(system, "limits", None)
    if limits is not None:
        raise NotApplicable(limits[limit])
    # Tables and recordings have the verb too, and refuse it.
    if not (hasattr(system, "dynamics") or hasattr(system, "model")):
        raise NotApplicable("recorded only: it cannot be perturbed")
    found = [prepare(one, variable, control=control, seed=seed) for one in benches]
    able = [one for one in found if one.readable[0] and (one.readable[1:].any() or not control)]
    if len(able) < len(benches) or not able:
        what = "the matched or every other contrast" if control else "the contrast"
        raise NotApplicable(
            f"a readout of its own does not tell {what} in held-out groups: nothing to impair"
            + (f" ({len(able)} of {len(benches)} seeds have one)" if len(benches) > 1 else "")
        )
    return able


def _top(one: Prepared) -> np.ndarray:
    """Return the most tuned units; ties in the order of units."""
    count = max(1, round(SHARE * one.names.size))
    chosen = np.zeros(one.names.size, dtype=bool)
    chosen[np.argsort(-one.tuning, kind="stable")[:count]] = True
    return chosen


def _impairment(
    scores: Float[Array, "... group"],
    sign: Float[Array, " group"],
    weight: Float[Array, "... group"] | None = None,
    whole: Float[Array, "..."] | float = 1.0,
) -> Float[Array, "..."]:
    return np.clip(1 - margins(scores, sign, weight) / whole, -1, 1)


def _specific(
    benches: Sequence[Bench],
    variable: str,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator,
) -> Evidence:
    seed = int(rng.integers(2**32))
    able = _prepared(benches, variable, "behaviour", control=True, seed=seed)
    most = min(SETS, effort.permutations)
    chosen = [_top(one) for one in able]
    sets = [
        matched_sets(top, strata(one.key, top), draws=most, rng=seed)
        for one, top in zip(able, chosen, strict=True)
    ]

    def scores_of(units: Sequence[Iterable[np.ndarray]]) -> np.ndarray:
        """Return the scores (target, contrast, group) that seeds have on the average."""
        runs = [
            one.scores([(ablate(one.names[m].tolist()),) if m.size else () for m in own])
            for one, own in zip(able, units, strict=True)
        ]
        known = np.isfinite(runs)
        # A seed whose readout of a control contrast is at chance says nothing of that contrast.
        return np.asarray(np.where(known, runs, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))

    sign = able[0].sign
    told = [c for c in range(1, len(sign)) if any(one.readable[c] for one in able)]
    intact, silenced = scores_of([(np.empty(0, int), np.flatnonzero(top)) for top in chosen])

    def statistic(of: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
        """Return matched less control impairment of (…, contrast, group)."""

        def part(c: int) -> np.ndarray:
            whole = margins(intact[c], sign[c], weight)
            return _impairment(of[..., c, :], sign[c], weight, np.maximum(whole, 1e-9))

        return np.clip(part(0) - np.mean([part(c) for c in told], axis=0), -1, 1)

    waiting = [iter(own) for own in sets]
    observed = float(statistic(silenced))
    null = until_clear(
        lambda number: statistic(scores_of([islice(own, number) for own in waiting])),
        observed,
        most,
        first=FIRST_SETS,
    )
    weight = resamples(sign, effort.resamples, rng)
    return _evidence(
        observed,
        null,
        statistic(silenced, weight),
        able,
        "random units matched on activation × outgoing norm",
    )


def _graded(
    benches: Sequence[Bench],
    variable: str,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator,
) -> Evidence:
    seed = int(rng.integers(2**32))
    able = _prepared(benches, variable, "dose", control=False, seed=seed)
    runs = []
    for one in able:
        names = one.names[_top(one)].tolist()
        runs.append(one.scores([(cool(names, gain),) for gain in GAINS])[:, 0])
    scores, sign = np.mean(runs, axis=0), able[0].sign[0]
    # What is below a millionth of the margin is arithmetic, not an effect.
    drop = np.round(sign * (scores[0] - scores), 6)
    rank = rankdata(drop, axis=0) - (len(GAINS) + 1) / 2
    dose = np.arange(len(GAINS)) - (len(GAINS) - 1) / 2
    norm = np.sqrt((rank**2).sum(axis=0) * (dose**2).sum())

    def balanced(each: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
        return margins(each * sign, sign, weight) / 2

    own = np.where(norm > 0, dose @ rank / np.maximum(norm, 1e-9), 0.0)
    reversed_ = rng.choice([-1.0, 1.0], (effort.permutations, own.size))
    weight = resamples(sign[None], effort.resamples, rng)
    return _evidence(
        float(balanced(own)),
        balanced(own * reversed_),
        balanced(own, weight),
        able,
        "order of doses reversed, or not, in each held-out group",
    )


def _predicted(
    benches: Sequence[Bench],
    variable: str,
    sizes: Sizes,
    effort: Effort,
    rng: np.random.Generator,
) -> Evidence:
    seed = int(rng.integers(2**32))
    able = _prepared(benches, variable, "tuning", control=False, seed=seed)
    weight = resamples(able[0].sign[:1], effort.resamples, rng)
    observed, null, bootstrap = [], [], []
    for one in able:
        part, stratum = _parts(one)
        count = int(part.max()) + 1
        tuning = np.bincount(part, one.tuning) / np.bincount(part)
        sign = one.sign[0]
        sets = [np.flatnonzero(part == p) for p in range(count)]
        each: list[Target] = [(ablate(one.names[m].tolist()),) for m in sets]
        whole, *parts = one.scores([(), *each])[:, 0]
        scores = np.stack(parts)
        effect = np.round(_impairment(scores, sign), 6)
        order = np.stack([_within(stratum, rng) for _ in range(effort.permutations)])
        observed.append(_spearman(tuning, effect))
        null.append(_spearman(tuning[order], effect))
        again = _impairment(
            scores, sign, weight[:, None], margins(whole, sign, weight)[:, None].clip(min=1e-9)
        )
        bootstrap.append(_spearman(tuning, np.round(again, 6)))
    return _evidence(
        float(np.mean(observed)),
        np.mean(null, axis=0),
        np.mean(bootstrap, axis=0),
        able,
        "tuning permuted among sets of like activation × outgoing norm",
    )


def _parts(one: Prepared) -> tuple[np.ndarray, np.ndarray]:
    """Return the set of each unit, and the stratum of each set.

    Units are cut into strata of influence, each of these by tuning into sets of like size.
    """
    units = one.names.size
    total = min(PARTS, units)
    count = max(1, min(STRATA, total // 6))
    each = total // count
    part = np.zeros(units, dtype=np.int64)
    order = np.argsort(one.key, kind="stable")
    for number, members in enumerate(np.array_split(order, count)):
        by_tuning = members[np.argsort(one.tuning[members], kind="stable")]
        for step, few in enumerate(np.array_split(by_tuning, each)):
            part[few] = number * each + step
    return part, np.repeat(np.arange(count), each)


def _within(stratum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a permutation that keeps strata (which are consecutive)."""
    return np.lexsort((rng.random(stratum.size), stratum))


def _spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return rank correlations along the last axis; 0 where one of them does not vary."""
    first = rankdata(a, axis=-1)
    second = rankdata(b, axis=-1)
    first = first - first.mean(axis=-1, keepdims=True)
    second = second - second.mean(axis=-1, keepdims=True)
    norm = np.sqrt((first**2).sum(axis=-1) * (second**2).sum(axis=-1))
    return np.where(norm > 0, (first * second).sum(axis=-1) / np.maximum(norm, 1e-12), 0.0)


def _evidence(
    observed: float,
    null: np.ndarray,
    bootstrap: np.ndarray,
    able: Sequence[Prepared],
    scheme: str,
) -> Evidence:
    centred = np.asarray(bootstrap) - np.mean(bootstrap) + observed
    return Evidence(
        observed=observed,
        null=np.asarray(null),
        bootstrap=centred,
        n_groups=able[0].sign.shape[1],
        n_units=able[0].names.size,
        n_classes=2,
        scheme=scheme,
    )


_OWN = (
    "a linear readout trained on the system's own unperturbed features, of groups held out from "
    "choosing units and training"
)
_SIZES = Sizes(groups=GROUPS // 2, units=1, classes=2)
_NEEDS = ("variable", "given labels", "system")

PERTURBING_IS_SPECIFIC = register(
    Claim(
        id="perturbing-tuned-units-is-specific",
        version=2,
        question="Do ablation and lesion show the same of both?",
        sentence=(
            "Silencing the units most tuned to one contrast impairs that contrast more than "
            "others, beyond random units as active and as strongly connected."
        ),
        statistic=(
            f"share of the margin lost for the matched contrast less the mean share lost for "
            f"others, a twelfth of the units silenced; margin of {_OWN}"
        ),
        null=(
            f"up to {SETS} random sets of as many units, matched on activation × outgoing norm; "
            f"{FIRST_SETS} where ten of those impair as much"
        ),
        against=(
            "random matched units that do as much; for “specific”, the same dissociation in "
            "twins with readouts of their own, or in other sciences' simulations"
        ),
        sizes=_SIZES,
        gather=_specific,
        needs=_NEEDS,
        references=(
            Reference("Morcos et al. 2018, ICLR, arXiv:1803.06959"),
            Reference("Wang et al. 2023, ICLR, arXiv:2211.00593"),
        ),
    )
)

EFFECTS_ARE_GRADED = register(
    Claim(
        id="effects-are-graded-with-dose",
        version=2,
        question="Do cooling and scaling show the same of both?",
        sentence="The more the tuned units are cooled, the more of their contrast is lost.",
        statistic=(
            "rank correlation of dose (gains 1, .75, .5, .25, 0) with the loss of margin, "
            f"averaged over held-out groups, both sides of the contrast alike; {_OWN}"
        ),
        null=(
            "order of doses reversed, or not, in each held-out group: groups may change with the "
            "dose, but in no direction on the average; which units are cooled is the business of "
            "specificity"
        ),
        against="losses that come at once, come back, or have the other sign",
        sizes=_SIZES,
        gather=_graded,
        needs=_NEEDS,
        references=(Reference("Long & Fee 2008, Nature 456:189", "10.1038/nature07448"),),
    )
)

TUNING_PREDICTS_EFFECT = register(
    Claim(
        id="tuning-predicts-causal-effect",
        version=1,
        question="Does what a unit responds to say what it does?",
        sentence="Units that are more tuned to a contrast do more for it.",
        statistic=(
            f"rank correlation over up to {PARTS} sets of units of tuning with the share of "
            f"margin lost when the set is silenced; {_OWN}"
        ),
        null="tuning permuted among sets of like activation × outgoing norm",
        against=(
            "tuning that says nothing of the effect; for “specific”, the same prediction in twins "
            "or other sciences"
        ),
        sizes=_SIZES,
        gather=_predicted,
        needs=_NEEDS,
        references=(Reference("Morcos et al. 2018, ICLR, arXiv:1803.06959"),),
    )
)
