"""What an analysis stands on: its statistic and null in its docstring's words, claims beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Sections = Mapping[str, str]
"""Sections of a docstring by heading, as :func:`homologue.cli.explain.sections_of` has them."""

MEASURES = (
    "2·AUC − 1",
    "balanced accuracy",
    "participation ratio",
    "Rips cohomology",
    "skew-symmetric",
)
"""What is measured, in the words that claims and analyses share for it."""

_ON_THE_NULL = re.compile(
    r"\bnulls?\b|[Ss]urrogate|[Pp]ermut|[Ss]huffl|[Rr]elabel|\b[Ss]hift(?:s|ed)?\b"
)
_DRAWS = ("null", "permutations", "surrogates")
_EFFECT = re.compile(
    r"\beffect\b(?![,;.]? (?:with )?low\b).*?(?=[,;.]?\s+(?:with\s+)?(?:low\b|null_|interval,))"
)
_OF_NULL_OR_P = re.compile(
    r"(?<![\w.])((?:null_\w+(?:(?:, |/| and )null_\w+)*)|p) \(((?:[^()]|\([^()]*\))*)\)"
)
"""What stands in parentheses behind ``null_…`` or ``p`` among what is returned."""


def statistic(sections: Sections) -> list[str]:
    """Return what a docstring says of the effect, before its interval and its null.

    Examples
    --------
    >>> statistic({"": "The effect is small.", "Returns": "On unit: effect, of size, low/high."})
    ['The effect is small.', 'effect, of size']
    """
    said = [one for one in _sentences(sections.get("", "")) if re.search(r"\beffect\b", one)]
    returned = _EFFECT.search(" ".join(sections.get("Returns", "").split()))
    return said + ([returned.group()] if returned else [])


def null(sections: Sections, of: Callable[[str], Sections]) -> list[str]:
    """Return what a docstring says of its null: in sentences, arguments and what is returned.

    Parameters
    ----------
    sections : mapping
        Of the analysis.
    of : callable
        The sections of another, to which "as in …" refers.

    Examples
    --------
    >>> words = {"Notes": "Units move. The null does not.", "Returns": "low, p (upper tail)."}
    >>> null(words, lambda name: {})
    ['The null does not.', 'p: upper tail']
    """
    said = [
        sentence
        for heading in ("", "Notes")
        for sentence in _sentences(sections.get(heading, ""))
        if _ON_THE_NULL.search(sentence)
    ]
    given = _arguments(sections.get("Parameters", ""))
    for name in _DRAWS:
        text = given.get(name, "")
        other = re.search(r"\b[Aa]s (?:in|for) (\w+)", text)
        if other:
            text = _arguments(of(other.group(1)).get("Parameters", "")).get(name, "")
        said += [f"{name}: {text}"] if text else []
    returned = _OF_NULL_OR_P.findall(" ".join(sections.get("Returns", "").split()))
    return said + [f"{name}: {text}" for name, text in returned]


def claims_on(sections: Sections, claims: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the claims that measure what a docstring says is measured, and what speaks against.

    Parameters
    ----------
    sections : mapping
        Of the analysis.
    claims : sequence of mappings
        The claims' records.
    """
    text = " ".join(f"{sections.get('', '')} {sections.get('Returns', '')}".split())
    lines: list[str] = []
    for claim in claims:
        shared = [one for one in MEASURES if one in text and one in claim["statistic"]]
        if shared:
            lines += [
                f"{claim['id']} ({', '.join(shared)}): {claim['sentence']}",
                f"  null: {claim['null']}",
                f"  what would count against it: {claim['against']}",
            ]
    return lines


def _sentences(text: str) -> list[str]:
    return [
        sentence
        for line in text.split("\n")
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z(])", line.strip())
    ]


def _arguments(text: str) -> dict[str, str]:
    """Return what a section of arguments says of each, by name."""
    found: dict[str, str] = {}
    for head, indented in re.findall(r"^(\S.*)\n((?:[ ]+.*\n)*)", f"{text}\n", re.MULTILINE):
        names, said = head.split(" : ")[0], " ".join(indented.split())
        if head.startswith("**") and " as in " in said:
            names, _, reference = said.partition(" as in ")
            said = f"as in {reference}"
        found |= dict.fromkeys(re.findall(r"\w+", names), said)
    return found
