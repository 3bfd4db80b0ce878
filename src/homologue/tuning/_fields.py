"""Place fields: where a map stands above its surroundings, how large, how stable."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
import xarray as xr
from scipy.sparse.csgraph import connected_components

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Bool, Float
from homologue.tuning._bins import Bins, smoothing_matrix
from homologue.tuning._halves import correlation_of_halves, early_and_late, null_of_halves
from homologue.tuning._information import spatial_information
from homologue.tuning._placed import place
from homologue.tuning._shape import smoothed_rates


def place_fields(
    rec: xr.DataArray,
    variable: str | tuple[str, str],
    *,
    rng: np.random.Generator | int,
    bins: int | tuple[int, int] = 20,
    smoothing: float = 1.0,
    fraction: float = 0.3,
    minimum_peak: float = 0.0,
    minimum_bins: int = 2,
    level: float = 0.05,
    permutations: int = 999,
    **options: Any,
) -> xr.Dataset:
    """Find the place fields of every unit, and say which units have any right to one.

    A field is a set of touching bins in which the smoothed map exceeds ``fraction`` of the way
    from its lowest to its highest rate.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit), activity zero or more; times at rest left out.
    variable : str or pair of str
        Linear or circular.
    rng : numpy Generator or int
    bins : int or pair of int
    smoothing : float
        Standard deviation in bins, of the map and of the test alike.
    fraction : float
        Height of a field's border, between the lowest rate (0) and the peak (1).
    minimum_peak : float
        Least peak of a field, in units of activity.
    minimum_bins : int
        Least size of a field.
    level : float
        Of ``p`` at which a unit with a field counts as a place cell.
    permutations : int
    **options
        ``minimum_occupancy``, ``minimum_lag``, ``null``, ``force_iid`` as in
        :func:`homologue.tuning.spatial_information`.

    Returns
    -------
    xarray.Dataset
        On ``unit``: everything :func:`homologue.tuning.spatial_information` returns (``effect``
        is the information), ``place_cell``, ``fields`` (how many), ``peak`` (of the map),
        ``stability`` (correlation of the maps of the first and the second half of the session)
        beside ``stability_null_mean`` and ``stability_null_std`` (the same under relabelling).
        On (``unit``, ``field``), strongest first, NaN where there is none: ``field_peak``,
        ``field_size`` (in the variable's units, or their product). On (``unit``, ``field``,
        ``axis``): ``field_position`` of the peak.

    Raises
    ------
    InvalidDesign
        A categorical variable, whose classes do not touch; see
        :func:`homologue.tuning.spatial_information`.

    Notes
    -----
    Every map has a highest bin, hence a field: fields mean something for units with
    ``place_cell`` only. Their number depends on ``fraction`` and ``smoothing``, and no
    convention is shared by all papers [1]_, [2]_. On a track run both ways, cells that fire in
    one direction show half their rate: select a heading first. ``stability`` of a unit with a
    strong rhythm of visits is not 0 by chance (its null says what it is); it describes, ``p``
    tests.

    References
    ----------
    .. [1] O'Keefe & Dostrovsky 1971, Brain Res. 34:171, doi:10.1016/0006-8993(71)90358-1
    .. [2] Muller, Kubie & Ranck 1987, J. Neurosci. 7:1935,
       doi:10.1523/JNEUROSCI.07-07-01935.1987

    Examples
    --------
    >>> from homologue.recording import make, variable
    >>> generator = np.random.default_rng(0)
    >>> x = np.cumsum(generator.uniform(0, 0.1, 2000)) % 1
    >>> field = np.exp(-0.5 * ((x - 0.4) / 0.08) ** 2)
    >>> rec = make(generator.poisson(np.stack([field, 0 * x + 0.2], axis=1)),
    ...            variables={"time": np.arange(2000) * 0.1, "x": variable(x)},
    ...            activity_units="spikes", sampling_interval=0.1)
    >>> found = place_fields(rec, "x", rng=0, permutations=199)
    >>> found.place_cell.values.tolist(), round(float(found.field_position[0, 0, 0]), 1)
    ([True, False], 0.4)
    """
    if not 0 < fraction < 1 or minimum_bins < 1:
        raise HomologueError(
            f"fraction lies between 0 and 1 and minimum_bins is at least 1; given {fraction} "
            f"and {minimum_bins}"
        )
    placed = place(rec, variable, bins=bins, **options)
    if any(axis.kind == "categorical" for axis in placed.bins.axes):
        raise InvalidDesign(
            f"{variable!r} is categorical: its classes do not touch, so none of them is a field; "
            "give a continuous variable"
        )
    mixing = smoothing_matrix(placed.bins, smoothing)
    rates = smoothed_rates(placed.sums()[None], placed.occupancy[None], mixing)[0]
    rates[:, ~placed.tested] = np.nan
    tested = spatial_information(
        rec, variable, rng=rng, bins=bins, smoothing=smoothing, permutations=permutations,
        **options,
    )  # fmt: skip
    found = _fields(placed.bins, rates, fraction, minimum_peak, minimum_bins)
    half = early_and_late(placed)
    (aside,) = np.random.default_rng(rng).spawn(1)
    alike = null_of_halves(placed, mixing, half, permutations, aside)
    peak = np.where(np.isnan(rates), -np.inf, rates).max(axis=0)
    count = np.isfinite(found["field_peak"][1]).sum(axis=1)
    data = tested.assign(
        **found,
        fields=("unit", count),
        peak=("unit", np.where(placed.tested, peak, np.nan)),
        stability=("unit", correlation_of_halves(placed, mixing, half)),
        stability_null_mean=("unit", alike[0]),
        stability_null_std=("unit", alike[1]),
        place_cell=("unit", (tested.p.values <= level) & (count > 0)),
    ).assign_coords(axis=[axis.name for axis in placed.bins.axes])
    data.attrs |= {
        "analysis": "tuning.place_fields",
        "fraction": fraction,
        "level": level,
        "smoothing": float(smoothing),
    }
    return data


def touching_pairs(bins: Bins) -> tuple[np.ndarray, np.ndarray]:
    """Return every pair of bins that share a side; circular axes wrap around."""
    index = np.arange(bins.size).reshape(bins.shape)
    one, other = [], []
    for place_, axis in enumerate(bins.axes):
        moved = np.roll(index, -1, axis=place_)
        keep = np.ones(bins.shape, dtype=bool)
        if axis.kind != "circular":
            last = [slice(None)] * index.ndim
            last[place_] = slice(-1, None)
            keep[tuple(last)] = False
        one.append(index[keep])
        other.append(moved[keep])
    return np.concatenate(one), np.concatenate(other)


def _components(above: Bool[Array, "bin unit"], bins: Bins) -> np.ndarray:
    """Return the number of the connected set each bin of each unit belongs to; −1 outside."""
    one, other = touching_pairs(bins)
    size, units = above.shape
    pair, unit = np.nonzero(above[one] & above[other])
    graph = scipy.sparse.coo_matrix(
        (np.ones(pair.size), (unit * size + one[pair], unit * size + other[pair])),
        shape=(units * size, units * size),
    )
    _, number = connected_components(graph, directed=False)
    return np.where(above, number.reshape(units, size).T, -1)


def _fields(
    bins: Bins,
    rates: Float[Array, "bin unit"],
    fraction: float,
    minimum_peak: float,
    minimum_bins: int,
) -> dict[str, Any]:
    """Return peaks, sizes and positions, strongest field first."""
    units = rates.shape[1]
    low = np.where(np.isnan(rates), np.inf, rates).min(axis=0)
    high = np.where(np.isnan(rates), -np.inf, rates).max(axis=0)
    with np.errstate(invalid="ignore"):
        above = (rates > low + fraction * (high - low)) & (high > low)
    number = _components(above, bins)
    place_, unit = np.nonzero(number >= 0)
    values = rates[place_, unit]
    # Each set by its number; within it the highest bin first.
    order = np.lexsort((-values, number[place_, unit]))
    _, first, size = np.unique(number[place_, unit][order], return_index=True, return_counts=True)
    top = order[first]
    kept = (size >= minimum_bins) & (values[top] >= minimum_peak)
    top, size = top[kept], size[kept]
    by_unit = np.lexsort((-values[top], unit[top]))
    top, size = top[by_unit], size[by_unit]
    owner = unit[top]
    rank = np.arange(owner.size) - np.searchsorted(owner, owner)
    most = max(1, int(rank.max(initial=0)) + 1)
    peak = np.full((units, most), np.nan)
    area = np.full((units, most), np.nan)
    position = np.full((units, most, len(bins.axes)), np.nan)
    peak[owner, rank] = values[top]
    area[owner, rank] = size * np.prod([axis.width for axis in bins.axes])
    index = np.unravel_index(place_[top], bins.shape)
    for i, axis in enumerate(bins.axes):
        position[owner, rank, i] = np.asarray(axis.centres, dtype=float)[index[i]]
    return {
        "field_peak": (("unit", "field"), peak),
        "field_size": (("unit", "field"), area),
        "field_position": (("unit", "field", "axis"), position),
    }
