"""A seagrass food web in which species can be removed: St Marks, Florida, allometric dynamics.

Who eats whom is the food web of the St Marks estuary, 48 taxa and 221 links (Baird et al. 1998,
Luczkovich et al. 2003). Biomasses follow the allometric bioenergetic model of Yodzis & Innes
(1992) as Brose et al. (2006) scaled it: per unit of its biomass a producer grows as 1 − B, a
consumer loses x to metabolism and gains x·y·F, and what is eaten is lost by the prey, divided by
the assimilation efficiency e; F is a Holling response of type III, half saturated at B₀, every
prey weighted alike. Metabolism scales with body mass as M^−¼, and M with trophic level T as
Z^(T−1), relative to producers.

The stimulus is which producers bloom: phytoplankton, or those of the bottom (seagrass,
epiphytes, benthic algae). A unit is a taxon; ablating it removes it for all that eat it or are
eaten by it, cooling it removes a share.

References
----------
.. [1] Yodzis & Innes 1992, Am. Nat. 139:1151, doi:10.1086/285380.
.. [2] Brose, Williams & Martinez 2006, Ecol. Lett. 9:1228,
   doi:10.1111/j.1461-0248.2006.00978.x.
.. [3] Baird, Luczkovich & Christian 1998, Estuar. Coast. Shelf Sci. 47:329,
   doi:10.1006/ecss.1998.0360.
.. [4] Luczkovich et al. 2003, J. Theor. Biol. 220:303, doi:10.1006/jtbi.2003.3147.
.. [5] Delmas et al. 2017, Methods Ecol. Evol. 8:881, doi:10.1111/2041-210X.12713 (the model of
   [2]_ as software).
.. [6] Berlow et al. 2009, PNAS 106:187, doi:10.1073/pnas.0806823106 (species removed from such
   models).

Notes
-----
Links are those of the file ``stmarks.gml`` of the book *Elegant SciPy*. The equations, with
producers that limit themselves only, equal preferences and M = Z^(T−1), are those of the
manuscript of [5]_; metabolic constants (0.314 and 0.88) and ratios of consumption (2.512/0.314
and 3.52/0.88) are those the R package gruyere carries for [2]_; efficiencies, B₀ = 0.5 and the
Hill exponent 2 the defaults of BioEnergeticFoodWebs and its successor, the software of [5]_.
Birds, which [2]_ does not cover, take the constants of ectotherm vertebrates; detritus grows
like a producer. Z = 100 was chosen here because most taxa (39 of 48) then persist; so were
blooms and the variation between runs.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from homologue.systems.simulations._dynamics import Behaviour, Codes, Dynamics
from homologue.systems.simulations._simulated import Simulated
from homologue.systems.simulations._st_marks import PREY

PELAGIC_PRODUCERS = ("phytoplankton",)
BENTHIC_PRODUCERS = ("Halodule wrightii", "micro-epiphytes", "macro-epiphytes", "benthic algae")
DETRITUS = ("detritus",)
BIRDS = (
    "fish-eating birds", "herbivorous ducks", "raptors", "gulls",
    "fish and crustacean-eating birds", "benthos-eating birds",
)  # fmt: skip
FISH = (
    "atlantic silverside and bay anchovies", "spot", "catfish and stingrays", "pinfish",
    "killifish", "pipefish and seahorses", "sheepshead minnow", "red drum", "tonguefish",
    "southern hake and sea robins", "gulf flounder and needlefish", "gobies and blennies",
)  # fmt: skip
PLANKTON = ("bacterioplankton", "microprotozoa", "zooplankton")

TAXA = (*PELAGIC_PRODUCERS, *BENTHIC_PRODUCERS, *DETRITUS, *PREY)

METABOLISM = {"invertebrate": 0.314, "vertebrate": 0.88}
CONSUMPTION = {"invertebrate": 8.0, "vertebrate": 4.0}
"""Maximal consumption relative to metabolism, y."""
EFFICIENCY = {"plant": 0.45, "animal": 0.85}
HALF_SATURATION, HILL = 0.5, 2.0
MASS_RATIO = 100.0
"""Z: how much heavier than its prey a consumer is, per trophic level."""

BLOOM = 1.5
"""Factor on the growth of the producers that bloom."""
VARIATION = 0.1
"""Standard deviation of the logarithm of growth and of the first biomass, between runs."""

INTERVAL, STEPS, WINDOW = 0.25, 400, 100
"""In turnover times of producers."""


def diets() -> np.ndarray:
    """Return the share of each prey in each diet, (consumer, prey)."""
    matrix = np.zeros((len(TAXA), len(TAXA)))
    for taxon, prey in PREY.items():
        matrix[TAXA.index(taxon), [TAXA.index(one) for one in prey]] = 1 / len(prey)
    return matrix


def trophic_levels() -> np.ndarray:
    """Return 1 for producers, and one more than the mean of their prey for consumers."""
    return np.asarray(np.linalg.solve(np.eye(len(TAXA)) - diets(), np.ones(len(TAXA))))


_DIETS = diets()
_BASAL = _DIETS.sum(axis=1) == 0
_VERTEBRATE = np.isin(TAXA, (*BIRDS, *FISH))


def _rates() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return metabolism x, maximal intake x·y and efficiency per prey."""
    kind = np.where(_VERTEBRATE, "vertebrate", "invertebrate")
    scaling = MASS_RATIO ** (-0.25 * (trophic_levels() - 1))
    metabolism = np.array([METABOLISM[one] for one in kind]) * scaling * ~_BASAL
    intake = metabolism * np.array([CONSUMPTION[one] for one in kind])
    return metabolism, intake, np.where(_BASAL, EFFICIENCY["plant"], EFFICIENCY["animal"])


_METABOLISM, _INTAKE, _EFFICIENCY = _rates()


def per_capita(
    biomass: np.ndarray, sent: np.ndarray, growth: np.ndarray | float = 1.0
) -> np.ndarray:
    """Return growth per unit of biomass, (run, taxon).

    Parameters
    ----------
    biomass : array, shape (run, taxon)
        Of each taxon, as far as it limits itself.
    sent : array, shape (run, taxon)
        Biomass that the others meet.
    growth : array, shape (run, taxon), or float
        Rate of producers when rare.
    """
    food = np.maximum(sent, 0) ** HILL
    half = HALF_SATURATION**HILL + food @ _DIETS.T
    gain = np.where(_BASAL, growth * (1 - biomass), _INTAKE * (food @ _DIETS.T) / half)
    eaten = (_INTAKE * np.maximum(sent, 0) / half) @ _DIETS / _EFFICIENCY
    return gain - _METABOLISM - eaten * biomass ** (HILL - 1)


def _grown(biomass: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Take one step that leaves biomass positive, and what has died out at zero."""
    after = biomass * np.exp(np.clip(INTERVAL * rate, -20, 20))
    return np.where(after < 1e-12, 0.0, after)


@cache
def settled() -> np.ndarray:
    """Return the biomasses on which the web settles without a bloom, (taxon,)."""
    biomass = np.full((1, len(TAXA)), 0.5)
    for _ in range(16_000):
        biomass = _grown(biomass, per_capita(biomass, biomass))
    return np.asarray(biomass[0])


def _start(codes: Codes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    pelagic = codes["bloom"] == 0
    vary = np.exp(VARIATION * rng.standard_normal((2, pelagic.size, len(TAXA))))
    blooming = np.where(
        pelagic[:, None], np.isin(TAXA, PELAGIC_PRODUCERS), np.isin(TAXA, BENTHIC_PRODUCERS)
    )
    return settled() * vary[0], np.where(blooming, BLOOM, 1.0) * vary[1]


def _step(
    state: np.ndarray,
    sent: np.ndarray,
    drive: np.ndarray,
    clock: int,
    rng: np.random.Generator,
) -> np.ndarray:
    return _grown(state, per_capita(state, sent, drive))


def _biomass(taxa: tuple[str, ...], name: str) -> Behaviour:
    members = np.isin(TAXA, taxa)

    def readout(activity: np.ndarray, codes: Codes) -> np.ndarray:
        return np.log10(np.maximum(activity[:, members].sum(axis=1), 1e-6))

    return Behaviour(f"log10 of the biomass of {name}, relative to a producer's capacity", readout)


def _site(taxon: str) -> str:
    for name, members in (
        ("producers", (*PELAGIC_PRODUCERS, *BENTHIC_PRODUCERS, *DETRITUS)),
        ("birds", BIRDS),
        ("fish", FISH),
        ("plankton", PLANKTON),
    ):
        if taxon in members:
            return name
    return "benthos"


def dynamics() -> Dynamics:
    """Return the food web."""
    sites = tuple(_site(taxon) for taxon in TAXA)
    benthos = tuple(t for t, site in zip(TAXA, sites, strict=True) if site == "benthos")
    eaten = (_INTAKE[:, None] * _DIETS) ** 2
    return Dynamics(
        units=TAXA,
        conditions={"bloom": ("phytoplankton", "bottom")},
        start=_start,
        step=_step,
        send=np.asarray,
        steps=STEPS,
        interval=INTERVAL,
        behaviours={
            "fish": _biomass(FISH, "fish"),
            "birds": _biomass(BIRDS, "birds"),
            "benthos": _biomass(benthos, "animals and microbes of the bottom"),
            "plankton": _biomass(PLANKTON, "zooplankton and plankton microbes"),
        },
        outgoing=np.sqrt(eaten.sum(axis=0) + eaten.sum(axis=1)),
        window=(STEPS - WINDOW, STEPS),
        site=sites,
        unit_variables={"trophic_level": trophic_levels()},
        activity_units="biomass, relative to a producer's capacity",
        time_units="producer turnovers",
    )


def system() -> Simulated:
    """Return the system ``food-web``."""
    return Simulated(
        name="food-web",
        kind="other-science",
        family="food-web",
        licence="BSD-3-Clause (this package); the links are published",
        citation=(
            "Baird et al. 1998 Estuar Coast Shelf Sci 47:329, doi:10.1006/ecss.1998.0360; "
            "Brose et al. 2006 Ecol Lett 9:1228, doi:10.1111/j.1461-0248.2006.00978.x"
        ),
        source="simulated on the published links",
        dynamics=dynamics(),
        variable="bloom",
    )
