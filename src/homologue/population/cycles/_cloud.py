"""From a recording to a cloud of points, and to surrogate clouds of independent units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter1d

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float, Int
from homologue.inference._shifts import correlation_time, stretches
from homologue.recording import validate

ROLLED = "units rolled in time, each on its own"
PERMUTED = "units permuted within groups, each on its own"
EXCHANGED = "units permuted between groups, each on its own"

SMOOTHING = 0.2
"""Standard deviation in s of the Gaussian that spike trains are smoothed with."""

CORRELATION_TIMES = 20
"""Fewer in the longest stretch, and rolled units are not independent of each other."""

_SPIKES = ("spikes", "spikes/s", "spikes/bin", "counts", "Hz")


@dataclass(frozen=True)
class Units:
    """Prepared activity: smoothed, transformed, each unit with mean 0 and variance 1.

    Attributes
    ----------
    values : array, shape (sample, unit)
        Units that vary.
    group, block : array of int, shape (sample,)
        Numbered from 0.
    parts : tuple of array of int
        Rows within which a unit's values are exchanged: stretches in order of time, or groups.
    scheme : str
        :data:`ROLLED`, :data:`PERMUTED` or :data:`EXCHANGED`.
    n_constant : int
        Units left out because they never change.
    smoothing : float
        Standard deviation of the smoothing, s; 0 for none.
    transform : str
        ``"square root"`` or ``"none"``.
    """

    values: Float[Array, "sample unit"]
    group: Int[Array, "sample"]
    block: Int[Array, "sample"]
    parts: tuple[np.ndarray, ...]
    scheme: str
    n_constant: int
    smoothing: float
    transform: str

    def surrogate(
        self, rows: Int[Array, "row"], rng: np.random.Generator
    ) -> Float[Array, "row unit"]:
        """Return rows of activity whose units are independent, each with values of its own."""
        values = self.values
        if self.scheme != ROLLED:
            drawn = np.empty_like(values)
            for part in self.parts:
                drawn[part] = rng.permuted(values[part], axis=0)
            return drawn[rows]
        place = np.empty(values.shape[0], dtype=np.int64)
        member = np.empty(values.shape[0], dtype=np.int64)
        for k, part in enumerate(self.parts):
            place[part] = np.arange(part.size)
            member[part] = k
        out = np.empty((rows.size, values.shape[1]))
        for k, part in enumerate(self.parts):
            here = np.flatnonzero(member[rows] == k)
            if not here.size:
                continue
            lag = rng.integers(part.size, size=values.shape[1])
            source = part[(place[rows[here]][:, None] + lag) % part.size]
            out[here] = np.take_along_axis(values, source, axis=0)
        return out

    def permuted(
        self, rows: Int[Array, "row"], rng: np.random.Generator
    ) -> Float[Array, "row unit"]:
        """Return rows whose units are permuted over all samples: no order in time is kept."""
        return rng.permuted(self.values[rows], axis=0)


def prepare(
    rec: xr.DataArray,
    *,
    smoothing: float | None = None,
    transform: str = "auto",
    condition_means: bool = False,
) -> Units:
    """Return smoothed, transformed and scaled activity with what may be exchanged.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN.
    smoothing : float, optional
        Standard deviation in s of a Gaussian along ``time``; by default 0.2 s for spikes and 0
        for anything else.
    transform : {"auto", "square root", "none"}
        By default the square root for spikes, which evens out their variance.
    condition_means : bool
        Accept units that were not recorded simultaneously.
    """
    validate(rec)
    if not rec.attrs.get("simultaneous", 1) and not condition_means:
        raise InvalidDesign(
            "the units were not recorded simultaneously (a pseudo-population or pooled "
            "sessions), so a cloud of their joint activity was never observed. If every sample "
            "is a condition's mean, condition_means=True asks for the shape of those means"
        )
    values = rec.values.astype(np.float64)
    _, group = np.unique(rec["group"].values, return_inverse=True)
    block = np.zeros(group.size, dtype=np.int64)
    if "block" in rec.coords:
        _, block = np.unique(rec["block"].values, return_inverse=True)
    spikes = rec.attrs.get("activity_units", "") in _SPIKES and bool((values >= 0).all())
    timed = "time" in rec.coords
    width = (SMOOTHING if spikes and timed else 0.0) if smoothing is None else float(smoothing)
    if width < 0 or (width and not timed):
        raise InvalidDesign(
            f"smoothing is a standard deviation in s along `time`, zero or more; given {width}"
            + ("" if timed else " for a recording without time")
        )
    parts = tuple(stretches(rec["time"].values, block)) if timed else ()
    if width:
        time = rec["time"].values
        smooth = np.empty_like(values)
        for part in parts:
            step = float(np.median(np.diff(time[part]))) if part.size > 1 else 1.0
            smooth[part] = gaussian_filter1d(values[part], width / step, axis=0, mode="nearest")
        values = smooth
    if transform not in ("auto", "square root", "none"):
        raise InvalidDesign(f"transform is 'auto', 'square root' or 'none'; given {transform!r}")
    root = transform == "square root" or (transform == "auto" and spikes)
    if root:
        if values.min() < 0:
            raise InvalidDesign(
                f"the activity goes down to {values.min():.3g}, which has no square root; "
                "give transform='none'"
            )
        values = np.sqrt(values)
    values, silent = _scaled(values)
    if timed:
        scheme = ROLLED
    else:
        scheme, parts = _exchanged(group, block)
    return Units(
        values, group, block, parts, scheme, silent, width, "square root" if root else "none"
    )


def _scaled(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Return units that vary, centred and of unit variance, and how many do not."""
    largest = np.abs(values).max(axis=0)
    values = values - values.mean(axis=0)
    spread = values.std(axis=0)
    varies = spread > 1e-7 * largest + 1e-300
    if varies.sum() < 2:
        raise InvalidDesign(
            f"{int(varies.sum())} of {varies.size} units vary over samples; a loop needs at "
            "least 2 dimensions. Leave out silent units, or record longer"
        )
    return values[:, varies] / spread[varies], int((~varies).sum())


def _exchanged(group: np.ndarray, block: np.ndarray) -> tuple[str, tuple[np.ndarray, ...]]:
    size = np.bincount(group)
    if size.size < 2:
        raise InvalidDesign(
            f"1 group of {group.size} samples: samples of a group depend on each other, so "
            "nothing can be exchanged. Give every independent sample a group of its own, or "
            "declare `time` if they are one series"
        )
    if size.max() > 1:
        return PERMUTED, tuple(np.flatnonzero(group == g) for g in range(size.size))
    inside = [np.flatnonzero(block == b) for b in np.unique(block)]
    if max(part.size for part in inside) < 2:
        inside = [np.arange(group.size)]
    return EXCHANGED, tuple(inside)


@dataclass(frozen=True)
class Basis:
    """Principal axes of scaled units: what projects samples onto a cloud."""

    axes: Float[Array, "unit component"]
    variance: Float[Array, "component"]

    def project(self, values: Float[Array, "row unit"]) -> Float[Array, "row component"]:
        """Return coordinates on the axes."""
        return values @ self.axes


def principal(values: Float[Array, "row unit"], components: int) -> Basis:
    """Return the leading principal axes, from the smaller of the two products.

    Parameters
    ----------
    values : array, shape (row, unit)
        Units of mean about 0; the axes pass through 0.
    components : int
        At most as many as rows and units allow.
    """
    rows, units = values.shape
    keep = min(components, rows, units)
    if units <= rows:
        power, axes = np.linalg.eigh(values.T @ values / rows)
        return Basis(axes[:, ::-1][:, :keep], np.maximum(power[::-1][:keep], 0.0))
    power, scores = np.linalg.eigh(values @ values.T / rows)
    power, scores = power[::-1][:keep], scores[:, ::-1][:, :keep]
    axes = values.T @ scores
    length = np.linalg.norm(axes, axis=0)
    return Basis(axes / np.where(length > 0, length, 1.0), np.maximum(power, 0.0))


def correlation_times(units: Units, cloud: Float[Array, "sample component"]) -> float:
    """Return how many correlation times of its two leading components the longest stretch holds."""
    longest = max(units.parts, key=lambda part: part.size)
    slowest = max(correlation_time(column) for column in cloud[longest, :2].T)
    return float(longest.size / slowest)


def cosine_share(units: Units, cloud: Float[Array, "sample component"]) -> float:
    """Return the share of the two leading components that slow cosines of time explain.

    The principal components of a random walk, or of any smooth drift, are cosines of the
    session's clock: the k-th has k half periods [1]_. Returned is the mean squared correlation
    of the first two components with the space of the first four cosines, over the longest
    stretch.

    References
    ----------
    .. [1] Antognini & Sohl-Dickstein 2018, NeurIPS 31, arXiv:1806.08805
    """
    longest = max(units.parts, key=lambda part: part.size)
    if longest.size < 16:
        return 0.0
    phase = np.pi * (np.arange(longest.size) + 0.5) / longest.size
    cosines = np.cos(np.outer(phase, np.arange(1, 5))) * np.sqrt(2 / longest.size)
    scores = cloud[longest, :2]
    scores = scores - scores.mean(axis=0)
    total = (scores**2).sum(axis=0)
    share = ((cosines.T @ scores) ** 2).sum(axis=0) / np.where(total > 0, total, 1.0)
    return float(share.mean())
