"""Ordered words: every template holds every word, and circles declare their period."""

import numpy as np
import pytest

from homologue import stimuli
from homologue._errors import HomologueError


@pytest.mark.parametrize(
    ("name", "key", "count"), [("weekdays", "weekday", 7), ("months", "month", 12),
                               ("alphabet", "letter", 26), ("numbers", "number", 100)],
)  # fmt: skip
def test_templates_hold_every_word(name, key, count):
    made = stimuli.named(name, n_templates=3)
    assert len(made) == 3 * count
    assert len(set(made.items)) == len(made)
    for group in range(3):
        inside = made.variables[key].values[made.group.values == group]
        np.testing.assert_array_equal(inside, np.arange(count))
    assert made.variables[key].attrs.get("period") == (None if name == "numbers" else count)
    with pytest.raises(HomologueError, match="n_templates is 1"):
        stimuli.named(name, n_templates=99)


def test_digits_and_pairs():
    made = stimuli.numbers(highest=20, n_templates=2)
    np.testing.assert_array_equal(made.variables["digit"], made.variables["number"] % 10)
    assert made.items[20] == "The answer is 20"
    pairs = stimuli.modular_pairs(5)
    assert len(pairs) == np.unique(pairs.group.values).size == 25
    np.testing.assert_array_equal(
        pairs.variables["sum"], (pairs.variables["a"] + pairs.variables["b"]) % 5
    )
    with pytest.raises(HomologueError, match="highest is 9"):
        stimuli.numbers(highest=5)
    with pytest.raises(HomologueError, match="a modulus"):
        stimuli.modular_pairs(1)
