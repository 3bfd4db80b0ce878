"""Any variable, or two of them, as bins: categorical, linear, circular, 2-D."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign
from homologue._typing import Array, Float
from homologue.recording import classes, validate

_MOST_PLACES = 1000
_EVEN = 1e-6


@dataclass(frozen=True)
class Axis:
    """One binned variable.

    Attributes
    ----------
    name : str
    kind : str
        ``"categorical"``, ``"linear"`` or ``"circular"``.
    centres : array, shape (bin,)
        Middle of each bin; the names of a categorical variable.
    width : float
        Of a bin, in the variable's units; NaN if categorical.
    period : float or None
    """

    name: str
    kind: str
    centres: Any
    width: float
    period: float | None = None


@dataclass(frozen=True)
class Bins:
    """Where every sample falls; the last axis varies fastest.

    Attributes
    ----------
    codes : array of int, shape (sample,)
        0 … size − 1, and −1 where there is no label.
    axes : tuple of Axis
    """

    codes: Any
    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Bins along each axis."""
        return tuple(len(axis.centres) for axis in self.axes)

    @property
    def size(self) -> int:
        """Bins in all."""
        return int(np.prod(self.shape))

    def coords(self) -> dict[str, Any]:
        """Return the centres as coordinates on ``bin``."""
        grid = np.meshgrid(*(np.arange(n) for n in self.shape), indexing="ij")
        return {
            axis.name: (
                "bin",
                axis.centres[index.ravel()],
                {"period": axis.period} if axis.period is not None else {},
            )
            for axis, index in zip(self.axes, grid, strict=True)
        }


def bin_variable(
    rec: xr.DataArray, variable: str | tuple[str, str], *, bins: int | tuple[int, int] = 20
) -> Bins:
    """Sort the samples of a recording into bins of one variable, or of two together.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording.
    variable : str or pair of str
        Categorical (codes with categories, or plain integers): a bin per class that occurs.
        With a ``period``: equal arcs from 0. Otherwise equal steps from smallest to largest.
        Where a variable takes values on an even grid (the orientations of gratings, days of the
        week) of no more places than ``bins``: a bin a place, with the value as its middle.
    bins : int or pair of int
        Bins of each variable that is not categorical; at least 2 (3 if circular).

    Returns
    -------
    Bins

    Raises
    ------
    UnknownName
        No such variable on ``sample``.
    InvalidDesign
        A variable with one value only.

    Notes
    -----
    Fails to be fair where bins are much narrower than what the animal visits: raise the
    minimum occupancy, or take fewer bins.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make, variable
    >>> angle = variable([0.1, 1.7, 3.2, 4.8], period=2 * np.pi)
    >>> found = bin_variable(make(np.ones((4, 1)), variables={"angle": angle}), "angle", bins=4)
    >>> found.codes.tolist(), found.axes[0].kind
    ([0, 1, 2, 3], 'circular')
    """
    names = (variable,) if isinstance(variable, str) else tuple(variable)
    counts = (bins,) * len(names) if isinstance(bins, int) else tuple(bins)
    if not 1 <= len(names) <= 2 or len(counts) != len(names):
        raise HomologueError(
            f"bins are made of one variable or two, with as many numbers of bins; given "
            f"{len(names)} variables and {len(counts)} numbers"
        )
    validate(rec, needs=list(names), allow_missing=True, check_values=False)
    codes = np.zeros(rec.sizes["sample"], dtype=np.int64)
    known = np.ones(codes.shape, dtype=bool)
    axes = []
    for name, count in zip(names, counts, strict=True):
        code, axis = _one(rec, name, count)
        codes = codes * len(axis.centres) + code
        known &= code >= 0
        axes.append(axis)
    codes[~known] = -1
    return Bins(codes, tuple(axes))


def _one(rec: xr.DataArray, name: str, count: int) -> tuple[np.ndarray, Axis]:
    coord = rec[name]
    period = coord.attrs.get("period")
    if "categories" in coord.attrs or (coord.dtype.kind in "iub" and period is None):
        code, spelled = classes(rec, name)
        _two_values(name, len(spelled))
        return code, Axis(name, "categorical", np.array(spelled, dtype=object), np.nan)
    least = 2 if period is None else 3
    if count < least:
        raise HomologueError(f"{name!r} needs at least {least} bins; given {count}")
    values = coord.values.astype(np.float64)
    known = np.isfinite(values)
    _two_values(name, np.unique(values[known]).size)
    low = 0.0 if period is not None else float(values[known].min())
    width = float(period if period is not None else values[known].max() - low) / count
    grid = _grid(values[known], period)
    if grid is not None and grid[1] <= count:
        width, count = grid
        low = float(values[known].min()) - width / 2
    inside = (values[known] - low) % period if period is not None else values[known] - low
    code = np.full(values.shape, -1, dtype=np.int64)
    code[known] = np.minimum(np.floor(inside / width).astype(np.int64), count - 1)
    centres = low + width * (np.arange(count) + 0.5)
    kind = "linear" if period is None else "circular"
    return code, Axis(name, kind, centres, width, period)


def _grid(values: np.ndarray, period: float | None) -> tuple[float, int] | None:
    """Return step and number of places of an even grid that holds all values, if there is one."""
    found = np.unique(values)
    if found.size > _MOST_PLACES:
        return None
    step = float(np.diff(found).min())
    whole = (found[-1] - found[0] if period is None else period) / step
    places = (found - found[0]) / step
    uneven = np.abs(places - np.rint(places)).max() > _EVEN or abs(whole - round(whole)) > _EVEN
    return None if uneven else (step, round(whole) + (period is None))


def _two_values(name: str, found: int) -> None:
    if found < 2:
        raise InvalidDesign(
            f"{name!r} takes {found} value; tuning to it needs at least 2. Was a part of the "
            "recording selected in which it never changes?"
        )


def smoothing_matrix(bins: Bins, smoothing: float) -> Float[Array, "bin bin"]:
    """Return the weights with which a Gaussian mixes neighbouring bins.

    Parameters
    ----------
    bins : Bins
    smoothing : float
        Standard deviation in bins; 0 mixes nothing. Categorical axes are never mixed, circular
        ones wrap around.

    Returns
    -------
    numpy.ndarray, shape (bin, bin)
        To be applied to sums and to occupancy alike, so that a flat rate stays flat.
    """
    if not smoothing >= 0:
        raise HomologueError(f"smoothing is a number of bins, zero or more; given {smoothing}")
    total: Any = np.ones((1, 1))
    for axis in bins.axes:
        count = len(axis.centres)
        mixing = np.eye(count)
        if smoothing > 0 and axis.kind != "categorical":
            apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
            if axis.kind == "circular":
                apart = np.minimum(apart, count - apart)
            mixing = np.exp(-0.5 * (apart / smoothing) ** 2)
        total = np.kron(total, mixing)
    return np.asarray(total)


def neighbours(bins: Bins) -> Float[Array, "bin bin"]:
    """Return 1 where two different bins touch, by a side or a corner."""
    total: Any = np.ones((1, 1))
    for axis in bins.axes:
        count = len(axis.centres)
        apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
        if axis.kind == "circular":
            apart = np.minimum(apart, count - apart)
        touching = apart == 0 if axis.kind == "categorical" else apart <= 1
        total = np.kron(total, touching.astype(np.float64))
    return np.asarray(total - np.diag(np.diag(total)))
