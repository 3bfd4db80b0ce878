"""Where each example stood: a log of the samples, kept only round those still among the chosen.

A sample's context is a handful of whole numbers (which stimulus, which position, which token).
For a million tokens they are a few dozen megabytes, less than a thousandth of the activity; when
the log grows past a bound, rows that no example has within its window are dropped, so that
memory follows the number of examples and not that of samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from homologue._errors import InvalidRecording
from homologue._typing import Array, Int
from homologue.reducers import Block, State


def empty(context: Sequence[str]) -> State:
    """Return a log of nothing: the sample's number, then one column a variable."""
    return {
        "log": np.zeros((0, 1 + len(context)), dtype=np.int64),
        "logged": np.zeros(1, dtype=np.int64),
        **{f"names {name}": np.zeros(0, dtype="U1") for name in context},
    }


def add(state: State, block: Block, context: Sequence[str]) -> None:
    """Write a block's samples into the log."""
    rows = np.empty((block.samples, 1 + len(context)), dtype=np.int64)
    rows[:, 0] = np.arange(block.start, block.start + block.samples)
    for column, name in enumerate(context, start=1):
        label = block.labels[name]
        if label.values.dtype.kind not in "iub":
            raise InvalidRecording(
                f"{name!r} holds {label.values.dtype} numbers; a context is told by whole "
                "numbers or categories (stimulus, position, token, y, x): leave it out of context"
            )
        rows[:, column] = label.values
        held, now = state[f"names {name}"], label.names or ()
        if now and not held.size:
            state[f"names {name}"] = np.asarray(now, dtype=str)
        elif len(now) != held.size or (now and (now[0] != held[0] or now[-1] != held[-1])):
            raise InvalidRecording(
                f"{name!r} has {len(now)} categories where the parts before had {held.size}; "
                "parts of one recording share them"
            )
    count = int(state["logged"][0])
    if count + block.samples > len(state["log"]):
        wide = np.empty((max(2 * count, count + block.samples), rows.shape[1]), dtype=np.int64)
        wide[:count] = state["log"][:count]
        state["log"] = wide
    state["log"][count : count + block.samples] = rows
    state["logged"] = np.array([count + block.samples])


def merge(first: State, second: State, context: Sequence[str]) -> State:
    """Return the log of both."""
    log = np.concatenate([written(first), written(second)])
    log = log[np.argsort(log[:, 0], kind="stable")]
    names = {}
    for name in context:
        one, other = first[f"names {name}"], second[f"names {name}"]
        if one.size and other.size and not np.array_equal(one, other):
            raise InvalidRecording(f"{name!r} has other categories in the other part")
        names[f"names {name}"] = one if one.size else other
    return {"log": log, "logged": np.array([len(log)]), **names}


def written(state: State) -> Int[Array, "row column"]:
    """Return the rows that are in use."""
    return np.asarray(state["log"][: int(state["logged"][0])])


def prune(state: State, chosen: Sequence[np.ndarray], window: int) -> None:
    """Drop the rows that no chosen sample has within its window.

    Parameters
    ----------
    state : State
    chosen : sequence of arrays of int
        Sample numbers; −1 is none.
    window : int
        Samples on either side.
    """
    log = written(state)
    number = log[:, 0]
    ordered = bool((np.diff(number) > 0).all())
    if not ordered:
        log = log[np.argsort(number, kind="stable")]
        number = log[:, 0]
    wanted = np.zeros(number.size + 1, dtype=np.int64)
    for samples in chosen:
        # Units share examples, and sorted numbers are found faster.
        some = np.unique(samples[samples >= 0])
        wanted += np.bincount(np.searchsorted(number, some - window), minlength=wanted.size)
        wanted -= np.bincount(
            np.searchsorted(number, some + window, side="right"), minlength=wanted.size
        )
    kept = log[np.cumsum(wanted[:-1]) > 0]
    state["log"], state["logged"] = kept, np.array([len(kept)])
