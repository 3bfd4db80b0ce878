"""Pseudo-populations: pairing by class, without reuse, without covariance."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from homologue import recording
from homologue._errors import InvalidRecording


def session(number: int, trials: dict[str, int], lags: int = 1, units: int = 2) -> xr.DataArray:
    """Return activity that spells session, trial and lag, so that every pair can be read off."""
    label = np.repeat(list(trials), list(trials.values()))
    trial = np.repeat(np.arange(label.size), lags)
    lag = np.tile(np.arange(lags) / 10, label.size)
    value = number * 1e4 + trial * 10.0 + np.tile(np.arange(lags), label.size)
    order = np.random.default_rng(number).permutation(trial.size)
    variables: dict[str, object] = {"class": label[trial][order]}
    if lags > 1:
        variables["lag"] = lag[order]
    return recording.make(
        np.repeat(value[order, None], units, axis=1),
        group=trial[order],
        variables=variables,
        kind="brain",
        system=f"day{number}",
        family="one animal",
        licence="MIT",
    )


def test_trials_of_one_class_are_paired_lag_by_lag_and_used_once() -> None:
    sessions = [
        session(0, {"cat": 4, "dog": 3}, lags=3),
        session(1, {"dog": 5, "cat": 6}, lags=3, units=1),
    ]
    pooled = recording.pool(sessions, "class", rng=0)
    assert pooled.sizes == {"sample": 2 * 3 * 3, "unit": 3}
    assert pooled["unit"].values.tolist() == ["day0/0", "day0/1", "day1/0"]
    assert pooled["session"].values.tolist() == ["day0", "day0", "day1"]
    assert pooled.attrs["simultaneous"] == 0
    assert pooled.attrs["licence"] == "MIT"
    assert pooled.attrs["family"] == "one animal"
    label = recording.labels(pooled, "class")
    truth = [{"cat": range(4), "dog": range(4, 7)}, {"dog": range(5), "cat": range(5, 11)}]
    for number, column in ((0, 0), (1, 2)):
        values = pooled.values[:, column] - number * 1e4
        trial, lag = np.divmod(values, 10)
        np.testing.assert_array_equal(lag / 10, pooled["lag"].values)
        for name in ("cat", "dog"):
            used = trial[(label == name) & (lag == 0)]
            assert np.unique(used).size == 3
            assert set(used) <= set(truth[number][name])
    # One pseudo-trial holds one trial of each session.
    for group in np.unique(pooled["group"]):
        part = pooled.values[pooled["group"].values == group]
        assert np.unique(part[:, 0] // 10).size == 1


def test_the_pairing_is_random_and_reproducible() -> None:
    sessions = [session(n, {"cat": 30, "dog": 30}) for n in range(2)]
    first = recording.pool(sessions, "class", rng=0)
    xr.testing.assert_identical(first, recording.pool(sessions, "class", rng=0))
    other = recording.pool(sessions, "class", rng=1)
    assert (first.values != other.values).any()
    # Trials that went together in the sessions do not go together here.
    same = first.values[:, 0] == first.values[:, 2] - 1e4
    assert same.mean() < 0.2


def test_pooling_destroys_noise_correlation_and_keeps_tuning() -> None:
    rng = np.random.default_rng(3)
    label = np.tile([0, 1], 400)
    shared = rng.normal(size=800)
    days = [
        recording.make(
            (label + shared)[:, None] + rng.normal(size=(800, 1)) * 0.1,
            variables={"x": label}, system=f"day{n}",
        )
        for n in range(2)
    ]  # fmt: skip
    together = np.corrcoef((days[0].values - label[:, None])[:, 0], (days[1].values[:, 0] - label))
    pooled = recording.pool(days, "x", rng=0)
    x = pooled["x"].values
    residual = pooled.values - x[:, None]
    assert together[0, 1] > 0.95
    assert abs(np.corrcoef(residual.T)[0, 1]) < 4 / np.sqrt(800)
    effect = pooled.values[x == 1].mean(0) - pooled.values[x == 0].mean(0)
    np.testing.assert_allclose(effect, 1, atol=0.2)


def test_classes_that_a_session_lacks_are_left_out_and_counted() -> None:
    sessions = [session(0, {"cat": 2, "dog": 2, "eel": 2}), session(1, {"cat": 2, "dog": 2})]
    pooled = recording.pool(sessions, "class", rng=0)
    assert set(recording.labels(pooled, "class")) == {"cat", "dog"}
    assert pooled.attrs["classes_left_out"] == 1


def test_sessions_of_one_name_are_numbered() -> None:
    sessions = [session(0, {"cat": 2, "dog": 2}) for _ in range(2)]
    sessions[1] = sessions[1] + 1
    pooled = recording.pool(sessions, "class", rng=0, groups=1)
    assert pooled["unit"].values.tolist() == ["0:day0/0", "0:day0/1", "1:day0/0", "1:day0/1"]
    assert pooled.sizes["sample"] == 2


def test_refusals() -> None:
    one = session(0, {"cat": 4, "dog": 3})
    with pytest.raises(InvalidRecording, match="at least two sessions; given 1"):
        recording.pool([one], "class", rng=0)
    with pytest.raises(InvalidRecording, match="given twice"):
        recording.pool([one, one], "class", rng=0)
    with pytest.raises(InvalidRecording, match="1 classes of 'class' in common"):
        recording.pool([one, session(1, {"cat": 3, "eel": 3})], "class", rng=0)
    with pytest.raises(InvalidRecording, match="poorest session and class has 3"):
        recording.pool([one, session(1, {"cat": 9, "dog": 9})], "class", rng=0, groups=4)
    with pytest.raises(InvalidRecording, match="samples a trial"):
        recording.pool([one, session(1, {"cat": 3, "dog": 3}, lags=2)], "class", rng=0)
    shifted = session(1, {"cat": 3, "dog": 3}, lags=2)
    with pytest.raises(InvalidRecording, match="different lags"):
        recording.pool(
            [
                session(0, {"cat": 3, "dog": 3}, lags=2),
                shifted.assign_coords(lag=shifted["lag"] + 0.01),
            ],
            "class",
            rng=0,
        )
    uneven = one.assign_coords(group=("sample", [0, 0, 1, 2, 3, 4, 5]))
    with pytest.raises(InvalidRecording, match="1 to 2 samples"):
        recording.pool([uneven, one], "class", rng=0)
    mixed = recording.make(np.ones((4, 1)), group=[0, 0, 1, 1], variables={"class": list("abab")})
    with pytest.raises(InvalidRecording, match="no 'lag' to pair them"):
        recording.pool([mixed, one], "class", rng=0)
    mixed = mixed.assign_coords(lag=("sample", [0.0, 0.1, 0.0, 0.1]))
    with pytest.raises(InvalidRecording, match="changes within groups"):
        recording.pool([mixed, one], "class", rng=0)
