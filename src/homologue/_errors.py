"""Errors that teach: what was given, what was expected, what to try."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HomologueError(ValueError):
    """Base of every error this package raises on purpose."""


class InvalidRecording(HomologueError):
    """A recording breaks a convention; the message says which and how to mend it."""


class InvalidDesign(HomologueError):
    """A test was refused because its null would not hold for this design."""


class AssetUnavailable(HomologueError):
    """An asset cannot be had here; the message holds the command that gets it."""


class UnknownName(HomologueError, KeyError):
    """A name that is not registered; the message holds the nearest ones."""

    def __str__(self) -> str:
        """Return the message without the quotes a KeyError would add."""
        return str(self.args[0])


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Return a clause that names the nearest known spellings.

    Parameters
    ----------
    name : str
        What was given.
    known : iterable of str
        What would have been right.
    count : int
        How many names to offer.

    Returns
    -------
    str
        ``"; did you mean 'x', 'y'?"`` or ``"; known: …"`` where nothing is near.
    """
    known = sorted(set(known))
    close = difflib.get_close_matches(name, known, n=count, cutoff=0.5)
    if close:
        return "; did you mean " + ", ".join(repr(match) for match in close) + "?"
    return "; known: " + (", ".join(known[:20]) + (" …" if len(known) > 20 else "") or "none")
