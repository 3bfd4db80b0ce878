"""The best any model of the stimulus can do: what repeats of a stimulus share."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Float, Int
from homologue.tuning.receptive_fields._lagged import row_codes

_FEWEST = 10


def noise_ceiling(
    stimulus: Float[Array, "sample column"],
    group: Int[Array, "sample"],
    activity: Float[Array, "sample unit"],
) -> tuple[Float[Array, "unit"], str]:
    """Return the largest r a function of the stimulus can reach with single samples.

    √(signal variance / total variance), from a one-way analysis of variance over stimuli that
    were shown in several groups [1]_ [2]_.

    Parameters
    ----------
    stimulus : array, shape (sample, column)
        Equal rows are repeats.
    group : array of int, shape (sample,)
        A stimulus repeated within one group counts once: the noise of a group is shared.
    activity : array, shape (sample, unit)

    Returns
    -------
    ceiling : array, shape (unit,)
        NaN where nothing was repeated.
    reason : str
        Why it is NaN; "" if it is not.

    References
    ----------
    .. [1] Sahani & Linden 2003, NIPS 15:125
    .. [2] Schoppe, Harper, Willmore, King & Schnupp 2016, Front. Comput. Neurosci. 10:10,
       doi:10.3389/fncom.2016.00010

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> shown = np.repeat(np.arange(200.0), 8)
    >>> signal = rng.standard_normal(200).repeat(8)
    >>> noisy = signal + rng.standard_normal(1600)
    >>> found, _ = noise_ceiling(shown[:, None], np.arange(1600), noisy[:, None])
    >>> bool(abs(found[0] - np.sqrt(1 / 2)) < 0.05)
    True
    """
    nothing = np.full(activity.shape[1], np.nan)
    code = row_codes(stimulus)
    _, first = np.unique(np.stack([code, group]), axis=1, return_index=True)
    code, activity = code[first], activity[first]
    times = np.bincount(code)
    repeated = times[code] >= 2
    found = int((times >= 2).sum())
    if found < _FEWEST:
        return nothing, f"{found} stimuli were repeated in another group, fewer than {_FEWEST}"
    _, code = np.unique(code[repeated], return_inverse=True)
    activity = activity[repeated]
    times = np.bincount(code).astype(np.float64)
    order = np.argsort(code, kind="stable")
    starts = np.concatenate([[0], np.cumsum(times[:-1])]).astype(np.int64)
    centred = activity[order] - activity.mean(axis=0)
    sums = np.add.reduceat(centred, starts, axis=0)
    between = (sums**2 / times[:, None]).sum(axis=0)
    within = (centred**2).sum(axis=0) - between
    count, stimuli = len(centred), len(times)
    noise = within / (count - stimuli)
    typical = (count - (times**2).sum() / count) / (stimuli - 1)
    signal = np.maximum((between / (stimuli - 1) - noise) / typical, 0.0)
    with np.errstate(invalid="ignore"):
        return np.sqrt(signal / (signal + np.maximum(noise, 0.0))), ""
