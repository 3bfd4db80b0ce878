"""Any variable as classes: categories as they are, numbers cut into bins."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue.recording._validate import validate

FEW = 8
"""Up to so many distinct numbers are classes themselves, not a scale to be cut."""


def classes(
    rec: xr.DataArray, name: str, *, arcs: int = 8, bins: int = 4
) -> tuple[np.ndarray, list[str]]:
    """Return class codes of a variable and the classes' names.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording.
    name : str
        A variable on ``sample``.
    arcs : int
        A circular variable (one with a ``period``) is cut into so many equal arcs from 0, unless
        it takes no more values than that (orientations of gratings): these are classes then.
    bins : int
        Any other continuous variable is cut into so many quantile bins, unless it takes 8
        values or fewer (0, 1, 2 beside NaN, as tables often hold): these are classes then.

    Returns
    -------
    codes : numpy.ndarray of int, shape (sample,)
        0 … number of classes − 1; −1 where there is no label (code −1, or NaN).
    names : list of str
        One per class that occurs.

    Raises
    ------
    UnknownName
        No such variable on ``sample``.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make, variable
    >>> angle = variable([0.1, 1.7, 3.2, 4.8], period=2 * np.pi)
    >>> rec = make(np.ones((4, 1)), variables={"angle": angle})
    >>> classes(rec, "angle", arcs=4)[0]
    array([0, 1, 2, 3])
    """
    validate(rec, needs=[name], allow_missing=True, check_values=False)
    coord = rec[name]
    values = coord.values
    period = coord.attrs.get("period")
    if "categories" in coord.attrs or (values.dtype.kind in "iub" and period is None):
        raw, spelled = values.astype(np.int64), coord.attrs.get("categories")
        known = raw >= 0 if spelled is not None else np.ones(raw.shape, dtype=bool)
        present, inverse = np.unique(raw[known], return_inverse=True)
        names = [str(spelled[code]) if spelled is not None else str(code) for code in present]
    else:
        values = values.astype(float)
        known = np.isfinite(values)
        if period is not None:
            values[known] %= period
        few = np.unique(values[known])
        if few.size <= (FEW if period is None else arcs):
            codes = np.full(values.shape, -1, dtype=np.int64)
            codes[known] = np.searchsorted(few, values[known])
            return codes, [f"{value:.6g}" for value in few]
        if period is not None:
            binned = np.floor(values[known] / period * arcs).astype(np.int64) % arcs
            edges = np.linspace(0, period, arcs + 1)
        else:
            edges = np.unique(np.quantile(values[known], np.linspace(0, 1, bins + 1)))
            binned = np.searchsorted(edges[1:-1], values[known], side="right")
        present, inverse = np.unique(binned, return_inverse=True)
        names = [f"{edges[code]:.4g} to {edges[code + 1]:.4g}" for code in present]
    codes = np.full(values.shape, -1, dtype=np.int64)
    codes[known] = inverse
    return codes, names
