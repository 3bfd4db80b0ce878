"""Perturbations as values: closed forms on NumPy and torch, needs, refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import homologue as hm
from homologue import perturb
from homologue._errors import HomologueError, UnknownName
from homologue.recording import make
from homologue.systems import Intervention, Reference
from homologue.systems._targets import columns_of

RNG = np.random.default_rng(0)
X = RNG.standard_normal((5, 4, 6)).astype(np.float32)
REFERENCE = Reference.of(3 + 2 * RNG.standard_normal((50, 6)))
COLUMNS = [1, 4, 3]


def expected(kind):
    """Return what NumPy, written out by hand, makes of X."""
    out = X.copy()
    mean, spread = REFERENCE.mean[COLUMNS], REFERENCE.standard_deviation[COLUMNS]
    out[..., COLUMNS] = {
        "zero": 0 * X[..., COLUMNS],
        "mean": np.broadcast_to(mean, (5, 4, 3)),
        "cool": 0.3 * X[..., COLUMNS],
        "stimulate": X[..., COLUMNS] + 1.5 * spread,
        "clamp": np.full((5, 4, 3), 2.0),
        "patch": np.broadcast_to([7, 8, 9], (5, 4, 3)),
    }[kind]
    return out


VALUES = {
    "zero": perturb.ablate(COLUMNS, site="a"),
    "mean": perturb.ablate(COLUMNS, site="a", mode="mean"),
    "cool": perturb.cool(COLUMNS, 0.3, site="a"),
    "stimulate": perturb.stimulate(COLUMNS, 1.5, site="a"),
    "clamp": perturb.clamp(COLUMNS, 2, site="a"),
    "patch": perturb.patch(COLUMNS, np.array([7.0, 8, 9]), site="a"),
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_what_is_done_to_units(kind, library):
    given = X.copy() if library == "numpy" else torch.from_numpy(X.copy())
    out = VALUES[kind].apply(given, columns=COLUMNS, reference=REFERENCE)
    np.testing.assert_allclose(np.asarray(out), expected(kind), rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(given), X)
    assert out.dtype == given.dtype
    assert isinstance(VALUES[kind], Intervention)


def test_half_precision_stays_half():
    out = VALUES["stimulate"].apply(
        torch.from_numpy(X).bfloat16(), columns=COLUMNS, reference=REFERENCE
    )
    assert out.dtype == torch.bfloat16


def test_resampling_takes_whole_rows_and_is_seeded():
    one = perturb.ablate("a", mode="resample")
    out = one.apply(X, reference=REFERENCE, rng=3)
    rows = REFERENCE.samples.astype(np.float32)
    hits = (out.reshape(-1, 1, 6) == rows[None]).all(axis=2)
    assert hits.any(axis=1).all()
    assert hits.argmax(axis=1).size > np.unique(hits.argmax(axis=1)).size > 5
    np.testing.assert_array_equal(out, one.apply(X, reference=REFERENCE, rng=3))
    some = perturb.ablate(COLUMNS, site="a", mode="resample")
    np.testing.assert_array_equal(
        some.apply(X, columns=COLUMNS, reference=REFERENCE, rng=3)[..., COLUMNS], out[..., COLUMNS]
    )


def test_noise_has_the_spread_it_says():
    zero = np.zeros((4000, 6))
    out = perturb.noise("a", 0.5).apply(zero, reference=REFERENCE, rng=0)
    np.testing.assert_allclose(out.std(axis=0), 0.5 * REFERENCE.standard_deviation, rtol=0.05)


def test_directions():
    vector = RNG.standard_normal(6)
    unit = vector / np.linalg.norm(vector)
    along = perturb.direction(vector, "a")
    gone = perturb.ablate(along).apply(X)
    np.testing.assert_allclose(gone, X - (X @ unit)[..., None] * unit, atol=1e-5)
    held = perturb.clamp(along, 2.5).apply(X)
    np.testing.assert_allclose(held @ unit, 2.5, atol=1e-5)
    pushed = perturb.stimulate(along, 2).apply(X, reference=REFERENCE)
    spread = (REFERENCE.samples @ unit).std()
    np.testing.assert_allclose(pushed, X + 2 * spread * unit, atol=1e-4)
    usual = perturb.ablate(along, mode="mean").apply(X, reference=REFERENCE)
    np.testing.assert_allclose(usual @ unit, REFERENCE.mean @ unit, atol=1e-5)
    np.testing.assert_allclose(
        perturb.steer(vector, -3, site="a").apply(X), X - 3 * vector, atol=1e-5
    )
    np.testing.assert_allclose(perturb.steer(along, 1).apply(X), X + unit, atol=1e-5)


def test_features_change_by_their_activation():
    encoder, decoder, shift = RNG.standard_normal((3, 6))
    one = perturb.feature(encoder, decoder, "a", bias=-0.2, decoder_bias=shift)
    code = np.maximum((X - shift) @ encoder - 0.2, 0)[..., None]
    assert 0 < (code > 0).mean() < 1
    np.testing.assert_allclose(perturb.ablate(one).apply(X), X - code * decoder, atol=1e-5)
    np.testing.assert_allclose(
        perturb.cool(one, 3).apply(X), X + 2 * code * decoder, rtol=1e-4, atol=1e-4
    )


def test_silencing_removes_nan_too():
    assert not perturb.ablate("a").apply(np.full((2, 3), np.nan)).any()


def test_what_units_can_be():
    rec = make(np.ones((3, 2)), unit=["m/0", "m/7"], site=["m", "m"])
    assert perturb.ablate(rec[:, 1:]).units == ("m/7",)
    assert perturb.ablate(rec).units == ("m/0", "m/7")
    assert perturb.ablate(range(2), site="m").units == ("m/0", "m/1")
    assert perturb.ablate(["m", "n/3"]).units == ("m", "n/3")
    assert perturb.ablate(perturb.heads(2, 1)).units == ("z.2/head.1",)
    assert hm.perturb.ablate("m").units == ("m",)


def test_values_are_frozen_and_equal_by_value():
    assert VALUES["cool"] == perturb.cool(COLUMNS, 0.3, site="a")
    assert hash(VALUES["cool"]) == hash(perturb.cool(COLUMNS, 0.3, site="a"))
    assert VALUES["cool"].at(0.5) == perturb.cool(COLUMNS, 0.5, site="a")
    assert perturb.direction([1.0, 2], "a") == perturb.direction([2.0, 4], "a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        VALUES["cool"].dose = 2
    assert VALUES["cool"].name == "cool(a/1, a/4, a/3, 0.3)"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: perturb.ablate("a", mode="median"), "mode is one of zero, mean, resample"),
        (lambda: perturb.ablate([1, 2]), "say of which site"),
        (lambda: perturb.ablate([]), "no unit"),
        (lambda: perturb.ablate([1.5], site="a"), "units are names"),
        (lambda: perturb.cool("a", np.nan), "finite number"),
        (lambda: perturb.clamp("a", "much"), "finite number"),
        (lambda: perturb.noise("a", -1), "not negative"),
        (lambda: perturb.steer([1.0, 2], 1), "site='…'"),
        (lambda: perturb.steer([0.0, 0], 1, site="a"), "not zero"),
        (lambda: perturb.steer(perturb.heads(1, 0), 1), "given units"),
        (lambda: perturb.patch("a", None), "needs a source"),
        (lambda: perturb.ablate("a", window=(1, 0)), "start before stop"),
        (lambda: perturb.ablate("a").at(2), "has no dose"),
        (lambda: perturb.feature([1.0], [1.0, 2], "a"), "one number a unit"),
        (lambda: perturb.heads(1, -1), "numbers from 0"),
        (lambda: VALUES["mean"].apply(X, columns=COLUMNS), "reference=recording or stimuli"),
        (
            lambda: VALUES["mean"].apply(X[..., :5], columns=COLUMNS, reference=REFERENCE),
            "whole site",
        ),
        (lambda: perturb.noise("a", 1).apply(X, reference=REFERENCE), "pass rng=0"),
        (lambda: perturb.patch("a", np.ones((3, 6))).apply(X), "does not broadcast"),
        (lambda: perturb.steer([1.0, 2], 1, site="a").apply(X), "2 numbers, the site 6"),
    ],
)
def test_refusals(wrong, says):
    with pytest.raises(HomologueError, match=says):
        wrong()


def test_unknown_units_name_the_nearest():
    layout = {"ring": ["ring/0", "ring/1"]}
    with pytest.raises(UnknownName, match="ring/1"):
        columns_of(["rng/1"], layout, system="toy")
    assert columns_of(["ring/1", "ring"], layout, system="toy")["ring"].tolist() == [1, 0]
