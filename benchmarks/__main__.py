"""``python -m benchmarks NAME [--json] [--quick] [--check]``.

Data on stdout, progress on stderr. Exit 0: ran; 1: ``--check`` and a target was missed;
2: no such benchmark, or it could not run.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from typing import Any

from benchmarks import _harness


def _number(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list):
        return f"{_number(value[0])} … {_number(value[1])}"
    return f"{value:.4g}"


def _line(case: _harness.Case) -> str:
    sign = {"higher": "≥ ", "lower": "≤ ", "within": ""}[case.better]
    target = "" if case.target is None else f"target {sign}{_number(case.target)}"
    verdict = {True: "met", False: "MISSED", None: ""}[case.met]
    line = f"{case.case:<44} {_number(case.value):>9} {case.unit:<10} {target:<22} {verdict:<6}"
    if case.peer is not None:
        line += f" ours {_number(case.ours_s)} s, {case.peer} {_number(case.peer_s)} s, " + (
            "equal" if case.equal else "NOT EQUAL"
        )
    else:
        line += f" {case.metric}"
    return line.rstrip()


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="one of: " + ", ".join(_harness.names()))
    parser.add_argument("--json", action="store_true", help="the document, strict JSON, on stdout")
    parser.add_argument("--quick", action="store_true", help="smaller sizes: does it run at all")
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    given = parser.parse_args(arguments)
    known = _harness.names()
    if given.name not in known:
        close = difflib.get_close_matches(given.name, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known)}"
        print(f"no benchmark is named {given.name!r}{hint}", file=sys.stderr)
        return 2

    missed = []

    def show(case: _harness.Case) -> None:
        if case.met is False:
            missed.append(case.case)
        print(_line(case), file=sys.stderr if given.json else sys.stdout, flush=True)

    document = _harness.measure(given.name, quick=given.quick, on_case=show)
    if given.json:
        print(_harness.dumps(document))
    if missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
