"""Logits of the next token, computed at the positions and vocabulary columns asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError
from homologue.systems._sites import Site


def output_embedding(model: torch.nn.Module) -> tuple[str, torch.nn.Module] | None:
    """Return name and module of a language model's output embedding, where it has one."""
    getter: Any = getattr(model, "get_output_embeddings", None)
    module = getter() if callable(getter) else None
    if not isinstance(module, torch.nn.Linear):
        return None
    name = next((path for path, one in model.named_modules() if one is module), "")
    return (name, module) if name else None


def is_plain(model: torch.nn.Module) -> bool:
    """Whether logits are the output embedding's product and nothing more."""
    config: Any = getattr(model, "config", None)
    text = getattr(config, "get_text_config", None)
    config = text() if callable(text) else config
    marks = ("final_logit_softcapping", "logit_scale", "logits_scaling", "mup_width_scale")
    return all(getattr(config, mark, None) in (None, 1, 1.0) for mark in marks)


def token_columns(system: Any, columns: Any, size: int) -> np.ndarray:
    """Return vocabulary indices of tokens given as indices or strings.

    Raises
    ------
    HomologueError
        A string that is several tokens, or an index outside the vocabulary.
    """
    if columns is None:
        return np.arange(size)
    out = []
    for one in [columns] if isinstance(columns, (str, int)) else columns:
        if isinstance(one, str):
            encode = getattr(system.tokenizer, "encode", None)
            if encode is None:
                raise HomologueError(
                    f"{one!r} is a string and the system has no tokenizer; give token indices"
                )
            ids = encode(one, add_special_tokens=False)
            if len(ids) != 1:
                raise HomologueError(
                    f"{one!r} is {len(ids)} tokens; a column is one (most words have a leading "
                    "space within a text)"
                )
            one = ids[0]
        if not 0 <= int(one) < size:
            raise HomologueError(f"the vocabulary has {size} tokens; there is no token {one}")
        out.append(int(one))
    return np.array(out, dtype=np.int64)


def read_logits(
    system: Any, stimuli: Any, *, positions: Any, columns: Any, **options: Any
) -> xr.DataArray:
    """Return a recording of logits; see ``TorchModel.logits``."""
    found = output_embedding(system.model)
    if found is None:
        raise HomologueError(
            f"{system.name!r} has no output embedding; see what it puts out with outputs(…)"
        )
    name, module = found
    weight: Any = module.weight
    bias: Any = module.bias
    wanted = token_columns(system, columns, weight.shape[0])
    touched = any(act.site.module in ("", name) for act in system._acts)
    if touched or not is_plain(system.model):
        rec = system.outputs(stimuli, positions=positions, **options)
        values = rec.values[:, wanted]
    else:
        before = {"before logits": Site("before logits", name, where="input")}
        rec = system._with_sites(before).record(
            stimuli, sites="before logits", positions=positions, **options
        )
        hidden = torch.from_numpy(np.ascontiguousarray(rec.values))
        with torch.no_grad():
            chosen = weight[torch.from_numpy(wanted).to(weight.device)]
            added = None if bias is None else bias[torch.from_numpy(wanted).to(bias.device)]
            moved = hidden.to(device=weight.device, dtype=weight.dtype)
            values = torch.nn.functional.linear(moved, chosen, added).float().cpu().numpy()
    per_sample = {
        str(key): value.variable
        for key, value in rec.coords.items()
        if value.dims == ("sample",) and key not in ("stimulus", "group", "block")
    }
    return recording.make(
        values,
        unit=[f"logits/{one}" for one in wanted],
        site=["logits"] * len(wanted),
        unit_variables={"token_index": wanted},
        stimulus=rec["stimulus"].variable,
        group=rec["group"].variable,
        block=rec["block"].variable if "block" in rec.coords else None,
        variables=per_sample,
        **rec.attrs,
    )
