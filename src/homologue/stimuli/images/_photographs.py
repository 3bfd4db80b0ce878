"""Photographs, whole, in crops and in patches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from homologue._errors import HomologueError, UnknownName, nearest
from homologue._typing import Array, Num
from homologue.stimuli._stimuli import Stimuli
from homologue.stimuli.images._pixels import resize

_BUNDLED = ("china", "flower")
_FETCHED = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "moon",
    "retina",
    "rocket",
)
PHOTOGRAPHS = _BUNDLED + _FETCHED
"""Names of the photographs: two that come with scikit-learn, twelve from scikit-image's."""


def photograph(name: str) -> Num[Array, "height width 3"]:
    """Return one whole photograph.

    Parameters
    ----------
    name : str
        One of :data:`PHOTOGRAPHS`.

    Returns
    -------
    numpy.ndarray, shape (height, width, 3), uint8
        Red, green, blue; grey pictures are repeated.

    Raises
    ------
    UnknownName
        No such photograph.
    AssetUnavailable
        It is not at hand; ``"china"`` and ``"flower"`` always are.

    Examples
    --------
    >>> photograph("china").shape
    (427, 640, 3)
    """
    if name not in PHOTOGRAPHS:
        raise UnknownName(f"no photograph is named {name!r}" + nearest(name, PHOTOGRAPHS))
    if name in _BUNDLED:
        from sklearn.datasets import load_sample_image

        return load_sample_image(f"{name}.jpg")
    from PIL import Image

    # The assets stand with the systems; stimuli reach for them only when they are asked for.
    from homologue.systems import _assets

    files = {Path(file.name).stem: file.name for file in _assets.get("photographs").files}
    with Image.open(_assets.fetch("photographs", files[name])) as picture:
        return np.asarray(picture.convert("RGB"))


def photographs(
    names: Sequence[str] = PHOTOGRAPHS,
    *,
    n_crops: int = 12,
    size: int = 224,
) -> Stimuli:
    """Return crops of photographs that do not overlap, labelled with the photograph.

    A photograph's texture and objects differ from place to place: the label is the photograph,
    the exemplars are its crops, the group is the crop.

    Parameters
    ----------
    names : sequence of str
        Of :data:`PHOTOGRAPHS`; ``["china", "flower"]`` need no download.
    n_crops : int
        Crops per photograph. Each photograph is cut into a grid of at least as many squares,
        as large as fit, and the first ``n_crops`` of the grid, row by row, are kept.
    size : int
        Height and width in pixels to which each crop is brought (bilinear).

    Returns
    -------
    Stimuli
        Variable ``photograph``; ``row`` and ``column`` of the crop's centre, in pixels of the
        photograph.

    Raises
    ------
    UnknownName, AssetUnavailable
        As :func:`photograph`.

    Notes
    -----
    Crops of one photograph share a camera, its exposure and its light: a photograph is
    recognised from mean luminance too. The pixel row of a panel (kind ``input``) shows how far
    that goes.

    Examples
    --------
    >>> crops = photographs(["china", "flower"], n_crops=6, size=32)
    >>> len(crops), crops.items[0].shape
    (12, (32, 32, 3))
    """
    names = [names] if isinstance(names, str) else list(names)
    if n_crops < 1 or size < 1:
        raise HomologueError(f"n_crops and size are positive; given {n_crops} and {size}")
    items, labels, crop_names, rows, columns = [], [], [], [], []
    for name in names:
        whole = photograph(name)
        side, corners = _grid(whole.shape[0], whole.shape[1], n_crops)
        for number, (top, left) in enumerate(corners[:n_crops]):
            crop = whole[top : top + side, left : left + side]
            items.append(resize(crop, size))
            labels.append(name)
            crop_names.append(f"{name} {number}")
            rows.append(top + side / 2)
            columns.append(left + side / 2)
    return Stimuli(
        items,
        {"photograph": labels, "row": np.array(rows), "column": np.array(columns)},
        group=crop_names,
        name="photographs",
        names=crop_names,
        licence="CC0 or public domain (scikit-image), CC-BY 2.0 (scikit-learn)",
        citation="doi:10.7717/peerj.453",
    )


def _grid(height: int, width: int, count: int) -> tuple[int, list[tuple[int, int]]]:
    """Return the side of the largest squares of which ``count`` fit, and their corners."""
    if count > height * width:
        raise HomologueError(f"{count} crops do not fit a picture of {height} × {width} pixels")
    side = int(np.sqrt(height * width / count))
    while (height // side) * (width // side) < count:
        side -= 1
    return side, [
        (row * side, column * side)
        for row in range(height // side)
        for column in range(width // side)
    ]


def natural_patches(
    names: Sequence[str] = _BUNDLED,
    *,
    n_patches: int = 500,
    patch: int = 32,
    size: int = 32,
    rng: np.random.Generator | int = 0,
) -> Stimuli:
    """Return patches of photographs at random places, for reverse correlation.

    Parameters
    ----------
    names : sequence of str
        Of :data:`PHOTOGRAPHS`; the two that come with scikit-learn by default.
    n_patches : int
        In all, spread evenly over the photographs.
    patch : int
        Height and width cut out, in the photograph's pixels.
    size : int
        Height and width to which each is brought (bilinear).
    rng : numpy Generator or int

    Returns
    -------
    Stimuli
        Group: the tile of ``4 · patch`` pixels of a photograph in which the patch's centre
        lies, since patches that overlap are not independent. Variable ``photograph``.

    Raises
    ------
    UnknownName, AssetUnavailable
        As :func:`photograph`.
    HomologueError
        A patch larger than a photograph.

    Notes
    -----
    Neighbouring pixels are alike (power falls as one over frequency squared), so that an average
    over patches is the field blurred: estimate with a penalty
    (``homologue.tuning.receptive_field``).

    References
    ----------
    .. [1] Smyth, Willmore, Baker, Thompson & Tolhurst 2003, J. Neurosci. 23:4746,
       doi:10.1523/JNEUROSCI.23-11-04746.2003

    Examples
    --------
    >>> patches = natural_patches(n_patches=10, size=16)
    >>> len(patches), patches.items[0].shape
    (10, (16, 16, 3))
    """
    names = [names] if isinstance(names, str) else list(names)
    if n_patches < len(names) or patch < 1 or size < 1:
        raise HomologueError(
            f"at least one patch of each of {len(names)} photographs, sizes positive; given "
            f"{n_patches} patches of {patch} pixels at {size}"
        )
    generator = np.random.default_rng(rng)
    items, labels, tiles = [], [], []
    for number, name in enumerate(names):
        whole = photograph(name)
        if patch > min(whole.shape[:2]):
            raise HomologueError(
                f"{name!r} has {whole.shape[0]} × {whole.shape[1]} pixels, smaller than the "
                f"patch of {patch}"
            )
        count = n_patches // len(names) + (number < n_patches % len(names))
        tops = generator.integers(0, whole.shape[0] - patch + 1, count)
        lefts = generator.integers(0, whole.shape[1] - patch + 1, count)
        for top, left in zip(tops, lefts, strict=True):
            items.append(resize(whole[top : top + patch, left : left + patch], size))
            labels.append(name)
            row, column = (int(edge + patch // 2) // (4 * patch) for edge in (top, left))
            tiles.append(f"{name} {row}, {column}")
    return Stimuli(
        items,
        {"photograph": labels},
        group=tiles,
        name="natural patches",
        names=[f"{tile}, patch {number}" for number, tile in enumerate(tiles)],
        licence="CC0 or public domain (scikit-image), CC-BY 2.0 (scikit-learn)",
        citation="doi:10.7717/peerj.453",
    )
