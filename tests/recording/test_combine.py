"""Concatenation, matching, trials × lags: closed forms and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from homologue import recording
from homologue._errors import InvalidRecording, UnknownName


def session(offset: float, **options: object) -> xr.DataArray:
    options = {"stimulus": ["a", "b", "a"], "group": [5, 5, 6]} | options
    return recording.make(np.full((3, 2), offset), unit=["p", "q"], **options)


def test_categories_are_united_and_recoded() -> None:
    joined = recording.concat([session(0), session(1, stimulus=["c", "b", "c"])])
    assert recording.labels(joined, "stimulus").tolist() == list("abacbc")
    assert joined["group"].values.tolist() == [0, 0, 1, 2, 2, 3]
    assert joined["block"].values.tolist() == [0, 0, 0, 1, 1, 1]


def test_no_label_stays_no_label() -> None:
    def with_choice(codes: list[int], names: list[str]) -> xr.DataArray:
        choice = recording.variable(codes, categories=names)
        return session(float(codes[0]), variables={"choice": choice})

    joined = recording.concat([with_choice([0, -1, 0], ["l"]), with_choice([1, 0, -1], ["r", "l"])])
    assert recording.labels(joined, "choice").tolist() == ["l", None, "l", "l", "r", None]


def test_declared_blocks_stay_and_a_session_without_is_one_block() -> None:
    joined = recording.concat([session(0, block=["x", "x", "y"]), session(1)])
    assert joined["block"].values.tolist() == [0, 0, 1, 2, 2, 2]


def test_named_groups_of_different_recordings_stay_apart() -> None:
    names = ["t1", "t1", "t2"]
    joined = recording.concat([session(0, group=names), session(1, group=names)])
    assert recording.labels(joined, "group").tolist() == [
        "0:t1", "0:t1", "0:t2", "1:t1", "1:t1", "1:t2",
    ]  # fmt: skip


def test_provenance_that_differs_is_not_claimed() -> None:
    joined = recording.concat(
        [session(0, licence="MIT", seed=1), session(1, licence="MIT", seed=2)]
    )
    assert joined.attrs["licence"] == "MIT"
    assert "seed" not in joined.attrs


def test_concat_refusals() -> None:
    first = session(0)
    with pytest.raises(InvalidRecording, match="given none"):
        recording.concat([])
    with pytest.raises(InvalidRecording, match="'sample' or 'unit'"):
        recording.concat([first], "trial")
    with pytest.raises(InvalidRecording, match="given twice"):
        recording.concat([first, session(1), first.copy()])
    with pytest.raises(InvalidRecording, match="different units"):
        recording.concat([first, first.assign_coords(unit=["p", "r"]) + 1])
    angle = {"variables": {"angle": recording.variable([0.0, 1.0, 2.0], period=360)}}
    radian = {"variables": {"angle": recording.variable([0.0, 1.0, 2.0], period=2 * np.pi)}}
    with pytest.raises(InvalidRecording, match="differ in the period of 'angle'"):
        recording.concat([session(0, **angle), session(1, **radian)])
    coded = {"variables": {"side": ["l", "r", "l"]}}
    plain = {"variables": {"side": [0, 1, 0]}}
    with pytest.raises(InvalidRecording, match="categories in some recordings"):
        recording.concat([session(0, **coded), session(1, **plain)])


def test_units_join_where_samples_agree() -> None:
    first = session(0, site="CA1", unit_variables={"depth": [1.0, 2.0]}, variables={"x": [1, 2, 3]})
    second = session(1, site="CA3-distal").assign_coords(unit=["r", "s"])
    joined = recording.concat([first, second], "unit")
    assert joined["site"].values.tolist() == ["CA1", "CA1", "CA3-distal", "CA3-distal"]
    assert joined["x"].values.tolist() == [1, 2, 3]
    assert "depth" not in joined.coords
    np.testing.assert_array_equal(joined.values[0], [0, 0, 1, 1])
    with pytest.raises(InvalidRecording, match="differ in 'stimulus'"):
        recording.concat([first, session(1, stimulus=["a", "b", "b"])], "unit")
    with pytest.raises(InvalidRecording, match="not unique"):
        recording.concat([first, session(1)], "unit")


def test_match_draws_whole_groups_of_each_class() -> None:
    label = np.repeat([0, 1, 2], [6, 8, 4])
    group = np.arange(18) // 2
    rec = recording.make(np.arange(18.0)[:, None], group=group, variables={"x": label})
    part = recording.match(rec, "x", groups=2, classes=3, rng=1)
    for c in range(3):
        drawn = part["group"].values[part["x"].values == c]
        assert np.unique(drawn).size == 2
        assert drawn.size == 4
    with pytest.raises(InvalidRecording, match="2 such classes of 3"):
        recording.match(rec, "x", groups=3, classes=3, rng=0)
    with pytest.raises(InvalidRecording, match="2 units asked for, the recording has 1"):
        recording.match(rec, units=2, rng=0)
    with pytest.raises(InvalidRecording, match="name the variable"):
        recording.match(rec, groups=2, rng=0)
    with pytest.raises(UnknownName):
        recording.match(rec, "y", groups=2, rng=0)


def test_match_counts_negative_numbers_as_classes_and_nan_as_none() -> None:
    side = [-1, 1, -1, 1]
    x = [0.0, np.nan, 1.0, np.nan]
    rec = recording.make(np.ones((4, 1)), variables={"side": side, "x": x})
    assert set(recording.match(rec, "side", classes=2, rng=0)["side"].values) == {-1, 1}
    assert recording.match(rec, "x", classes=2, rng=0).sizes["sample"] == 2


def test_every_unit_and_group_is_drawn_equally_often() -> None:
    rec = recording.make(np.ones((12, 6)), stimulus=np.repeat(["a", "b"], 6))
    rng = np.random.default_rng(0)
    units, groups = np.zeros(6), np.zeros(12)
    draws = 600
    for _ in range(draws):
        part = recording.match(rec, "stimulus", groups=3, units=2, rng=rng)
        units[part["unit"].values.astype(int)] += 1
        groups[part["group"].values] += 1
    for count, p in ((units, 1 / 3), (groups, 1 / 2)):
        z = (count - draws * p) / np.sqrt(draws * p * (1 - p))
        assert np.abs(z).max() < 4


def test_unstack_pads_and_keeps_what_is_constant() -> None:
    rec = recording.make(
        np.arange(5.0)[:, None],
        group=[0, 0, 0, 1, 1],
        variables={
            "trial": [4, 4, 4, 9, 9],
            "lag": [0.0, 0.1, 0.2, 0.0, 0.1],
            "choice": ["l", "l", "l", "r", "r"],
            "gap": [np.nan, np.nan, np.nan, 2.0, 2.0],
            "x": [0.0, 1.0, 2.0, 3.0, 4.0],
        },
    )
    grid = recording.unstack(rec)
    assert grid.dims == ("trial", "lag", "unit")
    np.testing.assert_array_equal(grid.values[..., 0], [[0, 1, 2], [3, 4, np.nan]])
    assert grid["recorded"].values.tolist() == [[True, True, True], [True, True, False]]
    assert grid["choice"].dims == ("trial",)
    assert grid["gap"].dims == ("trial",)
    assert grid["x"].dims == ("trial", "lag")
    xr.testing.assert_identical(recording.stack(grid.transpose("unit", "lag", "trial")), rec)
    with pytest.raises(InvalidRecording, match="same 'lag' more than once"):
        recording.unstack(rec.assign_coords(lag=("sample", np.zeros(5))))
    with pytest.raises(InvalidRecording, match="stack needs dims"):
        recording.stack(grid.rename(lag="time"))


def test_stack_makes_each_trial_a_group() -> None:
    grid = xr.DataArray(
        np.zeros((3, 2, 4)),
        dims=("trial", "lag", "unit"),
        coords={"unit": list("abcd"), "lag": [0.0, 0.5]},
        attrs={"kind": "brain"},
    )
    rec = recording.stack(grid)
    assert rec["group"].values.tolist() == [0, 0, 1, 1, 2, 2]
    assert rec["lag"].values.tolist() == [0.0, 0.5] * 3


def test_blocks_refuse_no_bytes() -> None:
    with pytest.raises(ValueError, match="positive number of bytes"):
        next(recording.blocks(recording.make(np.ones((2, 1))), bytes=0))
