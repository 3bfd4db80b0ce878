"""Selectivity of every unit for the classes of a variable, with the exact null."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import beta, norm

from homologue._errors import HomologueError
from homologue._typing import Array, Float, Int
from homologue.inference import (
    benjamini_hochberg,
    centred_ranks,
    permutation_null,
    permutation_test,
    result,
    score,
)
from homologue.inference._labelled import labelled_design
from homologue.tuning._reason import reasons

CORRECTIONS = ("benjamini-hochberg", "max-t")


def selectivity(
    rec: xr.DataArray,
    variable: str,
    *,
    rng: np.random.Generator | int,
    permutations: int = 999,
    correction: str = "benjamini-hochberg",
    minimum_lag: float | None = None,
    device: str | None = None,
) -> xr.Dataset:
    """Test each unit for selectivity to one class of a variable against the rest.

    The effect is 2·AUC − 1 of the class for which it is largest in size: 1 if every response to
    that class exceeds every other response, −1 if none does, 0 without selectivity. The null
    takes the same maximum over classes, so choosing the best class costs nothing.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit) without NaN.
    variable : str
        A variable on ``sample``; a continuous one is cut into classes.
    rng : numpy Generator or int
        Draws the relabellings.
    permutations : int
        How many; the smallest p is 1 / (permutations + 1).
    correction : {"benjamini-hochberg", "max-t"}
        Whether ``q`` controls the false-discovery rate over units, or the family-wise rate by
        the largest statistic over units under the same relabelling.
    minimum_lag : float, optional
        Smallest circular shift, s, for recordings with ``time``.
    device : str, optional
        ``"numpy"`` or a torch device; the result does not depend on it.

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect``, ``low``/``high`` (95 %, clustered by group, for the class
        chosen), ``null_mean``/``null_std`` (of the effect's size), ``p``, ``q``, ``n`` (groups),
        ``best_class``, and ``share``, the between-class share of rank variance (Kruskal–Wallis
        ε²) with ``share_p``, ``share_null_mean``, ``share_null_std``. Constant units are kept,
        with NaN and the ``reason``, and counted in ``attrs["n_constant"]``.

    Raises
    ------
    InvalidDesign
        One class, or fewer than 20 distinct arrangements.
    InvalidRecording
        NaN or Inf in the activity.

    Notes
    -----
    Exact where the declared groups are independent. The largest contrast is a biased estimate
    of the true one (the best of several classes was chosen): compare it with ``null_mean``, or
    measure on held-out groups. The interval is Obuchowski's for clustered ROC areas [1]_ on a
    stretched scale; it takes the chosen class as given and is too short with fewer than about
    10 groups a class.

    References
    ----------
    .. [1] Obuchowski 1997, Biometrics 53:567, doi:10.2307/2533958
    .. [2] Kruskal & Wallis 1952, doi:10.1080/01621459.1952.10483441

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> label = np.repeat(["face", "house"], 12)
    >>> noise = np.random.default_rng(0).standard_normal((24, 2))
    >>> rec = make(noise + (label == "face")[:, None] * [3.0, 0.0], stimulus=label)
    >>> result = selectivity(rec, "stimulus", rng=0, permutations=199)
    >>> (result.p < 0.05).values.tolist()
    [True, False]
    """
    if correction not in CORRECTIONS:
        raise HomologueError(f"correction is one of {', '.join(CORRECTIONS)}; given {correction!r}")
    labelled = labelled_design(rec, variable, minimum_lag=minimum_lag)
    activity = labelled.activity(rec)
    generator = np.random.default_rng(rng)
    first, second = generator.spawn(2)
    fixed = (activity, labelled.codes, labelled.design)
    options: dict[str, Any] = {"permutations": permutations, "device": device}
    shares = permutation_test(*fixed, rng=first, statistic="share", **options)
    largest = permutation_test(*fixed, rng=second, statistic="largest contrast", **options)
    contrast = _contrasts(activity, labelled.codes, len(labelled.names))
    # Of two equally large contrasts (two classes always have them) the positive one.
    best = (np.abs(np.nan_to_num(contrast)) + 1e-12 * (contrast > 0)).argmax(axis=0)
    effect = np.take_along_axis(contrast, best[None], axis=0)[0]
    low, high = clustered_interval(activity, labelled.codes, labelled.group, best, effect)
    p = largest.p
    q = largest.p_family if correction == "max-t" else benjamini_hochberg(p)
    names = np.array(labelled.names, dtype=object)
    constant = ~largest.tested
    on_unit = {str(k): c for k, c in rec.coords.items() if c.dims == ("unit",)}
    data = result(
        effect=effect,
        low=low,
        high=high,
        null_mean=largest.null_mean,
        null_std=largest.null_std,
        p=p,
        q=q,
        n=int(labelled.group.max()) + 1,
        dims=("unit",),
        coords=on_unit,
        attrs={
            "analysis": "tuning.selectivity",
            "method": "2·AUC − 1 of the best class against the rest, largest in size",
            "interval": "95 %, Obuchowski, clustered by group, for the class chosen",
            "variable": variable,
            "permutations": permutations,
            "family": f"{correction} over {int(largest.tested.sum())} units",
            "n_constant": int(constant.sum()),
            "share_selective_05": float(np.mean(p[largest.tested] < 0.05))
            if largest.tested.any()
            else float("nan"),
            **labelled.attrs,
        },
    )
    return data.assign(
        best_class=("unit", np.where(constant, "", names[best])),
        share=("unit", shares.observed),
        share_p=("unit", shares.p),
        share_null_mean=("unit", shares.null_mean),
        share_null_std=("unit", shares.null_std),
        reason=("unit", reasons(activity, largest.tested)),
    )


def _contrasts(
    activity: Float[Array, "sample unit"], codes: Int[Array, "sample"], classes: int
) -> np.ndarray:
    """Return 2·AUC − 1 of each class against the rest, (class, unit); NaN if constant."""
    identity = np.arange(codes.size)[None]
    observed = permutation_null(score(activity), codes, identity, statistic="contrast").observed
    assert observed.shape[0] == classes
    return observed


def clustered_interval(
    activity: Float[Array, "sample unit"],
    codes: Int[Array, "sample"],
    group: Int[Array, "sample"],
    chosen: Int[Array, "unit"],
    effect: Float[Array, "unit"],
    *,
    level: float = 0.95,
) -> tuple[Float[Array, "unit"], Float[Array, "unit"]]:
    """Return an interval for 2·AUC − 1 of each unit's chosen class, samples clustered in groups.

    Parameters
    ----------
    activity : array, shape (sample, unit)
    codes, group : array of int, shape (sample,)
        Class and group of each sample.
    chosen : array of int, shape (unit,)
        The class set against the rest.
    effect : array, shape (unit,)
        2·AUC − 1.
    level : float
        Coverage aimed at.

    Returns
    -------
    low, high : array, shape (unit,)
        Within −1 … 1: the standard error is applied on the scale of the inverse hyperbolic
        tangent; near perfect separation, which has no standard error, the limits are exact
        binomial ones over the groups of the smaller side.

    References
    ----------
    Obuchowski 1997, Biometrics 53:567, doi:10.2307/2533958
    """
    low = np.full(effect.shape, np.nan)
    high = np.full(effect.shape, np.nan)
    count = int(group.max()) + 1
    for c in np.unique(chosen[np.isfinite(effect)]):
        units = np.flatnonzero((chosen == c) & np.isfinite(effect))
        inside = codes == c
        n_in, n_out = int(inside.sum()), int((~inside).sum())
        values = activity[:, units]
        # A sample's placement: its doubled rank among all, less that among its own side.
        ranks = centred_ranks(values).astype(np.float64)
        placement = np.empty_like(ranks)
        placement[inside] = (ranks[inside] - centred_ranks(values[inside])) / n_out
        placement[~inside] = -(ranks[~inside] - centred_ranks(values[~inside])) / n_in
        area = effect[units]
        centred = placement - area
        centred[inside] /= n_in
        centred[~inside] /= n_out
        sums = np.zeros((count, units.size))
        np.add.at(sums, group, centred)
        taking_part = np.unique(group).size
        variance = (sums**2).sum(axis=0) * taking_part / max(taking_part - 1, 1)
        sides = min(np.unique(group[inside]).size, np.unique(group[~inside]).size)
        low[units], high[units] = _limits(area, np.sqrt(variance), sides, level)
    return low, high


def _limits(
    area: Float[Array, "unit"], error: Float[Array, "unit"], groups: int, level: float
) -> tuple[Float[Array, "unit"], Float[Array, "unit"]]:
    """Return limits of 2·AUC − 1; near −1 and 1, where no error can be measured, exact ones.

    Within two of so many groups of perfect separation the limits are those of a binomial share
    (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404) of the groups of the smaller side.
    """
    reach = norm.ppf((1 + level) / 2) * error / np.maximum(1 - area**2, 1e-12)
    centre = np.arctanh(np.clip(area, -1 + 1e-12, 1 - 1e-12))
    low, high = np.tanh(centre - reach), np.tanh(centre + reach)
    edge = np.abs(area) > 1 - 4 / max(groups, 4)
    hits = (1 + area[edge]) / 2 * groups
    tail = (1 - level) / 2
    bound = beta.ppf(tail, hits, groups - hits + 1), beta.ppf(1 - tail, hits + 1, groups - hits)
    low[edge] = 2 * np.where(hits > 0, bound[0], 0.0) - 1
    high[edge] = 2 * np.where(hits < groups, bound[1], 1.0) - 1
    return low, high
