"""Two ways to call the command: in this process, and as a user does."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from homologue.cli import main


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def homologue(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Call the command in this process."""

    def call(*argv: str) -> Outcome:
        capsys.readouterr()
        status = main(list(argv))
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return call


@pytest.fixture
def shell() -> Callable[..., Outcome]:
    """Call the command in a process of its own."""

    def call(*argv: str, **environment: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "homologue", *argv],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def terminal() -> Callable[..., str]:
    """Call the command on a pseudo-terminal, and return what a person sees."""

    def call(*argv: str, **environment: str) -> str:
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "homologue", *argv],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
        )
        os.close(follower)
        parts = []
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # the terminal is gone when the process is
                break
            if not part:
                break
            parts.append(part)
        process.wait()
        os.close(leader)
        return b"".join(parts).decode("utf-8").replace("\r\n", "\n")

    return call
