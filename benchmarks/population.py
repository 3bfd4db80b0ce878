"""The search for cycles on clouds of known shape, its cost, and its coordinates beside DREiMac.

Rows named after a shape count the seeds, of twenty, whose signature and Betti numbers are
right; ``false cycles`` is the share of recordings without a loop that were given one.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks._harness import (
    Case,
    compared,
    cpu_seconds,
    peak_memory,
    peer_environment,
    run_peer,
)
from benchmarks._population_worlds import WORLDS, autoregressive, right
from homologue import recording, systems
from homologue._errors import AssetUnavailable
from homologue.population import cycles
from homologue.population.cycles._circular import circular_map
from homologue.population.cycles._landmarks import draw_landmarks
from homologue.population.cycles._persistence import Persistence, persistence
from homologue.population.cycles._signature import count_loops

NAME = "population"

_NOISE = 0.3
"""1 − birth/death that bars of noise stay below, for the comparison with all points."""


def cases(*, quick: bool) -> Iterator[Case]:
    """Measure signatures, false cycles, cost, and agreement with peers."""
    yield from _cost(quick=quick)
    yield from _beside_dreimac(quick=quick)
    yield from _recordings(quick=quick)
    yield from _ratinabox(quick=quick)
    yield from _signatures(quick=quick)
    if importlib.util.find_spec("benchmarks._population_guided"):
        guided: Any = importlib.import_module("benchmarks._population_guided")
        yield from guided.cases(quick=quick)
    yield from _beside_ripser(quick=quick)


def _signatures(*, quick: bool) -> Iterator[Case]:
    seeds = 2 if quick else 20
    options: dict[str, Any] = {"permutations": 19 if quick else 39, "draws": 3 if quick else 5}
    if quick:
        options["landmarks"] = 60
    false = total = 0
    for name, (world, signature, _) in WORLDS.items():
        correct = 0
        for seed in range(seeds):
            found = cycles.find(world(np.random.default_rng(seed)), rng=seed, **options)
            correct += right(found, name)
            if signature == "none":
                false += str(found.signature.values) not in ("none", "phantom")
                total += 1
        yield Case(name, f"right of {seeds}", correct, "seeds", "higher")
    for seed in range(seeds):
        found = cycles.find(autoregressive(np.random.default_rng(seed)), rng=seed, **options)
        false += str(found.signature.values) not in ("none", "phantom")
        total += 1
    yield Case("false cycles", f"of {total} recordings without any", false / total, "", "lower")


def large(samples: int, units: int) -> None:
    """Search a large recording of a ring: head-direction cells among others."""
    rng = np.random.default_rng(0)
    angle = np.cumsum(0.3 * rng.standard_normal(samples))
    centre = rng.uniform(0, 2 * np.pi, units)
    rate = np.exp(2 * np.cos(angle[:, None] - centre) - 2)
    rec = recording.make(
        rng.poisson(rate).astype(float),
        variables={"time": np.arange(samples) * 0.1},
        activity_units="spikes",
    )
    assert str(cycles.find(rec, rng=0).signature.values) == "ring"


def _cost(*, quick: bool) -> Iterator[Case]:
    samples, units = (3000, 50) if quick else (20_000, 500)
    start = time.perf_counter()
    peak = peak_memory("benchmarks.population:large", samples=samples, units=units)
    wall = time.perf_counter() - start
    size = f"{samples} × {units}, 99 null clouds, 20 landmark draws"
    yield Case("recording to verdict", f"wall time, {size}", wall, "s", "lower")
    yield Case("memory", "peak resident", peak, "GB", "lower")


def _torus(points: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, (points, 2))
    latent = np.hstack([np.cos(angle), np.sin(angle)])
    axes = np.linalg.qr(rng.standard_normal((50, 4)))[0]
    return latent @ axes.T + 0.1 * rng.standard_normal((points, 50))


def _beside_ripser(*, quick: bool) -> Iterator[Case]:
    """Compare landmarks with all points: a torus in 50 dimensions; ripser takes minutes."""
    cloud = _torus(500 if quick else 2000)

    def by_landmarks() -> Persistence:
        return persistence(draw_landmarks(cloud, 200, rng=np.random.default_rng(0)).points)

    ours_s, ours = min((cpu_seconds(by_landmarks) for _ in range(3)), key=lambda timed: timed[0])
    peer_s, theirs = cpu_seconds(lambda: persistence(cloud))
    loops = [count_loops(found.loops, _NOISE) for found in (ours, theirs)]
    yield compared(
        "landmark cohomology", ours_s=ours_s, peer_s=peer_s,
        peer_name=f"ripser on all {cloud.shape[0]} points", equal=loops == [2, 2],
    )  # fmt: skip


_DREIMAC = """
import numpy as np
from dreimac import CircularCoords

def main(inputs):
    found = CircularCoords(inputs["cloud"], n_landmarks=int(inputs["landmarks"]), prime=47)
    return {"angle": found.get_coordinates(perc=0.5)}
"""


def _beside_dreimac(*, quick: bool) -> Iterator[Case]:
    rng = np.random.default_rng(0)
    samples = 2000 if quick else 10_000
    angle = rng.uniform(0, 2 * np.pi, samples)
    axes = np.linalg.qr(rng.standard_normal((10, 2)))[0]
    cloud = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ axes.T
    cloud += 0.05 * rng.standard_normal(cloud.shape)
    landmarks = 100 if quick else 200

    def ours() -> np.ndarray:
        points = draw_landmarks(cloud, landmarks, rng=np.random.default_rng(0)).points
        return circular_map(points).extend(cloud)[:, 0]

    ours_s, found = min((cpu_seconds(ours) for _ in range(3)), key=lambda timed: timed[0])
    python = peer_environment(["dreimac==0.3.2"])
    peer_s, theirs = run_peer(
        python, _DREIMAC, {"cloud": cloud, "landmarks": landmarks, "repeats": 3}
    )
    agreement = abs(cycles.circular_correlation(found, theirs["angle"].astype(np.float64)))
    yield Case("DREiMac, agreement", "absolute circular correlation", agreement, "", "higher")
    yield compared(
        "DREiMac, time", ours_s=ours_s, peer_s=peer_s,
        peer_name=f"DREiMac 0.3.2, {samples} points, {landmarks} landmarks",
        equal=agreement >= 0.99,
    )  # fmt: skip


_RATINABOX = """
import numpy as np
from ratinabox.Agent import Agent
from ratinabox.Environment import Environment
from ratinabox.Neurons import GridCells

def main(inputs):
    np.random.seed(0)
    rat = Agent(Environment(params={"scale": 1.0}), params={"dt": 0.1, "speed_mean": 0.2})
    cells = GridCells(rat, params={
        "n": 100, "gridscale_distribution": "delta", "gridscale": 0.5, "max_fr": 15,
        "orientation_distribution": "delta", "orientation": 0.2,
        "phase_offset_distribution": "uniform",
    })
    for _ in range(int(inputs["steps"])):
        rat.update()
        cells.update()
    return {"rate": np.array(cells.history["firingrate"])}
"""


def _ratinabox(*, quick: bool) -> Iterator[Case]:
    """Search one module of grid cells that somebody else simulates, in a box of 1 m."""
    python = peer_environment(["ratinabox==1.15.3"])
    steps = 1000 if quick else 9000
    _, found = run_peer(python, _RATINABOX, {"steps": steps, "repeats": 1})
    rate = np.maximum(found["rate"].astype(np.float64), 0)
    rec = recording.make(
        np.random.default_rng(0).poisson(0.1 * rate).astype(float),
        variables={"time": np.arange(steps) * 0.1}, activity_units="spikes",
    )  # fmt: skip
    seen = cycles.find(rec, rng=0, permutations=19 if quick else 39, draws=5)
    yield Case(
        "RatInABox 1.15.3, grid module", f"{seen.signature.item()}, p = {float(seen.p):.3g}",
        float(seen.effect), "1 − birth/death", "higher",
        equal=None if quick else str(seen.signature.item()) == "torus",
    )  # fmt: skip


def _recordings(*, quick: bool) -> Iterator[Case]:
    """Real ones, where they are at hand: effects, intervals, and what is read from the ring."""
    options: dict[str, Any] = {"permutations": 19, "draws": 5} if quick else {"draws": 20}
    for name, expected in (
        ("head-direction", "ring"),
        ("head-direction/sws", "none"),
        ("climate", None),
        ("climate-deseasonalised", "none"),
        ("fly", None),
    ):
        try:
            rec = systems.get(name).record()
        except AssetUnavailable:
            continue
        found = cycles.find(rec, rng=0, condition_means=name == "fly", **options)
        signature = str(found.signature.values)
        yield Case(
            name,
            f"{signature}, p = {float(found.p):.3g}, {float(found.low):.2f} … "
            f"{float(found.high):.2f}, counts above {float(found.threshold):.2f}",
            float(found.effect), "1 − birth/death", "higher",
            target=None, equal=None if expected is None else signature == expected,
        )  # fmt: skip
        if name == "head-direction":
            read = cycles.coordinates(rec, "angle", rng=0)
            yield Case(
                "head direction, decoded", "held-out circular correlation",
                float(read.held_out_correlation), "", "higher",
            )  # fmt: skip
