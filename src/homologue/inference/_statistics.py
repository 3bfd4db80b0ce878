"""From class sums of integer scores to a statistic per draw and unit.

With S the sum of a unit's scores over a class of n_c of the n samples, T its total and Q its
sum of squares about the mean:

- between-class share: (Σ_c S_c²/n_c − T²/n) / Q. On doubled, centred ranks T = 0 and this is
  ε² = H/(n − 1), H the Kruskal–Wallis statistic corrected for ties; on values it is η².
- contrast of a class with the rest: on ranks 2·AUC − 1 = S_c / (n_c (n − n_c)), a difference of
  probabilities, ties counted half; on values (S_c − n_c T/n) / √(n_c (n − n_c) Q / n), the
  correlation with the class's indicator.

Every operation after the product is elementwise in float64 and in a fixed order of classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from homologue.inference._backend import Backend
from homologue.inference._scores import Scores

STATISTICS = ("share", "contrast", "largest contrast", "chosen contrast")


@dataclass(frozen=True)
class Selection:
    """The 0/1 matrix of a block of draws, and what the size of each class asks for."""

    matrix: Any
    held: int
    draws: int
    weights: Any
    shares: Any


@dataclass(frozen=True)
class Plan:
    """How one statistic is computed from blocks of class sums.

    ``chosen`` holds class positions in ascending order: units are sorted by it beforehand.
    """

    name: str
    scores: Scores
    classes: int
    absolute: bool = False
    chosen: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def layers(self) -> int:
        """Number of statistics per unit."""
        return self.classes if self.name == "contrast" else 1

    @property
    def slack(self) -> float:
        """Largest error of a statistic that the scores' resolution can cause."""
        return 2.0 * self.scores.resolution * float(np.sqrt(self.classes))

    def select(self, machine: Backend, labels: np.ndarray, values: Any) -> Selection:
        """Return what a block of relabellings needs; ``labels`` has shape (draw, row)."""
        draws = labels.shape[0]
        n = float(self.scores.samples)
        cell = labels + (np.arange(draws, dtype=np.int64) * self.classes)[:, None]
        weight = np.broadcast_to(self.scores.rows, labels.shape)
        sizes = np.bincount(cell.ravel(), weight.ravel(), minlength=draws * self.classes)
        sizes = sizes.reshape(draws, self.classes).T[:, :, None]
        with np.errstate(divide="ignore"):
            if self.name == "share":
                weights = 1.0 / sizes
            elif self.scores.kind == "ranks":
                weights = 1.0 / (sizes * (n - sizes))
            else:
                weights = np.sqrt(n / (sizes * (n - sizes)))
        weights[(sizes == 0) | (sizes == n)] = 0.0
        matrix, held = machine.selector(
            labels, self.classes, values, drop=self.name != "chosen contrast"
        )
        return Selection(matrix, held, draws, machine.put(weights), machine.put(sizes / n))

    def statistics(
        self, machine: Backend, selection: Selection, values: Any, there: slice
    ) -> Iterator[Any]:
        """Yield the layers of a block of units, each of shape (draw, unit) on the device."""
        if self.name == "chosen contrast":
            yield from self._chosen(machine, selection, values, there)
            return
        sums = self._sums(machine, selection, values, there)
        if self.name == "share":
            yield self._share(machine, selection, sums, there)
            return
        contrasts = (
            self._contrast(machine, selection, k, one, there) for k, one in enumerate(sums)
        )
        if self.name == "contrast":
            yield from contrasts
            return
        largest = next(contrasts)
        largest = abs(largest) if self.absolute else largest
        for one in contrasts:
            largest = machine.maximum(largest, abs(one) if self.absolute else one)
        yield largest

    def _sums(
        self, machine: Backend, selection: Selection, values: Any, there: slice
    ) -> Iterator[Any]:
        """Yield each class's sums in float64; a dropped last class is what the others leave."""
        product = selection.matrix @ values[:, there]
        product = product.reshape(selection.held, selection.draws, product.shape[1])
        rest = None
        for k in range(selection.held):
            one = machine.double(product[k])
            if selection.held < self.classes:
                if rest is None:
                    rest = machine.put(self.scores.total[there]) - one
                else:
                    rest -= one
            yield one
        if rest is not None:
            yield rest

    def _share(
        self, machine: Backend, selection: Selection, sums: Iterator[Any], there: slice
    ) -> Any:
        between: Any = None
        for k, one in enumerate(sums):
            one *= one
            one *= selection.weights[k]
            if between is None:
                between = one
            else:
                between += one
        total = self.scores.total[there]
        if total.any():
            between -= machine.put(total * total / self.scores.samples)
        between *= machine.put(1.0 / self.scores.sum_of_squares[there])
        return between

    def _contrast(
        self, machine: Backend, selection: Selection, k: int, one: Any, there: slice
    ) -> Any:
        total = self.scores.total[there]
        if total.any():
            one -= selection.shares[k] * machine.put(total)
        one *= selection.weights[k]
        if self.scores.kind == "values":
            one *= machine.put(1.0 / np.sqrt(self.scores.sum_of_squares[there]))
        return one

    def _chosen(
        self, machine: Backend, selection: Selection, values: Any, there: slice
    ) -> Iterator[Any]:
        assert self.chosen is not None
        code, sign = (part[there] for part in self.chosen)
        parts = []
        for k in np.unique(code):
            left, right = np.searchsorted(code, [k, k + 1])
            here = slice(there.start + int(left), there.start + int(right))
            rows = slice(k * selection.draws, (k + 1) * selection.draws)
            one = machine.double(selection.matrix[rows] @ values[:, here])
            parts.append(self._contrast(machine, selection, int(k), one, here))
        joined = parts[0] if len(parts) == 1 else machine.join(parts)
        joined *= machine.put(sign.astype(np.float64))
        yield joined
