"""Concepts in words: the same few sentences, and many words that stand for each concept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from homologue._errors import HomologueError, UnknownName, nearest
from homologue.recording import variable
from homologue.stimuli._stimuli import Stimuli
from homologue.stimuli._words import ENDINGS, MENTIONS, ROUND, SENTENCES, WORDS

CONCEPTS = tuple(WORDS)
"""All concepts, those of :data:`DEFAULT_CONCEPTS` first."""

DEFAULT_CONCEPTS = CONCEPTS[:12]
"""Twelve concepts of 24 words each."""

LOWER_CASE_CONCEPTS = tuple(
    name for name, words in WORDS.items() if all(word == word.lower() for word in words)
)
"""Concepts whose words all start with a small letter: no contrast of letter case among them."""


def concepts(
    *,
    concepts: Sequence[str] | None = None,
    n_exemplars: int = 20,
    n_templates: int = 5,
) -> Stimuli:
    """Return short texts that end with a word, labelled with the concept it stands for.

    The word ends the text, so that ``positions="last"`` reads the model at the word's last
    token, and every template is the same for all concepts. The group is the *exemplar* (the
    word): a concept effect is then tested across words, which are independent, and not across
    repeats of one word in several templates, which are not.

    Parameters
    ----------
    concepts : sequence of str, optional
        Names from :data:`CONCEPTS`; :data:`DEFAULT_CONCEPTS` (12) if left out. The exemplars of
        a week and a year are few: ``"weekdays"`` has 7, ``"months"`` 12, so that they come
        only with ``n_exemplars`` small enough, or as far as they go when they are asked for
        alone.
    n_exemplars : int
        Words per concept, the first of each list; up to 24.
    n_templates : int
        Templates, up to 6.

    Returns
    -------
    Stimuli
        Variables ``concept``, ``exemplar``, ``template``; with ``"weekdays"`` or ``"months"``
        alone also ``phase``, the word's place in the circle (periodic).

    Raises
    ------
    UnknownName
        No such concept.
    HomologueError
        More exemplars or templates than there are.

    Notes
    -----
    Words of one concept also share surface features: cities, countries, people, weekdays and
    months are written with a capital, and word length differs. A contrast among
    :data:`LOWER_CASE_CONCEPTS` is free of the first; the raw-character row of a panel (kind
    ``input``) shows how much of an effect such features carry.

    Examples
    --------
    >>> few = concepts(concepts=["animals", "tools"], n_exemplars=2, n_templates=1)
    >>> few.items[0]
    'They were talking about dog'
    >>> len(concepts())
    1200
    """
    return _fill("concepts", ENDINGS, concepts, n_exemplars, n_templates)


def sentences(
    *,
    concepts: Sequence[str] | None = None,
    n_exemplars: int = 20,
    n_templates: int = 5,
) -> Stimuli:
    """Return whole sentences about a word, labelled with the concept it stands for.

    As :func:`concepts`, with the word inside the sentence: for encoders that read a sentence
    as one (site ``embedding``).

    Parameters
    ----------
    concepts, n_exemplars, n_templates
        As for :func:`concepts`.

    Returns
    -------
    Stimuli
        Variables ``concept``, ``exemplar``, ``template``.

    Raises
    ------
    UnknownName, HomologueError
        As :func:`concepts`.

    Examples
    --------
    >>> sentences(n_exemplars=1, n_templates=1).items[0]
    'We spent the whole afternoon talking about dog.'
    """
    return _fill("sentences", SENTENCES, concepts, n_exemplars, n_templates)


def mentions(
    *, words: Sequence[str] = ("dog", "hammer", "bread", "doctor"), n_frames: int = 12
) -> Stimuli:
    """Return texts that end with one of a few words, each word in many frames.

    The contrast is one word against the others, told across frames, or one frame against the
    others, told across words. An untrained network can tell such a thing as well (of an encoder's
    pooled embedding the word, at the last token of a deep decoder the frame), and so has a
    behaviour that perturbation could impair. That a *concept* is told across words takes
    training.

    Parameters
    ----------
    words : sequence of str
        Two or more.
    n_frames : int
        Frames a word, up to 16.

    Returns
    -------
    Stimuli
        Variables ``word`` and ``frame``; each text is a group of its own.

    Raises
    ------
    HomologueError
        Fewer than two words, a word twice, or more frames than there are.

    Examples
    --------
    >>> mentions(words=("dog", "bread"), n_frames=1).items
    ('They were talking about dog', 'They were talking about bread')
    """
    chosen = [words] if isinstance(words, str) else list(words)
    if len(chosen) < 2 or len(set(chosen)) < len(chosen):
        raise HomologueError(f"give at least two words, each once; given {chosen}")
    if not 1 <= n_frames <= len(MENTIONS):
        raise HomologueError(f"n_frames is 1 … {len(MENTIONS)}; given {n_frames}")
    pairs = [(word, frame) for frame in MENTIONS[:n_frames] for word in chosen]
    return Stimuli(
        [frame.format(word) for word, frame in pairs],
        {"word": [word for word, _ in pairs], "frame": [frame for _, frame in pairs]},
        name="mentions",
        licence="BSD-3-Clause (written here)",
    )


def _fill(
    name: str,
    templates: tuple[str, ...],
    wanted: Sequence[str] | None,
    n_exemplars: int,
    n_templates: int,
) -> Stimuli:
    chosen = DEFAULT_CONCEPTS if wanted is None else _checked(wanted)
    if not 1 <= n_templates <= len(templates):
        raise HomologueError(
            f"n_templates is 1 … {len(templates)}; given {n_templates}. More of them are more "
            "repeats of the same words, not more evidence"
        )
    if n_exemplars < 1:
        raise HomologueError(f"n_exemplars is at least 1; given {n_exemplars}")
    if len(chosen) > 1:
        for concept in chosen:
            if len(WORDS[concept]) < n_exemplars:
                raise HomologueError(
                    f"{concept!r} has {len(WORDS[concept])} exemplars, {n_exemplars} asked for; "
                    f"pass n_exemplars={len(WORDS[concept])}, or leave {concept!r} out"
                )
    texts, concept_of, exemplar_of, template_of = [], [], [], []
    for concept in chosen:
        for word in WORDS[concept][:n_exemplars]:
            for number in range(n_templates):
                texts.append(templates[number].format(word))
                concept_of.append(concept)
                exemplar_of.append(word)
                template_of.append(templates[number])
    variables: dict[str, Any] = {
        "concept": concept_of,
        "exemplar": exemplar_of,
        "template": variable(template_of, quantity="wording"),
    }
    if len(chosen) == 1 and chosen[0] in ROUND:
        place = [WORDS[chosen[0]].index(word) for word in exemplar_of]
        variables["phase"] = variable(np.array(place), period=ROUND[chosen[0]])
    return Stimuli(
        texts, variables, group=exemplar_of, name=name, licence="BSD-3-Clause (written here)"
    )


def _checked(wanted: Sequence[str]) -> tuple[str, ...]:
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    for concept in names:
        if concept not in WORDS:
            raise UnknownName(f"no concept is named {concept!r}" + nearest(concept, WORDS))
    if not names or len(set(names)) != len(names):
        raise HomologueError(f"give each concept once, and at least one; given {list(names)}")
    return names
