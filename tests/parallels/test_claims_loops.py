"""There is a cycle, and dynamics are rotational: power, negatives, drift, needs, pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest

from homologue.parallels import Effort, Entry, Panel, ask, compare, from_toml, get
from homologue.parallels._loops import cycle_picture, means_picture
from homologue.population.cycles._balanced import _clouds, _landmarks, longest_loop
from homologue.population.cycles._landmarks import draw_landmarks
from homologue.population.dynamics._balanced import rotation_share
from homologue.population.dynamics._rotations import rotations
from homologue.recording import make, variable

QUICK = Effort(99, 19, 1)
CYCLE, TURNS = get("there-is-a-cycle"), get("dynamics-are-rotational")


def cloud(rng, latent, *, noise=0.3, units=20, **declared):
    activity = latent @ rng.normal(size=(latent.shape[1], units))
    activity = activity + noise * rng.normal(size=activity.shape)
    return make(activity, system="toy", kind="brain", family="toy", **declared)


def ring(rng, samples=300, **declared):
    angle = rng.uniform(0, 2 * np.pi, samples)
    latent = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    known = {"angle": variable(angle, period=2 * np.pi)}
    return cloud(rng, latent, variables=known, **declared)


def asked(claim, rec, seed=0):
    return ask(claim, [rec], None, system="toy", effort=QUICK, seed=seed)


class First(np.random.Generator):
    """Draws the first point, always."""

    def integers(self, *_, **__):
        return 0


def test_sets_have_the_landmarks_of_the_search_and_the_bar_of_a_circle():
    rng = np.random.default_rng(0)
    activity = rng.normal(size=(3, 90, 8))
    clouds, varies = _clouds(activity, 6)
    points, size = _landmarks(clouds, 30)
    assert (varies == 8).all()
    for number in range(3):
        alone = draw_landmarks(clouds[number], 30, rng=First(np.random.PCG64(0)))
        np.testing.assert_allclose(points[number][size[number] > 0], alone.points)
    angle = np.arange(40) * 2 * np.pi / 40
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    # Born where neighbours meet, filled at the side of the triangle inscribed.
    exact = 1 - 2 * np.sin(np.pi / 40) / np.sqrt(3)
    assert longest_loop(circle) == pytest.approx(exact, abs=0.01)
    twice = np.concatenate([circle, circle])
    assert longest_loop(twice) == pytest.approx(longest_loop(circle), abs=0.01)
    assert np.isnan(longest_loop(np.ones((30, 4))))


def test_a_ring_is_present_and_a_blob_and_an_arc_are_not():
    rng = np.random.default_rng(1)
    found = asked(CYCLE, ring(rng))
    assert found.effect > 0.2
    assert found.p == 0.01
    assert found.low <= found.effect <= found.high
    blob = asked(CYCLE, cloud(rng, rng.normal(size=(300, 3))))
    angle = rng.uniform(0, np.pi, 300)
    arc = asked(CYCLE, cloud(rng, np.stack([np.cos(angle), np.sin(angle)], axis=1)))
    assert max(blob.effect, arc.effect) < 0.1


def test_a_ring_is_found_in_a_series_in_groups_and_not_where_it_may_be_drift():
    rng = np.random.default_rng(2)
    angle = np.cumsum(0.5 * rng.normal(size=2000))
    latent = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    series = {"time": np.arange(2000) * 0.1}
    found = asked(CYCLE, cloud(rng, latent, group=np.arange(2000) // 50, variables=series))
    assert found.p <= 0.02
    assert "shifted in time" in found.reason
    grouped = asked(CYCLE, ring(rng, group=np.arange(300) // 10))
    assert grouped.p <= 0.02
    assert "within groups" in grouped.reason
    clock = np.linspace(0, 1, 2000)[:, None]
    drift = np.cos(np.pi * clock * np.arange(1, 4)) / np.arange(1, 4)
    phantom = asked(
        CYCLE, cloud(rng, drift, noise=0.05, group=np.arange(2000) // 50, variables=series)
    )
    assert phantom.state == "not applicable"
    assert "correlation times" in phantom.reason or "phantom" in phantom.reason


def test_what_a_cycle_needs():
    rng = np.random.default_rng(3)
    assert "the claim needs 240" in asked(CYCLE, ring(rng, 200)).reason
    apart = asked(CYCLE, ring(rng, 300, simultaneous=False, stimulus=np.arange(300) // 2))
    assert "simultaneously" in apart.reason
    means = asked(CYCLE, ring(rng, 300, simultaneous=False, stimulus=np.arange(300)))
    assert means.p <= 0.02
    trials = {"trial": np.arange(300) // 10, "lag": np.tile(np.arange(10) * 0.1, 30)}
    follow = asked(CYCLE, ring(rng).drop_vars("angle").assign_coords(
        {name: ("sample", values) for name, values in trials.items()}
    ).assign_coords(group=("sample", trials["trial"])))  # fmt: skip
    assert "follow each other" in follow.reason
    assert "16 units" not in asked(CYCLE, ring(rng)).reason
    few = asked(CYCLE, ring(rng).isel(unit=slice(0, 12)))
    assert "the claim needs 16" in few.reason


def turning(rng, *, speed=0.4, trials=16, times=24, units=20, noise=0.2):
    start = rng.normal(size=(trials, 1, 3)) + 1j * rng.normal(size=(trials, 1, 3))
    state = start * np.exp(1j * speed * np.arange(times)[:, None] * np.array([1, 0.7, 0.5]))
    latent = np.concatenate([state.real, state.imag], axis=2).reshape(trials * times, 6)
    trial = np.repeat(np.arange(trials), times)
    known = {"trial": trial, "lag": np.tile(np.arange(times) * 0.01, trials)}
    return cloud(rng, latent, noise=noise, units=units, group=trial, variables=known)


def test_sets_rotate_as_the_analysis_says():
    rng = np.random.default_rng(4)
    rec = turning(rng, trials=6, times=20, units=16)
    whole = rotations(rec, rng=0, surrogates=19)
    activity = rec.values.reshape(6, 20, 16)
    assert rotation_share(activity) == pytest.approx(float(whole.effect), abs=1e-6)


def test_rotations_are_present_in_trials_in_a_series_and_in_texts_and_noise_has_none():
    rng = np.random.default_rng(5)
    rec = turning(rng)
    found = asked(TURNS, rec)
    assert found.effect > 0.2
    assert found.p == 0.01
    clock = np.arange(rec.sizes["sample"]) * 0.01
    series = rec.drop_vars(["trial", "lag"]).assign_coords(time=("sample", clock))
    assert asked(TURNS, series).p == 0.01
    text = rec.drop_vars(["trial", "lag"]).assign_coords(
        position=("sample", np.tile(np.arange(24), 16)), stimulus=("sample", rec["trial"].values)
    )
    assert asked(TURNS, text).p == 0.01
    still = asked(TURNS, rec.copy(data=rng.normal(size=rec.shape)))
    assert still.p > 0.05
    assert abs(still.effect) < 0.1


def test_what_rotations_need():
    rng = np.random.default_rng(6)
    assert "no trajectories" in asked(TURNS, ring(rng)).reason
    assert "refused" in asked(TURNS, turning(rng, times=10)).reason
    assert "the claim needs 10" in asked(TURNS, turning(rng, trials=8)).reason
    rec = turning(rng)
    wild = asked(TURNS, rec.copy(data=rng.standard_cauchy(rec.shape)))
    assert wild.p > 0.05


def test_a_built_in_negative_is_shown_and_casts_no_vote(tmp_path):
    entries = (Entry("cancer", votes=False), Entry("wine"))
    panel = Panel(
        entries, claims=("code-is-low-dimensional",), permutations=19, resamples=19, repeats=2
    )
    assert from_toml(panel.to_toml()) == panel
    done = compare(panel)
    assert {cell.system for cell in done.cells} == {"cancer", "wine"}
    assert [vote.family for vote in done.votes["code-is-low-dimensional"]] == ["wine"]
    done.write(tmp_path)
    assert not (tmp_path / "loops.json").exists()


def test_pictures_hold_bars_clouds_and_coordinates_as_plain_numbers():
    rng = np.random.default_rng(7)
    drawn = cycle_picture(ring(rng), "", rng)
    assert drawn["barcode"]["signature"] == "ring"
    assert drawn["coordinate"]["effect"] > 0.9
    assert len(drawn["cloud"]["point"]) == 300
    json.dumps(drawn, allow_nan=False)
    rec = ring(rng, 120)
    month = (rec["angle"].values / (2 * np.pi) * 12).astype(int)
    rec = rec.assign_coords(month=("sample", month, {"period": 12.0}))
    means = means_picture(rec, "month", rng)["means"]
    assert len(means["point"]) == len(means["label"]) == 12
    # Twelve means of a ring lie on a circle, in their order.
    turn = np.unwrap(np.arctan2(*np.array(means["point"]).T))
    assert (np.diff(turn) > 0).all() or (np.diff(turn) < 0).all()
