"""Perturb everything, one thing at a time: every unit, head, site or position."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue._typing import Array, Float
from homologue.inference import mean_interval
from homologue.perturb._no_change import against_no_change
from homologue.perturb._perturbation import ablate
from homologue.perturb._pieces import Pieces
from homologue.perturb._units import Target, heads
from homologue.perturb._values import Perturbation

OVER = ("units", "heads", "sites", "positions")

FEWEST_GROUPS = 5


@dataclass(frozen=True)
class Aim:
    """One target of a sweep: what is perturbed, and what is known of it."""

    name: str
    units: Target
    site: str
    layer: int = -1
    head: int = -1
    position: int | None = None


def difference(values: Any) -> Any:
    """Return the first column less the second; of a single column, that column.

    Parameters
    ----------
    values : array, shape (stimulus, column)
        Logits, or outputs.
    """
    if values.shape[1] == 1:
        return values[:, 0]
    if values.shape[1] == 2:
        return values[:, 0] - values[:, 1]
    raise HomologueError(
        f"without a metric, one or two columns are compared; there are {values.shape[1]}. Pass "
        "columns=[[right, wrong], …], or metric=, a function of (stimulus, column)"
    )


def sweep(
    system: Any,
    stimuli: Any,
    *,
    over: str | Sequence[Any] = "heads",
    sites: str | Sequence[str] | None = None,
    perturbation: Callable[..., Perturbation] = ablate,
    metric: Callable[[Any], Any] = difference,
    columns: Any = None,
    positions: Any = "last",
    reference: Any = None,
    rng: Any = None,
    batch_tokens: int | None = None,
    to: Any = None,
    overwrite: bool = False,
    progress: Any = None,
) -> xr.Dataset:
    """Perturb one target after the other, and measure what each does to a metric.

    Parameters
    ----------
    system : TorchModel
        A network, unperturbed.
    stimuli : Stimuli or sequence
        What is shown.
    over : {"units", "heads", "sites", "positions"} or sequence of Perturbation
        Every unit of ``sites``; every attention head; every site; every token position at every
        site; or perturbations of your own, each a target (a tuple of them: together).
    sites : str or sequence of str, optional
        As for ``record``; by default every layer's ``"z"`` for heads and ``"resid_post"`` for
        sites and positions.
    perturbation : callable
        ``perturbation(units, positions=…)``; :func:`ablate`, or for instance
        ``functools.partial(cool, gain=0.5)``.
    metric : callable
        Logits or outputs (stimulus, column) → (stimulus,). By default the first column less the
        second.
    columns : array of int, shape (column,) or (stimulus, column), optional
        Vocabulary indices (or outputs) that the metric is given; nothing else is computed.
    positions : "last" or int
        At which token of a text logits are read.
    reference, rng
        As for ``TorchModel.perturb``.
    batch_tokens : int, optional
        Tokens run at a time, copies included.
    to : path, optional
        Ending in ``.zarr``: the result is written there. A sweep that was killed is resumed by
        the same call.
    overwrite : bool
        Replace what is at ``to``.
    progress : callable or bool, optional
        Told ``(values done, values in all)``; True draws a bar on a
        terminal, and elsewhere writes a line every half minute.

    Returns
    -------
    xarray.Dataset
        ``value`` (target, stimulus) and ``baseline`` (stimulus,) of the metric; ``effect``
        (target,), the mean change, with ``low`` and ``high`` (95 % interval over groups; NaN
        below 5 groups); ``null_mean``, ``null_std``, ``p`` (two-sided: no change on the
        average; NaN below 6 groups) and ``q`` over targets; ``n`` groups.

    Raises
    ------
    UnknownName
        Units or sites that are not there.
    HomologueError
        A metric that is constant or NaN, a dose that makes activity NaN or Inf (named), texts
        of different lengths in a sweep over positions.

    Notes
    -----
    The unperturbed network runs once a batch; a target runs from the block it touches on, many
    targets side by side, and logits are computed at one token and the columns asked for.
    Neurons of an MLP that is added to the residual stream act on it linearly: their own block
    does not run again. Whatever is no chain of blocks runs whole.

    A sweep ranks, and its p says that a target does something. Whether it does more than others
    of its size is for :func:`effect`, which compares with matched random units.

    Examples
    --------
    >>> import torch
    >>> from homologue.systems import TorchModel
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 1))
    >>> with torch.no_grad():
    ...     _ = net[0].weight.copy_(torch.eye(2))
    ...     _ = net[1].weight.copy_(torch.tensor([[1.0, 3.0]]))
    >>> system = TorchModel(net, name="toy")
    >>> found = sweep(system, [np.ones(2, "float32")], over="units", sites="0")
    >>> found["effect"].values.round(4)
    array([-1., -3.])
    """
    sweeper = open_sweeper(system, stimuli, columns, positions, batch_tokens)
    aims = None if not isinstance(over, str) else aims_of(sweeper, over, sites)
    if aims is None:
        targets = [one if isinstance(one, (tuple, list)) else (one,) for one in over]
    else:
        targets = [(perturbation(aim.units, positions=aim.position),) for aim in aims]
    if not targets:
        raise HomologueError("there is nothing to sweep over")
    bound = sweeper.bind(targets, reference=reference, rng=rng)
    baseline, value = measured(
        sweeper, bound, metric, targets=targets, to=to, overwrite=overwrite, progress=progress
    )
    check_metric(baseline, value)
    group = np.asarray(sweeper.shown.group.values)
    change = value - baseline
    effect, low, high = interval(change, group)
    coords = {
        **aim_coordinates(aims, targets),
        "stimulus": np.arange(len(baseline)),
        "group": ("stimulus", group),
    }
    found = xr.Dataset(
        {
            "value": (("target", "stimulus"), value),
            "baseline": (("stimulus",), baseline),
            "effect": (("target",), effect),
            "low": (("target",), low),
            "high": (("target",), high),
            **{key: (("target",), one) for key, one in against_no_change(change, group).items()},
            "n": ((), len(np.unique(group))),
        },
        coords=coords,
        attrs={
            "method": "mean change of the metric; 95 % studentised bootstrap over groups; with "
            "and without the perturbation exchanged in whole groups",
            "family": "targets",
            "tail": "two-sided",
            "metric": getattr(metric, "__name__", "metric"),
            "system": system.name,
        },
    )
    return (
        found
        if to is None
        else _pieces(to, sweeper, bound, metric, overwrite=overwrite).finish(found)
    )


def open_sweeper(
    system: Any, stimuli: Any, columns: Any, positions: Any, batch_tokens: int | None
) -> Any:
    """Return a sweeper, or say that the system has none."""
    from homologue.systems._sweeper import Sweeper

    return Sweeper(system, stimuli, columns=columns, positions=positions, batch_tokens=batch_tokens)


def aims_of(sweeper: Any, over: str, sites: str | Sequence[str] | None) -> list[Aim]:
    """Return every unit, head, site or position.

    Raises
    ------
    HomologueError
        Another word, units without sites, or heads where there are none.
    """
    if over not in OVER:
        raise HomologueError(
            f"over is one of {', '.join(OVER)}, or a sequence of perturbations; given {over!r}"
        )
    if over == "units" and sites is None:
        raise HomologueError("every unit of which sites? sites='model.layers.15.mlp.act_fn'")
    chosen = sites or ("z" if over == "heads" else "resid_post")
    found = sweeper.sites(chosen)
    if over == "heads":
        for site, _ in found:
            if site.head_size is None:
                raise HomologueError(f"{site.name!r} has no heads; take sites='z', 'q', 'k' or 'v'")
        return [
            Aim(f"{s.name}/head.{h}", heads(_layer(s), h, site=_alias(s)), s.name, _layer(s), h)
            for s, width in found
            for h in range(width // s.head_size)
        ]
    if over == "units":
        return [
            Aim(f"{s.name}/{u}", Target((f"{s.name}/{u}",)), s.name, _layer(s))
            for s, width in found
            for u in range(width)
        ]
    if over == "sites":
        return [Aim(s.name, Target((s.name,)), s.name, _layer(s)) for s, _ in found]
    count = sweeper.positions()
    return [
        Aim(f"{s.name} at {p}", Target((s.name,)), s.name, _layer(s), position=p)
        for s, _ in found
        for p in range(count)
    ]


def _layer(site: Any) -> int:
    return -1 if site.layer is None else int(site.layer)


def _alias(site: Any) -> str:
    return str(site.name).rpartition(".")[0]


def aim_coordinates(aims: list[Aim] | None, targets: Sequence[Any]) -> dict[str, Any]:
    """Return what is known of each target."""
    if aims is None:
        names = [" & ".join(one.name for one in target) for target in targets]
        return {"target": np.array(names)}
    out: dict[str, Any] = {
        "target": np.array([aim.name for aim in aims]),
        "site": ("target", np.array([aim.site for aim in aims])),
        "layer": ("target", np.array([aim.layer for aim in aims])),
        "head": ("target", np.array([aim.head for aim in aims])),
    }
    if all(aim.position is not None for aim in aims):
        out["position"] = ("target", np.array([aim.position for aim in aims]))
    return out


def measured(
    sweeper: Any,
    bound: Any,
    metric: Callable[[Any], Any],
    *,
    targets: Sequence[Any],
    to: Any = None,
    overwrite: bool = False,
    progress: Any = None,
) -> tuple[Float[Array, " stimulus"], Float[Array, "target stimulus"]]:
    """Return the metric without and with each perturbation."""
    from homologue.systems._progress import shown_progress

    count = sweeper.feed.count
    value = np.full((len(bound) + 1, count), np.nan)  # the last row is the baseline: target -1
    pieces = None if to is None else _pieces(to, sweeper, bound, metric, overwrite=overwrite)
    done = set()
    for stimuli, which, values in pieces or ():
        value[np.ix_(which, stimuli)] = values
        done.add((int(stimuli[0]), int(which[0])))
    if done:
        print(f"homologue: resuming {to} after {len(done)} pieces", file=sys.stderr)
    with shown_progress(progress, sweeper.system.name, "values") as told:
        for piece in sweeper.run(bound, done=done):
            for number, read in zip(piece.targets, piece.values, strict=True):
                value[number, piece.stimuli] = _metric_of(metric, read, targets, number)
            if pieces is not None:
                pieces.put(
                    piece.stimuli, piece.targets, value[np.ix_(piece.targets, piece.stimuli)]
                )
            if told is not None:
                told(int(np.isfinite(value[:-1]).sum()), value[:-1].size)
    return value[-1], value[:-1]


def _metric_of(metric: Callable[[Any], Any], read: Any, targets: Any, number: int) -> np.ndarray:
    out = np.asarray(metric(read), dtype=np.float64)
    if out.shape != read.shape[:1]:
        raise HomologueError(
            f"the metric gives one number a stimulus, {read.shape[:1]}; it gave {out.shape}"
        )
    if not np.isfinite(out).all():
        names = "" if number < 0 else " under " + " & ".join(one.name for one in targets[number])
        raise HomologueError(
            f"the metric became NaN or Inf{names}; stopped. Take a smaller dose, or a metric "
            "that is defined for every output"
        )
    return out


def check_metric(baseline: np.ndarray, value: np.ndarray) -> None:
    """Refuse a metric that says nothing.

    Raises
    ------
    HomologueError
        It is the same for every stimulus, perturbed or not.
    """
    everything = np.concatenate([baseline.ravel(), value.ravel()])
    if everything.size > 1 and np.ptp(everything) == 0:
        raise HomologueError(
            f"the metric is {everything[0]:g} for every stimulus, perturbed or not: a "
            "constant measures nothing. Take logits rather than decisions, or other columns"
        )


def interval(change: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean over stimuli and its interval over groups, per target."""
    effect = change.mean(axis=1)
    nothing = np.full_like(effect, np.nan)
    codes = np.unique(group, return_inverse=True)[1]
    if codes.max() + 1 < FEWEST_GROUPS:
        return effect, nothing, nothing
    found = mean_interval(change.T, codes, rng=0)
    return effect, np.asarray(found.low), np.asarray(found.high)


def _pieces(to: Any, sweeper: Any, bound: Any, metric: Any, *, overwrite: bool) -> Pieces:
    mark = hashlib.blake2b(sweeper.fingerprint(bound).encode(), digest_size=16)
    code = getattr(metric, "__code__", None)
    mark.update(repr((getattr(metric, "__qualname__", ""), code and code.co_code)).encode())
    return Pieces(to, mark.hexdigest(), overwrite=overwrite)
