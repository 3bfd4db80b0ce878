"""The vocabulary: ablate, cool, stimulate, clamp, steer, patch, noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from homologue._errors import HomologueError
from homologue.perturb._units import Target, _site, _vector, target
from homologue.perturb._values import Axis, Perturbation, Source, finite

MODES = ("zero", "mean", "resample")


def ablate(
    units: Any,
    *,
    mode: str = "zero",
    site: str | None = None,
    positions: Any = None,
    window: tuple[float, float] | None = None,
) -> Perturbation:
    """Silence units: a lesion.

    Parameters
    ----------
    units : str, sequence of str or int, xarray.DataArray, or target
        Names of units or of sites; numbers with ``site``; a recording's selection;
        :func:`heads`, :func:`direction` or :func:`feature`.
    mode : {"zero", "mean", "resample"}
        What stands in their place: nothing; their mean; what they did at a random other sample,
        the same one for all of them (so that their correlations stay).
    site : str, optional
        Where numbers count.
    positions : "all", "last", int, sequence of int, or callable, optional
        Which tokens or places, as for ``record``; every one, if left out (special tokens
        included).
    window : (float, float), optional
        Seconds within a trial, for systems with a clock.

    Returns
    -------
    Perturbation

    Raises
    ------
    HomologueError
        An unknown mode, no unit, or a window that ends before it starts.

    Notes
    -----
    Zero may lie far from anything a unit does; a lesion by zero then disturbs more than it
    removes. Mean and resampling stay within what the rest of the system is used to [1]_.

    References
    ----------
    .. [1] Wang et al. 2023, ICLR, arXiv:2211.00593.

    Examples
    --------
    >>> ablate([0, 2], site="ring").apply(np.array([[1.0, 2.0, 3.0]]), columns=[0, 2])
    array([[0., 2., 0.]])
    """
    if mode not in MODES:
        raise HomologueError(f"mode is one of {', '.join(MODES)}; given {mode!r}")
    return _make("ablate", units, site, positions, window, mode=mode)


def cool(
    units: Any,
    gain: float,
    *,
    site: str | None = None,
    positions: Any = None,
    window: tuple[float, float] | None = None,
) -> Perturbation:
    """Multiply activity by a gain: reversible silencing by degrees.

    Parameters
    ----------
    units, site, positions, window
        As for :func:`ablate`.
    gain : float
        1 leaves units as they are, 0 silences them, above 1 they are amplified.

    Examples
    --------
    >>> cool("ring", 0.5).apply(np.array([[1.0, 2.0]]))
    array([[0.5, 1. ]])
    """
    return _make("cool", units, site, positions, window, dose=finite(gain, "cool"))


def stimulate(
    units: Any,
    amplitude: float,
    *,
    site: str | None = None,
    positions: Any = None,
    window: tuple[float, float] | None = None,
) -> Perturbation:
    """Add to activity, in standard deviations of each unit.

    Parameters
    ----------
    units, site, positions, window
        As for :func:`ablate`.
    amplitude : float
        In standard deviations of the unit's own unperturbed activity; negative: suppression.

    Notes
    -----
    A unit that never varies has a standard deviation of zero and is not stimulated.

    Examples
    --------
    >>> stimulate("layer", -1.0).dose
    -1.0
    """
    return _make("stimulate", units, site, positions, window, dose=finite(amplitude, "stimulate"))


def clamp(
    units: Any,
    value: float,
    *,
    site: str | None = None,
    positions: Any = None,
    window: tuple[float, float] | None = None,
) -> Perturbation:
    """Hold activity at a value, in the units of the activity itself.

    Parameters
    ----------
    units, site, positions, window
        As for :func:`ablate`.
    value : float
        What every unit is held at.

    Examples
    --------
    >>> clamp("ring", 3).apply(np.array([[1.0, 2.0]]))
    array([[3., 3.]])
    """
    return _make("clamp", units, site, positions, window, dose=finite(value, "clamp"))


def noise(
    units: Any,
    sd: float,
    *,
    site: str | None = None,
    positions: Any = None,
    window: tuple[float, float] | None = None,
) -> Perturbation:
    """Add independent Gaussian noise, in standard deviations of each unit.

    Parameters
    ----------
    units, site, positions, window
        As for :func:`ablate`.
    sd : float
        Standard deviation of the noise, in those of the unit's own unperturbed activity.

    Raises
    ------
    HomologueError
        A negative spread.

    Examples
    --------
    >>> noise("layer", 0.5).dose
    0.5
    """
    spread = finite(sd, "noise")
    if spread < 0:
        raise HomologueError(f"the spread of noise is not negative; given {sd!r}")
    return _make("noise", units, site, positions, window, dose=spread)


def steer(
    direction: Any,
    dose: float,
    *,
    site: str | None = None,
    positions: Any = None,
    window: tuple[float, float] | None = None,
) -> Perturbation:
    """Add a direction to the activity of a site.

    Parameters
    ----------
    direction : array, shape (unit,), or target
        Added as it is, times the dose: its length counts. Of a target (:func:`direction`,
        :func:`feature`) what is written.
    dose : float
        Factor; negative: away from the direction.
    site : str
        Where; not for targets, which know it.
    positions, window
        As for :func:`ablate`.

    Raises
    ------
    HomologueError
        An array without a site, or one that is no finite vector other than zero.

    References
    ----------
    .. [1] Turner et al. 2023, arXiv:2308.10248.

    Examples
    --------
    >>> steer([1.0, -1.0], 2, site="ring").apply(np.array([[1.0, 2.0]]))
    array([[3., 0.]])
    """
    if isinstance(direction, Target):
        if direction.axis is None:
            raise HomologueError("steer takes a vector, a direction or a feature; given units")
        where, write, name = direction.names[0], direction.axis.write, direction.axis.name
    else:
        if site is None:
            raise HomologueError("steer needs to know where the direction lies: site='…'")
        where, name = _site(site), f"direction at {site}"
        write = tuple(float(one) for one in _vector(direction, "direction"))
    spread = Target((where,), Axis(name, write, write))
    return _make("steer", spread, None, positions, window, dose=finite(dose, "steer"))


def patch(
    units: Any,
    source: Any,
    *,
    site: str | None = None,
    positions: Any = None,
    window: tuple[float, float] | None = None,
) -> Perturbation:
    """Put in activity from another run: an interchange intervention.

    Parameters
    ----------
    units, site, positions, window
        As for :func:`ablate`.
    source : array, recording, or stimuli
        Where the activity comes from. An array broadcasts to the patched activity
        (stimulus, …, unit); a recording holds the same units for each stimulus (and position);
        stimuli, as many and as long as those shown later, are run by the system itself,
        unperturbed.

    Returns
    -------
    Perturbation

    References
    ----------
    .. [1] Geiger et al. 2021, NeurIPS, arXiv:2106.02997.

    Examples
    --------
    >>> patch("ring", np.array([7.0, 8.0])).apply(np.zeros((1, 2)))
    array([[7., 8.]])
    """
    if source is None:
        raise HomologueError("a patch needs a source: an array, a recording, or stimuli")
    return _make("patch", units, site, positions, window, source=Source(source))


def _make(
    kind: str,
    units: Any,
    site: str | None,
    positions: Any,
    window: tuple[float, float] | None,
    *,
    dose: float = math.nan,
    mode: str = "",
    source: Source | None = None,
) -> Perturbation:
    found = target(units, site)
    if window is not None:
        window = _window(window)
    if isinstance(positions, (list, np.ndarray, range)):
        positions = tuple(int(one) for one in positions)
    return Perturbation(
        kind, found.names, dose, mode, positions, window, axis=found.axis, source=source
    )


def _window(window: Any) -> tuple[float, float]:
    try:
        start, stop = (float(one) for one in window)
    except (TypeError, ValueError):
        start = stop = math.nan
    if not start < stop:
        raise HomologueError(
            f"a window is (start, stop) in seconds, start before stop; given {window!r}"
        )
    return start, stop
