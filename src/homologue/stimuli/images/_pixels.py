"""Pictures at another size, and as luminance."""

from __future__ import annotations

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue._typing import Array, Num
from homologue.stimuli._stimuli import Stimuli

_LUMA = np.array([0.299, 0.587, 0.114])

Picture = Num[Array, " height width *colour"]


def resize(picture: Picture, size: int) -> Picture:
    """Return a picture at ``size`` × ``size`` pixels, bilinear.

    Examples
    --------
    >>> import numpy as np
    >>> resize(np.full((4, 6, 3), 7, np.uint8), 2)[0, 0].tolist()
    [7, 7, 7]
    """
    from PIL import Image

    if picture.shape[:2] == (size, size):
        return np.ascontiguousarray(picture)
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR))


def luminance(stimuli: Stimuli, size: int = 28) -> xr.DataArray:
    """Return pictures as grey levels, the array that receptive fields are measured against.

    Parameters
    ----------
    stimuli : Stimuli
        Square pictures whose side is a multiple of ``size``.
    size : int
        Rows and columns to which each is averaged.

    Returns
    -------
    xarray.DataArray
        Dims ``("stimulus", "row", "column")``, −1 (black) … 1 (white): the weighted sum of red,
        green and blue that BT.601 calls luma.

    Raises
    ------
    HomologueError
        No pictures, or sides that ``size`` does not divide.

    Examples
    --------
    >>> from homologue.stimuli.images import white_noise
    >>> luminance(white_noise(n_pictures=3, n_checks=4, size=8), 4).shape
    (3, 4, 4)
    """
    if stimuli.modality != "image":
        raise HomologueError(f"luminance is of pictures; given {stimuli.modality} items")
    found = np.empty((len(stimuli), size, size))
    for number, item in enumerate(stimuli.items):
        height, width = item.shape[:2]
        if height != width or height % size:
            raise HomologueError(
                f"the sides of a picture are equal and a multiple of size={size}; given "
                f"{height} × {width}"
            )
        grey = item @ _LUMA if item.ndim == 3 else item.astype(np.float64)
        part = height // size
        found[number] = grey.reshape(size, part, size, part).mean(axis=(1, 3))
    return xr.DataArray(found / 127.5 - 1, dims=("stimulus", "row", "column"), name="luminance")
