"""Cut a running recording into windows around events: tokens of a kind, moments of a session."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign, InvalidRecording
from homologue._typing import Array, Bool
from homologue.recording import validate
from homologue.tuning.receptive_fields._lagged import runs


def around(rec: xr.DataArray, event: Any, *, window: tuple[int, int]) -> xr.DataArray:
    """Return the samples around each event as trials × lags.

    What ``spikes.align(…).bin(…)`` is for spike times, for recordings that run on: a language
    model's tokens, a trace.

    Parameters
    ----------
    rec : xarray.DataArray
        With ``position`` (tokens of a document, in ``group``) or ``time``.
    event : str or array of bool, shape (sample,)
        Where events are: a coordinate that is true there, or the mask itself.
    window : (int, int)
        ``[from, to)`` in samples from the event.

    Returns
    -------
    xarray.DataArray
        A recording with ``lag`` (samples from the event) and ``trial`` on ``sample``; all
        coordinates stay, ``group`` among them: events of a document are not independent.
        ``events_left_out`` in ``attrs`` counts events whose window leaves the document.

    Raises
    ------
    InvalidDesign
        An empty window, no event, or none whose window fits.
    InvalidRecording
        A mask of another shape.

    Examples
    --------
    >>> from homologue.recording import make
    >>> rec = make(np.arange(8.0)[:, None], group=[0] * 4 + [1] * 4,
    ...            variables={"position": [0, 1, 2, 3] * 2})
    >>> is_third = rec.position == 2
    >>> around(rec, is_third, window=(-1, 1)).values.ravel().tolist()
    [1.0, 2.0, 5.0, 6.0]
    """
    validate(rec, allow_missing=True, needs=[event] if isinstance(event, str) else [])
    start, end = (int(edge) for edge in window)
    if end <= start:
        raise InvalidDesign(f"the window {start} to {end} is empty; try window=(-4, 4)")
    mask = _mask(rec, event)
    offsets = np.arange(start, end)
    found = []
    for part in runs(rec):
        at = np.flatnonzero(mask[part])
        at = at[(at + start >= 0) & (at + end <= part.size)]
        found.append(part[at[:, None] + offsets])
    rows = np.concatenate(found)
    if not len(rows):
        raise InvalidDesign(
            f"{int(mask.sum())} events, and none with samples from {start} to {end - 1} around "
            "it; take a narrower window or longer documents"
        )
    trial = np.repeat(np.arange(len(rows)), offsets.size)
    return (
        rec.isel(sample=rows.ravel())
        .assign_coords(lag=("sample", np.tile(offsets, len(rows))), trial=("sample", trial))
        .assign_attrs(events_left_out=int(mask.sum()) - len(rows))
    )


def _mask(rec: xr.DataArray, event: Any) -> Bool[Array, "sample"]:
    values = np.asarray(rec[event].values if isinstance(event, str) else event)
    if values.shape != (rec.sizes["sample"],):
        raise InvalidRecording(
            f"events are one true or false a sample ({rec.sizes['sample']}); given shape "
            f"{values.shape}"
        )
    if values.dtype.kind not in "b" and not np.isin(values, (0, 1)).all():
        raise InvalidRecording(
            "events are true or false; give a comparison, such as rec.token == code"
        )
    return values.astype(bool)
