"""Sign flips of groups: the exact test by enumeration, its level, and what changes nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from homologue.perturb._no_change import against_no_change


def test_p_is_that_of_every_exchange():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(9), [1, 2, 3, 1, 2, 3, 1, 2, 3])
    change = rng.normal(0.6, 1, (3, group.size))
    sums = np.stack([change[:, group == g].sum(axis=1) for g in range(9)])
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=9)))
    null = np.abs(signs @ sums)
    exact = (null >= np.abs(sums.sum(axis=0)) - 1e-9).mean(axis=0)
    found = against_no_change(change, group, draws=20_000)
    np.testing.assert_allclose(found["p"], exact, atol=0.012)
    np.testing.assert_allclose(found["null_mean"], 0, atol=0.02)
    spread = np.sqrt((sums**2).sum(axis=0)) / group.size
    np.testing.assert_allclose(found["null_std"], spread, rtol=0.03)
    other = against_no_change(change[::-1], group, draws=20_000)
    np.testing.assert_allclose(other["p"], found["p"][::-1])


@pytest.mark.parametrize("draw", ["normal", "standard_cauchy"])
def test_false_positives(draw):
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(12), 2)
    # What a group has in common is no evidence twice.
    change = np.repeat(getattr(rng, draw)(size=(2000, 12)), 2, axis=1)
    p = against_no_change(change, group, draws=499)["p"]
    assert np.mean(p <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
    assert np.mean(p <= 0.05) >= 0.03


def test_few_groups_and_no_change():
    few = against_no_change(np.ones((2, 5)), np.arange(5))
    assert all(np.isnan(one).all() for one in few.values())
    none = against_no_change(np.zeros((1, 8)), np.arange(8))
    assert none["p"] == 1
    assert none["null_std"] == 0
