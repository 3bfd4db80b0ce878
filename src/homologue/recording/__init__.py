"""The recording: one labelled array for brains, networks and tables alike.

A recording is a plain :class:`xarray.DataArray` named ``activity`` with dims
``("sample", "unit")`` and a few conventions, which :func:`validate` checks at
every boundary. There is no subclass and no container of our own: whatever
xarray does with an array, it does with a recording.

On ``sample`` stand ``stimulus``, ``group`` (the smallest independent unit: a
trial, a document, an exemplar, an animal), optionally ``block`` (within which
exchange is allowed), ``time`` and any number of variables. On ``unit`` stand
``unit`` (unique strings), ``site`` and anything per unit. ``attrs`` carry
scalar provenance.

Categories are stored as integer codes with the names in the coordinate's
``categories`` attribute: a fixed-width string per sample would cost up to 128
bytes a sample, and an index on ``sample`` does not survive a million of them.
"""

from homologue.recording._attach import attach
from homologue.recording._blocks import blocks
from homologue.recording._classes import classes
from homologue.recording._concat import concat
from homologue.recording._labels import drop_missing, labelled, labels, provenance
from homologue.recording._make import make
from homologue.recording._match import match
from homologue.recording._pool import pool
from homologue.recording._pynapple import from_pynapple, to_pynapple
from homologue.recording._stack import stack, unstack
from homologue.recording._store import open, save
from homologue.recording._validate import KINDS, validate
from homologue.recording._variables import LABEL_SOURCES, variable

__all__ = [
    "KINDS",
    "LABEL_SOURCES",
    "attach",
    "blocks",
    "classes",
    "concat",
    "drop_missing",
    "from_pynapple",
    "labelled",
    "labels",
    "make",
    "match",
    "open",
    "pool",
    "provenance",
    "save",
    "stack",
    "to_pynapple",
    "unstack",
    "validate",
    "variable",
]
