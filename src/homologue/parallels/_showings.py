"""Record the systems of a panel: each loaded once for all of its entries, each twin made once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from homologue import systems
from homologue.parallels._panel import Entry
from homologue.parallels._perturbed import Bench
from homologue.recording import blocks
from homologue.stimuli import named

Tell = Callable[..., None]


@dataclass
class Showing:
    """What a system, or its twins, did when one entry's stimuli were shown.

    Attributes
    ----------
    entry : Entry
    name : str
        Of the system, or of its twin, in the table.
    twin_of : str
        The system's name, of a twin.
    kept : bool
        Whether a claim runs the system again, so that it stays in memory.
    recordings : list of DataArray
        One; of twins one a seed.
    benches : list of Bench
        The systems themselves, where they are kept.
    error : Exception or None
        Why it could not be recorded.
    """

    entry: Entry
    name: str
    twin_of: str = ""
    kept: bool = False
    recordings: list[xr.DataArray] = field(default_factory=list, repr=False)
    benches: list[Bench] = field(default_factory=list, repr=False)
    error: Exception | None = None
    _digests: list[str] = field(default_factory=list, repr=False)

    def digests(self) -> list[str]:
        """Return a checksum of each recording."""
        if len(self._digests) < len(self.recordings):
            self._digests = [digest_of(rec) for rec in self.recordings]
        return self._digests

    def record(self, system: Any) -> None:
        """Show the stimuli; what goes wrong is kept, and costs no other entry anything."""
        entry = self.entry
        options = {key: tuple(v) if isinstance(v, list) else v for key, v in entry.options.items()}
        try:
            chosen = named(entry.stimuli, **entry.stimuli_options) if entry.stimuli else None
            shown = () if chosen is None else (chosen,)
            recording = system.record(*shown, **options)
        except Exception as error:
            self.error = error
            return
        self.recordings.append(recording)
        if self.kept:
            self.benches.append(Bench(system, recording, chosen, options))

    @property
    def has_twins(self) -> bool:
        """Whether untrained twins are to be recorded as well."""
        trained = bool(self.recordings) and self.recordings[0].attrs["kind"] == "model"
        return trained and self.entry.twins > 0 and self.error is None


def twin_name(system: str) -> str:
    """Return what the untrained twin of a system is called."""
    return f"{system} (untrained)"


def record_together(own: Sequence[Showing], tell: Tell) -> list[Showing | None]:
    """Record one system, and its twins, for several entries.

    Twins that no claim runs again leave memory one before the next: each is as large as the
    model.

    Parameters
    ----------
    own : sequence of Showing
        Of entries of one system, to be filled.
    tell : callable
        Told what was recorded, and how long it took.

    Returns
    -------
    list of Showing or None
        The twins of each, where it has any.
    """
    try:
        system = systems.get(own[0].entry.system)
    except Exception as error:
        for one in own:
            one.error = error
        return [None] * len(own)
    for one in own:
        with_time(one, system, tell)
    every = [
        Showing(one.entry, twin_name(one.name), one.name, one.kept) if one.has_twins else None
        for one in own
    ]
    twins = [one for one in every if one is not None]
    for seed in range(max((one.entry.twins for one in twins), default=0)):
        here = [one for one in twins if one.entry.twins > seed and one.error is None]
        try:
            twin = system.untrained(seed) if here else None
        except Exception as error:
            for one in here:
                one.error = error
            continue
        for one in here:
            with_time(one, twin, tell, seed=seed)
        del twin
    return every


def with_time(one: Showing, system: Any, tell: Tell, **details: Any) -> None:
    """Record, and tell how long it took."""
    begin = time.monotonic()
    one.record(system)
    tell("recorded", system=one.name, wall=round(time.monotonic() - begin, 2), **details)


def digest_of(rec: xr.DataArray) -> str:
    """Return a checksum of a recording: activity, coordinates and attributes.

    Examples
    --------
    >>> one = xr.DataArray(np.zeros((2, 3)), dims=("sample", "unit"))
    >>> digest_of(one) == digest_of(one.copy()), digest_of(one) == digest_of(one + 1)
    (True, False)
    """
    digest = hashlib.blake2b(digest_size=16)

    def add(name: Any, values: xr.DataArray) -> None:
        own = np.asarray(values.values)
        digest.update(repr((name, values.dims, own.shape, str(own.dtype))).encode())
        plain = own.dtype.kind in "biufcSU"
        digest.update(np.ascontiguousarray(own).tobytes() if plain else repr(own.tolist()).encode())

    for name, values in {"": rec, **rec.coords}.items():
        digest.update(repr((name, sorted(values.attrs.items()))).encode())
    for name, values in rec.coords.items():
        add(name, values)
    for block in blocks(rec):
        add("", block)
    return digest.hexdigest()
