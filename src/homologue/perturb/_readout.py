"""A linear readout as a behaviour: what of a stimulus can still be told from activity.

Trained networks do tasks, untrained ones and most simulations do none. A readout that is trained
on a system's own unperturbed activity gives every one of them a behaviour that can be impaired.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidDesign, UnknownName, nearest
from homologue._typing import Array, Float, Int
from homologue.perturb._behaviour import Behaviour, labelled, recorded
from homologue.recording import classes as classes_of

FOLDS = 5


def readout(
    system: Any,
    variable: str,
    classes: Sequence[str] | None = None,
    *,
    stimuli: Any = None,
    name: str | None = None,
    metric: str = "margin",
    runs: int | None = None,
    ridge: float = 0.1,
    rng: Any,
    **options: Any,
) -> Behaviour:
    """Return a readout of a stimulus variable, trained on a system's unperturbed activity.

    Parameters
    ----------
    system : object
        Unperturbed; anything that can be recorded.
    variable : str
        Which stimulus variable is read.
    classes : sequence of two str, optional
        The classes that are told apart; not needed where there are two.
    stimuli : Stimuli, optional
        What a network is shown.
    name : str, optional
        Of the behaviour; ``"A vs B"`` if left out.
    metric : {"margin", "accuracy"}
        Signed distance from the boundary, in units of half the distance between class means (1:
        the unperturbed mean); or the share of samples on the right side (chance .5).
    runs : int, optional
        Of a simulation.
    ridge : float
        Penalty, as a share of the mean variance of units.
    rng : int
        Of the simulation that is trained on.
    **options
        Of ``record``: ``sites=`` and ``positions=`` of a network.

    Returns
    -------
    Behaviour
        For this system, perturbed or not. Each group is read by a readout that was trained
        without it (five folds of groups).

    Raises
    ------
    UnknownName
        No such variable or class.
    InvalidDesign
        Fewer than 5 groups in a class.

    Notes
    -----
    The readout is not trained anew under a perturbation: what is lost is what is missing where
    it was read, not what could be relearned. Sites that are perturbed and read are read as the
    perturbation leaves them.

    Examples
    --------
    >>> from homologue import perturb
    >>> from homologue.systems.circuits.two_module import system
    >>> circuit = system()
    >>> cue = readout(circuit, "cue a", runs=12, rng=0)
    >>> round(float(cue.measure(circuit, rng=0).mean()), 1)
    1.0
    >>> lesioned = circuit.perturb(perturb.ablate(["module-a", "decoy-a"]))
    >>> bool(cue.measure(lesioned, rng=0).mean() < 0.1)
    True
    """
    if metric not in ("margin", "accuracy"):
        raise HomologueError(f"metric is 'margin' or 'accuracy'; given {metric!r}")
    rec = recorded(system, stimuli, rng=rng, runs=runs, **options)
    kept, sign, names = _two_classes(rec, variable, classes)
    group = rec["group"].values[kept]
    _, codes = np.unique(group, return_inverse=True)
    folds = _folds(codes, sign)
    weights, offsets = _trained(rec.values[kept].astype(np.float64), sign, folds[codes], ridge)

    def read(other: Any, seed: Any) -> xr.DataArray:
        now = recorded(other, stimuli, rng=seed, runs=runs, **options)
        if now.shape != rec.shape or not np.array_equal(now["group"].values[kept], group):
            raise HomologueError(
                f"the readout was trained on a recording of shape {rec.shape}; this one has "
                f"{now.shape}, or other groups. Read the system it was trained on"
            )
        values = now.values[kept].astype(np.float64)
        fold = folds[codes]
        score = sign * (np.einsum("su,su->s", values, weights[fold]) + offsets[fold])
        return labelled(score if metric == "margin" else (score > 0).astype(float), group)

    title = name or f"{names[0]} vs {names[1]}"
    text = f"{metric} of a linear readout of {variable!r}: {names[0]} or {names[1]}"
    return Behaviour(title, text, read, 0.0 if metric == "margin" else 0.5)


def _two_classes(
    rec: xr.DataArray, variable: str, classes: Sequence[str] | None
) -> tuple[Int[Array, " kept"], Float[Array, " kept"], list[str]]:
    """Return samples of two classes, +1 or −1 for each, and the classes' names."""
    codes, names = classes_of(rec, variable)
    wanted = list(names) if classes is None else [str(one) for one in classes]
    if len(wanted) != 2 or wanted[0] == wanted[1]:
        raise HomologueError(
            f"a readout tells two classes apart; {variable!r} has {', '.join(names)}: say which, "
            "classes=[…, …]"
        )
    for one in wanted:
        if one not in names:
            raise UnknownName(f"{variable!r} has no class {one!r}" + nearest(one, names))
    first, second = (names.index(one) for one in wanted)
    kept = np.flatnonzero(np.isin(codes, [first, second]))
    return kept, np.where(codes[kept] == first, 1.0, -1.0), wanted


def _folds(codes: Int[Array, " sample"], sign: Float[Array, " sample"]) -> Int[Array, " group"]:
    """Deal groups to folds, those of either class (or of both) in turn.

    Raises
    ------
    InvalidDesign
        Fewer than 5 groups in a class.
    """
    count = np.bincount(codes)
    lean = np.sign(np.bincount(codes, sign) / count)
    in_class = [np.unique(codes[sign == one]).size for one in (1, -1)]
    if min(in_class) < FOLDS:
        raise InvalidDesign(
            f"the classes have {in_class[0]} and {in_class[1]} groups; a readout that is tested on "
            f"groups it was not trained on needs {FOLDS} of each"
        )
    order = np.argsort(lean, kind="stable")
    folds = np.empty(count.size, dtype=np.int64)
    folds[order] = np.arange(count.size) % FOLDS
    return folds


def _trained(
    values: Float[Array, "sample unit"],
    sign: Float[Array, " sample"],
    fold: Int[Array, " sample"],
    ridge: float,
) -> tuple[Float[Array, "fold unit"], Float[Array, " fold"]]:
    """Return discriminants, one for each fold that is left out, scaled to class means of ±1."""
    weights, offsets = [], []
    for left_out in range(FOLDS):
        train = fold != left_out
        x, y = values[train], sign[train]
        means = [x[y == one].mean(axis=0) for one in (1, -1)]
        centre, difference = (means[0] + means[1]) / 2, means[0] - means[1]
        scatter = np.concatenate([x[y == 1] - means[0], x[y == -1] - means[1]])
        penalty = ridge * max(float((scatter**2).sum(axis=0).mean()), 1e-300)
        # (XᵀX + λ)⁻¹ d by the smaller of the two systems.
        if scatter.shape[1] <= scatter.shape[0]:
            matrix = scatter.T @ scatter + penalty * np.eye(scatter.shape[1])
            direction = np.linalg.solve(matrix, difference)
        else:
            matrix = scatter @ scatter.T + penalty * np.eye(scatter.shape[0])
            inner = np.linalg.solve(matrix, scatter @ difference)
            direction = (difference - scatter.T @ inner) / penalty
        length = float(direction @ difference) / 2
        if not length > 0:
            raise InvalidDesign("the classes have the same mean activity: nothing can be read")
        weights.append(direction / length)
        offsets.append(-float(centre @ direction) / length)
    return np.stack(weights), np.array(offsets)
