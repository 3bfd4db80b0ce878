"""Stimulus sets: items, labels and groups stay together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError, InvalidRecording, UnknownName
from homologue.stimuli import Stimuli


@pytest.fixture
def words():
    return Stimuli(
        ["a cat", "a dog", "a saw"],
        {"concept": ["animal", "animal", "tool"], "size": np.array([2.0, 3.0, 1.0])},
        group=["cat", "dog", "saw"],
    )


def test_everything_follows_a_selection(words):
    some = words.take([2, 0])
    assert some.items == ("a saw", "a cat")
    assert some.names == ("a saw", "a cat")
    assert some.variables["size"].values.tolist() == [1, 2]
    concept = some.variables["concept"]
    assert [concept.attrs["categories"][c] for c in concept.values] == ["tool", "animal"]
    assert words.take(np.array([False, True, False])).items == ("a dog",)
    assert words.select(concept="animal").items == ("a cat", "a dog")
    assert words.select(concept=["tool", "animal"], size=[1.0, 2.0]).items == ("a cat", "a saw")
    assert words.take([1]).group.attrs["categories"][words.take([1]).group.values[0]] == "dog"


def test_wrong_selections(words):
    with pytest.raises(HomologueError, match="no item is left"):
        words.take([])
    with pytest.raises(UnknownName, match="did you mean 'concept'"):
        words.select(concepts="animal")
    with pytest.raises(UnknownName, match="did you mean 'animal'"):
        words.select(concept="animals")


def test_kinds_of_items():
    assert Stimuli([np.array([1, 2]), np.array([3])]).modality == "tokens"
    assert Stimuli([np.zeros((4, 5, 3), np.uint8)]).modality == "image"
    assert Stimuli([np.zeros((4, 5), np.uint8)]).modality == "image"
    assert Stimuli(np.zeros((3, 2))).modality == "array"
    assert Stimuli(torch.zeros(3, 2)).modality == "array"
    with pytest.raises(HomologueError, match="of one kind; given array, text"):
        Stimuli(["a", np.zeros(2)])
    with pytest.raises(HomologueError, match="given int64 of shape"):
        Stimuli([np.zeros((2, 2), int)])


def test_bad_sets(words):
    with pytest.raises(HomologueError, match="empty"):
        Stimuli([])
    with pytest.raises(HomologueError, match=r"given one string 'a cat'"):
        Stimuli("a cat")
    with pytest.raises(HomologueError, match="'x' has shape"):
        Stimuli(["a", "b"], {"x": [1]})
    with pytest.raises(HomologueError, match="'group' has shape"):
        Stimuli(["a", "b"], group=["one"])
    with pytest.raises(HomologueError, match="may not be called 'position'"):
        Stimuli(["a"], {"position": [1]})
    with pytest.raises(HomologueError, match="2 names for 1 items"):
        Stimuli(["a"], names=["a", "b"])


def test_a_period_that_does_not_fit_is_caught():
    with pytest.raises(InvalidRecording, match="degrees declared as radians"):
        recording.variable([0.0, 180.0], period=6.28)


def test_equal_items_keep_names_of_their_own():
    assert Stimuli(["a", "a", "b", "a"]).names == ("a", "a [2]", "b", "a [3]")


def test_a_set_is_not_changed_by_what_made_it(words):
    with pytest.raises(AttributeError):
        words.items = ()
    assert "3 text items in 3 groups, concept (2)" in repr(words)


def test_text_keeps_the_order_of_its_categories():
    words = np.array(["right", "left", "right"], dtype=object)
    given = xr.Variable(("sample",), words, {"categories": ["left", "right"], "quantity": "space"})
    side = Stimuli(["a", "b", "c"], {"side": given}).variables["side"]
    assert side.values.tolist() == [1, 0, 1]
    assert side.attrs["categories"] == ["left", "right"]
    assert side.attrs["quantity"] == "space"
    bare = Stimuli(["a", "b", "c"], {"side": xr.Variable(("sample",), words)}).variables["side"]
    assert [bare.attrs["categories"][code] for code in bare.values] == words.tolist()
    given.attrs["categories"] = ["left"]
    with pytest.raises(HomologueError, match="holds 'right', which is none of its categories"):
        Stimuli(["a", "b", "c"], {"side": given})
