"""Run a network from a block on: the unperturbed prefix once, many perturbed suffixes at a time.

A chain is a network whose blocks pass one tensor on: the layers of a causal language model, or
the modules of a ``Sequential``. That it is one is not believed but seen: in every prefix, each
block must receive what the block before it returned, and the readout of the last block must be
the network's own. Whatever is no chain runs whole.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from homologue._errors import HomologueError
from homologue.systems._feeds import Feed
from homologue.systems._hooks import _evaluating, _uncompiled, first_tensor
from homologue.systems._logits import is_plain, output_embedding
from homologue.systems._patched import Rows
from homologue.systems._perturbed import Act, Interference, replaced
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
    """

    blocks: tuple[str, ...]
    norm: str | None = None
    unembed: str | None = None
    mlp: str | None = None
    down: str | None = None

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


class Prefix:
    """What one unperturbed pass over a batch leaves: each block's inputs, and the readout.

    Parameters
    ----------
    model : torch.nn.Module
        The network.
    chain : Chain
        Its blocks.
    feed : Feed
        The stimuli.
    readout : Readout
        What is read.
    index : ndarray of int
        The batch; texts of one length.
    needed : set of int
        Blocks whose inputs are kept.
    jumps : frozenset of int
        Blocks of which also the MLP's neurons and the output are kept.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        chain: Chain,
        feed: Feed,
        readout: Readout,
        *,
        index: np.ndarray,
        needed: set[int],
        jumps: frozenset[int] = frozenset(),
    ) -> None:
        self.model, self.chain, self.readout, self.index = model, chain, readout, index
        self.given: dict[int, tuple[tuple[Any, ...], dict[str, Any]]] = {}
        self.linear = {number: Neurons(model, chain, number) for number in jumps}
        self.baseline, self.is_chain = self._run(feed, needed)

    def _run(self, feed: Feed, needed: set[int]) -> tuple[torch.Tensor, bool]:
        modules = dict(self.model.named_modules())
        watch = _Watch(self.given, needed)
        args, kwargs = feed.inputs(self.index)
        if self.chain.unembed is not None and _takes(self.model, "logits_to_keep"):
            # The logits of every token would be thrown away; the last is for comparison.
            kwargs = {**kwargs, "logits_to_keep": 1}
        with _quiet(self.model), contextlib.ExitStack() as stack:
            for number, path in enumerate(self.chain.blocks):
                for handle in watch.hooks(modules[path], number):
                    stack.callback(handle.remove)
            for neurons in self.linear.values():
                stack.enter_context(neurons.watching())
            out = first_tensor(self.model(*args, **kwargs), _ANY)
        last = watch.last
        if last is None:
            return out, False
        with _quiet(self.model):
            found = self.tail(last)
            if self.chain.unembed is None:
                return found, watch.linked and out is last
            own = out[:, -1]
            ours = self.readout.module(self._normed(last[:, -1]))
        close = torch.allclose(own, ours, rtol=1e-3, atol=1e-3 * float(own.abs().max()))
        return found, watch.linked and close

    def _normed(self, rows: torch.Tensor) -> torch.Tensor:
        norm = self.chain.norm
        return rows if norm is None else self.model.get_submodule(norm)(rows)

    def tail(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the readout (stimulus · copies, column) of the last block's output."""
        copies = hidden.shape[0] // len(self.index) if len(self.index) else 1
        index = np.tile(self.index, copies)
        return self.readout(self._normed(self.readout.rows(hidden, index)), index)

    def suffix(self, start: int, tiled: Tiled, *, jump: bool = False) -> torch.Tensor:
        """Run blocks from ``start`` on, in copies that are perturbed each in its own way.

        Parameters
        ----------
        start : int
            The first block that is perturbed.
        tiled : Tiled
            What is done to each copy.
        jump : bool
            Each copy perturbs neurons of the first block's MLP and nothing else: what that
            adds to the block's output is linear, and the block itself need not run.

        Returns
        -------
        Tensor, shape (copy, stimulus, column)
        """
        modules = dict(self.model.named_modules())
        size, copies = len(self.index), tiled.copies
        if jump:
            hidden = torch.cat(
                [self.linear[start].output(tiled, number, self.index) for number in range(copies)]
            )
            start += 1
        else:
            args, kwargs = self.given[start]
            hidden = first_tensor((*args, *kwargs.values()), _ANY)
            hidden = hidden.repeat(copies, *[1] * (hidden.ndim - 1))
        with (
            _quiet(self.model),
            tiled.attached(),
            tiled.running(self.index),
            self._last_token(tiled),
        ):
            for number in range(start, len(self.chain.blocks)):
                args, kwargs = self.given[number]
                old = first_tensor((*args, *kwargs.values()), _ANY)
                marked = replaced((args, kwargs), old, _HERE)
                args, kwargs = replaced(_repeated(marked, size, copies), _HERE, hidden)
                out = modules[self.chain.blocks[number]](*args, **kwargs)
                hidden = first_tensor(out, _ANY)
            return self.tail(hidden).reshape(copies, size, -1)

    @contextlib.contextmanager
    def _last_token(self, tiled: Tiled) -> Iterator[None]:
        """Let the last block's MLP see the one token that is read.

        What the MLP adds is added to every token, and right at the one that is read.
        """
        chain, tokens = self.chain, self.readout.tokens
        path = f"{chain.blocks[-1]}.{chain.mlp}"
        inside = any(act.site.module.startswith(path) for act in tiled.acts)
        if chain.mlp is None or chain.unembed is None or tokens is None or inside:
            yield
            return
        place = {int(one) for one in tokens[self.index]}
        if len(place) > 1:
            yield
            return
        token = place.pop()
        module = self.model.get_submodule(path)
        handle = module.register_forward_pre_hook(
            lambda _, args: (args[0][:, token : token + 1], *args[1:]) if args else None
        )
        try:
            yield
        finally:
            handle.remove()


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
        self.trusted: bool | None = None

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


class _Watch:
    """Hooks on blocks: what each is given, and whether they hand one tensor on."""

    def __init__(self, given: dict[int, Any], needed: set[int]) -> None:
        self.given, self.needed = given, needed
        self.linked = True
        self.last: Any = None

    def hooks(self, module: torch.nn.Module, number: int) -> list[Any]:
        def enter(_: Any, args: Any, kwargs: Any) -> None:
            value = first_tensor((*args, *kwargs.values()), _ANY)
            self.linked &= not number or value is self.last
            if number < min(self.needed, default=number):
                return
            held: Any = (tuple(args), dict(kwargs))
            if number not in self.needed:
                held = replaced(held, value, _EMPTY)
            else:
                # This block, or one behind a view of the same tensor, may write into it.
                held = replaced(held, value, value.clone())
            self.given[number] = held

        def leave(_: Any, args: Any, output: Any) -> None:
            self.last = first_tensor(output, _ANY)

        return [
            module.register_forward_pre_hook(enter, with_kwargs=True),
            module.register_forward_hook(leave),
        ]


_ANY = Site("a block", "")
_EMPTY = torch.empty(0)
_HERE = torch.empty(0)


def _takes(model: torch.nn.Module, name: str) -> bool:
    return name in inspect.signature(model.forward).parameters


@contextlib.contextmanager
def _quiet(model: torch.nn.Module) -> Iterator[None]:
    with _evaluating(model), _uncompiled(model), torch.no_grad():
        yield


def _repeated(value: Any, size: int, copies: int) -> Any:
    """Return what a block takes for so many copies of a batch; what broadcasts stays."""
    if isinstance(value, torch.Tensor):
        if value is _HERE or value.ndim == 0 or value.shape[0] != size or size == 1:
            return value
        return value.repeat(copies, *[1] * (value.ndim - 1))
    if isinstance(value, dict):
        return {key: _repeated(one, size, copies) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        parts = [_repeated(one, size, copies) for one in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    return value


class Tiled(Interference):
    """Perturbations of copies that stand one after the other along the batch axis.

    Parameters
    ----------
    model, feed
        As for :class:`Interference`.
    copies : sequence of sequences of (Act, Rows or None)
        What is done to each copy.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        feed: Feed,
        copies: Sequence[Sequence[tuple[Act, Rows | None]]],
    ) -> None:
        flat = [pair for copy in copies for pair in copy]
        self.copy_of = [number for number, copy in enumerate(copies) for _ in copy]
        self.copies = len(copies)
        super().__init__(
            model, [act for act, _ in flat], feed, [rows for _, rows in flat], survey=False
        )

    def _acted(self, numbers: list[int], tensor: torch.Tensor) -> torch.Tensor:
        """Perturb each copy's rows in its own way."""
        out = tensor.clone()
        size = tensor.shape[0] // self.copies
        for number in numbers:
            first = self.copy_of[number] * size
            rows = slice(first, first + size)
            out[rows] = self._apply(number, out[rows])
        return out
