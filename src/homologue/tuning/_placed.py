"""Activity summed in bins, as observed and under the null the recording allows.

A rate map under the null needs the sums of activity in each bin for every relabelling. For
circular shifts these are a cross-correlation of the bin's indicator with the activity: one
Fourier transform a bin gives the sums for *all* shifts of all units, T·log T instead of
T × draws. For permutations they are one sparse product, (draw·bin × sample) @ (sample × unit).
Loops run over bins and blocks of units, never over draws or units.

Counts (spikes/s times the bin's width) are summed as integers and rounded after the transform,
so that a sum under the null is exactly the number it should be and ties count as ties.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
import scipy.sparse
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Float
from homologue.inference import Design, exchangeability, p_value
from homologue.recording import validate
from homologue.tuning._bins import Bins, bin_variable

_BLOCK_BYTES = 64 * 2**20
_CHUNKS = 20
_FEWEST_CLUSTERS = 10
_NEARLY = 1e-9
"""Relative distance at which a sum of real numbers, seen through a transform, is a tie."""

_SURELY_ROUNDED = 1e5
"""Product of two series' norms up to which float32 transforms of them are off by under .1."""

NULLS = ("declared", "iid")


@dataclass(frozen=True)
class Placed:
    """The labelled samples of a recording, their bins, and what may be exchanged.

    Attributes
    ----------
    bins : Bins
    rows : array of int, shape (kept,)
        Samples that carry a label and were recorded.
    codes : array of int, shape (kept,)
        Bin of each; ``bins.size`` stands for bins visited too rarely.
    activity : array, shape (kept, unit)
        Zero for units that are not tested.
    reason : array of object, shape (unit,)
        Why a unit is not tested; "" if it is.
    design : Design
    cluster : array of int, shape (kept,)
        What the interval resamples: groups, or stretches of time where there are too few.
    step : float
        Activity is an integer multiple of it; 0 if it is not.
    attrs : dict
        What a result says about all this.
    """

    bins: Bins
    rows: Any
    codes: Any
    activity: Any
    reason: Any
    design: Design
    cluster: Any
    step: float
    attrs: dict[str, Any]

    @property
    def tested(self) -> np.ndarray:
        """Units that can be tested."""
        return np.asarray(self.reason == "")

    @property
    def occupancy(self) -> np.ndarray:
        """Samples in each bin, (bin,)."""
        return np.bincount(self.codes, minlength=self.bins.size)[: self.bins.size].astype(float)

    def sums(self) -> Float[Array, "bin unit"]:
        """Return the activity summed in each bin."""
        return self.sums_of(self.codes)

    def sums_of(self, codes: np.ndarray) -> Float[Array, "bin unit"]:
        """Return the activity summed in each bin, by other codes than the observed."""
        return _tally(codes, self.activity, self.bins.size)

    def cluster_sums(self, units: slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """Return sums (cluster, bin, unit) and occupancy (cluster, bin) of each cluster."""
        count, size = int(self.cluster.max()) + 1, self.bins.size
        joint = self.cluster * (size + 1) + self.codes
        shape = (count, size + 1)
        occupancy = np.bincount(joint, minlength=count * (size + 1)).reshape(shape)
        sums = _tally(joint, self.activity[:, units], count * (size + 1)).reshape(*shape, -1)
        return sums[:, :size], occupancy[:, :size].astype(float)

    def null_sums(
        self, draws: int, rng: np.random.Generator | int
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Yield, block by block of units, the sums under ``draws`` relabellings.

        Yields
        ------
        units : slice
        sums : array, shape (draw, bin, unit of the block)
        occupancy : array, shape (draw or 1, bin)
        """
        generator = np.random.default_rng(rng)
        rows, units = self.activity.shape
        size = self.bins.size
        shifting = self.design.scheme == "circular shift"
        per_unit = 8 * max(draws * size, 4 * rows if shifting else 1)
        at_once = max(1, min(units, _BLOCK_BYTES // per_unit))
        blocks = [slice(left, min(left + at_once, units)) for left in range(0, units, at_once)]
        if shifting:
            yield from self._shifted(draws, generator, blocks)
        else:
            yield from self._permuted(draws, generator, blocks)

    def _shifted(
        self, draws: int, rng: np.random.Generator, blocks: list[slice]
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        size = self.bins.size
        parts, shifts = self.design._parts, []
        for part, lag in zip(parts, self.design._lags, strict=True):
            shift = rng.integers(part.size, size=draws)
            near = np.minimum(shift, part.size - shift) < lag
            shifts.append(np.where(near, 0, shift))
        # What no stretch shifts (one label throughout, or too short) is the same in every draw.
        moved = np.zeros(self.codes.size, dtype=bool)
        moved[np.concatenate(parts)] = True
        for block in blocks:
            activity = self.activity[:, block]
            still = _tally(self.codes[~moved], activity[~moved], size)
            sums = np.broadcast_to(still, (draws, *still.shape)).copy()
            for part, shift in zip(parts, shifts, strict=True):
                values = np.ascontiguousarray(activity[part].T) / (self.step or 1.0)
                # Sums of counts are rounded: half the precision does, where its error is small.
                longest = np.sqrt((values**2).sum(axis=1).max(initial=0.0) * part.size)
                kind = np.float32 if self.step and longest < _SURELY_ROUNDED else np.float64
                spectrum = np.conj(scipy.fft.rfft(values.astype(kind, copy=False), axis=1))
                codes = self.codes[part]
                for b in np.unique(codes[codes < size]):
                    indicator = scipy.fft.rfft((codes == b).astype(kind))
                    every = scipy.fft.irfft(spectrum * indicator, part.size, axis=1)
                    drawn = every[:, shift].T
                    sums[:, b] += np.rint(drawn) * self.step if self.step else drawn
            yield block, sums, self.occupancy[None]

    def _permuted(
        self, draws: int, rng: np.random.Generator, blocks: list[slice]
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        size, rows = self.bins.size, self.codes.size
        relabelled = self.codes[self.design.draw(draws, rng)]
        row, column = np.nonzero(relabelled < size)
        place = row * size + relabelled[row, column]
        one_hot = scipy.sparse.csr_matrix(
            (np.ones(place.size), (place, column)), shape=(draws * size, rows)
        )
        occupancy = np.bincount(place, minlength=draws * size).reshape(draws, size)
        for block in blocks:
            values = np.ascontiguousarray(self.activity[:, block]) / (self.step or 1.0)
            sums = one_hot @ values
            if self.step:
                sums = np.rint(sums) * self.step
            yield block, sums.reshape(draws, size, -1), occupancy.astype(float)


def place(
    rec: xr.DataArray,
    variable: str | tuple[str, str],
    *,
    bins: int | tuple[int, int],
    minimum_occupancy: int = 1,
    minimum_lag: float | None = None,
    null: str = "declared",
    force_iid: bool = False,
    rates: bool = True,
) -> Placed:
    """Sort a recording into bins, and decide what may be exchanged.

    Samples without a label, or in which no unit was recorded, are left out: silence outside the
    observed intervals is not silence. A unit that misses some of the others is not tested.

    Parameters
    ----------
    rec, variable, bins
        See :func:`homologue.tuning._bins.bin_variable`.
    minimum_occupancy : int
        Bins with fewer samples are left out.
    minimum_lag : float, optional
        See :func:`homologue.inference.exchangeability`.
    null : {"declared", "iid"}
        What the recording declares, or every sample exchangeable with every other.
    force_iid : bool
        Allow ``"iid"`` where the recording says that samples depend on each other.
    rates : bool
        Whether negative activity makes a unit untestable.

    Raises
    ------
    InvalidDesign
        The iid shuffle where it does not hold; fewer than two bins visited.
    """
    if null not in NULLS:
        raise HomologueError(f"null is one of {', '.join(NULLS)}; given {null!r}")
    validate(rec, allow_missing=True)
    found = bin_variable(rec, variable, bins=bins)
    values = rec.values
    recorded = ~np.isnan(values)
    rows = np.flatnonzero((found.codes >= 0) & recorded.any(axis=1))
    codes = found.codes[rows]
    visits = np.bincount(codes, minlength=found.size)
    kept = visits >= max(1, minimum_occupancy)
    if kept.sum() < 2:
        raise InvalidDesign(
            f"{int(kept.sum())} bin of {found.size} holds at least {minimum_occupancy} samples; "
            "take fewer bins, a lower minimum_occupancy, or a longer recording"
        )
    codes = np.where(kept[codes], codes, found.size)
    design, group = design_of(rec, rows, codes, minimum_lag, null=null, force_iid=force_iid)
    activity = values[rows].astype(np.float64)
    reason = _reasons(activity, codes < found.size, rates=rates)
    activity[:, reason != ""] = 0.0
    lag = f", by at least {minimum_lag:.4g} s" if minimum_lag else ""
    shuffle = "iid shuffle of samples" if null == "iid" else f"labels, {design.scheme}{lag}"
    attrs = {
        "variable": variable if isinstance(variable, str) else " × ".join(variable),
        "null": shuffle,
        "n_samples": int((codes < found.size).sum()),
        "n_bins": int(kept.sum()),
        "n_not_tested": int((reason != "").sum()),
    }
    step = _step(rec, activity)
    cluster = clusters_of(rec, rows, group)
    return Placed(found, rows, codes, activity, reason, design, cluster, step, attrs)


def design_of(
    rec: xr.DataArray,
    rows: np.ndarray,
    codes: np.ndarray,
    minimum_lag: float | None,
    *,
    null: str = "declared",
    force_iid: bool = False,
) -> tuple[Design, np.ndarray]:
    """Return what may be exchanged among some samples, and their groups."""
    extra: dict[str, Any] = {
        name: rec[name].values[rows] for name in ("block", "time") if name in rec.coords
    }
    _, group = np.unique(rec["group"].values[rows], return_inverse=True)
    alone = np.unique(group).size == group.size
    if null == "iid":
        depends = "time" in extra or not alone
        if depends and not force_iid:
            why = "has `time`, so that neighbouring samples resemble each other"
            if "time" not in extra:
                why = "declares groups of several samples"
            raise InvalidDesign(
                f"the iid shuffle does not hold here: the recording {why}, and one unit in three "
                "without any tuning would pass. Leave null='declared', or give "
                "force_iid=True to show by how much it fails"
            )
        return exchangeability(codes, np.arange(codes.size)), group
    if "time" in extra and alone and _continuous(rec, extra["time"]):
        # One sample a group is what `make` assumes when nothing is said; a clock that ticks
        # evenly says otherwise. Trials have irregular times, or say that they are trials.
        group = np.zeros_like(group) if "block" not in extra else extra["block"]
        _, group = np.unique(group, return_inverse=True)
    return exchangeability(codes, group, minimum_lag=minimum_lag, **extra), group


def _continuous(rec: xr.DataArray, time: np.ndarray) -> bool:
    step = np.diff(np.sort(time.astype(np.float64)))
    even = np.abs(step - np.median(step)) <= 0.01 * np.median(step)
    return "trial" not in rec.coords and bool(even.mean() > 0.5)


def _reasons(activity: np.ndarray, inside: np.ndarray, *, rates: bool) -> np.ndarray:
    reason = np.full(activity.shape[1], "", dtype=object)
    missing = np.isnan(activity)
    low = np.nanmin(np.where(missing, np.inf, activity), axis=0)
    total = np.abs(np.where(missing, 0.0, activity))[inside].sum(axis=0)
    reason[total == 0] = "no activity"
    if rates:
        reason[low < 0] = "negative activity is no rate"
    lost = missing.sum(axis=0)
    reason[lost > 0] = [f"not recorded in {n} samples" for n in lost[lost > 0]]
    return reason


def _step(rec: xr.DataArray, activity: np.ndarray) -> float:
    """Return the size of one spike in the activity, or 0 where it does not come in steps."""
    units, width = rec.attrs.get("activity_units"), rec.attrs.get("sampling_interval")
    step = 1.0 / width if units == "spikes/s" and width else 1.0
    counts = activity / step
    whole = np.abs(counts - np.rint(counts)).max(initial=0.0) < 1e-6
    return step if whole and counts.max(initial=0.0) < 2**31 else 0.0


def clusters_of(rec: xr.DataArray, rows: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return what resampling takes as one: declared groups, or stretches of the session."""
    _, cluster = np.unique(group, return_inverse=True)
    if cluster.max() + 1 >= _FEWEST_CLUSTERS or "time" not in rec.coords:
        return cluster
    order = np.argsort(rec["time"].values[rows], kind="stable")
    chunk = np.empty(rows.size, dtype=np.int64)
    chunk[order] = np.arange(rows.size) * _CHUNKS // rows.size
    return np.unique(np.stack([cluster, chunk]), axis=1, return_inverse=True)[1].ravel()


def _tally(codes: np.ndarray, activity: np.ndarray, size: int) -> np.ndarray:
    keep = codes < size
    one_hot = scipy.sparse.csr_matrix(
        (np.ones(int(keep.sum())), (codes[keep], np.flatnonzero(keep))), shape=(size, codes.size)
    )
    return np.asarray(one_hot @ activity)


def add_one(
    observed: np.ndarray, null: np.ndarray, *, tested: np.ndarray, two_sided: bool = False
) -> np.ndarray:
    """Return p with the ties a transform leaves, NaN where a unit was not tested."""
    observed, null = np.nan_to_num(observed), np.nan_to_num(null)
    if two_sided:
        observed, null = np.abs(observed), np.abs(null)
    slack = _NEARLY * np.maximum(np.abs(observed), np.abs(null).max(axis=0, initial=0.0))
    return np.where(tested, p_value(observed - slack, null), np.nan)
