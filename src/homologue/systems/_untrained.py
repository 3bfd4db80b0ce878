"""The untrained twin: the same architecture with parameters drawn anew."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch

from homologue._errors import HomologueError


def initialised(
    model: torch.nn.Module,
    seed: int,
    initialise: Callable[[int], torch.nn.Module] | None = None,
) -> torch.nn.Module:
    """Return a network of the same architecture with fresh parameters.

    Parameters
    ----------
    model : torch.nn.Module
        The trained network; it is left as it is.
    seed : int
        Of the draw.
    initialise : callable, optional
        ``initialise(seed)`` builds one by the architecture's own rule.

    Returns
    -------
    torch.nn.Module
        In evaluation mode, on the same device and in the same precision.

    Raises
    ------
    HomologueError
        A submodule holds parameters and has no ``reset_parameters``, or has one that leaves
        learned values in place.
    """
    model = getattr(model, "_orig_mod", model)
    with _seeded(seed):
        if initialise is not None:
            fresh = initialise(seed)
        elif _from_transformers(model):
            fresh = _from_config(model)
        else:
            fresh = _reset(model)
    _match_placement(fresh, model)
    return fresh.eval()


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw from a seed, and leave every global random state as it was."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(seed))
        yield


def _from_transformers(model: torch.nn.Module) -> bool:
    return any(
        base.__module__.startswith("transformers.") and base.__name__ == "PreTrainedModel"
        for base in type(model).__mro__
    )


def _from_config(model: Any) -> torch.nn.Module:
    # The class itself rather than an AutoModel: a head or a wrapper stays what it is.
    return type(model)(copy.deepcopy(model.config))


def _reset(model: torch.nn.Module) -> torch.nn.Module:
    fresh = copy.deepcopy(model)
    for name, module in fresh.named_modules():
        label = f"{name or 'the model itself'} ({type(module).__name__})"
        own = dict(module.named_parameters(recurse=False))
        reset = getattr(module, "reset_parameters", None) or getattr(
            module, "_reset_parameters", None
        )
        if callable(reset):
            reset()
        elif own:
            raise HomologueError(
                f"{label} holds parameters ({', '.join(own)}) and has no reset_parameters(); "
                "give it one, or pass TorchModel(initialise=function_of_a_seed)"
            )
    _check_fresh(model, fresh)
    return fresh


def _check_fresh(model: torch.nn.Module, fresh: torch.nn.Module) -> None:
    """Refuse a twin that kept a learned parameter: it would pass for untrained."""
    for (name, old), (_, new) in zip(
        model.named_parameters(), fresh.named_parameters(), strict=True
    ):
        constant = new.numel() < 2 or bool((new == new.flatten()[0]).all())
        if not constant and torch.equal(old, new):
            raise HomologueError(
                f"parameter {name!r} is the same before and after reset_parameters(): the module "
                "that holds it does not draw it anew; pass TorchModel(initialise=…)"
            )


def _match_placement(fresh: torch.nn.Module, model: torch.nn.Module) -> None:
    first = next((p for p in model.parameters() if p.is_floating_point()), None)
    if first is not None:
        fresh.to(device=first.device, dtype=first.dtype)
