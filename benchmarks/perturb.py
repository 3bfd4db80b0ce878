"""Sweeps beside TransformerLens and beside a loop of full forwards with hooks; patching's oracles.

Head sweep: a GPT-2 of 8 layers, 8 heads, 512 dimensions and 50 257 tokens; each head's output at
all positions is put from clean into corrupt runs. A full forward is 8 × 3.1 M + 25.7 M products a
token, so that of 64 full forwards with all logits (64 × 50.9 M) suffixes and two logits leave
8 × 36 × 3.1 M: what is saved is the prefix (1.8 ×) and the vocabulary (2 ×). With a vocabulary
of 1 000 the second is not there to be saved; that case is shown and has no target.

MLP units: every neuron of a layer is 1 536 forwards of 64 prompts. The slow peer runs a few
neurons and ours a piece of 64; times are per neuron, ours with its share of the prefix.
One thread: the CPU time of several spinning threads measures the neighbours.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._harness import Case, compared, cpu_seconds, peer_environment, run_peer
from benchmarks.record import PEER, _save, network

NAME = "perturb"

_PEER_SCRIPT = """
    import os
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from transformers import AutoTokenizer, GPT2LMHeadModel
    from transformer_lens import patching
    from transformer_lens.model_bridge import TransformerBridge

    torch.set_num_threads(1)
    held = {}

    def bridge(folder):
        if not held:
            network = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager").eval()
            tokenizer = AutoTokenizer.from_pretrained(folder)
            held["bridge"] = TransformerBridge.boot_transformers(
                folder, hf_model=network, tokenizer=tokenizer, device="cpu"
            )
            one = torch.zeros((1, 4), dtype=torch.long)
            held["bridge"].run_with_cache(one)
        return held["bridge"]

    def main(inputs):
        model = bridge(str(inputs["folder"]))
        clean, corrupt = (torch.from_numpy(inputs[k]) for k in ("clean", "corrupt"))
        columns = torch.from_numpy(inputs["columns"])

        def metric(logits):
            last = logits[:, -1].gather(1, columns)
            return (last[:, 0] - last[:, 1]).mean()

        start = time.process_time()
        with torch.no_grad():
            _, cache = model.run_with_cache(clean)
            found = patching.get_act_patch_attn_head_out_all_pos(model, corrupt, cache, metric)
        seconds = time.process_time() - start
        with torch.no_grad():
            ends = [float(metric(model(ids))) for ids in (clean, corrupt)]
        return {"found": found.numpy(), "ends": np.array(ends), "seconds": seconds}
"""


def cases(*, quick: bool) -> Iterator[Case]:
    """Measure sweeps beside peers, and patching beside what it must be."""
    import torch

    torch.set_num_threads(1)
    yield _heads("head sweep", 50_257, quick=quick)
    yield _heads("head sweep, 1 000 tokens", 1_000, quick=quick)
    yield from _linear()
    from homologue.systems import language

    model = language("smollm2-135m", device="cpu")
    for layer in (15, 25):
        yield _neurons(model, layer, quick=quick)
    yield from _attribution(model, quick=quick)


def _heads(name: str, vocabulary: int, *, quick: bool) -> Case:
    """Patch every head at all positions, beside TransformerLens."""
    from homologue import perturb
    from homologue.systems import TorchModel

    pairs, length = (4, 16) if quick else (8, 16)
    ids = {"bos_token_id": 0, "eos_token_id": 0}
    model = network(n_layer=8, n_head=8, n_embd=512, vocab_size=vocabulary, **ids)
    rng = np.random.default_rng(0)
    clean = rng.integers(1, vocabulary, (pairs, length))
    corrupt = clean.copy()
    corrupt[:, length // 2] = rng.integers(1, vocabulary, pairs)
    columns = rng.integers(1, vocabulary, (pairs, 2))
    system = TorchModel(model, name="gpt2-shaped")

    def ours() -> Any:
        return perturb.activation_patching(system, list(clean), list(corrupt), columns=columns)

    seconds, found = min((cpu_seconds(ours) for _ in range(2)), key=lambda pair: pair[0])
    with tempfile.TemporaryDirectory() as folder:
        _save(model, Path(folder) / "model")
        inputs = {
            "folder": str(Path(folder) / "model"),
            "clean": clean,
            "corrupt": corrupt,
            "columns": columns,
            "repeats": 1,
        }
        _, out = run_peer(peer_environment(PEER), _PEER_SCRIPT, inputs, timeout=1800)
    mine = found["patched"].mean("stimulus").values.reshape(8, 8)
    scale = max(1.0, float(np.abs(out["ends"]).max()))
    return compared(
        name,
        ours_s=seconds,
        peer_s=float(out["seconds"]),
        peer_name=f"{PEER[0]} get_act_patch_attn_head_out_all_pos",
        equal=bool(np.abs(mine - out["found"]).max() <= 1e-5 * scale),
    )


def _prompts() -> list[str]:
    words = ("one", "two", "three", "four", "five", "six", "seven", "eight")
    return [f"{a} plus {b} is the same as the number" for a in words for b in words]


def _neurons(system: Any, layer: int, *, quick: bool) -> Case:
    """Ablate neurons of a layer on 64 prompts, beside full forwards with a hook."""
    import torch

    from homologue import perturb

    count, slow = (8, 2) if quick else (64, 6)
    prompts, columns = _prompts(), [1028, 2087]
    site = f"model.layers.{layer}.mlp.act_fn"
    targets = [perturb.ablate(f"{site}/{unit}") for unit in range(count)]
    seconds, found = cpu_seconds(
        lambda: perturb.sweep(system, prompts, over=targets, columns=columns)
    )
    ids = torch.tensor([system.tokenizer(text)["input_ids"] for text in prompts])
    module = system.model.get_submodule(site)

    def full(unit: int) -> np.ndarray:
        def silence(_: Any, args: Any, output: Any) -> Any:
            output[..., unit] = 0
            return output

        handle = module.register_forward_hook(silence)
        try:
            with torch.no_grad():
                logits = system.model(input_ids=ids, use_cache=False).logits[:, -1]
        finally:
            handle.remove()
        return (logits[:, columns[0]] - logits[:, columns[1]]).numpy()

    start = time.process_time()
    want = np.array([full(unit) for unit in range(slow)])
    peer = (time.process_time() - start) / slow
    # Of logits around 15; a difference of two of them is as exact as they are.
    equal = np.abs(found["value"].values[:slow] - want).max() <= 1e-5 * _size(system, prompts)
    return compared(
        f"layer {layer}",
        ours_s=seconds / count,
        peer_s=peer,
        peer_name=f"full forwards with a hook ({slow} of {count} neurons)",
        equal=bool(equal),
    )


def _size(system: Any, prompts: list[str]) -> float:
    """Return the largest logit, which sets the scale of rounding."""
    return float(np.abs(system.logits(prompts[:8]).values).max())


def _linear() -> Iterator[Case]:
    """A linear network: patching beside its closed form, attribution exact."""
    import torch

    from homologue import perturb
    from homologue.systems import TorchModel

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    layers = [torch.nn.Linear(a, b, bias=False) for a, b in ((20, 50), (50, 40), (40, 2))]
    first, second, third = (layer.weight.detach().double().numpy() for layer in layers)
    system = TorchModel(torch.nn.Sequential(*layers).eval(), name="linear")
    clean, corrupt = rng.standard_normal((2, 32, 20)).astype(np.float32)
    change, readout = (clean - corrupt).mean(axis=0), np.array([1, -1]) @ third
    want = np.concatenate(
        [(first @ change) * (readout @ second), (second @ first @ change) * readout]
    ) / (readout @ second @ first @ change)
    options = {"over": "units", "sites": ["0", "1"], "columns": [0, 1]}
    patched = perturb.activation_patching(system, list(clean), list(corrupt), **options)
    linear = perturb.attribution_patching(system, list(clean), list(corrupt), **options)
    scale = np.abs(want).max()
    for name, got in (("patching", patched["effect"]), ("attribution", linear["attribution"])):
        error = float(np.abs(got.values - want).max() / scale)
        yield Case(f"linear network, {name}", "largest relative error", error, "", "lower")


_CAPITALS = {
    "France": " Paris",
    "Germany": " Berlin",
    "Italy": " Rome",
    "Spain": " Madrid",
    "Japan": " Tokyo",
    "China": " Beijing",
    "Russia": " Moscow",
    "Egypt": " Cairo",
}


def _attribution(system: Any, *, quick: bool) -> Iterator[Case]:
    """Attribution beside exact patching of heads and neurons' layers of SmolLM2."""
    from homologue import perturb

    countries = list(_CAPITALS)
    clean = [f"The capital of {name} is the city of" for name in countries]
    shifted = countries[1:] + countries[:1]
    corrupt = [f"The capital of {name} is the city of" for name in shifted]
    encode = system.tokenizer.encode
    first = {name: encode(city)[0] for name, city in _CAPITALS.items()}
    columns = [[first[a], first[b]] for a, b in zip(countries, shifted, strict=True)]
    sites = {"heads": "z", "MLPs": "mlp_out"}
    for name, site in sites.items():
        found = perturb.attribution_patching(
            system,
            clean,
            corrupt,
            over="heads" if name == "heads" else "sites",
            sites=site,
            columns=columns,
            confirm=6 if quick else 30 if name == "MLPs" else 60,
        )
        yield Case(
            f"attribution, {name}",
            f"correlation with exact patching, {int(found['n'])} targets at random "
            f"({float(found['agreement_top']):.3f} among the largest)",
            float(found["agreement"]),
            "r",
            "higher",
        )
