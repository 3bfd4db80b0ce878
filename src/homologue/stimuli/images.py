"""Pictures: photographs in crops, gratings, handwritten digits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, UnknownName, nearest
from homologue._typing import Array, Num
from homologue.recording import variable
from homologue.stimuli._stimuli import Stimuli

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


_LUMA = np.array([0.299, 0.587, 0.114])

Picture = Num[Array, " height width *colour"]


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


def gratings(
    *,
    n_orientations: int = 8,
    cycles: Sequence[float] = (4.0, 8.0, 12.0, 18.0, 26.0),
    n_phases: int = 4,
    size: int = 224,
    contrast: float = 0.8,
) -> Stimuli:
    """Return sinusoidal gratings, orientation × spatial frequency × phase.

    The group is frequency × phase, so that orientation varies within every group: an
    orientation effect is tested by exchanging orientations within a frequency and phase.

    Parameters
    ----------
    n_orientations : int
        Evenly spaced over 180 degrees, from 0 (vertical bars: luminance varies along x).
    cycles : sequence of float
        Cycles per picture; under ``size / 2``.
    n_phases : int
        Evenly spaced over 360 degrees.
    size : int
        Height and width in pixels.
    contrast : float
        Michelson contrast, 0 … 1; the mean is mid-grey.

    Returns
    -------
    Stimuli
        Variables ``orientation`` (degrees, period 180), ``frequency`` (cycles per picture) and
        ``phase`` (degrees, period 360).

    Raises
    ------
    HomologueError
        A frequency that the pixels cannot carry, or a contrast outside 0 … 1.

    Examples
    --------
    >>> g = gratings(n_orientations=2, cycles=(4,), n_phases=2, size=32)
    >>> g.variables["orientation"].values.tolist()
    [0.0, 0.0, 90.0, 90.0]
    """
    if not 0 < contrast <= 1:
        raise HomologueError(f"contrast lies in (0, 1]; given {contrast}")
    if any(not 0 < c < size / 2 for c in cycles) or not len(cycles):
        raise HomologueError(
            f"cycles per picture lie between 0 and {size / 2:g} (half the pixels, else the "
            f"grating aliases); given {list(cycles)}"
        )
    y, x = np.mgrid[:size, :size] / size
    items, orientation, frequency, phase = [], [], [], []
    for degrees in np.arange(n_orientations) * 180.0 / n_orientations:
        along = x * np.cos(np.deg2rad(degrees)) + y * np.sin(np.deg2rad(degrees))
        for count in cycles:
            for shift in np.arange(n_phases) * 360.0 / n_phases:
                wave = np.sin(2 * np.pi * count * along + np.deg2rad(shift))
                grey = np.round(127.5 * (1 + contrast * wave)).astype(np.uint8)
                items.append(np.repeat(grey[:, :, None], 3, axis=2))
                orientation.append(degrees)
                frequency.append(float(count))
                phase.append(shift)
    names = [
        f"{o:g}°, {f:g} cycles, phase {p:g}°"
        for o, f, p in zip(orientation, frequency, phase, strict=True)
    ]
    return Stimuli(
        items,
        {
            "orientation": variable(np.array(orientation), period=180, units="degrees"),
            "frequency": variable(np.array(frequency), units="cycles per picture"),
            "phase": variable(np.array(phase), period=360, units="degrees"),
        },
        group=[f"{f:g} cycles, phase {p:g}°" for f, p in zip(frequency, phase, strict=True)],
        name="gratings",
        names=names,
        licence="BSD-3-Clause (generated here)",
    )


def digits(
    *, n_per_digit: int = 30, size: int = 64, only: Sequence[int] = tuple(range(10))
) -> Stimuli:
    """Return handwritten digits, enlarged; each picture is its own group.

    Parameters
    ----------
    n_per_digit : int
        Pictures of each digit, the first ones of the set (at least 174 each).
    size : int
        Height and width in pixels; the originals have 8 × 8.
    only : sequence of int
        Which digits.

    Returns
    -------
    Stimuli
        Variable ``digit``.

    Raises
    ------
    HomologueError
        More pictures of a digit than there are, or something that is no digit.

    References
    ----------
    .. [1] Alpaydin & Kaynak 1998, doi:10.24432/C50P49.

    Examples
    --------
    >>> len(digits(n_per_digit=2, size=16))
    20
    """
    from sklearn.datasets import load_digits

    data: Any = load_digits()
    counts = np.bincount(data.target)
    if not 1 <= n_per_digit <= counts.min():
        raise HomologueError(f"n_per_digit is 1 … {counts.min()}; given {n_per_digit}")
    if not only or not set(only) <= set(range(10)):
        raise HomologueError(f"only is one or more of the digits 0 … 9; given {list(only)}")
    rows = np.sort(
        np.concatenate([np.flatnonzero(data.target == d)[:n_per_digit] for d in set(only)])
    )
    pictures = np.round(data.images[rows] * (255 / 16)).astype(np.uint8)
    return Stimuli(
        [resize(picture, size) for picture in pictures],
        {"digit": [str(d) for d in data.target[rows]]},
        group=np.asarray(rows),
        name="digits",
        names=[f"digit {d}, picture {row}" for d, row in zip(data.target[rows], rows, strict=True)],
        licence="CC-BY-4.0",
        citation="doi:10.24432/C50P49",
    )


def white_noise(
    *,
    n_pictures: int = 1000,
    n_checks: int = 28,
    size: int = 224,
    contrast: float = 0.3,
    colour: bool = False,
    rng: np.random.Generator | int = 0,
) -> Stimuli:
    """Return pictures of independent Gaussian checks, for reverse correlation.

    Parameters
    ----------
    n_pictures : int
    n_checks : int
        Checks along each side; divides ``size``.
    size : int
        Height and width in pixels.
    contrast : float
        Standard deviation of a check, of half the range; what passes the range is cut off (at
        .3: one check in 1 200).
    colour : bool
        Red, green and blue of their own, rather than grey.
    rng : numpy Generator or int

    Returns
    -------
    Stimuli
        Each picture is its own group. :func:`luminance` gives the checks back.

    Raises
    ------
    HomologueError
        Checks that do not divide the picture, or a contrast outside 0 … 1.

    References
    ----------
    .. [1] Marmarelis & Naka 1972, Science 175:1276, doi:10.1126/science.175.4027.1276

    Examples
    --------
    >>> noise = white_noise(n_pictures=2, n_checks=4, size=8)
    >>> noise.items[0].shape, len(noise)
    ((8, 8, 3), 2)
    """
    if n_pictures < 1 or n_checks < 1 or size % n_checks:
        raise HomologueError(
            f"the checks divide the picture: size is a multiple of n_checks; given {size} and "
            f"{n_checks}, for {n_pictures} pictures"
        )
    if not 0 < contrast <= 1:
        raise HomologueError(f"contrast lies in (0, 1]; given {contrast}")
    generator = np.random.default_rng(rng)
    level = generator.standard_normal((n_pictures, n_checks, n_checks, 3 if colour else 1))
    grey = np.clip(np.round(127.5 * (1 + contrast * level)), 0, 255).astype(np.uint8)
    if not colour:
        grey = np.repeat(grey, 3, axis=3)
    check = size // n_checks
    return Stimuli(
        [picture.repeat(check, axis=0).repeat(check, axis=1) for picture in grey],
        name="white noise",
        names=[f"noise {number}" for number in range(n_pictures)],
        licence="BSD-3-Clause (generated here)",
    )


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
