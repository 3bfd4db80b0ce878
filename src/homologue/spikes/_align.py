"""Spikes around events, and the recordings of trials they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import InvalidRecording, UnknownName, nearest
from homologue._typing import Array, Float, Int
from homologue.spikes import _bin as binning
from homologue.spikes import _events as tables
from homologue.spikes._segments import bin_of, gather, positions, segment_of, tally
from homologue.spikes._select import rows
from homologue.spikes._spikes import Spikes


@dataclass(frozen=True, eq=False, repr=False)
class Aligned:
    """Spikes around events: flat times relative to the event, with a (unit, event) index.

    Made by :meth:`Spikes.align`.

    Attributes
    ----------
    times : array, shape (spike,)
        Seconds from the event, unit after unit and event after event within a unit.
    index : array of int, shape (unit, event)
        Where each pair ends in ``times``.
    events : array, shape (event,)
        Event times on the session clock, in seconds, in the table's order.
    window : (float, float)
        ``[before, after)`` in seconds.
    trial : array of int, shape (event,)
        Row of each event in its table; events without a time (NaN) are left out.
    variables : mapping of str to Variable
        One value per event.
    spikes : Spikes
        Where they come from; it knows when each unit was observed.
    left_out : int
        Events without a time.
    """

    times: Float[Array, " spike"]
    index: Int[Array, "unit event"]
    events: Float[Array, " event"]
    window: tuple[float, float]
    trial: Int[Array, " event"]
    spikes: Spikes
    variables: Mapping[str, xr.Variable] = field(default_factory=dict)
    group: Any = None
    block: Any = None
    left_out: int = 0

    def __repr__(self) -> str:
        """Return the sizes."""
        units, events = self.index.shape
        before, after = self.window
        return (
            f"<Aligned: {units} units × {events} events, {self.times.size} spikes in "
            f"[{before:g}, {after:g}) s>"
        )

    def raster(self, unit: str | int, event: int | None = None) -> Any:
        """Return a unit's relative times: of one event, or a list over events.

        Parameters
        ----------
        unit : str or int
            Name or position.
        event : int, optional
            Which event.
        """
        row = int(rows(self.spikes, unit)[0])
        edges = np.concatenate([[0], self.index.ravel()])
        width = self.events.size
        if event is not None:
            place = row * width + range(width)[event]
            return self.times[edges[place] : edges[place + 1]]
        ends = edges[row * width : (row + 1) * width + 1]
        return np.split(self.times[ends[0] : ends[-1]], ends[1:-1] - ends[0])

    def bin(self, width: float, *, activity_units: str = "spikes/s") -> xr.DataArray:
        """Return a recording of trials × lags.

        Parameters
        ----------
        width : float
            Width of a bin in seconds; the window is a whole number of them.
        activity_units : {"spikes/s", "spikes"}
            Rates or counts.

        Returns
        -------
        DataArray
            Dims ``("sample", "unit")``, trial after trial, with ``trial``, ``lag`` (bin centres,
            s from the event), ``time`` (session clock), ``group`` = trial unless declared
            otherwise, and the events' variables. NaN where a bin is not wholly inside a unit's
            ``obs_intervals``. ``windows_overlapping`` in ``attrs`` counts windows that begin
            before the one before ends: their trials share spikes and are not independent.

        Raises
        ------
        InvalidRecording
            A width that does not divide the window; more bins than memory holds.

        Examples
        --------
        >>> spikes = Spikes.from_list([[1.1, 1.3, 2.2]])
        >>> rec = spikes.align([1.0, 2.0], window=(0, 0.5)).bin(0.25, activity_units="spikes")
        >>> rec.values.ravel().tolist(), rec.trial.values.tolist()
        ([1.0, 1.0, 1.0, 0.0], [0, 0, 1, 1])
        """
        before, after = self.window
        width = binning.check_width(width, after - before)
        binning.check_size(self.events.size * ((after - before) / width), len(self.spikes))
        count = round((after - before) / width)
        if abs(count * width - (after - before)) > binning.TOLERANCE * width:
            fitting = (after - before) / count
            raise InvalidRecording(
                f"the window of {after - before:g} s is not a whole number of bins of {width:g} s; "
                f"try a width of {fitting:.6g} s"
            )
        edges = before + width * np.arange(count + 1)
        edges[-1] = after
        rec = self._record(edges, width, activity_units)
        return rec.assign_attrs(sampling_interval=width)

    def count(
        self, window: tuple[float, float] | None = None, *, activity_units: str = "spikes"
    ) -> xr.DataArray:
        """Return a recording with one value per trial: the spikes in a part of the window.

        Parameters
        ----------
        window : (float, float), optional
            Part of the aligned window; all of it if left out.
        activity_units : {"spikes", "spikes/s"}
            Counts or rates.

        Examples
        --------
        >>> aligned = Spikes.from_list([[1.1, 1.3, 2.2]]).align([1.0, 2.0], window=(0, 0.5))
        >>> aligned.count().values.ravel().tolist()
        [2.0, 1.0]
        """
        before, after = self.window if window is None else check_window(window)
        slack = binning.TOLERANCE * (after - before)
        if before < self.window[0] - slack or after > self.window[1] + slack:
            raise InvalidRecording(
                f"the window {before:g} … {after:g} s is not inside the aligned one, "
                f"{self.window[0]:g} … {self.window[1]:g} s; align with a wider one"
            )
        rec = self._record(np.array([before, after]), after - before, activity_units)
        return rec.drop_vars("lag")

    def _record(
        self, edges: Float[Array, " edge"], width: float, activity_units: str
    ) -> xr.DataArray:
        units, events = self.index.shape
        bins = edges.size - 1
        scale = binning.scale_of(activity_units, width)
        times, pair = self.times, segment_of(self.index.ravel())
        if edges[0] > self.window[0] or edges[-1] < self.window[1]:
            kept = (times >= edges[0]) & (times < edges[-1])
            times, pair = times[kept], pair[kept]
        unit, sample = np.divmod(pair, events)
        sample *= bins
        if bins > 1:
            sample += bin_of(times, edges)
        activity = tally(unit, sample, (events * bins, units), scale)
        self._mask(activity.reshape(events, bins, units), edges)

        event = np.repeat(np.arange(events), bins)
        lag = np.round((edges[:-1] + edges[1:]) / 2, 12)
        variables: dict[str, Any] = {
            name: tables.on_samples(values, event) for name, values in self.variables.items()
        }
        variables["trial"] = self.trial[event]
        variables["lag"] = np.tile(lag, events)
        variables["time"] = (self.events[:, None] + lag).ravel()
        ordered = np.sort(self.events)
        begins_early = ordered[1:] + edges[0] < ordered[:-1] + edges[-1]
        return recording.make(
            activity,
            group=event if self.group is None else tables.on_samples(self.group, event),
            block=None if self.block is None else tables.on_samples(self.block, event),
            variables=variables,
            activity_units=activity_units,
            windows_overlapping=int(np.count_nonzero(begins_early)),
            events_left_out=self.left_out,
            **binning.columns(self.spikes),
            **binning.provenance(self.spikes),
        )

    def _mask(self, activity: np.ndarray, edges: Float[Array, " edge"]) -> None:
        """Set to NaN what was not observed; bins are looked at only where a window sticks out."""
        if self.spikes.obs_intervals is None:
            return
        width = (edges[-1] - edges[0]) / (edges.size - 1)
        whole = binning.observed_windows(
            self.spikes, self.events + edges[0], self.events + edges[-1], width
        )
        partial = np.flatnonzero(~whole.all(axis=0))
        if not partial.size:
            return
        start = (self.events[partial, None] + edges[:-1]).ravel()
        end = (self.events[partial, None] + edges[1:]).ravel()
        seen = binning.observed_windows(self.spikes, start, end, width)
        seen = seen.T.reshape(partial.size, edges.size - 1, -1)
        activity[partial] = np.where(seen, activity[partial], np.float32(np.nan))


def check_window(window: Any) -> tuple[float, float]:
    """Return ``(before, after)``, refusing what is not a window."""
    array = np.asarray(window)
    if array.shape != (2,) or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise InvalidRecording(
            f"a window is (before, after) in seconds from the event; given {window!r}. "
            "Try window=(-0.5, 1.5)"
        )
    before, after = float(array[0]), float(array[1])
    if before >= after:
        raise InvalidRecording(
            f"the window {before:g} … {after:g} s is empty; time before the event is negative: "
            f"try window=({min(before, after, -abs(before)):g}, {max(abs(before), abs(after)):g})"
        )
    return before, after


def align(
    spikes: Spikes,
    events: Any,
    *,
    window: tuple[float, float],
    variables: Mapping[str, Any] | None = None,
    group: Any = None,
    block: Any = None,
) -> Aligned:
    """Return the :class:`Aligned` behind :meth:`Spikes.align`."""
    before, after = check_window(window)
    taken = binning.columns(spikes)["unit_variables"]
    times, columns, table = tables.resolve(events, spikes.events, taken)
    total = times.size
    for name, values in (variables or {}).items():
        column = tables.event_variable(name, values, total)
        columns[tables.free_name(name, table, column, taken)] = column
    grouping = {
        name: _grouping(name, values, columns, total, table)
        for name, values in (("group", group), ("block", block))
    }
    if np.isinf(times).any():
        raise InvalidRecording("events hold Inf; every event is a time in seconds (NaN: none)")
    has_time = np.flatnonzero(~np.isnan(times))
    if not has_time.size:
        raise InvalidRecording(f"none of the {total} events has a time; choose another column")
    times = times[has_time]
    _check_session(spikes, times, before, after)

    place = positions(spikes.times, spikes.index, np.concatenate([times + before, times + after]))
    first, last = place[:, : times.size].ravel(), place[:, times.size :].ravel()
    chosen, ends = gather(first, last)
    relative = spikes.times[chosen]
    relative -= np.repeat(np.tile(times, len(spikes)), last - first)
    # The difference may round to just outside the window that the sum was inside of.
    np.clip(relative, before, np.nextafter(after, -np.inf), out=relative)
    return Aligned(
        times=relative,
        index=ends.reshape(len(spikes), times.size),
        events=times,
        window=(before, after),
        trial=has_time,
        spikes=spikes,
        variables={name: values[has_time] for name, values in columns.items()},
        group=None if grouping["group"] is None else grouping["group"][has_time],
        block=None if grouping["block"] is None else grouping["block"][has_time],
        left_out=total - has_time.size,
    )


def _grouping(
    name: str, values: Any, columns: Mapping[str, xr.Variable], total: int, table: str
) -> xr.Variable | None:
    if values is None:
        return None
    if isinstance(values, str):
        known = values if values in columns else f"{table}_{values}"
        if known not in columns:
            raise UnknownName(f"{name}={values!r} is not a column" + nearest(values, columns))
        values = columns[known]
    variable = tables.event_variable(name, values, total)
    if variable.dtype.kind == "f":
        if not (variable.values == np.round(variable.values)).all():
            raise InvalidRecording(f"{name} is categorical; {table} gives fractions or NaN")
        variable = variable.astype(np.int64)
    return variable


def _check_session(
    spikes: Spikes, times: Float[Array, " event"], before: float, after: float
) -> None:
    start, end = spikes.span
    if not spikes.times.size and spikes.obs_intervals is None:
        return
    if after - before > end - start:
        raise InvalidRecording(
            f"the window of {after - before:g} s is longer than the session ({end - start:g} s); "
            "windows are in seconds, not milliseconds"
        )
    if (times + after <= start).all() or (times + before >= end).all():
        raise InvalidRecording(
            f"every event ({times.min():g} … {times.max():g} s) lies outside the session "
            f"({start:g} … {end:g} s); are both on one clock, in seconds?"
        )
