"""The data folder: tables, null draws, provenance — written whole, or not at all.

========================  ====================================================================
``verdicts.csv``          one row per claim
``votes.csv``             one row per claim and family
``cells.csv``             one row per claim, system and variable; a failed cell has its reason
``evidence.nc``           every cell's null effects
``loops.json``            bars, clouds and coordinates of cells worth a look, if there are any
``claims.json``           the claims as they were tested
``provenance.json``       versions, seeds, systems, assets, what was left out
``resolved.toml``         the panel, every default spelled out
``log.jsonl``             what happened when
========================  ====================================================================
"""

from __future__ import annotations

import csv
import datetime
import importlib.metadata
import io
import json
import math
import os
import platform
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from homologue import systems
from homologue._version import __version__
from homologue.parallels._cell import COLUMNS
from homologue.parallels._verdict import RULE, RULE_VERSION
from homologue.recording import provenance as recording_provenance

if TYPE_CHECKING:
    from homologue.parallels._compare import Comparison
    from homologue.parallels._panel import Entry, Panel

FORMAT_VERSION = 1

VERDICT_COLUMNS = [
    "claim",
    "version",
    "question",
    "verdict",
    "pattern",
    "delta",
    "p",
    "smallest_p",
    "n_brain",
    "n_model",
    "n_untrained",
    "n_other",
    "missing",
    "sesoi",
    "reason",
]

_PACKAGES = (
    "numpy",
    "scipy",
    "xarray",
    "zarr",
    "scikit-learn",
    "torch",
    "transformers",
    "h5py",
    "pooch",
)


def write(comparison: Comparison, folder: Path) -> Path:
    """Write every file of the data folder; each replaces its predecessor in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / "verdicts.csv", _csv(VERDICT_COLUMNS, verdict_rows(comparison)))
    _replace(folder / "cells.csv", _csv(COLUMNS, map(vars, comparison.cells)))
    votes = [
        {"claim": claim, **vars(vote)} for claim, cast in comparison.votes.items() for vote in cast
    ]
    _replace(folder / "votes.csv", _csv(("claim", "family", "kind", "state", "effect"), votes))
    _replace(folder / "claims.json", _json([claim.record() for claim in comparison.claims]))
    if comparison.pictures:
        text = json.dumps(_finite(list(comparison.pictures)), ensure_ascii=False)
        _replace(folder / "loops.json", text + "\n")
    else:
        (folder / "loops.json").unlink(missing_ok=True)
    described = dict(comparison.provenance)
    log = described.pop("log")
    _replace(folder / "provenance.json", _json(described))
    _replace(folder / "resolved.toml", comparison.panel.to_toml())
    lines = [json.dumps(_finite(line), ensure_ascii=False) + "\n" for line in log]
    _replace(folder / "log.jsonl", "".join(lines))
    _write_evidence(comparison, folder / "evidence.nc")
    return folder


def verdict_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the rows of ``verdicts.csv``."""
    rows = []
    for claim in comparison.claims:
        found = comparison.verdicts[claim.id]
        rows.append(
            {
                "claim": claim.id,
                "version": claim.version,
                "question": claim.question,
                "verdict": found.verdict,
                "pattern": found.pattern,
                "delta": found.delta,
                "p": found.p,
                "smallest_p": found.smallest_p,
                "n_brain": found.counts["brain"],
                "n_model": found.counts["model"],
                "n_untrained": found.counts["untrained"],
                "n_other": found.counts["other-science"],
                "missing": found.missing,
                "sesoi": claim.sesoi,
                "reason": found.reason,
            }
        )
    return rows


def _csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return value


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _json(value: Any) -> str:
    return json.dumps(_finite(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _write_evidence(comparison: Comparison, path: Path) -> None:
    cells = comparison.cells
    draws = max((cell.null.size for cell in cells), default=0)
    null = np.full((len(cells), draws), np.nan, dtype=np.float32)
    for row, cell in zip(null, cells, strict=True):
        row[: cell.null.size] = cell.null
    names = ("claim", "system", "kind", "family", "variable")
    dataset = xr.Dataset(
        {"null": (("cell", "draw"), null)}
        | {
            name: ("cell", np.array([getattr(cell, name) for cell in cells], dtype=float))
            for name in ("effect", "low", "high")
        },
        coords={
            name: ("cell", np.array([getattr(cell, name) for cell in cells], dtype=object))
            for name in names
        },
        attrs={"format_version": FORMAT_VERSION, "homologue": __version__},
    )
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        dataset.to_netcdf(
            part,
            engine="h5netcdf",
            encoding={"null": {"zlib": True, "complevel": 4, "shuffle": True}} if draws else None,
        )
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def shown(name: str, entry: Entry, rec: xr.DataArray, twin_of: str) -> dict[str, Any]:
    """Return what the provenance says of one recorded system."""
    registered = systems.entry(entry.system)
    kept = recording_provenance(rec)
    return {
        "name": name,
        "kind": kept["kind"],
        "family": kept["family"],
        "variable": ", ".join(entry.variables),
        "summary": registered.summary if not twin_of else f"untrained twin of {twin_of}",
        "licence": str(kept.get("licence", "")),
        "citation": str(kept.get("citation", "")),
        "source": str(kept.get("source", "")),
        "n_samples": rec.sizes["sample"],
        "n_units": rec.sizes["unit"],
        "n_groups": int(np.unique(rec["group"].values).size),
        "seeds": entry.twins if twin_of else 0,
    }


def provenance(
    panel: Panel,
    started: datetime.datetime,
    recorded: list[dict[str, Any]],
    left_out: list[dict[str, str]],
) -> dict[str, Any]:
    """Return what has to be known to repeat the run."""
    names = dict.fromkeys(
        asset
        for entry in panel.entries
        if any(row["name"] == panel.name_of(entry) for row in recorded)
        for asset in systems.entry(entry.system).assets
    )
    return {
        "format_version": FORMAT_VERSION,
        "homologue": __version__,
        "rule_version": RULE_VERSION,
        "rule": RULE,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": _versions(),
        "started": started.isoformat(timespec="seconds"),
        "seed": panel.seed,
        "draws": {
            "permutations": panel.permutations,
            "resamples": panel.resamples,
            "repeats": panel.repeats,
        },
        "panel": panel.name,
        "systems": recorded,
        "assets": [_asset(name) for name in names],
        "left_out": left_out,
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _asset(name: str) -> dict[str, Any]:
    asset = systems.assets.get(name)
    sums = systems.assets.checksums(name)
    return {
        "name": name,
        "sha256": sums if len(sums) > 1 else next(iter(sums.values()), ""),
        "licence": asset.licence,
        "citation": asset.citation,
        "source": asset.source if isinstance(asset.source, str) else str(asset.source),
    }
