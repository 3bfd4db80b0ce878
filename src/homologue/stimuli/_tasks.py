"""Prompts in pairs: replace one token, and the right answer becomes the wrong one.

Every pair is shown both ways round, so that a system which ignores what was replaced prefers the
right answer by nothing on average, whatever it thinks of the answers themselves [1]_.

References
----------
.. [1] Zhang & Nanda 2024, ICLR, arXiv:2309.16042 (symmetric token replacement)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from homologue._errors import HomologueError, UnknownName, nearest
from homologue.stimuli._stimuli import Stimuli
from homologue.stimuli._words import WORDS

CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Spain": "Madrid", "Italy": "Rome",
    "Japan": "Tokyo", "China": "Beijing", "Russia": "Moscow", "Egypt": "Cairo",
    "India": "Delhi", "England": "London", "Ireland": "Dublin", "Greece": "Athens",
    "Portugal": "Lisbon", "Sweden": "Stockholm", "Austria": "Vienna", "Cuba": "Havana",
    "Peru": "Lima", "Kenya": "Nairobi", "Norway": "Oslo", "Poland": "Warsaw", "Iran": "Tehran",
    "Iraq": "Baghdad", "Canada": "Ottawa", "Belgium": "Brussels", "Denmark": "Copenhagen",
    "Finland": "Helsinki", "Hungary": "Budapest", "Chile": "Santiago",
}  # fmt: skip

NAMES = [
    "Mary",
    "John",
    "Tom",
    "Anna",
    "James",
    "Alice",
    "Mark",
    "Sarah",
    "David",
    "Emma",
    "Peter",
    "Kate",
    "Jack",
    "Laura",
    "Michael",
    "Lisa",
    "Robert",
    "Jane",
    "Simon",
    "Susan",
    "Daniel",
    "Lucy",
    "George",
    "Paul",
]

NOUNS = [
    "key",
    "cat",
    "dog",
    "boy",
    "girl",
    "book",
    "car",
    "tree",
    "house",
    "bird",
    "door",
    "friend",
    "king",
    "letter",
    "student",
    "teacher",
    "window",
    "ship",
    "flower",
    "star",
    "river",
    "farmer",
    "doctor",
]

EXAMPLES = "1+1=2\n2+5=7\n3+3=6\n4+1=5\n"


@dataclass(frozen=True, eq=False)
class Pairs:
    """Prompts with the answers that are right and wrong after them.

    Attributes
    ----------
    name, description : str
    clean, corrupt : Stimuli
        Prompts; what is right after one is wrong after the other. Group: the pair.
    right, wrong : tuple of str
        What should follow a clean prompt, and what should follow the corrupt one.
    """

    name: str
    description: str
    clean: Stimuli
    corrupt: Stimuli
    right: tuple[str, ...]
    wrong: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check that there is a difference."""
        counts = {len(one) for one in (self.clean, self.corrupt, self.right, self.wrong)}
        if len(counts) > 1:
            raise HomologueError(f"{self.name!r}: prompts and answers are as many; given {counts}")
        for one, other, yes, no in zip(
            self.clean.items, self.corrupt.items, self.right, self.wrong, strict=True
        ):
            if one == other or yes == no:
                raise HomologueError(
                    f"{self.name!r}: clean and corrupt are the same, {one!r} ({yes!r}, {no!r}): "
                    "there is nothing to tell apart"
                )

    def __len__(self) -> int:
        """Return the number of prompts."""
        return len(self.right)

    def take(self, index: ArrayLike) -> Pairs:
        """Return some of the prompts, by position."""
        rows = np.asarray(index, dtype=np.int64)
        return Pairs(
            self.name,
            self.description,
            self.clean.take(rows),
            self.corrupt.take(rows),
            tuple(self.right[row] for row in rows),
            tuple(self.wrong[row] for row in rows),
        )


def addition() -> Pairs:
    """Return sums of one digit, after four examples; one addend is replaced."""
    rows = []
    for b in range(9):
        addends = [a for a in range(10 - b) if f"{a}+{b}=" not in EXAMPLES]
        half = len(addends) // 2
        for a, other in zip(addends[:half], addends[half:], strict=False):
            prompts = [f"{EXAMPLES}{one}+{b}=" for one in (a, other)]
            rows.append((f"{a} or {other} + {b}", prompts, [str(a + b), str(other + b)]))
    return _both_ways("addition", "one-digit addition, four examples", rows)


def capitals() -> Pairs:
    """Return questions for the capital of a country; the country is replaced."""
    countries = list(CAPITALS)
    rows = []
    for one, other in zip(countries[::2], countries[1::2], strict=True):
        prompts = [f"The capital of {country} is" for country in (one, other)]
        rows.append((f"{one}, {other}", prompts, [f" {CAPITALS[c]}" for c in (one, other)]))
    return _both_ways("capitals", "the capital of a country", rows)


def succession() -> Pairs:
    """Return the start of weekdays, months and letters; the group is a pair of words."""
    rows = []
    for words in (WORDS["weekdays"], WORDS["months"], ascii_uppercase):
        half = (len(words) - 1) // 2
        for i in range(half):
            pair = (i, i + half)
            prompts = [f"First comes {words[j]}, and then comes" for j in pair]
            rows.append(
                (" or ".join(words[j] for j in pair), prompts, [f" {words[j + 1]}" for j in pair])
            )
    return _both_ways("succession", "the next weekday, month or letter", rows)


def indirect_objects() -> Pairs:
    """Return sentences in which one of two people gives; who gives is replaced.

    References
    ----------
    Wang et al. 2023, ICLR, arXiv:2211.00593
    """
    frame = "When {} and {} went to the store, {} gave a drink to"
    rows = []
    for one, other in zip(NAMES[::2], NAMES[1::2], strict=True):
        prompts = [frame.format(one, other, giver) for giver in (other, one)]
        rows.append((f"{one}, {other}", prompts, [f" {one}", f" {other}"]))
    return _both_ways("indirect-objects", "the person who is given something", rows)


def verb_number() -> Pairs:
    """Return subjects in the singular and plural; the noun is replaced by its other number."""
    rows = []
    for noun in NOUNS:
        prompts = [f"I think that the {one} in the picture" for one in (noun, noun + "s")]
        rows.append((noun, prompts, [" is", " are"]))
    return _both_ways("verb-number", "a verb that agrees with its subject", rows)


TASKS: dict[str, Callable[[], Pairs]] = {
    "addition": addition,
    "capitals": capitals,
    "indirect-objects": indirect_objects,
    "succession": succession,
    "verb-number": verb_number,
}


def task_pairs(name: str) -> Pairs:
    """Return the prompts of a task by name.

    Raises
    ------
    UnknownName
        No such task; the message holds the nearest names.

    Examples
    --------
    >>> task_pairs("capitals").clean.items[:2], task_pairs("capitals").right[:2]
    (('The capital of France is', 'The capital of Germany is'), (' Paris', ' Berlin'))
    """
    if name not in TASKS:
        raise UnknownName(f"there is no task {name!r}" + nearest(name, TASKS))
    return TASKS[name]()


def _both_ways(
    name: str, description: str, rows: Sequence[tuple[str, list[str], list[str]]]
) -> Pairs:
    """Return every pair as two prompts, each the other's corrupt one."""
    group = [label for label, _, _ in rows for _ in range(2)]
    clean = [prompt for _, prompts, _ in rows for prompt in prompts]
    corrupt = [prompt for _, prompts, _ in rows for prompt in reversed(prompts)]
    right = tuple(answer for _, _, answers in rows for answer in answers)
    wrong = tuple(answer for _, _, answers in rows for answer in reversed(answers))
    own: dict[str, Any] = {"licence": "BSD-3-Clause (written here)", "group": group}
    return Pairs(
        name,
        description,
        Stimuli(clean, {"answer": list(right)}, name=name, **own),
        Stimuli(corrupt, {"answer": list(wrong)}, name=f"{name}, corrupt", **own),
        right,
        wrong,
    )
