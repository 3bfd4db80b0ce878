"""Effects against matched units: planted truth, measured false positives, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from homologue import perturb
from homologue._errors import HomologueError, InvalidDesign, UnknownName
from homologue.perturb import Behaviour, own_behaviour
from homologue.perturb._controls import matched_sets, reading_norms, strata
from homologue.perturb._measured import interval
from homologue.recording import make
from homologue.stimuli import Stimuli
from homologue.systems import TorchModel
from homologue.systems.circuits import two_module
from homologue.systems.simulations import segment_polarity

CIRCUIT = two_module.system()
TASKS = [own_behaviour("task-a", runs=6), own_behaviour("task-b", runs=6)]


def test_planted_double_dissociation():
    found = perturb.double_dissociation(
        CIRCUIT, perturb.ablate("module-a"), perturb.ablate("module-b"), TASKS, rng=0
    )
    assert float(found.p) < 0.01
    assert (found.own_p < 0.01).all()
    assert bool(found.dissociated)
    np.testing.assert_allclose(found.loss, np.eye(2), atol=1e-12)
    assert found.low <= found.effect <= found.high
    same = perturb.double_dissociation(
        CIRCUIT, perturb.ablate("decoy-a"), perturb.ablate("decoy-b"), TASKS, rng=0
    )
    assert float(same.p) == 1
    assert not bool(same.dissociated)


def test_planted_units_are_recalled_and_decoys_are_not():
    """Recall ≥ .9 of the units that are read, ≤ 5 % of those that are selective but not read."""
    rec = CIRCUIT.record(runs=6, rng=0)
    found = perturb.unit_effects(CIRCUIT, rec["unit"].values.tolist(), TASKS, rng=0)
    hit = (found.q < 0.05).values
    read_by = rec["read_by"].values
    for column, task in enumerate(("task-a", "task-b")):
        assert hit[read_by == task, column].mean() >= 0.9
        assert hit[read_by != task, column].mean() <= 0.05
    decoys = np.char.startswith(rec["unit"].values.astype(str), "decoy")
    assert hit[decoys].mean() <= 0.05
    np.testing.assert_allclose(found.effect.sum("unit"), 1, atol=1e-9)  # the readout is linear


def test_modules_beat_matched_units_and_decoys_do_not():
    options = {"draws": 19, "rng": 0, "match": "norm"}
    hurt = perturb.effect(
        CIRCUIT, perturb.ablate("module-a"), TASKS[0], controls=TASKS[1], **options
    )
    assert (hurt.p.sel(behaviour="task-a") == 0.05).all()
    assert (hurt.specificity_p == 0.05).all()
    np.testing.assert_allclose(hurt.specificity, 1, atol=1e-12)
    assert (hurt.p.sel(behaviour="task-b") > 0.05).all()
    spared = perturb.effect(
        CIRCUIT, perturb.ablate("decoy-a"), TASKS[0], controls=TASKS[1], **options
    )
    assert float(spared.p[0, 0]) >= 0.95
    np.testing.assert_array_equal(spared.effect, 0)
    quarter = perturb.ablate([f"module-a/{i}" for i in range(4)])
    near = perturb.effect(CIRCUIT, quarter, TASKS[0], draws=39, rng=0)
    assert near.match.values.tolist() == ["norm", "site"]
    assert float(near.p.sel(match="site")[0]) > 0.05  # no other than its neighbours


def test_one_site_has_no_other_units_like_it():
    whole = perturb.ablate(list(two_module.POPULATIONS))
    with pytest.raises(InvalidDesign, match="random sets like them"):
        perturb.effect(CIRCUIT, whole, "task-a", match="site", rng=0)


def test_other_sciences():
    system = segment_polarity.system()
    found = perturb.effect(
        system,
        perturb.ablate(system.dynamics.units[:3]),
        "wingless-stripe",
        controls="patched-stripes",
        match="norm",
        draws=19,
        rng=0,
    )
    assert np.isfinite(found.effect).all()
    assert found.attrs["key"] == "activation × outgoing norm"


def test_closed_form():
    base = np.full((2, 6), 2.0) + np.arange(6) * 0.1
    hurt = base * np.array([[0.25], [1.0]])
    null = np.stack([base * factor for factor in (0.5, 0.9, 1.0)])
    found = perturb.matched_effect(base, hurt, null, is_control=np.array([False, True]), rng=0)
    np.testing.assert_allclose(found.effect, [0.75, 0])
    np.testing.assert_allclose(found.null_mean, np.mean([0.5, 0.1, 0]))
    np.testing.assert_allclose(found.p, [1 / 4, 1])
    np.testing.assert_allclose(found.specificity, 0.75)
    half = perturb.matched_effect(base, hurt, null, chance=[1.0, None], rng=0)
    np.testing.assert_allclose(half.effect[0], 0.75 * base[0].mean() / (base[0].mean() - 1))
    assert np.isnan(half.specificity)


def test_interval_covers():
    draw = np.random.default_rng(0)
    covered = []
    for seed in range(120):
        base = draw.normal(1, 0.3, (2, 24))
        hurt = base - draw.normal([[0.4], [0.1]], 0.2, (2, 24))
        low, high = interval(base, hurt, [0.0, 0.0], np.array([[1.0, -1.0]]), rng=seed)
        covered.append(low[0] <= 0.3 <= high[0])
    assert np.mean(covered) > 0.89


def test_false_positives_against_matched_units():
    """Effects that grow with influence only, heavy-tailed: matched sets hold .05, others do not."""
    draw = np.random.default_rng(1)
    naive, matched = [], []
    for seed in range(200):
        influence = draw.lognormal(0, 1.0, 120)
        each = influence * draw.lognormal(0, 0.5, 120)
        probability = influence / influence.sum()
        chosen = np.zeros(120, dtype=bool)
        chosen[draw.choice(120, 8, replace=False, p=probability)] = True
        for stratum, out in ((np.zeros(120, int), naive), (strata(influence, chosen), matched)):
            sets = matched_sets(chosen, stratum, draws=99, rng=seed)
            balance = influence[chosen].mean() / influence[sets].mean(axis=1)
            found = perturb.matched_effect(
                np.ones((1, 4)),
                1 - np.full((1, 4), each[chosen].mean()),
                np.broadcast_to(1 - each[sets].mean(axis=1)[:, None, None], (99, 1, 4)),
                balance=balance if out is matched else None,
                chance=[None],
                rng=0,
            )
            out.append(float(found.p[0]) <= 0.05)
    assert np.mean(naive) > 0.3
    assert np.mean(matched) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_false_positives_of_the_interaction():
    """Main effects of both kinds, heavy tails, no interaction."""
    draw = np.random.default_rng(2)
    hits = []
    for seed in range(400):
        base = draw.normal(1, 0.05, (2, 15))
        lost = np.array([[[0.3]], [[0.1]]]) + draw.standard_t(3, (2, 2, 15)) * 0.1
        found = perturb.interaction(base, base - lost, draws=99, rng=seed)
        hits.append(float(found.p) <= 0.05)
    assert np.mean(hits) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)


def test_unlike_groups_of_two_tasks():
    draw = np.random.default_rng(3)
    base = np.full((2, 24), np.nan)
    base[0, :12], base[1, 12:] = draw.normal(1, 0.1, (2, 12))
    hurt = np.stack([base * [[0.3], [0.9]], base * [[0.9], [0.3]]])
    found = perturb.interaction(base, hurt, rng=0)
    np.testing.assert_allclose(found.effect, 0.6, atol=1e-12)
    assert float(found.p) < 0.01
    assert int(found.n) == 24


def test_order_of_units_does_not_matter():
    key = np.random.default_rng(4).lognormal(size=30)
    chosen = np.arange(30) % 7 == 0
    order = np.random.default_rng(5).permutation(30)
    np.testing.assert_array_equal(strata(key, chosen)[order], strata(key[order], chosen[order]))
    sets = matched_sets(chosen, strata(key, chosen), draws=50, rng=0)
    counts = np.bincount(strata(key, chosen)[chosen])
    for one in sets:
        assert np.unique(one).size == chosen.sum()
        np.testing.assert_array_equal(np.bincount(strata(key, chosen)[one]), counts)


def test_outgoing_norm_of_networks():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    system = TorchModel(net, name="net")
    rec = system.record(np.random.default_rng(0).normal(size=(8, 3)).astype("float32"), sites="1")
    norm = net[2].weight.detach().norm(dim=0).numpy()
    found = perturb.influence(system, rec)
    np.testing.assert_allclose(found, np.abs(rec.values).mean(axis=0) * norm, rtol=1e-5)
    assert reading_norms(system, "2", 2) is None  # nothing reads the output
    last = system.record(np.eye(3, dtype="float32"), sites="2")
    assert perturb.influence(system, last).attrs["key"] == "activation SD"


class Gated(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj, self.up_proj = torch.nn.Linear(4, 6), torch.nn.Linear(4, 6)
        self.down_proj, self.act_fn = torch.nn.Linear(6, 4), torch.nn.SiLU()

    def forward(self, x):
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


def test_outgoing_norm_of_a_gated_perceptron():
    net = Gated()
    found = reading_norms(TorchModel(net, name="net"), "act_fn", 6)
    np.testing.assert_allclose(found, net.down_proj.weight.detach().norm(dim=0), rtol=1e-6)


def constant(value):
    coords = {"group": ("sample", np.arange(6))}
    return Behaviour(
        "flat",
        "",
        lambda system, rng: xr.DataArray(np.full(6, value), dims="sample", coords=coords),
    )


def test_refusals():
    ablated = perturb.ablate("module-a")
    with pytest.raises(HomologueError, match=r"'flat' is 1 for every group"):
        perturb.effect(CIRCUIT, ablated, constant(1.0), match="norm", draws=1, rng=0)
    with pytest.raises(HomologueError, match=r"NaN or Inf under cool\(module-a, 0.5\)"):
        constant(np.nan).measure(CIRCUIT.perturb(perturb.cool("module-a", 0.5)), rng=0)
    with pytest.raises(UnknownName, match="module-a"):
        perturb.effect(CIRCUIT, perturb.ablate("modul-a"), "task-a", rng=0)
    with pytest.raises(UnknownName, match="task-a"):
        perturb.effect(CIRCUIT, ablated, "task-x", match="norm", rng=0)
    with pytest.raises(HomologueError, match="match is one or both"):
        perturb.effect(CIRCUIT, ablated, "task-a", match="size", rng=0)
    steered = perturb.steer(np.ones(16), 1, site="module-a")
    with pytest.raises(HomologueError, match="acts along a direction"):
        perturb.effect(CIRCUIT, steered, "task-a", rng=0)
    noisy = np.random.default_rng(0).normal(size=(1, 20))
    with pytest.raises(InvalidDesign, match="nothing to impair"):
        perturb.matched_effect(noisy, noisy + 1, noisy[None] + 2, rng=0)
    with pytest.raises(HomologueError, match="two behaviours"):
        perturb.double_dissociation(CIRCUIT, ablated, ablated, ["task-a"], rng=0)
    net = TorchModel(torch.nn.Linear(2, 2), name="net")
    with pytest.raises(HomologueError, match="among="):
        perturb.effect(net, perturb.ablate("output/0"), constant(1.0), rng=0)


def test_outputs_as_behaviours():
    net = torch.nn.Sequential(torch.nn.Linear(3, 3, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(2 * torch.eye(3))
    system = TorchModel(net, name="net")
    shown = Stimuli(list(np.eye(3, dtype="float32")))
    right = [0, 1, 2]
    values = {
        name: perturb.output_behaviour(name, shown, name, right=right).measure(system, rng=0)
        for name in ("difference", "probability", "accuracy")
    }
    np.testing.assert_allclose(values["difference"], 2)
    np.testing.assert_allclose(values["probability"], np.exp(2) / (np.exp(2) + 2), rtol=1e-6)
    np.testing.assert_allclose(values["accuracy"], 1)
    alike = perturb.output_behaviour("alike", shown, "similarity")
    np.testing.assert_allclose(alike.measure(system, rng=0), 0, atol=1e-9)
    lesioned = system.perturb(perturb.ablate(range(3), site="0"))
    uniform = np.log(3) + np.log(1 / (np.exp(2) + 2)) + 2 * np.exp(2) / (np.exp(2) + 2)
    np.testing.assert_allclose(alike.measure(lesioned, rng=0), -uniform, rtol=1e-5)
    with pytest.raises(UnknownName, match="accuracy"):
        perturb.output_behaviour("x", shown, "acuracy", right=right)
    with pytest.raises(HomologueError, match="needs to know what is right"):
        perturb.output_behaviour("x", shown, "accuracy")


def test_readout_of_tuned_units_is_specific():
    cue_a, cue_b = (
        perturb.readout(CIRCUIT, f"cue {one}", name=f"cue {one}", runs=12, rng=1) for one in "ab"
    )
    tuned = perturb.ablate(["module-a", "decoy-a"])
    held = CIRCUIT.perturb(tuned)
    assert cue_a.measure(CIRCUIT, rng=1).mean() == pytest.approx(1, abs=0.05)
    assert cue_a.measure(CIRCUIT, rng=2).mean() == pytest.approx(1, abs=0.1)  # fresh runs
    assert abs(cue_a.measure(held, rng=1).mean()) < 0.1
    assert cue_b.measure(held, rng=1).mean() == pytest.approx(1, abs=0.05)
    with pytest.raises(InvalidDesign, match="needs 5 of each"):
        perturb.readout(CIRCUIT, "cue a", runs=1, rng=0)
    with pytest.raises(UnknownName, match="first"):
        perturb.readout(CIRCUIT, "cue a", ["frist", "second"], rng=0)


def test_readout_of_an_untrained_network():
    draw = np.random.default_rng(0)
    kind = np.repeat(["a", "b"], 20)
    items = list((draw.normal(size=(40, 6)) + np.where(kind == "a", 1, -1)[:, None]).astype("f4"))
    shown = Stimuli(items, {"kind": kind})
    net = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 16))
    twin = TorchModel(net, name="net").untrained(0)
    reading = perturb.readout(twin, "kind", stimuli=shown, sites="2", metric="accuracy", rng=0)
    assert reading.measure(twin, rng=0).mean() > 0.85
    rec = twin.record(shown, sites="1")
    found = perturb.effect(
        twin, perturb.ablate(range(4), site="1"), reading, among=rec, match="norm", draws=19, rng=0
    )
    assert found.effect.shape == (1, 1)
    assert 0.05 <= float(found.p[0, 0]) <= 1


def test_rate():
    level = perturb.rate("ring/0", runs=1)
    from homologue.systems.circuits import ring

    assert level.measure(ring.system(), rng=0).sizes["sample"] == 8
    with pytest.raises(UnknownName, match="ring/0"):
        perturb.rate("rin/0", runs=1).measure(ring.system(), rng=0)


def test_units_of_a_recording_without_sites_are_of_one():
    class Toy:
        name = "toy"
        lost = 0.0

        def record(self, rng=None):
            return make(np.random.default_rng(0).normal(size=(20, 30)))

        def perturb(self, one, rng=None):
            held = Toy()
            held.lost = 0.1 * len(one.units) * ("3" in one.units)
            return held

    def read(system, rng):
        values = np.linspace(1, 2, 8) - system.lost
        return xr.DataArray(values, dims="sample", coords={"group": ("sample", np.arange(8))})

    found = perturb.effect(
        Toy(), perturb.ablate(["3"]), Behaviour("level", "", read), draws=19, rng=0
    )
    assert found.match.values.tolist() == ["norm", "site"]
    assert found.effect.values.ravel() == pytest.approx(0.1 / 1.5)
