"""MiniLM: its embedding is what the encoder's own recipe gives, and it knows meanings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import homologue as hm
from homologue._errors import HomologueError


@pytest.fixture(scope="module")
def encoder():
    return hm.sentence(device="cpu")


def test_the_embedding_is_the_mean_over_tokens_at_unit_length(encoder):
    texts = ["A cat sat on the mat.", "Rain.", "Nobody in the room had expected any of this."]
    rec = encoder.record(texts, sites="embedding", batch_size=3)
    assert rec["unit"].values[0] == "embedding/0"
    assert "token" not in rec.coords
    for row, text in zip(rec.values, texts, strict=True):
        with torch.no_grad():
            inputs = encoder.tokenizer(text, return_tensors="pt")
            mean = encoder.model(**inputs).last_hidden_state[0].mean(dim=0)
        np.testing.assert_allclose(row, (mean / mean.norm()).numpy(), atol=1e-5)


def test_like_meanings_lie_close(encoder):
    texts = ["The kitten slept on the sofa.", "A small cat was napping on the couch."]
    others = ["Interest rates rose again in March.", "The committee approved the new budget."]
    rec = encoder.record([*texts, *others], sites="embedding")
    similarity = rec.values @ rec.values.T
    assert similarity[0, 1] > 0.6
    assert similarity[:2, 2:].max() < 0.2


def test_layers_and_the_twin(encoder):
    some = hm.stimuli.sentences(concepts=["animals", "tools"], n_exemplars=3, n_templates=1)
    rec = encoder.record(some, sites="mlp_post")
    assert set(rec["layer"].values) == set(range(6))
    assert "[CLS]" not in hm.recording.labels(rec, "token")
    twin = encoder.untrained(0).record(some, sites="embedding")
    assert twin.shape == (6, 384)
    assert abs((twin.values * encoder.record(some, sites="embedding").values).sum(1)).max() < 0.3


def test_the_embedding_is_recorded_by_itself(encoder):
    with pytest.raises(HomologueError, match="'embedding' has samples of its own kind"):
        encoder.record(["a"], sites=["embedding", "mlp_post.0"])
    with pytest.raises(HomologueError, match="max_tokens=256"):
        encoder.record(["word " * 300], sites="embedding")
