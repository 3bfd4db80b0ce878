"""Copies of a batch, one after the other, each perturbed in its own way."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from homologue.systems._feeds import Feed
from homologue.systems._patched import Rows
from homologue.systems._perturbed import Act, Interference


class Tiled(Interference):
    """Perturbations of copies that stand one after the other along the batch axis.

    Parameters
    ----------
    model, feed
        As for :class:`Interference`.
    copies : sequence of sequences of (Act, Rows or None)
        What is done to each copy.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        feed: Feed,
        copies: Sequence[Sequence[tuple[Act, Rows | None]]],
    ) -> None:
        flat = [pair for copy in copies for pair in copy]
        self.copy_of = [number for number, copy in enumerate(copies) for _ in copy]
        self.copies = len(copies)
        super().__init__(
            model, [act for act, _ in flat], feed, [rows for _, rows in flat], survey=False
        )

    def _acted(self, numbers: list[int], tensor: torch.Tensor) -> torch.Tensor:
        """Perturb each copy's rows in its own way."""
        out = tensor.clone()
        size = tensor.shape[0] // self.copies
        for number in numbers:
            first = self.copy_of[number] * size
            rows = slice(first, first + size)
            out[rows] = self._apply(number, out[rows])
        return out
