"""Matplotlib's SVG as part of a page: no styles, no scripts, colours that follow the scheme."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from homologue.lineage import _palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_FAMILY = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
_PIXELS_PER_POINT = 96 / 72


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """Return a figure as SVG to be put into HTML.

    The picture has to be drawn in the light theme. Styles become presentation attributes (a
    strict content policy blocks the former), colours become ``light-dark(…)``, ids carry the
    name so that several pictures can share a page, and text stays text.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn in the light theme.
    name : str
        Unique on the page.
    description : str
        What the picture shows, for those who do not see it.
    """
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    root = ElementTree.fromstring(buffer.getvalue())
    for child in list(root):
        if child.tag == f"{{{_SVG}}}metadata":
            root.remove(child)
    for parent in root.iter():
        for child in list(parent):
            if child.tag == f"{{{_SVG}}}style":
                parent.remove(child)
    schemes = _palette.pairs()
    for element in root.iter():
        _unstyle(element)
        _prefix(element, name)
        for key in ("fill", "stroke"):
            colour = element.get(key)
            if colour in schemes:
                element.set(key, f"light-dark({colour}, {schemes[colour]})")
    width, height = (
        float(root.get(side, "0pt").removesuffix("pt")) for side in ("width", "height")
    )
    root.set("width", f"{width * _PIXELS_PER_POINT:.0f}")
    root.set("height", f"{height * _PIXELS_PER_POINT:.0f}")
    root.set("role", "img")
    root.set("aria-label", description)
    root.set("stroke-linejoin", "round")
    text = ElementTree.tostring(root, encoding="unicode")
    return re.sub(r">\s+<", "><", text)


def _unstyle(element: ElementTree.Element) -> None:
    style = element.attrib.pop("style", "")
    for declaration in style.split(";"):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if not key:
            continue
        if key == "font":
            _font(element, value)
        elif key == "font-family":
            element.set(key, _FAMILY)
        else:
            element.set(key, value)


def _font(element: ElementTree.Element, shorthand: str) -> None:
    """Set the parts of a ``font`` shorthand, which is no presentation attribute."""
    size = re.search(r"([\d.]+)px", shorthand)
    if size:
        element.set("font-size", size.group(1))
        before = shorthand[: size.start()].split()
        weights = [word for word in before if word.isdigit() or word == "bold"]
        if weights:
            element.set("font-weight", weights[0])
        if "italic" in before:
            element.set("font-style", "italic")
    element.set("font-family", _FAMILY)


def _prefix(element: ElementTree.Element, name: str) -> None:
    if "id" in element.attrib:
        element.set("id", f"{name}-{element.attrib['id']}")
    for key in (f"{{{_XLINK}}}href", "href"):
        link = element.get(key, "")
        if link.startswith("#"):
            element.set(key, f"#{name}-{link[1:]}")
    clip = element.get("clip-path", "")
    if clip.startswith("url(#"):
        element.set("clip-path", f"url(#{name}-{clip[5:]}")
