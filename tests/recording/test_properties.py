"""Round trips and invariances of the recording, over recordings of every shape."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from homologue import recording

# Function-scoped tmp_path is safe here: every example writes to a store of its own name.
SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8)


@st.composite
def arguments(draw: st.DrawFn, *, min_samples: int = 1, missing: bool = True) -> dict[str, Any]:
    """Return arguments of make, with every kind of coordinate the conventions know."""
    samples = draw(st.integers(min_samples, 12))
    units = draw(st.integers(1, 5))
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64]))
    bounded = st.floats(-1000, 1000, width=16)
    elements = bounded | st.just(np.nan) if missing else bounded
    activity = draw(npst.arrays(dtype, (samples, units), elements=elements))
    words = st.lists(NAMES, min_size=samples, max_size=samples)
    choice = draw(st.lists(st.integers(-1, 1), min_size=samples, max_size=samples))
    # Nothing of the project is called in here: its type checks draw from `random`.
    return {
        "activity": activity,
        "unit": draw(st.lists(NAMES, min_size=units, max_size=units, unique=True)),
        "site": draw(st.none() | st.lists(NAMES, min_size=units, max_size=units)),
        "stimulus": draw(words),
        "group": draw(words | st.lists(st.integers(-5, 2**40), min_size=samples, max_size=samples)),
        "block": draw(st.none() | words),
        "variables": {
            "angle": xr.Variable(
                "sample",
                np.linspace(0, 6, samples),
                {"label_source": "measured", "period": 2 * np.pi, "units": "s"},
            ),
            "word": draw(words),
            "choice": xr.Variable(
                "sample",
                np.array(choice),
                {"label_source": "experimenter", "categories": ["left", "right"]},
            ),
            "time": np.arange(samples) / 8,
        },
        "unit_variables": {"depth": np.arange(units) * 0.5, "layer": np.arange(units)},
        "system": draw(NAMES),
        "kind": draw(st.sampled_from(recording.KINDS)),
        "sampling_interval": 0.125,
    }


@SETTINGS
@given(made=arguments())
def test_save_and_open_give_back_everything(made: dict[str, Any], tmp_path) -> None:
    rec = recording.make(**made)
    path = recording.save(rec, tmp_path / "x.zarr", overwrite=True)
    back = recording.open(path)
    xr.testing.assert_identical(back.load(), rec)
    assert back.dtype == rec.dtype
    assert list(back.attrs) == list(rec.attrs)
    for name in rec.coords:
        assert rec[name].attrs == back[name].attrs
        assert rec[name].dtype.kind == back[name].dtype.kind


@SETTINGS
@given(made=arguments(), size=st.integers(1, 400))
def test_blocks_are_the_recording(made: dict[str, Any], size: int) -> None:
    rec = recording.make(**made)
    parts = list(recording.blocks(rec, bytes=size))
    xr.testing.assert_identical(xr.concat(parts, "sample", combine_attrs="override"), rec)
    row = rec.sizes["unit"] * rec.dtype.itemsize
    assert all(p.nbytes <= max(size, row) for p in parts)


@SETTINGS
@given(data=st.data())
def test_stack_undoes_unstack(data: st.DataObject) -> None:
    rec = recording.make(**data.draw(arguments(min_samples=2)))
    count = rec.sizes["sample"]
    lags = data.draw(st.integers(1, count))
    cells = data.draw(st.permutations(range(-(-count // lags) * lags)))[:count]
    trial, lag = np.divmod(np.array(cells), lags)
    rec = rec.assign_coords(
        trial=recording.variable(trial), lag=recording.variable(lag / 4, units="s")
    )
    grid = recording.unstack(rec)
    assert int(grid["recorded"].sum()) == count
    back = recording.stack(grid)
    order = np.lexsort((lag, trial))
    xr.testing.assert_equal(back, rec.isel(sample=order))
    assert back["lag"].attrs == rec["lag"].attrs
    assert back["word"].attrs == rec["word"].attrs
    assert back.attrs == rec.attrs


@SETTINGS
@given(made=arguments(min_samples=2), data=st.data())
def test_concat_along_samples_undoes_a_cut(made: dict[str, Any], data: st.DataObject) -> None:
    rec = recording.make(**made)
    cut = data.draw(st.integers(1, rec.sizes["sample"] - 1))
    first, second = rec.isel(sample=slice(cut)), rec.isel(sample=slice(cut, None))
    if first.identical(second):
        with pytest.raises(recording_error(), match="twice"):
            recording.concat([first, second])
        return
    joined = recording.concat([first, second])
    np.testing.assert_array_equal(joined.values, rec.values)
    for name in ("word", "choice", "stimulus"):
        assert recording.labels(joined, name).tolist() == recording.labels(rec, name).tolist()
    # Groups and blocks of different parts are never one group.
    for name in ("group", "block"):
        codes = joined[name].values
        assert not set(codes[:cut]) & set(codes[cut:])
        if name in rec.coords:
            for part, source in ((codes[:cut], first[name]), (codes[cut:], second[name])):
                same = source.values[:, None] == source.values[None]
                np.testing.assert_array_equal(part[:, None] == part[None], same)


@SETTINGS
@given(made=arguments(), data=st.data())
def test_concat_along_units_undoes_a_cut(made: dict[str, Any], data: st.DataObject) -> None:
    rec = recording.make(**made)
    cut = data.draw(st.integers(0, rec.sizes["unit"]))
    parts = [p for p in (rec.isel(unit=slice(cut)), rec.isel(unit=slice(cut, None))) if p.size]
    joined = recording.concat(parts, "unit")
    xr.testing.assert_identical(joined.reset_coords(drop=True), rec.reset_coords(drop=True))
    assert set(joined.coords) == set(rec.coords)


@SETTINGS
@given(made=arguments(missing=False), seed=st.integers(0, 2**32))
def test_match_gives_the_sizes_asked_for(made: dict[str, Any], seed: int) -> None:
    rec = recording.make(**made)
    units = 1 + seed % rec.sizes["unit"]
    part = recording.match(rec, "word", groups=1, classes=1, units=units, rng=seed)
    assert part.sizes["unit"] == units
    assert np.unique(part["word"]).size == 1
    assert np.unique(part["group"]).size == 1
    again = recording.match(rec, "word", groups=1, classes=1, units=units, rng=seed)
    xr.testing.assert_identical(part, again)


def recording_error() -> type[Exception]:
    from homologue._errors import InvalidRecording

    return InvalidRecording


def test_nothing_warns_when_text_is_written(tmp_path) -> None:
    rec = recording.make(np.ones((2, 2)), unit=["a", "bé"], site=["x", "y"], stimulus=["p", "q"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        back = recording.open(recording.save(rec, tmp_path / "x.zarr"))
    assert back["unit"].values.tolist() == ["a", "bé"]
    assert recording.labels(back, "stimulus").tolist() == ["p", "q"]
