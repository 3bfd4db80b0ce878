"""Bins as NumPy has them, edges to the last bit, quantiles bracketed for certain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homologue import recording
from homologue import reducers as R
from homologue._errors import HomologueError

numbers = st.floats(-1e3, 1e3, width=32)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(numbers, numbers), min_size=1, max_size=40),
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9, unique=True),
    st.sampled_from([np.float32, np.float64]),
)
def test_counts_are_numpys(values, edges, dtype):
    values = np.array(values, dtype=dtype)
    # Some edges lie on a value, or right beside one.
    edges = np.sort([*edges, float(values[0, 0]), float(np.nextafter(values[-1, 1], np.inf))])
    found = R.run(recording.make(values), R.Histogram(edges))
    for unit in range(2):
        wanted = np.histogram(values[:, unit].astype(float), bins=edges)[0]
        np.testing.assert_array_equal(found["count"].values[:, unit], wanted)
    total = found["count"].sum("bin") + found["below"] + found["above"]
    np.testing.assert_array_equal(total, found["n"])


def test_more_rows_than_are_sorted_at_a_time():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((20_000, 9)).astype(np.float32)
    edges = np.sort(rng.standard_normal((14, 9)), axis=0)
    found = R.run(recording.make(values), R.Histogram(edges))
    for unit in range(9):
        wanted = np.histogram(values[:, unit].astype(float), bins=edges[:, unit])[0]
        np.testing.assert_array_equal(found["count"].values[:, unit], wanted)


@pytest.mark.parametrize("missing", ["refuse", "skip"])
def test_two_passes_bracket_quantiles_of_any_tail(missing):
    rng = np.random.default_rng(3)
    values = np.stack(
        [
            1e4 + rng.standard_normal(30_000),
            rng.standard_cauchy(30_000),
            np.maximum(rng.standard_normal(30_000), 0),
            np.exp(4 * rng.standard_normal(30_000)),
        ],
        axis=1,
    ).astype(np.float32)
    if missing == "skip":
        values[rng.random(values.shape) < 0.2] = np.nan
    rec = recording.make(values)
    edges = R.quantile_edges(R.run(rec, R.Sample(1_024, rng=0, missing=missing)), bins=64)
    found = R.run(rec, R.Histogram(edges, missing=missing))
    shares = [0.05, 0.25, 0.5, 0.9, 0.99]
    got = R.quantiles(found, shares)
    for unit in range(4):
        own = values[~np.isnan(values[:, unit]), unit].astype(float)
        exact = np.quantile(own, shares, method="inverted_cdf")
        assert np.all(got["low"].values[:, unit] <= exact)
        assert np.all(exact <= got["high"].values[:, unit])
        # Interpolated values are at the right rank, within the width of a bin or two.
        reached = (own[:, None] <= got["value"].values[:, unit]).mean(0)
        middle = np.abs(reached - shares)[:4]
        if unit != 2:
            assert middle.max() < 0.03
        bins = found["count"].values[:, unit] / own.size
        assert unit == 2 or bins.max() < 0.05
    with pytest.raises(HomologueError, match="between 0 and 1"):
        R.quantiles(found, 1.5)


def test_quantiles_beyond_the_edges_and_of_nothing():
    values = np.array([[0.0, np.nan], [1.0, np.nan], [2.0, np.nan], [9.0, np.nan]])
    found = R.run(recording.make(values), R.Histogram([0.5, 2.0, 3.0], missing="skip"))
    got = R.quantiles(found, [0.0, 0.5, 0.75, 1.0])
    assert got["low"].values[:, 0].tolist() == [-np.inf, 0.5, 2.0, 3.0]
    assert got["high"].values[:, 0].tolist() == [0.5, 2.0, 3.0, np.inf]
    assert got["value"].isnull().values[:, 0].tolist() == [True, False, False, True]
    assert got["low"].isnull().values[:, 1].all()
    sample = R.run(recording.make(values), R.Sample(4, rng=0, missing="skip"))
    with pytest.raises(HomologueError, match="nothing was drawn of 1 units"):
        R.quantile_edges(sample)
