"""Argument parsers whose errors are one line and name what was probably meant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from homologue._errors import nearest

USAGE = 2


def whole(least: int) -> Callable[[str], int]:
    """Return a type for whole numbers that are not below the least that makes sense."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < least:
            raise argparse.ArgumentTypeError(f"is a whole number from {least}; given {text!r}")
        return number

    return read


class Parser(argparse.ArgumentParser):
    """An argument parser with the options every verb shares.

    Unknown choices and options are answered with the nearest known ones; usage errors are one
    line on standard error and exit status 2.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", _Formatter)
        options.setdefault("allow_abbrev", False)
        options["add_help"] = False
        super().__init__(*args, **options)
        shared = self.add_argument_group("everywhere")
        # SUPPRESS: an option given before the verb must not be undone by the verb's default.
        shared.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,
            help="results as JSON on standard output",
        )
        shared.add_argument(
            "-q",
            "--quiet",
            action="store_true",
            default=argparse.SUPPRESS,
            help="results and errors only, no progress",
        )
        shared.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,
            help="show the traceback of an error",
        )
        shared.add_argument("-h", "--help", action="help", help="show this text")

    def error(self, message: str) -> NoReturn:
        """Print one line and leave with status 2."""
        sys.stderr.write(f"{self.prog}: error: {message}; see '{self.prog} --help'\n")
        raise SystemExit(USAGE)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and answer an unknown option with the nearest known ones."""
        known, rest = self.parse_known_args(args, namespace)
        if rest:
            parser = self._chosen(known)
            options = [name for action in parser._actions for name in action.option_strings]
            given = rest[0].split("=")[0]
            if given.startswith("-"):
                parser.error(f"there is no option {given!r}" + _close(given, options))
            parser.error(f"unexpected argument {given!r}")
        return known

    def _chosen(self, namespace: argparse.Namespace) -> Parser:
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                verb = getattr(namespace, action.dest, None)
                if verb in action.choices:
                    return action.choices[verb]._chosen(namespace)
        return self

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(
                action, f"there is no {value!r}" + nearest(str(value), known).rstrip("?")
            )


def _close(given: str, options: list[str]) -> str:
    clause = nearest(given, options)
    return clause.rstrip("?") if "did you mean" in clause else ""


_SHARED = ("json", "quiet", "debug", "help")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help of readable width; what every verb takes stays out of the usage line."""

    def __init__(self, prog: str, **options: Any) -> None:
        import shutil

        options.setdefault("width", min(96, shutil.get_terminal_size().columns - 2))
        options.setdefault("max_help_position", 30)
        super().__init__(prog, **options)

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: Any = None) -> None:
        own = [action for action in actions if action.dest not in _SHARED]
        super().add_usage(usage, own, groups, prefix)
