"""Stimulus sets: labelled, grouped items to show to a system."""

from homologue.stimuli import images, text
from homologue.stimuli._by_name import named, sets
from homologue.stimuli._concepts import (
    CONCEPTS,
    DEFAULT_CONCEPTS,
    LOWER_CASE_CONCEPTS,
    concepts,
    mentions,
    sentences,
)
from homologue.stimuli._ordered import alphabet, modular_pairs, months, numbers, weekdays
from homologue.stimuli._relations import places, relations
from homologue.stimuli._stimuli import MODALITIES, Stimuli
from homologue.stimuli._tasks import TASKS, Pairs, task_pairs

__all__ = [
    "CONCEPTS",
    "DEFAULT_CONCEPTS",
    "LOWER_CASE_CONCEPTS",
    "MODALITIES",
    "TASKS",
    "Pairs",
    "Stimuli",
    "alphabet",
    "concepts",
    "images",
    "mentions",
    "modular_pairs",
    "months",
    "named",
    "numbers",
    "places",
    "relations",
    "sentences",
    "sets",
    "task_pairs",
    "text",
    "weekdays",
]
