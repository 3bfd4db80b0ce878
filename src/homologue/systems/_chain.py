"""Which blocks of a network pass one tensor on, and what is read of the last of them.

A chain is a network whose blocks pass one tensor on: the layers of a causal language model, or
the modules of a ``Sequential``; or the layers up to one whose activity is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from homologue._errors import HomologueError
from homologue.systems._feeds import Feed, Layout
from homologue.systems._logits import is_plain, output_embedding
from homologue.systems._sites import Site, _find_architecture, module_names


@dataclass(frozen=True, eq=False)
class Chain:
    """Blocks in their order, and what comes after the last.

    Attributes
    ----------
    blocks : tuple of str
        Paths of the modules.
    norm : str or None
        Path of the normalisation before the output embedding.
    unembed : str or None
        Path of the output embedding; None: the last block's output is the network's.
    mlp, down : str or None
        A block's MLP and the MLP's last projection, relative to the block.
    inner : bool
        What is read is activity of the last block, whatever the network makes of it.
    """

    blocks: tuple[str, ...]
    norm: str | None = None
    unembed: str | None = None
    mlp: str | None = None
    down: str | None = None
    inner: bool = False

    def block_of(self, path: str) -> int | None:
        """Return the number of the block that a module is in."""
        for number, block in enumerate(self.blocks):
            if not block or path == block or path.startswith(f"{block}."):
                return number
        return None


WHOLE = Chain(("",))
"""The network as its own only block."""


def chain_of(model: torch.nn.Module) -> Chain:
    """Return the model's chain, as far as its modules' names tell."""
    if type(model) is torch.nn.Sequential:
        return Chain(tuple(name for name, _ in model.named_children()))
    names = module_names(model)
    located = _find_architecture(names)
    head = output_embedding(model)
    if located is None or head is None or not is_plain(model):
        return WHOLE
    known, stack, numbers = located
    parent = stack.rpartition(".")[0]
    after = ("norm", "ln_f", "final_layer_norm", "final_norm")
    norms = [f"{parent}.{name}" if parent else name for name in after]
    norm = next((names[one] for one in norms if one in names), None)
    blocks = tuple(names[f"{stack}.{n}"] for n in numbers)
    return Chain(blocks, norm, head[0], known.mlp, known.down)


def chain_to(model: torch.nn.Module, site: Site) -> Chain | None:
    """Return the chain of numbered blocks that ends with the one a site is the output of.

    Returns
    -------
    Chain or None
        None where the site is no block's output, or one of several calls or parts.
    """
    stack, _, number = site.module.rpartition(".")
    plain = site.where == "output" and site.call is None and site.part is None
    if not (plain and site.item is None and number.isdecimal()):
        return None
    numbers = [int(n) for n, _ in model.get_submodule(stack).named_children() if n.isdecimal()]
    path = f"{stack}." if stack else ""
    blocks = tuple(f"{path}{n}" for n in sorted(numbers) if n <= int(number))
    located = _find_architecture(module_names(model))
    known = located[0] if located is not None and located[1] == stack else None
    if known is None:
        return Chain(blocks, inner=True)
    # Where the MLP ends in a normalisation, what its neurons add does not add up.
    down = known.down if known.mlp != known.down else None
    return Chain(blocks, mlp=known.mlp, down=down, inner=True)


class Reads(Protocol):
    """What a suffix asks of its readout."""

    module: Any
    columns: np.ndarray | None
    tokens: np.ndarray | None

    def rows(self, value: torch.Tensor, index: np.ndarray) -> torch.Tensor:
        """Return (stimulus, unit) of the last block's output."""
        ...

    def __call__(self, rows: torch.Tensor, index: np.ndarray) -> torch.Tensor:
        """Return (stimulus, column)."""
        ...


class Readout:
    """Logits at one token of each stimulus, or outputs, at some columns.

    Parameters
    ----------
    feed : Feed
        The stimuli; of texts, ``kept`` holds one token each.
    columns : ndarray of int, shape (column,) or (stimulus, column), or None
        Which logits or outputs; None: all.
    module : torch.nn.Linear or None
        The output embedding.
    """

    def __init__(self, feed: Feed, columns: np.ndarray | None, module: Any) -> None:
        self.feed, self.columns, self.module = feed, columns, module
        kept = getattr(feed, "kept", None)
        self.tokens: np.ndarray | None = None
        if kept is not None:
            if any(len(one) != 1 for one in kept):
                raise HomologueError(
                    "a metric is read at one token of each text: positions='last', or one index"
                )
            self.tokens = np.array([int(one[0]) for one in kept])

    def rows(self, value: torch.Tensor, index: np.ndarray) -> torch.Tensor:
        """Return each stimulus' token of activity (stimulus, token, unit)."""
        if self.tokens is None or value.ndim < 3:
            return value
        places = torch.from_numpy(self.tokens[index]).to(value.device)
        return value[torch.arange(len(index), device=value.device), places]

    def __call__(self, rows: torch.Tensor, index: np.ndarray) -> torch.Tensor:
        """Return (stimulus, column) of what the last block (or the network) put out."""
        columns = self.columns
        if columns is not None and columns.ndim == 2:
            columns = columns[index]
        if self.module is None:
            if columns is None:
                return rows
            chosen = torch.from_numpy(columns).to(rows.device)
            return rows[:, chosen] if columns.ndim == 1 else rows.gather(1, chosen)
        weight, bias = self.module.weight, self.module.bias
        if columns is None:
            return torch.nn.functional.linear(rows, weight, bias)
        chosen = torch.from_numpy(columns).to(rows.device)
        added = 0 if bias is None else bias[chosen]
        if columns.ndim == 1:
            return rows @ weight[chosen].T + added
        return torch.einsum("sd,scd->sc", rows, weight[chosen]) + added


class SiteReadout:
    """Activity of a site as a recording has it, one row a stimulus.

    Parameters
    ----------
    feed : Feed
        The stimuli.
    site : Site
        Output of the last block.
    layout : Layout
        What the site gives for one stimulus.

    Raises
    ------
    HomologueError
        Several rows a stimulus.
    """

    module: Any = None
    columns: np.ndarray | None = None

    def __init__(self, feed: Feed, site: Site, layout: Layout) -> None:
        if (feed.rows([layout]) != 1).any():
            raise HomologueError(
                f"{site.name!r} is read once a stimulus: positions='last', or space='mean'"
            )
        self.feed, self.site, self.layout = feed, site, layout
        kept = getattr(feed, "kept", None)
        self.tokens: np.ndarray | None = None
        if kept is not None and layout.rows == "kept":
            self.tokens = np.array([int(one[0]) for one in kept])

    def rows(self, value: torch.Tensor, index: np.ndarray) -> torch.Tensor:
        """Return (stimulus, unit)."""
        return self.feed.take(self.site, self.layout, value, index)

    def __call__(self, rows: torch.Tensor, index: np.ndarray) -> torch.Tensor:
        """Return the rows: all of the site is read."""
        return rows
