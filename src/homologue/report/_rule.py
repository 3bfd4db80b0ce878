"""The verdict rule in print, by version: an old folder stays readable when the rule moves on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """A rule as the page prints it.

    Attributes
    ----------
    version : str
        Which rule the folder was judged by.
    known : bool
        Whether its text is at hand.
    steps : tuple of (str, str)
        Heading and text of what comes before the verdict.
    verdicts : tuple of (str, str)
        Condition and verdict; the first that holds is the verdict.
    text : str
        The rule as the code of the run states it, where the folder brings it.
    """

    version: str
    known: bool
    steps: tuple[tuple[str, str], ...] = ()
    verdicts: tuple[tuple[str, str], ...] = ()
    text: str = ""


_STEPS_1 = (
    (
        "Effect",
        "e = (s − median null) / (largest s − median null): 0 is what the null gives, 1 is the "
        "largest there can be, and negative values are kept. Sizes (groups, units, classes) are "
        "fixed by the claim and reached by repeated subsampling, so effects compare.",
    ),
    (
        "Cell",
        "One claim in one system: e with a 90 % group-bootstrap interval, a permutation p, and q "
        "by Benjamini–Hochberg over the claim’s cells. present: q < .05 and e at or above the "
        "smallest effect of interest (.10 unless the claim says). absent: the upper end of the "
        "interval lies below it. open: otherwise. not applicable: the system lacks what the claim "
        "needs.",
    ),
    (
        "Vote",
        "One per family: its median cell over variables and sessions (the lower one of two), never "
        "the best. An untrained twin is the mean of at least three seeds. Circuits and inputs are "
        "shown and never vote.",
    ),
    (
        "Stratum",
        "Brains B, models M, untrained twins T, other sciences O, each over its determinate "
        "votes. + present: at least two thirds are present. − absent: at most one third. ? open: "
        "between, or fewer than two determinate votes. · no votes.",
    ),
    (
        "Power",
        "The smallest p this panel could give: 1 / (2^nM × C(nB + nO, nB)), one over the number of "
        "ways to swap models with their twins and to choose the brains among brains and other "
        "sciences.",
    ),
    (
        "Contrast",
        "Cliff’s δ between {B, M} and {T, O}. Its null swaps within model–twin pairs and relabels "
        "brains and other sciences: exact up to 5 000 arrangements, 9 999 draws beyond.",
    ),
)
_VERDICTS_1 = (
    ("any applicable stratum has fewer than two votes, or the smallest p is above .05",
     "underpowered"),
    ("B or M is open", "undetermined"),
    ("B and M are absent", "absent"),
    ("B, M and O are present", "generic"),
    ("M and T are present, O is determinate and absent", "architectural"),
    ("M and T are present, O is determinate and not absent", "mixed"),
    ("T or O is open", "undetermined"),
    ("O or T is present", "mixed"),
    ("B and M are present, and δ has p < .05", "specific"),
    ("B and M are present, and δ has p ≥ .05", "undetermined"),
    ("B alone is present", "brain only"),
    ("M alone is present", "model only"),
)  # fmt: skip


def rule_for(provenance: Mapping[str, Any]) -> Rule:
    """Return the rule a folder was judged by.

    Parameters
    ----------
    provenance : mapping
        ``rule_version``, and optionally ``rule``: its text as the code states it.

    Returns
    -------
    Rule
        The folder's own text where it has one, and the words kept here for that version;
        ``known`` is False where there is neither, and the page says so.
    """
    version = str(provenance.get("rule_version") or "").strip()
    given = provenance.get("rule")
    text = given.strip("\n") if isinstance(given, str) and given.strip() else ""
    if version == "1":
        return Rule(version, known=True, steps=_STEPS_1, verdicts=_VERDICTS_1, text=text)
    return Rule(version or "not recorded", known=bool(text), text=text)
