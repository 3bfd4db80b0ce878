"""What drives a unit most, least and in between, and whether the top tells the whole story."""

from homologue.tuning.examples._collect import Examples, collect
from homologue.tuning.examples._illusion import illusion
from homologue.tuning.examples._view import of

__all__ = ["Examples", "collect", "illusion", "of"]
