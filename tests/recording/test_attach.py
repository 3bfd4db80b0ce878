"""Time series beside samples: linear, circular, with gaps."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from homologue import recording
from homologue._errors import InvalidRecording


def at(time: list[float]) -> xr.DataArray:
    return recording.make(np.ones((len(time), 1)), variables={"time": np.array(time)})


def series(time: list[float], values: list[float], **attrs: object) -> xr.DataArray:
    return xr.DataArray(values, dims="time", coords={"time": time}, attrs=attrs)


def test_unequal_sampling_is_interpolated_and_gaps_are_not() -> None:
    x = series([0.0, 1.0, 1.5, 2.0, 20.0, 21.0], [0, 10, 20, 20, 0, 1], units="cm")
    rec = recording.attach(at([0.25, 1.25, 1.5, 10.0, 20.5, 30.0, -1.0]), "x", x)
    nan = np.nan
    np.testing.assert_allclose(rec["x"], [2.5, 15, 20, nan, 0.5, nan, nan])
    assert rec["x"].attrs == {"label_source": "measured", "units": "cm"}
    wide = recording.attach(at([11.0]), "x", x, max_gap=18)
    np.testing.assert_allclose(wide["x"], 10)


def test_a_circular_series_goes_the_short_way_round() -> None:
    x = series([0.0, 1.0, 2.0], [350.0, 10.0, 350.0])
    rec = recording.attach(at([0.25, 0.5, 0.75, 1.75]), "heading", x, period=360)
    np.testing.assert_allclose(rec["heading"], [355, 0, 5, 355], atol=1e-9)
    assert rec["heading"].attrs["period"] == 360
    declared = recording.attach(at([0.5]), "heading", x.assign_attrs(period=360.0))
    np.testing.assert_allclose(declared["heading"], 0, atol=1e-9)


def test_missing_values_are_bridged_up_to_the_gap_and_doubled_times_do_no_harm() -> None:
    x = series([0.0, 1.0, 1.0, 2.0, 3.0], [0.0, 1.0, 1.0, np.nan, 3.0])
    np.testing.assert_allclose(recording.attach(at([1.0, 2.0]), "x", x)["x"], [1, 2])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=2, max_size=20, unique=True), st.data())
def test_agrees_with_numpy(clock: list[float], data: st.DataObject) -> None:
    clock = sorted(clock)
    values = np.sin(np.arange(len(clock)))
    inside = st.floats(clock[0], clock[-1])
    time = data.draw(st.lists(inside, min_size=1, max_size=10))
    rec = recording.attach(at(time), "x", series(clock, values.tolist()), max_gap=np.inf)
    np.testing.assert_allclose(rec["x"], np.interp(time, clock, values), atol=1e-9)


def test_refusals() -> None:
    rec = at([0.0, 1.0])
    with pytest.raises(InvalidRecording, match="runs backwards 1 times"):
        recording.attach(rec, "x", series([0.0, 2.0, 1.0], [0, 1, 2]))
    with pytest.raises(InvalidRecording, match=r"covers 500 … 600 s.*one clock"):
        recording.attach(rec, "x", series([500.0, 600.0], [0, 1]))
    with pytest.raises(InvalidRecording, match="covers nothing"):
        recording.attach(rec, "x", series([0.0, 1.0], [np.nan, np.nan]))
    two = xr.DataArray(np.ones((2, 2)), dims=("time", "axis"), coords={"time": [0.0, 1.0]})
    with pytest.raises(InvalidRecording, match="Choose one column"):
        recording.attach(rec, "x", two)
    with pytest.raises((InvalidRecording, TypeError), match=r"ndarray|DataArray"):
        recording.attach(rec, "x", np.ones(2))
