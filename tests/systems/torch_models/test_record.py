"""What is recorded is what passes through the modules: compared with plain forward passes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from homologue import recording
from homologue._errors import HomologueError, UnknownName
from homologue.stimuli import Stimuli
from homologue.systems import TorchModel


def alone(network, tokenizer, text, **options):
    """Run one text by itself, without padding: the independent oracle."""
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    with torch.no_grad():
        return network(input_ids=ids, output_hidden_states=True, **options)


@pytest.fixture
def system(network, tokenizer):
    return TorchModel(network, tokenizer, name="small")


def test_residual_stream_equals_hidden_states_of_each_text_alone(system, network, tokenizer, texts):
    rec = system.record(texts, sites="resid_post", include_special=True)
    for number, text in enumerate(texts):
        hidden = alone(network, tokenizer, text).hidden_states
        for layer in range(2):  # transformers normalises the last one
            got = rec.values[rec["stimulus"] == number][:, rec["site"] == f"resid_post.{layer}"]
            np.testing.assert_allclose(got, hidden[layer + 1][0].numpy(), atol=2e-5, rtol=1e-4)


def test_stream_before_a_layer_is_the_stream_after_the_one_before(system, texts):
    after = system.record(texts, sites=["resid_post.0", "resid_post.1"])
    before = system.record(texts, sites=["resid_pre.1", "resid_pre.2"])
    np.testing.assert_array_equal(after.values, before.values)


def test_special_tokens_are_left_out_unless_asked_for(system, tokenizer, texts):
    rec = system.record(texts, sites="resid_post.1")
    full = system.record(texts, sites="resid_post.1", include_special=True)
    assert rec.sizes["sample"] == sum(len(text.split()) for text in texts)
    assert full.sizes["sample"] == rec.sizes["sample"] + 2 * len(texts)
    assert not rec["is_special"].any()
    inside = full.isel(sample=np.flatnonzero(~full["is_special"].values.astype(bool)))
    np.testing.assert_array_equal(inside.values, rec.values)
    assert list(recording.labels(rec, "token")[:6]) == ["the", "cat", "sat", "on", "the", "mat"]
    # Positions count what can be recorded: the first word is 0 with or without <s> before it.
    assert rec["position"].values[:6].tolist() == [0, 1, 2, 3, 4, 5]
    assert full["position"].values[:8].tolist() == list(range(8))


def test_positions(system, texts):
    rec = system.record(texts, sites="resid_post.1")
    stimulus, position = rec["stimulus"].values, rec["position"].values
    ends = [np.flatnonzero(stimulus == s)[-1] for s in range(len(texts))]
    last = system.record(texts, sites="resid_post.1", positions="last")
    np.testing.assert_allclose(last.values, rec.values[ends], atol=1e-5)
    some = system.record(texts, sites="resid_post.1", positions=[0, -1])
    assert some["position"].values.reshape(-1, 2)[:, 0].tolist() == [0] * len(texts)
    np.testing.assert_allclose(some.values[1::2], last.values, atol=1e-5)
    chosen = system.record(
        texts,
        sites="resid_post.1",
        positions=lambda words: [i for i, w in enumerate(words) if w == "the"],
    )
    spelled = recording.labels(rec, "token")
    np.testing.assert_allclose(chosen.values, rec.values[spelled == "the"], atol=1e-5)
    assert chosen["position"].values.tolist() == position[spelled == "the"].tolist()


def test_neither_batches_nor_company_change_the_result(system, texts):
    alone = [system.record([text], sites="resid_post", batch_size=1) for text in texts]
    separate = np.concatenate([rec.values for rec in alone])
    scale = np.abs(separate).max()
    for size in (1, 2, 5):
        together = system.record(texts, sites="resid_post", batch_size=size)
        assert np.abs(together.values - separate).max() < 1e-5 * scale
    small = system.record(texts, sites="resid_post", batch_tokens=1)
    assert np.abs(small.values - separate).max() < 1e-5 * scale


def test_attention_weights(system, network, tokenizer, texts):
    rec = system.record(texts, sites="pattern.1", include_special=True)
    network.set_attn_implementation("eager")
    try:
        wanted = [alone(network, tokenizer, t, output_attentions=True).attentions[1] for t in texts]
    finally:
        network.set_attn_implementation("sdpa")
    for number, weights in enumerate(wanted):
        part = rec.isel(sample=np.flatnonzero(rec["stimulus"] == number))
        query, key = part["position"].values, part["key"].values
        np.testing.assert_allclose(part.values, weights[0, :, query, key].numpy().T, atol=1e-5)
        # Nothing other than zero is left out: the weights of each query sum to one.
        for q in range(weights.shape[-1]):
            np.testing.assert_allclose(part.values[query == q].sum(axis=0), 1, atol=1e-5)
    assert rec["head"].values.tolist() == [0, 1, 2, 3]


def test_heads_are_named(system, texts):
    rec = system.record(texts, sites=["z.0", "v.2"])
    of_z = rec.isel(unit=np.flatnonzero(rec["site"] == "z.0"))
    size = of_z["dimension"].values.max() + 1
    assert of_z["head"].values.tolist() == np.repeat(np.arange(4), size).tolist()
    assert set(rec["layer"].values) == {0, 2}
    assert rec["unit"].values[0] == "z.0/0"


def test_values_mix_into_z_by_the_attention_weights(system, network, texts):
    """z = pattern · v, per head: aliases agree with one another in every architecture."""
    text = [texts[0]]
    options = {"include_special": True}
    pattern = system.record(text, sites="pattern.1", **options)
    value = system.record(text, sites="v.1", **options)
    z = system.record(text, sites="z.1", **options)
    length, size = z.sizes["sample"], int(z["dimension"].max()) + 1
    weights = np.zeros((4, length, length))
    weights[:, pattern["position"].values, pattern["key"].values] = pattern.values.T
    values = value.values.reshape(length, -1, size)
    values = np.repeat(values, 4 // values.shape[1], axis=1)  # grouped queries share values
    mixed = np.einsum("hqk,khd->qhd", weights, values).reshape(length, -1)
    np.testing.assert_allclose(mixed, z.values, atol=1e-4)


def test_layer_output_is_the_sum_of_its_parts(networks, tokenizer, texts):
    for name in ("llama", "gpt2"):  # the others normalise, or add in parallel
        system = TorchModel(networks[name], tokenizer)
        part = {
            site: system.record(texts, sites=f"{site}.1").values
            for site in ("resid_pre", "attn_out", "mlp_out", "resid_post")
        }
        total = part["resid_pre"] + part["attn_out"] + part["mlp_out"]
        np.testing.assert_allclose(total, part["resid_post"], atol=1e-4)


def test_labels_follow_the_stimuli(networks, tokenizer):
    stimuli = Stimuli(
        ["a cat", "a dog ran", "the saw"],
        {"concept": ["animal", "animal", "tool"], "size": np.array([1.0, 2.0, 3.0])},
        group=["cat", "dog", "saw"],
        block=["first", "first", "second"],
    )
    rec = TorchModel(networks["llama"], tokenizer, name="small").record(stimuli, sites="mlp_out")
    recording.validate(rec)
    assert list(recording.labels(rec, "concept")) == ["animal"] * 5 + ["tool"] * 2
    assert rec["size"].values.tolist() == [1, 1, 2, 2, 2, 3, 3]
    assert list(recording.labels(rec, "group")) == ["cat"] * 2 + ["dog"] * 3 + ["saw"] * 2
    assert list(recording.labels(rec, "block"))[-1] == "second"
    assert next(iter(recording.labels(rec, "stimulus"))) == "a cat"
    assert rec.attrs["system"] == "small"
    assert rec.attrs["precision"] == "float32"


def test_parts_are_the_recording(networks, tokenizer, texts):
    import xarray as xr

    system = TorchModel(networks["llama"], tokenizer)
    system._sizes = lambda *given: _tiny_sizes()
    whole = system.record(texts * 4, sites="resid_post")
    parts = list(system.blocks(texts * 4, sites="resid_post"))
    assert len(parts) > 3
    np.testing.assert_array_equal(np.concatenate([p.values for p in parts]), whole.values)
    for name in ("stimulus", "group", "token", "position"):
        joined = xr.concat([part[name] for part in parts], "sample")
        assert joined.values.tolist() == whole[name].values.tolist()
    assert parts[0]["token"].attrs == whole["token"].attrs

    class Sum:
        total, count = 0.0, 0

        def update(self, part):
            self.total = self.total + part.values.sum(axis=0)
            self.count += part.sizes["sample"]

    reducer = system.record(texts * 4, sites="resid_post", to=Sum())
    assert reducer.count == whole.sizes["sample"]
    np.testing.assert_allclose(reducer.total, whole.values.sum(axis=0), rtol=1e-4, atol=1e-3)


def _tiny_sizes():
    from homologue.systems._reading import Sizes

    return Sizes(batch_tokens=16, batch_size=2, block_bytes=4 * 72 * 12)


def test_token_indices_need_no_tokenizer(networks, tokenizer, texts):
    ids = [np.array(tokenizer(text)["input_ids"]) for text in texts]
    by_text = TorchModel(networks["gpt2"], tokenizer).record(
        texts, sites="resid_post.1", include_special=True
    )
    by_index = TorchModel(networks["gpt2"]).record(ids, sites="resid_post.1")
    np.testing.assert_array_equal(by_text.values, by_index.values)


def test_alias_is_announced_once(networks, tokenizer, texts, capsys):
    system = TorchModel(networks["gpt2"], tokenizer, name="small")
    system.record(texts, sites="mlp_post")
    told = capsys.readouterr()
    assert not told.out
    assert told.err.count("\n") == 1
    assert "mlp_post = input of transformer.h.{0…2}.mlp.c_proj" in told.err
    system.record(texts, sites="mlp_post")
    assert not capsys.readouterr().err


def test_unknown_sites_name_the_nearest(networks, tokenizer, texts):
    system = TorchModel(networks["llama"], tokenizer)
    with pytest.raises(UnknownName, match=r"model\.layers\.\*\.mlp\.act_fn"):
        system.record(texts, sites="model.layers.*.mlp.act")
    with pytest.raises(UnknownName, match="that layer does not exist"):
        system.record(texts, sites="model.layers.7.mlp")
    with pytest.raises(UnknownName, match="resid_post"):
        system.record(texts, sites="resid_pots")
    with pytest.raises(UnknownName, match=r"layers 0 … 2"):
        system.record(texts, sites="z.9")
    with pytest.raises(HomologueError, match="no site is given"):
        system.record(texts, sites=[])
    with pytest.raises(HomologueError, match="cannot share a recording"):
        system.record(texts, sites=["pattern", "z"])


def test_aliases_of_an_unknown_architecture_are_refused():
    system = TorchModel(torch.nn.Sequential(torch.nn.Linear(2, 2)))
    with pytest.raises(HomologueError, match="known for Llama, GPT-2, GPT-NeoX, BERT"):
        system.record(np.eye(2, dtype="float32"), sites="resid_post")


def test_bad_stimuli(networks, tokenizer):
    system = TorchModel(networks["llama"], tokenizer)
    with pytest.raises(HomologueError, match="empty"):
        system.record([], sites="resid_post")
    with pytest.raises(HomologueError, match="one string"):
        system.record("a cat", sites="resid_post")
    with pytest.raises(HomologueError, match="reads texts"):
        system.record(np.zeros((2, 3), dtype="float32"), sites="resid_post")
    with pytest.raises(HomologueError, match="special tokens only"):
        system.record(["a cat", ""], sites="resid_post")
    with pytest.raises(HomologueError, match="max_tokens=32"):
        system.record(["cat " * 40], sites="resid_post")
    cut = system.record(["cat " * 40], sites="resid_post.0", max_tokens=10)
    assert cut.sizes["sample"] == 9
    with pytest.raises(HomologueError, match="has no tokenizer"):
        TorchModel(networks["llama"]).record(["a cat"], sites="resid_post")
    with pytest.raises(HomologueError, match="has 2 tokens that can be recorded"):
        system.record(["a cat"], sites="resid_post", positions=2)
    with pytest.raises(HomologueError, match="'all', 'last'"):
        system.record(["a cat"], sites="resid_post", positions="first")
    with pytest.raises(HomologueError, match="keeps no token"):
        system.record(["a cat"], sites="resid_post", positions=lambda words: [])
    with pytest.raises(HomologueError, match="batch_size is at least 1"):
        system.record(["a cat"], sites="resid_post", batch_size=0)
    with pytest.raises(HomologueError, match="given dict"):
        system.record({"a": 1}, sites="resid_post")


def test_a_network_without_mask_never_sees_padding():
    class Mean(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = torch.nn.Embedding(9, 4)
            self.out = torch.nn.Identity()

        def forward(self, ids):
            return self.out(self.embed(ids).mean(dim=1))

    network = Mean()
    ids = [np.array(row) for row in ([1, 2, 3], [4], [5, 6], [7, 8, 1], [2, 2])]
    rec = TorchModel(network).record(ids, sites="out", positions="last")
    table = network.embed.weight.detach().numpy()
    np.testing.assert_allclose(rec.values, [table[row].mean(axis=0) for row in ids], rtol=1e-5)


@pytest.mark.parametrize(("side", "expected"), [(224, 6), (64, 32), (2, 32)])
def test_pictures_run_as_many_at_a_time_as_their_size_allows(side, expected):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.ReLU())
    sizes = []
    network[0].register_forward_hook(lambda _, args, __: sizes.append(len(args[0])))
    rng = np.random.default_rng(0)
    pictures = rng.random((70, 3, side, side), dtype=np.float32)
    found = TorchModel(network, name="pictures").record(pictures, sites="1")
    assert max(sizes[1:]) == expected  # the first run is the probe
    assert sum(sizes[1:]) == 70
    one = TorchModel(network, name="pictures").record(pictures, sites="1", batch_size=1)
    np.testing.assert_allclose(found.values, one.values, rtol=1e-5)
