"""Running text: documents cut into passages, the document being what is independent."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Sequence

from homologue._errors import HomologueError, UnknownName, nearest
from homologue.recording import variable
from homologue.stimuli._stimuli import Stimuli

CORPORA = ("brown", "moby", "sotu")
"""Corpora by name: Brown, Moby-Dick by chapter, State of the Union addresses."""


def topics(
    *, characters: int = 600, n_documents: int | None = None, n_passages: int | None = None
) -> Stimuli:
    """Return Python's own documentation, which every CPython brings along: no network needed.

    Parameters
    ----------
    characters : int
        Longest passage; passages end where a sentence or a line does, if one does.
    n_documents : int, optional
        The first documents in alphabetical order; all if left out.
    n_passages : int, optional
        The first passages of each document; all if left out.

    Returns
    -------
    Stimuli
        Variables ``document`` and ``passage`` (its place in the document); group = document.

    Raises
    ------
    HomologueError
        Bad sizes, or an interpreter built without the topics.

    Examples
    --------
    >>> topics(n_documents=3).modality
    'text'
    """
    try:
        from pydoc_data.topics import topics as found
    except ImportError as error:
        raise HomologueError(
            "this Python was built without pydoc_data.topics; give texts of your own, "
            "stimuli.Stimuli([...], group=[...])"
        ) from error
    documents = [(name, found[name]) for name in sorted(found)]
    return passages(
        documents[:n_documents],
        characters=characters,
        n_passages=n_passages,
        name="topics",
        licence="PSF-2.0",
        citation="The Python Language Reference",
    )


def corpus(
    name: str,
    *,
    characters: int = 600,
    n_documents: int | None = None,
    n_passages: int | None = None,
) -> Stimuli:
    """Return a corpus in passages; group = document (sample, chapter, address).

    Parameters
    ----------
    name : {"brown", "moby", "sotu"}
        Which one.
    characters : int
        Longest passage.
    n_documents : int, optional
        The first documents; all if left out.
    n_passages : int, optional
        The first passages of each document; all if left out.

    Returns
    -------
    Stimuli
        Variables ``document`` and ``passage``.

    Raises
    ------
    UnknownName
        No such corpus.
    AssetUnavailable
        It is not at hand; the message holds the way to get it.
    """
    if name not in CORPORA:
        raise UnknownName(f"no corpus is named {name!r}" + nearest(name, CORPORA))
    # The assets stand with the systems; stimuli reach for them only when they are asked for.
    from homologue.systems import _assets

    asset = _assets.get(f"text-{name}")
    with gzip.open(_assets.fetch(asset.name), "rt", encoding="utf-8") as handle:
        content = handle.read()
    return passages(
        _documents(name, content)[:n_documents],
        characters=characters,
        n_passages=n_passages,
        name=name,
        licence=asset.licence,
        citation=asset.citation,
    )


def brown(
    *, characters: int = 600, n_documents: int | None = None, n_passages: int | None = None
) -> Stimuli:
    """Return the Brown corpus: 500 samples of American English (see :func:`corpus`)."""
    return corpus("brown", characters=characters, n_documents=n_documents, n_passages=n_passages)


def moby(
    *, characters: int = 600, n_documents: int | None = None, n_passages: int | None = None
) -> Stimuli:
    """Return Moby-Dick, chapter by chapter (see :func:`corpus`)."""
    return corpus("moby", characters=characters, n_documents=n_documents, n_passages=n_passages)


def sotu(
    *, characters: int = 600, n_documents: int | None = None, n_passages: int | None = None
) -> Stimuli:
    """Return the State of the Union addresses (see :func:`corpus`)."""
    return corpus("sotu", characters=characters, n_documents=n_documents, n_passages=n_passages)


def _documents(name: str, content: str) -> list[tuple[str, str]]:
    if name == "moby":
        parts = re.split(r"^(CHAPTER \d+\..*)$", content, flags=re.M)
        pairs = zip(parts[1::2], parts[2::2], strict=True)
        return [(title.strip(), body) for title, body in pairs if body.strip()]
    lines = [line for line in content.splitlines() if line.strip()]
    return [(f"{name} {number}", line) for number, line in enumerate(lines)]


def passages(
    documents: Iterable[tuple[str, str]],
    *,
    characters: int = 600,
    n_passages: int | None = None,
    name: str = "text",
    licence: str = "",
    citation: str = "",
) -> Stimuli:
    """Cut documents into passages.

    Parameters
    ----------
    documents : iterable of (str, str)
        Name and text.
    characters : int
        Longest passage.
    n_passages : int, optional
        The first passages of each document; all if left out.
    name, licence, citation : str
        Provenance.

    Returns
    -------
    Stimuli
        Variables ``document`` and ``passage``; group = document.

    Raises
    ------
    HomologueError
        No text at all, or a passage of no characters.

    Examples
    --------
    >>> passages([("a", "One. Two. Three.")], characters=9).items
    ('One. Two.', 'Three.')
    """
    if characters < 1:
        raise HomologueError(f"a passage has at least one character; given {characters}")
    items: list[str] = []
    document: list[str] = []
    number: list[int] = []
    for title, body in documents:
        for place, passage in enumerate(_cut(body, characters)[:n_passages]):
            items.append(passage)
            document.append(title)
            number.append(place)
    return Stimuli(
        items,
        {"document": document, "passage": variable(number)},
        group=document,
        name=name,
        names=[f"{d}, passage {n}" for d, n in zip(document, number, strict=True)],
        licence=licence,
        citation=citation,
    )


def _cut(body: str, longest: int) -> Sequence[str]:
    """Return passages of at most ``longest`` characters that end at the best break in reach."""
    text = re.sub(r"[ \t]+", " ", body).strip()
    out = []
    while text:
        if len(text) <= longest:
            out.append(text)
            break
        reach = text[: longest + 1]
        ends = [m.end() for m in re.finditer(r"[.!?]['\"”’)]*(?=\s)|\n(?=\s*\n)", reach)]
        ends = [end for end in ends if end > longest // 3] or [
            m.start() for m in re.finditer(r"\s", reach) if m.start() > 0
        ]
        cut = min(ends[-1], longest) if ends else longest
        out.append(text[:cut].strip())
        text = text[cut:].strip()
    return [passage for passage in out if passage]
