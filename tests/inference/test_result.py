"""A result without its null, or a bare p, does not come into being."""

import numpy as np
import pytest
import xarray as xr

from homologue._errors import HomologueError
from homologue.inference import result

GOOD = {
    "effect": [0.3, np.nan],
    "null_mean": [0.0, np.nan],
    "null_std": [0.1, np.nan],
    "p": [0.01, np.nan],
    "n": 40,
    "dims": ("unit",),
    "coords": {"unit": ["a", "b"]},
    "attrs": {"method": "label permutation"},
}


def test_all_parts_are_there_and_survive_a_round_trip(tmp_path):
    found = result(**GOOD)
    assert set(found.data_vars) == {
        "effect", "low", "high", "null_mean", "null_std", "p", "q", "n"
    }  # fmt: skip
    assert found.n.values.tolist() == [40, 40]
    assert found.sel(unit="a").p == 0.01
    assert np.isnan(found.q).all()
    found.to_netcdf(tmp_path / "found.nc")
    with xr.open_dataset(tmp_path / "found.nc") as stored:
        xr.testing.assert_identical(stored.load(), found)


def test_the_null_gives_its_own_moments():
    null = np.random.default_rng(0).standard_normal((50, 2))
    found = result(effect=[1.0, 2.0], null=null, n=[3, 4], dims=("unit",), attrs={"method": "m"})
    np.testing.assert_allclose(found.null_mean, null.mean(axis=0))
    np.testing.assert_allclose(found.null_std, null.std(axis=0, ddof=1))
    assert found.null.dims == ("draw", "unit")
    scalar = result(effect=0.4, null=null[:, 0], n=9, attrs={"method": "m"})
    assert scalar.effect.ndim == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"effect": None}, "without its effect"),
        ({"null_mean": None, "null_std": None}, "without its null"),
        ({"null_std": None}, "without its null"),
        ({"attrs": {}}, "name the method"),
        ({"attrs": None}, "name the method"),
        ({"low": [0.1, 0.1]}, "two ends"),
        ({"q": [0.1, 0.1]}, "family"),
        ({"p": [0.0, 0.5]}, "never 0"),
        ({"p": [0.5, 1.1]}, r"lies in \(0, 1\]"),
        ({"p": [0.5, 0.5, 0.5]}, "one value per effect"),
        ({"dims": ()}, "name each axis"),
        ({"null": np.zeros((9, 3))}, r"expected \(draws"),
    ],
)
def test_half_a_result_is_refused(change, message):
    with pytest.raises(HomologueError, match=message):
        result(**{**GOOD, **change})
