"""Tuning and what is lost: closed forms, nulls, and a perceptron for digits."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.stats import spearmanr
from sklearn.datasets import load_digits

from homologue import perturb
from homologue._errors import HomologueError, InvalidDesign
from homologue.perturb._selectivity_causality import weighted_correlations
from homologue.recording import make
from homologue.stimuli import Stimuli
from homologue.systems import TorchModel
from homologue.tuning._indices import morcos

RNG = np.random.default_rng(0)


def test_against_scipy():
    tuned, lost, key = RNG.normal(size=(3, 60)).round(1)
    found = perturb.selectivity_versus_causality(
        tuned, lost, influence=key + 10, permutations=99, rng=0
    )
    r = {
        name: spearmanr(*pair)[0]
        for name, pair in {"tl": (tuned, lost), "kl": (key, lost), "tk": (tuned, key)}.items()
    }
    partial = (r["tl"] - r["kl"] * r["tk"]) / np.sqrt((1 - r["kl"] ** 2) * (1 - r["tk"] ** 2))
    np.testing.assert_allclose(found.effect, [r["tl"], r["kl"], partial])
    assert (found.low <= found.effect).all()
    assert (found.effect <= found.high).all()


def test_the_most_tuned_are_compared_within_their_site():
    """One of two layers is more tuned and loses more; within a layer nothing is related."""
    draw, hits = np.random.default_rng(2), []
    for seed in range(100):
        site = np.arange(60) % 2
        tuned, lost = draw.normal(size=(2, 60)) + 3 * site
        found = perturb.selectivity_versus_causality(
            tuned, lost, influence=draw.lognormal(size=60), site=site, permutations=99, draws=100,
            rng=seed,
        )  # fmt: skip
        hits.append(float(found.top_p) <= 0.05)
    assert np.mean(hits) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)


def test_weights_are_repetitions():
    columns = RNG.normal(size=(20, 2)).round(1)
    weights = RNG.multinomial(20, np.full(20, 1 / 20), 5).astype(float)
    found = weighted_correlations(columns, weights)
    for one, weight in zip(found, weights, strict=True):
        again = np.repeat(columns, weight.astype(int), axis=0)
        assert one[0] == pytest.approx(spearmanr(*again.T)[0])


def test_units_in_another_order_give_the_same():
    tuned, lost = RNG.normal(size=(2, 40))
    order = RNG.permutation(40)
    first = perturb.selectivity_versus_causality(tuned, lost, permutations=99, rng=0)
    second = perturb.selectivity_versus_causality(tuned[order], lost[order], permutations=99, rng=0)
    np.testing.assert_allclose(first.effect, second.effect)
    np.testing.assert_allclose(first.top_effect, second.top_effect)


def test_false_positives():
    """Heavy tails, two layers that differ in both: layers are no evidence, nor is influence."""
    draw = np.random.default_rng(1)
    hits, naive = [], []
    site = np.repeat(["one", "two"], 40)
    for seed in range(300):
        shift = 3.0 * (site == "two")
        influence = draw.lognormal(0, 1, 80) + shift
        tuned = shift + influence + draw.standard_t(2, 80)
        lost = influence * draw.lognormal(0, 0.5, 80)
        found = perturb.selectivity_versus_causality(
            tuned, lost, influence=influence, site=site, permutations=99, draws=100, rng=seed
        )
        hits.append([found.p.values[2] <= 0.05, float(found.top_p) <= 0.05])
        naive.append(found.p.values[0] <= 0.05)
    assert np.mean(naive) > 0.3
    assert (np.mean(hits, axis=0) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)).all()


def test_planted_decoys_halve_what_tuning_predicts():
    """A clear monotone relation is found; the most tuned beat matched units."""
    draw = np.random.default_rng(2)
    tuned = draw.random(60)
    influence = draw.lognormal(0, 0.5, 60)
    found = perturb.selectivity_versus_causality(
        tuned, tuned * influence + draw.normal(0, 0.05, 60), influence=influence, rng=0
    )
    assert (found.p <= 0.01).all()
    assert float(found.top_p) <= 0.01


def perceptron(seed, *, corrupted, width):
    """Return a perceptron of one hidden layer, and who it was trained on."""
    pictures, label = load_digits(return_X_y=True)
    pictures = (pictures / 16).astype("float32")
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(label))
    train, test = order[:1200], order[1200:]
    wrong = draw.random(len(label)) < corrupted
    label = np.where(wrong, draw.integers(0, 10, len(label)), label)
    before = torch.random.get_rng_state()
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, 10)
    )
    x, y = torch.from_numpy(pictures[train]), torch.from_numpy(label[train])
    optimiser = torch.optim.Adam(net.parameters(), 3e-3 if corrupted else 1e-3)
    for _ in range(200 if corrupted else 60):
        for batch in torch.randperm(1200).split(100):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            optimiser.step()
    torch.random.set_rng_state(before)
    return net, pictures, label, train, test


@functools.cache
def digits(seed):
    """Return Morcos' selectivity, the loss of accuracy without each unit, and influence."""
    net, pictures, label, _, test = perceptron(seed, corrupted=0, width=64)
    system = TorchModel(net, name="digits")
    shown = Stimuli(list(pictures[test]))
    rec = system.record(shown, sites="1")
    found = perturb.sweep(
        system, shown, over="units", sites="1", metric=lambda values: np.argmax(values, axis=1)
    )
    right = found["baseline"].values == label[test]
    lost = right.mean() - (found["value"].values == label[test]).mean(axis=1)
    means = np.stack([rec.values[label[test] == one].mean(axis=0) for one in range(10)])
    return morcos(means.astype(float)), lost, perturb.influence(system, rec), float(right.mean())


def test_digits_selectivity_is_a_poor_predictor():
    """Selectivity: ρ below 0 in every seed; activation × outgoing norm: above 0, .2 on average.

    Morcos et al. 2018, arXiv:1803.06959.
    """
    rho = []
    for seed in range(3):
        tuned, lost, influence, accuracy = digits(seed)
        assert accuracy > 0.95
        found = perturb.selectivity_versus_causality(
            tuned, lost, influence=influence.values, permutations=199, draws=200, rng=0
        )
        rho.append(found.effect.values[:2])
    tuned, key = np.array(rho).T
    assert (tuned < 0).all()
    assert (key > 0).all()
    assert key.mean() > 0.2


def curve_area(net, pictures, label, draws=5):
    """Return the area under accuracy against the share of units that are silenced at random."""
    draw, hidden = np.random.default_rng(0), net[0].out_features
    with torch.no_grad():
        activity = net[1](net[0](torch.from_numpy(pictures))).numpy()
    weight, bias = net[2].weight.detach().numpy(), net[2].bias.detach().numpy()
    areas = []
    for _ in range(draws):
        order = draw.permutation(hidden)
        accuracy = []
        for share in np.linspace(0, 1, 11):
            kept = np.ones(hidden, dtype="float32")
            kept[order[: round(share * hidden)]] = 0
            accuracy.append(((activity * kept @ weight.T + bias).argmax(axis=1) == label).mean())
        areas.append(np.trapezoid(accuracy, dx=0.1))
    return float(np.mean(areas))


def test_digits_memorised_labels_are_lost_sooner():
    areas = []
    for corrupted in (0, 0.5):
        net, pictures, label, train, _ = perceptron(0, corrupted=corrupted, width=256)
        areas.append(curve_area(net, pictures[train], label[train]))
    assert areas[0] >= 0.8
    assert areas[1] <= 0.5


def test_refusals():
    with pytest.raises(InvalidDesign, match="needs 8"):
        perturb.selectivity_versus_causality(np.arange(5.0), np.arange(5.0), rng=0)
    with pytest.raises(InvalidDesign, match="effects is 0 for every unit"):
        perturb.selectivity_versus_causality(np.arange(9.0), np.zeros(9), rng=0)
    with pytest.raises(HomologueError, match="one number a unit"):
        perturb.selectivity_versus_causality(np.arange(9.0), np.arange(8.0), rng=0)
    names = [f"a/{i}" for i in range(9)]
    one = xr.DataArray(np.arange(9.0), dims="unit", coords={"unit": names})
    with pytest.raises(HomologueError, match="different units"):
        perturb.selectivity_versus_causality(one, one[::-1], rng=0)
    with pytest.raises(HomologueError, match="between 0 and 1"):
        perturb.selectivity_versus_causality(one, one, top=2, rng=0)
    few = np.where(np.arange(20) < 5, np.nan, np.arange(20.0))
    assert perturb.selectivity_versus_causality(few, np.arange(20.0), rng=0).n[0] == 15
    rec = make(np.ones((4, 2)), unit=["a/0", "a/1"], site=["a", "a"])
    assert perturb.influence(None, rec).attrs["key"] == "activation SD"
