"""Relations in words: one thing in a place relative to another."""

from __future__ import annotations

from typing import Any

from homologue._errors import HomologueError
from homologue.recording import variable
from homologue.stimuli._stimuli import Stimuli
from homologue.stimuli._words import PAIRS, PLACE_FRAMES, PLACES, RELATIONS


def relations(*, n_pairs: int = 24) -> Stimuli:
    """Return short texts that put two things into a relation, labelled with the relation.

    Every pair of things appears in every relation and in both orders: the words are the same
    throughout, only what is said of them differs. The group is the unordered pair, so that
    relations are exchanged within it.

    Parameters
    ----------
    n_pairs : int
        Pairs of things, the first of 24.

    Returns
    -------
    Stimuli
        Variables ``relation``, ``first`` and ``second`` (the things, in the order named).

    Raises
    ------
    HomologueError
        More pairs than there are.

    Examples
    --------
    >>> relations(n_pairs=1).items[:2]
    ('The cup is above the plate', 'The plate is above the cup')
    """
    if not 1 <= n_pairs <= len(PAIRS):
        raise HomologueError(f"n_pairs is 1 … {len(PAIRS)}; given {n_pairs}")
    texts, relation_of, first_of, second_of, group = [], [], [], [], []
    for one, other in PAIRS[:n_pairs]:
        for relation in RELATIONS:
            for first, second in ((one, other), (other, one)):
                texts.append(f"The {first} is {relation} the {second}")
                relation_of.append(relation)
                first_of.append(first)
                second_of.append(second)
                group.append(f"{one} and {other}")
    return Stimuli(
        texts,
        {"relation": relation_of, "first": first_of, "second": second_of},
        group=group,
        name="relations",
        licence="BSD-3-Clause (written here)",
    )


def places(*, n_pairs: int = 24, n_frames: int = 1) -> Stimuli:
    """Return short texts that put one thing in a place relative to another.

    Six wordings of each place ("above", "over", …), and every wording with things of its own:
    what is found with some wordings and things is tested on others. The group is the *phrase*
    (the wording of a place): of words there are few, and a place effect is tested across them,
    not across the many sentences that repeat one.

    Parameters
    ----------
    n_pairs : int
        Pairs of things, dealt to the six wordings in turn; 6 … 24.
    n_frames : int
        Sentences around them, up to 4.

    Returns
    -------
    Stimuli
        Variables ``place`` (above, below, left, right, inside), ``right`` and ``up`` (its
        coordinates in steps), ``wording`` (0 … 5), ``phrase``, ``first`` and ``second``.

    Raises
    ------
    HomologueError
        More pairs or frames than there are.

    Notes
    -----
    Wordings of left and right share the word itself, so that a preference for "left" can be one
    for a token; the six wordings of above, of below and of inside have no word in common.
    Measure these three alone (``isel`` on ``sample``) for what is carried over without one; for
    all five the untrained twin, in which tokens are unrelated, says how much of an effect is that.

    Examples
    --------
    >>> places(n_pairs=6).items[:2]
    ('My cup is above my plate', 'My plate is above my cup')
    """
    wordings = len(next(iter(PLACES.values()))[2])
    if not wordings <= n_pairs <= len(PAIRS):
        raise HomologueError(f"n_pairs is {wordings} … {len(PAIRS)}; given {n_pairs}")
    if not 1 <= n_frames <= len(PLACE_FRAMES):
        raise HomologueError(f"n_frames is 1 … {len(PLACE_FRAMES)}; given {n_frames}")
    texts: list[str] = []
    rows: list[tuple[str, int, int, int, str, str, str]] = []
    for place, (right, up, phrases) in PLACES.items():
        for wording, phrase in enumerate(phrases):
            for one, other in PAIRS[wording:n_pairs:wordings]:
                for first, second in ((one, other), (other, one)):
                    for frame in PLACE_FRAMES[:n_frames]:
                        texts.append(frame.format(first, phrase, second))
                        rows.append((place, right, up, wording, phrase, first, second))
    names = ("place", "right", "up", "wording", "phrase", "first", "second")
    variables: dict[str, Any] = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    phrases = variables["phrase"]
    variables["place"] = variable(variables["place"], quantity="space")
    return Stimuli(
        texts,
        variables,
        group=phrases,
        name="places",
        licence="BSD-3-Clause (written here)",
    )
