"""A checksum of what a recording is of: when it differs, half a recording is not gone on with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from homologue._version import __version__
from homologue.systems._coordinates import SampleTable

_SUMS = 16_381
"""A prime: rows of a matrix are no multiple of it."""


def fingerprint(model: torch.nn.Module, table: SampleTable, **options: Any) -> str:
    """Return a checksum of weights, stimuli, labels and options.

    What it cannot see is code: of a model's modules, or of a function that prepares stimuli.

    Parameters
    ----------
    model : torch.nn.Module
        All of its state counts.
    table : SampleTable
        Stimuli, and which samples are kept.
    **options
        Whatever else the result depends on.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    reading = table.reading
    digest = hashlib.blake2b(digest_size=16)

    def add(value: Any) -> None:
        digest.update(value if isinstance(value, bytes) else repr(value).encode())

    add((__version__, torch.__version__, sorted(options.items())))
    add((reading.sites, reading.layouts))
    add(reading.offsets.tobytes())
    for name, value in model.state_dict().items():
        add(name)
        for part in _of_state(value):
            add(part)
    for part in reading.feed.identity():
        add(part)
    stimuli = table.stimuli
    for name, values in {**stimuli.variables, "group": stimuli.group}.items():
        add((name, sorted((k, str(v)) for k, v in values.attrs.items())))
        labels = values.values
        # Objects are hashed as text: their bytes are addresses.
        labels = labels.astype(str) if labels.dtype.kind in "OT" else labels
        add(np.ascontiguousarray(labels).tobytes())
    return digest.hexdigest()


def _of_state(value: Any) -> Iterator[Any]:
    """Yield what tells a parameter or buffer from another, whatever a module keeps there."""
    if isinstance(value, Mapping):
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from _of_state(part)
    elif isinstance(value, torch.Tensor):
        yield from _of_tensor(value.detach())
    else:
        # Of other objects only the kind: what they print may be their address.
        yield repr(value) if isinstance(value, (str, int, float)) else type(value).__name__


def _of_tensor(value: torch.Tensor) -> Iterator[Any]:
    yield (str(value.dtype), str(value.layout))
    if value.is_nested:
        return
    yield tuple(value.shape)
    if value.is_meta:
        return
    if value.is_quantized:
        value = value.int_repr()
    if value.layout != torch.strided:
        value = value.to_dense()
    yield from _sums(value.resolve_conj().resolve_neg())


def _sums(value: torch.Tensor) -> tuple[bytes, bytes]:
    """Return sums over every so many words of a tensor, and the bytes that make no full round.

    One pass at the speed of memory, where the tensor is. One changed bit changes a sum, and so
    do parts that change places, unless they are a multiple of 131 kB apart.
    """
    held = value.contiguous().flatten().view(torch.uint8)
    whole = held.numel() // (8 * _SUMS) * (8 * _SUMS)
    words = held[:whole]
    if words.storage_offset() % 8:
        words = words.clone()
    sums = words.view(torch.int64).view(-1, _SUMS).sum(dim=0)
    return sums.cpu().numpy().tobytes(), held[whole:].cpu().numpy().tobytes()
