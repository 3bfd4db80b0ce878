"""The panel that ships with the bench: everything that can be had where it runs."""

from __future__ import annotations

from homologue.parallels._panel import Entry, Panel

_CONCEPTS = {
    "concepts": ["animals", "tools", "foods", "professions", "colours", "emotions"],
    "n_exemplars": 20,
    "n_templates": 2,
}

_MAPS = ("spatial-map-exists",)

_DIGITS = {"n_per_digit": 16}

_CIRCLES = ("cycle-tracks-the-stimulus",)

_TEXTS = {"characters": 160, "n_documents": 24, "n_passages": 1}

_LOOPS = ("there-is-a-cycle",)

_TURNS = ("dynamics-are-rotational",)

BRAINS = (
    Entry("fly", ("odour_class",)),
    Entry("worm", ("stimulated",)),
    Entry("head-direction", ("direction",)),
    Entry("hippocampus", ("place",)),
    Entry("motor-bci", ("direction",)),
    Entry("inferotemporal", ("object",)),
    Entry("human-mtl", ("category",)),
    Entry("head-direction", ("angle",), claims=_CIRCLES),
    Entry("motor-bci", ("angle",), claims=_CIRCLES),
    Entry("head-direction", options={"state": "sws"}, claims=_LOOPS, votes=False),
    Entry("motor-reach", claims=_TURNS),
    Entry("songbird", claims=_LOOPS + _TURNS),
)

MODELS = (
    Entry(
        "smollm2-135m",
        ("concept",),
        stimuli="concepts",
        stimuli_options=_CONCEPTS,
        options={"sites": "model.layers.15.mlp.act_fn", "positions": "last"},
    ),
    Entry(
        "smollm2-135m",
        ("place",),
        stimuli="places",
        options={"sites": "model.layers.15.mlp.act_fn", "positions": "last"},
        claims=_MAPS,
    ),
    Entry(
        "minilm",
        ("concept",),
        stimuli="sentences",
        stimuli_options=_CONCEPTS,
        options={"sites": "embedding"},
    ),
    Entry("minilm", ("place",), stimuli="places", options={"sites": "embedding"}, claims=_MAPS),
    Entry(
        "smollm2-135m",
        ("weekday",),
        stimuli="weekdays",
        options={"sites": "model.layers.10", "positions": "last"},
        claims=_CIRCLES,
    ),
    Entry(
        "smollm2-135m",
        ("month",),
        stimuli="months",
        options={"sites": "model.layers.19", "positions": "last"},
        claims=_CIRCLES,
    ),
    Entry("minilm", ("month",), stimuli="months", options={"sites": "embedding"}, claims=_CIRCLES),
    Entry(
        "smollm2-135m",
        stimuli="text.topics",
        stimuli_options=_TEXTS,
        options={"sites": "model.layers.10"},
        claims=_TURNS,
    ),
    Entry(
        "minilm",
        stimuli="text.topics",
        stimuli_options=_TEXTS,
        options={"sites": "encoder.layer.3"},
        claims=_TURNS,
    ),
    Entry(
        "smollm2-135m",
        stimuli="concepts",
        stimuli_options={"n_templates": 1},
        options={"sites": "model.layers.10", "positions": "last"},
        claims=_LOOPS,
    ),
    Entry(
        "minilm",
        stimuli="sentences",
        stimuli_options={"n_templates": 1},
        options={"sites": "embedding"},
        claims=_LOOPS,
    ),
    Entry(
        "efficientnet-lite0",
        ("digit",),
        stimuli="images.digits",
        stimuli_options=_DIGITS,
        options={"sites": "_blocks.10"},
    ),
)

OTHERS = (
    Entry("weather", ("part_of_day",)),
    Entry("climate", ("season",)),
    Entry("climate", ("month",), claims=_CIRCLES),
    Entry("climate-deseasonalised", ("month",), claims=_CIRCLES + _LOOPS, votes=False),
    Entry("weather", options={"step": "hour"}, claims=_LOOPS + _TURNS),
    Entry("cancer", ("diagnosis",)),
    Entry("wine", ("cultivar",)),
    Entry("molecules", ("density_bin",)),
    Entry("cell-cycle", ("stage",)),
    Entry("climate-stations", ("place",), claims=_MAPS),
    Entry("state-incomes", ("place",), claims=_MAPS),
    Entry("counties", ("place",), claims=_MAPS),
    Entry("stocks"),
    Entry("pbmc"),
)

_PERTURBATION = (
    "perturbing-tuned-units-is-specific",
    "effects-are-graded-with-dose",
    "tuning-predicts-causal-effect",
)

_FRAMES = {
    "words": ["dog", "hammer", "doctor", "cat", "table", "river",
              "teacher", "bridge", "horse", "garden", "letter", "window"],
    "n_frames": 4,
}  # fmt: skip
"""At the last layer an untrained decoder tells what came before, and not which word it is at."""

PERTURBABLE = (
    Entry(
        "smollm2-135m",
        ("frame",),
        stimuli="mentions",
        stimuli_options=_FRAMES,
        options={"sites": "mlp_post.25", "positions": "last"},
        claims=_PERTURBATION,
    ),
    Entry(
        "minilm",
        ("word",),
        stimuli="mentions",
        options={"sites": "mlp_post.4", "positions": "last"},
        claims=_PERTURBATION,
    ),
    Entry(
        "efficientnet-lite0",
        ("digit",),
        stimuli="images.digits",
        stimuli_options={"n_per_digit": 12, "only": [0, 1, 2, 3]},
        options={"sites": "_blocks.14._swish#1"},
        claims=_PERTURBATION,
    ),
    Entry("worm-atlas", ("stimulated",), claims=_PERTURBATION),
    Entry("two-module", ("cue a", "cue b"), claims=_PERTURBATION),
    Entry("ring-attractor", ("heading",), claims=_PERTURBATION),
    # Two stimuli and nothing else to be spared: no question of specificity.
    Entry("excitatory-inhibitory", ("stimulus shown",), claims=_PERTURBATION[1:]),
    Entry("segment-polarity", ("prepattern",), claims=_PERTURBATION),
    Entry("yeast-cell-cycle", ("size",), claims=_PERTURBATION),
    Entry("food-web", ("bloom",), claims=_PERTURBATION),
    Entry("epidemic", ("first case",), claims=_PERTURBATION),
    Entry("power-grid", ("peak",), claims=_PERTURBATION),
)
"""Asked what silencing units does.

Each set of units is a run of the system, a hundred and thirty in all and as many for each seed of
a twin: networks are perturbed late, where little is left to run. What they are shown differs in
what an untrained twin can tell as well, or it would have nothing to impair.
"""

INPUTS = (
    Entry("characters", ("concept",), stimuli="concepts", stimuli_options=_CONCEPTS),
    Entry("pixels", ("digit",), stimuli="images.digits", stimuli_options=_DIGITS),
)


def default() -> Panel:
    """Return the default panel: brains, three networks and their twins, other sciences.

    Systems that cannot be had (no network, no mirror) are left out when it runs, and named.

    Examples
    --------
    >>> panel = default()
    >>> sum(entry.twins >= 3 for entry in panel.entries if entry.stimuli) >= 3
    True
    """
    return Panel(BRAINS + MODELS + OTHERS + PERTURBABLE + INPUTS, name="default")
