"""Variables on ``sample``: codes with categories, periods, and who made the labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from homologue._errors import InvalidRecording, nearest

LABEL_SOURCES = ("experimenter", "measured", "derived")
"""Who made a label. Derived labels (clusters of the activity) serve no representation claim."""


def to_codes(values: np.ndarray) -> tuple[np.ndarray, list[str] | None]:
    """Return integer codes in order of first appearance, and the names if there were any."""
    if values.dtype.kind in "iub":
        return values.astype(np.int64), None
    if values.dtype.kind == "f":
        if np.isfinite(values).all() and (values == np.round(values)).all():
            return values.astype(np.int64), None
        raise InvalidRecording(
            "a categorical coordinate was given as non-integer floats; give integers or strings, "
            "or pass a continuous variable through `variables=`"
        )
    names, first, inverse = np.unique(values.astype(str), return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return rank[inverse.reshape(values.shape)].astype(np.int64), [str(n) for n in names[order]]


def variable(
    values: ArrayLike,
    *,
    period: float | None = None,
    label_source: str = "experimenter",
    categories: Sequence[str] | None = None,
    units: str | None = None,
    quantity: str | None = None,
) -> xr.Variable:
    """Return a stimulus variable on ``sample``, with what a test has to know about it.

    Parameters
    ----------
    values : array_like, shape (sample,)
        Strings and booleans become integer codes with ``categories``; numbers stay.
    period : float, optional
        The period of a circular variable, in the variable's own units (``2 * np.pi`` for
        radians, ``360`` for degrees, ``12`` for months). A spread that does not fit it is an
        error: degrees declared as radians are caught here.
    label_source : {"experimenter", "measured", "derived"}
        Who made the labels.
    categories : sequence of str, optional
        Names of integer codes ``0 … len(categories) - 1``.
    units : str, optional
        Units of measure.
    quantity : str, optional
        What kind of thing is told apart: ``"space"`` for places and directions, which claims
        about maps ask for; ``"wording"`` for what should not matter (a template, a voice), which
        claims about concepts carry over.

    Returns
    -------
    xarray.Variable
        Dims ``("sample",)``.

    Raises
    ------
    InvalidRecording
        For a source that is not one of the three, a period that does not fit, codes outside
        the categories, or values that are not one-dimensional.

    Examples
    --------
    >>> variable(["cat", "dog", "cat"]).attrs["categories"]
    ['cat', 'dog']
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise InvalidRecording(
            f"a variable has one value per sample; given an array of shape {array.shape}"
        )
    if label_source not in LABEL_SOURCES:
        raise InvalidRecording(
            f"label_source {label_source!r} is not known" + nearest(label_source, LABEL_SOURCES)
        )
    attrs: dict[str, Any] = {"label_source": label_source}
    if categories is not None:
        codes = array.astype(np.int64)
        if codes.size and (codes.min() < -1 or codes.max() >= len(categories)):
            raise InvalidRecording(
                f"codes run from {codes.min()} to {codes.max()}, but there are "
                f"{len(categories)} categories; codes are 0 … {len(categories) - 1}, "
                "and -1 where there is no label"
            )
        array = codes
        attrs["categories"] = [str(name) for name in categories]
    elif array.dtype.kind in "UOST":
        array, names = to_codes(array)
        attrs["categories"] = names
    elif array.dtype.kind == "b":
        array = array.astype(np.int64)
        attrs["categories"] = ["False", "True"]
    elif array.dtype.kind not in "iuf":
        raise InvalidRecording(f"a variable holds numbers or strings; given dtype {array.dtype}")
    if period is not None:
        _check_period(array, period)
        attrs["period"] = float(period)
    if units is not None:
        attrs["units"] = units
    if quantity is not None:
        attrs["quantity"] = quantity
    return xr.Variable(("sample",), array, attrs)


def _check_period(values: np.ndarray, period: float) -> None:
    if not period > 0:
        raise InvalidRecording(f"a period is positive; given {period}")
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if not finite.size:
        return
    spread = float(finite.max() - finite.min())
    if spread > period * (1 + 1e-6):
        raise InvalidRecording(
            f"a circular variable spans {spread:.4g}, more than its period {period:.4g}; "
            "are these degrees declared as radians? give period=360 for degrees, "
            "2 * np.pi for radians, or wrap the values first"
        )
