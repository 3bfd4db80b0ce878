"""Recordings in and out of pynapple."""

from __future__ import annotations

import numpy as np
import pynapple as nap
import pytest
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError, InvalidRecording, UnknownName


def test_a_recording_comes_back_from_a_frame() -> None:
    rng = np.random.default_rng(0)
    rec = recording.make(
        rng.normal(size=(50, 3)), unit=["a", "b", "c"], site=["CA1", "CA1", "CA3"],
        group=np.zeros(50, int), variables={"time": 5 + np.arange(50) / 10},
        unit_variables={"depth": [1.0, 2.0, 3.0]}, kind="brain", system="s",
    )  # fmt: skip
    frame = recording.to_pynapple(rec)
    assert isinstance(frame, nap.TsdFrame)
    back = recording.from_pynapple(frame, system="s")
    xr.testing.assert_identical(back, rec)


def test_each_interval_of_the_support_is_a_group() -> None:
    support = nap.IntervalSet([0, 10], [5, 15])
    frame = nap.TsdFrame(
        t=np.array([1.0, 2.0, 11.0]), d=np.ones((3, 2)), columns=["p", "q"], time_support=support
    )
    rec = recording.from_pynapple(frame, variables={"x": [1.0, 2.0, 3.0]})
    assert rec["group"].values.tolist() == [0, 0, 1]
    assert rec["unit"].values.tolist() == ["p", "q"]
    assert rec["x"].values.tolist() == [1, 2, 3]
    one = recording.from_pynapple(nap.Tsd(t=[0.0, 1.0], d=[3.0, 4.0]))
    assert one.values.tolist() == [[3.0], [4.0]]


def test_a_tsd_stands_beside_samples() -> None:
    rec = recording.make(np.ones((3, 1)), variables={"time": np.array([0.5, 1.5, 9.0])})
    clock, values = np.array([0.0, 1.0, 2.0]), np.array([350.0, 10.0, 20.0])
    series = xr.DataArray(values, dims="time", coords={"time": clock})
    for options in ({}, {"period": 360}):
        xr.testing.assert_identical(
            recording.attach(rec, "x", nap.Tsd(t=clock, d=values), **options),
            recording.attach(rec, "x", series, **options),
        )
    np.testing.assert_array_equal(
        recording.attach(rec, "x", nap.Tsd(t=clock, d=values))["x"], [180, 15, np.nan]
    )
    frame = nap.TsdFrame(t=clock, d=np.column_stack([values, values]))
    with pytest.raises(InvalidRecording, match=r"given TsdFrame.*frame\[:, 0\] of a pynapple"):
        recording.attach(rec, "x", frame)
    assert recording.attach(rec, "x", frame[:, 0])["x"].values[1] == 15
    with pytest.raises(InvalidRecording, match=r"given ndarray.*coords={'time': seconds}"):
        recording.attach(rec, "x", values)


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRecording, match=r"Spikes\.from_pynapple"):
        recording.from_pynapple(nap.TsGroup({0: nap.Ts([0.0, 1.0])}))
    rec = recording.make(np.ones((3, 1)))
    with pytest.raises(UnknownName, match="'time'"):
        recording.to_pynapple(rec)
    with pytest.raises(InvalidRecording, match="does not ascend"):
        recording.to_pynapple(rec.assign_coords(time=("sample", [0.0, 2.0, 1.0])))
    monkeypatch.setitem(__import__("sys").modules, "pynapple", None)
    with pytest.raises(HomologueError, match="pip install"):
        recording.to_pynapple(rec)
