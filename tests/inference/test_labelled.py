"""From a recording and a variable to codes, groups and a design."""

import numpy as np
import pytest

from homologue._errors import InvalidDesign, InvalidRecording, UnknownName
from homologue.inference._labelled import labelled_design
from homologue.recording import make, variable


def recording(label, **options):
    activity = np.arange(2.0 * len(label)).reshape(len(label), 2)
    return make(activity, variables={"odour": label, **options.pop("variables", {})}, **options)


def test_samples_without_a_label_are_left_out():
    codes = np.array([0, 1, -1, 0, 1, 1, 0, -1, 0, 1])
    rec = recording(variable(codes, categories=["rose", "mint"]))
    found = labelled_design(rec, "odour")
    np.testing.assert_array_equal(found.rows, np.flatnonzero(codes >= 0))
    np.testing.assert_array_equal(found.codes, codes[codes >= 0])
    assert found.names == ["rose", "mint"]
    np.testing.assert_array_equal(found.activity(rec), rec.values[codes >= 0])


def test_whole_activity_is_not_copied():
    rec = recording(np.arange(8) % 2)
    assert np.shares_memory(labelled_design(rec, "odour").activity(rec), rec.values)


def test_groups_are_numbered_anew_among_the_labelled():
    codes = np.array([0, 0, -1, -1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1])
    group = np.repeat(np.arange(7) * 5, 2)
    found = labelled_design(recording(variable(codes, categories=["a", "b"]), group=group), "odour")
    np.testing.assert_array_equal(found.group, np.repeat(np.arange(6), 2))
    assert found.design.scheme == "between groups"
    assert found.attrs["n_groups"] == 6


def test_continuous_variable_is_cut_into_classes():
    found = labelled_design(recording(np.linspace(0, 1, 40)), "odour")
    np.testing.assert_array_equal(found.codes, np.arange(40) // 10)
    assert len(found.names) == 4


def test_result_says_what_was_exchanged():
    found = labelled_design(recording(np.arange(12) % 2), "odour")
    assert found.attrs == {
        "null": "label permutation, between groups",
        "n_samples": 12,
        "n_groups": 12,
        "classes": "0, 1",
    }


def test_block_and_time_are_read_and_the_lag_is_told():
    rng = np.random.default_rng(0)
    label, time = rng.integers(0, 2, 120), np.arange(120) * 0.1
    group, block = np.repeat([0, 1], 60), np.repeat([0, 1], 60)
    rec = recording(label, variables={"time": time}, group=group, block=block)
    found = labelled_design(rec, "odour", minimum_lag=0.5)
    assert found.design.scheme == "circular shift"
    assert "circular shift" in found.attrs["null"]
    assert "0.5 s" in found.attrs["null"]
    for index in found.design.draw(5, 0):
        np.testing.assert_array_equal(block[index], block)


def test_unlabelled_samples_break_a_stretch_in_two():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 201)
    codes[100] = -1
    rec = recording(
        variable(codes, categories=["a", "b"]),
        variables={"time": np.arange(201) * 0.1}, group=np.zeros(201, int),
    )  # fmt: skip
    first = np.arange(200) < 100
    for index in labelled_design(rec, "odour").design.draw(10, 0):
        np.testing.assert_array_equal(first[index], first)


@pytest.mark.parametrize(
    ("label", "message"),
    [(np.zeros(6, int), "has 1 class"), (np.full(6, np.nan), "has no label at all in 6 samples")],
)
def test_fewer_than_two_classes(label, message):
    with pytest.raises(InvalidDesign, match=message):
        labelled_design(recording(label), "odour")


def test_unknown_variable_names_the_nearest():
    with pytest.raises(UnknownName, match="odour"):
        labelled_design(recording(np.arange(6) % 2), "odor")


def test_missing_activity_is_refused():
    rec = recording(np.arange(6) % 2)
    rec.values[2, 1] = np.nan
    with pytest.raises(InvalidRecording, match="NaN"):
        labelled_design(rec, "odour")
