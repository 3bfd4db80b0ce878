"""SmolLM2 from the package index: the real model, its conversion, its twin."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import homologue as hm
from homologue.systems import _assets, _language


@pytest.fixture(scope="module")
def llm(smollm2):
    return smollm2


@pytest.fixture(scope="module")
def few():
    return hm.stimuli.concepts(concepts=["animals", "tools"], n_exemplars=6, n_templates=2)


def test_it_is_the_trained_model(llm):
    ids = llm.tokenizer("The capital of France is", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        best = llm.model(ids).logits[0, -1].argmax()
    assert llm.tokenizer.decode(best) == " Paris"
    config = llm.model.config
    assert (config.num_hidden_layers, config.hidden_size, config.intermediate_size) == (
        (30, 576, 1536)
    )


def test_record(llm, few):
    rec = llm.record(few, sites="model.layers.*.mlp.act_fn", positions="last")
    assert rec.shape == (24, 30 * 1536)
    hm.recording.validate(rec)
    # The last token is the word's own last token.
    ends = [str(w)[-2:] for w in hm.recording.labels(rec, "exemplar")]
    assert [str(t)[-2:] for t in hm.recording.labels(rec, "token")] == ends
    assert np.unique(rec["group"]).size == 12
    with torch.no_grad():
        layer = llm.model.model.layers[3].mlp
        seen = []
        handle = layer.act_fn.register_forward_hook(lambda m, a, out: seen.append(out[0, -1]))
        llm.model(**llm.tokenizer(few.items[5], return_tensors="pt"))
        handle.remove()
    np.testing.assert_allclose(
        rec.values[5, rec["layer"].values == 3], seen[0].numpy(), atol=1e-4, rtol=1e-3
    )


def test_batches_do_not_change_it(llm, few):
    some = few.take(range(0, 24, 4))
    one = llm.record(some, sites="resid_post", positions="last", batch_size=1)
    many = llm.record(some, sites="resid_post", positions="last")
    assert np.abs(one.values - many.values).max() < 1e-5 * np.abs(one.values).max()


def test_the_twin_is_drawn_as_the_model_was(llm, few):
    twin = llm.untrained(0)
    state = twin.model.state_dict()
    for name in ("model.embed_tokens.weight", "model.layers.7.mlp.up_proj.weight"):
        assert float(state[name].std()) == pytest.approx(1 / 24, rel=0.02)
    assert (state["model.norm.weight"] == 1).all()
    assert twin.model.lm_head.weight is twin.model.model.embed_tokens.weight
    rec = twin.record(few, sites="resid_post.5", positions="last")
    again = llm.untrained(0).record(few, sites="resid_post.5", positions="last")
    np.testing.assert_array_equal(rec.values, again.values)
    trained = llm.record(few, sites="resid_post.5", positions="last")
    assert abs(np.corrcoef(rec.values.ravel(), trained.values.ravel())[0, 1]) < 0.2


def test_conversion_is_whole_or_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOLOGUE_CACHE", str(tmp_path))
    monkeypatch.setattr(_assets, "fetch", lambda name: tmp_path / "model.gguf")
    asset = _assets.get("smollm2-135m")

    def killed(source, folder):
        (folder / "half").write_text("…")
        raise KeyboardInterrupt

    monkeypatch.setattr(_language, "_dequantise", killed)
    with pytest.raises(KeyboardInterrupt):
        _language._converted(asset)
    assert not list((tmp_path / "converted").iterdir())

    def whole(source, folder):
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(_language, "_dequantise", whole)
    folder = _language._converted(asset)
    assert [path.name for path in folder.iterdir()] == ["config.json"]

    # Another process finished first: its folder is used, ours leaves nothing behind.
    def raced(source, part):
        whole(source, part)
        whole(source, folder.with_name(folder.name))

    (folder / "config.json").unlink()
    folder.rmdir()
    folder_made = folder

    def late(source, part):
        folder_made.mkdir()
        (folder_made / "config.json").write_text("theirs")
        (part / "config.json").write_text("ours")

    monkeypatch.setattr(_language, "_dequantise", late)
    assert (_language._converted(asset) / "config.json").read_text() == "theirs"
    assert [path.name for path in (tmp_path / "converted").iterdir()] == [folder.name]


def test_a_damaged_conversion_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMOLOGUE_CACHE", str(tmp_path))
    monkeypatch.setattr(_assets, "fetch", lambda name: tmp_path / "model.gguf")
    made = []

    def dequantise(source, folder):
        made.append(folder)
        (folder / "config.json").write_text("damaged" if len(made) == 1 else "good")

    def load(folder, dtype):
        from pathlib import Path

        if (Path(folder) / "config.json").read_text() == "damaged":
            raise hm.systems._hub.HomologueError("damaged")
        return torch.nn.Linear(1, 1), None

    monkeypatch.setattr(_language, "_dequantise", dequantise)
    monkeypatch.setattr(_language._hub, "load", load)
    assert _language.language("smollm2-135m").name == "smollm2-135m"
    assert len(made) == 2
