"""Which clusters of dictionary features span a shape that no single feature explains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from homologue._errors import HomologueError, InvalidRecording
from homologue._typing import Array, Num
from homologue.inference import benjamini_hochberg, p_value, result
from homologue.population.guided._engels import mixture_index, planes, separable_plane


def irreducible_rank(
    clusters: Sequence[Num[Array, "_ _"]],
    *,
    rng: np.random.Generator | int,
    permutations: int = 99,
    groups: Sequence[Num[Array, "_"]] | None = None,
    names: Sequence[str] | None = None,
) -> xr.Dataset:
    """Rank clusters of features by (1 − M)·S: not a mixture, and not separable.

    Parameters
    ----------
    clusters : sequence of array, shape (sample, dimension)
        For each cluster, what its features reconstruct where any of them is active; at least 50
        samples each, of any number of dimensions.
    rng : numpy Generator or int
        Every cluster has draws of its own, so that its figures do not depend on the others.
    permutations : int
    groups : sequence of array, shape (sample,), optional
        The smallest independent unit (document) of each sample; samples are taken as
        independent if left out.
    names : sequence of str, optional

    Returns
    -------
    xarray.Dataset
        On ``cluster``: ``effect`` = (1 − M)·S at the plane of principal components where it is
        largest, S in bits above a Gaussian's, ``low``/``high`` (95 %, jackknife of S at M as
        measured), ``null_mean``, ``null_std`` (the same maximum over planes, of shuffled
        coordinates), ``p``, ``q`` (Benjamini–Hochberg over clusters), ``n`` (samples);
        ``rank`` (1 is the most irreducible), ``separability``, ``mixture``, ``plane``; NaN with
        a ``reason`` for a cluster that cannot be measured.

    Raises
    ------
    HomologueError
        No cluster, or groups or names that are not one per cluster.

    Notes
    -----
    The score says "irreducible", not "circle": two crossing lines score as well. Clusters of
    few samples have noisy scores; compare within similar sizes.

    References
    ----------
    .. [1] Engels et al. 2024, arXiv:2405.14860.

    Examples
    --------
    >>> import numpy as np
    >>> source = np.random.default_rng(0)
    >>> turn = source.uniform(0, 2 * np.pi, 300)
    >>> ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    >>> irreducible_rank([source.standard_normal((300, 2)), ring], rng=0)["rank"].values.tolist()
    [2.0, 1.0]
    """
    count = len(clusters)
    for label, given in (("groups", groups), ("names", names)):
        if given is not None and len(given) != count:
            raise HomologueError(f"{len(given)} {label} for {count} clusters; give one each")
    if not count:
        raise HomologueError("no cluster was given; pass at least one array (sample × dimension)")
    sources = np.random.default_rng(rng).spawn(count)
    fields = ("effect", "low", "high", "null_mean", "null_std", "p", "separability", "mixture")
    table = {name: np.full(count, np.nan) for name in fields}
    plane, reason = np.full(count, "", dtype=object), np.full(count, "", dtype=object)
    for i, cluster in enumerate(clusters):
        try:
            found = _measured(
                np.asarray(cluster, dtype=np.float64),
                None if groups is None else np.asarray(groups[i]), permutations, sources[i],
            )  # fmt: skip
        except HomologueError as error:
            reason[i] = str(error)
            continue
        plane[i] = found.pop("plane")
        for name, value in found.items():
            table[name][i] = value
    rank = np.full(count, np.nan)
    known = np.flatnonzero(~np.isnan(table["effect"]))
    rank[known[np.argsort(-table["effect"][known], kind="stable")]] = np.arange(known.size) + 1
    separable, mixed = table.pop("separability"), table.pop("mixture")
    made = result(
        **table, q=benjamini_hochberg(table["p"]), n=[len(cluster) for cluster in clusters],
        dims=("cluster",),
        coords={"cluster": list(names) if names is not None else np.arange(count)},
        attrs={
            "analysis": "population.irreducible_rank", "method": "(1 − mixture) · separability",
            "null": "one coordinate shuffled against the other", "permutations": permutations,
            "family": "Benjamini–Hochberg over clusters",
        },
    )  # fmt: skip
    return made.assign(
        rank=("cluster", rank), separability=("cluster", separable), mixture=("cluster", mixed),
        plane=("cluster", plane.astype(str)), reason=("cluster", reason.astype(str)),
    )  # fmt: skip


def _measured(
    cluster: np.ndarray, group: np.ndarray | None, permutations: int, rng: np.random.Generator
) -> dict[str, float | str]:
    if cluster.ndim != 2 or not np.isfinite(cluster).all():
        raise InvalidRecording(
            f"expected finite values, sample × dimension; given shape {cluster.shape}"
            + ("" if cluster.ndim != 2 else " with NaN or Inf")
        )
    group = np.arange(len(cluster)) if group is None else group
    if group.shape != cluster.shape[:1]:
        raise InvalidRecording(f"{group.size} groups for {len(cluster)} samples; give one each")
    code = np.unique(group, return_inverse=True)[1]
    every = planes(cluster)
    rows = [separable_plane(part, code, {}, permutations, (rng, rng)) for part in every]
    mixtures = np.array([mixture_index(part) for part in every])
    scores = (1 - mixtures) * np.array([row["effect"] for row in rows])
    # The plane is chosen, so the null chooses its own: the maximum over planes of each draw.
    null = ((1 - mixtures)[:, None] * np.stack([row["null"] for row in rows])).max(axis=0)
    best = int(scores.argmax())
    share = 1 - mixtures[best]
    return {
        "effect": scores[best], "low": share * rows[best]["low"],
        "high": share * rows[best]["high"], "null_mean": null.mean(),
        "null_std": null.std(ddof=1), "p": float(p_value(scores[best], null)),
        "separability": rows[best]["effect"], "mixture": mixtures[best],
        "plane": f"{best + 1}-{best + 2}",
    }  # fmt: skip
