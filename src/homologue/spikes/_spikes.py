"""The one class for ragged spike times: flat times, where units end, when each was observed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from homologue._errors import InvalidRecording
from homologue._typing import Array, Float, Int
from homologue.spikes import _check as check
from homologue.spikes import _select as choose

if TYPE_CHECKING:
    from homologue.spikes._align import Aligned


@dataclass(frozen=True, eq=False, repr=False)
class Spikes:
    """Spike times of many units, as NWB stores them.

    Parameters
    ----------
    times : array_like, shape (spike,)
        Seconds, flat, unit after unit, ascending within each.
    index : array_like of int, shape (unit,)
        Where each unit ends in ``times``; units without spikes repeat the number before.
    unit : array_like of str, optional
        Unique names; ``"0", "1", …`` if left out.
    obs_intervals : array_like or sequence of array_like, optional
        When spikes could be seen, as closed ``(start, end)`` rows in seconds: one array common
        to all units, one array per unit, or flat rows with ``obs_index``. Left out, everything
        counts as observed.
    obs_index : array_like of int, shape (unit,), optional
        Where each unit's rows end in flat ``obs_intervals``.
    unit_variables : mapping of str to array_like, shape (unit,)
        Anything per unit: ``site``, ``quality``, depth.
    events : mapping of str to Dataset
        Tables of events by name, dims ``("event",)``; ``align("trials.start_time")`` looks there.
    attrs : mapping
        Scalar provenance, handed on to recordings: ``system``, ``kind``, ``family``, ``source``.
    outside : {"error", "drop"}
        What to do with spikes outside ``obs_intervals``; ``dropped`` counts them.
    sort : bool
        Sort times within units; otherwise unsorted times are an error.

    Attributes
    ----------
    dropped : int
        Spikes left out because they lay outside ``obs_intervals``.

    Raises
    ------
    InvalidRecording
        Times that are NaN or do not ascend, an index that does not fit, repeated names,
        overlapping intervals, spikes outside them.

    Examples
    --------
    >>> spikes = Spikes.from_list([[0.1, 0.4], [], [0.2]], unit=["a", "b", "c"])
    >>> spikes.counts.tolist()
    [2, 0, 1]
    >>> spikes[["c", "b"]].times.tolist()
    [0.2]
    """

    # Given in any form, arrays once checked; hence Any.
    times: Any
    index: Any
    unit: Any = None
    obs_intervals: Any = field(default=None, kw_only=True)
    obs_index: Any = field(default=None, kw_only=True)
    unit_variables: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    events: Mapping[str, xr.Dataset] = field(default_factory=dict, kw_only=True)
    attrs: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    dropped: int = field(default=0, init=False)
    outside: InitVar[str] = field(default="error", kw_only=True)
    sort: InitVar[bool] = field(default=False, kw_only=True)

    def __post_init__(self, outside: str, sort: bool) -> None:
        """Check everything once; the arrays are read-only from here on."""
        times = check.flat_times(self.times)
        index = check.segment_ends(self.index, times.size)
        names = check.unit_names(self.unit, index.size)
        columns = check.unit_columns(self.unit_variables, index.size)
        obs = check.observed(self.obs_intervals, self.obs_index, index.size)
        times = check.sorted_within(times, index, names, sort=sort)
        times, index, dropped = check.keep_observed(times, index, obs, outside=outside)
        self._set(
            times=times, index=index, unit=names, unit_variables=columns, obs_intervals=obs[0],
            obs_index=obs[1], attrs=dict(self.attrs), dropped=dropped,
        )  # fmt: skip

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                value = value.view()
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    def _with(self, **changes: Any) -> Spikes:
        """Return a copy with fields that need no further check."""
        new = object.__new__(Spikes)
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        new._set(**(fields | changes))
        return new

    @classmethod
    def from_list(
        cls, times: Sequence[ArrayLike], unit: ArrayLike | None = None, **options: Any
    ) -> Spikes:
        """Return spikes from one array of times per unit.

        Parameters
        ----------
        times : sequence of array_like
            Seconds, one array a unit; empty ones are kept.
        unit : array_like of str, optional
            Names.
        **options
            As for :class:`Spikes` (``obs_intervals``, ``unit_variables``, ``sort`` …).
        """
        arrays = [np.asarray(values, dtype=np.float64).ravel() for values in times]
        if not arrays:
            raise InvalidRecording("no units given; units without spikes are empty arrays")
        index = np.cumsum([array.size for array in arrays])
        return cls(np.concatenate(arrays), index, unit, **options)

    @classmethod
    def from_pynapple(cls, group: Any, **options: Any) -> Spikes:
        """Return the spikes of a pynapple ``TsGroup``.

        Its time support becomes ``obs_intervals``, its metadata ``unit_variables``, its keys the
        names. Further options are those of :class:`Spikes`.
        """
        from homologue.spikes._pynapple import from_tsgroup

        return from_tsgroup(group, **options)

    def to_pynapple(self) -> Any:
        """Return a pynapple ``TsGroup``; names and unit variables become metadata.

        Raises
        ------
        InvalidRecording
            If units were observed at different times: a ``TsGroup`` has one time support. If
            pynapple would leave spikes out.
        """
        from homologue.spikes._pynapple import to_tsgroup

        return to_tsgroup(self)

    def __len__(self) -> int:
        """Return the number of units."""
        return self.index.size

    def __repr__(self) -> str:
        """Return sizes, span and tables."""
        tables = f", events: {', '.join(self.events)}" if self.events else ""
        dropped = f", {self.dropped} dropped outside obs_intervals" if self.dropped else ""
        start, end = self.span
        return (
            f"<Spikes: {len(self)} units, {self.times.size} spikes, {start:.6g} … {end:.6g} s"
            f"{dropped}{tables}>"
        )

    @property
    def starts(self) -> Int[Array, " unit"]:
        """Where each unit begins in ``times``."""
        return np.concatenate([[0], self.index[:-1]])

    @property
    def counts(self) -> Int[Array, " unit"]:
        """Spikes per unit."""
        return np.diff(self.index, prepend=0)

    @property
    def span(self) -> tuple[float, float]:
        """First and last observed time, or first and last spike where that is not known (s)."""
        known = self.times if self.obs_intervals is None else self.obs_intervals
        return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)

    @property
    def duration(self) -> Float[Array, " unit"]:
        """Seconds each unit was observed: its intervals, or the span of all spikes."""
        if self.obs_intervals is None:
            return np.full(len(self), self.span[1] - self.span[0])
        length = self.obs_intervals[:, 1] - self.obs_intervals[:, 0]
        if self.obs_index is None:
            return np.full(len(self), length.sum())
        total = np.concatenate([[0.0], np.cumsum(length)])[self.obs_index]
        return np.diff(total, prepend=0.0)

    @property
    def rate(self) -> Float[Array, " unit"]:
        """Spikes per observed second; NaN for a unit never observed."""
        seconds = self.duration
        return np.divide(self.counts, seconds, out=np.full(len(self), np.nan), where=seconds > 0)

    def __getitem__(self, units: Any) -> Spikes:
        """Return the chosen units, in the order given.

        ``spikes["a"]``, ``spikes[["a", "b"]]`` by name, ``spikes[3]``, ``spikes[2:5]``,
        ``spikes[[4, 1]]`` by position, ``spikes[mask]`` by a boolean per unit.
        """
        return self._with(**choose.take(self, choose.rows(self, units)))

    def where(self, condition: ArrayLike | Callable[[Spikes], Any]) -> Spikes:
        """Return the units for which a boolean per unit (or a function of the spikes) is true.

        Examples
        --------
        >>> spikes = Spikes.from_list([[0.1, 0.4], [0.3]], obs_intervals=[[0, 1]])
        >>> len(spikes.where(lambda s: s.rate > 1))
        1
        """
        mask = np.asarray(condition(self) if callable(condition) else condition)
        if mask.dtype.kind != "b":
            raise InvalidRecording(
                f"where takes one boolean per unit; given dtype {mask.dtype}. "
                "Names and positions go in brackets: spikes[['a', 'b']]"
            )
        return self[mask]

    def select(
        self,
        *,
        min_rate: float | None = None,
        max_rate: float | None = None,
        min_spikes: int | None = None,
        **columns: Any,
    ) -> Spikes:
        """Return the units that pass every filter.

        Parameters
        ----------
        min_rate, max_rate : float, optional
            Bounds of the mean rate, spikes per observed second, both included.
        min_spikes : int, optional
            Fewest spikes.
        **columns
            A unit variable and the value, the values, or a function of the column:
            ``quality="good"``, ``site=["CA1", "CA3"]``, ``isi_violations=lambda v: v < 0.5``.

        Raises
        ------
        UnknownName
            A column the units do not have.
        InvalidRecording
            No unit passes, or a function does not return one boolean per unit.
        """
        return self[choose.passing(self, min_rate, max_rate, min_spikes, columns)]

    def restrict(self, start: Any, end: float | None = None) -> Spikes:
        """Return the spikes inside closed intervals; ``obs_intervals`` are cut to them.

        Parameters
        ----------
        start : float, array_like, Dataset or str
            The start in seconds (with ``end``); or rows of (start, end), a table with
            ``start_time`` and ``stop_time``, or the name of a table in ``events``.
        end : float, optional
            The end in seconds.

        Raises
        ------
        InvalidRecording
            Intervals that overlap, run backwards or are not finite.
        UnknownName
            No table of that name.

        Examples
        --------
        >>> Spikes.from_list([[0.1, 0.4, 0.9]]).restrict(0.2, 0.9).times.tolist()
        [0.4, 0.9]
        """
        return self._with(**choose.cut(self, start if end is None else [[start, end]]))

    def bin(
        self,
        width: float,
        *,
        start: float | None = None,
        end: float | None = None,
        activity_units: str = "spikes/s",
    ) -> xr.DataArray:
        """Return a recording of the whole session in bins; see :func:`homologue.spikes._bin.bin`.

        Parameters
        ----------
        width : float
            Width of a bin in seconds.
        start, end : float, optional
            The session's span if left out. A last part shorter than a bin is left out.
        activity_units : {"spikes/s", "spikes"}
            Rates or counts.

        Returns
        -------
        DataArray
            Dims ``("sample", "unit")`` with ``time`` (bin centres, s) and ``group``: one group
            per contiguous stretch. NaN where a bin is not wholly inside a unit's
            ``obs_intervals``.

        Raises
        ------
        InvalidRecording
            A width that is not positive or wider than the session; more bins than memory holds.

        Examples
        --------
        >>> Spikes.from_list([[0.1, 0.4, 1.2]]).bin(1, start=0, end=2).values.ravel().tolist()
        [2.0, 1.0]
        """
        from homologue.spikes._bin import bin as bin_session

        return bin_session(self, width, start=start, end=end, activity_units=activity_units)

    def align(
        self,
        events: Any,
        *,
        window: tuple[float, float],
        variables: Mapping[str, Any] | None = None,
        group: Any = None,
        block: Any = None,
    ) -> Aligned:
        """Return the spikes around events; see :class:`Aligned`.

        Parameters
        ----------
        events : str, array_like or Dataset
            ``"table.column"`` of ``self.events``, times in seconds, or a table with
            ``start_time``.
        window : (float, float)
            Seconds before (negative) and after each event: ``[before, after)``.
        variables : mapping of str to array_like, optional
            Values per event, beside the table's own columns.
        group, block : str or array_like, optional
            The smallest independent unit (each event by default), and within which exchange is
            allowed: a column's name, or one value per event.

        Raises
        ------
        UnknownName
            No such table or column; the nearest names are given.
        InvalidRecording
            A window that is empty or longer than the session, events that are not times.
        """
        from homologue.spikes._align import align

        return align(self, events, window=window, variables=variables, group=group, block=block)
