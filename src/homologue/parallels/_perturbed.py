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
from homologue.perturb._perturbation import cool
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
    _shown: dict[str, Shown] = field(default_factory=dict, repr=False)

    def shown(self, variable: str) -> Shown:
        """Return what a fixed number of groups does unperturbed; it is run once."""
        if variable not in self._shown:
            self._shown[variable] = _shown(self, variable)
        return self._shown[variable]


Target = tuple[Perturbation, ...]
"""What is done to a system at once."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A fixed number of groups of each class, and what the system makes of them.

    Attributes
    ----------
    recording : xarray.DataArray
        Of the unperturbed system.
    plain : array, shape (sample, feature)
        What a readout may be trained on.
    under : callable
        Targets and samples → features (target, sample, feature).
    """

    recording: xr.DataArray
    plain: Float[Array, "sample feature"] = field(repr=False)
    under: Callable[[Sequence[Target], np.ndarray], np.ndarray] = field(repr=False)


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
        Targets → scores of held-out groups (target, contrast, group), as shares of the
        unperturbed margin.
    """

    names: np.ndarray
    tuning: Float[Array, " unit"]
    key: Float[Array, " unit"]
    sign: Float[Array, "contrast group"]
    readable: Bool[Array, " contrast"]
    scores: Callable[[Sequence[Target]], np.ndarray] = field(repr=False)


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
    shown = bench.shown(variable)
    rec, plain = shown.recording, shown.plain
    rng = np.random.default_rng(seed)
    codes = np.asarray(classes(rec, variable)[0])
    held = np.zeros(codes.size, dtype=bool)
    for one in np.unique(codes):
        here = np.flatnonzero(codes == one)
        held[rng.permutation(here)[: here.size // 2]] = True
    signs = _contrasts(rec, variable, bench.system, control=control)
    decoders = [_trained(plain[~held], sign[~held]) for sign in signs]
    reading = np.stack([sign[held] for sign in signs])

    def raw(values: np.ndarray) -> np.ndarray:
        """Return scores (…, contrast, group) of features (…, group, feature)."""
        return np.stack([(values - mean) / sd @ w for mean, sd, w in decoders], axis=-2)

    baseline = raw(plain[held])
    readable = np.array([_told(s, sign) for s, sign in zip(baseline, reading, strict=True)])
    unit = np.array([float(margins(s, sign)) for s, sign in zip(baseline, reading, strict=True)])
    safe = np.where(readable, unit, np.nan)

    def scores(targets: Sequence[Target]) -> np.ndarray:
        return np.asarray(raw(shown.under(targets, np.flatnonzero(held))) / safe[:, None])

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


def _shown(bench: Bench, variable: str) -> Shown:
    if bench.stimuli is None:
        return _simulated(bench.system, variable)
    rec = bench.recording[_chosen(bench.recording, variable)]
    stimuli = bench.stimuli.take(rec["stimulus"].values)
    return Shown(rec, *_read(bench, rec, stimuli))


def _simulated(system: Any, variable: str) -> Shown:
    whole = system.record(runs=GROUPS, rng=0)
    kept = _chosen(whole, variable)

    def under(targets: Sequence[Target], index: np.ndarray) -> np.ndarray:
        changed = [system.perturb(*one) if one else system for one in targets]
        return np.stack(
            [_evidence(one, one.record(runs=GROUPS, rng=0).values)[kept[index]] for one in changed]
        )

    return Shown(whole[kept], _evidence(system, whole.values)[kept], under)


def _read(bench: Bench, rec: xr.DataArray, stimuli: Any) -> tuple[np.ndarray, Any]:
    """Return features of a network's last layer, and a function that gives them under targets.

    The blocks before the recorded ones run once, for all claims. A network whose blocks pass on
    more than one tensor runs whole, once a target.
    """
    from homologue.systems._features import Features, NoChain, last_site

    system = bench.system
    site = last_site(system)
    options = {key: value for key, value in bench.options.items() if key != "sites"}
    if stimuli.modality in ("text", "tokens"):
        options = {"positions": "last", **options}
    _, first = np.unique(rec["site"].values, return_index=True)
    like = [(cool(str(name), 1.0),) for name in rec["unit"].values[np.sort(first)]]
    try:
        fast = Features(system, stimuli, site=site, like=like, **options)
    except NoChain:
        return run_whole(system, stimuli, site, options)
    return fast.plain.astype(np.float64), fast.under


def run_whole(
    system: Any, stimuli: Any, site: str, options: dict[str, Any]
) -> tuple[np.ndarray, Any]:
    """Return the same of a network that runs whole, once a target."""

    def run(target: Target, shown: Any) -> np.ndarray:
        changed = system.perturb(*target) if target else system
        found = changed.record(shown, sites=site, **options)
        return np.asarray(found.transpose("sample", "unit").values, dtype=np.float64)

    def under(targets: Sequence[Target], index: np.ndarray) -> np.ndarray:
        return np.stack([run(one, stimuli.take(index)) for one in targets])

    return run((), stimuli), under


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
