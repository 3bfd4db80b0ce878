"""The frame: start-up, streams, exit statuses, errors that teach."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys

import pytest

from homologue._errors import HomologueError
from homologue._version import __version__
from homologue.cli import VERBS, _main, ls

HEAVY = ("torch", "transformers", "xarray", "pandas", "numpy", "matplotlib", "scipy", "rich")


def _modules_after(argv: list[str]) -> list[str]:
    code = (
        "import sys; from homologue.cli import main; status = main(sys.argv[1:]);"
        "sys.stderr.write(' '.join(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True
    )
    return done.stderr.split()


def _cpu_seconds(argv: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_costs_less_than_a_third_of_a_second():
    command = [sys.executable, "-m", "homologue", "--help"]
    # The best of three: the first run may compile, and other processes share the cores.
    assert min(_cpu_seconds(command) for _ in range(3)) <= 0.3


@pytest.mark.parametrize("argv", [["--help"], ["--version"], *([v, "--help"] for v in VERBS)])
def test_help_imports_nothing_heavy(argv):
    loaded = {name.split(".")[0] for name in _modules_after(argv)}
    assert loaded.isdisjoint(HEAVY)


def test_help_names_every_verb(homologue):
    outcome = homologue("--help")
    assert outcome.status == 0
    assert outcome.err == ""
    for verb, sentence in VERBS.items():
        assert f"{verb:<10} {sentence}" in outcome.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_the_shared_options(homologue, verb):
    outcome = homologue(verb, "--help")
    assert outcome.status == 0
    assert outcome.err == ""
    assert outcome.out.startswith(f"usage: homologue {verb}")
    for option in ("--json", "--quiet", "--debug", "--help"):
        assert option in outcome.out


def test_version(homologue):
    assert homologue("--version").out == f"homologue {__version__}\n"


def test_no_verb_is_a_usage_error_that_shows_the_verbs(homologue):
    outcome = homologue()
    assert outcome.status == 2
    assert outcome.out == ""
    assert "usage: homologue VERB" in outcome.err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["comapre"], "there is no verb 'comapre'; did you mean 'compare'"),
        (["--jsno"], "there is no option '--jsno'"),
        (["ls", "asets"], "did you mean 'assets'"),
        (["ls", "systems", "--knd", "brain"], "there is no option '--knd'; did you mean '--kind'"),
        (["ls", "systems", "more"], "unexpected argument 'more'"),
        (["record", "fly"], "required: --to"),
        (["ls", "systems", "--kind", "brian"], "did you mean 'brain'"),
        (["ls", "assets", "--kind", "brain"], "--kind chooses among systems"),
    ],
)
def test_usage_errors_are_one_line_on_standard_error(homologue, argv, said):
    outcome = homologue(*argv)
    assert outcome.status == 2
    assert outcome.out == ""
    assert said in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (HomologueError("given 3, expected 2; try 2"), 2, "error: given 3, expected 2; try 2\n"),
        (FileNotFoundError(2, "No such file or directory", "x.nwb"), 2, "directory: x.nwb\n"),
        (MemoryError(), 2, "out of memory"),
        (ModuleNotFoundError("x", name="torch.nn"), 2, "pip install 'homologue[models]'"),
        (ModuleNotFoundError("x", name="dandi"), 2, "pip install 'homologue[brains]'"),
        (ModuleNotFoundError("x", name="pynapple"), 2, "pip install 'homologue[nwb]'"),
        (ZeroDivisionError("division by zero"), 2, "fault of homologue, --debug shows where"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_whatever_happens_becomes_a_status_and_a_line(homologue, monkeypatch, raised, status, said):
    def fail(args: argparse.Namespace) -> int:
        raise raised

    monkeypatch.setattr(ls, "run", fail)
    outcome = homologue("ls", "systems")
    assert outcome.status == status
    assert outcome.out == ""
    assert said in outcome.err
    assert "Traceback" not in outcome.err


def test_a_failed_check_is_status_1(homologue, monkeypatch):
    monkeypatch.setattr(ls, "run", lambda args: 1)
    assert homologue("ls", "systems").status == 1


def test_debug_shows_where(homologue, monkeypatch):
    def fail(args: argparse.Namespace) -> int:
        raise HomologueError("no")

    monkeypatch.setattr(ls, "run", fail)
    outcome = homologue("ls", "systems", "--debug")
    assert outcome.status == 2
    assert "Traceback" in outcome.err
    assert "in fail" in outcome.err


@pytest.mark.parametrize("argv", [["-q", "ls", "systems"], ["ls", "systems", "-q"]])
def test_shared_options_stand_before_or_after_the_verb(homologue, monkeypatch, argv):
    seen = []
    monkeypatch.setattr(ls, "run", lambda args: seen.append(args) or 0)
    assert homologue(*argv).status == 0
    assert (seen[0].quiet, seen[0].json, seen[0].debug) == (True, False, False)


def test_log_and_warnings_go_to_standard_error_and_are_silenced_by_quiet(homologue, monkeypatch):
    import logging
    import warnings

    def speak(args: argparse.Namespace) -> int:
        logging.getLogger("homologue").info("resid_post is model.layers.*")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("two\nlines", stacklevel=1)
        print("data")
        return 0

    monkeypatch.setattr(ls, "run", speak)
    logger = logging.getLogger("homologue")
    before = logger.level, logger.propagate, list(logger.handlers)
    outcome = homologue("ls", "systems")
    assert outcome.out == "data\n"
    assert outcome.err == "resid_post is model.layers.*\nhomologue: warning: two lines\n"
    quiet = homologue("ls", "systems", "-q")
    assert (quiet.out, quiet.err) == ("data\n", "")
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


def test_a_reader_that_leaves_early_is_no_error():
    command = f"set -o pipefail; {sys.executable} -m homologue --help | true"
    # Fill the pipe: help is short, so repeat it through a verb with more to say.
    command = command.replace("--help", "ls assets --json")
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert done.returncode == 0
    assert done.stderr == ""


def test_interrupt_of_a_running_process_is_130():
    code = (
        "import os, signal, sys, time; from homologue.cli import main, ls;"
        # A process started in the background inherits that interrupts are ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "ls.run = lambda args: os.kill(os.getpid(), signal.SIGINT) or time.sleep(30);"
        "sys.exit(main(['ls', 'systems']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "homologue: error: interrupted\n"


def test_narrow_encodings_lose_a_character_and_nothing_else(shell):
    outcome = shell("ls", "assets", PYTHONIOENCODING="ascii")
    assert outcome.status == 0
    assert "24 receptors ? 110 odours" in outcome.out


def test_missing_module_of_no_extra_says_so():
    text = _main._teach(ModuleNotFoundError("No module named 'zarr'", name="zarr"))
    assert "installation is incomplete" in text


def test_large_arrays_that_come_and_go_keep_their_pages():
    """Twenty arrays of 40 MB: pages are faulted in once, not twenty times.

    Where the C library is another than GNU's nothing is asked of it, and nothing fails.
    """
    code = (
        "import resource, sys, numpy\n"
        "from homologue.cli._memory import reuse_large_blocks\n"
        "if sys.argv[1:] == ['reuse']: reuse_large_blocks()\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "before = faults()\n"
        "for _ in range(20): numpy.ones(5_000_000)\n"
        "print(faults() - before)"
    )
    plain, reused = (
        int(
            subprocess.run(
                [sys.executable, "-c", code, *how], capture_output=True, check=True
            ).stdout
        )
        for how in ([], ["reuse"])
    )
    assert reused < plain / 2 or platform.libc_ver()[0] != "glibc"
