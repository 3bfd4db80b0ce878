"""Receptive fields of a grasshopper's ear, a vision network and a language model."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from homologue import stimuli, systems
from homologue.systems.brains import grasshopper
from homologue.tuning import (
    around,
    peri_event,
    receptive_field,
    token_context,
    triggered_covariance,
)

# A grasshopper's auditory receptor


def test_the_receptor_follows_loudness_by_some_milliseconds():
    rec = grasshopper.read(0.001)
    found = receptive_field(rec, "envelope", rng=0, lags=range(14), permutations=39)
    average = found.average.values[0]
    # The peak, against an average taken spike by spike on the sound at 50 µs.
    level, times = grasshopper.envelope(1), grasshopper.spike_times(1)
    index = (times / grasshopper.STEP_SECONDS).astype(int)
    index = index[index > 400]
    plain = np.stack([level[i - 400 : i] for i in index]).mean(axis=0)
    delay = (400 - plain.argmax()) * grasshopper.STEP_SECONDS
    assert found.lag_seconds.values[average.argmax()] == pytest.approx(delay, abs=0.001)
    assert average.max() > 3  # dB
    assert found.average_p.values[0, average.argmax()] == 1 / 40
    assert found.effect.item() > 0.2
    assert found.low.item() > found.null_mean.item() + 3 * found.null_std.item()
    assert found.p.item() == 1 / 40
    assert np.isnan(found.ceiling.item())
    assert "repeated" in found.ceiling_reason.item()
    assert "circular shift" in found.attrs["null"]


# EfficientNet-Lite0


@pytest.fixture(scope="module")
def network():
    return systems.vision("efficientnet-lite0", device="cpu")


def local(pictures: stimuli.Stimuli, reach: int = 4) -> xr.DataArray:
    """The pixels around the middle unit of the first convolution (stride 2)."""
    grey = stimuli.images.luminance(pictures, 224)
    here = slice(112 - reach, 112 + reach + 1)
    return grey.isel(row=here, column=here)


def middle(network, pictures: stimuli.Stimuli, site: str) -> xr.DataArray:
    rec = network.record(pictures, sites=site, space="units", batch_size=16)
    return rec.isel(unit=np.flatnonzero((rec.x.values == 56) & (rec.y.values == 56)))


def kernels(network) -> np.ndarray:
    """The first convolution's weights for grey, in the window's nine by nine pixels."""
    weight = network.model._conv_stem.weight.detach().numpy().sum(axis=1)
    placed = np.zeros((len(weight), 9, 9))
    # Padding (0, 1): unit 56 sees pixels 112 … 114.
    placed[:, 4:7, 4:7] = weight
    return placed


def similarity(field: xr.DataArray, truth: np.ndarray) -> np.ndarray:
    """Cosine of each unit's field with the truth."""
    one, other = field.values.reshape(len(field), -1), truth.reshape(len(truth), -1)
    return np.sum(one * other, 1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


def test_reverse_correlation_finds_a_networks_first_kernels(network):
    noise = stimuli.images.white_noise(n_pictures=128, n_checks=224)
    rec = middle(network, noise, "_conv_stem")
    found = receptive_field(rec, local(noise), rng=0, permutations=19)
    truth = kernels(network)
    strong = np.linalg.norm(truth, axis=(1, 2)) > 0.1
    assert strong.sum() >= 20
    assert (similarity(found.field, truth)[strong] > 0.99).all()
    assert (found.effect.values[strong] > 0.99).all()
    assert (similarity(found.average, truth)[strong] > 0.5).mean() > 0.9


def test_natural_patches_need_their_correlations_taken_out(network):
    patches = stimuli.images.natural_patches(n_patches=128, patch=112, size=224)
    rec = middle(network, patches, "_conv_stem")
    found = receptive_field(rec, local(patches), rng=0, permutations=19)
    truth = kernels(network)
    strong = np.linalg.norm(truth, axis=(1, 2)) > 0.1
    sharp, blurred = similarity(found.field, truth), similarity(found.average, truth)
    assert np.median(sharp[strong]) > np.median(blurred[strong])
    assert np.median(found.effect.values[strong]) > 0.9


def test_a_block_behind_it_is_still_read_from_pixels(network):
    noise = stimuli.images.white_noise(n_pictures=80, n_checks=224, rng=1)
    rec = middle(network, noise, "_blocks.0")
    found = receptive_field(rec, local(noise), rng=0, permutations=39)
    assert (found.p.values < 0.05).mean() > 0.5
    assert found.effect.values.max() > 0.5
    squared = triggered_covariance(rec, local(noise), rng=0, components=9, permutations=19)
    assert squared.p.values[:, 0].min() == 0.05


# SmolLM2

NOUNS = ["cat", "dog", "tree", "house", "river", "stone", "table", "chair", "apple", "bread"]
LINKS = ["and", "the", "of", "with", "near", "under", "for", "to"]


@pytest.fixture(scope="module")
def spoken():
    """Forty texts of random words, each with three sevens among them."""
    rng = np.random.default_rng(0)
    texts = []
    for _ in range(40):
        words = rng.choice(NOUNS + LINKS, 30)
        words[rng.choice(np.arange(4, 28, 4), 3, replace=False)] = "seven"
        texts.append(" ".join(words))
    llm = systems.language("smollm2-135m", device="cpu")
    return llm.record(texts, sites="mlp_post.1")


def words_of(rec: xr.DataArray) -> np.ndarray:
    return np.array(rec.token.attrs["categories"], dtype=object)[rec.token.values]


def test_contexts_hold_in_texts_that_were_not_used(spoken):
    half = spoken.group.values < 20
    one = spoken.isel(sample=np.flatnonzero(half), unit=slice(0, 200))
    other = spoken.isel(sample=np.flatnonzero(~half), unit=slice(0, 200))
    found = token_context(one, rng=0, keep=1, permutations=39)
    sure = np.flatnonzero(found.q.values[:, 0] < 0.05)
    assert sure.size > 100
    assert (found.offset.values[sure, 0] == 0).mean() > 0.5
    words = words_of(other)
    agree = []
    for unit in sure:
        back = -int(found.offset.values[unit, 0])
        here = np.zeros(words.size, bool)
        here[back:] = words[: words.size - back] == found.context_token.values[unit, 0]
        here &= other.position.values >= back
        values = other.values[:, unit]
        agree.append(np.sign(values[here].mean() - values[~here].mean()))
    assert (np.array(agree) == np.sign(found.effect.values[sure, 0])).mean() > 0.95


def test_units_respond_to_a_word_as_neurons_to_an_event(spoken):
    words = words_of(spoken)
    event = np.char.strip(words.astype(str)) == "seven"
    rng = np.random.default_rng(1)
    other = ~event & (rng.random(event.size) < 0.2) & (spoken.position.values >= 3)
    seen, plain = around(spoken, event, window=(-2, 2)), around(spoken, other, window=(-2, 2))
    windows = {"baseline": (-1, 0), "response": (0, 1), "draws": 100, "permutations": 499}
    found = peri_event(seen, rng=0, control=plain, **windows)
    assert found["mean"].dims == ("unit", "lag")
    assert (found.q.values < 0.05).mean() > 0.3
    # At places that mean nothing, next to nothing passes.
    half = plain.trial.values % 2 == 0
    one, two = (plain.isel(sample=np.flatnonzero(part)) for part in (half, ~half))
    nothing = peri_event(one, rng=0, control=two, **windows)
    assert (nothing.p.values < 0.05).mean() < 0.1
