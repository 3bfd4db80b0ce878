"""The search for cycles: loops of a cloud of activity, beside those that its null has."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from homologue._errors import InvalidDesign
from homologue._typing import Array, Float, Int
from homologue.inference import p_value, result
from homologue.population.cycles._cloud import Units, prepare, principal
from homologue.population.cycles._landmarks import (
    FEWEST,
    Landmarks,
    distinct_points,
    draw_landmarks,
    landmark_count,
)
from homologue.population.cycles._persistence import (
    MEMORY_LIMIT,
    PRIME,
    Persistence,
    check_cost,
    persistence,
    universal_p_values,
)
from homologue.population.cycles._signature import NAMES, Signature, signature
from homologue.population.cycles._timing import drifts, timing

ALPHA = 0.05
MOST_SAMPLES = 6000
"""Samples a cloud is made of; of longer recordings as many are drawn."""

_KEPT = 0.8


def find(
    rec: xr.DataArray,
    *,
    rng: np.random.Generator | int,
    components: int = 6,
    landmarks: int | None = None,
    permutations: int = 99,
    draws: int = 20,
    smoothing: float | None = None,
    transform: str = "auto",
    condition_means: bool = False,
    memory_limit: float = MEMORY_LIMIT,
    prime: int = PRIME,
) -> xr.Dataset:
    """Search a population's activity for loops, and say which shape they make.

    Units are smoothed (spikes), square-rooted (spikes), scaled to unit variance and projected on
    their leading principal components; averaged farthest-point landmarks stand for the cloud,
    and the bars of their Rips cohomology are its loops. The null does the same with units made
    independent, each with statistics of its own: rolled in time where there is ``time``, else
    permuted within groups (between groups of one sample).

    Parameters
    ----------
    rec : xarray.DataArray
        A recording (sample × unit) without NaN.
    rng : numpy Generator or int
        Draws landmarks and nulls.
    components : int
        Principal components the cloud lies in; at least 2.
    landmarks : int, optional
        By default a third of the samples, at least 20 and at most 200. Of a few dozen samples
        give their number: averages of two or three of them leave no loop.
    permutations : int
        Null clouds; the smallest p is 1 / (permutations + 1).
    draws : int
        Landmark draws, each on 80 % of the groups (of stretches: of all samples).
    smoothing : float, optional
        Standard deviation in s along ``time``; by default 0.2 s for spikes, else none.
    transform : {"auto", "square root", "none"}
        By default the square root for spikes.
    condition_means : bool
        Accept units that were not recorded simultaneously: every sample is a condition's mean,
        and the loop one of the means.
    memory_limit : float
        Bytes; a complex whose estimate is larger is refused before it starts.
    prime : int
        Coefficients are integers modulo this prime; not 2, so that twisted loops are not lost.

    Returns
    -------
    xarray.Dataset
        ``effect``: 1 − birth/death of the longest one-dimensional bar (0: none … 1), with
        ``low``/``high`` (95 % of the landmark draws), ``null_mean``/``null_std``, ``p``, ``q``
        (one test), ``n`` (groups).
        ``signature``: none, ring, torus, other, or phantom; ``signature_share`` of landmark
        draws on ``name``; ``betti`` on ``dimension``; ``threshold``, above which a bar counts
        (of 1 − birth/death); ``birth``, ``death``, ``universal_p`` on ``bar``;
        ``correlation_times`` and ``cosine_share`` of time series; ``reason`` if p is NaN.

    Raises
    ------
    InvalidDesign
        Fewer than 20 distinct points, more landmarks than points, one group without time,
        fewer than two units that vary, a cost above the limit, units never recorded together.
    InvalidRecording
        NaN.

    Notes
    -----
    The verdict: none if p > .05 or the longest bar does not count; else the signature that most
    landmark draws have. A bar counts above the 99th percentile of the Gumbel law with the
    null's mean and deviation. p by the universal law [1]_ (``universal_p``, Bonferroni) stands
    beside it and does not decide: it is conservative, and among few bars a true loop hides
    itself. ``betti[2]`` is looked at only where two loops in one piece may be a torus: a sphere
    is "none" here.

    Rolled units of a series that holds fewer than 20 correlation times of its leading components
    are not independent. Then p is NaN, with the reason, and the signature is none or, if there
    is a loop beyond that of units permuted in time, phantom. So is a loop whose two leading
    components are slow cosines of the clock [2]_: random walks and drifts draw them. A rhythm
    common to all units stays one under rolls; a ring run through at constant speed is not found.
    Fails also for rings too thin to stand out of the noise in ``components`` dimensions: one
    direction of much variance and another of little make an ellipse that reads as a line.

    References
    ----------
    .. [1] Bobrowski & Skraba 2023, Sci. Rep. 13:12274, doi:10.1038/s41598-023-37842-2
    .. [2] Antognini & Sohl-Dickstein 2018, NeurIPS 31, arXiv:1806.08805
    .. [3] Gardner et al. 2022, Nature 602:123, doi:10.1038/s41586-021-04268-7
    .. [4] Chaudhuri et al. 2019, Nat. Neurosci. 22:1512, doi:10.1038/s41593-019-0460-x

    Examples
    --------
    >>> import numpy as np
    >>> from homologue.recording import make
    >>> source = np.random.default_rng(0)
    >>> angle = source.uniform(0, 2 * np.pi, 240)
    >>> mixing = source.standard_normal((2, 12))
    >>> activity = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ mixing
    >>> rec = make(activity + 0.1 * source.standard_normal(activity.shape))
    >>> found = find(rec, rng=0, permutations=39, draws=5)
    >>> str(found.signature.values), float(found.p)
    ('ring', 0.025)
    """
    if permutations < 19:
        raise InvalidDesign(f"permutations={permutations}; fewer than 19 give no p of .05")
    if components < 2:
        raise InvalidDesign(f"components={components}; a loop needs at least 2 dimensions")
    _check_numbers(prime, draws, memory_limit)
    generator = np.random.default_rng(rng)
    units = prepare(rec, smoothing=smoothing, transform=transform, condition_means=condition_means)
    rows = _thinned(np.arange(units.values.shape[0]), generator)
    cloud = _cloud(units.values[rows], components)
    count = landmark_count(distinct_points(cloud), landmarks)
    check_cost(count, memory_limit)
    search = _Search(components, count, prime)
    observed = search.run(units.values[rows], generator)
    tested = timing(units, components)
    null = np.array(
        [
            search.run(
                (units.surrogate if tested.usable else units.permuted)(rows, generator), generator
            ).found.loops.effect
            for _ in range(permutations)
        ]
    )
    effect = observed.found.loops.effect
    p = float(p_value(effect, null))
    threshold = _threshold(null)
    each, effects = [], []
    for _ in range(draws):
        kept = _subset(units, generator)
        part = search.of(kept.size / rows.size).run(units.values[kept], generator)
        each.append(signature(part.landmarks.points, part.found, threshold))
        effects.append(part.found.loops.effect)
    names = [drawn.name for drawn in each]
    share = np.array([names.count(name) for name in NAMES]) / draws
    verdict, betti = _verdict(each, share, significant=effect > threshold and p <= ALPHA)
    phantom = verdict != "none" and (not tested.usable or drifts(rec, tested, generator))
    low, high = np.quantile(effects, [0.025, 0.975])
    data = result(
        effect=effect, low=low, high=high, null=null,
        p=p if tested.usable else np.nan, q=p if tested.usable else np.nan,
        n=int(units.group.max()) + 1,
        attrs={
            "analysis": "population.cycles.find",
            "method": "Rips persistent cohomology of averaged farthest-point landmarks",
            "statistic": "1 − birth / death of the longest one-dimensional bar",
            "null": units.scheme if tested.usable else "units permuted in time (names only)",
            "interval": f"95 % of {draws} landmark draws, each on 80 % of the groups",
            "family": "one test",
            "permutations": permutations,
            "components": cloud.shape[1],
            "landmarks": count,
            "n_samples": int(rows.size),
            "n_units": units.values.shape[1],
            "n_constant": units.n_constant,
            "smoothing": units.smoothing,
            "transform": units.transform,
            "prime": prime,
        },
    )  # fmt: skip
    loops = observed.found.loops
    return data.assign(
        signature="phantom" if phantom else verdict,
        signature_share=("name", share),
        betti=("dimension", np.array(betti)),
        threshold=threshold,
        birth=("bar", loops.birth),
        death=("bar", loops.death),
        universal_p=("bar", universal_p_values(loops.birth, loops.death)),
        correlation_times=tested.times,
        cosine_share=tested.cosines,
        reason=tested.reason,
    ).assign_coords(name=list(NAMES), dimension=[0, 1, 2])


def _check_numbers(prime: int, draws: int, memory_limit: float) -> None:
    if prime < 2 or any(prime % k == 0 for k in range(2, int(prime**0.5) + 1)):
        raise InvalidDesign(f"prime={prime} is no prime number; cohomology needs a field. Try 47")
    if draws < 1:
        raise InvalidDesign(f"draws={draws}; at least 1 draw of landmarks is needed")
    if not memory_limit > 0:
        raise InvalidDesign(f"memory_limit is in bytes, above 0; given {memory_limit}")


@dataclass(frozen=True)
class _Drawn:
    landmarks: Landmarks
    found: Persistence


@dataclass(frozen=True)
class _Search:
    """From scaled activity to bars: the same kernel for the observed and for every null."""

    components: int
    count: int
    prime: int

    def of(self, share: float) -> _Search:
        """Return the search of a share of the samples: as many samples to a landmark."""
        return replace(self, count=max(int(self.count * min(share, 1.0)), FEWEST))

    def run(self, values: Float[Array, "row unit"], rng: np.random.Generator) -> _Drawn:
        cloud = _cloud(values, self.components)
        drawn = draw_landmarks(cloud, min(self.count, cloud.shape[0]), rng=rng)
        return _Drawn(drawn, persistence(drawn.points, prime=self.prime))


def _cloud(values: Float[Array, "row unit"], components: int) -> Float[Array, "row component"]:
    return principal(values, components).project(values)


def _thinned(rows: Int[Array, "row"], rng: np.random.Generator) -> Int[Array, "kept"]:
    if rows.size <= MOST_SAMPLES:
        return rows
    return np.sort(rng.choice(rows, MOST_SAMPLES, replace=False))


def _subset(units: Units, rng: np.random.Generator) -> Int[Array, "kept"]:
    """Return the rows of 80 % of the groups, or of the samples where groups are fewer than 20."""
    count = int(units.group.max()) + 1
    member = units.group if count >= 20 else np.arange(units.group.size)
    size = int(member.max()) + 1
    kept = np.zeros(size, dtype=bool)
    kept[rng.choice(size, int(np.ceil(_KEPT * size)), replace=False)] = True
    return _thinned(np.flatnonzero(kept[member]), rng)


def _threshold(null: Float[Array, "draw"]) -> float:
    """Return the 99th percentile of the law of maxima that has the null's two moments.

    A rank among some tens of draws cannot tell one in a hundred; a Gumbel law's percentile is
    3.137 standard deviations above its mean.
    """
    return float(np.clip(null.mean() + 3.137 * null.std(ddof=1), 0.0, 1 - 1e-9))


def _verdict(
    each: list[Signature], share: Float[Array, "name"], *, significant: bool
) -> tuple[str, tuple[int, int, int]]:
    """Return the commonest signature among landmark draws, none unless the loop is one."""
    name = NAMES[int(share.argmax())]
    if not significant or name == "none":
        return "none", (1, 0, 0)
    betti = [drawn.betti for drawn in each if drawn.name == name]
    return name, max(sorted(set(betti)), key=betti.count)
