"""Answers kept beside a comparison: what was worked out once is not worked out again.

A comparison that is cut short goes on where it stopped, and one with another system asks that
system only. An answer is known by everything it depends on: the recordings themselves, the claim,
the effort, the seed, this package's code and the libraries under it. Only the package's own claims
are kept, and those that run a system again only of the package's own systems: the code of others
is not seen.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import homologue
from homologue import systems
from homologue.parallels._cell import Cell
from homologue.parallels._claim import Claim, is_own
from homologue.parallels._matched import Effort
from homologue.parallels._showings import Showing

Answer = tuple[Cell, dict[str, Any] | None]
"""A cell, and what is drawn of it."""

_UNDER = ("numpy", "scipy", "xarray", "scikit-learn", "ripser", "torch", "transformers")


@dataclass
class Answers:
    """Answers in a folder, one file each.

    Parameters
    ----------
    folder : Path or None
        None: nothing is kept.
    fresh : bool
        Work everything out again, and keep that.
    """

    folder: Path | None = None
    fresh: bool = False
    found: int = 0

    def key(
        self, claim: Claim, variable: str | None, showing: Showing, effort: Effort, seed: int
    ) -> str | None:
        """Return what an answer is known by; None if it is not to be kept."""
        if self.folder is None or not is_own(claim):
            return None
        parts = [claim.id, claim.version, variable, showing.name, effort, seed]
        if "system" in claim.needs:
            if not _is_known(showing.entry.system):
                return None
            parts.append(showing.entry)
        parts += showing.digests()
        own = hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
        return f"{under()}-{own}"

    def get(self, key: str | None) -> Answer | None:
        """Return a kept answer; a file that cannot be read is as none."""
        if key is None or self.folder is None or self.fresh:
            return None
        try:
            read = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            cell = Cell(**read["cell"])
            answer = replace(cell, null=np.array(read["null"], dtype=np.float64)), read["picture"]
        except (OSError, ValueError, TypeError, KeyError):
            return None
        self.found += 1
        return answer

    def put(self, key: str | None, answer: Answer) -> None:
        """Keep an answer, in one step; a cell that failed is asked again."""
        cell, picture = answer
        if key is None or self.folder is None or cell.state == "failed":
            return
        own = {name: getattr(cell, name) for name in cell.__dataclass_fields__ if name != "null"}
        text = json.dumps(
            {"cell": own, "null": cell.null.tolist(), "picture": picture}, default=np.ndarray.tolist
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".{key}.{uuid.uuid4().hex[:8]}.part"
        try:
            part.write_text(text, encoding="utf-8")
            os.replace(part, self.folder / f"{key}.json")
        finally:
            part.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove answers of other code and libraries: nothing asks for them again."""
        if self.folder is not None and self.folder.is_dir():
            for path in self.folder.glob("*-*.json"):
                if not path.stem.startswith(f"{under()}-"):
                    path.unlink(missing_ok=True)


@functools.cache
def under() -> str:
    """Return a checksum of this package's code and of the versions of what it calculates with."""
    digest = hashlib.blake2b(digest_size=8)
    root = Path(homologue.__file__).parent
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.toml")]):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    for name in _UNDER:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = ""
        digest.update(f"{name} {version} ".encode())
    digest.update(f"{platform.python_version()} {platform.machine()}".encode())
    return digest.hexdigest()


def _is_known(system: str) -> bool:
    factory = systems.entry(system).factory
    module = factory if isinstance(factory, str) else getattr(factory, "__module__", "")
    return module.startswith("homologue.")
