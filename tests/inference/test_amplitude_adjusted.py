"""Amplitude-adjusted surrogates: what they share with the data, as both are measured."""

import numpy as np
import pytest
from scipy.stats import kurtosis

from homologue._errors import InvalidDesign
from homologue.inference import amplitude_adjusted, maximum_entropy


def smooth(seed, shape=(14, 20, 8)):
    """Independent smooth paths: nothing but covariance over time."""
    time = np.arange(shape[1])
    kernel = np.exp(-((time[:, None] - time) ** 2) / 32) + 1e-9 * np.eye(time.size)
    return np.linalg.cholesky(kernel) @ np.random.default_rng(seed).standard_normal(shape)


def centred(data):
    return data - data.mean(axis=-3, keepdims=True)


def spectrum(data, axis):
    """Eigenvalues of a mode's covariance, as a share of the variance."""
    grand = data.mean()
    for other in range(3):
        data = data - (data.mean(axis=tuple({0, 1, 2} - {other}), keepdims=True) - grand)
    data = data - data.mean()
    flat = np.moveaxis(data, axis, 0).reshape(data.shape[axis], -1)
    value = np.linalg.eigvalsh(flat @ flat.T)
    return value / value.sum()


def roughness(data):
    return (np.diff(data, axis=-2) ** 2).sum() / (data**2).sum()


@pytest.mark.parametrize("data", [
    np.random.default_rng(0).standard_normal((14, 12, 8)),
    np.random.default_rng(1).standard_t(4, (14, 12, 8)),
    smooth(2),
    np.exp(smooth(3)),
], ids=["noise", "heavy tails", "smooth", "smooth and skewed"])  # fmt: skip
def test_eigenvalues_measured_on_surrogates_are_the_data_s(data):
    drawn = amplitude_adjusted(data, rng=0).draw(60, rng=1)
    gaussian = maximum_entropy(centred(data)).draw(60, rng=1)
    misplaced = [
        np.mean([
            np.abs(np.mean([spectrum(one, axis) for one in some], axis=0)
                   - spectrum(centred(data), axis)).sum() / 2
            for axis in (0, 2)
        ])
        for some in (drawn, gaussian)
    ]  # fmt: skip
    assert misplaced[0] < 0.06
    # Those of a distribution with the data's covariances are more uneven than the data's.
    assert misplaced[0] < 0.7 * misplaced[1]


def test_heavy_tails_stay_heavy_where_gaussian_surrogates_lose_them():
    data = np.random.default_rng(4).standard_t(3, (20, 15, 6))
    drawn = amplitude_adjusted(data, rng=0).draw(20, rng=1)
    wanted = np.median(kurtosis(centred(data).reshape(-1, 6)))
    got = np.median(kurtosis(drawn.reshape(20, -1, 6), axis=1))
    lost = maximum_entropy(centred(data)).draw(20, rng=1)
    assert wanted > 3
    assert got == pytest.approx(wanted, rel=0.25)
    assert np.median(kurtosis(lost.reshape(20, -1, 6), axis=1)) < 0.5 * wanted


def test_smooth_trials_stay_smooth():
    for data in (smooth(5), np.exp(smooth(6))):
        drawn = amplitude_adjusted(data, rng=0).draw(40, rng=1)
        got = np.mean([roughness(one) for one in drawn])
        assert got == pytest.approx(roughness(centred(data)), rel=0.2)


def test_what_trials_share_is_gone():
    data = smooth(7) + np.linspace(0, 30, 20)[:, None]
    drawn = amplitude_adjusted(data, rng=0).draw(3, rng=1)
    assert drawn.shape == (3, *data.shape)
    assert np.abs(drawn.mean(axis=1)).max() < 1e-9
    np.testing.assert_allclose(
        drawn, amplitude_adjusted(centred(data), rng=0).draw(3, rng=1), atol=1e-6
    )


def test_same_seed_same_draws_whatever_the_scale():
    data = smooth(8)
    one = amplitude_adjusted(data, rng=0).draw(2, rng=3)
    np.testing.assert_array_equal(one, amplitude_adjusted(data, rng=0).draw(2, rng=3))
    np.testing.assert_allclose(
        amplitude_adjusted(2.0**20 * data, rng=0).draw(2, rng=3), 2.0**20 * one, rtol=1e-6
    )


def test_refusals_teach():
    with pytest.raises(InvalidDesign, match=r"\(trial, time, unit\); given shape \(5, 4\)"):
        amplitude_adjusted(np.ones((5, 4)), rng=0)
    with pytest.raises(InvalidDesign, match="NaN"):
        amplitude_adjusted(np.full((3, 4, 2), np.nan), rng=0)
    with pytest.raises(InvalidDesign, match="no variance"):
        amplitude_adjusted(np.ones((3, 4, 2)), rng=0)
