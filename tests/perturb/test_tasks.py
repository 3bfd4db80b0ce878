"""Tasks: symmetric pairs, and what the embedded language model can do of them."""

from __future__ import annotations

import numpy as np
import pytest

from homologue import perturb
from homologue._errors import HomologueError, UnknownName
from homologue.perturb._tasks import fitted
from homologue.stimuli import TASKS, Pairs, Stimuli, task_pairs
from homologue.systems.circuits import two_module


@pytest.mark.parametrize("name", TASKS)
def test_pairs_are_symmetric(name):
    pairs = task_pairs(name)
    assert len(pairs) >= 20
    assert pairs.clean.items[::2] == pairs.corrupt.items[1::2]
    assert pairs.clean.items[1::2] == pairs.corrupt.items[::2]
    assert pairs.right[::2] == pairs.wrong[1::2]
    assert len(set(pairs.clean.items)) == len(pairs)
    np.testing.assert_array_equal(pairs.clean.group.values[::2], pairs.clean.group.values[1::2])
    for one, other in zip(pairs.clean.items, pairs.corrupt.items, strict=True):
        words = [text.replace("=", " ").replace("+", " ").split() for text in (one, other)]
        assert sum(a != b for a, b in zip(*words, strict=True)) == 1


def test_sums_are_right():
    pairs = task_pairs("addition")
    for prompt, answer in zip(pairs.clean.items, pairs.right, strict=True):
        one, other = prompt.splitlines()[-1].rstrip("=").split("+")
        assert int(one) + int(other) == int(answer) < 10


def test_language_model_is_above_chance_and_its_twin_is_not(smollm2, smollm2_untrained):
    """Clean scores of SmolLM2, before anything is perturbed."""
    found = perturb.measurable(smollm2)
    assert found.measurable.all()
    assert (found.low > 0).all()
    assert (found.accuracy > 0.75).all()
    for name in TASKS:
        assert len(fitted(smollm2, task_pairs(name))) == len(task_pairs(name))
    twin = perturb.measurable(smollm2_untrained, ["capitals", "verb-number"])
    assert not twin.measurable.any()


def test_task_is_impaired_by_a_lesion(smollm2):
    task = perturb.task("verb-number", groups=6)
    clean = task.measure(smollm2, rng=0)
    lesioned = task.measure(smollm2.perturb(perturb.ablate("mlp_post.0")), rng=0)
    assert float(lesioned.mean()) < 0.5 * float(clean.mean())
    assert task.measure(smollm2, rng=0).identical(clean)


def test_refusals():
    with pytest.raises(UnknownName, match="capitals"):
        perturb.task("capital")
    shown = Stimuli(["a", "b"])
    with pytest.raises(HomologueError, match="clean and corrupt are the same"):
        Pairs("same", "", shown, shown, ("x", "y"), ("y", "x"))
    with pytest.raises(HomologueError, match="prompts and answers are as many"):
        Pairs("few", "", shown, Stimuli(["c", "d"]), ("x",), ("y", "x"))
    with pytest.raises(HomologueError, match="no tokenizer"):
        perturb.task("capitals").measure(two_module.system(), rng=0)
