"""Patching: closed forms on linear networks, whole runs, pairs that are none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from homologue import perturb
from homologue._errors import HomologueError
from homologue.systems import TorchModel

RNG = np.random.default_rng(1)
CLEAN, CORRUPT = RNG.standard_normal((2, 8, 6)).astype(np.float32)
WEIGHTS = [RNG.standard_normal(shape).astype(np.float32) for shape in ((10, 6), (7, 10), (2, 7))]


def gpt2():
    torch.manual_seed(0)
    ids = {"bos_token_id": 1, "eos_token_id": 2}
    config = GPT2Config(
        n_layer=3, n_head=2, n_embd=16, vocab_size=40, n_positions=16, initializer_range=0.3, **ids
    )
    return GPT2LMHeadModel(config).eval()


def llama():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=40, hidden_size=16, intermediate_size=20, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, initializer_range=0.3,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


NETWORKS = {"gpt2": gpt2, "llama": llama}


def linear():
    layers = [torch.nn.Linear(*w.shape[::-1], bias=False) for w in WEIGHTS]
    for layer, weight in zip(layers, WEIGHTS, strict=True):
        layer.weight.data = torch.from_numpy(weight.copy())
    return TorchModel(torch.nn.Sequential(*layers).eval(), name="linear")


def closed_form():
    """Return each unit's share: (clean − corrupt activity) × its way to the metric."""
    first, second, third = (w.astype(np.float64) for w in WEIGHTS)
    readout = np.array([1, -1]) @ third
    gap = ((CLEAN - CORRUPT) @ (readout @ second @ first)).mean()
    one = ((CLEAN - CORRUPT) @ first.T).mean(axis=0) * (readout @ second)
    two = ((CLEAN - CORRUPT) @ (second @ first).T).mean(axis=0) * readout
    return np.concatenate([one, two]) / gap


OPTIONS = {"over": "units", "sites": ["0", "1"], "columns": [0, 1]}


def test_a_linear_network_is_patched_as_the_closed_form_says():
    found = perturb.activation_patching(linear(), list(CLEAN), list(CORRUPT), **OPTIONS)
    want = closed_form()
    np.testing.assert_allclose(found["effect"], want, atol=1e-5 * np.abs(want).max())
    # Each layer's units together restore all of it.
    np.testing.assert_allclose(found["effect"].groupby("site").sum(), 1, atol=1e-4)
    assert (found["low"] <= found["high"]).all()
    assert int(found["n"]) == 8


def test_attribution_is_exact_for_a_linear_network():
    found = perturb.attribution_patching(
        linear(), list(CLEAN), list(CORRUPT), **OPTIONS, confirm=17
    )
    want = closed_form()
    np.testing.assert_allclose(found["attribution"], want, atol=1e-5 * np.abs(want).max())
    np.testing.assert_allclose(found["effect"], want, atol=1e-5 * np.abs(want).max())
    assert float(found["agreement"]) > 1 - 1e-6
    assert set(found["sample"].values) == {"both"}


def pairs():
    clean = np.random.default_rng(2).integers(3, 40, (7, 6))
    corrupt = clean.copy()
    corrupt[:, 2] = (clean[:, 2] - 3 + 5) % 37 + 3
    return list(clean), list(corrupt)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    "options", [{"over": "heads"}, {"over": "positions"}, {"over": "units", "sites": "mlp_post.1"}]
)
def test_transformers_beside_whole_runs(name, options):
    system = TorchModel(NETWORKS[name](), name=name)
    clean, corrupt = pairs()
    found = perturb.activation_patching(system, clean, corrupt, columns=[3, 4], **options)
    read = {"columns": [3, 4]}
    m_clean, m_corrupt = (system.logits(x, **read).values @ [1, -1] for x in (clean, corrupt))
    for number in range(0, found.sizes["target"], 5):
        one = found.isel(target=number)
        place = int(one["position"]) if "position" in one.coords else None
        units = str(one["site"].values if place is not None else one["target"].values)
        patched = system.perturb(perturb.patch(units, clean, positions=place))
        value = patched.logits(corrupt, **read).values @ [1, -1]
        want = (value.mean() - m_corrupt.mean()) / (m_clean.mean() - m_corrupt.mean())
        np.testing.assert_allclose(one["effect"], want, atol=2e-4)
    if options["over"] == "positions":
        # Where the pair differs the stream before everything restores all of it, elsewhere none.
        first = found["effect"].values[found["layer"].values == 0]
        assert np.abs(np.delete(first, [2, 3, 4, 5])).max() < 1e-5
        last = found["effect"].values[found["layer"].values == 2]
        np.testing.assert_allclose(last[-1], 1, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_attribution_is_the_gradient(name):
    """A patch by a small step: attribution is its limit."""
    system = TorchModel(NETWORKS[name](), name=name)
    clean, corrupt = pairs()
    columns = [3, 4]
    found = perturb.attribution_patching(
        system, clean, corrupt, columns=columns, over="heads", confirm=3
    )
    rec_clean, rec_corrupt = (
        system.record(x, sites="z.1").isel(unit=slice(0, 4)) for x in (clean, corrupt)
    )
    m_clean, m_corrupt = (
        (system.logits(x, columns=columns).values.astype(float) @ [1, -1]).mean()
        for x in (clean, corrupt)
    )
    size = int(system.record(clean[:1], sites="z.1")["head"].max()) + 1
    width = system.record(clean[:1], sites="z.1").sizes["unit"] // size
    head = [f"z.1/{i}" for i in range(width)]
    rec_clean, rec_corrupt = (system.record(x, sites="z.1") for x in (clean, corrupt))
    moved = []
    for step in (0.01, -0.01):
        between = rec_corrupt.copy(
            data=rec_corrupt.values + step * (rec_clean - rec_corrupt).values
        )
        out = system.perturb(perturb.patch(head, between)).logits(corrupt, columns=columns)
        moved.append((out.values.astype(float) @ [1, -1]).mean())
    slope = (moved[0] - moved[1]) / 0.02 / (m_clean - m_corrupt)
    at = int(np.flatnonzero(found["target"].values == "z.1/head.0")[0])
    np.testing.assert_allclose(found["attribution"].values[at], slope, rtol=0.02, atol=1e-3)
    assert np.isfinite(found["effect"]).sum() <= 6
    assert abs(float(found["agreement"])) <= 1


def test_paths():
    system = TorchModel(NETWORKS["llama"](), name="llama")
    clean, corrupt = pairs()
    options = {"columns": [3, 4], "sender": perturb.heads(0, 1), "receiver": perturb.heads(2, 0)}
    found = perturb.path_patching(system, clean, corrupt, **options)
    assert "attn_out.0" not in found.attrs["held"]
    assert "mlp_out.0" in found.attrs["held"]
    # By hand: hold everything, record, put in.
    held = [perturb.patch(s, corrupt) for s in found.attrs["held"].split(", ")]
    middle = system.perturb(perturb.patch(perturb.heads(0, 1), clean), *held)
    rec = middle.record(corrupt, sites="z.2")
    out = system.perturb(perturb.patch(["z.2/0", "z.2/1", "z.2/2", "z.2/3"], rec))
    want = out.logits(corrupt, columns=[3, 4]).values @ [1, -1]
    np.testing.assert_allclose(found["patched"], want, atol=1e-4)
    # Nothing held, and everything the last layer gives received: the sender's whole effect.
    whole = perturb.path_patching(
        system, clean, corrupt, columns=[3, 4], sender=perturb.heads(0, 1),
        receiver="resid_post.2", frozen=[],
    )  # fmt: skip
    heads = perturb.activation_patching(system, clean, corrupt, columns=[3, 4])
    np.testing.assert_allclose(whole["effect"], heads["effect"].values[1], atol=1e-4)
    with pytest.raises(HomologueError, match="does not reach"):
        perturb.path_patching(
            system, clean, corrupt, columns=[3, 4], sender=perturb.heads(2, 0),
            receiver=perturb.heads(0, 1),
        )  # fmt: skip


def test_refusals():
    system = TorchModel(NETWORKS["gpt2"](), name="gpt2")
    clean, corrupt = pairs()
    run = perturb.activation_patching
    with pytest.raises(HomologueError, match="pair 0 is the same"):
        run(system, clean, clean, columns=[3, 4])
    with pytest.raises(HomologueError, match="are no pairs"):
        run(system, clean[:3], corrupt, columns=[3, 4])
    with pytest.raises(HomologueError, match="tokens and its source"):
        run(system, [clean[0][:4], *clean[1:]], corrupt, columns=[3, 4])
    with pytest.raises(HomologueError, match="nothing to restore"):
        run(system, [*clean, *corrupt], [*corrupt, *clean], columns=[3, 4])
    with pytest.raises(HomologueError, match="with a gradient"):
        perturb.attribution_patching(
            system,
            clean,
            corrupt,
            columns=[3, 4],
            metric=lambda x: torch.as_tensor(x).detach()[:, 0],
        )
    with pytest.raises(HomologueError, match="3 targets"):
        perturb.attribution_patching(system, clean, corrupt, columns=[3, 4], confirm=2)
