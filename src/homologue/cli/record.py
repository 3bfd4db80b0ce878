"""``homologue record``: run a system and store the recording."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homologue.cli import _output, _source
from homologue.cli._catalogue import size
from homologue.cli._parser import whole

_DESCRIPTION = """\
Run stimuli through a model, or read a packaged recording or an NWB session, and store it as zarr:
whole, or not at all. Activity is written while the model runs, in constant memory; a recording
that was interrupted goes on where it stopped when the same command is given again. Samples per
second are those of this run.
"""

_EPILOG = """\
examples:
  homologue record smollm2-135m --stimuli concepts --sites resid_post --positions last --to x.zarr
  homologue record fly --to fly.zarr
  homologue record session.nwb --option variable=choice --option window=-0.5,1.5 --to trials.zarr
"""


def add_parser(subparsers: Any) -> None:
    """Add the verb's arguments."""
    parser = subparsers.add_parser("record", description=_DESCRIPTION, epilog=_EPILOG)
    _source.add_arguments(parser)
    parser.add_argument("--to", required=True, metavar="STORE", help="where: a folder, x.zarr")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")
    parser.add_argument(
        "--dtype",
        choices=("float32", "float16", "bfloat16"),
        help="precision on disk, for models (default float32)",
    )
    parser.add_argument(
        "--seed", type=whole(0), default=0, metavar="N", help="for stimulus sets that draw"
    )


def run(args: argparse.Namespace) -> int:
    """Record, store, and print what was stored."""
    from homologue._errors import HomologueError
    from homologue.recording import open as open_recording
    from homologue.systems._progress import pace

    store = Path(args.to).expanduser()
    if store.suffix != ".zarr":
        raise HomologueError(f"--to names a zarr folder; given {args.to!r}, try {store.stem}.zarr")
    if store.exists():
        if not args.overwrite:
            raise HomologueError(f"{store} exists; --overwrite replaces it")
        _check_is_store(store)
    source = _source.source(args)
    if args.dtype and not source.writes:
        raise HomologueError(f"{args.system} is not a model: --dtype has no meaning here")
    started = time.monotonic()
    per_second = pace()
    if not (source.writes and _left_unfinished(store)):
        per_second(0)
    _write(args, source, store, per_second)
    seconds = time.monotonic() - started
    rec = open_recording(store)
    of_this_run = per_second(rec.sizes["sample"])
    row = {
        "store": str(store),
        "samples": rec.sizes["sample"],
        "units": rec.sizes["unit"],
        "system": rec.attrs.get("system"),
        "kind": rec.attrs.get("kind"),
        "bytes": rec.nbytes,
        "size": size(rec.nbytes),
        "seconds": round(seconds, 2),
        "samples_per_second": None if of_this_run is None else round(of_this_run, 1),
    }
    columns = ("store", "system", "samples", "units", "size", "seconds", "samples_per_second")
    _output.show(args, [row], columns, data=row)
    return 0


def _write(
    args: argparse.Namespace,
    source: _source.Source,
    store: Path,
    count: Callable[[int], Any],
) -> None:
    """Store the recording; ``count`` is told what is done, beside the one who looks on."""
    from homologue.recording import save
    from homologue.systems._progress import shown_progress

    try:
        if source.writes:
            with shown_progress(not args.quiet, args.system) as shown:

                def tell(done: int, total: int) -> None:
                    count(done)
                    if shown is not None:
                        shown(done, total)

                options: dict[str, Any] = {"progress": tell, "overwrite": args.overwrite}
                if args.dtype:
                    options["dtype"] = args.dtype
                source.read(to=store, **options)
        else:
            save(source.read(), store, overwrite=args.overwrite)
    except KeyboardInterrupt:
        if source.writes:
            _output.say(args, "stopped; the same command resumes")
        raise


def _left_unfinished(store: Path) -> bool:
    """Tell whether an earlier run has left its folder."""
    from homologue.systems._recorder import Destination

    return Destination.of(store, overwrite=True).part.exists()


def _check_is_store(store: Path) -> None:
    """Refuse to replace anything but a zarr store."""
    from homologue._errors import HomologueError

    if not (store / "zarr.json").is_file():
        raise HomologueError(f"{store} is no zarr store; it is not replaced")
