"""Loops as small pictures: bars over what the null reaches, the cloud, one angle on another.

Plain SVG from the numbers of ``loops.json``. Angles have colours of one lightness, so that they
hold on paper and in the dark, and every cloud has its wheel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

WIDTH, HEIGHT = 260, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 10, 8, 34
_TURN = 2 * math.pi


def barcode(drawn: Mapping[str, Any]) -> Markup:
    """Return the bars of a cloud, each over the length that the null lets a bar have.

    Parameters
    ----------
    drawn : mapping
        ``birth`` and ``death`` (longest-lived first), ``threshold`` (of 1 − birth/death).
    """
    birth, death = list(map(float, drawn["birth"])), list(map(float, drawn["death"]))
    keep = 1 - min(max(float(drawn["threshold"]), 0.0), 0.999)
    if not birth:
        return _svg('<text class="none" x="130" y="100">no loop at any distance</text>')
    low, high = min(birth), max(max(death), max(b / keep for b in birth))
    across = math.log(high / low) or 1.0

    def x(value: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * math.log(value / low) / across

    row = (HEIGHT - _TOP - _BOTTOM) / len(birth)
    parts = []
    for k, (start, end) in enumerate(zip(birth, death, strict=True)):
        y = _TOP + row * (k + 0.5)
        parts.append(
            f'<line class="allowed" x1="{x(start):.1f}" x2="{x(start / keep):.1f}" y1="{y:.1f}" '
            f'y2="{y:.1f}" stroke-width="{row:.1f}"/>'
        )
        name = "beyond" if end > start / keep else "within"
        parts.append(
            f'<line class="{name}" x1="{x(start):.1f}" x2="{x(end):.1f}" y1="{y:.1f}" '
            f'y2="{y:.1f}" stroke-width="{min(max(0.5 * row, 1.2), 5):.1f}"/>'
        )
    for place in (low, math.sqrt(low * high), high):
        parts.append(_text(x(place), HEIGHT - 20, f"{place:.2g}", "tick"))
    parts.append(_text(130, HEIGHT - 4, "distance (SD of a unit)", "name"))
    return _svg("".join(parts))


def cloud(drawn: Mapping[str, Any]) -> Markup:
    """Return a cloud in two components, coloured by an angle; grey where there is none.

    Parameters
    ----------
    drawn : mapping
        ``point`` (pairs), ``angle`` (radians or None), ``share`` of both components; ``label``
        of each point, if there are few.
    """
    points = [(float(a), float(b)) for a, b in drawn["point"]]
    place = _square(points)
    labels: Sequence[Any] = drawn.get("label") or ()
    dots = []
    for k, (point, angle) in enumerate(zip(points, drawn["angle"], strict=True)):
        px, py = place(point)
        fill = f'fill="{colour(float(angle))}"' if angle is not None else 'class="unknown"'
        dots.append(f'<circle {fill} cx="{px:.1f}" cy="{py:.1f}" r="{4 if labels else 2}"/>')
        if labels:
            dots.append(_text(px, py - 7, str(labels[k])[:9], "tick"))
    if labels:
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in map(place, [*points, points[0]]))
        dots.insert(0, f'<polyline class="order" points="{path}"/>')
    if any(angle is not None for angle in drawn["angle"]):
        dots.append(_wheel(WIDTH - 24, 24))
    share = [100 * float(value) for value in drawn["share"]]
    dots.append(_text(130, HEIGHT - 4, f"component 1 ({share[0]:.0f} %)", "name"))
    dots.append(
        f'<text class="name" transform="translate(12 90) rotate(-90)">'
        f"component 2 ({share[1]:.0f} %)</text>"
    )
    return _svg("".join(dots))


def coordinate(drawn: Mapping[str, Any]) -> Markup:
    """Return the angle read from a population against a known variable, over two turns.

    Parameters
    ----------
    drawn : mapping
        ``known`` and ``read`` (radians), ``variable``.
    """
    wide, tall = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def at(known: float, read: float) -> tuple[float, float]:
        return _LEFT + wide * known / _TURN, _TOP + tall * (1 - read / (2 * _TURN))

    parts = [f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{wide}" height="{tall}"/>']
    for start in (0.0, _TURN):
        (a, b), (c, d) = at(0, start), at(_TURN, start + _TURN)
        parts.append(
            f'<line class="diagonal" x1="{a:.1f}" y1="{b:.1f}" x2="{c:.1f}" y2="{d:.1f}"/>'
        )
    for known, read in zip(drawn["known"], drawn["read"], strict=True):
        for turn in (0.0, _TURN):
            px, py = at(float(known) % _TURN, float(read) % _TURN + turn)
            parts.append(f'<circle class="seen" cx="{px:.1f}" cy="{py:.1f}" r="1.4"/>')
    for value, word in ((0.0, "0"), (math.pi, "π"), (_TURN, "2π")):
        parts.append(_text(at(value, 0)[0], HEIGHT - 20, word, "tick"))
        parts.append(_text(_LEFT - 12, at(0, value)[1] + 3, word, "tick"))
    parts.append(_text(130, HEIGHT - 4, str(drawn["variable"]), "name"))
    parts.append(
        '<text class="name" transform="translate(10 90) rotate(-90)">read (two turns)</text>'
    )
    return _svg("".join(parts))


def colour(angle: float) -> str:
    """Return the colour of an angle: one lightness and chroma (OKLCH), the hue turns.

    Examples
    --------
    >>> colour(0.0) == colour(2 * math.pi), colour(0.0) == colour(1.0)
    (True, False)
    """
    hue = round(angle / _TURN * 72) % 72 / 72 * _TURN
    a, b = 0.13 * math.cos(hue), 0.13 * math.sin(hue)
    long, medium, short = (
        (0.66 + p * a + q * b) ** 3
        for p, q in ((0.3963, 0.2158), (-0.1056, -0.0639), (-0.0895, -1.2915))
    )
    linear = (
        4.0767 * long - 3.3077 * medium + 0.2310 * short,
        -1.2684 * long + 2.6098 * medium - 0.3413 * short,
        -0.0042 * long - 0.7034 * medium + 1.7076 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(min(max(v, 0.0), 1.0))):02x}" for v in linear)


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _square(points: Sequence[tuple[float, float]]) -> Any:
    """Return what places points, both axes in one scale, with room at the edges."""
    low = [min(p[k] for p in points) for k in (0, 1)]
    high = [max(p[k] for p in points) for k in (0, 1)]
    wide, tall = WIDTH - _LEFT - _RIGHT - 20, HEIGHT - _TOP - _BOTTOM - 20
    scale = min(wide / max(high[0] - low[0], 1e-12), tall / max(high[1] - low[1], 1e-12))
    middle = [(low[k] + high[k]) / 2 for k in (0, 1)]
    across, down = (_LEFT + WIDTH - _RIGHT) / 2, (_TOP + HEIGHT - _BOTTOM + 8) / 2
    return lambda p: (across + scale * (p[0] - middle[0]), down - scale * (p[1] - middle[1]))


def _wheel(x: float, y: float) -> str:
    parts = []
    for k in range(24):
        turn = (k + 0.5) / 24 * _TURN
        px, py = x + 12 * math.cos(turn), y - 12 * math.sin(turn)
        parts.append(f'<circle fill="{colour(turn)}" cx="{px:.1f}" cy="{py:.1f}" r="2.4"/>')
    return "".join(parts)


def _text(x: float, y: float, words: str, name: str) -> str:
    return f'<text class="{name}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def _svg(inside: str) -> Markup:
    return Markup(
        f'<svg class="loop" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{inside}</svg>'
    )
