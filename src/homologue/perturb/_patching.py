"""Activation patching, its gradient approximation, and paths between two sites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue._typing import Array, Float
from homologue.inference import cluster_bootstrap
from homologue.perturb._no_change import against_no_change
from homologue.perturb._perturbation import patch
from homologue.perturb._sweep import (
    FEWEST_GROUPS,
    aim_coordinates,
    aims_of,
    check_metric,
    difference,
    measured,
    open_sweeper,
)
from homologue.perturb._units import target as as_target


def activation_patching(
    system: Any,
    clean: Any,
    corrupt: Any,
    *,
    over: str = "heads",
    sites: str | Sequence[str] | None = None,
    metric: Callable[[Any], Any] = difference,
    columns: Any = None,
    positions: Any = "last",
    batch_tokens: int | None = None,
    progress: Any = None,
) -> xr.Dataset:
    """Put clean activity into corrupt runs, one target at a time.

    Parameters
    ----------
    system : TorchModel
        A network, unperturbed.
    clean, corrupt : Stimuli or sequence
        Pairs, of the same number of tokens each: token replacement, not noise [1]_.
    over, sites, metric, columns, positions, batch_tokens, progress
        As for :func:`sweep`.

    Returns
    -------
    xarray.Dataset
        ``effect`` (target,): (patched − corrupt) / (clean − corrupt), of means over pairs: 0
        nothing is restored, 1 everything; ``low`` and ``high`` (95 % BCa interval over groups
        of pairs; NaN below 5 groups); ``null_mean``, ``null_std``, ``p`` (two-sided: the patch
        restores nothing on the average; NaN below 6 groups) and ``q`` over targets; ``patched``
        (target, stimulus), ``clean`` and ``corrupt`` (stimulus,) of the metric; ``n`` groups.

    Raises
    ------
    HomologueError
        Pairs of unlike number or length, a pair of equal stimuli, or a metric that is the same
        on clean and corrupt stimuli.

    Notes
    -----
    What restores the metric is sufficient in the corrupt context and need not be necessary in
    the clean one; where several parts do the same, each by itself may restore little.

    References
    ----------
    .. [1] Zhang & Nanda 2024, ICLR, arXiv:2309.16042.
    .. [2] Vig et al. 2020, NeurIPS, arXiv:2004.12265.
    """
    plan = _Plan(
        system,
        clean,
        corrupt,
        metric=metric,
        columns=columns,
        positions=positions,
        batch_tokens=batch_tokens,
    )
    aims, targets = plan.targets(over, sites)
    bound = plan.sweeper.bind(targets)
    base, value = measured(plan.sweeper, bound, metric, targets=targets, progress=progress)
    check_metric(np.concatenate([base, plan.clean]), value)
    effect, low, high = plan.normalised(value, base)
    return xr.Dataset(
        {
            "effect": (("target",), effect),
            "low": (("target",), low),
            "high": (("target",), high),
            **{key: (("target",), one) for key, one in plan.null(value, base).items()},
            "patched": (("target", "stimulus"), value),
            "clean": (("stimulus",), plan.clean),
            "corrupt": (("stimulus",), base),
            "n": ((), len(np.unique(plan.group))),
        },
        coords={**aim_coordinates(aims, targets), "group": ("stimulus", plan.group)},
        attrs={
            "method": "activation patching, (patched − corrupt) / (clean − corrupt); "
            "95 % BCa bootstrap over groups; patched and corrupt exchanged in whole groups",
            "family": "targets",
            "tail": "two-sided",
            "metric": getattr(metric, "__name__", "metric"),
            "system": system.name,
        },
    )


def attribution_patching(
    system: Any,
    clean: Any,
    corrupt: Any,
    *,
    over: str = "heads",
    sites: str | Sequence[str] | None = None,
    metric: Callable[[Any], Any] = difference,
    columns: Any = None,
    positions: Any = "last",
    confirm: int = 20,
    batch_tokens: int | None = None,
    rng: Any = 0,
) -> xr.Dataset:
    """Approximate every target's patch by a gradient, and patch some of them in earnest.

    The attribution of a target is Σ gradient · (clean − corrupt) over its activity, the gradient
    taken in the corrupt run: two passes for all targets together [1]_.

    Parameters
    ----------
    system, clean, corrupt, over, sites, columns, positions, batch_tokens
        As for :func:`activation_patching`.
    metric : callable
        Of tensors, differentiable.
    confirm : int
        How many targets are patched exactly: so many of the largest attributions, and as many
        drawn at random.
    rng : int or numpy.random.Generator
        Of the random sample.

    Returns
    -------
    xarray.Dataset
        ``attribution`` (target,) normalised as :func:`activation_patching`'s effect; ``effect``
        (target,), exact, NaN where not confirmed; ``sample`` (target,): ``"top"``,
        ``"random"``, ``"both"`` or ``""``; ``agreement`` and ``agreement_top``, the correlation
        of the two in the random sample and among the largest; ``n`` targets in the random
        sample.

    Raises
    ------
    HomologueError
        As :func:`activation_patching`; a metric without gradient.

    Notes
    -----
    Exact for linear networks. It fails where the metric bends between the corrupt and the clean
    activity: large patches (the whole residual stream), saturated attention, first layers.
    That is what the agreement is for; of targets chosen for large attributions it is biased,
    so that the random sample's counts.

    References
    ----------
    .. [1] Syed, Rager & Conmy 2023, arXiv:2310.10348.
    """
    from homologue.systems._gradients import attributions

    plan = _Plan(
        system,
        clean,
        corrupt,
        metric=metric,
        columns=columns,
        positions=positions,
        batch_tokens=batch_tokens,
    )
    aims, targets = plan.targets(over, sites)
    bound = plan.sweeper.bind(targets)
    base = plan.corrupt()
    gap = plan.gap(base)
    attribution = attributions(plan.sweeper, bound, metric).mean(axis=1) / gap
    count = min(confirm, len(targets))
    if count < 3:
        raise HomologueError("an agreement needs 3 targets at least; take confirm=20")
    top = np.argsort(-np.abs(attribution), kind="stable")[:count]
    drawn = np.random.default_rng(rng).choice(len(targets), size=count, replace=False)
    chosen = np.union1d(top, drawn)
    _, value = measured(
        plan.sweeper, [bound[i] for i in chosen], metric, targets=[targets[i] for i in chosen]
    )
    effect = np.full(len(targets), np.nan)
    effect[chosen] = (value.mean(axis=1) - base.mean()) / gap
    sample = np.full(len(targets), "", dtype="<U6")
    sample[top], sample[drawn] = "top", "random"
    sample[np.intersect1d(top, drawn)] = "both"
    return xr.Dataset(
        {
            "attribution": (("target",), attribution),
            "effect": (("target",), effect),
            "sample": (("target",), sample),
            "agreement": ((), _correlation(attribution[drawn], effect[drawn])),
            "agreement_top": ((), _correlation(attribution[top], effect[top])),
            "n": ((), count),
        },
        coords=aim_coordinates(aims, targets),
        attrs={
            "method": "attribution patching, gradient at the corrupt run; agreement: Pearson "
            "correlation with exact patching in a random sample of targets",
            "metric": getattr(metric, "__name__", "metric"),
            "system": system.name,
        },
    )


def path_patching(
    system: Any,
    clean: Any,
    corrupt: Any,
    *,
    sender: Any,
    receiver: Any,
    frozen: Sequence[str] | None = None,
    metric: Callable[[Any], Any] = difference,
    columns: Any = None,
    positions: Any = "last",
) -> xr.Dataset:
    """Measure what one site does through another: the direct path between the two.

    In a corrupt run the sender takes its clean activity and everything else that writes into
    the residual stream is held at its corrupt activity; what the receiver then is, is put into
    a second corrupt run, in which nothing else is held.

    Parameters
    ----------
    system, clean, corrupt, metric, columns, positions
        As for :func:`activation_patching`.
    sender, receiver : units
        As for :func:`ablate`; the receiver lies behind the sender.
    frozen : sequence of str, optional
        Sites that are held; by default attention's and the MLP's output of every layer, except
        those that the sender is part of.

    Returns
    -------
    xarray.Dataset
        Scalars ``effect`` (normalised as :func:`activation_patching`'s), ``low``, ``high``,
        ``null_mean``, ``null_std``, ``p``, ``q`` (of one test: p) and ``n``; ``patched``,
        ``clean`` and ``corrupt`` (stimulus,) of the metric.

    Raises
    ------
    HomologueError
        As :func:`activation_patching`; a receiver that the sender does not reach.

    References
    ----------
    .. [1] Goldowsky-Dill et al. 2023, arXiv:2304.05969.
    .. [2] Wang et al. 2023, ICLR, arXiv:2211.00593.
    """
    plan = _Plan(system, clean, corrupt, metric=metric, columns=columns, positions=positions)
    sent, received = patch(sender, clean), as_target(receiver)
    held = plan.sweeper.writers(sent) if frozen is None else list(frozen)
    first = system.perturb(*[patch(site, corrupt) for site in held], sent)
    names = [plan.sweeper.site_name(name) for name in received.names]
    options = {"sites": list(dict.fromkeys(names)), "include_special": True}
    after, before = (one.record(corrupt, **options) for one in (first, system))
    if np.array_equal(after.values, before.values):
        raise HomologueError(
            f"{sent.name} does not reach {', '.join(received.names[:3])}: the receiver lies "
            "before the sender, or every way between them is held"
        )
    put = patch(received, after)
    bound = plan.sweeper.bind([(put,)])
    base, value = measured(plan.sweeper, bound, metric, targets=[(put,)])
    effect, low, high = plan.normalised(value, base)
    return xr.Dataset(
        {
            "effect": ((), effect[0]),
            "low": ((), low[0]),
            "high": ((), high[0]),
            **{key: ((), one[0]) for key, one in plan.null(value, base).items()},
            "patched": (("stimulus",), value[0]),
            "clean": (("stimulus",), plan.clean),
            "corrupt": (("stimulus",), base),
            "n": ((), len(np.unique(plan.group))),
        },
        attrs={
            "method": "path patching, (patched − corrupt) / (clean − corrupt); 95 % BCa "
            "bootstrap over groups; patched and corrupt exchanged in whole groups",
            "tail": "two-sided",
            "metric": getattr(metric, "__name__", "metric"),
            "system": system.name,
            "held": ", ".join(held),
        },
    )


class _Plan:
    """Pairs of stimuli, the metric on both, and what lies between."""

    def __init__(
        self,
        system: Any,
        clean: Any,
        corrupt: Any,
        *,
        metric: Any,
        columns: Any,
        positions: Any,
        batch_tokens: int | None = None,
    ) -> None:
        self.source, self.metric = clean, metric
        self.sweeper = open_sweeper(system, corrupt, columns, positions, batch_tokens)
        first = open_sweeper(system, clean, columns, positions, batch_tokens)
        _check_pairs(first, self.sweeper)
        self.clean = measured(first, [], metric, targets=[])[0]
        self.group = np.asarray(self.sweeper.shown.group.values)

    def targets(self, over: str, sites: Any) -> tuple[Any, list[Any]]:
        """Return what is patched, and the patches."""
        aims = aims_of(self.sweeper, over, sites)
        return aims, [(patch(aim.units, self.source, positions=aim.position),) for aim in aims]

    def corrupt(self) -> Float[Array, " stimulus"]:
        """Return the metric on corrupt stimuli."""
        return measured(self.sweeper, [], self.metric, targets=[])[0]

    def gap(self, base: np.ndarray) -> float:
        """Return the mean difference of the metric between clean and corrupt.

        Raises
        ------
        HomologueError
            There is none.
        """
        gap = float(self.clean.mean() - base.mean())
        scale = float(np.abs(np.concatenate([self.clean, base])).max())
        if abs(gap) <= 1e-6 * scale or scale == 0:
            raise HomologueError(
                f"the metric is {self.clean.mean():.4g} on clean and {base.mean():.4g} on corrupt "
                "stimuli: there is nothing to restore. If pairs run both ways, let columns "
                "follow each pair: columns=[[right, wrong], …]"
            )
        return gap

    def normalised(
        self, value: np.ndarray, base: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the share of the gap that each target restores, with its interval."""
        effect = (value - base).mean(axis=1) / self.gap(base)
        codes = np.unique(self.group, return_inverse=True)[1]
        groups = int(codes.max()) + 1
        if groups < FEWEST_GROUPS:
            nothing = np.full_like(effect, np.nan)
            return effect, nothing, nothing
        member = (codes[:, None] == np.arange(groups)).astype(float)
        up, across = (value - base) @ member, (self.clean - base) @ member

        def share(weights: np.ndarray) -> np.ndarray:
            with np.errstate(invalid="ignore", divide="ignore"):
                out: np.ndarray = (weights @ up.T) / (weights @ across)[:, None]
            return out

        found = cluster_bootstrap(share, groups, rng=0)
        return effect, np.asarray(found.low), np.asarray(found.high)

    def null(self, value: np.ndarray, base: np.ndarray) -> dict[str, np.ndarray]:
        """Return the null of shares restored, where patching does nothing, with p and q."""
        found = against_no_change(value - base, self.group)
        gap = self.gap(base)
        found["null_mean"], found["null_std"] = (
            found["null_mean"] / gap,
            found["null_std"] / abs(gap),
        )
        return found


def _check_pairs(first: Any, second: Any) -> None:
    if first.feed.count != second.feed.count:
        raise HomologueError(
            f"{first.feed.count} clean and {second.feed.count} corrupt stimuli are no pairs"
        )
    for number, (a, b) in enumerate(zip(first.shown.items, second.shown.items, strict=True)):
        if np.array_equal(np.asarray(a), np.asarray(b)):
            raise HomologueError(
                f"pair {number} is the same stimulus twice, clean and corrupt; leave it out"
            )


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
