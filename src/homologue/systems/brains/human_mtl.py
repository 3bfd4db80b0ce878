"""Human medial temporal lobe: 1 380 units in 57 sessions of recognition memory (Faraut 2018).

In each session 100 pictures of five categories were learned; 100 were shown later, half of them
old. Three sets of pictures exist, and every patient who saw a set saw the same pictures in the
same order (but for one session): units of different patients can therefore be joined picture by
picture, as a pseudo-population (``simultaneous=False``), and the same picture shown twice is one
group. Counts are of spikes 200–1 700 ms after picture onset.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import UnknownName, nearest
from homologue.systems import _assets
from homologue.systems._packaged import Packaged, packaged

PICTURE_SETS = {"houses": "houses", "cars": "1cars", "fruit": "fruit"}
"""Picture set → its first category in the file, by which the set is known."""

AREAS = {1: "right hippocampus", 2: "left hippocampus", 3: "right amygdala", 4: "left amygdala"}
"""Area codes, as the dataset paper lists them."""

WINDOW_SECONDS = 1.5


def sessions(picture_set: str | None = None) -> list[str]:
    """Return session names, of one picture set or of all."""
    return list(_sessions(np.load(_assets.fetch("human-mtl")), picture_set))


def read(picture_set: str | None = "houses", session: str | None = None) -> xr.DataArray:
    """Return spike rates to each picture, of one session or joined over sessions.

    Parameters
    ----------
    picture_set : {"houses", "cars", "fruit"}
        Which sessions are joined: 25 with 594 units, 19 with 472, 12 with 282.
    session : str, optional
        One session, whose units were recorded together; ``sessions()`` lists them.

    Returns
    -------
    xarray.DataArray
        200 presentations (100 learning, then 100 recognition) × units, spikes/s. On
        ``sample``: ``category`` (5), ``phase`` (learning, recognition), ``memory`` (new, old;
        recognition only), ``trial``, ``stimulus`` = ``group`` = picture. On ``unit``: ``site``
        (area), ``session``.

    Notes
    -----
    Presentations are minutes apart and group = picture takes a repeated picture as one, but the
    order of pictures is shared by all patients: a slow drift common to them would be taken for
    a property of the pictures.
    """
    file = np.load(_assets.fetch("human-mtl"))
    if session is not None:
        known = _sessions(file, None)
        if session not in known:
            raise UnknownName(f"no session is named {session!r}" + nearest(session, known))
        chosen = [session]
    else:
        chosen = list(_sessions(file, picture_set))
    first = chosen[0]
    same = [s for s in chosen if all(_agree(file, s, first, key) for key in _ORDER)]
    counts = [
        np.concatenate([file[f"{s}__counts_learn"], file[f"{s}__counts_recog"]], axis=1).T
        for s in same
    ]
    area = np.concatenate([file[f"{s}__units"][:, 2] for s in same])
    of_session = np.repeat(same, [part.shape[1] for part in counts])
    within = np.concatenate([np.arange(1, part.shape[1] + 1) for part in counts])
    picture = np.concatenate([file[f"{first}__stim_learn"], file[f"{first}__stim_recog"]])
    category = np.concatenate([file[f"{first}__cat_learn"], file[f"{first}__cat_recog"]]) - 1
    names = [str(name).lstrip("12345z") for name in file[f"{first}__categories"][:5]]
    old = file[f"{first}__newold"].astype(int)
    return recording.make(
        np.concatenate(counts, axis=1) / WINDOW_SECONDS,
        unit=[f"{s}/{i}" for s, i in zip(of_session, within, strict=True)],
        site=[AREAS[int(code)] for code in area],
        stimulus=picture.astype(int),
        group=picture.astype(int),
        variables={
            "category": recording.variable(category, categories=names),
            "phase": recording.variable(
                np.repeat([0, 1], 100), categories=["learning", "recognition"]
            ),
            "memory": recording.variable(
                np.concatenate([np.full(100, -1), old]), categories=["new", "old"]
            ),
            "trial": recording.variable(np.arange(200)),
        },
        unit_variables={"session": of_session},
        activity_units="spikes/s",
        simultaneous=session is not None,
        species="Homo sapiens",
    )


_ORDER = ("stim_learn", "stim_recog", "cat_learn", "cat_recog", "newold")


def _agree(file: Any, one: str, other: str, key: str) -> bool:
    return bool(np.array_equal(file[f"{one}__{key}"], file[f"{other}__{key}"]))


def _sessions(file: Any, picture_set: str | None) -> list[str]:
    """Return the sessions of a set, in the order they are numbered in the file."""
    found = {key.split("__")[0] for key in file}
    ordered = sorted(found, key=lambda name: int(name.rsplit("_", 1)[1]))
    if picture_set is None:
        return ordered
    if picture_set not in PICTURE_SETS:
        raise UnknownName(
            f"picture set {picture_set!r} is not known" + nearest(picture_set, PICTURE_SETS)
        )
    first = PICTURE_SETS[picture_set]
    return [name for name in ordered if str(file[f"{name}__categories"][0]) == first]


def system(part: str | None = None) -> Packaged:
    """Return the system ``human-mtl``; ``part`` is a picture set or a session."""
    if part is None or part in PICTURE_SETS:
        options = {"picture_set": part or "houses"}
    else:
        options = {"session": part}
    return packaged(
        "human-mtl" if part is None else f"human-mtl/{part}",
        "human-mtl",
        read,
        family="human-mtl",
        variable="category",
        variables=("category", "memory"),
        options=options,
    )
