"""A reference list from a BibTeX file and the keys that were cited."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from homologue._errors import HomologueError
from homologue.lineage._fields import assign_fields
from homologue.lineage._graph import CitationGraph, make
from homologue.lineage._words import counted

_VENUE = ("journal", "journaltitle", "booktitle", "maintitle", "school", "institution",
          "howpublished", "publisher", "organization")  # fmt: skip
_NAMED = 20


def from_bibtex(
    bibliography: Path | str,
    *,
    citing: str,
    title: str | None = None,
    year: int | None = None,
    group: str = "mi",
    field: str = "",
    cited: Iterable[str] | None = None,
) -> CitationGraph:
    """Return the reference list of one work, read from its bibliography.

    Parameters
    ----------
    bibliography : path or str
        A ``.bib`` file, or BibTeX text (anything that holds an ``@``).
    citing : str
        Id of the work whose list this is.
    title, year, group, field : optional
        Of the citing work.
    cited : iterable of str, optional
        Keys that were cited (see :func:`cited_keys`); by default every entry of the file.

    Returns
    -------
    CitationGraph
        Ids are ``citing/key``. Entries that could not be read are skipped, and ``remarks``
        counts and names them, as it does keys without an entry and entries without a year.

    Raises
    ------
    HomologueError
        The file is missing or holds no entry at all.

    Notes
    -----
    Needs bibtexparser ≥ 2 (``pip install 'homologue[lineage]'``), whose parser goes on after
    a malformed entry.

    Examples
    --------
    >>> text = '@article{hubel, title={Receptive fields}, journal={J. Physiol.}, year=1962}'
    >>> graph = from_bibtex(text, citing="mine", year=2024)
    >>> graph.works[["id", "year", "field"]].to_numpy().tolist()
    [['mine', 2024, 'machine learning / AI'], ['mine/hubel', 1962, 'neuroscience']]
    """
    text, source = _read(bibliography)
    entries, remarks = _parse(text)
    if not entries:
        raise HomologueError(
            f"no entry could be read from {source}"
            + (f" ({'; '.join(remarks)})" if remarks else "; is it a BibTeX file?")
        )
    if cited is not None:
        wanted = list(dict.fromkeys(cited))
        absent = [key for key in wanted if key not in entries]
        if absent:
            remarks.append(_remark(absent, "cited key has", "cited keys have", "no entry"))
        entries = {key: entries[key] for key in wanted if key in entries}
    rows = [{"id": f"{citing}/{key}", **_work(entry)} for key, entry in entries.items()]
    untitled = [key for key, row in zip(entries, rows, strict=True) if not row["title"]]
    if untitled:
        remarks.append(_remark(untitled, "entry has", "entries have", "no title"))
    undated = [key for key, row in zip(entries, rows, strict=True) if row["year"] is None]
    if undated:
        remarks.append(_remark(undated, "entry has", "entries have", "no year"))
    own = {
        "id": citing, "title": title or citing, "year": year, "group": group,
        "field": field or "machine learning / AI", "field_rule": "given",
        "references_known": True,
    }  # fmt: skip
    works = pd.DataFrame([own, *rows]).assign(source=source)
    works["references_known"] = works["id"] == citing
    works["year"] = works["year"].astype("Int64")
    citations = pd.DataFrame({"citing": citing, "cited": [row["id"] for row in rows]})
    return make(assign_fields(works), citations.assign(source=source), remarks=remarks)


def cited_keys(source: Path | str) -> list[str]:
    r"""Return the keys cited in a LaTeX, ``.aux`` or plain file, in order, each once.

    ``\cite…{a,b}`` and ``\citation{a}`` are read; a file with neither is taken as one key per
    line.

    Examples
    --------
    >>> cited_keys(r"As shown \citep[see][p. 2]{olah2020, elhage2022} and \cite{olah2020}")
    ['olah2020', 'elhage2022']
    """
    text = str(source)
    if isinstance(source, Path) or ("\n" not in text and "\\" not in text):
        text = Path(source).read_text(encoding="utf-8", errors="replace")
    groups = re.findall(r"\\[a-zA-Z]*cit[a-zA-Z]*\*?(?:\s*\[[^\]]*\])*\s*\{([^}]*)\}", text)
    keys = [key.strip() for group in groups for key in group.split(",")]
    if not groups:
        keys = [line.split("%")[0].strip() for line in text.splitlines()]
    return [key for key in dict.fromkeys(keys) if key and key != "*"]


def _read(bibliography: Path | str) -> tuple[str, str]:
    if isinstance(bibliography, str) and "@" in bibliography and "{" in bibliography:
        return bibliography, "bibtex text"
    path = Path(bibliography)
    if not path.is_file():
        raise HomologueError(f"there is no file {str(path)!r}; give a .bib file or BibTeX text")
    return path.read_text(encoding="utf-8", errors="replace"), path.name


def _parse(text: str) -> tuple[dict[str, dict[str, str]], list[str]]:
    import bibtexparser
    from bibtexparser import model

    # Its log repeats what the remarks say; without a handler it would go to standard error.
    logging.getLogger("bibtexparser").addHandler(logging.NullHandler())
    for name in ("bibtexparser.splitter", "bibtexparser.library"):
        logging.getLogger(name).propagate = False
        logging.getLogger(name).addHandler(logging.NullHandler())
    library = bibtexparser.parse_string(text)
    entries = {entry.key: _fields(entry) for entry in library.entries if entry.key and entry.fields}
    # With the line first, so that they are named in the order of the file.
    malformed = [
        ((entry.start_line or 0) + 1, entry.key or "(no key)")
        for entry in library.entries
        if not (entry.key and entry.fields)
    ]
    repeated, mended = [], []
    for block in library.failed_blocks:
        line = (block.start_line or 0) + 1
        entry: Any = getattr(block, "ignore_error_block", None)
        if isinstance(block, model.DuplicateBlockKeyBlock):
            repeated.append(f"{block.key} line {line}")
        elif isinstance(block, model.DuplicateFieldKeyBlock) and entry.key not in entries:
            entries[entry.key] = _fields(entry)
            mended.append(entry.key)
        else:
            found = re.match(r"\s*@\w+\s*[{(]\s*([^\s,{}()]+)\s*,", block.raw or "")
            malformed.append((line, found.group(1) if found else "(no key)"))
    remarks = []
    skipped = [f"{key} line {line}" for line, key in sorted(malformed)]
    for names, *words in (
        (skipped, "malformed entry", "malformed entries", "skipped"),
        (repeated, "entry", "entries", "with a repeated key skipped"),
        (mended, "entry names", "entries name", "a field twice, the first was taken"),
    ):
        if names:
            remarks.append(_remark(names, *words))
    return entries, remarks


def _fields(entry: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in entry.fields:
        found.setdefault(one.key.lower(), _plain(str(one.value)))
    return found


def _plain(value: str) -> str:
    """Return LaTeX as text; what cannot be decoded loses its braces and stays."""
    if "\\" in value or "$" in value:
        from pylatexenc.latex2text import LatexNodes2Text

        try:
            value = LatexNodes2Text(math_mode="verbatim").latex_to_text(value)
        except Exception:
            value = value.replace("\\", "")
    return " ".join(re.sub(r"[{}]", "", value).split())


def _work(entry: dict[str, str]) -> dict[str, Any]:
    venue = next((entry[name] for name in _VENUE if entry.get(name)), "")
    if not venue and (
        "arxiv" in (entry.get("archiveprefix", "") + entry.get("eprinttype", "")).lower()
    ):
        venue = "arXiv"
    when = re.search(r"\b(1[5-9]|20)\d\d\b", entry.get("year") or entry.get("date", ""))
    authors = re.split(r"\s+and\s+", entry.get("author") or entry.get("editor", ""))
    return {
        "title": entry.get("title", ""),
        "year": int(when.group()) if when else None,
        "venue": venue,
        "first_author": authors[0],
        "doi": entry.get("doi", ""),
    }


def _remark(names: list[str], one: str, several: str, what: str) -> str:
    more = len(names) - _NAMED
    listed = ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{counted(len(names), one, several)} {what}: {listed}"
