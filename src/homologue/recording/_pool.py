"""Pseudo-populations: units of several sessions as if they had been recorded together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidRecording
from homologue.recording._labels import labelled, labels
from homologue.recording._make import make
from homologue.recording._validate import validate
from homologue.recording._variables import variable as as_variable


def pool(
    recordings: Sequence[xr.DataArray],
    variable: str,
    *,
    groups: int | None = None,
    rng: np.random.Generator | int,
    system: str | None = None,
) -> xr.DataArray:
    """Return a pseudo-population: for each class, trials of all sessions paired at random.

    Whole groups (trials) are paired, lag by lag where the recordings have ``lag``. Every session
    gives the same number of groups a class, each at most once, so that pseudo-trials share no
    data. The result has ``simultaneous=False``: correlations between units of different sessions
    are an artefact of the pairing, and claims about covariance must not be made on it.

    Parameters
    ----------
    recordings : sequence of DataArray
        Sessions; their units are different neurons even where names agree.
    variable : str
        The variable whose classes are paired; constant within each group.
    groups : int, optional
        Pseudo-trials per class; as many as the poorest session and class allow by default.
    rng : numpy Generator or int
        Source of the pairing.
    system : str, optional
        Name of the pseudo-population; ``"pool of N"`` by default.

    Returns
    -------
    xarray.DataArray
        ``group`` and ``trial`` are the pseudo-trial; ``session`` on ``unit`` says where each unit
        comes from, and unit names are prefixed with it.

    Raises
    ------
    InvalidRecording
        Fewer than two common classes, too few groups, a label that changes within a group, or
        sessions with different lags.

    Notes
    -----
    Classes that a session lacks are left out and counted in ``attrs["classes_left_out"]``. Fails
    to represent noise correlations, and makes decoding easier where they limit information
    (Averbeck, Latham & Pouget 2006, doi:10.1038/nrn1888).

    Examples
    --------
    >>> day = [make(np.full((4, 2), d + 1.0), stimulus=list("abab"), system=f"day{d}")
    ...        for d in range(3)]
    >>> pooled = pool(day, "stimulus", rng=0)
    >>> pooled.sizes["sample"], pooled.sizes["unit"], pooled.attrs["simultaneous"]
    (4, 6, 0)
    """
    recordings = list(recordings)
    if len(recordings) < 2:
        raise InvalidRecording(f"a pool needs at least two sessions; given {len(recordings)}")
    if len({id(rec) for rec in recordings}) < len(recordings):
        raise InvalidRecording("the same recording is given twice; its units would be copies")
    rng = np.random.default_rng(rng)
    sessions = [_Session(rec, variable) for rec in recordings]
    _check_lags(sessions)
    common = [c for c in sessions[0].trials if all(c in s.trials for s in sessions)]
    every = {c for s in sessions for c in s.trials}
    if len(common) < 2:
        raise InvalidRecording(
            f"the sessions have {len(common)} classes of {variable!r} in common "
            f"(of {len(every)}); a pool needs two. Pool sessions with the same classes, "
            "or analyse each by itself"
        )
    fewest = min(len(s.trials[c]) for s in sessions for c in common)
    groups = fewest if groups is None else groups
    if not 1 <= groups <= fewest:
        raise InvalidRecording(
            f"{groups} groups a class asked for; the poorest session and class has {fewest}. "
            "A trial is used once only"
        )
    parts = []
    for session in sessions:
        drawn = [rng.permutation(session.trials[c])[:groups] for c in common]
        parts.append(session.rec.values[np.concatenate(drawn).reshape(-1)])
    variables = _variables(sessions[0], variable, common, groups)
    return _assemble(
        sessions, np.concatenate(parts, axis=1), variables, system, len(every) - len(common)
    )


class _Session:
    """One recording's trials by class: rows of sample indices, one row a group."""

    def __init__(self, rec: xr.DataArray, variable: str) -> None:
        validate(rec, needs=[variable], allow_missing=True, check_values=False)
        self.rec = rec
        spelled = labels(rec, variable)
        rows = np.flatnonzero(labelled(rec, variable))
        _, group = np.unique(rec["group"].values[rows], return_inverse=True)
        order = np.argsort(group, kind="stable")
        rows, size = rows[order], np.bincount(group)
        name = rec.attrs.get("system", "unnamed")
        if not rows.size:
            raise InvalidRecording(f"session {name!r} has no label of {variable!r}")
        if (size != size[0]).any():
            raise InvalidRecording(
                f"groups of session {name!r} have {size.min()} to {size.max()} samples; "
                "pair trials of equal length: count one value a trial, or use one window"
            )
        self.lags = int(size[0])
        table = rows.reshape(-1, self.lags)
        self.lag = rec["lag"].values[table] if "lag" in rec.coords else None
        if self.lag is not None:
            within = np.argsort(self.lag, axis=1, kind="stable")
            table = np.take_along_axis(table, within, axis=1)
            self.lag = np.take_along_axis(self.lag, within, axis=1)
        elif self.lags > 1:
            raise InvalidRecording(
                f"groups of session {name!r} hold {self.lags} samples and no 'lag' to pair them "
                "by; average each group first, or give the samples a lag"
            )
        label = spelled[table]
        if (label != label[:, :1]).any():
            raise InvalidRecording(
                f"{variable!r} changes within groups of session {name!r}; whole groups are paired"
            )
        self.trials: dict[Any, np.ndarray] = {}
        for value in dict.fromkeys(label[:, 0].tolist()):
            self.trials[value] = table[label[:, 0] == value]


def _check_lags(sessions: Sequence[_Session]) -> None:
    first = sessions[0]
    for session in sessions:
        if session.lags != first.lags or (session.lag is None) != (first.lag is None):
            raise InvalidRecording(
                f"sessions have {first.lags} and {session.lags} samples a trial; "
                "align all with one window and one width"
            )
        if session.lag is None or first.lag is None:
            continue
        if not np.allclose(session.lag, first.lag[0], atol=1e-9):
            raise InvalidRecording(
                "trials have different lags; align all sessions with one window and one width"
            )


def _variables(session: _Session, name: str, classes: Sequence[Any], groups: int) -> dict[str, Any]:
    code = np.repeat(np.arange(len(classes)), groups * session.lags)
    source = session.rec[name]
    if "categories" in source.attrs:
        label = as_variable(code, categories=[str(c) for c in classes])
    else:
        label = as_variable(np.asarray(classes)[code])
    label.attrs |= {
        key: source.attrs[key] for key in ("label_source", "period") if key in source.attrs
    }
    variables: dict[str, Any] = {
        name: label,
        "trial": np.repeat(np.arange(len(classes) * groups), session.lags),
    }
    if session.lag is not None:
        variables["lag"] = np.tile(session.lag[0], len(classes) * groups)
    return variables


def _assemble(
    sessions: Sequence[_Session],
    activity: np.ndarray,
    variables: dict[str, Any],
    system: str | None,
    left_out: int,
) -> xr.DataArray:
    recordings = [session.rec for session in sessions]
    names = [str(rec.attrs.get("system", "unnamed")) for rec in recordings]
    if len(set(names)) < len(names):
        names = [f"{number}:{text}" for number, text in enumerate(names)]
    session = np.repeat(names, [rec.sizes["unit"] for rec in recordings])
    unit = np.concatenate([rec["unit"].values.astype(str) for rec in recordings])
    shared = [
        str(key)
        for key, coord in recordings[0].coords.items()
        if coord.dims == ("unit",)
        and key != "unit"
        and all(key in rec.coords for rec in recordings)
    ]
    columns = {key: np.concatenate([rec[key].values for rec in recordings]) for key in shared}
    attrs = {
        key: value
        for key, value in recordings[0].attrs.items()
        if key not in ("system", "simultaneous")
        and all(rec.attrs.get(key) == value for rec in recordings)
    }
    system = f"pool of {len(recordings)}" if system is None else system
    given = {"kind": recordings[0].attrs["kind"], "family": system} | attrs
    return make(
        activity,
        unit=[f"{a}/{b}" for a, b in zip(session, unit, strict=True)],
        group=variables["trial"],
        variables=variables,
        unit_variables=columns | {"session": session},
        system=system,
        simultaneous=False,
        sessions=len(recordings),
        classes_left_out=left_out,
        **given,
    )
