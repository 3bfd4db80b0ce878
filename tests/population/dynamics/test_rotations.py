"""Rotations: closed forms, an oracle by a plain solver, surrogates' own surrogates, reaching."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from homologue import systems
from homologue._errors import InvalidDesign, InvalidRecording
from homologue.inference import maximum_entropy
from homologue.population import rotations
from homologue.recording import make


def as_recording(activity, *, step=0.01, **options):
    count, times, units = activity.shape
    clock = {
        "trial": np.repeat(np.arange(count), times),
        "lag": np.tile(np.arange(times) * step, count),
    }
    return make(activity.reshape(-1, units), variables=clock | options.pop("variables", {}),
                **options)  # fmt: skip


def rotating(seed, *, count=20, times=30, units=12, noise=0.1, speeds=(0.2, 0.35, 0.5)):
    """Three planes, each condition from a state of its own; all turn the same way."""
    rng = np.random.default_rng(seed)
    start = rng.standard_normal((count, 1, len(speeds))) + 1j * rng.standard_normal(
        (count, 1, len(speeds))
    )
    state = start * np.exp(1j * np.arange(times)[:, None] * np.array(speeds))
    axes = np.linalg.qr(rng.standard_normal((units, units)))[0][:6]
    if units < 6:
        axes = rng.standard_normal((6, units))
    state = np.concatenate([state.real, state.imag], axis=2) @ axes
    return state + noise * rng.standard_normal(state.shape)


def test_a_discrete_rotation_is_explained_wholly_at_its_frequency():
    found = rotations(as_recording(rotating(0, noise=0)), rng=0, surrogates=9)
    assert float(found.effect) == pytest.approx(1, abs=1e-6)
    assert float(found.ratio) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(
        found.frequency, np.array([0.5, 0.35, 0.2]) / (2 * np.pi * 0.01), rtol=1e-6
    )


def test_rotating_systems_pass_at_one_in_a_hundred():
    for seed in range(3):
        found = rotations(as_recording(rotating(seed, noise=0.3)), rng=seed, surrogates=99)
        assert float(found.p) <= 0.01
        assert float(found.low) <= float(found.effect) <= float(found.high)


def test_gaussians_of_a_rotation_s_covariances_pass_at_most_one_in_twenty():
    sets, data = 150, rotating(0, count=10, times=12, units=8)
    fitted = maximum_entropy(data - data.mean(axis=0))
    p = [
        float(rotations(as_recording(drawn), rng=seed, surrogates=39, components=4).p)
        for seed, drawn in enumerate(fitted.draw(sets, rng=0))
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / sets)


@pytest.mark.parametrize("kind", ["heavy tails", "smooth"])
def test_neither_heavy_tails_nor_smoothness_rotate(kind):
    # Gaussian surrogates found linear dynamics in .10 to .21 of such heavy tails, reordered values
    # without smoothing rotations in .10 to .15 of such smooth trials.
    sets, shape = 80, (12, 20, 10)
    rng = np.random.default_rng(6)
    time = np.arange(20)
    kernel = np.exp(-((time[:, None] - time) ** 2) / 32) + 1e-9 * np.eye(20)
    root = np.linalg.cholesky(kernel)
    p = []
    for _ in range(sets):
        data = rng.standard_t(2, shape) if kind == "heavy tails" else (
            root @ rng.standard_normal(shape)
        )  # fmt: skip
        found = rotations(as_recording(data), rng=rng, surrogates=99, components=4)
        p.append([float(found[name]) for name in ("p", "linear_p", "ratio_p")])
    assert (np.mean(np.array(p) <= 0.05, axis=0) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / sets)).all()


def test_the_fit_is_least_squares_over_skew_matrices():
    data = rotating(1, units=4, noise=0.5)
    data = data - data.mean(axis=0)
    found = rotations(as_recording(data), rng=0, surrogates=9, components=4)
    change = np.diff(data, axis=1)
    middle = (data[:, 1:] + data[:, :-1]) / 2
    design = []
    for i in range(4):
        for j in range(i):
            skew = np.zeros((4, 4))
            skew[i, j], skew[j, i] = 1, -1
            design.append((middle @ skew).ravel())
    fit = lsq_linear(np.stack(design, axis=1), change.ravel())
    assert float(found.effect) == pytest.approx(1 - 2 * fit.cost / (change**2).sum(), rel=1e-8)
    whole = np.linalg.lstsq(middle.reshape(-1, 4), change.reshape(-1, 4), rcond=None)[1].sum()
    assert float(found.linear) == pytest.approx(1 - whole / (change**2).sum(), rel=1e-8)


def test_a_decay_is_linear_but_no_rotation():
    start = np.random.default_rng(0).standard_normal((15, 1, 6))
    path = start * np.exp(-np.arange(20)[:, None] * np.linspace(0.05, 0.3, 6))
    found = rotations(as_recording(path), rng=0, surrogates=9)
    assert float(found.linear) > 0.99
    assert float(found.effect) < 0.1


def test_units_in_another_order_and_turned_change_nothing():
    data = rotating(2)
    one = rotations(as_recording(data), rng=0, surrogates=9)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((12, 12)))[0]
    for other in (data[:, :, ::-1], data @ turn):
        found = rotations(as_recording(other), rng=0, surrogates=9)
        assert float(found.effect) == pytest.approx(float(one.effect), rel=1e-9)


def test_trials_are_averaged_by_condition():
    rng = np.random.default_rng(0)
    means = rotating(3, count=8)
    trials = np.repeat(means, 5, axis=0)
    trials = trials + rng.standard_normal(trials.shape)
    label = np.repeat(np.repeat(np.arange(8), 5), means.shape[1])
    rec = as_recording(trials, variables={"angle": label})
    found = rotations(rec, rng=0, surrogates=9, condition="angle")
    averaged = trials.reshape(8, 5, *means.shape[1:]).mean(axis=1)
    direct = rotations(as_recording(averaged), rng=0, surrogates=9)
    assert float(found.effect) == pytest.approx(float(direct.effect), rel=1e-9)
    assert found.attrs["n_trajectories"] == 8


@pytest.mark.needs_mirror
def test_motor_cortex_rotates_while_reaching():
    found = rotations(systems.get("motor-reach").record(), rng=0, surrogates=99)
    assert float(found.p) <= 0.05
    assert float(found.effect) > 1.5 * float(found.null_mean)
    assert 0.5 < float(found.frequency[0]) < 2.5


def test_refusals_teach():
    data = rotating(0, count=8)
    with pytest.raises(InvalidDesign, match="times in common"):
        rotations(as_recording(data[:, :5]), rng=0)
    with pytest.raises(InvalidDesign, match="not recorded simultaneously"):
        rotations(as_recording(data, simultaneous=False), rng=0)
    with pytest.raises(InvalidDesign, match="at least 2"):
        rotations(as_recording(data[:1]), rng=0)
    with pytest.raises(InvalidDesign, match="5 trajectories; surrogates need"):
        rotations(as_recording(data[:5]), rng=0)
    with pytest.raises(InvalidDesign, match="plane"):
        rotations(as_recording(data[:, :, :1]), rng=0)
    broken = data.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(InvalidRecording, match="NaN"):
        rotations(as_recording(broken), rng=0)
    uneven = as_recording(data)
    uneven = uneven.assign_coords(lag=uneven["lag"] ** 2)
    with pytest.raises(InvalidDesign, match="even"):
        rotations(uneven, rng=0)
    with pytest.raises(ValueError, match="trial"):
        rotations(make(data[0]), rng=0)
