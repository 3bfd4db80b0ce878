"""What drives a unit: tokens marked by activation, pictures, time courses, or names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from homologue.plot._style import CONTINUOUS, Scheme, no_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CHARACTERS = 58
_ACROSS, _PICTURE = 6, 50
_HEADINGS = {"top": "largest", "quantile": "one from each fifth", "bottom": "smallest"}


def draw_examples(
    axes: Axes, shown: xr.Dataset, colours: Scheme, *, pictures: Sequence[Any] | None = None
) -> None:
    """Draw the largest examples, one of each quantile, and the smallest.

    Parameters
    ----------
    axes : matplotlib Axes
    shown : xarray.Dataset
        Of :func:`homologue.tuning.examples.of`.
    colours : Scheme
    pictures : sequence of array, optional
        The stimuli themselves, by stimulus name or place, shape (height, width[, 3]).
    """
    no_axes(axes)
    rows = _chosen(shown)
    if pictures is not None:
        _pictures(axes, shown, rows, pictures, colours)
        return
    in_context = _in_context(shown)
    lines: list[tuple[str, int | None]] = []
    for kind, members in rows:
        lines.append((_HEADINGS[kind], None))
        lines.extend((kind, int(m)) for m in members)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(lines) + 0.2, -0.6)
    scale = _Scale.of(shown)
    for y, (text, member) in enumerate(lines):
        if member is None:
            axes.text(0, y, text, color=colours.muted, va="center", fontsize=8)
            continue
        value = float(shown["value"][member])
        axes.text(0.09, y, f"{value:.3g}", ha="right", va="center", fontsize=7.5,
                  color=colours.muted, family="monospace")  # fmt: skip
        if in_context:
            _tokens(axes, y, shown.isel(example=member), scale, colours)
        elif _has_course(shown):
            _course(axes, y, shown.isel(example=member), scale, colours)
        else:
            name = str(shown["stimulus"].values[member]) if "stimulus" in shown else ""
            short = name if len(name) <= _CHARACTERS else name[: _CHARACTERS - 1] + "…"
            axes.text(0.12, y, short.replace("$", r"\$"), va="center", fontsize=8.5,
                      color=colours.ink)  # fmt: skip
        if "label" in shown and not in_context:
            label = str(shown["label"].values[member])
            axes.text(0.99, y, label, ha="right", va="center", fontsize=8, color=colours.muted)


def _chosen(shown: xr.Dataset) -> list[tuple[str, np.ndarray]]:
    kind, rank = shown["kind"].values, shown["rank"].values
    band = shown["quantile"].values
    first_of_band = np.flatnonzero(kind == "quantile")
    keep = [first_of_band[band[first_of_band] == b][:1] for b in np.unique(band[first_of_band])]
    top = np.flatnonzero(kind == "top")
    parts = [
        ("top", top[_distinct(shown.isel(example=top))][:6]),
        ("quantile", np.concatenate(keep)[::-1] if keep else np.array([], dtype=int)),
        ("bottom", np.flatnonzero((kind == "bottom") & (rank < 2))),
    ]
    return [(name, members) for name, members in parts if members.size]


def _distinct(shown: xr.Dataset) -> np.ndarray:
    """Return examples that differ: in what came before them, or by more than a moment."""
    if _in_context(shown):
        past = shown["token"].values[:, shown["offset"].values <= 0]
        heard = ["".join(map(str, row)) for row in past]
        return np.sort(np.unique(heard, return_index=True)[1])
    if not _has_course(shown):
        return np.arange(shown.sizes["example"])
    kept: list[int] = []
    sample, apart = shown["sample"].values, shown.sizes["offset"] // 2
    for number, place in enumerate(sample):
        if all(abs(place - sample[other]) > apart for other in kept):
            kept.append(number)
    return np.array(kept, dtype=np.int64)


def _in_context(shown: xr.Dataset) -> bool:
    """Say whether examples are tokens to be marked: alone, without a text around, they are not."""
    if "token" not in shown:
        return False
    words = shown["token"].values != ""
    return bool(words.sum(axis=1).max() > 1) or "stimulus" not in shown


def _has_course(shown: xr.Dataset) -> bool:
    return shown.sizes["offset"] > 1 and bool(
        np.isfinite(shown["activation"].values).sum(axis=1).max() > 1
    )


class _Scale:
    """Activation → 0 … 1, from the middle of what is known to the largest example."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, max(high, low + 1e-12)

    @classmethod
    def of(cls, shown: xr.Dataset) -> _Scale:
        known = shown["activation"].values
        known = known[np.isfinite(known)]
        random = shown["value"].values[shown["kind"].values == "random"]
        low = float(np.median(random)) if random.size else float(known.min())
        return cls(low, float(known.max()))

    def __call__(self, value: float) -> float:
        if not np.isfinite(value):
            return 0.0
        return float(np.clip((value - self.low) / (self.high - self.low), 0, 1))


def _tokens(axes: Axes, y: float, example: xr.Dataset, scale: _Scale, colours: Scheme) -> None:
    """Write the tokens before and at the example, each on its activation's shade."""
    words = [str(word).replace("\n", "⏎") for word in example["token"].values]
    here = int(np.flatnonzero(example["offset"].values == 0)[0])
    first, length = here, len(words[here])
    while first > 0 and words[first - 1] and length + len(words[first - 1]) < _CHARACTERS * 0.62:
        first -= 1
        length += len(words[first])
    last = here
    while last + 1 < len(words) and words[last + 1] and length + len(words[last + 1]) < _CHARACTERS:
        last += 1
        length += len(words[last])
    step, x = 0.88 / _CHARACTERS, 0.12
    for number in range(first, last + 1):
        word = words[number][:_CHARACTERS]
        shade = scale(float(example["activation"][number]))
        if shade > 0.03:
            axes.axvspan(x, x + step * len(word), *_rows(axes, y), color=colours.contrast,
                         alpha=0.12 + 0.5 * shade, linewidth=0)  # fmt: skip
        weight = "bold" if number == here else "normal"
        for place, letter in enumerate(word):
            axes.text(x + step * (place + 0.5), y, letter.replace("$", r"\$"), ha="center",
                      va="center", fontsize=7.6, family="monospace", fontweight=weight,
                      color=colours.ink)  # fmt: skip
        x += step * len(word)


def _rows(axes: Axes, y: float) -> tuple[float, float]:
    """Return a line's lower and upper end as fractions of the axes."""
    bottom, top = axes.get_ylim()
    span = top - bottom
    return (y + 0.42 - bottom) / span, (y - 0.42 - bottom) / span


def _course(axes: Axes, y: float, example: xr.Dataset, scale: _Scale, colours: Scheme) -> None:
    """Draw the activity around the example, the example marked: spikes as ticks, a raster."""
    offset = example["offset"].values.astype(float)
    value = np.array([scale(v) if np.isfinite(v) else np.nan for v in example["activation"].values])
    x = 0.12 + 0.6 * (offset - offset[0]) / (offset[-1] - offset[0])
    if example.attrs.get("spikes"):
        spiking = np.isfinite(value) & (example["activation"].values > 0)
        top = y + 0.4 - 0.8 * value
        axes.vlines(x[spiking], y + 0.4, top[spiking], color=colours.data, linewidth=1.6)
        axes.plot(x[[0, -1]], [y + 0.4] * 2, color=colours.null, linewidth=0.6)
    else:
        axes.plot(x, y + 0.4 - 0.8 * value, color=colours.data, linewidth=1.0)
    here = int(np.flatnonzero(offset == 0)[0])
    axes.plot(x[here], y + 0.4 - 0.8 * value[here], "o", color=colours.contrast, markersize=3)


def _pictures(
    axes: Axes,
    shown: xr.Dataset,
    rows: list[tuple[str, np.ndarray]],
    pictures: Sequence[Any],
    colours: Scheme,
) -> None:
    """Draw the pictures of each heading side by side, activity and label beneath."""
    axes.set_xlim(0, _ACROSS)
    axes.set_ylim(len(rows), 0)
    for row, (kind, members) in enumerate(rows):
        axes.text(0, row + 0.02, _HEADINGS[kind], color=colours.muted, va="top", fontsize=8)
        for column, member in enumerate(members[:_ACROSS]):
            x = column + 0.46
            said = f"{float(shown['value'][member]):.3g}"
            if "label" in shown:
                said += "\n" + str(shown["label"].values[member])
            _picture(axes, (x, row + 0.45), pictures[int(shown["sample"][member])])
            axes.text(x, row + 0.8, said, ha="center", va="top", fontsize=7,
                      color=colours.muted)  # fmt: skip


def _picture(axes: Axes, place: tuple[float, float], picture: Any) -> None:
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    array = np.asarray(picture, dtype=float)
    array = (array - array.min()) / max(float(np.ptp(array)), 1e-12)
    zoom = _PICTURE / max(array.shape[:2])
    box = OffsetImage(array, zoom=zoom, cmap=CONTINUOUS if array.ndim == 2 else None)
    axes.add_artist(AnnotationBbox(box, place, frameon=False, pad=0))
