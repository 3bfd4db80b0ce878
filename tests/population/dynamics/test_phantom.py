"""Phantom oscillations: drift is named, cycles that are run many times are not."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from homologue import systems
from homologue._errors import InvalidDesign
from homologue.population import phantom_oscillation
from homologue.recording import make


def named(activity, seed=0, surrogates=99):
    rec = make(activity, variables={"time": np.arange(len(activity)) * 1.0})
    return phantom_oscillation(rec, rng=seed, surrogates=surrogates)


def walk(rng, units=300):
    return np.cumsum(rng.standard_normal((500, units)), axis=0)


def drift(rng):
    slow = gaussian_filter1d(rng.standard_normal((900, 60)), 100, axis=0)[200:700]
    return 10 * slow + 0.05 * rng.standard_normal(slow.shape)


def saturating(rng):
    clock = np.linspace(0, 1, 500)[:, None]
    rise = 1 / (1 + np.exp(-(clock - rng.uniform(0, 1, 50)) / rng.uniform(0.1, 0.4, 50)))
    return rise * rng.choice([-1, 1], 50) + 0.02 * rng.standard_normal((500, 50))


def ring(rng, angle):
    preferred = rng.uniform(0, 2 * np.pi, 40)
    bump = np.exp(2 * np.cos(angle[:, None] - preferred) - 2)
    return bump + 0.3 * rng.standard_normal(bump.shape)


def laps(rng):
    return ring(rng, np.linspace(0, 2 * np.pi * 25, 600))


def wandering(rng):
    return ring(rng, np.cumsum(rng.normal(0, 0.4, 800)))


@pytest.mark.parametrize(("world", "surrogates"), [(walk, 9), (drift, 19), (saturating, 19)])
def test_drift_is_named_in_nineteen_of_twenty(world, surrogates):
    # With few surrogates p is never ≤ .01: the share of cosines alone decides, and the p of the
    # first seeds is looked at with many.
    found = [named(world(np.random.default_rng(seed)), seed, surrogates) for seed in range(20)]
    assert sum(bool(one.phantom) for one in found) >= 19
    assert bool(named(world(np.random.default_rng(0)), 0, 119).phantom)


@pytest.mark.parametrize("world", [laps, wandering])
def test_rings_run_many_times_are_not_named(world):
    found = [named(world(np.random.default_rng(seed)), seed, 19) for seed in range(20)]
    assert not any(bool(one.phantom) for one in found)
    assert all(float(one.p) <= 0.05 for one in found)


def test_components_of_a_random_walk_are_the_cosines_of_their_number():
    found = named(walk(np.random.default_rng(0)), surrogates=9)
    assert (found.cosine_match[:3] > 0.95).all()
    assert float(found.effect) > 0.99


def test_scale_units_and_their_order_change_nothing():
    activity = drift(np.random.default_rng(1))
    one = named(activity, surrogates=9)
    for other in (activity[:, ::-1], 7 * activity + 3):
        assert float(named(other, surrogates=9).effect) == pytest.approx(float(one.effect))


@pytest.mark.needs_mirror
def test_head_directions_awake_are_no_phantom():
    rec = systems.get("head-direction").record()
    found = phantom_oscillation(rec, rng=0, surrogates=19)
    assert not bool(found.phantom)
    assert float(found.effect) < 0.05


def test_refusals_teach():
    activity = walk(np.random.default_rng(0), 5)
    with pytest.raises(InvalidDesign, match="neither `time`"):
        phantom_oscillation(make(activity), rng=0)
    with pytest.raises(InvalidDesign, match="fewer components"):
        named(activity[:40])
    with pytest.raises(InvalidDesign, match="no unit varies"):
        named(np.ones((200, 3)))
