"""Loading and aligning spikes beside pynapple, on a file both can read.

The files are made here with pynwb: Poisson units at 1 spike/s over 1 000 s (and over 100 s: what a
unit costs and what a spike costs are different things), sorting quality, an electrode each, and
observed intervals common to all. Ours is timed from the path to checked
spikes; pynapple from ``load_file`` to its ``TsGroup``. pynapple rounds times to nanoseconds, so
equal means within 2 ns. The least call counts: the first of a process, which also compiles and
imports, takes pynapple several times longer and is not counted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._harness import Case, compare
from homologue.spikes import Spikes
from homologue.systems import nwb

NAME = "io"

SECONDS = 1000.0
ROUNDING = 2e-9


def cases(*, quick: bool) -> Iterator[Case]:
    """Measure the loader, alignment, bins and restriction."""
    units, events = (100, 50) if quick else (1000, 500)
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "short.nwb"), units, seconds=SECONDS / 10)
        yield _loader("units table, 100 spikes a unit", path)
        for name, with_columns in (
            ("units table", False), ("units table with columns and intervals", True)
        ):  # fmt: skip
            path = write(Path(folder, f"{int(with_columns)}.nwb"), units, with_columns=with_columns)
            yield _loader(name, path)
            if not with_columns:
                yield _bare(path)
        yield from _alignment(nwb(path).units[: units // 10], events)
        yield from _session(nwb(path).units)


def write(path: Path, units: int, *, seconds: float = SECONDS, with_columns: bool = False) -> Path:
    """Write a session of Poisson units."""
    import pynwb

    rng = np.random.default_rng(0)
    file = pynwb.NWBFile("benchmark", "benchmark", datetime(2020, 1, 1, tzinfo=UTC))
    if with_columns:
        device = file.create_device("probe")
        group = file.create_electrode_group("g", description="g", location="CA1", device=device)
        file.add_electrode(group=group, location="CA1")
        file.add_unit_column("quality", "sorting quality")
        file.add_unit_column("depth", "µm")
    for number in range(units):
        columns: dict[str, Any] = {}
        if with_columns:
            columns = {
                "quality": "good" if number % 3 else "mua",
                "depth": float(number),
                "electrodes": [0],
                "obs_intervals": np.array([[0.0, seconds / 2], [seconds / 2, seconds]]),
            }
        times = np.sort(rng.uniform(0, seconds, rng.poisson(seconds)))
        file.add_unit(spike_times=times, **columns)
    with pynwb.NWBHDF5IO(path, "w") as io:
        io.write(file)
    return path


def _pynapple() -> tuple[Any, str]:
    import pynapple as nap

    return nap, f"pynapple {nap.__version__}"


def _loader(name: str, path: Path) -> Case:
    nap, peer = _pynapple()

    def equal(ours: Spikes, theirs: Any) -> bool:
        parts = np.split(ours.times, ours.index[:-1])
        return len(parts) == len(theirs) and all(
            part.size == len(theirs[int(unit)])
            and np.abs(part - theirs[int(unit)].t).max() < ROUNDING
            for unit, part in zip(ours.unit, parts, strict=True)
        )

    return compare(
        name,
        lambda: nwb(path).units,
        lambda: nap.load_file(str(path))["units"],
        peer_name=f"{peer} load_file",
        equal=equal,
    )


def _bare(path: Path) -> Case:
    """Ours beside h5py that reads the same three columns, checks nothing and names nothing."""
    import h5py

    def bare() -> Any:
        with h5py.File(path) as file:
            units = file["units"]
            return units["spike_times"][:], units["spike_times_index"][:], units["id"][:]

    return compare(
        "units table, beside bare h5py",
        lambda: nwb(path).units,
        bare,
        peer_name=f"h5py {h5py.__version__} [:]",
        equal=lambda ours, theirs: bool(
            (ours.times == theirs[0]).all() and (ours.index == theirs[1]).all()
        ),
    )


def _alignment(spikes: Spikes, events: int) -> Iterator[Case]:
    nap, peer = _pynapple()
    times = np.sort(np.random.default_rng(1).uniform(2, SECONDS - 2, events))
    group, stamps = spikes.to_pynapple(), nap.Ts(times)

    def same_rasters(ours: Any, theirs: Any) -> bool:
        for unit in range(len(spikes)):
            for number, mine in enumerate(ours.raster(unit)):
                other = theirs[unit][number].t
                if mine.size != other.size or (mine.size and np.abs(mine - other).max() > ROUNDING):
                    return False
        return True

    yield compare(
        "align",
        lambda: spikes.align(times, window=(-0.5, 1.5)),
        lambda: nap.compute_perievent(group, stamps, (0.5, 1.5)),
        peer_name=f"{peer} compute_perievent",
        equal=same_rasters,
    )

    def same_counts(ours: Any, theirs: Any) -> bool:
        counts = ours.values.reshape(events, 40, len(spikes)).transpose(1, 0, 2)
        return bool((counts == theirs).all())

    yield compare(
        "align and bin",
        lambda: spikes.align(times, window=(-0.5, 1.5)).bin(0.05, activity_units="spikes"),
        lambda: np.stack(
            [
                trial.count(0.05).values
                for trial in nap.compute_perievent(group, stamps, (0.5, 1.5)).values()
            ],
            axis=-1,
        ),
        peer_name=f"{peer} compute_perievent, count",
        equal=same_counts,
        repeats=1 if events > 100 else 3,
    )


def _session(spikes: Spikes) -> Iterator[Case]:
    nap, peer = _pynapple()
    group = spikes.to_pynapple()
    span = nap.IntervalSet(0, SECONDS)
    yield compare(
        "bin",
        lambda: spikes.bin(0.1, start=0, end=SECONDS, activity_units="spikes"),
        lambda: group.count(0.1, ep=span),
        peer_name=f"{peer} count",
        equal=lambda ours, theirs: bool((ours.values == theirs.values).all()),
    )
    edges = np.arange(0, SECONDS, 10.0)
    windows = np.column_stack([edges, edges + 5])
    intervals = nap.IntervalSet(windows[:, 0], windows[:, 1])
    yield compare(
        "restrict",
        lambda: spikes.restrict(windows),
        lambda: group.restrict(intervals),
        peer_name=f"{peer} restrict",
        equal=lambda ours, theirs: bool(
            (ours.counts == [len(theirs[key]) for key in theirs.keys()]).all()  # noqa: SIM118
        ),
    )
