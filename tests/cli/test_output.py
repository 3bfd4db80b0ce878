"""Tables, JSON, numbers, colour."""

from __future__ import annotations

import argparse
import json
import re

import numpy as np
import pytest

from homologue.cli import _output

ROWS = [
    {"name": "fly", "n_units": 24, "effect": 0.123456, "note": None},
    {"name": "worm", "n_units": 300, "effect": float("nan"), "note": "dense block"},
]


def _args(**options: bool) -> argparse.Namespace:
    return argparse.Namespace(**{"json": False, "quiet": False, "debug": False, **options})


def test_plain_table_is_aligned_and_holds_no_trailing_blanks(capsys):
    _output.show(_args(), ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "name  n units  effect  note",
        "fly        24   0.123  –",
        "worm      300       –  dense block",
    ]


def test_columns_are_chosen_and_ordered(capsys):
    _output.show(_args(), ROWS, ("n_units", "name"))
    assert capsys.readouterr().out.splitlines()[0] == "n units  name"


def test_no_rows_say_so_on_standard_error(capsys):
    _output.show(_args(), [])
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "nothing to show\n")


def test_json_holds_everything_and_no_nan(capsys):
    _output.show(_args(json=True), ROWS, ("name",))
    text = capsys.readouterr().out
    assert json.loads(text) == [{**ROWS[0]}, {**ROWS[1], "effect": None}]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.array([1.0, np.nan, np.inf]), [1.0, None, None]),
        (np.array(["a", "b"]), ["a", "b"]),
        ({1: (1, 2)}, {"1": [1, 2]}),
        (np.ones(1, dtype=bool)[0], True),
    ],
)
def test_jsonable(value, expected):
    assert _output.jsonable(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.00012345, "0.000123"),
        (123456.7, "123457"),
        (-0.5, "-0.5"),
        (True, "yes"),
        (None, "–"),
        (7, "7"),
    ],
)
def test_number(value, expected):
    assert _output.number(value) == expected


def test_further_lines_of_an_error_are_kept(capsys):
    _output.error("first\n  second")
    assert capsys.readouterr().err == "homologue: error: first\n  second\n"


@pytest.mark.parametrize("options", [{"quiet": True}, {"quiet": False}])
def test_progress_prints_nothing_where_there_is_no_terminal(capsys, options):
    with _output.progress(_args(**options), "recording", total=2) as advance:
        advance()
        advance(description="more")
    assert capsys.readouterr() == ("", "")


ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def test_a_terminal_gets_colour_unless_no_color_is_set(terminal):
    coloured = terminal("ls", "assets")
    plain = terminal("ls", "assets", NO_COLOR="1")
    assert ESCAPE.search(coloured)
    assert "\x1b" not in plain
    assert ESCAPE.sub("", coloured) == plain


def test_a_pipe_gets_no_colour_and_nothing_is_cut(shell):
    outcome = shell("ls", "assets")
    assert "\x1b" not in outcome.out
    assert "…" not in outcome.out
    assert max(map(len, outcome.out.splitlines())) > 100


def test_help_on_a_terminal_is_bold_only_where_colour_is_welcome(terminal):
    assert "\x1b[1mcompare" in terminal("--help")
    assert "\x1b" not in terminal("--help", NO_COLOR="1")
    assert "\x1b" not in terminal("--help", TERM="dumb")
