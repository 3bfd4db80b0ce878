"""The rule in words says what the rule in code does, line by line."""

from __future__ import annotations

import pytest

from homologue.parallels import _verdict as code
from homologue.report._rule import rule_for
from homologue.report._words import LETTERS, STATES, VERDICTS, VOTING

SIGNS = {"+": "present", "-": "absent", "?": "open"}
# One panel per printed line: brains, models, twins, other sciences (3 votes each unless said).
PANELS = {
    "any applicable stratum has fewer than two votes, or the smallest p is above .05": "+++0",
    "B or M is open": "?+--",
    "B and M are absent": "--++",
    "B, M and O are present": "++-+",
    "M and T are present, O is determinate and absent": "+++-",
    "M and T are present, O is determinate and not absent": "-+++",
    "T or O is open": "++?-",
    "O or T is present": "+-+-",
    "B and M are present, and δ has p < .05": "++--",
    "B and M are present, and δ has p ≥ .05": "++-- reversed",
    "B alone is present": "+---",
    "M alone is present": "-+--",
}


def votes(panel: str) -> list[code.Vote]:
    signs, _, reversed_effects = panel.partition(" ")
    cast = []
    for sign, kind in zip(signs, LETTERS.values(), strict=True):
        high = (sign == "+") != bool(reversed_effects)
        for index in range(3 if sign != "0" else 1):
            state = SIGNS.get(sign, "present")
            effect = (0.6 if high else 0.0) + 0.01 * index
            cast.append(code.Vote(f"family {index}", kind, state, effect))
    return cast


@pytest.mark.parametrize("line", range(len(PANELS)))
def test_every_printed_line_is_what_the_code_decides(line: int) -> None:
    printed = rule_for({"rule_version": code.RULE_VERSION}).verdicts
    assert [condition for condition, _ in printed] == list(PANELS)
    condition, verdict = printed[line]
    assert code.verdict(votes(PANELS[condition])).verdict == verdict


def test_report_and_rule_share_their_vocabulary() -> None:
    assert set(code.VERDICTS) <= set(VERDICTS)
    assert set(code.STATES) < set(STATES)
    assert set(code.STRATA) == VOTING
    assert {kind: letter for letter, kind in LETTERS.items()} == code.STRATA


def test_the_code_s_own_text_is_kept_beside_the_words() -> None:
    rule = rule_for({"rule_version": code.RULE_VERSION, "rule": code.RULE})
    assert rule.known
    assert rule.steps
    assert rule.text == code.RULE.strip("\n")
