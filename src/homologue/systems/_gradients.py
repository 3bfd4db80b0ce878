"""Gradients of a metric with respect to the activity of sites: what attribution multiplies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from homologue._errors import HomologueError
from homologue.systems._hooks import _evaluating, _uncompiled, first_tensor
from homologue.systems._patched import Rows
from homologue.systems._perturbed import Act, Interference, _places
from homologue.systems._suffix import _ANY
from homologue.systems._sweeper import Sweeper


class _Leaf:
    """An intervention that adds zero, with respect to which a gradient is taken."""

    positions, window, needs, source = None, None, frozenset[str](), None

    def __init__(self, site: str) -> None:
        self.units, self.name = (site,), f"gradient at {site}"
        self.activity = self.zero = torch.empty(0)

    def apply(self, activity: torch.Tensor, **_: Any) -> torch.Tensor:
        self.activity = activity.detach()
        self.zero = torch.zeros_like(self.activity).requires_grad_()
        return activity + self.zero


def attributions(
    sweeper: Sweeper,
    targets: Sequence[Sequence[tuple[Act, Rows | None]]],
    metric: Callable[[torch.Tensor], torch.Tensor],
) -> np.ndarray:
    """Return Σ gradient · (source − activity) over what each target patches.

    Parameters
    ----------
    sweeper : Sweeper
        The network, the stimuli and the readout.
    targets : sequence
        Of patches, as :meth:`Sweeper.bind` returns them.
    metric : callable
        (stimulus, column) → (stimulus,), of tensors.

    Returns
    -------
    ndarray, shape (target, stimulus)

    Raises
    ------
    HomologueError
        A metric without gradient.
    """
    out = np.zeros((len(targets), sweeper.feed.count))
    sites = {act.site for target in targets for act, _ in target}
    for index in sweeper.batches:
        leaves = {site: _Leaf(site.name) for site in sites}
        gradients = _gradients(sweeper, index, leaves, metric)
        for number, target in enumerate(targets):
            for act, rows in target:
                out[number, index] += _product(
                    act,
                    rows,
                    leaves[act.site],
                    gradients[act.site],
                    index=index,
                    places=_places(act, sweeper.feed),
                )
    return out


def _gradients(sweeper: Sweeper, index: np.ndarray, leaves: Any, metric: Any) -> dict[Any, Any]:
    model, chain = sweeper.model, sweeper.chain
    readout = sweeper.readout(chain)
    acts = [Act(leaf, site, None) for site, leaf in leaves.items()]
    hooks = Interference(model, acts, sweeper.feed, [None] * len(acts), survey=False)
    seen: list[torch.Tensor] = []
    args, kwargs = sweeper.feed.inputs(index)
    handles: list[Any] = []
    with (
        _evaluating(model),
        _uncompiled(model),
        torch.enable_grad(),
        hooks.attached(),
        hooks.running(index),
    ):
        if chain.unembed is not None:
            head = model.get_submodule(chain.unembed)
            handles.append(head.register_forward_pre_hook(lambda _, given: seen.append(given[0])))
        try:
            out = first_tensor(model(*args, **kwargs), _ANY)
        finally:
            for handle in handles:
                handle.remove()
        rows = readout.rows(seen[0] if seen else out, index)
        values = metric(readout(rows, index))
        if not (isinstance(values, torch.Tensor) and values.requires_grad):
            raise HomologueError(
                "attribution needs a metric with a gradient: tensor operations of its argument"
            )
        sites = list(leaves)
        found = torch.autograd.grad(values.sum(), [leaves[s].zero for s in sites])
    return dict(zip(sites, found, strict=True))


def _product(
    act: Act, rows: Rows | None, leaf: _Leaf, slope: Any, *, index: Any, places: Any
) -> np.ndarray:
    """Return the attribution of one act, per stimulus of a batch."""
    if rows is None or getattr(act.intervention, "axis", None) is not None:
        raise HomologueError(f"{act.name}: attribution is of patches of units")
    before = leaf.activity
    columns = slice(None) if act.columns is None else torch.from_numpy(act.columns)
    put, inside = rows.batch(index, tuple(before.shape[1:-1]))
    change = torch.from_numpy(put).to(before) - before[..., columns]
    product = (change * slope[..., columns]).double().cpu().numpy()
    if inside is not None:
        product = product * inside[..., None]
    if places is not None:
        here = np.zeros(product.shape[:2], dtype=bool)
        for row, stimulus in enumerate(index):
            here[row, places[stimulus]] = True
        product = product * here.reshape(*here.shape, *[1] * (product.ndim - 2))
    total: np.ndarray = product.reshape(len(index), -1).sum(axis=1)
    return total
