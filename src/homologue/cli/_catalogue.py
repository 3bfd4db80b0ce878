"""What can be named on the command line: systems, claims, analyses, stimuli, assets."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from typing import Any

from homologue._errors import UnknownName, nearest

ANALYSIS_PACKAGES = ("tuning", "representation", "population")


def systems() -> list[dict[str, Any]]:
    """Return every registered system, built or not."""
    from homologue.systems import describe

    return describe()


def assets() -> list[dict[str, Any]]:
    """Return every asset, with its size in words."""
    from homologue.systems import assets as catalogue

    return [
        {**row, "size": size(row["bytes"]), "terms": short_licence(row["licence"])}
        for row in catalogue.describe()
    ]


def claims() -> list[dict[str, Any]]:
    """Return every claim's record as a dictionary."""
    from homologue import parallels

    return [claim.record() for claim in parallels.claims()]


def analyses() -> list[dict[str, Any]]:
    """Return every analysis: a public function from a recording to a Dataset."""
    return [
        {"name": name, "summary": _summary(function)}
        for name, function in sorted(analysis_functions().items())
    ]


def analysis_functions() -> dict[str, Callable[..., Any]]:
    """Return ``{"tuning.selectivity": function, …}``."""
    found: dict[str, Callable[..., Any]] = {}
    for package in ANALYSIS_PACKAGES:
        found |= _analyses_of(importlib.import_module(f"homologue.{package}"), package)
    return found


def _analyses_of(module: Any, prefix: str) -> dict[str, Callable[..., Any]]:
    """Return the analyses of a package, and those of the public packages inside it."""
    found: dict[str, Callable[..., Any]] = {}
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        if inspect.ismodule(value):
            found |= _analyses_of(value, f"{prefix}.{name}")
        elif callable(value) and _takes_a_recording(value):
            found[f"{prefix}.{name}"] = value
    return found


def analysis(name: str) -> Callable[..., Any]:
    """Return an analysis by its dotted name, with or without ``homologue.``, or its last part.

    Raises
    ------
    UnknownName
        Not an analysis; the message holds the nearest ones.
    """
    return named_analysis(name)[1]


def named_analysis(name: str) -> tuple[str, Callable[..., Any]]:
    """Return an analysis with its dotted name, given that name or the last part of it.

    Raises
    ------
    UnknownName
        Not an analysis; the message holds the nearest ones.
    """
    known = analysis_functions()
    name = name.removeprefix("homologue.")
    short = [full for full in known if full.rpartition(".")[2] == name]
    if len(short) == 1:
        name = short[0]
    if name not in known:
        raise UnknownName(f"there is no analysis {name!r}{nearest(name.casefold(), known)}")
    return name, known[name]


def analysis_names() -> list[str]:
    """Return the names :func:`analysis` knows: dotted, and bare where that is unambiguous."""
    known = list(analysis_functions())
    bare = [name.rpartition(".")[2] for name in known]
    return known + [name for name in bare if bare.count(name) == 1]


def _takes_a_recording(function: Callable[..., Any]) -> bool:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return False
    first = next(iter(signature.parameters), "")
    return first == "rec" and "Dataset" in str(signature.return_annotation)


def stimuli() -> list[dict[str, Any]]:
    """Return every stimulus set that needs no arguments."""
    from homologue.stimuli import sets

    return [
        {"name": name, "summary": _summary(function)} for name, function in sorted(sets().items())
    ]


def _summary(function: Callable[..., Any]) -> str:
    """Return the first line of a docstring as a list shows it: what there is, without marks."""
    line = (inspect.getdoc(function) or "").split("\n")[0]
    line = re.sub(r" \(see :\w+:`[^`]*`\)", "", line).replace("``", "")
    line = line.removeprefix("Return ")
    return line[:1].upper() + line[1:]


def size(count: float) -> str:
    """Return a number of bytes as people write it.

    Examples
    --------
    >>> size(612), size(98_362_432), size(4.2e9)
    ('612 B', '98 MB', '4.2 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.1f} {unit}" if 0 < count < 10 and unit != "B" else f"{count:.0f} {unit}"


def short_licence(text: str) -> str:
    """Return a licence's name without the words around it.

    Examples
    --------
    >>> short_licence("GPL-3.0 (package drosolf)"), short_licence("MIT as declared by its packager")
    ('GPL-3.0', 'MIT')
    """
    return re.split(r" \(|[;,]| as ", text)[0]
