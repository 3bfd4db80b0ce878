"""Surrogate activity: what a population would look like if one kind of structure were absent.

===========================  ===============================  ================================
surrogate                    keeps                            destroys
===========================  ===============================  ================================
:func:`circular_shift`       everything within the activity   its alignment with the labels
:func:`roll_units`           each unit's time course          alignment between units
:func:`shuffle_units`        each unit's values, per block    order, and alignment of units
:func:`randomise_phase`      each unit's power spectrum;      phases: all but the linear
                             shared: cross-spectra as well    autocorrelation
===========================  ===============================  ================================

Each returns one surrogate of the input's shape; the caller draws as many as it needs.
"""

from __future__ import annotations

import numpy as np

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float, Int, Num


def _stretches(n: int, stretch: np.ndarray | None) -> list[np.ndarray]:
    if stretch is None:
        return [np.arange(n)]
    if stretch.shape != (n,):
        raise InvalidDesign(
            f"stretch has shape {stretch.shape}, the activity has {n} samples; one code a sample"
        )
    _, code = np.unique(stretch, return_inverse=True)
    order = np.argsort(code, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(code[order])) + 1)


def _lags(size: int, minimum_lag: int, count: int, rng: np.random.Generator) -> Int[Array, "count"]:
    if minimum_lag < 0:
        raise InvalidDesign(
            f"minimum_lag is a number of samples, zero or more; given {minimum_lag}"
        )
    if 2 * minimum_lag > size:
        raise InvalidDesign(
            f"a stretch of {size} samples cannot be shifted by at least {minimum_lag} both ways; "
            f"give minimum_lag ≤ {size // 2}, or drop stretches that short"
        )
    return rng.integers(minimum_lag, size - max(minimum_lag, 1) + 1, size=count)


def circular_shift(
    activity: Num[Array, "sample unit"],
    *,
    rng: np.random.Generator | int,
    minimum_lag: int = 1,
    stretch: Int[Array, "sample"] | None = None,
) -> Num[Array, "sample unit"]:
    """Shift all units together, each contiguous stretch by its own random lag.

    Parameters
    ----------
    activity : array, shape (sample, unit)
        Rows of a stretch in order of time.
    rng : numpy Generator or int
    minimum_lag : int
        Smallest lag, in samples, in either direction; about the activity's correlation time.
    stretch : array of int, shape (sample,), optional
        Contiguous stretch of each sample (block, session); one if left out.

    Returns
    -------
    numpy.ndarray, shape (sample, unit)

    Raises
    ------
    InvalidDesign
        A stretch shorter than twice the minimum lag.

    Notes
    -----
    Keeps auto- and cross-correlations up to one seam a stretch [1]_. Fails for series that are
    not stationary: a slow drift shared by activity and label survives most shifts.

    References
    ----------
    .. [1] Harris 2020, bioRxiv, doi:10.1101/2020.08.15.252874

    Examples
    --------
    >>> import numpy as np
    >>> circular_shift(np.arange(4.0)[:, None], rng=0, minimum_lag=2)[:, 0]
    array([2., 3., 0., 1.])
    """
    generator = np.random.default_rng(rng)
    surrogate = np.empty_like(activity)
    for part in _stretches(len(activity), stretch):
        lag = int(_lags(part.size, minimum_lag, 1, generator)[0])
        surrogate[part] = activity[np.roll(part, -lag)]
    return surrogate


def roll_units(
    activity: Num[Array, "sample unit"],
    *,
    rng: np.random.Generator | int,
    minimum_lag: int = 0,
    stretch: Int[Array, "sample"] | None = None,
) -> Num[Array, "sample unit"]:
    """Shift every unit by a lag of its own: time courses stay, coordination goes.

    Parameters
    ----------
    activity : array, shape (sample, unit)
        Rows of a stretch in order of time.
    rng : numpy Generator or int
    minimum_lag : int
        Smallest lag in samples. Two units' lags may still be close to each other.
    stretch : array of int, shape (sample,), optional
        Contiguous stretch of each sample; one if left out.

    Returns
    -------
    numpy.ndarray, shape (sample, unit)

    Notes
    -----
    The null of toroidal and low-dimensional codes [1]_. Fails for periodic stimuli: a period's
    worth of rolling aligns the units again.

    References
    ----------
    .. [1] Gardner et al. 2022, Nature 602:123, doi:10.1038/s41586-021-04268-7

    Examples
    --------
    >>> import numpy as np
    >>> rolled = roll_units(np.arange(5)[:, None] + np.zeros((1, 2), int), rng=1)
    >>> sorted(rolled[:, 0]), (np.diff(rolled[:, 0]) % 5 == 1).all()
    ([np.int64(0), np.int64(1), np.int64(2), np.int64(3), np.int64(4)], np.True_)
    """
    generator = np.random.default_rng(rng)
    surrogate = np.empty_like(activity)
    for part in _stretches(len(activity), stretch):
        lags = _lags(part.size, minimum_lag, activity.shape[1], generator)
        source = (np.arange(part.size)[:, None] + lags) % part.size
        surrogate[part] = np.take_along_axis(activity[part], source, axis=0)
    return surrogate


def shuffle_units(
    activity: Num[Array, "sample unit"],
    *,
    rng: np.random.Generator | int,
    block: Int[Array, "sample"] | None = None,
) -> Num[Array, "sample unit"]:
    """Permute the samples of every unit on its own, within blocks.

    Parameters
    ----------
    activity : array, shape (sample, unit)
    rng : numpy Generator or int
    block : array of int, shape (sample,), optional
        Exchange stays within blocks (a stimulus: keeps tuning and destroys noise correlations;
        a session: keeps drift between sessions).

    Returns
    -------
    numpy.ndarray, shape (sample, unit)

    Notes
    -----
    The parallel-analysis null of dimensionality [1]_. Fails where samples of a unit depend on
    each other (time): use :func:`roll_units`.

    References
    ----------
    .. [1] Horn 1965, Psychometrika 30:179, doi:10.1007/BF02289447

    Examples
    --------
    >>> import numpy as np
    >>> shuffled = shuffle_units(np.arange(6.0).reshape(3, 2), rng=0)
    >>> np.sort(shuffled, axis=0)
    array([[0., 1.],
           [2., 3.],
           [4., 5.]])
    """
    generator = np.random.default_rng(rng)
    surrogate = np.empty_like(activity)
    for part in _stretches(len(activity), block):
        surrogate[part] = generator.permuted(activity[part], axis=0)
    return surrogate


def randomise_phase(
    activity: Float[Array, "sample unit"],
    *,
    rng: np.random.Generator | int,
    shared: bool = False,
    stretch: Int[Array, "sample"] | None = None,
) -> Float[Array, "sample unit"]:
    """Randomise Fourier phases and keep each unit's power spectrum and mean.

    Parameters
    ----------
    activity : array of float, shape (sample, unit)
        Evenly sampled; rows of a stretch in order of time; no NaN.
    rng : numpy Generator or int
    shared : bool
        Add the same random phases to all units, which keeps cross-spectra (hence correlations);
        otherwise each unit gets its own, which destroys them.
    stretch : array of int, shape (sample,), optional
        Contiguous stretch of each sample, each transformed on its own; one if left out.

    Returns
    -------
    numpy.ndarray, shape (sample, unit)

    Raises
    ------
    InvalidDesign
        NaN in the activity: a gap has no spectrum; give stretches without it.

    Notes
    -----
    A linear Gaussian process with the data's autocorrelation [1]_; shared phases after [2]_.
    Fails as a null for spike counts and rectified rates, whose amplitudes it makes Gaussian and
    negative, and where a stretch's two ends differ much (the jump leaks into all frequencies).

    References
    ----------
    .. [1] Theiler et al. 1992, Physica D 58:77, doi:10.1016/0167-2789(92)90102-S
    .. [2] Prichard & Theiler 1994, Phys. Rev. Lett. 73:951, doi:10.1103/PhysRevLett.73.951

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(64, 2))
    >>> y = randomise_phase(x, rng=1)
    >>> bool(np.allclose(abs(np.fft.rfft(x, axis=0)), abs(np.fft.rfft(y, axis=0))))
    True
    """
    if np.isnan(activity).any():
        raise InvalidDesign(
            "the activity holds NaN, and a gap has no spectrum; give `stretch` for the parts "
            "between gaps and drop the NaN rows"
        )
    generator = np.random.default_rng(rng)
    surrogate = np.empty_like(activity)
    units = 1 if shared else activity.shape[1]
    for part in _stretches(len(activity), stretch):
        spectrum = np.fft.rfft(activity[part], axis=0)
        turn = np.exp(2j * np.pi * generator.random((spectrum.shape[0], units)))
        turn[0] = 1.0
        if part.size % 2 == 0:
            # The highest frequency of an even stretch is real: its phase is a sign.
            turn[-1] = np.where(generator.random(units) < 0.5, -1.0, 1.0)
        surrogate[part] = np.fft.irfft(spectrum * turn, part.size, axis=0)
    return surrogate
