"""An NWB session as a system: units, trials, position, traces, and recordings of them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import h5py
import numpy as np
import xarray as xr

from homologue import recording
from homologue._errors import InvalidRecording, UnknownName, nearest
from homologue.spikes import Spikes
from homologue.systems._nwb import _activity
from homologue.systems._nwb._catalogue import Contents, Item, Lazy, text
from homologue.systems._nwb._series import AXES, read_series, read_traces
from homologue.systems._nwb._source import Source, find
from homologue.systems._nwb._tables import read_table
from homologue.systems._nwb._units import NoSpikes, read_units, usual_units


@dataclass(frozen=True, eq=False, repr=False)
class NWB:
    """One session of an NWB file; made by :func:`nwb`.

    Attributes
    ----------
    name, family, licence, citation, source, kind : str
        Provenance, as of every system.
    file : Source
        The file.
    outside, sort : str, bool
        As for :class:`homologue.spikes.Spikes`.
    """

    file: Source
    name: str
    family: str
    licence: str
    citation: str
    outside: str = "error"
    sort: bool = False
    kind: str = "brain"

    @property
    def source(self) -> str:
        """Where the file is."""
        return self.file.name

    def __repr__(self) -> str:
        """Return what the file holds."""
        held = [
            f"{word}: {', '.join(mapping)}"
            for word, mapping in (
                ("intervals", self.intervals), ("tables", self.tables), ("series", self.series)
            )
            if mapping
        ]  # fmt: skip
        units = ["units"] if self.contents.of("units") else []
        return f"<NWB {self.name}: {'; '.join(units + held) or 'nothing that is read'}>"

    @cached_property
    def contents(self) -> Contents:
        """Every table and series of the file."""
        # An object of its own: spikes that look tables up hold it, not the session that holds
        # them, so what is no longer used is freed at once.
        return Contents(self.file)

    @property
    def _attrs(self) -> dict[str, Any]:
        return {
            "system": self.name, "kind": self.kind, "family": self.family,
            "licence": self.licence, "source": self.source,
        }  # fmt: skip

    @cached_property
    def intervals(self) -> Mapping[str, xr.Dataset]:
        """Tables of intervals by name (trials, epochs, invalid times), read when asked for."""
        return Lazy(
            self.file, partial(self.contents.of, "intervals"), read_table, "table of intervals"
        )

    @cached_property
    def tables(self) -> Mapping[str, xr.Dataset]:
        """Every other table by name (electrodes, tables under processing)."""
        return Lazy(self.file, partial(self.contents.of, "table"), read_table, "table")

    @cached_property
    def series(self) -> Mapping[str, xr.DataArray]:
        """Every time series by name, dims ``("time",)`` or ``("time", "axis")``."""
        return Lazy(self.file, partial(self.contents.of, "series"), read_series, "time series")

    @property
    def trials(self) -> xr.Dataset:
        """The trials table, dims ``("event",)``; text columns are codes with categories.

        Raises
        ------
        UnknownName
            The file has no trials; the tables that it has are named.
        """
        return self.intervals["trials"]

    @cached_property
    def units(self) -> Spikes:
        """Spike times of all units, in one read; ``align("trials.start_time", …)`` finds tables.

        Raises
        ------
        UnknownName
            The file has no units, or only tables of units without spike times or rows.
        InvalidRecording
            Spikes outside ``obs_intervals`` (see ``nwb(path, outside="drop")``), unsorted times, a
            damaged file.
        """
        events = Lazy(
            self.file, partial(self.contents.of, "intervals", "table"), read_table, "table"
        )
        without: list[str] = []
        with self.file.open() as file:
            for group in self._tables_of_units(file):
                try:
                    return read_units(
                        group, events=events, attrs=self._attrs, outside=self.outside,
                        sort=self.sort,
                    )  # fmt: skip
                except NoSpikes as error:
                    without.append(str(error))
        if without:
            raise UnknownName(f"{self.source} has no spikes: {'; '.join(without)}")
        raise UnknownName(f"{self.source} has no units; it holds: {self!r}")

    def _tables_of_units(self, file: h5py.File) -> Iterator[h5py.Group]:
        # The usual place first: the rest of the file need not be looked through.
        usual = usual_units(file)
        if usual is not None:
            yield usual
        for item in self.contents.of("units").values():
            if usual is None or item.path != usual.name:
                yield file[item.path]

    @cached_property
    def position(self) -> xr.DataArray:
        """The animal's position: dims ``("time", "axis")``, ``axis`` = x, y, z.

        Raises
        ------
        UnknownName
            The file has no position, or several; ``series[name]`` reads any of them.
        """
        chosen = self._positions()
        if not chosen:
            has = ", ".join(self.series) or "none"
            raise UnknownName(f"{self.source} has no position (SpatialSeries); its series: {has}")
        if len(chosen) > 1:
            raise UnknownName(
                f"{self.source} has {len(chosen)} positions; choose one with series[name]: "
                + ", ".join(repr(name) for name in chosen)
            )
        series = self.series[next(iter(chosen))]
        return series if series.ndim == 2 else series.expand_dims({"axis": ["x"]}, 1)

    def _positions(self) -> dict[str, Item]:
        """Return what may be the animal's position, by name."""
        spatial = {n: i for n, i in self.contents.of("series").items() if i.type == "SpatialSeries"}
        inside = {n: i for n, i in spatial.items() if i.container == "Position"}
        return inside or {n: i for n, i in spatial.items() if i.container != "CompassDirection"}

    @cached_property
    def traces(self) -> xr.DataArray:
        """Fluorescence (dF/F where there is one) as a recording with ``time``.

        Planes with one clock are joined; ``group`` is the contiguous stretch.

        Raises
        ------
        UnknownName
            The file has no RoiResponseSeries, or several that do not belong together.
        """
        rois = {
            n: i for n, i in self.contents.of("series").items() if i.type == "RoiResponseSeries"
        }
        chosen = {n: i for n, i in rois.items() if i.container == "DfOverF"} or rois
        if not chosen:
            raise UnknownName(
                f"{self.source} has no RoiResponseSeries; its series: "
                + (", ".join(self.series) or "none")
            )
        if len(chosen) > 1 and len({item.container for item in chosen.values()}) > 1:
            raise UnknownName(
                f"{self.source} has {len(chosen)} kinds of traces; choose one with series[name]: "
                + ", ".join(chosen)
            )
        with self.file.open() as file:
            planes = [
                read_traces(
                    file, item, prefix=f"{name}/" if len(chosen) > 1 else "", attrs=self._attrs
                )
                for name, item in chosen.items()
            ]
        if len(planes) == 1:
            return planes[0]
        if any(not np.array_equal(p["time"], planes[0]["time"]) for p in planes):
            raise UnknownName(
                f"the {len(planes)} planes of {self.source} have different clocks; choose one with "
                "series[name]: " + ", ".join(chosen)
            )
        return recording.concat(planes, "unit")

    @cached_property
    def activity(self) -> xr.DataArray:
        """The recording that :func:`to_nwb` wrote into the file.

        Raises
        ------
        UnknownName
            The file was not written from a recording.
        """
        with self.file.open() as file:
            return _activity.read_activity(file, self.source)

    def record(
        self,
        variable: str | None = None,
        *,
        events: Any = None,
        window: tuple[float, float] | None = None,
        width: float | None = None,
    ) -> xr.DataArray:
        """Return a recording of the session or of its trials.

        Parameters
        ----------
        variable : str, optional
            What is asked about. A column of an interval table (``"choice"``) aligns to that
            table's ``start_time``; a time series or an axis of the position stands on the bins.
        events : str or array_like, optional
            ``"table.column"`` or times in seconds; recordings of trials.
        window : (float, float)
            Seconds around each event; needed for trials.
        width : float, optional
            Bin width in seconds: 0.1 for a session; trials are counted whole if left out.

        Returns
        -------
        DataArray
            Trials: as of ``units.align(events, window=window)``. A session: ``units.bin(width)``
            with the position beside it; the dF/F traces where there are no spikes; what
            :func:`to_nwb` wrote where the file is a recording. A position that cannot stand
            beside the bins (several, empty, on another clock) is left out with a warning, unless
            ``variable`` is an axis of it.

        Raises
        ------
        UnknownName
            Nothing in the file has that name.
        InvalidRecording
            Trials without a window.
        """
        if _activity.holds_activity(self.contents.items):
            return recording.validate(
                self.activity, needs=[variable] if variable else [], allow_missing=True,
                check_values=False,
            )  # fmt: skip
        if events is None and variable is not None:
            table = self._table_with(variable)
            events = None if table is None else f"{table}.start_time"
        if events is not None:
            if window is None:
                raise InvalidRecording(
                    f"trials around {events!r} need a window in seconds; try window=(-0.5, 1.5)"
                )
            aligned = self.units.align(events, window=window)
            return aligned.count() if width is None else aligned.bin(width)
        return self._whole_session(variable, 0.1 if width is None else width)

    def _table_with(self, variable: str) -> str | None:
        names = sorted(self.intervals, key=lambda name: name != "trials")
        return next((name for name in names if variable in self.intervals[name]), None)

    def _whole_session(self, variable: str | None, width: float) -> xr.DataArray:
        rec = self._spikes_or_traces(width)
        beside = self._axes(variable)
        if variable is not None and variable in self.series:
            series = self.series[variable]
            if series.ndim > 1:
                raise InvalidRecording(
                    f"{variable!r} has {series.shape[1]} columns; put one beside the recording "
                    "with homologue.recording.attach(rec, name, series.isel(axis=0))"
                )
            beside[variable] = series
        if variable is not None and variable not in beside:
            columns = [str(c) for table in self.intervals.values() for c in table]
            raise UnknownName(
                f"{self.source} has no variable {variable!r}"
                + nearest(variable, [*beside, *self.series, *columns])
            )
        left_out: dict[str, InvalidRecording] = {}
        for name, series in beside.items():
            try:
                rec = recording.attach(rec, name, series)
            except InvalidRecording as error:
                if name == variable:
                    raise
                left_out[name] = error
        if left_out:
            names, errors = ", ".join(left_out), list(left_out.values())
            warnings.warn(
                f"the recording of {self.source} is without {names} of the position: {errors[0]}",
                stacklevel=3,
            )
        return rec

    def _spikes_or_traces(self, width: float) -> xr.DataArray:
        try:
            spikes = self.units
        except UnknownName as no_spikes:
            try:
                return self.traces
            except UnknownName as no_traces:
                raise UnknownName(f"{no_spikes}; {no_traces}") from no_traces
        return spikes.bin(width)

    def _axes(self, variable: str | None) -> dict[str, xr.DataArray]:
        """Return the axes of the position by name; none where it cannot be read."""
        asked = variable in AXES and variable not in self.series
        if not asked and not self._positions():
            return {}
        try:
            position = self.position
        except (UnknownName, InvalidRecording) as error:
            if asked:
                raise
            warnings.warn(f"the recording is without a position: {error}", stacklevel=4)
            return {}
        return {str(axis): position.sel(axis=axis, drop=True) for axis in position["axis"].values}


def nwb(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    family: str | None = None,
    licence: str | None = None,
    citation: str | None = None,
    outside: str = "error",
    sort: bool = False,
) -> NWB:
    """Return the session of an NWB file, by path, URL or DANDI id.

    Tables and series are read in bulk with h5py, and only when they are asked for.

    Parameters
    ----------
    path : str or path
        ``"session.nwb"``, ``"https://…"``, ``"000056/sub-…/….nwb"`` or
        ``"DANDI:000056@0.210812.1515/sub-…/….nwb"``. Ids are looked for under
        ``$HOMOLOGUE_MIRROR/dandi`` first, then streamed with the ``dandi`` and ``remfile``
        packages.
    name : str, optional
        The system's name; the file's stem by default.
    family : str, optional
        What counts once in a verdict; the file's subject by default, else the name.
    licence, citation : str, optional
        NWB files do not say their licence; DANDI's are CC-BY-4.0 or CC0, as the dandiset says.
    outside : {"error", "drop"}
        What to do with spikes outside ``obs_intervals``.
    sort : bool
        Sort spike times within units where they are not.

    Returns
    -------
    NWB
        With ``units``, ``trials``, ``intervals``, ``tables``, ``series``, ``position``,
        ``traces`` and ``record``.

    Raises
    ------
    FileNotFoundError
        No such file.
    InvalidRecording
        Truncated, damaged, a folder, not NWB, or not a path.
    AssetUnavailable
        A DANDI id or URL that cannot be reached from here; the message says how to get it.

    References
    ----------
    .. [1] Rübel et al. (2022), The Neurodata Without Borders ecosystem for neurophysiological
       data science, eLife 11:e78362, doi:10.7554/eLife.78362

    Examples
    --------
    A session's trials, and a variable of theirs decoded::

        brain = hm.nwb("session.nwb")
        rec = brain.units.align("trials.start_time", window=(-0.5, 1.5)).bin(0.05)
        hm.representation.decode(rec, "choice", rng=0)
    """
    source = find(path)
    with source.open() as file:
        subject = file.get("general/subject/subject_id")
        subject = "" if subject is None else text(subject[()])
        papers = file.get("general/related_publications")
        papers = "" if papers is None else "; ".join(text(p) for p in np.atleast_1d(papers[()]))
    name = name or source.stem
    return NWB(
        file=source,
        name=name,
        family=family or subject or name,
        licence=licence or "not stated in the file",
        citation=citation or papers or "not stated in the file",
        outside=outside,
        sort=sort,
    )
