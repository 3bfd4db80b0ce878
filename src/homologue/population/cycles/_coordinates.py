"""An angle for every sample, and how well it follows a known circular variable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float, Int
from homologue.inference import Design, benjamini_hochberg, exchangeability, p_value, result
from homologue.population.cycles._circular import CircularMap, circular_map
from homologue.population.cycles._cloud import Basis, Units, prepare, principal
from homologue.population.cycles._correlation import (
    circular_correlation,
    correlation_interval,
    correlation_null,
)
from homologue.population.cycles._landmarks import distinct_points, draw_landmarks, landmark_count
from homologue.population.cycles._persistence import MEMORY_LIMIT, PRIME, check_cost
from homologue.recording import validate

MOST_SAMPLES = 6000
FOLDS = 2
_ARCS = 36


def coordinates(
    rec: xr.DataArray,
    variable: str | None = None,
    *,
    rng: np.random.Generator | int,
    cycles: int = 1,
    components: int = 15,
    landmarks: int | None = None,
    draws: int = 5,
    permutations: int = 999,
    minimum_lag: float | None = None,
    smoothing: float | None = None,
    transform: str = "auto",
    condition_means: bool = False,
    memory_limit: float = MEMORY_LIMIT,
    prime: int = PRIME,
) -> xr.Dataset:
    """Give every sample an angle along the population's loops, without being told any variable.

    The cloud and its landmarks are those of :func:`find`. A loop's cocycle is made smooth on the
    landmarks and carried to all samples; of several loops, independent combinations are taken.

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit) without NaN.
    variable : str, optional
        Circular: its coordinate declares a ``period``. Compared with the angles; samples
        without a value are left out of the comparison.
    rng : numpy Generator or int
    cycles : int
        Loops, the longest-lived first: 1 for a ring, 2 for a torus.
    components : int
        Principal components; more than :func:`find` needs, because an angle gains from them.
    draws : int
        Landmark draws whose angles are averaged (one loop only; of several, one draw).
    landmarks, smoothing, transform, condition_means, memory_limit, prime
        As in :func:`find`.
    permutations : int
        Relabellings of the variable.
    minimum_lag : float, optional
        Smallest circular shift, s.

    Returns
    -------
    xarray.Dataset
        ``coordinate`` on (``sample``, ``cycle``), radians in [0, 2π); ``birth``, ``death`` on
        ``cycle``. With a variable, on ``cycle``: ``effect``, the absolute circular correlation
        of Jammalamadaka and SenGupta, with ``low``/``high`` (95 %, jackknife over groups),
        ``null_mean``/``null_std``, ``p``, ``q`` (Benjamini–Hochberg over cycles), ``n``
        (groups); ``orientation`` (±1) and ``offset`` (radians): variable ≈ orientation ·
        coordinate + offset. Held out: ``held_out_correlation``, ``held_out_error`` and
        ``held_out_chance`` (mean absolute error, in the variable's units; of shifted or
        permuted labels), from angles learned on one half of the recording, with their relation
        to the variable, and read on the other, both ways; ``reason`` where a half has no loop.

    Raises
    ------
    InvalidDesign
        A variable without a period, fewer loops than cycles, a disconnected cloud, a cost above
        the limit; see also :func:`find`.
    UnknownName
        No such variable.

    Notes
    -----
    Any cloud with a bar has a coordinate, noise as well: ask :func:`find` first. The angle is
    known up to offset and direction, and its speed is that of the landmarks: a variable that the
    population represents unevenly correlates below 1. Labels are exchanged as
    ``inference.exchangeability`` decides from the variable, group, block and time.

    References
    ----------
    .. [1] de Silva, Morozov & Vejdemo-Johansson 2011, Discrete Comput. Geom. 45:737,
       doi:10.1007/s00454-011-9344-x
    .. [2] Perea 2020, in Topological Data Analysis, doi:10.1007/978-3-030-43408-3_17

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make, variable
    >>> source = np.random.default_rng(0)
    >>> angle = source.uniform(0, 360, 300)
    >>> both = np.stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))], axis=1)
    >>> activity = both @ source.standard_normal((2, 12)) + 0.1 * source.standard_normal((300, 12))
    >>> rec = make(activity, variables={"angle": variable(angle, period=360)})
    >>> found = coordinates(rec, "angle", rng=0, permutations=199)
    >>> bool(found.effect[0] > 0.95), bool(found.held_out_error < 15)
    (True, True)
    """
    if cycles < 1:
        raise InvalidDesign(f"cycles={cycles}; ask for 1 (a ring) or more")
    generator = np.random.default_rng(rng)
    known = None if variable is None else _known(rec, variable, minimum_lag)
    units = prepare(rec, smoothing=smoothing, transform=transform, condition_means=condition_means)
    learn = _Learner(components, landmarks, cycles, prime, memory_limit, draws)
    whole = learn(units.values, generator)
    angle = whole.read(units.values)
    shared = {
        "analysis": "population.cycles.coordinates",
        "components": whole.basis.axes.shape[1],
        "landmarks": whole.maps[0].points.shape[0],
        "scale": whole.maps[0].scale,
        "prime": prime,
        "n_units": units.values.shape[1],
        "smoothing": units.smoothing,
        "transform": units.transform,
    }
    extra: dict[str, Any] = {
        "coordinate": (("sample", "cycle"), angle),
        "birth": ("cycle", whole.maps[0].birth),
        "death": ("cycle", whole.maps[0].death),
    }
    if known is None:
        return xr.Dataset(extra, attrs=shared | {"method": "circular coordinates of landmarks"})
    labelled = angle[known.rows]
    index = known.design.draw(permutations, generator)
    effect, low, high, p = (np.empty(cycles) for _ in range(4))
    null = np.empty((permutations, cycles))
    for k in range(cycles):
        effect[k] = abs(circular_correlation(labelled[:, k], known.angle))
        null[:, k] = np.abs(correlation_null(labelled[:, k], known.angle, index))
        p[k] = p_value(effect[k], null[:, k])
        low[k], high[k] = correlation_interval(labelled[:, k], known.angle, known.group)
    turn, offset = zip(*(_aligned(labelled[:, k], known.angle) for k in range(cycles)), strict=True)
    data = result(
        effect=effect, low=low, high=high, null=null, p=p, q=benjamini_hochberg(p),
        n=int(np.unique(known.group).size), dims=("cycle",),
        attrs=shared | {
            "method": "circular coordinates of landmarks; correlation of Jammalamadaka, SenGupta",
            "statistic": "absolute circular correlation",
            "variable": variable,
            "null": f"label permutation, {known.design.scheme}",
            "interval": "95 %, jackknife over groups",
            "family": "cycles",
            "permutations": permutations,
        },
    )  # fmt: skip
    held = _held_out(units, known, learn, index[:199], generator)
    return data.assign(
        orientation=("cycle", np.array(turn)), offset=("cycle", np.array(offset)),
        held_out_correlation=held[0], held_out_error=held[1] * known.unit,
        held_out_chance=held[2] * known.unit, reason=held[3], **extra,
    )  # fmt: skip


@dataclass(frozen=True)
class _Known:
    """Samples that carry the variable, in radians, and what may be exchanged among them."""

    rows: Int[Array, "kept"]
    angle: Float[Array, "kept"]
    group: Int[Array, "kept"]
    design: Design
    unit: float


def _known(rec: xr.DataArray, variable: str, minimum_lag: float | None) -> _Known:
    validate(rec, needs=[variable])
    period = rec[variable].attrs.get("period")
    if period is None:
        raise InvalidDesign(
            f"{variable!r} has no period, and a circular coordinate can only follow a circle; "
            "declare it with recording.variable(values, period=2 * np.pi) (radians), period=360 "
            "(degrees) or period=12 (months)"
        )
    values = rec[variable].values.astype(np.float64)
    rows = np.flatnonzero(np.isfinite(values))
    extra = {name: rec[name].values[rows] for name in ("block", "time") if name in rec.coords}
    _, group = np.unique(rec["group"].values[rows], return_inverse=True)
    design = exchangeability(values[rows], group, minimum_lag=minimum_lag, **extra)
    unit = float(period) / (2 * np.pi)
    return _Known(rows, values[rows] / unit, group, design, unit)


@dataclass(frozen=True)
class _Learned:
    """What reads an angle from scaled activity: maps of several landmark draws, aligned."""

    basis: Basis
    maps: tuple[CircularMap, ...]
    turns: tuple[tuple[int, float], ...]
    centre: Float[Array, "unit"]
    spread: Float[Array, "unit"]

    def read(self, values: Float[Array, "row unit"]) -> Float[Array, "row cycle"]:
        cloud = self.basis.project((values - self.centre) / self.spread)
        total = np.zeros((values.shape[0], self.maps[0].angle.shape[1]), dtype=complex)
        for each, (turn, offset) in zip(self.maps, self.turns, strict=True):
            total += np.exp(1j * (turn * each.extend(cloud) + offset))
        return np.angle(total) % (2 * np.pi)


@dataclass(frozen=True)
class _Learner:
    """Learns circular coordinates from rows of activity."""

    components: int
    landmarks: int | None
    cycles: int
    prime: int
    memory_limit: float
    draws: int

    def __call__(self, values: Float[Array, "row unit"], rng: np.random.Generator) -> _Learned:
        if values.shape[0] > MOST_SAMPLES:
            values = values[np.sort(rng.choice(values.shape[0], MOST_SAMPLES, replace=False))]
        centre, spread = values.mean(axis=0), values.std(axis=0)
        spread = np.where(spread > 1e-12, spread, 1.0)
        scaled = (values - centre) / spread
        basis = principal(scaled, self.components)
        cloud = basis.project(scaled)
        count = landmark_count(distinct_points(cloud), self.landmarks)
        check_cost(count, self.memory_limit)
        # Several loops have no order that all draws share: one draw then.
        maps = [
            circular_map(
                draw_landmarks(cloud, count, rng=rng).points, cycles=self.cycles, prime=self.prime
            )
            for _ in range(self.draws if self.cycles == 1 else 1)
        ]
        reference = maps[0].extend(cloud)[:, 0]
        turns = [(1, 0.0)] + [_aligned(each.extend(cloud)[:, 0], reference) for each in maps[1:]]
        return _Learned(basis, tuple(maps), tuple(turns), centre, spread)


def _aligned(coordinate: np.ndarray, angle: np.ndarray) -> tuple[int, float]:
    """Return direction and offset that carry a coordinate onto a known angle."""
    along = np.exp(1j * (angle - coordinate)).sum()
    against = np.exp(1j * (angle + coordinate)).sum()
    return (1, float(np.angle(along))) if abs(along) >= abs(against) else (
        -1, float(np.angle(against))
    )  # fmt: skip


def _held_out(
    units: Units,
    known: _Known,
    learn: _Learner,
    index: Int[Array, "draw kept"],
    rng: np.random.Generator,
) -> tuple[float, float, float, str]:
    """Return correlation, error and chance (radians) of angles read from the other half."""
    fold = _folds(units, rng)
    size = known.rows.size
    predicted = np.full(size, np.nan)
    for k in range(FOLDS):
        train, test = fold != k, fold == k
        inside, outside = train[known.rows], test[known.rows]
        try:
            learned = learn(units.values[train], rng)
        except InvalidDesign as error:
            return np.nan, np.nan, np.nan, f"half {k + 1}: {error}"
        seen = learned.read(units.values[known.rows[inside]])
        target = known.angle[inside]
        fits = [abs(circular_correlation(seen[:, c], target)) for c in range(seen.shape[1])]
        best = int(np.nanargmax(fits)) if np.isfinite(fits).any() else 0
        read = learned.read(units.values[known.rows[outside]])[:, best]
        predicted[outside] = _carried(read, seen[:, best], target)
    found = circular_correlation(predicted, known.angle)
    chance = [_error(predicted, known.angle[drawn]) for drawn in index]
    return found, _error(predicted, known.angle), float(np.mean(chance)), ""


def _carried(
    read: Float[Array, "new"], seen: Float[Array, "sample"], angle: Float[Array, "sample"]
) -> Float[Array, "new"]:
    """Return the known angle that goes with a coordinate: its local mean around the circle.

    The rigid alignment, corrected in 36 arcs by the mean deviation of samples around each
    (weights of a von Mises density of concentration 20), so that a coordinate that runs faster
    here than there is read right.
    """
    turn, offset = _aligned(seen, angle)
    rigid = turn * seen + offset
    centre = (np.arange(_ARCS) + 0.5) * 2 * np.pi / _ARCS
    arc = (seen / (2 * np.pi) * _ARCS).astype(np.int64) % _ARCS
    deviation = np.exp(1j * (angle - rigid))
    total = np.bincount(arc, deviation.real, _ARCS) + 1j * np.bincount(arc, deviation.imag, _ARCS)
    near = np.exp(20.0 * (np.cos(centre[:, None] - centre) - 1))
    # One sample's worth of no deviation, so that an empty arc keeps the rigid alignment.
    correction = np.angle(near @ total + 1.0)
    phase = np.r_[centre[-1] - 2 * np.pi, centre, centre[0] + 2 * np.pi]
    unwrapped = np.exp(1j * np.r_[correction[-1], correction, correction[0]])
    shift = np.interp(read, phase, unwrapped.real) + 1j * np.interp(read, phase, unwrapped.imag)
    return turn * read + offset + np.angle(shift)


def _error(predicted: np.ndarray, angle: np.ndarray) -> float:
    return float(np.abs(np.angle(np.exp(1j * (predicted - angle)))).mean())


def _folds(units: Units, rng: np.random.Generator) -> Int[Array, "sample"]:
    """Return the half each sample belongs to: of the session in order of time, else of groups."""
    count = int(units.group.max()) + 1
    if units.scheme.endswith("in time, each on its own"):
        place = np.empty(units.group.size, dtype=np.int64)
        place[np.concatenate(units.parts)] = np.arange(units.group.size)
        return place * FOLDS // units.group.size
    return (rng.permutation(count) * FOLDS // count)[units.group]
