"""Receptive fields: planted filters, an independent ridge, measured false-positive rates."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter
from sklearn.linear_model import Ridge

from homologue._errors import HomologueError, InvalidDesign, InvalidRecording, UnknownName
from homologue.recording import make, variable
from homologue.tuning import receptive_field
from homologue.tuning.receptive_fields import _exchange


def gabor(size: int = 12) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    wave = np.cos(2 * np.pi * (x * np.cos(0.6) + y * np.sin(0.6)) / 6)
    patch = np.exp(-(x**2 + y**2) / (2 * 2.5**2)) * wave
    return patch / np.linalg.norm(patch)


def slow(count: int, units: int, memory: float, rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal((count + 300, units))
    return lfilter([1.0], [1.0, -memory], noise, axis=0)[300:]


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.ravel(), other.ravel()
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.fixture
def rng():
    return np.random.default_rng(3)


# Closed forms


def test_average_of_spikes_is_the_mean_stimulus_at_spikes(rng):
    stimulus = rng.standard_normal((300, 3))
    counts = rng.poisson(2.0, (300, 2))
    found = receptive_field(make(counts, activity_units="spikes"), stimulus, rng=0, permutations=19)
    for unit in range(2):
        at_spikes = np.repeat(stimulus, counts[:, unit], axis=0)
        by_hand = at_spikes.mean(axis=0) - stimulus.mean(axis=0)
        np.testing.assert_allclose(found.average.values[unit, 0], by_hand, atol=1e-6)


def test_noiseless_linear_unit_is_predicted_perfectly(rng):
    stimulus = rng.standard_normal((200, 4))
    weights = np.array([1.0, -2.0, 0.5, 0.0])
    rec = make((stimulus @ weights)[:, None].astype(np.float64))
    found = receptive_field(rec, stimulus, rng=0, permutations=39, penalty=1e-9)
    assert found.effect.item() == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(found.field.values[0, 0], weights, atol=1e-6)
    assert found.p.item() == pytest.approx(1 / 40)


def test_an_independent_ridge_agrees(rng):
    stimulus = rng.standard_normal((150, 6)) @ rng.standard_normal((6, 6))
    activity = stimulus @ rng.standard_normal((6, 3)) + 5 * rng.standard_normal((150, 3)) + 2
    found = receptive_field(make(activity), stimulus, rng=0, penalty=0.3, permutations=19)
    fold = np.arange(150) % 5
    predicted, held = np.empty_like(activity), np.empty_like(activity)
    for f in range(5):
        train, test = fold != f, fold == f
        centred = stimulus[train] - stimulus[train].mean(axis=0)
        strength = 0.3 * np.linalg.eigvalsh(centred.T @ centred).mean()
        one = Ridge(alpha=strength).fit(stimulus[train], activity[train]).predict(stimulus[test])
        predicted[test] = one - one.mean(axis=0)
        held[test] = activity[test] - activity[test].mean(axis=0)
    expected = [np.corrcoef(predicted[:, u], held[:, u])[0, 1] for u in range(3)]
    np.testing.assert_allclose(found.effect.values, expected, atol=1e-5)
    centred = stimulus - stimulus.mean(axis=0)
    strength = 0.3 * np.linalg.eigvalsh(centred.T @ centred).mean()
    np.testing.assert_allclose(
        found.field.values[:, 0], Ridge(alpha=strength).fit(stimulus, activity).coef_, atol=1e-4
    )


def test_fewer_samples_than_columns(rng):
    stimulus = rng.standard_normal((60, 100))
    drive = stimulus[:, 0] * 3
    found = receptive_field(make(drive[:, None]), stimulus, rng=0, penalty=1.0, permutations=39)
    centred = stimulus - stimulus.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False)[:-1] ** 2
    expected = Ridge(alpha=values.mean()).fit(stimulus, drive).coef_
    np.testing.assert_allclose(found.field.values[0, 0], expected, atol=1e-4)


# Planted truths


@pytest.mark.parametrize("spikes", [True, False])
def test_gabor_is_recovered(rng, spikes):
    truth = gabor()
    noise = rng.standard_normal((3000, 12, 12))
    drive = np.tensordot(noise, truth, 2)
    values = rng.poisson(np.exp(0.7 * drive)) if spikes else drive + rng.standard_normal(3000)
    unrelated = rng.permutation(values)
    found = receptive_field(make(np.stack([values, unrelated], 1)), noise, rng=0, permutations=99)
    assert found.average.dims == ("unit", "lag", "row", "column")
    assert cosine(found.average.values[0, 0], truth) > 0.8
    assert cosine(found.field.values[0, 0], truth) > 0.8
    assert (found.p.values < 0.05).tolist() == [True, False]
    strong = np.abs(truth) > 0.5 * np.abs(truth).max()
    assert (found.average_p.values[0, 0][strong] < 0.05).mean() > 0.9
    assert (found.average_p.values[1] > 0.05).all()
    assert found.low[0] > 0.3
    assert found.low[0] <= found.effect[0] <= found.high[0]


def test_correlated_stimuli_blur_the_average_and_not_the_field(rng):
    truth = gabor()
    smooth = rng.standard_normal((2000, 14, 14))
    smooth = sum(smooth[:, i : i + 12, j : j + 12] for i in range(3) for j in range(3))
    drive = np.tensordot(smooth, truth, 2)
    rec = make((drive + 0.1 * drive.std() * rng.standard_normal(2000))[:, None])
    found = receptive_field(rec, smooth, rng=0, permutations=19)
    assert cosine(found.field.values, truth) > 0.98
    assert cosine(found.average.values, truth) < 0.95


def test_lag_is_found_in_each_stretch(rng):
    sound = rng.standard_normal(1200)
    response = np.zeros(1200)
    for start in (0, 600):  # two sessions: the second's first samples have no past
        response[start + 3 : start + 600] = sound[start : start + 597]
    rec = make(
        response[:, None] + 0.5 * rng.standard_normal((1200, 1)),
        group=np.repeat([0, 1], 600),
        block=np.repeat([0, 1], 600),
        variables={"time": np.tile(np.arange(600) * 0.01, 2), "sound": variable(sound)},
        sampling_interval=0.01,
    )
    found = receptive_field(rec, "sound", rng=0, lags=range(-1, 6), permutations=99)
    assert int(found.lag[found.field.values[0].argmax()]) == 3
    assert found.lag_seconds.values[4] == pytest.approx(0.03)
    assert found.attrs["n_samples"] == 2 * (600 - 6)
    assert found.p.item() == 0.01
    assert "circular shift" in found.attrs["null"]


def test_circular_and_categorical_coordinates(rng):
    angle = rng.uniform(0, 360, 500)
    word = rng.integers(0, 4, 500)
    activity = np.stack([np.cos(np.radians(angle - 90)), (word == 2) * 1.0], axis=1)
    rec = make(
        activity + 0.3 * rng.standard_normal((500, 2)),
        variables={
            "angle": variable(angle, period=360),
            "word": variable(np.array(["a", "b", "c", "d"])[word]),
        },
    )
    turned = receptive_field(rec, "angle", rng=0, permutations=39)
    assert turned.part.values.tolist() == ["cosine", "sine"]
    assert np.degrees(np.arctan2(*turned.field.values[0, 0][::-1])) == pytest.approx(90, abs=5)
    named = receptive_field(rec, "word", rng=0, permutations=39)
    assert str(named["class"][named.field.values[1, 0].argmax()].item()) == "c"
    assert named.p.values[1] < 0.05 < named.p.values[0]


def test_one_row_a_stimulus(rng):
    pictures = rng.standard_normal((40, 5))
    code = rng.integers(0, 40, 200)
    activity = (pictures[code] @ np.arange(5.0))[:, None]
    rec = make(activity, stimulus=code)
    table = xr.DataArray(pictures, dims=("stimulus", "pixel"), coords={"pixel": list("abcde")})
    one = receptive_field(rec, table, rng=0, permutations=19)
    other = receptive_field(rec, pictures[code], rng=0, permutations=19)
    np.testing.assert_array_equal(one.effect, other.effect)
    assert one.field.dims == ("unit", "lag", "pixel")
    with pytest.raises(InvalidRecording, match="numbered 0 to 39; the array holds 20"):
        receptive_field(rec, table[:20], rng=0)


# Noise ceiling


def test_ceiling_bounds_what_repeats_allow(rng):
    pictures = rng.standard_normal((150, 4))
    code = np.tile(np.arange(150), 6)
    repeat = np.repeat(np.arange(6), 150)
    signal = pictures @ [1.0, 1.0, 0, 0]
    noise = rng.standard_normal((900, 3)) * np.array([0.0, np.sqrt(2), 100])
    rec = make(signal[code][:, None] + noise, stimulus=code, group=code * 6 + repeat)
    found = receptive_field(rec, pictures[code], rng=0, permutations=39)
    assert found.ceiling.values[:2] == pytest.approx([1, np.sqrt(2 / 4)], abs=0.06)
    assert found.ceiling.values[2] < 0.3
    assert found.effect.values[1] == pytest.approx(found.ceiling.values[1], abs=0.06)
    alone = receptive_field(rec.isel(sample=slice(0, 150)), pictures, rng=0, permutations=39)
    assert np.isnan(alone.ceiling).all()
    assert "repeated" in alone.ceiling_reason.values[0]


# Measured false-positive rates


def false_positives(kind: str, seeds: int = 12) -> tuple[np.ndarray, np.ndarray]:
    hits, families = [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        options: dict = {"permutations": 99}
        if kind == "slow":
            stimulus = slow(500, 2, 0.8, rng)
            rec = make(
                slow(500, 20, 0.95, rng),
                group=np.zeros(500, int),
                variables={"time": np.arange(500) * 0.1},
            )
            options["lags"] = range(4)
        elif kind == "nested":  # a picture a group, ten samples each, noise shared by the group
            stimulus = rng.standard_normal((30, 4)).repeat(10, axis=0)
            shared = rng.standard_normal((30, 20)).repeat(10, axis=0)
            rec = make(shared + 0.3 * rng.standard_normal((300, 20)), group=np.arange(300) // 10)
        elif kind == "documents":  # tokens: slow activity that falls with the position
            position = np.tile(np.arange(12), 30)
            stimulus = slow(360, 3, 0.5, rng) - position[:, None] / 4
            rec = make(
                slow(360, 20, 0.8, rng) + 5 * np.exp(-position)[:, None],
                group=np.arange(360) // 12,
                variables={"position": position},
            )
            options["lags"] = range(2)
        else:
            stimulus = rng.standard_t(3, (200, 5))
            rec = make(rng.standard_t(1.5, (200, 20)))
        found = receptive_field(rec, stimulus, rng=seed, **options)
        hits.append((found.p.values <= 0.05).mean())
        smallest = found.average_p.values.reshape(20, -1).min(axis=1)
        families.append((smallest <= 0.05).mean())
    return np.array(hits), np.array(families)


@pytest.mark.parametrize("kind", ["slow", "nested", "documents", "tails"])
def test_unrelated_stimuli_predict_nothing(kind):
    for rate in false_positives(kind):
        error = rate.std(ddof=1) / np.sqrt(rate.size)
        assert rate.mean() <= 0.05 + 2 * error
        assert rate.mean() >= 0.01


def test_permuting_samples_of_slow_series_would_fail():
    """The same series without their clock pass far too often: the shift is what holds."""
    hits = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        rec = make(slow(800, 20, 0.95, rng))
        found = receptive_field(rec, slow(800, 1, 0.9, rng)[:, 0], rng=0, permutations=99)
        hits.append((found.average_p.values <= 0.05).mean())
    assert np.mean(hits) > 0.2


# Invariances


def test_units_blocks_and_scale_do_not_matter(rng, monkeypatch):
    stimulus = rng.standard_normal((120, 4))
    rec = make(stimulus @ rng.standard_normal((4, 5)) + 3 * rng.standard_normal((120, 5)))
    found = receptive_field(rec, stimulus, rng=1, permutations=49)
    order = np.array([3, 0, 4, 1, 2])
    moved = receptive_field(rec.isel(unit=order), stimulus, rng=1, permutations=49)
    monkeypatch.setattr(_exchange, "_BLOCK_BYTES", 1)
    small = receptive_field(rec, stimulus, rng=1, permutations=49)
    scaled = receptive_field(rec * 4, stimulus * 8, rng=1, permutations=49)
    for name in ("effect", "p", "null_std", "low", "average_p"):
        whole = found[name].values
        np.testing.assert_allclose(moved[name].values, whole[order], atol=1e-9)
        np.testing.assert_allclose(small[name].values, whole, atol=1e-9)
        np.testing.assert_allclose(scaled[name].values, whole, atol=1e-6)


# Bad input


def test_what_cannot_be_measured_has_a_reason(rng):
    activity = rng.standard_normal((100, 4))
    activity[:, 1] = 0
    activity[:, 2] = 7
    activity[3, 3] = np.nan
    stimulus = rng.standard_normal((100, 2))
    stimulus[10] = np.nan
    found = receptive_field(make(activity), stimulus, rng=0, permutations=19)
    assert found.reason.values.tolist() == [
        "", "no activity", "constant activity", "not recorded in 1 samples"
    ]  # fmt: skip
    assert np.isnan(found.effect.values[1:]).all()
    assert np.isnan(found.field.values[1:]).all()
    assert found.attrs["n_samples"] == 99


def test_refusals(rng):
    rec = make(rng.standard_normal((50, 2)))
    x = rng.standard_normal((50, 3))
    with pytest.raises(InvalidRecording, match="first axis is theirs"):
        receptive_field(rec, x[:40], rng=0)
    with pytest.raises(InvalidDesign, match="neither `time` nor `position`"):
        receptive_field(rec, x, rng=0, lags=(0, 1))
    with pytest.raises(InvalidDesign, match="never changes"):
        receptive_field(rec, np.ones((50, 3)), rng=0)
    with pytest.raises(InvalidRecording, match="Inf"):
        receptive_field(rec, np.where(x > 2, np.inf, x), rng=0)
    with pytest.raises(HomologueError, match="penalty"):
        receptive_field(rec, x, rng=0, penalty=-1)
    with pytest.raises(HomologueError, match="folds"):
        receptive_field(rec, x, rng=0, folds=1)
    with pytest.raises(HomologueError, match="whole numbers"):
        receptive_field(rec, x, rng=0, lags=(0.5,))
    with pytest.raises(HomologueError, match="stands once"):
        receptive_field(rec, x, rng=0, lags=(0, 0))
    with pytest.raises(UnknownName, match="sound"):
        receptive_field(rec, "sound", rng=0)
    with pytest.raises(InvalidRecording, match="'sample', or 'stimulus'"):
        receptive_field(rec, xr.DataArray(x, dims=("picture", "pixel")), rng=0)
    with pytest.raises(InvalidDesign, match="groups to hold out"):
        receptive_field(make(x, group=np.zeros(50, int)), x, rng=0)
    with pytest.raises(InvalidDesign, match="distinct arrangements"):
        receptive_field(make(x, group=np.repeat([0, 1], 25)), np.repeat([0.0, 1], 25), rng=0)
