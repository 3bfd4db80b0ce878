"""Read labels and provenance off a recording."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidRecording
from homologue.recording._validate import validate


def labels(rec: xr.DataArray, name: str) -> np.ndarray:
    """Return a variable's values, with categories spelled out.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording.
    name : str
        A coordinate on ``sample``.

    Returns
    -------
    numpy.ndarray, shape (sample,)
        Objects (``str`` or ``None`` for the code -1) if the variable has categories.

    Examples
    --------
    >>> from homologue.recording import make, variable
    >>> rec = make(np.ones((2, 1)), variables={"odour": variable(["ester", "amine"])})
    >>> labels(rec, "odour").tolist()
    ['ester', 'amine']
    """
    validate(rec, needs=[name], allow_missing=True, check_values=False)
    coord = rec[name]
    categories = coord.attrs.get("categories")
    if categories is None:
        return coord.values
    names = np.array([*categories, None], dtype=object)
    return names[coord.values]


def labelled(rec: xr.DataArray, name: str) -> np.ndarray:
    """Return which samples carry a label of a variable.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording.
    name : str
        A coordinate on ``sample``.

    Returns
    -------
    numpy.ndarray of bool, shape (sample,)
        False for NaN and, where a variable has categories, for the code -1. A plain integer
        variable is a label everywhere: -1 may mean "left".

    Examples
    --------
    >>> from homologue.recording import make, variable
    >>> rec = make(np.ones((2, 1)), variables={"choice": variable([0, -1], categories=["left"])})
    >>> labelled(rec, "choice").tolist()
    [True, False]
    """
    validate(rec, needs=[name], allow_missing=True, check_values=False)
    coord = rec[name]
    if "categories" in coord.attrs:
        return coord.values >= 0
    if coord.dtype.kind == "f":
        return ~np.isnan(coord.values)
    return np.ones(coord.shape, dtype=bool)


def provenance(rec: xr.DataArray) -> dict[str, Any]:
    """Return the scalar provenance of a recording as a plain dictionary.

    Examples
    --------
    >>> from homologue.recording import make
    >>> provenance(make([[1.0]], system="mine", kind="brain"))["system"]
    'mine'
    """
    return {
        str(key): value.item() if isinstance(value, np.generic) else value
        for key, value in rec.attrs.items()
    }


def drop_missing(rec: xr.DataArray, *, by: str = "sample") -> xr.DataArray:
    """Drop the samples (or the units) that hold any NaN.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording.
    by : {"sample", "unit"}
        Which of the two to drop.

    Examples
    --------
    >>> from homologue.recording import make
    >>> rec = make([[1.0, np.nan], [2.0, 3.0]], allow_missing=True)
    >>> drop_missing(rec).sizes["sample"], drop_missing(rec, by="unit").sizes["unit"]
    (1, 1)
    """
    if by not in ("sample", "unit"):
        raise InvalidRecording(f"by is 'sample' or 'unit'; given {by!r}")
    other = "unit" if by == "sample" else "sample"
    keep = ~rec.isnull().any(dim=other).values
    if not keep.any():
        raise InvalidRecording(
            f"every {by} holds NaN somewhere; drop along the other dim first, "
            "or select a densely recorded part"
        )
    return rec.isel({by: keep})
