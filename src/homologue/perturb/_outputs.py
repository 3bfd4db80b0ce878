"""Behaviours that are read from what a network puts out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, UnknownName, nearest
from homologue._typing import Array, Float, Int
from homologue.perturb._behaviour import Behaviour, labelled

METRICS: dict[str, str] = {
    "difference": "the right output less the wrong one (less the largest other, if none is named)",
    "probability": "probability of the right output",
    "accuracy": "share of samples on which the right output is larger than the wrong one(s)",
    "similarity": "minus the divergence KL(unperturbed, perturbed) of output probabilities, nats",
}


def output_behaviour(
    name: str,
    stimuli: Any,
    metric: str | Callable[[Any], Any] = "difference",
    *,
    right: Any = None,
    wrong: Any = None,
    columns: Any = None,
    positions: Any = "last",
    chance: float | None = 0.0,
) -> Behaviour:
    """Return a behaviour that is read from a network's outputs.

    Parameters
    ----------
    name : str
    stimuli : Stimuli or sequence
        What is shown; of texts and tokens the logits of the next token are read, of anything
        else the outputs.
    metric : str or callable
        ``"difference"``, ``"probability"``, ``"accuracy"`` (all three higher where ``right`` is
        preferred), ``"similarity"`` (to the unperturbed network's outputs); or a function of
        outputs (stimulus, column) → (stimulus,).
    right, wrong : sequence of int or str, optional
        Of each stimulus: output (a token's index or text, a class) that is right; and the one
        it is compared with. Without ``wrong``: with all others that are read.
    columns : sequence of int or str, optional
        Outputs that are read; by default those named in ``right`` and ``wrong``, or all.
    positions : "last" or int
        Of texts.
    chance : float or None
        See :class:`Behaviour`; None for ``"similarity"``, which has none.

    Raises
    ------
    UnknownName
        Another metric.
    HomologueError
        No ``right`` where the metric needs one, or not one a stimulus.
    """
    if isinstance(metric, str) and metric not in METRICS:
        raise UnknownName(f"there is no metric {metric!r}" + nearest(metric, METRICS))
    if metric in METRICS and metric != "similarity" and right is None:
        raise HomologueError(f"{metric!r} needs to know what is right: right=[…], one a stimulus")
    described = METRICS[metric] if isinstance(metric, str) else getattr(metric, "__name__", "")

    def read(system: Any, rng: Any) -> xr.DataArray:
        found = _columns(system, right, wrong, columns)
        values, group = _outputs(system, stimuli, found, positions)
        if metric == "similarity":
            before, _ = _outputs(system.unperturbed(), stimuli, found, positions)
            return labelled(_similarity(before, values), group)
        if callable(metric):
            out = np.asarray(metric(values), dtype=np.float64)
        else:
            rows = [_places(system, one, found, len(values)) for one in (right, wrong)]
            out = _compared(metric, values, rows[0], rows[1])
        if out.shape != values.shape[:1]:
            raise HomologueError(
                f"the metric of {name!r} gives one number a stimulus, {values.shape[:1]}; it gave "
                f"{out.shape}"
            )
        return labelled(out, group)

    return Behaviour(name, described, read, None if metric == "similarity" else chance)


def _tokens(system: Any, given: Any) -> np.ndarray:
    """Return indices of outputs given as indices or as texts that are one token each."""
    from homologue.systems._logits import token_columns

    out = list(given)
    if any(isinstance(one, str) for one in out):
        return token_columns(system, out, int(1e9))
    return np.asarray(out, dtype=np.int64)


def _columns(system: Any, right: Any, wrong: Any, columns: Any) -> Int[Array, " column"] | None:
    if columns is not None:
        return np.unique(_tokens(system, columns))
    if wrong is None:
        return None
    return np.unique(np.concatenate([_tokens(system, right), _tokens(system, wrong)]))


def _places(system: Any, given: Any, found: np.ndarray | None, count: int) -> np.ndarray | None:
    """Return where the outputs stand among the columns that are read."""
    if given is None:
        return None
    wanted = _tokens(system, given)
    if wanted.shape != (count,):
        raise HomologueError(f"one output a stimulus, {count}; given {wanted.shape}")
    if found is None:
        return wanted
    if not np.isin(wanted, found).all():
        raise HomologueError("`columns` has to hold what is right and wrong")
    return np.searchsorted(found, wanted)


def _outputs(
    system: Any, stimuli: Any, columns: np.ndarray | None, positions: Any
) -> tuple[Float[Array, "stimulus column"], Any]:
    """Return logits or outputs, of one position a stimulus, and groups."""
    from homologue.systems._shown import as_stimuli

    shown = as_stimuli(stimuli)
    if shown.modality in ("text", "tokens"):
        rec = system.logits(shown, positions=positions, columns=columns)
        return rec.values.astype(np.float64), rec["group"].values
    rec = system.outputs(shown).transpose("sample", "unit")
    values = rec.values if columns is None else rec.values[:, columns]
    return values.astype(np.float64), rec["group"].values


def _compared(
    metric: str, values: np.ndarray, right: np.ndarray | None, wrong: np.ndarray | None
) -> np.ndarray:
    rows = np.arange(len(values))
    chosen = values[rows, right]
    if metric == "probability":
        largest = values.max(axis=1, keepdims=True)
        return np.asarray(np.exp(chosen - largest[:, 0]) / np.exp(values - largest).sum(axis=1))
    if wrong is not None:
        difference = chosen - values[rows, wrong]
    else:
        others = values.copy()
        others[rows, right] = -np.inf
        difference = chosen - others.max(axis=1)
    return difference if metric == "difference" else (difference > 0).astype(np.float64)


def _similarity(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return −KL(before, after) of each row's softmax."""
    logs = [one - np.logaddexp.reduce(one, axis=1, keepdims=True) for one in (before, after)]
    return np.asarray(-(np.exp(logs[0]) * (logs[0] - logs[1])).sum(axis=1))
