"""Single units beside what a user would write: pynapple's functions, a loop over shifts.

CPU times of all threads, least of the repeats. Sessions are drawn here: 100 units at 3 spikes/s
over 42 minutes with an angle at 100 Hz; the equality of the results is checked in every case.
Concept selectivity runs whole, with intervals and invariance, on 12 concepts × 20 exemplars × 5
templates.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from benchmarks._harness import Case, compare
from homologue import recording, tuning
from homologue.spikes import Spikes

NAME = "tuning"

TURN = 2 * np.pi


def cases(*, quick: bool) -> Iterator[Case]:
    """Measure tuning curves, information under shifts, windows around events, selectivity."""
    yield _curve(units=20 if quick else 100)
    yield from _information(shifts=50 if quick else 1000)
    yield from _events(units=10 if quick else 100, events=50 if quick else 500)
    yield _concepts(units=1000 if quick else 46_080, permutations=1000)
    yield _field(units=10 if quick else 200)
    # Streaming examples are measured in a module of their own.
    if importlib.util.find_spec("benchmarks._tuning_examples") is not None:
        examples: Any = importlib.import_module("benchmarks._tuning_examples")
        yield from examples.cases(quick=quick)


def _pynapple() -> tuple[Any, str]:
    import pynapple as nap

    return nap, f"pynapple {nap.__version__}"


def _curve(units: int) -> Case:
    nap, peer = _pynapple()
    rng = np.random.default_rng(0)
    clock = np.arange(0, 2533.0, 0.01)
    angle = np.cumsum(rng.normal(0, 0.1, clock.size)) % TURN
    spikes = Spikes.from_list([np.sort(rng.uniform(0, clock[-1], 7600)) for _ in range(units)])
    group, feature = spikes.to_pynapple(), nap.Tsd(clock, angle)
    edges = np.linspace(0, TURN, 61)
    return compare(
        "tuning curve",
        lambda: tuning.rate_map(spikes, clock, angle, bins=60, extent=(0, TURN)),
        lambda: nap.compute_tuning_curves(group, feature, bins=[edges]),
        peer_name=f"{peer} compute_tuning_curves",
        equal=lambda ours, theirs: np.allclose(ours.values, theirs.values, rtol=1e-9),
        repeats=7,
    )


def _session(samples: int = 30_000, units: int = 20) -> xr.DataArray:
    rng = np.random.default_rng(1)
    return recording.make(
        rng.poisson(1, (samples, units)).astype(np.float32),
        group=np.zeros(samples, dtype=int),
        variables={
            "time": np.arange(samples) * 0.1,
            "place": recording.variable(np.cumsum(rng.uniform(0, 0.02, samples)) % 1),
        },
        activity_units="spikes",
        sampling_interval=0.1,
    )


def _information(shifts: int) -> Iterator[Case]:
    """Time Skaggs' information under circular shifts, the peers with the very same shifts."""
    nap, name = _pynapple()
    rec = _session()
    counts, place = rec.values, rec.place.values
    edges = np.linspace(place.min(), place.max(), 41)
    drawn = np.random.default_rng(0).integers(counts.shape[0], size=shifts)
    clock = rec.time.values
    frame = nap.TsdFrame(clock, counts)

    def ours() -> xr.Dataset:
        return tuning.spatial_information(rec, "place", rng=0, bins=40, permutations=shifts)

    def with_numpy() -> np.ndarray:
        found = np.empty((shifts, counts.shape[1]))
        for number, shift in enumerate(drawn):
            shifted = np.roll(place, -shift)
            occupancy, _ = np.histogram(shifted, edges)
            visits = occupancy / occupancy.sum()
            for unit in range(counts.shape[1]):
                sums, _ = np.histogram(shifted, edges, weights=counts[:, unit])
                rate = sums / occupancy
                ratio = rate / (visits * rate).sum()
                found[number, unit] = np.nansum(visits * ratio * np.log2(ratio))
        return found

    def with_pynapple() -> np.ndarray:
        found = np.empty((shifts, counts.shape[1]))
        for number, shift in enumerate(drawn):
            shifted = nap.Tsd(clock, np.roll(place, -shift))
            curves = nap.compute_tuning_curves(frame, shifted, bins=[edges])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of mean rates taken from the curves
                found[number] = nap.compute_mutual_information(curves)["bits/spike"].to_numpy()
        return found

    def equal(found: xr.Dataset, theirs: np.ndarray) -> bool:
        moments = (theirs.mean(axis=0), theirs.std(axis=0, ddof=1))
        return all(
            np.allclose(found[key].values, expected, rtol=1e-6, atol=1e-9)
            for key, expected in zip(("null_mean", "null_std"), moments, strict=True)
        )

    for case, peer, spoken in (
        ("shift null of information", with_pynapple, f"{name}, a loop over shifts"),
        ("shift null of information, beside NumPy", with_numpy, "NumPy histograms, a loop"),
    ):
        yield compare(
            case, ours, peer, peer_name=spoken, equal=equal, repeats=2
        )  # fmt: skip


def _events(units: int, events: int) -> Iterator[Case]:
    nap, peer = _pynapple()
    rng = np.random.default_rng(2)
    spikes = Spikes.from_list([np.sort(rng.uniform(0, 1000, 7600)) for _ in range(units)])
    times = np.sort(rng.uniform(2, 998, events))
    group, stamps = spikes.to_pynapple(), nap.Ts(times)

    def ours() -> np.ndarray:
        rec = spikes.align(times, window=(-0.5, 1)).bin(0.05, activity_units="spikes")
        return rec.values.reshape(events, 30, units).mean(axis=0).T

    def theirs() -> np.ndarray:
        around = nap.compute_perievent(group, stamps, (0.5, 1.0))
        return np.stack([trials.count(0.05).values.mean(axis=1) for trials in around.values()])

    def same_rasters(one: Any, other: Any) -> bool:
        return all(
            mine.size == len(other[unit][number])
            and np.allclose(mine, other[unit][number].t, rtol=0, atol=2e-9)
            for unit in range(0, units, 7)
            for number, mine in enumerate(one.raster(unit))
        )

    yield compare(
        "peri-event",
        lambda: spikes.align(times, window=(-0.5, 1)),
        lambda: nap.compute_perievent(group, stamps, (0.5, 1.0)),
        peer_name=f"{peer} compute_perievent", equal=same_rasters,
    )  # fmt: skip
    yield compare(
        "peri-event, mean counts", ours, theirs, peer_name=f"{peer} compute_perievent, count",
        equal=lambda one, other: np.allclose(one, other, atol=1e-5), repeats=1,
    )  # fmt: skip

    def tested() -> xr.Dataset:
        rec = spikes.align(times, window=(-0.5, 1)).bin(0.05, activity_units="spikes")
        return tuning.peri_event(rec, baseline=(-0.5, 0), response=(0, 0.5), rng=0)

    yield compare(
        "peri-event with test, band and interval", tested, theirs,
        peer_name=f"{peer} compute_perievent, count: no test",
        equal=lambda one, other: np.allclose(one["mean"].values, other, atol=1e-5), repeats=1,
    )  # fmt: skip


def _concepts(units: int, permutations: int) -> Case:
    rng = np.random.default_rng(3)
    concept = np.repeat(np.arange(12), 100)
    activity = rng.standard_normal((1200, units), dtype=np.float32)
    driven = rng.random((12, units)) < 0.02
    activity += np.float32(0.8) * driven[concept]
    rec = recording.make(
        activity,
        group=np.repeat(np.arange(240), 5),
        variables={
            "concept": recording.variable(np.array([f"concept {c}" for c in range(12)])[concept])
        },
    )
    cpu, wall = time.process_time(), time.perf_counter()
    tuning.concept_cells(rec, rng=0, permutations=permutations)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Case(
        "concept selectivity",
        f"{units} units × 12 concepts, {permutations} permutations, CPU; {wall:.0f} s elapsed",
        cpu, "s", "lower",
    )  # fmt: skip


def _field(units: int) -> Case:
    """Time a receptive field of 144 pixels with its null, from held-out groups."""
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((2000, 12, 12))
    weights = rng.standard_normal((144, units))
    rec = recording.make(
        noise.reshape(2000, 144) @ weights + 30 * rng.standard_normal((2000, units))
    )
    start = time.process_time()
    tuning.receptive_field(rec, noise, rng=0, permutations=199)
    return Case(
        "receptive field",
        f"{units} units, 2 000 pictures of 144 pixels, 199 permutations, CPU",
        time.process_time() - start, "s", "lower",
    )  # fmt: skip
