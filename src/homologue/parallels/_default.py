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

BRAINS = (
    Entry("fly", ("odour_class",)),
    Entry("worm", ("stimulated",)),
    Entry("head-direction", ("direction",)),
    Entry("hippocampus", ("place",)),
    Entry("motor-bci", ("direction",)),
    Entry("inferotemporal", ("object",)),
    Entry("human-mtl", ("category",)),
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
    return Panel(BRAINS + MODELS + OTHERS + INPUTS, name="default")
