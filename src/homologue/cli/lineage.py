"""``homologue lineage``: where the ideas come from, by citation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homologue.cli import _output
from homologue.cli._parser import whole

if TYPE_CHECKING:
    from homologue.lineage import Answers, CitationGraph

_DESCRIPTION = """\
Which fields the works of mechanistic interpretability cite, which fields carry each idea, and
what loses its support if a field is deleted. By default the embedded sample of 46 reference
lists; your own bibliographies or OpenAlex with the options below.
"""

_EPILOG = """\
examples:
  homologue lineage
  homologue lineage --json
  homologue lineage --out figures
  homologue lineage --venues
  homologue lineage --bibtex paper.bib --keys paper.aux --citing-year 2024
  homologue lineage --openalex 10.23915/distill.00024.001 --cache openalex
"""


def add_parser(subparsers: Any) -> None:
    """Add the verb's arguments."""
    parser = subparsers.add_parser("lineage", description=_DESCRIPTION, epilog=_EPILOG)
    asked = parser.add_argument_group("what is asked")
    asked.add_argument(
        "--field", default="neuroscience", metavar="FIELD", help="whose part (neuroscience)"
    )
    asked.add_argument("--citing", metavar="GROUP", help="whose references (mi; neuro, neuroai)")
    asked.add_argument(
        "--threshold", type=float, metavar="SHARE",
        help="of works whose references are known, for an answer by paths (0.5)",
    )  # fmt: skip
    asked.add_argument(
        "--draws", type=whole(0), default=1000, metavar="N", help="of the bootstrap (1000)"
    )
    asked.add_argument("--seed", type=whole(0), default=0, metavar="N", help="of the bootstrap (0)")
    asked.add_argument("--venues", action="store_true", help="print the venue table and overrides")
    read = parser.add_argument_group("what is read instead of the embedded sample")
    read.add_argument(
        "--bibtex", action="append", default=[], metavar="FILE", help="a .bib file (repeatable)"
    )
    read.add_argument(
        "--keys", action="append", default=[], metavar="FILE",
        help="the keys cited from it: .aux, .tex or one a line (one per --bibtex)",
    )  # fmt: skip
    read.add_argument(
        "--citing-year", type=int, metavar="YEAR", help="of the work a .bib belongs to"
    )
    read.add_argument(
        "--openalex", action="append", default=[], metavar="ID",
        help="a work's OpenAlex id or DOI (repeatable; key in OPENALEX_API_KEY)",
    )  # fmt: skip
    read.add_argument("--depth", type=whole(1), metavar="N", help="steps of references (1)")
    read.add_argument("--cache", metavar="DIR", help="where OpenAlex answers are kept")
    read.add_argument("--with-embedded", action="store_true", help="merge with the embedded sample")
    parser.add_argument("--out", metavar="DIR", help="write pictures (PNG, SVG) and lineage.json")


def run(args: argparse.Namespace) -> int:
    """Print the tables, or everything as JSON."""
    from homologue import lineage

    graph = _graph(args)
    for remark in graph.remarks:
        _output.say(args, f"note: {remark}")
    if args.venues:
        _venues(args, graph)
        return 0
    citing = args.citing or "mi"
    threshold = lineage.THRESHOLD if args.threshold is None else args.threshold
    answers = lineage.answer(
        graph,
        field=args.field,
        citing=citing,
        threshold=threshold,
        draws=args.draws,
        rng=args.seed,
    )
    if args.json:
        _output.write_json(answers.as_json())
    else:
        _print(args, answers)
    if args.out:
        _write(args, graph, answers, Path(args.out))
    return 0


def _graph(args: argparse.Namespace) -> CitationGraph:
    from homologue import lineage
    from homologue._errors import HomologueError

    if len(args.keys) not in (0, len(args.bibtex)):
        raise HomologueError(
            f"{len(args.bibtex)} --bibtex but {len(args.keys)} --keys; give one for each, or none"
        )
    alone = [
        (args.citing_year is not None and not args.bibtex, "--citing-year", "--bibtex"),
        (args.cache and not args.openalex, "--cache", "--openalex"),
        (args.depth is not None and not args.openalex, "--depth", "--openalex"),
        (args.with_embedded and not (args.bibtex or args.openalex), "--with-embedded",
         "--bibtex or --openalex"),
    ]  # fmt: skip
    for without, option, needed in alone:
        if without:
            raise HomologueError(f"{option} goes with {needed}; without it there is nothing to do")
    graphs = []
    for position, path in enumerate(args.bibtex):
        keys = lineage.cited_keys(Path(args.keys[position])) if args.keys else None
        graphs.append(
            lineage.from_bibtex(
                Path(path),
                citing=Path(path).stem,
                year=args.citing_year,
                group=args.citing or "mi",
                cited=keys,
            )
        )
    if args.openalex:
        graphs.append(
            lineage.from_openalex(
                args.openalex,
                cache=args.cache or _default_cache(),
                depth=args.depth or 1,
                group=args.citing or "mi",
            )
        )
    if not graphs:
        return lineage.embedded()
    if args.with_embedded:
        graphs.insert(0, lineage.embedded())
    return lineage.merge(*graphs)


def _default_cache() -> Path:
    import pooch

    return Path(pooch.os_cache("homologue")) / "openalex"


def _venues(args: argparse.Namespace, graph: CitationGraph) -> None:
    from homologue import lineage

    tables = {
        "venues": lineage.venue_table(),
        "title_words": lineage.title_words(),
        "overrides": lineage.overrides(graph),
        "contested": lineage.contested(graph),
    }
    if args.json:
        _output.write_json({name: _rows(table) for name, table in tables.items()})
        return
    for name, table in tables.items():
        _heading(name.replace("_", " "), first=name == "venues")
        _output.show(args, _rows(table))


def _print(args: argparse.Namespace, answers: Answers) -> None:
    from homologue.lineage import tables

    first = True
    for caption, table in tables(answers).items():
        _heading(caption, first=first)
        first = False
        _output.show(args, _rows(table))
    _heading("Answers")
    for question, said in answers.questions:
        _paragraph(question, said)
    _heading("What this cannot carry")
    for limit in answers.limits:
        _paragraph("", limit)


def _heading(text: str, *, first: bool = False) -> None:
    print(("" if first else "\n") + _output.bold(text))


def _paragraph(question: str, said: str) -> None:
    import textwrap

    if question:
        print(f"  {question}")
    print(textwrap.fill(said, 92, initial_indent="    ", subsequent_indent="    "))


def _rows(table: Any) -> list[dict[str, Any]]:
    import pandas as pd

    return [
        {str(key): None if value is pd.NA else value for key, value in row.items()}
        for row in table.to_dict("records")
    ]


def _write(args: argparse.Namespace, graph: CitationGraph, answers: Answers, folder: Path) -> None:
    import json

    from homologue import lineage

    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(answers.as_json(), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "lineage.json").write_text(text + "\n", encoding="utf-8")
    for theme in ("light", "dark"):
        drawn = lineage.draw(graph, answers, theme=theme)
        for name, figure in drawn.items():
            for suffix in ("png", "svg"):
                figure.savefig(folder / f"{name}-{theme}.{suffix}", dpi=200)
    _output.say(args, f"pictures and lineage.json in {folder}")
