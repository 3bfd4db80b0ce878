"""``homologue compare``: every claim asked of every system of a panel; verdicts and a report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from homologue.cli import _output
from homologue.cli._parser import whole

_DESCRIPTION = """\
Ask every claim of every system of a panel — brains, networks and their untrained twins, other
sciences' tables — with one statistic, one null and one size, and say claim by claim whether the
parallel is specific to neural networks, generic, architectural, one-sided, mixed, absent, or
undecided. Writes a folder with the tables, the null draws, the provenance and report.html.
"""

_EPILOG = """\
examples:
  homologue compare --out results
  homologue compare --init panel.toml          write the default panel as a template
  homologue compare panel.toml --out results
"""


def add_parser(subparsers: Any) -> None:
    """Add the verb's arguments."""
    parser = subparsers.add_parser("compare", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument(
        "panel", nargs="?", metavar="PANEL.toml", help="systems and claims (default: all at hand)"
    )
    parser.add_argument("--out", metavar="FOLDER", default="results", help="default: results")
    parser.add_argument("--init", metavar="FILE", help="write a template of a panel, and stop")
    parser.add_argument("--seed", type=whole(0), metavar="N", help="instead of the panel's own")
    parser.add_argument(
        "--permutations", type=whole(1), metavar="N", help="instead of the panel's own"
    )
    parser.add_argument(
        "--claim", action="append", metavar="ID", help="ask this claim only (repeatable)"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="work out again what an earlier run worked out"
    )


def run(args: argparse.Namespace) -> int:
    """Run the panel, write the folder, print the verdicts and the report's path."""
    from homologue import parallels

    if args.init:
        return _init(args, Path(args.init))
    panel = _changed(args, parallels.load(args.panel) if args.panel else parallels.default())
    total = sum(1 + bool(entry.twins and entry.stimuli) for entry in panel.entries)
    with _output.progress(args, "compare", total=total) as advance:
        result = parallels.compare(
            panel,
            notice=_notice(advance),
            answers=Path(args.out) / "answers",
            fresh=args.fresh,
        )
    folder = result.write(args.out)
    report = _report(folder)
    _show(args, result, folder, report)
    return 0


def _init(args: argparse.Namespace, path: Path) -> int:
    from homologue._errors import HomologueError
    from homologue.parallels import default

    if path.exists():
        raise HomologueError(f"{path} exists and would be lost; choose another name")
    path.write_text(_HEAD + default().to_toml(), encoding="utf-8")
    _output.write(args, str(path), data={"panel": str(path)})
    _output.say(args, f"edit it, then: homologue compare {path} --out results")
    return 0


_HEAD = """\
# A panel: systems x claims. 'homologue ls systems' and 'homologue ls claims' list the names.
# Claims fix their own sizes (groups, units, classes): a panel cannot change them.

"""


def _changed(args: argparse.Namespace, panel: Any) -> Any:
    from dataclasses import replace

    changes: dict[str, Any] = {}
    if args.seed is not None:
        changes["seed"] = args.seed
    if args.permutations is not None:
        changes["permutations"] = args.permutations
    if args.claim:
        changes["claims"] = tuple(args.claim)
    return replace(panel, **changes)


def _notice(advance: Any) -> Any:
    def notice(event: str, details: dict[str, Any]) -> None:
        if event == "recorded" and "seed" not in details:
            advance(description=details["system"])

    return notice


def _report(folder: Path) -> Path:
    from homologue import lineage, report

    origins = lineage.section()
    return report.write(folder, sections=[(origins.title, origins.html)])


def _show(args: argparse.Namespace, result: Any, folder: Path, report: Path) -> None:
    from homologue.parallels._files import verdict_rows

    cells = [cell for cell in result.cells if cell.state == "failed"]
    failed = dict.fromkeys((cell.system, cell.reason) for cell in cells)
    if args.json:
        _output.write_json(
            {
                "verdicts": verdict_rows(result),
                "folder": str(folder),
                "report": str(report),
                "left_out": result.provenance["left_out"],
                "failed": [{"system": system, "reason": reason} for system, reason in failed],
            }
        )
        return
    from homologue.report import verdict_table

    verdict_table(folder)
    kept = result.provenance["answers_kept"]
    if kept:
        _output.say(
            args,
            f"{kept} of {len(result.cells)} answers are those of an earlier run, of the same data "
            "and code (--fresh works them out again)",
        )
    for system, reason in failed:
        _output.say(args, f"failed: {system}: {reason}")
    for row in result.provenance["left_out"]:
        command = f"; get it: {row['command']}" if row["command"] else ""
        _output.say(args, f"left out: {row['system']}{command}")
    print(f"report: {report}")
