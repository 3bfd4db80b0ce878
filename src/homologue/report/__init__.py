"""The report: one self-contained page and one terminal table, from a data folder alone."""

from homologue.report._page import REPORT, write
from homologue.report._terminal import verdict_table

__all__ = ["REPORT", "verdict_table", "write"]
