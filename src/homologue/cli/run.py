"""``homologue run``: one analysis on one system."""

from __future__ import annotations

import argparse
import inspect
from pathlib import Path
from typing import Any

from homologue.cli import _catalogue, _options, _output, _source
from homologue.cli._parser import whole

_DESCRIPTION = """\
One analysis on one system: effect, interval, null, p, q and n. An analysis cannot tell a brain
from a network, so the command is the same for both.
"""

_EPILOG = """\
examples:
  homologue run tuning.selectivity fly --variable odour_class
  homologue run representation.decode smollm2-135m --stimuli concepts --variable concept \\
      --sites 'model.layers.15.mlp.act_fn' --positions last
  homologue run population.dimension stored.zarr --out dimension.nc
"""


def add_parser(subparsers: Any) -> None:
    """Add the verb's arguments."""
    parser = subparsers.add_parser("run", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("analysis", metavar="ANALYSIS", help="'homologue ls analyses' lists them")
    _source.add_arguments(parser)
    parser.add_argument("--variable", metavar="NAME", help="the stimulus variable")
    parser.add_argument(
        "--seed", type=whole(0), default=0, metavar="N", help="of permutations and folds (0)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a further argument of the analysis",
    )
    parser.add_argument(
        "--top", type=whole(1), default=20, metavar="N", help="rows to print (default 20)"
    )
    parser.add_argument("--out", metavar="FILE", help="all of it: .nc, .csv or .json")


def run(args: argparse.Namespace) -> int:
    """Record, analyse, print, and store what was asked for."""
    function = _catalogue.analysis(args.analysis)
    options = _arguments(args, function)
    suffix = _checked_suffix(args.out)
    source = _source.source(args)
    if "variable" in inspect.signature(function).parameters:
        options["variable"] = _variable(args, function, source)
    _check_complete(args, function, options, source)
    rec = source.read(variable=options.get("variable"), progress=not args.quiet)
    with _output.progress(args, args.analysis):
        result = _called(function, rec, options, source)
    rows = rows_of(result)
    document = {"analysis": args.analysis, "system": args.system, **_attributes(result)}
    document["summary"] = summary(rows)
    document["rows"] = rows
    if args.out:
        _store(result, document, Path(args.out), suffix)
        _output.say(args, f"written: {args.out}")
    shown, note = _strongest(rows, args.top)
    _output.show(args, shown, _columns(shown), data=document)
    if not args.json:
        lines = (note, *_sentences(document["summary"]), _method(document))
        _output.say(args, "\n" + "\n".join(filter(None, lines)))
    return 0


def _called(function: Any, rec: Any, options: dict[str, Any], source: _source.Source) -> Any:
    """Run the analysis; an error about the variable also names the other ones there are."""
    from homologue._errors import HomologueError

    try:
        return function(rec, **options)
    except TypeError as error:
        # An argument that the analysis passes on, to where it is not known either.
        if "unexpected keyword argument" not in str(error):
            raise
        raise HomologueError(str(error)) from error
    except HomologueError as error:
        others = [name for name in source.variables or () if name != options.get("variable")]
        if not others or f"{options.get('variable')!r}" not in str(error):
            raise
        raise type(error)(f"{error}. Other variables here: {', '.join(others)}") from error


_LEVELS = (0.05, 0.01, 0.001)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how many rows pass at each level, for every p-value of a result, and the effects.

    Examples
    --------
    >>> found = summary([{"effect": 0.9, "p": 0.001}, {"effect": 0.1, "p": 0.3}])
    >>> found["p"]["tested"], found["p"]["at_0.05"], found["effect"]["median"]
    (2, 1, 0.5)
    """
    import numpy as np

    found: dict[str, Any] = {}
    for name in rows[0] if rows else ():
        if name not in ("p", "q") and not name.endswith("_p"):
            continue
        values = np.array([row[name] for row in rows], dtype=np.float64)
        values = values[np.isfinite(values)]
        passed = {f"at_{level:g}": int((values <= level).sum()) for level in _LEVELS}
        found[name] = {"tested": int(values.size), **passed}
    for name, value in (rows[0] if rows else {}).items():
        if isinstance(value, bool):
            found[name] = {"yes": sum(bool(row[name]) for row in rows), "of": len(rows)}
    effect = np.array([row.get("effect", np.nan) for row in rows], dtype=np.float64)
    effect = effect[np.isfinite(effect)]
    if effect.size:
        low, middle, high = (float(v) for v in np.quantile(effect, (0, 0.5, 1)))
        found["effect"] = {"lowest": low, "median": middle, "highest": high}
    return found


def _sentences(found: dict[str, Any]) -> list[str]:
    """Return the summary in words; nothing for a single row."""
    lines = []
    for name, counts in found.items():
        if "yes" in counts:
            lines.append(f"{name.replace('_', ' ')}: {counts['yes']} of {counts['of']}")
            continue
        if name == "effect" or counts["tested"] < 2:
            continue
        tested = counts["tested"]
        passed = [
            f"{counts[f'at_{level:g}']} at {level:g} ({counts[f'at_{level:g}'] / tested:.1%})"
            for level in _LEVELS
        ]
        lines.append(f"{name}: of {tested} tested, {', '.join(passed)}")
    if lines and "effect" in found:
        low, middle, high = (_output.number(value) for value in found["effect"].values())
        lines.append(f"effect: median {middle}, from {low} to {high}")
    return lines


def _method(document: dict[str, Any]) -> str:
    """Return the statistic and its null: no p-value stands without them."""
    said = document.get("statistic", document.get("method"))
    lines = [f"statistic: {said}"] if said else []
    if "null" not in document and not any("p" in row for row in document["rows"][:1]):
        return "\n".join([*lines, "a description: it tests nothing, and has no null"])
    null = document.get("null", "see 'homologue explain'")
    draws = f", {document['permutations']} permutations" if "permutations" in document else ""
    return "\n".join([*lines, f"null: {null}{draws}"])


def _arguments(args: argparse.Namespace, function: Any) -> dict[str, Any]:
    from homologue._errors import UnknownName, nearest

    parameters = inspect.signature(function).parameters
    passed_on = any(one.kind == one.VAR_KEYWORD for one in parameters.values())
    known = [
        key
        for key, one in parameters.items()
        if key not in ("rec", "rng", "variable") and one.kind != one.VAR_KEYWORD
    ]
    options = _options.pairs(args.set, "--set")
    for name in options:
        if name not in known and not passed_on:
            raise UnknownName(f"{args.analysis} has no argument {name!r}{nearest(name, known)}")
        if name in parameters:
            annotation = str(parameters[name].annotation)
            _options.check_type(f"--set {name}=… of {args.analysis}", options[name], annotation)
    return options | ({"rng": args.seed} if "rng" in parameters else {})


def _check_complete(
    args: argparse.Namespace, function: Any, options: dict[str, Any], source: _source.Source
) -> None:
    from homologue._errors import HomologueError

    parameters = list(inspect.signature(function).parameters.values())[1:]
    named = (one for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD))
    lacking = [one.name for one in named if one.default is one.empty]
    lacking = [name for name in lacking if name not in options]
    recordings = [
        one.name for one in parameters if one.name in lacking and "DataArray" in str(one.annotation)
    ]
    if recordings:
        raise HomologueError(
            f"{args.analysis} needs a second recording as {recordings[0]!r}, which a command line "
            f"cannot give; from Python: homologue.{_catalogue.named_analysis(args.analysis)[0]}"
            f"(rec, …, {recordings[0]}=…)"
        )
    if lacking:
        raise HomologueError(
            f"{args.analysis} needs {' and '.join(f'--set {name}=…' for name in lacking)} "
            f"('homologue explain {args.analysis}' says what it is); variables of "
            f"{args.system}: {source.offered}"
        )


def _checked_suffix(out: str | None) -> str:
    from homologue._errors import HomologueError

    suffix = Path(out).suffix if out else ""
    if out and suffix not in (".nc", ".csv", ".json"):
        raise HomologueError(f"--out is a .nc, .csv or .json file; given {out!r}")
    return suffix


def _variable(args: argparse.Namespace, function: Any, source: _source.Source) -> str | None:
    """Return the variable asked for, the system's own, or the only one there is."""
    from homologue._errors import HomologueError, UnknownName, nearest

    parameter = inspect.signature(function).parameters["variable"]
    known = source.variables or ()
    if args.variable is not None:
        if known and args.variable not in (*known, "stimulus"):
            raise UnknownName(
                f"{args.system} has no variable {args.variable!r}{nearest(args.variable, known)}"
            )
        return args.variable
    fits = not known or parameter.default in (*known, "stimulus", None)
    if fits and parameter.default is not parameter.empty:
        return parameter.default
    chosen = source.variable or (known[0] if len(known) == 1 else None)
    if chosen is None:
        raise HomologueError(
            f"{args.analysis} needs --variable; {args.system} has {source.offered}"
        )
    _output.say(args, f"variable: {chosen}")
    return chosen


def rows_of(result: Any) -> list[dict[str, Any]]:
    """Return a result as rows: one, or one per entry of the dims its effect has.

    A description without an effect (components, a picture) has those of its first variable.
    """
    shape = result["effect"] if "effect" in result else next(iter(result.data_vars.values()))
    dims = shape.dims
    names = [str(name) for name, v in result.variables.items() if set(v.dims) <= set(dims)]
    names.sort(key=lambda name: name not in result.coords)
    # What has no names of its own is counted from 1: components, axes, planes.
    counted = [str(dim) for dim in dims if dim not in result.coords and dim not in names]
    result = result.assign_coords({dim: range(1, shape.sizes[dim] + 1) for dim in counted})
    shape = shape.assign_coords({dim: result[dim] for dim in counted})
    names = [*counted, *names]
    if not dims:
        return [{name: result[name].values.item() for name in names}]
    stacked = {name: result[name].broadcast_like(shape) for name in names}
    flat = {name: array.transpose(*dims).values.ravel().tolist() for name, array in stacked.items()}
    count = shape.size
    return [{name: values[i] for name, values in flat.items()} for i in range(count)]


def _attributes(result: Any) -> dict[str, Any]:
    return {str(key): value for key, value in result.attrs.items()}


_COUNTED = ("component", "plane", "axis", "cycle", "bin", "rank", "frequency", "draw")
_STATISTICS = ("effect", "low", "high", "null_mean", "null_std", "p", "q", "n")


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """Return what a table shows: which unit, what it prefers, and the statistics in order."""
    first = rows[0] if rows else {}
    words = [name for name, value in first.items() if isinstance(value, str) and name != "unit"]
    # A unit's name holds its site already.
    words = [name for name in words if name != "site" or "unit" not in first]
    # Reasons are given where something could not be measured; mostly everything could.
    words = [name for name in words if any(row[name] for row in rows)]
    if "effect" not in first:
        return list(first)[:10]
    counted = [name for name, value in first.items() if name in _COUNTED and value is not None]
    return [name for name in ("unit", *words, *counted, *_STATISTICS) if name in first]


def _strongest(rows: list[dict[str, Any]], top: int) -> tuple[list[dict[str, Any]], str]:
    if len(rows) <= top:
        return rows, ""
    if "effect" not in rows[0]:
        return rows[:top], f"the first {top} rows of {len(rows)}; --top, --out or --json for all"
    finite = [row for row in rows if row["effect"] == row["effect"]]
    if not finite:
        return rows[:top], f"none of {len(rows)} has an effect; --top, --out or --json for all"
    shown = sorted(finite, key=lambda row: -abs(row["effect"]))[:top]
    largest = f"the {top} largest effects" if top > 1 else "the largest effect"
    return shown, f"{largest} of {len(rows)}; --top, --out or --json for all"


def _store(result: Any, document: dict[str, Any], path: Path, suffix: str) -> None:
    import json

    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".nc":
        result.to_netcdf(path, engine="h5netcdf")
    elif suffix == ".json":
        text = json.dumps(_output.jsonable(document), indent=2, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
    else:
        _write_csv(document["rows"], path)


def _write_csv(rows: list[dict[str, Any]], path: Path) -> None:
    import csv

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
