"""The data folder: read once, checked at the door, plain records from there on."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from homologue._errors import HomologueError

FORMAT_VERSION = 1
REQUIRED = ("provenance.json", "claims.json", "verdicts.csv", "cells.csv", "evidence.nc")
DOWNLOADS = {
    "verdicts.csv": "one row per claim",
    "cells.csv": "one row per claim, system and variable",
    "votes.csv": "one row per claim and family",
    "evidence.nc": "every null draw",
    "loops.json": "bars, clouds and coordinates of loops",
    "claims.json": "the claims as they were tested",
    "resolved.toml": "the panel with every default filled in",
    "provenance.json": "versions, seeds, assets",
    "log.jsonl": "what happened when",
    "lineage.json": "citation evidence",
}


@dataclass(frozen=True)
class Verdict:
    """One row of ``verdicts.csv``."""

    claim: str
    verdict: str
    version: str = ""
    question: str = ""
    pattern: str = ""
    delta: float | None = None
    p: float | None = None
    smallest_p: float | None = None
    n_brain: float | None = None
    n_model: float | None = None
    n_untrained: float | None = None
    n_other: float | None = None
    missing: str = ""
    sesoi: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Cell:
    """One row of ``cells.csv``: a claim looked at in one system, for one variable."""

    claim: str
    system: str
    kind: str
    family: str
    state: str
    variable: str = ""
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    null_mean: float | None = None
    null_std: float | None = None
    p: float | None = None
    q: float | None = None
    n_groups: float | None = None
    n_units: float | None = None
    n_classes: float | None = None
    seed: str = ""
    reason: str = ""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What tells this cell from every other."""
        return (self.claim, self.system, self.kind, self.family, self.variable)


@dataclass(frozen=True)
class Vote:
    """One row of the optional ``votes.csv``: what a family says about a claim."""

    claim: str
    kind: str
    family: str
    state: str
    effect: float | None = None


@dataclass(frozen=True)
class Claim:
    """One entry of ``claims.json``."""

    id: str
    sentence: str
    version: str = ""
    question: str = ""
    statistic: str = ""
    null: str = ""
    sesoi: float | None = None
    sizes: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[Mapping[str, str], ...] = ()
    against: str = ""


@dataclass(frozen=True)
class Folder:
    """What ``homologue compare --out`` wrote, read back."""

    path: Path
    provenance: Mapping[str, Any]
    claims: tuple[Claim, ...]
    verdicts: tuple[Verdict, ...]
    cells: tuple[Cell, ...]
    votes: tuple[Vote, ...]
    nulls: Mapping[tuple[str, str, str, str, str], np.ndarray]
    lineage: Mapping[str, Any]
    downloads: Mapping[str, str]
    loops: tuple[Mapping[str, Any], ...] = ()


def read_folder(folder: str | os.PathLike[str]) -> Folder:
    """Read a data folder.

    Parameters
    ----------
    folder : path
        As written by ``homologue compare --out``.

    Returns
    -------
    Folder
        Plain records.

    Raises
    ------
    HomologueError
        If the folder or a file is missing, a file cannot be parsed, a column is missing, or the
        folder was written in a newer format.
    """
    path = Path(folder)
    if not path.is_dir():
        raise HomologueError(
            f"no data folder at {str(path)!r}; expected what `homologue compare --out D` writes; "
            "try that command first, or give the folder D itself"
        )
    # The version first: a newer format may well have other files.
    provenance: dict[str, Any] = {}
    if (path / "provenance.json").is_file():
        provenance = _mapping(path / "provenance.json")
        _check_version(path, provenance)
    missing = [name for name in REQUIRED if not (path / name).is_file()]
    if missing:
        raise HomologueError(
            f"{str(path)!r} lacks {', '.join(missing)}; expected {', '.join(REQUIRED)}; "
            "try `homologue compare --out D` again: a run that was cut short leaves such a folder"
        )
    votes = path / "votes.csv"
    lineage = path / "lineage.json"
    return Folder(
        path=path,
        provenance=provenance,
        claims=tuple(read_claims(path / "claims.json")),
        verdicts=read_verdicts(path / "verdicts.csv"),
        cells=_records(path / "cells.csv", Cell),
        votes=_records(votes, Vote) if votes.is_file() else (),
        nulls=_nulls(path / "evidence.nc"),
        lineage=_mapping(lineage) if lineage.is_file() else {},
        loops=_loops(path / "loops.json"),
        downloads={name: what for name, what in DOWNLOADS.items() if (path / name).is_file()},
    )


def _loops(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Return the optional pictures, those that name the cell they are of."""
    if not path.is_file():
        return ()
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise HomologueError(f"{str(path)!r} is no JSON: {error}") from error
    rows = rows if isinstance(rows, list) else []
    return tuple(
        row for row in rows if isinstance(row, Mapping) and {"claim", "system"} <= set(row)
    )


def read_verdicts(source: str | os.PathLike[str] | Iterable[Mapping[str, Any]]) -> tuple[Any, ...]:
    """Return verdict rows from ``verdicts.csv``, its folder, or rows already in memory."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return _records(path / "verdicts.csv" if path.is_dir() else path, Verdict)
    return tuple(_record(row, Verdict, "the verdict rows") for row in source)


def _check_version(path: Path, provenance: Mapping[str, Any]) -> None:
    version = provenance.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise HomologueError(
            f"{str(path / 'provenance.json')!r} has format_version {version!r}; expected an "
            f"integer up to {FORMAT_VERSION}; try `homologue compare --out D` again"
        )
    if version > FORMAT_VERSION:
        writer = provenance.get("homologue") or provenance.get("version") or "a newer version"
        raise HomologueError(
            f"{str(path)!r} is in format {version}, written by homologue {writer}; this "
            f"homologue reads formats up to {FORMAT_VERSION}; "
            "try `pip install --upgrade homologue`"
        )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise HomologueError(
            f"{str(path)!r} is not valid JSON ({error}); expected what `homologue compare` "
            "writes; try that command again"
        ) from error


def _mapping(path: Path) -> dict[str, Any]:
    value = _json(path)
    if not isinstance(value, dict):
        raise HomologueError(
            f"{str(path)!r} holds a JSON {type(value).__name__}; expected an object; "
            "try `homologue compare --out D` again"
        )
    return value


def read_claims(path: Path) -> Iterable[Claim]:
    """Yield the claims of ``claims.json``."""
    value = _json(path)
    entries = value.get("claims") if isinstance(value, dict) else value
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise HomologueError(
            f"{str(path)!r} holds no list of claims; expected a list of objects with 'id' and "
            "'sentence'; try `homologue compare --out D` again"
        )
    for entry in entries:
        if not entry.get("id"):
            raise HomologueError(
                f"a claim in {str(path)!r} has no 'id' (it has {sorted(entry)}); expected 'id' "
                "and 'sentence'; try `homologue compare --out D` again"
            )
        sizes = entry.get("sizes")
        yield Claim(
            id=str(entry["id"]),
            sentence=str(entry.get("sentence") or entry["id"]),
            version=_text(entry.get("version")),
            question=_text(entry.get("question")),
            statistic=_text(entry.get("statistic")),
            null=_text(entry.get("null")),
            sesoi=_number(entry.get("sesoi")),
            sizes=sizes if isinstance(sizes, dict) else {},
            references=tuple(_reference(item) for item in entry.get("references") or ()),
            against=_text(entry.get("against")),
        )


def _reference(item: Any) -> Mapping[str, str]:
    if isinstance(item, Mapping):
        return {"text": _text(item.get("text")), "doi": _text(item.get("doi"))}
    return {"text": _text(item), "doi": ""}


def _records(path: Path, record: type) -> tuple[Any, ...]:
    if not path.is_file():
        raise HomologueError(
            f"no file {str(path)!r}; expected what `homologue compare --out D` writes; "
            "try that command again"
        )
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
        header = reader.fieldnames or []
    required = [item.name for item in fields(record) if _required(item)]
    lacking = [name for name in required if name not in header]
    if lacking:
        raise HomologueError(
            f"{str(path)!r} lacks the column{'s' if len(lacking) > 1 else ''} "
            f"{', '.join(lacking)}; expected at least {', '.join(required)}, given "
            f"{', '.join(header) or 'an empty file'}; try `homologue compare --out D` again"
        )
    return tuple(_record(row, record, str(path)) for row in rows)


def _required(item: Any) -> bool:
    from dataclasses import MISSING

    return item.default is MISSING and item.default_factory is MISSING


def _record(row: Mapping[str, Any], record: type, where: str) -> Any:
    values: dict[str, Any] = {}
    for item in fields(record):
        if item.name not in row:
            if _required(item):
                raise HomologueError(
                    f"a row of {where} lacks {item.name!r} (it has {sorted(map(str, row))}); "
                    "try the rows that `homologue.parallels` returns"
                )
            continue
        raw = row[item.name]
        values[item.name] = _number(raw) if "float" in str(item.type) else _text(raw)
    return record(**values)


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _nulls(path: Path) -> dict[tuple[str, str, str, str, str], np.ndarray]:
    """Return the finite null effects per cell; cells without any are left out."""
    import xarray as xr

    try:
        with xr.open_dataset(path, engine="h5netcdf") as dataset:
            evidence = dataset.load()
    except (OSError, ValueError, KeyError) as error:
        raise HomologueError(
            f"{str(path)!r} cannot be read ({error}); expected netCDF with dims (cell, draw); "
            "try `homologue compare --out D` again"
        ) from error
    names = ("claim", "system", "kind", "family", "variable")
    lacking = [name for name in ("null", "claim", "system") if name not in evidence.variables]
    if lacking:
        raise HomologueError(
            f"{str(path)!r} lacks {', '.join(lacking)}; expected null(cell, draw) with "
            f"{', '.join(names)} on cell; try `homologue compare --out D` again"
        )
    if evidence["null"].size == 0:
        return {}
    null = np.asarray(evidence["null"].transpose("cell", "draw").values, dtype=float)
    columns = [
        [str(item) for item in evidence[name].values]
        if name in evidence.variables
        else [""] * len(null)
        for name in names
    ]
    draws: dict[tuple[str, str, str, str, str], np.ndarray] = {}
    for row, key in zip(null, zip(*columns, strict=True), strict=True):
        finite = row[np.isfinite(row)]
        if finite.size:
            draws[(key[0], key[1], key[2], key[3], key[4])] = finite
    return draws
