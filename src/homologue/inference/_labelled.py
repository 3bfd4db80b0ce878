"""From a recording and a variable to what a label test needs: codes, groups, the design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue.inference._design import Design, exchangeability
from homologue.recording import classes, validate


@dataclass(frozen=True)
class Labelled:
    """The labelled samples of a recording, and what may be exchanged among them.

    Attributes
    ----------
    rows : array of int, shape (kept,)
        Samples that carry a label.
    codes, group : array of int, shape (kept,)
        Class and group of each, numbered from 0.
    names : list of str
        One per class.
    design : Design
    """

    rows: Any
    codes: Any
    names: list[str]
    group: Any
    design: Design

    def activity(self, rec: xr.DataArray) -> np.ndarray:
        """Return the activity of the labelled samples, in memory."""
        if self.rows.size == rec.sizes["sample"]:
            return rec.values
        return rec.isel(sample=self.rows).values

    @property
    def attrs(self) -> dict[str, Any]:
        """What a result says about the design."""
        lag = self.design.minimum_lag
        at_least = f", by at least {lag:.4g} s" if lag else ""
        return {
            "null": f"label permutation, {self.design.scheme}{at_least}",
            "n_samples": int(self.rows.size),
            "n_groups": int(self.group.max()) + 1,
            "classes": ", ".join(self.names),
        }


def labelled_design(
    rec: xr.DataArray, variable: str, *, minimum_lag: float | None = None
) -> Labelled:
    """Return the labelled samples of a recording with their design.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording without NaN.
    variable : str
        Categorical, or continuous and then cut into classes (``homologue.recording.classes``).
    minimum_lag : float, optional
        See :func:`exchangeability`.

    Raises
    ------
    InvalidDesign
        Fewer than two classes, or too few arrangements.
    InvalidRecording, UnknownName
        A recording that breaks a convention, or no such variable.
    """
    validate(rec, needs=[variable])
    codes, names = classes(rec, variable)
    rows = np.flatnonzero(codes >= 0)
    if len(names) < 2:
        held = f"1 class ({names[0]})" if names else "no label at all"
        raise InvalidDesign(
            f"{variable!r} has {held} in {rec.sizes['sample']} "
            f"sample{'s' * (rec.sizes['sample'] > 1)}; a comparison needs at least 2 classes: "
            "record more conditions, or ask about a variable that changes"
        )
    extra = {name: rec[name].values[rows] for name in ("block", "time") if name in rec.coords}
    _, group = np.unique(rec["group"].values[rows], return_inverse=True)
    design = exchangeability(codes[rows], group, minimum_lag=minimum_lag, **extra)
    return Labelled(rows, codes[rows], names, group, design)
