"""Pictures: named as such, the same with the same seed, and errors where nothing can be drawn."""

import sys

import numpy as np
import pytest

from homologue._errors import HomologueError, InvalidRecording
from homologue.population import picture
from homologue.recording import make


def roll(n=300):
    rng = np.random.default_rng(0)
    angle = rng.uniform(1.5 * np.pi, 4.5 * np.pi, n)
    return angle, np.stack([angle * np.cos(angle), rng.uniform(0, 10, n), angle * np.sin(angle)], 1)


def test_isomap_unrolls_a_roll():
    angle, points = roll(800)
    shown = picture(make(points, stimulus=np.arange(800)), "isomap", rng=0, neighbours=8)
    r = np.corrcoef(angle[shown.row.values], shown.position.values[:, 0])[0, 1]
    assert abs(r) > 0.9
    assert shown.attrs["picture"] == 1
    assert "no evidence" in shown.attrs["note"]
    assert not {"effect", "p", "q", "null_mean"} & set(shown)
    assert shown["stimulus"].dims == ("sample",)


def test_samples_are_drawn_by_the_seed():
    rec = make(roll()[1])
    one = picture(rec, "pca", rng=1, samples=50, axes=3)
    assert one.position.shape == (50, 3)
    np.testing.assert_array_equal(one.row, picture(rec, "pca", rng=1, samples=50).row)


def test_umap_gets_its_seed_and_teaches_where_it_is_not_installed(monkeypatch):
    class Model:
        def __init__(self, **options):
            assert options["random_state"] >= 0
            self.axes = options["n_components"]

        def fit_transform(self, values):
            return values[:, : self.axes]

    rec = make(roll()[1])
    monkeypatch.setitem(sys.modules, "umap", type("umap", (), {"UMAP": Model}))
    assert picture(rec, "umap", rng=0).position.shape == (300, 2)
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(HomologueError, match=r"homologue\[pictures\]"):
        picture(rec, "umap", rng=0)


def test_refusals_teach():
    rec = make(roll()[1])
    with pytest.raises(HomologueError, match="isomap"):
        picture(rec, "isomaps", rng=0)
    with pytest.raises(HomologueError, match="2 or 3"):
        picture(rec, rng=0, axes=4)
    with pytest.raises(HomologueError, match="fewer neighbours"):
        picture(rec.isel(sample=slice(10)), rng=0)
    broken = make(np.full((30, 2), np.nan))
    with pytest.raises(InvalidRecording, match="NaN"):
        picture(broken, rng=0)
