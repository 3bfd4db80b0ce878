"""A perturbed network: what it computes, and that the user's own is left as it was."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from homologue import perturb
from homologue._errors import HomologueError, UnknownName
from homologue.stimuli import Stimuli
from homologue.systems import Perturbable, TorchModel
from homologue.systems._perturbed import digest

RNG = np.random.default_rng(0)
INPUTS = list(RNG.standard_normal((7, 5)).astype(np.float32))


def mlp():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Linear(8, 6), torch.nn.ReLU(),
        torch.nn.Linear(6, 3),
    ).eval()  # fmt: skip


def snapshot(model):
    """Return parameters, hooks and flags, to compare afterwards."""
    return (
        {name: value.clone() for name, value in model.state_dict().items()},
        [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
        [m.training for m in model.modules()],
        [sorted(vars(m)) for m in model.modules()],
    )


def same(before, after):
    return before[1:] == after[1:] and all(
        torch.equal(value, after[0][name]) for name, value in before[0].items()
    )


def by_hand(model, change):
    """Return outputs with ``change`` applied to the first ReLU's output."""
    x = torch.from_numpy(np.stack(INPUTS))
    with torch.no_grad():
        return model[2:](change(model[:2](x))).numpy()


def test_a_chain_by_hand():
    model = mlp()
    system = TorchModel(model, name="toy")
    assert isinstance(system, Perturbable)
    lesioned = system.perturb(perturb.ablate([1, 3], site="1"), perturb.cool("1/0", 0.5))

    def change(h):
        h = h.clone()
        h[:, [1, 3]] = 0
        h[:, 0] *= 0.5
        return h

    np.testing.assert_array_equal(lesioned.outputs(INPUTS).values, by_hand(model, change))
    again = system.perturb(perturb.ablate([1, 3], site="1")).perturb(perturb.cool("1/0", 0.5))
    np.testing.assert_array_equal(again.outputs(INPUTS).values, lesioned.outputs(INPUTS).values)
    seen = lesioned.record(INPUTS, sites="*")
    assert not seen.sel(unit=seen.unit.isin(["1/1", "1/3"])).values.any()
    parts = np.concatenate([part.values for part in lesioned.blocks(INPUTS, sites="*")])
    np.testing.assert_array_equal(parts, seen.values)
    assert seen.attrs["perturbations"] == "ablate(1/1, 1/3, zero); cool(1/0, 0.5)"
    plain = lesioned.unperturbed().outputs(INPUTS)
    np.testing.assert_array_equal(plain.values, system.outputs(INPUTS).values)


def test_doses_against_a_reference():
    model = mlp()
    system = TorchModel(model, name="toy")
    rec = system.record(INPUTS, sites="1")
    for reference in (rec, INPUTS):
        mean = system.perturb(perturb.ablate("1", mode="mean"), reference=reference)
        np.testing.assert_allclose(
            mean.outputs(INPUTS).values,
            by_hand(model, lambda h: h.mean(dim=0, keepdim=True).expand_as(h)),
            atol=1e-6,
        )
    pushed = system.perturb(perturb.stimulate("1", 2), reference=rec).outputs(INPUTS)
    np.testing.assert_allclose(
        pushed.values, by_hand(model, lambda h: h + 2 * h.std(dim=0, correction=0)), atol=1e-5
    )


@pytest.mark.parametrize("kind", [perturb.noise("1", 1), perturb.ablate("1", mode="resample")])
def test_draws_depend_on_the_seed_and_not_on_batches(kind):
    system = TorchModel(mlp(), name="toy")

    def run(rng, size):
        other = system.perturb(kind, reference=INPUTS, rng=rng)
        return other.record(INPUTS, sites="1", batch_size=size).values

    np.testing.assert_allclose(run(0, 7), run(0, 2), atol=1e-6)
    assert (run(0, 7) != run(1, 7)).any()


def test_the_network_is_left_as_it_was_even_after_an_exception():
    model = mlp().train()
    before, given = snapshot(model), torch.from_numpy(np.stack(INPUTS))
    with torch.no_grad():
        plain = model(given)
    system = TorchModel(model, name="toy")
    lesioned = system.perturb(perturb.ablate("1"))
    lesioned.outputs(INPUTS)
    assert same(before, snapshot(model))

    class Broken:
        units, positions, window, needs, name = ("1",), None, None, frozenset(), "broken"

        def apply(self, activity, **options):
            raise RuntimeError("broken on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        system.perturb(Broken()).outputs(INPUTS)
    iterator = lesioned.blocks(INPUTS, sites="1")
    next(iterator)
    assert same(before, snapshot(model))
    with torch.no_grad():
        assert torch.equal(model(given), plain)


def test_a_dose_that_overflows_is_named():
    system = TorchModel(mlp(), name="toy")
    with pytest.raises(HomologueError, match=r"clamp\(1/0, 1e\+39\).*smaller dose"):
        system.perturb(perturb.clamp("1/0", 1e39)).outputs(INPUTS)
    with pytest.raises(HomologueError, match=r"cool\(1, 3e\+38\).*smaller dose"):
        system.perturb(perturb.cool("1", 3e38)).outputs(INPUTS)
    half = TorchModel(mlp(), name="toy", dtype="bfloat16")
    values = half.perturb(perturb.cool("1", 2)).outputs(INPUTS).values
    want = system.perturb(perturb.cool("1", 2)).outputs(INPUTS).values
    np.testing.assert_allclose(values, want, atol=0.05 * np.abs(want).max())


class InPlace(torch.nn.Module):
    """An activation that works in place, its return value not used."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.act = torch.nn.Linear(5, 8), torch.nn.ReLU(inplace=True)
        self.last = torch.nn.Linear(8, 2)

    def forward(self, x):
        h = self.first(x)
        self.act(h)
        return self.last(h)


def test_modules_that_work_in_place():
    model = InPlace().eval()
    system = TorchModel(model, name="toy")
    out = system.perturb(perturb.ablate("act")).outputs(INPUTS)
    np.testing.assert_allclose(out.values, np.tile(model.last.bias.detach(), (7, 1)), atol=1e-7)
    # What is before the activation is read before it, perturbed or not.
    seen = system.perturb(perturb.ablate("act")).record(INPUTS, sites=["first", "act"])
    assert (seen.values[:, :8] < 0).any()
    assert not seen.values[:, 8:].any()


class Shared(torch.nn.Module):
    """One module called twice, and one that gives a tuple within a mapping."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.step, self.pair = torch.nn.Linear(5, 5), Pair()

    def forward(self, x):
        return self.pair(self.step(torch.tanh(self.step(x))))["both"][0]


class Pair(torch.nn.Module):
    def forward(self, x):
        return {"note": None, "both": (x + 1, x - 1)}


def test_modules_called_twice_and_nested_outputs():
    model = Shared().eval()
    system = TorchModel(model, name="toy")
    x = torch.from_numpy(np.stack(INPUTS))
    with pytest.raises(HomologueError, match="runs 2 times"):
        system.perturb(perturb.ablate("step/0")).outputs(INPUTS)
    with torch.no_grad():
        for site, want in {
            "step#0": model.step(torch.zeros_like(x)) + 1,
            "step#1": torch.ones_like(x),
            "step#*": torch.ones_like(x),
            "pair": torch.zeros_like(x),
        }.items():
            out = system.perturb(perturb.ablate(site)).outputs(INPUTS)
            np.testing.assert_allclose(out.values, want.numpy(), atol=1e-6)


def test_compiled_and_parallel_modules():
    plain = TorchModel(mlp(), name="toy").perturb(perturb.ablate("1/0")).outputs(INPUTS).values
    compiled = TorchModel(torch.compile(mlp(), backend="eager"), name="toy")
    found = compiled.perturb(perturb.ablate("1/0")).outputs(INPUTS).values
    np.testing.assert_allclose(found, plain, atol=1e-6)
    wrapped = torch.nn.DataParallel(mlp())
    found = TorchModel(wrapped, name="toy").perturb(perturb.ablate("module.1/0")).outputs(INPUTS)
    np.testing.assert_allclose(found.values, plain, atol=1e-6)
    wrapped.device_ids = [0, 1]
    with pytest.raises(HomologueError, match="module inside"):
        TorchModel(wrapped, name="toy").perturb(perturb.ablate("module.1/0")).outputs(INPUTS)


def test_channels_of_a_convolution():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(),
                                torch.nn.Linear(16, 2)).eval()  # fmt: skip
    images = list(RNG.standard_normal((3, 1, 4, 4)).astype(np.float32))
    system = TorchModel(model, name="toy")
    seen = system.perturb(perturb.ablate("1/2")).record(images, sites="1", space="units")
    gone = seen["channel"].values == 2
    assert not seen.values[:, gone].any()
    plain = system.record(images, sites="1", space="units")
    np.testing.assert_array_equal(seen.values[:, ~gone], plain.values[:, ~gone])
    with pytest.raises(HomologueError, match="space='mean'"):
        perturb.ablate(plain[:, :3])
    swapped = system.perturb(perturb.patch("1", images[::-1]))
    np.testing.assert_array_equal(
        swapped.outputs(images).values, system.outputs(images[::-1]).values
    )


@pytest.mark.parametrize("alias", ["resid_post.1", "mlp_post.1", "z.1", "q.1", "v.1", "attn_out.1"])
def test_sites_of_transformers(network, tokenizer, texts, alias):
    system = TorchModel(network, tokenizer, name="toy")
    options = {"sites": ["resid_post.2", alias]}
    plain = system.record(list(texts), **options)
    same_values = system.perturb(perturb.cool(alias, 1.0)).record(list(texts), **options)
    np.testing.assert_array_equal(same_values.values, plain.values)
    gone = system.perturb(perturb.ablate([0, 5], site=alias)).record(list(texts), **options)
    here = gone.unit.isin([f"{alias}/0", f"{alias}/5"]).values
    assert not gone.values[:, here].any()
    others = (gone["site"].values == alias) & ~here
    np.testing.assert_array_equal(gone.values[:, others], plain.values[:, others])
    last = gone["site"].values == "resid_post.2"
    assert (gone.values[:, last] != plain.values[:, last]).any()
    before = system.perturb(perturb.ablate(alias)).record(list(texts), sites="resid_post.0")
    np.testing.assert_array_equal(
        before.values, system.record(list(texts), sites="resid_post.0").values
    )


def test_positions_and_heads(networks, tokenizer, texts):
    system = TorchModel(networks["llama"], tokenizer, name="toy")
    plain = system.record(list(texts), sites="z.1", include_special=True)
    one = system.perturb(perturb.ablate(perturb.heads(1, 2), positions="last"))
    gone = one.record(list(texts), sites="z.1", include_special=True)
    changed = (gone.values != plain.values).any(axis=1)
    # The last token of the text, which the closing special token follows.
    stimulus, special = plain["stimulus"].values, plain["is_special"].values
    last = [np.flatnonzero((stimulus == i) & ~special)[-1] for i in range(len(texts))]
    assert np.flatnonzero(changed).tolist() == last
    columns = (gone.values != plain.values).any(axis=0)
    assert set(plain["head"].values[columns].tolist()) == {2}
    assert not gone.values[last][:, plain["head"].values == 2].any()


PAIRS = [("the cat sat", "the dog sat"), ("a red hammer ran", "a blue hammer ran")]


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_patching_the_whole_stream_gives_the_other_run(networks, tokenizer, name):
    system = TorchModel(networks[name], tokenizer, name="toy")
    clean, corrupt = (list(side) for side in zip(*PAIRS, strict=True))
    want = system.logits(clean).values
    rec = system.record(clean, sites="resid_post.1", include_special=False)
    for source in (clean, Stimuli(clean)):
        patched = system.perturb(perturb.patch("resid_post.1", source))
        np.testing.assert_allclose(patched.logits(corrupt).values, want, atol=1e-5)
    # Special tokens are not in this recording; the one at the start is the same in both runs.
    patched = system.perturb(perturb.patch("resid_post.1", rec))
    np.testing.assert_allclose(patched.logits(corrupt).values, want, atol=1e-5)
    one = system.perturb(perturb.patch("resid_post.1", clean, positions=1))
    other = system.perturb(perturb.patch("resid_post.1", clean, positions=0))
    np.testing.assert_allclose(
        other.logits(corrupt).values, system.logits(corrupt).values, atol=1e-5
    ) if name == "gpt2" else None
    assert (one.logits(corrupt).values != system.logits(corrupt).values).any()
    with pytest.raises(HomologueError, match="has 5 tokens and its source 6"):
        system.perturb(perturb.patch("resid_post.1", clean[::-1])).logits(corrupt)
    with pytest.raises(HomologueError, match="from its own partner"):
        system.perturb(perturb.patch("resid_post.1", clean[:1])).logits(corrupt)


def test_an_array_is_put_in_at_every_token_or_refused(networks, tokenizer):
    system = TorchModel(networks["llama"], tokenizer, name="toy")
    texts = [PAIRS[0][0], PAIRS[1][0]]
    rec = system.record(texts, sites="resid_post.1")
    value = rec.values[0]
    want = system.perturb(perturb.patch("resid_post.1", value)).logits(texts).values
    for source in (np.tile(value, (2, 1, 1)), np.tile(value, (2, 9, 1)), list(value)):
        patched = system.perturb(perturb.patch("resid_post.1", source))
        np.testing.assert_array_equal(patched.logits(texts).values, want)
    short = np.tile(value, (2, 3, 1))
    with pytest.raises(HomologueError, match="holds 3 tokens a text"):
        system.perturb(perturb.patch("resid_post.1", short)).logits(texts)


def test_an_unknown_head_is_answered_with_those_there_are(networks, tokenizer):
    system = TorchModel(networks["llama"], tokenizer, name="toy")
    with pytest.raises(UnknownName, match=r"heads, 'z\.1/head\.0' … 'z\.1/head\.\d'"):
        system.perturb(perturb.ablate(perturb.heads(1, 99))).logits(["the cat sat"])


def test_a_stored_recording_depends_on_all_of_a_patch_and_its_reference():
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU())
    system = TorchModel(net, name="toy")
    wide = np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32)
    source = [np.zeros(2000, np.float32), np.zeros(2000, np.float32)]
    other = [source[0], source[1].copy()]
    other[1][1000] = 1
    perturbed = [
        system.perturb(perturb.patch("0", source)),
        system.perturb(perturb.patch("0", other)),
        system.perturb(perturb.ablate("0", mode="resample"), reference=wide, rng=0),
        system.perturb(perturb.ablate("0", mode="resample"), reference=wide[::-1], rng=0),
    ]
    assert len({digest(one._acts) for one in perturbed}) == 4


@pytest.mark.parametrize("name", ["llama", "gpt2", "neox", "gemma"])
def test_logits_are_the_networks_own(networks, tokenizer, texts, name):
    network = networks[name]
    system = TorchModel(network, tokenizer, name="toy")
    found = system.logits(list(texts), columns=["cat", 7])
    assert found["token_index"].values.tolist() == [tokenizer.convert_tokens_to_ids("cat"), 7]
    for number, text in enumerate(texts):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            want = network(input_ids=ids).logits[0, -2]
        np.testing.assert_allclose(
            found.values[number], want[found["token_index"].values], atol=1e-4
        )
    whole = system.outputs(list(texts), positions="last")
    np.testing.assert_allclose(whole.values, system.logits(list(texts)).values, atol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (lambda s: s.perturb(perturb.ablate("2x/1")), UnknownName, "did you mean|known"),
        (lambda s: s.perturb(perturb.ablate("1/99")).outputs(INPUTS), UnknownName, "has 8 units"),
        (lambda s: s.perturb(perturb.ablate("1", window=(0, 1))), HomologueError, "no clock"),
        (lambda s: s.perturb(perturb.stimulate("1", 1)), HomologueError, "reference="),
        (lambda s: s.perturb(perturb.noise("1", 1), reference=INPUTS), HomologueError, "rng=0"),
        (lambda s: s.perturb("1/3"), HomologueError, "homologue.perturb.ablate"),
        (lambda s: s.perturb(perturb.ablate(perturb.heads(1, 0), site="1")), HomologueError, "z"),
        (lambda s: s.logits(INPUTS), HomologueError, "no output embedding"),
        (
            lambda s: s.perturb(perturb.stimulate("1", 1), reference=s.record(INPUTS, sites="3")),
            HomologueError,
            "nothing of site '1'",
        ),
        (
            lambda s: s.perturb(perturb.ablate("1", positions=[0])).outputs(INPUTS),
            HomologueError,
            "no positions",
        ),
        (
            lambda s: s.perturb(perturb.patch("1", np.ones((3, 2, 8)))).outputs(INPUTS),
            HomologueError,
            "array to put in",
        ),
    ],
)
def test_refusals(wrong, error, says):
    with pytest.raises(error, match=says):
        wrong(TorchModel(mlp(), name="toy"))


def test_a_perturbed_recording_on_disk_is_its_own(tmp_path):
    system = TorchModel(mlp(), name="toy")
    lesioned = system.perturb(perturb.ablate("1"))
    stored = lesioned.record(INPUTS, sites="*", to=tmp_path / "x.zarr")
    np.testing.assert_array_equal(stored.values, lesioned.record(INPUTS, sites="*").values)


def test_a_model_in_the_wrong_thread_is_not_disturbed():
    import threading

    model = mlp()
    given = torch.from_numpy(np.stack(INPUTS))
    plain = copy.deepcopy(model)(given).detach()
    out = []

    class Slow:
        units, positions, window, needs, name = ("1",), None, None, frozenset(), "slow"

        def apply(self, activity, **options):
            thread = threading.Thread(target=lambda: out.append(model(given).detach()))
            thread.start()
            thread.join()
            return activity * 0

    TorchModel(model, name="toy").perturb(Slow()).outputs(INPUTS)
    assert out
    assert torch.equal(out[0], plain)
