"""Claims, panels and verdicts: which parallels are specific, and which any data would show."""

from homologue.parallels._cell import Cell, ask, settle
from homologue.parallels._claim import Claim, Reference, claims, get, register
from homologue.parallels._compare import Comparison, compare
from homologue.parallels._default import default
from homologue.parallels._labelled import labelled_evidence
from homologue.parallels._matched import Effort, Evidence, NotApplicable, Sizes
from homologue.parallels._panel import Entry, Panel, PanelError, from_toml, load
from homologue.parallels._unlabelled import unlabelled_evidence
from homologue.parallels._verdict import (
    RULE,
    RULE_VERSION,
    VERDICTS,
    Verdict,
    Vote,
    cliffs_delta,
    median_vote,
    verdict,
)

__all__ = [
    "RULE",
    "RULE_VERSION",
    "VERDICTS",
    "Cell",
    "Claim",
    "Comparison",
    "Effort",
    "Entry",
    "Evidence",
    "NotApplicable",
    "Panel",
    "PanelError",
    "Reference",
    "Sizes",
    "Verdict",
    "Vote",
    "ask",
    "claims",
    "cliffs_delta",
    "compare",
    "default",
    "from_toml",
    "get",
    "labelled_evidence",
    "load",
    "median_vote",
    "register",
    "settle",
    "unlabelled_evidence",
    "verdict",
]
