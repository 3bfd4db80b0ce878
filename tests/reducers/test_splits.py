"""However a recording is cut, read and merged, the result is that of NumPy on the whole of it."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homologue import recording
from homologue import reducers as R
from homologue.reducers import _arrays, _pass
from homologue.reducers._sample import random_keys

KINDS = ("offset", "heavy", "jump", "rectified", "constant")
EDGES = np.array([-1e4, -1.0, -0.1, 0.0, 0.1, 0.5, 1.0, 3.0, 9_999.9, 1e4, 1e4 + 0.7, 1e6])


def make_values(kind, rng, samples, width, dtype):
    """Activity that a careless sum gets wrong."""
    normal = rng.standard_normal((samples, width))
    values = {
        "offset": 1e4 + normal,
        "heavy": rng.standard_cauchy((samples, width)) * 10,
        # Silent at first: the shift is chosen where the unit will hardly ever be again.
        "jump": np.where(np.arange(samples)[:, None] < 3, 0.0, 1e4 + normal),
        "rectified": np.round(np.maximum(normal, 0), 1),
        "constant": np.full((samples, width), 0.1),
    }[kind]
    return values.astype(dtype)


def make_recording(kind, seed, shape, *, dtype="float32", missing=0.0):
    samples, width = shape
    rng = np.random.default_rng(seed)
    values = make_values(kind, rng, samples, width, dtype)
    values[rng.random(values.shape) < missing] = np.nan
    speed = 1e3 + rng.standard_normal(samples)
    speed[rng.random(samples) < missing] = np.nan
    return recording.make(
        values,
        group=rng.integers(0, 9, samples),
        variables={
            "concept": recording.variable(
                rng.integers(-1, 3, samples), categories=["cat", "dog", "saw"]
            ),
            "speed": speed,
            "angle": recording.variable(rng.uniform(0, 2 * np.pi, samples), period=2 * np.pi),
        },
    )


def all_reducers(missing):
    return {
        "counts": R.Counts(above=(0.0, 0.1, 1e4)),
        "moments": R.Moments(order=4, missing=missing),
        "classes": R.ClassSums("concept", missing=missing),
        "groups": R.ClassSums("group", missing=missing),
        "cross": R.CrossMoments(missing=missing),
        "variables": R.VariableMoments(("speed", "angle"), missing=missing),
        "top": R.TopK(5, missing=missing),
        "bottom": R.TopK(3, largest=False, missing=missing),
        "histogram": R.Histogram(EDGES, missing=missing),
        "sample": R.Sample(7, rng=3, missing=missing),
    }


@st.composite
def plans(draw):
    """A recording, a way to cut it, and a tree that merges the parts."""
    samples = draw(st.integers(1, 160))
    cuts = draw(st.lists(st.integers(0, samples), max_size=5))
    borders = sorted({0, samples, *cuts})
    return {
        "kind": draw(st.sampled_from(KINDS)),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "samples": samples,
        "width": draw(st.integers(1, 6)),
        "dtype": draw(st.sampled_from(["float32", "float64"])),
        "missing": draw(st.sampled_from([0.0, 0.0, 0.2, 0.8])),
        "parts": list(itertools.pairwise(borders)),
        "order": draw(st.randoms(use_true_random=False)),
        "block_bytes": draw(st.integers(1, 4000)),
        "tile_bytes": draw(st.integers(1, 4000)),
    }


def merged(passes, random):
    """Merge two passes at random until one is left."""
    passes = list(passes)
    while len(passes) > 1:
        first = passes.pop(random.randrange(len(passes)))
        second = passes.pop(random.randrange(len(passes)))
        passes.append(first.merge(second))
    return passes[0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans())
def test_any_split_block_and_merge(plan):
    rec = make_recording(
        plan["kind"],
        plan["seed"],
        (plan["samples"], plan["width"]),
        dtype=plan["dtype"],
        missing=plan["missing"],
    )
    missing = "skip" if plan["missing"] else "refuse"
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(_pass, "_BLOCK_BYTES", plan["block_bytes"]))
        stack.enter_context(mock.patch.object(_arrays, "_TILE_BYTES", plan["tile_bytes"]))
        passes = []
        for start, stop in plan["parts"]:
            one = R.Pass(all_reducers(missing), start=start)
            one.update(rec.isel(sample=slice(start, stop)))
            passes.append(one)
        found = merged(passes, plan["order"])
    assert found.spans == ((0, plan["samples"]),)
    check_all(rec, found.results(), missing)


def check_all(rec, found, missing):
    """Compare every result with NumPy on the whole array, in long double where it is a sum."""
    values = rec.values.astype(np.longdouble)
    present = ~np.isnan(rec.values)
    check_counts(rec.values, present, found["counts"])
    check_moments(values, present, found["moments"])
    check_classes(values, present, rec["concept"].values, found["classes"], 3)
    codes = rec["group"].values
    check_classes(values, present, codes, found["groups"], codes.max() + 1)
    check_cross(values, present, found["cross"])
    angle = rec["angle"].values
    columns = {
        "speed": rec["speed"].values,
        "angle (cosine)": np.cos(angle),
        "angle (sine)": np.sin(angle),
    }
    check_variables(values, present, columns, found["variables"])
    check_top(rec.values, found["top"], 5, 1)
    check_top(rec.values, found["bottom"], 3, -1)
    check_histogram(rec.values, present, found["histogram"])
    check_sample(rec.values, present, found["sample"], missing)


def check_counts(values, present, found):
    np.testing.assert_array_equal(found["n"], present.sum(0))
    np.testing.assert_array_equal(found["missing"], (~present).sum(0))
    for threshold, counted in zip(found["threshold"].values, found["above"].values, strict=True):
        np.testing.assert_array_equal(counted, (values.astype(float) > threshold).sum(0))


def check_moments(values, present, found):
    np.testing.assert_array_equal(found["n"], present.sum(0))
    for unit in range(values.shape[1]):
        own = values[present[:, unit], unit]
        got = {name: float(found[name][unit]) for name in found.data_vars}
        if not own.size:
            assert all(np.isnan(value) for name, value in got.items() if name != "n")
            continue
        mean, variance = own.mean(), own.var()
        if (own == own[0]).all():
            assert got["mean"] == own[0]
            assert got["variance"] == 0
            assert np.isnan(got["skewness"])
            continue
        assert abs(got["mean"] - mean) <= 1e-6 * np.sqrt(variance)
        assert abs(got["variance"] - variance) <= 1e-6 * variance
        scaled = (own - mean) / np.sqrt(variance)
        assert got["skewness"] == pytest.approx(float((scaled**3).mean()), rel=1e-6, abs=1e-6)
        assert got["kurtosis"] == pytest.approx(float((scaled**4).mean() - 3), rel=1e-6, abs=1e-6)


def check_classes(values, present, codes, found, classes):
    assert found.sizes["class"] == classes
    everywhere = np.maximum(present.sum(0), 1)
    centre = np.where(present, values, 0).sum(0) / everywhere
    total = np.where(present, (values - centre) ** 2, 0).sum(0)
    spread = np.sqrt(total / everywhere)
    for code in range(classes):
        mine = (codes == code)[:, None] & present
        n = mine.sum(0)
        np.testing.assert_array_equal(found["count"][code], n)
        sums = np.where(mine, values, 0).sum(0)
        mean = np.divide(sums, n, out=np.full(sums.shape, np.nan, sums.dtype), where=n > 0)
        squares = np.where(mine, (values - np.nan_to_num(mean)) ** 2, 0).sum(0)
        some = n > 0
        gap = np.abs(found["mean"].values[code] - mean)
        assert np.all(gap[some] <= 1e-6 * spread[some])
        assert np.isnan(found["mean"].values[code][~some]).all()
        off = np.abs(found["sum"].values[code] - sums)
        assert np.all(off <= 1e-6 * n * spread + 1e-12 * np.abs(sums))
        off = np.abs(found["sum_of_squares"].values[code] - squares)
        assert np.all(off <= 1e-6 * squares + 1e-12 * total)


def check_cross(values, present, found):
    width = values.shape[1]
    n = np.broadcast_to(found["n"].values, (width, width))
    for i in range(width):
        for j in range(width):
            both = present[:, i] & present[:, j]
            assert n[i, j] == both.sum()
            got = float(found["covariance"][i, j])
            if not both.any():
                assert np.isnan(got)
                continue
            a, b = values[both, i], values[both, j]
            expected = ((a - a.mean()) * (b - b.mean())).mean()
            everything = [values[present[:, u], u].var() for u in (i, j)]
            assert abs(got - expected) <= 1e-6 * np.sqrt(everything[0] * everything[1])
    np.testing.assert_array_equal(found["covariance"], found["covariance"].values.T)


def check_variables(values, present, columns, found):
    assert found["variable"].values.tolist() == list(columns)
    for name, column in columns.items():
        for unit in range(values.shape[1]):
            both = present[:, unit] & ~np.isnan(column)
            got = found.sel(variable=name).isel(unit=unit)
            assert int(got["n"]) == both.sum()
            if not both.any():
                continue
            a, b = values[both, unit], column[both].astype(np.longdouble)
            covariance = ((a - a.mean()) * (b - b.mean())).mean()
            scale = np.sqrt(values[present[:, unit], unit].var() * np.nanvar(column)) + 1e-300
            assert abs(float(got["covariance"]) - covariance) <= 1e-6 * scale + 1e-14
            if a.std() > 1e-5 * values[present[:, unit], unit].std() and b.std() > 1e-9:
                expected = float(covariance / a.std() / b.std())
                assert float(got["correlation"]) == pytest.approx(expected, abs=1e-6)
            elif (a == a[0]).all():
                assert np.isnan(float(got["correlation"]))


def check_top(values, found, k, sign):
    for unit in range(values.shape[1]):
        own = np.flatnonzero(~np.isnan(values[:, unit]))
        order = own[np.lexsort((own, -sign * values[own, unit]))][:k]
        where = np.full(k, -1)
        where[: order.size] = order
        best = np.full(k, np.nan)
        best[: order.size] = values[order, unit]
        np.testing.assert_array_equal(found["sample"].values[:, unit], where)
        np.testing.assert_array_equal(found["value"].values[:, unit], best)


def check_histogram(values, present, found):
    for unit in range(values.shape[1]):
        own = values[present[:, unit], unit].astype(float)
        np.testing.assert_array_equal(
            found["count"].values[:, unit], np.histogram(own, bins=EDGES)[0]
        )
        assert int(found["below"][unit]) == (own < EDGES[0]).sum()
        assert int(found["above"][unit]) == (own > EDGES[-1]).sum()


def check_sample(values, present, found, missing):
    keys = random_keys(R.Sample(7, rng=3).seed, np.arange(values.shape[0]))
    for unit in range(values.shape[1]):
        own = np.flatnonzero(present[:, unit])
        drawn = own[np.argsort(-keys[own])][:7]
        got = found["sample"].values if missing == "refuse" else found["sample"].values[:, unit]
        assert got[got >= 0].tolist() == drawn.tolist()
        np.testing.assert_array_equal(
            found["value"].values[: drawn.size, unit], values[drawn, unit]
        )
        assert np.isnan(found["value"].values[drawn.size :, unit]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_many_samples_in_small_blocks(kind):
    rec = make_recording(kind, 1, (20_000, 5))
    with mock.patch.object(_pass, "_BLOCK_BYTES", 5 * 4 * 333):
        check_all(rec, R.run(rec, all_reducers("refuse")), "refuse")


def test_unit_that_is_first_recorded_late():
    rec = make_recording("offset", 5, (3_000, 4))
    rec[:2_500, 1] = np.nan
    rec[1_000:, 2] = np.nan
    rec[:, 3] = np.nan
    with mock.patch.object(_pass, "_BLOCK_BYTES", 4 * 4 * 100):
        check_all(rec, R.run(rec, all_reducers("skip")), "skip")
