"""From a system's name (or a stored recording) on the command line to a recording."""

from __future__ import annotations

import argparse
import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homologue.cli import _output
from homologue.cli._parser import whole


@dataclass(frozen=True)
class Source:
    """Something that can be recorded, or has been, before that is done.

    Attributes
    ----------
    read : callable
        Returns the recording. It takes ``variable`` (keep labelled samples only), ``progress``
        and, where it writes, ``to``, ``overwrite`` and ``dtype``; it makes nothing of what does
        not apply.
    variables : tuple of str
        The variables it is known to have.
    variable : str or None
        The one it is usually asked about.
    writes : bool
        Whether it can write the recording while it is made.
    """

    read: Callable[..., Any]
    variables: tuple[str, ...] = ()
    variable: str | None = None
    writes: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what chooses a recording: SYSTEM, and for models the stimuli and sites."""
    parser.add_argument("system", metavar="SYSTEM", help="a registered name, or a .zarr recording")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the system (bin width, session, brain state …)",
    )
    models = parser.add_argument_group("for models")
    models.add_argument("--stimuli", metavar="NAME", help="a set that 'homologue ls stimuli' lists")
    models.add_argument(
        "--sites",
        action="append",
        metavar="SITE[,SITE]",
        help="layers by glob or alias: 'model.layers.*.mlp.act_fn', resid_post",
    )
    models.add_argument(
        "--positions", metavar="WHICH", help="tokens to keep: all, last, or a number"
    )
    models.add_argument(
        "--untrained", type=whole(0), metavar="SEED", help="the re-initialised twin instead"
    )
    models.add_argument("--device", help="cpu, cuda, cuda:1 …")


def source(args: argparse.Namespace) -> Source:
    """Return what the arguments ask for, checked as far as can be without recording.

    Raises
    ------
    HomologueError
        An unknown system or stimulus set, or options that this system has no use for.
    """
    path = Path(args.system)
    if path.suffix == ".zarr" or path.is_dir():
        return _stored(args, path)
    from homologue.systems import get

    system = get(args.system, **({"device": args.device} if args.device else {}))
    if "stimuli" in inspect.signature(system.record).parameters:
        return _shown(args, system)
    _refuse(args, f"{args.system} is not a model")
    options = pairs(args.option, "--option")
    return Source(
        lambda variable=None, **_: system.record(variable=variable, **options),
        tuple(getattr(system, "variables", ())),
        getattr(system, "variable", None),
    )


def _stored(args: argparse.Namespace, path: Path) -> Source:
    from homologue.recording import open as open_recording

    _refuse(args, f"{path} is a stored recording", ("option",))
    rec = open_recording(path)
    return Source(lambda **_: rec, variables_of(rec))


def _shown(args: argparse.Namespace, system: Any) -> Source:
    """Return a model with its stimuli."""
    from homologue import stimuli
    from homologue._errors import HomologueError

    if args.stimuli is None:
        known = ", ".join(sorted(stimuli.sets()))
        raise HomologueError(f"{args.system} is a model and needs --stimuli; known: {known}")
    if args.sites is None:
        raise HomologueError(
            f"{args.system} is a model and needs --sites: an alias (resid_post, mlp_post, z, q, "
            "k, v, pattern) or a glob over its modules"
        )
    shown = stimuli.named(args.stimuli, seed=args.seed)
    chosen = {"sites": _one_or_many(args.sites), "positions": _position(args.positions)}
    options = {key: value for key, value in chosen.items() if value is not None}
    options |= pairs(args.option, "--option")
    if args.untrained is not None:
        system = system.untrained(args.untrained)
    _output.say(args, f"{args.system}: {shown.summary()}")
    accepted = inspect.signature(system.record).parameters

    def read(**more: Any) -> Any:
        applies = {key: value for key, value in more.items() if key in accepted}
        return system.record(shown, **options, **applies)

    return Source(read, tuple(shown.variables), writes="to" in accepted)


_NOT_VARIABLES = ("stimulus", "group", "block", "trial", "token", "is_special", "position")


def variables_of(rec: Any) -> tuple[str, ...]:
    """Return the variables of a recording: those that declare where their labels come from."""
    return tuple(
        str(name)
        for name, coord in rec.coords.items()
        if coord.dims == ("sample",)
        and "label_source" in coord.attrs
        and name not in _NOT_VARIABLES
    )


_FOR_MODELS = ("stimuli", "sites", "positions", "untrained", "device")


def _refuse(args: argparse.Namespace, reason: str, also: tuple[str, ...] = ()) -> None:
    from homologue._errors import HomologueError

    for option in (*_FOR_MODELS, *also):
        if getattr(args, option) not in (None, []):
            raise HomologueError(f"{reason}: --{option} has no meaning here")


def pairs(given: list[str], option: str) -> dict[str, Any]:
    """Return ``NAME=VALUE`` words as a dictionary; values are Python literals or plain text.

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
        try:
            found[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            found[name] = text
    return found


def _one_or_many(given: list[str] | None) -> Any:
    values = [site for text in given or () for site in text.split(",") if site]
    return values[0] if len(values) == 1 else values or None


def _position(text: str | None) -> Any:
    try:
        return None if text is None else int(text)
    except ValueError:
        return text
