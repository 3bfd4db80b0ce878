"""Brains, networks and other sciences' data on one bench.

Everything below is loaded when it is first used: ``import homologue`` itself costs a few
milliseconds and imports neither NumPy nor torch.
"""

from __future__ import annotations

import importlib
from typing import Any

from homologue._version import __version__

_MODULES = (
    "inference",
    "lineage",
    "parallels",
    "perturb",
    "plot",
    "population",
    "recording",
    "reducers",
    "report",
    "representation",
    "spikes",
    "stimuli",
    "systems",
    "tuning",
)

_NAMES = {
    "Spikes": "homologue.spikes",
    "TorchModel": "homologue.systems",
    "language": "homologue.systems",
    "nwb": "homologue.systems",
    "sentence": "homologue.systems",
    "table": "homologue.systems",
    "to_nwb": "homologue.systems",
    "vision": "homologue.systems",
}

__all__ = [
    "__version__",
    *_NAMES,
    *_MODULES,
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"homologue.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
        globals()[name] = value
        return value
    from homologue._errors import nearest

    raise AttributeError(f"homologue has no {name!r}{nearest(name, __all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
