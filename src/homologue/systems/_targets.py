"""Names of units and sites → columns, for systems whose units are known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from homologue._errors import UnknownName, nearest
from homologue._typing import Array, Int


def columns_of(
    units: Sequence[str], layout: Mapping[str, Sequence[str]], *, system: str
) -> dict[str, Int[Array, " column"]]:
    """Return, per site, the columns that some names mean, in the names' order.

    Parameters
    ----------
    units : sequence of str
        Units as recordings name them, or sites (every unit of the site).
    layout : mapping
        Site → the names of its units, in the order of columns.
    system : str
        For the message.

    Raises
    ------
    UnknownName
        A name is neither; the message holds the nearest ones.

    Examples
    --------
    >>> layout = {"ring": ["ring/0", "ring/1"], "readout": ["readout/0"]}
    >>> columns_of(["ring/1", "readout"], layout, system="toy")
    {'ring': array([1]), 'readout': array([0])}
    """
    where = {name: (site, i) for site, names in layout.items() for i, name in enumerate(names)}
    found: dict[str, list[int]] = {}
    for unit in dict.fromkeys(units):
        if unit in layout:
            found.setdefault(unit, []).extend(range(len(layout[unit])))
        elif unit in where:
            site, column = where[unit]
            found.setdefault(site, []).append(column)
        else:
            raise UnknownName(
                f"system {system!r} has no unit or site {unit!r}" + nearest(unit, [*layout, *where])
            )
    return {
        site: np.array(list(dict.fromkeys(columns)), dtype=np.int64)
        for site, columns in found.items()
    }
