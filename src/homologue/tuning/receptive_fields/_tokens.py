"""Token context: which token, how far back, a unit's activity goes with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign, InvalidRecording
from homologue._typing import Array, Float
from homologue.inference import benjamini_hochberg, cluster_bootstrap, exchangeability, result
from homologue.recording import validate
from homologue.tuning._placed import add_one
from homologue.tuning.receptive_fields._exchange import DRAWS_AT_ONCE, usable
from homologue.tuning.receptive_fields._lagged import runs

_BLOCK_BYTES = 128 * 2**20
_MOST_CLUSTERS = 200
_FEWEST_CLUSTERS = 5


def token_context(
    rec: xr.DataArray,
    *,
    rng: np.random.Generator | int,
    offsets: Sequence[int] = (-3, -2, -1, 0),
    token: str = "token",
    minimum_groups: int = 5,
    keep: int = 10,
    high: float = 0.9,
    permutations: int = 199,
) -> xr.Dataset:
    """Find the tokens, and how far back they stand, that go with a unit's activity.

    Parameters
    ----------
    rec : xarray.DataArray
        A language model's recording: ``position`` and ``token`` on ``sample``, ``group`` the
        document.
    rng : numpy Generator or int
    offsets : sequence of int
        Places relative to the sample: 0 is the token itself, −1 the one before.
    token : str
        The coordinate that holds tokens, as codes with ``categories`` or plain integers.
    minimum_groups : int
        A token counts at an offset if it stands there in so many documents.
    keep : int
        Pairs of token and offset reported for each unit, the most standardised first.
    high : float
        Quantile above which a unit's activity counts as high in the log-odds.
    permutations : int

    Returns
    -------
    xarray.Dataset
        On (``unit``, ``rank``): ``effect`` (mean activity with the token at the offset minus the
        mean without, in units of activity) with ``low``/``high`` (95 % over documents, the pair
        held fixed), ``standardised`` (over its standard error under exchange of samples, by
        which pairs are ranked), ``null_mean``, ``null_std`` (of the null's largest), ``p``
        (against that largest: family-wise over all pairs), ``q``, ``n`` (documents with the
        token there), ``offset``, ``context_token``, ``log_odds`` (of the token there, where the
        unit is high against where it is not; ½ added to each count). On ``unit``: ``reason``.

    Raises
    ------
    InvalidDesign
        No pair in enough documents; fewer than 20 arrangements of documents.
    InvalidRecording
        No ``position``.

    Notes
    -----
    The null lets whole documents change places, token for token, so that what comes from the
    position (first tokens have large activity) and from the token before stays in the null.
    Documents of unequal length are filled from their beginning. Memory grows with the number of
    pairs that occur often enough, times a block of units; no table of vocabulary × units ×
    offsets is ever made. A token at −1 and one at 0 that go together both appear: contexts are
    not unmixed. Pairs were chosen for their size, so that ``effect`` and its interval lie too
    far from 0.

    References
    ----------
    .. [1] Bills et al. 2023, https://openaipublic.blob.core.windows.net/neuron-explainer/paper
    .. [2] Westfall & Young 1993, Resampling-Based Multiple Testing

    Examples
    --------
    >>> from homologue.recording import make, variable
    >>> generator = np.random.default_rng(0)
    >>> words = generator.integers(0, 6, (40, 12))
    >>> after_two = np.roll(words == 2, 1, axis=1) * 2.0
    >>> rec = make(
    ...     (after_two + generator.standard_normal((40, 12))).reshape(-1, 1),
    ...     group=np.repeat(np.arange(40), 12),
    ...     variables={"position": np.tile(np.arange(12), 40), "token": variable(words.ravel())},
    ... )
    >>> found = token_context(rec, rng=0, keep=1, permutations=99)
    >>> found.context_token.item(), found.offset.item(), found.p.item()
    ('2', -1, 0.01)
    """
    _check(rec, token, offsets, keep, high)
    rows = np.flatnonzero(np.isfinite(rec.values).any(axis=1))
    pairs = _pairs(rec, rows, sorted({int(o) for o in offsets}), token, minimum_groups)
    activity, reason = usable(rec, rows)
    tested = np.asarray(reason == "")
    first, second = np.random.default_rng(rng).spawn(2)
    block = rec["block"].values[rows] if "block" in rec.coords else None
    design = exchangeability(pairs.group, pairs.group, block=block)
    spread = activity.std(axis=0)
    scaled = (activity - activity.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    observed = pairs.standardised(scaled, rows.size)
    kept = min(keep, pairs.count)
    top = np.argsort(-np.abs(observed), axis=0, kind="stable")[:kept]
    value = np.take_along_axis(observed, top, axis=0)
    largest = np.empty((permutations, activity.shape[1]))
    at_once = max(1, _BLOCK_BYTES // (8 * DRAWS_AT_ONCE * (pairs.count + rows.size)))
    for start in range(0, permutations, DRAWS_AT_ONCE):
        some = slice(start, min(start + DRAWS_AT_ONCE, permutations))
        index = design.draw(some.stop - some.start, first)
        for left in range(0, activity.shape[1], at_once):
            units = slice(left, left + at_once)
            drawn = scaled[:, units][index].transpose(1, 0, 2).reshape(rows.size, -1)
            found = np.abs(pairs.standardised(drawn, rows.size)).max(axis=0)
            largest[some, units] = found.reshape(some.stop - some.start, -1)
    blank = np.where(tested, 0.0, np.nan)[:, None]
    p = np.stack([add_one(np.abs(one), largest, tested=tested) for one in value], axis=1)
    effect, low, up, odds = _described(pairs, activity, top, high, second)
    on_unit = {str(k): c for k, c in rec.coords.items() if c.dims == ("unit",)}
    shape = (activity.shape[1], kept)
    data = result(
        effect=effect + blank,
        low=low + blank,
        high=up + blank,
        null_mean=np.broadcast_to(largest.mean(axis=0)[:, None], shape) + blank,
        null_std=np.broadcast_to(largest.std(axis=0)[:, None], shape) + blank,
        p=p,
        q=benjamini_hochberg(p),
        n=pairs.groups[top.T],
        dims=("unit", "rank"),
        coords={**on_unit, "rank": np.arange(kept)},
        attrs={
            "analysis": "tuning.token_context",
            "method": "mean activity with a token at an offset minus without",
            "activity_units": rec.attrs.get("activity_units", "arbitrary"),
            "null": "whole documents change places; largest |standardised| over pairs",
            "permutations": permutations,
            "interval": "95 %, bootstrap over documents (BCa), the pair held fixed",
            "family": f"Benjamini–Hochberg over {int(np.isfinite(p).sum())} units × ranks",
            "pairs": pairs.count,
            "n_groups": int(pairs.group.max()) + 1,
        },
    )
    on_rank = ("unit", "rank")
    return data.assign(
        standardised=(on_rank, value.T + blank),
        offset=(on_rank, pairs.offset[top.T]),
        context_token=(on_rank, pairs.token[top.T]),
        log_odds=(on_rank, odds + blank),
        reason=("unit", reason.astype(str)),
    )


@dataclass(frozen=True)
class _Pairs:
    """Tokens at offsets that occur often enough: a sparse indicator (pair × sample)."""

    matrix: Any
    size: Any
    token: Any
    offset: Any
    groups: Any
    group: Any

    @property
    def count(self) -> int:
        return int(self.size.size)

    def standardised(self, scaled: Float[Array, "sample unit"], samples: int) -> np.ndarray:
        """Return (mean with − mean of all) over its error if samples were exchanged."""
        weight = 1.0 / np.sqrt(self.size * (1.0 - self.size / samples))
        sums = self.matrix @ scaled
        return np.asarray(sums * weight[:, None])


def _check(rec: xr.DataArray, token: str, offsets: Sequence[int], keep: int, high: float) -> None:
    validate(rec, needs=["position", token], allow_missing=True)
    if not len(offsets) or keep < 1 or not 0 < high < 1:
        raise HomologueError(
            "offsets name at least one place, keep is at least 1, and high lies in (0, 1); given "
            f"{list(offsets)}, {keep} and {high}"
        )
    if rec[token].dtype.kind not in "iu":
        raise InvalidRecording(
            f"{token!r} holds {rec[token].dtype}; tokens are codes (recording.variable(words))"
        )


def _pairs(
    rec: xr.DataArray, rows: np.ndarray, offsets: list[int], token: str, minimum: int
) -> _Pairs:
    code = rec[token].values.astype(np.int64)
    _, group = np.unique(rec["group"].values[rows], return_inverse=True)
    kept = np.full(code.size, -1)
    kept[rows] = np.arange(rows.size)
    number, column, tokens, places, documents = [], [], [], [], []
    total = 0
    stretches = [kept[part] for part in runs(rec)]
    codes = [code[part] for part in runs(rec)]
    for offset in offsets:
        at, seen = [], []
        for part, word in zip(stretches, codes, strict=True):
            size = part.size - abs(offset)
            if size > 0:
                at.append(part[-offset:] if offset < 0 else part[:size])
                seen.append(word[:size] if offset < 0 else word[offset:])
        here = np.concatenate(at) if at else np.empty(0, dtype=np.int64)
        word = np.concatenate(seen) if seen else here
        valid = (here >= 0) & (word >= 0)
        here, word = here[valid], word[valid]
        names, which = np.unique(word, return_inverse=True)
        joint = np.unique(np.stack([which, group[here]]), axis=1)[0]
        present = np.bincount(joint, minlength=names.size)
        size = np.bincount(which, minlength=names.size)
        often = (present >= minimum) & (size < rows.size)
        new = np.cumsum(often) - 1
        inside = often[which]
        number.append(new[which[inside]] + total)
        column.append(here[inside])
        total += int(often.sum())
        tokens.append(names[often])
        places.append(np.full(int(often.sum()), offset))
        documents.append(present[often])
    if not total:
        raise InvalidDesign(
            f"no token stands at any of the offsets {offsets} in {minimum} groups; give more "
            "documents, or a lower minimum_groups"
        )
    row, sample = np.concatenate(number), np.concatenate(column)
    matrix = scipy.sparse.csr_array((np.ones(row.size), (row, sample)), shape=(total, rows.size))
    spelled = rec[token].attrs.get("categories")
    names = np.concatenate(tokens)
    words = (
        np.array([str(n) for n in names], dtype=object)
        if spelled is None
        else np.array([str(spelled[n]) for n in names], dtype=object)
    )
    return _Pairs(
        matrix,
        np.bincount(row, minlength=total).astype(np.float64),
        words,
        np.concatenate(places),
        np.concatenate(documents),
        group.ravel(),
    )


def _described(
    pairs: _Pairs,
    activity: np.ndarray,
    top: np.ndarray,
    high: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return effect, its interval and the log-odds of the pairs chosen for each unit."""
    kept, units = top.shape
    samples = activity.shape[0]
    cluster = pairs.group % _MOST_CLUSTERS
    count = int(cluster.max()) + 1
    member = scipy.sparse.csr_array(
        (np.ones(samples), (cluster, np.arange(samples))), shape=(count, samples)
    )
    every = member.sum(axis=1)
    loud = activity > np.quantile(activity, high, axis=0)
    low, up = np.full((units, kept), np.nan), np.full((units, kept), np.nan)
    effect, odds = np.empty((units, kept)), np.empty((units, kept))
    sums = member @ activity
    for k in range(kept):
        chosen = pairs.matrix[top[k]].tocsr()  # unit, sample
        with_it = chosen.multiply(activity.T).tocsr()
        inside = np.asarray((with_it @ member.T).todense()).T
        times = np.asarray((chosen @ member.T).todense()).T
        a = np.asarray(chosen.multiply(loud.T).sum(axis=1)).ravel()
        b = pairs.size[top[k]] - a
        c, d = loud.sum(axis=0) - a, (~loud).sum(axis=0) - b
        odds[:, k] = np.log((a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5)))

        def statistic(
            weights: np.ndarray, inside: np.ndarray = inside, times: np.ndarray = times
        ) -> np.ndarray:
            n, total = (weights @ every)[:, None], weights @ sums
            n_with, sum_with = weights @ times, weights @ inside
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.asarray(sum_with / n_with - (total - sum_with) / (n - n_with))

        effect[:, k] = statistic(np.ones((1, count)))[0]
        if count >= _FEWEST_CLUSTERS:
            found = cluster_bootstrap(statistic, count, rng=rng, draws=500)
            low[:, k] = np.minimum(found.low, effect[:, k])
            up[:, k] = np.maximum(found.high, effect[:, k])
    return effect, low, up, odds
