"""Drawings of the page: plain SVG written from numbers alone."""

from homologue.report.plots._interval import Axis, axis_svg, interval_axis, interval_strip

__all__ = ["Axis", "axis_svg", "interval_axis", "interval_strip"]
