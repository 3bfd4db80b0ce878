"""Tasks for language models, with what each system can do of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue.inference import benjamini_hochberg, mean_interval, result
from homologue.perturb._behaviour import Behaviour, group_means
from homologue.perturb._dissociation import sign_flips
from homologue.perturb._outputs import output_behaviour
from homologue.stimuli._tasks import TASKS, Pairs, task_pairs

FEWEST_GROUPS = 5


def task(name: str | Pairs, *, metric: str = "difference", groups: int | None = None) -> Behaviour:
    """Return a language model's task as a behaviour.

    Parameters
    ----------
    name : str or Pairs
        ``"addition"``, ``"capitals"``, ``"indirect-objects"``, ``"succession"``,
        ``"verb-number"``; or prompts of your own.
    metric : {"difference", "probability", "accuracy"}
        Of the right answer's logit over the wrong one's; or of the right answer among both
        (chance .5).
    groups : int, optional
        The first so many pairs of prompts.

    Returns
    -------
    Behaviour
        Whoever ignores what was replaced scores chance on average over the two prompts of each
        pair. Pairs that a system's tokenizer cuts into unlike numbers of tokens, or whose answers
        are several tokens, are left out for it.

    Raises
    ------
    UnknownName
        No such task.

    Examples
    --------
    >>> task("capitals").description
    'the capital of a country: difference of the right answer and the wrong one'
    """
    pairs = name if isinstance(name, Pairs) else task_pairs(name)
    if groups is not None:
        pairs = pairs.take(np.arange(min(2 * groups, len(pairs))))

    def read(system: Any, rng: Any) -> xr.DataArray:
        fitting = fitted(system, pairs)
        behaviour = output_behaviour(
            pairs.name, fitting.clean, metric, right=fitting.right, wrong=fitting.wrong
        )
        values = behaviour.read(system, rng)
        words = np.asarray(_labels(fitting))
        return values.assign_coords(group=("sample", words))

    text = f"{pairs.description}: {metric} of the right answer and the wrong one"
    return Behaviour(pairs.name, text, read, 0.0 if metric == "difference" else 0.5)


def tasks(
    names: Sequence[str] | None = None, *, metric: str = "difference", groups: int | None = None
) -> list[Behaviour]:
    """Return several tasks, or all.

    Examples
    --------
    >>> [one.name for one in tasks()]
    ['addition', 'capitals', 'indirect-objects', 'succession', 'verb-number']
    """
    return [task(name, metric=metric, groups=groups) for name in (names or TASKS)]


def measurable(
    system: Any,
    names: Sequence[str | Pairs] | None = None,
    *,
    groups: int | None = None,
    draws: int = 1999,
    rng: Any = 0,
) -> xr.Dataset:
    """Report which tasks a system can do at all, before anything is perturbed.

    Parameters
    ----------
    system : TorchModel
    names : sequence of str or Pairs, optional
        Tasks; all, if left out.
    groups : int, optional
        As for :func:`task`.
    draws : int
    rng : int or numpy.random.Generator

    Returns
    -------
    xarray.Dataset
        On ``task``: ``effect``, the clean score (logit difference), ``low`` and ``high`` (95 %
        over pairs), ``null_mean``, ``null_std`` and ``p`` (one-sided; right and wrong exchanged
        within pairs), ``q``, ``n`` pairs; ``accuracy``, ``prompts``; ``measurable``: q < .05.
        Drop the others.
    """
    behaviours = [task(one, groups=groups) for one in (names or list(TASKS))]
    rows = []
    for one in behaviours:
        values = one.measure(system, rng=rng)
        means = group_means(values)[1]
        if means.size < FEWEST_GROUPS:
            raise HomologueError(f"task {one.name!r} has {means.size} pairs; 5 are the fewest")
        p, null = sign_flips(means[:, None] / means.size, draws=draws, rng=rng)
        inside = mean_interval(means[:, None], np.arange(means.size), rng=rng)
        accuracy = float((values.values > 0).mean())
        rows.append((means.mean(), inside.low[0], inside.high[0], null.mean(), null.std(ddof=1),
                     p[0], means.size, accuracy, values.size))  # fmt: skip
    effect, low, high, null_mean, null_std, p_, n, accuracy_, prompts = map(
        np.array, zip(*rows, strict=True)
    )
    q = benjamini_hochberg(p_)
    found = result(
        effect=effect,
        low=low,
        high=high,
        null_mean=null_mean,
        null_std=null_std,
        p=p_,
        q=q,
        n=n,
        dims=("task",),
        coords={"task": [one.name for one in behaviours]},
        attrs={
            "method": "logit of the right answer less the wrong one; signs of pairs exchanged; "
            "95 % studentised bootstrap over pairs",
            "family": "tasks",
            "tail": "upper",
            "system": str(getattr(system, "name", "")),
        },
    )
    found["accuracy"], found["prompts"] = ("task", accuracy_), ("task", prompts)
    found["measurable"] = ("task", q < 0.05)
    return found


def fitted(system: Any, pairs: Pairs) -> Pairs:
    """Return the pairs that a system's tokenizer cuts alike, with answers of one token.

    Raises
    ------
    HomologueError
        No tokenizer, or no pair left.
    """
    encode = getattr(getattr(system, "tokenizer", None), "encode", None)
    if encode is None:
        raise HomologueError(
            f"task {pairs.name!r} is in words, and system {getattr(system, 'name', system)!r} has "
            "no tokenizer; take a readout (perturb.readout) or an output "
            "(perturb.output_behaviour)"
        )

    def length(text: str) -> int:
        return len(encode(text, add_special_tokens=False))

    kept = [
        row
        for row in range(len(pairs))
        if length(pairs.right[row]) == length(pairs.wrong[row]) == 1
        and length(str(pairs.clean.items[row])) == length(str(pairs.corrupt.items[row]))
    ]
    if not kept:
        raise HomologueError(
            f"task {pairs.name!r}: the tokenizer of {system.name!r} cuts no pair into as many "
            "tokens, with answers of one token each"
        )
    return pairs.take(kept)


def _labels(pairs: Pairs) -> list[str]:
    """Return the group of every prompt as a word, the same in every system."""
    group = pairs.clean.group
    names = group.attrs.get("categories")
    values = group.values.tolist()
    return [f"{pairs.name}: {names[one] if names is not None else one}" for one in values]
