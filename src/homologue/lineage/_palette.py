"""Colours of the pictures: one role, a light and a dark value; fields told apart without hue."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    """What a picture is drawn with; every colour is a hex string."""

    paper: str
    ink: str
    soft: str
    line: str
    firm: str
    link: str
    field: dict[str, str]
    spare: tuple[str, ...]

    def of_field(self, names: Sequence[str]) -> dict[str, str]:
        """Return a colour for each field, spare ones for names that are not in the table."""
        others = [name for name in names if name not in self.field]
        extra = {name: self.spare[i % len(self.spare)] for i, name in enumerate(others)}
        return {name: self.field.get(name) or extra[name] for name in names}


LIGHT = Theme(
    paper="#fdfcf9", ink="#1e2227", soft="#565c65", line="#e4e1d9", firm="#c9c5bb",
    link="#005a8f",
    field={
        "neuroscience": "#0072b2",
        "psychology / cognitive science": "#b35900",
        "machine learning / AI": "#d3d0c8",
        "mathematics / statistics": "#009e73",
        "physics": "#e9a0c9",
        "philosophy": "#4b2e83",
        "other": "#8d9198",
        "unassigned": "#5c6168",
    },
    spare=("#7a6a00", "#39808f", "#8f3a3a"),
)  # fmt: skip

DARK = Theme(
    paper="#14161a", ink="#e9e7e2", soft="#a6abb3", line="#2c3036", firm="#454a52",
    link="#7fc6ef",
    field={
        "neuroscience": "#56b4e9",
        "psychology / cognitive science": "#e69f00",
        "machine learning / AI": "#3f434b",
        "mathematics / statistics": "#1f9e78",
        "physics": "#f2a6d2",
        "philosophy": "#e6dcff",
        "other": "#7d828b",
        "unassigned": "#5d626a",
    },
    spare=("#d8c64a", "#76c0cf", "#e08a8a"),
)  # fmt: skip

THEMES = {"light": LIGHT, "dark": DARK}

_LEVELS = 20
# Text that has to turn over with the scheme: black on light but white on dark, and back.
_TURNING = {("#000000", "#ffffff"): "#000001", ("#ffffff", "#000000"): "#fffffe"}


@functools.cache
def _shades() -> tuple[tuple[str, ...], tuple[str, ...]]:
    import matplotlib
    from matplotlib.colors import to_hex

    steps = [0.06 + 0.9 * level / _LEVELS for level in range(_LEVELS + 1)]
    light, dark = matplotlib.colormaps["cividis_r"], matplotlib.colormaps["cividis"]
    return tuple(to_hex(light(x)) for x in steps), tuple(to_hex(dark(x)) for x in steps)


def shade(share: float, theme: Theme) -> tuple[str, str]:
    """Return the face of a cell for a share between 0 and 1 (cividis), and its text's colour."""
    level = round(_LEVELS * share)
    light, dark = (table[level] for table in _shades())
    return (dark if theme is DARK else light), text_on(light, dark, theme)


def text_on(light: str, dark: str, theme: Theme) -> str:
    """Return a readable colour for text on a face that is so in light and so in dark."""
    on_light, on_dark = _readable(light), _readable(dark)
    if theme is DARK:
        return on_dark
    return _TURNING.get((on_light, on_dark), on_light)


def text_on_field(name: str, face: str, theme: Theme) -> str:
    """Return a readable colour for text on a field's colour."""
    return text_on(LIGHT.field.get(name, face), DARK.field.get(name, face), theme)


def _readable(colour: str) -> str:
    """Return black or white, whichever has the greater contrast (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def pairs() -> dict[str, str]:
    """Return light colour → dark colour, for pictures that follow the page's scheme."""
    names = ("paper", "ink", "soft", "line", "firm", "link")
    mapped = {getattr(LIGHT, name): getattr(DARK, name) for name in names}
    mapped |= {LIGHT.field[name]: DARK.field[name] for name in LIGHT.field}
    mapped |= {coded: on_dark for (_, on_dark), coded in _TURNING.items()}
    mapped |= dict(zip(*_shades(), strict=True))
    return mapped | dict(zip(LIGHT.spare, DARK.spare, strict=True))
