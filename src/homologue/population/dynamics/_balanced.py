"""The share of a rotation in many small sets of trajectories: behind "dynamics are rotational"."""

from __future__ import annotations

from homologue._typing import Array, Float
from homologue.population.dynamics._rotations import of_trajectories

COMPONENTS = 6


def rotation_share(
    activity: Float[Array, "... trajectory time unit"], *, components: int = COMPONENTS
) -> Float[Array, "..."]:
    """Return the share of ‖Δx‖² that skew-symmetric dynamics explain, of each set.

    What :func:`homologue.population.rotations` does, for sets of equal size in one batch: the
    mean over trajectories is subtracted at each time, the rest reduced to its leading principal
    components, and Δx regressed on the state between two times.

    Parameters
    ----------
    activity : array, shape (..., trajectory, time, unit)
        Scaled as its units should count.
    components : int
        Even.

    Returns
    -------
    array, shape (...)
        1 for a rotation without noise; NaN if nothing varies.

    Notes
    -----
    Grows with the number of components and falls with that of samples, also without a rotation:
    compare at equal sizes, and against surrogates.

    References
    ----------
    Churchland et al. 2012, Nature 487:51, doi:10.1038/nature11129

    Examples
    --------
    >>> import numpy as np
    >>> start = np.exp(1j * np.arange(6))[:, None, None] * np.array([1, 2j])
    >>> turn = start * np.exp(0.4j * np.arange(12))[:, None]
    >>> round(float(rotation_share(np.concatenate([turn.real, turn.imag], axis=2))), 6)
    1.0
    """
    flat = activity.reshape(-1, *activity.shape[-3:])
    return of_trajectories(flat, components)[0].reshape(activity.shape[:-3])
