"""Paths of citation: cycles condensed, reach, walks that end in a deleted work."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components
from scipy.sparse.linalg import spsolve_triangular

from homologue._typing import Array, Bool, Float, Int


@dataclass(frozen=True)
class Condensed:
    """A citation graph whose cycles are single nodes, in an order in which arrows go down.

    Attributes
    ----------
    component : numpy.ndarray, shape (work,)
        The component of each work; a component cites only components of smaller number.
    citing, cited : numpy.ndarray, shape (reference,)
        References between components (several between the same two stay several).
    size : int
        How many components.
    """

    component: Int[Array, " work"]
    citing: Int[Array, " reference"]
    cited: Int[Array, " reference"]
    size: int


def condense(
    citing: Int[Array, " reference"], cited: Int[Array, " reference"], size: int
) -> Condensed:
    """Return the graph with every cycle (strongly connected component) as one node.

    Examples
    --------
    >>> import numpy as np
    >>> done = condense(np.array([0, 1, 2]), np.array([1, 0, 0]), 3)   # 0 ⇄ 1, 2 → 0
    >>> done.size, done.component[0] == done.component[1]
    (2, np.True_)
    """
    matrix = sparse.csr_array((np.ones(len(citing), np.int8), (citing, cited)), shape=(size, size))
    count, component = connected_components(matrix, directed=True, connection="strong")
    component = component.astype(np.int64)
    outer = component[citing] != component[cited]
    above, below = component[citing][outer], component[cited][outer]
    if (above < below).any():
        # SciPy numbers components as Pearce's algorithm closes them, cited ones first. That is
        # not promised, so where it does not hold the order is made here.
        order = _order(above, below, int(count))
        component, above, below = order[component], order[above], order[below]
    return Condensed(component, above, below, int(count))


def _order(citing: np.ndarray, cited: np.ndarray, size: int) -> np.ndarray:
    """Return each node's position in an order with cited before citing (Kahn 1962)."""
    waiting = np.bincount(citing, minlength=size)
    by_cited = np.argsort(cited, kind="stable")
    starts = np.searchsorted(cited[by_cited], np.arange(size + 1))
    ready = list(np.flatnonzero(waiting == 0))
    position = np.empty(size, dtype=np.int64)
    placed = 0
    while ready:
        node = ready.pop()
        position[node] = placed
        placed += 1
        for user in citing[by_cited[starts[node] : starts[node + 1]]]:
            waiting[user] -= 1
            if not waiting[user]:
                ready.append(user)
    return position


def reaches(
    citing: Int[Array, " reference"],
    cited: Int[Array, " reference"],
    target: Bool[Array, " work"],
) -> Bool[Array, " work"]:
    """Return which works have a path of references to a target (targets themselves included).

    One breadth-first pass over the reversed references from a node added before all targets,
    so cycles cost nothing.

    Examples
    --------
    >>> import numpy as np
    >>> reaches(np.array([0, 1, 2]), np.array([1, 2, 0]), np.array([False, True, False, False]))
    array([ True,  True,  True, False])
    """
    size = len(target)
    first = np.flatnonzero(target)
    rows = np.concatenate([cited, np.full(len(first), size)])
    columns = np.concatenate([citing, first])
    reverse = sparse.csr_array(
        (np.ones(len(rows), np.int8), (rows, columns)), shape=(size + 1, size + 1)
    )
    found = np.zeros(size + 1, dtype=bool)
    found[breadth_first_order(reverse, size, return_predecessors=False)] = True
    return found[:size]


def loss_by_walks(
    citing: Int[Array, " reference"],
    cited: Int[Array, " reference"],
    deleted: Bool[Array, " work"],
) -> Float[Array, " work"]:
    """Return the chance that a walk down a work's references meets a deleted work.

    From each work the walk takes one of its references at random, until it meets a deleted
    work (lost) or one without references (kept). A cycle is left by one of its outer
    references at random; a cycle without any ends the walk.

    Returns
    -------
    numpy.ndarray, shape (work,)
        1 for deleted works and for those all of whose paths end in them; 0 where none does.

    Examples
    --------
    >>> import numpy as np
    >>> citing, cited = np.array([0, 0, 1, 1]), np.array([1, 2, 2, 3])
    >>> loss_by_walks(citing, cited, np.array([False, False, True, False]))
    array([0.75, 0.5 , 1.  , 0.  ])
    """
    # A deleted work ends the walk: without its own references it is on no cycle.
    alive = ~deleted[citing]
    graph = condense(citing[alive], cited[alive], len(deleted))
    gone = np.zeros(graph.size)
    gone[graph.component[deleted]] = 1.0
    out = np.bincount(graph.citing, minlength=graph.size)
    weight = 1.0 / out[graph.citing]
    diagonal = np.arange(graph.size)
    system = sparse.csr_array(
        (
            np.concatenate([-weight, np.ones(graph.size)]),
            (
                np.concatenate([graph.citing, diagonal]),
                np.concatenate([graph.cited, diagonal]),
            ),
        ),
        shape=(graph.size, graph.size),
    )
    loss = spsolve_triangular(system, gone, lower=True, unit_diagonal=True)
    return np.clip(loss, 0.0, 1.0)[graph.component]
