"""Systems: what stands on the bench, by name; each makes recordings and knows no analysis.

Nothing heavy is imported here: a name is resolved when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_LAZY: dict[str, str] = {
    "assets": "homologue.systems._assets:",
    "System": "homologue.systems._protocol:System",
    "Model": "homologue.systems._protocol:Model",
    "Intervention": "homologue.systems._protocol:Intervention",
    "Perturbable": "homologue.systems._protocol:Perturbable",
    "Reference": "homologue.systems._reference:Reference",
    "Entry": "homologue.systems._registry:Entry",
    "register": "homologue.systems._registry:register",
    "get": "homologue.systems._registry:get",
    "names": "homologue.systems._registry:names",
    "entry": "homologue.systems._registry:entry",
    "describe": "homologue.systems._registry:describe",
    "failures": "homologue.systems._registry:failures",
    "Packaged": "homologue.systems._packaged:Packaged",
    "packaged": "homologue.systems._packaged:packaged",
    "table": "homologue.systems._table:table",
    "inputs": "homologue.systems._inputs:",
    "TorchModel": "homologue.systems._torch:TorchModel",
    "language": "homologue.systems._language:language",
    "sentence": "homologue.systems._sentence:sentence",
    "vision": "homologue.systems._vision:vision",
    "modular_addition": "homologue.systems._modular_addition:modular_addition",
    "remove_frequencies": "homologue.systems._modular_addition:remove_frequencies",
    "NWB": "homologue.systems._nwb:NWB",
    "nwb": "homologue.systems._nwb:nwb",
    "to_nwb": "homologue.systems._nwb:to_nwb",
}
"""Public name → ``module:attribute`` (no attribute: the module itself). Append here."""

__all__ = sorted(_LAZY)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _LAZY[name].partition(":")
    found = importlib.import_module(module)
    value = getattr(found, attribute) if attribute else found
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the lazy names too."""
    return sorted(set(globals()) | set(_LAZY))
