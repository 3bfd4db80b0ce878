"""Numbers as the tables, pictures and answers write them."""

from __future__ import annotations

import math

BRIEF = {
    "psychology / cognitive science": "psychology",
    "machine learning / AI": "machine learning",
    "mathematics / statistics": "mathematics",
}
"""Fields whose names are too long for a column's head."""


def spaced(number: float) -> str:
    """Return a count with thin groups of thousands.

    Examples
    --------
    >>> spaced(1133), spaced(28)
    ('1 133', '28')
    """
    return f"{int(number):,}".replace(",", " ")


def counted(number: int, one: str, several: str | None = None) -> str:
    """Return a count with its noun, in the plural if it is not one.

    Examples
    --------
    >>> counted(1, "work"), counted(3, "entry", "entries")
    ('1 work', '3 entries')
    """
    return f"{spaced(number)} {one if number == 1 else several or one + 's'}"


def percent(share: float) -> str:
    """Return a share as a percentage, one decimal below ten, ``–`` for none.

    Examples
    --------
    >>> percent(28 / 1133), percent(0.25), percent(0.0), percent(float("nan"))
    ('2.5 %', '25 %', '0 %', '–')
    """
    if not math.isfinite(share):
        return "–"
    if share == 0:
        return "0 %"
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


def interval(low: float, high: float) -> str:
    """Return an interval of shares in percent, empty if there is none.

    Examples
    --------
    >>> interval(0.0078, 0.051), interval(float("nan"), 1.0)
    ('0.8–5.1 %', '')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{_bound(low)}–{_bound(high)} %"


def _bound(share: float) -> str:
    return f"{100 * share:.1f}" if 0 < share < 0.0995 else f"{100 * share:.0f}"
