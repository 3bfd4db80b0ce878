"""NAME=VALUE on the command line: known, of its type, and said once."""

from __future__ import annotations

import argparse
import ast
import inspect
from collections.abc import Mapping
from typing import Any

_FLAGS = ("stimuli", "sites", "positions", "device", "untrained", "variable", "dtype", "to")
"""Arguments of a system that a verb may have an option of its own for."""

_EITHER = ("positions", "dtype")
"""Those that ``--option`` can say as well, if the verb's own option does not."""

_NO_OPTIONS = ("self", "stimuli", "to", "overwrite", "progress")
"""Arguments of ``record`` that are for the verb to give."""


def pairs(given: list[str], option: str) -> dict[str, Any]:
    """Return ``NAME=VALUE`` words as a dictionary; values are Python literals or plain text.

    Raises
    ------
    HomologueError
        A word without a name or an equals sign, or a name that is given twice.

    Examples
    --------
    >>> pairs(["bin=0.2", "state=wake"], "--option")
    {'bin': 0.2, 'state': 'wake'}
    """
    from homologue._errors import HomologueError

    found: dict[str, Any] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise HomologueError(f"{option} takes NAME=VALUE; given {pair!r}")
        if name in found:
            raise HomologueError(f"{option} {name}=… is given twice; leave one of them out")
        try:
            found[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            found[name] = text
    return found


def of_system(
    args: argparse.Namespace, parameters: Mapping[str, inspect.Parameter]
) -> dict[str, Any]:
    """Return what ``--option`` words say to a system.

    Parameters
    ----------
    args : argparse.Namespace
        The verb's arguments.
    parameters : mapping
        What the system's ``record`` (or its reader) takes.

    Raises
    ------
    UnknownName
        An option that the system does not know; the message holds those that it does.
    HomologueError
        A value of another type, or what an option of the verb's own says.
    """
    from homologue._errors import UnknownName, nearest

    options = pairs(args.option, "--option")
    passed_on = any(one.kind == one.VAR_KEYWORD for one in parameters.values())
    known = [
        name
        for name, one in parameters.items()
        if one.kind != one.VAR_KEYWORD
        and name not in _NO_OPTIONS
        and (name in _EITHER or not _has_flag(args, name))
    ]
    for name, value in options.items():
        _refuse_said_elsewhere(args, name)
        if name in _NO_OPTIONS or (name not in known and not passed_on):
            raise UnknownName(f"{args.system} has no option {name!r}{nearest(name, known)}")
        if name in parameters:
            annotation = str(parameters[name].annotation)
            check_type(f"--option {name}=… of {args.system}", value, annotation)
    return options


def _has_flag(args: argparse.Namespace, name: str) -> bool:
    return name in _FLAGS and hasattr(args, name)


def _refuse_said_elsewhere(args: argparse.Namespace, name: str) -> None:
    from homologue._errors import HomologueError

    if not _has_flag(args, name):
        return
    if name not in _EITHER or getattr(args, name) is not None:
        raise HomologueError(
            f"--option {name}=…: that is what --{name} says; give it there, and once"
        )


_TYPES: dict[str, Any] = {
    "int": int,
    "float": (int, float),
    "bool": bool,
    "str": str,
    "None": type(None),
}


_IN_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "True or False",
    "str": "text",
    "None": "None",
}


def check_type(what: str, value: Any, annotation: str) -> None:
    """Refuse a value of a plain type other than the one an argument declares.

    Examples
    --------
    >>> check_type("--option bins=…", 3, "int | None")
    >>> check_type("--option bins=…", "x", "int | None")
    Traceback (most recent call last):
    homologue._errors.HomologueError: --option bins=… is a whole number or None; given 'x'
    """
    from homologue._errors import HomologueError

    declared = annotation.split(" | ")
    if not set(declared) <= set(_TYPES):
        return
    fits = any(
        isinstance(value, _TYPES[one]) and (one == "bool" or not isinstance(value, bool))
        for one in declared
    )
    if not fits:
        words = " or ".join(_IN_WORDS[one] for one in declared)
        raise HomologueError(f"{what} is {words}; given {value!r}")
