"""Streaming examples of every MLP unit of a language model, beside the bare forward pass."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks._harness import Case, peak_memory

SITES = "model.layers.*.mlp.act_fn"
LENGTH, BATCH_TOKENS = 128, 1024
UNITS = 46_080
FILLED = 2_048


def cases(*, quick: bool) -> Iterator[Case]:
    """Measure what the examples cost on a real model, and that memory does not grow."""
    import torch

    import homologue as hm

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        system = hm.language("smollm2-135m", device="cpu")
        shown = _shown(system, 4_096 if quick else 16_384)
        seen, ours, bare = _side_by_side(system, shown)
    finally:
        torch.set_num_threads(threads)
    yield Case(
        "streaming examples",
        f"CPU time of examples of {UNITS} units over {seen[-1]} tokens, preparation and result "
        f"included, beyond the bare forward pass of the same batches ({bare[-1]:.1f} s)",
        ours[-1] / bare[-1] - 1,
        "share",
        "lower",
    )
    # What fills the places, and memory that is touched for the first time, is paid once.
    first = int(np.searchsorted(seen, FILLED))
    streamed = ours[-2] - ours[first], bare[-2] - bare[first]
    yield Case(
        "streaming examples, further tokens",
        f"the same for tokens {seen[first]} to {seen[-2]} of them, places filled",
        streamed[0] / streamed[1] - 1,
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


def _side_by_side(
    system: Any, shown: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return tokens seen, and CPU seconds up to there of the examples and of the model alone.

    Block after block, both in turn, so that what else the machine does falls on either; the
    model alone runs up to its last layer, without the readout. The last entry is the end of
    everything, the result included.
    """
    import torch

    from homologue.tuning import examples

    body = system.model.model
    table: list[tuple[int, float, float]] = []
    alone = 0.0

    def forward(some: list[np.ndarray]) -> None:
        with torch.no_grad():
            body(input_ids=torch.from_numpy(np.stack(some)), use_cache=False)

    def parts() -> Iterator[Any]:
        nonlocal alone
        done = 0
        for part in system.blocks(shown, sites=SITES, batch_tokens=BATCH_TOKENS):
            count = part.sizes["sample"] // LENGTH
            yield part
            begin = time.process_time()
            forward(shown[done : done + count])
            alone += time.process_time() - begin
            done += count
            table.append((done * LENGTH, time.process_time() - start - alone, alone))

    forward(shown[:1])
    start = time.process_time()
    examples.collect(parts(), rng=0)
    table.append((table[-1][0], time.process_time() - start - alone, alone))
    seen, ours, bare = (np.array(column) for column in zip(*table, strict=True))
    return seen, ours, bare
