"""On a torch device: the same numbers; counts, ranks and drawn samples exactly the same."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from homologue import recording
from homologue import reducers as R
from homologue.reducers import _arrays, _pass

EXACT = ("count", "sample", "n", "above", "below", "missing")


def make_recording(missing):
    rng = np.random.default_rng(7)
    values = np.round(1e3 + rng.standard_normal((900, 5)), 1).astype(np.float32)
    values[rng.random(values.shape) < missing] = np.nan
    return recording.make(
        values,
        stimulus=recording.variable(rng.integers(-1, 4, 900), categories=list("abcd")),
        variables={"speed": rng.standard_normal(900)},
    )


def several(missing):
    return {
        "counts": R.Counts(above=(1000.0, 1000.1)),
        "moments": R.Moments(order=4, missing=missing),
        "classes": R.ClassSums("stimulus", missing=missing),
        "cross": R.CrossMoments(missing=missing),
        "speed": R.VariableMoments("speed", missing=missing),
        "top": R.TopK(20, missing=missing),
        "bottom": R.TopK(20, largest=False, missing=missing),
        "histogram": R.Histogram(np.linspace(998, 1002, 41), missing=missing),
        "sample": R.Sample(9, rng=1, missing=missing),
    }


def check_device(device, missing, tmp_path):
    rec, option = make_recording(missing), "skip" if missing else "refuse"
    whole = R.run(rec, several(option))
    with mock.patch.object(_pass, "_BLOCK_BYTES", 20 * 90):
        one = R.Pass(several(option), device=device)
        one.update(rec[:400])
        other = R.Pass(several(option), start=600)  # NumPy
        other.update(rec[600:])
        middle = R.Pass.load(one.save(tmp_path / "one.npz"), several(option), device=device)
        middle.update(rec[400:600])
        found = middle.merge(other).results()
    for name, expected in whole.items():
        for key in expected.data_vars:
            compare = (
                np.testing.assert_array_equal
                if key in EXACT or name in ("top", "bottom", "sample", "histogram")
                else lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)
            )
            compare(found[name][key].values, expected[key].values)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_torch_on_the_cpu(missing, tmp_path):
    check_device("cpu", missing, tmp_path)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_product_that_devices_take_instead_of_atomic_sums(missing, tmp_path):
    with mock.patch.object(_arrays, "on_cpu", lambda array: not _arrays.is_tensor(array)):
        check_device("cpu", missing, tmp_path)


@pytest.mark.needs_gpu
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_cuda(missing, tmp_path):
    check_device("cuda", missing, tmp_path)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float64", "int32"])
def test_tensors_of_any_precision(name):
    import torch

    values = torch.arange(24).reshape(8, 3).to(getattr(torch, name))
    labels = {"x": R.Label(np.arange(8) % 2)}
    found = R.run(
        [R.Block(values[:5], {"x": labels["x"].__class__(np.arange(5) % 2)}),
         R.Block(values[5:], {"x": R.Label(np.arange(5, 8) % 2)}, start=5)],
        [R.Moments(), R.TopK(2), R.ClassSums("x")],
    )  # fmt: skip
    wide = np.arange(24.0).reshape(8, 3)
    np.testing.assert_array_equal(found[0]["mean"], wide.mean(0))
    np.testing.assert_array_equal(found[1]["value"], wide[[7, 6]])
    np.testing.assert_array_equal(found[2]["sum"], [wide[::2].sum(0), wide[1::2].sum(0)])
