"""Recording a GPT-2-small-shaped network's block 5 beside TransformerLens and a bare hook.

Six of twelve blocks have to run: 6 × 7.1 M parameters, 85 MFLOP a token, against 3 kB of
activity a token; the rate is bound by the matrix products, and whatever a recorder adds shows.
One thread: the CPU time of several spinning threads measures the neighbours. All keep freed
memory (``mallopt``, as the command line does): by default the C library gives a network's large
arrays back and faults them in again or does not, as the heap happens to lie, and that is ±5 %.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _killed
from benchmarks._harness import (
    Case,
    compared,
    cpu_seconds,
    peak_memory,
    peer_environment,
    run_peer,
)

NAME = "record"

LENGTH, BATCH, LAYER = 128, 8, 5

PEER = ("transformer-lens==4.3.0", "torch==2.13.0")

_PEER_SCRIPT = """
    import ctypes, os
    os.environ["HF_HUB_OFFLINE"] = "1"
    mallopt = getattr(ctypes.CDLL(None), "mallopt", print)
    mallopt(-3, 2**26), mallopt(-1, 2**28)  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
    import torch
    from transformers import AutoTokenizer, GPT2LMHeadModel
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
            held["bridge"].run_with_cache(one, names_filter="blocks.0.hook_resid_post")
        return held["bridge"]

    def main(inputs):
        model = bridge(str(inputs["folder"]))
        stop = int(inputs["stop"]) or None
        name, batch, out = "blocks.5.hook_resid_post", int(inputs["batch"]), []
        with torch.no_grad():
            for first in range(0, len(inputs["ids"]), batch):
                ids = torch.from_numpy(inputs["ids"][first : first + batch])
                _, cache = model.run_with_cache(ids, names_filter=name, stop_at_layer=stop)
                out.append(cache[name].reshape(-1, 768).numpy())
        return {"activity": np.concatenate(out)}
"""


def cases(*, quick: bool) -> Iterator[Case]:
    """Measure speed beside peers, the cost of the disk, memory, and kills."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _speed(Path(folder), texts=16 if quick else 128)
    yield _memory(2_000 if quick else 20_000, runs=2 if quick else 10)
    with tempfile.TemporaryDirectory() as folder:
        killed, _, wrong = _killed.run(Path(folder), 5 if quick else 50, 0)
    yield Case(
        f"lost or doubled in {5 if quick else 50} kills",
        f"samples that differ from an uninterrupted run ({killed} runs killed)",
        wrong,
        "samples",
        "lower",
    )


def network(**sizes: Any) -> Any:
    """Return a randomly initialised GPT-2."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(**sizes)).eval()


def _speed(folder: Path, texts: int) -> Iterator[Case]:
    import torch

    from homologue.cli._memory import reuse_large_blocks
    from homologue.systems import TorchModel

    reuse_large_blocks()
    torch.set_num_threads(1)
    model = network()
    ids = np.random.default_rng(0).integers(0, 50_257, (texts, LENGTH))
    system, shown = TorchModel(model, name="gpt2-shaped"), list(ids)
    options = {"sites": f"transformer.h.{LAYER}", "batch_size": BATCH, "batch_tokens": 1 << 20}

    def ours() -> np.ndarray:
        return system.record(shown, **options).values

    def on_disk() -> np.ndarray:
        return system.record(shown, **options, to=folder / "x.zarr", overwrite=True).values

    runs = {"bare": _bare(model, ids), "memory": ours, "disk": on_disk}
    least, found = _turns(runs, 2)
    _save(model, folder / "model")
    peers = {
        "TransformerLens, names_filter alone": _beside(folder / "model", ids[: texts // 4], None),
        "TransformerLens, stop_at_layer": _beside(folder / "model", ids, LAYER + 1),
    }
    # The speed of a machine drifts: turns before the peers', and turns after.
    again, _ = _turns(runs, 2)
    least = {name: min(least[name], again[name]) for name in runs}
    for case, ran in (("early stop", "memory"), ("early stop, to disk", "disk")):
        yield compared(
            case,
            ours_s=least[ran],
            peer_s=least["bare"],
            peer_name="a bare early-stopping hook, in memory",
            equal=np.array_equal(found[ran], found["bare"]),
        )
    for case, (seconds, activity) in peers.items():
        difference = np.abs(activity - found["memory"][: len(activity)]).max()
        yield compared(
            case,
            ours_s=least["memory"] * len(activity) / len(found["memory"]),
            peer_s=seconds,
            peer_name=PEER[0],
            equal=bool(difference < 1e-4 * np.abs(found["memory"]).max()),
        )


def _turns(
    runs: dict[str, Callable[[], np.ndarray]], turns: int
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Return the least CPU time of each, run one after the other, and the last results."""
    least, found = dict.fromkeys(runs, float("inf")), {}
    for _ in range(turns):
        for name, run in runs.items():
            seconds, found[name] = cpu_seconds(run)
            least[name] = min(least[name], seconds)
    return least, found


def _beside(folder: Path, ids: np.ndarray, stop: int | None) -> tuple[float, np.ndarray]:
    """Return the least CPU time of four calls of the peer, and its activity."""
    inputs = {"folder": str(folder), "ids": ids, "batch": BATCH, "stop": stop or 0, "repeats": 4}
    seconds, outputs = run_peer(peer_environment(PEER), _PEER_SCRIPT, inputs, timeout=3600)
    return seconds, outputs["activity"]


def _bare(model: Any, ids: np.ndarray) -> Callable[[], np.ndarray]:
    """Return what one would write by hand: a hook that keeps the activity and stops."""
    import torch

    class Stop(Exception):
        pass

    def run() -> np.ndarray:
        out, rows = np.empty((ids.size, 768), dtype=np.float32), [0]

        def keep(module: Any, args: Any, output: Any) -> None:
            hidden = output[0] if isinstance(output, tuple) else output
            count = hidden.shape[0] * hidden.shape[1]
            out[rows[0] : rows[0] + count] = hidden.reshape(count, -1).numpy()
            rows[0] += count
            raise Stop

        handle = model.transformer.h[LAYER].register_forward_hook(keep)
        try:
            with torch.no_grad():
                for first in range(0, len(ids), BATCH):
                    try:
                        given = torch.from_numpy(ids[first : first + BATCH])
                        model(input_ids=given, use_cache=False)
                    except Stop:
                        pass
        finally:
            handle.remove()
        return out

    return run


def _save(model: Any, folder: Path) -> None:
    """Save the network where the peer finds it, with the least tokenizer that it accepts."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    from homologue.systems._hub import quiet

    words = Tokenizer(models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    special = {"unk_token": "<unk>", "bos_token": "a", "eos_token": "a", "pad_token": "a"}
    with quiet():
        model.save_pretrained(folder)
        PreTrainedTokenizerFast(tokenizer_object=words, **special).save_pretrained(folder)


def _memory(tokens: int, runs: int) -> Case:
    """Compare one long recording with the worst of some short ones.

    The peak depends on where the writer and the model meet, and a long recording has more
    occasions for the worst: ten short ones have as many.
    """
    long, *short = (
        peak_memory("benchmarks.record:workload", tokens=count)
        for count in (10 * tokens, *[tokens] * runs)
    )
    return Case(
        "memory",
        f"peak of {10 * tokens} tokens ({long:.3f} GB) over that of {runs} times {tokens}",
        long / max(short),
        "×",
        "lower",
    )


def workload(tokens: int) -> None:
    """Record a narrow network to disk: 10 kB of activity a token."""
    from homologue.systems import TorchModel

    model = network(n_layer=2, n_embd=256, n_head=4, vocab_size=1000)
    ids = np.random.default_rng(0).integers(0, 1000, (tokens // LENGTH, LENGTH))
    with tempfile.TemporaryDirectory() as folder:
        TorchModel(model, name="narrow").record(
            list(ids),
            sites=["transformer.h.0", "transformer.h.1", "transformer.h.*.mlp.act"],
            batch_size=BATCH,
            to=Path(folder) / "x.zarr",
        )
