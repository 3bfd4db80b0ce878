"""Where a network is and in which precision, and a copy that is elsewhere."""

from __future__ import annotations

import copy

import torch

from homologue._errors import HomologueError


def placement(model: torch.nn.Module) -> tuple[torch.device, torch.dtype]:
    """Return device and precision of a model's first floating-point parameter."""
    for values in (model.parameters(), model.buffers()):
        for value in values:
            if value.is_floating_point():
                return value.device, value.dtype
    return torch.device("cpu"), torch.float32


def converted(
    model: torch.nn.Module,
    device: str | torch.device | None,
    dtype: str | torch.dtype | None,
) -> torch.nn.Module:
    """Return the model where and as it is asked for; a copy, if that is a change."""
    wanted = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if dtype is not None and not (isinstance(wanted, torch.dtype) and wanted.is_floating_point):
        raise HomologueError(
            f"dtype is a floating-point precision ('float32', 'bfloat16', 'float16'); "
            f"given {dtype!r}"
        )
    here, precision = placement(model)
    place = here if device is None else torch.device(device)
    same_place = place.type == here.type and place.index in (None, here.index)
    if same_place and wanted in (None, precision):
        return model
    return copy.deepcopy(model).to(device=place, dtype=wanted)
