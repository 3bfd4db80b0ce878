"""The raw stimulus as a recording of kind ``input``: pixels, characters.

What a linear readout finds in the pixels needs no eye and no network. Input rows stand beside
the systems in a report and never vote.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import InvalidRecording
from homologue._typing import Array, Float, Num


def pixels(
    images: Sequence[np.ndarray] | Num[Array, " ..."],
    *,
    size: tuple[int, int] = (16, 16),
    grey: bool = True,
    like: xr.DataArray | None = None,
    **labels: Any,
) -> xr.DataArray:
    """Return images as rows of pixels, averaged down to one small size.

    Parameters
    ----------
    images : array, shape (image, height, width) or (image, height, width, channel)
        Or a sequence of images of different sizes. Integers are divided by 255.
    size : tuple of int
        Height and width after averaging over areas; at most that of the smallest image.
    grey : bool
        Average the channels.
    like : DataArray, optional
        A recording of the same stimuli, in the same order, whose labels are taken over.
    **labels
        ``stimulus``, ``group``, ``block``, ``variables`` as in
        :func:`homologue.recording.make`.

    Returns
    -------
    xarray.DataArray
        Image × pixel, of kind ``input``.

    Raises
    ------
    InvalidRecording
        Images that are no images, or smaller than ``size``; a count that does not fit.

    Examples
    --------
    >>> rec = pixels(np.full((2, 32, 32), 255, dtype=np.uint8), size=(4, 4))
    >>> dict(rec.sizes), float(rec.mean())
    ({'sample': 2, 'unit': 16}, 1.0)
    """
    rows = [_shrunk(np.asarray(image), size, grey=grey) for image in images]
    if len({row.shape for row in rows}) > 1:
        raise InvalidRecording("images differ in their number of channels; pass grey=True")
    if not rows:
        raise InvalidRecording("no image was given")
    channels = rows[0].shape[2]
    unit = [
        f"y{y}x{x}" + (f"c{c}" if channels > 1 else "")
        for y in range(size[0])
        for x in range(size[1])
        for c in range(channels)
    ]
    activity = np.stack([row.ravel() for row in rows])
    return _input(activity, unit, ("pixels", "intensity"), like, labels)


def _shrunk(image: np.ndarray, size: tuple[int, int], *, grey: bool) -> Float[Array, "y x channel"]:
    if image.ndim == 2:
        image = image[:, :, None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4):
        raise InvalidRecording(
            f"an image has shape (height, width) or (height, width, channel); given {image.shape}. "
            "Channels stand last"
        )
    if image.shape[0] < size[0] or image.shape[1] < size[1]:
        raise InvalidRecording(
            f"an image of {image.shape[:2]} cannot be averaged to {size}; ask for a smaller size"
        )
    scale = 255.0 if image.dtype.kind in "iu" else 1.0
    values = image[:, :, :3].astype(np.float64) / scale
    if grey:
        values = values.mean(axis=2, keepdims=True)
    for axis, count in enumerate(size):
        edges = np.round(np.linspace(0, values.shape[axis], count + 1)).astype(int)
        total = np.add.reduceat(values, edges[:-1], axis=axis)
        shape = [1, 1, 1]
        shape[axis] = count
        values = total / np.diff(edges).reshape(shape)
    return values


def characters(
    texts: Sequence[str],
    *,
    n: int = 1,
    features: int | None = None,
    lower: bool = True,
    like: xr.DataArray | None = None,
    **labels: Any,
) -> xr.DataArray:
    """Return texts as counts of characters, or of character n-grams.

    Parameters
    ----------
    texts : sequence of str
        One a sample.
    n : int
        Length of the n-grams.
    features : int, optional
        Hash n-grams (CRC-32) into so many columns; by default one column for each n-gram that
        occurs, in alphabetical order.
    lower : bool
        Ignore case.
    like : DataArray, optional
        A recording of the same stimuli, in the same order, whose labels are taken over.
    **labels
        ``stimulus``, ``group``, ``block``, ``variables`` as in
        :func:`homologue.recording.make`.

    Returns
    -------
    xarray.DataArray
        Text × n-gram counts, of kind ``input``.

    Raises
    ------
    InvalidRecording
        One string instead of several, texts shorter than ``n`` throughout.

    Examples
    --------
    >>> rec = characters(["abba", "cab"])
    >>> rec["unit"].values.tolist(), rec.values.astype(int).tolist()
    (['a', 'b', 'c'], [[2, 2, 0], [1, 1, 1]])
    """
    if isinstance(texts, str):
        raise InvalidRecording("texts is a sequence of strings; given one string: wrap it in []")
    if n < 1:
        raise InvalidRecording(f"n-grams have 1 character or more; given n={n}")
    grams = []
    for text in texts:
        text = text.lower() if lower else text
        grams.append([text[i : i + n] for i in range(len(text) - n + 1)])
    vocabulary = sorted({gram for row in grams for gram in row})
    if not vocabulary:
        raise InvalidRecording(f"no text has {n} characters; there is nothing to count")
    if features is None:
        unit = [gram if gram.isprintable() and gram.strip() else repr(gram) for gram in vocabulary]
        column = {gram: i for i, gram in enumerate(vocabulary)}
    else:
        unit = [f"hash-{i}" for i in range(features)]
        column = {gram: zlib.crc32(gram.encode()) % features for gram in vocabulary}
    counts = np.zeros((len(grams), len(unit)))
    for i, row in enumerate(grams):
        np.add.at(counts[i], [column[gram] for gram in row], 1.0)
    return _input(counts, unit, ("characters", "count"), like, labels)


def _input(
    activity: np.ndarray,
    unit: list[str],
    names: tuple[str, str],
    like: xr.DataArray | None,
    labels: Mapping[str, Any],
) -> xr.DataArray:
    """Return the recording, with the labels given or those of a recording alike.

    ``names`` are those of the system and of its units of measure.
    """
    name, activity_units = names
    if like is None:
        return recording.make(
            activity, unit=unit, system=name, kind="input", activity_units=activity_units, **labels
        )
    if labels:
        raise InvalidRecording(f"pass either like= or {sorted(labels)}, not both")
    if like.sizes["sample"] != activity.shape[0]:
        raise InvalidRecording(
            f"{activity.shape[0]} stimuli, but the recording alike has {like.sizes['sample']} "
            "samples; give one stimulus a sample, in its order"
        )
    rec = recording.make(
        activity, unit=unit, system=name, kind="input", activity_units=activity_units
    )
    taken = {str(k): c.variable for k, c in like.coords.items() if c.dims == ("sample",)}
    return recording.validate(rec.drop_vars("group").assign_coords(taken))
