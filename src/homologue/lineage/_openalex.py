"""Citation graphs from OpenAlex: cached, resumable, patient with rate limits."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from homologue._errors import HomologueError
from homologue.lineage._fields import assign_field
from homologue.lineage._graph import CitationGraph, make
from homologue.lineage._merge import normalise_doi
from homologue.lineage._words import counted

_log = logging.getLogger("homologue.lineage")

_SELECT = ["id", "doi", "title", "publication_year", "primary_location", "primary_topic",
           "authorships", "referenced_works"]  # fmt: skip
_BATCH = 50
_PATIENCE = 120.0
_TOPICS = {
    "neuroscience": "neuroscience",
    "cognitive neuroscience": "neuroscience",
    "psychology": "psychology / cognitive science",
    "experimental and cognitive psychology": "psychology / cognitive science",
    "computer science": "machine learning / AI",
    "artificial intelligence": "machine learning / AI",
    "mathematics": "mathematics / statistics",
    "statistics and probability": "mathematics / statistics",
    "physics and astronomy": "physics",
    "philosophy": "philosophy",
}


class OpenAlexUnavailable(HomologueError):
    """OpenAlex did not answer; what was read so far is cached, and a rerun goes on from it."""


def from_openalex(
    seeds: Iterable[str],
    *,
    cache: Path | str,
    depth: int = 1,
    group: str = "mi",
    api_key: str | None = None,
    email: str | None = None,
    most_works: int = 50_000,
    retries: int = 6,
    sleep: Callable[[float], None] = time.sleep,
) -> CitationGraph:
    r"""Return the graph below some works, read from OpenAlex through pyalex.

    Parameters
    ----------
    seeds : iterable of str
        OpenAlex ids (``W2741809807`` or the URL) or DOIs of the citing works.
    cache : path
        Folder for what was read: a work is asked for once, and a run that was interrupted or
        ran out of its quota goes on where it stopped.
    depth : int
        How many steps of references to follow: 1 reads the seeds and what they cite.
    group : str
        Group of the seeds in the graph.
    api_key, email : str, optional
        Sent with every request; the key defaults to the environment's ``OPENALEX_API_KEY``.
    most_works : int
        Stops following references before more than so many works would be read.
    retries : int
        How often a request is repeated after 429 (too many requests), a server's error or a
        lost connection, waiting as long as ``Retry-After`` says, else 1, 2, 4 … s.
    sleep : callable
        Waits; replaced in tests.

    Returns
    -------
    CitationGraph
        The field comes from the venue table where it knows the venue, else from OpenAlex's
        primary topic (``field_rule`` "OpenAlex topic"), else from the title. A work's
        ``references_known`` is True where its list was followed and is not empty. ``remarks``
        counts works that OpenAlex does not have, and lists without references.

    Raises
    ------
    OpenAlexUnavailable
        Still refused after all retries, or told to wait longer than two minutes.
    HomologueError
        A seed is neither an OpenAlex id nor a DOI, or the key is refused.

    Notes
    -----
    OpenAlex has no references for a good part of its works, more so for blog posts and
    Distill articles; check ``remarks`` and :func:`known_share` before reading figures. Needs
    pyalex (``pip install 'homologue[lineage]'``).

    Examples
    --------
    What an earlier run left in its cache is not asked for again:

    >>> import tempfile
    >>> new = {"title": "New", "publication_year": 2020, "referenced_works": ["W2"]}
    >>> old = {"title": "Hippocampal place cells", "publication_year": 1971}
    >>> read = {"W1": new, "W2": old}
    >>> lines = [json.dumps({"id": name, "work": work}) for name, work in read.items()]
    >>> with tempfile.TemporaryDirectory() as cache:
    ...     _ = Path(cache, "works.jsonl").write_text("\n".join(lines) + "\n")
    ...     from_openalex(["W1"], cache=cache)
    CitationGraph(2 works, 1 references, reference lists of 1 works known)
    """
    if depth < 1:
        raise HomologueError(f"depth is at least 1 step of references; given {depth}")
    store = _Store(Path(cache), retries=retries, sleep=sleep)
    remarks: list[str] = []
    with _configured(api_key, email):
        layer = store.resolve(list(seeds))
        start = set(layer)
        level: dict[str, int] = {}
        followed = 0
        for step in range(depth + 1):
            fresh = [name for name in dict.fromkeys(layer) if name not in level]
            if len(level) + len(fresh) > most_works:
                remarks.append(
                    f"stopped before step {step}: {len(level) + len(fresh)} works would be "
                    f"read, most_works is {most_works}"
                )
                break
            _log.info("OpenAlex: step %d, %d works", step, len(fresh))
            store.fetch(fresh)
            level.update((name, step) for name in fresh)
            layer = [cited for name in fresh for cited in _cited(store.works.get(name))]
            followed = step
    return _graph(store, level, start, followed=followed, group=group, remarks=remarks)


def _graph(
    store: _Store,
    level: dict[str, int],
    start: set[str],
    *,
    followed: int,
    group: str,
    remarks: list[str],
) -> CitationGraph:
    found = {name: work for name in level if (work := store.works.get(name))}
    rows, pairs = [], []
    for name, record in found.items():
        open_list = level[name] < followed
        references = [cited for cited in _cited(record) if cited in found] if open_list else []
        rows.append(
            {
                "id": name,
                **_work(record),
                "group": group if name in start else "",
                "references_known": open_list and bool(_cited(record)),
            }
        )
        pairs += [(name, cited) for cited in references]
    missing = [name for name in level if not store.works.get(name)]
    if missing:
        remarks.append(
            counted(len(missing), "work is", "works are")
            + f" not in OpenAlex: {', '.join(missing[:10])}"
            + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
        )
    empty = sum(level[name] < followed and not _cited(found[name]) for name in found)
    if empty:
        remarks.append(counted(empty, "work has", "works have") + " no reference list in OpenAlex")
    works = pd.DataFrame(rows, columns=["id", *_COLUMNS, "group", "references_known"])
    works["year"] = works["year"].astype("Int64")
    citations = pd.DataFrame(pairs, columns=["citing", "cited"])
    return make(
        works.assign(source="OpenAlex"), citations.assign(source="OpenAlex"), remarks=remarks
    )


_COLUMNS = ("title", "year", "venue", "first_author", "doi", "field", "field_rule")


def _work(record: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of one answer; every part of it may be missing or null."""
    title = record.get("title") or record.get("display_name") or ""
    location = record.get("primary_location") or {}
    source = location.get("source") or {}
    venue = source.get("display_name") or location.get("raw_source_name") or ""
    authorships = record.get("authorships") or [{}]
    author = (authorships[0].get("author") or {}).get("display_name") or ""
    field, rule = assign_field(title, venue)
    if rule != "venue":
        topic = _topic_field(record.get("primary_topic") or {})
        if topic:
            field, rule = topic, "OpenAlex topic"
    return {
        "title": title,
        "year": record.get("publication_year"),
        "venue": venue,
        "first_author": author,
        "doi": normalise_doi(record.get("doi") or ""),
        "field": field,
        "field_rule": rule,
    }


def _topic_field(topic: dict[str, Any]) -> str:
    for part in ("subfield", "field"):
        name = ((topic.get(part) or {}).get("display_name") or "").lower()
        if name in _TOPICS:
            return _TOPICS[name]
    return ""


def _cited(record: dict[str, Any] | None) -> list[str]:
    return [_short(url) for url in (record or {}).get("referenced_works") or []]


def _short(identifier: str) -> str:
    return identifier.rsplit("/", 1)[-1].upper()


class _Store:
    """What was read from OpenAlex: one JSON line a work, appended as answers come."""

    def __init__(self, folder: Path, *, retries: int, sleep: Callable[[float], None]) -> None:
        self.retries, self.sleep = retries, sleep
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "works.jsonl"
        self.works: dict[str, dict[str, Any] | None] = {}
        self.by_doi: dict[str, str] = {}
        whole = ""
        for line in self.path.read_text("utf-8").splitlines() if self.path.exists() else ():
            # The last line of a run that was killed may be cut short: it is asked for again.
            with contextlib.suppress(json.JSONDecodeError):
                entry = json.loads(line)
                whole += line + "\n"
                self._keep(entry["id"], entry["work"])
        if self.path.exists() and self.path.read_text("utf-8") != whole:
            self.path.write_text(whole, "utf-8")

    def _keep(self, name: str, work: dict[str, Any] | None) -> None:
        self.works[name] = work
        doi = normalise_doi((work or {}).get("doi") or "")
        if doi:
            self.by_doi[doi] = name

    def resolve(self, seeds: list[str]) -> list[str]:
        """Return the OpenAlex ids of seeds, asking for those given by DOI."""
        dois = []
        for seed in seeds:
            if not re.fullmatch(r"W\d+", _short(seed)):
                if not normalise_doi(seed):
                    raise HomologueError(
                        f"{seed!r} is neither an OpenAlex id (W2741809807) nor a DOI (10.…/…)"
                    )
                dois.append(normalise_doi(seed))
        absent = [doi for doi in dict.fromkeys(dois) if doi not in self.by_doi]
        for start in range(0, len(absent), _BATCH):
            part = absent[start : start + _BATCH]
            self._add(self._ask("doi", part), [])
        unknown = [doi for doi in dois if doi not in self.by_doi]
        if unknown:
            raise HomologueError(f"OpenAlex has no work with the DOI {', '.join(unknown[:5])}")
        return [
            _short(seed)
            if re.fullmatch(r"W\d+", _short(seed))
            else self.by_doi[normalise_doi(seed)]
            for seed in seeds
        ]

    def fetch(self, names: list[str]) -> None:
        """Read the works that are not here yet."""
        absent = [name for name in names if name not in self.works]
        for start in range(0, len(absent), _BATCH):
            part = absent[start : start + _BATCH]
            self._add(self._ask("openalex_id", part), part)

    def _add(self, records: list[dict[str, Any]], asked: list[str]) -> None:
        answered = {_short(record["id"]): record for record in records if record.get("id")}
        lines = []
        for name in dict.fromkeys([*answered, *asked]):
            work = answered.get(name)
            self._keep(name, work)
            lines.append(json.dumps({"id": name, "work": work}, ensure_ascii=False))
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    def _ask(self, key: str, values: list[str]) -> list[dict[str, Any]]:
        import pyalex
        import requests

        for attempt in range(self.retries + 1):
            wait = float(2**attempt)
            try:
                query = pyalex.Works().filter_or(**{key: values}).select(_SELECT)
                return [dict(record) for record in query.get(per_page=len(values))]
            except pyalex.api.QueryError as problem:
                raise HomologueError(f"OpenAlex refused the question: {problem}") from problem
            except requests.HTTPError as problem:
                response = problem.response
                status = 500 if response is None else response.status_code
                if status != 429 and status < 500:
                    raise HomologueError(f"OpenAlex refused the question: {problem}") from problem
                why = "429 (too many requests)" if status == 429 else f"{status}"
                wait = _retry_after(response, wait)
            except requests.RequestException as problem:
                why = f"not at all ({type(problem).__name__})"
            if attempt == self.retries or wait > _PATIENCE:
                break
            _log.info("OpenAlex answered %s, waiting %.0f s", why, wait)
            self.sleep(wait)
        raise OpenAlexUnavailable(
            f"OpenAlex answered {why} after {attempt + 1} attempts"
            + (f" and asks to wait {wait:.0f} s" if wait > _PATIENCE else "")
            + f"; {len(self.works)} works are cached in {self.path.parent}: run again later to "
            "go on from there, or give an API key (OPENALEX_API_KEY)"
        )


def _retry_after(response: Any, otherwise: float) -> float:
    header = "" if response is None else response.headers.get("Retry-After", "")
    if not header:
        return otherwise
    if header.strip().isdigit():
        return float(header)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return otherwise


@contextlib.contextmanager
def _configured(api_key: str | None, email: str | None) -> Iterator[None]:
    """Set pyalex's global configuration for a while."""
    import pyalex

    before = dict(pyalex.config)
    pyalex.config.update(
        api_key=api_key or os.environ.get("OPENALEX_API_KEY") or before["api_key"],
        email=email or before["email"],
        max_retries=0,
    )
    try:
        yield
    finally:
        pyalex.config.update(before)
