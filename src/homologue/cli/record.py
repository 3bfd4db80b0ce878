"""``homologue record``: run a system and store the recording."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from homologue.cli import _output, _source
from homologue.cli._catalogue import size
from homologue.cli._parser import whole

_DESCRIPTION = """\
Run stimuli through a model, or read a packaged recording, and store it as zarr: whole, or not at
all. Activity is written while the model runs, in constant memory; a recording that was
interrupted goes on where it stopped when the same command is given again.
"""

_EPILOG = """\
examples:
  homologue record smollm2-135m --stimuli concepts --sites resid_post --positions last --to x.zarr
  homologue record fly --to fly.zarr
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

    store = Path(args.to)
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
    _write(args, source, store)
    seconds = time.monotonic() - started
    rec = open_recording(store)
    row = {
        "store": str(store),
        "samples": rec.sizes["sample"],
        "units": rec.sizes["unit"],
        "system": rec.attrs.get("system"),
        "kind": rec.attrs.get("kind"),
        "bytes": rec.nbytes,
        "size": size(rec.nbytes),
        "seconds": round(seconds, 2),
        "samples_per_second": round(rec.sizes["sample"] / max(seconds, 1e-9), 1),
    }
    columns = ("store", "system", "samples", "units", "size", "seconds")
    _output.show(args, [row], columns, data=row)
    return 0


def _write(args: argparse.Namespace, source: _source.Source, store: Path) -> None:
    from homologue.recording import save

    options: dict[str, Any] = {"progress": not args.quiet, "overwrite": args.overwrite}
    if args.dtype:
        options["dtype"] = args.dtype
    try:
        if source.writes:
            source.read(to=store, **options)
        else:
            save(source.read(), store, overwrite=args.overwrite)
    except KeyboardInterrupt:
        if source.writes:
            _output.say(args, "stopped; the same command resumes")
        raise


def _check_is_store(store: Path) -> None:
    """Refuse to replace anything but a zarr store."""
    from homologue._errors import HomologueError

    if not (store / "zarr.json").is_file():
        raise HomologueError(f"{store} is no zarr store; it is not replaced")
