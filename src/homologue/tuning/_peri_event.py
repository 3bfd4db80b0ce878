"""Activity around events: the mean time course, and whether the event changes it."""

from __future__ import annotations

import numpy as np
import scipy.sparse
import xarray as xr

from homologue._errors import InvalidDesign, InvalidRecording
from homologue._typing import Array, Float
from homologue.inference import benjamini_hochberg, group_weights, mean_interval, result
from homologue.recording import validate
from homologue.tuning._band import band_of
from homologue.tuning._placed import add_one
from homologue.tuning._reason import reasons

_BLOCK_BYTES = 64 * 2**20
_FEWEST = 5

Window = tuple[float | int, float | int]


def peri_event(
    rec: xr.DataArray,
    *,
    baseline: Window,
    response: Window,
    rng: np.random.Generator | int,
    along: str = "lag",
    control: xr.DataArray | None = None,
    permutations: int = 1999,
    draws: int = 1000,
) -> xr.Dataset:
    """Measure the time course around an event, and test the response against the baseline.

    Parameters
    ----------
    rec : xarray.DataArray
        Trials × lags (``spikes.align(…).bin(…)``; :func:`around` tokens of a kind), or documents
        × token positions; NaN where a unit was not observed. ``group`` is what is independent:
        the trial, unless declared otherwise.
    baseline, response : (float, float)
        Windows ``[from, to)`` of ``along``; equally many samples in each.
    rng : numpy Generator or int
    along : str
        ``"lag"`` (s; tokens after :func:`around`), or ``"position"``.
    control : xarray.DataArray, optional
        The same units around matched events that mean nothing (other tokens at the same places
        of the same documents): the change there is taken off, group by group.
    permutations : int
        Swaps of baseline and response.
    draws : int
        Bootstrap draws behind the time course's band.

    Returns
    -------
    xarray.Dataset
        On ``unit``: ``effect`` (mean response minus mean baseline, in units of activity) with
        ``low``/``high`` (95 %, over groups), ``null_mean``, ``null_std``, ``p`` (two-sided),
        ``q``, ``n`` (groups in which the unit was observed), ``baseline_mean``,
        ``response_mean``, ``modulation`` = (response − baseline)/(response + baseline),
        ``standardised`` (effect over its standard deviation between groups), ``reason`` (why a
        unit has no p). On (``unit``,
        ``along``): ``mean`` with ``mean_low``/``mean_high``.

    Raises
    ------
    InvalidDesign
        Windows of unequal length, overlapping or empty; fewer than 5 groups; a control without
        a group in common.
    InvalidRecording
        No ``along`` on ``sample``; a control of other units.

    Notes
    -----
    The null swaps baseline and response within whole groups, which is exact if nothing tells
    the two windows apart [1]_ — hence windows of equal length. It fails where trials declared
    independent are not (windows that overlap, a rate that drifts over a few trials: declare
    blocks of trials as groups), and where activity ramps before *every* event for another
    reason (the trial before) or drifts with the position in a text: give ``control``. A response
    that rises and falls within its window is missed. The band is pointwise, and that of the
    events alone.

    References
    ----------
    .. [1] Maris & Oostenveld 2007, J. Neurosci. Methods 164:177,
       doi:10.1016/j.jneumeth.2007.03.024
    .. [2] Gerstein & Kiang 1960, Biophys. J. 1:15, doi:10.1016/S0006-3495(60)86872-5

    Examples
    --------
    >>> from homologue.spikes import Spikes
    >>> generator = np.random.default_rng(0)
    >>> events = np.arange(40) * 2.0 + 1
    >>> steady = np.sort(generator.uniform(0, 82, 400))
    >>> driven = np.sort(np.concatenate([steady, events + 0.1, events + 0.2]))
    >>> rec = Spikes.from_list([driven, steady]).align(events, window=(-0.5, 0.5)).bin(0.1)
    >>> found = peri_event(rec, baseline=(-0.5, 0), response=(0, 0.5), rng=0)
    >>> (found.q < 0.05).values.tolist(), round(float(found.effect[0] - found.effect[1]))
    ([True, False], 4)
    """
    validate(rec, allow_missing=True, needs=[along])
    place = rec[along].values.astype(np.float64)
    if not np.isfinite(place).all():
        raise InvalidRecording(f"{along!r} holds NaN; every sample needs its place in the trial")
    before, after = _window(place, baseline, along), _window(place, response, along)
    _check(place, before, after, along)
    _, group = np.unique(rec["group"].values, return_inverse=True)
    groups = int(group.max()) + 1
    if groups < _FEWEST:
        raise InvalidDesign(
            f"{groups} groups can be swapped in {2**groups} ways only; give at least {_FEWEST} "
            "independent trials (is `group` the session where it should be the trial?)"
        )
    values = rec.values
    b = _means(values[before], group[before], groups)
    r = _means(values[after], group[after], groups)
    difference = r - b
    if control is not None:
        difference = difference - _control(rec, control, baseline, response, along)
    seen = np.isfinite(difference)
    n = seen.sum(axis=0)
    known = np.where(seen, difference, 0.0)
    tested = (n >= _FEWEST) & (np.abs(known).max(axis=0) > 0)
    first, second, third = np.random.default_rng(rng).spawn(3)
    signs = first.integers(0, 2, size=(permutations, groups)) * 2.0 - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.where(n > 0, known.sum(axis=0) / n, np.nan)
        null = signs @ known / n
        spread = np.sqrt(np.where(seen, (known - effect) ** 2, 0.0).sum(axis=0) / (n - 1))
        b_mean = np.where(seen, b, 0.0).sum(axis=0) / n
        r_mean = np.where(seen, r, 0.0).sum(axis=0) / n
        low = np.minimum(b_mean, r_mean)
        modulation = np.where(low >= 0, (r_mean - b_mean) / (r_mean + b_mean), np.nan)
        standardised = np.where(spread > 0, effect / spread, np.nan)
    p = add_one(effect, null, tested=tested, two_sided=True)
    ends = _interval(difference, tested, second)
    lags, mean, band = _course(values, place, group, draws, third)
    blank = np.where(tested, 0.0, np.nan)
    data = result(
        effect=effect,
        low=ends[0],
        high=ends[1],
        null_mean=null.mean(axis=0) + blank,
        null_std=null.std(axis=0, ddof=1) + blank,
        p=p,
        q=benjamini_hochberg(p),
        n=n,
        dims=("unit",),
        coords={
            **{str(k): c for k, c in rec.coords.items() if c.dims == ("unit",)},
            along: lags,
        },
        attrs={
            "analysis": "tuning.peri_event",
            "method": "mean response minus mean baseline, swapped within groups"
            + (", less the same around control events" if control is not None else ""),
            "activity_units": rec.attrs.get("activity_units", "arbitrary"),
            "null": "baseline and response swap within groups"
            + (", in events and control together" if control is not None else ""),
            "baseline": f"{baseline[0]:g} to {baseline[1]:g}",
            "response": f"{response[0]:g} to {response[1]:g}",
            "permutations": permutations,
            "interval": "95 %, studentised bootstrap over groups",
            "family": f"Benjamini–Hochberg over {int(tested.sum())} units",
            "n_groups": groups,
            "windows_overlapping": int(rec.attrs.get("windows_overlapping", 0)),
        },
    )
    return data.assign(
        baseline_mean=("unit", b_mean),
        response_mean=("unit", r_mean),
        modulation=("unit", modulation),
        standardised=("unit", standardised),
        reason=("unit", _reasons(values[np.concatenate([before, after])], n, tested)),
        mean=(("unit", along), mean.T),
        mean_low=(("unit", along), band[0].T),
        mean_high=(("unit", along), band[1].T),
    )


def _reasons(values: np.ndarray, n: np.ndarray, tested: np.ndarray) -> np.ndarray:
    few = np.array([f"observed throughout in {count} groups, fewer than {_FEWEST}" for count in n])
    same = reasons(values, tested, otherwise="no change in any group")
    return np.where(~tested & (n < _FEWEST), few, same)


def _window(place: np.ndarray, window: Window, along: str) -> np.ndarray:
    start, end = window
    inside = np.flatnonzero(_inside(place, window))
    if not inside.size:
        raise InvalidDesign(
            f"no sample lies in the window {start:g} to {end:g}; {along!r} runs from "
            f"{place.min():g} to {place.max():g}"
        )
    return inside


def _check(place: np.ndarray, before: np.ndarray, after: np.ndarray, along: str) -> None:
    one, other = np.unique(place[before]), np.unique(place[after])
    if np.intersect1d(one, other).size:
        raise InvalidDesign("the baseline and the response overlap; they share samples")
    if one.size != other.size:
        raise InvalidDesign(
            f"the baseline holds {one.size} steps of {along!r}, the response {other.size}; give "
            "windows of equal length: a longer mean is less variable, and the two could be told "
            "apart without any response"
        )


def _control(
    rec: xr.DataArray, control: xr.DataArray, baseline: Window, response: Window, along: str
) -> Float[Array, "group unit"]:
    """Return the change around control events, for each group of the recording."""
    validate(control, allow_missing=True, needs=[along])
    if not np.array_equal(control["unit"].values, rec["unit"].values):
        raise InvalidRecording("the control holds other units; cut both from one recording")
    names = np.unique(rec["group"].values)
    number = np.searchsorted(names, control["group"].values)
    shared = names[np.minimum(number, names.size - 1)] == control["group"].values
    if not shared.any():
        raise InvalidDesign("the control shares no group with the events; match it by document")
    place = control[along].values.astype(np.float64)
    windows = [np.flatnonzero(shared & _inside(place, w)) for w in (baseline, response)]
    for rows in windows:
        if not rows.size:
            raise InvalidDesign(f"the control has no samples in the windows of {along!r}")
    values = control.values
    b, r = (_means(values[rows], number[rows], names.size) for rows in windows)
    return np.asarray(r - b)


def _inside(place: np.ndarray, window: Window) -> np.ndarray:
    return np.asarray((place >= window[0] - 1e-9) & (place < window[1] - 1e-9))


def _means(values: np.ndarray, group: np.ndarray, groups: int) -> Float[Array, "group unit"]:
    """Return each group's mean; NaN where a unit was not observed throughout."""
    one_hot = scipy.sparse.csr_matrix(
        (np.ones(group.size), (group, np.arange(group.size))), shape=(groups, group.size)
    )
    missing = np.isnan(values)
    total = one_hot @ np.where(missing, 0.0, values)
    lost = (one_hot @ missing.astype(np.float64)) > 0
    count = np.bincount(group, minlength=groups)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(lost | (count == 0), np.nan, total / count)


def _interval(
    difference: np.ndarray, tested: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of the mean difference; units not seen in every group in turn."""
    low, high = np.full(tested.shape, np.nan), np.full(tested.shape, np.nan)
    seen = np.isfinite(difference)
    _, pattern = np.unique(seen, axis=1, return_inverse=True)
    for same in np.unique(pattern[tested]):
        units = np.flatnonzero(tested & (pattern == same))
        rows = np.flatnonzero(seen[:, units[0]])
        found = mean_interval(difference[np.ix_(rows, units)], rows, rng=rng)
        low[units], high[units] = found.low, found.high
    return low, high


def _course(
    values: np.ndarray,
    place: np.ndarray,
    group: np.ndarray,
    draws: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the places, the mean at each (place, unit), and its band (2, place, unit)."""
    places, which = np.unique(place, return_inverse=True)
    groups, units = int(group.max()) + 1, values.shape[1]
    cell = group * places.size + which
    one_hot = scipy.sparse.csr_matrix(
        (np.ones(cell.size), (cell, np.arange(cell.size))),
        shape=(groups * places.size, cell.size),
    )
    weights = group_weights(groups, draws, rng=rng)
    mean = np.empty((places.size, units))
    band = np.empty((2, places.size, units))
    at_once = max(1, _BLOCK_BYTES // (16 * places.size * (draws + groups)))
    for left in range(0, units, at_once):
        block = slice(left, min(left + at_once, units))
        missing = np.isnan(values[:, block])
        sums = (one_hot @ np.where(missing, 0.0, values[:, block])).reshape(groups, -1)
        counts = (one_hot @ (~missing).astype(np.float64)).reshape(groups, -1)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean[:, block] = (sums.sum(axis=0) / counts.sum(axis=0)).reshape(places.size, -1)
            drawn = (weights @ sums) / (weights @ counts)
        seen = counts.sum(axis=0) > 0
        ends = np.full((2, seen.size), np.nan)
        ends[:, seen] = band_of(drawn[:, seen])
        band[:, :, block] = ends.reshape(2, places.size, -1)
    return places, mean, band
