"""Concepts, sentences and running text."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from homologue import stimuli
from homologue._errors import HomologueError, UnknownName
from homologue.stimuli._words import ENDINGS, SENTENCES, WORDS


def spelled(values):
    return [values.attrs["categories"][code] for code in values.values]


def test_lists_are_large_and_apart():
    words = [word for group in WORDS.values() for word in group]
    assert len(words) == len({word.lower() for word in words})  # no word in two lists
    assert len(stimuli.DEFAULT_CONCEPTS) == 12
    for name in stimuli.DEFAULT_CONCEPTS:
        assert len(WORDS[name]) >= 20
    assert (len(WORDS["weekdays"]), len(WORDS["months"])) == (7, 12)
    assert "cities" not in stimuli.LOWER_CASE_CONCEPTS
    assert "animals" in stimuli.LOWER_CASE_CONCEPTS


def test_concepts_cross_templates_with_words():
    made = stimuli.concepts()
    assert len(made) == 12 * 20 * 5
    concept, exemplar = spelled(made.variables["concept"]), spelled(made.variables["exemplar"])
    template, group = spelled(made.variables["template"]), spelled(made.group)
    assert group == exemplar
    for item, word, frame in zip(made.items, exemplar, template, strict=True):
        assert item == frame.format(word)
        assert item.endswith(word)  # what positions="last" reads
    # Balanced: each concept has every template equally often, so templates tell no concept.
    pairs, counts = np.unique(
        np.char.add(np.array(concept), np.array(template)), return_counts=True
    )
    assert pairs.size == 60
    assert set(counts) == {20}
    assert len(set(made.items)) == len(made)


def test_sentences_hold_the_word_inside():
    made = stimuli.sentences(concepts=["tools"], n_exemplars=3, n_templates=6)
    for item, word in zip(made.items, spelled(made.variables["exemplar"]), strict=True):
        assert f" {word} " in item or f" {word}." in item
        assert item.endswith(".")
    assert len({frame.replace("{}", "") for frame in ENDINGS + SENTENCES}) == 12


def test_weekdays_and_months_are_circles():
    days = stimuli.concepts(concepts=["weekdays"], n_templates=2)
    assert len(days) == 14
    assert days.variables["phase"].attrs["period"] == 7
    assert days.variables["phase"].values.tolist() == sorted([*range(7), *range(7)])
    months = stimuli.concepts(concepts="months", n_templates=1)
    assert months.variables["phase"].attrs["period"] == 12
    with pytest.raises(HomologueError, match="'weekdays' has 7 exemplars, 20 asked for"):
        stimuli.concepts(concepts=["animals", "weekdays"])
    assert len(stimuli.concepts(concepts=["animals", "weekdays"], n_exemplars=7)) == 2 * 7 * 5


def test_bad_concepts():
    with pytest.raises(UnknownName, match="did you mean 'animals'"):
        stimuli.concepts(concepts=["animal"])
    with pytest.raises(HomologueError, match="each concept once"):
        stimuli.concepts(concepts=["tools", "tools"])
    with pytest.raises(HomologueError, match="n_templates is 1 … 6"):
        stimuli.concepts(n_templates=7)
    with pytest.raises(HomologueError, match="n_exemplars"):
        stimuli.concepts(n_exemplars=0)
    with pytest.raises(HomologueError, match="'animals' has 24 exemplars"):
        stimuli.concepts(n_exemplars=25)


def test_topics_need_nothing():
    made = stimuli.text.topics(characters=400)
    assert len(made) > 500
    assert max(map(len, made.items)) <= 400
    document = made.group.values
    assert np.unique(document).size > 50
    assert (np.diff(document) >= 0).all()
    place = made.variables["passage"].values
    for (before, here), (first, second) in zip(pairwise(document), pairwise(place), strict=True):
        assert second == (first + 1 if before == here else 0)


def test_passages_lose_nothing_and_end_well():
    text = "One sentence here. Another one follows! And a third? " * 20
    made = stimuli.text.passages([("a", text), ("b", "x" * 250)], characters=100)
    words = " ".join(item for item, d in zip(made.items, made.group.values, strict=True) if d == 0)
    assert words.split() == text.split()
    assert all(item[-1] in ".!?" for item in made.items[:-3])
    assert [len(item) for item in made.items[-3:]] == [100, 100, 50]  # one long word is cut
    with pytest.raises(HomologueError, match="empty"):
        stimuli.text.passages([("a", "  ")])
    with pytest.raises(HomologueError, match="at least one character"):
        stimuli.text.passages([("a", "b")], characters=0)
    with pytest.raises(UnknownName, match="did you mean 'brown'"):
        stimuli.text.corpus("browne")


@pytest.mark.needs_mirror
@pytest.mark.parametrize(
    ("name", "documents", "word"),
    [("brown", 500, "Fulton"), ("moby", 135, "Ishmael"), ("sotu", 233, "Fellow")],
)
def test_corpora(name, documents, word):
    made = stimuli.text.corpus(name, n_passages=2)
    assert np.unique(made.group.values).size == documents
    assert word in made.items[0]
    assert made.licence
    assert len(stimuli.text.corpus(name, n_documents=3, n_passages=1)) == 3
