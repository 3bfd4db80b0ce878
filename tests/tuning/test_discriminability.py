"""d′ as an analysis: closed forms, a planted class, coverage, its false rate."""

from __future__ import annotations

import numpy as np
import pytest

from homologue._errors import HomologueError
from homologue.recording import make, variable
from homologue.tuning import d_prime, discriminability


def world(rng, *, shift=0.0, units=3, groups=24, repeats=1):
    label = np.repeat(np.arange(groups) % 4, repeats)
    activity = rng.standard_normal((label.size, units)) + shift * (label == 2)[:, None]
    group = np.repeat(np.arange(groups), repeats)
    return make(
        activity, group=group, variables={"kind": variable(label, categories=list("abcd"))}
    ), label


def test_it_is_the_largest_d_prime_and_the_null_that_of_a_loop():
    rec, label = world(np.random.default_rng(0), shift=1.5)
    found = discriminability(rec, "kind", rng=0, permutations=999)
    every = d_prime(rec.values, label, 4)
    assert pytest.approx(every) == found.d_prime.values.T
    best = np.abs(every).argmax(axis=0)
    assert found.effect.values == pytest.approx(every[best, np.arange(3)])
    assert found.best_class.values.tolist() == np.array(list("abcd"))[best].tolist()
    rng = np.random.default_rng(1)
    null = np.array(
        [np.abs(d_prime(rec.values, rng.permutation(label), 4)).max(axis=0) for _ in range(999)]
    )
    assert found.null_mean.values == pytest.approx(null.mean(axis=0), rel=0.05)
    assert found.null_std.values == pytest.approx(null.std(axis=0), rel=0.15)


def test_two_classes_a_distance_apart_and_the_interval_holds_it():
    held = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        label = np.repeat([0, 1], 100)
        rec = make(rng.standard_normal((200, 5)) + 1.0 * label[:, None], stimulus=label)
        found = discriminability(rec, "stimulus", rng=seed, permutations=19)
        assert (found.best_class == "1").all()
        held.append(((found.low <= 1.0) & (found.high >= 1.0)).values.mean())
    assert 0.9 <= np.mean(held) <= 0.99


def test_no_more_false_positives_than_the_level():
    rates = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        rec, _ = world(rng, units=20, repeats=3)
        rec.values[:] += np.repeat(rng.standard_normal((24, 20)), 3, axis=0)
        rates.append((discriminability(rec, "kind", rng=seed, permutations=99).p <= 0.05).mean())
    assert np.mean(rates) <= 0.05 + 2 * np.std(rates, ddof=1) / np.sqrt(60)
    assert np.mean(rates) >= 0.02


def test_units_scale_and_baseline_do_not_matter_and_silence_has_a_reason():
    rec, _ = world(np.random.default_rng(3), shift=1.0)
    rec.values[:, 1] = 0
    found = discriminability(rec, "kind", rng=0, permutations=49)
    assert found.reason.values.tolist() == ["", "no activity", ""]
    assert np.isnan(found.p.values[1])
    moved = rec[:, [2, 1, 0]].copy(deep=True)
    moved.values[:, [0, 2]] = 1e4 + 7 * moved.values[:, [0, 2]]
    other = discriminability(moved, "kind", rng=0, permutations=49)
    for name in ("effect", "p", "low", "high"):
        assert other[name].values == pytest.approx(found[name].values[[2, 1, 0]], nan_ok=True)
    with pytest.raises(HomologueError, match="2 or more"):
        discriminability(rec, "kind", rng=0, permutations=1)
