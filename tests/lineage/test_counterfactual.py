"""Deleting a field: refused where too little is known, right where the truth was planted."""

from __future__ import annotations

import numpy as np
import pytest

from homologue import lineage
from homologue._errors import HomologueError, UnknownName


def test_the_embedded_sample_refuses_paths(sample) -> None:
    answer = lineage.counterfactual(sample, "neuroscience")
    assert answer.refused
    assert answer.level == "direct citation"
    assert answer.reason.startswith("insufficient depth")
    assert answer.known_share == pytest.approx(46 / 2637)
    assert answer.threshold == lineage.THRESHOLD == 0.5
    assert answer.works["lost"].sum() == 28
    assert answer.works["references"].sum() == 1133
    assert len(answer.works) == 26
    assert answer.summary.set_index("state")["works"].to_dict() == {
        "all": 0, "most": 0, "some": 9, "none": 17, "no support known": 0,
    }  # fmt: skip


def test_ideas_of_the_embedded_sample(sample) -> None:
    ideas = lineage.counterfactual(sample, "neuroscience").ideas.set_index("idea")
    assert ideas.loc["representational hierarchy", "state"] == "all"
    assert ideas.loc["concept cells", "state"] == "most"
    assert ideas.loc["efficient coding", "state"] == "no support known"
    assert ideas.loc["ablation / lesion", "state"] == "none"
    direct = lineage.ideas(sample, draws=0)
    mine = direct[direct["field"] == "neuroscience"].set_index("idea")
    assert (ideas["lost"] == mine["count"]).all()
    assert (ideas["references"] == mine["total"]).all()


def test_asking_for_the_direct_answer_is_no_refusal(sample) -> None:
    answer = lineage.counterfactual(sample, "neuroscience", level="direct citation")
    assert not answer.refused
    assert answer.reason == ""


@pytest.fixture
def planted(graph_of):
    """Two chains: one stands on neuroscience alone, one on both; a cycle sits in each."""
    edges = [
        ("new", "middle"), ("middle", "twin"), ("twin", "middle"), ("middle", "brain"),
        ("mixed", "middle"), ("mixed", "sums"), ("mixed", "rings"),
        ("free", "sums"), ("rings", "ringed"), ("ringed", "rings"),
        ("brain", "old"),
    ]  # fmt: skip
    fields = {"brain": "neuroscience", "old": "physics", "sums": "mathematics / statistics"}
    groups = dict.fromkeys(("new", "mixed", "free"), "mi")
    titles = {"middle": "beta", "sums": "alpha", "brain": "gamma"}
    return graph_of(edges, fields=fields, groups=groups, titles=titles)


def test_paths_find_what_direct_citation_cannot(planted) -> None:
    graph = planted
    paths = lineage.counterfactual(graph, "neuroscience", threshold=0.3)
    assert (paths.level, paths.refused) == ("paths", False)
    states = paths.works.set_index("id")["state"].to_dict()
    # 'new' cites no neuroscience, and yet all its paths end there; 'brain' is deleted with
    # what it stood on, so the path through it to 'old' does not save anything.
    assert states == {"new": "all", "mixed": "some", "free": "none"}
    assert paths.works.set_index("id").loc["mixed", "share"] == pytest.approx(1 / 3)
    direct = lineage.counterfactual(graph, "neuroscience", level="direct citation")
    assert direct.works.set_index("id")["state"].to_dict() == {
        "new": "none", "mixed": "none", "free": "none",
    }  # fmt: skip


def test_ideas_lose_through_their_landmarks(planted) -> None:
    patterns = {"one": ["alpha"], "two": ["beta"], "three": ["gamma"]}
    answer = lineage.counterfactual(planted, "neuroscience", threshold=0.3, patterns=patterns)
    ideas = answer.ideas.set_index("idea")
    # 'beta' is no neuroscience, but loses all its paths; nobody of the group cites 'gamma'.
    assert ideas["state"].to_dict() == {"one": "none", "two": "all", "three": "no support known"}
    assert ideas.loc["two", "lost"] == 0
    assert ideas.loc["three", "deleted"] == 1


def test_works_can_be_deleted_by_id(planted) -> None:
    answer = lineage.counterfactual(planted, works=["sums", "rings", "ringed"], threshold=0)
    states = answer.works.set_index("id")["state"].to_dict()
    assert states == {"new": "none", "mixed": "most", "free": "all"}
    assert answer.deleted == "sums, rings, ringed"
    both = lineage.counterfactual(planted, "neuroscience", works=["sums"], threshold=0)
    assert both.deleted_works == 2


def test_deleting_everything_that_is_cited(sample) -> None:
    answer = lineage.counterfactual(sample, lineage.FIELDS, citing=None)
    assert answer.works.empty
    assert (answer.ideas["references"] == 0).all()


def test_the_threshold_decides(sample) -> None:
    below = lineage.counterfactual(sample, "neuroscience", threshold=0.0174)
    above = lineage.counterfactual(sample, "neuroscience", threshold=0.0175)
    assert not below.refused
    assert above.refused
    # What is known of paths only adds to what is lost directly.
    direct = above.works.set_index("id")["share"]
    paths = below.works.set_index("id")["share"]
    assert (paths >= direct.reindex(paths.index) - 1e-12).all()
    assert np.isfinite(paths).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, HomologueError, "nothing to delete"),
        ({"works": ["toy_models_2021"]}, UnknownName, "did you mean 'toy_models_2022'"),
        ({"field": "neuroscience", "level": "path"}, UnknownName, "did you mean 'paths'"),
        ({"field": "neuroscience", "threshold": 50}, HomologueError, "between 0 and 1"),
    ],
)
def test_bad_questions(sample, options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        lineage.counterfactual(sample, **options)
