"""Words that have an order: days of the week, months, letters, numbers, in the same templates.

The template is the group: every template holds every word once, so that what is exchanged under
the null is the order of the words, and what varies freely is what is said around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

import numpy as np
import xarray as xr

from homologue._errors import HomologueError
from homologue.recording import variable
from homologue.stimuli._stimuli import Stimuli
from homologue.stimuli._words import WORDS

DAY_ENDINGS = (
    "Today is {}",
    "Tomorrow will be {}",
    "It happened last {}",
    "We will meet next {}",
    "The shop is closed every {}",
    "My favourite day is {}",
    "They came back on {}",
    "The letter arrived on {}",
    "The word is {}",
    "She wrote down {}",
)

MONTH_ENDINGS = (
    "It is now {}",
    "It happened last {}",
    "We will meet next {}",
    "The shop is closed in {}",
    "My favourite month is {}",
    "They came back in {}",
    "The letter arrived in {}",
    "He was born in {}",
    "The word is {}",
    "She wrote down {}",
)

PLAIN_ENDINGS = (
    "The answer is {}",
    "She wrote down {}",
    "The next one is {}",
    "He pointed at {}",
    "The label says {}",
    "We stopped at {}",
    "It begins with {}",
    "They chose {}",
)


def weekdays(*, n_templates: int = 10) -> Stimuli:
    """Return short texts that end with a day of the week.

    Parameters
    ----------
    n_templates : int
        Templates, up to 10; each is a group and holds all seven days.

    Returns
    -------
    Stimuli
        Variables ``weekday`` (0 … 6 from Monday, period 7) and ``template``.

    Raises
    ------
    HomologueError
        More templates than there are.

    Examples
    --------
    >>> weekdays(n_templates=1).items[:2]
    ('Today is Monday', 'Today is Tuesday')
    """
    return _ordered("weekdays", "weekday", WORDS["weekdays"], DAY_ENDINGS, n_templates)


def months(*, n_templates: int = 10) -> Stimuli:
    """Return short texts that end with a month.

    Parameters
    ----------
    n_templates : int
        Templates, up to 10; each is a group and holds all twelve months.

    Returns
    -------
    Stimuli
        Variables ``month`` (0 … 11 from January, period 12) and ``template``.

    Raises
    ------
    HomologueError
        More templates than there are.

    Examples
    --------
    >>> months().variables["month"].attrs["period"]
    12.0
    """
    return _ordered("months", "month", WORDS["months"], MONTH_ENDINGS, n_templates)


def alphabet(*, n_templates: int = 8) -> Stimuli:
    """Return short texts that end with a capital letter.

    Parameters
    ----------
    n_templates : int
        Templates, up to 8; each is a group and holds all letters.

    Returns
    -------
    Stimuli
        Variables ``letter`` (0 … 25, period 26) and ``template``.

    Raises
    ------
    HomologueError
        More templates than there are.

    Notes
    -----
    The alphabet is a line, not a circle: its period is declared so that the question asked of
    weekdays and months can be asked of an order that nothing closes.

    Examples
    --------
    >>> len(alphabet(n_templates=2))
    52
    """
    return _ordered("alphabet", "letter", tuple(ascii_uppercase), PLAIN_ENDINGS, n_templates)


def numbers(*, highest: int = 99, n_templates: int = 6) -> Stimuli:
    """Return short texts that end with a number in digits.

    Parameters
    ----------
    highest : int
        Numbers from 0 to this one.
    n_templates : int
        Templates, up to 8; each is a group and holds all numbers.

    Returns
    -------
    Stimuli
        Variables ``number``, ``digit`` (its last one, period 10) and ``template``.

    Raises
    ------
    HomologueError
        More templates than there are, or fewer than 10 numbers.

    Notes
    -----
    Where a tokenizer cuts numbers into digits, the last token of a number *is* its last digit:
    whatever has a period of 2, 5 or 10 is then a property of the token already.

    Examples
    --------
    >>> numbers(highest=12, n_templates=1).items[-1]
    'The answer is 12'
    """
    if highest < 9:
        raise HomologueError(f"highest is 9 or more (all digits); given {highest}")
    values = np.arange(highest + 1)
    made = _ordered("numbers", "number", [str(v) for v in values], PLAIN_ENDINGS, n_templates)
    number = np.tile(values, n_templates)
    extra = {"number": variable(number), "digit": variable(number % 10, period=10)}
    return Stimuli(
        made.items,
        {**extra, "template": made.variables["template"]},
        group=made.group,
        name="numbers",
        licence=made.licence,
    )


def modular_pairs(prime: int = 31) -> Stimuli:
    """Return all pairs of numbers below a prime, as tokens a, b and "=" (the prime itself).

    Parameters
    ----------
    prime : int
        The modulus, 2 or more.

    Returns
    -------
    Stimuli
        Variables ``a``, ``b`` and ``sum`` (modulo the prime), all of that period; every pair is
        a group of its own.

    Raises
    ------
    HomologueError
        A modulus below 2.

    Examples
    --------
    >>> pairs = modular_pairs(7)
    >>> pairs.items[-1].tolist(), int(pairs.variables["sum"][-1])
    ([6, 6, 7], 5)
    """
    if prime < 2:
        raise HomologueError(f"a modulus is 2 or more; given {prime}")
    a, b = (side.ravel() for side in np.indices((prime, prime)))
    return Stimuli(
        list(np.stack([a, b, np.full(a.size, prime)], axis=1)),
        {
            name: variable(values, period=prime)
            for name, values in (("a", a), ("b", b), ("sum", (a + b) % prime))
        },
        name="modular pairs",
        licence="BSD-3-Clause (written here)",
    )


def _ordered(
    name: str, variable_name: str, words: Sequence[str], endings: tuple[str, ...], n_templates: int
) -> Stimuli:
    if not 1 <= n_templates <= len(endings):
        raise HomologueError(f"n_templates is 1 … {len(endings)}; given {n_templates}")
    frames = endings[:n_templates]
    place: xr.Variable = variable(
        np.tile(np.arange(len(words)), n_templates), period=len(words), categories=words
    )
    template = [frame for frame in frames for _ in words]
    return Stimuli(
        [frame.format(word) for frame in frames for word in words],
        {variable_name: place, "template": template},
        group=template,
        name=name,
        licence="BSD-3-Clause (written here)",
    )
