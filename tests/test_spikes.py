"""Spikes against plain loops, and everything they refuse."""

from __future__ import annotations

import itertools
import pickle
import sys

import numpy as np
import pynapple as nap
import pytest
import xarray as xr
from hypothesis import event, given, settings
from hypothesis import strategies as st

from homologue import recording
from homologue._errors import HomologueError, InvalidRecording, UnknownName
from homologue.spikes import Aligned, Spikes
from homologue.spikes._segments import positions

SETTINGS = settings(max_examples=40, deadline=None)
# A grid coarse enough that spikes, events and edges often coincide exactly.
TIMES = st.integers(0, 80).map(lambda k: k / 8)


def lists() -> st.SearchStrategy[list[list[float]]]:
    return st.lists(st.lists(TIMES, max_size=25).map(sorted), min_size=1, max_size=5)


@st.composite
def disjoint(draw: st.DrawFn) -> list[list[float]]:
    """Return disjoint intervals, some of which touch."""
    edges = sorted(draw(st.lists(st.integers(0, 80), max_size=8, unique=True)))
    rows = [[a / 8, b / 8] for a, b in itertools.pairwise(edges)]
    return [row for row in rows if draw(st.booleans())]


def poisson(units: int = 6, seconds: float = 60.0, rate: float = 8.0, seed: int = 0) -> list:
    rng = np.random.default_rng(seed)
    return [np.sort(rng.uniform(0, seconds, rng.poisson(rate * seconds))) for _ in range(units)]


def within(t: float, rows: np.ndarray) -> bool:
    return any(a <= t <= b for a, b in rows)


def whole(a: float, b: float, rows: list) -> bool:
    """Tell whether [a, b] lies in the union of rows, by walking through it."""
    for start, end in sorted(map(tuple, rows)):
        if start <= a <= end:
            if b <= end:
                return True
            a = end
    return False


class TestSegments:
    @SETTINGS
    @given(times=lists(), queries=st.lists(TIMES, max_size=6), many=st.integers(0, 3))
    def test_positions_like_searchsorted_however_they_are_found(
        self, times: list, queries: list, many: int
    ) -> None:
        # Long segments and few queries are bisected, the others ranked.
        times = [sorted(train * 10**many) for train in times]
        spikes = Spikes.from_list(times)
        found = positions(spikes.times, spikes.index, np.array(queries, dtype=float))
        expected = [
            start + np.searchsorted(train, queries)
            for start, train in zip(spikes.starts, times, strict=True)
        ]
        np.testing.assert_array_equal(found, np.array(expected).reshape(found.shape))


class TestMaking:
    def test_units_without_spikes_are_kept(self) -> None:
        spikes = Spikes([0.5, 1.0], np.array([0, 2, 2], dtype=np.uint8), unit=["a", "b", "c"])
        assert spikes.counts.tolist() == [0, 2, 0]
        assert len(spikes) == 3
        assert "3 units, 2 spikes" in repr(spikes)

    def test_no_spikes_at_all(self) -> None:
        spikes = Spikes.from_list([[], []], obs_intervals=[[0, 4]])
        np.testing.assert_array_equal(spikes.bin(1), np.zeros((4, 2)))
        assert spikes.align([1.0, 2.0], window=(0, 1)).count().values.tolist() == [[0, 0], [0, 0]]
        assert spikes.rate.tolist() == [0, 0]

    def test_it_is_frozen_and_its_arrays_are_read_only(self) -> None:
        times = np.array([0.5, 1.0])
        spikes = Spikes(times, [2])
        with pytest.raises(AttributeError):
            spikes.times = times  # type: ignore[misc]
        with pytest.raises(ValueError, match="read-only"):
            spikes.times[0] = 3
        times[0] = 0.25  # the user's own array stays writable
        assert pickle.loads(pickle.dumps(spikes)).unit.tolist() == ["0"]

    def test_intervals_common_to_all_are_stored_once(self) -> None:
        rows = [[0.0, 1.0], [2.0, 3.0]]
        ragged = Spikes.from_list([[0.5], [2.5]], obs_intervals=[rows, rows[::-1]])
        flat = Spikes([0.5, 2.5], [1, 2], obs_intervals=rows * 2, obs_index=[2, 4])
        for spikes in (ragged, flat):
            assert spikes.obs_index is None
            assert spikes.obs_intervals.tolist() == rows
        assert ragged.duration.tolist() == [2, 2]
        assert ragged.rate.tolist() == [0.5, 0.5]

    def test_each_unit_may_have_its_own_intervals(self) -> None:
        spikes = Spikes.from_list(
            [[0.5], [], [4.5]], obs_intervals=[[[0, 1]], [], [[2, 3], [4, 5]]]
        )
        assert spikes.obs_index.tolist() == [1, 1, 3]
        assert spikes.duration.tolist() == [1, 0, 2]
        np.testing.assert_array_equal(spikes.rate, [1, np.nan, 0.5])

    def test_two_lists_of_one_interval_are_one_list_a_unit(self) -> None:
        spikes = Spikes.from_list([[0.5], [2.5]], obs_intervals=[[[0, 1]], [[2, 3]]])
        assert spikes.duration.tolist() == [1, 1]

    @SETTINGS
    @given(times=lists(), data=st.data())
    def test_spikes_outside_are_an_error_or_dropped_and_counted(
        self, times: list, data: st.DataObject
    ) -> None:
        common = data.draw(st.booleans())
        rows = [data.draw(disjoint())] * len(times) if common else [
            data.draw(disjoint()) for _ in times
        ]  # fmt: skip
        given_rows = np.array(rows[0]).reshape(-1, 2) if common else rows
        kept = [[t for t in train if within(t, r)] for train, r in zip(times, rows, strict=True)]
        lost = sum(map(len, times)) - sum(map(len, kept))
        if lost:
            with pytest.raises(InvalidRecording, match=f"{lost} of .* lie outside obs_intervals"):
                Spikes.from_list(times, obs_intervals=given_rows)
        spikes = Spikes.from_list(times, obs_intervals=given_rows, outside="drop")
        assert spikes.dropped == lost
        assert [part.tolist() for part in np.split(spikes.times, spikes.index[:-1])] == kept

    @SETTINGS
    @given(
        times=st.lists(
            st.lists(TIMES | st.sampled_from([np.nan, np.inf, -np.inf]), max_size=3),
            min_size=1,
            max_size=5,
        )
    )
    def test_times_are_refused_unless_finite_and_ascending(self, times: list) -> None:
        flat = np.array([t for train in times for t in train])
        fine = np.isfinite(flat).all() and all(train == sorted(train) for train in times)
        event(f"fine: {fine}")
        if fine:
            assert Spikes.from_list(times).times.tolist() == flat.tolist()
            return
        with pytest.raises(InvalidRecording, match=r"do not ascend|NaN or Inf"):
            Spikes.from_list(times)

    def test_numbers_make_names(self) -> None:
        for numbers in ([0], [3, 1], [0, 9, 10, 9999], [9999, 10_000], [-3, 5]):
            for kind in ("int16", "int64"):
                made = Spikes([], [0] * len(numbers), np.array(numbers, dtype=kind)).unit
                assert made.tolist() == [str(number) for number in numbers]

    def test_sorting_is_asked_for(self) -> None:
        times = [[3.0, 1.0], [0.5]]
        with pytest.raises(InvalidRecording, match=r"do not ascend within 1 of 2 units.*'0'"):
            Spikes.from_list(times)
        assert Spikes.from_list(times, sort=True).times.tolist() == [1, 3, 0.5]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"times": [[0.1]], "index": [1]}, "one flat array"),
            ({"index": [1, 1]}, "ends at 1, there are 2 values"),
            ({"index": [2, 1, 2]}, "and it decreases"),
            ({"index": [1.0, 2.0]}, "holds integers"),
            ({"index": []}, "one number a unit"),
            ({"times": [0.1, np.nan]}, "1 spike times are NaN or Inf, first in unit '1'"),
            ({"unit": ["a"]}, "1 unit names given for 2 units"),
            ({"unit": ["a", "a"]}, "'a' stands more than once"),
            ({"unit_variables": {"q": [1]}}, "'q' has shape"),
            ({"obs_intervals": [[0, 2], [1, 3]]}, "overlap .1 times, first 0 … 2 s and 1 … 3 s"),
            ({"obs_intervals": [[2, 0]]}, "end before they start"),
            ({"obs_intervals": [[0, np.nan]]}, "NaN or Inf"),
            ({"obs_intervals": [[0, 1, 2]]}, "rows of .start, end."),
            ({"obs_intervals": [[[0, 1]]]}, "1 lists of obs_intervals given for 2 units"),
            ({"obs_index": [1, 2]}, "without obs_intervals"),
            ({"obs_intervals": [[0, 5]], "outside": "keep"}, "'error' or 'drop'"),
            ({"obs_intervals": [[0, 5]] * 2, "obs_index": [1, 3]}, "does not fit the obs_interv"),
            ({"obs_intervals": [[0, 5]] * 2, "obs_index": [2]}, "1 entries for 2 units"),
        ],
    )
    def test_refusals(self, arguments: dict, message: str) -> None:
        with pytest.raises(InvalidRecording, match=message):
            Spikes(**({"times": [0.1, 0.2], "index": [1, 2]} | arguments))
        if "index" not in arguments:
            assert len(Spikes([0.1, 0.2], [1, 2])) == 2


class TestChoosing:
    spikes = Spikes.from_list(
        [[0.1, 0.2, 0.3], [0.4], [], [0.5, 0.6]],
        unit=["a", "b", "c", "d"],
        unit_variables={"quality": ["good", "mua", "good", "noise"], "depth": [1, 2, 3, 4]},
        obs_intervals=[[[0, 1]], [[0, 2]], [[0, 1], [2, 3]], [[0.5, 1]]],
    )

    @pytest.mark.parametrize(
        "choice", [["d", "a"], [3, 0], [-1, 0], np.array(["d", "a"], dtype=object)]
    )
    def test_by_name_and_position_in_the_order_given(self, choice: object) -> None:
        part = self.spikes[choice]
        assert part.unit.tolist() == ["d", "a"]
        assert part.times.tolist() == [0.5, 0.6, 0.1, 0.2, 0.3]
        assert part.unit_variables["depth"].tolist() == [4, 1]
        assert part.obs_intervals.tolist() == [[0.5, 1], [0, 1]]
        assert part.obs_index.tolist() == [1, 2]

    def test_by_mask_slice_and_one_name(self) -> None:
        assert self.spikes[np.array([False, True, True, False])].unit.tolist() == ["b", "c"]
        assert self.spikes[1:3].unit.tolist() == ["b", "c"]
        assert self.spikes["c"].unit.tolist() == ["c"]
        assert self.spikes[2].obs_intervals.tolist() == [[0, 1], [2, 3]]

    def test_filters(self) -> None:
        assert self.spikes.select(quality="good").unit.tolist() == ["a", "c"]
        assert self.spikes.select(quality=["good", "mua"], min_spikes=1).unit.tolist() == ["a", "b"]
        assert self.spikes.select(min_rate=1.0).unit.tolist() == ["a", "d"]
        assert self.spikes.select(max_rate=0.5).unit.tolist() == ["b", "c"]
        assert self.spikes.select(depth=lambda d: d > 2).unit.tolist() == ["c", "d"]
        assert self.spikes.where(lambda s: s.counts == 1).unit.tolist() == ["b"]
        assert self.spikes.where(self.spikes.counts == 0).unit.tolist() == ["c"]

    def test_refusals(self) -> None:
        with pytest.raises(UnknownName, match="no unit is named 'aa'"):
            self.spikes["aa"]
        with pytest.raises(UnknownName, match="'qualty'; did you mean 'quality'"):
            self.spikes.select(qualty="good")
        with pytest.raises(InvalidRecording, match="no units are left"):
            self.spikes.select(min_rate=100)
        with pytest.raises(InvalidRecording, match="positions run from 0 to 3"):
            self.spikes[[4]]
        with pytest.raises(InvalidRecording, match="chosen twice"):
            self.spikes[["a", "a"]]
        with pytest.raises(InvalidRecording, match="mask of 3 was given for 4 units"):
            self.spikes[np.ones(3, bool)]
        with pytest.raises(InvalidRecording, match="names, positions or a mask"):
            self.spikes[[0.5]]
        with pytest.raises(InvalidRecording, match="one boolean per unit"):
            self.spikes.where([1, 0, 1, 0])

    @pytest.mark.parametrize("answer", [3, True, [True], [1, 0, 1, 0], [[True] * 4], "good"])
    def test_a_function_returns_one_boolean_per_unit(self, answer: object) -> None:
        with pytest.raises(
            InvalidRecording, match=r"for 'depth' returns one boolean per unit.*lambda values"
        ):
            self.spikes.select(depth=lambda values: answer)
        assert len(self.spikes.select(depth=lambda values: [True, False, True, True])) == 3


class TestRestrict:
    @SETTINGS
    @given(times=lists(), rows=disjoint(), data=st.data())
    def test_like_a_loop(self, times: list, rows: list, data: st.DataObject) -> None:
        observed = [[[0, 10]] if data.draw(st.booleans()) else [[0, 4], [4, 10]] for _ in times]
        known = data.draw(st.booleans())
        spikes = Spikes.from_list(times, obs_intervals=observed if known else None)
        part = spikes.restrict(np.array(rows).reshape(-1, 2))
        expected = [[t for t in train if within(t, rows)] for train in times]
        assert [p.tolist() for p in np.split(part.times, part.index[:-1])] == expected
        np.testing.assert_allclose(part.duration, sum(b - a for a, b in rows))
        # What is left satisfies everything that was checked before.
        Spikes(part.times, part.index, obs_intervals=part.obs_intervals, obs_index=part.obs_index)

    def test_by_start_and_end_table_and_name(self) -> None:
        table = xr.Dataset(
            {"start_time": ("event", [2.0, 0.0]), "stop_time": ("event", [3.0, 1.0])}
        )
        spikes = Spikes.from_list([[0.5, 1.5, 2.5]], events={"epochs": table})
        for when in (table, "epochs", nap.IntervalSet([0, 2], [1, 3])):
            assert spikes.restrict(when).times.tolist() == [0.5, 2.5]
        assert spikes.restrict(1, 2).times.tolist() == [1.5]
        with pytest.raises(UnknownName, match="'epoch'; did you mean 'epochs'"):
            spikes.restrict("epoch")
        with pytest.raises(InvalidRecording, match="overlap"):
            spikes.restrict([[0, 2], [1, 3]])
        with pytest.raises(InvalidRecording, match="'stop_time' is missing"):
            spikes.restrict(table.drop_vars("stop_time"))


class TestBin:
    @SETTINGS
    @given(times=lists(), width=st.sampled_from([1 / 8, 0.25, 0.3, 1.0]), data=st.data())
    def test_like_a_loop(self, times: list, width: float, data: st.DataObject) -> None:
        rows = [data.draw(disjoint()) for _ in times]
        spikes = Spikes.from_list(times, obs_intervals=rows, outside="drop")
        rec = spikes.bin(width, start=0, end=10, activity_units="spikes")
        recording.validate(rec, allow_missing=True)
        edges = width * np.arange(int(10 / width + 1e-9) + 1)
        assert rec.sizes["sample"] == edges.size - 1
        np.testing.assert_allclose(rec["time"], (edges[1:] + edges[:-1]) / 2)
        parts = np.split(spikes.times, spikes.index[:-1])
        for column, (train, observed) in enumerate(zip(parts, rows, strict=True)):
            for row, (a, b) in enumerate(itertools.pairwise(edges)):
                value = rec.values[row, column]
                if whole(a, b, observed):
                    assert value == np.sum((train >= a) & (train < b))
                elif not whole(a + 1e-5 * width, b - 1e-5 * width, observed):
                    assert np.isnan(value)

    def test_rates_groups_and_provenance(self) -> None:
        spikes = Spikes.from_list(
            [[0.1, 0.2, 5.5], [6.1]], obs_intervals=[[0, 2], [5, 7]], unit=["x", "y"],
            unit_variables={"site": ["CA1", "CA3"]},
            attrs={"system": "rat", "family": "lab", "licence": "CC0", "path": "/nowhere"},
        )  # fmt: skip
        rec = spikes.bin(1)
        assert rec["group"].values.tolist() == [0, 0, 1, 1, 1, 2, 2]
        assert np.isnan(rec.values[2:5]).all()
        np.testing.assert_array_equal(rec.values[[0, 1, 5, 6]], [[2, 0], [0, 0], [1, 0], [0, 1]])
        assert rec["site"].values.tolist() == ["CA1", "CA3"]
        assert rec.attrs == {
            "system": "rat", "kind": "brain", "family": "lab", "activity_units": "spikes/s",
            "simultaneous": 1, "sampling_interval": 1.0, "licence": "CC0",
        }  # fmt: skip
        np.testing.assert_array_equal(spikes.bin(0.5).values[0], [4, 0])

    def test_counts_add_up_over_widths(self) -> None:
        spikes = Spikes.from_list(poisson())
        fine = spikes.bin(0.05, start=0, end=60, activity_units="spikes").values
        coarse = spikes.bin(1, start=0, end=60, activity_units="spikes").values
        np.testing.assert_array_equal(fine.reshape(60, 20, -1).sum(1), coarse)
        assert coarse.sum() == spikes.times.size

    def test_the_order_of_units_does_not_matter(self) -> None:
        spikes = Spikes.from_list(poisson())
        order = [3, 1, 5, 0]
        one = spikes.bin(0.1, start=0, end=60)
        xr.testing.assert_identical(spikes[order].bin(0.1, start=0, end=60), one.isel(unit=order))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"width": 0.0}, "positive number of seconds"),
            ({"width": np.nan}, "positive number of seconds"),
            ({"width": 500.0}, "not milliseconds"),
            ({"width": 1.0, "start": 5.0, "end": 5.0}, "no time to bin"),
            ({"width": 1.0, "activity_units": "Hz"}, "'spikes/s' or 'spikes'"),
            ({"width": 1e-12, "start": 0, "end": 60}, r"6e\+13 bins × 1 units .* take wider bins"),
            ({"width": 5e-324}, "inf bins × 1 units"),
        ],
    )
    def test_refusals(self, arguments: dict, message: str) -> None:
        with pytest.raises(InvalidRecording, match=message):
            Spikes.from_list(poisson(1)).bin(**arguments)

    def test_what_memory_could_never_hold_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        spikes = Spikes.from_list(poisson(4))
        aligned = spikes.align([1.0, 2.0], window=(0, 1))
        monkeypatch.setattr("homologue.spikes._bin.memory_bytes", lambda: 2**20)
        with pytest.raises(
            InvalidRecording, match=r"60000 bins × 4 units are 240000 values and need 0\.\d+ GiB"
        ):
            spikes.bin(0.001, start=0, end=60)
        with pytest.raises(InvalidRecording, match="200000 bins × 4 units are 800000 values"):
            aligned.bin(1e-5)
        assert spikes.bin(0.1, start=0, end=60).sizes == {"sample": 600, "unit": 4}
        monkeypatch.setattr("homologue.spikes._bin.memory_bytes", lambda: None)
        assert aligned.bin(0.001).sizes == {"sample": 2000, "unit": 4}


class TestAlign:
    @SETTINGS
    @given(
        times=lists(),
        events=st.lists(TIMES | st.just(np.nan), min_size=1, max_size=6),
        before=st.integers(-8, 8).map(lambda k: k / 8),
        bins=st.integers(1, 5),
        data=st.data(),
    )
    def test_like_a_loop(
        self, times: list, events: list, before: float, bins: int, data: st.DataObject
    ) -> None:
        rows = [data.draw(disjoint()) or [[0, 10]] for _ in times]
        spikes = Spikes.from_list(times, obs_intervals=rows, outside="drop")
        window, width = (before, before + bins / 4), 0.25
        try:
            aligned = spikes.align(events, window=window)
        except InvalidRecording as error:
            assert any(w in str(error) for w in ("none of the", "longer than", "outside the sess"))  # noqa: PT017
            event("refused")
            return
        known = [(i, e) for i, e in enumerate(events) if not np.isnan(e)]
        assert aligned.trial.tolist() == [i for i, _ in known]
        assert aligned.left_out == len(events) - len(known)
        rec = aligned.bin(width, activity_units="spikes")
        recording.validate(rec, allow_missing=True)
        assert rec.sizes["sample"] == len(known) * bins
        parts = np.split(spikes.times, spikes.index[:-1])
        for column, (train, observed) in enumerate(zip(parts, rows, strict=True)):
            rasters = aligned.raster(column)
            for number, (_, centre) in enumerate(known):
                inside = train[(train >= centre + window[0]) & (train < centre + window[1])]
                assert rasters[number].tolist() == (inside - centre).tolist()
                assert aligned.raster(column, number).tolist() == rasters[number].tolist()
                for k in range(bins):
                    a = centre + before + k * width
                    value = rec.values[number * bins + k, column]
                    if whole(a, a + width, observed):
                        assert value == np.sum((train >= a) & (train < a + width))
                    else:
                        assert np.isnan(value)
        grid = recording.unstack(rec)
        assert grid.shape == (len(known), bins, len(times))

    def test_agrees_with_pynapple(self) -> None:
        spikes = Spikes.from_list(poisson(seed=1))
        events = np.sort(np.random.default_rng(2).uniform(5, 55, 30))
        aligned = spikes.align(nap.Ts(events), window=(-0.5, 1.5))
        peri = nap.compute_perievent(spikes.to_pynapple(), nap.Ts(events), (0.5, 1.5))
        for unit in range(len(spikes)):
            for number, mine in enumerate(aligned.raster(unit)):
                np.testing.assert_allclose(mine, peri[unit][number].t, atol=2e-9)

    def test_events_columns_stand_on_samples(self) -> None:
        table = xr.Dataset(
            {
                "start_time": ("event", [1.0, 3.0, 5.0]),
                "response_time": ("event", [1.5, np.nan, 5.5]),
                "choice": ("event", [0, 1, 0], {"categories": ["left", "right"]}),
                "contrast": ("event", [0.1, 0.5, 1.0]),
                "block": ("event", [7, 7, 8]),
                "stimulus": ("event", [4, 2, 4]),
                "waveform": (("event", "point"), np.zeros((3, 2))),
            }
        )
        spikes = Spikes.from_list([[1.1, 3.2, 5.3], []], events={"trials": table})
        aligned = spikes.align(
            "trials.start_time", window=(0, 0.5), block="block",
            variables={"lag": [3, 4, 5], "hit": [True, False, True]},
        )  # fmt: skip
        assert isinstance(aligned, Aligned)
        assert "2 units × 3 events, 3 spikes" in repr(aligned)
        rec = aligned.bin(0.25)
        assert (
            recording.labels(rec, "choice").tolist() == ["left"] * 2 + ["right"] * 2 + ["left"] * 2
        )
        assert rec["contrast"].values.tolist() == [0.1, 0.1, 0.5, 0.5, 1.0, 1.0]
        assert rec["block"].values.tolist() == [7, 7, 7, 7, 8, 8]
        assert rec["trials_block"].values.tolist() == [7, 7, 7, 7, 8, 8]
        assert rec["trials_lag"].values.tolist() == [3, 3, 4, 4, 5, 5]
        assert recording.labels(rec, "hit").tolist() == ["True"] * 2 + ["False"] * 2 + ["True"] * 2
        assert rec["stimulus"].values.tolist() == [4, 4, 2, 2, 4, 4]
        assert rec["lag"].values.tolist() == [0.125, 0.375] * 3
        np.testing.assert_allclose(rec["time"], [1.125, 1.375, 3.125, 3.375, 5.125, 5.375])
        assert rec["trial"].values.tolist() == rec["group"].values.tolist() == [0, 0, 1, 1, 2, 2]
        assert "waveform" not in rec.coords
        answered = spikes.align("trials.response_time", window=(-0.5, 0)).count()
        assert answered["trial"].values.tolist() == [0, 2]
        assert answered["choice"].values.tolist() == [0, 0]
        assert answered.attrs["events_left_out"] == 1
        assert answered.values[:, 0].tolist() == [1, 1]
        # A table alone stands for its start_time.
        whole = spikes.align("trials.start_time", window=(0, 0.5)).count()
        xr.testing.assert_identical(spikes.align("trials", window=(0, 0.5)).count(), whole)
        np.testing.assert_array_equal(spikes.align(table, window=(0, 0.5)).count(), whole)

    def test_names_that_units_have_taken_get_the_tables_name(self) -> None:
        spikes = Spikes.from_list(
            poisson(2), unit_variables={"depth": [1.0, 2.0], "group": ["a", "b"]}
        )
        aligned = spikes.align([1.0, 2.0], window=(0, 1), variables={"depth": [5, 6]})
        rec = aligned.count()
        assert rec["depth"].values.tolist() == [1, 2]
        assert rec["events_depth"].values.tolist() == [5, 6]
        assert rec["unit_group"].values.tolist() == ["a", "b"]
        assert spikes.bin(1)["unit_group"].values.tolist() == ["a", "b"]

    def test_groups_may_be_declared(self) -> None:
        spikes = Spikes.from_list(poisson(2))
        aligned = spikes.align(
            [1.0, 3.0, 5.0], window=(0, 1), variables={"day": list("xxy")}, group="day"
        )
        assert aligned.count()["group"].values.tolist() == [0, 0, 1]
        given_values = spikes.align([1.0, 3.0, 5.0], window=(0, 1), group=[4, 4, 2])
        assert given_values.count()["group"].values.tolist() == [4, 4, 2]
        with pytest.raises(UnknownName, match="group='dya' is not a column; did you mean 'day'"):
            spikes.align([1.0], window=(0, 1), variables={"day": ["x"]}, group="dya")
        with pytest.raises(InvalidRecording, match="fractions or NaN"):
            spikes.align([1.0, 2.0], window=(0, 1), block=[0.5, 1.0])

    def test_count_of_a_part_of_the_window(self) -> None:
        spikes = Spikes.from_list(poisson(3))
        aligned = spikes.align(np.arange(5, 50, 5.0), window=(-1, 2))
        part = aligned.count((0, 0.5))
        direct = spikes.align(np.arange(5, 50, 5.0), window=(0, 0.5)).count()
        np.testing.assert_array_equal(part.values, direct.values)
        assert "lag" not in part.coords
        rate = aligned.count((0, 0.5), activity_units="spikes/s")
        np.testing.assert_allclose(rate.values, direct.values * 2)
        assert (part.attrs["activity_units"], rate.attrs["activity_units"]) == (
            "spikes",
            "spikes/s",
        )
        with pytest.raises(InvalidRecording, match="not inside the aligned one"):
            aligned.count((0, 3))

    def test_windows_that_overlap_are_counted(self) -> None:
        spikes = Spikes.from_list(poisson(1))
        events = [10.0, 10.5, 20.0, 30.0, 30.9]
        assert spikes.align(events, window=(0, 1)).count().attrs["windows_overlapping"] == 2
        assert spikes.align(events, window=(0, 0.5)).count().attrs["windows_overlapping"] == 0

    def test_edges_far_from_zero_do_not_lose_spikes(self) -> None:
        event = 86400.0
        edges = event + np.array([-0.3, -0.2, -0.1, 0.0, 0.1])
        spikes = Spikes.from_list([np.append(0.0, edges)])
        rec = spikes.align([event], window=(-0.3, 0.3)).bin(0.1, activity_units="spikes")
        assert rec.values.sum() == 5
        assert rec["lag"].values.tolist() == [-0.25, -0.15, -0.05, 0.05, 0.15, 0.25]

    @pytest.mark.parametrize(
        ("events", "window", "error", "message"),
        [
            ([1.0], (1, 0), InvalidRecording, r"empty.*try window=\(-1, 1\)"),
            ([1.0], (0, 0), InvalidRecording, "empty"),
            ([1.0], (0, np.inf), InvalidRecording, r"Try window=\(-0.5, 1.5\)"),
            ([1.0], (-500, 1500), InvalidRecording, "not milliseconds"),
            ([1000.0], (0, 1), InvalidRecording, "every event .1000 … 1000 s. lies outside"),
            ([[1.0]], (0, 1), InvalidRecording, "one flat array"),
            (["a"], (0, 1), InvalidRecording, "times in seconds"),
            ([np.nan], (0, 1), InvalidRecording, "none of the 1 events has a time"),
            ([np.inf], (0, 1), InvalidRecording, "events hold Inf"),
            ("trial.start_time", (0, 1), UnknownName, "'trial' .in 'trial.start_time'.; did you "),
            ("trials.strt_time", (0, 1), UnknownName, "'strt_time'; did you mean 'start_time'"),
            ("trials.choice", (0, 1), InvalidRecording, "does not hold times"),
            (xr.Dataset({"onset": ("event", [1.0])}), (0, 1), UnknownName, "'start_time'"),
        ],
    )
    def test_refusals(self, events: object, window: tuple, error: type, message: str) -> None:
        table = xr.Dataset(
            {"start_time": ("event", [1.0]), "choice": ("event", [0], {"categories": ["a"]})}
        )
        spikes = Spikes.from_list(poisson(1), events={"trials": table})
        with pytest.raises(error, match=message):
            spikes.align(events, window=window)

    def test_more_refusals(self) -> None:
        spikes = Spikes.from_list(poisson(1))
        with pytest.raises(UnknownName, match="carry no event tables"):
            spikes.align("trials.start_time", window=(0, 1))
        with pytest.raises(InvalidRecording, match="'x' has shape"):
            spikes.align([1.0], window=(0, 1), variables={"x": [1, 2]})
        aligned = spikes.align([1.0], window=(0, 1))
        with pytest.raises(InvalidRecording, match=r"whole number of bins of 0.3 s; try a"):
            aligned.bin(0.3)
        with pytest.raises(InvalidRecording, match="wider than the 1 s"):
            aligned.bin(50)


class TestPynapple:
    def test_there_and_back(self) -> None:
        spikes = Spikes.from_list(
            [*poisson(2), []], unit=["a", "b", "c"], obs_intervals=[[0, 30], [30.5, 60]],
            unit_variables={"quality": ["good", "mua", "good"], "depth": [1.0, 2.0, 3.0]},
            outside="drop",
        )  # fmt: skip
        back = Spikes.from_pynapple(spikes.to_pynapple())
        np.testing.assert_allclose(back.times, spikes.times, atol=1e-9)
        assert back.index.tolist() == spikes.index.tolist()
        assert back.unit.tolist() == ["a", "b", "c"]
        assert back.unit_variables["quality"].tolist() == ["good", "mua", "good"]
        assert back.unit_variables["depth"].tolist() == [1, 2, 3]
        np.testing.assert_allclose(back.obs_intervals, spikes.obs_intervals)

    def test_intervals_that_touch_are_one(self) -> None:
        spikes = Spikes.from_list([[0.5, 1.0, 1.5]], obs_intervals=[[0, 1], [1, 2]])
        group = spikes.to_pynapple()
        assert group.time_support.values.tolist() == [[0, 2]]
        assert group[0].t.tolist() == [0.5, 1.0, 1.5]

    @pytest.mark.parametrize(
        ("times", "observed"),
        [
            ([[1.0], [1.0]], None),
            ([[], []], None),
            ([[1.0], [1.5]], [[1, 1], [1.2, 2]]),
            ([[1.0], [1.5]], [[1, 1], [1, 2]]),
            ([[1e9], [1e9 + 1]], [[1e9, 1e9], [1e9 + 1, 1e9 + 1]]),
        ],
    )
    def test_moments_are_kept(self, times: list, observed: list | None) -> None:
        spikes = Spikes.from_list(times, obs_intervals=observed)
        group = spikes.to_pynapple()
        assert [group[k].t.tolist() for k in range(2)] == times
        assert group.time_support.tot_length() <= spikes.duration[0] + 1e-6

    @SETTINGS
    @given(
        times=lists(), rows=disjoint(), moments=st.lists(TIMES, max_size=4, unique=True),
        scale=st.sampled_from([1.0, 1e-6, 1e-9, 1e-10]),
    )  # fmt: skip
    def test_no_spike_is_lost(self, times: list, rows: list, moments: list, scale: float) -> None:
        rows = rows + [[t, t] for t in moments if not within(t, rows)]
        spikes = Spikes.from_list(
            [np.array(train) * scale for train in times],
            obs_intervals=np.array(rows).reshape(-1, 2) * scale, outside="drop",
        )  # fmt: skip
        group = spikes.to_pynapple()
        assert [len(group[k]) for k in range(len(spikes))] == spikes.counts.tolist()

    def test_spikes_that_pynapple_leaves_out_are_an_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        intervals = nap.IntervalSet
        monkeypatch.setattr(nap, "IntervalSet", lambda start, end: intervals(start, end - 0.5))
        spikes = Spikes.from_list([[0.1, 0.9], [0.2, 1.0]])
        with pytest.raises(InvalidRecording, match="pynapple keeps 2 of 4 spikes"):
            spikes.to_pynapple()

    def test_counts_agree(self) -> None:
        spikes = Spikes.from_list(poisson(), obs_intervals=[[0, 60]])
        frame = spikes.to_pynapple().count(0.5)
        rec = spikes.bin(0.5, activity_units="spikes")
        np.testing.assert_array_equal(rec.values, frame.values)
        np.testing.assert_allclose(rec["time"], frame.t)

    def test_refusals(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ragged = Spikes.from_list([[0.5], [2.5]], obs_intervals=[[[0, 1]], [[2, 3]]])
        with pytest.raises(InvalidRecording, match="one time support"):
            ragged.to_pynapple()
        with pytest.raises(InvalidRecording, match="expected a pynapple TsGroup, given Ts"):
            Spikes.from_pynapple(nap.Ts([1.0, 2.0]))
        monkeypatch.setitem(sys.modules, "pynapple", None)
        with pytest.raises(HomologueError, match="pip install"):
            ragged.to_pynapple()
