"""Surrogates with the data's covariances and each unit's distribution, as both are measured.

Maximum-entropy surrogates [1]_ are Gaussian, and have the data's covariances in expectation: the
eigenvalues measured on one are more uneven than those it was drawn from, as they always are with
few samples. Here each unit's own values are put in the order of a Gaussian surrogate's, and the
smoothness over time that is lost by that is restored, as in amplitude-adjusted series [2]_. The
Gaussian's eigenvalues over trials and over units are corrected until those measured on the result
are the data's on average.

References
----------
.. [1] Elsayed & Cunningham 2017, Nat. Neurosci. 20:1310, doi:10.1038/nn.4617
.. [2] Schreiber & Schmitz 1996, Phys. Rev. Lett. 77:635, doi:10.1103/PhysRevLett.77.635
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float
from homologue.inference._maximum_entropy import (
    MaximumEntropy,
    covariances,
    eigenvalues,
    main_effects,
    maximum_entropy,
    turned,
)

_ROUNDS = 8
_MEASURED = 24
"""Surrogates that are measured in every round; fewer where they are large."""

_VALUES = 2**22
_LEAST = 1e-12
_TIME, _COUNTED = 1, (0, 2)
"""The mode that is smoothed, and those of which eigenvalues are matched as measured."""


@dataclass(frozen=True)
class AmplitudeAdjusted:
    """Surrogate tensors of one data set; made by :func:`amplitude_adjusted`.

    Attributes
    ----------
    gaussian : MaximumEntropy
        Whose order of values the surrogates have.
    values : array, shape (value, unit)
        The values of each unit, ascending.
    smoothing : array, shape (time, time)
        Gives each eigenvector over time the variance it is to have.
    error : float
        Share of the variance that surrogates have at another eigenvalue than the data, on
        average, over trials or units, whichever is larger.
    """

    gaussian: MaximumEntropy
    values: Any
    smoothing: Any
    error: float

    def draw(
        self, draws: int, *, rng: np.random.Generator | int
    ) -> Float[Array, "draw trial time unit"]:
        """Draw surrogates, with what trials share subtracted.

        Parameters
        ----------
        draws : int
        rng : numpy Generator or int

        Returns
        -------
        numpy.ndarray, shape (draw, trial, time, unit)
        """
        placed = _placed(self.gaussian.draw(draws, rng=rng), self.values)
        return np.asarray(self.smoothing @ placed)


def amplitude_adjusted(
    activity: Float[Array, "trial time unit"], *, rng: np.random.Generator | int
) -> AmplitudeAdjusted:
    """Fit surrogates with the data's covariances over each mode and each unit's distribution.

    Parameters
    ----------
    activity : array, shape (trial, time, unit)
        Trials or conditions; no NaN. What they share, the mean at each time of each unit, is
        subtracted, from surrogates as well.
    rng : numpy Generator or int
        Draws the surrogates that are measured.

    Returns
    -------
    AmplitudeAdjusted
        ``draw(draws, rng=…)`` gives surrogates.

    Raises
    ------
    InvalidDesign
        Not three modes, NaN, or no variance about what trials share.
    HomologueError
        The multipliers could not be found.

    Notes
    -----
    Values take the order of a Gaussian's [1]_ and are smoothed [2]_, so that the data's
    eigenvectors over time have the data's variances on average. Over trials and units, of which
    only the eigenvalues count to a statistic that has no axes, those measured are matched: eight
    times over, each eigenvalue of the Gaussian is divided by how much too large it is on 24
    surrogates (fewer of a large tensor); ``error`` says what is left. Eigenvectors stay the
    data's. Values are those of all trials and times together, before smoothing; of a unit whose
    distribution changes over time other than by its mean, that is not kept. Large values that
    come in bursts are scattered. Of fewer than six trials the covariances are known so badly that
    a test against surrogates passes too often.

    References
    ----------
    .. [1] Elsayed & Cunningham 2017, Nat. Neurosci. 20:1310, doi:10.1038/nn.4617
    .. [2] Schreiber & Schmitz 1996, Phys. Rev. Lett. 77:635, doi:10.1103/PhysRevLett.77.635

    Examples
    --------
    Heavy tails stay heavy:

    >>> import numpy as np
    >>> heavy = np.random.default_rng(0).standard_t(2, size=(10, 12, 5))
    >>> fitted = amplitude_adjusted(heavy, rng=0)
    >>> drawn = fitted.draw(50, rng=1)
    >>> bool(0.5 < np.abs(drawn).max() / np.abs(heavy).max() < 1.5), fitted.error < 0.1
    (True, True)
    """
    data = np.asarray(activity, dtype=np.float64)
    if data.ndim != 3:
        raise InvalidDesign(
            f"surrogates of trials are made from (trial, time, unit); given shape {data.shape}. "
            "maximum_entropy takes any number of modes"
        )
    centred = data - data.mean(axis=0)
    gaussian = maximum_entropy(centred)
    values = np.sort(centred.reshape(-1, centred.shape[-1]), axis=0)
    targets = [
        (gaussian.deviation**2).sum(axis=tuple(other for other in range(3) if other != axis))
        for axis in range(3)
    ]
    scale = float(targets[0].sum())
    draws = min(_MEASURED, max(2, _VALUES // data.size))
    noise = np.random.default_rng(rng).standard_normal((draws, *gaussian.deviation.shape))
    given, total = list(targets), scale
    found = []
    for _ in range(_ROUNDS):
        deviation = np.sqrt(scale * eigenvalues([part / part.sum() for part in given])[0])
        placed = _placed(turned(noise * deviation, gaussian.bases) + gaussian.mean, values)
        smoothing = _smoothing(placed, gaussian.bases[_TIME], total / scale * targets[_TIME])
        drawn = smoothing @ placed
        seen = [
            np.linalg.eigvalsh(covariance)[:, -target.size :].mean(axis=0)
            for covariance, target in zip(
                covariances(drawn - main_effects(drawn)), targets, strict=True
            )
        ]
        error = max(float(np.abs(seen[mode] - targets[mode]).sum()) for mode in _COUNTED)
        found.append((error / (2 * scale), deviation, smoothing))
        total *= scale / float(seen[_TIME].sum())
        for mode in _COUNTED:
            part = np.sort(given[mode] * targets[mode] / np.maximum(seen[mode], 1e-300))
            # What reordering adds everywhere cannot be taken away below the least of the data's.
            given[mode] = np.maximum(part, _LEAST * part[-1])
    error, deviation, smoothing = min(found, key=lambda one: one[0])
    return AmplitudeAdjusted(replace(gaussian, deviation=deviation), values, smoothing, error)


def _placed(
    drawn: Float[Array, "draw trial time unit"], values: Float[Array, "value unit"]
) -> Float[Array, "draw trial time unit"]:
    """Return each unit's values in the order of each draw's, about what trials share."""
    flat = drawn.reshape(len(drawn), *values.shape)
    placed = np.empty_like(flat)
    np.put_along_axis(placed, flat.argsort(axis=1), values[None], axis=1)
    placed = placed.reshape(drawn.shape)
    return np.asarray(placed - placed.mean(axis=1, keepdims=True))


def _smoothing(
    placed: Float[Array, "draw trial time unit"],
    basis: Float[Array, "time kept"],
    variance: Float[Array, "kept"],
) -> Float[Array, "time time"]:
    """Return the matrix over time that gives each eigenvector its variance, on average."""
    has = ((basis.T @ placed) ** 2).sum(axis=(0, 1, 3)) / len(placed)
    return np.asarray((basis * np.sqrt(variance / np.maximum(has, 1e-300))) @ basis.T)
