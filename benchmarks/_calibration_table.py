"""The documentation's table, from the document that ``--json`` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

SEPARATOR = " · "

_HEAD = """# Calibration: what the tests find where there is nothing

Generated from measured figures; do not edit. To measure again (two cores, about 20 minutes;
`--quick` takes two) and regenerate:

```
python -m benchmarks calibration --json > calibration.json
python -m benchmarks.calibration calibration.json docs/calibration.md
```

Each test below is asked of data in which the activity has nothing to do with the label and no
unit with another: 2 000 data sets of 40 to 80 samples, 199 draws each. The null is the one that
the design selects, never one chosen for the occasion. A cell holds P(p ≤ .05) / P(p ≤ .01). It
passes if neither exceeds its level by more than three standard errors (bold: it does not).
"Refused" means that the code raises an error instead of a number; the reasons stand below the
table.
"""

_WORLDS = """
| world | samples | label | activity |
|---|---|---|---|
| iid | 60 | three, uneven | normal |
| heavy tails | 60 | three, uneven | Cauchy |
| nested, label per group | 40 groups of 1–3 | one per group | group offsets, twice the noise |
| nested, label within groups | 14 groups of 3–6 | varies, uneven | group offsets, twice the noise |
| sessions with offsets | 3 sessions of 20 | uneven, differently in each | offsets of each `block` |
| AR(1) | one stretch of 80 | binned AR(1), φ = .5 | AR(1), φ = .8 |
| AR(1), samples as groups | 80 | (not used) | AR(1), φ = .9 |
| AR(1), label in long phases | one stretch of 80 | changes every ten samples | AR(1), φ = .8 |
| five groups | 5 groups of 12 | one per group | group offsets, twice the noise |
"""

_INTERVALS = """
## Intervals

Share of intervals that hold the truth: the mean over data sets, at the same size. Analyses give
95 % intervals over 40 groups and pass at 92.5 to 97.5 % (bold: they do not); cells of claims give
90 % intervals and are reported as they are.
"""

_CARELESS = """
## What the rule protects from

The same data without effect, tested the way that the rule excludes.
"""


def _parts(case: Mapping[str, Any]) -> list[str]:
    return str(case["case"]).split(SEPARATOR)


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _rates(cases: list[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the table of false-positive rates and the reasons for refusing."""
    worlds: list[str] = []
    rows: dict[str, dict[str, dict[str, Mapping[str, Any]]]] = {}
    refused: dict[str, dict[str, Mapping[str, Any]]] = {}
    for case in cases:
        test, world, what = _parts(case)
        if world not in worlds:
            worlds.append(world)
        if what == "refused":
            refused.setdefault(test, {})[world] = case
        else:
            rows.setdefault(test, {}).setdefault(world, {})[what] = case
    reasons: list[str] = []
    yield "| test | " + " | ".join(worlds) + " |"
    yield "|---" * (len(worlds) + 1) + "|"
    for test, measured in rows.items():
        family = refused.get(test) or refused.get(test.split(",")[0], {})
        line = [test]
        for world in worlds:
            cells = measured.get(world)
            said = family.get(world)
            if said is not None:
                reason = re.sub(r"holds \d+\.\d", "holds too few", str(said["metric"]))
                if reason not in reasons:
                    reasons.append(reason)
                mark = f" [{reasons.index(reason) + 1}]"
            if cells:
                shown = " / ".join(_marked(cells[a]) for a in ("0.05", "0.01"))
                partly = "" if said is None else f" ({said['value']:.0%} refused{mark})"
                line.append(shown + partly)
            else:
                line.append("" if said is None else f"refused{mark}")
        yield "| " + " | ".join(line) + " |"
    yield ""
    for number, reason in enumerate(reasons, 1):
        yield f"[{number}] {reason}  "


def _marked(case: Mapping[str, Any]) -> str:
    shown = _share(case["value"])
    return f"**{shown}**" if case["met"] is False else shown


def render(document: Mapping[str, Any]) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    document : mapping
        What ``python -m benchmarks calibration --json`` printed.
    """
    cases = list(document["cases"])
    careless = [case for case in cases if _parts(case)[0] == "careless"]
    covered = [case for case in cases if _parts(case)[-1].endswith("interval")]
    rates = [case for case in cases if case not in careless and case not in covered]
    lines = [_HEAD, *_rates(rates), _WORLDS, _INTERVALS]
    lines += ["| interval | data | nominal | holds the truth | wholly above · below it |"]
    lines += ["|---|---|---|---|---|"]
    for case in covered:
        name, data, level = _parts(case)
        sides = re.search(r"above it ([\d.]+|nan), below ([\d.]+|nan)", case["metric"])
        shown = "" if sides is None or "nan" in sides.groups() else " · ".join(sides.groups())
        lines.append(
            f"| {name} | {data} | {level.split()[0]} | {_marked(case)} | {shown} |".replace(
                "| 0.", "| ."
            )
        )
    lines += [_CARELESS, "| done carelessly | measured | |", "|---|---|---|"]
    for case in careless:
        _, name, what = _parts(case)
        shown = f"P(p ≤ {what}) = {_share(case['value'])}"
        if what == "accuracy":
            shown = f"accuracy {_share(case['value'])}"
        lines.append(f"| {name} | {shown} | {case['metric']} |")
    return "\n".join(lines).rstrip() + "\n"
