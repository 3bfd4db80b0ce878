"""Numbers on a helix: held-out variance that a line and a few circles explain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Float, Int
from homologue.inference import cluster_bootstrap, exchangeability, max_t, p_value, result
from homologue.population.guided._conditions import conditions
from homologue.population.guided._orders import products

PERIODS = (2.0, 5.0, 10.0, 100.0)
_BYTES = 64 * 2**20


def number_helix(
    rec: xr.DataArray,
    variable: str,
    *,
    rng: np.random.Generator | int,
    periods: Sequence[float] = PERIODS,
    components: int = 100,
    folds: int = 10,
    permutations: int = 999,
    scaling: str = "standardised",
) -> xr.Dataset:
    """Test whether activity lies on a helix of a number: a line and a circle for each period.

    B(a) = [1, a, cos 2πa/T, sin 2πa/T, …] is regressed on the principal components of the mean
    activity of each number, and predicts numbers that were left out.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN; ``site`` (a layer) is tested on its own.
    variable : str
        The number of each sample. Where ``block`` holds one code per number (its last digit,
        say), numbers are shuffled within blocks only.
    rng : numpy Generator or int
        Deals numbers to folds, draws permutations and bootstrap samples.
    periods : sequence of float
        T, in units of the number.
    components : int
        Leading components that count, all if there are fewer.
    folds : int
        Numbers are held out in so many parts.
    permutations : int
    scaling : {"standardised", "residual", "none"}
        As for :func:`circular_order`.

    Returns
    -------
    xarray.Dataset
        On ``site``: ``effect``, held-out R² of the helix, ``low``/``high`` (95 %, BCa over
        numbers, the fits fixed), ``null_mean``, ``null_std`` and ``null_largest`` (shuffled
        numbers), ``p``, ``q`` (maximum over sites), ``n`` (numbers). Held-out R² of controls:
        ``line``, ``polynomial`` (as many columns as the helix), ``circles`` (the helix without
        its line); ``ceiling``: variance share of as many principal components. On (``site``,
        ``period``): ``gain``, the held-out R² that the period adds to the rest of the helix,
        and ``p_gain`` (residuals of the rest shuffled [2]_).

    Raises
    ------
    InvalidDesign
        Fewer than 20 numbers, or two columns for each held-in number; a categorical variable.
    HomologueError
        Periods that are not above 1, folds that are not 2 … numbers, no component.
    InvalidRecording
        NaN, or no unit that varies.

    Notes
    -----
    Any smooth dependence on the number beats shuffled numbers: a small ``p`` says "number is
    represented", and only what exceeds ``polynomial`` and has a ``gain`` speaks for circles.
    Where a tokenizer cuts numbers into digits, periods 2, 5 and 10 follow from the identity of
    the last token: declare the last digit as ``block`` to ask what is left. The permutation of
    residuals is exact in large samples only.

    References
    ----------
    .. [1] Kantamneni & Tegmark 2025, arXiv:2502.00873.
    .. [2] Freedman & Lane 1983, J. Bus. Econ. Stat. 1:292, doi:10.1080/07350015.1983.10509354

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> a = np.arange(60)
    >>> turn = 2 * np.pi * a / 10
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal((60, 3))
    >>> rec = make(np.stack([a / 20, np.cos(turn), np.sin(turn)], 1) + noise,
    ...            variables={"number": a})
    >>> found = number_helix(rec, "number", rng=0, periods=(10,), permutations=99)
    >>> bool(found.effect[0] > 0.95), bool(found.polynomial[0] < 0.6), float(found.p_gain[0, 0])
    (True, True, 0.01)
    """
    turns = [float(period) for period in periods]
    if not turns or not all(1 < one < np.inf for one in turns) or len(set(turns)) != len(turns):
        raise HomologueError(f"periods are distinct numbers above 1; given {list(periods)}")
    if components < 1:
        raise HomologueError(f"components are 1 or more; given {components}")
    if variable in rec.coords and "categories" in rec[variable].attrs:
        raise InvalidDesign(
            f"{variable!r} is categorical: its classes are names, and their codes are no numbers; "
            "give a variable of numbers"
        )
    data = conditions(rec, variable, scaling=scaling)
    if data.design is not None:
        raise InvalidDesign(
            f"{variable!r} varies along time within groups, so numbers cannot be shuffled as "
            "wholes; average each presentation to one sample, and leave time out"
        )
    number = data.values.astype(float)
    count = number.size
    basis = helix_basis(number, turns)
    if not 2 <= folds <= count:
        raise HomologueError(f"folds are 2 … {count} (numbers); given {folds}")
    if count < 20 or 2 * basis.shape[1] > count - count // folds:
        raise InvalidDesign(
            f"{count} numbers for a basis of {basis.shape[1]} columns; record at least 20 and two "
            "a column, or give fewer periods"
        )
    dealing, drawing, resampling = np.random.default_rng(rng).spawn(3)
    fold = dealing.permutation(count) % folds
    place = np.arange(count)
    index = exchangeability(place, place, block=data.block).draw_groups(permutations, drawing)
    tables, ceiling = _leading(products(data.means(), data.site), components, basis.shape[1] - 1)
    nothing = residual_maker(np.ones((count, 1)), fold)
    own = np.arange(count)[None]

    def explained(columns: Float[Array, "number column"], order: np.ndarray = own) -> np.ndarray:
        return 1 - _error(residual_maker(columns, fold), tables, order) / _error(
            nothing, tables, order
        )

    observed, null = explained(basis)[0], explained(basis, index)
    low, high = _interval(tables, residual_maker(basis, fold), nothing, resampling)
    gain, p_gain = _gains(tables, number, turns, fold, index)
    return result(
        effect=observed, null=null, low=low, high=high, p=p_value(observed, null),
        q=max_t(*_studentised(observed, null)), n=count, dims=("site",),
        coords={"site": data.sites, "period": turns},
        attrs={
            "analysis": "population.number_helix",
            "method": "held-out R² of a line and circles on principal components",
            "null": "numbers shuffled" + (", within blocks" if data.block.any() else ""),
            "variable": variable, "permutations": permutations, "folds": folds,
            "components": min(components, count - 1), "columns": basis.shape[1],
            "family": "maximum over sites, studentised by the null",
            "scaling": scaling, "n_units": data.site.size,
        },
    ).drop_vars("null").assign(
        null_largest=("site", null.max(axis=0)),
        line=("site", explained(_polynomial(number, 1))[0]),
        polynomial=("site", explained(_polynomial(number, basis.shape[1] - 1))[0]),
        circles=("site", explained(np.delete(basis, 1, axis=1))[0]),
        ceiling=("site", ceiling),
        gain=(("site", "period"), gain.T), p_gain=(("site", "period"), p_gain.T),
    )  # fmt: skip


def helix_basis(
    number: Float[Array, "number"], periods: Sequence[float]
) -> Float[Array, "number column"]:
    """Return [1, a, cos 2πa/T, sin 2πa/T, …]; columns that are zero or repeat are left out."""
    columns = [np.ones(number.size), (number - number.mean()) / max(number.std(), 1e-12)]
    for period in periods:
        columns += _circle(number, period)
    return np.stack(columns, axis=1)


def _circle(number: np.ndarray, period: float) -> list[np.ndarray]:
    angle = 2 * np.pi * number / period
    # At period 2 the sine of whole numbers is 0: a column of rounding errors fits nothing.
    return [wave for wave in (np.cos(angle), np.sin(angle)) if np.abs(wave).max() > 1e-9]


def _polynomial(number: np.ndarray, degree: int) -> np.ndarray:
    scaled = 2 * (number - number.min()) / np.ptp(number) - 1
    return np.polynomial.chebyshev.chebvander(scaled, degree)


def residual_maker(
    basis: Float[Array, "number column"], fold: Int[Array, "number"]
) -> Float[Array, "number number"]:
    """Return the matrix that takes activity to its held-out residuals."""
    made = np.eye(fold.size)
    for k in range(int(fold.max()) + 1):
        out, kept = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        made[np.ix_(out, kept)] = -basis[out] @ np.linalg.pinv(basis[kept])
    return made


def _leading(tables: np.ndarray, components: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return products of the leading components, and the variance share of ``columns`` of them."""
    values, vectors = np.linalg.eigh(tables)
    values = np.maximum(values, 0.0)
    values[:, :-components] = 0.0
    total = values.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        ceiling = values[:, -columns:].sum(axis=1) / total
    return (vectors * values[:, None]) @ vectors.transpose(0, 2, 1), ceiling


def _error(
    residual: np.ndarray, tables: Float[Array, "site number number"], order: np.ndarray
) -> np.ndarray:
    """Return the held-out squared error, (order, site), with activity in each order.

    It is tr(R P K Pᵀ Rᵀ) = Σ (Pᵀ RᵀR P) ∘ K: one product over all orders and sites.
    """
    return _squares(residual.T @ residual, tables, order)


def _squares(square: np.ndarray, tables: np.ndarray, order: np.ndarray) -> np.ndarray:
    flat = tables.reshape(len(tables), -1).T
    back = np.argsort(order, axis=1)
    found = np.empty((len(order), len(tables)))
    step = max(1, _BYTES // (8 * square.size))
    for begin in range(0, len(order), step):
        part = back[begin : begin + step]
        moved = square[part[:, :, None], part[:, None, :]].reshape(len(part), -1)
        found[begin : begin + step] = moved @ flat
    return found


def _gains(
    tables: np.ndarray,
    number: np.ndarray,
    periods: list[float],
    fold: np.ndarray,
    index: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each period adds to the rest, and its p, each (period, site)."""
    full = helix_basis(number, periods)
    nothing = residual_maker(np.ones((number.size, 1)), fold)
    own = np.arange(number.size)[None]
    gains, ps = [], []
    for period in periods:
        rest = helix_basis(number, [other for other in periods if other != period])
        # Freedman–Lane with the fit of the rest left out: it is annihilated up to the folds.
        away = np.eye(number.size) - rest @ np.linalg.pinv(rest)
        left = away @ tables @ away.T
        whole, reduced = residual_maker(full, fold), residual_maker(rest, fold)
        added = reduced.T @ reduced - whole.T @ whole
        gain = _squares(added, tables, own)[0]
        found = _squares(added, left, np.concatenate([own, index]))
        gains.append(gain / _error(nothing, tables, own)[0])
        ps.append(p_value(found[0], found[1:]))
    return np.stack(gains), np.stack(ps)


def _studentised(observed: np.ndarray, null: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both in units of the null's spread, so that a maximum over sites is fair.

    A site whose null does not vary (nothing is exchangeable there) gets 0.
    """
    mean, spread = null.mean(axis=0), null.std(axis=0)
    flat = spread <= 1e-9 * np.maximum(np.abs(mean), 1.0)
    spread = np.where(flat, 1.0, spread)
    return (
        np.where(flat, 0.0, (observed - mean) / spread),
        np.where(flat, 0.0, (null - mean) / spread),
    )


def _interval(
    tables: np.ndarray, residual: np.ndarray, nothing: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval over numbers, whose held-out errors are weighed anew."""
    error = np.einsum("ij,sjk,ik->is", residual, tables, residual, optimize=True)
    total = np.einsum("ij,sjk,ik->is", nothing, tables, nothing, optimize=True)
    found = cluster_bootstrap(
        lambda weights: 1 - (weights @ error) / (weights @ total), len(error), rng=rng
    )
    return found.low, found.high
