"""Models from folders and the hub: no pickles, no foreign code, no waiting for a network."""

from __future__ import annotations

import json
import re
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from homologue._errors import AssetUnavailable, HomologueError, UnknownName
from homologue.systems import _hub, language, sentence, vision
from homologue.systems._hub import PickleRefused


@pytest.fixture
def folder(tmp_path, networks, tokenizer):
    with _hub.quiet():
        networks["llama"].save_pretrained(tmp_path)
        tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_a_folder_is_loaded(folder, networks, texts):
    system = language(str(folder), device="cpu")
    rec = system.record(texts, sites="resid_post.2", positions="last")
    ids = system.tokenizer(texts[1], return_tensors="pt")["input_ids"]
    with torch.no_grad():
        hidden = networks["llama"](ids, output_hidden_states=True).hidden_states[2]
    before = system.record(texts, sites="resid_post.1", positions="last")
    torch.testing.assert_close(
        torch.from_numpy(before.values[1]), hidden[0, -2], atol=1e-5, rtol=1e-4
    )
    assert rec.attrs["source"] == str(folder)
    assert not system.model.training


def test_pickles_are_refused(folder):
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(PickleRefused, match=r"pytorch_model\.bin.*save_pretrained"):
        language(str(folder))


def test_weights_that_are_not_there_are_not_drawn(folder):
    weights = load_file(folder / "model.safetensors")
    name = "model.layers.1.mlp.up_proj.weight"
    del weights[name]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(HomologueError, match=f"lacks weights of Llama.*: {re.escape(name)}"):
        language(str(folder))
    (folder / "model.safetensors").unlink()
    with pytest.raises(HomologueError, match="holds no weights"):
        language(str(folder))


def test_weights_of_another_model_are_an_error(folder):
    config = json.loads((folder / "config.json").read_text())
    config["intermediate_size"] *= 2
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(HomologueError, match="other shapes than config"):
        language(str(folder))


def test_foreign_code_is_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "strange", "auto_map": {"AutoConfig": "code.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    marker = folder / "ran"
    (folder / "code.py").write_text(f"open({str(marker)!r}, 'w')")
    with pytest.raises(HomologueError, match="pass trust_remote_code=True"):
        language(str(folder))
    assert not marker.exists()


def test_damaged_weights_are_an_error(folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(HomologueError, match="could not be loaded"):
        language(str(folder))


@pytest.mark.parametrize("load", [language, sentence])
def test_without_network_the_error_says_what_to_do(load):
    started = time.monotonic()
    with pytest.raises(AssetUnavailable, match=r"hf download somebody/something .*smollm2-135m"):
        load("somebody/something")
    assert time.monotonic() - started < 10


def test_an_unreachable_hub_is_noticed_at_once(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    started = time.monotonic()
    assert not _hub._reachable()
    assert time.monotonic() - started < 4
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert _hub._reachable()


def test_a_misspelt_language_model():
    with pytest.raises(UnknownName, match="did you mean 'smollm2-135m'"):
        language("smollm2-135")


def test_unknown_vision_model():
    with pytest.raises(UnknownName, match="built in: 'efficientnet-lite0'"):
        vision("efficientnet-lite9")
