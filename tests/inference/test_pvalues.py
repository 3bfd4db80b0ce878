"""p and q values: against definitions, SciPy, and measured error rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from homologue._errors import HomologueError
from homologue.inference import (
    benjamini_hochberg,
    benjamini_yekutieli,
    max_t,
    p_value,
    permutation_null,
    score,
    sequential_p_value,
)


def test_add_one_and_never_below_one_over_draws_plus_one():
    null = np.arange(99.0)
    assert p_value(1e9, null) == 0.01
    assert p_value(-1.0, null) == 1.0
    assert p_value(90.0, null) == (9 + 1) / 100
    assert p_value(90.0, null, tail="lower") == (91 + 1) / 100
    assert p_value(-98.0, null, tail="two-sided") == (1 + 1) / 100


def test_values_that_differ_in_the_last_bits_are_ties():
    third = 0.1 + 0.2
    assert third > 0.3
    assert p_value(third, np.full(19, 0.3)) == 1.0
    assert p_value(-third, np.full(19, -0.3), tail="lower") == 1.0
    assert p_value(0.3 * (1 + 1e-14), np.full(19, 0.3)) == 0.05


def test_nan_gives_nan_and_only_there():
    null = np.zeros((9, 3))
    null[4, 1] = np.nan
    p = p_value(np.array([1.0, 1.0, np.nan]), null)
    assert p[0] == 0.1
    assert np.isnan(p[1:]).all()


def test_max_t_is_the_p_value_of_the_maximum():
    rng = np.random.default_rng(0)
    observed, null = rng.standard_normal(20), rng.standard_normal((99, 20))
    for tail, largest in (("upper", null.max(1)), ("two-sided", np.abs(null).max(1))):
        side = observed if tail == "upper" else np.abs(observed)
        expected = [(1 + (largest >= x).sum()) / 100 for x in side]
        np.testing.assert_array_equal(max_t(observed, null, tail=tail), expected)
    observed[3] = np.nan
    null[:, 3] = 1e9  # what is not tested does not raise the bar
    assert np.isnan(max_t(observed, null)[3])
    assert np.nanmin(max_t(observed, null)) < 1


def test_the_engine_streams_the_same_p_and_max_t():
    rng = np.random.default_rng(1)
    activity = rng.standard_normal((30, 12))
    label = np.arange(30) % 3
    index = rng.permuted(np.tile(np.arange(30), (99, 1)), axis=1)
    for statistic, tail in (("share", "upper"), ("contrast", "two-sided")):
        null = permutation_null(score(activity), label, index, statistic=statistic, keep_null=True)
        np.testing.assert_array_equal(null.p, p_value(null.observed, null.null, tail=tail))
        np.testing.assert_array_equal(null.p_family, max_t(null.observed, null.null, tail=tail))


def naive_step_up(p, factor=1.0):
    q = []
    for one in p:
        rejected = [np.sum(p <= x) for x in p]
        q.append(min([1.0] + [x * len(p) * factor / k
                              for x, k in zip(p, rejected, strict=True) if x >= one]))  # fmt: skip
    return np.array(q)


@settings(deadline=None, max_examples=80)
@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(0.001, 1.0)))
def test_step_up_is_its_definition_and_scipys(p):
    np.testing.assert_allclose(benjamini_hochberg(p), naive_step_up(p), rtol=1e-12)
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p), rtol=1e-12)
    harmonic = (1 / np.arange(1, p.size + 1)).sum()
    np.testing.assert_allclose(benjamini_yekutieli(p), naive_step_up(p, harmonic), rtol=1e-12)
    np.testing.assert_allclose(
        benjamini_yekutieli(p), stats.false_discovery_control(p, method="by"), rtol=1e-12
    )


def test_nan_is_no_member_of_the_family_and_order_and_shape_do_not_matter():
    rng = np.random.default_rng(2)
    p = rng.random(40)
    for adjust in (benjamini_hochberg, benjamini_yekutieli):
        q = adjust(p)
        order = rng.permutation(40)
        np.testing.assert_array_equal(adjust(p[order]), q[order])
        np.testing.assert_array_equal(adjust(p.reshape(5, 8)), q.reshape(5, 8))
        holes = np.insert(p, [0, 7, 40], np.nan)
        np.testing.assert_array_equal(adjust(holes)[~np.isnan(holes)], q)
        assert np.isnan(adjust(holes)[np.isnan(holes)]).all()
        assert (q >= p).all()
        assert np.isnan(adjust(np.full(3, np.nan))).all()
        assert adjust(np.empty(0)).shape == (0,)


def test_sequential_stops_where_besag_and_clifford_say():
    """Against a loop that looks at one draw after the other."""
    rng = np.random.default_rng(3)
    observed = rng.normal(1.0, 1.0, 60)
    observed[5] = np.nan
    null = rng.standard_normal((200, 60))
    for chunk in (1, 7, 64, 500):
        seen = {"done": 0}

        def draw(count, active, seen=seen):
            part = null[seen["done"] : seen["done"] + count][:, active]
            seen["done"] += count
            return part

        found = sequential_p_value(observed, draw, exceedances=4, maximum_draws=200, chunk=chunk)
        for u in range(60):
            if u == 5:
                assert np.isnan(found.p[u])
                assert found.draws[u] == 0
                continue
            hits = np.cumsum(null[:, u] >= observed[u])
            stop = np.flatnonzero(hits == 4)
            length = stop[0] + 1 if stop.size else 200
            expected = 4 / length if stop.size else (hits[-1] + 1) / 201
            assert found.p[u] == expected
            assert found.draws[u] == length


def test_sequential_draws_from_the_engine():
    """Units that never stop get the p of the whole null; the engine sees fewer and fewer units."""
    rng = np.random.default_rng(4)
    label = np.arange(40) % 2
    activity = rng.standard_normal((40, 30))
    activity[:, :3] += 2.0 * label[:, None]
    index = rng.permuted(np.tile(np.arange(40), (300, 1)), axis=1)
    scores = score(activity)
    whole = permutation_null(scores, label, index)
    seen = {"done": 0}

    def draw(count, active):
        rows = index[seen["done"] : seen["done"] + count]
        seen["done"] += count
        part = permutation_null(scores.select(active), label, rows, keep_null=True)
        return part.null[:, active]

    found = sequential_p_value(whole.observed, draw, maximum_draws=300)
    np.testing.assert_array_equal(found.p[:3], whole.p[:3])
    assert (found.draws[:3] == 300).all()
    stopped = found.draws < 300
    assert stopped.sum() > 20
    assert np.abs(found.p - whole.p)[stopped].max() < 0.4


def test_sequential_asks_only_for_units_that_are_still_open():
    asked = []

    def draw(count, active):
        asked.append(active.copy())
        return np.tile(np.where(active == 0, 1.0, -1.0), (count, 1))

    found = sequential_p_value(np.zeros(3), draw, maximum_draws=100, chunk=20)
    assert [a.tolist() for a in asked] == [[0, 1, 2], [1, 2], [1, 2], [1, 2], [1, 2]]
    assert found.p.tolist() == [1.0, 1 / 101, 1 / 101]
    assert found.exceedances.tolist() == [10, 0, 0]


def test_bad_input_is_refused():
    with pytest.raises(HomologueError, match="at least one draw"):
        p_value(1.0, np.empty(0))
    with pytest.raises(HomologueError, match=r"expected \(draws"):
        p_value(np.ones(3), np.ones((9, 4)))
    with pytest.raises(HomologueError, match="tail is"):
        p_value(1.0, np.ones(9), tail="right")
    with pytest.raises(HomologueError, match="expected"):
        max_t(np.ones(3), np.ones((9, 4)))
    with pytest.raises(HomologueError, match="lie in 0"):
        benjamini_hochberg(np.array([0.5, 1.5]))
    with pytest.raises(HomologueError, match="exceedances"):
        sequential_p_value(np.ones(2), lambda c, a: np.ones((c, a.size)), exceedances=0)
    with pytest.raises(HomologueError, match="asked for"):
        sequential_p_value(np.ones(2), lambda c, a: np.ones((c, 5)))
