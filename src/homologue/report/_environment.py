"""The template environment: escaping on, unknown names refused, filters that write numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from homologue.report import _format, _words
from homologue.report._folder import Cell


class Loose(dict[str, Any]):
    """A JSON object whose absent keys read as None: a folder may say less than a page shows."""

    def __missing__(self, key: str) -> None:
        return None


def loose(value: Any) -> Any:
    """Return a JSON value with every object in it made :class:`Loose`.

    Examples
    --------
    >>> loose({"a": [{"b": 1}]})["a"][0]["c"] is None
    True
    """
    if isinstance(value, Mapping):
        return Loose({str(key): loose(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return [loose(item) for item in value]
    return value


def environment() -> Environment:
    """Return the environment that renders the page."""
    made = Environment(
        loader=PackageLoader("homologue.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        decimal=_format.decimal,
        compact=_format.compact,
        probability=_format.probability,
        integer=_format.integer,
        doi_link=_format.doi_link,
        web_link=_format.web_link,
        moment=_format.moment,
        first_line=_format.first_line,
        cited=cited,
        counts=counts,
        size=lambda value: _format.integer(value or None),
        plain=plain,
        table_rows=table_rows,
        sort_value=lambda value: "" if value is None else f"{value:.12g}",
    )
    made.globals.update(
        verdict_word=_words.verdict_word,
        kind_word=_words.kind_word,
        read_pattern=_words.read_pattern,
        state_words=_words.STATES,
        voting=_words.VOTING,
    )
    return made


def cited(text: str) -> Markup:
    """Return a citation with its DOIs as links, everything else escaped.

    Examples
    --------
    >>> cited("Hung & al. 2005, doi:10.1126/science.1117593")
    Markup('Hung &amp; al. 2005, <a href="https://doi.org/10.1126/science.1117593" \
rel="noopener noreferrer">doi:10.1126/science.1117593</a>')
    """
    link = Markup('<a href="{}" rel="noopener noreferrer">{}</a>')
    parts = re.split(r"(\bdoi:\s?10\.\d{4,9}/[^\s;,<>\"']*[^\s;,.<>\"')])", text)
    return Markup("").join(
        link.format(_format.doi_link(part), part) if index % 2 else part
        for index, part in enumerate(parts)
    )


def counts(cell: Cell) -> str:
    """Return the sizes of a cell in words.

    Examples
    --------
    >>> counts(Cell("c", "s", "brain", "f", "open", n_groups=110, n_units=1))
    '110 groups, 1 unit'
    """
    sizes = ((cell.n_groups, "group"), (cell.n_units, "unit"), (cell.n_classes, "class"))
    return ", ".join(
        f"{_format.integer(size)} {word}{'' if size == 1 else 'es' if word == 'class' else 's'}"
        for size, word in sizes
        if size
    )


def plain(value: Any) -> str:
    """Return any JSON value as text for a table.

    Examples
    --------
    >>> plain(None), plain(["month", "hour"]), plain(0.12345), plain(True)
    ('–', 'month, hour', '0.123', 'yes')
    """
    if value is None or value == "" or value == []:
        return _format.MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}".replace("-", "−")
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items())
    return str(value)


def table_rows(value: Any) -> Sequence[Mapping[str, Any]]:
    """Return a JSON value as rows of a table where it is a list of objects, else nothing."""
    if isinstance(value, list) and all(isinstance(line, Mapping) for line in value):
        return value
    return ()
