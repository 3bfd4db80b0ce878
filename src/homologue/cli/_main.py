"""From the command line to one verb, and from whatever happens to an exit status."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from homologue._errors import HomologueError, nearest
from homologue._version import __version__
from homologue.cli import _output
from homologue.cli._memory import reuse_large_blocks
from homologue.cli._parser import USAGE, Parser

VERBS = {
    "compare": "every claim on every system, and the verdicts",
    "run": "one analysis on one system",
    "explain": "what a claim or an analysis says, and what would count against it",
    "record": "run stimuli through a system and store the recording",
    "ls": "the systems, claims, analyses and assets at hand",
    "fetch": "get models and recordings, with their checksums checked",
    "lineage": "where the ideas come from, by citation",
    "doctor": "what this machine has, and what is missing",
}

INTERRUPTED = 130

_HELP = """\
homologue {version} · brains, artificial networks and other sciences' data on one bench

usage: homologue VERB [options]

{verbs}

  homologue VERB --help     what a verb takes
  homologue --version       the version

Results go to standard output (--json for programs), everything else to standard error.
Exit status: 0 it ran · 1 a requested check failed · 2 usage or error · 130 interrupted.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; by default those of the process.

    Returns
    -------
    int
        0 it ran, 1 a requested check failed, 2 usage or error, 130 interrupted.

    Examples
    --------
    >>> main(["--version"])
    homologue 0.1.0
    0
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    _output.tolerate_narrow_encodings()
    # Before torch is imported: threads that wait sleep instead of spinning, since a machine that
    # is shared loses to spinning several times what an idle one gains.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    reuse_large_blocks()
    try:
        status = _dispatch(argv)
        sys.stdout.flush()
        return status
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else USAGE
    except KeyboardInterrupt:
        _output.error("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough (`homologue ls systems | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as problem:
        if "--debug" in argv:
            import traceback

            traceback.print_exc()
        _output.error(_teach(problem))
        return USAGE


def _dispatch(argv: list[str]) -> int:
    verb = next((word for word in argv if not word.startswith("-")), None)
    if verb is None:
        return _without_verb(argv)
    if verb not in VERBS:
        raise HomologueError(f"there is no verb {verb!r}{nearest(verb, VERBS)}")
    args = _parse(verb, argv)
    if args.quiet or not sys.stderr.isatty():
        # Libraries draw bars of their own; like ours they belong on a terminal only.
        os.environ.setdefault("TQDM_DISABLE", "1")
    with _output.messages(args):
        return int(importlib.import_module(f"homologue.cli.{verb}").run(args) or 0)


def _without_verb(argv: list[str]) -> int:
    if "--version" in argv or "-V" in argv:
        print(f"homologue {__version__}")
        return 0
    verbs = "\n".join(f"  {_output.bold(f'{verb:<10}')} {text}" for verb, text in VERBS.items())
    text = _HELP.format(version=__version__, verbs=verbs)
    if any(option in argv for option in ("-h", "--help")):
        sys.stdout.write(text)
        return 0
    unknown = [word for word in argv if word not in ("--json", "-q", "--quiet", "--debug")]
    if unknown:
        raise HomologueError(f"there is no option {unknown[0]!r}; see 'homologue --help'")
    sys.stderr.write(text)
    return USAGE


def _parse(verb: str, argv: list[str]) -> argparse.Namespace:
    parser = Parser(prog="homologue")
    subparsers = parser.add_subparsers(dest="verb", parser_class=Parser, metavar="VERB")
    importlib.import_module(f"homologue.cli.{verb}").add_parser(subparsers)
    args = parser.parse_args(argv)
    for option in ("json", "quiet", "debug"):
        setattr(args, option, getattr(args, option, False))
    return args


def _teach(problem: Exception) -> str:
    if isinstance(problem, HomologueError):
        return str(problem)
    if isinstance(problem, ModuleNotFoundError):
        return _missing_module(problem)
    if isinstance(problem, OSError):
        what = problem.strerror or str(problem) or type(problem).__name__
        where = f": {problem.filename}" if problem.filename else ""
        return f"{what}{where}"
    if isinstance(problem, MemoryError):
        return "out of memory; choose fewer sites, units or samples"
    return (
        f"unexpected {type(problem).__name__}: {problem}; "
        "this is a fault of homologue, --debug shows where"
    )


_EXTRAS = {
    "models": ("torch", "transformers", "gguf", "accelerate", "safetensors", "tokenizers"),
    "nwb": ("pynwb", "pynapple", "remfile", "hdmf"),
    "brains": ("dandi",),
    "lineage": ("networkx", "pyalex", "bibtexparser", "pylatexenc"),
    "pictures": ("umap",),
    "scale": ("dask", "distributed"),
}


def _missing_module(problem: ModuleNotFoundError) -> str:
    name = (problem.name or "").split(".")[0]
    for extra, modules in _EXTRAS.items():
        if name in modules:
            return f"this needs {name}, which is not installed: pip install 'homologue[{extra}]'"
    return f"{problem}; the installation is incomplete: pip install --force-reinstall homologue"
