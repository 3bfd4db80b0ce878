"""Packaged brains: the facts known of each, from the files themselves."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import scipy.io
from scipy.ndimage import gaussian_filter1d
from scipy.stats import f_oneway, kruskal
from sklearn.model_selection import GroupKFold

from homologue import recording, systems
from homologue._errors import HomologueError, InvalidRecording, UnknownName
from homologue.inference import exchangeability
from homologue.systems import _assets
from homologue.systems._binning import rebin, sectors, time_blocks
from homologue.systems.brains import (
    fly,
    grasshopper,
    head_direction,
    human_mtl,
    inferotemporal,
    motor_bci,
    songbird,
    worm,
)

needs_mirror = pytest.mark.needs_mirror


def decode(rec, variable: str, folds: int = 5) -> float:
    """Group k-fold balanced accuracy of the nearest class mean, in units of within-class SD."""
    x, y = rec.values, rec[variable].values
    hit = np.zeros(y.size, dtype=bool)
    for train, test in GroupKFold(folds).split(x, y, rec["group"].values):
        labels = np.unique(y[train])
        mean = np.stack([x[train][y[train] == label].mean(axis=0) for label in labels])
        scale = (x[train] - mean[np.searchsorted(labels, y[train])]).std(axis=0) + 1e-3
        distance = ((x[test][:, None] - mean) / scale) ** 2
        hit[test] = labels[distance.sum(axis=2).argmin(axis=1)] == y[test]
    return float(np.mean([hit[y == label].mean() for label in np.unique(y)]))


def common(rec, name: str) -> None:
    """Every packaged brain: valid, with provenance, and testable as declared."""
    system = systems.get(name)
    recording.validate(rec)
    assert rec.attrs["kind"] == "brain"
    assert rec.attrs["licence"] == system.licence
    assert rec.attrs["citation"] == system.citation
    assert rec.attrs["source"]
    assert np.unique(rec["unit"].values).size == rec.sizes["unit"]
    for variable in system.variables:
        chosen = system.record(variable)
        assert chosen[variable].attrs["label_source"] in ("experimenter", "measured")
        design = exchangeability(
            chosen[variable].values,
            chosen["group"].values,
            block=chosen["block"].values if "block" in chosen.coords else None,
            time=chosen["time"].values if "time" in chosen.coords else None,
        )
        # Distinct shifts, one correlation time of the label apart; 20 are needed.
        assert design.arrangements > 60


# Fly


def test_fly_is_the_published_table():
    rec = systems.get("fly").record()
    common(rec, "fly")
    assert dict(rec.sizes) == {"sample": 110, "unit": 24}
    assert rec.attrs["simultaneous"] == 0
    with _assets.fetch("fly").open(newline="") as stream:
        rows = {row[0]: row[1:25] for row in csv.reader(stream)}
    odours = recording.labels(rec, "stimulus")
    for i in (0, 54, 109):
        assert rec.values[i].tolist() == [float(x) for x in rows[odours[i]]]
    spontaneous = [float(x) for x in rows["spontaneous firing rate"]]
    assert rec["spontaneous_rate"].values.tolist() == spontaneous
    assert "spontaneous firing rate" not in odours


def test_every_odour_has_one_class():
    rec = fly.read(smallest_class=1)
    odours = recording.labels(rec, "stimulus").tolist()
    assert set(odours) == set(fly.ODOUR_CLASS)
    assert sum(map(len, fly.CLASSES.values())) == 110
    assert (rec["odour_class"].values >= 0).all()
    classes = recording.labels(rec, "odour_class")
    for odour, expected in {
        "geranyl acetate": "terpene",
        "p-cymene": "terpene",
        "phenethyl acetate": "aromatic",
        "furfural": "aldehyde",
        "3-methylthio-1-propanol": "sulphur",
        "ethyl lactate": "ester",
        "lactic acid": "acid",
        "2,3-butanediol": "alcohol",
        "2,3-butanedione": "ketone",
        "d-decalactone": "lactone",
    }.items():
        assert classes[odours.index(odour)] == expected
    for name, ending in {
        "acid": "acid",
        "alcohol": "ol",
        "aldehyde": "al",
        "ketone": "one",
    }.items():
        exact = [o for o in fly.CLASSES[name] if o.endswith(ending)]
        assert len(exact) >= 0.6 * len(fly.CLASSES[name])  # the names' own suffixes agree


def test_small_classes_carry_no_label():
    rec = systems.get("fly").record("odour_class")
    assert rec.sizes["sample"] == 105
    assert set(np.bincount(rec["odour_class"].values)) == {5, 6, 8, 13, 15, 16, 18, 24}
    assert {"amine", "sulphur"}.isdisjoint(rec["odour_class"].attrs["categories"])


def test_odour_class_is_decoded_from_the_fly():
    assert decode(systems.get("fly").record("odour_class"), "odour_class") > 0.3  # chance 1/8


# Worm


def test_worm_block_is_dense_and_holds_only_recorded_responses():
    rec = systems.get("worm").record()
    common(rec, "worm")
    stimulated = set(recording.labels(rec, "stimulated"))
    units = set(rec["unit"].values)
    assert dict(rec.sizes) == {"sample": 100, "unit": 47}
    assert len(stimulated) == 10
    assert not np.isnan(rec.values).any()
    assert stimulated.isdisjoint(units)  # no neuron is read while it is lit itself
    names, trials = worm._trials("wt")
    place = {name: i for i, name in enumerate(names)}
    cause = recording.labels(rec, "stimulated")
    for name in list(units)[:5]:
        column = rec.sel(unit=name).values
        for label in stimulated:
            drawn = column[cause == label]
            source = trials[place[name], place[label]]
            assert np.isin(drawn, source).all()
            assert np.unique(drawn).size == np.unique(source[np.isin(source, drawn)]).size
            assert drawn.size == 10


def test_worm_order_of_repeats_is_drawn_from_the_seed_alone():
    first, again, other = worm.read(seed=1), worm.read(seed=1), worm.read(seed=2)
    assert np.array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values)


def test_stimulated_neuron_is_decoded_from_the_others():
    assert decode(systems.get("worm").record(), "stimulated") > 0.2  # chance 1/10


def test_greedy_block_of_a_planted_matrix():
    rng = np.random.default_rng(0)
    count = rng.integers(0, 4, size=(40, 40))
    cause, effect = np.array([3, 17, 29]), np.setdiff1d(np.arange(5, 30), [17, 29])
    count[np.ix_(effect, cause)] = 9
    stimulated, responding = worm.dense_block(count, repeats=9, smallest=12)
    assert sorted(stimulated.tolist()) == cause.tolist()
    assert np.flatnonzero(responding).tolist() == effect.tolist()
    with pytest.raises(InvalidRecording, match="ask for fewer repeats"):
        worm.dense_block(count, repeats=10, smallest=12)


@pytest.mark.parametrize(("strain", "known"), [("wt", 24_074), ("unc-31", None)])
def test_worm_atlas(strain, known):
    atlas = worm.atlas(strain)
    assert dict(atlas.sizes) == {"responding": 300, "stimulated": 300}
    recorded = np.isfinite(atlas["dFF"].values)
    assert np.array_equal(recorded, atlas["trials"].values > 0)
    assert known is None or recorded.sum() == known
    assert np.array_equal(atlas["responding"].values, atlas["stimulated"].values)
    if strain == "wt":
        assert (atlas["occurrences"].values > 0).sum() == 25_345  # as published
        assert 0.26 < recorded.mean() < 0.29


def test_worm_mutant_and_unknown_strain():
    rec = systems.get("worm/unc-31").record(repeats=5)
    assert rec.attrs["strain"] == "unc-31"
    with pytest.raises(UnknownName, match="did you mean 'unc-31'"):
        worm.read(strain="unc31")


# Grasshopper


def test_grasshopper_fires_after_the_sound_rises():
    rec = systems.get("grasshopper").record()
    common(rec, "grasshopper")
    assert rec.sizes["unit"] == 1
    level, spikes = grasshopper.envelope(1), grasshopper.spike_times(1)
    assert level.max() == pytest.approx(76.4286)
    step = grasshopper.STEP_SECONDS
    index = (spikes / step).astype(int)
    index = index[index > 400]
    average = np.stack([level[i - 400 : i] for i in index]).mean(axis=0) - level.mean()
    before = (400 - np.argmax(average)) * step
    assert average.max() > 4.0  # dB
    assert 0.003 < before < 0.010
    counted = rec.values.ravel() * rec.attrs["sampling_interval"]
    both = spikes.size + grasshopper.spike_times(2).size
    assert counted.sum() == pytest.approx(both, abs=2)
    with pytest.raises(HomologueError, match="stimuli are 1 and 2"):
        grasshopper.envelope(3)


# Head direction


def tuning(rec, bins: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    angle = rec["angle"].values
    which = (angle / (2 * np.pi) * bins).astype(int) % bins
    curve = np.stack([rec.values[which == b].mean(axis=0) for b in range(bins)])
    centre = np.exp(2j * np.pi * (np.arange(bins) + 0.5) / bins)
    return curve, centre, which


@needs_mirror
def test_all_head_direction_cells_are_tuned():
    rec = systems.get("head-direction").record()
    common(rec, "head-direction")
    assert rec.sizes["unit"] == 19
    assert rec["angle"].attrs["period"] == pytest.approx(2 * np.pi)
    assert rec.sizes["sample"] * 0.2 == pytest.approx(2_121, rel=0.01)
    curve, centre, _ = tuning(rec)
    length = np.abs((curve * centre[:, None]).sum(axis=0) / curve.sum(axis=0))
    assert length.min() == pytest.approx(0.57, abs=0.01)
    assert length.max() == pytest.approx(0.92, abs=0.01)


@needs_mirror
def test_head_direction_is_read_within_sixteen_degrees():
    rec = systems.get("head-direction").record()
    angle, fold = rec["angle"].values, rec["group"].values % 5
    counts = rec.values * 0.2
    error = []
    for held in range(5):
        train, test = fold != held, fold == held
        curve, centre, _ = tuning(rec.isel(sample=np.flatnonzero(train)))
        rate = gaussian_filter1d(curve, 1.5, axis=0, mode="wrap") * 0.2 + 0.01
        best = (counts[test] @ np.log(rate).T - rate.sum(axis=1)).argmax(axis=1)
        error.append(np.abs(np.angle(centre[best] / np.exp(1j * angle[test]))))
    assert np.degrees(np.median(np.concatenate(error))) <= 16


@needs_mirror
def test_head_direction_bins_never_straddle_a_gap():
    rec = head_direction.read(bin_seconds=1.0)
    file = scipy.io.loadmat(_assets.fetch("head-direction"))
    clock = file["angRun"][:, 0]
    start = np.searchsorted(clock, rec["session_time"].values)
    assert (clock[start + 99] - clock[start] < 1.05).all()
    assert np.allclose(np.diff(rec["time"].values), 1.0)
    row = 500
    raw = file["Qrun"][start[row] : start[row] + 100].sum(axis=0)
    assert np.abs(rec.values[row] - raw).max() <= 3  # a frame's 2 or 3 bins share one time


@needs_mirror
def test_sleep_has_no_direction():
    for state, seconds in (("rem", 976), ("sws", 8_709)):
        rec = systems.get(f"head-direction/{state}").record()
        assert "direction" not in rec.coords
        assert rec.sizes["sample"] * 0.2 == pytest.approx(seconds, abs=1)
    with pytest.raises(UnknownName, match="state 'REM' is not known"):
        head_direction.read(state="REM")
    with pytest.raises(HomologueError, match=r"multiple of 0\.01 s"):
        head_direction.read(bin_seconds=0.025)


# Hippocampus


@needs_mirror
def test_place_is_read_from_the_hippocampus():
    rec = systems.get("hippocampus").record()
    common(rec, "hippocampus")
    assert rec.sizes["unit"] == 31
    track, fold = rec["track"].values, rec["group"].values % 5
    assert 0 <= track.min() < 0.05
    assert 0.95 < track.max() <= 1
    counts, which = rec.values * 0.25, np.minimum((track * 50).astype(int), 49)
    rng = np.random.default_rng(0)
    error, shuffled = [], []
    for held in range(5):
        train, test = fold != held, fold == held
        visits = np.bincount(which[train], minlength=50).astype(float)
        total = np.stack([counts[train & (which == b)].sum(axis=0) for b in range(50)])
        rate = gaussian_filter1d(total, 2, axis=0)
        rate = rate / gaussian_filter1d(visits, 2)[:, None] + 0.01
        best = (counts[test] @ np.log(rate).T - rate.sum(axis=1)).argmax(axis=1)
        place = (best + 0.5) / 50
        error.append(np.abs(place - track[test]))
        shuffled.append(np.abs(place - rng.permutation(track[test])))
    assert np.median(np.concatenate(error)) <= 0.085  # .075 of the track published with it
    assert np.median(np.concatenate(shuffled)) >= 0.30


# Motor cortex


def test_trials_begin_where_the_direction_is_exact():
    angle = np.radians([44.0, 45, 45, 45, 50, 30, 45, 45, 41])
    found = motor_bci.trials(np.stack([np.cos(angle), np.sin(angle)]), 45.0)
    assert found.tolist() == [0, 1, 1, 1, 1, 1, 2, 2, 2]


@needs_mirror
def test_cursor_direction_is_decoded_from_motor_cortex():
    bins = systems.get("motor-bci/before").record(sample="bin")
    assert dict(bins.sizes) == {"sample": 8 * 69, "unit": 86}
    assert decode(bins, "direction") == pytest.approx(0.45, abs=0.05)  # chance .125
    rec = systems.get("motor-bci").record()
    common(rec, "motor-bci")
    assert 90 <= rec.sizes["sample"] <= 140
    assert np.unique(rec["block"].values).tolist() == [0, 1]
    assert rec["angle"].attrs["period"] == 360
    merged = np.stack([bins.values[bins["trial"].values == t].mean(axis=0) for t in range(3)])
    assert np.allclose(merged, systems.get("motor-bci/before").record().values[:3])


@needs_mirror
def test_direction_means_lie_in_order_on_a_ring():
    rec = systems.get("motor-bci/before").record(sample="bin")
    means = np.stack([rec.values[rec["direction"].values == d].mean(axis=0) for d in range(8)])
    left, size, _ = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    share = size**2 / (size**2).sum()
    assert share[0] == pytest.approx(0.44, abs=0.06)
    assert share[1] == pytest.approx(0.38, abs=0.06)
    around = np.unwrap(np.arctan2(left[:, 1] * size[1], left[:, 0] * size[0]))
    assert (np.diff(around) > 0).all() or (np.diff(around) < 0).all()


@needs_mirror
def test_reaching_rotates():
    """Skew-symmetric dynamics explain more than when conditions are shuffled per neuron."""
    rec = systems.get("motor-reach").record()
    cube = recording.unstack(rec).transpose("trial", "lag", "unit")
    assert cube.shape == (10, 61, 50)
    early = cube.sel(lag=slice(-0.05, 0.15)).values
    early = early - early.mean(axis=0)

    def skew_share(data: np.ndarray) -> float:
        flat = data.reshape(-1, data.shape[2])
        axes = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)[2][:6]
        low = data @ axes.T
        state = ((low[:, 1:] + low[:, :-1]) / 2).reshape(-1, 6)
        change = np.diff(low, axis=1).reshape(-1, 6)
        pairs = [(i, j) for i in range(6) for j in range(i)]
        design = np.zeros((change.size, len(pairs)))
        for column, (i, j) in enumerate(pairs):
            part = np.zeros_like(change)
            part[:, i], part[:, j] = state[:, j], -state[:, i]
            design[:, column] = part.ravel()
        fit = design @ np.linalg.lstsq(design, change.ravel(), rcond=None)[0]
        return 1 - float(((change.ravel() - fit) ** 2).sum() / (change**2).sum())

    rng = np.random.default_rng(0)
    null = [skew_share(rng.permuted(early, axis=0)) for _ in range(5)]
    whole = np.stack([early[rng.permutation(10), :, u] for u in range(50)], axis=-1)
    assert skew_share(early) == pytest.approx(0.29, abs=0.04)
    assert skew_share(whole) < 0.15
    assert max(null) < skew_share(early)


# Songbird, inferotemporal cortex


@needs_mirror
def test_songbird_has_song_and_one_silent_neuron():
    rec = systems.get("songbird").record()
    common(rec, "songbird")
    assert dict(rec.sizes) == {"sample": 666, "unit": 75}
    assert int((rec.std("sample") == 0).sum()) == 1
    song = songbird.spectrogram()
    assert song.shape == (4_440, 141)
    assert float(song["time"][-1]) == pytest.approx(float(rec["time"][-1]), abs=0.05)
    frame = song.sel(time=slice(10.0, 10.0 + 1 / 30)).mean().item()
    assert rec["song_power"].values[300] == pytest.approx(frame, abs=0.02)
    assert np.corrcoef(rec.values.sum(axis=1), rec["song_power"].values)[0, 1] > 0.1


@needs_mirror
def test_objects_are_decoded_from_inferotemporal_cortex():
    rec = systems.get("inferotemporal").record()
    common(rec, "inferotemporal")
    assert dict(rec.sizes) == {"sample": 399, "unit": 132}  # 19 repeats in the shortest session
    assert rec.attrs["simultaneous"] == 0
    assert np.bincount(rec["object"].values).tolist() == [57] * 7
    assert decode(rec, "object") >= 0.85
    before = inferotemporal.read(window=(-0.5, -0.2))
    assert decode(before, "object") < 0.25  # chance .143


@needs_mirror
def test_inferotemporal_lags_average_to_the_window():
    window, lags = inferotemporal.read(), inferotemporal.read(sample="lag")
    cube = recording.unstack(lags)
    assert cube.shape == (399, 18, 132)
    inside = cube.sel(lag=slice(0.15, 0.25))  # centres of the bins within 100–300 ms
    assert inside.sizes["lag"] == 2
    assert np.allclose(inside.mean("lag").values, window.values)
    with pytest.raises(HomologueError, match=r"no bin lies in \(0\.1, 0\.2\)"):
        inferotemporal.read(window=(0.1, 0.2))


# Human medial temporal lobe


@needs_mirror
def test_share_of_category_selective_units():
    by_variance, by_ranks = [], []
    for session in human_mtl.sessions():
        rec = human_mtl.read(session=session)
        category = rec["category"].values
        fires = np.ptp(rec.values, axis=0) > 0
        classes = [rec.values[category == c][:, fires] for c in range(5)]
        silent = [1.0] * int((~fires).sum())
        by_variance += [*f_oneway(*classes).pvalue, *silent]
        by_ranks += [*kruskal(*classes).pvalue, *silent]
    share = {
        (name, level): float(np.mean(np.array(p) < level))
        for name, p in (("variance", by_variance), ("ranks", by_ranks))
        for level in (0.05, 0.001)
    }
    assert len(by_variance) == 1_380
    assert share["variance", 0.05] == pytest.approx(0.23, abs=0.005)
    assert share["variance", 0.001] == pytest.approx(0.075, abs=0.005)
    assert share["ranks", 0.05] == pytest.approx(0.223, abs=0.005)
    assert share["ranks", 0.001] == pytest.approx(0.064, abs=0.005)


@needs_mirror
def test_patients_are_joined_picture_by_picture():
    rec = systems.get("human-mtl").record()
    common(rec, "human-mtl")
    assert dict(rec.sizes) == {"sample": 200, "unit": 594}
    assert rec.attrs["simultaneous"] == 0
    assert np.unique(rec["group"].values).size == 150
    assert np.bincount(rec["category"].values).tolist() == [40] * 5
    alone = systems.get("human-mtl/P9HMH_032306_0").record()
    assert alone.attrs["simultaneous"] == 1
    joined = rec.sel(unit=alone["unit"].values)
    assert np.array_equal(joined.values, alone.values)
    memory = recording.labels(rec, "memory")
    picture, phase = rec["stimulus"].values, recording.labels(rec, "phase")
    learned = set(picture[phase == "learning"])
    for i in np.flatnonzero(phase == "recognition"):
        assert (memory[i] == "old") == (picture[i] in learned)
    assert systems.get("human-mtl").record("memory").sizes["sample"] == 100


@needs_mirror
@pytest.mark.parametrize(("name", "units"), [("houses", 594), ("cars", 472), ("fruit", 282)])
def test_categories_are_decoded_from_the_human_temporal_lobe(name, units):
    rec = human_mtl.read(picture_set=name)
    assert rec.sizes["unit"] == units
    assert decode(rec, "category") > 0.5  # chance .20
    assert set(np.unique(rec["site"].values)) <= set(human_mtl.AREAS.values())


@needs_mirror
def test_categories_are_decoded_in_single_large_sessions():
    sizes = {s: human_mtl.read(session=s).sizes["unit"] for s in human_mtl.sessions()}
    largest = sorted(sizes, key=lambda session: sizes[session])[-5:]
    accuracy = [decode(human_mtl.read(session=session), "category") for session in largest]
    assert np.mean(accuracy) == pytest.approx(0.37, abs=0.05)  # .35–.39 known, chance .20


@needs_mirror
def test_unknown_session_and_picture_set():
    with pytest.raises(UnknownName, match="no session is named 'P9HMH'"):
        human_mtl.read(session="P9HMH")
    with pytest.raises(UnknownName, match="did you mean 'houses'"):
        human_mtl.read(picture_set="house")


# What they share


def test_rebin_against_a_loop():
    rng = np.random.default_rng(0)
    values = rng.poisson(1.0, size=(97, 3))
    stretch = np.sort(rng.integers(0, 6, size=97))
    sums, first = rebin(values, stretch, 4)
    expected, begins = [], []
    for s in np.unique(stretch):
        rows = np.flatnonzero(stretch == s)
        for k in range(rows.size // 4):
            expected.append(values[rows[4 * k : 4 * k + 4]].sum(axis=0))
            begins.append(rows[4 * k])
    assert np.array_equal(sums, expected)
    assert first.tolist() == begins


def test_sectors_are_centred_on_zero():
    angle = np.radians([0.0, 20.0, 350.0, 45.0, 180.0, 23.0])
    assert sectors(angle, 8).tolist() == [0, 0, 0, 1, 4, 1]
    assert sectors(np.array([np.nan]), 8).tolist() == [-1]


def test_time_blocks_are_consecutive():
    assert time_blocks(np.array([5.0, 6.0, 15.5, 40.0]), 10.0).tolist() == [0, 0, 1, 2]


@needs_mirror
def test_every_brain_survives_a_round_trip(tmp_path):
    for name in systems.names("brain"):
        rec = systems.get(name).record()
        back = recording.open(recording.save(rec, tmp_path / f"{name}.zarr"))
        assert np.array_equal(back.values, rec.values, equal_nan=True)
        assert back.attrs["citation"] == rec.attrs["citation"]
        assert set(back.coords) == set(rec.coords)
