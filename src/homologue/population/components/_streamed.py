"""Principal components from a covariance that is summed block by block."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import InvalidDesign
from homologue.reducers import CrossMoments, Moments, run

_SILENT = 1e-7


def principal_components(
    rec: xr.DataArray | str | os.PathLike[str],
    *,
    components: int | None = None,
    standardised: bool = True,
) -> xr.Dataset:
    """Find the principal components of a recording, in memory or in a store.

    One pass, a block at a time; memory holds units × units and not the samples. A description,
    not a test: :func:`parallel_analysis` and :func:`cross_validated_rank` say how many count.

    Parameters
    ----------
    rec : xarray.DataArray or path
        A recording without NaN, whose units were recorded together; or a stored one.
    components : int, optional
        How many to return; all if left out.
    standardised : bool
        Scale units to unit variance (the eigenvectors of the correlation).

    Returns
    -------
    xarray.Dataset
        On ``component``, the largest first: ``eigenvalue``, ``share`` of the variance,
        ``cumulative``; ``loading`` (component, unit), orthonormal, its largest entry positive;
        on ``unit`` ``mean`` and ``scale``; ``n`` samples. :func:`project` gives the scores.

    Raises
    ------
    InvalidDesign
        Units never recorded together; no unit varies.
    InvalidRecording
        NaN or Inf.

    Notes
    -----
    Components whose eigenvalues are nearly equal are defined up to a rotation. A principal
    component need not mean anything: smooth drift gives cosines
    (:func:`phantom_oscillation`), outlier units give themselves (:func:`outlier_dimensions`).

    References
    ----------
    Hotelling 1933, J. Educ. Psychol. 24:417, doi:10.1037/h0071325

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> line = np.outer(np.arange(9.0), [1.0, -1.0]) + [5.0, 7.0]
    >>> found = principal_components(make(line))
    >>> found.share.values.round(6).tolist(), abs(found.loading.values[0]).round(3).tolist()
    ([1.0, 0.0], [0.707, 0.707])
    """
    rec = rec if isinstance(rec, xr.DataArray) else recording.open(rec)
    together(rec)
    moments = run(rec, CrossMoments())
    covariance = moments["covariance"].values
    mean = moments["mean"].values
    scale = spread(np.sqrt(np.diagonal(covariance)), mean)
    varies = scale > 0
    if not varies.any():
        raise InvalidDesign("no unit varies, so there is no component; are these all zeros?")
    if standardised:
        divisor = np.where(varies, scale, 1.0)
        covariance = covariance / np.outer(divisor, divisor)
    covariance = np.where(np.outer(varies, varies), covariance, 0.0)
    value, vector = np.linalg.eigh(covariance)
    value = np.maximum(value[::-1], 0.0)
    vector = vector[:, ::-1]
    largest = np.abs(vector).argmax(axis=0)
    vector = vector * np.where(vector[largest, np.arange(vector.shape[1])] < 0, -1.0, 1.0)
    total = value.sum()
    kept = slice(None, components)
    return xr.Dataset(
        {
            "eigenvalue": ("component", value[kept]),
            "share": ("component", value[kept] / total),
            "cumulative": ("component", np.cumsum(value)[kept] / total),
            "loading": (("component", "unit"), vector.T[kept]),
            "mean": ("unit", mean),
            "scale": ("unit", np.where(varies, scale, 1.0) if standardised else np.ones(mean.size)),
            "n": int(moments["n"]),
        },
        coords={"unit": rec["unit"].values, "component": np.arange(1, value[kept].size + 1)},
        attrs={
            "analysis": "population.principal_components",
            "method": "eigenvectors of the streamed "
            + ("correlation" if standardised else "covariance"),
            "standardised": int(standardised),
            "n_constant": int((~varies).sum()),
        },
    )


def project(rec: xr.DataArray, components: xr.Dataset) -> xr.DataArray:
    """Return the scores on principal components as a recording, one unit a component.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording of the same units, in any order.
    components : xarray.Dataset
        From :func:`principal_components`.

    Returns
    -------
    xarray.DataArray
        Dims ``("sample", "unit")``, with the recording's coordinates on ``sample``; read block
        by block, the scores in memory.

    Raises
    ------
    InvalidRecording
        NaN or Inf.
    InvalidDesign
        Units that the components do not have, or lack.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> rec = make(np.random.default_rng(0).normal(size=(50, 3)))
    >>> scores = project(rec, principal_components(rec))
    >>> bool(np.allclose(np.cov(scores.values.T, bias=True).diagonal(),
    ...                  principal_components(rec).eigenvalue))
    True
    """
    recording.validate(rec, check_values=False)
    wanted, given = components["unit"].values, rec["unit"].values
    if set(wanted.tolist()) != set(given.tolist()):
        raise InvalidDesign(
            f"the components are of {wanted.size} units, the recording has {given.size}, and they "
            "are not the same; project the recording they were found in, or another of its units"
        )
    place = {name: k for k, name in enumerate(given.tolist())}
    order = [place[name] for name in wanted.tolist()]
    loading, mean, scale = (components[name].values for name in ("loading", "mean", "scale"))
    parts = []
    for block in recording.blocks(rec):
        recording.validate(block)
        parts.append((block.values[:, order].astype(np.float64) - mean) / scale @ loading.T)
    coords: dict[Any, Any] = {
        name: coord.variable for name, coord in rec.coords.items() if coord.dims == ("sample",)
    }
    coords["unit"] = ("unit", [f"PC{k}" for k in components["component"].values])
    return xr.DataArray(
        np.concatenate(parts), dims=("sample", "unit"), coords=coords, name="activity",
        attrs={**rec.attrs, "activity_units": "score"},
    )  # fmt: skip


def together(rec: xr.DataArray) -> None:
    """Refuse units that were never recorded together: their covariance was not observed."""
    recording.validate(rec, check_values=False)
    if not rec.attrs.get("simultaneous", 1):
        raise InvalidDesign(
            "the units were not recorded simultaneously (a pseudo-population or pooled "
            "sessions), so their covariance was never observed; analyse one session"
        )


def spread(deviation: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return standard deviations, 0 where they are rounding of a constant."""
    return np.where(deviation <= _SILENT * np.abs(mean) + 1e-300, 0.0, deviation)


def deviations(rec: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Return each unit's mean and standard deviation (0 if constant), streamed."""
    found = run(rec, Moments())
    mean = found["mean"].values
    return mean, spread(np.sqrt(np.maximum(found["variance"].values, 0.0)), mean)
