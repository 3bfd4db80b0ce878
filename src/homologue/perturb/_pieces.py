"""What a sweep has found so far, on disk: each piece whole or not there, a killed sweep resumed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError

_MARK = "sweep.json"


class Pieces:
    """A folder beside the destination that holds a sweep's pieces.

    Parameters
    ----------
    to : path
        Where the result will stand; ends in ``.zarr``.
    fingerprint : str
        Of everything the result depends on.
    overwrite : bool
        Replace what is there.

    Raises
    ------
    HomologueError
        Something stands there, or pieces of another sweep.
    """

    def __init__(self, to: Any, fingerprint: str, *, overwrite: bool) -> None:
        self.path = Path(to)
        if self.path.suffix != ".zarr":
            raise HomologueError(f"a sweep is written to a folder ending in .zarr; given {to!r}")
        if self.path.exists() and not overwrite:
            raise HomologueError(
                f"{self.path} exists; open it with xarray.open_zarr, or pass overwrite=True"
            )
        self.part = self.path.with_name(f".{self.path.name}.part")
        mark = self.part / _MARK
        if mark.exists() and json.loads(mark.read_text())["fingerprint"] != fingerprint:
            if not overwrite:
                raise HomologueError(
                    f"{self.part} holds a half-finished sweep of something else (another model, "
                    "other stimuli or perturbations); finish it, or pass overwrite=True"
                )
            shutil.rmtree(self.part)
        self.part.mkdir(parents=True, exist_ok=True)
        self._atomic(mark, json.dumps({"fingerprint": fingerprint}).encode())

    @staticmethod
    def _atomic(path: Path, content: bytes) -> None:
        draft = path.with_name(f"{path.name}.{os.getpid()}.partial")
        with open(draft, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(draft, path)

    def put(self, stimuli: np.ndarray, targets: np.ndarray, values: np.ndarray) -> None:
        """Keep the values (target, stimulus) of some targets."""
        name = f"{int(stimuli[0])}_{int(targets[0])}.npz"
        draft = self.part / f"{name}.{os.getpid()}.partial"
        with open(draft, "wb") as handle:
            np.savez(handle, stimuli=stimuli, targets=targets, values=values)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(draft, self.part / name)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield stimuli, targets and values of every piece."""
        for left in self.part.glob("*.partial"):
            left.unlink(missing_ok=True)
        for path in sorted(self.part.glob("*.npz")):
            with np.load(path, allow_pickle=False) as held:
                yield held["stimuli"], held["targets"], held["values"]

    def finish(self, found: xr.Dataset) -> xr.Dataset:
        """Write the result, put it in its place, and remove the pieces."""
        whole = self.part / "whole.zarr"
        shutil.rmtree(whole, ignore_errors=True)
        # Text is held as objects, which zarr writes with variable length.
        text = {n: v.astype(object) for n, v in found.variables.items() if v.dtype.kind == "U"}
        found.assign_coords(text).to_zarr(whole, mode="w", consolidated=False, zarr_format=3)
        if self.path.exists():
            shutil.rmtree(self.path)
        whole.rename(self.path)
        shutil.rmtree(self.part, ignore_errors=True)
        return found
