"""How many components count: against units made independent, and on held-out entries."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.stats import t as student

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import p_value, result
from homologue.population.components._folds import group_folds
from homologue.population.components._independent import independent_units, shares, stacks
from homologue.population.components._streamed import together
from homologue.recording import validate

_RIDGE = 1e-10


def parallel_analysis(
    rec: xr.DataArray,
    *,
    rng: np.random.Generator | int,
    permutations: int = 199,
    level: float = 0.05,
    standardised: bool = True,
) -> xr.Dataset:
    """Test each principal component against the same one of independent units (Horn).

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN, whose units were recorded together.
    rng : numpy Generator or int
    permutations : int
    level : float
        A component counts if its ``q`` is at most this.
    standardised : bool

    Returns
    -------
    xarray.Dataset
        On ``component``: ``effect`` (share of the variance), ``low``/``high`` (95 %, jackknife
        over blocks of rows), ``null_mean``, ``null_std``, ``p``, ``q`` (the largest p so far:
        components are tested in order, which holds the family-wise rate), ``n`` rows.
        ``n_components``: leading ones with q ≤ ``level``.

    Raises
    ------
    InvalidDesign
        Units never recorded together; fewer than three groups.

    Notes
    -----
    Groups without ``time`` are reduced to their means; time series to windows
    (:func:`dimension` says why). Behind a large component the later ones are tested against
    too much variance: conservative [1]_. Counts what is shared by units, be it signal or noise.

    References
    ----------
    .. [1] Horn 1965, Psychometrika 30:179, doi:10.1007/BF02289447
    .. [2] Buja & Eyuboglu 1992, Multivar. Behav. Res. 27:509, doi:10.1207/s15327906mbr2704_2

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> source = np.random.default_rng(0)
    >>> shared = source.normal(size=(80, 3)) @ source.normal(size=(3, 12))
    >>> int(parallel_analysis(make(shared + source.normal(size=(80, 12)) / 2), rng=0).n_components)
    3
    """
    together(rec)
    validate(rec)
    generator = np.random.default_rng(rng)
    values, draws, scheme = independent_units(
        rec, permutations, generator, standardised=standardised
    )
    if not (values != 0).any():
        raise InvalidDesign("no unit varies, so there is no component; are these all zeros?")
    observed = shares(values)
    null = np.stack([shares(drawn) for drawn in draws])
    p = np.asarray(p_value(observed, null))
    q = np.maximum.accumulate(p)
    blocks = min(20, values.shape[0] // 2)
    member = np.arange(values.shape[0]) * blocks // values.shape[0]
    left = np.stack([shares(values[member != k])[: observed.size] for k in range(blocks)])
    width = left.shape[1]
    error = np.full(observed.size, np.nan)
    error[:width] = np.sqrt((blocks - 1) * left.var(axis=0))
    reach = student.ppf(0.975, blocks - 1) * error
    passed = q <= level
    data = result(
        effect=observed, low=np.maximum(observed - reach, 0), high=np.minimum(observed + reach, 1),
        null_mean=null.mean(axis=0), null_std=null.std(axis=0), p=p, q=q, n=values.shape[0],
        dims=("component",), coords={"component": np.arange(1, observed.size + 1)},
        attrs={
            "analysis": "population.parallel_analysis",
            "method": "principal components against the same-ranked ones of independent units",
            "null": scheme, "family": "components in order, until the first fails",
            "permutations": permutations, "standardised": int(standardised), "level": level,
        },
    )  # fmt: skip
    return data.assign(n_components=int(passed.size if passed.all() else np.argmin(passed)))


def cross_validated_rank(
    rec: xr.DataArray,
    *,
    rng: np.random.Generator | int,
    folds: int = 5,
    highest: int = 30,
    permutations: int = 99,
    standardised: bool = True,
) -> xr.Dataset:
    """Choose the number of principal components that foretell held-out entries best.

    Groups and units are divided into folds; the entries of held-out groups in held-out units
    are foretold from the same groups' other units and the other groups' same units
    (bi-cross-validation [1]_). Adding noise as a component makes that worse, so it does not
    overfit as a reconstruction of held-out samples from themselves does.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN, whose units were recorded together.
    rng : numpy Generator or int
        Draws folds and the null.
    folds : int
        Of groups, and of units.
    highest : int
        Highest rank tried.
    permutations : int
        Recordings with independent units, of which each takes its own best rank.
    standardised : bool
        Scale units by the training groups' standard deviation.

    Returns
    -------
    xarray.Dataset
        ``rank``: the smallest within one standard error (over folds of groups) of the best, as
        beyond the true rank the curve is flat; ``rank_best``, ``rank_high`` (the largest
        within one); ``effect``: held-out R² at
        the best rank, ``low``/``high`` (95 %, jackknife over folds of groups), ``null_mean``,
        ``null_std``, ``p`` (rank above 0), ``q``, ``n`` (groups). ``held_out`` on ``rank_tried``
        (R², 0 at rank 0).

    Raises
    ------
    InvalidDesign
        Units never recorded together, fewer than ``folds`` groups without time, fewer than 4
        units.

    Notes
    -----
    Weak components are dropped on purpose: with finite data, keeping them foretells worse. The
    rank is that of the part units share linearly. Fails where a component lives in one or two
    units only, which are held out together with it.

    References
    ----------
    .. [1] Owen & Perry 2009, Ann. Appl. Stat. 3:564, doi:10.1214/08-AOAS227

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> source = np.random.default_rng(0)
    >>> shared = source.normal(size=(100, 3)) @ source.normal(size=(3, 20))
    >>> found = cross_validated_rank(make(shared + source.normal(size=(100, 20))), rng=0,
    ...                              permutations=19)
    >>> int(found["rank"]), float(found.p)
    (3, 0.05)
    """
    together(rec)
    validate(rec)
    units = rec.sizes["unit"]
    if units < 4:
        raise InvalidDesign(f"{units} units; some are held out, so at least 4")
    generator = np.random.default_rng(rng)
    fold, cluster = group_folds(rec, folds, generator)
    part = generator.permutation(units) % min(folds, units // 2)
    values = rec.values.astype(np.float64)
    if not (values != values[0]).any():
        raise InvalidDesign("no unit varies, so there is no component; are these all zeros?")
    errors = _errors(values, fold, part, highest, standardised=standardised)
    curve = 1 - errors.sum(axis=0) / errors[:, 0].sum()
    best = int(curve.argmax())
    each = 1 - errors / errors[:, :1]
    noise = float(each[:, best].std(ddof=1)) / np.sqrt(folds)
    near = np.flatnonzero(curve >= curve[best] - noise)
    left = np.array(
        [
            1 - np.delete(errors, k, 0)[:, best].sum() / np.delete(errors, k, 0)[:, 0].sum()
            for k in range(folds)
        ]
    )
    reach = student.ppf(0.975, folds - 1) * np.sqrt((folds - 1) * left.var())
    rows, draws, scheme = independent_units(rec, permutations, generator, standardised=False)
    pieces = np.unique(cluster).size
    labels = np.arange(rows.shape[0]) * max(pieces, folds) // rows.shape[0]
    null_fold = (generator.permutation(labels.max() + 1) % folds)[labels]
    observed = _best(rows, null_fold, part, highest, standardised=standardised)
    # Small recordings many at once: their products and roots are too small to be called singly.
    null = np.concatenate(
        [
            _best(drawn, null_fold, part, highest, standardised=standardised)
            for drawn in stacks(draws, rows.size)
        ]
    )
    p = float(p_value(observed, null))
    data = result(
        effect=curve[best], low=curve[best] - reach, high=min(curve[best] + reach, 1.0),
        null_mean=null.mean(), null_std=null.std(ddof=1), p=p, q=p, n=pieces,
        attrs={
            "analysis": "population.cross_validated_rank",
            "method": "bi-cross-validation of principal components, folds of groups and of units",
            "null": f"{scheme}; each draw takes its own best rank", "family": "one test",
            "interval": "95 %, jackknife over folds of groups", "permutations": permutations,
            "folds": folds, "standardised": int(standardised),
        },
    )  # fmt: skip
    return data.assign(
        rank=int(near.min()),
        rank_best=best,
        rank_high=int(near.max()),
        held_out=("rank_tried", curve),
    ).assign_coords(rank_tried=np.arange(curve.size))


def _best(
    values: np.ndarray, fold: np.ndarray, part: np.ndarray, highest: int, *, standardised: bool
) -> Float[Array, "..."]:
    """Return the held-out R² of the best rank of each recording."""
    errors = _errors(values, fold, part, highest, standardised=standardised).sum(axis=-2)
    return np.asarray((1 - errors / errors[..., :1]).max(axis=-1))


def _errors(
    values: Float[Array, "... sample unit"],
    fold: np.ndarray,
    part: np.ndarray,
    highest: int,
    *,
    standardised: bool,
) -> Float[Array, "... fold rank"]:
    """Return squared errors of held-out entries, of ranks 0 … highest.

    Of training rows and units D = U s Vᵀ, the held-out A is foretold by B V s⁻¹ Uᵀ C; in terms
    of DᵀD = V s² Vᵀ that is (B V) s⁻² (V ᵀ Dᵀ C), one more column each rank.
    """
    folds, parts = int(fold.max()) + 1, int(part.max()) + 1
    smallest = min(int((fold != k).sum()) for k in range(folds))
    kept = min(int((part != j).sum()) for j in range(parts))
    highest = max(min(highest, smallest - 2, kept - 1), 1)
    found = np.zeros((*values.shape[:-2], folds, highest + 1))
    for k in range(folds):
        training = values[..., fold != k, :]
        mean = training.mean(axis=-2, keepdims=True)
        deviation = training.std(axis=-2, keepdims=True)
        silent = deviation <= 1e-7 * np.abs(values).max(axis=-2, keepdims=True) + 1e-300
        divisor = np.where(silent, np.inf, deviation if standardised else 1.0)
        inside, outside = (training - mean) / divisor, (values[..., fold == k, :] - mean) / divisor
        product = inside.mT @ inside
        for j in range(parts):
            held, others = np.flatnonzero(part == j), np.flatnonzero(part != j)
            value, vector = np.linalg.eigh(product[..., others[:, None], others])
            value, vector = value[..., ::-1][..., :highest], vector[..., ::-1][..., :highest]
            score = outside[..., others] @ vector
            weight = vector.mT @ product[..., others[:, None], held]
            safe = value > _RIDGE * np.maximum(value[..., :1], 1e-300)
            weight = np.where(safe[..., None], weight / np.where(safe, value, 1.0)[..., None], 0.0)
            target = outside[..., held]
            # ‖A − Σ_k s_k w_k‖², rank by rank, from inner products only.
            along = ((target @ weight.mT) * score).sum(axis=-2)
            gram = (score.mT @ score) * (weight @ weight.mT)
            both = np.cumsum(np.cumsum(gram, axis=-2), axis=-1).diagonal(axis1=-2, axis2=-1)
            start = (target**2).sum(axis=(-2, -1))
            found[..., k, 0] += start
            found[..., k, 1 : value.shape[-1] + 1] += (
                start[..., None] - 2 * np.cumsum(along, axis=-1) + both
            )
    return found
