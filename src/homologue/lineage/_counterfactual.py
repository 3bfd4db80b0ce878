"""What is left when a field is deleted, and when the question has to be refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from homologue._errors import HomologueError, UnknownName, nearest
from homologue._typing import Array, Bool, Float
from homologue.lineage._graph import CitationGraph, citing_works, works_of_field
from homologue.lineage._landmarks import Patterns, kind_of, landmark_patterns, tag
from homologue.lineage._paths import condense, loss_by_walks, reaches
from homologue.lineage._shares import Citing
from homologue.lineage._words import percent, spaced

THRESHOLD = 0.5
"""Share of works whose own references must be known before paths are answered."""

INSUFFICIENT = "insufficient depth"

LEVELS = ("paths", "direct citation")

STATES = ("all", "most", "some", "none", "no support known")
"""How much support is lost: all, more than half, less, none; or there was none to lose."""


@dataclass(frozen=True)
class Counterfactual:
    """What works, ideas and methods lose when works are deleted.

    Attributes
    ----------
    deleted : str
        What was deleted, in words; ``deleted_works`` counts it.
    level : {"paths", "direct citation"}
        What the figures are about.
    refused : bool
        The answer by paths was asked for and refused; ``reason`` says why.
    known_share, threshold : float
        Share of works whose own references are known, and what paths would need.
    works : pandas.DataFrame
        Per remaining work that cites something: ``id``, ``title``, ``year``, ``group``,
        ``references``, ``lost`` (deleted ones among them), ``share`` (of support lost: by
        direct citation lost / references, by paths the chance that a walk down the references
        ends in a deleted work), ``state`` (one of :data:`STATES`).
    ideas : pandas.DataFrame
        Per landmark idea: ``idea``, ``kind``, ``works`` (landmarks), ``deleted`` (of them),
        ``references`` (to landmarks, by the citing works), ``lost`` (to deleted landmarks),
        ``share`` (of support lost; by paths a remaining landmark counts as far as its own
        support is lost), ``state``.
    summary : pandas.DataFrame
        Per ``state``: how many ``works``, ``ideas``, ``methods`` and ``findings``.
    """

    deleted: str
    deleted_works: int
    level: str
    refused: bool
    reason: str
    known_share: float
    threshold: float
    works: pd.DataFrame
    ideas: pd.DataFrame
    summary: pd.DataFrame


def known_share(graph: CitationGraph) -> float:
    """Return the share of works whose own reference list is known.

    Examples
    --------
    >>> from homologue import lineage
    >>> round(lineage.known_share(lineage.embedded()), 4)
    0.0174
    """
    return float(graph.works["references_known"].mean()) if len(graph.works) else 0.0


def counterfactual(
    graph: CitationGraph,
    field: str | Iterable[str] | None = None,
    *,
    works: Iterable[str] | None = None,
    citing: Citing = "mi",
    level: str = "paths",
    threshold: float = THRESHOLD,
    patterns: Patterns | None = None,
) -> Counterfactual:
    """Delete a field, or a set of works, and return what loses its support.

    Parameters
    ----------
    graph : CitationGraph
        A citation graph; cycles are condensed where paths are followed.
    field : str or several, optional
        Fields to delete.
    works : iterable of str, optional
        Ids of works to delete, instead or as well.
    citing : str, several, or None
        Whose support is asked for: the works listed, and the references ideas are held up by.
    level : {"paths", "direct citation"}
        Whether support is followed down paths of references or counted one step deep.
    threshold : float
        Paths are refused with "insufficient depth" below this share of works whose own
        references are known; the direct answer is given instead, labelled as such.
    patterns : mapping, optional
        Landmark patterns; by default the embedded ones.

    Returns
    -------
    Counterfactual

    Raises
    ------
    UnknownName
        For an unknown field, work, group or level (the nearest is suggested).
    HomologueError
        If nothing is to be deleted, or the threshold is not a share.

    Notes
    -----
    Losing a citation is not losing an idea: it may have been found again, or have come another
    way. By direct citation the answer cannot see that a machine-learning paper a work leans on
    may itself lean on the deleted field; by paths it counts every reference as support, the
    ornamental too. Roots (works without known references) stand by themselves.

    Examples
    --------
    >>> from homologue import lineage
    >>> answer = lineage.counterfactual(lineage.embedded(), "neuroscience")
    >>> answer.refused, answer.level
    (True, 'direct citation')
    >>> answer.reason
    'insufficient depth: the references of 46 of 2 637 works are known (1.7 %), 50 % are needed'
    """
    if level not in LEVELS:
        raise UnknownName(f"there is no level {level!r}" + nearest(level, LEVELS))
    if not 0 <= threshold <= 1:
        raise HomologueError(f"threshold is a share between 0 and 1; given {threshold}")
    deleted, words = _deletion(graph, field, works)
    share = known_share(graph)
    refused = level == "paths" and share < threshold
    reason = ""
    if refused:
        level = "direct citation"
        known = int(graph.works["references_known"].sum())
        reason = (
            f"{INSUFFICIENT}: the references of {known} of {spaced(len(graph.works))} works are "
            f"known ({percent(share)}), {percent(threshold)} are needed"
        )
    loss, complete = _losses(graph, deleted, level)
    start = citing_works(graph, citing)
    work_table = _work_table(graph, deleted, start, loss, complete)
    # What one reference to a work loses: all if it is deleted; by paths, what that work loses.
    follow = np.nan_to_num(loss) if level == "paths" else 0.0
    gone = np.where(deleted, 1.0, follow)
    idea_table = _idea_table(graph, deleted, start, gone, patterns)
    return Counterfactual(
        words, int(deleted.sum()), level, refused, reason, share, threshold,
        work_table, idea_table, _summary(work_table, idea_table),
    )  # fmt: skip


def _deletion(
    graph: CitationGraph, field: str | Iterable[str] | None, works: Iterable[str] | None
) -> tuple[Bool[Array, " work"], str]:
    deleted = np.zeros(len(graph.works), dtype=bool)
    words = []
    if field is not None:
        names = [field] if isinstance(field, str) else list(field)
        deleted |= works_of_field(graph, names)
        words += names
    if works is not None:
        wanted = [works] if isinstance(works, str) else list(works)
        rows = pd.Index(graph.works["id"]).get_indexer(wanted)
        for name, row in zip(wanted, rows, strict=True):
            if row < 0:
                raise UnknownName(f"there is no work {name!r}" + nearest(name, graph.works["id"]))
        deleted[rows] = True
        words.append(f"{len(wanted)} works" if len(wanted) > 3 else ", ".join(wanted))
    if not words:
        raise HomologueError("nothing to delete: name a field, or the ids of works")
    return deleted, " + ".join(words)


def _losses(
    graph: CitationGraph, deleted: np.ndarray, level: str
) -> tuple[Float[Array, " work"], Bool[Array, " work"]]:
    """Return the share of support each work loses, and whether that is all of it."""
    size = len(deleted)
    out = np.bincount(graph.citing, minlength=size)
    if level == "direct citation":
        lost = np.bincount(graph.citing, weights=deleted[graph.cited], minlength=size)
        loss = lost / np.where(out > 0, out, np.nan)
        complete = (lost == out) & (out > 0)
    else:
        loss = loss_by_walks(graph.citing, graph.cited, deleted)
        complete = ~deleted & (out > 0) & ~_standing(graph, deleted)
        loss = np.where(out > 0, loss, np.nan)
    loss = np.where(complete, 1.0, np.where(deleted, np.nan, loss))
    return loss, complete


def _standing(graph: CitationGraph, deleted: np.ndarray) -> Bool[Array, " work"]:
    """Return which works still have a path to a foundation that was not deleted.

    A foundation is a work without references, or a cycle that leads nowhere else: its walk
    ends there too.
    """
    kept = ~deleted[graph.citing]
    # Condensed with the references to deleted works still there: a work all of whose
    # references were deleted is no foundation.
    whole = condense(graph.citing[kept], graph.cited[kept], len(deleted))
    leads_on = np.zeros(whole.size, dtype=bool)
    leads_on[whole.citing] = True
    foundation = ~leads_on[whole.component] & ~deleted
    kept &= ~deleted[graph.cited]
    return reaches(graph.citing[kept], graph.cited[kept], foundation)


def _state(share: np.ndarray, complete: np.ndarray) -> np.ndarray:
    return np.select(
        [np.isnan(share), complete, share > 0.5, share > 0],
        ["no support known", "all", "most", "some"],
        "none",
    )


def _work_table(
    graph: CitationGraph,
    deleted: np.ndarray,
    start: np.ndarray,
    loss: np.ndarray,
    complete: np.ndarray,
) -> pd.DataFrame:
    size = len(deleted)
    shown = start & ~deleted
    table = graph.works.loc[shown, ["id", "title", "year", "group"]].copy()
    table["references"] = np.bincount(graph.citing, minlength=size)[shown]
    lost = np.bincount(graph.citing, weights=deleted[graph.cited], minlength=size)
    table["lost"] = lost[shown].astype(int)
    table["share"] = loss[shown]
    table["state"] = _state(loss, complete)[shown]
    return table.sort_values(["share", "id"], ascending=[False, True], ignore_index=True)


def _idea_table(
    graph: CitationGraph,
    deleted: np.ndarray,
    start: np.ndarray,
    gone: np.ndarray,
    patterns: Patterns | None,
) -> pd.DataFrame:
    names = list(landmark_patterns() if patterns is None else patterns)
    tagged = tag(graph, patterns)
    cited = graph.cited[(start & ~deleted)[graph.citing]]
    rows = []
    for position, idea in enumerate(names):
        member = tagged[:, position]
        to_idea = cited[member[cited]]
        count = len(to_idea)
        rows.append(
            {
                "idea": idea,
                "kind": kind_of(idea),
                "works": int(member.sum()),
                "deleted": int((member & deleted).sum()),
                "references": count,
                "lost": int(deleted[to_idea].sum()),
                "share": gone[to_idea].mean() if count else np.nan,
                "complete": bool(count) and bool((gone[to_idea] == 1).all()),
            }
        )
    columns = ["idea", "kind", "works", "deleted", "references", "lost", "share", "complete"]
    table = pd.DataFrame(rows, columns=columns)
    share = table["share"].to_numpy(dtype=float)
    table["state"] = _state(share, table.pop("complete").to_numpy(dtype=bool))
    return table


def _summary(works: pd.DataFrame, ideas: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for state in STATES:
        here = ideas[ideas["state"] == state]
        row: dict[str, object] = {"state": state, "works": int((works["state"] == state).sum())}
        for kind in ("idea", "method", "finding"):
            row[f"{kind}s"] = int((here["kind"] == kind).sum())
        rows.append(row)
    return pd.DataFrame(rows)
