"""Drawings of the page: plain SVG written from numbers alone."""

from homologue.report.plots._interval import Axis, axis_svg, interval_axis, interval_strip
from homologue.report.plots._loops import barcode, cloud, coordinate

__all__ = [
    "Axis",
    "axis_svg",
    "barcode",
    "cloud",
    "coordinate",
    "interval_axis",
    "interval_strip",
]
