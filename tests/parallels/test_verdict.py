"""The verdict rule: line by line, and on worlds with planted effects."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from homologue.parallels import Cell, Vote, cliffs_delta, get, median_vote, settle, verdict
from homologue.parallels._verdict import delta_test, stratum

KINDS = {"B": "brain", "M": "model", "T": "untrained", "O": "other-science"}
SHOWN = {
    "specific": "BM",
    "generic": "BMTO",
    "absent": "",
    "architectural": "BMT",
    "brain only": "B",
    "model only": "M",
}


def world(name, sizes, error, rng, *, seeds=1):
    """Cells of one claim: planted .3 to .5 where the pattern says so, 0 elsewhere.

    ``seeds``: a twin's cell is the mean of so many, each measured with this error.
    """
    cells = []
    for letter, count in sizes.items():
        spread = error / np.sqrt(seeds) if letter == "T" else error
        for i in range(count):
            true = rng.uniform(0.3, 0.5) if letter in SHOWN[name] else 0.0
            effect = true + spread * rng.standard_normal()
            reach = ndtri(0.95) * spread
            family = f"{'M' if letter == 'T' else letter}{i}"
            cells.append(
                Cell(
                    "units-are-tuned",
                    family,
                    KINDS[letter],
                    family,
                    "v",
                    "open",
                    effect=effect,
                    low=effect - reach,
                    high=effect + reach,
                    p=max(ndtr(-effect / spread), 1e-3),
                )
            )
    return settle(get("units-are-tuned"), cells)


def decide(cells):
    return verdict([Vote(c.family, c.kind, c.state, c.effect) for c in cells])


def right(sizes, error, *, worlds=100, seeds=1):
    """How many of the worlds of each pattern are named right; the rest may be undetermined."""
    counts = {}
    for name in SHOWN:
        rng = np.random.default_rng(7)
        found = [decide(world(name, sizes, error, rng, seeds=seeds)).verdict for _ in range(worlds)]
        assert set(found) <= {name, "undetermined"}
        counts[name] = found.count(name)
    print(f"{sizes}, error {error}, {seeds} seeds: of {worlds} worlds each right {counts}")
    return counts


FULL = {"B": 7, "M": 4, "T": 4, "O": 6}
SMALL = {"B": 2, "M": 2, "T": 2, "O": 4}


def test_planted_worlds_are_all_named_at_a_cell_error_of_003():
    assert set(right(FULL, 0.03).values()) == {100}


def test_planted_worlds_at_a_cell_error_of_004():
    # A twin is the mean of three seeds: on the bench its standard error is .57 of its model's
    # (the median of 26 pairs of cells).
    assert min(right(FULL, 0.04, seeds=3).values()) >= 95


def test_planted_worlds_where_the_mean_of_a_twins_seeds_has_an_error_of_004_as_well():
    # An absent cell is told apart from an open one with probability .80 here, so that four
    # models (or twins) hold two determinate votes in 97 worlds of 100: "brain only", which
    # needs both strata, is expected in 94.6.
    counts = right(FULL, 0.04)
    assert sum(counts.values()) >= 0.95 * 600
    assert min(counts.values()) >= 90


def test_planted_worlds_of_a_small_panel():
    assert min(right(SMALL, 0.02).values()) >= 95


def votes(**states):
    """One vote per character: + present, - absent, ? open; effects apart by state."""
    level = {"+": 0.5, "-": 0.0, "?": 0.12}
    name = {"+": "present", "-": "absent", "?": "open"}
    cast = []
    for letter, signs in states.items():
        for i, sign in enumerate(signs):
            family = f"{'M' if letter == 'T' else letter}{i}"
            effect = level[sign] + 0.001 * i
            cast.append(Vote(family, KINDS[letter], name[sign], effect))
    return cast


@pytest.mark.parametrize(
    ("states", "expected", "pattern"),
    [
        ({"B": "++", "M": "++", "T": "--", "O": "----"}, "specific", "B+ M+ T− O−"),
        ({"B": "++", "M": "++", "T": "--", "O": "++++"}, "generic", "B+ M+ T− O+"),
        ({"B": "++", "M": "++", "T": "??", "O": "++++"}, "generic", "B+ M+ T? O+"),
        ({"B": "++", "M": "++", "T": "++", "O": "----"}, "architectural", "B+ M+ T+ O−"),
        ({"B": "--", "M": "++", "T": "++", "O": "----"}, "architectural", "B− M+ T+ O−"),
        ({"B": "--", "M": "++", "T": "++", "O": "++++"}, "mixed", "B− M+ T+ O+"),
        ({"B": "++", "M": "++", "T": "++", "O": "??++"}, "generic", "B+ M+ T+ O+"),
        ({"B": "++", "M": "++", "T": "++", "O": "???+"}, "undetermined", "B+ M+ T+ O?"),
        ({"B": "--", "M": "--", "T": "++", "O": "++++"}, "absent", "B− M− T+ O+"),
        ({"B": "++", "M": "--", "T": "--", "O": "----"}, "brain only", "B+ M− T− O−"),
        ({"B": "--", "M": "++", "T": "--", "O": "----"}, "model only", "B− M+ T− O−"),
        ({"B": "++", "M": "--", "T": "--", "O": "++++"}, "mixed", "B+ M− T− O+"),
        ({"B": "++", "M": "--", "T": "++", "O": "----"}, "mixed", "B+ M− T+ O−"),
        ({"B": "+?", "M": "++", "T": "--", "O": "----"}, "undetermined", "B? M+ T− O−"),
        ({"B": "+-", "M": "++", "T": "--", "O": "----"}, "undetermined", "B? M+ T− O−"),
        ({"B": "++", "M": "++", "T": "--", "O": "??--"}, "specific", "B+ M+ T− O−"),
        ({"B": "+", "M": "++", "T": "--", "O": "----"}, "underpowered", "B? M+ T− O−"),
        ({"B": "++", "M": "++", "T": "--"}, "underpowered", "B+ M+ T− O·"),
    ],
)
def test_each_line_of_the_rule(states, expected, pattern):
    found = verdict(votes(**states))
    assert (found.verdict, found.pattern) == (expected, pattern)


def test_two_thirds_and_one_third():
    assert stratum(["present"] * 2 + ["absent"]) == "present"
    assert stratum(["present"] + ["absent"] * 2) == "absent"
    assert stratum(["present", "absent"]) == "open"
    assert stratum(["present"] * 9 + ["open"] * 20) == "present"


def test_a_smallest_p_above_the_level_is_underpowered():
    # Two models and one possible swap each give 1/4 at most, whatever the effects.
    few = votes(B="++", M="++", T="--", O="--")
    few = [v for v in few if v.kind != "untrained"] + [
        Vote("X0", "untrained", "absent", 0.0),
        Vote("X1", "untrained", "absent", 0.0),
    ]
    found = verdict(few)
    assert found.smallest_p == pytest.approx(1 / 6)
    assert found.verdict == "underpowered"
    assert "smallest p" in found.reason


def test_missing_names_kind_and_number():
    found = verdict(votes(B="+", M="++", T="--"))
    assert "1 more brain" in found.missing
    assert "2 more other-science" in found.missing


def test_delta_equals_a_plain_loop_over_all_arrangements():
    rng = np.random.default_rng(3)
    cast = [
        Vote(v.family, v.kind, v.state, float(rng.normal(v.effect, 0.3)))
        for v in votes(B="++", M="++", T="--", O="---")
    ]
    delta, p, smallest = delta_test(cast)
    effect = {(v.kind, v.family): v.effect for v in cast}
    brains_others = [k for k in effect if k[0] in ("brain", "other-science")]
    observed = None
    null = []
    for swap in ((0, 0), (0, 1), (1, 0), (1, 1)):
        for chosen in combinations(brains_others, 2):
            first = [effect[k] for k in chosen]
            second = [effect[k] for k in brains_others if k not in chosen]
            for i, s in enumerate(swap):
                one, two = effect["model", f"M{i}"], effect["untrained", f"M{i}"]
                first.append(two if s else one)
                second.append(one if s else two)
            value = cliffs_delta(np.array(first), np.array(second))
            null.append(value)
            if swap == (0, 0) and {k[0] for k in chosen} == {"brain"}:
                observed = value
    assert delta == pytest.approx(observed)
    assert smallest == pytest.approx(1 / len(null))
    assert p == pytest.approx(np.mean(np.array(null) >= observed - 1e-12))


def test_delta_above_the_exact_limit_is_drawn_and_reproducible():
    cast = votes(B="+" * 7, M="+" * 4, T="-" * 4, O="-" * 6)
    first, second = verdict(cast, rng=1), verdict(cast, rng=1)
    assert first == second
    assert first.p == pytest.approx(first.smallest_p, abs=3e-4)
    assert first.verdict == "specific"


def test_delta_null_is_uniform_when_nothing_differs():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(400):
        cast = [
            Vote(v.family, v.kind, v.state, float(rng.normal()))
            for v in votes(B="++", M="++", T="--", O="----")
        ]
        p.append(delta_test(cast)[1])
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_the_median_cell_votes_and_of_two_the_lower():
    vote = median_vote("f", "brain", ["present", "open", "absent"], [0.5, 0.2, 0.0])
    assert (vote.state, vote.effect) == ("open", 0.2)
    vote = median_vote("f", "brain", ["present", "absent"], [0.5, 0.0])
    assert vote.state == "absent"
    vote = median_vote("f", "brain", ["not applicable", "present"], [np.nan, 0.4])
    assert vote.state == "present"
    assert median_vote("f", "brain", ["not applicable"], [np.nan]).state == "not applicable"


def test_kinds_that_do_not_vote_change_nothing():
    cast = votes(B="++", M="++", T="--", O="----")
    extra = [Vote("c", "circuit", "present", 0.9), Vote("i", "input", "present", 0.9)]
    assert verdict(cast + extra) == verdict(cast)
