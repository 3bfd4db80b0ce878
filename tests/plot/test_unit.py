"""The unit figure: what it says is what was measured, for a neuron, a unit and a time series."""

import matplotlib as mpl
import numpy as np
import pytest

from homologue import plot, systems
from homologue._errors import UnknownName
from homologue.plot._style import SCHEMES
from homologue.recording import make, variable
from homologue.spikes import Spikes
from homologue.tuning import examples, selectivity, tuning_curve


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_a_neuron():
    rec = systems.get("fly").record()
    figure = plot.unit(rec, "Or22a", "odour_class", rng=0, permutations=99)
    curve_axes, activity, shown = figure.axes
    one = rec.isel(unit=[rec["unit"].values.tolist().index("Or22a")])
    expected = tuning_curve(one, "odour_class", rng=0, permutations=99)
    order = np.argsort(-expected["effect"].values[0])
    names = [label.get_text() for label in curve_axes.get_yticklabels()]
    assert names == expected["odour_class"].values[order].tolist()
    means = curve_axes.lines[0].get_xdata()
    np.testing.assert_allclose(means, expected["effect"].values[0][order])
    assert "Or22a" in figure.get_suptitle()
    best = selectivity(one, "odour_class", rng=0, permutations=99)
    assert f"= {best.effect.item():.2f}" in figure.get_suptitle()
    strongest = rec["stimulus"].attrs["categories"][int(np.argmax(one.values))]
    assert strongest in texts(shown)
    assert [text.get_text() for text in activity.get_legend().get_texts()] == ["the rest", "ester"]


def test_a_unit_of_a_language_model_reads_the_same():
    words = ["one", "two", "dog", "cat"]
    token = np.tile(np.arange(4), 10)
    concept = np.where(token < 2, "number", "animal")
    rng = np.random.default_rng(0)
    activity = (3.0 * (token < 2) + 0.1 * rng.normal(size=40))[:, None]
    rec = make(
        activity,
        unit=["mlp/0"],
        stimulus=np.arange(40) // 4,
        group=token,
        variables={
            "concept": concept,
            "token": variable(token, categories=words),
            "position": token,
        },
    )
    found = examples.collect(rec, rng=0)
    # Four groups are too few to permute; sixteen exemplars are not.
    rec = rec.assign_coords(group=("sample", np.arange(40)))
    figure = plot.unit(rec, "mlp/0", "concept", rng=0, permutations=99, examples=found)
    written = "".join(texts(figure.axes[2]))
    assert "largest" in written
    assert "one" in written or "two" in written
    assert len(figure.axes[2].patches) > 0


def test_pictures_stand_in_rows_and_a_curve_with_gaps_is_seen():
    orientation = np.tile([0.0, 10.0, 20.0, 70.0], 10)
    rng = np.random.default_rng(0)
    rec = make(
        (orientation + rng.normal(size=40))[:, None],
        variables={"orientation": variable(orientation)},
    )
    pictures = list(rng.random((40, 8, 8)))
    figure = plot.unit(rec, 0, "orientation", rng=0, permutations=99, bins=6, pictures=pictures)
    curve, _, shown = figure.axes
    assert len(shown.artists) == 6 + 5 + 2
    assert curve.lines[0].get_marker() == "o"
    assert np.isfinite(curve.lines[0].get_ydata()).all()
    means = [rec.values[orientation == o].mean() for o in (20.0, 70.0)]
    assert curve.lines[0].get_ydata()[-2:] == pytest.approx(means)


def test_all_of_the_largest_are_shown_where_samples_have_no_order():
    rec = systems.get("fly").record()
    figure = plot.unit(rec, "Or22a", "odour_class", rng=0, permutations=99)
    names = np.array(rec["stimulus"].attrs["categories"], dtype=object)
    one = rec.sel(unit="Or22a") if "unit" in rec.indexes else rec[:, list(rec.unit).index("Or22a")]
    assert set(names[np.argsort(-one.values)[:6]]) <= set(texts(figure.axes[2]))


def test_trials_are_a_raster_sorted_by_their_class():
    rng = np.random.default_rng(0)
    events = np.arange(30) * 2.0 + 1
    choice = np.array(["right", "left", "left"] * 10)
    extra = events[choice == "left"] + 0.12
    spikes = Spikes.from_list([np.sort(np.concatenate([rng.uniform(0, 61, 100), extra]))])
    rec = spikes.align(events, window=(-0.5, 0.5)).bin(0.05)
    rec = rec.assign_coords(choice=variable(choice[rec["trial"].values]))
    figure = plot.unit(rec, 0, "choice", rng=0, permutations=99)
    raster = figure.axes[2]
    assert [label.get_text() for label in raster.get_yticklabels()] == ["right", "left"]
    marks = np.asarray(raster.collections[0].get_offsets())
    assert len(marks) == (rec.values > 0).sum()
    row = np.empty(30, dtype=int)
    row[np.argsort(choice == "left", kind="stable")] = np.arange(30)
    lag, trial = rec["lag"].values, rec["trial"].values
    expected = {(lag[i].round(4), row[trial[i]]) for i in np.flatnonzero(rec.values[:, 0] > 0)}
    assert {(x.round(4), int(y)) for x, y in marks} == expected
    alone = plot.unit(rec.drop_vars("time"), 0, "lag", rng=0, permutations=99).axes[2]
    assert alone.get_ylabel() == "trial"


def test_a_time_series_shows_the_course_around_separate_moments():
    rng = np.random.default_rng(0)
    angle = np.cumsum(rng.normal(size=3000)) % (2 * np.pi)
    rate = rng.poisson(20 * np.exp(3 * (np.cos(angle - 1) - 1)))[:, None]
    rec = make(
        rate,
        variables={
            "time": np.arange(3000) * 0.1,
            "angle": variable(angle, period=2 * np.pi, units="radians"),
        },
    )
    figure = plot.unit(rec, 0, "angle", rng=0, permutations=99, theme="dark")
    assert figure.get_facecolor() == mpl.colors.to_rgba(SCHEMES["dark"].ground)
    curve = figure.axes[0].lines[0]
    assert abs(curve.get_xdata()[np.argmax(curve.get_ydata())] - 1) < 0.5
    assert figure.axes[0].get_xlabel() == "angle (radians)"
    assert sum("radians" in text for text in texts(figure.axes[2])) == 13
    assert len(figure.axes[2].lines) == 2 * 13


def test_nothing_outside_the_figure_changes():
    before = dict(mpl.rcParams)
    rec = systems.get("fly").record()
    plot.unit(rec, 3, "odour_class", rng=0, permutations=99)
    assert dict(mpl.rcParams) == before


def test_errors_name_the_nearest():
    rec = systems.get("fly").record()
    with pytest.raises(UnknownName, match="Or22a"):
        plot.unit(rec, "Or22", "odour_class", rng=0)
    with pytest.raises(UnknownName, match="light"):
        plot.unit(rec, 0, "odour_class", rng=0, theme="lite")


def test_a_silent_unit_is_drawn_and_called_constant():
    rng = np.random.default_rng(0)
    rec = make(
        np.stack([np.zeros(60), rng.normal(size=60)], axis=1),
        variables={"side": np.repeat(["left", "right"], 30)},
    )
    figure = plot.unit(rec, 0, "side", rng=0, permutations=99)
    assert "constant" in figure.get_suptitle()
    figure.canvas.draw()
