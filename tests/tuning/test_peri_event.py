"""Activity around events: by hand, planted responses, measured false rates."""

from __future__ import annotations

import numpy as np
import pytest

from homologue._errors import InvalidDesign, InvalidRecording, UnknownName
from homologue.recording import make, variable
from homologue.spikes import Spikes
from homologue.tuning import around, peri_event

WINDOWS = {"baseline": (-0.5, 0.0), "response": (0.0, 0.5)}


def trials(values: np.ndarray, group: np.ndarray | None = None):
    """Recording of trial × lag × unit, ten lags of .1 s around the event."""
    count, lags, units = values.shape
    lag = np.round(-0.45 + 0.1 * np.arange(lags), 12)
    trial = np.repeat(np.arange(count), lags)
    return make(
        values.reshape(-1, units),
        group=trial if group is None else group[trial],
        variables={"lag": variable(np.tile(lag, count)), "trial": variable(trial)},
    )


@pytest.fixture
def rng():
    return np.random.default_rng(2)


# By hand


def test_effect_and_course_are_plain_means(rng):
    values = rng.poisson(3.0, (12, 10, 4)).astype(float)
    found = peri_event(trials(values), rng=0, **WINDOWS)
    by_hand = values[:, 5:].mean(axis=(0, 1)) - values[:, :5].mean(axis=(0, 1))
    assert found.effect.values == pytest.approx(by_hand)
    assert found["mean"].values == pytest.approx(values.mean(axis=0).T)
    assert (found.mean_low <= found["mean"]).all()
    assert (found["mean"] <= found.mean_high).all()
    total = values[:, 5:].mean(axis=(0, 1)) + values[:, :5].mean(axis=(0, 1))
    assert found.modulation.values == pytest.approx(by_hand / total)
    assert found.lag.values == pytest.approx(-0.45 + 0.1 * np.arange(10))


def test_p_is_that_of_all_swaps():
    """Eight trials that all rise: two of 256 sign patterns reach the observed mean."""
    values = np.zeros((8, 10, 1))
    values[:, 5:, 0] = np.arange(1, 9)[:, None]
    found = peri_event(trials(values), rng=0, permutations=20_000, **WINDOWS)
    assert found.p.item() == pytest.approx(2 / 256, abs=0.002)


# Planted responses


def test_rises_and_falls_are_found_and_steady_units_are_not(rng):
    rate = np.full((60, 10, 100), 2.0)
    rate[:, 5:, :10] += 1.5
    rate[:, 5:, 10:20] -= 1.2
    found = peri_event(trials(rng.poisson(rate)), rng=0, **WINDOWS)
    assert (found.q.values[:20] < 0.05).all()
    # One false discovery is expected among 21; five or more have probability .002.
    assert (found.q.values[20:] < 0.05).sum() <= 4
    assert (found.modulation.values[:10] > 0).all()
    assert (found.modulation.values[10:20] < 0).all()
    true = np.repeat([1.5, -1.2, 0.0], [10, 10, 80])
    covered = (found.low.values <= true) & (true <= found.high.values)
    assert covered.mean() >= 0.9


def test_tokens_take_the_place_of_time(rng):
    position = np.tile(np.arange(8), 30)
    values = rng.standard_normal((240, 2))
    values[position >= 4, 0] += 1
    rec = make(values, group=np.repeat(np.arange(30), 8),
               variables={"position": variable(position)})  # fmt: skip
    found = peri_event(rec, baseline=(0, 4), response=(4, 8), along="position", rng=0)
    assert found["mean"].dims == ("unit", "position")
    assert found.p.values[0] < 0.01 < found.p.values[1]


def test_time_outside_the_observed_intervals_does_not_count(rng):
    values = rng.poisson(3.0, (20, 10, 3)).astype(float)
    gap = values.copy()
    gap[:6, 2, 1] = np.nan
    found = peri_event(trials(gap), rng=0, **WINDOWS)
    assert found.n.values.tolist() == [20, 14, 20]
    alone = peri_event(trials(values[6:]), rng=0, **WINDOWS)
    assert found.effect.values[1] == pytest.approx(alone.effect.values[1])
    assert np.isfinite(found.low.values).all()


# Windows around tokens


def texts(values: np.ndarray, **variables: np.ndarray):
    """Documents × positions × units."""
    count, length, units = values.shape
    return make(
        values.reshape(-1, units),
        group=np.repeat(np.arange(count), length),
        variables={
            "position": np.tile(np.arange(length), count),
            **{name: each.ravel() for name, each in variables.items()},
        },
    )


def test_windows_stay_within_their_document(rng):
    values = np.arange(40.0).reshape(4, 10, 1)
    mask = np.zeros((4, 10), bool)
    mask[0, 5] = mask[1, 1] = mask[2, 8] = mask[3, 2] = mask[3, 7] = True
    cut = around(texts(values, keyword=mask), "keyword", window=(-2, 3))
    assert cut.attrs["events_left_out"] == 2
    assert cut.values.reshape(3, 5).tolist() == [
        [3, 4, 5, 6, 7], [30, 31, 32, 33, 34], [35, 36, 37, 38, 39]
    ]  # fmt: skip
    assert cut.group.values.reshape(3, 5)[:, 0].tolist() == [0, 3, 3]
    assert cut.lag.values[:5].tolist() == [-2, -1, 0, 1, 2]
    shuffled = texts(values, keyword=mask).isel(sample=rng.permutation(40))
    again = around(shuffled, "keyword", window=(-2, 3))
    assert again.values.ravel().tolist() == cut.values.ravel().tolist()


def test_responses_to_a_token_are_found(rng):
    mask = rng.random((40, 30)) < 0.06
    values = rng.standard_normal((40, 30, 3))
    values[:, :, 0] += 2 * mask + np.roll(mask, 1, axis=1)
    cut = around(texts(values, keyword=mask), "keyword", window=(-2, 2))
    found = peri_event(cut, baseline=(-2, 0), response=(0, 2), rng=0)
    assert (found.p.values < 0.01).tolist() == [True, False, False]
    assert found.effect.values[0] == pytest.approx(1.5, abs=0.3)


def test_a_control_takes_off_what_the_position_does():
    """Activity grows along a document and means nothing: only the control says so."""
    plain, matched = [], []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        values = rng.standard_normal((30, 30, 20)) + np.arange(30)[:, None] / 6
        where = rng.permuted(np.tile(np.arange(30), (30, 1)), axis=1)
        rec = texts(values, event=where < 3, other=where >= 27)
        options = {"baseline": (-2, 0), "response": (0, 2), "rng": seed, "draws": 100}
        cut = around(rec, "event", window=(-2, 2))
        control = around(rec, "other", window=(-2, 2))
        plain.append((peri_event(cut, permutations=199, **options).p <= 0.05).mean())
        with_it = peri_event(cut, control=control, permutations=199, **options)
        matched.append((with_it.p <= 0.05).mean())
    assert np.mean(plain) > 0.3
    assert np.mean(matched) <= 0.05 + 2 * np.std(matched, ddof=1) / 4


def test_events_and_controls_that_do_not_fit_are_refused(rng):
    rec = texts(rng.standard_normal((8, 10, 2)))
    middle = rec.position == 5
    with pytest.raises(InvalidDesign, match="is empty"):
        around(rec, middle, window=(1, 1))
    with pytest.raises(InvalidDesign, match="none with samples"):
        around(rec, middle, window=(-8, 8))
    with pytest.raises(InvalidRecording, match="true or false"):
        around(rec, "position", window=(-1, 1))
    with pytest.raises(InvalidRecording, match="given shape"):
        around(rec, np.ones(3, bool), window=(-1, 1))
    with pytest.raises(UnknownName, match="keyword"):
        around(rec, "keyword", window=(-1, 1))
    cut = around(rec, middle, window=(-1, 1))
    windows = {"baseline": (-1, 0), "response": (0, 1), "rng": 0}
    with pytest.raises(InvalidRecording, match="other units"):
        peri_event(cut, control=cut[:, :1], **windows)
    apart = cut.assign_coords(group=("sample", cut.group.values + 100))
    with pytest.raises(InvalidDesign, match="shares no group"):
        peri_event(cut, control=apart, **windows)


# Measured false-positive rates


@pytest.mark.parametrize("kind", ["poisson", "gain", "groups"])
def test_nothing_happens_at_events_that_mean_nothing(kind):
    """Poisson trials, trials of uneven gain, blocks of five trials that drift together."""
    hits = []
    for seed in range(24):
        rng = np.random.default_rng(seed)
        rate = np.full((40, 10, 25), 1.0)
        group = None
        if kind == "gain":
            rate = rate * rng.gamma(1.0, 1.0, (40, 1, 25))
        if kind == "groups":
            group = np.arange(40) // 5
            slope = rng.standard_normal((8, 25))[group]
            rate[:, 5:] = np.exp(slope / 2)[:, None]
            rate[:, :5] = np.exp(-slope / 2)[:, None]
        rec = trials(rng.poisson(rate), group)
        p = peri_event(rec, rng=seed, permutations=399, draws=100, **WINDOWS).p.values
        hits.append(np.nanmean(p <= 0.05))
    assert np.mean(hits) <= 0.05 + 2 * np.std(hits, ddof=1) / np.sqrt(len(hits))
    assert np.mean(hits) >= 0.02


# Invariances and bad input


def test_order_of_units_and_sign_do_not_matter(rng):
    rec = trials(rng.poisson(2.0, (15, 10, 4)).astype(float))
    order = np.array([2, 0, 3, 1])
    found = peri_event(rec, rng=1, **WINDOWS)
    moved = peri_event(rec.isel(unit=order), rng=1, **WINDOWS)
    for name in ("effect", "p", "null_std", "mean"):
        assert found[name].values[order] == pytest.approx(moved[name].values, abs=1e-12)
    swapped = peri_event(rec, rng=1, baseline=(0.0, 0.5), response=(-0.5, 0.0))
    assert swapped.effect.values == pytest.approx(-found.effect.values)
    assert swapped.p.values == pytest.approx(found.p.values)


def test_windows_that_do_not_compare_are_refused(rng):
    rec = trials(rng.poisson(2.0, (15, 10, 2)).astype(float))
    with pytest.raises(InvalidDesign, match="5 steps of 'lag', the response 2"):
        peri_event(rec, baseline=(-0.5, 0), response=(0, 0.2), rng=0)
    with pytest.raises(InvalidDesign, match="overlap"):
        peri_event(rec, baseline=(-0.5, 0), response=(-0.2, 0.3), rng=0)
    with pytest.raises(InvalidDesign, match="no sample lies in the window"):
        peri_event(rec, baseline=(-500, 0), response=(600, 1100), rng=0)
    with pytest.raises(UnknownName, match="position"):
        peri_event(rec, along="position", rng=0, **WINDOWS)
    few = trials(rng.poisson(2.0, (4, 10, 2)).astype(float))
    with pytest.raises(InvalidDesign, match="4 groups"):
        peri_event(few, rng=0, **WINDOWS)


def test_silent_units_have_no_p():
    spikes = Spikes.from_list([np.arange(0.05, 30, 0.4), []])
    rec = spikes.align(np.arange(1, 29.0), window=(-0.5, 0.5)).bin(0.1)
    found = peri_event(rec, rng=0, **WINDOWS)
    assert np.isfinite(found.p.values[0])
    assert np.isnan(found.p.values[1])
    assert found.effect.values[1] == 0
    assert found.reason.values.tolist() == ["", "no activity"]
