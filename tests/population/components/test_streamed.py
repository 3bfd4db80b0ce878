"""Streamed components and scaling: scikit-learn as oracle, stores, blocks, outliers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from homologue import recording
from homologue._errors import HomologueError, InvalidDesign, InvalidRecording
from homologue.population import outlier_dimensions, principal_components, project, scale
from homologue.recording import make


def table(seed=0, n=120, units=9):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 3)) @ rng.standard_normal((3, units)) + rng.standard_normal(
        (n, units)
    )


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), n=st.integers(3, 40), units=st.integers(1, 12))
def test_equals_scikit_learn(seed, n, units):
    activity = table(seed, n, units) + 100
    rec = make(activity)
    found = principal_components(rec, standardised=False)
    oracle = PCA().fit(activity)
    kept = min(n - 1, units)
    np.testing.assert_allclose(
        found.share[:kept], oracle.explained_variance_ratio_[:kept], atol=1e-9
    )
    scores = project(rec, found).values[:, :kept]
    np.testing.assert_allclose(
        np.abs(scores), np.abs(oracle.transform(activity)[:, :kept]), atol=1e-6
    )


def test_a_store_read_in_blocks_gives_the_same(tmp_path, monkeypatch):
    rec = make(table(1, 500, 12).astype(np.float32), group=np.arange(500) // 5)
    recording.save(rec, tmp_path / "rec.zarr")
    monkeypatch.setattr("homologue.recording._blocks.blocks.__defaults__", (4 * 12 * 64,))
    stored = principal_components(str(tmp_path / "rec.zarr"))
    whole = principal_components(rec)
    np.testing.assert_allclose(stored.eigenvalue, whole.eigenvalue, rtol=1e-6)
    np.testing.assert_allclose(stored.loading, whole.loading, atol=1e-5)
    scores = project(recording.open(tmp_path / "rec.zarr"), stored)
    np.testing.assert_allclose(scores, project(rec, whole), atol=1e-4)
    assert recording.validate(scores).sizes["unit"] == 12


def test_standardising_is_the_correlation_and_constant_units_have_no_loading():
    activity = table() * 10.0 ** np.arange(9)
    activity[:, 4] = 7.0
    found = principal_components(make(activity))
    varying = np.delete(activity, 4, axis=1)
    expected = np.linalg.eigvalsh(np.corrcoef(varying.T))[::-1]
    np.testing.assert_allclose(found.eigenvalue[:8], expected, rtol=1e-9)
    assert float(np.abs(found.loading[:8, 4]).max()) < 1e-12
    assert found.attrs["n_constant"] == 1


def test_units_in_another_order_are_projected_alike():
    rec = make(table())
    found = principal_components(rec)
    other = rec.isel(unit=slice(None, None, -1))
    np.testing.assert_allclose(project(other, found), project(rec, found))
    with pytest.raises(InvalidDesign, match="not the same"):
        project(rec.isel(unit=slice(3)), found)


def test_refusals_teach():
    with pytest.raises(InvalidDesign, match="not recorded simultaneously"):
        principal_components(make(table(), simultaneous=False))
    with pytest.raises(InvalidDesign, match="no unit varies"):
        principal_components(make(np.zeros((5, 3))))
    broken = table()
    broken[3, 3] = np.nan
    with pytest.raises(InvalidRecording, match="NaN"):
        principal_components(make(broken))


class TestOutliers:
    def test_planted_ones_are_found_within_their_site(self):
        activity = np.random.default_rng(0).standard_normal((200, 40))
        activity[:, 20:] *= 30  # another site, louder as a whole
        activity[:, 3] *= 40
        activity[:, 30] += 900
        rec = make(activity, site=["quiet"] * 20 + ["loud"] * 20)
        found = outlier_dimensions(rec)
        assert np.flatnonzero(found.outlier).tolist() == [3, 30]
        assert float(found.share[3]) > 0.95
        scaled = scale(rec)
        np.testing.assert_allclose(scaled.values.std(axis=0), 1)
        assert scaled.attrs["outliers"] == "3, 30"
        assert scale(rec, drop_outliers=True).sizes["unit"] == 38

    def test_heavy_tails_of_equal_size_have_none(self):
        activity = np.random.default_rng(0).standard_t(3, size=(300, 100))
        assert int(outlier_dimensions(make(activity)).n_outliers) == 0

    def test_scaling_twice_is_scaling_once_and_keeps_float32(self):
        rec = make((table() * 100 + 7).astype(np.float32))
        once = scale(rec)
        assert once.dtype == np.float32
        np.testing.assert_allclose(scale(once), once, atol=1e-5)

    def test_refusals_teach(self):
        with pytest.raises(HomologueError, match="ratio > 1"):
            outlier_dimensions(make(table()), ratio=0.5)
        with pytest.raises(InvalidDesign, match="no unit varies"):
            scale(make(np.ones((4, 2))))
