"""One claim asked of one system: the effect, its interval, its null, and what it shows."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue.inference import benjamini_hochberg, p_value
from homologue.parallels._claim import Claim
from homologue.parallels._matched import Effort, NotApplicable
from homologue.recording import validate

ALPHA = 0.05
LEVEL = 0.90


@dataclass(frozen=True)
class Cell:
    """One row of ``cells.csv``, with the null effects behind it.

    Attributes
    ----------
    claim, system, kind, family, variable : str
        What was asked of what.
    state : str
        present · absent · open · not applicable · failed.
    effect, low, high : float
        (s − median null) / (1 − median null), and its 90 % group-bootstrap interval.
    null_mean, null_std, p, q : float
        Of the effect; q is Benjamini–Hochberg over the claim's cells.
    n_groups, n_units, n_classes : int
        What the recording offered.
    seed : int
        Of the panel.
    reason : str
        Why a cell is not applicable, failed, or what was exchanged.
    null : numpy.ndarray, shape (draw,)
        Null effects.
    """

    claim: str
    system: str
    kind: str
    family: str
    variable: str
    state: str
    effect: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    null_mean: float = float("nan")
    null_std: float = float("nan")
    p: float = float("nan")
    q: float = float("nan")
    n_groups: int = 0
    n_units: int = 0
    n_classes: int = 0
    seed: int = 0
    reason: str = ""
    null: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)


COLUMNS = tuple(name for name in Cell.__dataclass_fields__ if name != "null")


def cell_rng(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that depends on the seed and the names, not on the panel's order."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def ask(
    claim: Claim,
    recordings: Sequence[xr.DataArray],
    variable: str | None,
    *,
    system: str,
    effort: Effort,
    seed: int,
) -> Cell:
    """Ask one claim of one system.

    Parameters
    ----------
    claim : Claim
    recordings : sequence of DataArray
        One; for an untrained twin one per seed, over the same samples.
    variable : str or None
        The stimulus variable.
    system : str
        Name in the table.
    effort : Effort
    seed : int

    Returns
    -------
    Cell
        With state ``open``, ``not applicable`` or ``failed``; :func:`settle` decides the rest.
    """
    first = recordings[0]
    blank = Cell(
        claim.id,
        system,
        str(first.attrs["kind"]),
        str(first.attrs["family"]),
        variable or "",
        "open",
        n_groups=int(np.unique(first["group"].values).size),
        n_units=first.sizes["unit"],
        seed=seed,
    )
    try:
        # The family's name, not the kind: a model and its twin see the same draws.
        rng = cell_rng(seed, claim.id, blank.family, blank.variable)
        needs = [variable] if variable and "variable" in claim.needs else []
        for rec in recordings:
            validate(rec, needs=needs, allow_missing="system" in claim.needs)
        reason = claim.unmet(first, variable)
        if reason is not None:
            return replace(blank, state="not applicable", reason=reason)
        evidence = claim.gather(recordings, variable or "", claim.sizes, effort, rng)
    except NotApplicable as error:
        return replace(blank, state="not applicable", reason=str(error))
    except InvalidDesign as error:
        return replace(blank, state="not applicable", reason=f"refused: {error}")
    except Exception as error:  # One cell that fails is a row with its reason.
        return replace(blank, state="failed", reason=f"{type(error).__name__}: {error}")
    if not (np.isfinite(evidence.observed) and np.isfinite(evidence.null).all()):
        return replace(blank, state="not applicable", reason="no unit varies")
    median = float(np.median(evidence.null))
    scale = 1.0 - median
    null = (evidence.null - median) / scale
    low, high = np.quantile((evidence.bootstrap - median) / scale, _tails(LEVEL))
    return replace(
        blank,
        effect=float((evidence.observed - median) / scale),
        low=float(low),
        high=float(high),
        null_mean=float(null.mean()),
        null_std=float(null.std()),
        p=float(p_value(evidence.against_null, evidence.null)),
        n_groups=evidence.n_groups,
        n_units=evidence.n_units,
        n_classes=evidence.n_classes,
        reason=evidence.scheme,
        null=null,
    )


def _tails(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


def settle(claim: Claim, cells: Sequence[Cell]) -> list[Cell]:
    """Return a claim's cells with q and state: present, absent or open.

    Parameters
    ----------
    claim : Claim
    cells : sequence of Cell
        All cells of the claim; those without a p keep their state.

    Examples
    --------
    >>> from homologue.parallels import get
    >>> claim = get("units-are-tuned")
    >>> found = {"effect": 0.4, "low": 0.3, "high": 0.5, "p": 0.01}
    >>> cell = Cell(claim.id, "fly", "brain", "fly", "odour", "open", **found)
    >>> settle(claim, [cell])[0].state
    'present'
    """
    p = np.array([cell.p for cell in cells])
    q = np.full(p.shape, np.nan)
    known = np.isfinite(p)
    if known.any():
        q[known] = benjamini_hochberg(p[known])
    settled = []
    for cell, value in zip(cells, q, strict=True):
        if cell.state in ("not applicable", "failed"):
            settled.append(cell)
            continue
        if value < ALPHA and cell.effect >= claim.sesoi:
            state = "present"
        elif cell.high < claim.sesoi:
            state = "absent"
        else:
            state = "open"
        settled.append(replace(cell, q=float(value), state=state))
    return settled
