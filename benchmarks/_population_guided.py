"""Guided tests of circles: every order and layer in one product, beside a loop of transforms.

Roofline: 1 000 orders × 12² pairs × 31 layers are 9 MFLOP; gathering cosines by lag and forming
the condition means cost more than the product.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks._harness import Case, compare, cpu_seconds
from homologue.population import circular_order, mixture_index, number_helix
from homologue.population.guided._orders import products, shares
from homologue.recording import make, variable

LAYERS, WIDTH, MONTHS, TEMPLATES = 31, 576, 12, 10


def cases(*, quick: bool) -> Iterator[Case]:
    """Measure the Fourier share with its null, the helix, and the closed forms of the mixture."""
    width = 64 if quick else WIDTH
    draws = 100 if quick else 1000
    yield from _order(width, draws)
    yield _helix(width, draws)
    yield from _closed_forms(20_000 if quick else 200_000)


def _order(width: int, draws: int) -> Iterator[Case]:
    rng = np.random.default_rng(0)
    place = np.tile(np.arange(MONTHS), TEMPLATES)
    rec = make(
        rng.standard_normal((place.size, LAYERS * width)).astype(np.float32),
        variables={"month": variable(place, period=MONTHS)},
        group=np.repeat(np.arange(TEMPLATES), MONTHS),
        site=np.repeat([f"layer {k}" for k in range(LAYERS)], width),
    )
    seconds, _ = cpu_seconds(lambda: circular_order(rec, "month", rng=0, permutations=draws))
    yield Case(
        "Fourier share, 1 000 orders × 31 layers",
        f"CPU time of the whole analysis with intervals, {draws} orders", seconds, "s", "lower",
    )  # fmt: skip
    means = rng.standard_normal((MONTHS, LAYERS * width))
    site = np.repeat(np.arange(LAYERS), width)
    orders = np.stack([rng.permutation(MONTHS) for _ in range(draws)])

    def ours() -> np.ndarray:
        return shares(products(means, site), orders, np.array([1]))[:, 0]

    def loop() -> np.ndarray:
        found = np.empty((draws, LAYERS))
        centred = means - means.mean(axis=0)
        total = np.add.reduceat((centred**2).sum(axis=0), np.arange(LAYERS) * width)
        moved = np.empty_like(centred)
        for i, order in enumerate(orders):
            moved[order] = centred
            power = (np.abs(np.fft.rfft(moved, axis=0)[1]) ** 2) * 2 / MONTHS
            found[i] = np.add.reduceat(power, np.arange(LAYERS) * width) / total
        return found

    yield compare(
        "Fourier shares against transforms", ours, loop,
        peer_name=f"NumPy {np.__version__} rfft per order",
        equal=lambda a, b: bool(np.allclose(a, b, rtol=1e-9)), repeats=1,
    )  # fmt: skip


def _helix(width: int, draws: int) -> Case:
    rng = np.random.default_rng(1)
    rec = make(
        rng.standard_normal((100, LAYERS * width)).astype(np.float32),
        variables={"number": np.arange(100)},
        site=np.repeat([f"layer {k}" for k in range(LAYERS)], width),
    )
    seconds, _ = cpu_seconds(lambda: number_helix(rec, "number", rng=0, permutations=draws))
    return Case(
        "number helix, 100 numbers × 31 layers", f"CPU time, {draws} shuffles, gains of 4 periods",
        seconds, "s", "lower",
    )  # fmt: skip


def _closed_forms(count: int) -> Iterator[Case]:
    rng = np.random.default_rng(2)
    turn = rng.uniform(0, 2 * np.pi, count)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for name, points, exact in (
        ("circle", circle, 0.2187),
        ("Gaussian", rng.standard_normal((count, 2)), 0.0797),
    ):
        yield Case(
            f"mixture of a {name}", f"error of the index over {count} points; exact {exact}",
            abs(mixture_index(points) - exact), "", "lower",
        )  # fmt: skip
