"""A network trained to add modulo 31: it uses few frequencies, and its embedding holds circles."""

import numpy as np
import pytest

import homologue as hm
from homologue._errors import HomologueError
from homologue.population import cycles, frequency_scan

PRIME = 31


@pytest.fixture(scope="session")
def adder():
    return hm.systems.modular_addition(PRIME, seed=0)


@pytest.fixture(scope="module")
def pairs():
    return hm.stimuli.modular_pairs(PRIME)


def logits(system, pairs):
    rec = system.record(pairs, sites="unembed", positions="last")
    # What all answers share does not decide: softmax takes it out.
    return rec.copy(data=rec.values - rec.values.mean(axis=1, keepdims=True))


def accuracy(system, pairs):
    rec = logits(system, pairs)
    return rec.values.argmax(axis=1) == rec["sum"].values


def key_frequencies(rec):
    share = frequency_scan(rec, "sum", rng=0).share_of_total[0]
    largest = share.sortby(share, ascending=False)[:6]
    return [int(k) for k in largest.frequency[largest.values > 0.02]], float(largest.sum())


def test_it_generalises(adder, pairs):
    held_out = adder.model.held_out.numpy()
    assert held_out.sum() == 961 - int(0.7 * 961)
    assert accuracy(adder, pairs)[held_out].mean() >= 0.99
    assert accuracy(adder.untrained(0), pairs).mean() < 0.1


def test_few_frequencies_carry_the_answer(adder, pairs):
    key, share = key_frequencies(logits(adder, pairs))
    assert len(key) <= 6
    assert share >= 0.8


def test_the_answer_needs_them_and_no_others(adder, pairs):
    key, _ = key_frequencies(logits(adder, pairs))
    without = hm.systems.remove_frequencies(adder, key)
    assert accuracy(without, pairs).mean() <= 3 / PRIME
    others = [k for k in range(1, 16) if k not in key]
    rng = np.random.default_rng(0)
    for _ in range(3):
        matched = rng.choice(others, min(len(key), len(others)), replace=False)
        spared = hm.systems.remove_frequencies(adder, [int(k) for k in matched])
        assert accuracy(spared, pairs).mean() > 0.9
    assert accuracy(adder, pairs).mean() >= 0.99  # the system itself is left as it was


def test_circles_in_its_embedding_without_the_period(adder, pairs):
    key, _ = key_frequencies(logits(adder, pairs))
    one_each = pairs.select(b=0)
    found = frequency_scan(adder.record(one_each, sites="embed", positions=0), "a", rng=0)
    seen = found.frequency.values[found.q.values[0] <= 0.01]
    assert seen.size >= 1
    assert set(seen.tolist()) <= set(key)
    for seed in range(3):
        twin = adder.untrained(seed).record(one_each, sites="embed", positions=0)
        assert float(frequency_scan(twin, "a", rng=0).q.min()) > 0.05


def test_the_search_for_cycles_finds_them_and_reads_one_without_being_told(adder, pairs):
    """Thirty-one numbers are few points: each is its own landmark."""
    key, _ = key_frequencies(logits(adder, pairs))
    options = {"rng": 0, "landmarks": PRIME, "draws": 5}
    one_each = pairs.select(b=0)
    rec = adder.record(one_each, sites="embed", positions=0)
    found = cycles.find(rec, permutations=99, **options)
    assert float(found.p) == 0.01
    assert str(found.signature.item()) != "none"
    angle = cycles.coordinates(rec, **options).coordinate.values[:, 0]
    turns = [2 * np.pi * k * rec["a"].values / PRIME for k in range(1, 16)]
    follows = [abs(cycles.circular_correlation(angle, turn)) for turn in turns]
    assert max(follows) > 0.9
    assert int(np.argmax(follows)) + 1 in key
    twin = adder.untrained(0).record(one_each, sites="embed", positions=0)
    assert float(cycles.find(twin, permutations=99, **options).p) > 0.05


def test_it_is_kept(adder):
    again = hm.systems.modular_addition(PRIME, seed=0)
    for name, value in adder.model.state_dict().items():
        assert (again.model.state_dict()[name] == value).all()


def test_bad_input(adder):
    with pytest.raises(HomologueError, match="a prime in 11"):
        hm.systems.modular_addition(33)
    with pytest.raises(HomologueError, match="frequencies are 1 … 15"):
        hm.systems.remove_frequencies(adder, [16])
