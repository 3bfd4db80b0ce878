"""Stimulus sets by name, and relations."""

from __future__ import annotations

import numpy as np
import pytest

from homologue import stimuli
from homologue._errors import HomologueError, UnknownName


def test_every_set_is_made_by_name_alone():
    found = stimuli.sets()
    assert {"concepts", "sentences", "relations", "images.digits", "text.brown"} <= set(found)
    assert "images.photograph" not in found
    for name, make in found.items():
        assert make.__doc__.startswith("Return")
        if not name.startswith("text.") or name == "text.topics":
            made = stimuli.named(name, seed=0)
            assert len(made) > 20, name
            assert np.unique(made.group.values).size > 1, name


def test_options_are_checked():
    assert len(stimuli.named("images.digits", n_per_digit=2)) == 20
    with pytest.raises(UnknownName, match="did you mean 'concepts'"):
        stimuli.named("concept")
    with pytest.raises(HomologueError, match="did you mean 'n_exemplars'"):
        stimuli.named("concepts", exemplars=3)


def test_relations_vary_within_every_pair():
    made = stimuli.relations()
    relation = made.variables["relation"]
    count = len(relation.attrs["categories"])
    assert len(made) == 24 * count * 2
    for group in np.unique(made.group.values):
        inside = relation.values[made.group.values == group]
        assert np.bincount(inside).tolist() == [2] * count
    words = {frozenset(item.lower().split()) for item in made.items[:2]}
    assert len(words) == 1  # both orders hold the same words
    with pytest.raises(HomologueError, match="n_pairs is 1 … 24"):
        stimuli.relations(n_pairs=25)
