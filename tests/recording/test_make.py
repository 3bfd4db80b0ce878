"""What a recording may be, and what each error says."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError, InvalidRecording, UnknownName

ONES = np.ones((4, 3))


def test_codes_keep_the_order_of_appearance() -> None:
    rec = recording.make(ONES, stimulus=["b", "a", "b", "c"], group=["z", "z", "y", "y"])
    assert rec["stimulus"].values.tolist() == [0, 1, 0, 2]
    assert rec["stimulus"].attrs["categories"] == ["b", "a", "c"]
    assert rec["group"].values.tolist() == [0, 0, 1, 1]
    assert recording.labels(rec, "stimulus").tolist() == ["b", "a", "b", "c"]


def test_defaults_are_one_group_a_sample_and_numbered_units() -> None:
    rec = recording.make(ONES.astype(int))
    assert rec.dtype == np.float64
    assert rec["group"].values.tolist() == [0, 1, 2, 3]
    assert rec["unit"].values.tolist() == ["0", "1", "2"]
    assert recording.provenance(rec) == {
        "system": "unnamed", "kind": "model", "family": "unnamed",
        "activity_units": "arbitrary", "simultaneous": 1,
    }  # fmt: skip


def test_booleans_become_categories_and_whole_floats_codes() -> None:
    rec = recording.make(
        ONES, block=[0.0, 0.0, 1.0, 1.0], variables={"rewarded": [True, False] * 2}
    )
    assert recording.labels(rec, "rewarded").tolist() == ["True", "False"] * 2
    assert rec["block"].dtype.kind == "i"


def test_group_may_come_with_the_variables() -> None:
    rec = recording.make(ONES, variables={"group": xr.Variable("sample", np.array([3, 3, 4, 4]))})
    assert rec["group"].values.tolist() == [3, 3, 4, 4]


def test_the_code_minus_one_is_no_label_but_a_number_minus_one_is() -> None:
    named = recording.variable([0, -1, 1, -1], categories=["left", "right"])
    rec = recording.make(
        ONES, variables={"named": named, "side": [-1, 1, -1, 1], "x": [0.5, np.nan, 1, 2]}
    )
    assert recording.labels(rec, "named").tolist() == ["left", None, "right", None]
    assert recording.labelled(rec, "named").tolist() == [True, False, True, False]
    assert recording.labelled(rec, "side").all()
    assert recording.labelled(rec, "x").tolist() == [True, False, True, True]


def test_validate_returns_the_same_object() -> None:
    rec = recording.make(ONES)
    assert recording.validate(rec) is rec


BAD_ARGUMENTS = {
    "shape": ({"activity": np.ones(3)}, r"dims \(sample, unit\); given shape \(3,\)"),
    "infinite": ({"activity": np.array([[1.0, np.inf]])}, "holds Inf .first in unit '1'"),
    "empty": ({"activity": np.ones((0, 3))}, "empty: 0 samples"),
    "length": ({"stimulus": ["a", "b"]}, r"'stimulus' has shape \(2,\), but there are 4 samples"),
    "duplicate": ({"unit": ["a", "b", "a"]}, "not unique: 'a'"),
    "unit count": ({"unit": ["a", "b"]}, "2 unit names given for 3 units"),
    "site count": ({"site": ["a", "b"]}, "2 sites given for 3 units"),
    "unit column": ({"unit_variables": {"depth": [1.0]}}, r"'depth' has shape \(1,\)"),
    "two dims": (
        {"unit_variables": {"x": [1, 2, 3]}, "variables": {"x": [1, 2, 3, 4]}},
        "'x' is given on 'unit' and on 'sample'",
    ),
    "kind": ({"kind": "brian"}, "did you mean 'brain'"),
    "fractional group": ({"group": [0.5, 1, 2, 3]}, "non-integer floats"),
    "attribute": ({"note": ["a", "b"]}, "scalar provenance only; 'note' is list"),
    "group shape": ({"group": xr.Variable("sample", np.ones(4))}, "one integer code per sample"),
    "codes": (
        {"variables": {"x": xr.Variable("sample", [0, 1, 2, 5], {"categories": ["a", "b"]})}},
        "run from 0 to 5, but there are 2 categories",
    ),
    "words": (
        {"variables": {"x": xr.Variable("sample", np.array(["a", "b", "c", "d"]))}},
        "fixed-width string per sample",
    ),
}


@pytest.mark.parametrize("case", BAD_ARGUMENTS)
def test_make_says_what_is_wrong(case: str) -> None:
    arguments, message = BAD_ARGUMENTS[case]
    with pytest.raises(InvalidRecording, match=message):
        recording.make(**({"activity": ONES} | arguments))


def test_missing_values_are_refused_unless_declared() -> None:
    rec = recording.make(np.array([[1.0, np.nan], [2.0, 3.0]]))
    with pytest.raises(InvalidRecording, match=r"NaN \(1 of 4"):
        recording.validate(rec)
    recording.validate(rec, allow_missing=True)
    assert recording.drop_missing(rec).values.tolist() == [[2.0, 3.0]]
    assert recording.drop_missing(rec, by="unit").values.tolist() == [[1.0], [2.0]]
    with pytest.raises(InvalidRecording, match="every sample holds NaN"):
        recording.drop_missing(rec * np.nan)
    with pytest.raises(InvalidRecording, match="'sample' or 'unit'"):
        recording.drop_missing(rec, by="units")


def test_validate_says_what_is_wrong() -> None:
    rec = recording.make(ONES)
    # Under the type checks of these tests the annotation speaks first.
    with pytest.raises((InvalidRecording, TypeError), match="DataArray"):
        recording.validate(ONES)
    with pytest.raises(InvalidRecording, match="samples first"):
        recording.validate(rec.T)
    with pytest.raises(InvalidRecording, match="floating point; given dtype int"):
        recording.validate(rec.astype(int))
    with pytest.raises(InvalidRecording, match="index on 'sample'"):
        recording.validate(rec.assign_coords(sample=range(4)))
    with pytest.raises(InvalidRecording, match="no 'unit' coordinate"):
        recording.validate(rec.drop_vars("unit"))
    with pytest.raises(InvalidRecording, match="no 'group'"):
        recording.validate(rec.drop_vars("group"))
    with pytest.raises(UnknownName, match="no variable 'grop' on 'sample'; did you mean 'group'"):
        recording.validate(rec, needs=["grop"])
    assert issubclass(UnknownName, HomologueError)


def test_finite_values_whose_sum_overflows_are_accepted() -> None:
    recording.validate(recording.make(np.full((4, 4), 1e308)))


def test_variables_know_their_period() -> None:
    degrees = np.array([0.0, 90.0, 180.0, 270.0])
    assert recording.variable(degrees, period=360).attrs["period"] == 360.0
    with pytest.raises(InvalidRecording, match="degrees declared as radians"):
        recording.variable(degrees, period=2 * np.pi)
    with pytest.raises(InvalidRecording, match="positive"):
        recording.variable(degrees, period=0)
    recording.variable(np.full(3, np.nan), period=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": np.ones((2, 2))}, "one value per sample"),
        ({"values": ["a"], "label_source": "experiment"}, "did you mean 'experimenter'"),
        ({"values": [0, 2], "categories": ["a", "b"]}, "codes run from 0 to 2"),
        ({"values": [1j]}, "numbers or strings"),
    ],
)
def test_variable_says_what_is_wrong(arguments: dict, message: str) -> None:
    with pytest.raises(InvalidRecording, match=message):
        recording.variable(**arguments)


def test_units_of_another_recording() -> None:
    one = recording.make(
        np.ones((2, 3)), unit=list("abc"), site="V1", unit_variables={"depth": [1, 2, 3]}
    )
    other = recording.make(np.zeros((4, 3)), unit=one.coords, group=[0, 0, 1, 1])
    assert other["depth"].values.tolist() == [1, 2, 3]
    assert other["site"].values.tolist() == ["V1"] * 3
    assert other.indexes["unit"] is one.indexes["unit"]
    assert other["group"].values.tolist() == [0, 0, 1, 1]
    with pytest.raises(InvalidRecording, match="3 unit names"):
        recording.make(np.zeros((4, 2)), unit=one.coords)


def test_few_values_on_a_circle_are_classes_of_their_own() -> None:
    shown = np.tile([90.0, 0.0, 135.0, 180.0, np.nan], 4)
    orientation = recording.variable(shown, period=180)
    rec = recording.make(np.ones((20, 1)), variables={"orientation": orientation})
    codes, names = recording.classes(rec, "orientation")
    assert names == ["0", "90", "135"]
    assert codes[:5].tolist() == [1, 0, 2, 0, -1]
    assert recording.classes(rec, "orientation", arcs=2)[1] == ["0 to 90", "90 to 180"]
