"""The shape of every result: effect, interval, null, p, q, n, method."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError


def result(
    *,
    effect: Any,
    n: Any,
    null: Any = None,
    null_mean: Any = None,
    null_std: Any = None,
    low: Any = None,
    high: Any = None,
    p: Any = None,
    q: Any = None,
    dims: Sequence[Hashable] = (),
    coords: Mapping[Any, Any] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Return a result as a Dataset, or refuse one that hides its null or its method.

    Parameters
    ----------
    effect : array_like, shape ``dims``
        What was measured; NaN where it could not be.
    n : array_like
        Independent observations (groups) behind each effect; a scalar holds for all.
    null : array_like, shape (draw, …), optional
        Draws under the null; kept as ``null`` on a leading ``draw`` dimension.
    null_mean, null_std : array_like, optional
        Of the null; computed from ``null`` if left out. One of the two forms is required.
    low, high : array_like, optional
        Ends of the interval whose level and method stand in ``attrs``; both or none (NaN then).
    p : array_like, optional
        Add-one p-value; NaN if left out.
    q : array_like, optional
        Adjusted p; names its ``family`` in ``attrs``.
    dims : sequence of hashable
        Dimensions of ``effect``.
    coords : mapping, optional
    attrs : mapping, optional
        ``method`` is required.

    Returns
    -------
    xarray.Dataset
        Always with ``effect``, ``low``, ``high``, ``null_mean``, ``null_std``, ``p``, ``q``,
        ``n``.

    Raises
    ------
    HomologueError
        An effect without its null or a p without its effect, half an interval, q without a
        family, no method, p outside (0, 1], a p of 0.

    Examples
    --------
    >>> found = result(
    ...     effect=[0.3, 0.1], null_mean=[0.0, 0.0], null_std=[0.1, 0.1], p=[0.01, 0.2],
    ...     n=40, dims=("unit",), attrs={"method": "Kruskal–Wallis, label permutation"},
    ... )
    >>> sorted(found.data_vars)
    ['effect', 'high', 'low', 'n', 'null_mean', 'null_std', 'p', 'q']
    """
    attributes = dict(attrs or {})
    if effect is None:
        raise HomologueError(
            "a p-value without its effect says nothing about size; give effect= as well"
        )
    measured = np.asarray(effect, dtype=np.float64)
    if measured.ndim != len(dims):
        raise HomologueError(
            f"the effect has shape {measured.shape}, but dims are {tuple(dims)}; name each axis"
        )
    if not attributes.get("method"):
        raise HomologueError("name the method: attrs={'method': '…'}")
    if (low is None) != (high is None):
        raise HomologueError("an interval has two ends; give low= and high=, or neither")
    if q is not None and not attributes.get("family"):
        raise HomologueError(
            "q depends on what it was adjusted over; name it: attrs={'family': '…'}"
        )
    draws = None if null is None else np.asarray(null, dtype=np.float64)
    if draws is not None and draws.shape[1:] != measured.shape:
        raise HomologueError(
            f"the null has shape {draws.shape}; expected (draws, *{measured.shape})"
        )
    if draws is not None:
        null_mean = draws.mean(axis=0) if null_mean is None else null_mean
        null_std = draws.std(axis=0, ddof=1) if null_std is None else null_std
    if null_mean is None or null_std is None:
        raise HomologueError(
            "an effect without its null cannot be read; give null= (draws), or null_mean= and "
            "null_std="
        )
    values = {
        "effect": measured,
        "low": low,
        "high": high,
        "null_mean": null_mean,
        "null_std": null_std,
        "p": p,
        "q": q,
        "n": n,
    }
    variables: dict[str, Any] = {
        name: (tuple(dims), _filled(name, value, measured.shape)) for name, value in values.items()
    }
    for name in ("p", "q"):
        _check_probability(name, variables[name][1])
    if draws is not None:
        variables["null"] = (("draw", *dims), draws)
    return xr.Dataset(variables, coords=dict(coords or {}), attrs=attributes)


def _filled(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    if value is None:
        return np.full(shape, np.nan)
    array = np.asarray(value, dtype=None if name == "n" else np.float64)
    if array.ndim and array.shape != shape:
        raise HomologueError(
            f"{name} has shape {array.shape}, the effect has {shape}; give one value per effect"
        )
    return np.broadcast_to(array, shape).copy()


def _check_probability(name: str, values: np.ndarray) -> None:
    known = values[~np.isnan(values)]
    if known.size and (known.min() <= 0 or known.max() > 1):
        raise HomologueError(
            f"{name} lies in (0, 1]; given {known.min():.3g} … {known.max():.3g}. A permutation "
            "p is (b + 1)/(m + 1), never 0"
        )
