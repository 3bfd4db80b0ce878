"""Token context: planted contexts, log-odds by hand, measured false-positive rates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from homologue._errors import HomologueError, InvalidDesign, InvalidRecording, UnknownName
from homologue.recording import make, variable
from homologue.tuning import token_context
from homologue.tuning.receptive_fields import _tokens

WORDS = np.array(["the", "cat", "sat", "on", "a", "mat", "and", "dog"])


def documents(activity, codes, **options):
    """A recording of equally long documents, (document, position, unit)."""
    count, length, units = activity.shape
    return make(
        activity.reshape(-1, units),
        group=np.repeat(np.arange(count), length),
        variables={
            "position": np.tile(np.arange(length), count),
            "token": variable(WORDS[codes.ravel()]),
        },
        **options,
    )


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_planted_contexts_are_found_at_their_offsets(rng):
    codes = rng.integers(0, 8, (60, 20))
    activity = rng.standard_normal((60, 20, 4))
    activity[:, :, 0] += 2 * (codes == 1)
    activity[:, 2:, 1] += 2 * (codes[:, :-2] == 7)
    activity[:, 1:, 2] -= 2 * (codes[:, :-1] == 3)
    found = token_context(documents(activity, codes), rng=0, keep=3, permutations=99)
    assert found.context_token.values[:3, 0].tolist() == ["cat", "dog", "on"]
    assert found.offset.values[:3, 0].tolist() == [0, -2, -1]
    assert (found.p.values[:3, 0] == 0.01).all()
    assert (found.p.values[3] > 0.05).all()
    assert np.sign(found.effect.values[:3, 0]).tolist() == [1, 1, -1]
    assert (np.sign(found.log_odds.values[:3, 0]) == [1, 1, -1]).all()
    assert (found.low.values[:3, 0] < [2.3, 2.3, -1.7]).all()
    assert (np.abs(found.effect.values[:3, 0]) > 1.7).all()


def test_effect_and_log_odds_by_hand(rng):
    codes = rng.integers(0, 8, (20, 10))
    activity = rng.standard_normal((20, 10, 1))
    found = token_context(
        documents(activity, codes), rng=0, offsets=(-1,), keep=2, high=0.75, permutations=19
    )
    word = found.context_token.values[0, 0]
    before = np.zeros((20, 10), bool)
    before[:, 1:] = WORDS[codes[:, :-1]] == word
    values = activity[:, :, 0]
    assert found.effect.values[0, 0] == pytest.approx(
        values[before].mean() - values[~before].mean(), abs=1e-5
    )
    loud = values > np.quantile(values, 0.75)
    table = [(loud & before), (~loud & before), (loud & ~before), (~loud & ~before)]
    a, b, c, d = (part.sum() + 0.5 for part in table)
    assert found.log_odds.values[0, 0] == pytest.approx(np.log(a * d / (b * c)))
    assert found.n.values[0, 0] == before.any(axis=1).sum()


@pytest.mark.parametrize("kind", ["slow", "first", "tails"])
def test_tokens_that_mean_nothing(kind):
    """Slow activity; a first token that is large and a fixed first word; heavy tails."""
    hits = []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, 8, (40, 15))
        if kind == "slow":
            noise = rng.standard_normal((40, 115, 15))
            activity = lfilter([1.0], [1.0, -0.95], noise, axis=1)[:, 100:]
            codes = np.sort(codes, axis=1)  # tokens too come in runs
        elif kind == "first":
            activity = rng.standard_normal((40, 15, 15))
            activity[:, 0] += 20
            codes[:, 0] = 0
        else:
            activity = rng.standard_t(1.5, (40, 15, 15))
        rec = documents(activity, codes)
        found = token_context(rec, rng=seed, keep=1, permutations=99)
        hits.append((found.p.values <= 0.05).mean())
    assert np.mean(hits) <= 0.05 + 2 * np.std(hits, ddof=1) / 4
    assert np.mean(hits) >= 0.005 or kind == "first"


def test_units_and_blocks_do_not_matter(rng, monkeypatch):
    codes = rng.integers(0, 8, (25, 10))
    rec = documents(rng.standard_normal((25, 10, 5)), codes)
    found = token_context(rec, rng=1, permutations=39)
    order = np.array([4, 1, 0, 3, 2])
    moved = token_context(rec.isel(unit=order), rng=1, permutations=39)
    monkeypatch.setattr(_tokens, "_BLOCK_BYTES", 1)
    small = token_context(rec, rng=1, permutations=39)
    for name in ("effect", "p", "standardised", "log_odds"):
        np.testing.assert_allclose(moved[name], found[name].values[order], atol=1e-9)
        np.testing.assert_allclose(small[name], found[name].values, atol=1e-9)


def test_texts_of_one_group_do_not_run_into_each_other(rng):
    codes = rng.integers(0, 8, (40, 10))
    rec = documents(rng.standard_normal((40, 10, 2)), codes)
    two = rec.assign_coords(
        group=("sample", np.repeat(np.arange(20), 20)),
        stimulus=("sample", np.repeat(np.arange(40), 10)),
    )
    pairs = _tokens._pairs(two, np.arange(400), [-1], "token", 1)
    assert pairs.size.sum() == 40 * 9


def test_reasons_and_refusals(rng):
    codes = rng.integers(0, 8, (20, 6))
    activity = rng.standard_normal((20, 6, 2))
    activity[:, :, 1] = 3
    rec = documents(activity, codes)
    found = token_context(rec, rng=0, permutations=19)
    assert found.reason.values.tolist() == ["", "constant activity"]
    assert np.isnan(found.p.values[1]).all()
    with pytest.raises(InvalidDesign, match="no token stands"):
        token_context(rec, rng=0, minimum_groups=50)
    with pytest.raises(HomologueError, match="offsets name"):
        token_context(rec, rng=0, offsets=())
    with pytest.raises(UnknownName, match="position"):
        token_context(rec.drop_vars("position"), rng=0)
    words = rec.assign_coords(token=("sample", rng.standard_normal(120)))
    with pytest.raises(InvalidRecording, match="tokens are codes"):
        token_context(words, rng=0)
    with pytest.raises(InvalidDesign, match="distinct arrangements"):
        token_context(rec.isel(sample=slice(0, 18)), rng=0, minimum_groups=1)
