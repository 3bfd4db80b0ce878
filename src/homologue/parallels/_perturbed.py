"""What a perturbable system does when its units are silenced: the material of three claims.

Stimuli are few and their number is fixed: :data:`GROUPS` independent groups of each class, half
of them to choose units and to train a readout, half to measure. The readout is trained on the
unperturbed system's own features: those after the recorded site (a network), or what a
simulation declares as its behaviours, each scored as if every condition had been shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.stats
import xarray as xr

from homologue._typing import Array, Bool, Float, Int
from homologue.parallels._matched import NotApplicable
from homologue.perturb._controls import influence
from homologue.perturb._values import Perturbation
from homologue.recording import classes
from homologue.tuning._balanced import rank_contrast

GROUPS = 12
"""Groups of each class; half of them choose and train, half measure."""

CLASSES = 4
"""Classes at most, the first of the variable."""

READABLE = 0.05
"""Level at which a readout must tell held-out groups apart, or there is nothing to impair."""


@dataclass(frozen=True, eq=False)
class Bench:
    """A system with what it was shown.

    Attributes
    ----------
    system : object
        With ``perturb`` and ``record``, or a recording of perturbations, with ``limits``.
    recording : xarray.DataArray
        Of the unperturbed system.
    stimuli : Stimuli or None
        What a network is shown.
    options : dict
        Of ``record``.
    """

    system: Any
    recording: xr.DataArray
    stimuli: Any = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Units, contrasts and readouts of one system, before anything is perturbed.

    Attributes
    ----------
    names : array of str, shape (unit,)
    tuning : array, shape (unit,)
        Unsigned 2·AUC − 1 of the matched contrast, in the half that chooses.
    key : array, shape (unit,)
        Activation × outgoing norm, or the standard deviation.
    sign : array, shape (contrast, group)
        1 and −1 of each held-out group; the first contrast is the matched one.
    readable : array of bool, shape (contrast,)
        Whether the readout tells held-out groups apart.
    scores : callable
        Perturbations → scores of held-out groups (contrast, group), as shares of the
        unperturbed margin.
    """

    names: np.ndarray
    tuning: Float[Array, " unit"]
    key: Float[Array, " unit"]
    sign: Float[Array, "contrast group"]
    readable: Bool[Array, " contrast"]
    scores: Callable[[Sequence[Perturbation]], np.ndarray] = field(repr=False)


def margins(
    scores: Float[Array, "... group"],
    sign: Float[Array, " group"],
    weight: Float[Array, "... group"] | None = None,
) -> Float[Array, "..."]:
    """Return the mean score of one side of a contrast less that of the other.

    Examples
    --------
    >>> float(margins(np.array([1.0, 3.0, 0.0]), np.array([1.0, 1.0, -1.0])))
    2.0
    """
    held = np.ones(sign.shape) if weight is None else weight
    first, second = held * (sign > 0), held * (sign < 0)
    return np.asarray(
        (scores * first).sum(axis=-1) / first.sum(axis=-1)
        - (scores * second).sum(axis=-1) / second.sum(axis=-1)
    )


def resamples(
    sign: Float[Array, "contrast group"], draws: int, rng: np.random.Generator
) -> Float[Array, "draw group"]:
    """Return how often each group is in each resample, drawn within classes."""
    out = np.zeros((draws, sign.shape[1]))
    for cell in np.unique(sign, axis=1).T:
        here = np.flatnonzero((sign == cell[:, None]).all(axis=0))
        out[:, here] = rng.multinomial(here.size, np.full(here.size, 1 / here.size), draws)
    return out


def prepare(bench: Bench, variable: str, *, control: bool, seed: int) -> Prepared:
    """Choose groups, tune units and train readouts on one half, ready to measure on the other.

    Parameters
    ----------
    bench : Bench
    variable : str
        Whose first class against the rest is the matched contrast.
    control : bool
        Whether other contrasts are needed: the other classes against the rest, or the first
        class of a simulation's other variable where there are two classes.
    seed : int
        Of the halves.

    Raises
    ------
    NotApplicable
        Too few classes or groups, no second contrast, or a readout at chance.
    """
    rec, features = _shown(bench, variable)
    rng = np.random.default_rng(seed)
    codes = np.asarray(classes(rec, variable)[0])
    held = np.zeros(codes.size, dtype=bool)
    for one in np.unique(codes):
        here = np.flatnonzero(codes == one)
        held[rng.permutation(here)[: here.size // 2]] = True
    signs = _contrasts(rec, variable, bench.system, control=control)
    plain = features(())
    decoders = [_trained(plain[~held], sign[~held]) for sign in signs]
    reading = np.stack([sign[held] for sign in signs])

    def raw(values: np.ndarray) -> np.ndarray:
        return np.stack([(values[held] - mean) / sd @ w for mean, sd, w in decoders])

    baseline = raw(plain)
    readable = np.array([_told(s, sign) for s, sign in zip(baseline, reading, strict=True)])
    unit = np.array([float(margins(s, sign)) for s, sign in zip(baseline, reading, strict=True)])
    safe = np.where(readable, unit, np.nan)

    def scores(perturbations: Sequence[Perturbation]) -> np.ndarray:
        return np.asarray(raw(features(tuple(perturbations))) / safe[:, None])

    chosen = rec.values[~held].astype(np.float64)
    own = signs[0][~held]
    return Prepared(
        rec["unit"].values.astype(str),
        np.abs(rank_contrast(chosen[own > 0], chosen[own < 0])),
        np.asarray(influence(bench.system, rec).values, dtype=np.float64),
        reading,
        readable,
        scores,
    )


Features = Callable[[tuple[Perturbation, ...]], np.ndarray]


def _shown(bench: Bench, variable: str) -> tuple[xr.DataArray, Features]:
    """Return a recording of a fixed number of groups, and features of the same under changes."""
    system = bench.system
    if bench.stimuli is None:
        kept = _chosen(system.record(runs=GROUPS, rng=0), variable)
        rec = system.record(runs=GROUPS, rng=0)[kept]

        def simulated(perturbations: tuple[Perturbation, ...]) -> np.ndarray:
            changed = system.perturb(*perturbations) if perturbations else system
            return _evidence(changed, changed.record(runs=GROUPS, rng=0).values)[kept]

        return rec, simulated
    kept = _chosen(bench.recording, variable)
    rec = bench.recording[kept]
    shown = bench.stimuli.take(rec["stimulus"].values)
    options = {key: value for key, value in bench.options.items() if key != "sites"}
    site = _last(system)

    def run(perturbations: tuple[Perturbation, ...]) -> np.ndarray:
        changed = system.perturb(*perturbations) if perturbations else system
        found = changed.record(shown, sites=site, **{"positions": "last", **options})
        return np.asarray(found.transpose("sample", "unit").values, dtype=np.float64)

    return rec, run


def _last(system: Any) -> str:
    """Return the last layer of the residual stream, or the output."""
    from homologue.systems._sites import resolve

    found = resolve(system.model, "resid_post", derived=system._derived, announce=lambda *_: None)
    return str(found[-1].name)


def _chosen(rec: xr.DataArray, variable: str) -> Int[Array, " sample"]:
    """Return the first sample of the first groups of the first classes, each as many.

    Raises
    ------
    NotApplicable
        Two such classes are not there, or a group holds several.
    """
    codes, _ = classes(rec, variable)
    group = rec["group"].values
    _, first = np.unique(group, return_index=True)
    first = np.sort(first[codes[first] >= 0])
    enough = [c for c in np.unique(codes[first]) if (codes[first] == c).sum() >= GROUPS][:CLASSES]
    if len(enough) < 2:
        raise NotApplicable(
            f"{len(enough)} classes of {variable!r} have {GROUPS} groups; the claim needs 2"
        )
    # Where variables are crossed a class holds several runs of each combination: spread them.
    parts = []
    for c in enough:
        here = first[codes[first] == c]
        parts.append(here[np.linspace(0, here.size - 1, GROUPS).astype(int)])
    return np.sort(np.concatenate(parts))


def _contrasts(rec: xr.DataArray, variable: str, system: Any, *, control: bool) -> list[np.ndarray]:
    codes = np.asarray(classes(rec, variable)[0])
    present = np.unique(codes)
    out = [np.where(codes == one, 1.0, -1.0) for one in present]
    if present.size > 2 or not control:
        return out if control else out[:1]
    others = [name for name in getattr(system, "variables", ()) if name != variable]
    if not others:
        raise NotApplicable(
            f"{variable!r} has two classes and no other variable is shown: there is no other "
            "contrast to be spared"
        )
    other = np.asarray(classes(rec, others[0])[0])
    return [out[0], np.where(other == np.unique(other)[0], 1.0, -1.0)]


def _evidence(system: Any, activity: np.ndarray) -> Float[Array, "run feature"]:
    """Return declared behaviours, each scored as if every condition had been shown in turn.

    A behaviour that is judged against what was shown (right, wrong) would otherwise hold the
    answer; one that is not gives the same number each time.
    """
    conditions = system.dynamics.conditions
    columns = []
    for behaviour in system.dynamics.behaviours.values():
        for name, labels in conditions.items():
            for code in range(len(labels)):
                codes = {
                    other: np.full(len(activity), code if other == name else 0)
                    for other in conditions
                }
                columns.append(np.asarray(behaviour.readout(activity, codes), dtype=np.float64))
    return np.stack(columns, axis=1)


def _trained(
    values: Float[Array, "group feature"], sign: Float[Array, " group"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, spread and weights of a ridge readout; both sides weigh the same."""
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread = np.where(spread > 1e-9 * max(1.0, float(np.abs(values).max())), spread, np.inf)
    z = (values - mean) / spread
    weight = np.where(sign > 0, 0.5 / (sign > 0).mean(), 0.5 / (sign < 0).mean())
    root = np.sqrt(weight)
    kernel = root[:, None] * (z @ z.T) * root
    penalty = max(float(np.trace(kernel)) / len(kernel), 1e-12)
    dual = np.linalg.solve(kernel + penalty * np.eye(len(kernel)), root * sign)
    return mean, spread, z.T @ (root * dual)


def _told(scores: Float[Array, " group"], sign: Float[Array, " group"]) -> bool:
    first, second = scores[sign > 0], scores[sign < 0]
    if np.ptp(scores) == 0:
        return False
    p = scipy.stats.mannwhitneyu(first, second, alternative="greater").pvalue
    return bool(p < READABLE)
