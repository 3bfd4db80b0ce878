"""Run a network from a block on: the unperturbed prefix once, many perturbed suffixes at a time.

That a network is a chain is not believed but seen: in every prefix, each block must receive what
the block before it returned, and the readout of the last block must be the network's own (or
the block's own activity, where that is what is read). Whatever is no chain runs whole.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from homologue.systems._chain import WHOLE, Chain, Reads
from homologue.systems._feeds import Feed
from homologue.systems._hooks import _evaluating, _Stop, _uncompiled, first_tensor
from homologue.systems._neurons import Neurons
from homologue.systems._perturbed import replaced
from homologue.systems._sites import Site
from homologue.systems._tiled import Tiled


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
    readout : Reads
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
        readout: Reads,
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
        watch = _Watch(self.given, needed, until=len(self.chain.blocks) if self.chain.inner else 0)
        args, kwargs = feed.inputs(self.index)
        if self.chain is not WHOLE and _takes(self.model, "logits_to_keep"):
            # The logits of every token would be thrown away; the last is for comparison.
            kwargs = {**kwargs, "logits_to_keep": 1}
        with _quiet(self.model), contextlib.ExitStack() as stack:
            for number, path in enumerate(self.chain.blocks):
                for handle in watch.hooks(modules[path], number):
                    stack.callback(handle.remove)
            for neurons in self.linear.values():
                stack.enter_context(neurons.watching())
            try:
                out = first_tensor(self.model(*args, **kwargs), _ANY)
            except _Stop:
                out = watch.last
        last = watch.last
        if last is None:
            return out, False
        with _quiet(self.model):
            found = self.tail(last)
            if self.chain.inner:
                return found, watch.linked
            if self.chain.unembed is None:
                return found, watch.linked and out is last
            own = out[:, -1]
            ours = self.readout.module(self._normed(last[:, -1]))
        close = torch.allclose(own, ours, rtol=1e-3, atol=1e-3 * float(own.abs().max()))
        return found, watch.linked and close

    def narrowed(self, keep: np.ndarray) -> Prefix:
        """Return what some of the batch's stimuli left.

        Parameters
        ----------
        keep : ndarray of int
            Places in the batch.
        """
        size, rows = len(self.index), torch.from_numpy(keep)

        def some(value: torch.Tensor) -> torch.Tensor:
            return value[rows.to(value.device)]

        other = copy.copy(self)
        other.index, other.baseline = self.index[keep], some(self.baseline)
        other.given = {n: _each(one, size, some) for n, one in self.given.items()}
        other.linear = {n: one.changed(some) for n, one in self.linear.items()}
        return other

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
        if chain.mlp is None or chain is WHOLE or tokens is None or inside:
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


class _Watch:
    """Hooks on blocks: what each is given, and whether they hand one tensor on.

    The pass stops after ``until`` blocks; 0: not at all.
    """

    def __init__(self, given: dict[int, Any], needed: set[int], *, until: int = 0) -> None:
        self.given, self.needed, self.until = given, needed, until
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
            if number + 1 == self.until:
                raise _Stop

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
    if size == 1:
        return value
    return _each(value, size, lambda one: one.repeat(copies, *[1] * (one.ndim - 1)))


def _each(value: Any, size: int, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Return what a block takes, with those tensors changed that have a row a stimulus."""
    if isinstance(value, torch.Tensor):
        rows = value is not _HERE and value.ndim > 0 and value.shape[0] == size
        return change(value) if rows else value
    if isinstance(value, dict):
        return {key: _each(one, size, change) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        parts = [_each(one, size, change) for one in value]
        return tuple(parts) if isinstance(value, tuple) else parts
    return value
