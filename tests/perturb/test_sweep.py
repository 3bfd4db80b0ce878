"""Sweeps beside whole runs, one perturbation at a time; stores that survive a kill."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from homologue import perturb
from homologue._errors import HomologueError, UnknownName
from homologue.stimuli import Stimuli
from homologue.systems import TorchModel

RNG = np.random.default_rng(0)
IDS = [RNG.integers(3, 40, size) for size in (6, 6, 4, 6, 4, 5)]
COLUMNS = RNG.integers(0, 40, (6, 2))


def gpt2():
    torch.manual_seed(0)
    ids = {"bos_token_id": 1, "eos_token_id": 2}
    config = GPT2Config(
        n_layer=3, n_head=2, n_embd=16, vocab_size=40, n_positions=16, initializer_range=0.3, **ids
    )
    return GPT2LMHeadModel(config).eval()


def llama():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=40, hidden_size=16, intermediate_size=20, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, initializer_range=0.3,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


NETWORKS = {"gpt2": gpt2, "llama": llama}


def one_by_one(system, perturbations, **options):
    """Return the metric (target, stimulus) of whole runs."""
    out = []
    for one in perturbations:
        logits = system.perturb(one, **options).logits(IDS).values
        out.append(np.take_along_axis(logits, COLUMNS, 1) @ [1, -1])
    return np.array(out)


CASES = {
    "heads": {"over": "heads"},
    "neurons": {"over": "units", "sites": "mlp_post.1"},
    "sites": {"over": "sites"},
    "queries": {"over": "heads", "sites": "q"},
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("case", CASES)
def test_equal_to_whole_runs(name, case):
    system = TorchModel(NETWORKS[name](), name=name)
    found = perturb.sweep(system, IDS, columns=COLUMNS, **CASES[case])
    names = found["target"].values
    want = one_by_one(system, [perturb.ablate(str(one)) for one in names])
    plain = np.take_along_axis(system.logits(IDS).values, COLUMNS, 1) @ [1, -1]
    scale = max(np.abs(want).max(), np.abs(plain).max())
    np.testing.assert_allclose(found["value"].values, want, atol=1e-5 * scale)
    np.testing.assert_allclose(found["baseline"].values, plain, atol=1e-5 * scale)
    np.testing.assert_allclose(found["effect"].values, (want - plain).mean(axis=1), atol=1e-4)
    assert (found["low"] <= found["effect"]).all()
    assert (found["effect"] <= found["high"]).all()


@pytest.mark.parametrize("batch_tokens", [7, 4000])
def test_neurons_gates_and_batches(batch_tokens):
    system = TorchModel(llama(), name="llama")
    cooled = functools.partial(perturb.cool, gain=-2.0)
    sites = ["model.layers.0.mlp.act_fn", "mlp_post.2"]
    found = perturb.sweep(
        system, IDS, over="units", sites=sites, perturbation=cooled, columns=COLUMNS,
        batch_tokens=batch_tokens,
    )  # fmt: skip
    some = [3, 25]
    want = one_by_one(system, [cooled(str(found["target"].values[i])) for i in some])
    np.testing.assert_allclose(
        found["value"].values[some], want, atol=1e-5 * np.abs(found["value"]).max()
    )


def test_references_draws_and_targets_of_ones_own():
    system = TorchModel(gpt2(), name="gpt2")
    mean = functools.partial(perturb.ablate, mode="mean")
    found = perturb.sweep(system, IDS, perturbation=mean, columns=COLUMNS, reference=IDS)
    want = one_by_one(system, [mean(str(found["target"].values[4]))], reference=IDS)
    np.testing.assert_allclose(found["value"].values[4], want[0], atol=1e-4)
    own = [(perturb.ablate("z.0"), perturb.cool("z.2", 2)), perturb.ablate("transformer.wte/3")]
    found = perturb.sweep(system, IDS, over=own, columns=COLUMNS)
    logits = system.perturb(*own[0]).logits(IDS).values
    np.testing.assert_allclose(
        found["value"].values[0], np.take_along_axis(logits, COLUMNS, 1) @ [1, -1], atol=1e-4
    )
    np.testing.assert_allclose(found["value"].values[1], one_by_one(system, own[1:])[0], atol=1e-4)
    noise = [perturb.noise("resid_post.1", 1)]
    runs = [
        perturb.sweep(
            system, IDS, over=noise, columns=COLUMNS, reference=IDS, rng=0, batch_tokens=size
        )["value"].values
        for size in (5, 500)
    ]
    np.testing.assert_allclose(*runs, atol=1e-4)


def test_positions():
    system = TorchModel(llama(), name="llama")
    texts = [ids for ids in IDS if ids.size == 6]
    found = perturb.sweep(system, texts, over="positions", sites="resid_post.1", columns=[3, 4])
    assert found["position"].values.tolist() == list(range(6))
    one = perturb.ablate("resid_post.1", positions=2)
    want = system.perturb(one).logits(texts, columns=[3, 4]).values @ [1, -1]
    np.testing.assert_allclose(found["value"].values[2], want, atol=1e-4)
    with pytest.raises(HomologueError, match="one length"):
        perturb.sweep(system, IDS, over="positions", columns=[3, 4])


class Skipping(torch.nn.Module):
    """No chain of blocks: its halves meet at the end."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.left, self.right = torch.nn.Linear(4, 5), torch.nn.Linear(4, 5)
        self.last = torch.nn.Linear(10, 2)

    def forward(self, x):
        return self.last(torch.cat([torch.relu(self.left(x)), self.right(x)], dim=1))


@pytest.mark.parametrize("kind", ["skipping", "sequential", "in place"])
def test_any_module(kind):
    torch.manual_seed(0)
    model = Skipping().eval()
    if kind != "skipping":
        act = torch.nn.ReLU(inplace=kind == "in place")
        model = torch.nn.Sequential(torch.nn.Linear(4, 5), act, torch.nn.Linear(5, 2)).eval()
    system = TorchModel(model, name="toy")
    inputs = list(RNG.standard_normal((9, 4)).astype(np.float32))
    sites = ["left", "right"] if kind == "skipping" else ["0", "1"]
    found = perturb.sweep(system, inputs, over="units", sites=sites, columns=[0, 1])
    for name, value in zip(found["target"].values, found["value"].values, strict=True):
        want = system.perturb(perturb.ablate(str(name))).outputs(inputs).values @ [1, -1]
        np.testing.assert_allclose(value, want, atol=1e-5)


class Adding(torch.nn.Module):
    def forward(self, x):
        return x.add_(x.sum(1, keepdim=True))


@pytest.mark.parametrize("last", [torch.nn.LeakyReLU(0.5, inplace=True), Adding()])
def test_a_block_behind_may_write_into_what_a_block_was_given(last):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 5), torch.nn.Identity(), last, torch.nn.Linear(5, 2)]
    system = TorchModel(torch.nn.Sequential(*layers).eval(), name="toy")
    inputs = RNG.standard_normal((9, 4)).astype(np.float32)
    for site in ("0", "1", "2"):
        one = perturb.clamp([3], 0.7, site=site)
        found = perturb.sweep(system, inputs, over=[one], columns=[0, 1])
        want = system.perturb(one).outputs(inputs).values @ [1, -1]
        np.testing.assert_allclose(found["value"].values[0], want, atol=1e-5)


def test_the_interval_is_over_groups():
    system = TorchModel(gpt2(), name="gpt2")
    shown = Stimuli([*IDS, *IDS], group=np.tile(np.arange(6), 2))
    found = perturb.sweep(system, shown, columns=np.tile(COLUMNS, (2, 1)))
    once = perturb.sweep(system, IDS, columns=COLUMNS)
    assert int(found["n"]) == 6
    np.testing.assert_allclose(found["high"], once["high"], rtol=1e-3, atol=1e-4)
    few = perturb.sweep(system, IDS[:3], columns=[3, 4])
    assert np.isnan(few["low"]).all()
    assert np.isfinite(few["effect"]).all()


class Killed(BaseException):
    pass


OVER_UNITS = {"over": "units", "sites": "mlp_post.*", "columns": COLUMNS, "batch_tokens": 60}


@pytest.fixture(scope="module")
def whole_sweep():
    return perturb.sweep(TorchModel(gpt2(), name="gpt2"), IDS, **OVER_UNITS)


@pytest.mark.parametrize("at", [3, 20])
def test_a_killed_sweep_is_resumed(tmp_path, at, capsys, whole_sweep):
    system, options, want = TorchModel(gpt2(), name="gpt2"), OVER_UNITS, whole_sweep
    calls = []

    def killing(done, total):
        calls.append(done)
        if len(calls) == at:
            raise Killed

    path = tmp_path / "x.zarr"
    try:
        perturb.sweep(system, IDS, **options, to=path, progress=killing)
    except Killed:
        assert not path.exists()
        (tmp_path / ".x.zarr.part" / "9_9.npz.1.partial").write_bytes(b"half")
        perturb.sweep(system, IDS, **options, to=path)
        assert "resuming" in capsys.readouterr().err
    import xarray as xr

    with xr.open_zarr(path, consolidated=False) as stored:
        xr.testing.assert_identical(stored.load(), want)
    assert not (tmp_path / ".x.zarr.part").exists()
    with pytest.raises(HomologueError, match="overwrite=True"):
        perturb.sweep(system, IDS, **options, to=path)


def test_another_sweep_does_not_resume_it(tmp_path):
    system = TorchModel(gpt2(), name="gpt2")

    def killing(done, total):
        raise Killed

    path = tmp_path / "x.zarr"
    with pytest.raises(Killed):
        perturb.sweep(system, IDS, columns=COLUMNS, to=path, progress=killing)
    with pytest.raises(HomologueError, match="half-finished sweep of something else"):
        perturb.sweep(system, IDS[:4], columns=[1, 2], to=path)
    perturb.sweep(system, IDS[:4], columns=[1, 2], to=path, overwrite=True)


def test_the_network_is_left_as_it_was():
    model = gpt2()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    perturb.sweep(TorchModel(model, name="gpt2"), IDS, columns=COLUMNS)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"over": "layers"}, HomologueError, "over is one of"),
        ({"over": "units"}, HomologueError, "of which sites"),
        ({"over": "heads", "sites": "mlp_post"}, HomologueError, "no heads"),
        ({"over": "units", "sites": "mlp_pst"}, UnknownName, "mlp_post"),
        ({"over": [perturb.ablate("z.1/99")]}, UnknownName, "has 16 units"),
        ({"over": []}, HomologueError, "nothing to sweep"),
        ({"over": [perturb.cool("z.1", 1e39)]}, HomologueError, r"cool\(z.1, 1e\+39\)"),
        ({"metric": lambda x: x[:, 0] * 0}, HomologueError, "constant measures nothing"),
        ({"metric": lambda x: np.log(x[:, 0] * 0 - 1)}, HomologueError, "became NaN"),
        ({"metric": lambda x: x}, HomologueError, "one number a stimulus"),
        ({"columns": [1, 2, 3]}, HomologueError, "there are 3"),
        ({"columns": [[1, 2]]}, HomologueError, "6 rows"),
        ({"positions": "all"}, HomologueError, "one token of each text"),
        ({"perturbation": functools.partial(perturb.noise, sd=1)}, HomologueError, "rng=0"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_refusals(options, error, says):
    system = TorchModel(gpt2(), name="gpt2")
    with pytest.raises(error, match=says):
        perturb.sweep(system, IDS, **{"columns": COLUMNS, **options})


def test_only_networks_unperturbed():
    system = TorchModel(gpt2(), name="gpt2").perturb(perturb.ablate("z.0"))
    with pytest.raises(HomologueError, match="unperturbed"):
        perturb.sweep(system, IDS, columns=COLUMNS)
    with pytest.raises(HomologueError, match="is not a network"):
        perturb.sweep("gpt2", IDS, columns=COLUMNS)
