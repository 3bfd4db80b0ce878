"""*C. elegans* signal-propagation atlas: one neuron stimulated, the others' calcium (Randi 2023).

Each cell of the atlas holds the responses (mean ΔF/F after the stimulation) of one neuron to the
optogenetic stimulation of another, pooled over animals; which responses come from the same
animal is not stored. :func:`read` therefore assembles pseudo-trials, and :func:`atlas` gives the
whole matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import h5py
import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError, InvalidRecording, UnknownName, nearest
from homologue._typing import Array, Bool, Int
from homologue.systems import _assets
from homologue.systems._packaged import Packaged, packaged

STRAINS = {"wt": "wt", "unc-31": "unc31"}
"""Wild type, and the mutant without dense-core-vesicle release."""


def _trials(strain: str) -> tuple[np.ndarray, np.ndarray]:
    """Return neuron names and the ragged trials, [responding, stimulated], finite values only."""
    if strain not in STRAINS:
        raise UnknownName(f"strain {strain!r} is not known" + nearest(strain, STRAINS))
    with h5py.File(_assets.fetch("worm"), "r") as file:
        names = file["neuron_ids"][:].astype(str)
        ragged = file[STRAINS[strain]]["dFF_all"][:]
    trials = np.empty(ragged.shape, dtype=object)
    for index in np.ndindex(ragged.shape):
        trials[index] = ragged[index][np.isfinite(ragged[index])]
    return names, trials


def dense_block(
    count: Int[Array, "responding stimulated"], repeats: int, smallest: int = 12
) -> tuple[Int[Array, " chosen"], Bool[Array, " responding"]]:
    """Choose stimulated and responding neurons so that every pair has enough repeats.

    Greedy: stimulated neurons are added one at a time, each time the one that leaves the most
    responding neurons with ``repeats`` responses to all chosen ones; of the nested choices the
    one with the largest stimulated × responding is taken. A stimulated neuron never serves as a
    responding one (its own light-driven response is no signal propagation).

    Parameters
    ----------
    count : array of int, shape (responding, stimulated)
        Responses recorded of each pair.
    repeats : int
        Responses needed of each pair.
    smallest : int
        Responding neurons there must be.

    Returns
    -------
    stimulated : array of int
        Indices, in the order of choice.
    responding : array of bool, shape (responding,)
        Which neurons respond.

    Raises
    ------
    InvalidRecording
        No two stimulated neurons share ``smallest`` responding ones.

    Examples
    --------
    >>> count = np.array([[0, 9, 9], [9, 0, 9], [9, 9, 0], [9, 9, 0], [9, 9, 0]])
    >>> stimulated, responding = dense_block(np.pad(count, ((0, 0), (0, 2))), 5, smallest=2)
    >>> stimulated.tolist(), np.flatnonzero(responding).tolist()
    ([0, 1], [2, 3, 4])
    """
    enough = count >= repeats
    alive = np.ones(count.shape[0], dtype=bool)
    chosen: list[int] = []
    best: tuple[int, list[int], np.ndarray] = (0, [], alive)
    while True:
        candidates = enough & alive[:, None]
        candidates[np.arange(count.shape[1]), np.arange(count.shape[1])] = False
        width = candidates.sum(axis=0)
        width[chosen] = -1
        winner = int(np.argmax(width))
        if width[winner] < smallest:
            break
        chosen = [*chosen, winner]
        alive = candidates[:, winner]
        if len(chosen) >= 2 and len(chosen) * alive.sum() > best[0]:
            best = (int(len(chosen) * alive.sum()), chosen, alive)
    if not best[1]:
        raise InvalidRecording(
            f"no two stimulated neurons share {smallest} responding neurons with {repeats} "
            "repeats each; ask for fewer repeats or a smaller block"
        )
    return np.array(best[1]), best[2]


def read(strain: str = "wt", repeats: int = 10, smallest: int = 12, seed: int = 0) -> xr.DataArray:
    """Return a dense block of the atlas as pseudo-trials.

    A pseudo-trial of a stimulated neuron takes, for each responding neuron, one of its recorded
    responses; each response is used at most once, in an order drawn per pair with ``seed``, so
    that nothing links responses of different neurons but the stimulation.

    Parameters
    ----------
    strain : {"wt", "unc-31"}
        Wild type or mutant.
    repeats : int
        Pseudo-trials per stimulated neuron; pairs with fewer responses are left out.
    smallest : int
        Responding neurons there must be (see :func:`dense_block`).
    seed : int
        Of the order of responses.

    Returns
    -------
    xarray.DataArray
        (stimulated × repeat) × responding neurons, mean ΔF/F; ``stimulated`` on ``sample``,
        group = pseudo-trial, ``simultaneous=False``.

    Notes
    -----
    Responses of one neuron from the same animal may stand in several pseudo-trials (animals are
    not identified in the file); a few animals with a shift of their own would then make repeats
    look more alike than those of fresh animals would.
    """
    names, trials = _trials(strain)
    count = np.vectorize(len, otypes=[int])(trials)
    stimulated, responding = dense_block(count, repeats, smallest)
    units = np.flatnonzero(responding)
    rng = np.random.default_rng(seed)
    activity = np.empty((stimulated.size, repeats, units.size))
    for row, cause in enumerate(stimulated):
        for column, unit in enumerate(units):
            activity[row, :, column] = rng.permutation(trials[unit, cause])[:repeats]
    cause = np.repeat(np.arange(stimulated.size), repeats)
    return recording.make(
        activity.reshape(-1, units.size),
        unit=names[units],
        site="head",
        group=np.arange(cause.size),
        stimulus=names[stimulated][cause],
        variables={
            "stimulated": recording.variable(cause, categories=[str(n) for n in names[stimulated]])
        },
        activity_units="mean dF/F after stimulation",
        simultaneous=False,
        species="Caenorhabditis elegans",
        strain=strain,
        seed=seed,
    )


def atlas(strain: str = "wt") -> xr.Dataset:
    """Return the whole atlas: response, significance and number of observations of every pair.

    Parameters
    ----------
    strain : {"wt", "unc-31"}
        Wild type or mutant.

    Returns
    -------
    xarray.Dataset
        Dims ``(responding, stimulated)``, 300 × 300: ``dFF`` (mean response, NaN = not
        recorded), ``q`` (false-discovery rate of a response), ``q_equivalence`` (of no
        response), ``trials`` (responses in the mean), ``occurrences`` (as published; it also
        counts stimulations whose response was discarded).
    """
    names, trials = _trials(strain)
    with h5py.File(_assets.fetch("worm"), "r") as file:
        group = file[STRAINS[strain]]
        dims = ("responding", "stimulated")
        data = {
            "dFF": (dims, group["dFF"][:]),
            "q": (dims, group["q"][:]),
            "q_equivalence": (dims, group["q_eq"][:]),
            "trials": (dims, np.vectorize(len, otypes=[int])(trials)),
            "occurrences": (dims, group["occ1"][:]),
        }
    asset = _assets.get("worm")
    attrs = {"strain": strain, "licence": asset.licence, "citation": asset.citation}
    return xr.Dataset(data, coords={"responding": names, "stimulated": names}, attrs=attrs)


def system(part: str | None = None) -> Packaged:
    """Return the system ``worm``; ``part`` is a strain."""
    options = {"strain": part} if part else {}
    return packaged("worm", "worm", read, variable="stimulated", options=options)


def read_all(strain: str = "wt", seed: int = 0) -> xr.DataArray:
    """Return every recorded response of the atlas, NaN where a pair has no more.

    Parameters
    ----------
    strain : {"wt", "unc-31"}
        Wild type or mutant.
    seed : int
        Of the order in which a pair's responses are laid on samples.

    Returns
    -------
    xarray.DataArray
        Samples × 300 responding neurons, mean ΔF/F; ``stimulated`` on ``sample``. A sample is no
        stimulation that took place but a row of the table: its responses may come from different
        animals and are drawn in an order of their own, so that nothing links them but the
        stimulated neuron.
    """
    names, trials = _trials(strain)
    count = np.vectorize(len, otypes=[int])(trials)
    rows = count.max(axis=0)
    first = np.concatenate([[0], np.cumsum(rows)])
    rng = np.random.default_rng(seed)
    activity = np.full((first[-1], names.size), np.nan)
    for unit, cause in np.argwhere(count > 0):
        place = first[cause] + np.arange(count[unit, cause])
        activity[place, unit] = rng.permutation(trials[unit, cause])
    cause = np.repeat(np.arange(names.size), rows)
    return recording.make(
        activity,
        unit=names,
        site="head",
        group=np.arange(cause.size),
        variables={
            "stimulated": recording.variable(cause, categories=[str(name) for name in names])
        },
        activity_units="mean dF/F after stimulation",
        simultaneous=False,
        species="Caenorhabditis elegans",
        strain=strain,
        seed=seed,
    )


NOT_RECORDED = {
    "dose": "every neuron was stimulated at one strength: there is no dose to grade an effect by",
    "groups": (
        "the file does not say which responses come from the same animal: each counts as one "
        "observation, and intervals are too narrow by as much as animals differ"
    ),
    "behaviour": "neurons were read and the animal was held still: no behaviour was recorded",
    "tuning": (
        "a neuron's tuning and the effect of stimulating it are both measured in the same "
        "experiment: there is no stimulus other than the stimulated neuron"
    ),
}
"""What the experiment cannot answer, and why."""


@dataclass(frozen=True)
class RecordedPerturbations:
    """The atlas as perturbations that were made and recorded; others cannot be asked of it.

    Attributes
    ----------
    strain : str
        ``"wt"`` or ``"unc-31"``.
    """

    strain: str = "wt"

    kind = "brain"
    family = "worm"
    variable = "stimulated"
    variables = ("stimulated",)
    limits = NOT_RECORDED

    @property
    def behaviours(self) -> dict[str, str]:
        """None: the animal was held still."""
        return {}

    @property
    def name(self) -> str:
        """Name in the registry."""
        return "worm-atlas" if self.strain == "wt" else f"worm-atlas/{self.strain}"

    @property
    def licence(self) -> str:
        """Licence of the file."""
        return _assets.get("worm").licence

    @property
    def citation(self) -> str:
        """Who measured it."""
        return _assets.get("worm").citation

    @property
    def source(self) -> str:
        """Where the file comes from."""
        return _assets.get("worm").source

    def record(self, variable: str | None = None, *, seed: int = 0) -> xr.DataArray:
        """Return every recorded response; see :func:`read_all`.

        Raises
        ------
        UnknownName
            A variable other than ``stimulated``.
        """
        if variable not in (None, "stimulated"):
            raise UnknownName(
                f"system {self.name!r} has no variable {variable!r}"
                + nearest(variable, ("stimulated",))
            )
        return read_all(self.strain, seed).assign_attrs(
            system=self.name,
            kind=self.kind,
            family=self.family,
            licence=self.licence,
            citation=self.citation,
            source=self.source,
            asset="worm",
        )

    def effects(self) -> xr.Dataset:
        """Return the published effect of every stimulated neuron; see :func:`atlas`."""
        return atlas(self.strain)

    def perturb(self, *perturbations: Any, rng: Any = None) -> NoReturn:
        """Refuse: nothing more can be done to animals that were recorded."""
        asked = ", ".join(getattr(one, "name", repr(one)) for one in perturbations)
        raise HomologueError(
            f"system {self.name!r} is a recording of stimulated neurons and cannot be perturbed "
            f"further{f' (asked for {asked})' if asked else ''}; its perturbations are in "
            "record(), one class of 'stimulated' each: analyse them with "
            "homologue.perturb.recorded_effects"
        )

    def untrained(self, seed: int) -> NoReturn:
        """Refuse: a recording has no parameters to re-initialise."""
        raise HomologueError(
            f"system {self.name!r} (brain) is a recording: it has no parameters and no "
            "untrained twin; only models have one"
        )


def atlas_system(part: str | None = None) -> RecordedPerturbations:
    """Return the system ``worm-atlas``; ``part`` is a strain."""
    strain = part or "wt"
    if strain not in STRAINS:
        raise UnknownName(f"strain {strain!r} is not known" + nearest(strain, STRAINS))
    return RecordedPerturbations(strain)
