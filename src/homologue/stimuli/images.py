"""Pictures: photographs in crops, gratings, handwritten digits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

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


def digits(*, n_per_digit: int = 30, size: int = 64) -> Stimuli:
    """Return handwritten digits, enlarged; each picture is its own group.

    Parameters
    ----------
    n_per_digit : int
        Pictures of each digit, the first ones of the set (at least 174 each).
    size : int
        Height and width in pixels; the originals have 8 × 8.

    Returns
    -------
    Stimuli
        Variable ``digit``.

    Raises
    ------
    HomologueError
        More pictures of a digit than there are.

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
    rows = np.sort(
        np.concatenate([np.flatnonzero(data.target == d)[:n_per_digit] for d in range(10)])
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
