"""Suffixes run many at a time: what they give is what the whole network gives, one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from homologue.parallels._perturbed import run_whole
from homologue.perturb import ablate, cool, noise
from homologue.stimuli import Stimuli
from homologue.systems import TorchModel
from homologue.systems._features import Features, NoChain, last_site


class Block(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.up, self.act = torch.nn.Conv2d(width, 2 * width, 1), torch.nn.ReLU(inplace=True)
        self.down = torch.nn.Conv2d(2 * width, width, 3, padding=1)

    def forward(self, x, *, scale=1.0):
        return x + scale * self.down(self.act(self.up(x)))


class Pictures(torch.nn.Module):
    """Blocks called one by one, with an argument of their own, and a head after them."""

    def __init__(self, *, skip=False):
        super().__init__()
        self.blocks = torch.nn.ModuleList([Block(3) for _ in range(4)])
        self.head, self.skip, self.passes = torch.nn.Linear(3, 2), skip, 0

    def forward(self, x):
        self.passes += 1
        first = x
        for number, block in enumerate(self.blocks):
            if self.skip and number == 2:
                x = x + first
            x = block(x, scale=1 / (number + 1))
        return self.head(x.mean(dim=(2, 3)))


def pictures(**options):
    torch.manual_seed(0)
    system = TorchModel(Pictures(**options), name="pictures")
    items = np.random.default_rng(0).standard_normal((10, 3, 5, 5)).astype("float32")
    return system, Stimuli(list(items))


TARGETS = [
    (ablate(["blocks.2.act/1", "blocks.2.act/4"]),),
    (),
    (cool("blocks.1.act/0", 0.5), ablate("blocks.2/1")),
    (ablate("blocks.3/2"),),
]


def test_pictures_in_suffixes_equal_the_whole_network():
    system, shown = pictures()
    assert last_site(system) == "blocks.3"
    fast = Features(system, shown, site="blocks.3", like=TARGETS)
    before = system.model.passes
    index = np.array([7, 2, 3])
    found = fast.under(TARGETS, index)
    surveys = system.model.passes - before
    assert surveys <= 1  # that the units exist; nothing else runs whole
    plain, under = run_whole(system, shown, "blocks.3", {})
    np.testing.assert_allclose(fast.plain, plain, atol=1e-5)
    np.testing.assert_allclose(found, under(TARGETS, index), atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_blocks_that_pass_on_more_than_one_tensor_are_no_chain():
    system, shown = pictures(skip=True)
    with pytest.raises(NoChain, match="more than one tensor"):
        Features(system, shown, site="blocks.3", like=TARGETS[:1])
    with pytest.raises(NoChain, match="not the output"):
        Features(system, shown, site="head", like=TARGETS[:1])


def test_a_block_that_was_not_kept_is_named():
    system, shown = pictures()
    fast = Features(system, shown, site="blocks.3", like=TARGETS[3:])
    with pytest.raises(Exception, match=r"blocks\.1"):
        fast.under(TARGETS[2:3])


def language():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=24, num_hidden_layers=4,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=32,
        initializer_range=0.3,
    )  # fmt: skip
    return TorchModel(LlamaForCausalLM(config).eval(), name="llama")


def encoder():
    from transformers import BertConfig, BertModel

    from homologue.systems._sites import Site

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=16, intermediate_size=24, num_hidden_layers=3,
        num_attention_heads=2, max_position_embeddings=32, initializer_range=0.3,
    )  # fmt: skip
    pooled = Site("embedding", "encoder.layer.2", level="pooled")
    return TorchModel(BertModel(config).eval(), name="bert", derived=(pooled,))


@pytest.mark.parametrize(("make", "layer"), [(language, 2), (encoder, 1)])
def test_texts_in_suffixes_equal_the_whole_network(make, layer):
    system = make()
    rng = np.random.default_rng(0)
    # As many texts of five tokens as tokens: the axes must not be taken for one another.
    shown = Stimuli([rng.integers(1, 50, n) for n in (5, 5, 5, 5, 5, 7, 4, 7)])
    names = [f"mlp_post.{layer}/{i}" for i in range(24)]
    targets = [(ablate(names[:3]),), (cool(names, 0.3),), (), (ablate(names[5:6]),)]
    site = last_site(system)
    fast = Features(system, shown, site=site, like=targets, positions="last")
    index = np.array([6, 0, 5, 3, 7])
    plain, under = run_whole(system, shown, site, {"positions": "last"})
    np.testing.assert_allclose(fast.plain, plain, atol=1e-5)
    found = fast.under(targets, index)
    np.testing.assert_allclose(found, under(targets, index), atol=1e-5)
    assert np.abs(found[1] - found[2]).max() > 1e-3


def test_neurons_that_are_silent_do_not_vouch_for_those_that_are_not():
    """A block whose MLP ends in a normalisation, and a first target that changes nothing."""
    system = language()
    for layer in system.model.model.layers:
        layer.mlp = Normed(layer.mlp)
    with torch.no_grad():
        system.model.model.layers[2].mlp.down_proj.weight[:, 0] = 0
    shown = Stimuli([np.arange(1, 7), np.arange(3, 9)])
    targets = [(ablate(f"mlp_post.2/{i}"),) for i in range(4)]
    fast = Features(system, shown, site="resid_post.3", like=targets, positions="last")
    _, under = run_whole(system, shown, "resid_post.3", {"positions": "last"})
    np.testing.assert_allclose(fast.under(targets), under(targets, np.arange(2)), atol=1e-5)


class Normed(torch.nn.Module):
    def __init__(self, mlp):
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = mlp.gate_proj, mlp.up_proj, mlp.down_proj
        self.act_fn, self.norm = mlp.act_fn, torch.nn.LayerNorm(16)

    def forward(self, x):
        return self.norm(self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x)))


def test_nothing_is_left_behind():
    system, shown = pictures()
    before = {k: v.clone() for k, v in system.model.state_dict().items()}
    fast = Features(system, shown, site="blocks.3", like=TARGETS)
    with pytest.raises(Exception, match="rng"):
        fast.under([(noise("blocks.1.act/0", 1.0),)])
    fast.under(TARGETS)
    after = system.model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[k], before[k]) for k in before)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in system.model.modules())
