"""Untrained twins: the same architecture, every parameter drawn anew, nothing else touched."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from homologue._errors import HomologueError
from homologue.systems import TorchModel


def same(a, b):
    return all(
        torch.equal(x, y)
        for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def trained(network):
    """Move every parameter and statistic away from where initialisation leaves it."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.add_(torch.rand(value.shape, generator=generator) + 0.5)
    return network


@pytest.fixture
def network():
    return trained(
        nn.Sequential(
            nn.Conv1d(2, 4, 3),
            nn.BatchNorm1d(4),
            nn.Flatten(),
            nn.LayerNorm(16),
            nn.Linear(16, 3),
            nn.BatchNorm1d(3, affine=False),
        )
    )


def test_modules_are_drawn_anew(network):
    before = copy.deepcopy(network.state_dict())
    random = torch.get_rng_state()
    twin = TorchModel(network, name="net").untrained(1)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    state = twin.model.state_dict()
    assert not torch.equal(state["0.weight"], before["0.weight"])
    assert (state["3.weight"] == 1).all()
    assert (state["3.bias"] == 0).all()
    for number in (1, 5):
        assert (state[f"{number}.running_mean"] == 0).all()
        assert (state[f"{number}.running_var"] == 1).all()
    assert (twin.kind, twin.family, twin.seed) == ("untrained", "net", 1)
    assert twin.name != "net"


def test_seeds(network, networks):
    for model in (network, *networks.values()):
        system = TorchModel(model)
        first, again, other = (system.untrained(seed).model for seed in (0, 0, 1))
        assert same(first, again)
        assert not same(first, other)


def test_transformers_are_built_from_their_config(network, networks, tokenizer, texts):
    for name, model in networks.items():
        system = TorchModel(trained(copy.deepcopy(model)), tokenizer, name=name)
        twin = system.untrained(0)
        assert type(twin.model) is type(model)
        shapes = {k: v.shape for k, v in model.state_dict().items()}
        assert {k: v.shape for k, v in twin.model.state_dict().items()} == shapes
        # Drawn with the config's own scale, 0.3 (GPT-2 divides its output projections by √6),
        # not left at zero or at the trained values.
        matrices = [p for n, p in twin.model.named_parameters() if p.ndim == 2]
        for matrix in matrices:
            assert 0.1 < matrix.detach().std(correction=0) < 0.45, name
        rec = twin.record(texts, sites="resid_post.1", positions="last")
        assert rec.attrs["kind"] == "untrained"
        assert rec.attrs["seed"] == 0
        assert rec.attrs["family"] == name


def test_tied_weights_stay_tied():
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=16,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
    )
    twin = TorchModel(LlamaForCausalLM(config)).untrained(0).model
    assert twin.lm_head.weight is twin.model.embed_tokens.weight


def test_precision_and_place_are_kept(network):
    twin = TorchModel(network.to(torch.bfloat16)).untrained(0)
    assert {p.dtype for p in twin.model.parameters()} == {torch.bfloat16}


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.rand(4))

    def forward(self, x):
        return x * self.gain


def test_a_module_that_cannot_be_drawn_is_named():
    network = nn.Sequential(nn.Linear(4, 4), Scale())
    with pytest.raises(HomologueError, match=r"1 \(Scale\) holds parameters \(gain\)"):
        TorchModel(network).untrained(0)

    def initialise(seed):
        return nn.Sequential(nn.Linear(4, 4), Scale())

    system = TorchModel(network, initialise=initialise)
    assert same(system.untrained(2).model, system.untrained(2).model)
    assert not same(system.untrained(2).model, system.untrained(3).model)


def test_a_reset_that_keeps_learned_values_is_refused():
    class Lazy(Scale):
        def reset_parameters(self):
            pass

    with pytest.raises(HomologueError, match=r"'1\.gain' is the same before and after"):
        TorchModel(nn.Sequential(nn.Linear(4, 4), Lazy())).untrained(0)


def test_attention_modules_are_drawn(texts):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    twin = TorchModel(trained(layer)).untrained(0)
    rec = twin.record(np.ones((3, 5, 8), "float32"), sites="norm2")
    assert rec.shape == (3, 8)
    assert abs(float(twin.model.self_attn.in_proj_weight.detach().mean())) < 0.1
