"""Pictures of a population: positions to look at, and nothing to conclude from."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, nearest
from homologue.recording import validate

_METHODS = ("isomap", "pca", "umap")


def picture(
    rec: xr.DataArray,
    method: str = "isomap",
    *,
    rng: np.random.Generator | int,
    axes: int = 2,
    neighbours: int = 15,
    samples: int = 2000,
) -> xr.Dataset:
    """Lay a population out in two or three axes, to be looked at: a picture, not a result.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN.
    method : {"isomap", "pca", "umap"}
        UMAP needs the extra ``pictures``.
    rng : numpy Generator or int
        Draws the samples that are shown, and UMAP's own seed.
    axes : {2, 3}
    neighbours : int
        Of Isomap and UMAP.
    samples : int
        Samples shown at most.

    Returns
    -------
    xarray.Dataset
        ``position`` (sample, axis) with the shown samples' coordinates, ``row`` (their place in
        the recording); ``attrs["picture"]`` is 1, ``attrs["note"]`` says what it is not.

    Raises
    ------
    HomologueError
        An unknown method, axes other than 2 or 3, too few samples, umap-learn not installed.

    Notes
    -----
    Distances, densities, gaps and loops of such a picture are made by the method as much as by
    the data [1]_: it has no effect, no null and no p, and no analysis here takes it in.

    References
    ----------
    .. [1] Chari & Pachter 2023, PLoS Comput. Biol. 19:e1011288,
       doi:10.1371/journal.pcbi.1011288
    .. [2] Tenenbaum, de Silva & Langford 2000, Science 290:2319,
       doi:10.1126/science.290.5500.2319 (Isomap)

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> shown = picture(make(np.random.default_rng(0).normal(size=(60, 5))), "pca", rng=0)
    >>> shown.position.shape, shown.attrs["picture"]
    ((60, 2), 1)
    """
    validate(rec)
    if method not in _METHODS:
        raise HomologueError(f"there is no picture {method!r}" + nearest(method, _METHODS))
    if axes not in (2, 3):
        raise HomologueError(f"a picture has 2 or 3 axes; given {axes}")
    generator = np.random.default_rng(rng)
    count = rec.sizes["sample"]
    rows = np.sort(generator.choice(count, min(samples, count), replace=False))
    if rows.size <= max(neighbours, axes) and method != "pca":
        raise HomologueError(
            f"{rows.size} samples, and {neighbours} neighbours of each are asked for; give fewer "
            "neighbours"
        )
    values = rec.values[rows].astype(np.float64)
    deviation = values.std(axis=0)
    values = (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    position = _LAID_OUT[method](values, axes, neighbours, int(generator.integers(2**31)))
    coords: dict[Any, Any] = {
        name: (("sample",), coord.values[rows], coord.attrs)
        for name, coord in rec.coords.items()
        if coord.dims == ("sample",)
    }
    return xr.Dataset(
        {"position": (("sample", "axis"), position), "row": ("sample", rows)},
        coords=coords,
        attrs={
            "analysis": "population.picture",
            "method": method,
            "picture": 1,
            "note": "a picture to look at; its distances, gaps and loops are no evidence",
            "neighbours": neighbours,
        },
    )


def _pca(values: np.ndarray, axes: int, neighbours: int, seed: int) -> np.ndarray:
    left, size, _ = np.linalg.svd(values, full_matrices=False)
    shown = np.zeros((values.shape[0], axes))
    kept = min(axes, size.size)
    shown[:, :kept] = left[:, :kept] * size[:kept]
    return shown


def _isomap(values: np.ndarray, axes: int, neighbours: int, seed: int) -> np.ndarray:
    import warnings

    from sklearn.manifold import Isomap

    with warnings.catch_warnings():
        # Parts that are not connected are joined by their nearest samples; it is a picture.
        warnings.simplefilter("ignore")
        model = Isomap(n_neighbors=neighbours, n_components=axes, eigen_solver="dense")
        return np.asarray(model.fit_transform(values))


def _umap(values: np.ndarray, axes: int, neighbours: int, seed: int) -> np.ndarray:
    try:
        import umap
    except ImportError as error:
        raise HomologueError(
            "UMAP is not installed; install the extra (pip install 'homologue[pictures]'), or "
            "take method='isomap' or 'pca'"
        ) from error
    model = umap.UMAP(n_components=axes, n_neighbors=neighbours, random_state=seed, n_jobs=1)
    return np.asarray(model.fit_transform(values))


_LAID_OUT = {"isomap": _isomap, "pca": _pca, "umap": _umap}
