"""The report's section: a strict page takes it, both colour schemes show it."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from homologue import lineage
from homologue._errors import UnknownName
from homologue.lineage import _palette


@pytest.fixture(scope="module")
def made() -> lineage.Section:
    return lineage.section(draws=200)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)


def test_a_strict_content_policy_has_nothing_to_block(made: lineage.Section) -> None:
    parser = Tags()
    parser.feed(made.html)
    assert parser.unbalanced == []
    assert parser.open == []
    names = {tag for tag, _ in parser.tags}
    assert not names & {"style", "script", "link", "iframe", "img", "foreignobject"}
    for _, attributes in parser.tags:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "xlink:href", "src"):
            assert (attributes.get(name) or "#").startswith("#")


def test_ids_are_unique_and_links_resolve(made: lineage.Section) -> None:
    ids = re.findall(r'\sid="([^"]+)"', made.html)
    assert len(ids) == len(set(ids))
    links = re.findall(r'href="#([^"]+)"', made.html) + re.findall(r"url\(#([^)]+)\)", made.html)
    assert set(links) <= set(ids)


def test_pictures_say_what_the_tables_say(made: lineage.Section) -> None:
    shares = made.figures["Shares of fields by period"]
    text = " ".join(ElementTree.fromstring(shares).itertext())
    for words in (
        "28 of 1 133",
        "4 of 16",
        "11 of 58",
        "13 of 425",
        "0 of 632",
        "20 of 349",
        "8 of 784",
    ):
        assert words in text
    matrix = " ".join(ElementTree.fromstring(made.figures["Ideas by field"]).itertext())
    for idea in lineage.KINDS:
        assert idea in matrix
    path = " ".join(ElementTree.fromstring(made.figures["Main path"]).itertext())
    assert "insufficient depth" in path
    for svg in made.figures.values():
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img"
        assert len(root.get("aria-label", "")) > 40


def test_colours_follow_the_page(made: lineage.Section) -> None:
    for svg in made.figures.values():
        colours = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', svg))
        # Only text that is read on the same face in both schemes may be fixed.
        assert colours <= {"#000000", "#ffffff"}
        assert "light-dark(#1e2227, #e9e7e2)" in svg


def test_the_same_call_gives_the_same_bytes(made: lineage.Section) -> None:
    assert lineage.section(draws=200).html == made.html


def test_text_from_the_data_is_escaped() -> None:
    graph = lineage.from_bibtex(
        "@misc{a, title={<script>alert(1)</script> & x}, year=2000, journal={Neuron}}",
        citing="m<b>", title="<i>T</i>", year=2020,
    )  # fmt: skip
    html = lineage.section(graph, draws=0).html
    assert "<script>" not in html
    assert "<i>T" not in html
    assert "&lt;i&gt;T&lt;/i&gt;" in html


def luminance(colour: str) -> float:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", _palette.THEMES.values(), ids=list(_palette.THEMES))
def test_text_is_readable(theme: _palette.Theme) -> None:
    assert contrast(theme.ink, theme.paper) >= 7
    assert contrast(theme.soft, theme.paper) >= 4.5
    turned = {"#000001": "#000000", "#fffffe": "#ffffff"}
    for name, face in theme.field.items():
        written = _palette.text_on_field(name, face, theme)
        assert contrast(turned.get(written, written), face) >= 4, name
    for share in np.linspace(0, 1, 41):
        face, written = _palette.shade(float(share), theme)
        assert contrast(turned.get(written, written), face) >= 4


# Machado, Oliveira and Fernandes (2009), doi:10.1109/TVCG.2009.113, severity 1.
VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def lab(colour: str, vision: np.ndarray) -> np.ndarray:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(vision) @ linear, 0, 1)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
         [0.0193339, 0.1191920, 0.9503041]]
    )  # fmt: skip
    xyz = to_xyz @ seen / [0.95047, 1, 1.08883]
    curve = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * curve[1] - 16, 500 * (curve[0] - curve[1]), 200 * (curve[1] - curve[2])])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", _palette.THEMES.values(), ids=list(_palette.THEMES))
def test_fields_can_be_told_apart(theme: _palette.Theme, vision: str) -> None:
    """A CIE76 difference of 10 between any two fields, four times what is just noticed."""
    seen = {name: lab(colour, VISION[vision]) for name, colour in theme.field.items()}
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) >= 10, (one, other)


def test_every_light_colour_has_its_dark_one() -> None:
    pairs = _palette.pairs()
    for name, face in _palette.LIGHT.field.items():
        assert pairs[face] == _palette.DARK.field[name]
    for share in np.linspace(0, 1, 41):
        light, on_light = _palette.shade(float(share), _palette.LIGHT)
        dark, on_dark = _palette.shade(float(share), _palette.DARK)
        assert pairs[light] == dark
        assert pairs.get(on_light, on_light) == on_dark


def test_no_label_is_cut_and_none_lies_on_another(sample) -> None:
    answers = lineage.answer(sample, draws=200)
    for theme in ("light", "dark"):
        for figure in lineage.draw(sample, answers, theme=theme).values():
            from matplotlib.backends.backend_agg import FigureCanvasAgg

            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            width, height = figure.bbox.width, figure.bbox.height
            boxes = [
                (text.get_text(), text.get_window_extent(canvas.get_renderer()))
                for axes in figure.axes
                for text in axes.texts
                if text.get_text()
            ]
            for words, box in boxes:
                assert box.x0 >= 0, words
                assert box.x1 <= width, words
                assert box.y0 >= 0, words
                assert box.y1 <= height, words
            for i, (words, box) in enumerate(boxes):
                for other_words, other in boxes[i + 1 :]:
                    assert not box.padded(-1).overlaps(other.padded(-1)), (words, other_words)


def test_unknown_theme(sample) -> None:
    with pytest.raises(UnknownName, match="there is no theme 'night'"):
        lineage.draw(sample, lineage.answer(sample, draws=0), theme="night")


def test_a_long_path_is_cut_and_says_so(graph_of) -> None:
    edges = [(f"w{i:03}", f"w{i + 1:03}") for i in range(60)]
    graph = graph_of(edges, groups={"w000": "mi"})
    figure = lineage.draw(graph, lineage.answer(graph, draws=0))["main_path"]
    words = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert "21 further works are not drawn" in words.replace("\n", " ")


@pytest.mark.needs_chromium
def test_the_browser_shows_both_schemes(
    made: lineage.Section, chromium: str, tmp_path: Path
) -> None:
    """Presentation attributes take light-dark(), and the strict policy blocks none of it."""
    from playwright.sync_api import sync_playwright

    page_text = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
        '<meta name="color-scheme" content="light dark"></head><body>'
        + made.html
        + "</body></html>"
    )
    source = tmp_path / "page.html"
    source.write_text(page_text, encoding="utf-8")
    wanted = {"light": "rgb(0, 114, 178)", "dark": "rgb(86, 180, 233)"}
    problems: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme, colour in wanted.items():
            page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
            page.on("console", lambda message: problems.append(message.text))
            page.goto(source.as_uri())
            fills = page.eval_on_selector_all(
                "svg path", "all => all.map(one => getComputedStyle(one).fill)"
            )
            assert colour in fills
            other = wanted["dark" if scheme == "light" else "light"]
            assert other not in fills
        browser.close()
    assert problems == []
