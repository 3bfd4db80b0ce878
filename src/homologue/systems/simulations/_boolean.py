"""Boolean networks: units on or off, updated together, with messages that may be lost."""

from __future__ import annotations

import numpy as np

from homologue._typing import Array, Bool, Float


def received(sent: Float[Array, "run unit"], rng: np.random.Generator) -> Bool[Array, "run unit"]:
    """Return which units are seen as on.

    What is sent lies in [0, 1] and is the probability of being seen as on in this update: 0 and 1
    are exact, and a perturbation that halves a message loses every second one, which gives a
    Boolean network graded doses.

    Examples
    --------
    >>> received(np.array([[0.0, 1.0]]), np.random.default_rng(0)).tolist()
    [[False, True]]
    """
    return sent > rng.random(sent.shape)


def corrupted(
    state: Bool[Array, "run unit"], probability: float, rng: np.random.Generator
) -> Bool[Array, "run unit"]:
    """Return a start with each unit flipped with some probability: no two runs begin alike."""
    return state ^ (rng.random(state.shape) < probability)
