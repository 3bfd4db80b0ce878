"""From a system's name (or a stored recording) on the command line to a recording."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homologue.cli import _options, _output
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
    variables : tuple of str or None
        The variables it is known to have; None if that is known only when it is read.
    variable : str or None
        The one it is usually asked about.
    writes : bool
        Whether it can write the recording while it is made.
    """

    read: Callable[..., Any]
    variables: tuple[str, ...] | None = ()
    variable: str | None = None
    writes: bool = False

    @property
    def offered(self) -> str:
        """The variables, in words."""
        if self.variables is None:
            return "columns of its tables of intervals, its series, and x, y, z of its position"
        return ", ".join(self.variables) or "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what chooses a recording: SYSTEM, and for models the stimuli and sites."""
    parser.add_argument(
        "system",
        metavar="SYSTEM",
        help="a registered name, a .zarr recording, or a session: a .nwb file or its DANDI id",
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the system (bin width, session, brain state …); of a .nwb session: "
        "variable, events, window, width, outside, sort",
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
        An unknown system or stimulus set, options that this system has no use for or that are
        given twice, or a device that is not there.
    """
    path = Path(args.system)
    if path.suffix == ".nwb":
        return _session(args)
    if path.suffix == ".zarr" or path.is_dir():
        return _stored(args, path)
    from homologue.systems import get

    if args.device:
        _check_device(args)
    system = get(args.system, **({"device": args.device} if args.device else {}))
    if "stimuli" in inspect.signature(system.record).parameters:
        return _shown(args, system)
    _refuse(args, f"{args.system} is not a model")
    reader = inspect.signature(getattr(system, "reader", system.record)).parameters
    options = _options.of_system(args, {**inspect.signature(system.record).parameters, **reader})
    return Source(
        lambda variable=None, **_: system.record(**{"variable": variable, **options}),
        tuple(getattr(system, "variables", ())),
        getattr(system, "variable", None),
    )


def _check_device(args: argparse.Namespace) -> None:
    """Refuse a device that is not there before a model is loaded for it."""
    from homologue._errors import HomologueError
    from homologue.systems import entry, names

    whole_name = args.system in names()
    found = entry(args.system if whole_name else args.system.partition("/")[0])
    if found.kind not in ("model", "untrained"):
        raise HomologueError(f"{args.system} is not a model: --device has no meaning here")
    import torch

    try:
        torch.zeros(1, device=args.device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        here = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
        here += ["mps"] if torch.backends.mps.is_available() else []
        raise HomologueError(
            f"there is no device {args.device!r} here; known: {', '.join(here)}"
        ) from error


def _session(args: argparse.Namespace) -> Source:
    """Return a session of an NWB file; what it holds is known when it is read."""
    from homologue.systems import NWB, nwb

    _refuse(args, f"{args.system} is an NWB session")
    opening = inspect.signature(nwb).parameters
    how = {name: opening[name] for name in ("outside", "sort")}
    options = _options.of_system(args, {**inspect.signature(NWB.record).parameters, **how})
    session = nwb(args.system, **{name: options.pop(name) for name in how if name in options})
    return Source(
        lambda variable=None, **_: session.record(**{"variable": variable, **options}),
        variables=None,
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
    accepted = inspect.signature(system.record).parameters
    chosen = {"sites": _one_or_many(args.sites), "positions": _position(args.positions)}
    options = {key: value for key, value in chosen.items() if value is not None}
    options |= _options.of_system(args, accepted)
    shown = stimuli.named(args.stimuli, seed=args.seed)
    if args.untrained is not None:
        system = system.untrained(args.untrained)
    _output.say(args, f"{args.system}: {shown.summary()}")

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


def _one_or_many(given: list[str] | None) -> Any:
    values = [site for text in given or () for site in text.split(",") if site]
    return values[0] if len(values) == 1 else values or None


def _position(text: str | None) -> Any:
    try:
        return None if text is None else int(text)
    except ValueError:
        return text
