"""A claim: one sentence, one statistic, one null, one size — and what would count against it."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, UnknownName, nearest
from homologue.parallels._matched import Effort, Evidence, Sizes

ENTRY_POINTS = "homologue.claims"
"""The entry-point group through which other packages add claims (objects or lists of them)."""

SESOI = 0.10
"""Smallest effect size of interest, unless a claim says otherwise."""

NEEDS = ("variable", "given labels", "simultaneous", "space", "circular", "system")

Gather = Callable[[Sequence[Any], str, Sizes, Effort, np.random.Generator], Evidence]
Picture = Callable[[xr.DataArray, str, np.random.Generator], dict[str, Any]]


@dataclass(frozen=True)
class Reference:
    """A source.

    Attributes
    ----------
    text : str
        Authors, year, journal.
    doi : str
        Without the resolver; empty if there is none.
    """

    text: str
    doi: str = ""


@dataclass(frozen=True)
class Claim:
    """One claim that every system on the bench is asked.

    Attributes
    ----------
    id : str
        Unique, lower case with hyphens.
    version : int
        Bumped when the statistic, the null or the smallest effect changes.
    question : str
        The founding question it serves.
    sentence : str
        What is claimed.
    statistic, null : str
        In words; the statistic is scaled so that its maximum is 1.
    against : str
        What would count against the claim.
    sizes : Sizes
        What the statistic sees of every system; never set by a panel.
    gather : callable
        ``(recordings, variable, sizes, effort, rng) -> Evidence``; of a claim that needs the
        system, ``(benches, …)``: what can be perturbed, with its recording and its stimuli.
    needs : tuple of str
        Of :data:`NEEDS`.
    sesoi : float
        Smallest effect of interest.
    references : tuple of Reference
    picture : callable, optional
        ``(recording, variable, rng) -> dict``: plain numbers for the report to draw, where a
        cell has p ≤ .05 or is a built-in negative.
    """

    id: str
    version: int
    question: str
    sentence: str
    statistic: str
    null: str
    against: str
    sizes: Sizes
    gather: Gather = field(repr=False)
    needs: tuple[str, ...] = ()
    sesoi: float = SESOI
    references: tuple[Reference, ...] = ()
    picture: Picture | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse an unknown need."""
        for need in self.needs:
            if need not in NEEDS:
                raise HomologueError(
                    f"claim {self.id!r} has unknown need {need!r}" + nearest(need, NEEDS)
                )

    def unmet(self, rec: xr.DataArray, variable: str | None) -> str | None:
        """Return why the claim cannot be asked of a recording, or None."""
        if "variable" in self.needs and not variable:
            return "no stimulus variable"
        if "given labels" in self.needs and variable:
            source = rec[variable].attrs.get("label_source", "experimenter")
            if source == "derived":
                return f"the labels of {variable!r} are derived from the activity"
        if "circular" in self.needs and variable and not rec[variable].attrs.get("period"):
            return f"{variable!r} is no circle (declare its period)"
        if "space" in self.needs and variable and rec[variable].attrs.get("quantity") != "space":
            return f"{variable!r} is no place and no direction (declare quantity='space')"
        if "simultaneous" in self.needs and not rec.attrs.get("simultaneous", 1):
            return "units were not recorded simultaneously: no covariance claim"
        return None

    def record(self) -> dict[str, object]:
        """Return the claim as plain values, for the report and ``explain``."""
        return {
            "id": self.id,
            "version": self.version,
            "question": self.question,
            "sentence": self.sentence,
            "statistic": self.statistic,
            "null": self.null,
            "against": self.against,
            "sesoi": self.sesoi,
            "sizes": {
                "groups": self.sizes.groups,
                "units": self.sizes.units,
                "classes": self.sizes.classes,
            },
            "needs": list(self.needs),
            "references": [{"text": r.text, "doi": r.doi} for r in self.references],
        }


_CLAIMS: dict[str, Claim] = {}
_scanned = False


def register(claim: Claim, *, replace: bool = False) -> Claim:
    """Add a claim to the registry.

    Parameters
    ----------
    claim : Claim
        The claim.
    replace : bool
        Put it in the place of one with the same id.

    Raises
    ------
    HomologueError
        If the id is taken and ``replace`` is off.

    Examples
    --------
    >>> own = get("units-are-tuned")
    >>> register(own, replace=True) is own
    True
    """
    if claim.id in _CLAIMS and not replace:
        raise HomologueError(
            f"a claim {claim.id!r} is registered already; choose another id, or pass replace=True"
        )
    _CLAIMS[claim.id] = claim
    return claim


def claims() -> list[Claim]:
    """Return every registered claim, our own first, then those of other packages.

    Examples
    --------
    >>> claims()[0].id
    'units-are-tuned'
    """
    _scan()
    return list(_CLAIMS.values())


def get(claim_id: str) -> Claim:
    """Return a claim by id.

    Raises
    ------
    UnknownName
        With the nearest ids.

    Examples
    --------
    >>> get("population-represents").sesoi
    0.1
    """
    _scan()
    if claim_id not in _CLAIMS:
        raise UnknownName(f"there is no claim {claim_id!r}" + nearest(claim_id, _CLAIMS))
    return _CLAIMS[claim_id]


_OWN = ("_claims", "_claims_units", "_claims_population", "_claims_perturbation")
"""Modules that register our own claims, in the order of the tables."""


_OURS: list[Claim] = []


def is_own(claim: Claim) -> bool:
    """Return whether a claim is this package's own, as it was written."""
    _scan()
    return any(claim is one for one in _OURS)


def _scan() -> None:
    global _scanned
    if _scanned:
        return
    modules = [importlib.import_module(f"homologue.parallels.{name}") for name in _OWN]
    _scanned = True
    # In the order of the tables, whichever module was imported first.
    own = [c for module in modules for c in vars(module).values() if isinstance(c, Claim)]
    _OURS.extend(own)
    ordered = {name: _CLAIMS[name] for name in (*(c.id for c in own), *_CLAIMS)}
    _CLAIMS.clear()
    _CLAIMS.update(ordered)
    for point in entry_points(group=ENTRY_POINTS):
        try:
            loaded = point.load()
        except Exception as error:  # Somebody else's package must not cost our own claims.
            warnings.warn(
                f"the claims of entry point {point.name!r} ({point.value}) cannot be loaded: "
                f"{type(error).__name__}: {error}",
                stacklevel=3,
            )
            continue
        for claim in loaded if isinstance(loaded, list | tuple) else [loaded]:
            if not isinstance(claim, Claim):
                raise HomologueError(
                    f"entry point {point.name!r} gave a {type(claim).__name__}; "
                    "expected homologue.parallels.Claim or a list of them"
                )
            register(claim)
