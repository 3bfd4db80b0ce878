"""The permutation engine: closed forms, a plain loop as oracle, and what must not matter."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from threadpoolctl import threadpool_info, threadpool_limits

from homologue._errors import HomologueError, InvalidDesign, InvalidRecording
from homologue.inference import _backend as backend_module
from homologue.inference import exchangeability, permutation_null, permutation_test, score

EPS = 8 * np.finfo(np.float64).eps
FIELDS = ("observed", "null_mean", "null_std", "exceedances", "p", "p_family", "null_largest")
STATISTICS = ("share", "contrast", "largest contrast", "chosen contrast")


def world(seed, *, n=36, units=9, classes=4, draws=60, kind="normal"):
    rng = np.random.default_rng(seed)
    activity = {
        "normal": lambda: rng.standard_normal((n, units)),
        "counts": lambda: rng.poisson(2.0, (n, units)).astype(float),
        "tenths": lambda: rng.integers(0, 9, (n, units)) / 10,
        "heavy": lambda: rng.standard_cauchy((n, units)) * 1e6,
    }[kind]()
    label = rng.permutation(np.arange(n) % classes)
    activity[:, 0] += label
    index = rng.permuted(np.tile(np.arange(n), (draws, 1)), axis=1)
    chosen = rng.integers(0, classes, units), rng.choice([-1, 1], units)
    return activity, label, index, chosen


def plain(activity, label, index, *, statistic, scores, chosen, tail):
    """Return the same with loops over draws and units, written from the textbook formulas."""
    units = activity.shape[1]
    classes = np.unique(label)

    def one(values, labels, unit):
        x = stats.rankdata(values) if scores == "ranks" else values
        inside = [labels == c for c in classes]
        between = sum(m.sum() * (x[m].mean() - x.mean()) ** 2 for m in inside)
        if statistic == "share":
            return [between / ((x - x.mean()) ** 2).sum()]
        if scores == "ranks":
            each = [
                2 * stats.mannwhitneyu(values[m], values[~m], method="asymptotic").statistic
                / (m.sum() * (~m).sum()) - 1
                for m in inside
            ]  # fmt: skip
        else:
            each = [np.corrcoef(x, m)[0, 1] for m in inside]
        if statistic == "contrast":
            return each
        if statistic == "chosen contrast":
            return [each[list(classes).index(chosen[0][unit])] * chosen[1][unit]]
        return [max(np.abs(each)) if tail == "two-sided" else max(each)]

    def all_units(labels):
        return np.array([one(activity[:, u], labels, u) for u in range(units)]).T

    observed = all_units(label)
    null = np.array([all_units(label[i]) for i in index])
    facing = {"upper": lambda x: x, "two-sided": np.abs, "lower": lambda x: -x}[tail]
    slack = EPS * np.abs(observed) + 1e-11  # the loop's own rounding
    reached = facing(null) >= facing(observed) - slack
    squeeze = (lambda x: x) if statistic == "contrast" else (lambda x: x[..., 0, :])
    largest = facing(null).max(axis=(1, 2))
    family = (largest[:, None, None] >= facing(observed) - slack).sum(axis=0)
    return (
        squeeze(observed),
        squeeze(null),
        squeeze((reached.sum(axis=0) + 1) / (len(index) + 1)),
        squeeze((family + 1) / (len(index) + 1)),
    )


@pytest.mark.parametrize("scores", ["ranks", "values"])
@pytest.mark.parametrize(
    ("statistic", "tail"),
    [("share", "upper"), ("contrast", "two-sided"), ("contrast", "lower"),
     ("largest contrast", "two-sided"), ("largest contrast", "upper"),
     ("chosen contrast", "upper")],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["normal", "counts", "tenths"])
def test_equals_a_plain_loop_over_the_same_index_arrays(scores, statistic, tail, kind):
    activity, label, index, chosen = world(1, kind=kind, units=6, draws=19)
    given = chosen if statistic == "chosen contrast" else None
    null = permutation_null(
        score(activity, kind=scores), label, index,
        statistic=statistic, tail=tail, chosen=given, keep_null=True,
    )  # fmt: skip
    options = {"statistic": statistic, "scores": scores, "chosen": chosen, "tail": tail}
    observed, draws, p, family = plain(activity, label, index, **options)
    np.testing.assert_allclose(null.observed, observed, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(null.null, draws, rtol=1e-9, atol=1e-10)
    np.testing.assert_array_equal(null.p, p)
    np.testing.assert_array_equal(null.p_family, family)
    np.testing.assert_allclose(null.null_mean, draws.mean(axis=0), atol=1e-10)
    np.testing.assert_allclose(null.null_std, draws.std(axis=0, ddof=1), atol=1e-10)
    np.testing.assert_allclose(null.null_unit_mean, draws.mean(axis=-1), atol=1e-10)
    np.testing.assert_allclose(null.observed_unit_mean, observed.mean(axis=-1), atol=1e-10)


def test_share_of_ranks_is_the_kruskal_wallis_statistic_over_n_minus_1():
    activity, label, index, _ = world(2, kind="counts")
    null = permutation_null(score(activity), label, index)
    for u in range(activity.shape[1]):
        h = stats.kruskal(*(activity[label == c, u] for c in range(4))).statistic
        assert null.observed[u] == pytest.approx(h / (len(label) - 1), rel=1e-12)


def test_share_of_values_is_eta_squared_of_the_one_way_anova():
    activity, label, index, _ = world(2)
    null = permutation_null(score(activity, kind="values"), label, index)
    n, classes = len(label), 4
    for u in range(activity.shape[1]):
        f = stats.f_oneway(*(activity[label == c, u] for c in range(classes))).statistic
        expected = f * (classes - 1) / (f * (classes - 1) + n - classes)
        assert null.observed[u] == pytest.approx(expected, rel=1e-10)


def test_mean_of_the_null_is_the_exact_one():
    """E[ε²] = (c − 1)/(n − 1) over all relabellings, whatever the ties."""
    rng = np.random.default_rng(0)
    activity = rng.poisson(1.0, (8, 5)).astype(float)
    index = np.array(list(itertools.permutations(range(8))))
    null = permutation_null(score(activity), np.array([0, 0, 0, 1, 1, 2, 2, 2]), index)
    np.testing.assert_allclose(null.null_mean, 2 / 7, rtol=1e-12)


def test_every_draw_tied_with_the_observed_counts():
    """Two of a kind per class: each relabelling that only swaps names reaches the observed."""
    activity = np.array([[0.1, 0.2, 0.3, 0.1, 0.2, 0.3]]).T * np.array([[1.0, np.pi, 1e-9]])
    label = np.array([0, 1, 2, 0, 1, 2])
    names = np.array(list(itertools.permutations(range(3))))
    index = np.concatenate([names, names + 3], axis=1)
    for kind in ("ranks", "values"):
        null = permutation_null(score(activity, kind=kind), label, index)
        np.testing.assert_array_equal(null.exceedances, 6)
        np.testing.assert_array_equal(null.p, 1.0)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(["normal", "counts", "tenths", "heavy"]),
    scores=st.sampled_from(["ranks", "values"]),
    statistic=st.sampled_from(STATISTICS),
    block_bytes=st.integers(300, 5000),
    classes=st.integers(2, 13),
    dtype=st.sampled_from([np.float32, np.float64]),
    device=st.sampled_from(["numpy", "torch"]),
)
def test_p_is_identical_whatever_computes_it(
    *, seed, kind, scores, statistic, block_bytes, classes, dtype, device
):
    activity, label, index, chosen = world(seed, kind=kind, classes=classes)
    activity = activity.astype(np.float32).astype(np.float64)
    order = np.random.default_rng(seed).permutation(activity.shape[1])

    def run(data, selection, **options):
        picked = (chosen[0][selection], chosen[1][selection])
        return permutation_null(
            score(data, kind=scores), label, index, statistic=statistic, keep_null=True,
            chosen=picked if statistic == "chosen contrast" else None, **options,
        )  # fmt: skip

    base = run(activity, np.arange(order.size))
    other = run(activity[:, order].astype(dtype), order, block_bytes=block_bytes, device=device)
    assert np.array_equal(base.p[..., order], other.p)
    assert np.array_equal(base.p_family[..., order], other.p_family)
    assert np.array_equal(base.exceedances[..., order], other.exceedances)
    np.testing.assert_allclose(base.null[..., order], other.null, rtol=0, atol=1e-9)
    np.testing.assert_allclose(base.null_mean[..., order], other.null_mean, rtol=0, atol=1e-9)
    np.testing.assert_allclose(base.null_std[..., order], other.null_std, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scores", ["ranks", "values"])
def test_thread_counts_and_reruns_are_bitwise_equal(scores, monkeypatch):
    monkeypatch.setattr(backend_module, "_THREADS_FROM", 0.0)
    activity, label, index, _ = world(5, n=500, units=300, draws=200)
    runs = []
    for threads in (1, 2, 3, 1):
        with threadpool_limits(threads):
            prepared = score(activity, kind=scores)
            runs.append(permutation_null(prepared, label, index, block_bytes=2**18))
    for name in FIELDS:
        for run in runs[1:]:
            np.testing.assert_array_equal(getattr(run, name), getattr(runs[0], name))


@pytest.mark.parametrize("device", ["numpy", "torch"])
def test_the_users_thread_counts_are_put_back(device, monkeypatch):
    import torch

    monkeypatch.setattr(backend_module, "_THREADS_FROM", 0.0)
    activity, label, index, _ = world(15)
    with threadpool_limits(2, user_api="blas"):
        before = threadpool_info(), torch.get_num_threads()
        permutation_null(score(activity), label, index, device=device, block_bytes=2000)
        assert (threadpool_info(), torch.get_num_threads()) == before
    assert torch.get_float32_matmul_precision() == "highest"


def test_score_types_give_bitwise_the_same():
    activity, label, index, _ = world(6, n=400, units=50, kind="counts")
    for kind in ("ranks", "values"):
        narrow, wide = (score(activity, kind=kind, dtype=t) for t in (np.float32, np.float64))
        assert narrow.values.dtype == np.float32
        first, second = (permutation_null(s, label, index) for s in (narrow, wide))
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_adding_rows_and_dense_products_give_bitwise_the_same(monkeypatch):
    activity, label, index, chosen = world(7, n=60, classes=12)
    results = []
    for limit in (2, 1000):
        monkeypatch.setattr(backend_module, "_SPARSE_FROM", limit)
        results += [
            [permutation_null(score(activity), label, index, statistic=s,
                              chosen=chosen if s == "chosen contrast" else None)
             for s in STATISTICS]
        ]  # fmt: skip
    for sparse, dense in zip(*results, strict=True):
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(sparse, name), getattr(dense, name))


@pytest.mark.parametrize("scores", ["ranks", "values"])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_moving_whole_groups_equals_moving_their_samples(scores, statistic):
    """Groups of unequal size: class sizes differ from draw to draw."""
    rng = np.random.default_rng(8)
    group = np.repeat(rng.permutation(15) * 3, rng.integers(1, 6, 15))
    of_group = rng.permutation(np.arange(15) % 3)
    _, code = np.unique(group, return_inverse=True)
    label = of_group[code]
    activity = rng.standard_normal((group.size, 5))
    index = rng.permuted(np.tile(np.arange(15), (25, 1)), axis=1)
    first = np.array([np.flatnonzero(code == g)[0] for g in range(15)])
    chosen = (rng.integers(0, 3, 5), rng.choice([-1, 1], 5))
    options = {"statistic": statistic, "keep_null": True}
    options["chosen"] = chosen if statistic == "chosen contrast" else None
    prepared = score(activity, kind=scores)
    by_group = permutation_null(prepared, label, index, group=group, **options)
    by_sample = permutation_null(prepared, label, first[index][:, code], **options)
    np.testing.assert_array_equal(by_group.null, by_sample.null)
    np.testing.assert_array_equal(by_group.p, by_sample.p)
    options = {"statistic": statistic, "scores": scores, "chosen": chosen, "tail": by_group.tail}
    observed, null, p, _ = plain(activity, label, first[index][:, code], **options)
    np.testing.assert_allclose(by_group.null, null, rtol=1e-9, atol=1e-10)
    np.testing.assert_array_equal(by_group.p, p)
    np.testing.assert_allclose(by_group.observed, observed, rtol=1e-9, atol=1e-10)


def test_the_design_chooses_the_relabelling():
    rng = np.random.default_rng(9)
    group = np.repeat(np.arange(20), 4)
    label = np.repeat(np.arange(20) % 2, 4)
    activity = rng.standard_normal((80, 6)) + rng.standard_normal((20, 6))[group] * 3
    design = exchangeability(label, group)
    found = permutation_test(activity, label, design, rng=3, permutations=150)
    index = design.draw(150, np.random.default_rng(3))
    expected = permutation_null(score(activity), label, index)
    np.testing.assert_array_equal(found.p, expected.p)
    again = permutation_test(activity, label, design, rng=3, permutations=150)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(found, name), getattr(again, name))


def test_planted_units_are_found_and_their_class_and_sign():
    rng = np.random.default_rng(10)
    label = np.repeat(np.arange(5), 30)
    activity = rng.standard_normal((150, 40))
    activity[label == 3, :5] += 1.5
    activity[label == 1, 5:10] -= 1.5
    design = exchangeability(label, np.arange(150))
    share = permutation_test(activity, label, design, rng=0, permutations=499)
    assert (share.p_family[:10] <= 0.05).all()
    assert (share.p_family[10:] > 0.05).sum() >= 28
    contrast = permutation_test(
        activity, label, design, rng=0, permutations=499, statistic="contrast"
    )
    assert (np.abs(contrast.observed[:, :10]).argmax(axis=0) == [3] * 5 + [1] * 5).all()
    assert (contrast.observed[3, :5] > 0.4).all()
    assert (contrast.observed[1, 5:10] < -0.4).all()
    assert share.p.min() == 1 / 500


def test_constant_units_and_units_with_nan_are_kept_but_not_tested():
    activity, label, index, _ = world(11)
    alone = permutation_null(score(activity[:, 2:]), label, index)
    activity[:, 0] = 3.0
    activity[4, 1] = np.nan
    null = permutation_null(score(activity), label, index, keep_null=True)
    assert np.array_equal(null.tested, [False, False] + [True] * 7)
    for name in ("observed", "p", "p_family", "null_mean", "null_std"):
        assert np.isnan(getattr(null, name)[:2]).all()
        np.testing.assert_array_equal(getattr(null, name)[2:], getattr(alone, name))
    assert (null.exceedances[:2] == -1).all()
    assert np.isnan(null.null[:, :2]).all()
    np.testing.assert_array_equal(null.null_largest, alone.null_largest)


def test_nothing_to_test_gives_nan_throughout():
    null = permutation_null(
        score(np.ones((6, 2))), np.array([0, 0, 0, 1, 1, 1]), np.tile(np.arange(6), (4, 1))
    )
    assert np.isnan(null.p).all()
    assert np.isnan(null.null_largest).all()
    assert np.isnan(null.observed_unit_mean)


@pytest.mark.parametrize(
    ("scale", "shift"), [(1e-200, 0.0), (1e200, 0.0), (1.0, 1e6), (-1e-3, 5.0)]
)
def test_units_of_measure_do_not_matter(scale, shift):
    activity, label, index, _ = world(12)
    base = permutation_null(score(activity, kind="values"), label, index)
    moved = permutation_null(score(activity * scale + shift, kind="values"), label, index)
    np.testing.assert_allclose(moved.observed, base.observed, rtol=1e-7)
    np.testing.assert_array_equal(moved.p, base.p)


def test_sums_stay_exact_where_float32_would_not_be():
    rng = np.random.default_rng(13)
    activity = rng.standard_normal((20_000, 3))
    label = np.arange(20_000) % 2
    index = rng.permuted(np.tile(np.arange(20_000), (5, 1)), axis=1)
    prepared = score(activity)
    assert prepared.values.dtype == np.float64
    null = permutation_null(prepared, label, index, statistic="contrast", keep_null=True)
    for d, u in itertools.product(range(5), range(3)):
        mask = label[index[d]] == 1
        whole = int(prepared.values[mask, u].astype(np.int64).sum())
        assert null.null[d, 1, u] == whole * (1 / (10_000 * 10_000))


def test_bad_input_is_refused_with_what_to_do():
    activity, label, index, chosen = world(14)
    prepared = score(activity)
    with pytest.raises(InvalidRecording, match="Inf"):
        score(np.array([[1.0, np.inf], [2.0, 3.0], [np.nan, 3.0]]))
    with pytest.raises(InvalidRecording, match="Inf"):
        score(np.array([[1.0], [np.inf], [np.nan]]))
    with pytest.raises(InvalidRecording, match="at least 2 samples"):
        score(np.ones((1, 4)))
    with pytest.raises(HomologueError, match="not exact in float32"):
        score(activity, kind="values", dtype=np.float32)
    with pytest.raises(HomologueError, match="'ranks' or 'values'"):
        score(activity, kind="rank")
    with pytest.raises(InvalidDesign, match="one label per sample"):
        permutation_null(prepared, label[:-1], index)
    with pytest.raises(InvalidDesign, match="one condition only"):
        permutation_null(prepared, np.zeros_like(label), index)
    with pytest.raises(InvalidDesign, match="one column per sample"):
        permutation_null(prepared, label, index[:, :-1])
    with pytest.raises(InvalidDesign, match="points at rows"):
        permutation_null(prepared, label, index + 1)
    with pytest.raises(InvalidDesign, match="varies within groups"):
        permutation_null(prepared, label, index[:, :6], group=np.arange(36) // 6)
    with pytest.raises(HomologueError, match="statistic is one of"):
        permutation_null(prepared, label, index, statistic="anova")
    with pytest.raises(HomologueError, match="tail is"):
        permutation_null(prepared, label, index, tail="left")
    with pytest.raises(HomologueError, match="no lower tail"):
        permutation_null(prepared, label, index, statistic="largest contrast", tail="lower")
    with pytest.raises(HomologueError, match="go together"):
        permutation_null(prepared, label, index, statistic="chosen contrast")
    with pytest.raises(HomologueError, match="one class and one sign per unit"):
        permutation_null(
            prepared, label, index, statistic="chosen contrast",
            chosen=(chosen[0][:2], chosen[1][:2]),
        )  # fmt: skip
    with pytest.raises(HomologueError, match="signs are"):
        permutation_null(
            prepared, label, index, statistic="chosen contrast", chosen=(chosen[0], chosen[1] * 2)
        )
    with pytest.raises(HomologueError, match="cannot hold float64"):
        permutation_null(prepared, label, index, device="cuda:7")
