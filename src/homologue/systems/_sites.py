"""Sites of a torch model: module names by glob, and aliases that mean the same everywhere.

A site is a place where activity is read: the output of a module (or its input), its n-th call
in one pass, or a part of it. Globs work per dot-separated part of a module's name: ``*`` stays
within one part, ``**`` spans any number of them.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from homologue._errors import HomologueError, UnknownName, nearest

ALIASES = {
    "resid_pre": "residual stream before the layer",
    "resid_post": "residual stream after the layer",
    "attn_out": "what attention adds to the residual stream",
    "mlp_out": "what the MLP adds to the residual stream",
    "mlp_post": "MLP neurons: what enters the MLP's last projection",
    "z": "heads' weighted values: what enters attention's output projection",
    "q": "queries, before any rotation",
    "k": "keys, before any rotation",
    "v": "values",
    "pattern": "attention weights; sample = (query, key), unit = head",
}
"""Names that resolve to a module in every architecture known here."""

_COMPILED = "_orig_mod"


@dataclass(frozen=True)
class Site:
    """Where activity is read.

    Attributes
    ----------
    name : str
        What units are named after.
    module : str
        Dotted path.
    where : {"output", "input"}
        Which side of the module.
    call : int or None
        Which call within one pass; None: the only one.
    item : int or None
        Which element of an output tuple; None: the first tensor.
    part : tuple of (int, int) or None
        Fused queries, keys and values: ``(which, of_how_many)``.
    head_size : int or None
        Dimensions per attention head, for sites whose units are head dimensions.
    interleaved : bool
        Fused parts stand next to one another within a head.
    level : {"activity", "pattern", "pooled"}
        Attention weights and pooled embeddings are read in their own way.
    layer : int or None
        Number of the layer, where the name says so.
    """

    name: str
    module: str
    where: str = "output"
    call: int | None = None
    item: int | None = None
    part: tuple[int, int] | None = None
    head_size: int | None = None
    interleaved: bool = False
    level: str = "activity"
    layer: int | None = None


@dataclass(frozen=True)
class Architecture:
    """Where a family of transformers keeps its parts, relative to one layer."""

    name: str
    layers: str
    attention: str
    output: str
    mlp: str
    down: str
    separate: tuple[str, str, str] | None = None
    fused: str | None = None
    interleaved: bool = False
    attention_added: str | None = None
    mlp_added: str | None = None


ARCHITECTURES = (
    Architecture(
        "Llama",
        layers="layers",
        attention="self_attn",
        output="self_attn.o_proj",
        mlp="mlp",
        down="mlp.down_proj",
        separate=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    ),
    Architecture(
        "GPT-2",
        layers="h",
        attention="attn",
        output="attn.c_proj",
        mlp="mlp",
        down="mlp.c_proj",
        fused="attn.c_attn",
    ),
    Architecture(
        "GPT-NeoX",
        layers="layers",
        attention="attention",
        output="attention.dense",
        mlp="mlp",
        down="mlp.dense_4h_to_h",
        fused="attention.query_key_value",
        interleaved=True,
    ),
    Architecture(
        "BERT",
        layers="encoder.layer",
        attention="attention.self",
        output="attention.output.dense",
        mlp="output.dense",
        down="output.dense",
        separate=("attention.self.query", "attention.self.key", "attention.self.value"),
        attention_added="attention.output.dense",
        mlp_added="output.dense",
    ),
)
"""Known families; Mistral, Qwen, Gemma and SmolLM are built as Llama is."""


def module_names(model: torch.nn.Module) -> dict[str, str]:
    """Return name → true path of every module; wrappers of ``torch.compile`` leave no trace."""
    names: dict[str, str] = {}
    for path, _ in model.named_modules():
        parts = [part for part in path.split(".") if part and part != _COMPILED]
        # The innermost of a compiled pair comes last and is the one whose hooks fire.
        if parts:
            names[".".join(parts)] = path
    return names


def resolve(
    model: torch.nn.Module,
    sites: str | Sequence[str],
    *,
    derived: dict[str, Site] | None = None,
    announce: Callable[[str, str], None] | None = None,
) -> list[Site]:
    """Return the sites that names, globs and aliases mean, in the model's own order.

    Parameters
    ----------
    model : torch.nn.Module
        The network.
    sites : str or sequence of str
        Module names or globs (``"layers.*.mlp"``), with ``#n`` for the n-th call in a pass and
        ``#*`` for all of them; aliases of :data:`ALIASES`, for one layer ``"resid_post.3"``;
        names in ``derived``. A module's own name goes before an alias.
    derived : dict, optional
        Further sites of this model, by name.
    announce : callable, optional
        Told of each alias and the modules it means.

    Raises
    ------
    UnknownName
        Nothing matches; the message holds the nearest names.
    HomologueError
        No site at all, or an alias for an architecture that is not known.
    """
    patterns = [sites] if isinstance(sites, str) else list(sites)
    if not patterns:
        raise HomologueError("no site is given; name at least one module, glob or alias")
    names = module_names(model)
    found: dict[str, Site] = {}
    for pattern in patterns:
        for site in _matches(model, str(pattern), names, derived or {}, announce):
            found.setdefault(site.name, site)
    levels = {site.level for site in found.values()} - {"activity"}
    if levels and len({site.level for site in found.values()}) > 1:
        special = next(site.name for site in found.values() if site.level in levels)
        raise HomologueError(
            f"{special!r} has samples of its own kind and cannot share a recording with other "
            "sites; record it by itself"
        )
    return list(found.values())


def _matches(
    model: torch.nn.Module,
    pattern: str,
    names: dict[str, str],
    derived: dict[str, Site],
    announce: Callable[[str, str], None] | None,
) -> list[Site]:
    glob, _, call = pattern.partition("#")
    if call and call != "*" and not call.isdecimal():
        raise HomologueError(
            f"after '#' stands the number of a call, or '*' for all; given {pattern!r}"
        )
    rule = re.compile(_regex(glob))
    hits = [name for name in names if rule.fullmatch(name)]
    if hits:
        number = None if not call else -1 if call == "*" else int(call)
        return [_plain(name, names[name], number) for name in hits]
    if pattern in derived:
        return [derived[pattern]]
    alias, _, which = pattern.partition(".")
    if alias in ALIASES:
        return _alias_sites(model, alias, which, names, announce)
    raise UnknownName(_unknown(glob, [*names, *ALIASES, *derived]))


def _plain(name: str, path: str, call: int | None) -> Site:
    number = re.search(r"(?:^|\.)(\d+)(?:\.|$)", name)
    label = name if call is None or call < 0 else f"{name}#{call}"
    return Site(label, path, call=call, layer=int(number[1]) if number else None)


def with_call(site: Site, call: int) -> Site:
    """Return the site at one of its module's calls, named after it."""
    return replace(site, name=f"{site.name}#{call}", call=call)


def _regex(glob: str) -> str:
    """Translate a glob: ``*`` and ``?`` stay within a part of the name, ``**`` spans parts."""
    pieces = {"**": ".*", "*": "[^.]*", "?": "[^.]"}
    out = []
    for piece in re.findall(r"\*\*|\*|\?|\[!?[^\]]+\]|.", glob, flags=re.S):
        if piece in pieces:
            out.append(pieces[piece])
        elif len(piece) > 1:
            out.append(f"[{'^' if piece[1] == '!' else ''}{piece[1:-1].lstrip('!')}]")
        else:
            out.append(re.escape(piece))
    return "".join(out)


def _unknown(glob: str, known: Sequence[str]) -> str:
    # Layers differ by a number only; shown once, they leave room for other names.
    shapes = {re.sub(r"(?<=\.)\d+(?=\.|$)", "*", name) for name in known}
    wanted = re.sub(r"(?<=\.)\d+(?=\.|$)", "*", glob)
    in_shape = glob != wanted and wanted in shapes
    hint = " (that layer does not exist)" if in_shape else ""
    return f"no module, alias or site matches {glob!r}{hint}" + nearest(wanted, shapes)


def _find_architecture(names: dict[str, str]) -> tuple[Architecture, str, list[int]] | None:
    """Return the architecture, the prefix of its layers, and the layers' numbers."""
    for known in ARCHITECTURES:
        projection = known.separate[0] if known.separate else known.fused
        rule = re.compile(
            rf"(?P<stack>(?:.*\.)?{re.escape(known.layers)})\.(?P<number>\d+)\."
            + re.escape(str(projection))
        )
        found: dict[str, list[int]] = {}
        for name in names:
            match = rule.fullmatch(name)
            if match and f"{match['stack']}.{match['number']}.{known.down}" in names:
                found.setdefault(match["stack"], []).append(int(match["number"]))
        if found:
            # A model of several stacks (vision and language): the longest is the main one.
            stack = max(found, key=lambda name: len(found[name]))
            return known, stack, sorted(found[stack])
    return None


def _alias_sites(
    model: torch.nn.Module,
    alias: str,
    which: str,
    names: dict[str, str],
    announce: Callable[[str, str], None] | None,
) -> list[Site]:
    located = _find_architecture(names)
    if located is None:
        raise HomologueError(
            f"the alias {alias!r} is known for {', '.join(a.name for a in ARCHITECTURES)}; "
            f"{type(model).__name__} is built otherwise. Give module names or globs: "
            "print(*dict(model.named_modules()), sep='\\n')"
        )
    known, stack, numbers = located
    wanted = [n for n in numbers if not which or fnmatch.fnmatch(str(n), which)]
    if not wanted:
        raise UnknownName(
            f"{alias!r} has layers {numbers[0]} … {numbers[-1]}; none matches {which!r}"
        )
    relative, template = _alias_template(model, known, alias)
    sites = []
    for number in wanted:
        name = ".".join(part for part in (stack, str(number), relative) if part)
        if name not in names:
            raise UnknownName(
                f"{alias!r} of layer {number} would be {name!r}, which this model lacks"
                + nearest(name, names)
            )
        sites.append(replace(template, name=f"{alias}.{number}", module=names[name], layer=number))
    if announce is not None:
        span = str(wanted[0]) if len(wanted) == 1 else f"{{{wanted[0]}…{wanted[-1]}}}"
        side = {"input": "input of ", "output": ""}[template.where]
        part = "" if template.part is None else f", part {template.part[0] + 1} of 3"
        part += ", attention weights" if alias == "pattern" else ""
        path = ".".join(piece for piece in (stack, span, relative) if piece)
        announce(alias, f"{alias} = {side}{path}{part} ({known.name}; {ALIASES[alias]})")
    return sites


def _alias_template(model: torch.nn.Module, known: Architecture, alias: str) -> tuple[str, Site]:
    """Return the module within a layer, and the site without its name and number."""
    blank = Site("", "")
    if alias == "resid_pre":
        return "", replace(blank, where="input")
    if alias == "resid_post":
        return "", blank
    if alias == "attn_out":
        return known.attention_added or known.attention, blank
    if alias == "mlp_out":
        return known.mlp_added or known.mlp, blank
    if alias == "mlp_post":
        return known.down, replace(blank, where="input")
    if alias == "pattern":
        return known.attention, replace(blank, item=1, level="pattern")
    size = head_size(model)
    if alias == "z":
        return known.output, replace(blank, where="input", head_size=size)
    which = "qkv".index(alias)
    if known.separate is not None:
        return known.separate[which], replace(blank, head_size=size)
    return str(known.fused), replace(
        blank, part=(which, 3), head_size=size, interleaved=known.interleaved
    )


def head_size(model: torch.nn.Module) -> int:
    """Return the dimensions per attention head that the model's config declares.

    Raises
    ------
    HomologueError
        No config, or one that does not say.
    """
    config: Any = getattr(model, "config", None)
    text = getattr(config, "get_text_config", None)
    config = text() if callable(text) else config
    size = getattr(config, "head_dim", None)
    if not size:
        width, heads = (
            getattr(config, key, None) for key in ("hidden_size", "num_attention_heads")
        )
        size = width // heads if width and heads else None
    if not size:
        raise HomologueError(
            f"{type(model).__name__} does not say how large its attention heads are "
            "(config.head_dim, or hidden_size and num_attention_heads); record the module by name"
        )
    return int(size)
