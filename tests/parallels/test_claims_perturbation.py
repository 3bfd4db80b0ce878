"""Claims about causes: planted in a circuit, absent where units are unread, refused where not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from homologue.parallels import Effort, Entry, Panel, ask, compare, default, get
from homologue.parallels import _claims_perturbation as ours
from homologue.parallels._compare import _about
from homologue.parallels._matched import NotApplicable
from homologue.parallels._perturbed import Bench, Prepared, margins, prepare, run_whole
from homologue.perturb import ablate
from homologue.stimuli import Stimuli
from homologue.systems import TorchModel
from homologue.systems.circuits.two_module import POPULATIONS, SIZE, system

SPECIFIC = ours.PERTURBING_IS_SPECIFIC
GRADED = ours.EFFECTS_ARE_GRADED
PREDICTS = ours.TUNING_PREDICTS_EFFECT
CLAIMS = (SPECIFIC, GRADED, PREDICTS)
QUICK = Effort(99, 99, 1)


def asked(claim, bench, variable="cue a", seed=0):
    about = _about(claim, [bench])
    return ask(about, [bench.recording], variable, system="toy", effort=QUICK, seed=seed)


def circuit():
    found = system()
    return Bench(found, found.record(rng=0))


def unread():
    """The circuit, whose tasks read neither module: units are tuned and do nothing."""
    found = system()
    sink = POPULATIONS.index("sink") * SIZE
    behaviours = {
        name: dataclasses.replace(
            one, readout=lambda activity, codes, one=one: one.readout(activity * kept, codes)
        )
        for name, one in found.dynamics.behaviours.items()
    }
    kept = np.zeros(len(found.dynamics.units))
    kept[sink:] = 1
    changed = dataclasses.replace(found.dynamics, behaviours=behaviours)
    other = dataclasses.replace(found, dynamics=changed)
    return Bench(other, other.record(rng=0))


@pytest.mark.parametrize("variable", ["cue a", "cue b"])
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_what_is_planted_in_two_modules_is_found(claim, variable):
    found = asked(claim, circuit(), variable)
    assert found.p <= 0.02, found.reason
    assert found.effect >= claim.sesoi
    assert found.low <= found.effect <= found.high


def test_decoys_are_tuned_and_change_nothing():
    one = prepare(circuit(), "cue a", control=True, seed=0)
    decoys = np.char.startswith(one.names, "decoy-a")
    assert one.tuning[decoys].mean() > 0.5
    lesions = [(ablate(one.names[decoys].tolist()),), (ablate("module-a"),)]
    whole, silenced, module = one.scores([(), *lesions])
    np.testing.assert_allclose(silenced, whole, atol=1e-9)
    # Each readout has a small weight, learned from noise, on the task it does not need.
    assert abs(margins(module[0], one.sign[0])) < 0.05
    assert abs(margins(module[1], one.sign[1]) - 1) < 0.05


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_without_a_behaviour_there_is_nothing_to_impair(claim):
    found = asked(claim, unread())
    assert found.state == "not applicable"
    assert "nothing to impair" in found.reason


def planted(rng, units=60):
    """Held-out scores that random units change at random, whatever their tuning."""
    sign = np.stack([np.repeat([1.0, -1.0], 12), np.tile([1.0, -1.0], 12)])
    names = np.array([f"unit {i}" for i in range(units)])
    touch = 0.1 * rng.standard_normal((units, 2, 24))

    def scores(targets):
        out = np.stack([sign / 2.0] * len(targets))
        for number, target in enumerate(targets):
            for one in target:
                here = [int(name.split()[1]) for name in one.units]
                out[number] += touch[here].sum(axis=0)
        return out

    tuning, key = rng.random(units), rng.random(units)
    return Prepared(names, tuning, key, sign, np.ones(2, bool), scores)


@pytest.mark.parametrize("claim", [SPECIFIC, PREDICTS], ids=lambda claim: claim.id)
def test_false_positives_where_tuning_says_nothing_of_effects(claim, monkeypatch):
    rng = np.random.default_rng(0)
    p = []
    for seed in range(100):
        one = planted(rng)
        monkeypatch.setattr(ours, "_prepared", lambda *_, one=one, **__: [one])
        effort, source = Effort(39, 19, 1), np.random.default_rng(seed)
        found = claim.gather([], "", claim.sizes, effort, source)
        p.append((1 + (found.null >= found.observed).sum()) / (1 + found.null.size))
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)


def test_a_twin_uses_readouts_of_its_own_and_all_of_its_seeds(monkeypatch):
    rng = np.random.default_rng(1)
    able, unable = planted(rng), dataclasses.replace(planted(rng), readable=np.zeros(2, bool))
    trained = []

    def prepared(bench, *_, **__):
        trained.append(bench)
        return able if bench.stimuli == "able" else unable

    monkeypatch.setattr(ours, "prepare", prepared)
    benches = [Bench(system(), None, word) for word in ("able", "able", "not")]
    with pytest.raises(NotApplicable, match="2 of 3 seeds"):
        SPECIFIC.gather(benches, "", SPECIFIC.sizes, QUICK, np.random.default_rng(0))
    assert len(trained) == 3
    found = SPECIFIC.gather(benches[:2], "", SPECIFIC.sizes, QUICK, np.random.default_rng(0))
    assert np.isfinite(found.null).all()


@pytest.mark.needs_mirror
def test_the_worm_says_why_it_cannot_be_asked_and_verdicts_lack_brains():
    names = tuple(claim.id for claim in CLAIMS)
    entries = (
        Entry("worm-atlas", ("stimulated",), claims=names),
        Entry("yeast-cell-cycle", ("size",), claims=names),
    )
    shown = compare(Panel(entries, claims=names, permutations=19, resamples=19))
    reasons = {cell.claim: cell for cell in shown.cells if cell.system == "worm-atlas"}
    assert all(cell.state == "not applicable" for cell in reasons.values())
    assert "no dose" in reasons[GRADED.id].reason
    assert {found.verdict for found in shown.verdicts.values()} == {"underpowered"}
    assert all("2 more brain" in found.missing for found in shown.verdicts.values())


def test_claims_that_run_a_system_are_asked_of_entries_that_name_them():
    panel = Panel((Entry("wine", ("cultivar",)),), claims=(SPECIFIC.id,))
    assert compare(panel).cells == ()
    named = Panel((Entry("wine", ("cultivar",), claims=(SPECIFIC.id,)),), claims=(SPECIFIC.id,))
    (cell,) = compare(named).cells
    assert "cannot be perturbed" in cell.reason
    assert get(SPECIFIC.id) is SPECIFIC


def test_networks_and_their_twins_are_asked_by_default():
    ids = {claim.id for claim in CLAIMS}
    asked = [one for one in default().entries if ids <= set(one.claims)]
    networks = {one.system for one in asked if one.stimuli and one.twins >= 3}
    assert networks == {"smollm2-135m", "minilm", "efficientnet-lite0"}
    others = {one.system for one in asked} - networks
    assert {"worm-atlas", "food-web", "epidemic", "power-grid", "ring-attractor"} <= others


class Sentences(torch.nn.Module):
    """A row of layers, the second of which may also see what the first was given."""

    def __init__(self, *, skip):
        super().__init__()
        self.layers = torch.nn.ModuleList(
            [torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.Tanh()) for _ in range(3)]
        )
        self.skip = skip

    def forward(self, x):
        first = x
        for number, layer in enumerate(self.layers):
            x = layer(x + first if self.skip and number == 1 else x)
        return x


@pytest.mark.parametrize("skip", [False, True])
def test_a_network_is_asked_whether_or_not_its_layers_are_a_chain(skip):
    torch.manual_seed(0)
    network = TorchModel(Sentences(skip=skip), name="toy")
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], 12)
    items = list((np.eye(6)[kind] + 0.1 * rng.standard_normal((36, 6))).astype("float32"))
    shown = Stimuli(items, {"kind": [f"kind {k}" for k in kind]})
    rec = network.record(shown, sites="layers.0")
    bench = Bench(network, rec, shown, {"sites": "layers.0"})
    one = prepare(bench, "kind", control=True, seed=0)
    assert one.readable.all()
    lesions = [(), (ablate("layers.0/1"),), (ablate(["layers.0/2", "layers.0/5"]),)]
    found = one.scores(lesions)
    reference = bench.shown("kind").recording
    assert found.shape == (3, 3, 18)
    _, under = run_whole(network, shown.take(reference["stimulus"].values), "layers.2", {})
    index = np.array([3, 30, 7])
    np.testing.assert_allclose(
        bench.shown("kind").under(lesions, index), under(lesions, index), atol=1e-5
    )
