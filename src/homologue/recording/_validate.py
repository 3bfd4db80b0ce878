"""Validate recordings: the conventions, in one place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from homologue._errors import InvalidRecording, UnknownName, nearest
from homologue.recording._blocks import blocks

KINDS = ("brain", "model", "untrained", "other-science", "circuit", "input")
"""What a system may be; only the first four vote (see ``homologue.parallels``)."""

_SCALAR = (str, int, float, bool, np.integer, np.floating, np.bool_)


def validate(
    rec: xr.DataArray,
    *,
    allow_missing: bool = False,
    needs: Sequence[str] = (),
    check_values: bool = True,
) -> xr.DataArray:
    """Check every convention, and return the recording unchanged.

    Parameters
    ----------
    rec : xarray.DataArray
        The recording.
    allow_missing : bool
        Accept NaN (not recorded). Analyses that do not declare it refuse.
    needs : sequence of str
        Coordinates on ``sample`` that must be there.
    check_values : bool
        Look at the activity itself, block by block; off for stores checked before.

    Returns
    -------
    xarray.DataArray
        The same object.

    Raises
    ------
    InvalidRecording
        Wrong dims or dtype, repeated unit names, an index on ``sample``, coordinates of wrong
        length, an unknown ``kind``, Inf, NaN where it is not declared, fixed-width strings on
        ``sample``, no samples or no units.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> validate(make(np.ones((2, 3)))).dims
    ('sample', 'unit')
    """
    if not isinstance(rec, xr.DataArray):
        raise InvalidRecording(
            f"expected a recording (xarray.DataArray), given {type(rec).__name__}; "
            "build one with homologue.recording.make(array, …)"
        )
    if rec.dims != ("sample", "unit"):
        raise InvalidRecording(
            f"a recording has dims ('sample', 'unit'), samples first; given {rec.dims}; "
            "use rec.transpose('sample', 'unit'), or recording.stack for trials × time"
        )
    if rec.dtype.kind != "f":
        raise InvalidRecording(f"activity is floating point; given dtype {rec.dtype}")
    if not rec.sizes["sample"] or not rec.sizes["unit"]:
        raise InvalidRecording(
            f"the recording is empty: {rec.sizes['sample']} samples × {rec.sizes['unit']} units"
        )
    _check_coordinates(rec, needs)
    _check_provenance(rec)
    if check_values:
        _check_values(rec, allow_missing=allow_missing)
    return rec


def _check_coordinates(rec: xr.DataArray, needs: Sequence[str]) -> None:
    if "sample" in rec.indexes:
        raise InvalidRecording(
            "there is an index on 'sample'; conventions keep labels as plain coordinates. "
            "Use rec.reset_index('sample') or rec.drop_vars('sample')"
        )
    if "unit" not in rec.coords:
        raise InvalidRecording("the recording has no 'unit' coordinate; name each unit")
    # The parts of a recording share one index, which remembers that its names are unique.
    index = rec.indexes.get("unit")
    if not (rec["unit"].to_index() if index is None else index).is_unique:
        unique, counts = np.unique(rec["unit"].values, return_counts=True)
        repeated = ", ".join(repr(str(name)) for name in unique[counts > 1][:3])
        raise InvalidRecording(
            f"unit names are not unique: {repeated} stand more than once; "
            "prefix them with the site or the session"
        )
    for name, coord in rec.coords.items():
        if "sample" in coord.dims and coord.dtype.kind in "US":
            raise InvalidRecording(
                f"coordinate {name!r} holds a fixed-width string per sample; "
                "pass it through recording.variable, which stores codes and categories"
            )
    if "group" not in rec.coords:
        raise InvalidRecording(
            "the recording has no 'group' on 'sample'; declare the smallest independent unit "
            "(trial, document, exemplar, animal)"
        )
    if rec["group"].dims != ("sample",) or rec["group"].dtype.kind not in "iu":
        raise InvalidRecording(
            f"'group' holds one integer code per sample; given dims {rec['group'].dims}, dtype "
            f"{rec['group'].dtype}. recording.make turns names into codes"
        )
    for name, coord in rec.coords.items():
        categories = coord.attrs.get("categories")
        if categories is None or not coord.size:
            continue
        low, high = int(coord.values.min()), int(coord.values.max())
        if coord.dtype.kind not in "iu" or low < -1 or high >= len(categories):
            raise InvalidRecording(
                f"codes of {name!r} run from {low} to {high}, but there are {len(categories)} "
                f"categories; codes are 0 … {len(categories) - 1}, and -1 where there is no label"
            )
    for name in needs:
        if name not in rec.coords or rec[name].dims != ("sample",):
            on_sample = [str(key) for key, c in rec.coords.items() if c.dims == ("sample",)]
            raise UnknownName(
                f"the recording has no variable {name!r} on 'sample'" + nearest(name, on_sample)
            )


def _check_provenance(rec: xr.DataArray) -> None:
    kind = rec.attrs.get("kind")
    if kind not in KINDS:
        raise InvalidRecording(f"kind {kind!r} is not known" + nearest(str(kind), KINDS))
    for key, value in rec.attrs.items():
        if not isinstance(value, _SCALAR):
            raise InvalidRecording(
                f"attrs hold scalar provenance only; {key!r} is {type(value).__name__}. "
                "Per-unit values are coordinates on 'unit', per-sample values on 'sample'"
            )


def _check_values(rec: xr.DataArray, *, allow_missing: bool) -> None:
    for part in blocks(rec):
        # One pass: a sum is finite unless something in it is not (or it overflowed).
        wide = None if part.dtype.itemsize >= 4 else np.float64
        with np.errstate(over="ignore", invalid="ignore"):
            total = np.sum(part.values, dtype=wide)
        if np.isfinite(total):
            continue
        values = part.values
        if np.isinf(values).any():
            row, column = np.argwhere(np.isinf(values))[0]
            raise InvalidRecording(
                f"activity holds Inf (first in unit {str(part['unit'].values[column])!r}, "
                f"{int(np.isinf(values).sum())} in this block, row {int(row)}); "
                "a diverged model or a division by zero? Mend the source, "
                "or set values to NaN if they were not recorded"
            )
        if not allow_missing and np.isnan(values).any():
            missing = int(np.isnan(values).sum())
            raise InvalidRecording(
                f"activity holds NaN ({missing} of {values.size} in one block), which means "
                "'not recorded', and this analysis needs every value; use "
                "recording.drop_missing(rec), or choose units and samples recorded together"
            )
