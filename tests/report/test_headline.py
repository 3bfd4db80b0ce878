"""The sentence at the top says what the rows say and no more."""

from __future__ import annotations

import pytest

from homologue.report._folder import Verdict
from homologue.report._headline import answer, tally
from homologue.report._words import VERDICTS, read_pattern


def rows(*verdicts: str) -> list[Verdict]:
    return [Verdict(f"claim {index}", verdict) for index, verdict in enumerate(verdicts)]


def test_counts_add_up_and_keep_the_order_of_the_verdict_table() -> None:
    verdicts = rows("absent", "generic", "specific", "generic")
    assert [len(group.claims) for group in tally(verdicts)] == [1, 2, 1]
    assert answer(verdicts) == (
        "Of four claims tested, one is specific to brains and trained networks, two are generic "
        "(other sciences’ data show them as well), and one is absent from both."
    )


def test_without_a_specific_claim_it_says_so_first() -> None:
    assert answer(rows("generic", "undetermined")) == (
        "None of the two claims tested is shown to be specific to brains and trained networks: "
        "one is generic (other sciences’ data show it as well) and one is undetermined."
    )


def test_without_a_decision_it_decides_nothing() -> None:
    assert answer(rows("undetermined", "underpowered", "undetermined")) == (
        "None of the three claims tested can be decided: two are undetermined and one is "
        "underpowered (too few systems to tell)."
    )
    assert answer(rows("undetermined", "undetermined")) == (
        "None of the two claims tested can be decided: all are undetermined."
    )
    assert "cannot be decided" in answer(rows("undetermined"))


def test_all_alike() -> None:
    assert answer(rows("generic", "generic")) == (
        "All two claims tested are generic (other sciences’ data show them as well)."
    )


@pytest.mark.parametrize("verdict", [name for name in VERDICTS if name != "specific"])
def test_never_says_specific_where_no_row_does(verdict: str) -> None:
    sentence = answer(rows(verdict, "absent", verdict))
    assert "is specific" not in sentence.replace("None of the three claims tested is shown", "")
    assert "are specific" not in sentence


def test_a_pattern_is_read_with_any_minus_and_other_text_left_alone() -> None:
    for minus in "-−–":
        (part,) = read_pattern(f"T{minus}")
        assert (part.kind, part.state, part.sign) == ("untrained", "absent", "−")
    assert read_pattern("B+ nonsense") == ()
    assert read_pattern("") == ()
    assert read_pattern("O·")[0].state == "without votes"
