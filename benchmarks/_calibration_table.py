"""The documentation's table, from the document that ``--json`` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks import _calibration_worlds as worlds

SEPARATOR = " · "

_HEAD = """# Calibration: what the tests find where there is nothing

Generated from measured figures by `python -m benchmarks.calibration`; do not edit.
`python -m benchmarks calibration --quick` runs everything on few data sets in two minutes.

Each test below is asked of data in which the activity has nothing to do with the label and no
unit with another: 40 to 80 samples, as many data sets as the second column says (more where one
label serves ten units), 199 draws each. The null is the one that the
design selects, never one chosen for the occasion. A cell holds P(p ≤ .05) / P(p ≤ .01). It passes
if neither exceeds its level by more than three standard errors (bold: it does not). *Refused*
means that the code raises an error, or says "not applicable", instead of giving a number; the
reasons stand below the table. An empty cell was not asked.
"""

_ADDING = """
## Adding a test

One line in `TESTS` of `benchmarks/_calibration_tests.py`: how the test is asked, and, where it is
not all of them, the worlds and the number of data sets.

```text
"tuning.my_test": Test(asked(lambda rec, rng: my_test(rec, "label", rng=rng, permutations=199))),
```

The recording has a variable `label` without any relation to its units; the function returns the
result's Dataset, or p. Then `python -m benchmarks.calibration "tuning.my_test"` measures it and
writes this page; `--missing` measures whatever has no figures yet, or those of fewer data sets. A
world in which the test must not be used stays in the list: the code has to refuse it. A test of
other inputs (series of its own, tables of behaviours) draws them itself and names its worlds.
Public tests without an entry are named under the table.
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

Tests of a response about an event (`tuning.peri_event`) see 16 trials of four samples with the same
dependence: none, Cauchy, an offset a trial, an AR(1) series a trial; tests of trajectories
(`population.rotations`, `population.sequence_asymmetry`) 16 trials of ten. Tests of a stimulus of
several features see three, which depend on each other as the world's units do.
`claim cycle-tracks-the-stimulus` compares six classes of ten groups and sees twice the samples.
`population.cycles.coordinates` sees a ring in noise (of t with 2 df where tails are heavy) whose
angle has nothing to do with the label and depends as the samples do: one direction a group, one
preferred direction a session, a random walk.
Not asked, because what they find there is true: mixtures (`population.mixture`) of heavy tails or
of sessions, and a timescale (`population.intrinsic_timescale`) of AR(1) series.
"""

_OWN_WORLDS = """
## Tests with worlds of their own

Where the input is no recording with a label, or the dependence another: drifting series, smooth
trials, documents of tokens, tables of what perturbations did to behaviours. Nothing that the test
claims is true in any of them.

| test | world | data sets | P(p ≤ .05) / P(p ≤ .01) |
|---|---|---|---|"""

_INTERVALS = """
## Intervals

Share of intervals that hold the truth (the mean over data sets, at the same size) over as many
data sets as the third column says. Analyses give
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


ORDER = [world.name for world in worlds.ALL]


def _own_worlds(cases: list[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the table of tests that draw their own data."""
    rows: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for case in cases:
        test, world, what = _parts(case)
        rows.setdefault((test, world), {})[what] = case
    for (test, world), cells in rows.items():
        if "refused" in cells and len(cells) == 1:
            shown = f"*refused*: {cells['refused']['metric']}"
        else:
            shown = " / ".join(_marked(cells[a]) for a in ("0.05", "0.01"))
        yield f"| {test} | {world} | {_least_sets({'': cells})} | {shown} |"


def _rates(cases: list[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the table of false-positive rates and the reasons for refusing."""
    order = ORDER
    rows: dict[str, dict[str, dict[str, Mapping[str, Any]]]] = {}
    refused: dict[str, dict[str, Mapping[str, Any]]] = {}
    for case in cases:
        test, world, what = _parts(case)
        if what == "refused":
            refused.setdefault(test, {})[world] = case
            if not any(name.split(",")[0] == test for name in rows):
                rows.setdefault(test, {})
        else:
            rows.pop(test.split(",")[0] if "," in test else "", None)
            rows.setdefault(test, {}).setdefault(world, {})[what] = case
    reasons: list[str] = []
    yield "| test | data sets | " + " | ".join(order) + " |"
    yield "|---" * (len(order) + 2) + "|"
    for test, measured in rows.items():
        family = refused.get(test) or refused.get(test.split(",")[0], {})
        line = [test, _least_sets(measured)]
        for world in order:
            cells = measured.get(world)
            said = family.get(world)
            mark = ""
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
                partly = "" if said is None or said["value"] == 1 else f" ({said['value']:.1%})"
                line.append("" if said is None else f"*refused*{partly}{mark}")
        yield "| " + " | ".join(line) + " |"
    yield ""
    for number, reason in enumerate(reasons, 1):
        yield f"[{number}] {reason}  "


def _least_sets(measured: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Return the smallest number of data sets of a row, as the metric tells it."""
    found = [
        int(match.group(1))
        for cells in measured.values()
        for case in cells.values()
        if (match := re.search(r"over (\d+) data sets", str(case["metric"])))
    ]
    return str(min(found)) if found else ""


def _marked(case: Mapping[str, Any]) -> str:
    shown = _share(case["value"])
    return f"**{shown}**" if case["met"] is False else shown


def render(
    cases: list[dict[str, Any]],
    *,
    missing: Sequence[str] = (),
    not_asked: Sequence[str] = (),
    without_p: Sequence[str] = (),
) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    cases : list of dict
        Rows as ``python -m benchmarks calibration --json`` prints them.
    missing, not_asked : sequence of str
        Pieces of work without figures, and tests without an entry.
    without_p : sequence of str
        Public functions whose results hold no p.
    """
    careless = [case for case in cases if _parts(case)[0] == "careless"]
    covered = [case for case in cases if _parts(case)[-1].endswith("interval")]
    rates = [case for case in cases if case not in careless and case not in covered]
    own = [case for case in rates if _parts(case)[1] not in ORDER]
    lines = [_HEAD, *_rates([case for case in rates if case not in own])]
    if own:
        lines += [_OWN_WORLDS, *_own_worlds(own)]
    if without_p:
        listed = ", ".join(f"`{name}`" for name in without_p)
        lines += ["", f"They give no p, so that there is nothing to calibrate: {listed}."]
    if not_asked:
        lines += ["", "Not asked yet: " + ", ".join(f"`{name}`" for name in not_asked) + "."]
    if missing:
        lines += ["", "Not measured yet: " + "; ".join(missing) + "."]
    lines += [_WORLDS, _INTERVALS]
    lines += [
        "| interval | data | data sets | nominal | holds the truth | wholly above · below it |"
    ]
    lines += ["|---|---|---|---|---|---|"]
    for case in covered:
        name, data, level = _parts(case)
        sides = re.search(r"above it ([\d.]+|nan), below ([\d.]+|nan)", case["metric"])
        number = re.search(r"over (\d+) data sets", case["metric"])
        sets = number.group(1) if number else ""
        shown = "" if sides is None or "nan" in sides.groups() else " · ".join(sides.groups())
        nominal = level.split()[0].removeprefix("0")
        lines.append(f"| {name} | {data} | {sets} | {nominal} | {_marked(case)} | {shown} |")
    lines += [_CARELESS, "| done carelessly | measured | |", "|---|---|---|"]
    for case in careless:
        _, name, what = _parts(case)
        shown = f"P(p ≤ {what}) = {_share(case['value'])}"
        if what == "accuracy":
            shown = f"accuracy {_share(case['value'])}"
        lines.append(f"| {name} | {shown} | {case['metric']} |")
    lines.append(_ADDING)
    return "\n".join(lines).rstrip() + "\n"
