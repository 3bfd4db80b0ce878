"""Random units to compare with: as active, writing as strongly, or in the same place.

Whichever units are silenced, something is lost; what is lost grows with how active they are and
how strongly they write, whatever they code for. Units that are said to matter are therefore
compared with random sets that hold as many units of each stratum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign, UnknownName, nearest
from homologue._typing import Array, Bool, Float, Int, Num

ENOUGH_SETS = 1000
"""Random sets that strata leave to draw from, where there are units enough."""

FEWEST_ARRANGEMENTS = 20
"""Fewer sets than this cannot tell anything at .05."""


def strata(key: Num[Array, " unit"], chosen: Bool[Array, " unit"]) -> Int[Array, " unit"]:
    """Put every chosen unit into a stratum with the units whose key is nearest.

    Parameters
    ----------
    key : array, shape (unit,)
        What is matched.
    chosen : array of bool, shape (unit,)
        The units that are compared with random ones.

    Returns
    -------
    array of int, shape (unit,)
        As many units around each chosen one as leave a thousand sets to draw, three at least;
        strata that meet are one. −1: nothing like any chosen unit.

    Examples
    --------
    >>> strata(np.arange(9.0), np.arange(9) % 4 == 0)
    array([0, 0, 0, 0, 0, 0, 0, 0, 0])
    >>> strata(np.arange(60.0), np.isin(np.arange(60), [5, 25, 45]))[18:32]
    array([-1, -1, -1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1, -1])
    """
    order = np.argsort(key, kind="stable")
    places = np.flatnonzero(chosen[order]).tolist()
    if not places:
        return np.full(key.size, -1)
    size = max(3, math.ceil(round(ENOUGH_SETS ** (1 / len(places)), 6)))
    spans, meeting = [(place, place + 1, 1) for place in places], True
    while meeting:
        wide = [(*_widened(first, last, size * inside, key.size), inside)
                for first, last, inside in spans]  # fmt: skip
        spans, meeting = [], False
        for first, last, inside in wide:
            if spans and first < spans[-1][1]:
                before, until, held = spans.pop()
                first, last, inside = min(before, first), max(until, last), held + inside
                meeting = True
            spans.append((first, last, inside))
    out = np.full(key.size, -1)
    for number, (first, last, _) in enumerate(spans):
        out[order[first:last]] = number
    return out


def _widened(first: int, last: int, wanted: int, count: int) -> tuple[int, int]:
    """Return a span of at least so many places around another, within 0 … count."""
    lack = max(0, min(wanted, count) - (last - first))
    first, last = first - lack // 2, last + lack - lack // 2
    shift = max(0, -first) - max(0, last - count)
    return max(0, first + shift), min(count, last + shift)


def matched_sets(
    chosen: Bool[Array, " unit"],
    stratum: Int[Array, " unit"],
    *,
    draws: int,
    rng: np.random.Generator | int,
) -> Int[Array, "draw member"]:
    """Draw sets with as many units of each stratum as the chosen ones.

    The chosen units take part in the draw: under the null they are one such set among the
    others, which makes (b + 1)/(m + 1) exact; sets that hold some of them make it conservative.

    Parameters
    ----------
    chosen : array of bool, shape (unit,)
    stratum : array of int, shape (unit,)
    draws : int
    rng : int or numpy.random.Generator

    Returns
    -------
    array of int, shape (draw, member)
        Places of units.

    Raises
    ------
    InvalidDesign
        Fewer than 20 such sets.

    Examples
    --------
    >>> chosen = np.array([True] + [False] * 29)
    >>> matched_sets(chosen, np.arange(30) // 25, draws=3, rng=0).ravel() < 25
    array([ True,  True,  True])
    """
    if not chosen.any():
        raise HomologueError("no unit is chosen; there is nothing to compare with random units")
    members = [np.flatnonzero(stratum == one) for one in np.unique(stratum[chosen])]
    wanted = [int(chosen[one].sum()) for one in members]
    sets = math.prod(math.comb(one.size, k) for one, k in zip(members, wanted, strict=True))
    if sets < FEWEST_ARRANGEMENTS:
        raise InvalidDesign(
            f"{int(chosen.sum())} of {chosen.size} units: there are {sets} random sets like them, "
            f"and {FEWEST_ARRANGEMENTS} are needed; perturb fewer units, or record more "
            "(among=…)"
        )
    generator = np.random.default_rng(rng)
    parts = []
    for one, k in zip(members, wanted, strict=True):
        order = generator.random((draws, one.size)).argsort(axis=1, kind="stable")
        parts.append(one[order[:, :k]])
    return np.concatenate(parts, axis=1)


def influence(system: Any, rec: xr.DataArray) -> xr.DataArray:
    """Return activation × outgoing norm of every unit: what predicts an effect beside tuning.

    Parameters
    ----------
    system : object
        What was recorded.
    rec : xarray.DataArray
        Unperturbed activity, sample × unit.

    Returns
    -------
    xarray.DataArray, shape (unit,)
        Mean absolute activity times the norm of outgoing weights: ``outgoing_norm`` of the
        recording, or the columns of the linear module that reads a site. Where any site has
        none, the standard deviation of activity for all (``attrs["key"]`` says which).

    Notes
    -----
    The reading module is the one whose input the site is, else the one after it in the same
    parent module with as many inputs as the site has units. Of a residual stream, which
    everything later reads, there is none.

    Examples
    --------
    >>> from homologue.systems.circuits.two_module import system
    >>> key = influence(system(), system().record(runs=2))
    >>> key.sizes["unit"], key.attrs["key"]
    (80, 'activation × outgoing norm')
    """
    activity = rec.transpose("sample", "unit")
    norm: np.ndarray | None
    if "outgoing_norm" in rec.coords:
        norm = np.asarray(rec["outgoing_norm"].values, dtype=np.float64)
    else:
        norm = _outgoing_norm(system, rec)
    if norm is None:
        values, name = activity.values.std(axis=0, dtype=np.float64), "activation SD"
    else:
        values = np.abs(activity.values).mean(axis=0, dtype=np.float64) * norm
        name = "activation × outgoing norm"
    # A recording that names no sites is of one.
    site = rec["site"].values if "site" in rec.coords else np.full(values.size, "")
    return xr.DataArray(
        values,
        dims=("unit",),
        coords={"unit": rec["unit"].values, "site": ("unit", site)},
        attrs={"key": name},
    )


def members(names: tuple[str, ...], key: xr.DataArray) -> Bool[Array, " unit"]:
    """Return which recorded units are meant by names of units or sites.

    Raises
    ------
    UnknownName
        A name that is not recorded; the message holds the nearest ones.
    """
    units, sites = key["unit"].values.astype(str), key["site"].values.astype(str)
    chosen = np.zeros(units.size, dtype=bool)
    for name in names:
        here = (units == name) | (sites == name)
        if not here.any():
            raise UnknownName(
                f"{name!r} is not among the recorded units"
                + nearest(name, [*units.tolist(), *sites.tolist()])
            )
        chosen |= here
    return chosen


def _outgoing_norm(system: Any, rec: xr.DataArray) -> np.ndarray | None:
    model = getattr(system, "model", None)
    if model is None or "site" not in rec.coords:
        return None
    sites = rec["site"].values.astype(str)
    out = np.full(sites.size, np.nan)
    for site in dict.fromkeys(sites.tolist()):
        here = sites == site
        columns = [int(name.rpartition("/")[2]) for name in rec["unit"].values[here]]
        norms = reading_norms(system, site, max(columns) + 1)
        if norms is None or max(columns) >= norms.size:
            return None
        out[here] = norms[columns]
    return out


def reading_norms(system: Any, site: str, width: int) -> Float[Array, " unit"] | None:
    """Return the norm of each column of the linear module that reads a site; None: not found."""
    from homologue.systems._sites import resolve

    try:
        (found,) = resolve(system.model, site, derived=system._derived, announce=_silent)
    except (HomologueError, ValueError):
        return None
    modules = dict(system.model.named_modules())
    module = modules.get(found.module)
    if found.part is not None or module is None:
        return None
    if found.where == "input":
        return _columns(module)
    above, _, last = found.module.rpartition(".")
    siblings = list(modules[above].named_children()) if above in modules else []
    place = [name for name, _ in siblings].index(last)
    reading = [one for _, one in siblings[place + 1 :] if _inputs(one) == width]
    if not reading and _weight(module) is None:
        # Gated perceptrons name their activation function last.
        reading = [one for _, one in siblings[:place] if _inputs(one) == width]
    return _columns(reading[0]) if reading else None


def _silent(*_: Any) -> None:
    return None


def _weight(module: Any) -> Any:
    """Return a linear module's weights as (output, input)."""
    weight = getattr(module, "weight", None)
    if weight is None or type(module).__name__ == "Embedding":
        return None
    if weight.ndim > 2:
        if getattr(module, "groups", 0) != 1 or getattr(module, "transposed", True):
            return None
        # A convolution reads a channel with one number for each output and place of its kernel.
        return weight.movedim(1, -1).flatten(0, -2)
    if weight.ndim != 2:
        return None
    # transformers' Conv1D keeps (input, output).
    return weight.T if type(module).__name__ == "Conv1D" else weight


def _inputs(module: Any) -> int | None:
    weight = _weight(module)
    return None if weight is None else int(weight.shape[1])


def _columns(module: Any) -> np.ndarray | None:
    weight = _weight(module)
    if weight is None:
        return None
    return np.asarray(weight.detach().double().norm(dim=0).cpu().numpy())
