"""Intrinsic timescales: known ones within 15 %, curves in closed form, a general optimiser."""

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.signal import lfilter

from homologue._errors import InvalidDesign
from homologue.population import intrinsic_timescale
from homologue.population.dynamics._timescale import _fit
from homologue.recording import make

STEP = 0.05


def process(tau, *, n=20000, units=3, seed=0):
    a = np.exp(-STEP / tau)
    noise = np.random.default_rng(seed).standard_normal((n, units)) * np.sqrt(1 - a * a)
    return lfilter([1], [1, -a], noise, axis=0)


def series(activity, **options):
    return make(activity, variables={"time": np.arange(len(activity)) * STEP}, **options)


@pytest.mark.parametrize("tau", [0.06, 0.15, 0.3])
def test_known_timescales_within_fifteen_per_cent(tau):
    found = intrinsic_timescale(series(process(tau)), rng=0, permutations=19)
    assert float(found.population) == pytest.approx(tau, rel=0.15)
    np.testing.assert_allclose(found.effect, tau, rtol=0.15)
    assert float(found.population_low) < tau < float(found.population_high)
    assert (found.p.values == 0.05).all()


@pytest.mark.parametrize("tau", [0.06, 0.15, 0.3])
def test_known_timescales_of_spike_counts_in_trials(tau):
    rng = np.random.default_rng(1)
    state = process(tau, n=800 * 40, seed=2).reshape(800, 40, 3)[:, :30]
    bump = np.exp(-0.5 * ((np.arange(30) - 15) / 4) ** 2)[:, None]
    counts = rng.poisson(np.maximum(8 + 8 * bump + 3 * state, 0)).astype(float)
    rec = make(
        counts.reshape(-1, 3),
        variables={
            "trial": np.repeat(np.arange(800), 30),
            "lag": np.tile(np.arange(30), 800) * STEP,
        },
    )
    found = intrinsic_timescale(rec, rng=0, permutations=19)
    assert float(found.population) == pytest.approx(tau, rel=0.15)


def test_the_fit_is_the_least_squares_one():
    distance = np.arange(1, 21) * STEP
    exact = 0.6 * (np.exp(-distance / 0.17) + 0.1)
    noisy = exact + 0.01 * np.random.default_rng(0).standard_normal(20)
    tau, amplitude, offset, reason = _fit(np.stack([exact, noisy], axis=1), distance)
    assert tau[0] == pytest.approx(0.17, rel=2e-3)
    assert amplitude[0] == pytest.approx(0.6, rel=5e-3)
    assert offset[0] == pytest.approx(0.1, abs=2e-3)
    assert (reason == "").all()
    fit, _ = curve_fit(lambda d, a, t, b: a * (np.exp(-d / t) + b), distance, noisy, [1, 0.1, 0])
    assert tau[1] == pytest.approx(fit[1], rel=2e-3)


def test_white_noise_has_no_autocorrelation_and_says_why_it_has_no_timescale():
    p = []
    for seed in range(20):
        activity = np.random.default_rng(seed).standard_t(3, size=(200, 10))
        found = intrinsic_timescale(series(activity), rng=seed, permutations=19)
        p.append(found.p.values)
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)
    assert (found.reason.values[np.isnan(found.effect.values)] != "").all()


def test_units_apart_and_constant_ones():
    activity = process(0.15, n=3000)
    activity[:, 1] = 2.0
    found = intrinsic_timescale(series(activity), rng=0, permutations=9)
    assert np.isnan(float(found.effect[1]))
    assert str(found.reason[1].values) == "the unit does not vary"
    alone = intrinsic_timescale(series(activity[:, [2]]), rng=0, permutations=9)
    assert float(alone.effect[0]) == pytest.approx(float(found.effect[2]))


def test_refusals_teach():
    with pytest.raises(InvalidDesign, match="neither `time`"):
        intrinsic_timescale(make(np.ones((30, 2))), rng=0)
    with pytest.raises(InvalidDesign, match="at least 4"):
        intrinsic_timescale(series(process(0.1, n=100)), rng=0, window=0.1)
    rec = make(process(0.1, n=100), variables={"time": np.r_[0:50, 50:100:1] ** 1.5})
    with pytest.raises(InvalidDesign, match="evenly"):
        intrinsic_timescale(rec, rng=0)
