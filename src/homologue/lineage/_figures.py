"""Pictures: shares by period, ideas by field, and the main path."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from homologue._errors import UnknownName, nearest
from homologue.lineage._answers import Answers, answer
from homologue.lineage._graph import CitationGraph, fields
from homologue.lineage._main_path import MainPath
from homologue.lineage._palette import THEMES, Theme, shade, text_on_field
from homologue.lineage._shares import ALL, NO_YEAR
from homologue.lineage._words import BRIEF, interval, percent, spaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 9.6
_STEPS = 40
_HAIR = 0.012


def draw(
    graph: CitationGraph, answers: Answers | None = None, *, theme: str = "light"
) -> dict[str, Figure]:
    """Return the three pictures of a citation graph as Matplotlib figures.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph.
    answers : Answers, optional
        What :func:`answer` said of it; asked for here if left out.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        ``"shares"`` (periods × fields, stacked, with counts), ``"ideas"`` (ideas × fields) and
        ``"main_path"``. Colours are safe for colour-blind readers, and no meaning hangs on
        colour alone: segments carry counts, cells numbers, steps their field's name.

    Raises
    ------
    UnknownName
        For another theme.

    Examples
    --------
    >>> from homologue import lineage
    >>> sample = lineage.embedded()
    >>> sorted(lineage.draw(sample, lineage.answer(sample, draws=0)))
    ['ideas', 'main_path', 'shares']
    """
    if theme not in THEMES:
        raise UnknownName(f"there is no theme {theme!r}" + nearest(theme, THEMES))
    said = answer(graph) if answers is None else answers
    colours = THEMES[theme]
    return {
        "shares": draw_shares(said.by_period, said.by_wave, fields(graph), said.field, colours),
        "ideas": draw_ideas(said.by_idea, colours),
        "main_path": draw_main_path(said.main_path, colours),
    }


def _figure(height: float, theme: Theme) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDTH, height), facecolor=theme.paper)


def _axes(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    """Return empty axes at (left, bottom, width, height) in inches."""
    width, height = figure.get_size_inches()
    left, bottom, wide, high = box
    axes = figure.add_axes((left / width, bottom / height, wide / width, high / height))
    axes.set_axis_off()
    return axes


def _write(axes: Axes, x: float, y: float, text: str, theme: Theme, **options: Any) -> None:
    options = {"size": 10, "color": theme.ink, "va": "center", "ha": "left", **options}
    # Percent signs, underscores and dollars of titles are text, not mathematics.
    axes.text(x, y, text, parse_math=False, family="DejaVu Sans", clip_on=False, **options)


def _title(figure: Figure, title: str, subtitle: str, theme: Theme) -> None:
    height = figure.get_size_inches()[1]
    axes = _axes(figure, (0.2, height - 0.85, _WIDTH - 0.4, 0.75))
    axes.set(xlim=(0, _WIDTH - 0.4), ylim=(0, 0.75))
    _write(axes, 0, 0.5, title, theme, size=13.5, weight="bold")
    _write(axes, 0, 0.17, subtitle, theme, size=9.5, color=theme.soft)


def draw_shares(
    periods: pd.DataFrame, waves: pd.DataFrame, names: Sequence[str], field: str, theme: Theme
) -> Figure:
    """Return stacked shares of fields, a bar a period, with counts in and beside the bars."""
    names = [name for name in names if periods.loc[periods["field"] == name, "count"].sum() > 0]
    names = [name for name in names if name == field] + [name for name in names if name != field]
    overall = periods[periods["period"] == ALL]
    blocks = [
        ("", "All references", overall, "period"),
        ("When the cited work appeared", "", _without(periods, "period"), "period"),
        ("When the citing work appeared", "", _without(waves, "citing_period"), "citing_period"),
    ]
    bar, gap, head = 0.36, 0.10, 0.34
    body = 0.0
    for heading, _, table, column in blocks:
        body += table[column].nunique() * (bar + gap) + (head if heading else 0.12)
    top, bottom = 1.45, 0.42
    figure = _figure(top + body + bottom, theme)
    total = int(overall["total"].iloc[0]) if len(overall) else 0
    works = int(overall["citing_works"].max()) if len(overall) else 0
    _title(
        figure,
        "Which fields are cited",
        f"{spaced(total)} references of {works} citing works; counts in the bars, "
        f"{BRIEF.get(field, field)} with its 95 % interval over citing works at the right",
        theme,
    )
    left, width = 1.35, 5.0
    axes = _axes(figure, (0.2, bottom, _WIDTH - 0.4, body))
    axes.set(xlim=(0, _WIDTH - 0.4), ylim=(0, body))
    _legend(figure, names, theme, height=top + body + bottom - 1.15)
    y = body
    for heading, label, table, column in blocks:
        if heading:
            y -= head
            _write(axes, 0, y + 0.1, heading, theme, size=9.5, color=theme.soft)
        else:
            y -= 0.06
        for period in table[column].unique():
            y -= bar + gap
            rows = table[table[column] == period].set_index("field")
            _write(axes, 0, y + bar / 2, label or str(period), theme)
            _bar(axes, rows.reindex(names), (left, y, width, bar), theme)
            if field in rows.index:
                _beside(axes, rows.loc[field], left + width + 0.15, y + bar / 2, theme)
        if not heading:
            y -= 0.06
    missing = periods[periods["period"] == NO_YEAR]
    if len(missing):
        count = int(missing["total"].iloc[0])
        note = _axes(figure, (0.2, 0.08, _WIDTH - 0.4, 0.26))
        note.set(xlim=(0, _WIDTH - 0.4), ylim=(0, 1))
        text = f"{count} references to works without a year stand in the first bar only."
        _write(note, 0, 0.5, text, theme, size=8.5, color=theme.soft)
    return figure


def _without(table: pd.DataFrame, column: str) -> pd.DataFrame:
    return table[~table[column].isin([ALL, NO_YEAR])]


def _legend(figure: Figure, names: Sequence[str], theme: Theme, *, height: float) -> None:
    from matplotlib.patches import Rectangle

    axes = _axes(figure, (0.2, height - 0.12, _WIDTH - 0.4, 0.26))
    axes.set(xlim=(0, _WIDTH - 0.4), ylim=(0, 0.26))
    colours = theme.of_field(names)
    x = 0.0
    for name in names:
        axes.add_patch(Rectangle((x, 0.06), 0.14, 0.14, facecolor=colours[name], linewidth=0))
        brief = BRIEF.get(name, name)
        _write(axes, x + 0.2, 0.13, brief, theme, size=9)
        x += 0.36 + 0.083 * len(brief)


def _bar(
    axes: Axes,
    rows: pd.DataFrame,
    box: tuple[float, float, float, float],
    theme: Theme,
) -> None:
    from matplotlib.patches import Rectangle

    left, bottom, width, height = box
    colours = theme.of_field(list(rows.index))
    x = left
    for name in rows.index:
        share = float(rows.loc[name, "share"])
        if not share > 0:
            continue
        wide = share * width
        # A hair's breadth of paper between segments, where there is room for it.
        drawn = wide - _HAIR if wide > 5 * _HAIR else wide
        axes.add_patch(Rectangle((x, bottom), drawn, height, facecolor=colours[name], linewidth=0))
        count = spaced(rows.loc[name, "count"])
        if wide > 0.05 + 0.085 * len(count):
            _write(
                axes, x + wide / 2, bottom + height / 2, count, theme,
                size=9, ha="center", color=text_on_field(name, colours[name], theme),
            )  # fmt: skip
        x += wide


def _beside(axes: Axes, row: pd.Series, x: float, y: float, theme: Theme) -> None:
    _write(axes, x + 0.62, y, percent(row["share"]), theme, weight="bold", ha="right")
    text = f"{spaced(row['count'])} of {spaced(row['total'])}"
    _write(axes, x + 0.75, y, text, theme, size=9)
    faint = {"size": 9, "color": theme.soft}
    if np.isfinite(row["low"]):
        _write(axes, x + 1.75, y, interval(row["low"], row["high"]), theme, **faint)


def draw_ideas(table: pd.DataFrame, theme: Theme) -> Figure:
    """Return ideas × fields: references to landmark works, the colour their share of the row."""
    from matplotlib.patches import Rectangle

    names = [
        name
        for name in table["field"].drop_duplicates()
        if table.loc[table["field"] == name, ["count", "works"]].to_numpy().sum() > 0
    ]
    kinds = [(kind, part) for kind in ("idea", "method", "finding")
             if len(part := table[table["kind"] == kind])]  # fmt: skip
    row_high, head = 0.38, 0.36
    body = sum(part["idea"].nunique() * row_high + head for _, part in kinds)
    top, bottom = 1.5, 0.62
    figure = _figure(top + body + bottom, theme)
    _title(
        figure,
        "Which fields carry each idea",
        "References to the landmark works of each idea, by the landmark’s field; "
        "shade: share of the row; in brackets: landmarks there are",
        theme,
    )
    left, right = 3.25, 1.15
    cell = (_WIDTH - 0.4 - left - right) / max(len(names), 1)
    axes = _axes(figure, (0.2, bottom, _WIDTH - 0.4, body + 0.5))
    axes.set(xlim=(0, _WIDTH - 0.4), ylim=(0, body + 0.5))
    for column, name in enumerate(names):
        brief = textwrap.fill(BRIEF.get(name, name), 13, break_long_words=False)
        _write(
            axes, left + (column + 0.5) * cell, body + 0.08, brief, theme,
            size=9, ha="center", va="bottom",
        )  # fmt: skip
    _write(
        axes, left + len(names) * cell + 0.2, body + 0.08, "references\n(works)", theme,
        size=9, va="bottom", color=theme.soft,
    )  # fmt: skip
    y = body
    for kind, part in kinds:
        y -= head
        _write(axes, 0, y + 0.1, f"{kind}s", theme, size=9.5, color=theme.soft)
        for idea in part["idea"].unique():
            y -= row_high
            rows = part[part["idea"] == idea].set_index("field")
            _write(axes, 0, y + row_high / 2, str(idea), theme)
            for column, name in enumerate(names):
                row = rows.loc[name]
                share = float(row["share"]) if row["total"] else 0.0
                face, colour = shade(share, theme) if share else ("none", theme.soft)
                box = (left + column * cell + 0.02, y + 0.02)
                axes.add_patch(
                    Rectangle(
                        box, cell - 0.04, row_high - 0.04,
                        facecolor=face, edgecolor=theme.line, linewidth=0.0 if share else 0.8,
                    )
                )  # fmt: skip
                text = spaced(row["count"]) if row["count"] else ("0" if row["works"] else "")
                if row["works"]:
                    text += f" ({row['works']})"
                middle = left + (column + 0.5) * cell
                _write(
                    axes, middle, y + row_high / 2, text, theme,
                    size=9, ha="center", color=colour, weight="bold" if share else "normal",
                )  # fmt: skip
            total = int(rows["total"].iloc[0])
            end = f"{spaced(total)} ({int(rows['works'].sum())})"
            _write(axes, left + len(names) * cell + 0.2, y + row_high / 2, end, theme, size=9)
    note = _axes(figure, (0.2, 0.08, _WIDTH - 0.4, 0.4))
    note.set(xlim=(0, _WIDTH - 0.4), ylim=(0, 1))
    text = (
        "Landmarks are found by their titles. Small cells: most rows rest on a few citing works; "
        "an empty cell has no landmark of that field."
    )
    _write(note, 0, 0.5, text, theme, size=8.5, color=theme.soft)
    return figure


def draw_main_path(path: MainPath, theme: Theme) -> Figure:
    """Return the main path, newest work on top, a dot a work and the field beside it."""
    from matplotlib.lines import Line2D

    works = path.works.head(_STEPS)
    step_high = 0.52
    body = max(len(works), 1) * step_high
    top, bottom = 1.05, 0.55
    figure = _figure(top + body + bottom, theme)
    _title(
        figure,
        "The main path of citations",
        "The chain of references through which most paths run; the line’s width and number: "
        "share of all paths",
        theme,
    )
    axes = _axes(figure, (0.2, bottom, _WIDTH - 0.4, body))
    axes.set(xlim=(0, _WIDTH - 0.4), ylim=(0, body))
    colours = theme.of_field(list(works["field"].unique()))
    spine = 1.55
    heights = body - step_high * (np.arange(len(works)) + 0.5)
    for row in range(len(works) - 1):
        weight = works["weight"].iloc[row]
        same = works["step"].iloc[row] == works["step"].iloc[row + 1]
        ends = heights[row : row + 2]
        axes.add_line(
            Line2D(
                [spine, spine], ends, color=theme.firm, solid_capstyle="butt", zorder=1,
                linewidth=1.2 if same else 1.0 + 9.0 * float(np.nan_to_num(weight)),
                linestyle=":" if same else "-",
            )
        )  # fmt: skip
        text = "cycle" if same else percent(float(weight))
        _write(
            axes, spine - 0.16, ends.mean(), text, theme,
            size=8, ha="right", color=theme.soft,
        )  # fmt: skip
    for row, height in enumerate(heights):
        work = works.iloc[row]
        axes.plot(
            spine, height, "o", markersize=11, zorder=2, markerfacecolor=colours[work["field"]],
            markeredgecolor=theme.soft, markeredgewidth=1.0, clip_on=False,
        )  # fmt: skip
        year = "–" if pd.isna(work["year"]) else str(int(work["year"]))
        _write(axes, 0.0, height, year, theme, weight="bold")
        title = textwrap.shorten(str(work["title"]), 74, placeholder=" …")
        _write(axes, spine + 0.3, height + 0.085, title, theme)
        _write(axes, spine + 0.3, height - 0.115, work["field"], theme, size=8.5, color=theme.soft)
    if not len(works):
        _write(axes, 0, body / 2, "No work of the graph cites another.", theme)
    note = _axes(figure, (0.2, 0.06, _WIDTH - 0.4, 0.42))
    note.set(xlim=(0, _WIDTH - 0.4), ylim=(0, 1))
    more = len(path.works) - len(works)
    rest = f" {more} further works are not drawn." if more else ""
    text = textwrap.fill(path.note[:1].upper() + path.note[1:] + "." + rest, 118)
    _write(note, 0, 0.5, text, theme, size=8.5, color=theme.soft)
    return figure
