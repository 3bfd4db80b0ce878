"""Gene networks against what their papers report."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from homologue import perturb, systems
from homologue.systems.simulations import segment_polarity as segment
from homologue.systems.simulations import yeast_cell_cycle as yeast
from homologue.systems.simulations._boolean import received

# Yeast


def yeast_states() -> np.ndarray:
    """Every state of the eleven proteins, without the signal of size."""
    proteins = np.array(list(itertools.product([False, True], repeat=11)))
    return np.concatenate([np.zeros((len(proteins), 1), bool), proteins], axis=1)


def test_yeast_basins_are_those_of_the_paper():
    states = yeast_states()
    after = yeast.update(states, states)
    target = after[:, 1:] @ 2 ** np.arange(10, -1, -1)
    end = np.arange(2_048)
    for _ in range(20):
        end = target[end]
    assert np.array_equal(target[end], end)  # every attractor is a fixed point
    attractors, size = np.unique(end, return_counts=True)
    assert sorted(size.tolist(), reverse=True) == [1_764, 151, 109, 9, 7, 7, 1]
    largest = states[attractors[size.argmax()]]
    assert {unit for unit, on in zip(yeast.UNITS, largest, strict=True) if on} == set(yeast.G1)


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("Mcm1", lambda s: s["Clb1,2"] | s["Clb5,6"]),
        ("Cdc20", lambda s: s["Mcm1"] | s["Clb1,2"]),
        ("Cln1,2", lambda s: s["SBF"]),
        ("MBF", lambda s: (s["Cln3"] & (s["MBF"] | ~s["Clb1,2"])) | (s["MBF"] & ~s["Clb1,2"])),
        (
            "Swi5",
            lambda s: (
                (~s["Clb1,2"] & s["Cdc20"]) | (s["Mcm1"] & s["Cdc20"]) | (~s["Clb1,2"] & s["Mcm1"])
            ),
        ),
    ],
)
def test_yeast_rules_are_the_published_truth_tables(target, rule):
    states = yeast_states()
    seen = dict(zip(yeast.UNITS, states.T, strict=True))
    after = yeast.update(states, states)[:, yeast.UNITS.index(target)]
    np.testing.assert_array_equal(after, rule(seen))


def test_a_grown_yeast_cell_divides_in_order_and_returns_to_rest():
    state = np.zeros((1, 12), bool)
    state[0, [0, *(yeast.UNITS.index(unit) for unit in yeast.G1)]] = True
    path = [state[0]]
    for _ in range(yeast.STEPS):
        state = yeast.update(state, state)
        path.append(state[0])
    on = np.array(path)
    first = [int(on[:, yeast.UNITS.index(unit)].argmax()) for unit in ("Cln3", "Cln1,2", "Clb5,6")]
    late = [int(on[:, yeast.UNITS.index(unit)].argmax()) for unit in ("Clb1,2", "Cdc20", "Swi5")]
    assert first[0] < first[1] <= first[2] < late[0] < late[1] < late[2]
    assert {unit for unit, one in zip(yeast.UNITS, on[-1], strict=True) if one} == set(yeast.G1)


@pytest.mark.parametrize(
    ("knocked_out", "lost"),
    [
        ("Cln3", {"budding", "replication", "mitosis"}),
        ("SBF", {"budding", "replication", "mitosis"}),
        ("MBF", {"replication", "mitosis"}),
        ("Clb5,6", {"replication", "mitosis"}),
        ("Clb1,2", {"mitosis"}),
        ("Swi5", set()),
    ],
)
def test_yeast_knock_outs_lose_what_lies_downstream(knocked_out, lost):
    system = systems.get("yeast-cell-cycle")
    mutant = system.perturb(perturb.ablate(knocked_out))
    for behaviour in system.behaviours:
        grown = mutant.behave(behaviour).values[24:]
        assert (grown.mean() < 0.1) == (behaviour in lost), behaviour
        assert (grown.mean() > 0.85) == (behaviour not in lost), behaviour


# Fly


def settled(mutant: str | None = None) -> dict[str, set[int]]:
    """Cells (from 1) in which each gene is on in the end, without the errors of the pre-pattern."""
    state = segment.pattern(segment.WILD_TYPE)[None]
    null = np.zeros(len(segment.UNITS), bool)
    if mutant:
        null = np.repeat(np.array(segment.GENES) == mutant, segment.CELLS)
    for _ in range(60):
        before, state = state, segment.update(state & ~null)
    assert np.array_equal(before, state)
    cells = (state & ~null).reshape(-1, segment.CELLS)
    return {
        gene: set((np.flatnonzero(row) + 1).tolist())
        for gene, row in zip(segment.GENES, cells, strict=True)
    }


def test_the_wild_type_settles_on_the_published_stripes():
    found = settled()
    assert found["wg"] == found["WG"] == {4}
    assert found["en"] == found["EN"] == found["hh"] == found["HH"] == {1}
    assert found["ptc"] == {2, 4}
    assert found["PTC"] == found["ci"] == found["CI"] == {2, 3, 4}
    assert found["CIA"] == {2, 4}
    assert found["CIR"] == {3}


@pytest.mark.parametrize("mutant", ["wg", "en", "hh"])
def test_without_wg_en_or_hh_nothing_is_segmented(mutant):
    found = settled(mutant)
    assert not found["wg"] | found["en"] | found["hh"] | found["ptc"]
    assert found["ci"] == {1, 2, 3, 4}


def test_without_ptc_stripes_are_broad():
    found = settled("ptc")
    assert found["wg"] == {3, 4}
    assert found["en"] == found["hh"] == {1, 2}


def test_without_ci_wg_and_en_are_kept_and_ptc_is_lost():
    found = settled("ci")
    assert found["wg"] == {4}
    assert found["en"] == {1}
    assert found["ptc"] == set()


def test_knocking_ci_out_dissociates_the_stripes():
    system = systems.get("segment-polarity")
    mutant = system.perturb(perturb.ablate([f"ci{cell}" for cell in range(1, 5)]))
    before = {name: float(system.behave(name).mean()) for name in system.behaviours}
    after = {name: float(mutant.behave(name).mean()) for name in system.behaviours}
    assert min(before.values()) > 0.9
    assert after["patched-stripes"] == 0.5
    assert after["wingless-stripe"] > 0.95
    assert after["engrailed-stripe"] > 0.95


def test_lost_messages_impair_by_degrees():
    system = systems.get("segment-polarity")
    genes = [f"wg{cell}" for cell in range(1, 5)]
    stripes = [
        float(system.perturb(perturb.cool(genes, gain)).behave("wingless-stripe").mean())
        for gain in (1.0, 0.9, 0.5, 0.0)
    ]
    assert stripes[0] > stripes[1] > stripes[2] >= stripes[3]


def test_turning_the_pre_pattern_turns_the_stripes():
    for turn in range(segment.CELLS):
        state = segment.pattern(segment.WILD_TYPE, turn)[None]
        for _ in range(60):
            state = segment.update(state)
        assert np.array_equal(
            state.reshape(-1, 4)[segment.GENES.index("wg")],
            segment.pattern({"wg": (3,)}, turn).reshape(-1, 4)[segment.GENES.index("wg")],
        )


def test_messages_are_exact_at_the_ends_and_graded_between():
    rng = np.random.default_rng(0)
    sent = np.repeat([[0.0, 0.25, 1.0]], 20_000, axis=0)
    share = received(sent, rng).mean(axis=0)
    assert share[0] == 0
    assert share[2] == 1
    assert share[1] == pytest.approx(0.25, abs=0.01)
