"""What a perturbation can act on: units, sites, heads, directions, dictionary features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue.perturb._values import Axis


@dataclass(frozen=True)
class Target:
    """Names of units or sites; with an axis, one coordinate at the site that is named."""

    names: tuple[str, ...]
    axis: Axis | None = None


def heads(layer: int, numbers: int | Sequence[int], *, site: str = "z") -> Target:
    """Return attention heads of a layer as something to perturb.

    Parameters
    ----------
    layer : int
        Number of the layer.
    numbers : int or sequence of int
        Heads in it.
    site : str
        Alias of a site whose units are head dimensions: ``"z"`` (what a head passes on),
        ``"q"``, ``"k"`` or ``"v"``.

    Examples
    --------
    >>> heads(3, [0, 5]).names
    ('z.3/head.0', 'z.3/head.5')
    """
    wanted = np.atleast_1d(np.asarray(numbers))
    if wanted.dtype.kind not in "iu" or not wanted.size or (wanted < 0).any():
        raise HomologueError(f"heads are numbers from 0 on; given {numbers!r}")
    return Target(tuple(f"{site}.{int(layer)}/head.{int(one)}" for one in wanted))


def direction(vector: Any, site: str, *, name: str = "direction") -> Target:
    """Return the coordinate along a direction of a site's activity.

    The coordinate is the projection on the direction at unit length; ablating it removes the
    projection, clamping it sets the projection, and so on.

    Parameters
    ----------
    vector : array, shape (unit,)
        One number a unit of the site; its length does not matter.
    site : str
        Where it lies.
    name : str
        For messages.

    Raises
    ------
    HomologueError
        No vector, or one of length zero.

    Examples
    --------
    >>> direction([3.0, 4.0], "resid_post.3").axis.read
    (0.6, 0.8)
    """
    values = _vector(vector, name)
    unit = _numbers(values / np.linalg.norm(values))
    return Target((_site(site),), Axis(f"{name} at {site}", unit, unit))


def feature(
    encoder: Any,
    decoder: Any,
    site: str,
    *,
    bias: float = 0.0,
    decoder_bias: Any = None,
    name: str = "feature",
) -> Target:
    """Return a sparse dictionary's feature as something to perturb.

    Its activation is ``max(0, (activity - decoder_bias) · encoder + bias)``; a perturbation
    changes the activation and adds the change, times the decoder's direction, to the activity:
    what the dictionary does not reconstruct stays as it is.

    Parameters
    ----------
    encoder, decoder : array, shape (unit,)
        The feature's column of the encoder and row of the decoder.
    site : str
        Where the dictionary was learned.
    bias : float
        Of the encoder, for this feature.
    decoder_bias : array, shape (unit,), optional
        Subtracted before encoding, where the dictionary does so.
    name : str
        For messages.

    Raises
    ------
    HomologueError
        Vectors of different sizes, of length zero, or not finite.

    Examples
    --------
    >>> feature([1.0, 0.0], [1.0, 0.0], "layer").names
    ('layer',)
    """
    read, write = _vector(encoder, "encoder"), _vector(decoder, "decoder")
    shift = () if decoder_bias is None else _numbers(np.asarray(decoder_bias, dtype=float))
    if read.size != write.size or len(shift) not in (0, read.size):
        raise HomologueError(
            f"encoder, decoder and decoder_bias have one number a unit; given {read.size}, "
            f"{write.size} and {len(shift)}"
        )
    axis = Axis(
        f"{name} at {site}", _numbers(read), _numbers(write), float(bias), shift, rectified=True
    )
    return Target((_site(site),), axis)


def target(units: Any, site: str | None = None) -> Target:
    """Return what some units mean.

    Parameters
    ----------
    units : str, sequence of str or int, xarray.DataArray, or Target
        Names of units (``"layers.3.mlp/12"``) or of sites (all of their units); numbers, with
        ``site``; a recording, for the units it holds; or what :func:`heads`, :func:`direction`
        and :func:`feature` return.
    site : str, optional
        Where numbers count.

    Raises
    ------
    HomologueError
        No unit, or numbers without a site.
    """
    if isinstance(units, Target):
        return units
    if isinstance(units, str):
        return Target((units,))
    if isinstance(units, (xr.DataArray, xr.Dataset)):
        return Target(_recorded(units))
    found = np.atleast_1d(np.asarray(units))
    if not found.size or found.ndim != 1:
        raise HomologueError("no unit is given; name at least one unit or site")
    if found.dtype.kind in "iu":
        if site is None:
            raise HomologueError(
                f"units {found[:3].tolist()} are numbers: say of which site, site='…', or give "
                "names as recordings have them, 'site/12'"
            )
        return Target(tuple(f"{site}/{int(one)}" for one in found))
    if found.dtype.kind not in "UOT" or not all(isinstance(one, str) for one in found.tolist()):
        raise HomologueError(
            f"units are names, numbers with site=…, or a recording's selection; given "
            f"{type(units).__name__} of {found.dtype}"
        )
    return Target(tuple(dict.fromkeys(map(str, found.tolist()))))


def _recorded(units: Any) -> tuple[str, ...]:
    if "unit" not in units.coords:
        raise HomologueError("the selection has no coordinate 'unit'; select from a recording")
    if "channel" in units.coords:
        raise HomologueError(
            "these units are channels at one place each (recorded with space='units'), which "
            "cannot be perturbed one by one; record with space='mean' and select channels"
        )
    names = tuple(map(str, np.atleast_1d(units["unit"].values)))
    if not names:
        raise HomologueError("the selection holds no unit")
    return names


def _site(site: Any) -> str:
    if not isinstance(site, str) or not site:
        raise HomologueError(f"a site is named by a string; given {site!r}")
    return site


def _vector(values: Any, what: str) -> np.ndarray:
    if hasattr(values, "detach"):
        values = values.detach().to("cpu").double().numpy()
    out = np.asarray(values, dtype=np.float64)
    if out.ndim != 1 or not out.size or not np.isfinite(out).all() or not out.any():
        raise HomologueError(
            f"{what} is a finite vector (unit,) that is not zero; given shape {out.shape}"
        )
    return out


def _numbers(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(one) for one in values)
