"""Make recordings from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from homologue._errors import InvalidRecording
from homologue.recording._validate import validate
from homologue.recording._variables import to_codes, variable

_CODED = ("stimulus", "group", "block")


def make(
    activity: ArrayLike,
    *,
    unit: Sequence[str] | np.ndarray | xr.Coordinates | None = None,
    site: Sequence[str] | np.ndarray | str | None = None,
    stimulus: ArrayLike | xr.Variable | None = None,
    group: ArrayLike | xr.Variable | None = None,
    block: ArrayLike | xr.Variable | None = None,
    variables: Mapping[str, ArrayLike | xr.Variable] | None = None,
    unit_variables: Mapping[str, ArrayLike] | None = None,
    system: str = "unnamed",
    kind: str = "model",
    family: str | None = None,
    activity_units: str = "arbitrary",
    simultaneous: bool = True,
    **attrs: Any,
) -> xr.DataArray:
    """Return a validated recording.

    Parameters
    ----------
    activity : array_like, shape (sample, unit)
        Floating point; integers are converted to float64. A lazy (dask or zarr-backed)
        array stays lazy.
    unit : sequence of str, or xarray.Coordinates, optional
        Unique names; ``"0", "1", …`` if left out. Or another recording's ``coords``, of which
        those on ``unit`` are taken as they are, sites and all: a part costs no work a unit then.
    site : sequence of str or str, optional
        The layer or brain area of each unit.
    stimulus, group, block : array_like, shape (sample,), optional
        Integers or strings. ``group`` is the smallest independent unit. It defaults to the
        ``trial`` where there is one; with ``time`` alone, where neighbouring samples resemble
        each other, to a single group, so that tests shift in time until independent stretches
        (blocks of seconds) are declared; and to one group per sample otherwise.
    variables : mapping of str to array_like or Variable
        Anything else on ``sample``; use :func:`variable` to declare a period or a label source.
        ``time`` (session clock, s), ``lag`` (s from an event), ``trial`` and ``position`` (token
        index) go here.
    unit_variables : mapping of str to array_like
        Anything else on ``unit``.
    system, kind, family, activity_units, simultaneous
        Provenance. ``family`` is what counts once in a verdict; it defaults to ``system``.
        ``simultaneous=False`` (pseudo-populations, pooled sessions) excludes covariance claims.
    **attrs
        Further scalar provenance (``source``, ``licence``, ``seed``, ``sampling_interval``).

    Returns
    -------
    xarray.DataArray
        Named ``activity``, dims ``("sample", "unit")``.

    Raises
    ------
    InvalidRecording
        Whatever :func:`validate` refuses.

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import labels
    >>> rec = make(np.eye(4), stimulus=["a", "a", "b", "b"], kind="brain", system="toy")
    >>> rec.sizes["unit"], labels(rec, "stimulus").tolist()
    (4, ['a', 'a', 'b', 'b'])
    """
    data: Any = activity if hasattr(activity, "dtype") else np.asarray(activity)
    if len(data.shape) != 2:
        raise InvalidRecording(
            f"activity has dims (sample, unit); given shape {tuple(data.shape)}. "
            "Trials × time go through `recording.stack`"
        )
    if data.dtype.kind in "iub":
        data = data.astype(np.float64)
    count, width = data.shape
    coords: dict[str, Any] = {}
    shared = unit if isinstance(unit, xr.Coordinates) else None
    if shared is None:
        names = np.arange(width).astype(str) if unit is None else np.asarray(unit)
    else:
        names = shared["unit"].to_index()
        on_unit = {str(name): c.variable for name, c in shared.items() if c.dims == ("unit",)}
        coords |= {name: one for name, one in on_unit.items() if name != "unit"}
    if names.shape != (width,):
        raise InvalidRecording(f"{names.size} unit names given for {width} units")
    if shared is None:
        coords["unit"] = ("unit", names.astype(object).astype(str))
    if site is not None:
        sites = np.full(width, site) if isinstance(site, str) else np.asarray(site)
        if sites.shape != (width,):
            raise InvalidRecording(f"{sites.size} sites given for {width} units; give one a unit")
        coords["site"] = ("unit", sites.astype(str))
    for name, values in (unit_variables or {}).items():
        if not isinstance(values, xr.Variable):
            array = np.asarray(values)
            array = array.astype(str) if array.dtype.kind in "OT" else array
            if array.shape != (width,):
                raise InvalidRecording(
                    f"{name!r} has shape {array.shape}, but there are {width} units; "
                    "give one value per unit"
                )
            values = xr.Variable(("unit",), array)
        coords[name] = values
    given: dict[str, Any] = dict(variables or {})
    coded = {"stimulus": stimulus, "block": block, "group": group}
    given |= {name: values for name, values in coded.items() if values is not None}
    given.setdefault("group", _default_group(given, count))
    for name, values in given.items():
        if name in coords:
            raise InvalidRecording(
                f"{name!r} is given on 'unit' and on 'sample'; a name stands for one of them: "
                "rename one"
            )
        coords[name] = _on_sample(name, values, count)
    provenance_attrs = {
        "system": system,
        "kind": kind,
        "family": system if family is None else family,
        "activity_units": activity_units,
        "simultaneous": int(bool(simultaneous)),
        **{key: value for key, value in attrs.items() if value is not None},
    }
    if shared is not None:
        indexes = {"unit": shared.xindexes["unit"]}
        all_coords: Any = xr.Coordinates({"unit": shared["unit"].variable, **coords}, indexes)
    else:
        all_coords = coords
    rec = xr.DataArray(
        data, dims=("sample", "unit"), coords=all_coords, attrs=provenance_attrs, name="activity"
    )
    return validate(rec, allow_missing=True)


def _default_group(given: Mapping[str, Any], count: int) -> Any:
    if "trial" in given:
        trial = given["trial"]
        return np.unique(np.asarray(getattr(trial, "values", trial)), return_inverse=True)[1]
    return np.zeros(count, int) if "time" in given else np.arange(count)


def _on_sample(name: str, values: Any, count: int) -> xr.Variable:
    if isinstance(values, xr.DataArray):
        values = values.variable
    if not isinstance(values, xr.Variable):
        array = np.asarray(values)
        if name in _CODED:
            codes, categories = to_codes(array)
            attrs = {} if categories is None else {"categories": categories}
            values = xr.Variable(("sample",), codes, attrs)
        else:
            values = variable(array)
    if values.shape != (count,):
        raise InvalidRecording(
            f"{name!r} has shape {values.shape}, but there are {count} samples; "
            "give one value per sample"
        )
    return values
