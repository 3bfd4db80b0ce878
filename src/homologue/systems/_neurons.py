"""A block's MLP neuron by neuron: what each adds to the residual stream adds up."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from homologue.systems._chain import Chain
from homologue.systems._hooks import first_tensor
from homologue.systems._perturbed import Act
from homologue.systems._sites import Site
from homologue.systems._tiled import Tiled


class Neurons:
    """A block's MLP as the sum of what its neurons add to the residual stream.

    Parameters
    ----------
    model, chain
        The network and its blocks.
    number : int
        The block.
    """

    def __init__(self, model: torch.nn.Module, chain: Chain, number: int) -> None:
        self.block = model.get_submodule(chain.blocks[number])
        self.path = f"{chain.blocks[number]}.{chain.down}"
        self.down: Any = model.get_submodule(self.path)
        self.mlp = model.get_submodule(f"{chain.blocks[number]}.{chain.mlp}")
        self.activation = next(
            (name for name in ("act_fn", "act") if hasattr(self.mlp, name)), None
        )
        self.values: dict[str, torch.Tensor] = {}
        # Shared with what other stimuli are narrowed to.
        self._adds_up: list[bool] = []

    @property
    def trusted(self) -> bool | None:
        """Whether neurons were seen to add up; None: not seen yet."""
        return self._adds_up[0] if self._adds_up else None

    def trust(self, *, adds_up: bool) -> None:
        """Remember whether neurons add up."""
        self._adds_up[:] = [adds_up]

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Keep the neurons' activity and the block's output of one pass."""

        def keep(name: str) -> Any:
            def hook(_: Any, args: Any, output: Any) -> None:
                value = args[0] if name == "neurons" else first_tensor(output, _ANY)
                self.values[name] = value

            return hook

        handles = [
            self.down.register_forward_hook(keep("neurons")),
            self.block.register_forward_hook(keep("block")),
        ]
        for name in (self.activation, "up_proj"):
            if name is not None and hasattr(self.mlp, name):
                handles.append(getattr(self.mlp, name).register_forward_hook(keep(name)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def site_of(self, act: Act) -> str | None:
        """Return which of the kept values an act perturbs, if neurons are what it perturbs."""
        site = act.site
        plain = site.call is None and site.part is None
        if not plain or act.columns is None or getattr(act.intervention, "axis", None) is not None:
            return None
        if site.where == "input":
            return "neurons" if site.module == self.path else None
        stem = self.path.rpartition(".")[0]
        return self.activation if site.module == f"{stem}.{self.activation}" else None

    def changed(self, some: Callable[[torch.Tensor], torch.Tensor]) -> Neurons:
        """Return the same of other stimuli: what was kept, changed."""
        other = copy.copy(self)
        other.values = {name: some(value) for name, value in self.values.items()}
        return other

    def output(self, tiled: Tiled, number: int, index: np.ndarray) -> torch.Tensor:
        """Return the block's output with one copy's perturbation of neurons."""
        act = tiled.acts[number]
        name = str(self.site_of(act))
        before = self.values[name]
        with torch.no_grad(), tiled.running(index):
            columns = torch.from_numpy(np.asarray(act.columns)).to(before.device)
            change = (tiled._apply(number, before) - before)[..., columns]
            gate = self.values.get("up_proj")
            if name == self.activation and gate is not None:
                change = change * gate[..., columns]
            weight = self.down.weight
            inputs_first = not isinstance(self.down, torch.nn.Linear)
            rows = weight[columns] if inputs_first else weight[:, columns].T
            return self.values["block"] + change @ rows


_ANY = Site("a block", "")
