"""The page's examples run and print what it says."""

from __future__ import annotations

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "lineage.md"


def test_the_page_runs() -> None:
    # The blank lines that pandas leaves under an index name end in spaces; editors may not.
    flags = doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF
    done = doctest.testfile(str(PAGE), module_relative=False, optionflags=flags, encoding="utf-8")
    assert done.attempted > 20
    assert done.failed == 0


def test_the_pictures_of_the_page_are_there() -> None:
    for line in PAGE.read_text("utf-8").splitlines():
        for mark in ('srcset="', 'src="'):
            if mark in line:
                assert (PAGE.parent / line.split(mark)[1].split('"')[0]).is_file()
