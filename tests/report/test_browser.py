"""The page in a browser: silent, offline, legible, within the window, usable by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from homologue.report import write

pytestmark = pytest.mark.needs_chromium

# Contrast of every visible text against the ground behind it, and of every verdict and state
# mark, by the WCAG 2.2 formula; returns those below what they need.
CONTRAST = """
() => {
  const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1); context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    throw new Error('no ground');
  };
  const low = [];
  let checked = 0;
  const check = (element, colour, need, what) => {
    checked += 1;
    const found = ratio(rgba(colour), ground(element));
    if (found < need) low.push(`${found.toFixed(2)} < ${need}: ${what}`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest('script, style, .sprite, .sr')) continue;
    const style = getComputedStyle(element);
    if (!element.checkVisibility()) continue;
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    const colour = element instanceof SVGElement ? style.fill : style.color;
    check(element, colour, large ? 3 : 4.5, node.textContent.trim().slice(0, 40));
  }
  for (const svg of document.querySelectorAll('.glyph, .mark'))
    check(svg.parentElement, getComputedStyle(svg).color, 3, svg.outerHTML.slice(0, 60));
  for (const mark of document.querySelectorAll('.interval, .dot, .sesoi'))
    check(mark.closest('div, li'), getComputedStyle(mark).stroke, 3, mark.getAttribute('class'));
  return [checked, [...new Set(low)]];
}
"""


@pytest.fixture(scope="module")
def full_address(full_folder: Path) -> str:
    return write(full_folder).as_uri()


@pytest.fixture(scope="module")
def address(brief_folder: Path) -> str:
    return write(brief_folder).as_uri()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a page and fails the test on any message or request."""
    contexts, noise = [], []

    def opened(address: str, **options: Any) -> Any:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        options.setdefault("reduced_motion", "reduce")
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: noise.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noise.append(f"error: {error}"))
        page.on("request", lambda request: noise.append(f"request: {request.url}"))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    documents = [line for line in noise if line.startswith("request: file:")]
    assert [line for line in noise if line not in documents] == []
    assert all(line.split("#")[0].endswith("report.html") for line in documents)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_and_mark_has_contrast(visit, full_address: str, scheme: str) -> None:
    page = visit(full_address, color_scheme=scheme)
    page.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
    checked, low = page.evaluate(CONTRAST)
    assert checked > 2000
    assert low == []


@pytest.mark.parametrize("width", [380, 768, 1280])
def test_nothing_is_wider_than_the_window(visit, make_folder, names, width: int) -> None:
    folder = make_folder(
        verdicts=("model only", "underpowered"),
        rename={"wine": names["long"], "fly-odour": "W" * 90, "cell-cycle": names["hostile"]},
    )
    page = visit(write(folder).as_uri(), viewport={"width": width, "height": 800})
    page.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_24_columns_fit_a_1280_pixel_window(visit, full_address: str) -> None:
    page = visit(full_address)
    inner, outer = page.evaluate(
        "(() => { const e = document.querySelector('.scroller.wide');"
        " return [e.scrollWidth, e.clientWidth]; })()"
    )
    assert inner <= outer


def test_colours_follow_the_system_until_chosen_and_are_remembered(visit, address: str) -> None:
    page = visit(address, color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_label("Dark").check()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.get_by_label("Dark").is_checked()
    assert page.evaluate(ground) == dark
    page.get_by_label("Auto").check()
    assert page.evaluate(ground) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) == dark


def test_without_storage_the_toggle_still_works(visit, address: str, browser: Any) -> None:
    page = visit(address)
    page.context.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})"
    )
    page.reload()
    page.get_by_label("Dark").check()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def visible_detail(page: Any) -> Any:
    detail = page.locator(".cell.open .detail")
    assert detail.count() == 1
    box, size = detail.bounding_box(), page.viewport_size
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= size["width"]
    assert box["y"] + box["height"] <= size["height"]
    return detail


def test_keys_move_through_the_matrix_and_show_details(visit, address: str) -> None:
    page = visit(address)
    assert page.locator("td.cell[tabindex='0']").count() == 1
    page.locator("td.cell").first.focus()
    detail = visible_detail(page)
    for text in ("fly-odour", "present", "0.38", "[0.27, 0.50]", "110 groups, 24 units"):
        assert text in detail.inner_text()
    page.keyboard.press("ArrowRight")
    assert "worm-atlas" in visible_detail(page).inner_text()
    page.keyboard.press("End")
    assert "text-characters" in visible_detail(page).inner_text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    assert "fly-odour" in visible_detail(page).inner_text()
    assert page.locator("td.cell[tabindex='0']").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".cell.open").count() == 0


def test_pointing_shows_details_that_stay_while_pointed_at(visit, address: str) -> None:
    page = visit(address)
    cell = page.locator(".matrix tr:nth-child(4) td.cell").nth(15)
    cell.scroll_into_view_if_needed()
    cell.hover()
    detail = visible_detail(page)
    assert "month" in detail.inner_text()
    detail.hover()
    page.wait_for_timeout(250)
    visible_detail(page)
    page.mouse.move(5, 5)
    page.wait_for_timeout(250)
    assert page.locator(".cell.open").count() == 0


def test_a_tap_shows_details_on_a_telephone(visit, address: str) -> None:
    page = visit(address, viewport={"width": 380, "height": 760}, has_touch=True, is_mobile=True)
    page.locator(".scroller.wide").evaluate("e => { e.scrollLeft = 10000; }")
    page.locator(".matrix tr:nth-child(3) td.cell").last.tap()
    assert "text-characters" in visible_detail(page).inner_text()
    claim = page.locator(".matrix tbody th.claim").first.bounding_box()
    assert claim["x"] >= 0


def test_screen_readers_get_state_effect_and_interval(visit, address: str) -> None:
    page = visit(address)
    text = page.locator("td.cell").first.text_content()
    for part in ("present", ", effect", "0.38", "(90 % interval)"):
        assert part in text
    assert page.locator(".matrix .pattern .sr").first.text_content() == (
        "Pattern: brain present, model present, untrained absent, other science absent"
    )


def test_tables_sort_by_number_with_empty_values_last(visit, address: str) -> None:
    page = visit(address)
    page.locator("details summary").first.click()
    table = page.locator("details table").first
    button = table.get_by_role("button", name="effect")
    column = "t => [...t.tBodies[0].rows].map(r => r.cells[5].dataset.value)"
    button.click()
    up = [value for value in table.evaluate(column) if value]
    assert table.evaluate(column)[: len(up)] == up
    assert [float(value) for value in up] == sorted(float(value) for value in up)
    button.click()
    assert table.evaluate(column)[: len(up)] == up[::-1]
    assert table.locator("th[aria-sort='descending']").count() == 1


def test_nothing_moves_after_the_page_is_shown(visit, address: str) -> None:
    page = visit(address)
    shift = page.evaluate(
        "new Promise((done) => { let sum = 0;"
        " new PerformanceObserver((list) => list.getEntries().forEach((e) => { sum += e.value; }))"
        ".observe({type: 'layout-shift', buffered: true}); setTimeout(() => done(sum), 300); })"
    )
    assert shift == 0
