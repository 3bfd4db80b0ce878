"""Quiroga's criterion for a response, with the rate at which it is met by nothing."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign, InvalidRecording
from homologue._typing import Array, Bool, Float, Int
from homologue.inference import benjamini_hochberg, permutation_test, result
from homologue.inference._labelled import Labelled, labelled_design
from homologue.tuning._concepts import intervals
from homologue.tuning._reason import reasons

DEVIATIONS = 5.0
SPIKES = 2.0
_SHOWN = 0.05
_BLOCK_BYTES = 64 * 2**20


def responsive(
    activity: Float[Array, "sample unit"],
    codes: Int[Array, "*draw sample"],
    classes: int,
    *,
    threshold: Float[Array, "unit"],
    least: float,
) -> Bool[Array, "*draw class unit"]:
    """Say which classes drive a unit by the median rule.

    Parameters
    ----------
    activity : array, shape (sample, unit)
    codes : array of int, shape (sample,) or (draw, sample)
        Class of each sample.
    classes : int
    threshold : array, shape (unit,)
        Baseline mean plus so many standard deviations; the median must exceed it.
    least : float
        The median must reach it.

    Returns
    -------
    numpy.ndarray of bool, shape ([draw,] class, unit)

    Examples
    --------
    >>> counts = np.array([[5.0], [6.0], [0.0], [1.0]])
    >>> codes = np.array([0, 0, 1, 1])
    >>> responsive(counts, codes, 2, threshold=np.array([3.0]), least=2.0).ravel()
    array([ True, False])
    """
    draws = codes if codes.ndim == 2 else codes[None]
    order = np.argsort(draws, axis=1, kind="stable")
    found = np.zeros((len(draws), classes, activity.shape[1]), dtype=bool)
    every = np.arange(len(draws))
    for c in range(classes):
        size = (draws == c).sum(axis=1)
        # Groups of unequal size make classes of unequal size in each draw: padded at the top.
        step = np.arange(size.max(initial=1))
        start = (draws < c).sum(axis=1)
        rows = np.minimum(start[:, None] + step, draws.shape[1] - 1)
        values = activity[np.take_along_axis(order, rows, axis=1)]
        values[step >= size[:, None]] = np.inf
        values.sort(axis=1)
        middle = (values[every, np.maximum(size - 1, 0) // 2] + values[every, size // 2]) / 2
        shown = (size > 0)[:, None]
        found[:, c] = shown & (middle > threshold) & (middle >= least)
    return found if codes.ndim == 2 else found[0]


def quiroga(
    rec: xr.DataArray,
    variable: str,
    *,
    baseline: xr.DataArray,
    rng: np.random.Generator | int,
    window: float | None = None,
    deviations: float = DEVIATIONS,
    spikes: float = SPIKES,
    permutations: int = 999,
    device: str | None = None,
) -> xr.Dataset:
    """Apply the 5-SD rule to every unit and stimulus, with its measured false rate.

    A unit responds to a stimulus if its median response over trials exceeds the baseline's mean
    by 5 standard deviations and holds at least 2 spikes.

    Parameters
    ----------
    rec : xarray.DataArray
        Responses (trial × unit), say 0.3–1 s after onset, as ``spikes`` or ``spikes/s``;
        ``group`` is the trial if the variable is the picture, the picture if it is the concept.
    variable : str
        The stimulus (a picture), or the concept.
    baseline : xarray.DataArray
        The same units before onset (trial × unit), in the same units of activity and in a window
        of the same length: the spread of a rate depends on the window.
    rng : numpy Generator or int
    window : float, optional
        Length of the response window, s; needed for ``spikes/s``.
    deviations, spikes : float
        The rule's two numbers.
    permutations : int
        Relabellings, for the false rate and for p.
    device : str, optional
        ``"numpy"`` or a torch device, for p.

    Returns
    -------
    xarray.Dataset
        On (``unit``, ``stimulus_class``): ``responsive`` (the rule), ``effect`` = 2·AUC − 1
        against the other stimuli with ``low``/``high`` (95 %, clustered by group; for the best
        stimulus, those that meet the rule and those with p ≤ .05), ``null_mean``, ``null_std``,
        the exact permutation ``p`` (upper tail) and ``q``, ``n`` (trials); ``false_rate``, how
        often relabelled trials meet the rule. On ``unit``: ``false_rate_any``, how often they
        meet it for any stimulus; ``baseline_false_rate``, the same for baseline trials taken as
        responses; ``reason`` (why a unit is NaN). In ``attrs`` the means of both over units.

    Raises
    ------
    InvalidRecording
        A baseline of other units or other units of activity; rates without a window.
    InvalidDesign
        See :func:`homologue.tuning.selectivity`.

    Notes
    -----
    The rule has no null. It takes for selective a unit that answers anything at all (its
    ``false_rate`` is then near 1: relabelled trials pass as well), and misses a unit whose
    baseline is high; the permutation p takes the first for what it is and finds the second. A
    silent baseline has no spread: two spikes then suffice. Medians of few trials make the rule
    coarse; it was published for 6 trials a picture.

    References
    ----------
    Quian Quiroga et al. 2005, Nature 435:1102, doi:10.1038/nature03687

    Examples
    --------
    >>> from homologue.recording import make
    >>> picture = np.repeat(np.arange(10), 6)
    >>> generator = np.random.default_rng(0)
    >>> counts = generator.poisson(1 + 12 * (picture == 3)[:, None])
    >>> rec = make(counts, stimulus=picture, activity_units="spikes")
    >>> before = make(generator.poisson(1.0, (60, 1)), stimulus=picture, activity_units="spikes")
    >>> found = quiroga(rec, "stimulus", baseline=before, rng=0, permutations=99)
    >>> found.stimulus_class.values[found.responsive.values[0]].tolist()
    ['3']
    """
    labelled = labelled_design(rec, variable)
    scale = _check(rec, baseline, window)
    activity = labelled.activity(rec).astype(np.float64)
    before = baseline.values.astype(np.float64)
    threshold = before.mean(axis=0) + deviations * before.std(axis=0, ddof=1)
    least = spikes * scale
    classes = len(labelled.names)
    first, second, third = np.random.default_rng(rng).spawn(3)
    met = responsive(activity, labelled.codes, classes, threshold=threshold, least=least)
    false, any_ = _false_rates(activity, labelled, threshold, least, (permutations, first))
    taken = before[np.resize(second.permutation(len(before)), len(activity))]
    _, quiet = _false_rates(taken, labelled, threshold, least, (permutations, second))
    found = permutation_test(
        activity, labelled.codes, labelled.design, rng=third, permutations=permutations,
        statistic="contrast", tail="upper", device=device,
    )  # fmt: skip
    p = np.asarray(found.p).T
    effect = np.asarray(found.observed)
    low, high = intervals(activity, labelled, effect, met | (p.T <= _SHOWN))
    data = result(
        effect=effect.T,
        low=low.T,
        high=high.T,
        null_mean=np.asarray(found.null_mean).T,
        null_std=np.asarray(found.null_std).T,
        p=p,
        q=benjamini_hochberg(p),
        n=np.broadcast_to(np.bincount(labelled.codes), p.shape),
        dims=("unit", "stimulus_class"),
        coords={
            **{str(k): c for k, c in rec.coords.items() if c.dims == ("unit",)},
            "stimulus_class": labelled.names,
        },
        attrs={
            "analysis": "tuning.quiroga",
            "method": f"median > baseline + {deviations:g} SD and ≥ {spikes:g} spikes; "
            "2·AUC − 1 against the other stimuli",
            "variable": variable,
            "permutations": permutations,
            "interval": "95 %, Obuchowski, clustered by group; best and responsive stimuli",
            "family": f"Benjamini–Hochberg over {int(np.isfinite(p).sum())} units × stimuli",
            "mean_false_rate": float(false.mean()),
            "mean_baseline_false_rate": float(quiet.mean()),
            **{key: value for key, value in labelled.attrs.items() if key != "classes"},
        },
    )
    return data.assign(
        responsive=(("unit", "stimulus_class"), met.T),
        false_rate=(("unit", "stimulus_class"), false.T),
        false_rate_any=("unit", any_),
        baseline_false_rate=("unit", quiet),
        reason=("unit", reasons(activity, found.tested)),
    )


def _check(rec: xr.DataArray, baseline: xr.DataArray, window: float | None) -> float:
    """Return the activity of one spike in a response."""
    if not isinstance(baseline, xr.DataArray):
        raise InvalidRecording(
            f"the baseline is a recording of the time before; given {type(baseline).__name__}. "
            "Align it as the responses were: spikes.align(events, window=(-1, 0))"
        )
    if not np.array_equal(rec["unit"].values, baseline["unit"].values):
        raise InvalidRecording(
            "the baseline holds other units than the responses (or in another order); align both "
            "from the same spikes: spikes.align(events, window=(-1, 0)) and window=(0.3, 1)"
        )
    units, before = (r.attrs.get("activity_units") for r in (rec, baseline))
    if units != before:
        raise InvalidRecording(
            f"responses are in {units!r}, the baseline in {before!r}; give both in one"
        )
    if baseline.sizes["sample"] < 2:
        raise InvalidDesign("a baseline of one trial has no spread; give at least 2, better 100")
    if units == "spikes":
        return 1.0
    if units != "spikes/s":
        raise InvalidRecording(
            f"the rule counts spikes, and activity is in {units!r}; for other systems use "
            "concept_cells, whose p needs no spikes"
        )
    if window is None or not window > 0:
        raise HomologueError(
            "spikes/s become a number of spikes by the length of the response window; "
            "give window= in seconds (0.7 for 0.3–1 s)"
        )
    return 1.0 / window


def _false_rates(
    activity: np.ndarray,
    labelled: Labelled,
    threshold: np.ndarray,
    least: float,
    drawing: tuple[int, np.random.Generator],
) -> tuple[np.ndarray, np.ndarray]:
    """Return how often relabelled trials meet the rule: (class, unit), and any class (unit,)."""
    permutations, rng = drawing
    relabelled = labelled.codes[labelled.design.draw(permutations, rng)]
    classes, (rows, units) = len(labelled.names), activity.shape
    largest = np.bincount(labelled.codes).max()
    draws_at_once = max(1, _BLOCK_BYTES // (16 * int(largest) * units + 8 * rows))
    each = np.zeros((classes, units))
    any_ = np.zeros(units)
    for start in range(0, permutations, draws_at_once):
        codes = relabelled[start : start + draws_at_once]
        met = responsive(activity, codes, classes, threshold=threshold, least=least)
        each += met.sum(axis=0)
        any_ += met.any(axis=1).sum(axis=0)
    return each / permutations, any_ / permutations
