"""The answer in one sentence, written from the verdict rows and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from homologue.report._folder import Verdict
from homologue.report._format import number_word
from homologue.report._words import VERDICTS, VerdictWord, verdict_word

QUESTION = (
    "Which parallels between brains and artificial networks are specific to neural networks, "
    "and which would hold for any data?"
)
CAVEAT = "In this panel: systems were chosen, not sampled."

# (one claim, several claims); the clauses that answer the question come first.
_CLAUSES = {
    "specific": (
        "is specific to brains and trained networks",
        "are specific to brains and trained networks",
    ),
    "generic": (
        "is generic (other sciences’ data show it as well)",
        "are generic (other sciences’ data show them as well)",
    ),
    "architectural": (
        "is architectural (untrained networks show it already)",
        "are architectural (untrained networks show them already)",
    ),
    "brain only": ("holds in brains only", "hold in brains only"),
    "model only": ("holds in models only", "hold in models only"),
    "mixed": (
        "is mixed (some controls show it as well)",
        "are mixed (some controls show them as well)",
    ),
    "absent": ("is absent from both", "are absent from both"),
    "undetermined": ("is undetermined", "are undetermined"),
    "underpowered": (
        "is underpowered (too few systems to tell)",
        "are underpowered (too few systems to tell)",
    ),
    "not applicable": ("is not applicable", "are not applicable"),
}
_UNDECIDED = ("undetermined", "underpowered", "not applicable")


@dataclass(frozen=True)
class Tally:
    """One verdict and the claims that got it."""

    word: VerdictWord
    claims: tuple[str, ...]


def tally(verdicts: Sequence[Verdict]) -> tuple[Tally, ...]:
    """Group claims by verdict, in the order of the verdict table."""
    order = list(VERDICTS) + sorted({row.verdict for row in verdicts} - set(VERDICTS))
    groups = ((name, tuple(row.claim for row in verdicts if row.verdict == name)) for name in order)
    return tuple(Tally(verdict_word(name), claims) for name, claims in groups if claims)


def answer(verdicts: Sequence[Verdict]) -> str:
    """Return the answer to the founding question in one sentence.

    Parameters
    ----------
    verdicts : sequence of Verdict
        The rows of ``verdicts.csv``.

    Returns
    -------
    str
        One sentence; it counts, and claims nothing that is not in the rows.

    Examples
    --------
    >>> answer([Verdict("a", "generic"), Verdict("b", "specific"), Verdict("c", "specific")])
    'Of three claims tested, two are specific to brains and trained networks and one is generic (other sciences’ data show it as well).'
    >>> answer([Verdict("a", "underpowered")])
    'The one claim tested cannot be decided: it is underpowered (too few systems to tell).'
    >>> answer([])
    'No claim was tested: the panel is empty.'
    """  # noqa: E501
    groups = tally(verdicts)
    total = len(verdicts)
    if not total:
        return "No claim was tested: the panel is empty."
    decided = [group for group in groups if group.word.word not in _UNDECIDED]
    if total == 1:
        clause = _clause(groups[0], alone=True)
        if decided:
            return f"The one claim tested {clause}."
        return f"The one claim tested cannot be decided: it {clause}."
    if len(groups) == 1:
        clause = _clause(groups[0], alone=True)
        if decided:
            return f"All {number_word(total)} claims tested {clause}."
        return f"None of the {number_word(total)} claims tested can be decided: all {clause}."
    if not decided:
        opening = f"None of the {number_word(total)} claims tested can be decided: "
    elif groups[0].word.word != "specific":
        opening = (
            f"None of the {number_word(total)} claims tested is shown to be specific "
            "to brains and trained networks: "
        )
    else:
        opening = f"Of {number_word(total)} claims tested, "
    return opening + _join([_clause(group) for group in groups]) + "."


def _clause(group: Tally, *, alone: bool = False) -> str:
    count = len(group.claims)
    singular, plural = _CLAUSES.get(
        group.word.word, (f"is “{group.word.word}”", f"are “{group.word.word}”")
    )
    clause = singular if count == 1 else plural
    return clause if alone else f"{number_word(count)} {clause}"


def _join(clauses: Sequence[str]) -> str:
    if len(clauses) == 1:
        return clauses[0]
    comma = "," if len(clauses) > 2 else ""
    return ", ".join(clauses[:-1]) + f"{comma} and {clauses[-1]}"
