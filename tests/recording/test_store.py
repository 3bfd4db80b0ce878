"""Stores are whole or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from homologue import recording
from homologue._errors import InvalidRecording


@pytest.fixture
def rec() -> xr.DataArray:
    return recording.make(
        np.arange(12.0).reshape(6, 2), stimulus=list("aabbcc"), variables={"x": np.arange(6.0)}
    )


def test_an_existing_store_is_not_replaced_unasked(rec: xr.DataArray, tmp_path: Path) -> None:
    path = recording.save(rec, tmp_path / "deep" / "x.zarr")
    with pytest.raises(InvalidRecording, match="overwrite=True"):
        recording.save(rec + 1, path)
    assert recording.open(path).values[0, 0] == 0
    # Onto itself, while it is open and lazy.
    recording.save(recording.open(path) + 1, path, overwrite=True)
    assert recording.open(path).values[0, 0] == 1
    assert [p.name for p in path.parent.iterdir()] == ["x.zarr"]


def test_a_failed_write_leaves_the_old_store(
    rec: xr.DataArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recording.save(rec, tmp_path / "x.zarr")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zarr.Group, "create_array", full)
    with pytest.raises(OSError, match="No space"):
        recording.save(rec + 1, path, overwrite=True)
    monkeypatch.undo()
    xr.testing.assert_identical(recording.open(path).load(), rec)
    assert [p.name for p in tmp_path.iterdir()] == ["x.zarr"]


def test_activity_is_read_lazily_and_in_chunks(tmp_path: Path) -> None:
    big = recording.make(np.random.default_rng(0).normal(size=(3000, 512)))
    back = recording.open(recording.save(big, tmp_path / "x.zarr"))
    assert not isinstance(back.variable._data, np.ndarray)
    chunk = back.encoding["preferred_chunks"]["sample"]
    assert chunk * 512 * 8 <= 8 * 2**20 < (chunk + 1) * 512 * 8
    parts = list(recording.blocks(back, bytes=1))
    assert [p.sizes["sample"] for p in parts] == [chunk, 3000 - chunk]
    np.testing.assert_array_equal(np.concatenate([p.values for p in parts]), big.values)


def test_a_variable_named_like_a_table_survives(rec: xr.DataArray, tmp_path: Path) -> None:
    rec = rec.assign_coords(
        stimulus_category=("sample", np.arange(6)), session=("unit", np.array(["p", "q"]))
    )
    back = recording.open(recording.save(rec, tmp_path / "x.zarr"))
    xr.testing.assert_identical(back.load(), rec)


def test_attributes_may_be_called_anything(rec: xr.DataArray, tmp_path: Path) -> None:
    named = rec.assign_attrs(arrays="mine", chunks=3)
    assert recording.open(recording.save(named, tmp_path / "x.zarr")).attrs == named.attrs


def test_units_of_time_are_not_turned_into_dates(rec: xr.DataArray, tmp_path: Path) -> None:
    clock = recording.variable(np.arange(6.0), units="seconds")
    days = recording.variable(np.arange(6), units="days since 2000-01-01")
    rec = rec.assign_coords(time=clock, day=days)
    back = recording.open(recording.save(rec, tmp_path / "x.zarr"))
    assert back["time"].values.tolist() == list(range(6))
    assert back["day"].attrs["units"] == "days since 2000-01-01"


def test_a_sample_of_one_and_a_scalar_coordinate(rec: xr.DataArray, tmp_path: Path) -> None:
    part = rec.isel(sample=[0]).assign_coords(session="monday", number=3)
    back = recording.open(recording.save(part, tmp_path / "x.zarr"))
    xr.testing.assert_identical(back.load(), part)


def test_what_is_not_a_whole_store_is_refused(rec: xr.DataArray, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        recording.open(tmp_path / "nothing.zarr")
    empty = tmp_path / "empty.zarr"
    empty.mkdir()
    with pytest.raises(InvalidRecording, match="not a readable zarr store"):
        recording.open(empty)
    zarr.create_group(tmp_path / "other.zarr")
    with pytest.raises(InvalidRecording, match="not a recording"):
        recording.open(tmp_path / "other.zarr")
    path = recording.save(rec, tmp_path / "x.zarr")
    group = zarr.open_group(path, mode="r+")
    group.attrs["format_version"] = 99
    with pytest.raises(InvalidRecording, match=r"format 99.*upgrade"):
        recording.open(path)


@pytest.mark.parametrize("name", ["activity", "stimulus", "group", "stimulus_category"])
def test_a_lost_chunk_is_noticed(rec: xr.DataArray, tmp_path: Path, name: str) -> None:
    path = recording.save(rec, tmp_path / "x.zarr")
    chunks = [p for p in (path / name).rglob("*") if p.is_file() and p.name != "zarr.json"]
    assert chunks
    chunks[0].unlink()
    with pytest.raises(InvalidRecording, match=f"not whole: 1 of 1 chunks of '{name}'"):
        recording.open(path)


def test_zeros_and_nan_are_written_and_so_never_look_lost(tmp_path: Path) -> None:
    for number, value in enumerate((0.0, np.nan)):
        rec = recording.make(np.full((3, 2), value), variables={"x": np.zeros(3)})
        back = recording.open(recording.save(rec, tmp_path / f"{number}.zarr"))
        xr.testing.assert_identical(back.load(), rec)


def test_damaged_metadata_and_labels_are_refused(rec: xr.DataArray, tmp_path: Path) -> None:
    path = recording.save(rec, tmp_path / "x.zarr")
    (path / "stimulus" / "zarr.json").write_text('{"zarr_format": 3')
    with pytest.raises(InvalidRecording, match=r"damaged|not a readable"):
        recording.open(path)
    path = recording.save(rec, tmp_path / "y.zarr")
    chunk = next(p for p in (path / "stimulus").rglob("*") if p.name == "0")
    chunk.write_bytes(chunk.read_bytes()[:3])
    with pytest.raises(InvalidRecording, match="damaged"):
        recording.open(path)


@pytest.mark.parametrize("name", ["activity", "x"])
@pytest.mark.parametrize("damage", ["truncated", "emptied", "one byte"])
def test_damaged_chunks_never_read_as_numbers(tmp_path: Path, name: str, damage: str) -> None:
    source = np.random.default_rng(0)
    rec = recording.make(source.normal(size=(50, 4)), variables={"x": source.normal(size=50)})
    path = recording.save(rec, tmp_path / "x.zarr")
    (chunk,) = (p for p in (path / name).rglob("*") if p.is_file() and p.name != "zarr.json")
    spoil(chunk, damage)
    with pytest.raises(InvalidRecording, match="damaged"):
        list(recording.blocks(recording.open(path)))


def spoil(path: Path, damage: str) -> None:
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes({
        "truncated": whole[:middle],
        "emptied": b"",
        "one byte": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
    }[damage])  # fmt: skip
