"""*C. elegans* signal-propagation atlas: one neuron stimulated, the others' calcium (Randi 2023).

Each cell of the atlas holds the responses (mean ΔF/F after the stimulation) of one neuron to the
optogenetic stimulation of another, pooled over animals; which responses come from the same
animal is not stored. :func:`read` therefore assembles pseudo-trials, and :func:`atlas` gives the
whole matrix.
"""

from __future__ import annotations

import h5py
import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import InvalidRecording, UnknownName, nearest
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
