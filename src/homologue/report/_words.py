"""The report's vocabulary: verdicts, cell states and kinds, with glyph, word and colour.

Every mark on the page and in the terminal is looked up here, so that a glyph, its word and its
colour never drift apart. Colour is never the only carrier: each verdict has a glyph and a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

GREY = ("#767C86", "#8A8F98")
BLUE = ("#0072B2", "#56B4E9")
ORANGE = ("#B35900", "#E69F00")


@dataclass(frozen=True)
class VerdictWord:
    """One verdict: what it looks like and what it says.

    Attributes
    ----------
    word : str
        The verdict.
    glyph : str
        Its character in a terminal.
    symbol : str
        Its drawing on the page.
    light, dark : str
        Its colour on a light and on a dark ground.
    meaning : str
        What it says, in one clause.
    hatched : bool
        Whether it is drawn hatched (nothing could be decided).
    """

    word: str
    glyph: str
    symbol: str
    light: str
    dark: str
    meaning: str
    hatched: bool = False


VERDICTS: dict[str, VerdictWord] = {
    entry.word: entry
    for entry in (
        VerdictWord(
            "specific",
            "●",
            "disc",
            *BLUE,
            "brains and trained networks show it; untrained twins and other sciences do not",
        ),
        VerdictWord("generic", "◐", "half-disc", *ORANGE, "other sciences' data show it as well"),
        VerdictWord(
            "architectural",
            "◧",
            "half-square",
            *ORANGE,
            "untrained networks show it already; other sciences do not",
        ),
        VerdictWord("brain only", "▲", "triangle", *BLUE, "brains show it; networks do not"),
        VerdictWord("model only", "■", "square", *BLUE, "trained networks show it; brains do not"),
        VerdictWord(
            "mixed",
            "◍",
            "barred-disc",
            *GREY,
            "some controls show it: neither specific nor generic",
        ),
        VerdictWord("absent", "○", "ring", *GREY, "neither brains nor networks show it"),
        VerdictWord(
            "undetermined", "?", "query", *GREY, "the evidence does not decide", hatched=True
        ),
        VerdictWord(
            "underpowered",
            "??",
            "double-query",
            *GREY,
            "too few systems for any evidence to decide",
            hatched=True,
        ),
        VerdictWord("not applicable", "–", "dash", *GREY, "no system meets what the claim needs"),
    )
}

STATES: dict[str, str] = {
    "present": "q < .05 and effect at or above the smallest effect of interest",
    "absent": "the whole interval lies below the smallest effect of interest",
    "open": "neither: the interval straddles the smallest effect of interest",
    "not applicable": "the system lacks what the claim needs",
    "failed": "the analysis stopped with an error; the reason is kept",
}

KINDS: dict[str, str] = {
    "brain": "brain",
    "model": "model",
    "untrained": "untrained",
    "other-science": "other science",
    "circuit": "circuit",
    "input": "input",
}
LETTERS = {"B": "brain", "M": "model", "T": "untrained", "O": "other-science"}
VOTING = frozenset(LETTERS.values())
_SIGNS = {"+": "present", "-": "absent", "?": "open"}


def verdict_word(name: str) -> VerdictWord:
    """Return a verdict's vocabulary; an unknown one keeps its word and is drawn as undecided."""
    return VERDICTS.get(name) or VerdictWord(name, "?", "query", *GREY, "", hatched=True)


def kind_word(kind: str) -> str:
    """Return how a kind is written."""
    return KINDS.get(kind, kind)


@dataclass(frozen=True)
class Stratum:
    """One letter of a pattern: which kind, and what its votes say."""

    letter: str
    sign: str
    kind: str
    state: str


def read_pattern(pattern: str) -> tuple[Stratum, ...]:
    """Split a pattern into its strata.

    Parameters
    ----------
    pattern : str
        For example ``"B+ M+ T− O?"``.

    Returns
    -------
    tuple of Stratum
        Empty where the text is not such a pattern, which is then shown as it is.

    Examples
    --------
    >>> [(part.kind, part.state) for part in read_pattern("B+ T− O?")]
    [('brain', 'present'), ('untrained', 'absent'), ('other-science', 'open')]
    """
    parts = pattern.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-").split()
    strata = []
    for part in parts:
        match = re.fullmatch(r"([BMTO])(\S{0,3})", part)
        if match is None:
            return ()
        letter, sign = match.groups()
        state = _SIGNS.get(sign, "without votes")
        strata.append(Stratum(letter, sign.replace("-", "−"), LETTERS[letter], state))
    return tuple(strata)
