"""TwoNN: sheets of known dimension within a tenth, paths over them, scikit-learn's neighbours."""

import numpy as np
import pytest
from scipy.signal import lfilter
from sklearn.neighbors import NearestNeighbors

from homologue._errors import InvalidDesign
from homologue.population import intrinsic_dimension
from homologue.population.components._intrinsic import _ratios
from homologue.recording import make


def cube(rng, d, n=2000):
    turn = np.linalg.qr(rng.standard_normal((10, 10)))[0][:d]
    return rng.uniform(size=(n, d)) @ turn


def torus(rng, n=2000):
    angle = rng.uniform(0, 2 * np.pi, (n, 2))
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)


def sphere(rng, n=2000):
    x = rng.standard_normal((n, 3))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("sheet", "d"),
    [(lambda rng: cube(rng, 2), 2), (lambda rng: cube(rng, 5), 5), (torus, 2), (sphere, 2)],
    ids=["square", "cube", "torus", "sphere"],
)
def test_known_dimensions_within_a_tenth(sheet, d):
    found = [
        intrinsic_dimension(make(sheet(np.random.default_rng(seed))), rng=seed, permutations=2)
        for seed in range(3)
    ]
    assert np.mean([float(one.effect) for one in found]) == pytest.approx(d, rel=0.1)
    assert all(float(one.low) < float(one.effect) < float(one.high) for one in found)


def test_ratios_are_those_of_scikit_learns_neighbours():
    points = cube(np.random.default_rng(0), 3, 700)
    log, kept, duplicates = _ratios(points, np.full(700, -1))
    distance = NearestNeighbors(n_neighbors=3).fit(points).kneighbors(points)[0]
    np.testing.assert_allclose(log, np.log(distance[:, 2] / distance[:, 1]), atol=1e-8)
    assert kept.all()
    assert duplicates == 0


def test_a_path_over_a_torus_needs_samples_apart():
    rng = np.random.default_rng(0)
    speed = lfilter([1], [1, -0.95], rng.normal(0, 0.02, (60000, 2)), axis=0)
    angle = np.cumsum(speed, axis=0)
    path = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    rec = make(path, variables={"time": np.arange(60000) * 0.05})
    apart = intrinsic_dimension(rec, rng=0, permutations=2)
    assert float(apart.effect) == pytest.approx(2, rel=0.1)
    assert float(apart.low) < 2 < float(apart.high)
    near = intrinsic_dimension(
        rec.isel(sample=slice(3000)), rng=0, permutations=2, exclusion=0, samples=3000
    )
    assert abs(float(near.effect) - 2) > 0.2


def test_samples_of_one_group_are_no_neighbours():
    rng = np.random.default_rng(0)
    points = np.repeat(torus(rng, 300), 8, axis=0)
    points = points + 1e-4 * rng.standard_normal(points.shape)
    group = np.repeat(np.arange(300), 8)
    assert float(
        intrinsic_dimension(make(points, group=group), rng=0, permutations=2).effect
    ) == pytest.approx(2, rel=0.1)
    blind = intrinsic_dimension(make(points), rng=0, permutations=2)
    assert float(blind.effect) > 3


def test_fewer_than_independent_units_and_invariances():
    activity = torus(np.random.default_rng(1), 500)
    found = intrinsic_dimension(make(activity), rng=0)
    assert float(found.p) == 0.05
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((4, 4)))[0]
    moved = intrinsic_dimension(make(3 * activity @ turn + 5), rng=0, permutations=2)
    assert float(moved.effect) == pytest.approx(float(found.effect), rel=1e-6)


def test_independent_units_pass_at_most_one_in_twenty():
    p = [
        float(
            intrinsic_dimension(
                make(np.random.default_rng(seed).standard_t(4, size=(100, 4))), rng=seed
            ).p
        )
        for seed in range(40)
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 40)


def test_duplicates_are_counted_and_too_few_refused():
    rng = np.random.default_rng(0)
    points = np.concatenate([torus(rng, 200), np.zeros((30, 4))])
    assert int(intrinsic_dimension(make(points), rng=0, permutations=2).n_duplicates) == 30
    with pytest.raises(
        InvalidDesign,
        match=r"^0 samples have two .* duplicates.* more samples",
    ):
        intrinsic_dimension(make(np.zeros((50, 3))), rng=0)
    walk = make(np.cumsum(rng.standard_normal((400, 3)), axis=0),
                variables={"time": np.arange(400.0)})  # fmt: skip
    with pytest.raises(InvalidDesign, match="smaller exclusion"):
        intrinsic_dimension(walk, rng=0)
    with pytest.raises(InvalidDesign, match="not recorded simultaneously"):
        intrinsic_dimension(make(points, simultaneous=False), rng=0)
