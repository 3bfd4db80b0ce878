"""Pictures of populations: bars, clouds and angles, as they were found."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_rgba

from homologue import plot
from homologue._errors import HomologueError, InvalidDesign, UnknownName
from homologue.plot._cloud import cyclic_map
from homologue.plot._style import scheme
from homologue.population import cycles
from homologue.population.components import principal_components, project
from homologue.recording import make, variable


def ring(count=240, *, noise=0.3):
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, count)
    both = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    activity = both @ rng.standard_normal((2, 12)) + noise * rng.standard_normal((count, 12))
    return make(
        activity, variables={"angle": variable(np.degrees(angle), period=360, units="degrees")}
    )


@pytest.fixture(scope="module")
def rec():
    return ring()


@pytest.fixture(scope="module")
def radians(rec):
    return np.radians(rec["angle"].values)


@pytest.fixture(scope="module")
def found(rec):
    return cycles.find(rec, rng=0, permutations=19, draws=3, landmarks=60)


@pytest.fixture(scope="module")
def read(rec):
    return cycles.coordinates(rec, "angle", rng=0, permutations=99, draws=1, landmarks=60)


def bars_of(axes):
    """Return the drawn bars as (birth, death, row, colour)."""
    return [
        (line[0, 0], line[1, 0], line[0, 1], tuple(lines.get_colors()[0]))
        for lines in axes.collections
        for line in lines.get_segments()
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_of_the_users_settings_changes_and_grounds_are_the_schemes(
    rec, found, read, theme, tmp_path
):
    before, radians = dict(mpl.rcParams), np.radians(rec["angle"].values)
    figures = [
        plot.barcode(found, theme=theme),
        plot.cloud(rec, radians, theme=theme),
        plot.cloud(rec, radians, dimensions=3, theme=theme),
        plot.coordinate(read, rec["angle"], theme=theme),
    ]
    assert dict(mpl.rcParams) == before
    for number, figure in enumerate(figures):
        assert figure.get_facecolor() == to_rgba(scheme(theme).ground)
        figure.savefig(tmp_path / f"{number}.png", dpi=40)


class TestBarcode:
    def test_every_bar_is_drawn_once_the_longest_lived_on_top(self, found):
        axes = plot.barcode(found).axes[0]
        bars = sorted(bars_of(axes), key=lambda bar: bar[2])
        assert len(bars) == found.sizes["bar"]
        assert [bar[2] for bar in bars] == list(range(len(bars)))
        lives = np.array([death / birth for birth, death, _, _ in bars])
        assert (np.diff(lives) <= 0).all()
        assert lives == pytest.approx(np.sort(found.death / found.birth)[::-1])
        low, high = axes.get_ylim()
        assert low > high  # the first row is on top
        assert axes.get_xscale() == "log"

    def test_the_threshold_is_what_a_bar_of_each_birth_would_have_to_outlive(self, found):
        axes = plot.barcode(found).axes[0]
        threshold = float(found.threshold)
        assert len(axes.patches) == found.sizes["bar"]
        grey = {
            round(patch.get_y() + patch.get_height() / 2): (patch.get_x(), patch.get_width())
            for patch in axes.patches
        }
        for birth, death, row, colour in bars_of(axes):
            start, width = grey[round(row)]
            assert start == pytest.approx(birth)
            assert 1 - start / (start + width) == pytest.approx(threshold)
            beyond = death > start + width
            assert colour == to_rgba(scheme("light").data if beyond else scheme("light").muted)
        blue = [bar for bar in bars_of(axes) if bar[3] == to_rgba(scheme("light").data)]
        assert len(blue) == int((1 - found.birth / found.death > threshold).sum()) == 1

    def test_the_title_has_the_signature_and_both_p(self, found):
        title = plot.barcode(found).axes[0].get_title("left")
        assert title.startswith("ring    p = 0.05, universal p = ")
        assert f"universal p = {float(found.universal_p[0]):.2g}," in title
        assert f"{float(found.effect):.2f} [" in title

    def test_a_missing_p_says_why(self, found):
        none = found.assign(p=np.nan, reason="the longest stretch is short", signature="phantom")
        title = plot.barcode(none).axes[0].get_title("left")
        assert title.startswith("phantom    no p, universal p = ")
        assert title.endswith("the longest stretch is short")

    def test_a_cloud_without_bars_has_a_picture(self, found):
        axes = plot.barcode(found.isel(bar=slice(0))).axes[0]
        assert [text.get_text() for text in axes.texts] == ["no loop at any distance"]
        assert "no universal p" in axes.get_title("left")

    def test_other_results_and_themes_are_refused(self, found, read):
        with pytest.raises(HomologueError, match=r"population\.cycles\.find"):
            plot.barcode(read)
        with pytest.raises(UnknownName):
            plot.barcode(found, theme="sepia")


class TestCloud:
    def test_points_are_the_scores_on_the_components_whatever_their_order(self, rec, radians):
        axes = plot.cloud(rec, radians).axes[0]
        drawn = np.asarray(axes.collections[0].get_offsets())
        scores = project(rec, principal_components(rec, components=2)).values
        assert np.sort(np.abs(drawn), axis=0) == pytest.approx(np.sort(np.abs(scores), axis=0))
        share = principal_components(rec).share.values[:2]
        assert axes.get_xlabel() == f"component 1 ({100 * share[0]:.0f} %)"
        assert axes.get_ylabel() == f"component 2 ({100 * share[1]:.0f} %)"

    def test_each_point_has_the_colour_of_its_angle(self, rec, radians):
        points = plot.cloud(rec, radians - 40 * np.pi).axes[0].collections[0]
        values = np.asarray(points.get_array())
        assert np.sort(values) == pytest.approx(np.sort(radians))
        assert points.get_clim() == pytest.approx((0, 2 * np.pi))
        # The colour of a place is that of the sample there: the ring's own phase, up to a shear.
        phase = np.arctan2(*(points.get_offsets() / points.get_offsets().std(axis=0)).T)
        assert abs(cycles.circular_correlation(phase, values)) > 0.9

    def test_the_wheel_has_the_colours_of_the_points(self, rec, radians):
        axes, wheel = plot.cloud(rec, xr.DataArray(radians, dims="sample", name="heading")).axes
        mesh = wheel.collections[0]
        assert wheel.name == "polar"
        assert wheel.get_title() == "heading"
        assert mesh.get_clim() == axes.collections[0].get_clim()
        angle = np.asarray(mesh.get_array()).ravel()
        assert np.allclose(mesh.cmap(mesh.norm(angle)), axes.collections[0].to_rgba(angle))

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_the_map_closes_and_stands_out_of_the_ground(self, theme):
        colours = cyclic_map(scheme(theme))(np.linspace(0, 1, 256))[:, :3]
        step = np.abs(np.diff(colours, axis=0)).max()
        assert np.abs(colours[0] - colours[-1]).max() <= step
        ground = np.array(to_rgba(scheme(theme).ground)[:3])
        assert np.abs(colours - ground).max(axis=1).min() > 0.15

    def test_samples_without_an_angle_are_grey(self, rec, radians):
        some = np.where(np.arange(radians.size) < 40, np.nan, radians)
        grey, coloured = plot.cloud(rec, some).axes[0].collections
        assert grey.get_offsets().shape == (40, 2)
        assert np.allclose(grey.get_facecolors(), to_rgba(scheme("light").grid))
        assert coloured.get_offsets().shape == (200, 2)

    def test_three_dimensions(self, rec, radians):
        axes = plot.cloud(rec, radians, dimensions=3).axes[0]
        assert axes.get_zlabel().startswith("component 3 (")
        assert np.asarray(axes.collections[0].get_array()).size == radians.size

    def test_bad_input(self, rec, radians):
        with pytest.raises(InvalidDesign, match="dimensions=4"):
            plot.cloud(rec, radians, dimensions=4)
        with pytest.raises(InvalidDesign, match="2 components"):
            plot.cloud(rec.isel(unit=[0, 1]), radians, dimensions=3)
        with pytest.raises(HomologueError, match=r"240 samples; given shape \(5,\)"):
            plot.cloud(rec, radians[:5])


class TestCoordinate:
    def test_points_lie_along_the_diagonals_of_two_periods(self, rec, read):
        axes = plot.coordinate(read, rec["angle"]).axes[0]
        x, y = np.asarray(axes.collections[0].get_offsets()).T
        assert x.size == 2 * rec.sizes["sample"]
        assert x[:240] == pytest.approx(rec["angle"].values)
        assert y[240:] == pytest.approx(y[:240] + 360)
        away = (y - x + 180) % 360 - 180
        assert np.abs(away).mean() < 20
        assert axes.get_xlim() == (0, 360)
        assert axes.get_ylim() == (0, 720)
        assert axes.get_xlabel() == "angle (degrees)"
        assert axes.get_ylabel() == "angle read from the population"
        ticks = [text.get_text() for text in axes.get_xticklabels()]
        assert ticks == ["0", "90", "180", "270", "360"]

    def test_the_title_is_that_of_the_result(self, rec, read):
        title = plot.coordinate(read, rec["angle"]).axes[0].get_title("left")
        assert title.startswith(f"circular correlation {float(read.effect[0]):.2f} [")
        assert "p = 0.01, n = 240" in title
        assert f"held out: error {float(read.held_out_error):.3g}, by chance" in title

    def test_many_samples_are_shares_of_each_arc(self):
        rng = np.random.default_rng(1)
        known = rng.uniform(0, 1.8 * np.pi, 4000)
        coordinates = xr.Dataset({"coordinate": (("sample", "cycle"), known[:, None])})
        axes, key = plot.coordinate(coordinates, known, period=2 * np.pi).axes
        share = np.ma.filled(axes.collections[0].get_array(), np.nan).reshape(72, 36)
        assert np.allclose(share[:32, :32].diagonal(), 1)
        assert np.allclose(share[36:, :], share[:36, :], equal_nan=True)
        assert np.isnan(share[:, 33:]).all()  # no sample was ever there
        assert key.get_ylabel() == "share of the samples of an arc"
        assert axes.get_title("left") == "circular correlation 1.00 (not tested)"
        assert axes.get_ylabel().endswith("(zero and turn free)")
        assert axes.get_xticklabels()[1].get_text() == "π/2"

    def test_one_panel_a_loop_and_samples_without_a_value_left_out(self):
        rng = np.random.default_rng(2)
        angle = rng.uniform(0, 2 * np.pi, (100, 2))
        known = np.where(np.arange(100) < 10, np.nan, angle[:, 0])
        coordinates = xr.Dataset({"coordinate": (("sample", "cycle"), angle)})
        figure = plot.coordinate(coordinates, known, period=2 * np.pi)
        assert len(figure.axes) == 2
        first, second = (axes.get_title("left") for axes in figure.axes)
        assert first == "circular correlation 1.00 (not tested)"
        assert second != first
        assert figure.axes[0].collections[0].get_offsets().shape == (180, 2)
        assert figure.axes[1].get_ylabel().startswith("angle along loop 2")

    def test_bad_input(self, rec, read, found):
        with pytest.raises(HomologueError, match=r"population\.cycles\.coordinates"):
            plot.coordinate(found, rec["angle"])
        with pytest.raises(InvalidDesign, match="period=360"):
            plot.coordinate(read, rec["angle"].values)
        with pytest.raises(InvalidDesign, match="positive"):
            plot.coordinate(read, rec["angle"], period=-1)
        with pytest.raises(HomologueError, match="another variable"):
            plot.coordinate(read, rec["angle"][::-1].values, period=360)
        with pytest.raises(HomologueError, match="shape"):
            plot.coordinate(read, rec["angle"][:9])
