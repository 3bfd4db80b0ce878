"""Pictures: crops, gratings with the frequency and orientation they claim, digits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from homologue._errors import HomologueError, UnknownName
from homologue.stimuli import images
from homologue.stimuli.images import _photographs


def test_crops_do_not_overlap():
    made = images.photographs(["china", "flower"], n_crops=12, size=40)
    assert len(made) == 24
    assert np.unique(made.group.values).size == 24
    side, corners = _photographs._grid(427, 640, 12)
    covered = np.zeros((427, 640), int)
    for top, left in corners[:12]:
        covered[top : top + side, left : left + side] += 1
    assert covered.max() == 1
    assert covered.mean() > 0.5
    whole = images.photograph("china")
    row, column = made.variables["row"].values[5], made.variables["column"].values[5]
    top, left = int(row - side / 2), int(column - side / 2)
    np.testing.assert_array_equal(
        made.items[5], images.resize(whole[top : top + side, left : left + side], 40)
    )


def test_all_photographs():
    made = images.photographs(n_crops=2, size=8)
    assert len(made.variables["photograph"].attrs["categories"]) == 14
    assert {item.shape for item in made.items} == {(8, 8, 3)}
    with pytest.raises(UnknownName, match="did you mean 'chelsea'"):
        images.photographs(["chelsae"])
    with pytest.raises(HomologueError, match="positive"):
        images.photographs(["china"], n_crops=0)
    with pytest.raises(HomologueError, match="do not fit"):
        _photographs._grid(2, 2, 5)


@pytest.mark.parametrize("degrees", [0.0, 45.0, 90.0, 135.0])
def test_gratings_have_the_orientation_and_frequency_they_claim(degrees):
    made = images.gratings(n_orientations=4, cycles=(8.0,), n_phases=1, size=64)
    picture = made.items[int(degrees // 45)].astype(float)[:, :, 0]
    power = np.abs(np.fft.fft2(picture - picture.mean())) ** 2
    fy, fx = np.meshgrid(np.fft.fftfreq(64) * 64, np.fft.fftfreq(64) * 64, indexing="ij")
    peak = power > power.max() / 20
    along = (
        np.rad2deg(np.angle(np.average(np.exp(2j * np.arctan2(fy, fx)), weights=power * peak))) / 2
    )
    assert abs((along - degrees + 90) % 180 - 90) < 1.5
    frequency = np.average(np.hypot(fy, fx), weights=power * peak)
    assert frequency == pytest.approx(8, abs=0.3)


def test_gratings_cross_their_variables():
    made = images.gratings(n_orientations=6, cycles=(4, 8), n_phases=3, size=32)
    assert len(made) == 36
    # Orientation varies within every group, and each group holds every orientation once.
    for group in np.unique(made.group.values):
        inside = made.variables["orientation"].values[made.group.values == group]
        assert sorted(inside) == [0, 30, 60, 90, 120, 150]
    assert made.variables["orientation"].attrs["period"] == 180
    values = np.stack(made.items)
    assert abs(values.mean() - 127.5) < 1.5
    assert values.min() >= 127.5 * 0.2 - 1
    with pytest.raises(HomologueError, match="aliases"):
        images.gratings(cycles=(20,), size=32)
    with pytest.raises(HomologueError, match="contrast"):
        images.gratings(contrast=0)


def test_digits():
    made = images.digits(n_per_digit=5, size=16)
    data = load_digits()
    codes = made.variables["digit"]
    digit = [int(codes.attrs["categories"][c]) for c in codes.values]
    assert np.bincount(digit).tolist() == [5] * 10
    rows = made.group.values
    assert data.target[rows].tolist() == digit
    # Averaged back to 8 × 8 they are the originals.
    back = made.items[7].reshape(8, 2, 8, 2).mean(axis=(1, 3))
    assert np.corrcoef(back.ravel(), data.images[rows[7]].ravel())[0, 1] > 0.97
    with pytest.raises(HomologueError, match="n_per_digit is 1 … 174"):
        images.digits(n_per_digit=175)


def test_white_noise_is_white_and_comes_back():
    made = images.white_noise(n_pictures=400, n_checks=8, size=16, rng=1)
    grey = images.luminance(made, 8)
    assert grey.dims == ("stimulus", "row", "column")
    flat = grey.values.reshape(400, 64)
    assert flat.mean() == pytest.approx(0, abs=0.01)
    assert flat.std() == pytest.approx(0.3, abs=0.01)
    apart = np.corrcoef(flat.T)[~np.eye(64, dtype=bool)]
    assert np.abs(apart).mean() < 1.2 * np.sqrt(2 / np.pi / 400)
    # Each check is one grey; colour gives three of their own.
    picture = made.items[0].reshape(8, 2, 8, 2, 3)
    assert (np.ptp(picture, axis=(1, 3)) == 0).all()
    assert (picture[..., 0] == picture[..., 2]).all()
    coloured = images.white_noise(n_pictures=1, n_checks=8, size=8, colour=True).items[0]
    assert (coloured[..., 0] != coloured[..., 1]).any()
    same = images.white_noise(n_pictures=2, n_checks=8, size=16, rng=1)
    np.testing.assert_array_equal(same.items[0], made.items[0])
    with pytest.raises(HomologueError, match="divide the picture"):
        images.white_noise(n_checks=5, size=16)
    with pytest.raises(HomologueError, match="contrast"):
        images.white_noise(contrast=0)


def test_natural_patches_are_parts_of_photographs():
    made = images.natural_patches(n_patches=60, patch=16, size=16, rng=0)
    whole = images.photograph("china")
    windows = np.lib.stride_tricks.sliding_window_view(whole[..., 0], (16, 16))
    first = made.items[0][..., 0]
    assert ((windows[..., 0, 0] == first[0, 0]) & (windows[..., 9, 4] == first[9, 4])).any()
    names = made.variables["photograph"].attrs["categories"]
    assert list(names) == ["china", "flower"]
    assert 10 < np.unique(made.group.values).size <= 60
    # Neighbouring pixels are alike, as in no noise.
    grey = images.luminance(made, 16).values
    assert np.corrcoef(grey[:, :, :-1].ravel(), grey[:, :, 1:].ravel())[0, 1] > 0.9
    with pytest.raises(HomologueError, match="smaller than the patch"):
        images.natural_patches(patch=500)
    with pytest.raises(HomologueError, match="at least one patch"):
        images.natural_patches(n_patches=1)
    with pytest.raises(HomologueError, match="multiple of size=7"):
        images.luminance(made, 7)
