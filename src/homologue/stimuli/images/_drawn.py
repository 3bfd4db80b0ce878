"""Pictures that are drawn: gratings and white noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from homologue._errors import HomologueError
from homologue.recording import variable
from homologue.stimuli._stimuli import Stimuli


def gratings(
    *,
    n_orientations: int = 8,
    cycles: Sequence[float] = (4.0, 8.0, 12.0, 18.0, 26.0),
    n_phases: int = 4,
    size: int = 224,
    contrast: float = 0.8,
) -> Stimuli:
    """Return sinusoidal gratings, orientation × spatial frequency × phase.

    The group is frequency × phase, so that orientation varies within every group: an
    orientation effect is tested by exchanging orientations within a frequency and phase.

    Parameters
    ----------
    n_orientations : int
        Evenly spaced over 180 degrees, from 0 (vertical bars: luminance varies along x).
    cycles : sequence of float
        Cycles per picture; under ``size / 2``.
    n_phases : int
        Evenly spaced over 360 degrees.
    size : int
        Height and width in pixels.
    contrast : float
        Michelson contrast, 0 … 1; the mean is mid-grey.

    Returns
    -------
    Stimuli
        Variables ``orientation`` (degrees, period 180), ``frequency`` (cycles per picture) and
        ``phase`` (degrees, period 360).

    Raises
    ------
    HomologueError
        A frequency that the pixels cannot carry, or a contrast outside 0 … 1.

    Examples
    --------
    >>> g = gratings(n_orientations=2, cycles=(4,), n_phases=2, size=32)
    >>> g.variables["orientation"].values.tolist()
    [0.0, 0.0, 90.0, 90.0]
    """
    if not 0 < contrast <= 1:
        raise HomologueError(f"contrast lies in (0, 1]; given {contrast}")
    if any(not 0 < c < size / 2 for c in cycles) or not len(cycles):
        raise HomologueError(
            f"cycles per picture lie between 0 and {size / 2:g} (half the pixels, else the "
            f"grating aliases); given {list(cycles)}"
        )
    y, x = np.mgrid[:size, :size] / size
    items, orientation, frequency, phase = [], [], [], []
    for degrees in np.arange(n_orientations) * 180.0 / n_orientations:
        along = x * np.cos(np.deg2rad(degrees)) + y * np.sin(np.deg2rad(degrees))
        for count in cycles:
            for shift in np.arange(n_phases) * 360.0 / n_phases:
                wave = np.sin(2 * np.pi * count * along + np.deg2rad(shift))
                grey = np.round(127.5 * (1 + contrast * wave)).astype(np.uint8)
                items.append(np.repeat(grey[:, :, None], 3, axis=2))
                orientation.append(degrees)
                frequency.append(float(count))
                phase.append(shift)
    names = [
        f"{o:g}°, {f:g} cycles, phase {p:g}°"
        for o, f, p in zip(orientation, frequency, phase, strict=True)
    ]
    return Stimuli(
        items,
        {
            "orientation": variable(np.array(orientation), period=180, units="degrees"),
            "frequency": variable(np.array(frequency), units="cycles per picture"),
            "phase": variable(np.array(phase), period=360, units="degrees"),
        },
        group=[f"{f:g} cycles, phase {p:g}°" for f, p in zip(frequency, phase, strict=True)],
        name="gratings",
        names=names,
        licence="BSD-3-Clause (generated here)",
    )


def white_noise(
    *,
    n_pictures: int = 1000,
    n_checks: int = 28,
    size: int = 224,
    contrast: float = 0.3,
    colour: bool = False,
    rng: np.random.Generator | int = 0,
) -> Stimuli:
    """Return pictures of independent Gaussian checks, for reverse correlation.

    Parameters
    ----------
    n_pictures : int
    n_checks : int
        Checks along each side; divides ``size``.
    size : int
        Height and width in pixels.
    contrast : float
        Standard deviation of a check, of half the range; what passes the range is cut off (at
        .3: one check in 1 200).
    colour : bool
        Red, green and blue of their own, rather than grey.
    rng : numpy Generator or int

    Returns
    -------
    Stimuli
        Each picture is its own group. :func:`luminance` gives the checks back.

    Raises
    ------
    HomologueError
        Checks that do not divide the picture, or a contrast outside 0 … 1.

    References
    ----------
    .. [1] Marmarelis & Naka 1972, Science 175:1276, doi:10.1126/science.175.4027.1276

    Examples
    --------
    >>> noise = white_noise(n_pictures=2, n_checks=4, size=8)
    >>> noise.items[0].shape, len(noise)
    ((8, 8, 3), 2)
    """
    if n_pictures < 1 or n_checks < 1 or size % n_checks:
        raise HomologueError(
            f"the checks divide the picture: size is a multiple of n_checks; given {size} and "
            f"{n_checks}, for {n_pictures} pictures"
        )
    if not 0 < contrast <= 1:
        raise HomologueError(f"contrast lies in (0, 1]; given {contrast}")
    generator = np.random.default_rng(rng)
    level = generator.standard_normal((n_pictures, n_checks, n_checks, 3 if colour else 1))
    grey = np.clip(np.round(127.5 * (1 + contrast * level)), 0, 255).astype(np.uint8)
    if not colour:
        grey = np.repeat(grey, 3, axis=3)
    check = size // n_checks
    return Stimuli(
        [picture.repeat(check, axis=0).repeat(check, axis=1) for picture in grey],
        name="white noise",
        names=[f"noise {number}" for number in range(n_pictures)],
        licence="BSD-3-Clause (generated here)",
    )
