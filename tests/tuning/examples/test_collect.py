"""Streaming examples: against a full sort, in any parts, resumed, and shown in context."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from homologue import reducers
from homologue._errors import HomologueError, InvalidRecording, UnknownName
from homologue.recording import make, variable
from homologue.tuning import examples
from homologue.tuning.examples import _collect, _extremes

LETTERS = list("abcdefghi")


def recorded(values, length=50):
    """Texts of equal length, one token a sample."""
    number = np.arange(len(values))
    rng = np.random.default_rng(len(values))
    return make(
        values,
        stimulus=np.array([f"text {i:03d}" for i in number // length]),
        variables={
            "position": number % length,
            "token": variable(rng.integers(0, 9, number.size), categories=LETTERS),
        },
    )


def hard(rng, count, dtype):
    """Values that a threshold does not thin out, and ties."""
    x = rng.standard_normal((count, 7)).astype(dtype)
    x[:, 1] = np.maximum(x[:, 1], 0)
    x[:, 2] = np.arange(count)
    x[:, 3] = 0
    x[:, 4] = -np.arange(count)
    x[:, 5] = np.where(np.arange(count) % 2, -0.0, 0.0)
    return x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cut", [1500, 77, 3])
def test_equal_to_a_full_sort(dtype, cut):
    values = hard(np.random.default_rng(0), 1500, dtype)
    rec = recorded(values)
    parts = [rec[i : i + cut] for i in range(0, 1500, cut)] if cut > 3 else rec[:300]
    seen = values if cut > 3 else values[:300]
    found = examples.collect(parts, top=6, bottom=5, draws=40, rng=0)
    for side, k, sign in (("top", 6, 1), ("bottom", 5, -1)):
        order = np.argsort(-sign * seen, axis=0, kind="stable")[:k]
        np.testing.assert_array_equal(found[f"{side}_sample"], order)
        np.testing.assert_array_equal(found[f"{side}_value"], np.take_along_axis(seen, order, 0))
    drawn = reducers.run(rec[: len(seen)], reducers.Sample(40, rng=0))
    np.testing.assert_array_equal(found["draw_sample"], drawn["sample"])
    np.testing.assert_array_equal(found["draw_value"], drawn["value"])


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 599), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_parts_in_any_order_make_the_same(cuts, shuffle):
    rec = recorded(hard(np.random.default_rng(1), 600, np.float32))
    reducer = examples.Examples(top=4, bottom=3, draws=16, window=3, rng=5)
    edges = sorted({0, 600, *cuts})
    passes = []
    for start, stop in itertools.pairwise(edges):
        passes.append(reducers.Pass(reducer, start=start))
        passes[-1].update(rec[start:stop])
    shuffle.shuffle(passes)
    joined = passes[0]
    for other in passes[1:]:
        joined = joined.merge(other)
    xr.testing.assert_identical(joined.results(), reducers.run(rec, reducer))


def test_units_may_stand_in_any_order():
    rec = recorded(hard(np.random.default_rng(2), 400, np.float32))
    order = np.array([3, 0, 6, 2, 5, 1, 4])
    one = examples.collect(rec, rng=0).isel(unit=order)
    other = examples.collect(rec.isel(unit=order), rng=0)
    xr.testing.assert_identical(one.drop_attrs(), other.drop_attrs())


def test_resumed_from_its_checkpoint(tmp_path):
    rec = recorded(hard(np.random.default_rng(3), 500, np.float32))
    read = []

    def parts(stop):
        for start in range(0, 500, 100):
            if start == stop:
                raise KeyboardInterrupt
            read.append(start)
            yield rec[start : start + 100]

    held = tmp_path / "held.npz"
    reducer = examples.Examples(
        top=4, bottom=3, draws=16, rng=5, context=("stimulus", "position", "token")
    )
    halfway = reducers.Pass(reducer)
    for part in (rec[:100], rec[100:200]):
        halfway.update(part)
    halfway.save(held)
    found = examples.collect(parts(None), top=4, bottom=3, draws=16, rng=5, checkpoint=held)
    xr.testing.assert_identical(found, reducers.run(rec, reducer))
    with pytest.raises(HomologueError, match="other reducers"):
        examples.collect(rec, top=5, bottom=3, draws=16, rng=5, checkpoint=held)


def test_memory_does_not_grow(monkeypatch):
    monkeypatch.setattr(_collect, "_LOG_ROWS", 500)
    reducer = examples.Examples(top=3, bottom=3, draws=8, window=2, context=("stimulus",), rng=0)
    rng, state, sizes = np.random.default_rng(0), reducer.empty(4), []
    for start in range(0, 40_000, 100):
        label = {"stimulus": reducers.Label(np.full(100, start))}
        block = reducers.Block(rng.standard_normal((100, 4)), label, start)
        state = reducer.add(state, block)
        sizes.append(sum(value.nbytes for value in state.values()))
    assert max(sizes[50:]) <= 1.01 * max(sizes[:50])
    found = reducer.result(state)
    wanted = set(found["top_sample"].values.ravel()) | set(found["draw_sample"].values)
    assert wanted <= set(found["row_sample"].values.tolist())


def test_missing_values_are_no_examples():
    values = np.array([[3.0, np.nan], [np.nan, np.nan], [1.0, 5.0], [2.0, np.nan]])
    with pytest.raises(InvalidRecording, match="NaN"):
        examples.collect(make(values), rng=0)
    found = examples.collect(make(values), top=2, bottom=1, missing="skip", rng=0)
    np.testing.assert_array_equal(found["top_sample"], [[0, 2], [3, -1]])
    shown = examples.of(found, 1)
    assert set(shown["value"].values) == {5.0}


def test_one_unit_in_context():
    values = np.random.default_rng(4).standard_normal((1000, 2)).astype(np.float32)
    rec = recorded(values)
    found = examples.collect(rec, top=5, bottom=2, draws=100, window=2, rng=0)
    shown = examples.of(found, "1", quantiles=4, per_quantile=3, random=6, activity=rec)
    assert dict(zip(*np.unique(shown["kind"], return_counts=True), strict=True)) == {
        "top": 5, "bottom": 2, "quantile": 12, "random": 6,
    }  # fmt: skip
    tokens = np.array(LETTERS)[rec["token"].values]
    for i in range(shown.sizes["example"]):
        sample = int(shown["sample"][i])
        assert shown["stimulus"].values[i] == f"text {sample // 50:03d}"
        assert shown["position"].values[i] == sample % 50
        for j, offset in enumerate(shown["offset"].values):
            near = sample + offset
            inside = 0 <= near < 1000 and near // 50 == sample // 50
            assert shown["token"].values[i, j] == (tokens[near] if inside else "")
            activation = shown["activation"].values[i, j]
            assert activation == values[near, 1] if inside else np.isnan(activation)
    band = shown.isel(example=shown["kind"].values == "quantile")
    edge = shown["quantile_edge"].values
    assert (band["value"] >= edge[band["quantile"].values]).all()
    assert (band["value"] <= edge[band["quantile"].values + 1]).all()


def test_few_stimuli_recorded_again_give_the_activation():
    values = np.random.default_rng(5).standard_normal((300, 2)).astype(np.float32)
    rec = recorded(values)
    found = examples.collect(rec, top=1, bottom=0, draws=0, window=2, rng=0)
    again = rec.isel(sample=rec["stimulus"].values == int(values[:, 0].argmax()) // 50)
    one = examples.of(found, "0", activity=again)
    whole = examples.of(found, "0", activity=rec)
    np.testing.assert_array_equal(one["activation"], whole["activation"])
    assert np.isfinite(one["activation"].values).sum() >= 3


def test_without_a_recording_only_the_peak_is_known():
    found = examples.collect(recorded(np.eye(20, dtype=np.float32)), window=1, rng=0)
    shown = examples.of(found, 3)
    np.testing.assert_array_equal(shown["activation"].sel(offset=0), shown["value"])
    assert np.isnan(shown["activation"].sel(offset=1)).all()


def test_pictures_have_places():
    place = np.arange(36)
    rec = make(
        np.random.default_rng(6).random((36, 2)),
        stimulus=np.array(["cat", "cup"])[place // 18],
        variables={"y": place % 18 // 6, "x": place % 6},
    )
    shown = examples.of(examples.collect(rec, top=1, bottom=0, draws=0, rng=0), 0)
    best = int(rec.values[:, 0].argmax())
    assert shown["stimulus"].item() == ["cat", "cup"][best // 18]
    assert (shown["y"].item(), shown["x"].item()) == (best % 18 // 6, best % 6)
    assert "token" not in shown


def test_straight_from_a_network():
    import torch

    from homologue.systems import TorchModel

    torch.manual_seed(0)
    system = TorchModel(torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.ReLU()), name="toy")
    shown = list(np.random.default_rng(7).standard_normal((60, 5)).astype(np.float32))
    whole = examples.collect(system.record(shown, sites="1"), top=3, rng=0)
    streamed = examples.collect(system.blocks(shown, sites="1", batch_size=7), top=3, rng=0)
    np.testing.assert_array_equal(streamed["top_sample"], whole["top_sample"])
    reducer = examples.Examples(top=3, context=("stimulus",), rng=0)
    passed = system.record(shown, sites="1", to=reducers.Pass(reducer))
    np.testing.assert_array_equal(passed.results()["top_sample"], whole["top_sample"])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"top": -1}, HomologueError, "0 or more"),
        ({"top": 0, "bottom": 0, "draws": 0}, HomologueError, "some example"),
        ({"missing": "drop"}, HomologueError, "refuse"),
        ({"context": ["toke"]}, UnknownName, "token"),
    ],
)
def test_bad_input_of_collect(options, error, match):
    with pytest.raises(error, match=match):
        examples.collect(recorded(np.eye(6)), rng=0, **options)


def test_bad_input_of_the_view():
    found = examples.collect(recorded(np.eye(6)), rng=0)
    with pytest.raises(UnknownName, match="no unit"):
        examples.of(found, "x")
    with pytest.raises(UnknownName, match="6 units"):
        examples.of(found, 6)
    with pytest.raises(HomologueError, match="quantiles"):
        examples.of(found, 0, quantiles=0)
    with pytest.raises(UnknownName, match="has no unit"):
        examples.of(found, 0, activity=recorded(np.eye(6)).isel(unit=[2]))
    with pytest.raises(InvalidRecording, match="no parts"):
        examples.collect([], rng=0)
    lag = make(np.eye(3), variables={"lag": [0.1, 0.2, 0.3]})
    with pytest.raises(InvalidRecording, match="whole"):
        examples.collect(lag, context=["lag"], rng=0)


def test_numbers_of_samples_beyond_32_bits_keep_their_order():
    key, sample = np.array([[1.0, 1.0, 2.0]]), np.array([[2**40, 5, 7]])
    assert _extremes.best(key, sample, 2)[1].tolist() == [[7, 5]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_first_block_thins_itself_out(dtype):
    """The first block's own bound leaves ties, signed zeros, missing values and ramps exact."""
    rng = np.random.default_rng(8)
    values = np.tile(hard(rng, 240, dtype), (1, 2))
    values[:, 7:] = rng.integers(-2, 3, (240, 7))
    values[rng.random(values.shape) < 0.3] = np.nan
    values[5:, 9], values[:, 10] = np.nan, -0.0
    for cuts in ([0, 240], [0, 7, 240], [0, 120, 240]):
        parts = [make(values[a:b]) for a, b in itertools.pairwise(cuts)]
        found = examples.collect(parts, top=6, bottom=6, draws=0, missing="skip", rng=0)
        for side, sign in (("top", 1), ("bottom", -1)):
            key = np.where(np.isnan(values), np.inf, -sign * values)
            order = np.argsort(key, axis=0, kind="stable")[:6]
            order[np.isinf(np.take_along_axis(key, order, 0))] = -1
            np.testing.assert_array_equal(found[f"{side}_sample"], order)


def test_a_pass_that_goes_on_asks_for_the_rest_only(tmp_path):
    rec = recorded(hard(np.random.default_rng(3), 500, np.float32))
    asked, held = [], tmp_path / "held.npz"

    def parts(start):
        asked.append(start)
        for begin in range(start, 500, 100):
            yield rec[begin : begin + 100]

    options = {"top": 4, "bottom": 3, "draws": 16, "rng": 5, "checkpoint": held}
    reducer = examples.Examples(
        top=4, bottom=3, draws=16, rng=5, context=("stimulus", "position", "token")
    )
    halfway = reducers.Pass(reducer)
    halfway.update(rec[:230])
    halfway.save(held)
    xr.testing.assert_identical(
        examples.collect(parts, **options), examples.collect(rec, **{**options, "checkpoint": None})
    )
    assert asked == [0, 230]
    held.unlink()
    xr.testing.assert_identical(examples.collect(parts, **options), reducers.run(rec, reducer))
    assert asked == [0, 230, 0]
