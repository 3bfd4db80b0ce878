"""The verdict table in a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from homologue._errors import HomologueError
from homologue.report import verdict_table
from homologue.report._words import VERDICTS


def printed(source, *, width: int = 120, **options) -> str:
    stream = io.StringIO()
    verdict_table(source, Console(file=stream, width=width, **options))
    return stream.getvalue()


def test_every_verdict_has_its_glyph_and_word(full_folder: Path) -> None:
    text = printed(full_folder)
    for word in VERDICTS.values():
        assert f"{word.glyph} {word.word}" in text
    assert "Units are tuned" in text
    assert "2 other sciences that can be" in text
    assert "systems were chosen, not sampled" in text
    assert "\x1b" not in text


def test_folder_file_and_rows_say_the_same(full_folder: Path) -> None:
    assert printed(full_folder) == printed(full_folder / "verdicts.csv")
    rows = [{"claim": "tuned", "verdict": "brain only", "pattern": "B+ M− T− O−", "p": 0.4}]
    text = printed(rows)
    assert "▲ brain only" in text
    assert ".400" in text
    assert "The one claim tested holds in brains only." in text


def test_colour_on_a_terminal_and_none_with_no_color(
    full_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    assert "38;2;0;114;178m" in printed(full_folder, force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "38;" not in printed(full_folder, force_terminal=True)


def test_a_narrow_terminal_loses_nothing_of_the_verdict(full_folder: Path) -> None:
    text = printed(full_folder, width=80)
    assert max(map(len, text.splitlines())) <= 80
    for word in VERDICTS.values():
        assert f"{word.glyph} {word.word}" in text


def test_no_rows_and_bad_rows(tmp_path: Path) -> None:
    assert "the panel is empty" in printed([])
    with pytest.raises(HomologueError, match="lacks 'verdict'"):
        printed([{"claim": "tuned"}])
    with pytest.raises(HomologueError, match=r"no file .*verdicts\.csv"):
        printed(tmp_path)
