"""Read what passes through a network's modules, stop when everything asked for is read.

A :class:`Tap` holds its hooks only while it is entered. What it changes for that time (training
flags, the attention kernel where attention weights are asked for) is as it was afterwards,
whatever happens in between.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from homologue._errors import HomologueError
from homologue.systems._sites import Site


class _Stop(BaseException):
    """Everything asked for has been read.

    Not an ``Exception``: a model whose forward catches ``Exception`` does not swallow it.
    """


class SiteNeverFired(HomologueError):
    """A module that was asked for did not run in a forward pass."""


class CalledMoreThanOnce(HomologueError):
    """A module ran several times in one pass, and it was not said which call is meant."""


Receiver = Callable[[int, torch.Tensor], None]


def _ignore(number: int, value: torch.Tensor) -> None:
    pass


class Tap:
    """Hooks at some sites of a model.

    Parameters
    ----------
    model : torch.nn.Module
        The network; hooks are added on entry and removed on exit.
    sites : sequence of Site
        Where to read. A module that runs several times in a pass needs ``call`` set.
    """

    def __init__(self, model: torch.nn.Module, sites: Sequence[Site]) -> None:
        self.model = model
        self.sites = tuple(sites)
        self._by_module: dict[tuple[str, str], list[int]] = {}
        for number, site in enumerate(self.sites):
            self._by_module.setdefault((site.module, site.where), []).append(number)
        self._owner = 0
        self._left = 0
        self._stopping = True
        self._receive: Receiver = _ignore
        self.calls: Counter[tuple[str, str]] = Counter()

    @contextlib.contextmanager
    def attached(self) -> Iterator[Tap]:
        """Hold the hooks for the length of a ``with`` block, without gradients."""
        handles: list[Any] = []
        eager = any(site.level == "pattern" for site in self.sites)
        with contextlib.ExitStack() as stack:
            stack.enter_context(_evaluating(self.model))
            stack.enter_context(_uncompiled(self.model))
            if eager:
                stack.enter_context(_attention_weights(self.model))
            stack.enter_context(torch.no_grad())
            try:
                for (path, where), numbers in self._by_module.items():
                    module = _submodule(self.model, path)
                    handles.append(self._hook(module, path, where, numbers))
                yield self
            finally:
                for handle in handles:
                    handle.remove()

    def _hook(self, module: torch.nn.Module, path: str, where: str, numbers: list[int]) -> Any:
        def see(value: Any) -> None:
            # Another thread may be using the same model: it is none of ours.
            if threading.get_ident() != self._owner:
                return
            call = self.calls[path, where]
            self.calls[path, where] = call + 1
            for number in numbers:
                site = self.sites[number]
                if site.call in (None, -1, call):
                    self._receive(number, first_tensor(value, site))
                    self._left -= 1
            if self._stopping and self._left == 0:
                raise _Stop

        if where == "input":

            def before(_: torch.nn.Module, args: Any, kwargs: Any) -> None:
                see((*args, *kwargs.values()))

            return module.register_forward_pre_hook(before, with_kwargs=True)

        def after(_: torch.nn.Module, args: Any, output: Any) -> None:
            see(output)

        return module.register_forward_hook(after)

    def run(self, args: Sequence[Any], kwargs: Mapping[str, Any], receive: Receiver) -> None:
        """Run the model once, until every site has been read.

        Parameters
        ----------
        args, kwargs
            Inputs of the model.
        receive : callable
            ``receive(number of the site, tensor)``, called within the pass; the tensor is the
            model's own and must not be changed.

        Raises
        ------
        SiteNeverFired, CalledMoreThanOnce
            A module did not run, or ran more often than was said.
        """
        self._owner = threading.get_ident()
        self._receive, self._left, self._stopping = receive, len(self.sites), True
        self.calls.clear()
        try:
            self.model(*args, **kwargs)
        except _Stop:
            pass
        finally:
            self._owner = 0
            self._receive = _ignore
        self.check()

    def survey(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], receive: Receiver
    ) -> list[int]:
        """Run the model to its end, and return how often each site's module ran.

        Sites with ``call`` -1 are told of every call.
        """
        self._owner = threading.get_ident()
        self._receive, self._left, self._stopping = receive, len(self.sites), False
        self.calls.clear()
        try:
            self.model(*args, **kwargs)
        finally:
            self._owner = 0
            self._receive = _ignore
        return [self.calls[site.module, site.where] for site in self.sites]

    def check(self) -> None:
        """Compare how often modules ran in the last pass with what was said.

        Raises
        ------
        SiteNeverFired, CalledMoreThanOnce
            A module did not run, or ran more often than was said.
        """
        silent = []
        for (path, where), numbers in self._by_module.items():
            count = self.calls[path, where]
            for number in numbers:
                site = self.sites[number]
                if count == 0 or (site.call is not None and site.call >= count):
                    silent.append(_silence(site, count))
                if site.call is None and count > 1:
                    raise CalledMoreThanOnce(
                        f"{site.name!r} runs {count} times in one pass; say which call is meant: "
                        f"{site.name + '#0'!r} … {site.name + '#' + str(count - 1)!r}, or "
                        f"{site.name + '#*'!r} for all"
                    )
        if silent:
            more = f" (and {len(silent) - 3} more)" if len(silent) > 3 else ""
            raise SiteNeverFired(
                "; ".join(silent[:3])
                + more
                + ". A module that is only read for its weights, belongs to another branch, or "
                "is replaced by a compiled or scripted one never runs itself: record the module "
                "around it"
            )


def _submodule(model: torch.nn.Module, path: str) -> torch.nn.Module:
    scripted = torch.jit.ScriptModule
    module = model if isinstance(model, scripted) else model.get_submodule(path)
    if isinstance(module, scripted):
        raise HomologueError(
            f"{path or 'the model'} is scripted (torch.jit), and takes no hooks; pass the model as "
            "it was written, or record a module around it"
        )
    return module


def _silence(site: Site, count: int) -> str:
    if count:
        return f"{site.name!r} asks for call {site.call}, but there are {count} in a pass"
    return f"{site.name!r} never fires: its module does not run in a forward pass"


def first_tensor(value: Any, site: Site) -> torch.Tensor:
    """Return the tensor a site stands for in what a module takes or gives.

    Of a tuple, list, mapping or dataclass it is the first tensor (for attention weights, the
    element ``site.item``).

    Raises
    ------
    HomologueError
        There is none.
    """
    if site.item is not None:
        chosen = value[site.item] if isinstance(value, (tuple, list)) else None
        if isinstance(chosen, torch.Tensor):
            return chosen
        raise HomologueError(
            f"{site.name!r} gives no attention weights; load the model with "
            "attn_implementation='eager'"
        )
    found = _search(value)
    if found is None:
        raise HomologueError(
            f"{site.name!r} passes on a {type(value).__name__} without any tensor in it; "
            "record a module inside or around it"
        )
    return found


def _search(value: Any) -> torch.Tensor | None:
    if isinstance(value, torch.Tensor):
        return value
    parts: Any = ()
    if isinstance(value, Mapping):
        parts = value.values()
    elif isinstance(value, (tuple, list)):
        parts = value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, one.name) for one in dataclasses.fields(value)]
    for part in parts:
        found = _search(part)
        if found is not None:
            return found
    return None


@contextlib.contextmanager
def _evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Turn dropout off and freeze batch statistics; put each flag back."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextlib.contextmanager
def _uncompiled(model: torch.nn.Module) -> Iterator[None]:
    """Run ``torch.compile``d parts as they were written: compiled ones skip later hooks."""
    compiled = any(
        "_orig_mod" in module._modules or vars(module).get("_compiled_call_impl") is not None
        for module in model.modules()
    )
    if not compiled:
        yield
        return
    if not hasattr(torch.compiler, "set_stance"):
        raise HomologueError(
            "the model holds modules compiled with torch.compile, whose insides cannot be read "
            "in this version of torch; pass the model as it was before compilation, or use "
            "torch ≥ 2.6"
        )
    with torch.compiler.set_stance("force_eager"):
        yield


@contextlib.contextmanager
def _attention_weights(model: torch.nn.Module) -> Iterator[None]:
    """Let attention return its weights, which the fused kernels never form."""
    config = getattr(model, "config", None)
    switch: Any = getattr(model, "set_attn_implementation", None)
    before = getattr(config, "_attn_implementation", None)
    if before in (None, "eager") or switch is None:
        yield
        return
    switch("eager")
    try:
        yield
    finally:
        switch(before)
