"""Networks of every shape: tuples, pictures, repeated calls, compiled and half-precision parts;
and nothing of the user's model is changed, whatever happens.
"""

from __future__ import annotations

import copy
import dataclasses
import io
import sys

import numpy as np
import pytest
import torch
from torch import nn

from homologue._errors import HomologueError
from homologue.systems import TorchModel, _progress
from homologue.systems._hooks import CalledMoreThanOnce, SiteNeverFired


def hook_count(network):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


@pytest.fixture
def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2))


@pytest.fixture
def inputs():
    return np.random.default_rng(0).normal(size=(7, 3)).astype("float32")


def test_activity_is_what_the_modules_compute(mlp, inputs):
    rec = TorchModel(mlp).record(inputs, sites=["0", "1", "3"])
    weight, bias = (p.detach().numpy() for p in mlp[0].parameters())
    first = inputs @ weight.T + bias
    np.testing.assert_allclose(rec.values[:, :4], first, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(rec.values[:, 4:8], first.clip(0), rtol=1e-5, atol=1e-6)
    # Training flags are off while it is read: dropout leaves the activity as it is.
    assert mlp.training
    weight, bias = (p.detach().numpy() for p in mlp[3].parameters())
    out = first.clip(0) @ weight.T + bias
    np.testing.assert_allclose(rec.values[:, 8:], out, rtol=1e-5, atol=1e-6)
    assert rec["site"].values.tolist() == ["0"] * 4 + ["1"] * 4 + ["3"] * 2


def test_nothing_of_the_model_changes(inputs):
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    network[1].eval()  # one frozen part: each flag is put back, not one for all
    before = copy.deepcopy(network.state_dict())
    flags = [module.training for module in network.modules()]
    probe = torch.from_numpy(inputs)
    out = network.eval()(probe)
    for module, flag in zip(network.modules(), flags, strict=True):
        module.training = flag
    TorchModel(network).record(inputs, sites="*")
    assert [module.training for module in network.modules()] == flags
    assert hook_count(network) == 0
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    torch.testing.assert_close(network.eval()(probe), out, rtol=0, atol=0)
    assert all(p.requires_grad and p.grad is None for p in network.parameters())


class Breaks(nn.Module):
    """Fails on the third call, as a diverging or buggy model does."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 3)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls > 2:
            raise RuntimeError("a fault in the model")
        return self.inner(x)


def test_nothing_stays_behind_after_a_fault(inputs):
    network = nn.Sequential(Breaks(), nn.Linear(3, 1)).train()
    with pytest.raises(RuntimeError, match="a fault in the model"):
        TorchModel(network).record(inputs, sites=["0.inner", "1"], batch_size=1)
    assert hook_count(network) == 0
    assert all(module.training for module in network.modules())


def test_nothing_stays_behind_when_a_consumer_leaves(mlp, inputs):
    parts = TorchModel(mlp).blocks(np.repeat(inputs, 1000, axis=0), sites="1", batch_size=1)
    next(parts)
    assert hook_count(mlp) == 0  # not even while the consumer holds a part
    assert mlp.training
    parts.close()


def test_hooks_of_the_user_stay_and_are_seen(mlp, inputs):
    handle = mlp[1].register_forward_hook(lambda module, args, out: out + 10)
    rec = TorchModel(mlp).record(inputs, sites="1")
    assert rec.values.min() >= 10
    assert hook_count(mlp) == 1
    handle.remove()


class Deep(nn.Module):
    """Counts how often each of its layers runs, and swallows exceptions."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(4)])
        self.ran = [0] * 4
        self.swallowed = 0

    def forward(self, x):
        for number, layer in enumerate(self.layers):
            self.ran[number] += 1
            try:
                x = layer(x)
            except Exception:
                self.swallowed += 1
        return x


def test_the_model_stops_at_the_deepest_site(inputs):
    network = Deep()
    rec = TorchModel(network).record(inputs, sites=["layers.1", "layers.0"], batch_size=2)
    # One small pass to the end, to learn calls and shapes; then four batches, each stopped.
    assert network.ran == [5, 5, 1, 1]
    assert network.swallowed == 0
    assert rec["site"].values.tolist() == ["layers.1"] * 3 + ["layers.0"] * 3


@dataclasses.dataclass
class Output:
    note: str
    hidden: torch.Tensor


class Wrapped(nn.Module):
    def __init__(self, wrap):
        super().__init__()
        self.wrap = wrap

    def forward(self, x):
        return self.wrap(x)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: (x * 2, x),
        lambda x: [None, (x * 2, x)],
        lambda x: {"a": None, "b": x * 2},
        lambda x: Output("twice", x * 2),
    ],
)
def test_of_a_tuple_or_dataclass_the_first_tensor_is_read(wrap, inputs):
    rec = TorchModel(nn.Sequential(nn.Identity(), Wrapped(wrap))).record(inputs, sites="1")
    np.testing.assert_allclose(rec.values, inputs * 2, rtol=1e-6)


def test_an_output_without_tensor_is_refused(inputs):
    network = nn.Sequential(nn.Identity(), Wrapped(lambda x: "text"))
    with pytest.raises(HomologueError, match="passes on a str without any tensor"):
        TorchModel(network).record(inputs, sites="1")


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()
        self.unused = nn.Linear(3, 3)
        self.down = nn.Linear(3, 3)

    def forward(self, x):
        return self.act(self.down(self.act(x)))


class Complex(torch.nn.Module):
    def forward(self, x):
        return torch.complex(x, x)


def test_what_cannot_be_read_is_said(inputs):
    with pytest.raises(HomologueError, match="gives complex numbers"):
        TorchModel(torch.nn.Sequential(Complex())).record(inputs, sites="0")
    with pytest.warns(DeprecationWarning, match="jit"):
        scripted = torch.jit.script(torch.nn.Sequential(torch.nn.ReLU()))
    for network, site in ((scripted, "0"), (torch.nn.Sequential(scripted), "0.0")):
        with pytest.raises(HomologueError, match=r"is scripted .*as it was written"):
            TorchModel(network).record(inputs, sites=site)


def test_a_module_called_twice_needs_the_call(inputs):
    network = Twice()
    system = TorchModel(network)
    with pytest.raises(CalledMoreThanOnce, match=r"'act#0' … 'act#1', or 'act#\*'"):
        system.record(inputs, sites="act")
    first = system.record(inputs, sites="act#0")
    np.testing.assert_array_equal(first.values, inputs.clip(0))
    both = system.record(inputs, sites="act#*")
    assert both["unit"].values[[0, 3]].tolist() == ["act#0/0", "act#1/0"]
    np.testing.assert_array_equal(both.values[:, :3], first.values)
    with torch.no_grad():
        np.testing.assert_allclose(both.values[:, 3:], network(torch.from_numpy(inputs)))
    with pytest.raises(SiteNeverFired, match="asks for call 2, but there are 2"):
        system.record(inputs, sites="act#2")
    with pytest.raises(HomologueError, match="number of a call"):
        system.record(inputs, sites="act#last")
    assert hook_count(network) == 0


def test_a_site_that_never_fires_is_named(inputs):
    with pytest.raises(SiteNeverFired, match="'unused' never fires"):
        TorchModel(Twice()).record(inputs, sites=["down", "unused"])


@pytest.fixture
def pictures():
    return np.random.default_rng(1).normal(size=(5, 2, 4, 6)).astype("float32")


def test_places_are_averaged_spread_or_sampled(pictures):
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.Flatten(), nn.Linear(72, 2))
    with torch.no_grad():
        wanted = network[0](torch.from_numpy(pictures)).numpy()
    system = TorchModel(network)
    mean = system.record(pictures, sites=["0", "2"], batch_size=2)
    np.testing.assert_allclose(mean.values[:, :3], wanted.mean(axis=(2, 3)), rtol=1e-4, atol=1e-6)
    units = system.record(pictures, sites="0", space="units")
    np.testing.assert_allclose(units.values, wanted.reshape(5, -1), rtol=1e-5, atol=1e-6)
    channel, y, x = (units[name].values for name in ("channel", "y", "x"))
    np.testing.assert_allclose(units.values[3], wanted[3][channel, y, x], rtol=1e-5, atol=1e-6)
    samples = system.record(pictures, sites="0", space="samples", batch_size=2)
    stimulus, y, x = (samples[name].values for name in ("stimulus", "y", "x"))
    np.testing.assert_allclose(samples.values, wanted[stimulus, :, y, x], rtol=1e-5, atol=1e-6)
    assert np.unique(samples["group"]).size == 5  # places of one picture are not independent
    with pytest.raises(HomologueError, match="different places"):
        system.record(pictures, sites=["0", "2"], space="samples")
    with pytest.raises(HomologueError, match="space is one of"):
        system.record(pictures, sites="0", space="all")


def test_patches_in_a_row(pictures):
    network = nn.Sequential(nn.Flatten(2), Wrapped(lambda x: x.transpose(1, 2)), nn.Linear(2, 3))
    with torch.no_grad():
        wanted = network(torch.from_numpy(pictures)).numpy()
    system = TorchModel(network)
    mean = system.record(pictures, sites="2")
    np.testing.assert_allclose(mean.values, wanted.mean(axis=1), rtol=1e-4, atol=1e-6)
    first = system.record(pictures, sites="2", positions=0)
    np.testing.assert_allclose(first.values, wanted[:, 0], rtol=1e-5, atol=1e-6)
    some = system.record(pictures, sites="2", positions=[0, 5])
    assert some["position"].values[:4].tolist() == [0, 5, 0, 5]
    np.testing.assert_allclose(some.values[1::2], wanted[:, 5], rtol=1e-5, atol=1e-6)


def test_channels_last(pictures):
    network = nn.Sequential(Wrapped(lambda x: x.movedim(1, -1)), nn.LayerNorm(2))
    with torch.no_grad():
        wanted = network(torch.from_numpy(pictures)).numpy()
    rec = TorchModel(network).record(pictures, sites="1", channels_last=True)
    np.testing.assert_allclose(rec.values, wanted.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)


def test_one_dimensional_convolutions_need_the_axis():
    network = nn.Sequential(nn.Conv1d(2, 3, 1), nn.ReLU())
    series = np.random.default_rng(2).normal(size=(5, 2, 7)).astype("float32")
    with torch.no_grad():
        wanted = network(torch.from_numpy(series)).numpy()
    system = TorchModel(network)
    with pytest.raises(HomologueError, match=r"channels_last=False \(3 units\)"):
        system.record(series, sites="1")
    mean = system.record(series, sites="1", channels_last=False)
    np.testing.assert_allclose(mean.values, wanted.mean(axis=2), rtol=1e-5, atol=1e-6)
    samples = system.record(series, sites="1", channels_last=False, space="samples")
    np.testing.assert_allclose(
        samples.values, wanted.transpose(0, 2, 1).reshape(-1, 3), rtol=1e-5, atol=1e-6
    )


def test_stimuli_of_different_shapes_are_refused(mlp):
    system = TorchModel(mlp)
    with pytest.raises(HomologueError, match="different shapes"):
        system.record([np.zeros(3, "float32"), np.zeros(2, "float32")], sites="0")
    with pytest.raises(HomologueError, match="pictures"):
        system.record(np.zeros((2, 8, 8, 3), dtype="uint8"), sites="0")


@pytest.mark.filterwarnings("ignore")  # torch's compiler warns of its own accord
def test_compiled_networks_are_read_as_written(mlp, inputs):
    plain = TorchModel(mlp).record(inputs, sites=["1", "3"])
    whole = torch.compile(mlp, backend="eager")
    whole(torch.from_numpy(inputs))  # compiled before any hook is there
    rec = TorchModel(whole).record(inputs, sites=["1", "3"])
    np.testing.assert_array_equal(rec.values, plain.values)
    assert rec["site"].values.tolist() == plain["site"].values.tolist()
    inside = copy.deepcopy(mlp)
    inside[1] = torch.compile(inside[1], backend="eager")
    inside[3].compile(backend="eager")
    inside(torch.from_numpy(inputs))
    rec = TorchModel(inside).record(inputs, sites=["1", "3"])
    np.testing.assert_array_equal(rec.values, plain.values)
    assert hook_count(inside) == 0


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_precision_of_weights(mlp, inputs, dtype):
    reference = TorchModel(mlp).record(inputs, sites=["1", "3"])
    system = TorchModel(mlp, dtype=dtype)
    rec = system.record(inputs, sites=["1", "3"])
    assert rec.dtype == np.float32
    assert rec.attrs["precision"] == dtype
    tolerance = {"bfloat16": 3e-2, "float16": 3e-3, "float64": 1e-5}[dtype]
    np.testing.assert_allclose(rec.values, reference.values, atol=tolerance, rtol=tolerance)
    assert mlp[0].weight.dtype == torch.float32  # the user's own is not converted
    assert system.model is not mlp
    assert TorchModel(mlp).model is mlp


def test_activity_beyond_half_precision_is_an_error(inputs):
    network = nn.Sequential(nn.Linear(3, 3)).half()
    with torch.no_grad():
        network[0].weight.fill_(6e4)
    with pytest.raises(HomologueError, match="Inf"):
        TorchModel(network).record(np.ones((2, 3), "float32"), sites="0")


def test_a_recording_that_memory_cannot_hold_is_refused(mlp, inputs, monkeypatch):
    from homologue.systems import _memory

    monkeypatch.setattr(_memory, "available_bytes", lambda: 100)
    with pytest.raises(HomologueError, match="7 samples × 4 units need"):
        TorchModel(mlp).record(inputs, sites="1")


def test_bad_models():
    with pytest.raises(HomologueError, match="given str"):
        TorchModel("gpt2")
    with pytest.raises(HomologueError, match="floating-point"):
        TorchModel(nn.Linear(1, 1), dtype="int8")
    with pytest.raises(HomologueError, match="kind is"):
        TorchModel(nn.Linear(1, 1), kind="brain")


def test_two_threads_on_one_network(mlp, inputs):
    from concurrent.futures import ThreadPoolExecutor

    wanted = TorchModel(mlp).record(inputs, sites="3").values
    system = TorchModel(mlp)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: system.record(inputs, sites="3").values, range(12)))
    for values in found:
        np.testing.assert_array_equal(values, wanted)


def test_progress(mlp, inputs):
    told = []
    TorchModel(mlp).record(
        inputs, sites="1", batch_size=3, progress=lambda done, total: told.append((done, total))
    )
    assert told == [(3, 7), (6, 7), (7, 7)]


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when the test says so."""
    seconds = [100.0]
    monkeypatch.setattr(_progress, "monotonic", lambda: seconds[0])
    return seconds


def test_a_rate_is_that_of_this_run(clock):
    per_second = _progress.pace()
    assert per_second(5000) is None
    clock[0] += 4
    assert per_second(5000) is None
    assert per_second(5200) == 50.0
    clock[0] += 6
    assert per_second(6000) == 100.0


def test_a_bar_says_how_fast_it_goes(monkeypatch, clock):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    with _progress.shown_progress(wanted=True, name="smollm2-135m") as tell:
        tell(500, 1000)
        clock[0] += 2
        tell(600, 1000)
    assert " 50 samples/s" in sys.stderr.getvalue()
    assert "…" not in sys.stderr.getvalue()


def test_away_from_a_terminal_a_line_is_written_now_and_then(capsys, clock):
    with _progress.shown_progress(wanted=True, name="toy", what="values") as tell:
        for done in range(0, 3001, 60):
            tell(done, 3000)
            clock[0] += 1.5
    assert capsys.readouterr() == (
        "",
        "homologue: toy: 1200 of 3000 values, 40 values/s, 0:00:45 left\n"
        "homologue: toy: 2400 of 3000 values, 40 values/s, 0:00:15 left\n",
    )


@pytest.mark.parametrize(("wanted", "seconds"), [(True, 1.4), (False, 1000), (None, 1000)])
def test_short_and_quiet_recordings_say_nothing(capsys, clock, wanted, seconds):
    with _progress.shown_progress(wanted, "toy") as tell:
        for done in range(1, 21):
            clock[0] += seconds
            if tell is not None:
                tell(done, 20)
    assert capsys.readouterr() == ("", "")
