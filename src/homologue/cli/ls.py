"""``homologue ls``: what is at hand, by name."""

from __future__ import annotations

import argparse
from typing import Any

from homologue.cli import _catalogue, _output

_COLUMNS = {
    "systems": ("name", "kind", "availability", "summary"),
    "claims": ("id", "version", "sentence"),
    "analyses": ("name", "summary"),
    "stimuli": ("name", "summary"),
    "assets": ("name", "availability", "size", "terms", "summary"),
}

_DESCRIPTION = """\
What is at hand, by name.

  systems    brains, models, other sciences, circuits
  claims     the sentences that `compare` tests
  analyses   what `run` computes
  stimuli    what `record` shows to a model
  assets     files with checksum and licence; `fetch` gets them
"""

_AT_HAND = ("built in", "cached", "mirror")


def add_parser(subparsers: Any) -> None:
    """Add the verb's arguments."""
    parser = subparsers.add_parser(
        "ls",
        description=_DESCRIPTION,
        epilog="example:\n  homologue ls systems --kind brain",
    )
    parser.add_argument(
        "what", nargs="?", choices=list(_COLUMNS), metavar="WHAT",
        help="see above (default: how many there are of each)",
    )  # fmt: skip
    parser.add_argument("--kind", help="systems of one kind (brain, model, other-science …)")


def run(args: argparse.Namespace) -> int:
    """List one catalogue, or say how much is in each."""
    if args.what is None:
        if args.kind is not None:
            args.what = "systems"
        else:
            counts = [{"what": what, "count": len(_rows(what))} for what in _COLUMNS]
            _output.show(args, counts, ("what", "count"), wrap=False)
            _output.say(args, "\nby name: homologue ls systems; in full: homologue explain NAME")
            return 0
    rows = _rows(args.what)
    if args.kind is not None:
        rows = _of_kind(args, rows)
    _output.show(args, rows, _COLUMNS[args.what], styles=_STYLES, wrap=False)
    if args.what in ("systems", "assets") and not args.json:
        _advise(args, rows)
    return 0


def _rows(what: str) -> list[dict[str, Any]]:
    return getattr(_catalogue, what)()


def _of_kind(args: argparse.Namespace, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from homologue._errors import HomologueError, UnknownName, nearest
    from homologue.recording import KINDS

    if args.what != "systems":
        raise HomologueError(f"--kind chooses among systems; {args.what} have no kind")
    if args.kind not in KINDS:
        raise UnknownName(f"there is no kind {args.kind!r}{nearest(args.kind, KINDS)}")
    return [row for row in rows if row["kind"] == args.kind]


def _advise(args: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    far = [row for row in rows if row["availability"] not in _AT_HAND]
    if far:
        example = next((row["how_to_get"] for row in far if row["how_to_get"]), "")
        _output.say(
            args,
            f"\n{len(rows) - len(far)} of {len(rows)} at hand"
            + (f"; the others by, for example: {example.split('; ')[0]}" if example else ""),
        )


def _availability_style(value: Any) -> str:
    return "" if value in _AT_HAND else "dim"


_STYLES = {
    "name": lambda _: "bold",
    "id": lambda _: "bold",
    "availability": _availability_style,
    "terms": lambda _: "dim",
}
