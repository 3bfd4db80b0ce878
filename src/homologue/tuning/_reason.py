"""Why a unit has no p: in words, beside its NaN."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Bool, Num


def reasons(
    activity: Num[Array, "sample unit"],
    tested: Bool[Array, "unit"],
    *,
    otherwise: str = "constant activity",
) -> np.ndarray:
    """Return why each unit was not tested; "" if it was.

    Parameters
    ----------
    activity : array, shape (sample, unit)
    tested : array of bool, shape (unit,)
    otherwise : str
        What is wrong with untested units that were active.

    Returns
    -------
    numpy.ndarray of str, shape (unit,)

    Examples
    --------
    >>> reasons(np.array([[1, 0, 2], [3, 0, 2]]), np.array([True, False, False])).tolist()
    ['', 'no activity', 'constant activity']
    """
    silent = ~(np.nan_to_num(activity) != 0).any(axis=0)
    return np.where(tested, "", np.where(silent, "no activity", otherwise)).astype(str)
