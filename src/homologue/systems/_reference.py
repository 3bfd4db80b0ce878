"""What is normal for each unit of a site: what perturbations measure themselves against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

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
