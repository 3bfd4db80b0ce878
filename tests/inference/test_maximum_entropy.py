"""Maximum-entropy surrogates: closed forms, the moments kept, what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from homologue._errors import InvalidDesign
from homologue.inference import maximum_entropy


def tensor(seed=0, shape=(6, 15, 8)):
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.standard_normal(shape), axis=1)
    return np.tensordot(walk, rng.standard_normal((shape[2], shape[2])), axes=1) + 3.0


def covariance(values, axis):
    flat = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    return flat @ flat.T


def residual(data):
    grand = data.mean()
    out = data - grand
    for axis in range(data.ndim):
        others = tuple(other for other in range(data.ndim) if other != axis)
        out = out - (data.mean(axis=others, keepdims=True) - grand)
    return out


def expected_covariance(fitted, axis):
    others = tuple(other for other in range(fitted.deviation.ndim) if other != axis)
    basis = fitted.bases[axis]
    return (basis * (fitted.deviation**2).sum(axis=others)) @ basis.T


@settings(deadline=None, max_examples=8)
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from([(3, 4), (2, 9, 5), (7, 3, 4), (2, 3, 4, 3)]),
)
def test_expected_covariances_are_the_data_s(seed, shape):
    data = np.random.default_rng(seed).standard_t(4, size=shape)
    fitted = maximum_entropy(data)
    for axis in range(data.ndim):
        wanted = covariance(residual(data), axis)
        np.testing.assert_allclose(
            expected_covariance(fitted, axis), wanted, atol=1e-6 * np.trace(wanted)
        )


def test_equal_eigenvalues_give_white_noise():
    # The only distribution with isotropic margins and the largest entropy.
    data = np.zeros((4, 4))
    data[:2, :2] = [[1, -1], [-1, 1]]
    data[2:, 2:] = [[1, -1], [-1, 1]]
    variance = maximum_entropy(data).deviation ** 2
    np.testing.assert_allclose(variance, variance.mean())


def test_multipliers_agree_with_a_general_optimiser():
    data = tensor(3, (3, 4, 3))
    fitted = maximum_entropy(data)
    variance = fitted.deviation**2 / (fitted.deviation**2).sum()
    marginals = [
        variance.sum(axis=tuple(other for other in range(3) if other != axis)) for axis in range(3)
    ]
    cuts = np.cumsum(variance.shape)[:-1]

    def dual(logs):
        # Positive multipliers suffice: what one mode gains another may lose.
        parts = np.split(np.exp(logs), cuts)
        sums = parts[0][:, None, None] + parts[1][:, None] + parts[2]
        return sum(p @ m for p, m in zip(parts, marginals, strict=True)) - np.log(sums).sum()

    found = minimize(dual, np.ones(sum(variance.shape)), method="L-BFGS-B",
                     options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-10})  # fmt: skip
    parts = np.split(np.exp(found.x), cuts)
    other = 1 / (parts[0][:, None, None] + parts[1][:, None] + parts[2])
    np.testing.assert_allclose(variance, other, atol=2e-3 * variance.max())


def test_draws_have_the_means_and_the_covariances():
    data = tensor()
    drawn = maximum_entropy(data).draw(400, rng=0)
    assert drawn.shape == (400, *data.shape)
    np.testing.assert_allclose(drawn.mean(axis=(0, 1, 2)), data.mean(axis=(0, 1)), atol=1.0)
    wanted = covariance(residual(data), 1)
    mean = data - residual(data)
    got = np.mean([covariance(one - mean, 1) for one in drawn], axis=0)
    assert np.linalg.norm(got - wanted) < 0.1 * np.linalg.norm(wanted)


def test_same_seed_same_draws_whatever_the_scale():
    data = tensor(1)
    one = maximum_entropy(data).draw(2, rng=3)
    np.testing.assert_array_equal(one, maximum_entropy(data).draw(2, rng=3))
    np.testing.assert_allclose(
        maximum_entropy(2.0**20 * data).draw(2, rng=3), 2.0**20 * one, rtol=1e-6
    )


def test_a_mode_that_sums_to_zero_stays_so():
    data = tensor(2)
    data = data - data.mean(axis=0)
    assert np.abs(maximum_entropy(data).draw(3, rng=0).mean(axis=1)).max() < 1e-9


def test_refusals_teach():
    with pytest.raises(InvalidDesign, match="two modes"):
        maximum_entropy(np.ones(4))
    with pytest.raises(InvalidDesign, match="NaN"):
        maximum_entropy(np.full((3, 4), np.nan))
    with pytest.raises(InvalidDesign, match="no variance"):
        maximum_entropy(np.ones((3, 4, 2)))
