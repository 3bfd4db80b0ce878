"""NWB: files written with pynwb and read in bulk, damaged files, the archive, the mirror."""

from __future__ import annotations

import io
import os
import sys
import types
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pynapple as nap
import pynwb
import pytest
import xarray as xr
from pynwb.behavior import CompassDirection, Position, SpatialSeries
from pynwb.misc import Units
from pynwb.ophys import DfOverF, Fluorescence, ImageSegmentation, OpticalChannel, RoiResponseSeries

import homologue as hm
from homologue import recording
from homologue._errors import AssetUnavailable, HomologueError, InvalidRecording, UnknownName
from homologue.spikes import Spikes
from homologue.systems import NWB, System, nwb, to_nwb
from homologue.systems._nwb._bulk import read_column

START = datetime(2020, 1, 1, tzinfo=UTC)
UNITS = 4
CHOICES = ["left", "right", "left", "", "right", "right"]


def empty(**options: Any) -> pynwb.NWBFile:
    return pynwb.NWBFile("a session", "id", START, **options)


def write(file: pynwb.NWBFile, path: Path) -> Path:
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(file)
    return path


def trains(seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    found = [np.sort(rng.uniform(1, 59, 300)) for _ in range(UNITS)]
    found[2] = np.zeros(0)
    return found


def add_units(file: pynwb.NWBFile) -> None:
    device = file.create_device("probe")
    groups = [
        file.create_electrode_group(f"shank{k}", description="s", location=area, device=device)
        for k, area in enumerate(("CA1", "CA3"))
    ]
    file.add_electrode_column("channel_name", "name")
    for k in range(4):
        file.add_electrode(group=groups[k // 2], location=groups[k // 2].location, channel_name="c")
    file.add_unit_column("quality", "sorting quality")
    file.add_unit_column("depth", "um")
    file.add_unit_column("curated", "by hand")
    file.add_unit_column("amplitudes", "per spike", index=True)
    rows = [[[0.0, 30.0], [30.0, 60.0]]] * 3 + [[[0.0, 60.0]]]
    for k, times in enumerate(trains()):
        file.add_unit(
            id=10 + k, spike_times=times, obs_intervals=np.array(rows[k]),
            electrodes=[3 - k], electrode_group=groups[(3 - k) // 2],
            quality=["good", "mua", "good", "noise"][k], depth=float(k), curated=bool(k % 2),
            amplitudes=np.ones(times.size), waveform_mean=np.ones(5),
        )  # fmt: skip


def add_trials(file: pynwb.NWBFile) -> None:
    file.add_trial_column("choice", "what the animal chose")
    file.add_trial_column("rewarded", "whether")
    file.add_trial_column("contrast", "0 … 1")
    file.add_trial_column("response_time", "NaN where there was none")
    file.add_trial_column("licks", "ragged", index=True)
    for k, choice in enumerate(CHOICES):
        begin = 5.0 + 8 * k
        file.add_trial(
            start_time=begin, stop_time=begin + 4, choice=choice, rewarded=bool(k % 2),
            contrast=k / 4, response_time=begin + 1 if choice else np.nan,
            licks=[begin + 0.5] * k,
        )  # fmt: skip


def add_series(file: pynwb.NWBFile) -> None:
    module = file.create_processing_module("behavior", "position")
    clock = np.arange(0, 60, 1 / 20)
    xy = np.column_stack([np.sin(clock), clock])
    module.add(
        Position(
            spatial_series=SpatialSeries(
                name="xy", data=xy, timestamps=clock, unit="meters", conversion=2.0,
                reference_frame="corner",
            )
        )
    )  # fmt: skip
    module.add(
        CompassDirection(
            spatial_series=SpatialSeries(
                name="heading", data=clock % (2 * np.pi), starting_time=0.0, rate=20.0,
                unit="radians", reference_frame="north",
            )
        )
    )  # fmt: skip
    file.add_acquisition(
        pynwb.TimeSeries(name="pupil", data=np.cos(clock), timestamps=clock, unit="mm")
    )
    table = pynwb.core.DynamicTable(name="ripples", description="d")
    table.add_column("peak_time", "s")
    table.add_column("kind", "k")
    for k in range(5):
        table.add_row(peak_time=10.0 * k + 2, kind="ab"[k % 2])
    file.create_processing_module("ecephys", "e").add(table)
    epochs = pynwb.epoch.TimeIntervals(name="sleep", description="d")
    epochs.add_interval(start_time=0.0, stop_time=20.0)
    epochs.add_interval(start_time=40.0, stop_time=60.0)
    file.add_time_intervals(epochs)


def add_traces(
    file: pynwb.NWBFile, *, planes: int = 1, clock: np.ndarray | None = None, raw: bool = True
) -> np.ndarray:
    clock = np.arange(100) / 10 if clock is None else clock
    device = file.create_device("microscope")
    module = file.create_processing_module("ophys", "o")
    segmentation, dff, fluorescence = ImageSegmentation(), DfOverF(), Fluorescence()
    module.add([segmentation, dff, fluorescence] if raw else [segmentation, dff])
    data = np.random.default_rng(1).normal(size=(clock.size, 3))
    for number in range(planes):
        plane = file.create_imaging_plane(
            name=f"plane{number}", optical_channel=OpticalChannel(
                name="c", description="d", emission_lambda=500.0
            ),
            description="d", device=device, excitation_lambda=600.0, indicator="GCaMP",
            location=f"V{number + 1}", imaging_rate=10.0,
        )  # fmt: skip
        cells = segmentation.create_plane_segmentation(
            name=f"cells{number}", description="d", imaging_plane=plane
        )
        cells.add_column("cell_type", "t")
        for k in range(5):
            cells.add_roi(id=100 + k, image_mask=np.ones((2, 2)), cell_type="PV" if k else "Pyr")
        rois = cells.create_roi_table_region("some", region=[4, 0, 2])
        name = f"traces{number}" if planes > 1 else "traces"
        dff.add_roi_response_series(
            RoiResponseSeries(
                name=name, data=data + number, rois=rois, unit="n.a.", timestamps=clock
            )
        )
        if raw:
            fluorescence.add_roi_response_series(
                RoiResponseSeries(
                    name=f"raw{number}", data=data, rois=rois, unit="n.a.", timestamps=clock
                )
            )
    return data


def add_position(file: pynwb.NWBFile, name: str, data: np.ndarray, clock: np.ndarray) -> None:
    if "behavior" not in file.processing:
        file.create_processing_module("behavior", "b")
    series = SpatialSeries(name=name, data=data, timestamps=clock, unit="m", reference_frame="r")
    file.processing["behavior"].add(Position(name=f"Position_{name}", spatial_series=series))


def edit(path: Path, name: str, values: Any) -> None:
    """Put other values in the place of a dataset, or nothing."""
    with h5py.File(path, "r+") as file:
        attrs = dict(file[name].attrs)
        del file[name]
        if values is not None:
            file[name] = values
            file[name].attrs.update(attrs)


def add_sorted_units(file: pynwb.NWBFile) -> None:
    units = Units(name="sorted", description="d")
    for k in range(2):
        units.add_unit(spike_times=[0.5 + k, 9.0], id=k)
    file.create_processing_module("ecephys", "e").add(units)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = empty(related_publications=["doi:10.1000/xyz"])
    file.subject = pynwb.file.Subject(subject_id="rat7", species="Rattus norvegicus")
    add_units(file)
    add_trials(file)
    add_series(file)
    return write(file, tmp_path_factory.mktemp("nwb") / "rat7_day1.nwb")


class TestReading:
    def test_it_is_a_system(self, path: Path) -> None:
        brain = hm.nwb(path)
        assert isinstance(brain, NWB)
        assert isinstance(brain, System)
        assert (brain.name, brain.kind, brain.family) == ("rat7_day1", "brain", "rat7")
        assert brain.source == str(path)
        assert brain.citation == "doi:10.1000/xyz"
        assert "not stated" in brain.licence
        assert repr(brain) == (
            "<NWB rat7_day1: units; intervals: sleep, trials; tables: ripples, electrodes; "
            "series: heading, xy, pupil>"
        )
        named = nwb(path, name="n", family="f", licence="CC0", citation="c")
        rec = named.units.bin(1)
        assert [rec.attrs[k] for k in ("system", "family", "licence")] == ["n", "f", "CC0"]

    def test_units_are_what_was_written(self, path: Path) -> None:
        spikes = nwb(path).units
        expected = trains()
        for unit, times in enumerate(expected):
            np.testing.assert_array_equal(spikes[unit].times, times)
        assert spikes.counts.tolist() == [300, 300, 0, 300]
        assert spikes.unit.tolist() == ["10", "11", "12", "13"]
        assert spikes.unit_variables["quality"].tolist() == ["good", "mua", "good", "noise"]
        assert spikes.unit_variables["depth"].tolist() == [0, 1, 2, 3]
        assert spikes.unit_variables["curated"].tolist() == [False, True, False, True]
        assert spikes.unit_variables["electrode_group"].tolist() == ["shank1"] * 2 + ["shank0"] * 2
        assert spikes.unit_variables["site"].tolist() == ["CA3", "CA3", "CA1", "CA1"]
        assert set(spikes.unit_variables) == {
            "quality", "depth", "curated", "electrode_group", "site",
        }  # fmt: skip
        assert spikes.duration.tolist() == [60, 60, 60, 60]
        assert spikes.select(quality="good", min_rate=0.1).unit.tolist() == ["10"]

    def test_units_agree_with_pynwb_and_pynapple(self, path: Path) -> None:
        spikes = nwb(path).units
        with pynwb.NWBHDF5IO(path, "r") as io:
            units = io.read().units
            for k in range(UNITS):
                np.testing.assert_array_equal(spikes[k].times, units["spike_times"][k])
        group = nap.load_file(str(path))["units"]
        for k, name in enumerate(spikes.unit):
            np.testing.assert_allclose(spikes[k].times, group[int(name)].t, atol=1e-9)

    @pytest.mark.parametrize(
        "layout",
        [
            {},
            {"chunks": (100,)},
            {"chunks": (7,)},
            {"chunks": (4096,), "maxshape": (None,)},
            {"chunks": (128,), "compression": "gzip", "shuffle": True},
            {"chunks": (128,), "fletcher32": True},
            {"dtype": ">f8", "chunks": (100,)},
        ],
    )
    def test_times_are_read_however_they_are_stored(
        self, layout: dict[str, Any], path: Path, tmp_path: Path
    ) -> None:
        copy = tmp_path / "copy.nwb"
        copy.write_bytes(path.read_bytes())
        times = np.concatenate(trains())
        with h5py.File(copy, "r+") as file:
            del file["units/spike_times"]
            file["units"].create_dataset("spike_times", data=times, **layout)
        np.testing.assert_array_equal(nwb(copy).units.times, times)

    def test_a_chunk_that_was_never_written_holds_the_fill_value(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "x.h5", "w") as file:
            stored = file.create_dataset("a", (10,), "f8", chunks=(4,), fillvalue=-1.0)
            stored[4:8] = 2.0
            assert read_column(file, "a").tolist() == [-1.0] * 4 + [2.0] * 4 + [-1.0] * 2

    def test_reads_as_promised(self, path: Path) -> None:
        brain = hm.nwb(path)
        rec = brain.units.align("trials.start_time", window=(-0.5, 1.5)).bin(0.05)
        recording.validate(rec)
        assert rec.sizes == {"sample": 6 * 40, "unit": 4}
        spelled = recording.labels(rec, "choice").reshape(6, 40)[:, 0].tolist()
        assert spelled == [c or None for c in CHOICES]
        assert rec["choice"].attrs["categories"] == ["left", "right"]
        times, total = trains(), np.zeros(UNITS)
        for k in range(6):
            onset = 5.0 + 8 * k
            total += [np.sum((t >= onset - 0.5) & (t < onset + 1.5)) for t in times]
        np.testing.assert_allclose(rec.values.sum(0) * 0.05, total, rtol=1e-5)
        assert rec["site"].values.tolist() == ["CA3", "CA3", "CA1", "CA1"]

    def test_trials_and_other_tables(self, path: Path) -> None:
        brain = nwb(path)
        trials = brain.trials
        assert trials["choice"].values.tolist() == [0, 1, 0, -1, 1, 1]
        assert trials["choice"].attrs["categories"] == ["left", "right"]
        assert trials["choice"].attrs["description"] == "what the animal chose"
        assert trials["rewarded"].attrs["categories"] == ["False", "True"]
        assert trials.attrs["left_out"] == "licks"
        assert brain.intervals["sleep"]["stop_time"].values.tolist() == [20, 60]
        assert brain.tables["ripples"]["peak_time"].values.tolist() == [2, 12, 22, 32, 42]
        assert brain.tables["electrodes"]["location"].attrs["categories"] == ["CA1", "CA3"]
        answered = brain.units.align("trials.response_time", window=(-0.5, 0.5)).count()
        assert answered.attrs["events_left_out"] == 1
        ripples = brain.units.align("ripples.peak_time", window=(-0.1, 0.1)).count()
        assert recording.labels(ripples, "kind").tolist() == list("ababa")
        asleep = brain.units.restrict("sleep")
        assert asleep.duration.tolist() == [40] * 4
        assert ((asleep.times <= 20) | (asleep.times >= 40)).all()

    def test_names_that_are_not_there(self, path: Path) -> None:
        brain = nwb(path)
        with pytest.raises(UnknownName, match=r"'trail' .in 'trail.start_time'.; did you mean 'tr"):
            brain.units.align("trail.start_time", window=(0, 1))
        with pytest.raises(UnknownName, match="'start'; did you mean 'start_time'"):
            brain.units.align("trials.start", window=(0, 1))
        with pytest.raises(UnknownName, match="table of intervals named 'epochs'"):
            brain.intervals["epochs"]
        with pytest.raises(UnknownName, match="time series named 'pupils'; did you mean 'pupil'"):
            brain.series["pupils"]
        with pytest.raises(UnknownName, match="no RoiResponseSeries; its series: heading, xy, pu"):
            _ = brain.traces

    def test_position_and_series(self, path: Path) -> None:
        brain = nwb(path)
        assert brain.position.dims == ("time", "axis")
        assert brain.position["axis"].values.tolist() == ["x", "y"]
        clock = brain.position["time"].values
        np.testing.assert_allclose(brain.position.sel(axis="y"), 2 * clock)  # the conversion
        assert brain.position.attrs["units"] == "meters"
        heading = brain.series["heading"]
        np.testing.assert_allclose(heading["time"], np.arange(1200) / 20)
        assert heading.attrs["period"] == 2 * np.pi
        rec = brain.record("heading", width=0.25)
        assert rec["heading"].attrs["period"] == 2 * np.pi
        inside = np.isfinite(rec["heading"].values)
        np.testing.assert_allclose(
            np.exp(1j * rec["heading"].values[inside]), np.exp(1j * rec["time"].values[inside]),
            atol=2e-3,
        )  # fmt: skip
        np.testing.assert_allclose(rec["y"].values[inside], 2 * rec["time"].values[inside])

    def test_record(self, path: Path) -> None:
        brain = nwb(path)
        whole = brain.record()
        assert whole.attrs["sampling_interval"] == 0.1
        assert {"x", "y", "time"} <= set(whole.coords)
        trial = brain.record("choice", window=(0, 1))
        assert trial.sizes["sample"] == 6
        assert "choice" in trial.coords
        bins = brain.record(events="ripples.peak_time", window=(-0.2, 0.2), width=0.1)
        assert bins.sizes["sample"] == 20
        with pytest.raises(InvalidRecording, match=r"need a window.*try window=\(-0.5, 1.5\)"):
            brain.record("choice")
        with pytest.raises(UnknownName, match="no variable 'chioce'; did you mean 'choice'"):
            brain.record("chioce")
        with pytest.raises(InvalidRecording, match="has 2 columns"):
            brain.record("xy")

    def test_what_is_missing_is_said(self, tmp_path: Path) -> None:
        file = empty()
        add_trials(file)
        brain = nwb(write(file, tmp_path / "x.nwb"))
        with pytest.raises(UnknownName, match="no units; it holds: <NWB x: intervals: trials>"):
            _ = brain.units
        with pytest.raises(UnknownName, match=r"no position \(SpatialSeries\); its series: none"):
            _ = brain.position
        with pytest.raises(UnknownName, match="no RoiResponseSeries"):
            brain.record()
        assert brain.family == "x"

    def test_several_positions_are_chosen_by_name(self, tmp_path: Path) -> None:
        file = empty()
        file.add_unit(spike_times=[0.5, 4.0])
        for name in ("led1", "led2"):
            add_position(file, name, np.arange(50.0), np.arange(50) / 10)
        brain = nwb(write(file, tmp_path / "x.nwb"))
        with pytest.raises(UnknownName, match=r"2 positions.*'led1', 'led2'"):
            _ = brain.position
        with pytest.raises(UnknownName, match=r"2 positions.*'led1', 'led2'"):
            brain.record("x")
        assert brain.series["led1"].dims == ("time",)
        with pytest.warns(UserWarning, match=r"without a position: .*2 positions.*'led1'") as seen:
            assert "x" not in brain.record().coords
        assert seen[0].filename == __file__
        with pytest.warns(UserWarning, match="without a position"):
            rec = brain.record("led2", width=0.5)
        np.testing.assert_allclose(rec["led2"], 10 * rec["time"])

    @pytest.mark.parametrize(
        ("values", "clock", "message"),
        [
            (np.ones(1), np.ones(1), "'x' covers 1 … 1 s"),
            (np.ones((0, 2)), np.ones(0), "'x' covers nothing"),
            (np.full(50, np.nan), np.arange(50) / 10, "'x' covers nothing"),
            (np.ones(50), np.arange(50)[::-1] / 10, "'x' runs backwards 49 times"),
            (np.ones(50), 1000 + np.arange(50) / 10, "are both on one clock"),
            (np.ones(50), np.arange(49) / 10, "50 samples and 49 timestamps"),
        ],
    )
    def test_a_position_that_cannot_be_used_is_left_out_unless_asked_for(
        self, values: np.ndarray, clock: np.ndarray, message: str, tmp_path: Path
    ) -> None:
        file = empty()
        file.add_unit(spike_times=[0.5, 4.0])
        add_position(file, "led", np.ones(50), np.arange(50.0))
        pupil = pynwb.TimeSeries(name="pupil", data=np.ones(50), rate=10.0, unit="mm")
        file.add_acquisition(pupil)
        written = write(file, tmp_path / "x.nwb")
        edit(written, "processing/behavior/Position_led/led/data", values)
        edit(written, "processing/behavior/Position_led/led/timestamps", clock)
        brain = nwb(written)
        with pytest.warns(UserWarning, match=message) as seen:
            assert "x" not in brain.record().coords
        assert [warning.filename for warning in seen] == [__file__]
        with pytest.warns(UserWarning, match=message):
            assert "pupil" in brain.record("pupil").coords
        with pytest.raises(InvalidRecording, match=message):
            brain.record("x")

    def test_one_axis_may_be_unusable(self, tmp_path: Path) -> None:
        file = empty()
        file.add_unit(spike_times=[0.5, 4.0])
        clock = np.arange(50) / 10
        add_position(file, "led", np.column_stack([clock, clock * np.nan]), clock)
        brain = nwb(write(file, tmp_path / "x.nwb"))
        with pytest.warns(UserWarning, match="without y of the position: 'y' covers nothing"):
            rec = brain.record("x")
        np.testing.assert_allclose(rec["x"], rec["time"])
        with pytest.raises(InvalidRecording, match="'y' covers nothing"):
            brain.record("y")

    @pytest.mark.parametrize("rows", [None, 0])
    def test_a_units_table_without_spikes_hides_nothing(
        self, rows: int | None, tmp_path: Path
    ) -> None:
        def written(name: str, *add: Any) -> NWB:
            file = empty()
            file.units = Units(name="units", description="d")
            for part in add:
                part(file)
            target = write(file, tmp_path / name)
            if rows is not None:
                with h5py.File(target, "r+") as handle:
                    handle["units/spike_times"] = np.zeros(rows)
                    handle["units/spike_times_index"] = np.zeros(rows, dtype=np.uint8)
            return nwb(target)

        why = r"units has no spike_times \(columns: none\)" if rows is None else "units is empty"
        brain = written("traces.nwb", add_traces)
        xr.testing.assert_identical(brain.record(), brain.traces)
        with pytest.raises(UnknownName, match=rf"traces\.nwb has no spikes: /{why}"):
            _ = brain.units
        brain = written("both.nwb", add_traces, add_sorted_units)
        assert brain.units.times.tolist() == [0.5, 9.0, 1.5, 9.0]
        assert brain.record(width=1).sizes == {"sample": 8, "unit": 2}
        brain = written("nothing.nwb")
        with pytest.raises(UnknownName, match=rf"no spikes: /{why}.*no RoiResponseSeries"):
            brain.record()

    def test_one_name_in_two_places_is_spelled_with_its_parent(self, tmp_path: Path) -> None:
        file = empty()
        clock = np.arange(5.0)
        file.add_acquisition(pynwb.TimeSeries(name="s", data=clock, timestamps=clock, unit="m"))
        file.create_processing_module("behavior", "b").add(
            pynwb.TimeSeries(name="s", data=clock + 1, timestamps=clock, unit="m")
        )
        brain = nwb(write(file, tmp_path / "x.nwb"))
        assert list(brain.series) == ["behavior/s", "acquisition/s"]
        assert brain.series["behavior/s"].values[0] == 1

    def test_category_columns_of_nwb(self, tmp_path: Path) -> None:
        file = empty()
        file.add_trial_column("cue", "c")
        for k in (1, 0, 1):
            file.add_trial(start_time=float(k), stop_time=k + 1.0, cue=k)
        written = write(file, tmp_path / "x.nwb")
        # As an EnumData column refers to its words; hdmf itself cannot write one yet.
        with h5py.File(written, "r+") as handle:
            table = handle["intervals/trials"]
            table["cue_elements"] = ["go", "stop"]
            table["cue"].attrs["elements"] = table["cue_elements"].ref
        trials = nwb(written).trials
        spelled = [trials["cue"].attrs["categories"][c] for c in trials["cue"].values]
        assert spelled == ["stop", "go", "stop"]

    def test_brain_area_from_group_or_column(self, tmp_path: Path) -> None:
        file = empty()
        group = file.create_electrode_group(
            "g", description="d", location="V1", device=file.create_device("p")
        )
        file.add_unit(spike_times=[0.5], electrode_group=group)
        assert nwb(write(file, tmp_path / "a.nwb")).units.unit_variables["site"].tolist() == ["V1"]
        file = empty()
        file.add_unit_column("brain_area", "d")
        file.add_unit(spike_times=[0.5], brain_area="M1")
        assert nwb(write(file, tmp_path / "b.nwb")).units.unit_variables["site"].tolist() == ["M1"]


class TestTraces:
    def test_fluorescence_is_a_recording(self, tmp_path: Path) -> None:
        file = empty()
        data = add_traces(file)
        brain = nwb(write(file, tmp_path / "x.nwb"))
        rec = recording.validate(brain.traces)
        np.testing.assert_array_equal(rec.values, data)
        assert rec["unit"].values.tolist() == ["104", "100", "102"]
        assert rec["cell_type"].values.tolist() == ["PV", "Pyr", "PV"]
        assert rec["site"].values.tolist() == ["V1"] * 3
        assert rec.attrs["activity_units"] == "dF/F"
        assert rec.attrs["sampling_interval"] == pytest.approx(0.1)
        assert np.unique(rec["group"]).size == 1
        xr.testing.assert_identical(brain.record(), rec)

    def test_unequal_sampling_has_no_interval_and_gaps_part_stretches(self, tmp_path: Path) -> None:
        clock = np.concatenate([np.arange(50) / 10, 20 + np.arange(50) / 10])
        clock[10] += 0.04
        file = empty()
        add_traces(file, clock=clock)
        rec = nwb(write(file, tmp_path / "x.nwb")).traces
        assert "sampling_interval" not in rec.attrs
        assert rec["group"].values.tolist() == [0] * 50 + [1] * 50

    def test_planes_of_one_clock_are_joined(self, tmp_path: Path) -> None:
        file = empty()
        data = add_traces(file, planes=2)
        rec = nwb(write(file, tmp_path / "x.nwb")).traces
        np.testing.assert_array_equal(rec.values, np.concatenate([data, data + 1], axis=1))
        assert rec["unit"].values[[0, 3]].tolist() == ["traces0/104", "traces1/104"]
        assert rec["site"].values.tolist() == ["V1"] * 3 + ["V2"] * 3

    @pytest.mark.filterwarnings("ignore:.*Length of data does not match:UserWarning")
    @pytest.mark.filterwarnings("ignore:.*dimensions? of data does not match:UserWarning")
    def test_time_may_come_second(self, path: Path, tmp_path: Path) -> None:
        file = empty()
        data = add_traces(file, raw=False)
        written = write(file, tmp_path / "x.nwb")
        with h5py.File(written, "r+") as handle:
            group = handle["processing/ophys/DfOverF/traces"]
            attrs = dict(group["data"].attrs)
            del group["data"]
            group["data"] = data.T
            group["data"].attrs.update(attrs)
        np.testing.assert_array_equal(nwb(written).traces.values, data)

    def test_traces_without_samples(self, tmp_path: Path) -> None:
        file = empty()
        add_traces(file)
        written = write(file, tmp_path / "x.nwb")
        edit(written, "processing/ophys/DfOverF/traces/data", np.zeros((0, 3)))
        edit(written, "processing/ophys/DfOverF/traces/timestamps", np.zeros(0))
        brain = nwb(written)
        for read in (lambda: brain.traces, brain.record):
            with pytest.raises(InvalidRecording, match=r"traces of .*x\.nwb is empty: .*\(0, 3\)"):
                read()
        assert brain.series["raw0"].shape == (100, 3)

    @pytest.mark.parametrize(
        ("clock", "message"),
        [
            (np.r_[np.arange(99) / 10, 0.0], "does not ascend .1 times"),
            (np.arange(99) / 10, "100 samples and 99 timestamps"),
        ],
    )
    def test_clocks_that_cannot_be(self, clock: np.ndarray, message: str, tmp_path: Path) -> None:
        file = empty()
        add_traces(file)
        written = write(file, tmp_path / "x.nwb")
        with h5py.File(written, "r+") as handle:
            group = handle["processing/ophys/DfOverF/traces"]
            del group["timestamps"]
            group["timestamps"] = clock
        with pytest.raises(InvalidRecording, match=message):
            _ = nwb(written).traces


class TestPlaces:
    @pytest.fixture
    def written(self, tmp_path: Path) -> Path:
        file = empty()
        file.add_unit(spike_times=[0.5, 4.0])
        return write(file, tmp_path / "x.nwb")

    def test_a_relative_path_stays_where_it_was(
        self, written: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(written.parent)
        brain = nwb("x.nwb")
        monkeypatch.chdir("/")
        assert brain.units.times.tolist() == [0.5, 4.0]
        assert brain.source == "x.nwb"

    def test_a_relative_mirror_stays_where_it_was(
        self, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path / "dandi/000001/sub/x.nwb"
        target.parent.mkdir(parents=True)
        target.write_bytes(written.read_bytes())
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOMOLOGUE_MIRROR", ".")
        brain = nwb("000001/sub/x.nwb")
        monkeypatch.chdir("/")
        assert len(brain.units) == 1

    def test_a_file_that_is_gone(self, written: Path) -> None:
        brain = nwb(written)
        written.unlink()
        with pytest.raises(FileNotFoundError, match=r"x\.nwb is gone: it was moved or deleted"):
            _ = brain.units

    def test_a_file_that_may_not_be_read(
        self, written: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        # Root may read everything, whatever the file says.
        monkeypatch.setattr(h5py.h5f, "open", refuse)
        with pytest.raises(HomologueError, match=r"may not be read by this user.*chmod") as caught:
            nwb(written)
        assert "damaged" not in str(caught.value)

    def test_what_is_no_path(self, written: Path) -> None:
        with (
            written.open("rb") as file,
            pytest.raises(InvalidRecording, match=r"given BufferedReader.*file\.name"),
        ):
            nwb(file)
        for wrong in (None, 3, os.fsencode(written)):
            with pytest.raises(
                InvalidRecording, match=rf"URL or DANDI id; given {type(wrong).__name__}\. Try"
            ):
                nwb(wrong)
        (entry,) = os.scandir(os.fsencode(written.parent))
        with pytest.raises(InvalidRecording, match="given DirEntry"):
            nwb(entry)


class TestDamage:
    @pytest.fixture
    def copy(self, path: Path, tmp_path: Path) -> Path:
        target = tmp_path / "copy.nwb"
        target.write_bytes(path.read_bytes())
        return target

    @pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
    def test_truncated(self, copy: Path, share: float) -> None:
        content = copy.read_bytes()
        copy.write_bytes(content[: int(share * len(content))])
        with pytest.raises(InvalidRecording, match=r"truncated, damaged or not HDF5.*again"):
            nwb(copy)

    def test_not_nwb(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "x.nwb", "w") as file:
            file["a"] = 1
        with pytest.raises(InvalidRecording, match="not an NWB file"):
            nwb(tmp_path / "x.nwb")
        with pytest.raises(InvalidRecording, match="is a folder"):
            nwb(tmp_path)
        with pytest.raises(FileNotFoundError, match="A file in the DANDI archive is named"):
            nwb(tmp_path / "nothing.nwb")

    def test_damage_to_the_structure_is_an_error_or_does_no_harm(
        self, copy: Path, path: Path
    ) -> None:
        """Outside the data themselves, which HDF5 keeps without a checksum."""
        content = bytearray(copy.read_bytes())
        with h5py.File(path) as file:
            data = file["units/spike_times"].id
            chunks = [data.get_chunk_info(k) for k in range(data.get_num_chunks())]
            inside = {c.byte_offset + k for c in chunks for k in range(c.size)}
            if not chunks:
                inside = set(range(data.get_offset(), data.get_offset() + data.get_storage_size()))
        truth = nwb(path).units
        rng = np.random.default_rng(0)
        refused = 0
        for place in rng.integers(0, len(content) - 64, 40):
            if inside & set(range(place, place + 64)):
                continue
            broken = content.copy()
            broken[place : place + 64] = rng.bytes(64)
            copy.write_bytes(broken)
            try:
                units = nwb(copy).units
            except HomologueError:
                refused += 1
                continue
            assert len(units) == len(truth)
            np.testing.assert_array_equal(units.times, truth.times)
        assert refused > 0

    def test_tables_that_do_not_fit(self, copy: Path) -> None:
        edit(copy, "units/spike_times_index", np.array([300, 600, 600, 5000]))
        with pytest.raises(InvalidRecording, match="ends at 5000, but there are 900 values"):
            _ = nwb(copy).units
        edit(copy, "units/spike_times_index", None)
        with pytest.raises(InvalidRecording, match="spike_times without spike_times_index"):
            _ = nwb(copy).units
        edit(copy, "intervals/trials/start_time", np.arange(3.0))
        with pytest.raises(InvalidRecording, match="start_time has 3 rows and the table 6"):
            _ = nwb(copy).trials

    @pytest.mark.parametrize("kind", [h5py.string_dtype(), h5py.string_dtype("utf-8", 4)])
    def test_ids_may_be_text(self, kind: Any, copy: Path) -> None:
        ids = ["é1", "ß2", "c", "d"]
        with h5py.File(copy, "r+") as file:
            del file["units/id"]
            file["units"].create_dataset("id", data=[text.encode() for text in ids], dtype=kind)
        assert nwb(copy).units.unit.tolist() == ids
        edit(copy, "units/id", np.array([["a"]] * 4, dtype=h5py.string_dtype()))
        with pytest.raises(InvalidRecording, match=r"/units/id holds one number or name a unit"):
            _ = nwb(copy).units

    @pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1)])
    def test_intervals_that_are_no_pairs(self, shape: tuple[int, ...], copy: Path) -> None:
        edit(copy, "units/obs_intervals", np.zeros(shape))
        with pytest.raises(
            InvalidRecording, match=r"rows of \(start, end\).*given shape \("
        ) as seen:
            _ = nwb(copy).units
        assert "HDF5" not in str(seen.value)

    def test_intervals_may_be_stored_flat(self, copy: Path) -> None:
        with h5py.File(copy, "r+") as file:
            rows = file["units/obs_intervals"][:]
        edit(copy, "units/obs_intervals", rows.ravel())
        np.testing.assert_array_equal(nwb(copy).units.obs_intervals, rows)

    def test_spikes_outside_and_unsorted_and_overlapping(self, copy: Path) -> None:
        times = np.concatenate(trains())
        late = times.copy()
        late[299] = 99.0
        edit(copy, "units/spike_times", late)
        with pytest.raises(InvalidRecording, match="1 of 900 spikes, of 1 units, lie outside"):
            _ = nwb(copy).units
        dropped = nwb(copy, outside="drop").units
        assert dropped.dropped == 1
        assert dropped.counts.tolist() == [299, 300, 0, 300]
        swapped = times.copy()
        swapped[[0, 1]] = swapped[[1, 0]]
        edit(copy, "units/spike_times", swapped)
        with pytest.raises(InvalidRecording, match="do not ascend within 1 of 4 units"):
            _ = nwb(copy).units
        np.testing.assert_array_equal(nwb(copy, sort=True).units.times, times)
        with h5py.File(copy, "r+") as file:
            file["units/obs_intervals"][1] = [29.0, 60.0]
        with pytest.raises(InvalidRecording, match=r"obs_intervals overlap .*30 s and 29"):
            _ = nwb(copy).units


class TestArchive:
    ID = "000056/sub-rat7/rat7_day1.nwb"

    def test_an_id_is_looked_for_in_the_mirror(
        self, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path / "dandi" / self.ID
        target.parent.mkdir(parents=True)
        target.write_bytes(path.read_bytes())
        monkeypatch.setenv("HOMOLOGUE_MIRROR", str(tmp_path))
        for name in (self.ID, f"DANDI:{self.ID}", f"dandi://{self.ID}"):
            brain = nwb(name)
            assert len(brain.units) == 4
            assert brain.source == name
            assert brain.name == "rat7_day1"

    def test_without_the_client_the_error_says_how(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("HOMOLOGUE_MIRROR", raising=False)
        for module in ("dandi", "dandi.dandiapi"):
            monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(
            AssetUnavailable, match=r"pip install.*dandi download dandi://dandi/000056/"
        ):
            nwb(self.ID)

    def fake(self, monkeypatch: pytest.MonkeyPatch, get: Any) -> list[tuple]:
        """Stand in for the client; record what it was asked for."""
        asked: list[tuple] = []

        class Client:
            def __enter__(self) -> Client:
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def get_dandiset(self, number: str, version: str | None) -> Client:
                asked.append((number, version))
                return self

            def get_asset_by_path(self, name: str) -> Client:
                asked.append((name,))
                return self

            def get_content_url(self, **options: object) -> str:
                return get(**options)

        module = types.ModuleType("dandi.dandiapi")
        module.DandiAPIClient = Client  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "dandi", types.ModuleType("dandi"))
        monkeypatch.setitem(sys.modules, "dandi.dandiapi", module)
        monkeypatch.delenv("HOMOLOGUE_MIRROR", raising=False)
        return asked

    def test_an_id_is_streamed(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = self.fake(monkeypatch, lambda **_: "https://example.org/x")
        remote = types.ModuleType("remfile")
        remote.File = lambda url: path.open("rb")  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "remfile", remote)
        brain = nwb("DANDI:000056@0.2108.1/sub-rat7/rat7_day1.nwb")
        np.testing.assert_array_equal(brain.units.times, nwb(path).units.times)
        assert asked == [("000056", "0.2108.1"), ("sub-rat7/rat7_day1.nwb",)]
        assert brain.trials.sizes["event"] == 6
        brain.file._remote.close()
        monkeypatch.setitem(sys.modules, "remfile", None)
        with pytest.raises(AssetUnavailable, match="needs remfile"):
            nwb(self.ID)

    def test_offline_the_error_says_how(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def offline(**_: object) -> str:
            raise ConnectionError("Name or service not known")

        self.fake(monkeypatch, offline)
        with pytest.raises(AssetUnavailable, match=r"Name or service.*network: dandi download"):
            nwb(self.ID)
        broken = types.ModuleType("remfile")
        broken.File = lambda url: offline()  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "remfile", broken)
        with pytest.raises(AssetUnavailable, match="could not be read from http"):
            nwb("https://example.org/x.nwb")

    def test_whatever_the_stream_raises_is_said(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class PermanentHTTPError(Exception):
            pass

        class Stream(io.FileIO):
            expired = True

            def readinto(self, target: Any) -> int:
                if self.expired:
                    raise PermanentHTTPError("403 Forbidden")
                return super().readinto(target)

        def absent(url: str) -> None:
            raise PermanentHTTPError("404 Not Found")

        remote = types.ModuleType("remfile")
        monkeypatch.setitem(sys.modules, "remfile", remote)
        remote.File = absent  # type: ignore[attr-defined]
        with pytest.raises(AssetUnavailable, match=r"could not be read from https.*404 Not Found"):
            nwb("https://example.org/none.nwb")
        with Stream(path) as stream:
            stream.expired = False
            remote.File = lambda url: stream  # type: ignore[attr-defined]
            brain = nwb("https://example.org/x.nwb")
            stream.expired = True
            with pytest.raises(AssetUnavailable, match=r"PermanentHTTPError: 403 Forbidden"):
                _ = brain.units


class TestWriting:
    def test_spikes_there_and_back(self, path: Path, tmp_path: Path) -> None:
        spikes = nwb(path).units
        back = nwb(to_nwb(spikes, tmp_path / "y.nwb")).units
        for name in ("times", "index", "unit", "obs_intervals"):
            np.testing.assert_array_equal(getattr(back, name), getattr(spikes, name))
        np.testing.assert_array_equal(back.obs_index, spikes.obs_index)
        # NWB keeps electrode_group for objects.
        names = {n: n for n in spikes.unit_variables} | {"electrode_group": "electrode_group_name"}
        assert set(back.unit_variables) == set(names.values())
        for name, values in spikes.unit_variables.items():
            np.testing.assert_array_equal(back.unit_variables[names[name]], values)
        assert set(back.events) == set(spikes.events)
        for name, table in spikes.events.items():
            xr.testing.assert_equal(back.events[name].drop_vars("id"), table.drop_vars("id"))
        window = {"window": (-0.5, 1.5)}
        mine, yours = (
            part.align("trials.start_time", **window).bin(0.1).drop_vars(column)
            for part, column in ((spikes, "electrode_group"), (back, "electrode_group_name"))
        )
        xr.testing.assert_equal(mine, yours)

    def test_pynapple_and_pynwb_open_the_spikes(self, path: Path, tmp_path: Path) -> None:
        spikes = nwb(path).units
        written = to_nwb(spikes, tmp_path / "y.nwb")
        file = nap.load_file(str(written))
        for k in range(UNITS):
            np.testing.assert_allclose(file["units"][k].t, spikes[k].times, atol=1e-9)
        np.testing.assert_allclose(file["trials"].start, 5.0 + 8 * np.arange(6))
        assert pynwb.validate(path=str(written)) in ([], ([], 0))

    def model(self, **changes: Any) -> xr.DataArray:
        rng = np.random.default_rng(0)
        return recording.make(
            rng.normal(size=(12, 3)).astype(np.float32), unit=["n0", "n1", "n2"], site="layers.3",
            **{
                "stimulus": list("abcabcabcabc"),
                "group": np.repeat(np.arange(4), 3),
                "variables": {
                    "concept": recording.variable(
                        [0, 0, 0, 1, 1, 1, -1, -1, -1, 0, 0, 0],
                        categories=["cat", "dog", "unused"], label_source="measured",
                    ),
                    "angle": recording.variable(np.linspace(0, 6, 12), period=2 * np.pi),
                    "position": np.tile(np.arange(3), 4),
                },
                "unit_variables": {"norm": [0.5, 1.5, 2.5]},
                "system": "toy", "kind": "model", "seed": 3, "activity_units": "activation",
            } | changes,
        )  # fmt: skip

    def test_a_models_recording_there_and_back(self, tmp_path: Path) -> None:
        rec = self.model()
        brain = nwb(to_nwb(rec, tmp_path / "y.nwb"))
        for back in (brain.activity, brain.record(), brain.record("concept")):
            xr.testing.assert_identical(back, rec)
            assert back.dtype == rec.dtype
            for name in rec.coords:
                assert back[name].attrs == rec[name].attrs
        with pytest.raises(UnknownName, match="'concpt'"):
            brain.record("concpt")

    def test_pynapple_opens_a_models_recording(self, tmp_path: Path) -> None:
        rec = self.model()
        written = to_nwb(rec, tmp_path / "y.nwb")
        frame = nap.load_file(str(written))["activity"]
        assert isinstance(frame, nap.TsdFrame)
        np.testing.assert_array_equal(np.asarray(frame.values), rec.values)
        np.testing.assert_allclose(frame.t, np.arange(12))
        trials = nap.load_file(str(written))["trials"]
        np.testing.assert_allclose(trials.start, [0, 3, 6, 9])
        np.testing.assert_allclose(trials.end, [2.5, 5.5, 8.5, 11.5])
        # Each trial's part of the frame is the trial; what is constant in it stands in the table.
        for k in range(4):
            part = frame.restrict(trials[[k]])
            np.testing.assert_array_equal(np.asarray(part.values), rec.values[3 * k : 3 * k + 3])
        table = nwb(written).trials
        spelled = [
            [*table["concept"].attrs["categories"], None][c] for c in table["concept"].values
        ]
        assert spelled == ["cat", "dog", None, "cat"]
        assert "angle" not in table
        assert pynwb.validate(path=str(written)) in ([], ([], 0))

    def test_a_session_keeps_its_clock(self, path: Path, tmp_path: Path) -> None:
        rec = nwb(path).record(width=0.5)
        brain = nwb(to_nwb(rec, tmp_path / "y.nwb", session_start_time=START))
        xr.testing.assert_identical(brain.record(), rec)
        np.testing.assert_allclose(brain.series["activity"]["time"], rec["time"])

    def test_trials_that_overlap_run_on_a_clock_of_their_own(self, tmp_path: Path) -> None:
        spikes = Spikes.from_list(trains())
        rec = spikes.align([10.0, 10.5, 9.0], window=(-1, 1)).bin(0.25)
        brain = nwb(to_nwb(rec, tmp_path / "y.nwb"))
        np.testing.assert_allclose(brain.series["activity"]["time"], np.arange(24) / 4)
        xr.testing.assert_identical(brain.record(), rec)
        assert brain.trials["start_time"].values.tolist() == [0, 2, 4]

    def test_large_recordings_are_written_in_blocks(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from homologue.recording import _blocks

        rec = recording.make(np.random.default_rng(0).normal(size=(1000, 8)))
        stored = recording.open(recording.save(rec, tmp_path / "x.zarr"))
        monkeypatch.setattr(_blocks, "BLOCK_BYTES", 4096)
        back = nwb(to_nwb(stored, tmp_path / "y.nwb")).record()
        np.testing.assert_array_equal(back.values, rec.values)

    def test_an_empty_category_is_told_from_no_label(self, tmp_path: Path) -> None:
        named = recording.variable([0, -1, 1], categories=["", "b"])
        rec = recording.make(np.ones((3, 1)), variables={"x": named})
        xr.testing.assert_identical(nwb(to_nwb(rec, tmp_path / "y.nwb")).record(), rec)

    def test_refusals(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        rec = self.model()
        target = to_nwb(rec, tmp_path / "deep" / "y.nwb")
        with pytest.raises(InvalidRecording, match="overwrite=True"):
            to_nwb(rec, target)
        to_nwb(rec, target, overwrite=True)
        with pytest.raises(InvalidRecording, match="samples first"):
            to_nwb(rec.T, tmp_path / "z.nwb")
        for wrong in ("x", None, rec.to_dataset()):
            with pytest.raises(InvalidRecording, match=rf"given {type(wrong).__name__}\. Record"):
                to_nwb(wrong, tmp_path / "z.nwb")
        assert not (tmp_path / "z.nwb").exists()
        monkeypatch.setattr(pynwb.NWBHDF5IO, "write", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            to_nwb(rec, target, overwrite=True)
        assert [p.name for p in target.parent.iterdir()] == ["y.nwb"]
        xr.testing.assert_identical(nwb(target).record(), rec)
        monkeypatch.setitem(sys.modules, "pynwb", None)
        with pytest.raises(HomologueError, match="pip install"):
            to_nwb(rec, tmp_path / "w.nwb")


@pytest.mark.needs_mirror
class TestRealRecordings:
    MTL = (
        "P17HMH_052208",
        "P27HMH_022310",
        "P28HMH",
        "P29CS_103013",
        "P33CS_032714",
        "P38CS_070115",
    )

    def test_hippocampus_reads_like_pynwb(self, mirror: Path) -> None:
        path = mirror / "recordings/hpc_linear_track/hpc_linear_track.nwb"
        brain = nwb(path, licence="MIT")
        assert len(brain.units) == 31
        with pynwb.NWBHDF5IO(path, "r") as io:
            file = io.read()
            for k in range(31):
                np.testing.assert_array_equal(brain.units[k].times, file.units["spike_times"][k])
            xy = file.processing["behavior"]["Position"]["xy"]
            np.testing.assert_array_equal(brain.position.values, xy.data[:])
            np.testing.assert_array_equal(brain.position["time"], xy.timestamps[:])
        assert brain.units.unit_variables["tetrode"].dtype.kind == "i"

    def test_hippocampus_has_place_cells(self, mirror: Path) -> None:
        """Most units active on the track carry > .4 bit a spike beyond circular shifts."""
        brain = nwb(mirror / "recordings/hpc_linear_track/hpc_linear_track.nwb")
        rec = brain.record(width=0.25)
        x, time = rec["x"].values, rec["time"].values
        speed = np.hypot(np.gradient(x, time), np.gradient(rec["y"].values, time))
        moving = np.isfinite(x) & (speed > 20)
        counts = rec.values[moving].astype(float) * 0.25
        active = counts.sum(0) >= 100
        place = np.digitize(x[moving], np.quantile(x[moving], np.linspace(0, 1, 21))[1:-1])
        occupancy = np.bincount(place, minlength=20) / place.size
        one_hot = np.eye(20)[place]

        def information(activity: np.ndarray) -> np.ndarray:
            rate = (one_hot.T @ activity) / (occupancy[:, None] * place.size)
            ratio = rate / activity.mean(0)
            return (occupancy[:, None] * ratio * np.log2(np.where(ratio > 0, ratio, 1))).sum(0)

        observed = information(counts[:, active])
        rng = np.random.default_rng(0)
        shifts = rng.integers(80, place.size - 80, 199)
        null = np.array([information(np.roll(counts[:, active], s, axis=0)) for s in shifts])
        p = (1 + (null >= observed - 1e-12).sum(0)) / 200
        cells = (observed > 0.4) & (p < 0.01)
        assert active.sum() >= 10
        assert cells.sum() >= 0.6 * active.sum()

    @pytest.mark.parametrize("name", MTL)
    def test_human_counts_are_those_of_the_published_table(self, mirror: Path, name: str) -> None:
        folder = mirror / "recordings/mtl_human_recogmem"
        brain = nwb(folder / f"{name}.nwb", licence="CC-BY-4.0")
        trials = brain.trials
        assert trials.sizes["event"] == 200
        rec = brain.units.align("trials.start_time", window=(0.2, 1.7)).count()
        recording.validate(rec)
        with np.load(folder / "counts_all_sessions.npz", allow_pickle=False) as table:
            key = next(
                k.removesuffix("__counts_learn") for k in table.files
                if k.startswith(f"{name}_") and k.endswith("__counts_learn")
                and len(table[k]) == rec.sizes["unit"]
            )  # fmt: skip
            counts = np.hstack([table[f"{key}__counts_learn"], table[f"{key}__counts_recog"]])
            shown = np.hstack([table[f"{key}__stim_learn"], table[f"{key}__stim_recog"]])
        np.testing.assert_array_equal(rec.values, counts.T)
        np.testing.assert_array_equal(rec["stimulus"], shown)
        assert set(recording.labels(rec, "phase")) == {"learn", "recog"}

    def test_sessions_pool_by_category(self, mirror: Path) -> None:
        folder = mirror / "recordings/mtl_human_recogmem"
        days = []
        for name in self.MTL[2:]:
            units = nwb(folder / f"{name}.nwb").units
            rec = units.align("trials.start_time", window=(0.2, 1.7)).count()
            if "5animals" in rec["category"].attrs["categories"]:
                days.append(rec)
        pooled = recording.pool(days, "category", rng=0)
        assert len(days) >= 3
        assert pooled.sizes == {"sample": 200, "unit": sum(d.sizes["unit"] for d in days)}
        assert pooled.attrs["simultaneous"] == 0
        # Means per category are the sessions' own, whatever the pairing.
        for day in days:
            columns = pooled["session"].values == day.attrs["system"]
            for category in ("1cars", "5animals"):
                mine = pooled.values[recording.labels(pooled, "category") == category][:, columns]
                own = day.values[recording.labels(day, "category") == category]
                np.testing.assert_allclose(mine.mean(0), own.mean(0), rtol=1e-5)
