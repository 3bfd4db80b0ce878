"""``homologue explain``: what a claim or an analysis says, and what a system is."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import textwrap
from typing import Any

from homologue.cli import _catalogue, _grounds, _output

_DESCRIPTION = """\
What a claim or an analysis says: the statistic, its null, when the method fails, and the
references. Of a claim, what would count against it; of an analysis, the claims on the same measure
and what would count against those. Of a system: what was recorded, its variables, its options, its
source and licence.
"""

_EPILOG = """\
examples:
  homologue explain tuning.selectivity
  homologue explain units-are-tuned
  homologue explain head-direction
"""


def add_parser(subparsers: Any) -> None:
    """Add the verb's arguments."""
    parser = subparsers.add_parser("explain", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument(
        "name", metavar="NAME", help="a claim, an analysis or a system that 'homologue ls' lists"
    )


def run(args: argparse.Namespace) -> int:
    """Explain one claim, analysis or system."""
    from homologue._errors import UnknownName, nearest

    name = args.name.removeprefix("homologue.")
    claims = {row["id"]: row for row in _catalogue.claims()}
    if name in claims:
        record = claims[name]
        _output.write(args, layout(*_of_claim(record)), data=record)
        return 0
    known = _catalogue.analysis_names()
    if name in known:
        title, sections = _of_analysis(*_catalogue.named_analysis(name), list(claims.values()))
    else:
        systems = {row["name"]: row for row in _catalogue.systems()}
        if name not in systems:
            raise UnknownName(
                f"there is no claim, analysis or system {args.name!r}"
                + nearest(name.casefold(), [*claims, *known, *systems])
            )
        title, sections = _of_system(systems[name])
    _output.write(args, layout(title, sections), data={"name": title, **dict(sections)})
    return 0


def layout(title: str, sections: list[tuple[str, Any]]) -> str:
    """Return a titled text of readable width, a heading a section.

    Examples
    --------
    >>> print(layout("a", [("null", "labels permute"), ("needs", "")]))
    a
    <BLANKLINE>
      null
        labels permute
    """
    width = min(88, shutil.get_terminal_size().columns)
    lines = [_output.bold(title)]
    for heading, value in sections:
        text = _as_text(value)
        if not text:
            continue
        lines += ["", f"  {_output.bold(heading) if sys.stdout.isatty() else heading}"]
        for paragraph in text.split("\n"):
            indent = "    " + " " * (len(paragraph) - len(paragraph.lstrip()))
            lines += textwrap.wrap(
                paragraph.strip(),
                width,
                initial_indent=indent,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            ) or [""]
    return "\n".join(lines)


def _as_text(value: str | list[str]) -> str:
    return "\n".join(value) if isinstance(value, list) else value.strip()


_ONE = {"groups": "group", "units": "unit", "classes": "class"}


def _of_claim(claim: dict[str, Any]) -> tuple[str, list[tuple[str, Any]]]:
    sizes = ", ".join(
        f"{count} {what if count != 1 else _ONE[what]}"
        for what, count in claim["sizes"].items()
        if count
    )
    references = [
        " ".join(filter(None, (one["text"], one["doi"] and f"doi:{one['doi']}")))
        for one in claim["references"]
    ]
    return f"{claim['id']} · version {claim['version']}", [
        ("question", claim["question"]),
        ("sentence", claim["sentence"]),
        ("statistic", claim["statistic"]),
        ("null", claim["null"]),
        ("what would count against it", claim["against"]),
        ("smallest effect of interest", f"{claim['sesoi']:.2f}"),
        ("seen of every system", sizes),
        ("needs", ", ".join(claim["needs"]) or "nothing"),
        ("references", references),
    ]


def _of_analysis(
    name: str, function: Any, claims: list[dict[str, Any]]
) -> tuple[str, list[tuple[str, Any]]]:
    import inspect

    parts = sections_of(inspect.getdoc(function) or "")
    signature = re.sub(r"'", "", str(inspect.signature(function)))
    return f"homologue.{name}", [
        ("what it does", parts.get("", "")),
        ("statistic", _grounds.statistic(parts)),
        ("null", _grounds.null(parts, _sections_named)),
        ("claims on the same measure", _grounds.claims_on(parts, claims)),
        ("call", f"{name}{signature}"),
        ("arguments", parts.get("Parameters", "")),
        ("when it holds, and when it fails", parts.get("Notes", "")),
        ("returns", parts.get("Returns", "")),
        ("refuses", parts.get("Raises", "")),
        ("references", parts.get("References", "")),
    ]


def _sections_named(name: str) -> dict[str, str]:
    """Return the sections of another analysis' docstring; none if there is no such analysis."""
    import inspect

    if name not in _catalogue.analysis_names():
        return {}
    return sections_of(inspect.getdoc(_catalogue.analysis(name)) or "")


def _of_system(row: dict[str, Any]) -> tuple[str, list[tuple[str, Any]]]:
    """Return what a system is; a network is described without being built."""
    import inspect

    at_hand = row["availability"] + (f": {row['how_to_get']}" if row["how_to_get"] else "")
    found: list[tuple[str, Any]] = [
        ("what it is", row["summary"]),
        ("kind", row["kind"]),
        ("family", row["family"]),
        ("availability", at_hand),
    ]
    if row["kind"] == "model":
        found.append(("recorded with", "--stimuli ('homologue ls stimuli'), --sites, --positions"))
        return row["name"], found
    from homologue.systems import get

    system = get(row["name"])
    reader = getattr(system, "reader", system.record)
    parts = sections_of(inspect.getdoc(reader) or "")
    options = [
        f"{name} = {parameter.default!r}"
        for name, parameter in inspect.signature(reader).parameters.items()
        if name not in ("variable", "stimuli", "rng") and parameter.default is not parameter.empty
    ]
    names = [
        name + (" (asked about unless another is named)" if name == system.variable else "")
        for name in getattr(system, "variables", ())
    ]
    return row["name"], [
        *found,
        ("recording", parts.get("", "")),
        ("variables", names),
        ("options (--option NAME=VALUE)", options),
        ("of the options", parts.get("Parameters", "")),
        ("what to know", parts.get("Notes", "")),
        ("source", getattr(system, "source", "")),
        ("licence", getattr(system, "licence", "")),
        ("citation", getattr(system, "citation", "")),
    ]


def sections_of(docstring: str) -> dict[str, str]:
    r"""Split a numpydoc docstring at its underlined headings; what stands first has the key ``""``.

    Paragraphs are joined into one line each, and reStructuredText marks are taken off.

    Examples
    --------
    >>> sections_of("Do.\n\nMore of\nit.\n\nNotes\n-----\nFails at ``n = 1``.")
    {'': 'Do.\nMore of it.', 'Notes': 'Fails at n = 1.'}
    """
    lines = docstring.splitlines()
    starts = [
        (i, lines[i].strip())
        for i in range(len(lines) - 1)
        if lines[i].strip() and re.fullmatch(r"-{3,}", lines[i + 1].strip())
    ]
    borders = [*starts, (len(lines), "")]
    found = {"": _plain(lines[: borders[0][0]])}
    for (start, heading), (end, _) in zip(starts, borders[1:], strict=True):
        found[heading] = _plain(lines[start + 2 : end])
    return found


def _plain(lines: list[str]) -> str:
    """Join each paragraph into one line; a change of indentation starts a new one."""
    out: list[str] = []
    indent: int | None = None
    for line in lines:
        depth = len(line) - len(line.lstrip())
        bullet = re.match(r"\s*(\.\. \[|[-*] |\d+\. )", line)
        argument = re.match(r"[\w, *]+ : \S|\*{1,2}\w+$", line)
        if not line.strip():
            indent = None
        elif indent is None or depth != indent or bullet or argument:
            out.append(line.rstrip())
            indent = depth + 3 if bullet and line.lstrip().startswith("..") else depth
        else:
            out[-1] += " " + line.strip()
    return _unmarked("\n".join(out))


def _unmarked(text: str) -> str:
    text = re.sub(r":[a-z]+:`~?(?:[\w.]*\.)?([^`]+)`", r"\1", text)
    text = re.sub(r"``([^`]+)``", r"\1", text)
    text = re.sub(r"(?<![\w*])(\*{1,2})([^*\s](?:[^*]*[^*\s])?)\1(?![\w*])", r"\2", text)
    text = re.sub(r"\\([|*_`])", r"\1", text)
    text = re.sub(r"^\.\. \[(\w+)\]", r"[\1]", text, flags=re.MULTILINE)
    return re.sub(r"\[(\w+)\]_", r"[\1]", text)
