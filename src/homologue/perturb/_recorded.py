"""Perturbations that were recorded: who responds to whose stimulation, and who answers whom.

An experiment that stimulates one unit after the other and reads all of them is a recording whose
stimulus variable names the stimulated unit. Its analysis needs no system that could be perturbed
again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign, UnknownName, nearest
from homologue._typing import Array, Bool, Float, Int
from homologue.inference import benjamini_hochberg, result
from homologue.recording import classes, validate

_CHUNK = 64
"""Permutations at a time; bounds memory, changes no number."""

RARE, FINER = 10, 10
"""Pairs that fewer than RARE relabellings reach are compared with FINER times as many."""


def recorded_effects(
    rec: xr.DataArray,
    variable: str = "stimulated",
    *,
    published: xr.DataArray | None = None,
    alpha: float = 0.05,
    permutations: int = 999,
    rng: np.random.Generator | int,
) -> xr.Dataset:
    """Return the effect of every recorded perturbation on every unit.

    The effect of stimulating j on unit i is the mean response of i to j minus its mean response
    to the stimulation of all others, in standard deviations of i over all its responses: what is
    particular to j, and not to being stimulated or to the time of the experiment.

    Parameters
    ----------
    rec : xarray.DataArray
        Responses, sample × unit; NaN where a unit was not read. Samples of one unit (of one
        ``block``, where it is declared) are exchangeable under the null: a group is a sample.
    variable : str
        On ``sample``: which unit was stimulated.
    published : xarray.DataArray, optional
        Published q-values, dims ``("responding", "stimulated")`` with the names as coordinates;
        what counts as significant in ``significant`` and the split, if given.
    alpha : float
        Level of q.
    permutations : int
        Relabellings of each unit's responses; 10 times as many more for pairs that few of
        them reach.
    rng : numpy Generator or int
        Source of the relabellings.

    Returns
    -------
    xarray.Dataset
        Dims ``("stimulated", "unit")``: effect, low and high (95 %, normal, from the spread of
        the responses of the pair), the moments of the null (exact), p (permutation, two-sided),
        q (Benjamini–Hochberg over all pairs tested), n (responses of the pair),
        ``significant``; and scalars ``pairs``, ``significant_pairs``, ``itself``,
        ``symmetric``, ``asymmetric``, ``one_way_known`` (see :func:`symmetry`).

    Raises
    ------
    UnknownName
        No such variable, or published values that lack a unit.
    InvalidDesign
        Groups of more than one sample, which would have to be relabelled together, or a single
        stimulated unit.

    Notes
    -----
    Pairs with one response have an effect and a p, no interval. Fails where responses of a unit
    are not exchangeable, as when animals differ and are not declared as ``block``: p is then too
    small by as much as they differ. With m relabellings p is at least 1/(m + 1), and few of them
    over many pairs leave q coarse.

    References
    ----------
    .. [1] Randi et al. 2023, Nature 623:406, doi:10.1038/s41586-023-06683-4.

    Examples
    --------
    >>> from homologue.recording import make
    >>> from homologue.recording import variable as labelled
    >>> rng = np.random.default_rng(0)
    >>> who = np.repeat([0, 1, 2], 20)
    >>> response = rng.normal(size=(60, 3))
    >>> response[who == 0, 1] += 3
    >>> rec = make(response, unit=["a", "b", "c"],
    ...            variables={"stimulated": labelled(who, categories=["a", "b", "c"])})
    >>> found = recorded_effects(rec, rng=0)
    >>> bool(found["significant"].sel(stimulated="a", unit="b"))
    True
    """
    validate(rec, needs=[variable], allow_missing=True)
    codes, names = classes(rec, variable)
    if np.unique(rec["group"].values).size < rec.sizes["sample"]:
        raise InvalidDesign(
            "recorded_effects relabels single responses, but the recording declares groups of "
            "several samples; average over each group first"
        )
    keep = codes >= 0
    codes, values = codes[keep], rec.values[keep]
    present = np.unique(codes)
    if present.size < 2:
        raise InvalidDesign(
            f"{variable!r} names {present.size} stimulated unit; an effect is measured against "
            "the stimulation of others, so at least 2 are needed"
        )
    stimulated = [str(names[code]) for code in present]
    codes = np.searchsorted(present, codes)
    units = [str(unit) for unit in rec["unit"].values]
    block = np.zeros(codes.size, dtype=np.int64)
    if "block" in rec.coords:
        block = np.unique(rec["block"].values[keep], return_inverse=True)[1]
    # A source of random numbers belongs to a unit's name: the order of units changes nothing.
    sources = np.random.default_rng(rng).spawn(len(units))
    parts = _every_unit(
        values,
        codes,
        block,
        present.size,
        permutations=permutations,
        sources=[sources[i] for i in np.argsort(np.argsort(units))],
    )
    q = benjamini_hochberg(parts["p"])
    deciding = q if published is None else _aligned(published, stimulated, units)
    with np.errstate(invalid="ignore"):
        significant = deciding < alpha
    dims = ("stimulated", "unit")
    found = result(
        **parts,
        q=q,
        dims=dims,
        coords={"stimulated": stimulated, "unit": units},
        attrs={
            "method": (
                "mean response to one stimulated unit minus the mean response to the others, in "
                "SD of the unit; labels of single responses permuted"
                + (" within blocks" if block.any() else "")
            ),
            "family": "all pairs with a response, Benjamini–Hochberg",
            "interval": "95 %, normal",
            "variable": variable,
            "permutations": permutations,
            "alpha": alpha,
            "significant_by": "q" if published is None else "published q",
        },
    )
    found["significant"] = (dims, significant)
    if published is not None:
        found["q_published"] = (dims, deciding)
    known = np.isfinite(deciding)
    split = symmetry(_square(significant, stimulated, units), _square(known, stimulated, units))
    scalars = {"pairs": int(known.sum()), "significant_pairs": int(significant.sum()), **split}
    return found.assign({name: ((), value) for name, value in scalars.items()})


def symmetry(
    significant: Bool[Array, "unit unit"], known: Bool[Array, "unit unit"]
) -> dict[str, int]:
    """Return how many effects are answered: j acts on i, and i on j.

    Parameters
    ----------
    significant, known : array of bool, shape (unit, unit)
        Whether each ordered pair has an effect, and whether it was tested.

    Returns
    -------
    dict of str to int
        ``itself`` (effects of a unit on itself); unordered pairs tested both ways that act both
        ways (``symmetric``), one way (``asymmetric``) or neither (``silent``); and effects whose
        way back was not tested (``one_way_known``). Effects add up:
        itself + 2·symmetric + asymmetric + one_way_known.

    Examples
    --------
    >>> yes = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 0]], bool)
    >>> symmetry(yes, np.ones((3, 3), bool))
    {'itself': 1, 'symmetric': 1, 'asymmetric': 1, 'silent': 1, 'one_way_known': 0}
    """
    effect = significant & known
    between = ~np.eye(len(effect), dtype=bool)
    both = np.triu(known & known.T & between)
    return {
        "itself": int(np.diag(effect).sum()),
        "symmetric": int((effect & effect.T & both).sum()),
        "asymmetric": int(((effect ^ effect.T) & both).sum()),
        "silent": int((~effect & ~effect.T & both).sum()),
        "one_way_known": int((effect & between & ~known.T).sum()),
    }


def _every_unit(
    values: Float[Array, "sample unit"],
    codes: Int[Array, " sample"],
    blocks: Int[Array, " sample"],
    count: int,
    *,
    permutations: int,
    sources: list[np.random.Generator],
) -> dict[str, np.ndarray]:
    """Return effect, interval, null, p and n, each (stimulated, unit)."""
    shape = (count, values.shape[1])
    out = {
        name: np.full(shape, np.nan)
        for name in ("effect", "low", "high", "null_mean", "null_std", "p")
    }
    out["n"] = np.zeros(shape, dtype=np.int64)
    for unit, source in enumerate(sources):
        here = np.isfinite(values[:, unit])
        response, code = values[here, unit], codes[here]
        parts = _parts(blocks[here])
        n = np.bincount(code, minlength=count)
        out["n"][:, unit] = n
        total = response.size
        usable = (n > 0) & (n < total)
        if total < 3 or not usable.any() or response.std() == 0:
            continue
        z = (response - response.mean()) / response.std()
        # mean of j minus mean of the others = sum of j · total / (n · (total − n)): z sums to 0
        factor = np.zeros(count)
        factor[usable] = total / (n[usable] * (total - n[usable]))
        observed = np.bincount(code, weights=z, minlength=count)
        squares = np.bincount(code, weights=z**2, minlength=count)
        spread = np.full(count, np.nan)
        several = usable & (n > 1)
        spread[several] = np.sqrt(
            np.maximum(squares[several] - observed[several] ** 2 / n[several], 0)
            / (n[several] - 1)
            / n[several]
        )
        effect = np.where(usable, observed * factor, np.nan)
        mean, null_std = np.zeros(count), np.zeros(count)
        for part in parts:
            # A sum of k out of m without replacement has variance s² k (m − k) / (m − 1).
            k, m = np.bincount(code[part], minlength=count), part.size
            mean += k * z[part].mean()
            null_std += z[part].var() * k * (m - k) / max(m - 1, 1)
        null_std = np.sqrt(null_std) * factor
        column = {
            "effect": effect,
            "low": effect - 1.96 * spread * factor * n,
            "high": effect + 1.96 * spread * factor * n,
            "null_mean": np.where(usable, mean * factor, np.nan),
            "null_std": np.where(usable, null_std, np.nan),
            "p": np.where(
                usable, _tail(z, code, parts, count, permutations=permutations, rng=source), np.nan
            ),
        }
        for name, one in column.items():
            out[name][:, unit] = one
    return out


def _parts(blocks: Int[Array, " response"]) -> list[np.ndarray]:
    """Return the responses of each block."""
    order = np.argsort(blocks, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1)


def _tail(
    z: Float[Array, " response"],
    codes: Int[Array, " response"],
    parts: list[np.ndarray],
    count: int,
    *,
    permutations: int,
    rng: np.random.Generator,
) -> Float[Array, " stimulated"]:
    """Return two-sided p of every class sum of z, about its mean, under relabelling within parts.

    In two stages: sums that fewer than ``RARE`` of the first relabellings reach are compared
    with ``FINER`` times as many. A pair goes on only if its first p is below any level at which
    the second stage could change the answer, so that both stages together keep the level.
    """
    # Relative to its block a response has mean 0, and so has every sum.
    about = np.empty_like(z)
    for part in parts:
        about[part] = z[part] - z[part].mean()
    observed = np.abs(np.bincount(codes, weights=about, minlength=count))
    n = np.bincount(codes, minlength=count)
    present = np.flatnonzero(n)
    # Sums equal but for the order of addition are ties.
    threshold = observed * (1 - 1e-12) - 1e-12
    each = [np.bincount(codes[part], minlength=count) for part in parts]
    reached = np.zeros(count, dtype=np.int64)
    for first in range(0, permutations, _CHUNK):
        size = min(_CHUNK, permutations - first)
        sums = np.zeros((size, present.size))
        for part, k in zip(parts, each, strict=True):
            # Classes laid side by side on shuffled responses: sums are steps of a running sum.
            drawn = rng.permuted(np.broadcast_to(about[part], (size, part.size)), axis=1)
            running = np.concatenate([np.zeros((size, 1)), np.cumsum(drawn, axis=1)], axis=1)
            stop = np.cumsum(k[present])
            sums += np.diff(running[:, np.concatenate([[0], stop])], axis=1)
        reached[present] += (np.abs(sums) >= threshold[present]).sum(axis=0)
    p = (reached + 1) / (permutations + 1)
    more = FINER * permutations
    for one in present[reached[present] < RARE]:
        drawn = np.zeros(more)
        for part, k in zip(parts, each, strict=True):
            if k[one]:
                some = _without_replacement(part.size, int(k[one]), more, rng)
                drawn += about[part][some].sum(axis=1)
        b = reached[one] + int((np.abs(drawn) >= threshold[one]).sum())
        p[one] = (b + 1) / (permutations + more + 1)
    return np.where(n > 0, p, np.nan)


def _without_replacement(
    total: int, n: int, draws: int, rng: np.random.Generator
) -> Int[Array, "draw n"]:
    """Return ``draws`` uniform subsets of n of the first ``total`` numbers, each in order.

    The i-th number is drawn among those that are left, and steps over those already taken.
    """
    taken = np.zeros((draws, 0), dtype=np.int64)
    for i in range(n):
        new = rng.integers(total - i, size=draws)
        for column in taken.T:
            new += new >= column
        taken = np.sort(np.column_stack([taken, new]), axis=1)
    return taken


def _aligned(
    published: xr.DataArray, stimulated: list[str], units: list[str]
) -> Float[Array, "stimulated unit"]:
    if not {"responding", "stimulated"} <= set(published.dims):
        raise HomologueError(
            "published q-values have dims ('responding', 'stimulated'); given "
            f"{tuple(published.dims)}"
        )
    for dim, wanted in (("responding", units), ("stimulated", stimulated)):
        known = [str(name) for name in published[dim].values]
        missing = [name for name in wanted if name not in known]
        if missing:
            raise UnknownName(
                f"the published values have no {dim} unit {missing[0]!r}"
                + nearest(missing[0], known)
            )
    chosen = published.sel(responding=units, stimulated=stimulated)
    return np.asarray(chosen.transpose("stimulated", "responding").values, dtype=np.float64)


def _square(
    pairs: Bool[Array, "stimulated unit"], stimulated: list[str], units: list[str]
) -> Bool[Array, "name name"]:
    """Return pairs among units that were stimulated or read, False where one was not."""
    names = list(dict.fromkeys([*units, *stimulated]))
    place: dict[Any, int] = {name: i for i, name in enumerate(names)}
    out = np.zeros((len(names), len(names)), dtype=bool)
    rows = [place[name] for name in stimulated]
    columns = [place[name] for name in units]
    out[np.ix_(rows, columns)] = pairs
    return out
