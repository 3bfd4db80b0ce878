"""*Drosophila* olfactory receptor neurons: 24 receptors × 110 odours (Hallem & Carlson 2006).

Responses are changes of firing rate against the spontaneous rate (spikes/s), each the mean over
several flies, and each receptor was recorded in flies of its own: the table is a
pseudo-population (``simultaneous=False``), without repeats (group = odour).
"""

from __future__ import annotations

import csv

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import HomologueError
from homologue.systems import _assets
from homologue.systems._packaged import Packaged, packaged

_SPONTANEOUS = "spontaneous firing rate"

CLASSES: dict[str, tuple[str, ...]] = {
    "amine": ("ammonium hydroxide", "putrescine", "cadaverine"),
    "lactone": (
        "g-butyrolactone",
        "g-hexalactone",
        "g-octalactone",
        "g-decalactone",
        "d-decalactone",
    ),
    "acid": (
        "methanoic acid",
        "acetic acid",
        "propionic acid",
        "butyric acid",
        "pentanoic acid",
        "hexanoic acid",
        "heptanoic acid",
        "octanoic acid",
        "nonanoic acid",
        "linoleic acid",
        "isobutyric acid",
        "isopentanoic acid",
        "pyruvic acid",
        "2-ethylhexanoic acid",
        "lactic acid",
    ),
    "sulphur": ("3-methylthio-1-propanol", "dimethyl sulfide"),
    "terpene": (
        "terpinolene",
        "a -pinene",
        "b -pinene",
        "(1S)-(+)-3-carene",
        "limonene",
        "a-humulene",
        "b-myrcene",
        "(-)-trans-caryophyllene",
        "p-cymene",
        "geranyl acetate",
        "a -terpineol",
        "geraniol",
        "nerol",
        "linalool",
        "b-citronellol",
        "linalool oxide",
    ),
    "aldehyde": (
        "acetaldehyde",
        "propanal",
        "butanal",
        "pentanal",
        "hexanal",
        "E2-hexenal",
        "furfural",
        "2-propenal",
    ),
    "ketone": (
        "acetone",
        "2-butanone",
        "2-pentanone",
        "2-heptanone",
        "6-methyl-5-hepten-2-one",
        "2,3-butanedione",
    ),
    "aromatic": (
        "phenethyl alcohol",
        "benzyl alcohol",
        "methyl salicylate",
        "methyl benzoate",
        "ethyl benzoate",
        "phenethyl acetate",
        "benzaldehyde",
        "phenylacetaldehyde",
        "acetophenone",
        "ethyl cinnamate",
        "2-methylphenol",
        "4-ethyl guaiacol",
        "eugenol",
    ),
    "alcohol": (
        "methanol",
        "ethanol",
        "1-propanol",
        "1-butanol",
        "1-pentanol",
        "1-hexanol",
        "1-octanol",
        "2-pentanol",
        "3-methylbutanol",
        "3-methyl-2-buten-1-ol",
        "1-penten-3-ol",
        "1-octen-3-ol",
        "E2-hexenol",
        "Z2-hexenol",
        "E3-hexenol",
        "Z3-hexenol",
        "glycerol",
        "2,3-butanediol",
    ),
    "ester": (
        "methyl acetate",
        "ethyl acetate",
        "propyl acetate",
        "butyl acetate",
        "pentyl acetate",
        "hexyl acetate",
        "isobutyl acetate",
        "isopentyl acetate",
        "E2-hexenyl acetate",
        "methyl butyrate",
        "ethyl butyrate",
        "hexyl butyrate",
        "ethyl 3-hydroxybutyrate",
        "ethyl propionate",
        "ethyl methanoate",
        "methyl hexanoate",
        "ethyl hexanoate",
        "hexyl hexanoate",
        "methyl octanoate",
        "ethyl octanoate",
        "ethyl decanoate",
        "ethyl trans-2-butenoate",
        "ethyl lactate",
        "diethyl succinate",
    ),
}
"""Chemical class of each odour.

The rule: the first that holds of: isoprenoid skeleton (terpene; C10 and C15, whatever it carries:
geranyl acetate, p-cymene), benzene ring (aromatic), lactone ring, sulphur, nitrogen (amine),
carboxyl (acid), ester, aldehyde, ketone, hydroxyl (alcohol). Furfural's ring is a furan, so it is
an aldehyde; 6-methyl-5-hepten-2-one has eight carbons and is a ketone.
"""

ODOUR_CLASS: dict[str, str] = {odour: name for name, odours in CLASSES.items() for odour in odours}
"""Odour → chemical class, for all 110 odours."""


def read(smallest_class: int = 5) -> xr.DataArray:
    """Return the receptors' responses to each odour.

    Parameters
    ----------
    smallest_class : int
        Classes with fewer odours carry no ``odour_class`` label (code -1): a class of two
        cannot be decoded on held-out odours. 1 labels all 110.

    Returns
    -------
    xarray.DataArray
        110 odours × 24 receptors, spikes/s above the spontaneous rate. On ``sample``:
        ``stimulus`` (the odour), ``odour_class``. On ``unit``: ``spontaneous_rate`` (spikes/s),
        ``glomerulus``.

    Notes
    -----
    Means over flies, without repeats: no noise can be estimated, and covariance between
    receptors is signal only.
    """
    with _assets.fetch("fly").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    glomeruli, receptors = rows[0][1:25], rows[1][1:25]
    table = {row[0]: np.array(row[1:25], dtype=float) for row in rows[2:]}
    spontaneous = table.pop(_SPONTANEOUS)
    odours = list(table)
    unassigned = [odour for odour in odours if odour not in ODOUR_CLASS]
    if unassigned:
        raise HomologueError(f"odours without a chemical class: {unassigned}; see fly.CLASSES")
    sizes = {name: len(members) for name, members in CLASSES.items()}
    kept = [name for name in CLASSES if sizes[name] >= smallest_class]
    code = [kept.index(ODOUR_CLASS[o]) if ODOUR_CLASS[o] in kept else -1 for o in odours]
    return recording.make(
        np.stack([table[odour] for odour in odours]),
        unit=[f"Or{receptor}" for receptor in receptors],
        site="antenna",
        stimulus=odours,
        group=np.arange(len(odours)),
        variables={"odour_class": recording.variable(np.array(code), categories=kept)},
        unit_variables={
            "spontaneous_rate": spontaneous,
            "glomerulus": np.array([name or "unknown" for name in glomeruli]),
        },
        activity_units="spikes/s above spontaneous rate",
        simultaneous=False,
        species="Drosophila melanogaster",
    )


def system() -> Packaged:
    """Return the system ``fly``."""
    return packaged("fly", "fly", read, variable="odour_class")
