"""The embedded sample: 46 reference lists, packed byte for byte from their tables."""

from __future__ import annotations

import functools
import io
import json
import lzma
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pandas as pd

from homologue.lineage._graph import CitationGraph, make

PACKED = ("works.csv", "citations.csv", "coverage.csv", "landmarks.json")
"""The tables carried with the package, each as ``NAME.xz`` in ``homologue/lineage/data``."""


def packed_bytes(name: str) -> bytes:
    """Return one packed table as it was before packing."""
    return lzma.decompress((files("homologue.lineage") / "data" / f"{name}.xz").read_bytes())


def pack(folder: Path | str, into: Path | str | None = None) -> dict[str, int]:
    """Rebuild the packed tables from their sources and return their sizes in bytes.

    ``python -c "from homologue.lineage import pack; pack('tables')"`` is how the files in
    ``homologue/lineage/data`` were made; packing is lossless, so there is nothing else to it.

    Parameters
    ----------
    folder : path
        Holds ``works.csv``, ``citations.csv``, ``coverage.csv`` and ``landmarks.json``.
    into : path, optional
        Where to write; by default the package's own data folder.
    """
    target = Path(__file__).parent / "data" if into is None else Path(into)
    sizes = {}
    for name in PACKED:
        packed = lzma.compress(Path(folder, name).read_bytes(), preset=9 | lzma.PRESET_EXTREME)
        (target / f"{name}.xz").write_bytes(packed)
        sizes[name] = len(packed)
    return sizes


def _table(name: str) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(packed_bytes(name)), dtype=str, keep_default_na=False)


def embedded() -> CitationGraph:
    """Return the embedded sample: 2 637 works, 3 234 references, 46 reference lists.

    26 works of mechanistic interpretability (group ``"mi"``), 18 of neuroscience (``"neuro"``)
    and 2 between them (``"neuroai"``), with every reference that could be read from their
    published bibliographies. Each row names its source.

    Returns
    -------
    CitationGraph

    Notes
    -----
    The sample was taken where bibliographies are public: 16 of the 26 interpretability works
    are Distill articles, and one review holds 371 of their 1 133 references. The neuroscience
    works are mostly about vision and spiking networks. It is a sample of convenience; figures
    describe it, and only it. The references *of* the cited works are not known, so nothing
    that needs paths longer than one step can be answered (see :func:`counterfactual`).

    Examples
    --------
    >>> embedded()
    CitationGraph(2637 works, 3234 references, reference lists of 46 works known)
    """
    # Tables can be changed in place: everyone gets their own.
    graph = _embedded()
    return replace(graph, works=graph.works.copy(), citations=graph.citations.copy())


@functools.cache
def _embedded() -> CitationGraph:
    works = _table("works.csv")
    known = set(coverage()["citing_id"])
    works["references_known"] = works["id"].isin(known)
    return make(works, _table("citations.csv"))


def coverage() -> pd.DataFrame:
    """Return, for each of the 46 citing works, how many of its cited keys were resolved.

    Examples
    --------
    >>> table = coverage()
    >>> int(table["keys_cited"].sum()), int(table["resolved"].sum())
    (3261, 3237)
    """
    table = _table("coverage.csv")
    counts = ["year", "keys_cited", "resolved", "unresolved"]
    return table.assign(**{name: pd.to_numeric(table[name]) for name in counts})


@functools.cache
def landmark_patterns() -> dict[str, tuple[str, ...]]:
    """Return, per idea, the title patterns (regular expressions) of its landmark works."""
    stored = json.loads(packed_bytes("landmarks.json"))
    return {idea: tuple(patterns) for idea, patterns in stored.items()}
