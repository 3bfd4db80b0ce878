"""Label permutation for every unit at once, as matrix products over exact integers.

Roofline
--------
Condition sums under m relabellings are one product, one-hot (m·c × s) @ scores (s × u):
2·m·c·s·u floating-point operations on s·u + m·s numbers, thousands of operations a byte, hence
bound by the machine's product rate and not by memory. For m = 1 000, s = 2 000, u = 10 000 and
c = 8 that is 320 GFLOP (280 with one class dropped and recovered from the unit's total): 2.5 s
on one core that multiplies 110 GFLOP/s in float32. What is left is one pass over m·c·u = 8·10⁷
sums in float64 (0.08 s when a block of sums stays in cache) and ranking (10⁴ sorts, 0.3 s).
From 11 classes on, adding rows through a sparse one-hot costs 2·m·s·u whatever c is.

Nothing of size m × u is stored unless asked for: a block of sums becomes exceedance counts,
moments and per-draw maxima while it is in cache. No loop runs over draws or units, only over
blocks and classes. Blocks of units go to as many threads as BLAS may use, each multiplying on
its own: threads that share one product wait for each other, spinning, while the statistics of
the last block are computed.

Why p does not depend on the machine
------------------------------------
Scores are integers whose sums are exact (:mod:`homologue.inference._scores`), so a sum is the
same number under any block size, thread count, library or float type; the few float64
operations that follow are elementwise and in a fixed order. p = (b + 1)/(m + 1), b counting
null ≥ observed − 8·eps·|observed| (plus the scores' resolution, if they are not the data
exactly), the observed value computed by the same kernel.

References
----------
.. [1] Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39, doi:10.2202/1544-6115.1585
.. [2] Westfall & Young 1993, Resampling-Based Multiple Testing
.. [3] Kruskal & Wallis 1952, J. Am. Stat. Assoc. 47:583, doi:10.1080/01621459.1952.10483441
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Int, Num
from homologue.inference._backend import Backend, backend
from homologue.inference._design import Design
from homologue.inference._pvalues import TIES
from homologue.inference._scores import ScoreKind, Scores, score
from homologue.inference._statistics import STATISTICS, Plan, Selection

Tail = Literal["upper", "lower", "two-sided"]
StatisticName = Literal["share", "contrast", "largest contrast", "chosen contrast"]

_SELECTOR_BYTES = 64 * 2**20
_DRAWS_AT_ONCE = 128
_FEWEST_COLUMNS = 256


@dataclass(frozen=True)
class PermutationNull:
    """Observed statistics beside their null; a leading axis ``class`` only for ``contrast``.

    Attributes
    ----------
    statistic, tail : str
        What was computed and which side counts.
    draws : int
        Relabellings drawn, m.
    observed, null_mean, null_std, p, p_family : array, shape ([class,] unit)
        NaN for units that were not tested. ``p`` is add-one, never below 1/(m + 1);
        ``p_family`` is max-T over all tested units (and classes).
    exceedances : array of int, shape ([class,] unit)
        Draws that reached the observed value; −1 where not tested.
    null_largest : array, shape (draw,)
        Largest statistic over tested units (and classes), on the side that counts.
    observed_unit_mean, null_unit_mean : array, shape ([class,]) and (draw[, class])
        Mean over tested units, for claims about the population of units.
    tested : array of bool, shape (unit,)
    null : array, shape (draw, [class,] unit), optional
        The whole null distribution, if it was asked for.
    """

    statistic: str
    tail: str
    draws: int
    observed: Any
    null_mean: Any
    null_std: Any
    exceedances: Any
    p: Any
    p_family: Any
    null_largest: Any
    observed_unit_mean: Any
    null_unit_mean: Any
    tested: Any
    null: Any = None


def permutation_test(
    activity: Num[Array, "sample unit"],
    label: Int[Array, "sample"],
    design: Design,
    *,
    rng: np.random.Generator | int,
    permutations: int = 999,
    scores: ScoreKind = "ranks",
    statistic: StatisticName = "share",
    **options: Any,
) -> PermutationNull:
    """Test every unit against the null that a design allows.

    Parameters
    ----------
    activity : array, shape (sample, unit)
        Firing rates, activations, any table; NaN makes its unit untested.
    label : array of int, shape (sample,)
        Class of each sample.
    design : Design
        From :func:`homologue.inference.exchangeability`.
    rng : numpy Generator or int
        Draws the relabellings.
    permutations : int
        How many, m; the smallest p is 1/(m + 1).
    scores : {"ranks", "values"}
    statistic : {"share", "contrast", "largest contrast", "chosen contrast"}
        See :func:`permutation_null`.
    **options
        Passed to :func:`permutation_null`: ``tail``, ``chosen``, ``keep_null``, ``device``,
        ``block_bytes``.

    Returns
    -------
    PermutationNull

    Notes
    -----
    Exact (P(p ≤ α) ≤ α) where the design's exchanges leave the joint distribution unchanged;
    approximate for circular shifts of series that are not stationary.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.inference import exchangeability
    >>> label = np.repeat([0, 1], 10)
    >>> activity = np.stack([label * 9.0 + np.arange(20) % 5, np.arange(20) % 5], axis=1)
    >>> design = exchangeability(label, np.arange(20))
    >>> permutation_test(activity, label, design, rng=1, permutations=99).p.round(2)
    array([0.01, 1.  ])
    """
    prepared = score(activity, kind=scores)
    generator = np.random.default_rng(rng)
    if design.scheme == "between groups":
        group = design._group_of
        index = design.draw_groups(permutations, generator)
        return permutation_null(prepared, label, index, group=group, statistic=statistic, **options)
    index = design.draw(permutations, generator)
    return permutation_null(prepared, label, index, statistic=statistic, **options)


def permutation_null(
    scores: Scores,
    label: Int[Array, "sample"],
    index: Int[Array, "draw row"],
    *,
    group: Int[Array, "sample"] | None = None,
    statistic: StatisticName = "share",
    tail: Tail | None = None,
    chosen: tuple[Int[Array, "unit"], Int[Array, "unit"]] | None = None,
    keep_null: bool = False,
    device: str | None = None,
    block_bytes: int | None = None,
) -> PermutationNull:
    """Return observed statistics and their null under given relabellings.

    Parameters
    ----------
    scores : Scores
        From :func:`homologue.inference.score`.
    label : array of int, shape (sample,)
        Class of each sample; every sample has one.
    index : array of int, shape (draw, sample), or (draw, group) with ``group``
        ``label[index[i]]`` is the i-th relabelling; with ``group``, indices into the sorted
        unique groups, whose labels move as wholes (scores are then summed within groups first).
    group : array of int, shape (sample,), optional
        Group of each sample; the label must be constant within each.
    statistic : {"share", "contrast", "largest contrast", "chosen contrast"}
        ``share``: between-class share of the sum of squares, in 0 … 1: η² for values, and for
        ranks ε² = H/(n − 1) with the tie-corrected Kruskal–Wallis H.
        ``contrast``: each class against the rest, signed, in −1 … 1: 2·AUC − 1 for ranks, the
        correlation with the class's indicator for values.
        ``largest contrast``: its maximum over classes (of the absolute value if two-sided).
        ``chosen contrast``: the contrast of one class and sign per unit, chosen elsewhere.
    tail : {"upper", "lower", "two-sided"}, optional
        Upper for ``share`` and ``chosen contrast``, two-sided for the others if left out.
    chosen : (class codes, signs), each of shape (unit,)
        For ``chosen contrast``: a class present in ``label``, and +1 or −1.
    keep_null : bool
        Also return the draws × units array.
    device : str, optional
        ``"numpy"`` or a torch device; results do not depend on it.
    block_bytes : int, optional
        Size of a block of sums; results do not depend on it.

    Returns
    -------
    PermutationNull

    Raises
    ------
    InvalidDesign
        Labels, groups or indices that do not fit each other; a single class.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.inference import score
    >>> activity = np.array([[1.0], [2.0], [3.0], [4.0]])
    >>> label = np.array([0, 0, 1, 1])
    >>> swaps = np.array([[0, 2, 1, 3], [2, 3, 0, 1]])
    >>> null = permutation_null(
    ...     score(activity), label, swaps, statistic="contrast", keep_null=True
    ... )
    >>> null.observed[:, 0], null.null[:, 1, 0]
    (array([-1.,  1.]), array([ 0.5, -1. ]))
    """
    codes, classes, scores = _fit(scores, np.asarray(label), np.asarray(index), group)
    side = _side(statistic, tail)
    units = np.flatnonzero(scores.tested)
    choice = _choices(statistic, chosen, classes, scores)
    if choice is not None:
        order = np.argsort(choice[0], kind="stable")
        scores, units = scores.select(order), units[order]
        choice = choice[0][order], choice[1][order]
    recipe = Plan(statistic, scores, classes.size, side == "two-sided", choice)
    machine = backend(device)
    bytes_ = machine.block_bytes if block_bytes is None else block_bytes
    with machine.exact():
        values = machine.put(scores.values)
        first = _run(machine, recipe, values, codes[None], side, block_bytes=bytes_, keep_null=True)
        observed = first.null[0]
        reference = _facing(observed, side)
        threshold = reference - TIES * np.abs(reference) - recipe.slack
        run = _run(
            machine, recipe, values, codes, side, block_bytes=bytes_,
            keep_null=keep_null, index=index, threshold=threshold,
        )  # fmt: skip
    tested = np.zeros(scores.tested.size, dtype=bool)
    tested[units] = True
    return _result((statistic, side), run, first, threshold, (tested, units))


def _side(statistic: str, tail: str | None) -> str:
    if statistic not in STATISTICS:
        raise HomologueError(f"statistic is one of {', '.join(STATISTICS)}; given {statistic!r}")
    if tail is None:
        return "upper" if statistic in ("share", "chosen contrast") else "two-sided"
    if tail not in ("upper", "lower", "two-sided"):
        raise HomologueError(f"tail is 'upper', 'lower' or 'two-sided'; given {tail!r}")
    if statistic == "largest contrast" and tail == "lower":
        raise HomologueError(
            "the largest contrast has no lower tail; use tail='upper' (largest) or 'two-sided' "
            "(largest in size), or statistic='contrast' with tail='lower'"
        )
    return tail


def _fit(
    scores: Scores, label: np.ndarray, index: np.ndarray, group: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, Scores]:
    """Return the class code of each row, the classes, and the scores folded to those rows."""
    if label.shape != (scores.samples,):
        raise InvalidDesign(
            f"the activity has {scores.samples} samples, the label has shape {label.shape}; "
            "give one label per sample"
        )
    classes, codes = np.unique(label, return_inverse=True)
    if classes.size < 2:
        raise InvalidDesign(
            f"the label has one condition only ({classes[0]}); a comparison needs at least 2: "
            "record more conditions, or ask about a label that changes"
        )
    if group is not None:
        if group.shape != label.shape:
            raise InvalidDesign(f"group has shape {group.shape}, label has {label.shape}")
        _, first, code = np.unique(group, return_index=True, return_inverse=True)
        if not np.array_equal(codes[first][code], codes):
            raise InvalidDesign(
                "the label varies within groups, so groups cannot move as wholes; leave group "
                "out and give indices of samples"
            )
        scores, codes = scores.folded(group), codes[first]
    if index.ndim != 2 or index.shape[1] != codes.size or index.shape[0] < 1:
        raise InvalidDesign(
            f"index has shape {index.shape}; expected (draws, {codes.size}), one column per "
            + ("sample" if group is None else "group")
        )
    if index.min() < 0 or index.max() >= codes.size:
        raise InvalidDesign(
            f"index points at rows {index.min()} … {index.max()}, but there are {codes.size}"
        )
    return codes.astype(np.int32), classes, scores


def _choices(
    statistic: str,
    chosen: tuple[np.ndarray, np.ndarray] | None,
    classes: np.ndarray,
    scores: Scores,
) -> tuple[np.ndarray, np.ndarray] | None:
    if (statistic == "chosen contrast") != (chosen is not None):
        raise HomologueError(
            "'chosen contrast' and chosen=(class codes, signs) go together; give both or neither"
        )
    if chosen is None:
        return None
    code, sign = (np.asarray(part) for part in chosen)
    if code.shape != scores.tested.shape or sign.shape != scores.tested.shape:
        raise HomologueError(
            f"chosen holds one class and one sign per unit ({scores.tested.size}); given shapes "
            f"{code.shape} and {sign.shape}"
        )
    code, sign = code[scores.tested], sign[scores.tested]
    if not np.isin(code, classes).all() or not np.isin(sign, (-1, 1)).all():
        raise HomologueError("chosen classes occur in the label and signs are −1 or +1")
    return np.searchsorted(classes, code), sign


@dataclass
class _Run:
    """What a pass over all blocks accumulates."""

    exceedances: np.ndarray
    total: np.ndarray
    squares: np.ndarray
    largest: np.ndarray
    unit_sum: np.ndarray
    null: Any


def _run(
    machine: Backend,
    recipe: Plan,
    values: Any,
    codes: np.ndarray,
    side: str,
    *,
    block_bytes: int,
    keep_null: bool,
    index: np.ndarray | None = None,
    threshold: np.ndarray | None = None,
) -> _Run:
    """Go through blocks of draws and units; without ``index`` the codes are relabelled already."""
    draws = codes.shape[0] if index is None else index.shape[0]
    units = values.shape[1]
    shape = (recipe.layers, units)
    run = _Run(
        exceedances=np.zeros(shape, dtype=np.int64),
        total=np.zeros(shape),
        squares=np.zeros(shape),
        largest=np.full(draws, -np.inf),
        unit_sum=np.zeros((draws, recipe.layers)),
        null=np.empty((draws, *shape)) if keep_null else None,
    )
    draws_at_once, units_at_once = _block_shape(recipe.classes, values, draws, block_bytes)
    columns = [
        slice(left, min(left + units_at_once, units)) for left in range(0, units, units_at_once)
    ]
    with machine.pool(2.0 * draws * recipe.classes * values.shape[0] * units) as each:
        for start in range(0, draws, draws_at_once):
            here = slice(start, min(start + draws_at_once, draws))
            labels = codes[here] if index is None else codes[index[here]]
            selection = recipe.select(machine, labels, values)

            def block(
                there: slice, selection: Selection = selection, here: slice = here
            ) -> tuple[np.ndarray, np.ndarray]:
                """Fill one block's own part of the run; return what blocks share."""
                largest, sums = np.full(selection.draws, -np.inf), []
                layers = recipe.statistics(machine, selection, values, there)
                for layer, statistic in enumerate(layers):
                    facing = _facing(statistic, side)
                    if threshold is not None:
                        reached = facing >= machine.put(threshold[layer, there])
                        run.exceedances[layer, there] += machine.get(reached.sum(0))
                    largest = np.maximum(largest, machine.get(machine.largest(facing)))
                    sums.append(machine.get(statistic.sum(1)))
                    run.total[layer, there] += machine.get(statistic.sum(0))
                    run.squares[layer, there] += machine.get((statistic * statistic).sum(0))
                    if keep_null:
                        run.null[here, layer, there] = machine.get(statistic)
                return largest, np.stack(sums, axis=1)

            # In the order of units, whichever thread was first: bitwise the same every time.
            for largest, sums in each(block, columns):
                run.largest[here] = np.maximum(run.largest[here], largest)
                run.unit_sum[here] += sums
    return run


def _facing(statistic: Any, side: str) -> Any:
    if side == "two-sided":
        return abs(statistic)
    return -statistic if side == "lower" else statistic


def _block_shape(classes: int, values: Any, draws: int, block_bytes: int) -> tuple[int, int]:
    """Return draws and units a block: sums stay in cache, and both sides suit the product."""
    rows, units = values.shape
    cell = classes * values.itemsize
    at_once = max(1, min(draws, _DRAWS_AT_ONCE, _SELECTOR_BYTES // (cell * rows)))
    columns = block_bytes // (at_once * cell)
    if columns < _FEWEST_COLUMNS:
        at_once = max(1, min(at_once, block_bytes // (_FEWEST_COLUMNS * cell)))
        columns = max(1, block_bytes // (at_once * cell))
    return at_once, max(1, min(columns, units))


def _result(
    names: tuple[str, str],
    run: _Run,
    first: _Run,
    threshold: np.ndarray,
    place: tuple[np.ndarray, np.ndarray],
) -> PermutationNull:
    statistic, side = names
    tested, units = place
    draws = run.largest.size
    mean = run.total / draws
    variance = np.maximum(run.squares / draws - mean**2, 0.0) * (draws / max(draws - 1, 1))
    family = draws - np.searchsorted(np.sort(run.largest), threshold, side="left")

    def spread(values: np.ndarray, missing: float) -> np.ndarray:
        full = np.full((*values.shape[:-1], tested.size), missing, dtype=values.dtype)
        full[..., units] = values
        return full if statistic == "contrast" else full[..., 0, :]

    def mean_over_units(sums: np.ndarray) -> np.ndarray:
        means = sums / units.size if units.size else np.full(sums.shape, np.nan)
        return means if statistic == "contrast" else means[..., 0]

    return PermutationNull(
        statistic=statistic,
        tail=side,
        draws=draws,
        observed=spread(first.null[0], np.nan),
        null_mean=spread(mean, np.nan),
        null_std=spread(np.sqrt(variance), np.nan),
        exceedances=spread(run.exceedances, -1),
        p=spread((run.exceedances + 1) / (draws + 1), np.nan),
        p_family=spread((family + 1) / (draws + 1), np.nan),
        null_largest=run.largest if units.size else np.full(draws, np.nan),
        observed_unit_mean=mean_over_units(first.unit_sum[0]),
        null_unit_mean=mean_over_units(run.unit_sum),
        tested=tested,
        null=None if run.null is None else spread(run.null, np.nan),
    )
