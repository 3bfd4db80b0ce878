"""Streaming examples of every MLP unit of a language model, beside the bare forward pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks._harness import Case, peak_memory

SITES = "model.layers.*.mlp.act_fn"
LENGTH, BATCH_TOKENS = 128, 1024
UNITS = 46_080


def cases(*, quick: bool) -> Iterator[Case]:
    """Measure what the examples cost on a real model, and that memory does not grow."""
    import torch

    import homologue as hm
    from homologue.tuning import examples

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        system = hm.language("smollm2-135m", device="cpu")
        shown = _shown(system, 2_048 if quick else 8_192)
        bare = _bare(system, shown)

        def ours() -> Any:
            parts = system.blocks(shown, sites=SITES, batch_tokens=BATCH_TOKENS)
            return examples.collect(parts, rng=0)

        spent: dict[str, float] = {"bare": np.inf, "ours": np.inf}
        for _ in range(1 if quick else 2):
            for name, function in (("bare", bare), ("ours", ours)):
                start = time.process_time()
                function()
                spent[name] = min(spent[name], time.process_time() - start)
    finally:
        torch.set_num_threads(threads)
    tokens = sum(len(ids) for ids in shown)
    yield Case(
        "streaming examples",
        f"CPU time of examples of {UNITS} units over {tokens} tokens, beyond the bare forward "
        f"pass ({spent['bare']:.1f} s)",
        spent["ours"] / spent["bare"] - 1,
        "share",
        "lower",
    )
    few, many = (4_096, 16_384) if quick else (8_192, 65_536)
    peaks = [peak_memory("benchmarks._tuning_examples:workload", tokens=n) for n in (few, many)]
    yield Case(
        "streaming examples, memory",
        f"peak over {many} tokens ({peaks[1]:.3f} GB) over that of {few}, {UNITS} units",
        peaks[1] / peaks[0],
        "×",
        "lower",
    )


def workload(tokens: int) -> None:
    """Collect examples of blocks like the model's, made as they are read."""
    from homologue import reducers
    from homologue.tuning.examples import Examples

    rows = 256
    pool = np.random.default_rng(0).standard_normal((rows, UNITS), dtype=np.float32)
    passed = reducers.Pass(Examples(rng=0, context=("stimulus", "position")))
    for start in range(0, tokens, rows):
        number = np.arange(start, start + rows)
        labels = {
            "stimulus": reducers.Label(number // LENGTH),
            "position": reducers.Label(number % LENGTH),
        }
        pool = np.roll(pool, 7919, axis=1)
        passed.update(reducers.Block(pool, labels, start))
    passed.results()


def _shown(system: Any, tokens: int) -> list[np.ndarray]:
    """Return running text as sequences of one length, so that both sides run equal batches."""
    from homologue.stimuli import text

    found: list[int] = []
    for item in text.topics().items:
        found += system.tokenizer.encode(item)
        if len(found) >= tokens:
            break
    return list(np.array(found[:tokens]).reshape(-1, LENGTH))


def _bare(system: Any, shown: list[np.ndarray]) -> Callable[[], None]:
    """Return the forward pass alone, up to the last layer, without the readout."""
    import torch

    body = system.model.model

    def run() -> None:
        at_once = BATCH_TOKENS // LENGTH
        with torch.no_grad():
            for first in range(0, len(shown), at_once):
                ids = torch.from_numpy(np.stack(shown[first : first + at_once]))
                body(input_ids=ids, use_cache=False)

    return run
