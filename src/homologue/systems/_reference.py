"""What is normal for each unit of a site: what perturbations measure themselves against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue._typing import Array, Float


@dataclass(frozen=True, eq=False)
class Reference:
    """Mean, standard deviation and samples of a site's units, unperturbed.

    Attributes
    ----------
    mean : ndarray, shape (unit,)
        Over samples.
    standard_deviation : ndarray, shape (unit,)
        Over samples (divisor n).
    samples : ndarray, shape (sample, unit), or None
        What resampling draws from.

    Examples
    --------
    >>> reference = Reference.of(np.array([[0.0, 1.0], [2.0, 1.0]]))
    >>> reference.mean.tolist(), reference.standard_deviation.tolist()
    ([1.0, 1.0], [1.0, 0.0])
    """

    mean: Float[Array, " unit"]
    standard_deviation: Float[Array, " unit"]
    samples: Float[Array, "sample unit"] | None = None

    @classmethod
    def of(cls, activity: Any) -> Reference:
        """Return the reference that unperturbed activity makes.

        Parameters
        ----------
        activity : array, shape (…, unit)
            Every leading index is a sample.

        Raises
        ------
        HomologueError
            No sample, or values that are not finite.
        """
        values = np.asarray(activity)
        if values.ndim < 2 or not values.size:
            raise HomologueError(
                f"a reference is made of activity (…, unit) with a sample at least; given an "
                f"array of shape {values.shape}"
            )
        values = values.reshape(-1, values.shape[-1])
        if not np.isfinite(values).all():
            raise HomologueError(
                "the activity a reference is made of holds NaN or Inf; leave those samples out"
            )
        mean = values.mean(axis=0, dtype=np.float64)
        return cls(mean, values.std(axis=0, dtype=np.float64), values)


def references_of(
    wanted: Mapping[str, str], given: Any, record: Callable[..., xr.DataArray]
) -> dict[str, Reference]:
    """Return the reference of each site that a perturbation is measured against.

    Parameters
    ----------
    wanted : mapping of str to str
        Site to the perturbation that needs it.
    given : recording, Stimuli or sequence, or None
        What is normal: a recording that holds the sites, or stimuli.
    record : callable
        ``record(stimuli, sites=name)``, of the unperturbed system.

    Raises
    ------
    HomologueError
        Nothing is given, or it does not hold a site.
    """
    if wanted and given is None:
        raise HomologueError(
            f"{', '.join(wanted.values())} is measured against unperturbed activity: pass "
            "perturb(…, reference=recording or stimuli)"
        )
    out = {}
    for name in wanted:
        rec = given
        if not isinstance(given, (xr.DataArray, xr.Dataset)):
            rec = record(given, sites=name)
        rec = rec["activity"] if isinstance(rec, xr.Dataset) else rec
        sites = rec["site"].values if "site" in rec.coords else np.array([])
        here = np.flatnonzero(sites == name)
        if not here.size:
            raise HomologueError(
                f"the reference holds nothing of site {name!r}; record it: "
                f"record(…, sites={name!r})"
            )
        out[name] = Reference.of(rec.transpose("sample", "unit").values[:, here])
    return out
